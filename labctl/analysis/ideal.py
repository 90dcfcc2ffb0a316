"""What an ideal sense amplifier would read: the 2T2R bit error rate from resistances alone.

An ideal amplifier is wrong exactly when the pair is reversed: the device programmed to HRS has
the lower resistance (paper, dotted line of Fig. 4d, black line of Fig. 8a). Three ways to it, from
most to least measured:

- ``ideal_errors``: reversed pairs as programmed together; keeps what a pair has in common.
- ``ideal_all_pairs``: every LRS reading against every HRS reading; reaches rates far below one
  error in the number of programmings, but takes LRS and HRS as independent.
- closed forms for lognormal resistances. ``distance`` is mean HRS - mean LRS, sigmas are standard
  deviations, all of log10 R (decades); Q is the upper tail of the normal distribution
  (device-model.md, section 2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.analysis.bootstrap import effective_interval, few_groups
from labctl.analysis.error_rates import ErrorRate, error_rate
from labctl.analysis.estimates import Estimate
from labctl.analysis.references import valid_readings

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class AllPairs:
    """Share of reversed pairs among all pairs of an LRS and an HRS reading."""

    rate: Estimate
    lrs_readings: int
    hrs_readings: int
    clusters: int
    """Independent groups of readings behind the interval."""


@dataclass(frozen=True)
class Lognormal:
    """Mean distance and standard deviations of log10 R, in decades."""

    distance: float
    lrs_sigma: float
    hrs_sigma: float

    @property
    def ber_1t1r(self) -> float:
        """1T1R bit error rate at the best reference."""
        return float(ber_1t1r(self.distance, self.lrs_sigma, self.hrs_sigma))

    @property
    def ideal_2t2r(self) -> float:
        """2T2R bit error rate of an ideal amplifier, nothing common to a pair."""
        return float(ideal_ber(self.distance, self.lrs_sigma, self.hrs_sigma))


def ideal_from_1t1r(ber: ArrayLike) -> Floats:
    """Ideal 2T2R bit error rate from the 1T1R one, equal sigmas: Q(sqrt(2) Qinv(ber)).

    No independent lognormal resistances do better, whatever their sigmas (device-model.md,
    section 0). 1T1R rates are at the best reference, 0 to 0.5.

    >>> [f"{float(p):.2g}" for p in ideal_from_1t1r([0.012, 1e-3, 3.6e-5])]
    ['0.00071', '6.2e-06', '9.9e-09']
    """
    from scipy.special import ndtr, ndtri

    return np.asarray(ndtr(np.sqrt(2) * ndtri(np.asarray(ber, dtype=float))))


def ideal_curve(ber: ArrayLike, sigma_ratio: float) -> Floats:
    """Ideal 2T2R bit error rate from the 1T1R one where sigma LRS / sigma HRS is ``sigma_ratio``.

    The black line of Fig. 8a for unequal sigmas; with 1 it is ``ideal_from_1t1r``. ``ber`` is
    above 0 and at most 0.5, at the best reference. Raises ValueError otherwise.

    >>> [f"{float(p):.2g}" for p in ideal_curve([0.012, 1e-3], sigma_ratio=0.6)]
    ['0.001', '1.2e-05']
    """
    return ideal_ber(distance_for(ber, sigma_ratio, 1.0), sigma_ratio, 1.0)


def ideal_ber(
    distance: ArrayLike, lrs_sigma: ArrayLike, hrs_sigma: ArrayLike, common: ArrayLike = 0.0
) -> Floats:
    """Ideal 2T2R bit error rate: Q(distance / sqrt(sL^2 + sH^2 - 2 common^2)).

    ``common`` is the standard deviation of what both devices of a pair share, contained in both
    sigmas: the differential read cancels it.

    >>> float(ideal_ber(1.263, 0.28, 0.28, common=0.1).round(6))
    0.000319
    """
    from scipy.special import ndtr

    lrs, hrs, shared = (np.asarray(x, dtype=float) for x in (lrs_sigma, hrs_sigma, common))
    spread = np.sqrt(lrs**2 + hrs**2 - 2 * shared**2)
    return np.asarray(ndtr(-np.asarray(distance, dtype=float) / spread))


def best_threshold(distance: ArrayLike, lrs_sigma: ArrayLike, hrs_sigma: ArrayLike) -> Floats:
    """Reference with the fewest 1T1R errors, in decades above the LRS mean.

    Where the two densities are equal; between the means unless they are close (device-model.md,
    section 2).

    >>> best_threshold([1.0, 2.2], [0.2, 0.6], [0.2, 1.0]).round(2).tolist()
    [0.5, 0.96]
    """
    d, lrs, hrs = (np.asarray(x, dtype=float) for x in (distance, lrs_sigma, hrs_sigma))
    # (t/sL)^2 - ((d-t)/sH)^2 = 2 ln(sH/sL) as a t^2 + 2 b t = c, solved without cancellation.
    a, b = 1 / lrs**2 - 1 / hrs**2, d / hrs**2
    c = (d / hrs) ** 2 + 2 * np.log(hrs / lrs)
    return np.asarray(c / (b + np.sqrt(np.maximum(b**2 + a * c, 0))))


def ber_1t1r(distance: ArrayLike, lrs_sigma: ArrayLike, hrs_sigma: ArrayLike) -> Floats:
    """1T1R bit error rate of lognormal resistances at the best reference.

    >>> float(ber_1t1r(1.263, 0.28, 0.28).round(4))
    0.0121
    """
    from scipy.special import ndtr

    threshold = best_threshold(distance, lrs_sigma, hrs_sigma)
    lrs_wrong = ndtr(-threshold / np.asarray(lrs_sigma, dtype=float))
    above = np.asarray(distance, dtype=float) - threshold
    return np.asarray((lrs_wrong + ndtr(-above / np.asarray(hrs_sigma, dtype=float))) / 2)


def distance_for(ber: ArrayLike, lrs_sigma: float, hrs_sigma: float) -> Floats:
    """Distance (decades) at which the 1T1R bit error rate is ``ber``, above 0 and at most 0.5.

    Raises ValueError for other rates. With sigmas so unequal that even no distance at all gives
    fewer errors than ``ber``, the distance is 0.

    >>> float(distance_for(0.012, 0.6, 1.0).round(3) / 1.6)
    2.2431...
    """
    wanted = np.asarray(ber, dtype=float)
    if not ((wanted > 0) & (wanted <= 0.5)).all():
        raise ValueError("a 1T1R bit error rate at the best reference is above 0 and at most 0.5")
    low, high = np.zeros(wanted.shape), np.full(wanted.shape, 40 * (lrs_sigma + hrs_sigma))
    for _ in range(60):
        middle = (low + high) / 2
        too_many = ber_1t1r(middle, lrs_sigma, hrs_sigma) > wanted
        low, high = np.where(too_many, middle, low), np.where(too_many, high, middle)
    return np.asarray((low + high) / 2)


def lognormal(lrs: ArrayLike, hrs: ArrayLike) -> Lognormal | None:
    """Distance and sigmas of readings (ohm); None with fewer than two readings of a state.

    >>> lognormal([1e4, 2e4], [1e5, 4e5]).distance.__round__(3)
    1.151
    """
    low, high = np.log10(valid_readings(lrs)), np.log10(valid_readings(hrs))
    if low.size < 2 or high.size < 2:
        return None
    return Lognormal(
        distance=float(np.mean(high) - np.mean(low)),
        lrs_sigma=float(np.std(low, ddof=1)),
        hrs_sigma=float(np.std(high, ddof=1)),
    )


def ideal_errors(lrs: ArrayLike, hrs: ArrayLike) -> ErrorRate:
    """Reversed pairs among pairs programmed together; ``lrs`` and ``hrs`` (ohm) of equal shape.

    Pairs without two valid readings are no trials.

    >>> print(ideal_errors([1e4, 3e5, 1e4], [2e5, 2e5, float("nan")]))
    5.0e-1 [1.26e-2, 9.87e-1], 1 of 2
    """
    low, high = np.asarray(lrs, dtype=float), np.asarray(hrs, dtype=float)
    valid = np.isfinite(low) & np.isfinite(high) & (low > 0) & (high > 0)
    return error_rate(int(np.count_nonzero(valid & (high < low))), int(np.count_nonzero(valid)))


def ideal_all_pairs(lrs: ArrayLike, hrs: ArrayLike) -> AllPairs | None:
    """Share of reversed pairs among all pairs of readings (ohm); None without a state.

    ``lrs`` and ``hrs`` are (n,) and (m,) independent readings, or (clusters, n) and (clusters, m):
    readings of one device, or of one stretch of cycles, in one row, so that the interval counts
    devices and not readings. Equal readings count half. It is the Mann-Whitney statistic with the
    variance of its placements (DeLong, Biometrics 44, 837 (1988); clusters: Obuchowski, Biometrics
    53, 567 (1997)) as a Clopper-Pearson interval of as many trials as give that variance. Without
    a reversed pair ``high`` is the bound of the smaller number of readings.

    >>> generator = np.random.default_rng(1)
    >>> lrs, hrs = 10 ** generator.normal(0, 0.3, (2, 2000)) * np.array([[1e4], [2e5]])
    >>> print(ideal_all_pairs(lrs, hrs).rate)
    0.001216 [0.000778, 0.001811]
    """
    low, high = np.asarray(lrs, dtype=float), np.asarray(hrs, dtype=float)
    low_cluster, high_cluster = _clusters(low, high)
    low_valid, high_valid = (np.isfinite(x) & (x > 0) for x in (low, high))
    low, low_cluster = low[low_valid], low_cluster[low_valid]
    high, high_cluster = high[high_valid], high_cluster[high_valid]
    if low.size == 0 or high.size == 0:
        return None
    lrs_reversed, hrs_reversed = _share_below(low, high), 1 - _share_below(high, low)
    share = float(np.mean(lrs_reversed))
    clusters = int(max(low_cluster.max(), high_cluster.max())) + 1
    influence = np.bincount(low_cluster, (lrs_reversed - share) / low.size, clusters)
    influence += np.bincount(high_cluster, (hrs_reversed - share) / high.size, clusters)
    used = np.union1d(low_cluster, high_cluster).size
    variance = float(np.sum(influence**2)) * used / max(used - 1, 1)
    # Only readings in a reversed pair tell the variance.
    told = np.union1d(low_cluster[lrs_reversed > 0], high_cluster[hrs_reversed > 0]).size
    # The variance is never above that of as many independent pairs (Birnbaum and Klose, Ann. Math.
    # Stat. 28, 933 (1957)) or, for readings that come in rows, of as many rows.
    fewest = min(low.size, high.size, used)
    rate = effective_interval(share, variance * few_groups(told), fewest, low.size * high.size)
    return AllPairs(rate, low.size, high.size, used)


def _clusters(low: Floats, high: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cluster number of every reading: the row, or one's own for flat arrays."""
    if low.ndim == high.ndim == 1:
        return np.arange(low.size), low.size + np.arange(high.size)
    if low.ndim != 2 or high.ndim != 2 or len(low) != len(high):
        raise ValueError(
            f"lrs {low.shape} and hrs {high.shape} must be (n,) and (m,) or (clusters, n) and "
            "(clusters, m)"
        )
    rows = np.arange(len(low))[:, None]
    return np.broadcast_to(rows, low.shape), np.broadcast_to(rows, high.shape)


def _share_below(readings: Floats, others: Floats) -> Floats:
    """For each reading the share of the others that lie below it; equal ones count half."""
    ordered = np.sort(others)
    below = np.searchsorted(ordered, readings, "left")
    not_above = np.searchsorted(ordered, readings, "right")
    return np.asarray((below + not_above) / 2 / ordered.size)
