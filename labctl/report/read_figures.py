"""Figures of a read run: bits, resistances, scatter from read to read."""

from __future__ import annotations

import numpy as np

from labctl.analysis.read import ReadResult
from labctl.report import drawing
from labctl.report.bit_maps import resistance_maps_figure
from labctl.report.page import FigureBlock
from labctl.report.text import count

STATE_COLOURS = (drawing.BLUE, drawing.ORANGE)


def read_figures(result: ReadResult) -> list[FigureBlock]:
    """Those for which there is anything to draw."""
    drawn = []
    if np.isfinite(result.ones).any():
        drawn.append(_bits_block(result))
    if np.isfinite(result.median).any():
        drawn.append(_resistance_block(result))
    if np.isfinite(result.spread).any():
        drawn.append(_scatter_block(result))
    return [
        FigureBlock(f"Figure {number}. {title}", png, alt, caption)
        for number, (title, png, alt, caption) in enumerate(drawn, start=1)
    ]


def _bits_block(result: ReadResult) -> tuple[str, bytes, str, str]:
    figure = drawing.canvas(5.2, 4.4)
    axes = figure.add_axes((0.11, 0.11, 0.7, 0.84))
    bar_axes = figure.add_axes((0.83, 0.11, 0.027, 0.84))
    changed = (result.ones > 0) & (result.ones < 1)
    image = drawing.array_map(axes, result.ones, changed, vmin=0, vmax=1, cmap="cividis")
    figure.colorbar(image, cax=bar_axes).set_label("Share of 1 among the reads")
    return (
        "Bits",
        drawing.png(figure),
        "Map of the array with the share of ones that the sense amplifiers read",
        f"Of {count(result.reads, 'read')}. A cross marks a bit that did not always read alike: "
        f"{result.changed.errors} of {result.bits}. White: not read.",
    )


def _resistance_block(result: ReadResult) -> tuple[str, bytes, str, str]:
    return (
        "Resistances",
        resistance_maps_figure(result.median),
        "Two maps of the array with the resistance of the BL and of the BLb devices",
        f"Median of {count(result.reads, 'read')} by the SMUs, access transistor included. White: "
        "not read, or no valid reading.",
    )


def _scatter_block(result: ReadResult) -> tuple[str, bytes, str, str]:
    from matplotlib.ticker import EngFormatter

    figure, axes = drawing.one_plot(8.0, 4.4)
    for device, (name, colour, marker) in enumerate(
        zip(("BL", "BLb"), STATE_COLOURS, ("o", "D"), strict=True)
    ):
        axes.plot(
            result.median[..., device].ravel(),
            result.spread[..., device].ravel(),
            linestyle="none",
            marker=marker,
            markersize=3,
            markerfacecolor=colour if device == 0 else "none",
            markeredgecolor=colour,
            markeredgewidth=0.6,
            label=f"{name} devices",
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.set_xlabel("Median resistance of the device at 0.1 V (Ω)")
    axes.set_ylabel("Standard deviation of log10 R (decades)")
    axes.legend(loc="upper left", frameon=False, fontsize=9)
    return (
        "Scatter from read to read",
        drawing.png(figure),
        "Standard deviation of log10 R of each device against its median resistance",
        f"One point a device, from {count(result.reads, 'read')} between which nothing was "
        "programmed: read noise of device and instrument, not programming.",
    )
