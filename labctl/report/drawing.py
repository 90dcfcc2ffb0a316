"""What the figures of all reports share: canvas, style, maps, PNG images in memory.

Colours are from the Okabe-Ito set and maps from cividis, so that readers of any colour vision
see the same; state is also told by the marker, never by colour alone.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

BLUE, ORANGE, BLACK, GREY = "#0072B2", "#D55E00", "#1a1a1a", "#767676"
DPI = 140


def canvas(width: float, height: float) -> Figure:
    """An empty figure, size in inches, that draws without any display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI)
    FigureCanvasAgg(figure)
    return figure


def one_plot(width: float, height: float, top: float = 0.98) -> tuple[Figure, Axes]:
    """A figure with one styled pair of axes, size in inches; above ``top`` is room for a legend."""
    figure = canvas(width, height)
    axes = figure.subplots(gridspec_kw={"left": 0.09, "right": 0.98, "bottom": 0.12, "top": top})
    style(axes)
    return figure, axes


def style(axes: Axes) -> None:
    """Light grid behind the data, no box."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(True, color="#e3e3e3", linewidth=0.7)
    axes.set_axisbelow(True)


def array_map(
    axes: Axes,
    values: NDArray[np.float64],
    masked: NDArray[np.bool_],
    vmin: float,
    vmax: float,
    cmap: str,
) -> AxesImage:
    """Draw (rows, columns) with row 0 on top; masked cells are white with a cross."""
    from matplotlib.ticker import MaxNLocator

    image = axes.imshow(values, vmin=vmin, vmax=vmax, cmap=cmap, interpolation="nearest")
    rows, columns = np.nonzero(masked)
    axes.plot(columns, rows, "x", color=ORANGE, markersize=5, markeredgewidth=1.4)
    axes.set_xlabel("Column (bit-line pair)")
    axes.set_ylabel("Row (word line)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    return image


def png(figure: Figure) -> bytes:
    """The figure as a PNG image, without a date, so that equal runs give equal files."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
