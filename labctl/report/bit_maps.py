"""Figures of single states of the array: bits beside each other, resistances of BL and BLb."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labctl.report import drawing


def two_maps_figure(
    titles: tuple[str, str],
    values: tuple[NDArray[np.float64], NDArray[np.float64]],
    marked: NDArray[np.bool_],
    label: str,
) -> bytes:
    """Two maps (rows, columns) of values 0 to 1, NaN left white; crosses in the second one.

    ``label`` names the colours.
    """
    figure = drawing.canvas(9.4, 4.4)
    panels = [figure.add_axes((left, 0.11, 0.395, 0.81)) for left in (0.065, 0.515)]
    bar_axes = figure.add_axes((0.92, 0.11, 0.015, 0.81))
    marks = (np.zeros_like(marked), marked)
    for axes, title, one, marks_here in zip(panels, titles, values, marks, strict=True):
        image = drawing.array_map(axes, one, marks_here, vmin=0, vmax=1, cmap="cividis")
        axes.set_title(title, fontsize=10)
    figure.colorbar(image, cax=bar_axes).set_label(label)
    return drawing.png(figure)


def resistance_maps_figure(resistance: NDArray[np.float64]) -> bytes:
    """Maps of the resistances (rows, columns, 2), ohm, of BL and BLb on one logarithmic scale."""
    figure = drawing.canvas(9.4, 4.4)
    panels = [figure.add_axes((left, 0.11, 0.395, 0.81)) for left in (0.065, 0.515)]
    bar_axes = figure.add_axes((0.92, 0.11, 0.015, 0.81))
    valid = np.isfinite(resistance) & (resistance > 0)
    logs = np.full(resistance.shape, np.nan)
    np.log10(resistance, out=logs, where=valid)
    low, high = float(np.nanmin(logs)), float(np.nanmax(logs))
    for device, (axes, name) in enumerate(zip(panels, ("BL", "BLb"), strict=True)):
        nothing = np.zeros(logs.shape[:2], dtype=bool)
        image = drawing.array_map(axes, logs[..., device], nothing, low, high, cmap="cividis")
        axes.set_title(f"{name} devices", fontsize=10)
    figure.colorbar(image, cax=bar_axes).set_label("log10 of the resistance in Ω")
    return drawing.png(figure)


def bits_as_numbers(bits: NDArray[np.uint8]) -> NDArray[np.float64]:
    """0 and 1 as they are, all else (undecided, not read, not programmed) as NaN.

    >>> bits_as_numbers(np.array([0, 1, 2, 255], np.uint8)).tolist()
    [0.0, 1.0, nan, nan]
    """
    return np.where(bits <= 1, bits.astype(float), np.nan)
