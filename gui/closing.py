"""What to do with a run that goes on, and lines that wait, when the window is closed."""

from __future__ import annotations

from enum import Enum

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QMessageBox, QPushButton, QWidget

_WAYS = (
    "It can go on without this window: `labctl gui --follow` shows it again. Or it is stopped "
    "within its present step, its outputs are made safe, and the window closes."
)


class Leaving(Enum):
    """The answers."""

    LEAVE_RUNNING = "leave"
    STOP = "stop"
    STAY = "stay"


class ClosingQuestion(QMessageBox):
    """Asks; the window stays usable, and with it the emergency stop."""

    answered = pyqtSignal(object)
    """A `Leaving`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("closing")
        self.setIcon(QMessageBox.Icon.Question)
        role = QMessageBox.ButtonRole
        self.leave = self._button("", role.AcceptRole, Leaving.LEAVE_RUNNING)
        self.stop = self._button("&Stop it safely, then close", role.DestructiveRole, Leaving.STOP)
        self.stay = self._button("&Cancel", role.RejectRole, Leaving.STAY)
        self.setDefaultButton(self.stay)
        self.setEscapeButton(self.stay)
        self.setWindowModality(Qt.WindowModality.NonModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

    def ask(self, run: str, waiting: int) -> None:
        """Show it, or show it again: a run that goes on ("": none), lines that wait."""
        lines = "1 line waits" if waiting == 1 else f"{waiting} lines wait"
        lost = f"{lines} in the queue: closing loses what waits." if waiting else ""
        if run:
            self.setWindowTitle("A run is going on")
            self.setText(f"Run {run} is going on. {lost}".rstrip())
            self.setInformativeText(_WAYS)
            self.leave.setText("&Leave it running")
        else:
            self.setWindowTitle("Lines wait in the queue")
            self.setText(lost)
            self.setInformativeText("")
            self.leave.setText("C&lose and lose them")
        self.stop.setVisible(bool(run))
        self.show()
        self.raise_()
        self.activateWindow()

    def _button(self, text: str, role: QMessageBox.ButtonRole, answer: Leaving) -> QPushButton:
        button = self.addButton(text, role)
        assert button is not None
        button.setObjectName(answer.value)
        button.clicked.connect(lambda: self.answered.emit(answer))
        return button
