"""The pad waveforms of a plan, drawn as a logic analyser would show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labctl.report.drawing import BLACK, BLUE, GREY, canvas, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Points = Mapping[str, NDArray[np.float64]]

PAD_ORDER = ("WL", "SL", "BL", "BLB", "BYP", "SEN", "Q", "QB")
_PANEL_WIDTH = 5.2
_COLUMNS = 3


def draw_waveforms(schemes: Sequence[tuple[str, Points]]) -> bytes:
    """A PNG with a panel for each scheme: pads below each other, volts against time.

    ``schemes`` gives a name and for each pad points (n, 2) of seconds and volts.
    """
    distinct = list(dict(schemes).items())
    columns = min(_COLUMNS, len(distinct)) or 1
    rows = -(-len(distinct) // columns) or 1
    figure = canvas(_PANEL_WIDTH * columns, 4.6 * rows)
    panels = np.atleast_1d(figure.subplots(rows, columns, squeeze=False)).ravel()
    for axes, (name, points) in zip(panels, distinct, strict=False):
        _draw(axes, name, points)
    for axes in panels[len(distinct) :]:
        axes.set_visible(False)
    figure.tight_layout()
    return png(figure)


def _draw(axes: Axes, name: str, points: Points) -> None:
    pads = [pad for pad in PAD_ORDER if pad in points]
    end = max(float(points[pad][-1, 0]) for pad in pads)
    factor, unit = next((f, u) for f, u in ((1e9, "ns"), (1e6, "µs"), (1e3, "ms")) if end * f < 5e3)
    tallest = max(max(float(np.abs(points[pad][:, 1]).max()) for pad in pads), 1e-3)
    for lane, pad in enumerate(reversed(pads)):
        base = 1.25 * lane
        times, volts = points[pad][:, 0] * factor, points[pad][:, 1]
        axes.axhline(base, color=GREY, linewidth=0.5, linestyle=":")
        axes.plot(times, base + volts / tallest, color=BLUE, linewidth=1.6)
        low, high = float(volts.min()), float(volts.max())
        shown = f"{high:.3g} V" if low == 0 or low == high else f"{low:.3g} to {high:.3g} V"
        axes.text(
            1.01, base + 0.15, shown, color=BLACK, fontsize=8, transform=axes.get_yaxis_transform()
        )
    axes.set_yticks([1.25 * lane for lane in range(len(pads))], [*reversed(pads)])
    axes.set_ylim(-0.3, 1.25 * len(pads))
    axes.set_xlim(0, end * factor)
    axes.set_xlabel(f"Time ({unit})")
    axes.set_title(name, loc="left", fontsize=10)
    axes.spines[["top", "right", "left"]].set_visible(False)
