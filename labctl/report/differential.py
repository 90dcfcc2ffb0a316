"""Report of a differential run: 2T2R against 1T1R bit error rates (paper, Fig. 8a)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.differential import (
    DifferentialPoint,
    array_point,
    pair_programmings,
    point,
)
from labctl.analysis.ecc import (
    SEC_CODES,
    SECDED_CODES,
    CodeResult,
    device_error_maps,
    has_words,
    run_codes,
)
from labctl.analysis.endurance import StoredReadings, stored_counts
from labctl.analysis.error_rates import ErrorRate
from labctl.report.any_run import RunReport
from labctl.report.differential_figures import differential_block
from labctl.report.ecc_figure import CAPTION, ecc_figure
from labctl.report.page import INTERVAL, Content, FigureBlock, Headline, TableBlock
from labctl.report.text import cell_names, ohms, scientific, with_prefix

ALL_CODES = (*SEC_CODES, *SECDED_CODES)


@dataclass(frozen=True, eq=False)
class ArrayData:
    """Programmings of the whole array at one compliance: (n, rows, columns), ohm (..., 2)."""

    pattern: NDArray[np.uint8]
    sensed: NDArray[np.uint8]
    resistance: NDArray[np.float64]


class DifferentialReport(RunReport):
    """Points of the whole array and of single pairs."""

    @cached_property
    def points(self) -> list[DifferentialPoint]:
        """All complete points: the array's, then the pairs', in the order of the run."""
        return self._array_points() + self._pair_points()

    def summary(self) -> dict[str, Any]:
        """Points: compliance (A), rates, gain (decades)."""
        return {
            "reference_ohm": self._reference,
            "points": [_point_dict(one) for one in self.points],
            "codes": [_code_dict(one) for one in self.codes()],
            "left_out": self._left_out(),
        }

    @staticmethod
    def rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
        """A line a point."""
        rows = []
        for one in summary["points"]:
            what = "array" if one["place"] is None else cell_names([one["place"]])
            gain = one["gain"]["decades"]
            rows.append(
                (
                    f"{with_prefix(one['set_compliance_a'], 'A')}, {what}",
                    f"1T1R {ErrorRate(**one['ber_1t1r'])}; 2T2R {ErrorRate(**one['ber_2t2r'])}; "
                    + ("" if gain is None else f"gain {gain:.2f} decades"),
                )
            )
        if summary["left_out"]:
            rows.append(("Pairs left out", cell_names(summary["left_out"])))
        return rows

    def content(self) -> Content:
        """The figure and a table of the points."""
        if not self.points:
            return Content(warnings=["No point of this run was measured to its end."])
        not_read = sum(one.not_read for one in self.points)
        return Content(
            headlines=self._headlines(),
            warnings=[f"{not_read} bits without a valid level at Q: in no count."]
            if not_read
            else [],
            figures=[differential_block(self.points), *self._code_figures()],
            tables=[_table(self.points)],
            measurement=[("Interval", INTERVAL), ("Left out", cell_names(self._left_out()))],
            notes=[
                "Trials are programmings; errors of one cell, and of neighbouring cycles, depend "
                "on each other, and the intervals take them as independent.",
                "The best reference is chosen on the readings that it is judged by: slightly "
                "optimistic for 1T1R. Censored resistances count where the censoring decides.",
                "A pair ages while it is cycled: its rates are means over its cycles.",
            ],
        )

    # --- what is stored ------------------------------------------------------------------------

    @property
    def _reference(self) -> float:
        return float(self.run.record["parameters"]["reference"])

    def _array_points(self) -> list[DifferentialPoint]:
        found = [
            array_point(
                amperes,
                arrays.pattern,
                arrays.sensed,
                arrays.resistance,
                self._usable(arrays.pattern.shape[1:]),
                self._reference,
            )
            for amperes, arrays in self._arrays.items()
        ]
        return [one for one in found if one is not None]

    @cached_property
    def _arrays(self) -> dict[float, ArrayData]:
        """What was stored of the whole array, by SET compliance (A)."""
        names = ("array_compliance", "array_pattern", "array_sensed", "array_resistance")
        compliance, pattern, sensed, resistance = map(self.stored, names)
        if compliance is None or pattern is None or sensed is None or resistance is None:
            return {}
        return {
            amperes: ArrayData(
                pattern[compliance == amperes],
                sensed[compliance == amperes],
                resistance[compliance == amperes],
            )
            for amperes in dict.fromkeys(compliance.tolist())
        }

    def _usable(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """Bits (rows, columns) of the rows that were checked and found formed."""
        usable = np.zeros(shape, dtype=bool)
        checked = self.unformed_marks()
        usable[: len(checked)] = ~checked.any(axis=-1)
        return usable

    def codes(self) -> list[CodeResult]:
        """Codes run on the measured 1T1R errors of each array point, best reference.

        The encoded data are random with a fixed seed: they decide nothing but which bits they are.
        """
        results: list[CodeResult] = []
        for one in self.points:
            arrays = self._arrays.get(one.set_compliance_a)
            if one.place is not None or arrays is None or one.best.reference_ohm is None:
                continue
            used = self._usable(arrays.pattern.shape[1:])
            rows = used.any(axis=1)
            wrong, unread = device_error_maps(
                arrays.pattern[:, rows],
                np.where(used[rows][..., np.newaxis], arrays.resistance[:, rows], np.nan),
                one.best.reference_ohm,
            )
            fitting = [code for code in ALL_CODES if has_words(unread, code)]
            results += run_codes(fitting, wrong, np.random.default_rng(0), unread=unread)
        return results

    def _code_figures(self) -> list[FigureBlock]:
        """Fig. 8b-c; nothing without array points: a single pair has no code words."""
        results = self.codes()
        if not results:
            return []
        return [
            FigureBlock(
                "Error-correcting codes on the measured errors (paper, Fig. 8b-c)",
                ecc_figure(results),
                "Two plots of residual against 1T1R bit error rate, for SEC and SECDED codes",
                CAPTION,
            )
        ]

    def _pair_points(self) -> list[DifferentialPoint]:
        places, compliance = self.stored("pairs"), self.stored("pair_compliance")
        counts, readings = self.stored("window_counts"), self._readings()
        if places is None or compliance is None or counts is None or readings is None:
            return []
        parts = stored_counts(counts)
        found = []
        for (pair, row, column), amperes in zip(places.tolist(), compliance.tolist(), strict=True):
            own = [one for one in parts if one.pair == pair]
            found.append(
                point(
                    amperes,
                    (row, column),
                    errors=sum(one.zero_as_one + one.one_as_zero for one in own),
                    trials=sum(one.sensed for one in own),
                    not_read=sum(one.not_read for one in own),
                    programmed=pair_programmings(readings, pair),
                    fixed_ohm=self._reference,
                )
            )
        return [one for one in found if one is not None]

    def _readings(self) -> StoredReadings | None:
        names = ("resistance", "censored", "resistance_of", "resistance_range")
        resistance, censored, of, bounds = map(self.stored, names)
        if resistance is None or censored is None or of is None or bounds is None:
            return None
        return StoredReadings(resistance, censored, of, bounds)

    def _left_out(self) -> list[list[int]]:
        """Row and column of pairs with an unusable device."""
        places, unusable = self.stored("pairs"), self.stored("pair_unusable")
        if places is None or unusable is None:
            return []
        left_out: list[list[int]] = places[unusable.any(axis=1)][:, 1:].tolist()
        return left_out

    # --- what is said --------------------------------------------------------------------------

    def _headlines(self) -> list[Headline]:
        """The gain of the points with the most and the fewest 1T1R errors, both rates measured."""
        measured = [one for one in self.points if one.gain.decades is not None]
        measured.sort(key=lambda one: -(one.best.rate.value or 0.0))
        return [_gain_headline(one) for one in dict.fromkeys(measured[:1] + measured[-1:])]


def _gain_headline(one: DifferentialPoint) -> Headline:
    gain, single, pair = one.gain, one.best.rate.value or 0.0, one.ber_2t2r.value or 0.0
    low, high = ("open" if end is None else f"{end:.2f}" for end in (gain.low, gain.high))
    return Headline(
        f"Gain at {with_prefix(one.set_compliance_a, 'A')}",
        f"{gain.decades:.2f} decades",
        [
            f"1T1R {scientific(single, 2)}, 2T2R {scientific(pair, 2)}",
            f"95 % of both: {low} to {high}",
        ],
    )


def _point_dict(one: DifferentialPoint) -> dict[str, Any]:
    return {
        "set_compliance_a": one.set_compliance_a,
        "place": None if one.place is None else list(one.place),
        "ber_1t1r": one.best.rate.as_dict(),
        "best_reference_ohm": one.best.reference_ohm,
        "ber_1t1r_fixed": one.fixed.rate.as_dict(),
        "ber_2t2r": one.ber_2t2r.as_dict(),
        "not_read": one.not_read,
        "ideal": one.ideal.rate.as_dict(),
        "ideal_undecided": one.ideal.undecided,
        "ideal_expected": one.ideal_expected,
        "gain": asdict(one.gain),
        "lrs": asdict(one.lrs),
        "hrs": asdict(one.hrs),
    }


def _code_dict(one: CodeResult) -> dict[str, Any]:
    return {
        "code": one.code.name,
        "redundancy": one.code.redundancy,
        "words": one.words,
        "raw": one.raw.rate.as_dict(),
        "residual": one.residual.rate.as_dict(),
        "predicted": one.predicted,
    }


def _table(points: list[DifferentialPoint]) -> TableBlock:
    return TableBlock(
        "Points",
        [
            "SET compliance",
            "Where",
            "1T1R, best reference",
            "1T1R, fixed",
            "2T2R",
            "Gain (decades)",
            "Ideal amplifier",
            "Ideal, expected",
            "LRS",
            "HRS",
        ],
        [
            [
                with_prefix(one.set_compliance_a, "A"),
                "array" if one.place is None else cell_names([list(one.place)]),
                str(one.best.rate),
                str(one.fixed.rate),
                str(one.ber_2t2r),
                "not known" if one.gain.decades is None else f"{one.gain.decades:.2f}",
                str(one.ideal.rate),
                "not known" if one.ideal_expected is None else scientific(one.ideal_expected, 2),
                ohms(one.lrs.median_ohm),
                ohms(one.hrs.median_ohm),
            ]
            for one in points
        ],
    )
