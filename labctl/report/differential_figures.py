"""Figure of the differential report, after Fig. 8a of the paper, with its caption."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from labctl.analysis.differential import DifferentialPoint
from labctl.analysis.ideal import ideal_from_1t1r
from labctl.report import drawing
from labctl.report.page import FigureBlock
from labctl.report.rate_plot import drawn_ends

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def differential_block(points: Sequence[DifferentialPoint]) -> FigureBlock:
    """2T2R against 1T1R error rate, with the ideal amplifier's line."""
    figure, axes = drawing.one_plot(7.4, 6.0)
    for of_array, marker, colour, label in (
        (True, "o", drawing.ORANGE, "whole array, low compliance"),
        (False, "D", drawing.BLUE, "one pair, high compliance"),
    ):
        chosen = [one for one in points if (one.place is None) == of_array]
        _draw_points(axes, chosen, marker, colour, label)
    ideal = [(one.best.rate.value, one.ideal_expected) for one in points if one.ideal_expected]
    if ideal:
        axes.plot(*zip(*ideal, strict=True), "kx", markersize=6, label="ideal, same resistances")
    lowest = min(filter(None, (one.best.rate.low for one in points)), default=1e-5)
    span = np.geomspace(min(lowest, 1e-2) / 3, 0.3, 200)
    axes.plot(span, ideal_from_1t1r(span), "--", color=drawing.GREY, label="ideal, lognormal")
    axes.plot(span, span, ":", color=drawing.BLACK, linewidth=1.2, label="no gain")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(span[0], 0.5)
    axes.set_ylim(_lowest_drawn(points) / 4, 0.5)
    axes.set_xlabel("1T1R bit error rate (best reference)")
    axes.set_ylabel("2T2R bit error rate (sensed)")
    axes.legend(frameon=False, fontsize=9, loc="upper left")
    return FigureBlock(
        "Figure 1. 2T2R against 1T1R bit error rate",
        drawing.png(figure),
        "2T2R against 1T1R bit error rate, log-log, with lines of an ideal amplifier",
        "A point is one SET compliance (Fig. 8a). Bars: 95 % intervals of both rates; an open "
        "marker with an arrow is an upper bound, no error was seen. Crosses: an ideal amplifier "
        "on the resistances of these points, every LRS reading against every HRS reading. Dashed: "
        "Q(√2 Q⁻¹(p)), the best that independent lognormal resistances allow. Dotted: no gain.",
    )


def _draw_points(
    axes: Axes,
    points: Sequence[DifferentialPoint],
    marker: str,
    colour: str,
    label: str,
) -> None:
    """Points with both intervals; a bound on either axis is an open marker with an arrow."""
    for one in points:
        single, pair = one.best.rate, one.ber_2t2r
        if not (single.trials and pair.trials):
            continue
        (x, left, right), (y, lower, upper) = drawn_ends(single), drawn_ends(pair)
        bound = single.is_bound or pair.is_bound
        axes.plot(
            x,
            y,
            marker,
            color=colour,
            markerfacecolor="white" if bound else colour,
            markersize=6,
            label=label,
            zorder=3,
        )
        label = "_nolegend_"
        axes.hlines(y, left, right, color=colour, linewidth=1.2)
        axes.vlines(x, lower, upper, color=colour, linewidth=1.2)
        for is_bound, direction in ((single.is_bound, (-16, 0)), (pair.is_bound, (0, -16))):
            if is_bound:
                axes.annotate(
                    "",
                    (x, y),
                    xytext=direction,
                    textcoords="offset points",
                    arrowprops={"arrowstyle": "<-", "color": colour, "shrinkA": 0},
                )


def _lowest_drawn(points: Sequence[DifferentialPoint]) -> float:
    ends = [one.ber_2t2r.low or one.ber_2t2r.high for one in points if one.ber_2t2r.trials]
    return min(filter(None, ends), default=1e-4)
