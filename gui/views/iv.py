"""Quasi-static sweeps: magnitude of the current against voltage, the last device in front."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QWidget

from gui import colours
from gui.contract import Cell
from gui.models.iv import IVPicture, Sweep
from gui.plots.axes import AxisText, Numbers
from gui.plots.legend import Entry
from gui.plots.series import Look, Looks
from gui.theme import Theme
from gui.views.plot_view import Drawn, PlotView
from labctl.analysis.forming import DEVICES
from labctl.report.text import count

Floats = NDArray[np.float64]

NAMES = {"form": "Forming", "set": "SET", "reset": "RESET"}
_COLOURS = {"form": 2, "set": 0, "reset": 1}
_DASHES = {
    "form": Qt.PenStyle.DashLine,
    "set": Qt.PenStyle.SolidLine,
    "reset": Qt.PenStyle.DotLine,
}
_EARLIER, _SWITCHED = "earlier", "switched"


class IVView(PlotView[IVPicture]):
    """One panel; selected devices stand out, else the last one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self._cells: frozenset[Cell] = frozenset()
        super().__init__("iv", parent)
        self.panel = self.figure.panel(
            0,
            0,
            AxisText("V(SL) - V(bit line)", "V"),
            AxisText("|I|", "A", Numbers.PREFIX, log=True),
            columns=2,
        )
        self.panel.guide(0.0, upright=True)

    def set_selection(self, cells: frozenset[Cell]) -> None:
        """Bring the sweeps of these cells to the front."""
        self._cells = cells
        self.redraw()

    def draw(self, run: Drawn[IVPicture]) -> None:
        """Earlier sweeps faint, those in front strong, a mark where they switched."""
        sweeps = run.picture.last
        front = self._in_front(sweeps)
        earlier = run.series(_EARLIER, self.panel, "earlier sweeps", _faint)
        earlier.set(*_joined(sweep for sweep in sweeps if sweep not in front))
        for kind, name in NAMES.items():
            line = run.series(kind, self.panel, name, _look(kind))
            line.set(*_joined(sweep for sweep in front if sweep.kind == kind))
        switched = run.series(_SWITCHED, self.panel, "switched", _mark)
        switched.set([s.switched_v for s in front], [s.switched_a for s in front], joined=False)

    def legend(self) -> Sequence[Entry]:
        """Kinds of sweeps that there are."""
        front, theme = self.front, self.figure.theme
        if front is None:
            return ()
        there = {sweep.kind for sweep in front.picture.last}
        entries = [(name, _look(kind)(theme)) for kind, name in NAMES.items() if kind in there]
        return [*entries, ("switched", _mark(theme)), ("earlier sweeps", _faint(theme))]

    def told(self, run: Drawn[IVPicture]) -> str:
        """Whose sweeps are in front."""
        front = self._in_front(run.picture.last)
        if not front:
            return "No device swept yet."
        places = list(dict.fromkeys(sweep.place for sweep in front))
        names = [f"row {r} column {c} {DEVICES[d]}" for r, c, d in places[:4]]
        more = f" and {len(places) - 4} more" if len(places) > 4 else ""
        return (
            f"In front: {', '.join(names)}{more}. The last {len(run.picture.last)} of "
            f"{count(run.picture.sweeps, 'sweep')} are drawn; device and transistor in series."
        )

    def _in_front(self, sweeps: Sequence[Sweep]) -> list[Sweep]:
        """Those of the selected cells; of the device swept last where there are none."""
        chosen = [sweep for sweep in sweeps if (sweep.row, sweep.column) in self._cells]
        if chosen or not sweeps:
            return chosen
        return [sweep for sweep in sweeps if sweep.place == sweeps[-1].place]


def _joined(sweeps: Iterable[Sweep]) -> tuple[Floats, Floats]:
    """All sweeps as one line with gaps."""
    x, y = [np.empty(0)], [np.empty(0)]
    for sweep in sweeps:
        x += [sweep.volts, np.array([np.nan])]
        y += [sweep.amperes, np.array([np.nan])]
    return np.concatenate(x), np.concatenate(y)


def _look(kind: str) -> Looks:
    def look(theme: Theme) -> Look:
        return Look(colours.line_colour(_COLOURS[kind], theme), line=_DASHES[kind], width=2.0)

    return look


def _faint(theme: Theme) -> Look:
    colour = QColor(theme.dim)
    colour.setAlpha(90)
    return Look(colour, width=1.0)


def _mark(theme: Theme) -> Look:
    return Look(theme.foreground, "d", filled=False, size=9, line=None)
