"""Series of a plot: lines, symbols, intervals, bounds and bands, set again and again.

Items are made once; a refresh only gives them other numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph
from numpy.typing import ArrayLike, NDArray
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QBrush, QColor, QPainterPath, QPen

from gui.contract import RunStyle
from gui.plots.data import NOTHING, Values
from gui.theme import Theme

if TYPE_CHECKING:
    from gui.plots.figure import Panel

Floats = NDArray[np.float64]

_ARROW_PIXELS = 30
_MANY = 800
"""Lines of more points are drawn one pixel wide: Qt is slow with wide ones."""


@dataclass(frozen=True)
class Look:
    """How a series is drawn, in one theme."""

    colour: QColor
    symbol: str | None = None
    filled: bool = True
    size: int = 7
    line: Qt.PenStyle | None = Qt.PenStyle.SolidLine
    width: float = 1.5
    is_ring: bool = False
    """What lies in the symbol is seen through it."""

    def brush(self, ground: QColor) -> QBrush:
        """Of symbols on that ground."""
        if self.is_ring:
            return QBrush(Qt.BrushStyle.NoBrush)
        return QBrush(self.colour if self.filled else ground)

    def pen(self, scale: float = 1.0) -> QPen:
        """Of the line; pens are in pixels, whatever is drawn on, so that needs a ``scale``."""
        pen: QPen = pyqtgraph.mkPen(self.colour, width=scale * self.width)
        pen.setStyle(self.line or Qt.PenStyle.SolidLine)
        return pen

    def outline(self, scale: float = 1.0) -> QPen:
        """Of symbols and intervals."""
        pen: QPen = pyqtgraph.mkPen(self.colour, width=scale * 1.2)
        return pen


Looks = Callable[[Theme], Look]


class Series:
    """One series of a panel; made by `Panel.series`."""

    def __init__(self, panel: Panel, name: str, looks: Looks, style: RunStyle) -> None:
        self.name = name
        self.run = style.name
        """Empty where it belongs to no run."""
        self.values = NOTHING
        """As drawn."""
        self._panel, self._looks = panel, looks
        self._joined = True
        self._data: Callable[[], Values] | None = None
        self._filled: set[int] = set()
        self._pens = 1.0
        self._line = pyqtgraph.PlotCurveItem(connect="finite")
        self._bars = pyqtgraph.PlotCurveItem(connect="finite")
        self._points = pyqtgraph.ScatterPlotItem(pxMode=True)
        self._bounds = pyqtgraph.ScatterPlotItem(pxMode=True)
        self._arrows = pyqtgraph.ScatterPlotItem(pxMode=True)
        self.items = [self._bars, self._line, self._points, self._arrows, self._bounds]
        for item in self.items:
            item.setVisible(False)
            # The run in front lies above the others, whichever came first.
            item.setZValue(-style.index)
        self.restyle(panel.theme)

    @property
    def data(self) -> Callable[[], Values]:
        """What is exported of it; asked for later, it gives the numbers of now."""
        return self._data or partial(_same, self.values)

    @property
    def look(self) -> Look:
        """How it is drawn now."""
        return self._looks(self._panel.theme)

    def set(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        low: ArrayLike | None = None,
        high: ArrayLike | None = None,
        bound: ArrayLike | None = None,
        joined: bool = True,
        data: Callable[[], Values] | None = None,
    ) -> None:
        """Show points (n,), NaN breaks the line; ``low`` and ``high`` are ends of intervals.

        Where ``bound`` is true, y is an upper bound: an open symbol with an arrow, never joined.
        ``data`` gives what is exported, where that is more or other than what is drawn.
        """
        self.values = Values(
            np.asarray(x, dtype=float),
            np.asarray(y, dtype=float),
            low=None if low is None else np.asarray(low, dtype=float),
            high=None if high is None else np.asarray(high, dtype=float),
            bound=None if bound is None else np.asarray(bound, dtype=bool),
        )
        self._joined, self._data = joined, data
        self.draw()

    def clear(self) -> None:
        """Show nothing."""
        if self.values is not NOTHING:
            self.set([], [])
            self.values = NOTHING

    def draw(self) -> None:
        """Draw the values on the axes as they are scaled now."""
        x, y = self._panel.scaled_x(self.values.x), self._panel.scaled_y(self.values.y)
        bound = np.zeros(x.size, dtype=bool) if self.values.bound is None else self.values.bound
        value = np.where(bound, np.nan, y)
        look = self.look
        is_line = look.line is not None and self._joined and bool(np.isfinite(value).any())
        if is_line:
            self._line.setPen(self._line_pen(look, x.size))
        self._give(self._line, x[: x.size * is_line], value[: x.size * is_line])
        if look.symbol is not None:
            shown = np.isfinite(x) & np.isfinite(value)
            self._give(self._points, x[shown], value[shown])
            self._give(self._bounds, x[bound], y[bound])
            self._give(self._arrows, x[bound], y[bound])
        self._draw_bars(x, bound)

    def _give(self, item: Any, x: Floats, y: Floats) -> None:
        """Hand numbers to an item; an empty one is hidden, as it takes time to paint nothing."""
        if x.size or id(item) in self._filled:
            item.setData(x, y)
            item.setVisible(bool(x.size))
            (self._filled.add if x.size else self._filled.discard)(id(item))

    def _line_pen(self, look: Look, points: int) -> QPen:
        pen = look.pen(self._pens)
        if points > _MANY:
            pen.setWidthF(self._pens)
        return pen

    def _draw_bars(self, x: Floats, bound: NDArray[np.bool_]) -> None:
        if self.values.low is None or self.values.high is None:
            self._give(self._bars, np.empty(0), np.empty(0))
            return
        low = self._panel.scaled_y(self.values.low)
        high = self._panel.scaled_y(self.values.high)
        shown = np.isfinite(low) & np.isfinite(high) & ~bound
        gap = np.full(np.count_nonzero(shown), np.nan)
        ends = np.stack([low[shown], high[shown], gap], axis=-1)
        self._give(self._bars, np.repeat(x[shown], 3), ends.ravel())

    def restyle(self, theme: Theme, pens: float = 1.0) -> None:
        """Take the colours of a theme, and so much wider pens."""
        self._pens = pens
        look = self._looks(theme)
        self._line.setPen(self._line_pen(look, self.values.x.size))
        self._bars.setPen(look.outline(pens))
        for points, brush in (
            (self._points, look.brush(theme.background)),
            (self._bounds, QBrush(theme.background)),
        ):
            points.setPen(look.outline(pens))
            points.setBrush(brush)
            points.setSymbol(look.symbol or "o")
            points.setSize(look.size)
        self._arrows.setPen(look.outline(pens))
        self._arrows.setBrush(None)
        self._arrows.setSymbol(_DOWN)
        self._arrows.setSize(_ARROW_PIXELS)


class Band:
    """A filled band between two lines, which a series tells too; made by `Panel.band`."""

    def __init__(self, panel: Panel, name: str, looks: Looks) -> None:
        self.name = name
        self.values = NOTHING
        self._panel, self._looks = panel, looks
        self._edges = pyqtgraph.PlotCurveItem(), pyqtgraph.PlotCurveItem()
        for edge in self._edges:
            edge.setPen(None)
        self._fill = pyqtgraph.FillBetweenItem(*self._edges)
        self._fill.setVisible(False)
        self.items = [self._fill, *self._edges]
        self.restyle(panel.theme)

    def set(self, x: ArrayLike, low: ArrayLike, high: ArrayLike) -> None:
        """Fill between ``low`` and ``high`` (n,); where one is NaN the band is left out."""
        ends = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
        self.values = Values(np.asarray(x, dtype=float), np.full(ends[0].size, np.nan), *ends)
        self.draw()

    def clear(self) -> None:
        """Show nothing."""
        if self.values is not NOTHING:
            self.set([], [], [])
            self.values = NOTHING

    def draw(self) -> None:
        """Draw the values on the axes as they are scaled now."""
        x = self._panel.scaled_x(self.values.x)
        low, high = (
            self._panel.scaled_y(np.empty(0) if end is None else end)
            for end in (self.values.low, self.values.high)
        )
        shown = np.isfinite(x) & np.isfinite(low) & np.isfinite(high)
        # An empty fill would count as a point at 0 for the range.
        self._fill.setVisible(bool(shown.any()))
        for edge, y in zip(self._edges, (low, high), strict=True):
            edge.setData(x[shown], y[shown])

    def restyle(self, theme: Theme, pens: float = 1.0) -> None:
        """Take the colours of a theme; a band has no pen."""
        colour = QColor(self._looks(theme).colour)
        colour.setAlpha(60)
        self._fill.setBrush(QBrush(colour))


def _same(values: Values) -> Values:
    """Values as they are now; a series gets others, these do not change."""
    return values


def _arrow_down() -> QPainterPath:
    """From the middle of the symbol to its lower end."""
    path = QPainterPath()
    path.moveTo(0.0, 0.12)
    path.lineTo(0.0, 0.48)
    path.moveTo(-0.11, 0.34)
    path.lineTo(0.0, 0.48)
    path.lineTo(0.11, 0.34)
    return path


_DOWN = _arrow_down()
