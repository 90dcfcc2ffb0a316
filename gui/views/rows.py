"""Any column of a run's rows against any other, live."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QComboBox, QLabel, QVBoxLayout, QWidget

from gui.contract import RunStyle, View
from gui.models.rows import ROW_NUMBER, RowsPicture
from gui.plots.axes import AxisText, Numbers
from gui.plots.data import DataPart, Values
from gui.plots.figure import Figure
from gui.plots.legend import Entry
from gui.plots.run_looks import run_look
from gui.plots.series import Series
from gui.plots.trace import Trace, Wanted

_SETTLED_MS = 150
"""After the last turn of the wheel."""
_SYMBOLS_UP_TO = 400
"""Lines of more points are drawn without symbols."""
_NOT_FIRST = frozenset({ROW_NUMBER, "Step", "Row", "Column", "Window", "Cycle", "Repetition"})
"""Columns that say which row it is; y begins with another one."""


@dataclass(eq=False)
class _Run:
    """One run in the plot."""

    style: RunStyle
    picture: RowsPicture
    line: Series
    points: Series
    trace: Trace | None = None


class RowsView(View):
    """Two choosers of columns and a plot of the one against the other."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runs: dict[str, _Run] = {}
        self.figure = Figure("rows")
        self.x_chooser = self._chooser("x", "Column along the horizontal axis")
        self.y_chooser = self._chooser("y", "Column along the vertical axis")
        self.log_x = self.figure.add_switch("log_x", "Log x", "Logarithmic horizontal axis")
        self.log_y = self.figure.add_switch("log_y", "Log y", "Logarithmic vertical axis")
        for switch in (self.log_x, self.log_y):
            switch.toggled.connect(self._begin_anew)
        self._panel = self.figure.panel(0, 0, AxisText(""), AxisText(""))
        # Of a long run that is zoomed into, only the part in sight is brought down to points.
        self._part = (-math.inf, math.inf)
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(_SETTLED_MS)
        self._settled.timeout.connect(self._look_closer)
        box = self._panel.plot.getViewBox()
        box.sigRangeChangedManually.connect(lambda *_: self._settled.start())
        self.figure.whole_range_asked.connect(self._begin_anew)
        self.figure.name_in_legend(self._legend)
        self.figure.data = self._all_rows
        # Long runs are taken in piece by piece, with the interface's other work in between.
        self._more = QTimer(self)
        self._more.setSingleShot(True)
        self._more.setInterval(0)
        self._more.timeout.connect(self._catch_up)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.figure)

    @property
    def is_caught_up(self) -> bool:
        """Whether all rows of the pictures are in the plot."""
        return not self._more.isActive()

    def show_run(self, run: str, picture: RowsPicture, style: RunStyle) -> None:
        """Add the picture's new rows to the run's curve."""
        shown = self._runs.get(run)
        if shown is None or shown.style != style:
            self.forget_run(run)
            shown = self._runs[run] = self._new_run(picture, style)
            self.figure.name_in_legend(self._legend)
        shown.picture = picture
        self._offer(picture)
        self._catch_up_run(shown)
        self.figure.show_promise()

    def forget_run(self, run: str) -> None:
        """Take a run's curve out."""
        shown = self._runs.pop(run, None)
        if shown is not None:
            self._panel.remove(shown.line)
            self._panel.remove(shown.points)
            self.figure.name_in_legend(self._legend)
            self.figure.show_promise()

    def tell_origins(self, lines: Sequence[str]) -> None:
        """Where the numbers come from, for what is exported."""
        self.figure.origins = lines

    def promise(self, sentence: str) -> None:
        """What there will be, told while there is nothing."""
        self.figure.promise(sentence)

    def choose(self, x: str, y: str) -> None:
        """Plot ``y`` against ``x``, names of columns."""
        self.x_chooser.setCurrentText(x)
        self.y_chooser.setCurrentText(y)

    def _chooser(self, name: str, tip: str) -> QComboBox:
        chooser = QComboBox()
        chooser.setObjectName(f"rows_{name}")
        chooser.setAccessibleName(tip)
        chooser.setToolTip(tip)
        chooser.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        chooser.setMinimumContentsLength(6)
        label = QLabel(name)
        label.setBuddy(chooser)
        place = 0 if name == "x" else 2
        self.figure.tools.insertWidget(place, label)
        self.figure.tools.insertWidget(place + 1, chooser, 1)
        chooser.currentTextChanged.connect(self._begin_anew)
        return chooser

    def _new_run(self, picture: RowsPicture, style: RunStyle) -> _Run:
        line = self._panel.series("rows", run_look(style, symbols=False), style)
        points = self._panel.series("rows", run_look(style, line=False, size=5), style)
        return _Run(style, picture, line, points)

    def _legend(self) -> Sequence[Entry]:
        if len(self._runs) < 2:
            return ()
        theme = self.figure.theme
        return [(run.style.name, run_look(run.style)(theme)) for run in self._runs.values()]

    def _all_rows(self) -> Sequence[DataPart]:
        """All rows of the chosen columns, not only the points that are drawn."""
        wanted, panel = self._wanted, self._panel
        return [
            DataPart(
                run.style.name,
                "",
                wanted.y,
                panel.x.text.label,
                panel.y.text.label,
                partial(_values, run.picture, wanted),
            )
            for run in self._runs.values()
            if {wanted.x, wanted.y} <= run.picture.columns.keys()
        ]

    def _offer(self, picture: RowsPicture) -> None:
        """Have the choosers offer the columns, and choose two at first."""
        new = [n for n in picture.columns if self.x_chooser.findText(n) < 0]
        if not new:
            return
        is_first = self.x_chooser.count() == 0
        for chooser in (self.x_chooser, self.y_chooser):
            chooser.blockSignals(True)
            chooser.addItems(new)
        if is_first:
            others = [name for name in picture.columns if name not in _NOT_FIRST]
            self.y_chooser.setCurrentText(others[0] if others else ROW_NUMBER)
        for chooser in (self.x_chooser, self.y_chooser):
            chooser.blockSignals(False)
        self._begin_anew()

    @property
    def _wanted(self) -> Wanted:
        return Wanted(
            self.x_chooser.currentText(),
            self.y_chooser.currentText(),
            self.log_x.isChecked(),
            self.log_y.isChecked(),
            *self._part,
        )

    def _look_closer(self) -> None:
        """The user has zoomed or moved: show the part in sight in as much detail as there is."""
        (begin, end), _ = self._panel.plot.viewRange()
        span = end - begin
        self._part = begin - span, end + span
        self._catch_up()

    def _begin_anew(self) -> None:
        """Other columns or other scales."""
        self._part = (-math.inf, math.inf)
        wanted = self._wanted
        for run in self._runs.values():
            run.trace = None
            run.line.clear()
            run.points.clear()
        self._panel.show_axes(_axis(wanted.x, wanted.log_x), _axis(wanted.y, wanted.log_y))
        self._panel.whole_range()
        self._catch_up()

    def _catch_up(self) -> None:
        for run in self._runs.values():
            self._catch_up_run(run)
        self.figure.show_promise()

    def _catch_up_run(self, run: _Run) -> None:
        """Take in the next piece of a run; once that was the last one, draw it."""
        wanted, picture = self._wanted, run.picture
        if not {wanted.x, wanted.y} <= picture.columns.keys():
            run.line.clear()
            run.points.clear()
            return
        if run.trace is None or not run.trace.goes_on_with(picture, wanted):
            run.trace = Trace(picture, wanted)
        if run.trace.catch_up(picture.rows):
            self._more.start()
            return
        drawn = run.trace.drawn()
        run.line.set(drawn.x, drawn.y, joined=drawn.joined)
        if drawn.joined and drawn.x.size > _SYMBOLS_UP_TO:
            run.points.clear()
        else:
            run.points.set(drawn.x, drawn.y)


def _values(picture: RowsPicture, wanted: Wanted) -> Values:
    x, y = (picture.columns[name].part(0, picture.rows) for name in (wanted.x, wanted.y))
    return Values(x, y)


def _axis(column: str, log: bool) -> AxisText:
    """A column's name, "Pulse width (s)", as an axis."""
    name, bracket, unit = column.removesuffix(")").rpartition(" (")
    if not bracket or not column.endswith(")"):
        return AxisText(column, log=log, numbers=Numbers.POWER if log else Numbers.PLAIN)
    return AxisText(name, "Ω" if unit == "ohm" else unit, Numbers.PREFIX, log)
