"""Figures of the retention report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labctl.analysis.distributions import sigma_plot
from labctl.analysis.error_rates import ErrorRate
from labctl.analysis.retention import STATES, RetentionResult, TimePoint
from labctl.report import drawing
from labctl.report.page import FigureBlock
from labctl.report.text import duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STATE_COLOURS = {"LRS": drawing.BLUE, "HRS": drawing.ORANGE}
_CURVES = 6


def retention_figures(result: RetentionResult) -> list[FigureBlock]:
    """Resistances against time, sigma plots, wrong bits; those for which there is anything."""
    blocks = []
    if result.points[0].states:
        blocks.append(
            FigureBlock(
                "Figure 1. Resistance against time since programming",
                _time_figure(result),
                "Median and quantiles of the LRS and HRS resistances against time",
                "Lines: median of the rows that are always read; bands: 16 % to 84 % and, light, "
                "1 % to 99 %. Open diamonds: median of the control rows, read first and last only.",
            )
        )
        blocks.append(
            FigureBlock(
                "Figure 2. Distributions at each time",
                _sigma_figure(result.points),
                "Sigma plots of LRS and HRS, one curve a time",
                f"At most {_CURVES} of the reads, dark is late. A distribution that drifts moves, "
                "one that relaxes turns; tails come first.",
            )
        )
    if result.points[0].wrong_bits is not None or result.points[0].wrong_devices is not None:
        blocks.append(
            FigureBlock(
                f"Figure {len(blocks) + 1}. Errors against time since programming",
                _errors_figure(result.points),
                "Share of wrong bits and wrong devices against time, with 95 % intervals",
                "2T2R: bits that the PCSA reads wrong; 1T1R: devices on the wrong side of the "
                "fixed reference. Each with its 95 % interval; open with an arrow: none seen, "
                "upper bound. The same programming is read again each time. The two are set apart "
                "for legibility.",
            )
        )
    return blocks


def _time_axis(axes: Axes) -> None:
    from matplotlib.ticker import EngFormatter

    axes.set_xscale("log")
    axes.set_xlabel("Time since programming (s)")
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))


def _plot(height: float) -> tuple[Figure, Axes]:
    """A figure (height in inches) whose axes leave room for a legend above."""
    figure = drawing.canvas(7.2, height)
    axes = figure.add_axes((0.1, 0.13, 0.88, 0.77))
    drawing.style(axes)
    return figure, axes


def _legend_above(axes: Axes) -> None:
    axes.legend(frameon=False, fontsize=9, loc="lower left", bbox_to_anchor=(0, 1), ncols=4)


def _time_figure(result: RetentionResult) -> bytes:
    from matplotlib.ticker import EngFormatter

    figure, axes = _plot(4.4)
    for state in STATES:
        points = [p for p in result.points if p.states[state].quantiles_ohm is not None]
        times = [point.time_s for point in points]
        q01, q16, median, q84, q99 = np.array(
            [point.states[state].quantiles_ohm for point in points], dtype=float
        ).reshape(-1, 5).T  # fmt: skip
        colour = STATE_COLOURS[state]
        axes.fill_between(times, q01, q99, color=colour, alpha=0.12, linewidth=0)
        axes.fill_between(times, q16, q84, color=colour, alpha=0.25, linewidth=0)
        axes.plot(times, median, "o-", color=colour, markersize=4.5, label=f"{state} median")
        controls = [p for p in result.controls if p.states[state].quantiles_ohm is not None]
        axes.plot(
            [point.time_s for point in controls],
            [point.states[state].quantiles_ohm[2] for point in controls],  # type: ignore[index]
            "D",
            markerfacecolor="white",
            markeredgecolor=colour,
            markersize=7,
            zorder=1.5,
            label=f"{state} control rows",
        )
    axes.set_yscale("log")
    _time_axis(axes)
    axes.yaxis.set_major_formatter(EngFormatter(sep=""))
    axes.set_ylabel("Resistance at the read voltage (Ω)")
    _legend_above(axes)
    return drawing.png(figure)


def _sigma_figure(points: list[TimePoint]) -> bytes:
    from matplotlib import colormaps
    from matplotlib.ticker import EngFormatter

    figure = drawing.canvas(9.4, 4.2)
    panels = figure.subplots(1, 2)
    figure.subplots_adjust(left=0.07, right=0.985, bottom=0.13, top=0.92, wspace=0.16)
    places = np.unique(np.linspace(0, len(points) - 1, min(len(points), _CURVES)).round())
    chosen = [points[int(place)] for place in places]
    for axes, state in zip(panels, STATES, strict=True):
        for index, point in enumerate(chosen):
            plot = sigma_plot(point.states[state].readings)
            axes.plot(
                plot.resistance_ohm,
                plot.sigma,
                "os^Dv*"[index],
                markersize=3.5,
                color=colormaps["cividis_r"](0.15 + 0.85 * index / max(len(chosen) - 1, 1)),
                label=duration(point.time_s),
            )
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.xaxis.set_minor_formatter(lambda *_: "")
        axes.set_title(state, fontsize=10)
        axes.set_xlabel("Resistance at the read voltage (Ω)")
        drawing.style(axes)
    panels[0].set_ylabel("Normal quantile (standard deviations)")
    panels[0].legend(frameon=False, fontsize=9, loc="upper left", title="After")
    return drawing.png(figure)


def _errors_figure(points: list[TimePoint]) -> bytes:
    figure, axes = _plot(3.8)
    for name, apart, colour, marker, label in (
        ("wrong_bits", 0.96, drawing.BLACK, "o", "2T2R wrong bits"),
        ("wrong_devices", 1.04, drawing.GREY, "s", "1T1R wrong devices, fixed reference"),
    ):
        rates = [(p.time_s * apart, rate) for p in points if (rate := getattr(p, name)) is not None]
        if rates:
            _draw_rates(axes, rates, colour, marker, label)
    axes.set_yscale("log")
    _time_axis(axes)
    axes.set_ylabel("Error rate")
    _legend_above(axes)
    return drawing.png(figure)


def _draw_rates(
    axes: Axes, rates: list[tuple[float, ErrorRate]], colour: str, marker: str, label: str
) -> None:
    seen = [(t, rate.value, rate.low, rate.high) for t, rate in rates if rate.errors]
    times, values, lows, highs = np.array(seen, dtype=float).reshape(-1, 4).T
    axes.errorbar(
        times,
        values,
        yerr=[values - lows, highs - values],
        fmt=marker,
        color=colour,
        markersize=5,
        capsize=2.5,
        linewidth=1.1,
        label=label,
    )
    bounds = [(t, float(rate.high or 0)) for t, rate in rates if rate.is_bound]
    for t, high in bounds:
        axes.annotate(
            "",
            (t, high / 2),
            xytext=(t, high),
            arrowprops={"arrowstyle": "->", "color": colour},
        )
    axes.plot(
        [t for t, _ in bounds],
        [high for _, high in bounds],
        marker,
        markerfacecolor="white",
        markeredgecolor=colour,
        markersize=5,
    )
