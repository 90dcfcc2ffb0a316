"""Resistances read in the loops of cycling, censored ones included.

A current range shows resistances between two ends; what lies beyond is known as below or above.
Such a reading counts only where that decides the question.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.distributions import SigmaPlot, sigma_plot
from labctl.analysis.references import ReferenceErrors, best_reference, errors_at

Floats = NDArray[np.float64]

BELOW, VALUE, ABOVE = -1, 0, 1
"""Censoring codes of a stored resistance."""


@dataclass(frozen=True, eq=False)
class Readings:
    """Resistances of one device in one state.

    ``ohm`` and ``code`` are (n,); NaN with code `VALUE` is no reading. The current range shows
    resistances from ``lowest_ohm`` to ``highest_ohm``.
    """

    ohm: NDArray[np.floating]
    code: NDArray[np.int8]
    lowest_ohm: float
    highest_ohm: float

    def between(self, low: float, high: float) -> Floats:
        """Readings (ohm) brought to just below ``low`` and to ``high`` where they are beyond.

        With ``low`` and ``high`` inside what the range shows, every comparison with a reference
        between them is right, censored readings included. Missing readings are left out.

        >>> r = Readings(np.array([2e4, np.nan, np.nan]), np.array([0, -1, 1], np.int8), 1e4, 1e6)
        >>> r.between(1e4, 1e6).round().tolist()
        [20000.0, 10000.0, 1000000.0]
        """
        values = self.ohm.astype(np.float64)
        values[self.code == BELOW] = 0.0
        values[self.code == ABOVE] = math.inf
        values = values[~np.isnan(values)]
        return np.clip(values, np.nextafter(low, 0), high)


def joined(parts: Sequence[Readings]) -> Readings:
    """Readings of several executions as one; ranges must be the same."""
    return Readings(
        np.concatenate([p.ohm for p in parts]),
        np.concatenate([p.code for p in parts]),
        parts[0].lowest_ohm,
        parts[0].highest_ohm,
    )


@dataclass(frozen=True)
class Band:
    """Median with the 1 % and 99 % quantiles, ohm; None where that quantile is censored."""

    median_ohm: float | None
    q01_ohm: float | None
    q99_ohm: float | None
    readings: int
    below: int
    """Readings below what the current range shows."""
    above: int


@dataclass(frozen=True)
class SpreadOfD:
    """Distance of the medians of log10 R, HRS - LRS, mean of both devices, with its s.e."""

    decades: float
    error: float


def band(readings: Readings) -> Band:
    """Median and 1 to 99 % band of readings; quantiles by nearest rank.

    >>> r = Readings(np.arange(1.0, 102.0) * 1e3, np.zeros(101, np.int8), 1e3, 1e6)
    >>> b = band(r)
    >>> b.median_ohm, b.q01_ohm, b.q99_ohm
    (51000.0, 2000.0, 100000.0)
    """
    ordered = np.sort(readings.between(0.0, math.inf))
    below = int(np.count_nonzero(readings.code == BELOW))
    above = int(np.count_nonzero(readings.code == ABOVE))
    n = len(ordered)
    if n == 0:
        return Band(None, None, None, 0, 0, 0)
    median, q01, q99 = (
        float(ordered[rank]) if below <= rank < n - above else None
        for rank in (round(q * (n - 1)) for q in (0.5, 0.01, 0.99))
    )
    return Band(median, q01, q99, n, below, above)


def sigma_points(readings: Readings) -> SigmaPlot:
    """Sigma plot of readings; censored ones hold their place and are left out of the points.

    >>> r = Readings(np.array([2e4, 3e4, np.nan]), np.array([0, 0, 1], np.int8), 1e4, 1e6)
    >>> plot = sigma_points(r)
    >>> plot.resistance_ohm.tolist(), plot.sigma.round(2).tolist()
    ([20000.0, 30000.0], [-0.97, 0.0])
    """
    low, high = readings.lowest_ohm, readings.highest_ohm
    plot = sigma_plot(readings.between(low, high))
    shown = (plot.resistance_ohm >= low) & (plot.resistance_ohm < high)
    return SigmaPlot(plot.resistance_ohm[shown], plot.sigma[shown], plot.readings)


def best_reference_of(lrs: Sequence[Readings], hrs: Sequence[Readings]) -> ReferenceErrors:
    """1T1R errors at the best reference for all readings; of those that every range can judge.

    Without readings there is no reference and no trial.

    >>> codes = np.zeros(2, np.int8)
    >>> low = Readings(np.array([5e3, 6e3]), codes, 1e3, 1e6)
    >>> high = Readings(np.array([2e5, np.nan]), np.array([0, -1], np.int8), 1e4, 1e7)
    >>> found = best_reference_of([low], [high])
    >>> found.hrs_errors, found.lrs_errors, found.trials
    (1, 0, 4)
    """
    everything = [*lrs, *hrs]
    if not everything:
        return best_reference([], [])
    low = max(r.lowest_ohm for r in everything)
    high = min(r.highest_ohm for r in everything)
    return best_reference(
        np.concatenate([r.between(low, high) for r in lrs]),
        np.concatenate([r.between(low, high) for r in hrs]),
    )


def reference_errors(
    reference_ohm: float, lrs: Sequence[Readings], hrs: Sequence[Readings]
) -> ReferenceErrors:
    """1T1R errors at a given reference; censored readings that it cannot judge are left out.

    >>> censored = Readings(np.array([np.nan]), np.array([-1], np.int8), 1e4, 1e7)
    >>> reference_errors(5e4, [], [censored]).hrs_errors
    1
    >>> reference_errors(8e3, [], [censored]).trials
    0
    """
    return errors_at(
        reference_ohm,
        np.concatenate([np.empty(0), *(_judged(r, reference_ohm) for r in lrs)]),
        np.concatenate([np.empty(0), *(_judged(r, reference_ohm) for r in hrs)]),
    )


def _judged(readings: Readings, reference_ohm: float) -> Floats:
    """Readings that can be compared with a reference, which may be outside of the range."""
    values = readings.between(readings.lowest_ohm, readings.highest_ohm)
    if reference_ohm < readings.lowest_ohm:
        return values[values >= readings.lowest_ohm]
    if reference_ohm > readings.highest_ohm:
        return values[values < readings.highest_ohm]
    return values


def distance(lrs: Sequence[Readings], hrs: Sequence[Readings]) -> SpreadOfD | None:
    """Distance of HRS and LRS of a pair, decades; None without readings or an unknown median.

    Medians, because they stay right with censored tails; their standard error from the normal law.
    """
    if not (lrs and hrs):
        return None
    total, variance = 0.0, 0.0
    for sign, states in ((-1, lrs), (1, hrs)):
        for readings in states:
            values = np.sort(readings.between(0.0, math.inf))
            n = len(values)
            if n < 2 or not (values[(n - 1) // 2] > 0 and values[n // 2] < math.inf):
                return None
            logs = np.log10(np.clip(values, readings.lowest_ohm, readings.highest_ohm))
            total += sign * float(np.median(logs)) / len(states)
            variance += math.pi / 2 * float(np.var(logs, ddof=1)) / n / len(states) ** 2
    return SpreadOfD(total, math.sqrt(variance))
