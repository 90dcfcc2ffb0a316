"""Figures of the endurance report, after Figs. 6 and 7 of the paper, with their captions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from labctl.analysis.crossing import BER_LIMIT
from labctl.analysis.distributions import SigmaPlot
from labctl.analysis.endurance import (
    DEVICES,
    STATES,
    PairEndurance,
    PooledWindow,
    WindowResult,
)
from labctl.report import drawing
from labctl.report.page import FigureBlock
from labctl.report.rate_plot import draw_rates
from labctl.report.text import count, cycle_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STATE_COLOURS = {"LRS": drawing.BLUE, "HRS": drawing.ORANGE}
STATE_MARKERS = {"LRS": "o", "HRS": "D"}


def resistance_block(
    number: int, pair: PairEndurance, unobserved: str, read_in: str
) -> FigureBlock:
    """R of both states of both devices against cycles (Figs. 6(c-d) and 7)."""
    figure = drawing.canvas(9.6, 4.2)
    panels = figure.subplots(
        1,
        2,
        sharey=True,
        gridspec_kw={"left": 0.08, "right": 0.98, "bottom": 0.13, "top": 0.92, "wspace": 0.06},
    )
    windows = [w for w in pair.windows if w.measured]
    for device, axes in zip(DEVICES, panels, strict=True):
        for state in STATES:
            _draw_band(axes, windows, device, state)
        _cycle_axis(axes, windows)
        axes.set_yscale("log")
        axes.set_title(f"{device} device", fontsize=10)
        drawing.style(axes)
    panels[0].set_ylabel("Resistance (ohm)")
    panels[0].legend(frameon=False, fontsize=9, loc="best")
    return FigureBlock(
        f"Figure {number}. Resistances against cycles, row {pair.row} column {pair.column}",
        drawing.png(figure),
        "Median and 1 to 99 % band of LRS and HRS against cycles, for both devices",
        f"Markers: median, at the middle of its window; horizontal bars: the window. Band: 1 % to "
        f"99 % of the readings. A quantile beyond the current range is left out. {read_in} "
        f"{unobserved}",
    )


def sigma_block(
    number: int,
    pair: PairEndurance,
    plots: dict[tuple[int, str], SigmaPlot],
    read_in: str,
) -> FigureBlock:
    """LRS and HRS of both devices in the first and in the last window (Fig. 6(a-b))."""
    figure = drawing.canvas(9.6, 4.8)
    panels = figure.subplots(
        1,
        2,
        sharey=True,
        sharex=True,
        gridspec_kw={"left": 0.07, "right": 0.98, "bottom": 0.11, "top": 0.85, "wspace": 0.06},
    )
    ends = sorted({window for window, _ in plots})
    names = {w.count.window: _span(w) for w in pair.windows}
    for device, axes in zip(DEVICES, panels, strict=True):
        for place, window in enumerate(ends):
            for state in STATES:
                plot = plots[window, f"{device} {state}"]
                axes.plot(
                    plot.resistance_ohm,
                    plot.sigma,
                    linestyle="none",
                    marker=STATE_MARKERS[state],
                    markersize=4,
                    markerfacecolor="white" if place == 0 else STATE_COLOURS[state],
                    markeredgecolor=STATE_COLOURS[state],
                    label=f"{state}, cycle {names[window]}",
                )
        axes.set_xscale("log")
        axes.set_xlabel("Resistance (ohm)")
        axes.set_title(f"{device} device", fontsize=10)
        drawing.style(axes)
    panels[0].set_ylabel("Standard deviations")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, ncols=2, frameon=False, fontsize=9, loc="upper center")
    return FigureBlock(
        f"Figure {number}. Distributions in the first and the last window, row {pair.row} column "
        f"{pair.column}",
        drawing.png(figure),
        "Sigma plots of LRS and HRS of both devices in the first and in the last window",
        "Open: first window, filled: last. A lognormal distribution is a straight line; where the "
        "upper LRS tail and the lower HRS tail meet, a device alone cannot be read. Readings "
        f"beyond the current range hold their place but are not drawn. {read_in}",
    )


def rates_block(
    number: int,
    pooled: Sequence[PooledWindow],
    pairs: Sequence[PairEndurance],
    reference: str,
    unobserved: str,
    read_in: str,
) -> FigureBlock:
    """1T1R and 2T2R bit error rates against cycles (Fig. 6(e)); 2T2R alone if R was not read."""
    figure, axes = drawing.one_plot(8.0, 4.8, top=0.88)
    cycles = [w.cycle for w in pooled]
    if len(pairs) > 1:
        for pair in pairs:
            _draw_one_pair(axes, pair)
    is_read = any(w.measured for w in pooled)
    if is_read:
        _draw_1t1r(axes, pooled, reference, several=len(pairs) > 1)
    draw_rates(axes, cycles, [w.ber_2t2r for w in pooled], drawing.BLUE, "o", "2T2R, sensed")
    axes.axhline(BER_LIMIT, color=drawing.BLACK, linestyle=":", linewidth=1.2)
    axes.set_yscale("log")
    axes.set_xscale("log")
    axes.set_xlim(0.5 * cycles[0], 1.6 * pooled[-1].last)
    axes.set_xlabel("Cycles")
    axes.set_ylabel("Bit error rate")
    figure.legend(frameon=False, fontsize=9, loc="upper center", ncols=2)
    single = "1T1R: both devices against one reference. " if is_read else ""
    own = " at their own best reference" if is_read else ""
    many = (
        f" All {count(len(pairs), 'pair')} together; thin lines: single pairs{own}, windows with "
        "errors."
        if len(pairs) > 1
        else ""
    )
    return FigureBlock(
        f"Figure {number}. Bit error rates against cycles",
        drawing.png(figure),
        "Bit error rate of single devices and of the sensed pair against cycles, log-log"
        if is_read
        else "Bit error rate of the sensed pair against cycles, log-log",
        "2T2R: every cycle of the window, read by the on-chip amplifier. "
        f"{single}{read_in} Bars: 95 % intervals of independent trials; an open "
        f"marker with an arrow is an upper bound, no error was seen. Dotted: 1e-3.{many} "
        f"{unobserved}",
    )


def failures_block(number: int, cycles_1t1r: Sequence[float], last: int) -> FigureBlock:
    """Share of pairs whose 1T1R error rate has passed the limit, against cycles."""
    figure, axes = drawing.one_plot(7.0, 4.0)
    known = np.sort([c for c in cycles_1t1r if math.isfinite(c)])
    pairs = len(cycles_1t1r)
    steps = np.append(known, last)
    share = np.append(np.arange(1, len(known) + 1), len(known)) / pairs
    axes.step(steps, share, where="post", color=drawing.ORANGE)
    axes.plot(known, share[:-1], "D", color=drawing.ORANGE, markersize=4)
    axes.set_xscale("log")
    axes.set_ylim(0, 1.03)
    axes.set_xlabel("Cycles at which the 1T1R error rate passes 1e-3")
    axes.set_ylabel("Share of pairs")
    return FigureBlock(
        f"Figure {number}. Failure cycles",
        drawing.png(figure),
        "Cumulative share of pairs against the cycle at which their 1T1R rate passes 1e-3",
        f"{len(known)} of {count(pairs, 'pair')} passed 1e-3 at the reference that is best for all "
        "pairs together; the others reached the end. Cycles are interpolated between windows.",
    )


def _draw_1t1r(axes: Axes, pooled: Sequence[PooledWindow], reference: str, several: bool) -> None:
    """1T1R at the fixed reference and at the best ones."""
    cycles = [w.cycle for w in pooled]
    fixed = f"1T1R, reference {reference}"
    draw_rates(axes, cycles, [w.fixed for w in pooled], drawing.GREY, "s", fixed)
    best = "1T1R, best reference"
    if several:
        common = f"{best} for all pairs"
        draw_rates(axes, cycles, [w.common for w in pooled], drawing.BLACK, "^", common)
        best = f"{best} of each pair"
    draw_rates(axes, cycles, [w.best for w in pooled], drawing.ORANGE, "D", best)


def _draw_one_pair(axes: Axes, pair: PairEndurance) -> None:
    for colour, rates in (
        (drawing.ORANGE, [w.best.rate for w in pair.windows]),
        (drawing.BLUE, [w.ber_2t2r for w in pair.windows]),
    ):
        values = np.array([r.value if r.errors else None for r in rates], dtype=float)
        axes.plot([w.cycle for w in pair.windows], values, color=colour, linewidth=0.4, alpha=0.4)


def _draw_band(axes: Axes, windows: list[WindowResult], device: str, state: str) -> None:
    bands = [w.bands[f"{device} {state}"] for w in windows]
    cycles = np.array([w.cycle for w in windows])
    median, low, high = (
        np.array([getattr(b, name) for b in bands], dtype=float)
        for name in ("median_ohm", "q01_ohm", "q99_ohm")
    )
    colour = STATE_COLOURS[state]
    axes.fill_between(cycles, low, high, color=colour, alpha=0.18, linewidth=0)
    axes.errorbar(
        cycles,
        median,
        xerr=[
            cycles - [w.count.first for w in windows],
            np.array([w.count.last for w in windows]) - cycles,
        ],
        fmt=STATE_MARKERS[state],
        color=colour,
        markersize=4.5,
        elinewidth=1.0,
        label=f"{state}, median and 1 to 99 %",
    )


def _cycle_axis(axes: Axes, windows: list[WindowResult]) -> None:
    axes.set_xscale("log")
    axes.set_xlabel("Cycles")
    axes.set_xlim(0.5 * windows[0].cycle, 1.6 * windows[-1].count.last)


def _span(window: WindowResult) -> str:
    return f"{cycle_number(window.count.first)} to {cycle_number(window.count.last)}"
