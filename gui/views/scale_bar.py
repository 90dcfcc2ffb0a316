"""The colour bar beside or below a map: which colour is which value, with unit."""

from __future__ import annotations

import numpy as np
from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QSizePolicy, QWidget

from gui.colours import colour_map
from gui.models.layers import Layer, Scale
from gui.theme import current_theme
from gui.views.map_scale import Range, ticks

_BAR = 16
_TICK = 4
_GAP = 3
_COLOURS = 256


def lookup(layer: Layer) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    """Colours of a layer's map from its low end to its high end, 0xAARRGGBB."""
    rgb = colour_map(layer.use).getLookupTable(nPts=_COLOURS, alpha=False).astype(np.uint32)
    return np.asarray(0xFF000000 | rgb[:, 0] << 16 | rgb[:, 1] << 8 | rgb[:, 2], dtype=np.uint32)


class ScaleBar(QWidget):
    """Draws the scale of a layer: upright with its high end on top, or across, it at the right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layer: Layer | None = None
        self._span: Range | None = None
        self.is_across = False
        """Whether it lies below the map."""
        self.setObjectName("scale-bar")
        self.set_across(False)

    def set_across(self, across: bool) -> None:
        """Lie below a map, or stand beside it."""
        self.is_across = across
        along, thick = QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed
        self.setSizePolicy(*((along, thick) if across else (thick, along)))
        self.updateGeometry()
        self.update()

    def show_scale(self, layer: Layer, span: Range | None) -> None:
        """Draw the scale of a layer; ``span`` None: there is nothing to show yet."""
        self._layer, self._span = layer, span
        self.setAccessibleName(f"Scale of {layer.title}: {', '.join(self.texts)}")
        self.update()

    @property
    def texts(self) -> list[str]:
        """What stands at the ticks, from the low end."""
        if self._layer is None or self._span is None:
            return []
        return [text for _, text in ticks(self._layer, self._span)]

    @property
    def thickness(self) -> QSize:
        """Width when it stands, height when it lies, in pixels."""
        metrics = self.fontMetrics()
        width = metrics.horizontalAdvance("unreadable")
        return QSize(_BAR + _TICK + _GAP + width + 4, _BAR + _TICK + metrics.height() + 2)

    def sizeHint(self) -> QSize:
        """Room for the longest tick."""
        size = self.thickness
        return QSize(200, size.height()) if self.is_across else QSize(size.width(), 200)

    def minimumSizeHint(self) -> QSize:
        """As thick, and any length."""
        size = self.thickness
        return QSize(80, size.height()) if self.is_across else QSize(size.width(), 80)

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        """The bar, its ticks, and what stands apart at its low end."""
        if self._layer is None or self._span is None:
            return
        painter = QPainter(self)
        if self._layer.scale is Scale.CODES:
            self._paint_codes(painter, self._layer)
        elif self.is_across:
            self._paint_across(painter, self._layer, self._span)
        else:
            self._paint_upright(painter, self._layer, self._span)
        painter.end()

    def _paint_upright(self, painter: QPainter, layer: Layer, span: Range) -> None:
        line = self.fontMetrics().height()
        below = 2 * line if layer.zero else line
        bar = QRectF(1, line, _BAR, max(self.height() - line - below, 10))
        column = np.ascontiguousarray(lookup(layer)[::-1])
        image = QImage(column.tobytes(), 1, _COLOURS, 4, QImage.Format.Format_ARGB32)
        self._paint_bar(painter, bar, image)
        lowest_text = bar.bottom() + self.height()
        for position, text in ticks(layer, span):
            y = bar.bottom() - position * bar.height()
            painter.drawLine(int(bar.right()), int(y), int(bar.right()) + _TICK, int(y))
            if lowest_text - y >= self.fontMetrics().ascent():
                self._paint_text(painter, text, bar.right() + _TICK + _GAP, y)
                lowest_text = y
        if layer.zero:
            self._paint_box(painter, layer.zero, 1, bar.bottom() + 0.7 * line, _zero_colour())

    def _paint_across(self, painter: QPainter, layer: Layer, span: Range) -> None:
        metrics = self.fontMetrics()
        # Texts at the ends of the bar reach beyond it.
        left = margin = metrics.horizontalAdvance("1000 k") / 2
        if layer.zero:
            left += self._paint_box(painter, layer.zero, 1, 1, _zero_colour())
        bar = QRectF(left, 1, max(self.width() - left - margin, 10), _BAR)
        row = np.ascontiguousarray(lookup(layer))
        image = QImage(row.tobytes(), _COLOURS, 1, 4 * _COLOURS, QImage.Format.Format_ARGB32)
        self._paint_bar(painter, bar, image)
        written = -float(self.width())
        for position, text in ticks(layer, span):
            x = bar.left() + position * bar.width()
            painter.drawLine(int(x), int(bar.bottom()), int(x), int(bar.bottom()) + _TICK)
            width = metrics.horizontalAdvance(text) + _GAP
            if x - width / 2 >= written:
                room = QRectF(x - width / 2, bar.bottom() + _TICK, width, metrics.height())
                painter.drawText(room, Qt.AlignmentFlag.AlignCenter, text)
                written = x + width / 2

    def _paint_bar(self, painter: QPainter, bar: QRectF, image: QImage) -> None:
        painter.drawImage(bar, image)
        painter.setPen(QPen(current_theme().border, 0))
        painter.drawRect(bar)
        painter.setPen(QPen(current_theme().foreground, 1))

    def _paint_codes(self, painter: QPainter, layer: Layer) -> None:
        colours = lookup(layer)
        x, y = 1.0, 1.0 if self.is_across else self.fontMetrics().height() + 1.1 * _BAR
        for code, text in enumerate(layer.codes):
            place = code / max(len(layer.codes) - 1, 1)
            width = self._paint_box(
                painter, text, x, y, QColor(int(colours[round(place * (_COLOURS - 1))]))
            )
            x, y = (x + width, y) if self.is_across else (x, y + 1.6 * _BAR)

    def _paint_box(self, painter: QPainter, text: str, x: float, y: float, colour: QColor) -> float:
        """A colour that means one thing, and what; the width of both, pixels."""
        box = QRectF(x, y, _BAR, _BAR)
        painter.fillRect(box, colour)
        painter.setPen(QPen(current_theme().border, 0))
        painter.drawRect(box)
        self._paint_text(painter, text, box.right() + _TICK + _GAP, box.center().y())
        return _BAR + _TICK + _GAP + self.fontMetrics().horizontalAdvance(text) + 3 * _TICK

    def _paint_text(self, painter: QPainter, text: str, x: float, y: float) -> None:
        """Text that begins at x, its middle at y."""
        painter.setPen(current_theme().foreground)
        line = self.fontMetrics().height()
        room = QRectF(x, y - line / 2, self.width() - x, line)
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)


def _zero_colour() -> QColor:
    """Of zeros, which no logarithmic scale holds."""
    return QColor(current_theme().calm)
