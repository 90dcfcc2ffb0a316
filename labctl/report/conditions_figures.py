"""Figures of the conditions report, after Fig. 5 of the paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labctl.analysis.conditions import ConditionPoint
from labctl.report import drawing
from labctl.report.page import FigureBlock
from labctl.report.text import with_prefix

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKERS = "osD^vPX*"


def errors_text(point: ConditionPoint) -> str:
    """Mean errors per kilobit; "< 1" (a whole array) where none was seen.

    >>> errors_text(ConditionPoint(55e-6, 2.5, 1e-6, (2, 1), (1024, 1024)))
    '1.5'
    >>> errors_text(ConditionPoint(55e-6, 2.5, 1e-6, (0, 0), (1024, 1024)))
    '< 1'
    """
    if point.mean is None:
        return "not read"
    return f"{point.mean:.3g}" if point.mean else f"< {point.least_seen:g}"


def conditions_figures(points: list[ConditionPoint]) -> list[FigureBlock]:
    """Errors against programming time, a panel a RESET voltage; and the same as a grid."""
    read = [point for point in points if point.mean is not None]
    if not read:
        return []
    return [
        FigureBlock(
            "Figure 1. Wrong bits against programming conditions",
            _bars_figure(read),
            "Mean errors per kilobit against programming time for each SET compliance, one panel a "
            "RESET voltage, with minimum and maximum over the repetitions",
            "As Fig. 5 of the paper: markers are the mean over the repetitions, bars their minimum "
            "and maximum. Open markers on the '<' line: no error in any repetition. A bar that "
            "reaches the '<' line had a repetition without an error. Markers of one programming "
            "time are set apart for legibility.",
        ),
        FigureBlock(
            "Figure 2. The grid",
            _grid_figure(read),
            "Mean errors per kilobit as a grid of SET compliance and programming time, one panel a "
            "RESET voltage",
            "Mean errors per kilobit. White: no error seen. Empty: not measured.",
        ),
    ]


def _levels(points: list[ConditionPoint], factor: str) -> list[float]:
    return sorted({getattr(point, factor) for point in points})


def _bars_figure(points: list[ConditionPoint]) -> bytes:
    voltages, widths = _levels(points, "reset_v"), _levels(points, "width_s")
    compliances = _levels(points, "set_compliance_a")
    figure = drawing.canvas(3.3 * len(voltages) + 2.0, 4.2)
    panels = figure.subplots(1, len(voltages), sharey=True, squeeze=False)[0]
    figure.subplots_adjust(
        left=0.8 / (3.3 * len(voltages) + 2.0),
        right=1 - 1.2 / (3.3 * len(voltages) + 2.0),
        bottom=0.14,
        top=0.91,
        wspace=0.07,
    )
    # Where "no error" is drawn: below the least mean that there can be.
    least = min(point.least_seen for point in points)
    repetitions = max(len(point.errors) for point in points)
    floor = least / repetitions / 3
    colours = _colours(len(compliances))
    for panel, volts in zip(panels, voltages, strict=True):
        for index, compliance in enumerate(compliances):
            line = [p for p in points if (p.reset_v, p.set_compliance_a) == (volts, compliance)]
            shift = 0.16 * (index - (len(compliances) - 1) / 2)
            places = [widths.index(point.width_s) + shift for point in line]
            _draw_line(panel, places, line, floor, colours[index], _MARKERS[index % 8])
            panel.plot([], [], color=colours[index], marker=_MARKERS[index % 8], label=" ")
        panel.axhline(floor * 1.7, color=drawing.GREY, linewidth=0.7, linestyle=":")
        panel.set_title(f"RESET {volts:g} V", fontsize=10)
        panel.set_xticks(range(len(widths)), [with_prefix(w, "s") for w in widths])
        panel.set_xlim(-0.5, len(widths) - 0.5)
        panel.set_xlabel("Programming time")
        drawing.style(panel)
    _errors_axis(panels[0], floor, least)
    handles = panels[0].get_legend_handles_labels()[0]
    figure.legend(
        handles,
        [with_prefix(compliance, "A") for compliance in compliances],
        title="SET compliance",
        loc="center right",
        frameon=False,
        fontsize=9,
        title_fontsize=9,
    )
    return drawing.png(figure)


def _draw_line(
    axes: Axes,
    places: list[float],
    line: list[ConditionPoint],
    floor: float,
    colour: tuple[float, ...],
    marker: str,
) -> None:
    """Means with minimum and maximum; open markers at the floor where no error was seen."""
    seen = [(x, point) for x, point in zip(places, line, strict=True) if point.mean]
    if seen:
        means = np.array([point.mean for _, point in seen], dtype=float)
        lows = np.array([min(point.per_kilobit) or floor for _, point in seen])
        highs = np.array([max(point.per_kilobit) for _, point in seen])
        axes.errorbar(
            [x for x, _ in seen],
            means,
            # A minimum of one repetition may lie on the mean but for rounding.
            yerr=np.maximum([means - lows, highs - means], 0),
            fmt=marker,
            color=colour,
            markersize=5.5,
            capsize=2.5,
            linewidth=1.1,
        )
    axes.plot(places, [point.mean or floor for point in line], color=colour, linewidth=0.9)
    clean = [x for x, point in zip(places, line, strict=True) if not point.mean]
    axes.plot(
        clean,
        np.full(len(clean), floor),
        marker,
        markersize=5.5,
        markerfacecolor="white",
        markeredgecolor=colour,
    )


def _errors_axis(axes: Axes, floor: float, least: float) -> None:
    axes.set_yscale("log")
    top = axes.get_ylim()[1]
    axes.set_ylim(floor / 1.8, max(top, 2 * least))
    # The minor ticks below the least mean would label the '<' line with a number.
    axes.minorticks_off()
    decades = [10.0**power for power in range(-3, 4) if floor * 3 < 10.0**power < top]
    axes.set_yticks([floor, *decades], [f"< {least:.3g}", *(f"{decade:g}" for decade in decades)])
    axes.set_ylabel("Errors per kilobit")


def _grid_figure(points: list[ConditionPoint]) -> bytes:
    from matplotlib import colormaps
    from matplotlib.colors import LogNorm

    voltages, widths = _levels(points, "reset_v"), _levels(points, "width_s")
    compliances = _levels(points, "set_compliance_a")
    width, height = 3.1 * len(voltages) + 2.0, 0.45 * len(compliances) + 1.3
    figure = drawing.canvas(width, height)
    panels = figure.subplots(1, len(voltages), sharey=True, squeeze=False)[0]
    figure.subplots_adjust(
        left=0.95 / width, right=1 - 1.1 / width, bottom=0.62 / height, top=1 - 0.35 / height,
        wspace=0.07,
    )  # fmt: skip
    least = min(point.mean for point in points if point.mean) if _any_error(points) else 0.5
    norm = LogNorm(vmin=min(least, 0.99), vmax=max(max(p.mean or 0 for p in points), 1.0))
    colours = colormaps["cividis_r"].with_extremes(bad="white")
    for panel, volts in zip(panels, voltages, strict=True):
        grid = np.full((len(compliances), len(widths)), np.nan)
        for point in points:
            if point.reset_v != volts:
                continue
            row, column = compliances.index(point.set_compliance_a), widths.index(point.width_s)
            mean = point.mean or np.nan
            grid[row, column] = mean
            dark = bool(norm(mean) > 0.5) if point.mean else False
            panel.text(
                column, row, errors_text(point), ha="center", va="center", fontsize=9,
                color="white" if dark else drawing.BLACK,
            )  # fmt: skip
        image = panel.imshow(grid, norm=norm, cmap=colours, origin="lower", aspect="auto")
        panel.set_title(f"RESET {volts:g} V", fontsize=10)
        panel.set_xticks(range(len(widths)), [with_prefix(w, "s") for w in widths], fontsize=9)
        panel.set_xlabel("Programming time")
    panels[0].set_yticks(range(len(compliances)), [with_prefix(c, "A") for c in compliances])
    panels[0].set_ylabel("SET compliance")
    bar_axes = figure.add_axes((1 - 0.95 / width, 0.62 / height, 0.15 / width, 1 - 0.97 / height))
    figure.colorbar(image, cax=bar_axes).set_label("Errors per kilobit")
    return drawing.png(figure)


def _any_error(points: list[ConditionPoint]) -> bool:
    return any(point.mean for point in points)


def _colours(number: int) -> list[tuple[float, ...]]:
    """Colours from light to dark, so that order shows in grey as well."""
    from matplotlib import colormaps

    return [
        tuple(colormaps["cividis_r"](0.15 + 0.85 * i / max(number - 1, 1))) for i in range(number)
    ]
