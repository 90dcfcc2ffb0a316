"""Figure of the sense amplifiers: errors against the ratio of the two resistances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labctl.analysis.sense_amplifier import LIMIT_RATIO, RatioBin, SenseErrors
from labctl.report import drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def sense_figure(sense: SenseErrors) -> bytes:
    """PCSA error rate and wrong bits against the ratio, with the ideal step (paper, Fig. 4d)."""
    figure = drawing.canvas(8.0, 5.6)
    top, bottom = figure.subplots(
        2,
        1,
        sharex=True,
        height_ratios=[3, 1],
        gridspec_kw={"left": 0.09, "right": 0.98, "bottom": 0.09, "top": 0.94, "hspace": 0.08},
    )
    _draw_rates(top, sense.bins)
    ends = [one.rate.high if one.rate.is_bound else one.rate.low for one in sense.bins]
    lowest = min(end for end in ends if end is not None) / 3
    ratios = [sense.bins[0].low, 1.0, 1.0, sense.bins[-1].high]
    top.plot(
        ratios, [1, 1, lowest, lowest], color=drawing.BLACK, linewidth=1.2, label="ideal amplifier"
    )
    top.set_yscale("log")
    top.set_ylim(lowest, 2)
    top.set_ylabel("PCSA error rate")
    handles, labels = top.get_legend_handles_labels()
    top.legend(
        handles[::-1],
        labels[::-1],
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=3,
        frameon=False,
        fontsize=9,
    )

    wrong = [one.rate.errors for one in sense.bins]
    colours = [drawing.ORANGE if one.centre < LIMIT_RATIO else drawing.GREY for one in sense.bins]
    lows = [one.low for one in sense.bins]
    widths = [one.high - one.low for one in sense.bins]
    bottom.bar(lows, wrong, widths, align="edge", color=colours, edgecolor="white", linewidth=0.5)
    bottom.set_ylabel("Wrong bits")
    bottom.set_xscale("log")
    bottom.set_xlabel("Ratio of resistances, programmed HRS / programmed LRS (SMU)")
    bottom.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    for axes in (top, bottom):
        drawing.style(axes)
        axes.axvline(LIMIT_RATIO, color=drawing.GREY, linestyle=":", linewidth=1.2)
    top.annotate(
        f"ratio {LIMIT_RATIO:g}",
        (LIMIT_RATIO, lowest),
        xytext=(4, 6),
        textcoords="offset points",
        fontsize=9,
        color=drawing.GREY,
    )
    return drawing.png(figure)


def _draw_rates(axes: Axes, bins: list[RatioBin]) -> None:
    """Measured rates with intervals; bins without an error as open markers with arrows."""
    measured = [one for one in bins if not one.rate.is_bound]
    bounds = [one for one in bins if one.rate.is_bound]
    values = np.array([one.rate.value for one in measured], dtype=float)
    lows = np.array([one.rate.low for one in measured], dtype=float)
    highs = np.array([one.rate.high for one in measured], dtype=float)
    axes.errorbar(
        [one.centre for one in measured],
        values,
        yerr=[values - lows, highs - values],
        fmt="o",
        color=drawing.ORANGE,
        markersize=5,
        capsize=2,
        linewidth=1,
        label="measured, 95 % interval",
    )
    axes.plot(
        [one.centre for one in bounds],
        [one.rate.high or 1.0 for one in bounds],
        "o",
        markerfacecolor="white",
        markeredgecolor=drawing.BLUE,
        markersize=5,
        label="no error seen: 95 % upper bound",
        zorder=3,
    )
    for one in bounds:
        axes.annotate(
            "",
            (one.centre, one.rate.high or 1.0),
            xytext=(0, -16),
            textcoords="offset points",
            arrowprops={"arrowstyle": "<-", "color": drawing.BLUE, "linewidth": 0.9, "shrinkA": 0},
        )
