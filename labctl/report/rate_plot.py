"""Error rates in a plot: values with intervals, zero errors as open bounds with an arrow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from labctl.analysis.error_rates import ErrorRate

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_rates(
    axes: Axes,
    x: Sequence[float],
    rates: Sequence[ErrorRate],
    colour: str,
    marker: str,
    label: str,
    line: bool = True,
) -> None:
    """Rates against ``x`` with 95 % intervals; those without an error are 95 % upper bounds.

    A rate without trials is not drawn; a line joins neighbouring values, never a bound.
    """
    tried = [(at, rate) for at, rate in zip(x, rates, strict=True) if rate.trials]
    values = np.array([r.value if r.errors else np.nan for _, r in tried], dtype=float)
    low = np.array([r.low for _, r in tried], dtype=float)
    high = np.array([r.high for _, r in tried], dtype=float)
    places = [at for at, _ in tried]
    axes.errorbar(
        places,
        values,
        yerr=np.where(np.isnan(values), 0.0, [values - low, high - values]),
        fmt=marker + ("-" if line else ""),
        color=colour,
        markersize=5,
        capsize=2,
        linewidth=1.2,
        label=label,
    )
    for at, rate in tried:
        if rate.is_bound and rate.high is not None:
            axes.plot(at, rate.high, marker, markerfacecolor="white", markeredgecolor=colour)
            axes.annotate(
                "",
                (at, rate.high),
                xytext=(0, -15),
                textcoords="offset points",
                arrowprops={"arrowstyle": "<-", "color": colour, "linewidth": 0.9, "shrinkA": 0},
            )


def drawn_ends(rate: ErrorRate) -> tuple[float, float, float]:
    """Where a rate is drawn and the ends of its interval; a bound stands at its upper end.

    >>> from labctl.analysis.error_rates import error_rate
    >>> [f"{end:.2g}" for end in drawn_ends(error_rate(0, 1024))]
    ['0.0029', '0.0029', '0.0029']
    """
    value, low, high = (end or 0.0 for end in (rate.value, rate.low, rate.high))
    return (high, high, high) if rate.is_bound else (value, low, high)
