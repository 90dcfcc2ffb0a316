"""Colours that can be read in both themes and told apart without colour vision."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from PyQt6.QtCore import QEvent, Qt
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QApplication, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from gui import colours
from gui.theme import Mark, Theme, ThemeChoice, apply, chosen_theme, current_theme, mark

THEMES = (Theme(dark=False), Theme(dark=True))


def luminance(colour: QColor) -> float:
    """Relative luminance as WCAG 2 defines it, 0 to 1."""
    channels = np.array([colour.redF(), colour.greenF(), colour.blueF()])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: QColor, other: QColor) -> float:
    """Contrast as WCAG 2 defines it, 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", THEMES, ids=["light", "dark"])
def test_text_has_the_contrast_that_wcag_asks_for(theme: Theme) -> None:
    for text, ground in product(
        (theme.foreground, theme.dim, theme.problem, theme.good), (theme.window, theme.background)
    ):
        assert contrast(text, ground) >= 4.5, (text.name(), ground.name())
    for ground in (theme.danger, theme.emergency, theme.real, theme.highlight):
        assert contrast(QColor("white"), ground) >= 4.0, ground.name()


@pytest.mark.parametrize("theme", THEMES, ids=["light", "dark"])
def test_every_line_is_seen_on_the_background(theme: Theme) -> None:
    for index in range(len(colours.LINES)):
        assert contrast(colours.line_colour(index, theme), theme.background) >= 2.0, index


def test_no_two_of_the_first_runs_differ_in_colour_alone() -> None:
    theme = THEMES[0]
    looks = [
        (colours.line_pen(i, theme).style(), colours.symbol(i), colours.line_colour(i, theme))
        for i in range(5)
    ]
    for one, other in combinations(looks, 2):
        assert one[0] is not other[0]
        assert one[1] != other[1]
        assert one[2] != other[2]


@pytest.mark.parametrize("use", ["sequential", "counts"])
def test_a_map_of_a_quantity_rises_in_brightness_all_the_way(use: str) -> None:
    levels = [
        luminance(QColor(*(int(c) for c in colours.colour_map(use).map(share)[:3])))
        for share in np.linspace(0, 1, 17)
    ]
    assert (np.diff(levels) > 0).all()


def test_the_map_of_ratios_is_brightest_at_one() -> None:
    levels = [
        luminance(QColor(*(int(c) for c in colours.colour_map("diverging").map(share)[:3])))
        for share in np.linspace(0, 1, 11)
    ]
    assert int(np.argmax(levels)) == 5


def test_the_system_decides_unless_the_user_does(qapp: QApplication) -> None:
    hints = qapp.styleHints()
    assert hints is not None
    dark = hints.colorScheme() is Qt.ColorScheme.Dark
    assert chosen_theme(ThemeChoice.SYSTEM, qapp).dark is dark
    assert chosen_theme(ThemeChoice.DARK, qapp).dark
    assert not chosen_theme(ThemeChoice.LIGHT, qapp).dark


class Watching(QWidget):
    """Notes the theme at every change of palette."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Theme] = []

    def changeEvent(self, event: QEvent | None) -> None:
        if event is not None and event.type() is QEvent.Type.PaletteChange:
            self.seen.append(current_theme())


def test_a_shown_widget_is_told_of_every_change_of_theme(qapp: QApplication, qtbot: QtBot) -> None:
    apply(qapp, THEMES[1])
    widget = Watching()
    qtbot.addWidget(widget)
    widget.show()
    widget.seen.clear()
    for theme in (THEMES[0], THEMES[1]):
        apply(qapp, theme)
        assert set(widget.seen) == {theme}
        widget.seen.clear()


def test_what_changes_a_device_looks_different(qapp: QApplication) -> None:
    apply(qapp, THEMES[0])
    button = QPushButton("Start")
    button.ensurePolished()
    looks = {}
    for what in (Mark.DANGER, Mark.CALM, Mark.EMERGENCY):
        mark(button, what)
        button.resize(120, 30)
        looks[what] = button.grab().toImage().pixelColor(8, 8)
    assert looks[Mark.DANGER] == THEMES[0].danger
    assert looks[Mark.EMERGENCY] == THEMES[0].emergency
    assert looks[Mark.CALM] == THEMES[0].calm
