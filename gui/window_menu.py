"""The window's own menu: theme and keys."""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QAction, QActionGroup
from PyQt6.QtWidgets import QMenu, QMessageBox, QToolButton, QWidget

from gui.theme import ThemeChoice

_TITLES = {
    ThemeChoice.SYSTEM: "As the &system",
    ThemeChoice.LIGHT: "&Light",
    ThemeChoice.DARK: "&Dark",
}

KEYS = """
<table cellpadding="3">
<tr><td><b>Esc</b></td><td>emergency stop, anywhere in this program</td></tr>
<tr><td><b>Ctrl+Return</b></td><td>start the run in the form</td></tr>
<tr><td><b>Tab, Shift+Tab</b></td><td>next and previous control</td></tr>
<tr><td><b>Alt+letter</b></td><td>the control with that letter underlined</td></tr>
<tr><td><b>Left, Right</b> on a row of tabs</td><td>next and previous page</td></tr>
<tr><td><b>Space</b> in the list of runs</td><td>tick a run to overlay it</td></tr>
<tr><td><b>Enter</b> in the list of runs</td><td>show a run in front</td></tr>
<tr><td><b>Arrows</b> on the map</td><td>next cell; with Shift a block</td></tr>
<tr><td><b>Space</b> on the map</td><td>select the cell, or take it out</td></tr>
</table>
"""


class WindowMenu(QToolButton):
    """A button with a menu."""

    theme_chosen = pyqtSignal(object)
    """A `ThemeChoice`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("window_menu")
        self.setText("&Window")
        self.setAccessibleName("Window: theme and keys")
        self.setToolTip("Light or dark, and the keys")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        self._group = QActionGroup(self)
        self.themes = {choice: self._add_theme(menu, choice) for choice in ThemeChoice}
        menu.addSeparator()
        menu.addAction("&Keys", self.show_keys)
        self.setMenu(menu)

    def show_choice(self, choice: ThemeChoice) -> None:
        """Tick the theme that is chosen."""
        self.themes[choice].setChecked(True)

    def show_keys(self) -> QMessageBox:
        """A page with the keys; not modal, so that they work meanwhile."""
        page = QMessageBox(self)
        page.setObjectName("keys")
        page.setWindowTitle("Keys")
        page.setText(KEYS)
        page.setModal(False)
        page.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        page.show()
        return page

    def _add_theme(self, menu: QMenu, choice: ThemeChoice) -> QAction:
        action = QAction(_TITLES[choice], self)
        action.setCheckable(True)
        action.triggered.connect(lambda: self.theme_chosen.emit(choice))
        self._group.addAction(action)
        menu.addAction(action)
        return action
