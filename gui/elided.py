"""A line of text that gives way in its middle: its beginning and its end both matter."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QLabel


class ElidedLabel(QLabel):
    """As narrow as it has to be; ``text`` is whole, and with word wrap all of it is drawn."""

    @property
    def shown(self) -> str:
        """What of the text is drawn."""
        if self.wordWrap():
            return self.text()
        room = self.contentsRect().width()
        return self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideMiddle, room)

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        """The text, with an ellipsis where it has no room."""
        style = self.style()
        if self.wordWrap() or style is None:
            super().paintEvent(a0)
            return
        style.drawItemText(
            QPainter(self),
            self.contentsRect(),
            int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter),
            self.palette(),
            self.isEnabled(),
            self.shown,
            self.foregroundRole(),
        )
