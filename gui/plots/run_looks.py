"""How runs look when several are drawn in one plot.

An overlaid run has the same colour and dash in all plots. Where symbols tell what is drawn, all
runs have the same ones; elsewhere each run has a symbol of its own.
"""

from __future__ import annotations

from dataclasses import replace

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
    return colours.line_colour(run_colour_index(style), theme)


def run_colour_index(style: RunStyle) -> int:
    """Which of the colours that is."""
    return style.index + _MEANINGS - 1 if style.index else 0


def run_dash(style: RunStyle) -> Qt.PenStyle:
    """Dash of a run's lines."""
    return colours.DASHES[style.index % len(colours.DASHES)]


def line_sample(style: RunStyle) -> Looks:
    """Colour and dash of a run, for a legend."""
    return lambda theme: Look(run_colour(style, theme), line=run_dash(style), width=2.5)


def named_run(style: RunStyle, theme: Theme) -> tuple[str, Look | None]:
    """How a legend names a run of several that symbols do not tell apart.

    The run in front looks as the legend's other entries say, so it has no sample.
    """
    if style.index == 0:
        return f"in front: {style.name}", None
    return style.name, line_sample(style)(theme)


def run_look(
    style: RunStyle,
    *,
    symbols: bool = True,
    line: bool = True,
    dashed: bool = True,
    filled: bool = True,
    size: int = 7,
) -> Looks:
    """A series that stands for its run alone; not ``dashed`` where dashes tell something else."""

    def look(theme: Theme) -> Look:
        return Look(
            run_colour(style, theme),
            colours.symbol(style.index) if symbols else None,
            filled=filled,
            size=size,
            line=(run_dash(style) if dashed else Qt.PenStyle.SolidLine) if line else None,
        )

    return look


def quantity_look(style: RunStyle, front: Looks) -> Looks:
    """A quantity that all runs have: as ``front`` in the run in front.

    In an overlaid run its symbol, filled or open, tells it still; colour and dash tell the run.
    """

    def look(theme: Theme) -> Look:
        own = front(theme)
        if style.index == 0:
            return own
        dash = None if own.line is None else run_dash(style)
        return replace(own, colour=run_colour(style, theme), line=dash)

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
        own = symbol if front or symbol is None else colours.symbol(style.index)
        return Look(
            colours.line_colour(part, theme) if front else run_colour(style, theme),
            own,
            filled=filled,
            size=size,
            line=run_dash(style) if line else None,
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
