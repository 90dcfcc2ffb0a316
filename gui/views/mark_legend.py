"""One line below a map: which marks are on it, and on how many cells."""

from __future__ import annotations

from collections.abc import Mapping

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from gui.theme import current_theme
from gui.views.cell_marks import CellMark, draw_marks

_BOX = 13.0
_GAP = 5.0


class MarkLegend(QWidget):
    """Draws each mark that is on the map with its meaning and its number of cells."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._counts: Mapping[CellMark, int] = {}
        self.setObjectName("mark-legend")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_counts(self, counts: Mapping[CellMark, int]) -> None:
        """Number of cells by mark; marks that are on none are left out."""
        self._counts = {mark: count for mark, count in counts.items() if count}
        self.setToolTip(", ".join(self.texts))
        self.setAccessibleName("Marks: " + (", ".join(self.texts) or "none"))
        self.update()

    @property
    def texts(self) -> list[str]:
        """What is said, one text a mark."""
        return [f"{mark} {count}" for mark, count in self._counts.items()]

    def sizeHint(self) -> QSize:
        """One line."""
        return QSize(300, max(self.fontMetrics().height(), int(_BOX)) + 4)

    def minimumSizeHint(self) -> QSize:
        """One line of any width."""
        return QSize(60, self.sizeHint().height())

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        """Box, mark and text, one after the other."""
        theme, metrics = current_theme(), self.fontMetrics()
        painter = QPainter(self)
        left, top = 1.0, (self.height() - _BOX) / 2
        for mark, text in zip(self._counts, self.texts, strict=True):
            box = QRectF(left, top, _BOX, _BOX)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            painter.fillRect(box, theme.background)
            painter.setPen(theme.border)
            painter.drawRect(box)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            draw_marks(painter, theme, mark, [box], 1.0)
            painter.setPen(theme.foreground)
            width = metrics.horizontalAdvance(text)
            place = QRectF(box.right() + _GAP, 0, width + 2, self.height())
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, text)
            left = place.right() + 3 * _GAP
        painter.end()
