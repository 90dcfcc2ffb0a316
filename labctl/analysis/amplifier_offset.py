"""Offset and mismatch of precharge sense amplifiers, from sensed bits and resistances.

A PCSA compares the currents of its two branches: with G = 1 / (R + series) it reads 1 when::

    G_BLb - G_BL + offset + ln(10) mismatch G + noise > 0

G the geometric mean of both (device-model.md, sections 2 and 4). ``offset`` (siemens) and
``mismatch`` of the branches (decades) belong to the column and are normally distributed over the
columns, ``noise`` (siemens, normal) is new in every read. It is a probit model with random effects
of the columns. Only pairs of similar conductance tell anything, so weak programming tells most.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.analysis.error_rates import CONFIDENCE
from labctl.analysis.estimates import Estimate

Floats = NDArray[np.float64]

SERIES_OHM = 3e3
"""Wire, transistor and amplifier in series with each device (device-model.md, section 2)."""
MICRO = 1e-6
LN_10 = float(np.log(10))
FEWEST_WRONG = 20
"""Reads against the sign of the conductance difference below which nothing is fitted."""
FEWEST_COLUMNS = 4
"""Columns below which their spread cannot be told."""
CLEAR = 8.0
"""Times the typical difference of reads against its sign, above which reads tell nothing."""
NEWTON_STEPS = 12


@dataclass(frozen=True)
class AmplifierOffset:
    """Offset of the amplifiers with 95 % intervals."""

    sigma_siemens: Estimate
    """Spread of one read of any column: columns and noise together."""
    noise_siemens: Estimate
    """From read to read of one column; with few columns their spread is in it."""
    column_siemens: Estimate | None
    """From column to column; None with fewer than ``FEWEST_COLUMNS``."""
    mismatch_decades: Estimate | None
    """Spread over the columns of the ratio of the two branches; None with too few columns."""
    bias_siemens: Estimate
    """Mean offset of the columns; above 0 favours reading 1."""
    offset_siemens: list[float]
    """Most probable offset of each column, in the order of the column numbers."""
    reads: int


def amplifier_offset(
    resistance: ArrayLike,
    sensed: ArrayLike,
    column: ArrayLike,
    series_ohm: float = SERIES_OHM,
) -> AmplifierOffset | None:
    """Offset, noise and mismatch from reads of the same programmings by SMU and PCSA.

    ``resistance`` (reads, 2) ohm of BL and BLb, ``sensed`` (reads,) with 0 or 1 (anything else is
    left out, as are reads without two resistances), ``column`` (reads,) the amplifier. Maximum
    likelihood, the columns integrated out by Laplace's method; intervals from the curvature, with
    the t quantile of the columns. None with fewer than ``FEWEST_WRONG`` reads against the sign of
    the difference: such data only bound the offset. Raises ValueError for shapes that do not fit.

    >>> generator = np.random.default_rng(0)
    >>> ohm, column = 10 ** generator.normal(4.5, 0.3, (20_000, 2)), np.arange(20_000) % 32
    >>> offset = generator.normal(0, 5e-6, 32)[column] + generator.normal(0, 5e-6, 20_000)
    >>> siemens = 1 / (ohm + 3e3)
    >>> found = amplifier_offset(ohm, siemens[:, 1] - siemens[:, 0] + offset > 0, column)
    >>> print(found.column_siemens)
    4.896e-06 [3.777e-06, 6.345e-06]
    """
    reads = _Reads.of(resistance, sensed, column, series_ohm)
    if np.count_nonzero(reads.against) < FEWEST_WRONG:
        return None
    parameters = 4 if reads.columns >= FEWEST_COLUMNS else 2
    spread = float(np.sqrt(np.mean(reads.difference[reads.against] ** 2)))
    start = [0.0, np.log(spread), spread / 2, spread / 200][:parameters]
    loss = _Loss(reads.telling(CLEAR * spread), np.zeros((reads.columns, 2)))
    best = _minimum(loss, np.array(start))
    covariance = _covariance(loss, best)
    loss(best)
    return _result(best, covariance, loss.hidden, reads.bit.size)


@dataclass(frozen=True)
class _Reads:
    """Valid reads, sorted by column; conductances in microsiemens."""

    difference: Floats
    mean: Floats
    bit: NDArray[np.bool_]
    column: NDArray[np.int64]
    columns: int

    @classmethod
    def of(
        cls, resistance: ArrayLike, sensed: ArrayLike, column: ArrayLike, series_ohm: float
    ) -> _Reads:
        ohm, bit = np.asarray(resistance, dtype=float), np.asarray(sensed)
        place = np.asarray(column)
        if ohm.shape != (*bit.shape, 2) or bit.ndim != 1 or place.shape != bit.shape:
            raise ValueError(
                f"resistance {ohm.shape}, sensed {bit.shape} and column {place.shape} must be "
                "(reads, 2), (reads,) and (reads,)"
            )
        valid = (np.isfinite(ohm) & (ohm > 0)).all(axis=1) & ((bit == 0) | (bit == 1))
        siemens = 1 / (ohm[valid] + series_ohm) / MICRO
        names, number = np.unique(place[valid], return_inverse=True)
        return cls(
            difference=siemens[:, 1] - siemens[:, 0],
            mean=np.sqrt(siemens.prod(axis=1)),
            bit=bit[valid] == 1,
            column=number,
            columns=names.size,
        )

    @property
    def against(self) -> NDArray[np.bool_]:
        """Reads against the sign of the difference."""
        return np.asarray(self.bit != (self.difference > 0))

    def telling(self, limit: float) -> _Reads:
        """Without the reads of a difference beyond ``limit`` that came out by its sign."""
        kept = (np.abs(self.difference) < limit) | self.against
        return replace(
            self,
            difference=self.difference[kept],
            mean=self.mean[kept],
            bit=self.bit[kept],
            column=self.column[kept],
        )

    def by_column(self, values: Floats) -> Floats:
        """Sum of the values of each column's reads."""
        return np.asarray(np.bincount(self.column, values, self.columns), dtype=float)


@dataclass
class _Loss:
    """Minus the log likelihood of (bias, ln noise, column spread, ln(10) mismatch).

    Each column has two standard normal numbers that the two spreads multiply. Their most probable
    values come from Newton's method, the integral over them from the curvature there (Laplace).
    """

    reads: _Reads
    hidden: Floats
    """Most probable numbers of each column (columns, 2) at the last point; the next start."""

    def __call__(self, point: Floats) -> float:
        from scipy.special import log_ndtr

        reads, noise = self.reads, np.exp(point[1])
        sign = np.where(reads.bit, 1.0, -1.0)
        difference = (reads.difference + point[0]) / noise
        column_spread, mismatch = np.array([*point[2:], 0.0, 0.0])[:2] / noise
        slopes = [np.full(reads.mean.size, column_spread), mismatch * reads.mean]
        curvature = np.empty((reads.columns, 2, 2))
        for _ in range(NEWTON_STEPS):
            own = self.hidden[reads.column]
            standard = difference + own[:, 0] * slopes[0] + own[:, 1] * slopes[1]
            log_chance = log_ndtr(sign * standard)
            ratio = np.exp(-(standard**2) / 2 - np.log(2 * np.pi) / 2 - log_chance)
            bend = ratio * (ratio + sign * standard)
            pulls = [reads.by_column(sign * ratio * slope) for slope in slopes]
            for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
                curvature[:, i, j] = reads.by_column(bend * slopes[i] * slopes[j]) + (i == j)
            gradient = np.stack(pulls, axis=1) - self.hidden
            step = np.linalg.solve(curvature, gradient[..., None])[..., 0]
            if np.abs(step).max() < 1e-6:
                break
            self.hidden = self.hidden + np.clip(step, -2, 2)
        log_likelihood = np.sum(log_chance) - np.sum(self.hidden**2) / 2
        return -float(log_likelihood - np.sum(np.linalg.slogdet(curvature)[1]) / 2)


def _minimum(loss: _Loss, start: Floats) -> Floats:
    from scipy.optimize import minimize

    bounds = [(None, None), (None, None), (0.0, None), (0.0, None)][: start.size]
    # The loss is exact to about 1e-10: slopes are taken over steps well above its root.
    found = minimize(loss, start, method="L-BFGS-B", bounds=bounds, options={"eps": 1e-4})
    return np.asarray(found.x, dtype=float)


def _covariance(loss: _Loss, best: Floats) -> Floats:
    """Inverse of the loss's curvature at its minimum, by central differences."""
    step = np.array([0.1, 0.02, 0.1, 0.004])[: best.size]
    size = best.size

    def at(*moves: tuple[int, int]) -> float:
        point = best.copy()
        for index, direction in moves:
            point[index] += direction * step[index]
        return loss(point)

    curvature = np.empty((size, size))
    for i in range(size):
        for j in range(i + 1):
            corners = [at((i, a), (j, b)) * a * b for a in (1, -1) for b in (1, -1)]
            curvature[i, j] = curvature[j, i] = sum(corners) / (4 * step[i] * step[j])
    return np.asarray(np.linalg.pinv(curvature))


def _result(best: Floats, covariance: Floats, hidden: Floats, reads: int) -> AmplifierOffset:
    from scipy.special import ndtri, stdtrit

    upper = 1 - (1 - CONFIDENCE) / 2
    normal = float(ndtri(upper))
    error = np.sqrt(np.maximum(np.diag(covariance), 0))
    noise = float(np.exp(best[1]))
    noise_estimate = _positive(noise, normal * error[1], MICRO)
    if best.size == 2:
        bias = _symmetric(best[0], normal * error[0], MICRO)
        offsets = [float(best[0]) * MICRO] * len(hidden)
        return AmplifierOffset(noise_estimate, noise_estimate, None, None, bias, offsets, reads)
    student = float(stdtrit(len(hidden) - 1, upper))
    spread, mismatch = float(best[2]), float(best[3])
    total = float(np.hypot(noise, spread))
    # ln total by ln noise and by the column spread.
    slope = np.array([0.0, noise**2, spread, 0.0]) / total**2
    total_error = float(np.sqrt(slope @ covariance @ slope))
    return AmplifierOffset(
        sigma_siemens=_positive(total, student * total_error, MICRO),
        noise_siemens=noise_estimate,
        column_siemens=_spread(spread, student * error[2], MICRO),
        mismatch_decades=_spread(mismatch, student * error[3], 1 / LN_10),
        bias_siemens=_symmetric(best[0], student * error[0], MICRO),
        offset_siemens=((best[0] + spread * hidden[:, 0]) * MICRO).tolist(),
        reads=reads,
    )


def _symmetric(value: float, half: float, unit: float) -> Estimate:
    return Estimate(float(value * unit), float((value - half) * unit), float((value + half) * unit))


def _positive(value: float, half_of_log: float, unit: float) -> Estimate:
    """A value above 0 whose interval is symmetric in its logarithm."""
    factor = float(np.exp(half_of_log))
    return Estimate(value * unit, value / factor * unit, value * factor * unit)


def _spread(value: float, half: float, unit: float) -> Estimate:
    """A spread that may be 0: symmetric in the logarithm while clearly above 0, else from 0."""
    if half < value:
        return _positive(value, half / value, unit)
    return Estimate(value * unit, 0.0, (value + half) * unit)
