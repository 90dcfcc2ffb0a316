"""Figures of the checkerboard report, after Fig. 4a-d of the paper, with their captions."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.checkerboard import CellErrors, CheckerboardResult
from labctl.analysis.maps import PatternMap
from labctl.report import drawing
from labctl.report.page import FigureBlock
from labctl.report.sense_figure import sense_figure
from labctl.report.text import count, ohms, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STATE_COLOURS = {"LRS": drawing.BLUE, "HRS": drawing.ORANGE}


def checkerboard_figures(result: CheckerboardResult) -> list[FigureBlock]:
    """Those of the four figures for which there is anything to draw."""
    blocks = []
    if result.readings:
        blocks.append(_sigma_block(result))
    if result.cells.cells:
        blocks.append(_maps_block(result))
    if result.sense.bins:
        blocks.append(_sense_block(result))
    if result.cells.cells:
        blocks.append(_cells_block(result))
    return blocks


def _sigma_block(result: CheckerboardResult) -> FigureBlock:
    return FigureBlock(
        "Figure 1. Resistance distributions",
        sigma_figure(result),
        "Sigma plot of the LRS and HRS resistances of BL and BLb devices with both references",
        f"{count(result.readings, 'reading')} of {count(result.programmings, 'programming')}, "
        "thinned evenly in sigma; the 20 lowest and highest of each series are all drawn. Both "
        "axes as in Fig. 4a of the paper: a lognormal distribution is a straight line. LRS above "
        f"a reference, and HRS below it, are 1T1R errors. {_window_text(result)}",
    )


def _maps_block(result: CheckerboardResult) -> FigureBlock:
    return FigureBlock(
        "Figure 2. Mean PCSA output for each pattern",
        _maps_figure(result.maps, result.masked),
        "Two maps of the array with the share of ones that the sense amplifiers read",
        "Share of 1 among the reads of each cell, over all programmings of one pattern "
        "(Fig. 4b-c)."
        + ("" if result.undecided is None else " An undecided read counts as not 1.")
        + (" A cross marks a masked bit." if result.masked.any() else "")
        + _other_patterns(len(result.maps)),
    )


def _sense_block(result: CheckerboardResult) -> FigureBlock:
    return FigureBlock(
        "Figure 3. PCSA errors against the ratio of the resistances",
        sense_figure(result.sense),
        "PCSA error rate against the ratio of the programmed HRS and LRS resistances",
        "Top: share of wrong bits in each tenth of a decade of the ratio (Fig. 4d), with 95 % "
        "intervals; the outermost bins are wider. Open markers with an arrow: no error seen, "
        "upper bound. Line: an ideal amplifier, wrong exactly when the pair is reversed (ratio "
        f"below 1); it would make {count(result.sense.ideal.errors, 'error')} here. Bottom: wrong "
        f"bits in each bin, orange below a ratio of 5. {_without_ratio(result)}",
    )


def _cells_block(result: CheckerboardResult) -> FigureBlock:
    return FigureBlock(
        "Figure 4. Errors of each cell",
        cells_figure(result.cells, result.masked),
        "Map of the error rate of every cell and a histogram of wrong reads a cell",
        f"{result.cells.without_error} of {count(result.cells.cells, 'usable cell')} were "
        f"never wrong, {result.cells.at_least_5_percent} were wrong in 5 % of their "
        f"programmings or more; the worst in {percent(result.cells.worst_rate)}.",
    )


def _window_text(result: CheckerboardResult) -> str:
    if result.window is None:
        return ""
    text = f"Median HRS over median LRS {result.window.median_ratio:.1f}; "
    if result.window.separation is not None:
        text += (
            "(mean HRS − mean LRS) / (sum of standard deviations) "
            f"{result.window.separation:.2f} in log10 R; "
        )
    if result.window.crossing_sigma is None:
        return text + "the distributions do not overlap."
    return text + f"the tails meet at {result.window.crossing_sigma:.2f} standard deviations."


def _other_patterns(patterns: int) -> str:
    return f" {patterns - 2} more patterns are not drawn." if patterns > 2 else ""


def _without_ratio(result: CheckerboardResult) -> str:
    missing = result.sense.without_ratio
    return f"{count(missing, 'bit')} without two valid resistances not shown." if missing else ""


def sigma_figure(result: CheckerboardResult) -> bytes:
    """Sigma plot of LRS and HRS of BL and BLb with both references (paper, Fig. 4a)."""
    figure, axes = drawing.one_plot(8.0, 4.9)
    for one in result.distributions:
        filled = one.device == "BL"
        axes.plot(
            one.plot.resistance_ohm,
            one.plot.sigma,
            linestyle="none",
            marker="o" if filled else "D",
            markersize=4 if filled else 6,
            markerfacecolor=STATE_COLOURS[one.state] if filled else "none",
            markeredgecolor=STATE_COLOURS[one.state],
            markeredgewidth=0 if filled else 0.8,
            label=f"{one.state} {one.device}, median {ohms(one.median_ohm)}",
        )
    _mark_references(axes, result)
    axes.set_xscale("log")
    _resistance_axis(axes)
    axes.set_ylabel("Normal quantile (standard deviations)")
    axes.set_ylim(-5, 5)
    axes.set_yticks(range(-5, 6))
    axes.legend(loc="lower right", frameon=True, framealpha=0.95, edgecolor="none", fontsize=9)
    return drawing.png(figure)


def _mark_references(axes: Axes, result: CheckerboardResult) -> None:
    """Vertical lines, labelled on the outer side of each so that the labels never meet."""
    marks = [
        (errors.reference_ohm, name, colour, style)
        for errors, name, colour, style in (
            (result.fixed, "fixed", drawing.GREY, "--"),
            (result.best, "best", drawing.BLACK, "-"),
        )
        if errors.reference_ohm is not None
    ]
    for (ohm, name, colour, style), side in zip(sorted(marks), (-1, 1), strict=False):
        axes.axvline(ohm, color=colour, linestyle=style, linewidth=1.3, zorder=1)
        axes.annotate(
            f"{name} reference\n{ohms(ohm)}",
            (ohm, 4.85),
            xytext=(4 * side, 0),
            textcoords="offset points",
            ha="right" if side < 0 else "left",
            va="top",
            fontsize=9,
            color=colour,
        )


def _maps_figure(maps: list[PatternMap], masked: NDArray[np.bool_]) -> bytes:
    """Mean sense-amplifier output of every cell, one map a pattern (paper, Fig. 4b-c)."""
    figure = drawing.canvas(9.4, 4.4)
    panels = [figure.add_axes((left, 0.11, 0.395, 0.84)) for left in (0.065, 0.515)]
    bar_axes = figure.add_axes((0.93, 0.11, 0.015, 0.84))
    for axes, one in zip_longest(panels, maps[:2]):
        if one is None:
            axes.set_axis_off()
            continue
        image = drawing.array_map(axes, one.mean_output, masked, vmin=0, vmax=1, cmap="cividis")
        axes.set_title(
            f"Cell (0, 0) programmed to {one.pattern[0, 0]}, {one.programmings} programmings",
            fontsize=10,
        )
    bar = figure.colorbar(image, cax=bar_axes)
    bar.set_label("Mean PCSA output (share of 1 read)")
    return drawing.png(figure)


def cells_figure(cells: CellErrors, masked: NDArray[np.bool_]) -> bytes:
    """Error rate of every cell over all programmings, and how many cells have how many errors."""
    from matplotlib.ticker import MaxNLocator

    figure = drawing.canvas(9.4, 4.4)
    left = figure.add_axes((0.065, 0.11, 0.395, 0.84))
    bar_axes = figure.add_axes((0.475, 0.11, 0.015, 0.84))
    right = figure.add_axes((0.62, 0.11, 0.365, 0.84))
    rates = np.full(cells.reads.shape, np.nan)
    np.divide(100.0 * cells.errors, cells.reads, out=rates, where=cells.reads > 0)
    worst = max(float(np.nanmax(rates, initial=0.0)), 1.0)
    image = drawing.array_map(left, rates, masked, vmin=0, vmax=worst, cmap="Blues")
    left.set_title("Where", fontsize=10)
    bar = figure.colorbar(image, cax=bar_axes)
    bar.set_label("2T2R error rate of the cell (%)")

    errors = cells.errors[cells.reads > 0]
    counts = np.bincount(errors)
    right.bar(np.arange(counts.size), counts, width=0.85, color=drawing.BLUE)
    right.set_yscale("log")
    right.set_ylim(0.6, 2 * cells.cells)
    right.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    right.xaxis.set_major_locator(MaxNLocator(integer=True))
    right.set_xlabel("Wrong reads of the cell")
    right.set_ylabel("Cells")
    right.set_title("How many", fontsize=10)
    drawing.style(right)
    return drawing.png(figure)


def _resistance_axis(axes: Axes) -> None:
    from matplotlib.ticker import EngFormatter

    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.set_xlabel("Resistance at 0.1 V, access transistor included (Ω)")
