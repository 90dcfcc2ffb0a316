"""Figures of the disturb report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labctl.analysis.changes import Floats
from labctl.analysis.distributions import sigma_positions
from labctl.analysis.disturb import STATES, GroupResult
from labctl.report import drawing
from labctl.report.page import FigureBlock

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STATE_COLOURS = {"LRS": drawing.BLUE, "HRS": drawing.ORANGE}
STATE_MARKERS = {"LRS": "o", "HRS": "s"}


def disturb_figures(named: list[tuple[str, GroupResult]], unit: str) -> list[FigureBlock]:
    """Excess change against dose, and the change of every device after the last dose."""
    return [
        FigureBlock(
            "Figure 1. Change beyond the references against dose",
            _dose_figure(named, unit),
            "Mean excess change of log10 R of LRS and HRS devices against the dose of stress",
            "Mean change of log10 R of the victims minus that of their references, with 95 % "
            "intervals over the pairs. LRS and HRS are set apart for legibility.",
        ),
        FigureBlock(
            "Figure 2. Change of every device after the last dose",
            _device_figure(named),
            "Normal quantile plot of the changes of log10 R of victims and references",
            "Filled: victims; open: their references. Read noise alone makes both alike; a device "
            "that the stress has moved stands off at an end.",
        ),
    ]


def _dose_figure(named: list[tuple[str, GroupResult]], unit: str) -> bytes:
    figure = drawing.canvas(4.6 * len(named) + 1.0, 3.8)
    panels = figure.subplots(1, len(named), sharey=True, squeeze=False)[0]
    figure.subplots_adjust(
        left=0.9 / (4.6 * len(named) + 1.0), right=0.985, bottom=0.15, top=0.83, wspace=0.06
    )
    for axes, (name, group) in zip(panels, named, strict=True):
        axes.axhline(0, color=drawing.BLACK, linewidth=0.9)
        for state, apart in zip(STATES, (0.96, 1.04), strict=True):
            seen = [(c.stress, c.excess) for c in group.changes[state] if c.excess is not None]
            value, low, high = np.array(
                [(excess.value, excess.low, excess.high) for _, excess in seen]
            ).reshape(-1, 3).T  # fmt: skip
            axes.errorbar(
                [stress * apart for stress, _ in seen],
                value,
                yerr=[value - low, high - value],
                fmt=STATE_MARKERS[state] + "-",
                color=STATE_COLOURS[state],
                markersize=5,
                capsize=2.5,
                linewidth=1.1,
                label=state,
            )
        axes.set_xscale("log")
        axes.set_xlabel(f"Dose ({unit})")
        axes.set_title(name.capitalize(), fontsize=10)
        drawing.style(axes)
    panels[0].set_ylabel("Excess change of log10 R (decades)")
    _legend_above(figure, panels[0])
    return drawing.png(figure)


def _device_figure(named: list[tuple[str, GroupResult]]) -> bytes:
    from matplotlib.ticker import MaxNLocator

    figure = drawing.canvas(4.6 * len(named) + 1.0, 3.8)
    panels = figure.subplots(1, len(named), sharex=True, sharey=True, squeeze=False)[0]
    figure.subplots_adjust(
        left=0.8 / (4.6 * len(named) + 1.0), right=0.985, bottom=0.15, top=0.83, wspace=0.06
    )
    for axes, (name, group) in zip(panels, named, strict=True):
        for state in STATES:
            last = group.changes[state][-1]
            _draw_devices(axes, last.references, state, "references", filled=False)
            _draw_devices(axes, last.victims, state, "victims", filled=True)
        axes.xaxis.set_major_locator(MaxNLocator(6, prune="both"))
        axes.set_xlabel("Change of log10 R (decades)")
        axes.set_title(name.capitalize(), fontsize=10)
        drawing.style(axes)
    panels[0].set_ylabel("Normal quantile (standard deviations)")
    _legend_above(figure, panels[0])
    return drawing.png(figure)


def _legend_above(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="upper left", ncols=4, frameon=False, fontsize=9, columnspacing=1.2
    )


def _draw_devices(axes: Axes, changes: Floats, state: str, who: str, *, filled: bool) -> None:
    colour = STATE_COLOURS[state]
    axes.plot(
        np.sort(changes),
        sigma_positions(changes.size),
        STATE_MARKERS[state],
        markersize=3.5 if filled else 5.5,
        markerfacecolor=colour if filled else "none",
        markeredgecolor=colour,
        markeredgewidth=0 if filled else 0.7,
        label=f"{state} {who}",
    )
