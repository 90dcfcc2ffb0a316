"""Switching voltages on Weibull and lognormal paper, with devices that never switched censored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.weibull import (
    Distribution,
    SwitchedShare,
    fit_lognormal,
    fit_weibull,
    kaplan_meier,
    standard_quantile,
)
from labctl.report import drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHARES: dict[Distribution, tuple[float, ...]] = {
    "weibull": (0.0001, 0.001, 0.01, 0.1, 0.5, 0.9, 0.999),
    "lognormal": (0.0001, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999),
}
"""Shares named on the axis of each paper."""
_MARKERS = (("o", drawing.BLUE), ("s", drawing.ORANGE), ("^", drawing.BLACK))

CAPTION = (
    "Left: Weibull paper, a Weibull distribution is a straight line. Right: lognormal paper. "
    "Points: Kaplan-Meier shares; devices that never switched count as censored at the highest "
    "voltage they withstood. Lines: maximum-likelihood fits."
)


@dataclass(frozen=True, eq=False)
class SwitchingSample:
    """Switching voltages (n,), V, and censoring marks (n,); ``step_v`` as in the fits."""

    label: str
    volts: NDArray[np.float64]
    censored: NDArray[np.bool_]
    step_v: float = 0.0

    @property
    def can_be_drawn(self) -> bool:
        """At least two switched, at different voltages."""
        return np.unique(self.volts[~self.censored]).size >= 2


def switching_figure(samples: Sequence[SwitchingSample]) -> bytes:
    """Both papers side by side, a marker and colour for each sample; up to three of them."""
    figure = drawing.canvas(10.6, 3.9)
    left, right = (figure.add_axes((edge, 0.14, 0.40, 0.80)) for edge in (0.085, 0.585))
    _paper(left, "weibull", samples)
    _paper(right, "lognormal", samples)
    return drawing.png(figure)


def _paper(axes: Axes, distribution: Distribution, samples: Sequence[SwitchingSample]) -> None:
    drawing.style(axes)
    lowest, highest = np.inf, -np.inf
    for sample, (marker, colour) in zip(samples, _MARKERS, strict=False):
        points = kaplan_meier(sample.volts, sample.censored)
        heights = standard_quantile(distribution, _shares(points, stepped=sample.step_v > 0))
        lowest, highest = min(lowest, heights.min()), max(highest, heights.max())
        never = int(np.count_nonzero(sample.censored))
        switched = sample.volts.size - never
        axes.plot(
            points.volts,
            heights,
            marker,
            color=colour,
            markersize=3.5,
            markerfacecolor="none",
            label=f"{sample.label}: {switched} switched, {never} never",
        )
        fitted = fit_weibull if distribution == "weibull" else fit_lognormal
        fit = fitted(sample.volts, sample.censored, sample.step_v)
        if fit is not None:
            volts = np.geomspace(points.volts[0], points.volts[-1], 100)
            shares = np.clip(fit.share(volts), 1e-12, 1 - 1e-12)
            axes.plot(volts, standard_quantile(distribution, shares), color=colour, linewidth=1.2)
    named = _SHARES[distribution]
    ticks = standard_quantile(distribution, named).tolist()
    axes.set_yticks(ticks, [f"{100 * share:g} %" for share in named])
    axes.set_ylim(lowest - 0.4, highest + 0.4)
    axes.set_xscale("log")
    _plain_ticks(axes)
    axes.set_xlabel("Switching voltage (V), log scale")
    name = "Weibull" if distribution == "weibull" else "Lognormal"
    axes.set_ylabel(f"Share switched, {name} paper")
    axes.legend(frameon=False, fontsize=9, loc="lower right")


def _shares(points: SwitchedShare, stepped: bool) -> NDArray[np.float64]:
    """Where the points sit: amid each step of the share.

    Where voltages come in steps the share at a voltage is known, and the point sits there; only the
    last one, which would be all, stays amid its step.
    """
    if not stepped:
        return points.position
    return np.where(points.switched < 1, points.switched, points.position)


def _plain_ticks(axes: Axes) -> None:
    """Voltages as plain numbers: a few round ones, however little they span."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

    low, high = axes.get_xlim()
    ticks = [tick for tick in MaxNLocator(7).tick_values(low, high) if low <= tick <= high]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda volts, _: f"{volts:g}"))
