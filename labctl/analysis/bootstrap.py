"""Error rates whose errors cluster: in weak cells, in code words, in stretches of cycles.

The exact interval of ``error_rates`` takes trials as independent. Where errors come in clusters
the rate is as uncertain as the clusters are few; the interval here resamples whole clusters.
Inputs are (cells,): errors and trials of each cell (or word, or stretch).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.analysis.error_rates import CONFIDENCE, error_rate
from labctl.analysis.estimates import Estimate, percentile_estimate

RESAMPLES = 2000
FEWEST_CELLS_WITH_ERRORS = 10
"""Below it too few different resamples exist: the effective sample size gives the interval."""
BATCH = 4_000_000


@dataclass(frozen=True)
class ClusteredRate:
    """Rate of errors that cluster, with its 95 % interval over clusters."""

    errors: int
    trials: int
    cells: int
    """Clusters with at least one trial."""
    rate: Estimate
    """Without an error ``high`` is the one-sided bound of ``error_rate``."""
    design_effect: float | None
    """Variance of the rate over that of independent trials; 1 is no clustering. None without
    errors or with one cell only, where clustering cannot be seen."""

    def as_dict(self) -> dict[str, Any]:
        """The fields, as JSON takes them."""
        return asdict(self)


def cluster_rate(
    errors: ArrayLike,
    trials: ArrayLike,
    generator: np.random.Generator,
    resamples: int = RESAMPLES,
) -> ClusteredRate:
    """Rate and interval of errors in trials from a bootstrap over cells; (cells,) each.

    The percentile interval of rates over resampled cells (method.md, "Bit error rate"). With
    errors in fewer than ``FEWEST_CELLS_WITH_ERRORS`` cells it is that of ``effective_rate``.
    Cells without a trial are left out. Raises ValueError without any trial, for shapes that
    differ and for errors that are not 0 to trials.

    >>> errors, trials = np.repeat([0, 1, 40], [80, 15, 5]), np.full(100, 100)
    >>> result = cluster_rate(errors, trials, np.random.default_rng(0))
    >>> print(result.rate)
    0.0215 [0.0057, 0.0408]
    >>> round(result.design_effect)
    36
    """
    wrong, of = _cells(errors, trials)
    result = _effective_rate(wrong, of)
    if np.count_nonzero(wrong) < FEWEST_CELLS_WITH_ERRORS:
        return result
    rates = np.concatenate(
        [
            wrong[chosen].sum(axis=1) / of[chosen].sum(axis=1)
            for chosen in _resampled(wrong.size, generator, resamples)
        ]
    )
    rate = percentile_estimate(result.rate.value, rates)
    return ClusteredRate(result.errors, result.trials, result.cells, rate, result.design_effect)


def effective_rate(errors: ArrayLike, trials: ArrayLike) -> ClusteredRate:
    """Rate and interval of errors in trials by the effective number of trials; (cells,) each.

    The Clopper-Pearson interval of trials divided by the design effect (never below 1): Korn and
    Graubard, Survey Methodology 24, 193 (1998); few cells with errors widen it. Nothing is
    resampled, so it suits many cells and few errors. Raises as ``cluster_rate``.

    >>> print(effective_rate([2, 0, 0, 2], [4, 4, 4, 4]).rate)
    0.25 [0.006309, 0.8059]
    """
    return _effective_rate(*_cells(errors, trials))


def effective_interval(
    value: float, variance: float, fewest_trials: float, most_trials: float
) -> Estimate:
    """Clopper-Pearson interval of a share ``value`` known with ``variance``.

    It is that of value (1 - value) / variance trials, within the two bounds on independent trials.
    For 0 and 1 the variance says nothing: the one-sided bound of ``fewest_trials``.

    >>> print(effective_interval(0.012, 0.012 * 0.988 / 204800, 1024, 204800))
    0.012 [0.01153, 0.01248]
    """
    from scipy.special import betaincinv

    tail = 1 - CONFIDENCE
    if value <= 0:
        return Estimate(value, 0.0, 1 - tail ** (1 / fewest_trials))
    if value >= 1:
        return Estimate(value, tail ** (1 / fewest_trials), 1.0)
    trials = value * (1 - value) / variance if variance > 0 else most_trials
    trials = min(max(trials, fewest_trials), most_trials)
    wrong, right = value * trials, (1 - value) * trials
    low = betaincinv(wrong, right + 1, tail / 2)
    high = betaincinv(wrong + 1, right, 1 - tail / 2)
    return Estimate(value, float(low), float(high))


def few_groups(groups: int) -> float:
    """Factor on a variance that so few groups tell: square of the t over the normal quantile.

    Groups with an error are rare among all, so no degree of freedom goes to their mean.

    >>> [round(few_groups(n), 2) for n in (3, 30, 3000)]
    [2.64, 1.09, 1.0]
    """
    from scipy.special import ndtri, stdtrit

    tail = (1 - CONFIDENCE) / 2
    return float(stdtrit(max(groups, 2), tail) / ndtri(tail)) ** 2


def _cells(errors: ArrayLike, trials: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    wrong, of = np.asarray(errors, dtype=np.int64), np.asarray(trials, dtype=np.int64)
    if wrong.shape != of.shape or wrong.ndim != 1:
        raise ValueError(f"errors {wrong.shape} and trials {of.shape} must both be (cells,)")
    if (wrong < 0).any() or (wrong > of).any():
        raise ValueError("errors of each cell must be 0 to its trials")
    tried = of > 0
    if not tried.any():
        raise ValueError("no cell has a trial: there is no rate")
    return wrong[tried], of[tried]


def _effective_rate(wrong: NDArray[np.int64], of: NDArray[np.int64]) -> ClusteredRate:
    errors, trials, cells = int(wrong.sum()), int(of.sum()), wrong.size
    value = errors / trials
    if errors in (0, trials) or cells == 1:
        exact = error_rate(errors, trials)
        low, high = exact.low or 0.0, exact.high or 0.0
        return ClusteredRate(errors, trials, cells, Estimate(value, low, high), None)
    # Variance of a ratio of sums, linearised (Cochran, Sampling Techniques, section 6.4).
    residuals = wrong - value * of
    variance = float(np.sum(residuals**2)) * cells / (cells - 1) / trials**2
    effect = variance * trials / (value * (1 - value))
    # Independent trials need no estimate of their variance; what clustering adds to it does, and
    # only cells with an error tell it.
    unsure = few_groups(int(np.count_nonzero(wrong)))
    widened = variance / effect * (1 + max(effect - 1, 0) * unsure)
    # Cells that are all right or all wrong have the largest variance: cells count as trials then.
    fewest = trials**2 / float(np.sum(of.astype(float) ** 2))
    rate = effective_interval(value, widened, fewest, trials)
    return ClusteredRate(errors, trials, cells, rate, effect)


def _resampled(
    cells: int, generator: np.random.Generator, resamples: int
) -> list[NDArray[np.int64]]:
    """Indices of resampled cells, (resamples, cells), in parts that fit into memory."""
    rows = max(1, BATCH // cells)
    parts = [min(rows, resamples - start) for start in range(0, resamples, rows)]
    return [generator.integers(0, cells, (part, cells)) for part in parts]
