"""Legend above the plots: line and symbol of each series, in as many lines as it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyqtgraph
from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QFontMetricsF, QPainter
from pyqtgraph.graphicsItems.ScatterPlotItem import drawSymbol

from gui.plots.series import Look
from gui.theme import Theme

Entry = tuple[str, Look | None]
"""A text and a sample of what it names; None for a text alone."""

_SAMPLE = 26.0
_SPACE = 14.0
_LINE = 18.0


class Legend(pyqtgraph.GraphicsWidget):
    """Texts with a sample of what they name."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme, self._pens = theme, 1.0
        self._entries: list[Entry] = []
        self._places: list[tuple[float, float]] = []
        self.setFixedHeight(0)

    @property
    def names(self) -> list[str]:
        """What it names, in order."""
        return [name for name, _ in self._entries]

    def show_entries(self, entries: Sequence[Entry], theme: Theme, pens: float = 1.0) -> None:
        """Show these, in order."""
        self._theme, self._pens = theme, pens
        self._entries = list(entries)
        self._place()

    def resizeEvent(self, event: Any) -> None:
        """Find other lines for another width."""
        super().resizeEvent(event)
        self._place()

    def _place(self) -> None:
        metrics = QFontMetricsF(self.font())
        self._places = []
        across, down = 0.0, 0.0
        for name, look in self._entries:
            width = _sample_width(look) + metrics.horizontalAdvance(name)
            if across and across + width > self.size().width():
                across, down = 0.0, down + _LINE
            self._places.append((across, down))
            across += width + _SPACE
        height = down + _LINE if self._entries else 0.0
        if height != self.maximumHeight():
            self.setFixedHeight(height)
        self.update()

    def paint(self, painter: QPainter, option: Any, widget: Any = None) -> None:
        """Draw samples and texts."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for (name, look), (left, top) in zip(self._entries, self._places, strict=True):
            if look is not None:
                self._paint_sample(painter, look, left, top + _LINE / 2)
            painter.setPen(self._theme.foreground)
            place = QRectF(left + _sample_width(look), top, 2000, _LINE)
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, name)

    def _paint_sample(self, painter: QPainter, look: Look, left: float, middle: float) -> None:
        """Line and symbol."""
        if look.line is not None:
            painter.setPen(look.pen(self._pens))
            painter.drawLine(QPointF(left, middle), QPointF(left + _SAMPLE, middle))
        if look.symbol is not None:
            painter.save()
            painter.translate(left + _SAMPLE / 2, middle)
            brush = look.brush(self._theme.background)
            drawSymbol(painter, look.symbol, look.size, look.outline(self._pens), brush)
            painter.restore()


def _sample_width(look: Look | None) -> float:
    """Room before the text."""
    return 0.0 if look is None else _SAMPLE + 6
