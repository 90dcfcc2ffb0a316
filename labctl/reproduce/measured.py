"""A measured number with its intervals, and what a published band makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from labctl.analysis.error_rates import CONFIDENCE, error_rate

DECISIVE = 0.998
"""Confidence of the interval that must lie wholly beyond a band before a number is outside: a true
value within the band is then called outside in at most 0.2 % of all cases."""

Band = tuple[float | None, float | None]
"""Lowest and highest accepted value; None is an open end."""


class Verdict(StrEnum):
    """What a band makes of a measured number."""

    INSIDE = "inside"
    OUTSIDE = "outside"
    TOO_FEW_TRIALS = "too_few_trials"
    CONTRADICTION = "contradiction"
    """The paper contradicts itself here; nothing can be inside."""


@dataclass(frozen=True)
class Measured:
    """A number, its 95 % interval and the wide one that decides, and what it was counted from.

    ``is_bound``: nothing was seen; ``high`` is the one-sided bound or, where ``high`` is None, the
    value is a lower one.
    """

    value: float | None
    low: float | None
    high: float | None
    wide_low: float | None
    wide_high: float | None
    trials: int
    is_bound: bool = False


NOTHING = Measured(None, None, None, None, None, 0)


def counted(errors: int, trials: int) -> Measured:
    """A rate of independent trials, Clopper-Pearson."""
    rate, wide = error_rate(errors, trials), error_rate(errors, trials, DECISIVE)
    return Measured(
        rate.value, rate.low, rate.high, wide.low, wide.high, trials, is_bound=rate.is_bound
    )


def exact(value: float, trials: int) -> Measured:
    """A count that is what it is, without an interval of its own."""
    return Measured(value, value, value, value, value, trials)


def averaged(values: Sequence[float], trials: int) -> Measured:
    """The mean of one number a die (or pair), with Student's interval of what varies between them.

    One value alone has no interval.
    """
    from scipy.stats import t

    numbers = np.asarray([v for v in values if np.isfinite(v)])
    if not len(numbers):
        return NOTHING
    mean = float(numbers.mean())
    if len(numbers) == 1:
        return Measured(mean, None, None, None, None, trials)
    error = float(numbers.std(ddof=1)) / np.sqrt(len(numbers))
    near, far = (
        float(t.ppf(0.5 + confidence / 2, len(numbers) - 1)) * error
        for confidence in (CONFIDENCE, DECISIVE)
    )
    return Measured(mean, mean - near, mean + near, mean - far, mean + far, trials)


def averaged_ratio(ratios: Sequence[float], trials: int) -> Measured:
    """The geometric mean of one ratio a die (or pair), so that its interval stays above 0.

    Ratios must be above 0.

    >>> dies = averaged_ratio([4.0, 5.0, 6.25], 10)
    >>> f"{dies.value:.3g} ({dies.low:.2g} to {dies.high:.2g})"
    '5 (2.9 to 8.7)'
    """
    logs = averaged([float(np.log(ratio)) for ratio in ratios], trials)
    value, low, high, wide_low, wide_high = (
        None if end is None else float(np.exp(end))
        for end in (logs.value, logs.low, logs.high, logs.wide_low, logs.wide_high)
    )
    return Measured(value, low, high, wide_low, wide_high, trials)


def median_of(values: Sequence[float], trials: int) -> Measured:
    """The median of one number a pair, with the exact (binomial) interval of order statistics.

    Infinite values are allowed: a pair that never got there.
    """
    numbers = np.sort(np.asarray([v for v in values if not np.isnan(v)], dtype=np.float64))
    if not len(numbers):
        return NOTHING
    middle = float(np.median(numbers))
    low, high = _order_statistics(numbers, CONFIDENCE)
    wide_low, wide_high = _order_statistics(numbers, DECISIVE)
    return Measured(middle, low, high, wide_low, wide_high, trials)


def _order_statistics(ordered: np.ndarray, confidence: float) -> tuple[float | None, float | None]:
    """Interval of the median; None where the numbers are too few for it."""
    from scipy.stats import binom

    count = len(ordered)
    rank = int(binom.ppf((1 - confidence) / 2, count, 0.5))
    if rank < 1 or 2 * binom.cdf(rank - 1, count, 0.5) > 1 - confidence:
        rank -= 1
    if rank < 1:
        return None, None
    return float(ordered[rank - 1]), float(ordered[count - rank])


def judge(measured: Measured, band: Band) -> Verdict:
    """What a band makes of a measurement.

    Outside: the wide interval lies wholly beyond the band. A band with an upper end only asks for
    proof: the 95 % interval must end below it. Else the number itself must lie within. What is
    neither is left open: too few trials to tell.
    """
    low, high = band
    if measured.value is None:
        return Verdict.TOO_FEW_TRIALS
    if high is not None and measured.wide_low is not None and measured.wide_low > high:
        return Verdict.OUTSIDE
    if low is not None and measured.wide_high is not None and measured.wide_high < low:
        return Verdict.OUTSIDE
    if low is None and high is not None:
        proven = measured.high is not None and measured.high <= high
        return Verdict.INSIDE if proven else Verdict.TOO_FEW_TRIALS
    within = (low is None or measured.value >= low) and (high is None or measured.value <= high)
    return Verdict.INSIDE if within else Verdict.TOO_FEW_TRIALS
