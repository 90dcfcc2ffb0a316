"""Errors of the sense amplifiers against the ratio of the two resistances (paper, Fig. 4d)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QWidget

from gui.models.sense import SensePicture
from gui.plots.axes import AxisText, Numbers
from gui.plots.data import nothing
from gui.plots.legend import Entry
from gui.plots.rates import set_rates
from gui.plots.run_looks import HRS, part_look, quiet_look
from gui.views.plot_view import Drawn, PlotView
from labctl.analysis.sense_amplifier import LIMIT_RATIO, RatioBin
from labctl.report.text import rate_text

RATIO = AxisText("Ratio, programmed HRS / programmed LRS", "", Numbers.PLAIN, log=True)


class SenseView(PlotView[SensePicture]):
    """Error rate above, wrong bits of the run in front below."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("sense", parent)
        rate = AxisText("PCSA error rate", "", Numbers.POWER, log=True)
        self.rates = self.figure.panel(0, 0, RATIO, rate, columns=2)
        self.wrong = self.figure.panel(1, 0, RATIO, AxisText("Wrong bits"), columns=2)
        self.wrong.share_x(self.rates)
        self.figure.graphics.ci.layout.setRowStretchFactor(1, 3)
        self.figure.graphics.ci.layout.setRowStretchFactor(2, 1)
        for panel in (self.rates, self.wrong):
            panel.guide(LIMIT_RATIO, upright=True)

    def draw(self, run: Drawn[SensePicture]) -> None:
        """Rates with intervals; for the run in front the ideal amplifier and the counts."""
        bins = run.picture.errors.bins
        looks = part_look(run.style, HRS, symbol="o", line=run.style.index > 0)
        measured = run.series("rate", self.rates, "measured", looks)
        ends = {"x first": [one.low for one in bins], "x last": [one.high for one in bins]}
        set_rates(measured, [one.centre for one in bins], [one.rate for one in bins], ends)
        if run.style.index:
            return
        ideal = run.series("ideal", self.rates, "ideal amplifier", quiet_look())
        # Where it has no error a logarithmic axis has no place: that is no number to export.
        ideal.set(*_ideal(bins), data=nothing)
        wrong = run.band("wrong", self.wrong, "wrong bits", looks)
        edges = [end for one in bins for end in (one.low, one.high)]
        counts = np.repeat([one.rate.errors for one in bins], 2)
        wrong.set(edges, np.zeros(counts.size), counts)

    def legend(self) -> Sequence[Entry]:
        """What is measured, what is ideal, and the runs."""
        theme = self.figure.theme
        entries: list[Entry] = []
        for run in self.runs.values():
            name = run.style.name if len(self.runs) > 1 else "measured, 95 % interval"
            look = part_look(run.style, HRS, symbol="o", line=run.style.index > 0)
            entries.append((name, look(theme)))
        if entries:
            entries.append(("ideal amplifier", quiet_look(None, Qt.PenStyle.SolidLine)(theme)))
        return entries

    def told(self, run: Drawn[SensePicture]) -> str:
        """Errors below and above the limit."""
        errors = run.picture.errors
        if not errors.bins:
            return "No bit both sensed and measured yet."
        return (
            f"Wrong bits with a ratio below {LIMIT_RATIO:g} (dotted): "
            f"{rate_text(errors.wrong_below_limit)}. "
            f"Above: {rate_text(errors.rate_above_limit)}. Arrows: no error seen, upper bound."
        )


def _ideal(bins: Sequence[RatioBin]) -> tuple[list[float], list[float]]:
    """Wrong exactly where the pair is reversed."""
    if not bins:
        return [], []
    ends = [one.rate.high if one.rate.is_bound else one.rate.low for one in bins]
    floor = min(end for end in ends if end is not None) / 3
    return [min(bins[0].low, 0.5), 1.0, 1.0, bins[-1].high], [1.0, 1.0, floor, floor]
