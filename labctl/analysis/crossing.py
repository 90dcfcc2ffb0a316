"""The cycle at which a bit error rate passes a limit: of one pair, and the median over pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labctl.analysis.error_rates import CONFIDENCE, ErrorRate
from labctl.analysis.estimates import Estimate

BER_LIMIT = 1e-3
"""Bit error rate that ends a cell's use (paper, Table 1 and section 3.1)."""
RESAMPLES = 2000


@dataclass(frozen=True)
class Crossing:
    """Cycle at which a bit error rate passes a limit, interpolated between windows."""

    cycle: float
    """Interpolated log-log between the middles of two windows; that of the first window where the
    rate is above from the start."""
    after: float | None
    """Middle of the last window whose whole interval lies below; None: no window says so."""
    before: float | None
    """Middle of the first window whose whole interval lies above; None: no window says so."""


def first_crossing(
    cycles: Sequence[float], rates: Sequence[ErrorRate], limit: float = BER_LIMIT
) -> Crossing | None:
    """Where the error rate rises past ``limit``; None if it does not.

    The rate is taken as one that never falls with cycling (isotonic fit, windows weighted by their
    trials), so that chance in a small window is no crossing. Interpolated log-log between the
    window before and the one above; no error counts as half an error. Between windows nothing was
    observed.

    >>> from labctl.analysis.error_rates import error_rate
    >>> rates = [error_rate(10, 100_000), error_rate(100, 10_000), error_rate(900, 10_000)]
    >>> found = first_crossing([1e4, 1e6, 1e8], rates)
    >>> round(found.cycle), found.after, found.before
    (100000, 10000.0, 1000000.0)
    """
    from scipy.optimize import isotonic_regression

    known = [(cycle, rate) for cycle, rate in zip(cycles, rates, strict=True) if rate.trials]
    if not known:
        return None
    trials = np.array([rate.trials for _, rate in known])
    errors = np.array([rate.errors for _, rate in known])
    rising = np.asarray(isotonic_regression(errors / trials, weights=trials).x)
    if rising[-1] <= limit:
        return None
    above = int(np.argmax(rising > limit))
    cycle = known[above][0]
    if above:
        x = np.log10([known[above - 1][0], cycle])
        floor = min(0.5 / trials[above - 1], limit)
        y = np.log10([max(rising[above - 1], floor), rising[above]])
        cycle = float(10 ** np.interp(math.log10(limit), y, x))
    surely_below = [c for c, r in known[:above] if r.high is not None and r.high < limit]
    surely_above = [c for c, r in known if is_surely_above(r, limit)]
    return Crossing(
        cycle=cycle,
        after=surely_below[-1] if surely_below else None,
        before=surely_above[0] if surely_above else None,
    )


def is_surely_above(rate: ErrorRate, limit: float = BER_LIMIT) -> bool:
    """Whether the whole 95 % interval of a rate lies above the limit.

    >>> from labctl.analysis.error_rates import error_rate
    >>> is_surely_above(error_rate(2, 1000)), is_surely_above(error_rate(20, 10_000))
    (False, True)
    """
    return rate.low is not None and rate.low > limit


def median_over_pairs(values: Sequence[float], generator: np.random.Generator) -> Estimate:
    """Median over pairs with its bootstrap interval; infinite where a pair never came to it.

    >>> from numpy.random import default_rng
    >>> print(median_over_pairs([1e6, 2e6, 3e6, 4e6, math.inf], default_rng(1)))
    3e+06 [1e+06, inf]
    """
    known = np.sort(np.asarray(values, dtype=float))
    # Of an even number the lower middle: the mean may be of a number and infinity.
    middle = (len(known) - 1) // 2
    chosen = known[generator.integers(0, len(known), (RESAMPLES, len(known)))]
    medians = np.sort(chosen, axis=1)[:, middle]
    tail = (1 - CONFIDENCE) / 2
    # Steps, not interpolation: infinity minus infinity is no number.
    low, high = np.quantile(medians, [tail, 1 - tail], method="inverted_cdf")
    return Estimate(float(known[middle]), float(low), float(high))
