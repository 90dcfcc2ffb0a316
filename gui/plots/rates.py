"""Error rates in a plot: values with intervals, rates without an error as open bounds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gui.plots.series import Series
from labctl.analysis.error_rates import ErrorRate
from labctl.report.rate_plot import drawn_ends


def set_rates(series: Series, x: Sequence[float], rates: Sequence[ErrorRate]) -> None:
    """Show rates against ``x``, each with its 95 % interval; those without a trial are left out."""
    tried = [(at, rate) for at, rate in zip(x, rates, strict=True) if rate.trials]
    ends = np.array([drawn_ends(rate) for _, rate in tried], dtype=float).reshape(-1, 3)
    value, low, high = ends.T
    series.set(
        [at for at, _ in tried],
        value,
        low=low,
        high=high,
        bound=[rate.is_bound for _, rate in tried],
    )
