"""Resistance distributions as a sigma plot: a lognormal one is a straight line over log R."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QWidget

from gui.contract import Cell, RunStyle
from gui.models.sigma import Group, SigmaPicture
from gui.plots.axes import AxisText, Numbers
from gui.plots.legend import Entry
from gui.plots.run_looks import HRS, LRS, part_look
from gui.plots.series import Look, Looks
from gui.theme import Theme
from gui.views.plot_view import Drawn, PlotView
from labctl.report.text import count, ohms, with_prefix

_SYMBOLS = {"BL": "o", "BLb": "d"}
_SELECTED = "selected"


class SigmaView(PlotView[SigmaPicture]):
    """One panel; the last readings of selected cells stand out."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self._cells: frozenset[Cell] = frozenset()
        super().__init__("sigma", parent)
        self.panel = self.figure.panel(
            0,
            0,
            AxisText("Resistance", "Ω", Numbers.PREFIX, log=True),
            AxisText("Standard deviations"),
            columns=2,
        )
        self._reference = self.panel.guide(1.0, upright=True)
        self._reference.hide()

    def set_selection(self, cells: frozenset[Cell]) -> None:
        """Mark the last readings of these cells."""
        self._cells = cells
        self.redraw()

    def draw(self, run: Drawn[SigmaPicture]) -> None:
        """Points of each device and state."""
        picture = run.picture
        for group, plot in picture.plots.items():
            looks = _look(run.style, group, self._is_first(group, picture))
            series = run.series(group, self.panel, _name(group), looks)
            series.set(plot.resistance_ohm, plot.sigma, joined=False)
        self._mark_selected(run)
        run.clear_others({*picture.plots, _SELECTED})
        if run is self.front:
            is_known = np.isfinite(picture.reference_ohm)
            self._reference.setVisible(bool(is_known))
            if is_known:
                self._reference.setPos(float(np.log10(picture.reference_ohm)))

    def legend(self) -> Sequence[Entry]:
        """Devices and states of the run in front; runs if there are several."""
        front, theme = self.front, self.figure.theme
        if front is None:
            return ()
        entries: list[Entry] = [
            (_name(group), _look(front.style, group, self._is_first(group, front.picture))(theme))
            for group in front.picture.plots
        ]
        if self._cells and front.picture.last:
            entries.append((f"{count(len(self._cells), 'selected cell')}", _selected_look(theme)))
        if len(self.runs) > 1:
            group = Group(state="LRS")
            entries.append((f"in front: {front.style.name}", None))
            entries += [
                (run.style.name, _look(run.style, group, False)(theme))
                for run in self.runs.values()
                if run is not front
            ]
        return entries

    def told(self, run: Drawn[SigmaPicture]) -> str:
        """How many readings there are."""
        readings = sum(plot.readings for plot in run.picture.plots.values())
        if not readings:
            return "No resistance read yet."
        text = f"{count(readings, 'reading')}, to within 1.2 % in R."
        if run.picture.condition:
            text = f"Last condition, {_condition_text(run.picture.condition)}: {text}"
        if np.isfinite(run.picture.reference_ohm):
            text += f" Dotted: fixed reference, {ohms(run.picture.reference_ohm)}."
        if any(group.window >= 0 for group in run.picture.plots):
            text += " First (open) and last window (filled), all pairs together."
        return text

    @staticmethod
    def _is_first(group: Group, picture: SigmaPicture) -> bool:
        """Whether it is the first window of several."""
        windows = {other.window for other in picture.plots}
        return len(windows) > 1 and group.window == min(windows)

    def _mark_selected(self, run: Drawn[SigmaPicture]) -> None:
        """Selected cells where their last reading lies on the curve of its group."""
        x: list[float] = []
        y: list[float] = []
        for group, last in run.picture.last.items():
            plot = run.picture.plots.get(group)
            if plot is None or not plot.resistance_ohm.size:
                continue
            rows, columns = last.shape
            known = [last[r, c] for r, c in self._cells if r < rows and c < columns]
            found = np.array(known, dtype=float)
            found = found[np.isfinite(found) & (found > 0)]
            x += found.tolist()
            y += np.interp(np.log10(found), np.log10(plot.resistance_ohm), plot.sigma).tolist()
        name = "selected cells, last reading"
        series = run.series(_SELECTED, self.panel, name, _selected_look)
        series.set(x, y, joined=False)


def _name(group: Group) -> str:
    window = f", window {group.window + 1}" if group.window >= 0 else ""
    return f"{group.state} {group.device}{window}".strip()


def _condition_text(condition: Sequence[float]) -> str:
    parts = zip(("SET ", "RESET ", ""), condition, ("A", "V", "s"), strict=False)
    return ", ".join(f"{name}{with_prefix(value, unit)}" for name, value, unit in parts)


def _look(style: RunStyle, group: Group, is_first: bool) -> Looks:
    part = HRS if group.state == "HRS" else LRS
    symbol = _SYMBOLS[group.device]
    return part_look(style, part, symbol=symbol, filled=not is_first, line=False, size=5)


def _selected_look(theme: Theme) -> Look:
    return Look(QColor(theme.selection), "s", filled=False, size=11, line=None)
