"""Light and dark: one palette, one style sheet, and the colours that views take from here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import pyqtgraph
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor, QPalette
from PyQt6.QtWidgets import QApplication, QWidget


class ThemeChoice(StrEnum):
    """What a user may choose."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class Mark(StrEnum):
    """What a control or a label is for; the style sheet draws each differently."""

    DANGER = "danger"
    """Changes devices: Start, Resume."""

    EMERGENCY = "emergency"
    """The emergency stop."""

    CALM = "calm"
    """Only reads or asks: Plan, Copy as command."""

    PROBLEM = "problem"
    """A sentence about wrong input."""

    HINT = "hint"
    """A quiet sentence: allowed values, what is missing."""

    HEADING = "heading"
    """The name of a part of the window."""


@dataclass(frozen=True)
class Theme:
    """The colours of one look; every widget takes its colours from here or from `gui.colours`."""

    dark: bool

    @property
    def window(self) -> QColor:
        """Behind controls."""
        return self._either("#f2f3f5", "#24272b")

    @property
    def background(self) -> QColor:
        """Behind plots, maps, tables and text."""
        return self._either("#ffffff", "#181a1d")

    @property
    def foreground(self) -> QColor:
        """Text and axes."""
        return self._either("#1a1a1a", "#e8e8e8")

    @property
    def dim(self) -> QColor:
        """Text of less weight; still 4.5 : 1 against the background."""
        return self._either("#5c6166", "#a5abb2")

    @property
    def grid(self) -> QColor:
        """Lines of a plot's grid and borders between cells."""
        return self._either("#d9dce0", "#3d4248")

    @property
    def border(self) -> QColor:
        """Around fields and buttons."""
        return self._either("#a9afb6", "#5a6068")

    @property
    def selection(self) -> QColor:
        """The frame of a selected cell; told from data by its width and its second line."""
        return self._either("#c2007a", "#ff6ac1")

    @property
    def highlight(self) -> QColor:
        """The chosen line of a list, the field with the keyboard."""
        return self._either("#1f6fb2", "#2f7fc4")

    @property
    def danger(self) -> QColor:
        """What changes a device."""
        return self._either("#b84a00", "#c85a10")

    @property
    def emergency(self) -> QColor:
        """The emergency stop."""
        return self._either("#b00020", "#c4122f")

    @property
    def calm(self) -> QColor:
        """What only reads or asks."""
        return self._either("#e3e7eb", "#343a40")

    @property
    def problem(self) -> QColor:
        """A sentence about wrong input."""
        return self._either("#a1260d", "#ff9b7a")

    @property
    def good(self) -> QColor:
        """Something ended well or is on disk."""
        return self._either("#006b4e", "#4fc9a0")

    @property
    def simulated(self) -> QColor:
        """The banner of a simulated bench, crossed by stripes of `simulated_stripe`."""
        return self._either("#ffc94d", "#e0a51c")

    @property
    def simulated_stripe(self) -> QColor:
        """The stripes on it."""
        return self._either("#f0a500", "#b57f00")

    @property
    def real(self) -> QColor:
        """The banner of a real bench: plain and dark, with white letters."""
        return self._either("#0b3d91", "#1c55b8")

    @property
    def replay(self) -> QColor:
        """The banner of a replayed recording, with dots of `replay_dot`."""
        return self._either("#c3c7cb", "#6d737a")

    @property
    def replay_dot(self) -> QColor:
        """The dots on it."""
        return self._either("#8d9399", "#474c52")

    def _either(self, light: str, dark: str) -> QColor:
        return QColor(dark if self.dark else light)


def chosen_theme(choice: ThemeChoice, application: QApplication) -> Theme:
    """The theme that a choice means now; without a system setting it is the light one."""
    if choice is ThemeChoice.SYSTEM:
        hints = application.styleHints()
        return Theme(hints is not None and hints.colorScheme() is Qt.ColorScheme.Dark)
    return Theme(choice is ThemeChoice.DARK)


def current_theme() -> Theme:
    """The theme that the application shows; a widget asks again on a ``PaletteChange`` event."""
    return Theme(QApplication.palette().color(QPalette.ColorRole.Window).lightness() < 128)


def apply(application: QApplication, theme: Theme) -> None:
    """Give the whole application a theme, and pyqtgraph its colours for plots made later."""
    sheet = _style_sheet(theme)
    if application.styleSheet() != sheet:
        # Each of these has Qt go through all widgets.
        application.setStyle("Fusion")
        application.setPalette(_palette(theme))
        application.setStyleSheet(sheet)
    pyqtgraph.setConfigOptions(
        background=theme.background, foreground=theme.foreground, antialias=False
    )


def mark(widget: QWidget, what: Mark | None) -> None:
    """Say what a control or a label is for, so that it looks like it."""
    widget.setProperty("mark", what)
    style = widget.style()
    if style is not None:
        # Qt reads properties for its style sheet once; asked again, it sees the new one.
        style.unpolish(widget)
        style.polish(widget)


def _palette(theme: Theme) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for which, colour in {
        role.Window: theme.window,
        role.WindowText: theme.foreground,
        role.Base: theme.background,
        role.AlternateBase: theme.window,
        role.Text: theme.foreground,
        role.PlaceholderText: theme.dim,
        role.Button: theme.calm,
        role.ButtonText: theme.foreground,
        role.ToolTipBase: theme.background,
        role.ToolTipText: theme.foreground,
        role.Highlight: theme.highlight,
        role.HighlightedText: QColor("#ffffff"),
        role.Link: theme.highlight,
    }.items():
        palette.setColor(which, colour)
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, theme.dim)
    return palette


def _style_sheet(theme: Theme) -> str:
    button = "padding: 4px 10px; border-radius: 3px;"
    return f"""
QToolTip {{ color: {theme.foreground.name()}; background: {theme.background.name()};
    border: 1px solid {theme.border.name()}; padding: 3px; }}
QPushButton[mark="{Mark.CALM}"] {{ {button} background: {theme.calm.name()};
    border: 1px solid {theme.border.name()}; }}
QPushButton[mark="{Mark.DANGER}"] {{ {button} background: {theme.danger.name()}; color: white;
    border: 1px solid {theme.danger.darker(140).name()}; font-weight: bold; }}
QPushButton[mark="{Mark.EMERGENCY}"] {{ {button} background: {theme.emergency.name()};
    color: white; border: 3px double white; font-weight: bold; }}
QPushButton[mark="{Mark.DANGER}"]:disabled {{ background: {theme.calm.name()};
    color: {theme.dim.name()}; border: 1px dashed {theme.danger.name()}; }}
QPushButton[mark]:hover {{ border-color: {theme.foreground.name()}; }}
QPushButton[mark]:focus {{ border: 2px solid {theme.highlight.name()}; }}
QPushButton[mark="{Mark.DANGER}"]:focus, QPushButton[mark="{Mark.EMERGENCY}"]:focus {{
    border: 2px solid {theme.foreground.name()}; }}
QLabel[mark="{Mark.PROBLEM}"] {{ color: {theme.problem.name()}; }}
QLabel[mark="{Mark.HINT}"] {{ color: {theme.dim.name()}; }}
QLabel[mark="{Mark.HEADING}"] {{ font-weight: bold; }}
QLineEdit, QPlainTextEdit {{ border: 1px solid {theme.border.name()}; border-radius: 2px;
    background: {theme.background.name()}; padding: 2px; }}
QLineEdit:focus, QPlainTextEdit:focus {{ border-color: {theme.highlight.name()}; }}
QCheckBox::indicator:unchecked, QTableView::indicator:unchecked {{ width: 12px; height: 12px;
    border: 1px solid {theme.border.name()}; background: {theme.background.name()}; }}
QLineEdit[mark="{Mark.PROBLEM}"], QComboBox[mark="{Mark.PROBLEM}"] {{
    border: 2px solid {theme.problem.name()}; }}
"""
