"""Resistance distributions: positions of a sigma plot, medians and window metrics.

A sigma plot shows sorted resistances against the quantiles of a normal distribution, so that a
lognormal distribution is a straight line over log R (paper, Fig. 4a).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.analysis.references import valid_readings

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SigmaPlot:
    """Points of one sigma plot, in rising order."""

    resistance_ohm: Floats
    sigma: Floats
    readings: int
    """Valid readings behind the points; thinning leaves fewer points than readings."""


@dataclass(frozen=True)
class Window:
    """How far LRS and HRS are apart."""

    lrs_median_ohm: float
    hrs_median_ohm: float
    median_ratio: float
    """HRS median over LRS median."""
    quantile_ratio: float
    """0.1 % quantile of the HRS over 99.9 % quantile of the LRS; below 1 the tails overlap."""
    separation: float | None
    """(mean HRS - mean LRS) / (s.d. HRS + s.d. LRS), of log10 R; None without any spread."""
    crossing_sigma: float | None
    """Sigmas at which the upper LRS tail meets the lower HRS tail; None: they do not overlap."""


def sigma_positions(n: int) -> Floats:
    """Normal quantiles of the Hazen positions (i - 0.5) / n, i = 1 to n.

    >>> sigma_positions(3).round(3).tolist()
    [-0.967, 0.0, 0.967]
    """
    from scipy.special import ndtri

    return np.asarray(ndtri((np.arange(n) + 0.5) / n))


def sigma_plot(resistance: ArrayLike, points: int = 80, tail: int = 20) -> SigmaPlot:
    """Sigma plot of the valid readings (ohm), thinned to about ``points`` evenly spaced in sigma.

    The ``tail`` lowest and highest readings are always kept: that is where bit errors come from.

    >>> plot = sigma_plot(np.geomspace(1e3, 1e5, 100_000))
    >>> plot.readings, plot.resistance_ohm.size < 130, plot.resistance_ohm[0]
    (100000, True, np.float64(1000.0))
    """
    from scipy.special import ndtr, ndtri

    readings = np.sort(valid_readings(resistance))
    n = readings.size
    if n == 0:
        return SigmaPlot(readings, readings, 0)
    last = ndtri(1 - 0.5 / n)
    evenly = np.round(ndtr(np.linspace(-last, last, points)) * n - 0.5).astype(int)
    lowest = np.arange(min(tail, n))
    kept = np.unique(np.concatenate([lowest, evenly.clip(0, n - 1), n - 1 - lowest]))
    return SigmaPlot(readings[kept], np.asarray(ndtri((kept + 0.5) / n)), n)


def median_ohm(resistance: ArrayLike) -> float | None:
    """Median of the valid readings (ohm), None without one.

    >>> median_ohm([1e4, 2e4, float("nan"), 9e4])
    20000.0
    """
    readings = valid_readings(resistance)
    return float(np.median(readings)) if readings.size else None


def window(lrs: ArrayLike, hrs: ArrayLike) -> Window | None:
    """Window metrics of LRS and HRS readings (ohm); None with fewer than two readings of a state.

    >>> metrics = window(lrs=[9e3, 1e4, 1.1e4], hrs=[1.8e5, 2e5, 2.2e5])
    >>> round(metrics.median_ratio, 1), metrics.crossing_sigma
    (20.0, None)
    """
    low, high = np.sort(valid_readings(lrs)), np.sort(valid_readings(hrs))
    if low.size < 2 or high.size < 2:
        return None
    log_low, log_high = np.log10(low), np.log10(high)
    spread = float(np.std(log_low, ddof=1) + np.std(log_high, ddof=1))
    distance = float(np.mean(log_high) - np.mean(log_low))
    lrs_median, hrs_median = float(np.median(low)), float(np.median(high))
    return Window(
        lrs_median_ohm=lrs_median,
        hrs_median_ohm=hrs_median,
        median_ratio=hrs_median / lrs_median,
        quantile_ratio=float(np.quantile(high, 0.001) / np.quantile(low, 0.999)),
        separation=distance / spread if spread else None,
        crossing_sigma=_crossing_sigma(low, high),
    )


def _crossing_sigma(low: Floats, high: Floats) -> float | None:
    """Sigmas where the share of LRS above R equals the share of HRS below R (both sorted)."""
    from scipy.special import ndtri

    if low[-1] < high[0]:
        return None
    readings = np.concatenate([low, high])
    readings.sort()
    lrs_above = 1 - np.searchsorted(low, readings, "right") / low.size
    hrs_below = np.searchsorted(high, readings, "right") / high.size
    first = int(np.argmax(hrs_below >= lrs_above))
    share = (hrs_below[first] + lrs_above[first]) / 2
    finest = 0.5 / min(low.size, high.size)
    return float(-ndtri(np.clip(share, finest, 1 - finest)))
