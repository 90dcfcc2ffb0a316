"""Esc as the emergency stop, whatever has the keyboard.

A shortcut cannot do that: open lists and menus take the key first.
"""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QEvent, QObject, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QApplication, QDialog


class EmergencyKey(QObject):
    """Looks at every key of the program before anything else gets it."""

    pressed = pyqtSignal()
    """Esc, as the emergency stop."""

    def __init__(self, can_stop: Callable[[], bool], parent: QObject) -> None:
        """``can_stop``: whether there is a run to stop. If not, Esc closes what is open."""
        super().__init__(parent)
        self._can_stop = can_stop
        application = QApplication.instance()
        assert application is not None
        application.installEventFilter(self)

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:
        """Take Esc, unless it closes a list, a menu or a dialog and no run goes on."""
        if not isinstance(a1, QKeyEvent) or a1.key() != Qt.Key.Key_Escape:
            return False
        if not self._can_stop() and _something_is_open():
            return False
        if a1.type() == QEvent.Type.KeyPress:
            _close_popups()
            if not a1.isAutoRepeat():
                self.pressed.emit()
        # Also where it is offered as a shortcut, to lists and menus first: it comes as a key then.
        a1.accept()
        return True


def _something_is_open() -> bool:
    """Whether Esc closes something: a list, a menu, or the dialog that has the keyboard."""
    popup = QApplication.activePopupWidget()
    return popup is not None or isinstance(QApplication.activeWindow(), QDialog)


def _close_popups() -> None:
    """Close open lists and menus: what was being chosen does not matter any more."""
    while (popup := QApplication.activePopupWidget()) is not None:
        if not popup.close():
            return
