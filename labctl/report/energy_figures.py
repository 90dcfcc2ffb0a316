"""Figures of an energy run: the devices' energies, the pulses, bit error rates of cycled pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.crossing import BER_LIMIT
from labctl.analysis.cyclability import Cyclability
from labctl.analysis.energy import ConditionResult, EnergyCondition
from labctl.report import drawing
from labctl.report.rate_plot import draw_rates

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DEVICES_DRAWN = 8
CYCLED_STYLES = (
    (drawing.BLUE, "o"),
    (drawing.ORANGE, "D"),
    (drawing.BLACK, "^"),
    (drawing.GREY, "s"),
)
KINDS = (("SET", drawing.BLUE), ("RESET", drawing.ORANGE))

Floats = NDArray[np.float64]
Traced = tuple[str, EnergyCondition, Floats, Floats]
"""Label, condition, SET and RESET traces (programmings, cells, 2, samples)."""


def energies_figure(results: list[ConditionResult], labels: list[str]) -> bytes:
    """SET and RESET energy of every device at each condition, on a logarithmic axis."""
    from matplotlib.ticker import LogLocator, NullFormatter

    figure = drawing.canvas(8.0, 4.6)
    axes = figure.add_axes((0.1, 0.13, 0.88, 0.78))
    drawing.style(axes)
    for number, result in enumerate(results):
        published = result.condition.published
        papers = (None, None) if published is None else (published.set_j, published.reset_j)
        for (name, colour), energy, shift, paper in zip(
            KINDS, (result.set, result.reset), (-0.18, 0.18), papers, strict=True
        ):
            values = energy.by_device[~np.isnan(energy.by_device)] * 1e12
            # Spread evenly, so that a figure drawn twice is the same.
            places = number + shift + np.linspace(-0.11, 0.11, len(values))
            axes.plot(
                places,
                values,
                "o",
                markersize=4,
                markerfacecolor="white" if result.condition.is_computed else colour,
                markeredgecolor=colour,
                alpha=0.7,
                label=name if number == 0 else None,
            )
            ends = np.array([-0.14, 0.14]) + number + shift
            if energy.median is not None:
                axes.plot(ends, [energy.median.value * 1e12] * 2, color=colour, linewidth=2)
            if paper is not None:
                axes.plot(
                    ends,
                    [paper * 1e12] * 2,
                    color=drawing.BLACK,
                    linewidth=2,
                    linestyle=(0, (2, 1)),
                    label="paper, Table 1" if number == 0 and name == "SET" else None,
                )
    axes.set_yscale("log")
    axes.set_ylabel("Energy of one pulse (pJ)")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(True, which="minor", axis="y", color="#f0f0f0", linewidth=0.5)
    axes.set_xticks(
        range(len(results)), [_two_lines(r, t) for r, t in zip(results, labels, strict=True)]
    )
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, fontsize=9, borderaxespad=0
    )
    return drawing.png(figure)


def _two_lines(result: ConditionResult, label: str) -> str:
    published = result.condition.published
    method = "computed" if result.condition.is_computed else "measured"
    return f"{label}\n{method}" + ("" if published is None else f", “{published.name}”")


def traces_figure(traced: list[Traced]) -> bytes:
    """Voltage above current, SET beside RESET, a pair of columns for each condition."""
    columns = 2 * len(traced)
    figure = drawing.canvas(max(2.5 * columns, 5.0), 4.6)
    grid = figure.subplots(
        2,
        columns,
        sharey="row",
        squeeze=False,
        gridspec_kw={
            "left": 0.5 / (2.5 * len(traced)),
            "right": 0.985,
            "bottom": 0.12,
            "top": 0.83,
            "wspace": 0.12,
        },
    )
    for number, (label, condition, set_trace, reset_trace) in enumerate(traced):
        for shift, trace, (name, colour) in zip(
            (0, 1), (set_trace, reset_trace), KINDS, strict=True
        ):
            column = 2 * number + shift
            _draw(grid[:, column], trace[0, :DEVICES_DRAWN], condition.sample_s, colour)
            grid[0, column].set_title(name, fontsize=10, color=colour)
        left, right = (grid[0, 2 * number + shift].get_position() for shift in (0, 1))
        note = f"\n(sampled at {condition.traced_width_s * 1e6:g} µs)" * condition.is_computed
        figure.text((left.x0 + right.x1) / 2, 0.91, label + note, ha="center", fontsize=10)
    grid[0, 0].set_ylabel("Voltage (V)")
    grid[1, 0].set_ylabel("Current (µA)")
    return drawing.png(figure)


def cyclability_figure(cycled: list[tuple[str, Cyclability]]) -> bytes:
    """2T2R bit error rates of the cycled pairs against cycles, conditions side by side.

    Windows of the same cycles are drawn a little apart.
    """
    figure, axes = drawing.one_plot(8.0, 4.4)
    for number, (label, one) in enumerate(cycled):
        colour, marker = CYCLED_STYLES[number % len(CYCLED_STYLES)]
        apart = 1.12 ** (number - (len(cycled) - 1) / 2)
        places = [cycle * apart for cycle, _ in one.windows]
        draw_rates(axes, places, [rate for _, rate in one.windows], colour, marker, label)
    axes.axhline(BER_LIMIT, color=drawing.BLACK, linestyle=":", linewidth=1.2)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("Cycles")
    axes.set_ylabel("2T2R bit error rate")
    axes.legend(frameon=False, fontsize=9, loc="best")
    return drawing.png(figure)


def _draw(axes: NDArray[np.object_], trace: Floats, sample_s: float, colour: str) -> None:
    """Voltage and current of a few devices (devices, 2, samples)."""
    microseconds = (np.arange(trace.shape[-1]) + 0.5) * sample_s * 1e6
    upper: Axes
    lower: Axes
    upper, lower = axes
    upper.plot(microseconds, trace[:, 0].T, color=colour, linewidth=0.9, alpha=0.6)
    lower.plot(microseconds, trace[:, 1].T * 1e6, color=colour, linewidth=0.9, alpha=0.6)
    lower.set_xlabel("Time (µs)", fontsize=9)
    for one in (upper, lower):
        drawing.style(one)
        one.tick_params(labelsize=8)
    upper.tick_params(labelbottom=False)
