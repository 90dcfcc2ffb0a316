"""Figures of a forming run: how many devices formed at which voltage, and where they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.forming import FormingArrays
from labctl.report import drawing


def forming_figure(arrays: FormingArrays, step_v: float) -> bytes:
    """Histogram of the forming voltages and a map for BL and for BLb.

    At least one device formed. ``step_v``: distance of a ladder's tops, V, each then a bar.
    """
    figure = drawing.canvas(10.6, 3.4)
    histogram = figure.add_axes((0.06, 0.15, 0.25, 0.77))
    maps = [figure.add_axes((left, 0.15, 0.242, 0.77)) for left in (0.37, 0.66)]
    bar_axes = figure.add_axes((0.92, 0.15, 0.012, 0.77))
    formed = arrays.voltage[np.isfinite(arrays.voltage)]
    edges = _edges(formed, step_v)
    for index, (name, colour) in enumerate((("BL", drawing.BLUE), ("BLb", drawing.ORANGE))):
        one = arrays.voltage[..., index]
        histogram.hist(
            one[np.isfinite(one)],
            edges.tolist(),
            histtype="step",
            color=colour,
            linewidth=1.6,
            label=name,
        )
        image = drawing.array_map(
            maps[index],
            one,
            arrays.unformed[..., index],
            vmin=float(formed.min()),
            vmax=float(formed.max()),
            cmap="cividis",
        )
        maps[index].set_title(f"{name} devices", fontsize=10)
    histogram.axvline(float(np.median(formed)), color=drawing.BLACK, linewidth=1.2)
    histogram.set_xlabel("Forming voltage (V)")
    histogram.set_ylabel("Devices")
    histogram.legend(frameon=False, fontsize=9)
    drawing.style(histogram)
    figure.colorbar(image, cax=bar_axes).set_label("Forming voltage (V)")
    return drawing.png(figure)


def _edges(volts: NDArray[np.float64], step_v: float) -> NDArray[np.float64]:
    """Edges of the bars: one bar a top, or as wide as the data suggest."""
    if not step_v:
        return np.histogram_bin_edges(volts, bins="fd")
    steps = round((volts.max() - volts.min()) / step_v)
    return np.asarray(volts.min() + step_v * (np.arange(steps + 2) - 0.5))
