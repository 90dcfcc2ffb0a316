"""What to do with a run that goes on when the window is closed."""

from __future__ import annotations

from enum import Enum

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QMessageBox, QPushButton, QWidget


class Leaving(Enum):
    """The answers."""

    LEAVE_RUNNING = "leave"
    STOP = "stop"
    STAY = "stay"


class ClosingQuestion(QMessageBox):
    """Asks once; the window stays usable, and with it the emergency stop."""

    answered = pyqtSignal(object)
    """A `Leaving`."""

    def __init__(self, run: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("closing")
        self.setWindowTitle("A run is going on")
        self.setIcon(QMessageBox.Icon.Question)
        self.setText(f"Run {run} is going on.")
        self.setInformativeText(
            "It can go on without this window: `labctl gui --follow` shows it again. Or it is "
            "stopped within its present step, its outputs are made safe, and the window closes."
        )
        role = QMessageBox.ButtonRole
        self.leave = self._button("&Leave it running", role.AcceptRole, Leaving.LEAVE_RUNNING)
        self.stop = self._button("&Stop it safely, then close", role.DestructiveRole, Leaving.STOP)
        self.stay = self._button("&Cancel", role.RejectRole, Leaving.STAY)
        self.setDefaultButton(self.stay)
        self.setEscapeButton(self.stay)
        self.setWindowModality(Qt.WindowModality.NonModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

    def _button(self, text: str, role: QMessageBox.ButtonRole, answer: Leaving) -> QPushButton:
        button = self.addButton(text, role)
        assert button is not None
        button.setObjectName(answer.value)
        button.clicked.connect(lambda: self.answered.emit(answer))
        return button
