"""Report of a forming run: forming voltage of every device, and which did not form."""

from __future__ import annotations

from dataclasses import asdict
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.forming import FormingArrays, FormingResult, analyse_forming
from labctl.analysis.weibull import SwitchingFit, goodness_of_fit, voltage_for_share
from labctl.report.any_run import RunReport
from labctl.report.forming_figures import forming_figure
from labctl.report.page import INTERVAL, Content, FigureBlock, Headline, TableBlock, rate_headline
from labctl.report.switching_figure import CAPTION, SwitchingSample, switching_figure
from labctl.report.text import count, device_names

_BOOTSTRAPS = 49
"""Samples behind a p-value: enough to tell a fit that does not hold, in a second or two."""

ALL_FORMED = (
    "Every device asked for was formed already: nothing was pulsed. Forming is for once in a "
    "device's life; --formed again does it all the same."
)


class FormingReport(RunReport):
    """Forming voltages of the rows that the run reached."""

    @cached_property
    def arrays(self) -> FormingArrays:
        """What is stored, placed by row: (highest row + 1, columns, 2)."""
        return FormingArrays(
            voltage=self._placed("forming_voltage", np.nan),
            unformed=self._placed("unformed", 0) == 1,
            formed_before=self._placed("formed_before", 0).astype(bool),
            highest_v=self._placed("highest_voltage", np.nan),
            pulses=self._placed("forming_pulses", 0).astype(np.uint32),
        )

    def _placed(self, name: str, elsewhere: float) -> NDArray[np.float64]:
        rows, records = self.stored("row"), self.stored(name)
        if rows is None or records is None:
            return np.zeros((0, 0, 2))
        placed = np.full((int(rows.max()) + 1, *records.shape[1:]), elsewhere)
        placed[rows] = records
        return placed

    @property
    def step_v(self) -> float:
        """Distance of a ladder's tops, V; 0 for a ramp."""
        parameters = self.run.record["parameters"]
        return float(parameters["ladder_step"]) if parameters.get("mode") == "ladder" else 0.0

    @cached_property
    def result(self) -> FormingResult:
        """The analysis; no device where no row was reached."""
        return analyse_forming(self.arrays, self.step_v)

    def summary(self) -> dict[str, Any]:
        """Counts of devices, voltages in V."""
        result = self.result
        return {
            "devices": result.devices,
            "formed_here": result.formed_here,
            "formed_before": result.formed_before,
            "formed_again": result.formed_again,
            "unformed": [asdict(device) for device in result.unformed],
            "not_formed": result.not_formed.as_dict(),
            "yield": result.forming_yield,
            "forming_pulses": result.pulses,
            "forming_voltage": {
                "median_v": result.median_v,
                "q16_v": result.q16_v,
                "q84_v": result.q84_v,
                "lowest_v": result.lowest_v,
                "highest_v": result.highest_v,
            },
            "weibull": _fit_summary(result.weibull),
            "lognormal": _fit_summary(result.lognormal),
        }

    @staticmethod
    def rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
        """How many formed, and at which voltage."""
        volts = summary["forming_voltage"]
        rows = [
            ("Formed in this run", f"{summary['formed_here']} of {summary['devices']}"),
            ("Formed before, no pulse", str(summary["formed_before"])),
            ("Unformed devices", device_names(summary["unformed"])),
        ]
        if summary["formed_again"]:
            rows.append(("Formed AGAIN", str(summary["formed_again"])))
        if volts["median_v"] is not None:
            span = f"{volts['lowest_v']:.2f} to {volts['highest_v']:.2f} V"
            rows.append(("Forming voltage", f"median {volts['median_v']:.2f} V, {span}"))
            rows.append(("Forming pulses", _pulses_text(summary)))
        return rows

    def content(self) -> Content:
        """Headline numbers, figures, fits, what did not form."""
        result, unformed = self.result, device_names(self.summary()["unformed"])
        warnings, notes = [], []
        if not result.devices:
            warnings.append("No row of the array was formed in this run.")
        elif result.formed_before == result.devices:
            warnings.append(ALL_FORMED)
        if result.unformed:
            warnings.append(f"Still unformed: {unformed}.")
        if result.not_formed.errors:
            notes.append(
                "Devices that did not form are in no median, but in both fits and in the shares of "
                "figure 2: right-censored at the highest voltage that they got."
            )
        if self.step_v:
            notes.append(
                "A device that formed at a ladder's top had not at the one before: the fits know "
                f"it to within {self.step_v:g} V."
            )
        return Content(
            headlines=_headlines(result),
            warnings=warnings,
            figures=[] if result.median_v is None else self._figures(),
            tables=[self._fit_table()] if result.weibull and result.lognormal else [],
            measurement=[("Interval", INTERVAL), ("Unformed devices", unformed)],
            notes=notes,
        )

    def _figures(self) -> list[FigureBlock]:
        """Where and at which voltage they formed; their distribution, if there is one."""
        figures = [
            FigureBlock(
                "Figure 1. Forming voltages",
                forming_figure(self.arrays, self.step_v),
                "Histogram of the forming voltages of BL and BLb, and their maps over the array",
                "Left: devices by forming voltage; the line is the median. Right: where they are. "
                "A cross marks a device that is unformed or unreadable; blank ones were formed "
                "before, or not asked for.",
            )
        ]
        volts, censored = self.arrays.switching_data()
        sample = SwitchingSample("Devices", volts, censored, self.step_v)
        if sample.can_be_drawn:
            figures.append(
                FigureBlock(
                    "Figure 2. Distribution of the forming voltages",
                    switching_figure([sample]),
                    "Shares of the devices formed against voltage, on Weibull and lognormal paper",
                    CAPTION,
                )
            )
        return figures

    def _fit_table(self) -> TableBlock:
        """Both fits, the better one marked; how good they are, where tops do not hide it."""
        result, rows = self.result, []
        for fit, scale, shape in (
            (result.weibull, "63.2 % formed by", "slope"),
            (result.lognormal, "median", "s.d. of ln V"),
        ):
            if fit is None:
                continue
            rows.append(
                [
                    f"{fit.distribution}{' (better)' if fit is result.better_fit else ''}",
                    f"{scale} {fit.scale_v} V",
                    f"{shape} {fit.shape}",
                    f"{fit.switched} formed, {fit.censored} censored",
                    self._nearly_all(fit),
                    f"{fit.log_likelihood:.1f}",
                    self._goodness_text(fit),
                ]
            )
        header = ["Fit", "Scale", "Shape", "Devices", "99.9 % formed by", "Log likelihood"]
        return TableBlock(
            "Fits, with 95 % intervals", [*header, "Goodness of fit (Anderson-Darling)"], rows
        )

    def _nearly_all(self, fit: SwitchingFit) -> str:
        """Voltage by which 99.9 % form, with its interval: only as good as the fit's tail."""
        volts, censored = self.arrays.switching_data()
        found = voltage_for_share(volts, censored, fit, 0.999, self.step_v)
        return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}] V"

    def _goodness_text(self, fit: SwitchingFit) -> str:
        if self.step_v:
            return "not told: the steps of the ladder hide it"
        volts, censored = self.arrays.switching_data()
        found = goodness_of_fit(volts, censored, fit, np.random.default_rng(0), _BOOTSTRAPS)
        least = 1 / (found.samples + 1)
        sign = "<" if found.p_value <= least else "="
        return f"{found.anderson_darling:.1f}, p {sign} {found.p_value:.2f}"


def _pulses_text(summary: dict[str, Any]) -> str:
    tried = summary["not_formed"]["trials"] + summary["formed_again"]
    return f"{summary['forming_pulses']}, {summary['forming_pulses'] / tried:.1f} a device"


def _fit_summary(fit: SwitchingFit | None) -> dict[str, Any] | None:
    if fit is None:
        return None
    return {
        "scale_v": fit.scale_v.as_dict(),
        "shape": fit.shape.as_dict(),
        "switched": fit.switched,
        "censored": fit.censored,
        "log_likelihood": fit.log_likelihood,
    }


def _headlines(result: FormingResult) -> list[Headline]:
    quantiles = []
    if result.q16_v is not None and result.q84_v is not None:
        quantiles = [f"16 % to 84 %: {result.q16_v:.2f} to {result.q84_v:.2f} V"]
    return [
        Headline(
            "Formed in this run",
            str(result.formed_here),
            [f"of {count(result.devices, 'device')}", f"{result.formed_before} formed before"],
        ),
        Headline(
            "Median forming voltage",
            "none" if result.median_v is None else f"{result.median_v:.2f} V",
            [count(result.formed_here, "device"), *quantiles],
        ),
        rate_headline("Not formed", result.not_formed, "device"),
    ]
