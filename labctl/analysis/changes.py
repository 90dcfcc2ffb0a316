"""Changes of log10 R between readings of the same devices, with intervals.

Used where the question is whether something moves a programmed device: retention and disturb. A
paired change leaves out how differently devices were programmed; what remains is read noise, and
what is looked for.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.analysis.error_rates import CONFIDENCE
from labctl.analysis.estimates import Estimate

Floats = NDArray[np.float64]

SURE = 0.999
"""Confidence at which a change is called one; intervals for people are at 95 %."""


def log_resistance(resistance: ArrayLike) -> Floats:
    """log10 of readings in ohm; NaN where a reading has no value.

    >>> log_resistance([1e4, float("nan"), -5.0]).tolist()
    [4.0, nan, nan]
    """
    readings = np.asarray(resistance, dtype=float)
    logs = np.full(readings.shape, np.nan)
    np.log10(readings, out=logs, where=np.isfinite(readings) & (readings > 0))
    return logs


def mean_estimate(values: ArrayLike, confidence: float = CONFIDENCE) -> Estimate | None:
    """Mean of independent values and its interval (Student t), 95 %; NaN values are left out.

    None with fewer than two values.

    >>> print(mean_estimate([1.0, 2.0, 3.0, float("nan")]))
    2 [-0.4841, 4.484]
    """
    from scipy.stats import t

    kept = _finite(values)
    if kept.size < 2:
        return None
    mean = float(kept.mean())
    half = t.ppf((1 + confidence) / 2, kept.size - 1) * kept.std(ddof=1) / np.sqrt(kept.size)
    return Estimate(mean, mean - float(half), mean + float(half))


def is_change(values: ArrayLike) -> bool | None:
    """Whether the mean of independent values is not 0, at `SURE`; None with fewer than two.

    >>> is_change([1.0, 1.1, 0.9, 1.0, 1.05]), is_change([1.0, -1.0, 0.5]), is_change([1.0])
    (True, False, None)
    """
    estimate = mean_estimate(values, SURE)
    return None if estimate is None else not estimate.contains(0.0)


def difference_estimate(values: ArrayLike, others: ArrayLike) -> Estimate | None:
    """Mean of ``values`` minus mean of ``others`` with the 95 % interval of Welch; NaN left out.

    None with fewer than two values on either side, or without any spread.

    >>> print(difference_estimate([1.0, 2.0, 3.0], [1.0, 1.0, 1.5, 0.5]))
    1 [-1.186, 3.186]
    """
    from scipy.stats import ttest_ind

    one, two = _finite(values), _finite(others)
    if min(one.size, two.size) < 2 or one.var() + two.var() == 0:
        return None
    interval = ttest_ind(one, two, equal_var=False).confidence_interval(CONFIDENCE)
    return Estimate(float(one.mean() - two.mean()), float(interval.low), float(interval.high))


def slopes(x: Floats, y: Floats) -> Floats:
    """Least-squares slope of each column of ``y`` (n, ...) against its column of ``x`` (n, ...).

    NaN readings are left out; NaN where fewer than three are left, or all at one x.

    >>> slopes(np.array([[0.0], [1.0], [2.0]]), np.array([[5.0], [5.5], [6.0]])).tolist()
    [0.5]
    """
    valid = np.isfinite(x) & np.isfinite(y)
    number = valid.sum(axis=0)
    safe = np.maximum(number, 1)
    x, y = np.where(valid, x, 0.0), np.where(valid, y, 0.0)
    from_mean = np.where(valid, x - x.sum(axis=0) / safe, 0.0)
    found = np.full(number.shape, np.nan)
    spread = (from_mean**2).sum(axis=0)
    np.divide((from_mean * y).sum(axis=0), spread, out=found, where=(number >= 3) & (spread > 0))
    return found


def state_masks(pattern: NDArray[np.uint8]) -> dict[str, NDArray[np.bool_]]:
    """Which devices (rows, columns, 2) a pattern of bits (rows, columns) puts into which state.

    Bit 0 is BL in LRS and BLb in HRS, bit 1 the opposite.

    >>> {state: mask.tolist() for state, mask in state_masks(np.array([[0, 1]])).items()}
    {'LRS': [[[True, False], [False, True]]], 'HRS': [[[False, True], [True, False]]]}
    """
    zero = pattern == 0
    lrs = np.stack([zero, ~zero], axis=-1)
    return {"LRS": lrs, "HRS": ~lrs}


def _finite(values: ArrayLike) -> Floats:
    numbers = np.asarray(values, dtype=float).ravel()
    finite: Floats = numbers[np.isfinite(numbers)]
    return finite
