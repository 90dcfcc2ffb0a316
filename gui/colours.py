"""Colours, symbols and dashes that people with any colour vision tell apart.

Lines take the colours of Okabe and Ito; maps take viridis, cividis and ColorBrewer's PuOr.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor, QPen

from gui.theme import Theme

OKABE_ITO = {
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
}
"""By name; the set's black and yellow are left out, each invisible on one of the themes."""

LINES = tuple(OKABE_ITO.values())
"""In the order in which lines, and runs, take them."""

SYMBOLS = ("o", "s", "t1", "d", "x", "+", "star", "p")
"""pyqtgraph's names of symbols, by index of a run."""

DASHES = (
    Qt.PenStyle.SolidLine,
    Qt.PenStyle.DashLine,
    Qt.PenStyle.DotLine,
    Qt.PenStyle.DashDotLine,
    Qt.PenStyle.DashDotDotLine,
)
"""By index of a run."""


def line_colour(index: int, theme: Theme) -> QColor:
    """Colour of the run, or line, of that index."""
    colour = QColor(LINES[index % len(LINES)])
    # The dark ones of the set need more light on a dark background.
    return colour.lighter(135) if theme.dark and colour.lightness() < 100 else colour


def line_pen(index: int, theme: Theme, width: float = 1.5, colour: QColor | None = None) -> QPen:
    """Pen of a run: its dash, and its colour unless ``colour`` tells something else."""
    pen: QPen = pyqtgraph.mkPen(colour or line_colour(index, theme), width=width)
    pen.setStyle(DASHES[index % len(DASHES)])
    return pen


def symbol(index: int) -> str:
    """Symbol of the run of that index."""
    return SYMBOLS[index % len(SYMBOLS)]


# fmt: off
_PURPLE_ORANGE = (
    "#7f3b08", "#b35806", "#e08214", "#fdb863", "#fee0b6", "#f7f7f7",
    "#d8daeb", "#b2abd2", "#8073ac", "#542788", "#2d004b",
)
# fmt: on

MAPS: dict[str, Any] = {
    # Read from pyqtgraph's files here, once: later the interface thread opens none.
    "viridis": pyqtgraph.colormap.get("viridis"),
    "cividis": pyqtgraph.colormap.get("cividis"),
    "PuOr": pyqtgraph.ColorMap(
        np.linspace(0, 1, len(_PURPLE_ORANGE)), [QColor(name) for name in _PURPLE_ORANGE]
    ),
}
"""pyqtgraph ColorMaps by name."""

USES = {"sequential": "viridis", "counts": "cividis", "diverging": "PuOr"}
"""Which map is for what: a quantity, errors and cycles, a ratio about 1 (on a log scale)."""


def colour_map(use: str) -> Any:
    """The pyqtgraph ColorMap for a use of `USES`."""
    return MAPS[USES[use]]
