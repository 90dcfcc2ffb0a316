"""Quasi-static sweeps: magnitude of the current against voltage, the last device in front."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QWidget

from gui import colours
from gui.contract import Cell, RunStyle
from gui.models.iv import IVPicture, Sweep
from gui.plots.axes import AxisText, Numbers
from gui.plots.data import Values
from gui.plots.legend import Entry
from gui.plots.run_looks import run_colour, run_look
from gui.plots.series import Look, Looks, Series
from gui.theme import Theme
from gui.views.plot_view import Drawn, PlotView
from labctl.analysis.forming import DEVICES
from labctl.report.text import count

Floats = NDArray[np.float64]

NAMES = {"form": "Forming", "set": "SET", "reset": "RESET"}
_COLOURS = {"form": 5, "set": 0, "reset": 1}
"""Of the run in front; overlaid runs take those between."""
_DASHES = {
    "form": Qt.PenStyle.DashLine,
    "set": Qt.PenStyle.SolidLine,
    "reset": Qt.PenStyle.DotLine,
}
_EARLIER, _SWITCHED = "earlier", "switched"


class IVView(PlotView[IVPicture]):
    """One panel; selected devices stand out, else the last one.

    Of overlaid runs the same devices are drawn, each run in its colour.
    """

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
        if run is not self.front:
            self._draw_sweeps(run)
            return
        earlier = run.series(_EARLIER, self.panel, "earlier sweeps", _faint)
        front = self._in_front(run)
        _set_sweeps(earlier, [sweep for sweep in run.picture.last if sweep not in front])
        # Which devices of the others are drawn follows it.
        for other in self.runs.values():
            self._draw_sweeps(other)

    def _draw_sweeps(self, run: Drawn[IVPicture]) -> None:
        """The sweeps in front, by kind."""
        if run is not self.front:
            run.clear_others({*NAMES, _SWITCHED})
        sweeps = self._in_front(run)
        for kind, name in NAMES.items():
            line = run.series(kind, self.panel, name, _look(run.style, kind))
            _set_sweeps(line, [sweep for sweep in sweeps if sweep.kind == kind])
        mark = run.series(_SWITCHED, self.panel, "switched", _mark(run.style))
        volts, amperes = [s.switched_v for s in sweeps], [s.switched_a for s in sweeps]
        told = Values(np.array(volts), np.array(amperes), more=_places(sweeps))
        mark.set(volts, amperes, joined=False, data=lambda: told)

    def legend(self) -> Sequence[Entry]:
        """Kinds of sweeps that there are; runs if there are several."""
        front, theme = self.front, self.figure.theme
        if front is None:
            return ()
        there = {sweep.kind for sweep in front.picture.last}
        entries: list[Entry] = [
            (name, _look(front.style, kind)(theme)) for kind, name in NAMES.items() if kind in there
        ]
        entries.append(("switched", _mark(front.style)(theme)))
        entries.append(("earlier sweeps", _faint(theme)))
        if len(self.runs) > 1:
            entries.append((f"in front: {front.style.name}", None))
            entries += [
                (run.style.name, run_look(run.style, filled=False, dashed=False)(theme))
                for run in self.runs.values()
                if run is not front
            ]
        return entries

    def told(self, run: Drawn[IVPicture]) -> str:
        """Whose sweeps are in front."""
        front = self._in_front(run)
        if not front:
            return "No device swept yet."
        places = list(dict.fromkeys(sweep.place for sweep in front))
        names = [f"row {r} column {c} {DEVICES[d]}" for r, c, d in places[:4]]
        more = f" and {len(places) - 4} more" if len(places) > 4 else ""
        others = ""
        if len(self.runs) > 1:
            others = " Of overlaid runs: the same devices, or else the one swept last."
        return (
            f"In front: {', '.join(names)}{more}. The last {len(run.picture.last)} of "
            f"{count(run.picture.sweeps, 'sweep')} are drawn; device and transistor in series."
            f"{others}"
        )

    def _in_front(self, run: Drawn[IVPicture]) -> list[Sweep]:
        """Those of the selected cells; without any those of the device swept last.

        Of an overlaid run the same devices as of the run in front, else its own last one.
        """
        sweeps, front = run.picture.last, self.front
        if front is None or front is run:
            wanted = {s.place for s in sweeps if (s.row, s.column) in self._cells}
        else:
            wanted = {sweep.place for sweep in self._in_front(front)}
        places = {sweep.place for sweep in sweeps}
        shown = wanted & places or {sweep.place for sweep in sweeps[-1:]}
        return [sweep for sweep in sweeps if sweep.place in shown]


def _set_sweeps(series: Series, sweeps: Sequence[Sweep]) -> None:
    """Draw sweeps as one line; what is exported says whose each point is."""
    volts, amperes = _joined(sweeps)

    def told() -> Values:
        each = [sweep for sweep in sweeps for _ in range(sweep.volts.size + 1)]
        point = [number for sweep in sweeps for number in range(sweep.volts.size + 1)]
        return Values(volts, amperes, more={**_places(each), "point": point})

    series.set(volts, amperes, data=told)


def _places(sweeps: Sequence[Sweep]) -> dict[str, list[object]]:
    """Whose sweeps, as columns of the exported data."""
    return {
        "kind": [NAMES[sweep.kind] for sweep in sweeps],
        "row": [sweep.row for sweep in sweeps],
        "column": [sweep.column for sweep in sweeps],
        "device": [DEVICES[sweep.device] for sweep in sweeps],
        "cycle": [sweep.cycle for sweep in sweeps],
    }


def _joined(sweeps: Sequence[Sweep]) -> tuple[Floats, Floats]:
    """All sweeps as one line with gaps."""
    x, y = [np.empty(0)], [np.empty(0)]
    for sweep in sweeps:
        x += [sweep.volts, np.array([np.nan])]
        y += [sweep.amperes, np.array([np.nan])]
    return np.concatenate(x), np.concatenate(y)


def _look(style: RunStyle, kind: str) -> Looks:
    def look(theme: Theme) -> Look:
        front = colours.line_colour(_COLOURS[kind], theme)
        colour = run_colour(style, theme) if style.index else front
        return Look(colour, line=_DASHES[kind], width=2.0)

    return look


def _faint(theme: Theme) -> Look:
    colour = QColor(theme.dim)
    colour.setAlpha(90)
    return Look(colour, width=1.0)


def _mark(style: RunStyle) -> Looks:
    """Where a device switched; an overlaid run has a symbol of its own."""

    def look(theme: Theme) -> Look:
        if style.index == 0:
            return Look(theme.foreground, "d", filled=False, size=9, line=None)
        colour, symbol = run_colour(style, theme), colours.symbol(style.index)
        return Look(colour, symbol, filled=False, size=9, line=None)

    return look
