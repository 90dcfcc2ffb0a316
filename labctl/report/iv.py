"""Report of quasi-static sweeps: the curves, and at which voltages the devices switched."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from labctl.analysis.error_rates import error_rate
from labctl.analysis.forming import DEVICES
from labctl.analysis.iv import LEAST_RATIO, SwitchingVoltages, switching_voltages
from labctl.report.any_run import RunReport
from labctl.report.iv_figures import CURVES_SHOWN, Curve, iv_figure
from labctl.report.page import INTERVAL, Content, FigureBlock, Headline, TableBlock
from labctl.report.switching_figure import CAPTION, SwitchingSample, switching_figure
from labctl.report.text import count, ohms

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = (
    *("Before (ohm)", "After (ohm)", "Complement before (ohm)", "Complement after (ohm)"),
    *("Largest current (A)", "Largest complement current (A)"),
)

KINDS = {"form": "Forming", "set": "SET", "reset": "RESET"}


class IVReport(RunReport):
    """The sweeps that the run has made."""

    @cached_property
    def switching(self) -> dict[str, SwitchingVoltages]:
        """What the sweeps of each kind say."""
        found = {}
        for kind in KINDS:
            volts, amperes = self.stored(f"{kind}_voltage"), self.stored(f"{kind}_current")
            if volts is not None and amperes is not None:
                found[kind] = switching_voltages(
                    kind == "reset", volts[0], amperes, self.reference_ohm
                )
        return found

    @property
    def reference_ohm(self) -> float:
        """Resistance that tells LRS from HRS."""
        return float(self.run.record["parameters"]["reference"])

    def summary(self) -> dict[str, Any]:
        """Voltages in V, resistances in ohm."""
        return {kind: self._kind_summary(kind) for kind in self.switching}

    def _kind_summary(self, kind: str) -> dict[str, Any]:
        found = self.switching[kind]
        fit = found.weibull
        return {
            "sweeps": found.sweeps,
            "switched": found.switched,
            "began_switched": found.began_switched,
            "not_switched": error_rate(found.sweeps - found.switched, found.sweeps).as_dict(),
            "median_v": found.quantile_v(0.5),
            "q16_v": found.quantile_v(0.16),
            "q84_v": found.quantile_v(0.84),
            "weibull_scale_v": None if fit is None else fit.scale_v.as_dict(),
            "weibull_slope": None if fit is None else fit.shape.as_dict(),
            **_resistances(self.run.results(), kind),
        }

    @staticmethod
    def rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
        """How often they switched, and at which voltage."""
        rows = []
        for kind, name in KINDS.items():
            found = summary.get(kind)
            if found is None:
                continue
            rows.append((f"{name} sweeps", _switched_text(found)))
            rows.append((f"{name} voltage", _voltage_text(found)))
            rows.append(
                (
                    f"{name}, median R",
                    f"{ohms(found['before_ohm'])} before, {ohms(found['after_ohm'])} after",
                )
            )
        return rows

    def content(self) -> Content:
        """Headline numbers, curves, distributions."""
        summary = self.summary()
        curves = self._curves()
        figures = []
        if curves:
            figures.append(self._curve_figure(curves))
        samples = [
            SwitchingSample(KINDS[kind], found.volts, found.censored, found.step_v)
            for kind, found in self.switching.items()
        ]
        drawn = [sample for sample in samples if sample.can_be_drawn]
        if drawn:
            figures.append(
                FigureBlock(
                    "Figure 2. Switching voltages",
                    switching_figure(drawn),
                    "Shares of the sweeps that have switched against voltage, on Weibull and "
                    "lognormal paper",
                    CAPTION,
                )
            )
        return Content(
            headlines=[_headline(KINDS[kind], found) for kind, found in summary.items()],
            warnings=[] if curves else ["No device was swept in this run."],
            figures=figures,
            tables=[_table(summary)] if summary else [],
            measurement=[
                (
                    "SET or forming voltage",
                    "where the current has come half way, in decades, from "
                    "that of the way out to that of the way back",
                ),
                ("RESET voltage", "where the current on the way out is largest"),
                (
                    "Counts as switched",
                    f"currents of the two ways differ at least {LEAST_RATIO:g} times in the lowest "
                    "quarter of the voltages",
                ),
                (
                    "Left out",
                    "sweeps in which nothing is seen to switch and the device began beyond "
                    f"{ohms(self.reference_ohm)} already (a SET below, a RESET above)",
                ),
                ("Interval", INTERVAL),
            ],
            notes=[
                "Voltages are those of device and transistor in series. Their intervals take every "
                "sweep for a trial of its own; sweeps of one device are alike, so with several "
                "cycles they are wider."
            ],
        )

    def _curves(self) -> list[Curve]:
        """The sweeps with currents, first ones first, as many as are drawn."""
        curves = []
        swept = self.stored("swept")
        for kind in self.switching:
            volts = self.run.array(f"{kind}_voltage")[0]
            currents = self.run.array(f"{kind}_current")
            for place, amperes in zip(swept if swept is not None else [], currents, strict=False):
                if np.isfinite(amperes).any():
                    row, column, device = (int(n) for n in place[:3])
                    name = f"row {row} column {column} {DEVICES[device]}"
                    curves.append(Curve(-volts if kind == "reset" else volts, amperes, name))
        return curves

    def _curve_figure(self, curves: list[Curve]) -> FigureBlock:
        shown = curves[:: max(-(-len(curves) // CURVES_SHOWN), 1)]
        left_out = "" if len(shown) == len(curves) else f"; {len(shown)} of {len(curves)} are drawn"
        return FigureBlock(
            "Figure 1. Current against voltage",
            iv_figure(shown),
            "Magnitude of the current on a logarithmic axis against the voltage across device and "
            "transistor, there and back",
            f"{count(len(curves), 'sweep')}{left_out}; one colour a device, arrows show the "
            "direction. SET and forming go to the right, RESET to the left.",
        )


def _switched_text(found: dict[str, Any]) -> str:
    text = f"{found['switched']} of {found['sweeps']} switched"
    left_out = found["began_switched"]
    return f"{text}; {left_out} left out" if left_out else text


def _voltage_text(found: dict[str, Any]) -> str:
    if found["median_v"] is None:
        return "fewer than half switched" if found["sweeps"] else "no readings"
    text = f"median {found['median_v']:.2f} V"
    if found["sweeps"] > 2 and None not in (found["q16_v"], found["q84_v"]):
        text += f", 16 % to 84 %: {found['q16_v']:.2f} to {found['q84_v']:.2f} V"
    return text


def _headline(name: str, found: dict[str, Any]) -> Headline:
    median = found["median_v"]
    return Headline(
        f"{name} voltage",
        "not known" if median is None else f"{median:.2f} V",
        ["median", _switched_text(found)],
    )


def _table(summary: dict[str, Any]) -> TableBlock:
    """One column of facts a kind of sweep."""
    rows = []
    for kind, found in summary.items():
        scale, slope = found["weibull_scale_v"], found["weibull_slope"]
        moved = found["complement_moved_decades"]
        rows.append(
            [
                KINDS[kind],
                _switched_text(found),
                _voltage_text(found),
                "none"
                if scale is None
                else f"scale {scale['value']:.3f} V [{scale['low']:.3f}, {scale['high']:.3f}], "
                f"slope {slope['value']:.1f}",
                f"{ohms(found['before_ohm'])} to {ohms(found['after_ohm'])}",
                _microamps(found["largest_current_a"]),
                _microamps(found["largest_complement_current_a"]),
                "not known" if moved is None else f"{moved:.3f} decades",
            ]
        )
    header = ["Sweep", "Switched", "Voltage", "Weibull", "R, median", "Largest |I|"]
    return TableBlock("Sweeps", [*header, "Complement's |I|", "Complement's R moved"], rows)


def _microamps(amperes: float | None) -> str:
    return "not known" if amperes is None else f"{amperes * 1e6:.3g} µA"


def _resistances(rows: pd.DataFrame, kind: str) -> dict[str, float | None]:
    """What the rows of one kind of sweep say, None without a sweep.

    The change of the complements' resistance has their read noise in it.
    """
    if not len(rows):
        rows = rows.reindex(columns=["Sweep", *_COLUMNS])
    rows = rows[rows["Sweep"] == kind]
    before, after, complement_before, complement_after, current, leak = (
        rows[column] for column in _COLUMNS
    )
    moved = np.abs(np.log10(complement_after / complement_before))
    found = {
        "before_ohm": before.median(),
        "after_ohm": after.median(),
        "largest_current_a": current.max(),
        "largest_complement_current_a": leak.max(),
        "complement_moved_decades": moved.median(),
    }
    return {name: float(value) if np.isfinite(value) else None for name, value in found.items()}
