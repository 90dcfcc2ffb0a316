"""Statistics of readings that still come in: kept as counts, so that adding costs what is new.

Each gives what its counterpart for all readings together gives, a distribution to within a bin.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.analysis.distributions import SigmaPlot
from labctl.analysis.error_rates import error_rate
from labctl.analysis.references import valid_readings
from labctl.analysis.sense_amplifier import (
    BINS_PER_DECADE,
    FEWEST_IN_END_BIN,
    LIMIT_RATIO,
    RatioBin,
    SenseErrors,
)

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

FINE_BINS_PER_DECADE = 200
"""Of a distribution: 1.2 % in resistance."""
_LOWEST_DECADE, _HIGHEST_DECADE = 0, 14
"""Resistances beyond 1 ohm to 1e14 ohm count at the end."""
_RATIO_DECADES = 8
"""Ratios beyond 1e-8 to 1e8 count at the end."""


class RunningDistribution:
    """Resistances counted in fine bins of their logarithm, for a sigma plot."""

    def __init__(self) -> None:
        bins = (_HIGHEST_DECADE - _LOWEST_DECADE) * FINE_BINS_PER_DECADE
        self._counts: Counts = np.zeros(bins, dtype=np.int64)
        self._below = self._above = 0

    def add(self, resistance: ArrayLike, below: int = 0, above: int = 0) -> None:
        """Add readings (ohm); those that are no resistance are left out.

        ``below`` and ``above`` are censored readings, lower and higher than all that are shown.
        """
        decades = np.log10(valid_readings(resistance)) - _LOWEST_DECADE
        last = self._counts.size - 1
        place = np.clip(decades * FINE_BINS_PER_DECADE, 0, last).astype(np.intp)
        self._counts += np.bincount(place, minlength=self._counts.size)
        self._below += below
        self._above += above

    def sigma_plot(self) -> SigmaPlot:
        """As ``distributions.sigma_plot``, a point for each bin that is not empty.

        >>> running = RunningDistribution()
        >>> running.add([1e4, 2e4]); running.add([4e4])
        >>> plot = running.sigma_plot()
        >>> (plot.resistance_ohm / 1e4).round(1).tolist(), plot.sigma.round(3).tolist()
        ([1.0, 2.0, 4.0], [-0.967, 0.0, 0.967])
        """
        from scipy.special import ndtri

        used = np.flatnonzero(self._counts)
        counts = self._counts[used]
        readings = int(counts.sum()) + self._below + self._above
        middle = self._below + np.cumsum(counts) - counts / 2
        decades = (used + 0.5) / FINE_BINS_PER_DECADE + _LOWEST_DECADE
        return SigmaPlot(10**decades, np.asarray(ndtri(middle / max(readings, 1))), readings)


class RunningSenseErrors:
    """Wrong bits of the sense amplifiers against the ratio of the resistances."""

    def __init__(self) -> None:
        tenths = np.arange(-_RATIO_DECADES * BINS_PER_DECADE, _RATIO_DECADES * BINS_PER_DECADE + 1)
        self._edges: Floats = 10 ** (tenths / BINS_PER_DECADE)
        bins = self._edges.size - 1
        self._trials: Counts = np.zeros(bins, dtype=np.int64)
        self._errors: Counts = np.zeros(bins, dtype=np.int64)
        self._logs: Floats = np.zeros(bins)
        self._lowest, self._highest = np.inf, 0.0
        self._below = self._wrong_below = self._reversed = self._without_ratio = 0

    def add(self, ratio: Floats, wrong: NDArray[np.bool_]) -> None:
        """Add bits: ratio HRS over LRS, and whether it was read wrong; any equal shape."""
        known = np.isfinite(ratio)
        self._without_ratio += int(np.count_nonzero(~known))
        ratio, wrong = ratio[known], wrong[known]
        if not ratio.size:
            return
        inner = self._edges[1:-1]
        place = np.searchsorted(inner, ratio, "right")
        bins = self._trials.size
        self._trials += np.bincount(place, minlength=bins)
        self._errors += np.bincount(place[wrong], minlength=bins)
        self._logs += np.bincount(place, weights=np.log10(ratio), minlength=bins)
        self._lowest = min(self._lowest, float(ratio.min()))
        self._highest = max(self._highest, float(ratio.max()))
        below = ratio < LIMIT_RATIO
        self._below += int(np.count_nonzero(below))
        self._wrong_below += int(np.count_nonzero(below & wrong))
        self._reversed += int(np.count_nonzero(ratio < 1))

    def result(self) -> SenseErrors:
        """As ``sense_amplifier.sense_errors`` of all bits together.

        >>> running = RunningSenseErrors()
        >>> running.add(np.array([0.5, 2.0]), np.array([True, True]))
        >>> running.add(np.array([20.0]), np.array([False]))
        >>> found = running.result()
        >>> found.wrong_below_limit.value, found.rate_above_limit.errors, found.ideal.errors
        (1.0, 0, 1)
        """
        bits, wrong = int(self._trials.sum()), int(self._errors.sum())
        return SenseErrors(
            bins=self._bins(bits) if bits else [],
            wrong_below_limit=error_rate(self._wrong_below, wrong),
            rate_below_limit=error_rate(self._wrong_below, self._below),
            rate_above_limit=error_rate(wrong - self._wrong_below, bits - self._below),
            ideal=error_rate(self._reversed, bits),
            without_ratio=self._without_ratio,
        )

    def _bins(self, bits: int) -> list[RatioBin]:
        """Bins present, the outermost ones reaching out until they hold enough."""
        fewest = min(FEWEST_IN_END_BIN, bits)
        first = int(np.argmax(np.cumsum(self._trials) >= fewest))
        last = self._trials.size - 1 - int(np.argmax(np.cumsum(self._trials[::-1]) >= fewest))
        last = max(last, first)
        edges = self._edges[first : last + 2].copy()
        edges[0], edges[-1] = min(edges[0], self._lowest), max(edges[-1], self._highest)
        trials, errors, logs = (
            _ends_joined(counts, first, last) for counts in (self._trials, self._errors, self._logs)
        )
        return [
            RatioBin(
                low=float(edges[i]),
                high=float(edges[i + 1]),
                centre=float(10 ** (logs[i] / trials[i])),
                rate=error_rate(int(errors[i]), int(trials[i])),
            )
            for i in np.flatnonzero(trials)
        ]


def _ends_joined(counts: NDArray[np.generic], first: int, last: int) -> Floats:
    """Bins ``first`` to ``last``, with what lies beyond added to the outermost."""
    values = counts.astype(float)
    joined = values[first : last + 1].copy()
    joined[0] += values[:first].sum()
    joined[-1] += values[last + 1 :].sum()
    return joined
