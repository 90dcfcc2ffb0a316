"""Report of a forming run: forming voltage of every device, and which did not form."""

from __future__ import annotations

from dataclasses import asdict
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.forming import FormingResult, analyse_forming
from labctl.report import drawing
from labctl.report.any_run import RunReport
from labctl.report.page import INTERVAL, Content, FigureBlock, Headline, rate_headline
from labctl.report.text import count, device_names


class FormingReport(RunReport):
    """Forming voltages of the rows that the run reached."""

    @cached_property
    def voltages(self) -> NDArray[np.float64]:
        """Forming voltages (rows reached, columns, 2), V; NaN = not formed in this run."""
        stored = self.stored("forming_voltage")
        return np.zeros((0, 0, 2)) if stored is None else stored.astype(float)

    @cached_property
    def result(self) -> FormingResult:
        """The analysis; no device where no row was reached."""
        return analyse_forming(self.voltages, self.unformed_marks())

    def summary(self) -> dict[str, Any]:
        """Counts of devices, voltages in V."""
        result = self.result
        return {
            "devices": result.devices,
            "formed_here": result.formed_here,
            "formed_before": result.formed_before,
            "unformed": [asdict(device) for device in result.unformed],
            "not_formed": result.not_formed.as_dict(),
            "yield": result.forming_yield,
            "forming_voltage": {
                "median_v": result.median_v,
                "q16_v": result.q16_v,
                "q84_v": result.q84_v,
                "lowest_v": result.lowest_v,
                "highest_v": result.highest_v,
            },
        }

    @staticmethod
    def rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
        """How many formed, and at which voltage."""
        volts = summary["forming_voltage"]
        rows = [
            ("Formed in this run", f"{summary['formed_here']} of {summary['devices']}"),
            ("Formed before", str(summary["formed_before"])),
            ("Unformed devices", device_names(summary["unformed"])),
        ]
        if volts["median_v"] is not None:
            span = f"{volts['lowest_v']:.2f} to {volts['highest_v']:.2f} V"
            rows.append(("Forming voltage", f"median {volts['median_v']:.2f} V, {span}"))
        return rows

    def content(self) -> Content:
        """Headline numbers, one figure, what did not form."""
        unformed = device_names(self.summary()["unformed"])
        warnings, notes = [], []
        if self.voltages.size == 0:
            warnings.append("No row of the array was formed in this run.")
        if self.result.unformed:
            warnings.append(f"Still unformed: {unformed}.")
            notes.append(
                "Devices that did not form are in no median: the true distribution reaches higher."
            )
        return Content(
            headlines=_headlines(self.result),
            warnings=warnings,
            figures=[] if self.result.median_v is None else [self._figure()],
            measurement=[("Interval", INTERVAL), ("Unformed devices", unformed)],
            notes=notes,
        )

    def _figure(self) -> FigureBlock:
        return FigureBlock(
            "Figure 1. Forming voltages",
            _figure(self.result, self.voltages),
            "Histogram of the forming voltages of BL and BLb, and their maps over the array",
            "Left: devices by forming voltage; the line is the median. Right: where they are. "
            "A cross marks a device that did not form in this run.",
        )


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


def _figure(result: FormingResult, voltages: NDArray[np.float64]) -> bytes:
    """Histogram of the forming voltages and a map for BL and for BLb; V, (rows, columns, 2)."""
    figure = drawing.canvas(10.6, 3.4)
    panels = [figure.add_axes((0.06, 0.15, 0.25, 0.77))]
    panels += [figure.add_axes((left, 0.15, 0.242, 0.77)) for left in (0.37, 0.66)]
    bar_axes = figure.add_axes((0.92, 0.15, 0.012, 0.77))
    formed = voltages[np.isfinite(voltages)]
    edges = np.histogram_bin_edges(formed, bins="fd")
    for index, (name, colour) in enumerate((("BL", drawing.BLUE), ("BLb", drawing.ORANGE))):
        one = voltages[..., index]
        panels[0].hist(
            one[np.isfinite(one)],
            edges.tolist(),
            histtype="step",
            color=colour,
            linewidth=1.6,
            label=name,
        )
        image = drawing.array_map(
            panels[index + 1],
            one,
            np.isnan(one),
            vmin=float(formed.min()),
            vmax=float(formed.max()),
            cmap="cividis",
        )
        panels[index + 1].set_title(f"{name} devices", fontsize=10)
    if result.median_v is not None:
        panels[0].axvline(result.median_v, color=drawing.BLACK, linewidth=1.2)
    panels[0].set_xlabel("Forming voltage (V)")
    panels[0].set_ylabel("Devices")
    panels[0].legend(frameon=False, fontsize=9)
    drawing.style(panels[0])
    bar = figure.colorbar(image, cax=bar_axes)
    bar.set_label("Forming voltage (V)")
    return drawing.png(figure)
