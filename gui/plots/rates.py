"""Error rates in a plot: values with intervals, rates without an error as open bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from gui.plots.data import Values
from gui.plots.series import Series
from labctl.analysis.error_rates import ErrorRate
from labctl.report.rate_plot import drawn_ends

More = Mapping[str, Sequence[object]]


def set_rates(
    series: Series, x: Sequence[float], rates: Sequence[ErrorRate], more: More | None = None
) -> None:
    """Show rates against ``x``, each with its 95 % interval; those without a trial are left out.

    ``more``: further columns of the exported data, an entry a rate.
    """
    drawn = rate_values(x, rates)
    series.set(
        drawn.x,
        drawn.y,
        low=drawn.low,
        high=drawn.high,
        bound=drawn.bound,
        data=partial(rate_values, x, rates, more),
    )


def rate_values(x: Sequence[float], rates: Sequence[ErrorRate], more: More | None = None) -> Values:
    """Rates with a trial, their intervals, and columns of their errors and trials.

    >>> from labctl.analysis.error_rates import error_rate
    >>> found = rate_values([1.0, 2.0], [error_rate(0, 0), error_rate(0, 1024)])
    >>> found.x, found.bound, found.more
    (array([2.]), array([ True]), {'errors': [0], 'trials': [1024]})
    """
    tried = [number for number, rate in enumerate(rates) if rate.trials]
    ends = np.array([drawn_ends(rates[n]) for n in tried], dtype=float).reshape(-1, 3)
    return Values(
        np.array([x[n] for n in tried], dtype=float),
        y=ends[:, 0],
        low=ends[:, 1],
        high=ends[:, 2],
        bound=np.array([rates[n].is_bound for n in tried], dtype=bool),
        more={
            **{name: [column[n] for n in tried] for name, column in (more or {}).items()},
            "errors": [rates[n].errors for n in tried],
            "trials": [rates[n].trials for n in tried],
        },
    )
