"""Figures of a sense run: outputs in time, and the ternary reading against the supply voltage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.error_rates import ErrorRate
from labctl.analysis.sense import WEIGHTS, SenseTime, TernaryRates
from labctl.report import drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GREEN = "#009E73"


def outputs_figure(
    amperes: NDArray[np.float64], times_s: NDArray[np.float64], time: SenseTime
) -> bytes:
    """Current of Q and QB (senses, samples, 2) against time, and the bound."""
    figure = drawing.canvas(8.0, 3.6)
    axes = figure.add_axes((0.09, 0.15, 0.89, 0.75))
    drawing.style(axes)
    for output, (name, colour) in enumerate((("Q", drawing.BLUE), ("QB", drawing.ORANGE))):
        lines = axes.plot(
            times_s * 1e9, -amperes[..., output].T * 1e6, color=colour, linewidth=0.8, alpha=0.5
        )
        lines[0].set_label(name)
    if time.bound_s is not None:
        axes.axvline(
            time.bound_s * 1e9,
            color=drawing.BLACK,
            linestyle="--",
            linewidth=1.2,
            label=f"all decided: < {time.bound_s * 1e9:.0f} ns",
        )
    axes.set_xlabel("Time from the beginning of the SEN edge (ns)")
    axes.set_ylabel("Output current (µA)")
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, fontsize=9, borderaxespad=0
    )
    return drawing.png(figure)


def supply_figure(rates: list[TernaryRates]) -> bytes:
    """What reads 0, and the errors of the signed weights, against the supply voltage."""
    figure = drawing.canvas(9.6, 4.0)
    left = figure.add_axes((0.07, 0.14, 0.4, 0.74))
    right = figure.add_axes((0.57, 0.14, 0.41, 0.74))
    _draw_rates(left, rates, "zeros", drawing.BLUE, "o", "written 0 reads 0", -0.004)
    _draw_rates(left, rates, "lost", drawing.ORANGE, "s", "written ±1 reads 0", 0.004)
    left.set_ylabel("Share of pairs")
    left.set_ylim(-0.08, 1.03)
    _draw_rates(right, rates, "inverted", GREEN, "D", "+1 and −1 exchanged", -0.004)
    _draw_rates(right, rates, "lost", drawing.ORANGE, "s", "written ±1 reads 0", 0.004)
    right.set_yscale("log")
    right.set_ylabel("Error rate of the signed weights")
    for axes in (left, right):
        drawing.style(axes)
        axes.set_xlabel("VDD (V)")
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=2,
            frameon=False,
            fontsize=9,
            borderaxespad=0,
        )
    return drawing.png(figure)


def _draw_rates(
    axes: Axes,
    rates: list[TernaryRates],
    name: str,
    colour: str,
    marker: str,
    label: str,
    shift: float,
) -> None:
    """One rate with its intervals, ``shift`` V beside its place.

    One without an error is an open symbol with an arrow at its upper bound.
    """
    for number, one in enumerate(rates):
        rate: ErrorRate = getattr(one, name)
        if rate.value is None or rate.low is None or rate.high is None:
            continue
        is_bound = rate.is_bound
        place, value = one.vdd + shift, rate.high if is_bound else rate.value
        ends = None if is_bound else [[value - rate.low], [rate.high - value]]
        axes.errorbar(
            [place],
            [value],
            yerr=ends,
            fmt=marker,
            color=colour,
            markerfacecolor="white" if is_bound else colour,
            markersize=6,
            capsize=2,
            linewidth=1,
            label=label if number == 0 else None,
        )
        if is_bound:
            axes.annotate(
                "",
                (place, value),
                xytext=(0, -18),
                textcoords="offset points",
                arrowprops={"arrowstyle": "<-", "color": colour, "linewidth": 0.9, "shrinkA": 0},
            )


def confusion_figure(rates: list[TernaryRates]) -> bytes:
    """A matrix of shares and counts for each supply voltage."""
    columns = min(len(rates), 4)
    rows = -(-len(rates) // columns)
    figure = drawing.canvas(2.35 * columns + 0.5, 2.55 * rows + 0.2)
    grid = figure.subplots(rows, columns, squeeze=False)
    figure.subplots_adjust(
        left=0.6 / (2.35 * columns + 0.5),
        right=0.99,
        bottom=0.5 / (2.55 * rows),
        top=1 - 0.3 / (2.55 * rows),
        wspace=0.25,
        hspace=0.45,
    )
    for axes, one in zip(grid.flat, rates, strict=False):
        _draw_confusion(axes, one)
    for axes in grid.flat[len(rates) :]:
        axes.set_axis_off()
    for axes in grid[:, 0]:
        axes.set_ylabel("written")
    return drawing.png(figure)


def _draw_confusion(axes: Axes, rates: TernaryRates) -> None:
    counts = np.array(rates.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, vmin=0, vmax=1.2, cmap="Blues")
    for written, read in np.ndindex(counts.shape):
        number = counts[written, read]
        axes.text(
            read,
            written,
            f"{100 * shares[written, read]:.3g} %\n{number}" if number else "0",
            ha="center",
            va="center",
            fontsize=8,
            color="white" if shares[written, read] > 0.6 else drawing.BLACK,
        )
    axes.set_xticks(range(3), WEIGHTS)
    axes.set_yticks(range(3), WEIGHTS)
    axes.set_xlabel("read", fontsize=9)
    axes.set_title(f"VDD {rates.vdd:g} V", fontsize=10)
