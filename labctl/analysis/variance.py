"""Device-to-device against cycle-to-cycle variability, and what a pair has in common.

All values are log10 R in decades. The model of a reading x of device d in one state at
programming t (device-model.md, section 2)::

    x[d, t] = mean + device[d] + cycle[d, t]

with independent zero-mean parts: a one-way random-effects model. Both devices of a bit may also
share a part of their values, static (from where the bit is) or changing from programming to
programming: it shows as the covariance of the LRS of one and the HRS of the other, and a
differential read cancels it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.analysis.error_rates import CONFIDENCE
from labctl.analysis.estimates import Estimate, percentile_estimate

Floats = NDArray[np.float64]

RESAMPLES = 1000


@dataclass(frozen=True)
class VarianceComponents:
    """Standard deviations in decades, with 95 % intervals."""

    device_sigma: Estimate
    """Device to device."""
    cycle_sigma: Estimate
    """Cycle to cycle of one device."""
    device_share: Estimate
    """Share of the variance that is device to device; 0 to 1."""
    devices: int
    readings: int

    @property
    def total_sigma(self) -> float:
        """Standard deviation of one reading of one device, decades."""
        return float(np.hypot(self.device_sigma.value, self.cycle_sigma.value))


@dataclass(frozen=True)
class PairComponents:
    """What the devices of a pair share and what is their own; decades, 95 % intervals."""

    lrs_sigma: Estimate
    """Total standard deviation of the LRS, the common part included."""
    hrs_sigma: Estimate
    common_sigma: Estimate
    """Standard deviation of the part common to both devices; 0 where the covariance came out
    negative."""
    common_static_sigma: Estimate
    """Of it, what stays from programming to programming."""
    device_share: Estimate
    """Device-to-device share of the variance that is not common, both states together."""
    cells: int
    programmings: int
    """Pairs of readings."""


def variance_components(log_resistance: ArrayLike) -> VarianceComponents | None:
    """Components of (devices, cycles) readings of one state, log10 ohm; NaN is no reading.

    Analysis of variance; negative device variances are given as 0. Intervals: chi-squared for the
    cycles, F for the share, Williams and Tukey for the devices, on unweighted device means where
    devices have unequal numbers of readings (Thomas and Hultquist, Ann. Stat. 6, 582 (1978);
    Burdick and Graybill, Confidence Intervals on Variance Components, chapter 3). Devices without
    a reading are left out; None with fewer than two devices or no repetition.

    >>> generator = np.random.default_rng(0)
    >>> x = 4 + generator.normal(0, 0.1, (500, 1)) + generator.normal(0, 0.2, (500, 20))
    >>> found = variance_components(x)
    >>> print(found.device_sigma)
    0.1033 [0.09603, 0.1114]
    >>> print(found.device_share)
    0.2111 [0.1874, 0.2378]
    """
    from scipy.special import chdtri, fdtri

    x = _two_axes(log_resistance)
    counts = np.count_nonzero(np.isfinite(x), axis=1)
    x, counts = x[counts > 0], counts[counts > 0]
    devices, readings = len(x), int(counts.sum())
    if devices < 2 or readings == devices:
        return None
    means = np.nansum(x, axis=1) / counts
    within_freedom, between_freedom = readings - devices, devices - 1
    within_squares = float(np.nansum((x - means[:, None]) ** 2))
    within = within_squares / within_freedom
    repeats = devices / float(np.sum(1 / counts))
    between = repeats * float(np.var(means, ddof=1))
    tail = (1 - CONFIDENCE) / 2
    # Upper points: chdtri(v, p) and fdtri(a, b, 1 - p) leave p above them.
    chi_within = [float(chdtri(within_freedom, p)) for p in (tail, 1 - tail)]
    chi_between = [float(chdtri(between_freedom, p)) for p in (tail, 1 - tail)]
    f_points = [float(fdtri(between_freedom, within_freedom, 1 - p)) for p in (tail, 1 - tail)]
    device = [
        max(between - within * f, 0) * between_freedom / (repeats * chi)
        for f, chi in zip(f_points, chi_between, strict=True)
    ]
    share = [_share(between / f - within, within, repeats) for f in f_points]
    device_variance = max(between - within, 0) / repeats
    return VarianceComponents(
        device_sigma=Estimate(_root(device_variance), *(_root(v) for v in device)),
        cycle_sigma=Estimate(_root(within), *(_root(within_squares / c) for c in chi_within)),
        device_share=Estimate(_share(between - within, within, repeats), *share),
        devices=devices,
        readings=readings,
    )


def pair_components(
    log_lrs: ArrayLike,
    log_hrs: ArrayLike,
    generator: np.random.Generator,
    resamples: int = RESAMPLES,
) -> PairComponents | None:
    """Components of the LRS and the HRS (log10 ohm) of the same bit at the same programming.

    Both (cells, programmings), or (values, cells, programmings) as ``by_value`` gives them: within
    one row the same device is LRS and the same is HRS. Pairs without both readings are left out.
    Intervals by bootstrap over cells. None with fewer than two cells or no repetition. Raises
    ValueError for shapes that differ.

    >>> generator = np.random.default_rng(0)
    >>> common = generator.normal(0, 0.1, (1000, 20))
    >>> lrs = 4 + common + generator.normal(0, 0.2, (1000, 20))
    >>> hrs = 5 + common + generator.normal(0, 0.3, (1000, 20))
    >>> print(pair_components(lrs, hrs, generator).common_sigma)
    0.1014 [0.09662, 0.1058]
    """
    lrs, hrs = np.asarray(log_lrs, dtype=float), np.asarray(log_hrs, dtype=float)
    if lrs.shape != hrs.shape or lrs.ndim not in (2, 3):
        raise ValueError(f"LRS {lrs.shape} and HRS {hrs.shape} must be equal: (cells, n)")
    sums = _Sums.of(lrs.reshape(-1, *lrs.shape[-2:]), hrs.reshape(-1, *hrs.shape[-2:]))
    cells = sums.cells
    once = np.ones((1, cells))
    if cells < 2 or not sums.has_repetition:
        return None
    drawn = np.array(
        [
            np.bincount(generator.integers(0, cells, cells), minlength=cells)
            for _ in range(resamples)
        ]
    )
    values, resampled = sums.components(once), sums.components(drawn)
    found = {
        name: percentile_estimate(float(value[0]), resampled[name])
        for name, value in values.items()
    }
    return PairComponents(**found, cells=cells, programmings=int(sums.readings))


def by_value(pattern: NDArray[np.uint8], resistance: NDArray[np.float64]) -> tuple[Floats, Floats]:
    """log10 R (ohm) of the LRS and the HRS device of each bit, (2, cells, n), by the bit's value.

    ``pattern`` (n, rows, columns) of 0 and 1, ``resistance`` (n, rows, columns, 2) of BL and BLb.
    Bit 0 is BL in LRS, bit 1 is BLb in LRS (paper, section 2.1). NaN where the bit had the other
    value or a reading is no resistance.

    >>> lrs, hrs = by_value(np.array([[[0]], [[1]]]), np.array([[[[1e4, 1e5]]], [[[1e6, 1e3]]]]))
    >>> lrs.tolist(), hrs.tolist()
    ([[[4.0, nan]], [[nan, 3.0]]], [[[5.0, nan]], [[nan, 6.0]]])
    """
    n = len(pattern)
    bits = pattern.reshape(n, -1).T
    valid = np.isfinite(resistance) & (resistance > 0)
    logs = np.log10(np.where(valid, resistance, np.nan)).reshape(n, -1, 2)
    bl, blb = logs[..., 0].T, logs[..., 1].T
    lrs = np.stack([np.where(bits == 0, bl, np.nan), np.where(bits == 1, blb, np.nan)])
    hrs = np.stack([np.where(bits == 0, blb, np.nan), np.where(bits == 1, bl, np.nan)])
    return lrs, hrs


@dataclass(frozen=True)
class _Sums:
    """Counts and sums of the pairs of each row; all (values, cells), squares about the row mean."""

    count: Floats
    lrs: Floats
    hrs: Floats
    lrs_squares: Floats
    hrs_squares: Floats
    products: Floats

    @classmethod
    def of(cls, lrs: Floats, hrs: Floats) -> _Sums:
        both = np.isfinite(lrs) & np.isfinite(hrs)
        used = both.any(axis=(0, 2))
        lrs, hrs, both = lrs[:, used], hrs[:, used], both[:, used]
        count = np.count_nonzero(both, axis=2)
        # About the overall mean: sums of squares of small numbers lose no digits.
        low, high = (
            np.where(both, x - (np.mean(x[both]) if both.any() else 0.0), 0.0) for x in (lrs, hrs)
        )
        return cls(
            count=count.astype(float),
            lrs=low.sum(axis=2),
            hrs=high.sum(axis=2),
            lrs_squares=(low**2).sum(axis=2),
            hrs_squares=(high**2).sum(axis=2),
            products=(low * high).sum(axis=2),
        )

    @property
    def cells(self) -> int:
        return int(self.count.shape[1])

    @property
    def readings(self) -> float:
        return float(self.count.sum())

    @property
    def has_repetition(self) -> bool:
        return bool((self.count > 1).any())

    def components(self, weights: Floats) -> dict[str, Floats]:
        """Fields of ``PairComponents`` for each row of cell weights (resamples, cells)."""
        lrs_between, lrs_within = self._split(weights, self.lrs, self.lrs, self.lrs_squares)
        hrs_between, hrs_within = self._split(weights, self.hrs, self.hrs, self.hrs_squares)
        static, changing = self._split(weights, self.lrs, self.hrs, self.products)
        common = np.maximum(static + changing, 0)
        own = lrs_between + lrs_within + hrs_between + hrs_within - 2 * common
        own_static = lrs_between + hrs_between - 2 * static
        return {
            "lrs_sigma": np.sqrt(lrs_between + lrs_within),
            "hrs_sigma": np.sqrt(hrs_between + hrs_within),
            "common_sigma": np.sqrt(common),
            "common_static_sigma": np.sqrt(np.maximum(static, 0)),
            "device_share": np.clip(own_static / own, 0, 1),
        }

    def _split(
        self, weights: Floats, x: Floats, y: Floats, products: Floats
    ) -> tuple[Floats, Floats]:
        """Between-row and within-row covariance of x and y, by analysis of variance."""
        used = self.count > 0
        count = np.where(used, self.count, 1)
        row_products = np.where(used, x * y / count, 0.0)

        def total(of_rows: Floats) -> Floats:
            return np.asarray(weights @ of_rows.sum(axis=0))

        readings, rows = total(self.count), total(used.astype(float))
        within_products = total(products - row_products)
        between_products = total(row_products) - total(x) * total(y) / readings
        within = within_products / (readings - rows)
        repeats = (readings - total(self.count**2) / readings) / (rows - 1)
        return (between_products / (rows - 1) - within) / repeats, within


def _two_axes(log_resistance: ArrayLike) -> Floats:
    x = np.asarray(log_resistance, dtype=float)
    if x.ndim != 2:
        raise ValueError(f"readings must be (devices, cycles), not {x.shape}")
    return np.where(np.isfinite(x), x, np.nan)


def _root(variance: float) -> float:
    return float(np.sqrt(max(variance, 0.0)))


def _share(excess: float, within: float, repeats: float) -> float:
    """Device share from ``excess``, the mean square between devices beyond that within."""
    return max(excess, 0.0) / (max(excess, 0.0) + repeats * within)
