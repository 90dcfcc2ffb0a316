"""Figures of the reports, as PNG images in memory.

Colours are from the Okabe-Ito set and maps from cividis, so that readers of any colour vision
see the same; state is also told by the marker, never by colour alone.
"""

from __future__ import annotations

import io
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.checkerboard import CellErrors, CheckerboardResult
from labctl.analysis.compliance import ComplianceResult
from labctl.analysis.forming import FormingResult
from labctl.analysis.maps import PatternMap
from labctl.analysis.sense_amplifier import LIMIT_RATIO, RatioBin, SenseErrors
from labctl.report.text import ohms

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

BLUE, ORANGE, GREEN, BLACK, GREY = "#0072B2", "#D55E00", "#009E73", "#1a1a1a", "#767676"
STATE_COLOURS = {"LRS": BLUE, "HRS": ORANGE}
DPI = 140


def sigma_figure(result: CheckerboardResult) -> bytes:
    """Sigma plot of LRS and HRS of BL and BLb with both references (paper, Fig. 4a)."""
    figure, axes = _figure(8.0, 4.9)
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
    return _png(figure)


def _mark_references(axes: Axes, result: CheckerboardResult) -> None:
    """Vertical lines, labelled on the outer side of each so that the labels never meet."""
    marks = [
        (errors.reference_ohm, name, colour, style)
        for errors, name, colour, style in (
            (result.fixed, "fixed", GREY, "--"),
            (result.best, "best", BLACK, "-"),
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


def maps_figure(maps: list[PatternMap], masked: NDArray[np.bool_]) -> bytes:
    """Mean sense-amplifier output of every cell, one map a pattern (paper, Fig. 4b-c)."""
    figure = _canvas(9.4, 4.4)
    panels = [figure.add_axes((left, 0.11, 0.395, 0.84)) for left in (0.065, 0.515)]
    bar_axes = figure.add_axes((0.93, 0.11, 0.015, 0.84))
    for axes, one in zip_longest(panels, maps[:2]):
        if one is None:
            axes.set_axis_off()
            continue
        image = _map(axes, one.mean_output, masked, vmin=0, vmax=1, cmap="cividis")
        axes.set_title(
            f"Cell (0, 0) programmed to {one.pattern[0, 0]}, {one.programmings} programmings",
            fontsize=10,
        )
    bar = figure.colorbar(image, cax=bar_axes)
    bar.set_label("Mean PCSA output (share of 1 read)")
    return _png(figure)


def sense_figure(sense: SenseErrors) -> bytes:
    """PCSA error rate and wrong bits against the ratio, with the ideal step (paper, Fig. 4d)."""
    figure = _canvas(8.0, 5.6)
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
    top.plot(ratios, [1, 1, lowest, lowest], color=BLACK, linewidth=1.2, label="ideal amplifier")
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
    colours = [ORANGE if one.centre < LIMIT_RATIO else GREY for one in sense.bins]
    lows = [one.low for one in sense.bins]
    widths = [one.high - one.low for one in sense.bins]
    bottom.bar(lows, wrong, widths, align="edge", color=colours, edgecolor="white", linewidth=0.5)
    bottom.set_ylabel("Wrong bits")
    bottom.set_xscale("log")
    bottom.set_xlabel("Ratio of resistances, programmed HRS / programmed LRS (SMU)")
    bottom.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    for axes in (top, bottom):
        _style(axes)
        axes.axvline(LIMIT_RATIO, color=GREY, linestyle=":", linewidth=1.2)
    top.annotate(
        f"ratio {LIMIT_RATIO:g}",
        (LIMIT_RATIO, lowest),
        xytext=(4, 6),
        textcoords="offset points",
        fontsize=9,
        color=GREY,
    )
    return _png(figure)


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
        color=ORANGE,
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
        markeredgecolor=BLUE,
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
            arrowprops={"arrowstyle": "<-", "color": BLUE, "linewidth": 0.9, "shrinkA": 0},
        )


def cells_figure(cells: CellErrors, masked: NDArray[np.bool_]) -> bytes:
    """Error rate of every cell over all programmings, and how many cells have how many errors."""
    from matplotlib.ticker import MaxNLocator

    figure = _canvas(9.4, 4.4)
    left = figure.add_axes((0.065, 0.11, 0.395, 0.84))
    bar_axes = figure.add_axes((0.475, 0.11, 0.015, 0.84))
    right = figure.add_axes((0.62, 0.11, 0.365, 0.84))
    rates = np.full(cells.reads.shape, np.nan)
    np.divide(100.0 * cells.errors, cells.reads, out=rates, where=cells.reads > 0)
    worst = max(float(np.nanmax(rates, initial=0.0)), 1.0)
    image = _map(left, rates, masked, vmin=0, vmax=worst, cmap="Blues")
    left.set_title("Where", fontsize=10)
    bar = figure.colorbar(image, cax=bar_axes)
    bar.set_label("2T2R error rate of the cell (%)")

    errors = cells.errors[cells.reads > 0]
    counts = np.bincount(errors)
    right.bar(np.arange(counts.size), counts, width=0.85, color=BLUE)
    right.set_yscale("log")
    right.set_ylim(0.6, 2 * cells.cells)
    right.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    right.xaxis.set_major_locator(MaxNLocator(integer=True))
    right.set_xlabel("Wrong reads of the cell")
    right.set_ylabel("Cells")
    right.set_title("How many", fontsize=10)
    _style(right)
    return _png(figure)


def forming_figure(result: FormingResult, voltages: NDArray[np.float64]) -> bytes:
    """Histogram of the forming voltages and a map for BL and for BLb; V, (rows, columns, 2)."""
    figure = _canvas(10.6, 3.4)
    panels = [figure.add_axes((0.06, 0.15, 0.25, 0.77))]
    panels += [figure.add_axes((left, 0.15, 0.242, 0.77)) for left in (0.37, 0.66)]
    bar_axes = figure.add_axes((0.92, 0.15, 0.012, 0.77))
    formed = voltages[np.isfinite(voltages)]
    edges = np.histogram_bin_edges(formed, bins="fd")
    for index, (name, colour) in enumerate((("BL", BLUE), ("BLb", ORANGE))):
        one = voltages[..., index]
        panels[0].hist(
            one[np.isfinite(one)],
            edges.tolist(),
            histtype="step",
            color=colour,
            linewidth=1.6,
            label=name,
        )
        image = _map(
            panels[index + 1],
            one,
            np.isnan(one),
            vmin=float(formed.min()),
            vmax=float(formed.max()),
            cmap="cividis",
        )
        panels[index + 1].set_title(f"{name} devices", fontsize=10)
    if result.median_v is not None:
        panels[0].axvline(result.median_v, color=BLACK, linewidth=1.2)
    panels[0].set_xlabel("Forming voltage (V)")
    panels[0].set_ylabel("Devices")
    panels[0].legend(frameon=False, fontsize=9)
    _style(panels[0])
    bar = figure.colorbar(image, cax=bar_axes)
    bar.set_label("Forming voltage (V)")
    return _png(figure)


def compliance_figure(
    result: ComplianceResult, gate_voltage: NDArray[np.float64], currents: NDArray[np.float64]
) -> bytes:
    """SET current against gate voltage: every cell (cells, g), median and deviation."""
    figure, axes = _figure(6.4, 4.2)
    axes.plot(gate_voltage, currents.T * 1e6, color=GREY, linewidth=0.6, alpha=0.5)
    rows = [row for row in result.rows if row.median_a is not None]
    axes.errorbar(
        [row.gate_v for row in rows],
        [1e6 * (row.median_a or 0.0) for row in rows],
        yerr=[1e6 * (row.spread_a or 0.0) for row in rows],
        fmt="o-",
        color=BLUE,
        capsize=3,
        label="median and standard deviation over the cells",
    )
    axes.set_xlabel("Gate voltage V(WL) (V)")
    axes.set_ylabel("SET current (µA)")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=9, loc="upper left")
    return _png(figure)


def _canvas(width: float, height: float) -> Figure:
    """An empty figure, size in inches, that draws without any display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI)
    FigureCanvasAgg(figure)
    return figure


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = _canvas(width, height)
    axes = figure.subplots(gridspec_kw={"left": 0.09, "right": 0.98, "bottom": 0.12, "top": 0.98})
    _style(axes)
    return figure, axes


def _style(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(True, color="#e3e3e3", linewidth=0.7)
    axes.set_axisbelow(True)


def _map(
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


def _resistance_axis(axes: Axes) -> None:
    from matplotlib.ticker import EngFormatter

    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.set_xlabel("Resistance at 0.1 V, access transistor included (Ω)")


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
