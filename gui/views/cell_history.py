"""The history of the selected cells: resistances of both devices, bits written and read wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from gui import colours
from gui.contract import Cell, RunStyle, View
from gui.models.cell_history import CellReads, HistoryPicture, PairHistory
from gui.plots.axes import AxisText, Numbers
from gui.plots.data import Values, nothing
from gui.plots.figure import Figure
from gui.plots.legend import Entry
from gui.plots.run_looks import run_colour_index
from gui.plots.series import Look, Looks, Series
from gui.theme import Mark, Theme, mark
from labctl.analysis.endurance import SenseCount
from labctl.analysis.maps import NOT_READ
from labctl.report.text import count, grouped

CELLS_SHOWN = 3
"""Selected cells that are drawn, the first by row and column; of several runs the first alone."""

_READS = AxisText("Read of the run")
_CYCLES = AxisText("Cycle", numbers=Numbers.POWER, log=True)
_OHM = AxisText("R", "Ω", Numbers.PREFIX, log=True)
_BITS = AxisText("Bit")
_WRONG = AxisText("Wrong", numbers=Numbers.POWER)
_LANE = 1.6
"""Distance of the lanes of two cells, or runs; a bit 1 lies 1 above a bit 0."""
_SYMBOLS_UP_TO = 200
"""Reads; more of them are drawn as lines alone."""
_BITS_PIXELS = 92
"""Height of the lower panel, its axis included."""
_LEFT_PIXELS = 50
"""Width of the left axes: the panels lie exactly below each other."""
_HINT = "Select cells on the map."


class _Lines(NamedTuple):
    """The series of one place in the legend."""

    devices: tuple[Series, Series]
    points: tuple[Series, Series]
    """The symbols on them, where there is room for some."""
    written: Series
    wrong: Series
    """Reads that gave another bit than the one written."""
    counts: Series
    """Wrong bits in each count of a cycled pair."""

    @property
    def all(self) -> tuple[Series, ...]:
        """Every one of them."""
        return (*self.devices, *self.points, self.written, self.wrong, self.counts)


class _Track(NamedTuple):
    """One cell in one run."""

    lines: _Lines
    picture: HistoryPicture
    cell: Cell
    run: str
    lane: str
    """What its lane of bits is called, and its run in the legend."""
    name: str
    """In the legend."""
    looks: _Marks


class _Marks(NamedTuple):
    """What tells one track from the others, by their index in `colours`."""

    colour: int
    symbol: int


class CellHistoryView(View):
    """Follows the selection; of several runs it shows the same cell in each.

    Above: resistance of BL (filled) and BLb (open). Below: what was written, and what was read
    wrong as a cross; for cycled pairs the wrong bits in each count.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("cell-history")
        self._runs: dict[str, tuple[HistoryPicture | None, RunStyle]] = {}
        self._cells: frozenset[Cell] = frozenset()
        self._tracks: list[_Track] = []
        self._overlaid: dict[int, _Lines] = {}
        self.figure = Figure("cell_history")
        self.ohms = self.figure.panel(0, 0, _READS, _OHM)
        self.bits = self.figure.panel(1, 0, _READS, _BITS)
        self._place_panels()
        self._lines = [self._new_lines(_Marks(place, place)) for place in range(CELLS_SHOWN)]
        self.figure.name_in_legend(self._legend)
        self.words = QLabel(_HINT)
        self.words.setObjectName("cell-history-words")
        mark(self.words, Mark.HINT)
        self.words.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        # What it says may not widen the window.
        self.words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.figure.tools.addWidget(self.words, 3)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.figure)

    def show_run(self, run: str, picture: HistoryPicture | None, style: RunStyle) -> None:
        """Draw the picture of a run in place of its last one."""
        self._runs[run] = (picture, style)
        self._draw()

    def forget_run(self, run: str) -> None:
        """Take a run out; if it was in front, the next one comes there."""
        self._runs.pop(run, None)
        self._draw()

    def set_selection(self, cells: frozenset[Cell]) -> None:
        """Show these cells."""
        self._cells = cells
        self._draw()

    def tell_origins(self, lines: Sequence[str]) -> None:
        """Where the numbers come from, for what is exported."""
        self.figure.origins = lines

    def promise(self, sentence: str) -> None:
        """What there will be, told while there is nothing."""
        self.figure.promise(sentence)

    def _place_panels(self) -> None:
        """One horizontal axis for both."""
        self.bits.share_x(self.ohms)
        self.bits.plot.setFixedHeight(_BITS_PIXELS)
        self.bits.plot.setLimits(minYRange=2.0)
        self.ohms.x.setStyle(showValues=False)
        self.ohms.x.showLabel(False)
        layout = self.figure.graphics.ci.layout
        layout.setVerticalSpacing(2)
        layout.setContentsMargins(2, 2, 8, 2)
        for panel in (self.ohms, self.bits):
            panel.y.setWidth(_LEFT_PIXELS)

    def _new_lines(self, marks: _Marks, index: int = 0) -> _Lines:
        """Series of the run of that index; whose they are is told when they are drawn."""
        style = RunStyle("", index)

        def device(number: int, *, line: bool, symbol: bool) -> Series:
            look = _device_look(marks, number, line=line, symbol=symbol)
            return self.ohms.series(("BL", "BLb")[number], look, style)

        return _Lines(
            devices=(device(0, line=True, symbol=False), device(1, line=True, symbol=False)),
            points=(device(0, line=False, symbol=True), device(1, line=False, symbol=True)),
            written=self.bits.series("written", _bit_look(marks), style),
            wrong=self.bits.series("read wrong", _wrong_look, style),
            counts=self.bits.series("wrong", _count_look(marks), style),
        )

    def _draw(self) -> None:
        ordered = sorted(self._runs.values(), key=lambda one: one[1].index)
        picture = ordered[0][0] if ordered else None
        tracks = [] if picture is None else self._found(picture, ordered)
        for track in tracks:
            for series in track.lines.all:
                series.run = track.run
        if any(track.cell in track.picture.pairs for track in tracks):
            self._draw_pairs(tracks)
        elif tracks:
            self._draw_reads(tracks)
        used = [track.lines for track in tracks]
        for lines in (*self._lines, *self._overlaid.values()):
            for series in () if lines in used else lines.all:
                series.clear()
        named = [(track.name, track.looks) for track in tracks]
        if named != [(track.name, track.looks) for track in self._tracks]:
            self._tracks = tracks
            self.figure.name_in_legend(self._legend)
        self._tracks = tracks
        self.words.setText(self._told(picture, tracks))
        self.figure.show_promise()

    def _found(
        self,
        picture: HistoryPicture,
        runs: Sequence[tuple[HistoryPicture | None, RunStyle]],
    ) -> list[_Track]:
        """What is drawn: cells of the run in front, or its first one in every run that has it."""
        cells = _within(self._cells, picture.shape)
        paired = [cell for cell in cells if cell in picture.pairs]
        cells = (paired or cells)[: CELLS_SHOWN if len(runs) == 1 else 1]
        front = [
            _Track(
                self._lines[place],
                picture,
                (row, column),
                runs[0][1].name,
                f"{row},{column}" if len(runs) == 1 else "front",
                f"{'' if len(runs) == 1 else 'front: '}row {row} column {column}, BL",
                _Marks(place, place),
            )
            for place, (row, column) in enumerate(cells)
        ]
        others = [
            self._overlaid_track(other, style, cell)
            for other, style in runs[1:]
            for cell in cells
            if other is not None and _has(other, cell, cycled=bool(paired))
        ]
        return front + others

    def _overlaid_track(self, picture: HistoryPicture, style: RunStyle, cell: Cell) -> _Track:
        marks = _Marks(run_colour_index(style), style.index)
        if style.index not in self._overlaid:
            self._overlaid[style.index] = self._new_lines(marks, style.index)
        lane = str(style.index)
        named = f"{lane}: {style.name}"
        lines = self._overlaid[style.index]
        return _Track(lines, picture, cell, style.name, lane, named, marks)

    def _draw_reads(self, tracks: Sequence[_Track]) -> None:
        self._show_axes(_READS, _BITS)
        for place, track in enumerate(tracks):
            reads, lines = track.picture.cell(track.cell), track.lines
            for device, (line, points) in enumerate(zip(lines.devices, lines.points, strict=True)):
                told = partial(_told_values, track.cell, reads.number, reads.ohm[:, device])
                line.set(reads.number, reads.ohm[:, device], data=told)
                if len(reads.number) <= _SYMBOLS_UP_TO:
                    points.set(reads.number, reads.ohm[:, device], data=nothing)
                else:
                    points.clear()
            self._draw_bits(track, reads, -_LANE * place)
        if len(tracks) == 1:
            self.bits.y.name_places([(0.0, "0"), (1.0, "1")])
        else:
            lanes = enumerate(track.lane for track in tracks)
            self.bits.y.name_places([(0.5 - _LANE * place, name) for place, name in lanes])

    def _draw_bits(self, track: _Track, reads: CellReads, lane: float) -> None:
        """Written bits as a line; reads that gave something else as crosses where it was read."""
        known, lines = reads.written != NOT_READ, track.lines
        lines.counts.clear()
        written = np.where(known, reads.written, np.nan)
        told = partial(_told_values, track.cell, reads.number, written)
        lines.written.set(reads.number, lane + written, data=told)
        wrong = known & (reads.sensed != NOT_READ) & (reads.sensed != reads.written)
        # An undecided bit lies between 0 and 1.
        level = np.where(reads.sensed[wrong] <= 1, reads.sensed[wrong], 0.5)
        told = partial(_told_values, track.cell, reads.number[wrong], level)
        lines.wrong.set(reads.number[wrong], lane + level, joined=False, data=told)

    def _draw_pairs(self, tracks: Sequence[_Track]) -> None:
        self._show_axes(_CYCLES, _WRONG)
        self.bits.y.name_places([])
        for track in tracks:
            history, lines = track.picture.pairs[track.cell], track.lines
            for device, (line, points) in enumerate(zip(lines.devices, lines.points, strict=True)):
                cycle, low, high = _both_bits(history, device)
                line.clear()
                # Of a bar that spans several readings only the ends were measured.
                one = np.where(low == high, low, np.nan)
                told = partial(_told_values, track.cell, cycle, one, low, high)
                points.set(cycle, np.sqrt(low * high), low=low, high=high, data=told)
            lines.written.clear()
            lines.wrong.clear()
            counts = history.counts
            lines.counts.set(
                [each.middle for each in counts],
                [each.zero_as_one + each.one_as_zero for each in counts],
                data=partial(_told_counts, track.cell, counts),
            )

    def _show_axes(self, x: AxisText, bits: AxisText) -> None:
        if self.ohms.x.text != x or self.bits.y.text != bits:
            self.ohms.show_axes(x, _OHM)
            self.ohms.x.showLabel(False)
            self.bits.show_axes(x, bits)
            self.bits.plot.setLimits(yMin=-0.5 if bits is _WRONG else None)
            for panel in (self.ohms, self.bits):
                panel.whole_range()

    def _legend(self) -> Sequence[Entry]:
        entries: list[Entry] = []
        for place, track in enumerate(self._tracks):
            for device, label in enumerate((track.name, "BLb")):
                if device == 0 or place == 0:
                    look = _device_look(track.looks, device, line=True, symbol=True)
                    entries.append((label, look(self.figure.theme)))
        return entries

    def _told(self, picture: HistoryPicture | None, drawn: Sequence[_Track]) -> str:
        """What the picture leaves out."""
        if picture is None or not self._cells:
            return _HINT
        told = []
        in_front = [track for track in drawn if track.lines in self._lines]
        if len(in_front) < len(self._cells):
            told.append(f"{len(in_front)} of {grouped(len(self._cells))} selected")
        missing = len(self._runs) - 1 - (len(drawn) - len(in_front))
        if in_front and missing:
            told.append(f"{count(missing, 'overlaid run')} without it")
        pairs = [t.picture.pairs[t.cell] for t in drawn if t.cell in t.picture.pairs]
        if pairs:
            most = max((each.readings for one in pairs for each in one.after.values()), default=1)
            if most > 1:
                told.append(f"a bar spans {grouped(most)} readings")
        elif picture.kept < picture.reads:
            told.append(f"the latest {grouped(picture.kept)} of {count(picture.reads, 'read')}")
        elif not picture.reads:
            told.append("the run has not read the array so far")
        return "; ".join(told)


def _told_values(
    cell: Cell,
    x: NDArray[Any],
    y: NDArray[Any],
    low: NDArray[np.float64] | None = None,
    high: NDArray[np.float64] | None = None,
) -> Values:
    """What is exported of a cell."""
    row, column = cell
    more = {"row": [row] * x.size, "column": [column] * x.size}
    return Values(x.astype(float), y.astype(float), low, high, more=more)


def _told_counts(cell: Cell, counts: Sequence[SenseCount]) -> Values:
    """What is exported of the wrong bits of a cycled pair."""
    wrong = [each.zero_as_one + each.one_as_zero for each in counts]
    told = _told_values(cell, np.array([each.middle for each in counts]), np.array(wrong))
    ends = {"x first": [each.first for each in counts], "x last": [each.last for each in counts]}
    rates = {"errors": wrong, "trials": [each.sensed for each in counts]}
    return replace(told, more={**told.more, **ends, **rates})


def _within(cells: frozenset[Cell], shape: tuple[int, int]) -> list[Cell]:
    """The cells that an array has, in order: a selection may come from a larger one."""
    return sorted(cell for cell in cells if cell[0] < shape[0] and cell[1] < shape[1])


def _has(picture: HistoryPicture, cell: Cell, *, cycled: bool) -> bool:
    """Whether a run tells of a cell what is drawn: its cycles, or reads of the array."""
    if cycled or cell in picture.pairs:
        return cycled and cell in picture.pairs
    return bool(picture.kept and _within(frozenset({cell}), picture.shape))


def _both_bits(
    history: PairHistory, device: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Cycle, lowest and highest reading of a device after either bit, in order of the cycles."""
    groups = list(history.after.values())
    if not groups:
        none = np.empty(0)
        return none, none, none
    cycle = np.concatenate([each.cycle for each in groups])
    order = np.argsort(cycle)
    low = np.concatenate([each.low[:, device] for each in groups])
    high = np.concatenate([each.high[:, device] for each in groups])
    return cycle[order], low[order], high[order]


def _device_look(marks: _Marks, device: int, *, line: bool, symbol: bool) -> Looks:
    """Colour and symbol by cell or run, BL filled with a line, BLb open with dashes."""

    def look(theme: Theme) -> Look:
        dash = Qt.PenStyle.SolidLine if device == 0 else Qt.PenStyle.DashLine
        return Look(
            colours.line_colour(marks.colour, theme),
            colours.symbol(marks.symbol) if symbol else None,
            filled=device == 0,
            size=6,
            line=dash if line else None,
            width=1.0,
        )

    return look


def _bit_look(marks: _Marks) -> Looks:
    return lambda theme: Look(colours.line_colour(marks.colour, theme), width=1.0)


def _count_look(marks: _Marks) -> Looks:
    return lambda theme: Look(
        colours.line_colour(marks.colour, theme), colours.symbol(marks.symbol), size=5, width=1.0
    )


def _wrong_look(theme: Theme) -> Look:
    return Look(theme.problem, "x", size=11, line=None)
