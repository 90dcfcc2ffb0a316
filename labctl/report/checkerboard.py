"""Report of a checkerboard run: the first experiment of the paper (section 3.1, Fig. 4a-d)."""

from __future__ import annotations

from dataclasses import asdict
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.bootstrap import ClusteredRate, cluster_rate
from labctl.analysis.checkerboard import CheckerboardResult, analyse_checkerboard
from labctl.analysis.error_rates import ErrorRate
from labctl.analysis.forming import unformed_devices
from labctl.analysis.references import ReferenceErrors
from labctl.report.any_run import RunReport
from labctl.report.checkerboard_figures import checkerboard_figures
from labctl.report.page import (
    INTERVAL,
    Content,
    Headline,
    TableBlock,
    rate_headline,
    share_headline,
)
from labctl.report.spread import spread_table
from labctl.report.text import cell_names, device_names, ohms, percent, scientific

RATES = ("ber_1t1r", "ber_1t1r_fixed", "ber_2t2r")
NOT_MEASURED = (
    "currents and energy of the programming pulses, sense time of the PCSA, retention, read "
    "disturb, endurance; temperature is not controlled"
)


class Programmings(NamedTuple):
    """What was programmed, measured (ohm) and sensed; (n, rows, columns), resistance (..., 2)."""

    pattern: NDArray[np.uint8]
    resistance: NDArray[np.float64]
    sensed: NDArray[np.uint8]


class CheckerboardReport(RunReport):
    """Bit error rates, resistance distributions, PCSA against ratio."""

    @cached_property
    def arrays(self) -> Programmings:
        """The programmings that are complete; 0 of them where there is none."""
        pattern, resistance, sensed = map(self.stored, ("pattern", "resistance", "sensed"))
        if pattern is None or resistance is None or sensed is None:
            # The shape of what was reached of the array.
            shape = self.unformed_marks().shape[:2]
            pattern = sensed = np.zeros((0, *shape), dtype=np.uint8)
            resistance = np.zeros((0, *shape, 2))
        # A run that was stopped may have measured its last programming but not sensed it.
        complete = min(len(pattern), len(resistance), len(sensed))
        return Programmings(pattern[:complete], resistance[:complete], sensed[:complete])

    @cached_property
    def result(self) -> CheckerboardResult:
        """Analysis of the programmings."""
        arrays = self.arrays
        return analyse_checkerboard(
            arrays.pattern,
            arrays.resistance,
            arrays.sensed,
            self._unformed(arrays.pattern.shape[1:]),
            float(self.run.record["parameters"]["reference"]),
        )

    @cached_property
    def over_cells(self) -> ClusteredRate | None:
        """The 2T2R error rate with an interval over cells: errors cluster in weak ones."""
        cells = self.result.cells
        if not cells.reads.any():
            return None
        generator = np.random.default_rng(0)
        return cluster_rate(cells.errors.ravel(), cells.reads.ravel(), generator)

    def summary(self) -> dict[str, Any]:
        """Rates as objects of errors, trials, value, low, high; resistances in ohm."""
        result = self.result
        dead = result.dead_cells
        return {
            "programmings": result.programmings,
            "ber_1t1r": result.best.rate.as_dict(),
            "ber_1t1r_fixed": result.fixed.rate.as_dict(),
            "ber_2t2r": result.ber_2t2r.as_dict(),
            "ber_2t2r_over_cells": None
            if self.over_cells is None
            else {
                **self.over_cells.rate.as_dict(),
                "design_effect": self.over_cells.design_effect,
            },
            "best_reference_ohm": result.best.reference_ohm,
            "fixed_reference_ohm": result.fixed.reference_ohm,
            "dead_cells": None if dead is None else [list(cell) for cell in dead],
            "unformed": self._unformed_names(),
            "median_ohm": {
                state: {device: result.median_ohm(state, device) for device in ("BL", "BLb")}
                for state in ("LRS", "HRS")
            },
            "window": None if result.window is None else asdict(result.window),
            "sense_amplifier": {
                "wrong_bits_below_ratio_5": result.sense.wrong_below_limit.as_dict(),
                "error_rate_below_ratio_5": result.sense.rate_below_limit.as_dict(),
                "error_rate_above_ratio_5": result.sense.rate_above_limit.as_dict(),
                "ideal": result.sense.ideal.as_dict(),
            },
            "wrong_bits": {
                "zeros_read_wrong": result.zeros_read_wrong,
                "ones_read_wrong": result.ones_read_wrong,
                "undecided": result.undecided,
            },
            "cells": {
                "usable": result.cells.cells,
                "without_error": result.cells.without_error,
                "at_least_5_percent": result.cells.at_least_5_percent,
                "worst_rate": result.cells.worst_rate,
                "share_of_worst_percent": result.cells.share_of_worst_percent,
            },
            "excluded": {
                "resistance_readings": result.best.excluded,
                "bits_not_read": result.not_read,
            },
        }

    @staticmethod
    def rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
        """Rates first, then medians, the sense amplifiers, what is left out."""
        rates = {name: str(ErrorRate(**summary[name])) for name in RATES}
        sense = summary["sense_amplifier"]
        wrong_below = ErrorRate(**sense["wrong_bits_below_ratio_5"])
        medians = {
            state: f"BL {ohms(ohm['BL'])}, BLb {ohms(ohm['BLb'])}"
            for state, ohm in summary["median_ohm"].items()
        }
        best, fixed = ohms(summary["best_reference_ohm"]), ohms(summary["fixed_reference_ohm"])
        return [
            ("Measured programmings", str(summary["programmings"])),
            ("2T2R bit error rate", rates["ber_2t2r"]),
            ("1T1R, best reference", f"{rates['ber_1t1r']}, at {best}"),
            ("1T1R, fixed reference", f"{rates['ber_1t1r_fixed']}, at {fixed}"),
            ("LRS median", medians["LRS"]),
            ("HRS median", medians["HRS"]),
            (
                "Wrong bits at ratio < 5",
                f"{percent(wrong_below.value)} ({wrong_below.errors} of {wrong_below.trials})",
            ),
            ("PCSA errors at ratio > 5", str(ErrorRate(**sense["error_rate_above_ratio_5"]))),
            ("Dead cells", cell_names(summary["dead_cells"])),
            ("Unformed devices", device_names(summary["unformed"])),
        ]

    def content(self) -> Content:
        """Six headline numbers, four figures, what counts as what; only warnings without data."""
        result = self.result
        if not result.readings and not result.cells.cells:
            nothing = "No usable bit was programmed and measured in this run."
            return Content(warnings=[nothing, *self._warnings()])
        return Content(
            headlines=_headlines(result),
            warnings=self._warnings(),
            figures=checkerboard_figures(result),
            tables=self._spread(),
            measurement=[*_measurement(result), *self._clustered()],
            notes=self._notes(),
        )

    def _spread(self) -> list[TableBlock]:
        """What the resistances spread by, where there are readings enough."""
        result, arrays = self.result, self.arrays
        table = spread_table(
            arrays.pattern,
            arrays.resistance,
            ~result.masked,
            result.best.rate,
            result.sense.ideal,
        )
        return [] if table is None else [table]

    def _clustered(self) -> list[tuple[str, str]]:
        """What the same errors say of other cells of this kind."""
        found = self.over_cells
        if found is None or not found.errors:
            return []
        return [
            (
                "2T2R, interval over cells",
                f"{scientific(found.rate.low)} to {scientific(found.rate.high)} (95 %, bootstrap "
                f"over {found.cells} cells); clustering widens the variance "
                f"{found.design_effect:.3g} times",
            )
        ]

    @property
    def _order(self) -> str:
        return str(self.run.record["parameters"].get("order", "alternate"))

    def _unformed(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """Devices found unformed (rows, columns, 2); rows the run did not check count as formed."""
        marks = np.zeros((*shape, 2), dtype=bool)
        checked = self.unformed_marks()
        if len(checked):
            marks[: len(checked)] = checked
        return marks

    def _unformed_names(self) -> list[dict[str, Any]]:
        """Row, column and device of those unformed or unreadable; retired bits were not asked."""
        rows = self.stored("unformed")
        return [] if rows is None else [asdict(device) for device in unformed_devices(rows == 1)]

    def _warnings(self) -> list[str]:
        result, warnings = self.result, []
        if self._order == "blocks":
            warnings.append(
                "Order blocks: the same pattern was programmed again and again, which switches "
                "hardly any device. The trials are dependent and the intervals too narrow."
            )
        unformed = self._unformed_names()
        if unformed:
            warnings.append(
                f"Unformed: {device_names(unformed)}. The bits of these devices are masked and "
                "left out of all trials, maps and dead cells."
            )
        if result.dead_cells:
            names = cell_names([list(cell) for cell in result.dead_cells])
            warnings.append(f"Dead cells (wrong in every programming of a pattern): {names}.")
        return warnings

    def _notes(self) -> list[str]:
        notes = [
            "The best reference is chosen on the same readings it is judged by, so its error rate "
            "is slightly optimistic; the fixed reference was chosen before the run.",
            "The intervals treat every programming as an independent trial. Errors cluster in weak "
            f"cells{_clustering(self.result)}, so a statement about other dies is less certain "
            "than the intervals say.",
            "The sense amplifier decides after the SMU has read the devices: read noise between "
            "the two, and the access transistor in the SMU's path, shift single ratios.",
        ]
        if self._order == "alternate":
            notes.append(
                "The complementary patterns alternate, so every programming switches every device. "
                "The first programming of the run is measured nowhere and in no count."
            )
        if self.run.record["simulated"]:
            notes.append(
                "This is a simulated chip on simulated instruments: it tests the method, and says "
                "nothing about a real die."
            )
        return notes


def _headlines(result: CheckerboardResult) -> list[Headline]:
    rate, sense, dead = "1T1R bit error rate", result.sense, result.dead_cells
    return [
        rate_headline("2T2R bit error rate", result.ber_2t2r),
        rate_headline(
            f"{rate}, best reference {ohms(result.best.reference_ohm)}", result.best.rate
        ),
        rate_headline(
            f"{rate}, fixed reference {ohms(result.fixed.reference_ohm)}", result.fixed.rate
        ),
        share_headline("Wrong bits at a ratio below 5", sense.wrong_below_limit, "wrong bit"),
        rate_headline("PCSA error rate above ratio 5", sense.rate_above_limit),
        Headline("Dead cells", "no statement", ["fewer than 10 programmings a pattern"])
        if dead is None
        else Headline(
            "Dead cells", str(len(dead)), ["wrong in every programming of", "at least one pattern"]
        ),
    ]


def _measurement(result: CheckerboardResult) -> list[tuple[str, str]]:
    """What was counted, and what counts as what."""
    return [
        ("Measured programmings", _programmings(result)),
        ("Coding", "bit 0: BL in LRS, BLb in HRS; bit 1: BL in HRS, BLb in LRS"),
        ("1T1R trial", "one device programming; LRS below the reference, HRS at or above it"),
        ("1T1R errors, best reference", _kinds(result.best)),
        ("1T1R errors, fixed reference", _kinds(result.fixed)),
        ("Resistance readings without a value", f"{result.best.excluded}, in no count"),
        ("2T2R trial", "one bit programming, sensed once by the PCSA"),
        (
            "2T2R errors",
            f"{result.zeros_read_wrong} where 0 was programmed, {result.ones_read_wrong} where 1 "
            f"was programmed; {_undecided(result)}",
        ),
        ("Bits not read", f"{result.not_read}, in no count"),
        ("Interval", INTERVAL),
        ("Dead cell", "wrong in every programming of a pattern, from 10 programmings on"),
        ("Not measured", NOT_MEASURED),
    ]


def _undecided(result: CheckerboardResult) -> str:
    if result.undecided is None:
        return "QB is not read: an undecided output (Q = QB) counts as what Q says"
    return f"{result.undecided} of them undecided (Q = QB)"


def _programmings(result: CheckerboardResult) -> str:
    each = ", ".join(
        f"{one.programmings} with cell (0, 0) = {one.pattern[0, 0]}" for one in result.maps
    )
    return f"{result.programmings} of the whole array ({each})" if each else "none"


def _kinds(errors: ReferenceErrors) -> str:
    return (
        f"{errors.lrs_errors} LRS read as HRS, {errors.hrs_errors} HRS read as LRS, "
        f"at {ohms(errors.reference_ohm)}"
    )


def _clustering(result: CheckerboardResult) -> str:
    share = result.cells.share_of_worst_percent
    return "" if share is None else f": the worst 1 % of the cells make {percent(share)} of them"
