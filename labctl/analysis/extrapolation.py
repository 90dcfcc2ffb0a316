"""Endurance between and beyond the measured windows: fits against log10(1 + n/n0), labelled.

Wear moves the distance D of LRS and HRS, and log10 of the bit error rate nearly, as::

    y(n) = start + slope log10(1 + n / n0)

n being the cycles of one pair (device-model.md, section 2; Lammie's endurance model, section 3).
Whatever such a fit says of cycles that were not measured carries ``extrapolated``; only windows are
measurements.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.analysis.error_rates import CONFIDENCE
from labctl.analysis.estimates import Estimate

Floats = NDArray[np.float64]

MOST_CYCLES = 1e18
"""A crossing beyond is reported as never (infinite)."""
BEND_BELOW = 0.1
"""A bend of the law below this part of the first worn window does not show in the windows."""


@dataclass(frozen=True)
class Prediction:
    """The fitted quantity at some cycle."""

    value: Estimate
    extrapolated: bool
    """The cycle lies outside the measured windows."""


@dataclass(frozen=True)
class Crossing:
    """The cycle at which the fitted quantity reaches a limit."""

    cycle: Estimate
    """Infinite: not within ``MOST_CYCLES``. 0: reached from the start."""
    extrapolated: bool
    """The cycle lies outside the measured windows."""


@dataclass(frozen=True)
class AgingFit:
    """A fit against log10(1 + n/n0) with 95 % intervals."""

    quantity: Literal["distance", "log10 BER"]
    start: Estimate
    """At 0 cycles; decades of resistance, or log10 of the bit error rate."""
    slope: Estimate
    """Change a decade of n/n0; negative for a shrinking distance."""
    n0_cycles: Estimate
    """Cycles at which wear begins to show; the first worn window where none was seen. Where it
    began long before that window, only this is known: 0 to the window."""
    wear_seen: bool
    """The fit is better than no change at all, beyond chance (5 %)."""
    first_cycle: float
    last_cycle: float
    covariance: Floats
    """Of start, slope and log10 n0; its last row is 0 where n0 was given."""
    quantile: float
    """Of the t or normal distribution that the intervals use."""

    def predict(self, cycle: float) -> Prediction:
        """The fitted quantity (not a measurement) after ``cycle`` cycles."""
        value, half = self._band(np.asarray(float(cycle)))
        return Prediction(
            Estimate(float(value), float(value - half), float(value + half)),
            not self.first_cycle <= cycle <= self.last_cycle,
        )

    def crossing(self, limit: float) -> Crossing:
        """Where the distance falls, or the error rate rises, to ``limit``.

        Its interval ends where the confidence band of the fit reaches the limit (Fieller's way).
        Where no wear was seen it is "not before the last window": nothing tells what comes after.
        """
        rising = self.quantity == "log10 BER"
        if not self.wear_seen and not self._past(self.start.value, limit):
            never = Estimate(float("inf"), self.last_cycle, float("inf"))
            return Crossing(never, extrapolated=True)
        early, late = (1.0, -1.0) if rising else (-1.0, 1.0)
        value = self._solve(limit)
        ends = sorted([self._first_past(limit, early), self._first_past(limit, late)])
        cycle = Estimate(value, min(ends[0], value), max(ends[1], value))
        return Crossing(cycle, not self.first_cycle <= value <= self.last_cycle)

    def _past(self, value: float, limit: float) -> bool:
        return value >= limit if self.quantity == "log10 BER" else value <= limit

    def _first_past(self, limit: float, edge: float) -> float:
        """First cycle at which the fit plus ``edge`` half bands is past the limit."""
        grid = np.concatenate([[0.0], np.geomspace(1, MOST_CYCLES, 3601)])
        value, half = self._band(grid)
        at = value + edge * half
        past = at >= limit if self.quantity == "log10 BER" else at <= limit
        return float(grid[np.argmax(past)]) if past.any() else float("inf")

    def _solve(self, limit: float) -> float:
        if self._past(self.start.value, limit):
            return 0.0
        decades = (limit - self.start.value) / self.slope.value if self.slope.value else -1.0
        # A negative number of decades leads away from the limit.
        if decades < 0 or np.log10(self.n0_cycles.value) + decades > np.log10(MOST_CYCLES):
            return float("inf")
        return float(self.n0_cycles.value * np.expm1(decades * np.log(10)))

    def _band(self, cycles: Floats) -> tuple[Floats, Floats]:
        point = (self.start.value, self.slope.value, float(np.log10(self.n0_cycles.value)))
        gradient = _gradient(point, cycles)
        variance = np.einsum("...i,ij,...j", gradient, self.covariance, gradient)
        return _law(point, cycles), self.quantile * np.sqrt(np.maximum(variance, 0))


def fit_distance(
    cycles: ArrayLike, distance: ArrayLike, error: ArrayLike, n0_cycles: float | None = None
) -> AgingFit | None:
    """Fit of the distance D of LRS and HRS (decades) in windows, by least squares.

    ``cycles`` (windows,) at which each window lies, ``error`` the standard errors of ``distance``;
    where the windows scatter more than these, the intervals widen by as much (t distribution).
    ``n0_cycles`` is fitted unless given. Windows with NaN are left out. None with fewer than two
    windows more than parameters. Raises ValueError for shapes that differ, negative cycles and
    errors not above 0.

    >>> n = np.array([0, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8])
    >>> noise = np.array([2, -1, 1, -2, 0, 1, -2, 1]) * 1e-3
    >>> found = fit_distance(n, 1.8 - 0.13 * np.log10(1 + n / 1500) + noise, np.full(8, 2e-3))
    >>> print(found.slope)
    -0.1296 [-0.131, -0.1283]
    >>> found.predict(1e10).extrapolated, found.predict(1e6).extrapolated
    (True, False)
    """
    n, y, sd = _columns(cycles, distance, error)
    if sd.size and sd.min() <= 0:
        raise ValueError("standard errors of the distance must be above 0")
    return _fit("distance", n, n0_cycles, _Gaussian(y, sd))


def fit_ber(
    cycles: ArrayLike, errors: ArrayLike, trials: ArrayLike, n0_cycles: float | None = None
) -> AgingFit | None:
    """Fit of log10 of the bit error rate in windows, by Poisson likelihood.

    ``cycles``, ``errors`` and ``trials`` are (windows,). Windows without an error count as what
    they are: none in so many trials. Where counts scatter more than Poisson, the intervals widen by
    as much. Otherwise as ``fit_distance``; None without any error, too.

    >>> n = np.geomspace(1e2, 1e8, 7)
    >>> errors = np.array([0, 1, 5, 31, 205, 1240, 7950])
    >>> found = fit_ber(n, errors, np.full(7, 10_000_000), n0_cycles=100)
    >>> print(found.slope)
    0.8019 [0.7833, 0.8205]
    >>> found.crossing(-2.0).extrapolated
    True
    """
    n, wrong, of = _columns(cycles, errors, trials)
    if (wrong < 0).any() or (wrong > of).any():
        raise ValueError("errors of each window must be 0 to its trials")
    n, wrong, of = n[of > 0], wrong[of > 0], of[of > 0]
    if wrong.sum() == 0:
        return None
    return _fit("log10 BER", n, n0_cycles, _Poisson(wrong, of))


@dataclass(frozen=True)
class _Gaussian:
    """Distances with standard errors."""

    distance: Floats
    error: Floats

    def level(self) -> float:
        """Best value if nothing changed."""
        return float(np.average(self.distance, weights=1 / self.error**2))

    def residuals(self, fitted: Floats) -> Floats:
        """Their squares sum to the deviance."""
        return (self.distance - fitted) / self.error

    def information(self, fitted: Floats) -> Floats:
        """Weight of each window: inverse variance of what is fitted."""
        return np.asarray(1 / self.error**2)

    def chi_squared(self, fitted: Floats) -> float:
        return float(np.sum(self.residuals(fitted) ** 2))


@dataclass(frozen=True)
class _Poisson:
    """Errors of trials, expected 10^fitted of them."""

    errors: Floats
    trials: Floats

    def level(self) -> float:
        return float(np.log10(self.errors.sum() / self.trials.sum()))

    def _expected(self, fitted: Floats) -> Floats:
        return self.trials * 10 ** np.clip(fitted, -30, 2)

    def residuals(self, fitted: Floats) -> Floats:
        from scipy.special import xlogy

        expected = self._expected(fitted)
        deviance = xlogy(self.errors, self.errors / expected) - (self.errors - expected)
        return np.asarray(np.sign(self.errors - expected) * np.sqrt(2 * np.maximum(deviance, 0)))

    def information(self, fitted: Floats) -> Floats:
        return np.asarray(self._expected(fitted) * np.log(10) ** 2)

    def chi_squared(self, fitted: Floats) -> float:
        expected = self._expected(fitted)
        return float(np.sum((self.errors - expected) ** 2 / expected))


def _law(point: tuple[float, float, float] | Floats, cycles: Floats) -> Floats:
    start, slope, log_n0 = point
    return np.asarray(start + slope * np.log1p(cycles / 10**log_n0) / np.log(10))


def _gradient(point: tuple[float, float, float] | Floats, cycles: Floats) -> Floats:
    """Derivatives by start, slope and log10 n0, (..., 3)."""
    _, slope, log_n0 = point
    worn = cycles / 10**log_n0
    by_n0 = -slope * worn / (1 + worn)
    return np.stack([np.ones_like(worn), np.log1p(worn) / np.log(10), by_n0], axis=-1)


def _columns(*values: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Three (windows,) columns without the rows that hold a NaN, in the order of the cycles."""
    columns = [np.asarray(v, dtype=float) for v in values]
    if len({c.shape for c in columns}) > 1 or columns[0].ndim != 1:
        raise ValueError(f"all must be (windows,), not {[c.shape for c in columns]}")
    table = np.stack(columns)
    table = table[:, np.isfinite(table).all(axis=0)]
    if (table[0] < 0).any():
        raise ValueError("cycles must not be negative")
    first, second, third = table[:, np.argsort(table[0], kind="stable")]
    return first, second, third


def _fit(
    quantity: Literal["distance", "log10 BER"],
    cycles: Floats,
    n0_cycles: float | None,
    data: _Gaussian | _Poisson,
) -> AgingFit | None:
    from scipy.special import ndtri, stdtrit

    free = 2 if n0_cycles else 3
    freedom = cycles.size - free
    if freedom < 2 or cycles[-1] <= 0:
        return None
    first_worn = float(cycles[cycles > 0][0])
    point, deviance = _best_point(cycles, n0_cycles, data)
    fitted = _law(point, cycles)
    dispersion = data.chi_squared(fitted) / freedom
    level = np.full(cycles.size, data.level())
    gained = float(np.sum(data.residuals(level) ** 2)) - deviance
    wear_seen = gained / max(dispersion, 1.0) > _gain_by_chance(free - 1, freedom, dispersion)
    if not wear_seen and n0_cycles is None:
        # Without a bend n0 is anywhere: the first worn window stands for it.
        point, _ = _best_point(cycles, first_worn, data)
        fitted, free = _law(point, cycles), 2
    bend_is_below = n0_cycles is None and wear_seen and 10 ** point[2] < BEND_BELOW * first_worn
    if bend_is_below:
        # A straight line in log10 n: start and n0 cannot be told apart, so one of them is given.
        free = 2
    gradient = _gradient(point, cycles)[:, :free]
    information = (gradient * data.information(fitted)[:, None]).T @ gradient
    covariance = np.zeros((3, 3))
    covariance[:free, :free] = np.linalg.pinv(information) * max(dispersion, 1.0)
    upper = 1 - (1 - CONFIDENCE) / 2
    quantile = float(stdtrit(freedom, upper) if dispersion > 1 else ndtri(upper))
    half = quantile * np.sqrt(np.diag(covariance))
    start, slope, log_n0 = (
        Estimate(float(v), float(v - h), float(v + h)) for v, h in zip(point, half, strict=True)
    )
    n0 = Estimate(*(_cycles(v) for v in (log_n0.value, log_n0.low, log_n0.high)))
    return AgingFit(
        quantity=quantity,
        start=start,
        slope=slope,
        n0_cycles=Estimate(n0.value, 0.0, first_worn) if bend_is_below else n0,
        wear_seen=bool(wear_seen),
        first_cycle=float(cycles[0]),
        last_cycle=float(cycles[-1]),
        covariance=covariance,
        quantile=quantile,
    )


def _cycles(log10: float) -> float:
    """Cycles of their logarithm; infinite where a float has no such number.

    >>> _cycles(3), _cycles(400)
    (1000.0, inf)
    """
    return float(10.0**log10) if log10 < 300 else float("inf")


def _best_point(
    cycles: Floats, n0_cycles: float | None, data: _Gaussian | _Poisson
) -> tuple[Floats, float]:
    """Start, slope and log10 n0 of maximum likelihood, and their deviance."""
    from scipy.optimize import least_squares

    worn = cycles[cycles > 0]
    # n0 shows as a bend in or near the windows; far from them there is no telling it.
    lowest, highest = np.log10([worn[0] / 1e3, worn[-1] * 1e3])
    if n0_cycles:
        lowest = highest = np.log10(n0_cycles)

    def residuals(parameters: Floats) -> Floats:
        return data.residuals(_law(complete(parameters), cycles))

    def complete(parameters: Floats) -> Floats:
        return np.append(parameters, lowest) if n0_cycles else parameters

    guess = [data.level(), 0.0]
    starts = [guess] if n0_cycles else [[*guess, n] for n in np.linspace(lowest, highest, 7)[1:-1]]
    ends = [-np.inf, -np.inf, lowest], [np.inf, np.inf, highest]
    bounds = tuple(end[: len(starts[0])] for end in ends)
    scale = [1.0, 0.1, 1.0][: len(starts[0])]
    fits = [least_squares(residuals, start, bounds=bounds, x_scale=scale) for start in starts]
    best = min(fits, key=lambda fit: float(fit.cost))
    return complete(best.x), 2 * float(best.cost)


def _gain_by_chance(parameters: int, freedom: int, dispersion: float) -> float:
    """Fall of the deviance that so many useless parameters reach in 5 % of cases."""
    from scipy.special import chdtri, fdtri

    if dispersion > 1:
        return parameters * float(fdtri(parameters, freedom, CONFIDENCE))
    return float(chdtri(parameters, 1 - CONFIDENCE))
