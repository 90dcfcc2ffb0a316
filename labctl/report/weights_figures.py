"""Figures of a weights run, after Fig. 4e-f of the paper, with their captions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labctl.analysis.weights import TileErrors, WeightsResult
from labctl.report import drawing
from labctl.report.bit_maps import two_maps_figure
from labctl.report.checkerboard_figures import cells_figure, sigma_figure
from labctl.report.page import FigureBlock
from labctl.report.sense_figure import sense_figure
from labctl.report.text import count, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def weights_figures(result: WeightsResult) -> list[FigureBlock]:
    """Those for which there is anything to draw."""
    drawn = []
    if result.array.ber_2t2r.trials:
        if len(result.tiles[0].maps) == 2:
            drawn.append(_maps_block(result.tiles[0], result))
        drawn += [_errors_block(result), _cells_block(result)]
    if result.array.readings:
        drawn.append(_sigma_block(result))
    if result.array.sense.bins:
        drawn.append(_sense_block(result))
    return [
        FigureBlock(f"Figure {number}. {title}", png, alt, caption)
        for number, (title, png, alt, caption) in enumerate(drawn, start=1)
    ]


def _maps_block(tile: TileErrors, result: WeightsResult) -> tuple[str, bytes, str, str]:
    """Mean sense-amplifier output of every cell of a tile and its inverse (paper, Fig. 4e-f)."""
    as_is, inverse = tile.maps
    figure = two_maps_figure(
        (
            f"Tile {tile.tile}, {count(as_is.programmings, 'programming')}",
            f"Its inverse, {count(inverse.programmings, 'programming')}",
        ),
        (as_is.mean_output, inverse.mean_output),
        np.zeros(as_is.pattern.shape, dtype=bool),
        "Mean PCSA output (share of 1 read)",
    )
    others = len(result.tiles) - 1
    return (
        "Mean PCSA output of a tile and its inverse",
        figure,
        "Two maps of the array with the share of ones that the sense amplifiers read",
        "Share of 1 among the reads of each cell, over all programmings (Fig. 4e-f). White: cells "
        "that hold no weight." + (f" {count(others, 'other tile')} not drawn." if others else ""),
    )


def _errors_block(result: WeightsResult) -> tuple[str, bytes, str, str]:
    """Error rate of every weight, and of every tile."""
    figure = drawing.canvas(9.4, 5.2)
    top = figure.add_axes((0.075, 0.62, 0.82, 0.33))
    bar_axes = figure.add_axes((0.91, 0.62, 0.015, 0.33))
    bottom = figure.add_axes((0.075, 0.1, 0.82, 0.36))
    rates = np.full(result.reads.shape, np.nan)
    np.divide(100.0 * result.errors, result.reads, out=rates, where=result.reads > 0)
    worst = max(float(np.nanmax(rates, initial=0.0)), 1.0)
    image = top.imshow(
        rates, vmin=0, vmax=worst, cmap="Blues", aspect="auto", interpolation="nearest"
    )
    top.set_xlabel("Column of the matrix")
    top.set_ylabel("Row of the matrix")
    figure.colorbar(image, cax=bar_axes).set_label("Error rate (%)")
    _draw_tiles(bottom, result.tiles)
    never = result.weights_never_wrong
    return (
        "Errors of each weight and of each tile",
        drawing.png(figure),
        "Map of the matrix with the error rate of each weight, and error rates of the tiles",
        f"Top: 2T2R error rate of each weight, over its programmings as it is and inverted; "
        f"{never.errors} of {count(never.trials, 'weight')} were never wrong. White: not "
        "programmed. Bottom: error rate of each tile with its 95 % interval; open markers with an "
        "arrow: no error seen, upper bound. The line is the rate of all.",
    )


def _draw_tiles(axes: Axes, tiles: list[TileErrors]) -> None:
    """Rates of both patterns together; bounds as open markers with arrows."""
    from matplotlib.ticker import MaxNLocator

    for one in tiles:
        rate = one.both
        if rate.value is None or rate.low is None or rate.high is None:
            continue
        value, low, high = 100 * rate.value, 100 * rate.low, 100 * rate.high
        if rate.is_bound:
            axes.errorbar(
                one.tile,
                high,
                yerr=high / 4,
                uplims=True,
                fmt="o",
                markerfacecolor="white",
                color=drawing.BLUE,
                markersize=5,
            )
        else:
            axes.errorbar(
                one.tile,
                value,
                yerr=[[value - low], [high - value]],
                fmt="o",
                color=drawing.ORANGE,
                markersize=5,
                capsize=3,
            )
    errors, trials = (
        sum(getattr(one.both, name) for one in tiles) for name in ("errors", "trials")
    )
    axes.axhline(100 * errors / trials, color=drawing.GREY, linewidth=1.2, zorder=1)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("Tile")
    axes.set_ylabel("Error rate (%)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    drawing.style(axes)


def _cells_block(result: WeightsResult) -> tuple[str, bytes, str, str]:
    cells = result.array.cells
    return (
        "Errors of each cell of the array",
        cells_figure(cells, result.array.masked),
        "Map of the error rate of every cell and a histogram of wrong reads a cell",
        f"Over all tiles and inverses. {cells.without_error} of {count(cells.cells, 'cell')} were "
        f"never wrong, {cells.at_least_5_percent} were wrong in 5 % of their programmings or more; "
        f"the worst in {percent(cells.worst_rate)}.",
    )


def _sigma_block(result: WeightsResult) -> tuple[str, bytes, str, str]:
    return (
        "Resistance distributions",
        sigma_figure(result.array),
        "Sigma plot of the LRS and HRS resistances of BL and BLb devices with both references",
        f"{count(result.array.readings, 'reading')} of "
        f"{count(result.array.programmings, 'programming')}, thinned evenly in sigma; the 20 "
        "lowest and highest of each series are all drawn. LRS above a reference, and HRS below "
        "it, are 1T1R errors.",
    )


def _sense_block(result: WeightsResult) -> tuple[str, bytes, str, str]:
    return (
        "PCSA errors against the ratio of the resistances",
        sense_figure(result.array.sense),
        "PCSA error rate against the ratio of the programmed HRS and LRS resistances",
        "Top: share of wrong bits in each tenth of a decade of the ratio, with 95 % intervals. "
        "Open markers with an arrow: no error seen, upper bound. Line: an ideal amplifier. Bottom: "
        "wrong bits in each bin, orange below a ratio of 5.",
    )
