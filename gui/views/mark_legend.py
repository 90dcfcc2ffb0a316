"""Below a map: which marks are on it, and on how many cells."""

from __future__ import annotations

from collections.abc import Mapping

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from gui.theme import current_theme
from gui.views.cell_marks import CellMark, draw_marks
from labctl.report.text import grouped

_BOX = 13.0
_GAP = 5.0


class MarkLegend(QWidget):
    """Draws each mark that is on the map with its meaning and its number of cells."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._counts: Mapping[CellMark, int] = {}
        self.setObjectName("mark-legend")
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def show_counts(self, counts: Mapping[CellMark, int]) -> None:
        """Number of cells by mark; marks that are on none are left out."""
        self._counts = {mark: count for mark, count in counts.items() if count}
        self.setToolTip(", ".join(self.texts))
        self.setAccessibleName("Marks: " + (", ".join(self.texts) or "none"))
        self.updateGeometry()
        self.update()

    @property
    def texts(self) -> list[str]:
        """What is said, one text a mark."""
        return [f"{mark} {grouped(count)}" for mark, count in self._counts.items()]

    def sizeHint(self) -> QSize:
        """As wide as it likes."""
        return QSize(300, self.heightForWidth(max(self.width(), 60)))

    def minimumSizeHint(self) -> QSize:
        """Of any width."""
        return QSize(60, self._line)

    def heightForWidth(self, width: int) -> int:
        """As many lines as the marks take, one at least."""
        last = self._places(width)[-1:]
        return self._line * (1 + (last[0][1] if last else 0))

    @property
    def _line(self) -> int:
        """Height of a line, pixels."""
        return max(self.fontMetrics().height(), int(_BOX)) + 4

    def _places(self, width: int) -> list[tuple[float, int]]:
        """Where each mark begins, pixels, and in which line."""
        places: list[tuple[float, int]] = []
        left, line = 1.0, 0
        for text in self.texts:
            wide = _BOX + _GAP + self.fontMetrics().horizontalAdvance(text) + 2
            if left > 1.0 and left + wide > width:
                left, line = 1.0, line + 1
            places.append((left, line))
            left += wide + 3 * _GAP
        return places

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        """Box, mark and text, one after the other."""
        theme, height = current_theme(), self._line
        painter = QPainter(self)
        for mark, text, (left, line) in zip(
            self._counts, self.texts, self._places(self.width()), strict=True
        ):
            box = QRectF(left, line * height + (height - _BOX) / 2, _BOX, _BOX)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            painter.fillRect(box, theme.background)
            painter.setPen(theme.border)
            painter.drawRect(box)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            draw_marks(painter, theme, mark, [box], 1.0)
            painter.setPen(theme.foreground)
            place = QRectF(box.right() + _GAP, line * height, self.width(), height)
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, text)
        painter.end()
