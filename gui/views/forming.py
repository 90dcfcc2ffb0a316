"""Forming voltages on Weibull or lognormal paper, devices that never formed counted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtWidgets import QComboBox, QLabel, QWidget

from gui.models.forming import FormingPicture
from gui.plots.axes import AxisText, Numbers
from gui.plots.data import Values
from gui.plots.legend import Entry
from gui.plots.run_looks import run_look
from gui.views.plot_view import Drawn, PlotView
from labctl.analysis.weibull import Distribution, SwitchingFit, standard_quantile
from labctl.report.text import count, grouped

Floats = NDArray[np.float64]

VOLTAGE = AxisText("Forming voltage", "V", Numbers.PLAIN, log=True)
_PAPERS: dict[str, Distribution] = {"Weibull": "weibull", "Lognormal": "lognormal"}
_SHARES: dict[Distribution, tuple[float, ...]] = {
    "weibull": (0.0001, 0.001, 0.01, 0.1, 0.5, 0.9, 0.999),
    "lognormal": (0.0001, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999),
}
"""Shares named on the axis of each paper."""
_POINTS_OF_A_FIT = 60


class FormingView(PlotView[FormingPicture]):
    """One panel; a chooser of the paper."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("forming", parent)
        self.panel = self.figure.panel(0, 0, VOLTAGE, AxisText("Share formed"), columns=2)
        self.paper = QComboBox()
        self.paper.setObjectName("forming_paper")
        self.paper.setToolTip("On the paper of a distribution it is a straight line")
        self.paper.setAccessibleName("Probability paper")
        self.paper.addItems(list(_PAPERS))
        label = QLabel("Paper")
        label.setBuddy(self.paper)
        self.figure.tools.insertWidget(0, label)
        self.figure.tools.insertWidget(1, self.paper)
        self.paper.currentTextChanged.connect(self._change_paper)
        self._change_paper()

    @property
    def _distribution(self) -> Distribution:
        return _PAPERS[self.paper.currentText()]

    def _change_paper(self) -> None:
        shares = _SHARES[self._distribution]
        places = standard_quantile(self._distribution, shares).tolist()
        texts = [f"{100 * share:g} %" for share in shares]
        self.panel.y.name_places(list(zip(places, texts, strict=True)))
        self.redraw()
        self.panel.whole_range()

    def draw(self, run: Drawn[FormingPicture]) -> None:
        """Kaplan-Meier points and the fit."""
        points = run.series(
            "points", self.panel, "Kaplan-Meier", run_look(run.style, line=False, size=5)
        )
        line = run.series("fit", self.panel, "fit", run_look(run.style, symbols=False))
        shares = run.picture.shares
        fit = run.picture.fits.get(self._distribution)
        if shares is None or not shares.volts.size:
            points.clear()
            line.clear()
            return
        # Drawn at its quantile on the paper; a share is what anybody reading the data wants.
        points.set(
            shares.volts,
            standard_quantile(self._distribution, shares.position),
            data=lambda: Values(shares.volts, shares.position),
        )
        if fit is None:
            line.clear()
            return
        volts = np.geomspace(shares.volts[0], shares.volts[-1], _POINTS_OF_A_FIT)
        line.set(volts, _height(fit, volts), data=lambda: Values(volts, fit.share(volts)))

    def legend(self) -> Sequence[Entry]:
        """Runs with their counts."""
        theme = self.figure.theme
        return [
            (
                f"{run.style.name}: {grouped(run.picture.formed)} formed, "
                f"{grouped(run.picture.never)} never",
                run_look(run.style)(theme),
            )
            for run in self.runs.values()
        ]

    def told(self, run: Drawn[FormingPicture]) -> str:
        """Median, and what the marks mean."""
        picture = run.picture
        if picture.shares is None:
            before = (
                f" {count(picture.formed_before, 'device')} formed before."
                if (picture.formed_before)
                else ""
            )
            return f"No device tried yet.{before}"
        median = "" if picture.median_v is None else f"Median {picture.median_v:.2f} V. "
        return (
            f"{median}Points: Kaplan-Meier shares; devices that never formed count as censored at "
            "the highest voltage that they withstood. Line: maximum-likelihood fit."
        )


def _height(fit: SwitchingFit, volts: Floats) -> Floats:
    """The fitted share on its own paper."""
    shares = np.clip(fit.share(volts), 1e-12, 1 - 1e-12)
    return standard_quantile(fit.distribution, shares)
