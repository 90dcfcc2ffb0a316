"""How runs look when several are drawn in one plot: colour, symbol and dash together."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor

from gui import colours
from gui.contract import RunStyle
from gui.plots.series import Look, Looks
from gui.theme import Theme

LRS, HRS = 0, 1
"""Colours of the states in the run in front: blue and vermillion, as in the reports."""

_MEANINGS = 2
"""Colours that mean a state; overlaid runs begin behind them."""


def run_colour(style: RunStyle, theme: Theme) -> QColor:
    """Colour of all of a run."""
    return colours.line_colour(style.index, theme)


def run_look(
    style: RunStyle, *, symbols: bool = True, line: bool = True, filled: bool = True, size: int = 7
) -> Looks:
    """A series that stands for its run alone."""

    def look(theme: Theme) -> Look:
        return Look(
            run_colour(style, theme),
            colours.symbol(style.index) if symbols else None,
            filled=filled,
            size=size,
            line=colours.DASHES[style.index % len(colours.DASHES)] if line else None,
        )

    return look


def part_look(
    style: RunStyle,
    part: int,
    *,
    symbol: str | None = "o",
    filled: bool = True,
    line: bool = True,
    size: int = 7,
    width: float = 1.5,
) -> Looks:
    """One part of a run, such as a state: in the run in front the colour tells which.

    An overlaid run has one colour, its own symbol and its own dash; its parts are told by where
    they lie and by filled and open symbols.
    """

    def look(theme: Theme) -> Look:
        front = style.index == 0
        index = part if front else style.index + _MEANINGS - 1
        dash = colours.DASHES[style.index % len(colours.DASHES)]
        own = symbol if front or symbol is None else colours.symbol(style.index)
        return Look(
            colours.line_colour(index, theme),
            own,
            filled=filled,
            size=size,
            line=dash if line else None,
            width=width,
        )

    return look


def quiet_look(
    symbol: str | None = None, line: Qt.PenStyle | None = Qt.PenStyle.SolidLine, size: int = 6
) -> Looks:
    """Something of less weight, in the colour of quiet text."""

    def look(theme: Theme) -> Look:
        return Look(theme.dim, symbol, filled=False, size=size, line=line, width=1.0)

    return look
