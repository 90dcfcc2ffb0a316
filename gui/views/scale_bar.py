"""The colour bar beside a map: which colour is which value, with unit."""

from __future__ import annotations

import numpy as np
from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QImage, QPainter, QPaintEvent, QPen
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
    """Draws the scale of a layer, its high end on top."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layer: Layer | None = None
        self._span: Range | None = None
        self.setObjectName("scale-bar")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)

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

    def sizeHint(self) -> QSize:
        """Wide enough for the longest tick."""
        width = self.fontMetrics().horizontalAdvance("unreadable")
        return QSize(_BAR + _TICK + _GAP + width + 4, 200)

    def minimumSizeHint(self) -> QSize:
        """As wide, and any height."""
        return QSize(self.sizeHint().width(), 80)

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        """The bar, its ticks, and what stands apart below it."""
        if self._layer is None or self._span is None:
            return
        painter = QPainter(self)
        line = self.fontMetrics().height()
        below = 2 * line if self._layer.zero else line
        bar = QRectF(1, line, _BAR, max(self.height() - line - below, 10))
        if self._layer.scale is Scale.CODES:
            self._paint_codes(painter, self._layer, bar)
        else:
            self._paint_gradient(painter, self._layer, self._span, bar)
        if self._layer.zero:
            self._paint_zero(
                painter, self._layer.zero, QRectF(1, bar.bottom() + 0.7 * line, _BAR, _BAR)
            )
        painter.end()

    def _paint_gradient(self, painter: QPainter, layer: Layer, span: Range, bar: QRectF) -> None:
        theme = current_theme()
        column = np.ascontiguousarray(lookup(layer)[::-1])
        image = QImage(column.tobytes(), 1, _COLOURS, 4, QImage.Format.Format_ARGB32)
        painter.drawImage(bar, image)
        painter.setPen(QPen(theme.border, 0))
        painter.drawRect(bar)
        lowest_text = bar.bottom() + self.height()
        for position, text in ticks(layer, span):
            y = bar.bottom() - position * bar.height()
            painter.setPen(QPen(theme.foreground, 1))
            painter.drawLine(int(bar.right()), int(y), int(bar.right()) + _TICK, int(y))
            if lowest_text - y >= self.fontMetrics().ascent():
                self._paint_text(painter, text, y)
                lowest_text = y

    def _paint_codes(self, painter: QPainter, layer: Layer, bar: QRectF) -> None:
        theme, colours = current_theme(), lookup(layer)
        for code, text in enumerate(layer.codes):
            place = code / max(len(layer.codes) - 1, 1)
            y = bar.top() + (code + 1) * 1.6 * _BAR
            box = QRectF(bar.left(), y - _BAR / 2, _BAR, _BAR)
            painter.fillRect(box, int(colours[round(place * (_COLOURS - 1))]))
            painter.setPen(QPen(theme.border, 0))
            painter.drawRect(box)
            self._paint_text(painter, text, y)

    def _paint_zero(self, painter: QPainter, text: str, box: QRectF) -> None:
        theme = current_theme()
        painter.fillRect(box, theme.calm)
        painter.setPen(QPen(theme.border, 0))
        painter.drawRect(box)
        self._paint_text(painter, text, box.center().y())

    def _paint_text(self, painter: QPainter, text: str, y: float) -> None:
        painter.setPen(current_theme().foreground)
        line = self.fontMetrics().height()
        left = _BAR + _TICK + _GAP
        room = QRectF(left, y - line / 2, self.width() - left, line)
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
