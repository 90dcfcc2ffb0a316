"""Window metrics with intervals: how far LRS and HRS are apart, and how sure that is.

The metrics are those of ``distributions.window``; the intervals come from a bootstrap. Readings of
one device resemble each other, so whole cells are resampled where the readings come by cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.analysis.distributions import window
from labctl.analysis.estimates import Estimate, percentile_estimate

Floats = NDArray[np.float64]

RESAMPLES = 500


@dataclass(frozen=True)
class WindowEstimates:
    """Window metrics with 95 % intervals, see ``distributions.Window``."""

    median_ratio: Estimate
    quantile_ratio: Estimate
    """With fewer than a few thousand readings the 0.1 % quantile is nearly the extreme reading and
    its interval too narrow."""
    separation: Estimate


def window_estimates(
    lrs: ArrayLike,
    hrs: ArrayLike,
    generator: np.random.Generator,
    resamples: int = RESAMPLES,
) -> WindowEstimates | None:
    """Window metrics of readings (ohm) with percentile bootstrap intervals.

    ``lrs`` and ``hrs`` are (n,) and (m,) independent readings, or (cells, n) and (cells, m), whose
    cells are then resampled together. Readings that are no resistance are left out. None without
    two readings of each state, or without any spread. Raises ValueError for other shapes.

    >>> generator = np.random.default_rng(0)
    >>> lrs, hrs = 10 ** generator.normal([[4.0], [5.3]], 0.28, (2, 4000))
    >>> found = window_estimates(lrs, hrs, generator)
    >>> print(found.separation)
    2.331 [2.283, 2.37]
    """
    low, high = np.asarray(lrs, dtype=float), np.asarray(hrs, dtype=float)
    if low.ndim != high.ndim or low.ndim not in (1, 2) or (low.ndim == 2 and len(low) != len(high)):
        raise ValueError(
            f"lrs {low.shape} and hrs {high.shape} must be (n,) and (m,) or (cells, n) and "
            "(cells, m)"
        )
    measured = window(low, high)
    if measured is None or measured.separation is None:
        return None
    states = _State.of(low), _State.of(high)
    rows = [
        [state.metrics(weights) for state, weights in zip(states, drawn, strict=True)]
        for drawn in _cell_weights(states, low.ndim == 2, generator, resamples)
    ]
    (low_median, low_tail, low_mean, low_sd), (high_median, high_tail, high_mean, high_sd) = (
        np.array([row[0] for row in rows])[:, [0, 2, 3, 4]].T,
        np.array([row[1] for row in rows])[:, [0, 1, 3, 4]].T,
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        separation = (high_mean - low_mean) / (low_sd + high_sd)
    return WindowEstimates(
        median_ratio=percentile_estimate(measured.median_ratio, 10 ** (high_median - low_median)),
        quantile_ratio=percentile_estimate(measured.quantile_ratio, 10 ** (high_tail - low_tail)),
        separation=percentile_estimate(measured.separation, separation),
    )


@dataclass(frozen=True)
class _State:
    """Readings of one state, sorted, with the cell that each comes from."""

    logs: Floats
    cell: NDArray[np.int64]
    cells: int

    @classmethod
    def of(cls, readings: Floats) -> _State:
        valid = np.isfinite(readings) & (readings > 0)
        width = readings.shape[1] if readings.ndim == 2 else 1
        cell = np.flatnonzero(valid) // width
        logs = np.log10(readings[valid])
        order = np.argsort(logs)
        return cls(logs[order], cell[order], readings.size // max(width, 1))

    def metrics(self, cell_weights: NDArray[np.int64]) -> tuple[float, ...]:
        """Median, 0.1 % and 99.9 % quantile, mean and s.d. of log10 R with repeated cells."""
        weights = cell_weights[self.cell]
        total = int(weights.sum())
        if total < 2:
            return (np.nan,) * 5
        reached = np.cumsum(weights)
        at = np.array([0.5, 0.001, 0.999]) * (total - 1)
        below = np.floor(at).astype(np.int64)
        lower = self.logs[np.searchsorted(reached, below, "right")]
        upper = self.logs[np.searchsorted(reached, np.minimum(below + 1, total - 1), "right")]
        quantiles = lower + (at - below) * (upper - lower)
        mean = float((weights * self.logs).sum()) / total
        variance = float((weights * (self.logs - mean) ** 2).sum()) / (total - 1)
        return (*quantiles.tolist(), mean, float(np.sqrt(variance)))


def _cell_weights(
    states: tuple[_State, _State],
    together: bool,
    generator: np.random.Generator,
    resamples: int,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """How often each cell is drawn, for LRS and HRS; the same cells for both if ``together``."""

    def drawn(cells: int) -> NDArray[np.int64]:
        return np.bincount(generator.integers(0, cells, cells), minlength=cells)

    for _ in range(resamples):
        low = drawn(states[0].cells)
        yield low, low if together else drawn(states[1].cells)
