"""Forming, SET and RESET voltages: Weibull and lognormal fits, Kaplan-Meier points, yield.

A device that never switched is right-censored: its voltage is the highest it has withstood. It
counts in every number here, it is never dropped. ``volts`` and ``censored`` are (n,) throughout;
NaN marks a device that says nothing (not tried) and is left out.

Both distributions are ln V = m + s z; z is a smallest extreme value (Weibull: scale exp(m), slope
1/s) or a standard normal (lognormal: median exp(m), s.d. s of ln V). Parameters are of maximum
likelihood, intervals of the profile likelihood (Meeker and Escobar, Statistical Methods for
Reliability Data, chapter 8).

Ramps give the voltage itself. Ladders of rising tops give a step: a device that switched at V had
not at ``V - step_v``; with ``step_v`` the likelihood is that of the step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.analysis.error_rates import CONFIDENCE
from labctl.analysis.estimates import Estimate

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Distribution = Literal["weibull", "lognormal"]

FURTHEST_END = 200.0
"""Profile likelihoods are followed this many standard errors; an end beyond is open."""


@dataclass(frozen=True)
class SwitchingFit:
    """A distribution of switching voltages."""

    distribution: Distribution
    scale_v: Estimate
    """Weibull: voltage by which 63.2 % switch. Lognormal: median."""
    shape: Estimate
    """Weibull: slope, larger is steeper. Lognormal: s.d. of ln V, about the relative s.d."""
    switched: int
    censored: int
    """Devices that never switched."""
    log_likelihood: float
    """Of the same data, the distribution with the higher one fits better."""

    @property
    def _log_scale(self) -> tuple[float, float]:
        s = 1 / self.shape.value if self.distribution == "weibull" else self.shape.value
        return float(np.log(self.scale_v.value)), s

    def share(self, volts: ArrayLike) -> Floats:
        """Share of the devices that have switched at ``volts``."""
        m, s = self._log_scale
        standard = (np.log(np.asarray(volts, dtype=float)) - m) / s
        return np.asarray(-np.expm1(_log_survival(self.distribution, standard)))

    def quantile_v(self, share: ArrayLike) -> Floats:
        """Voltage (V) by which the ``share`` (0 to 1) of the devices have switched."""
        m, s = self._log_scale
        return np.asarray(np.exp(m + s * standard_quantile(self.distribution, share)))


@dataclass(frozen=True)
class SwitchedShare:
    """Kaplan-Meier estimate of the share that has switched, at each voltage where one did."""

    volts: Floats
    """In rising order."""
    switched: Floats
    """Share switched up to and at each voltage."""
    position: Floats
    """Middle of the step at each voltage, for a probability plot; without censoring the Hazen
    positions (i - 0.5) / n."""


@dataclass(frozen=True)
class GoodnessOfFit:
    """How far the data are from a fit."""

    anderson_darling: float
    p_value: float
    """Share of samples of the fitted distribution that lie as far from their own fit."""
    samples: int


def kaplan_meier(volts: ArrayLike, censored: ArrayLike) -> SwitchedShare:
    """Share switched against voltage, with never-switched devices at risk up to their voltage.

    Source: Kaplan and Meier, J. Am. Stat. Assoc. 53, 457 (1958).

    >>> points = kaplan_meier([2.0, 2.5, 2.5, 3.3], [False, False, False, True])
    >>> points.volts.tolist(), points.switched.tolist(), points.position.tolist()
    ([2.0, 2.5], [0.25, 0.75], [0.125, 0.5])
    """
    values, switched, stopped = _counts(volts, censored)
    at_risk = (switched + stopped)[::-1].cumsum()[::-1]
    remaining = np.cumprod(1 - switched / at_risk)
    before = np.concatenate([[1.0], remaining[:-1]])
    steps = switched > 0
    return SwitchedShare(
        volts=values[steps],
        switched=(1 - remaining)[steps],
        position=(1 - (before + remaining) / 2)[steps],
    )


def fit_weibull(volts: ArrayLike, censored: ArrayLike, step_v: float = 0.0) -> SwitchingFit | None:
    """Weibull fit of switching voltages (V); None with fewer than two different ones.

    Raises ValueError for shapes that differ and voltages that are not above 0 V.

    >>> volts = 2.6 * (-np.log1p(-(np.arange(200) + 0.5) / 200)) ** (1 / 15)
    >>> fit = fit_weibull(np.minimum(volts, 2.7), volts > 2.7)
    >>> fit.censored, round(fit.scale_v.value, 2), round(fit.shape.value, 1)
    (34, 2.6, 15.1)
    """
    return _fit("weibull", volts, censored, step_v)


def fit_lognormal(
    volts: ArrayLike, censored: ArrayLike, step_v: float = 0.0
) -> SwitchingFit | None:
    """Lognormal fit of switching voltages (V); as ``fit_weibull``."""
    return _fit("lognormal", volts, censored, step_v)


def voltage_for_share(
    volts: ArrayLike, censored: ArrayLike, fit: SwitchingFit, share: float, step_v: float = 0.0
) -> Estimate:
    """Voltage (V) by which ``share`` of the devices switch, with its interval.

    A share outside those measured extends the fitted line: it is only as good as the fit's tail.

    >>> volts, censored = np.linspace(2.2, 2.9, 50), np.zeros(50, bool)
    >>> print(voltage_for_share(volts, censored, fit_lognormal(volts, censored), 0.999))
    3.267 [3.117, 3.482]
    """
    likelihood = _Likelihood.of(fit.distribution, volts, censored, step_v)
    z = float(standard_quantile(fit.distribution, share))
    return _exp(likelihood.quantile_interval(*fit._log_scale, z))


def goodness_of_fit(
    volts: ArrayLike,
    censored: ArrayLike,
    fit: SwitchingFit,
    generator: np.random.Generator,
    samples: int = 200,
    step_v: float = 0.0,
) -> GoodnessOfFit:
    """Anderson-Darling distance of the Kaplan-Meier share to the fit, p by parametric bootstrap.

    Each of the ``samples`` is drawn from the fit, censored at the highest voltage that a device
    withstood, rounded up to ``step_v``, and fitted anew, as the parameters come from the data.
    """
    values, marks = _valid(volts, censored)
    distance = _anderson_darling(values, marks, fit)
    top = values[marks].max() if marks.any() else np.inf
    further = drawn = 0
    for _ in range(samples):
        again = fit.quantile_v(generator.random(values.size))
        if step_v:
            again = values[0] + np.ceil((again - values[0]) / step_v) * step_v
        never = again > top
        again = np.minimum(again, top)
        refit = _fit(fit.distribution, again, never, step_v, intervals=False)
        if refit is not None:
            drawn += 1
            further += _anderson_darling(again, never, refit) >= distance
    return GoodnessOfFit(distance, (further + 1) / (drawn + 1), drawn)


def standard_quantile(distribution: Distribution, share: ArrayLike) -> Floats:
    """Quantile of ln V in units of s: the vertical axis of a probability plot.

    For the Weibull plot it is ln(-ln(1 - F)), for the lognormal plot the normal quantile.

    >>> standard_quantile("weibull", [1 - np.exp(-1)]).round(12).tolist()
    [0.0]
    """
    from scipy.special import ndtri

    shares = np.asarray(share, dtype=float)
    if distribution == "weibull":
        return np.asarray(np.log(-np.log1p(-shares)))
    return np.asarray(ndtri(shares))


def _log_survival(distribution: Distribution, standard: Floats) -> Floats:
    from scipy.special import log_ndtr

    if distribution == "weibull":
        return np.asarray(-np.exp(standard))
    return np.asarray(log_ndtr(-standard))


def _log_density(distribution: Distribution, standard: Floats) -> Floats:
    if distribution == "weibull":
        return np.asarray(standard - np.exp(standard))
    return np.asarray(-(standard**2) / 2 - np.log(2 * np.pi) / 2)


def _valid(volts: ArrayLike, censored: ArrayLike) -> tuple[Floats, Bools]:
    values, marks = np.asarray(volts, dtype=float), np.asarray(censored, dtype=bool)
    if values.shape != marks.shape or values.ndim != 1:
        raise ValueError(f"volts {values.shape} and censored {marks.shape} must both be (n,)")
    known = ~np.isnan(values)
    values, marks = values[known], marks[known]
    if values.size and not (values.min() > 0 and np.isfinite(values.max())):
        raise ValueError("switching voltages must be finite and above 0 V")
    return values, marks


def _counts(volts: ArrayLike, censored: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Different voltages in rising order, and how many switched and stopped unswitched at each."""
    values, marks = _valid(volts, censored)
    different, place = np.unique(values, return_inverse=True)
    switched = np.bincount(place, weights=~marks, minlength=different.size).astype(float)
    stopped = np.bincount(place, weights=marks, minlength=different.size).astype(float)
    return different, switched, stopped


def _exp(estimate: Estimate) -> Estimate:
    return Estimate(*(float(np.exp(x)) for x in (estimate.value, estimate.low, estimate.high)))


@dataclass(frozen=True)
class _Likelihood:
    """Minus the log likelihood of (m, s) on counted voltages."""

    distribution: Distribution
    log_volts: Floats
    log_before: Floats | None
    """ln of the voltage one step below; None: voltages are exact."""
    switched: Floats
    stopped: Floats

    @classmethod
    def of(
        cls, distribution: Distribution, volts: ArrayLike, censored: ArrayLike, step_v: float
    ) -> _Likelihood:
        values, switched, stopped = _counts(volts, censored)
        before = np.log(np.maximum(values - step_v, 1e-9)) if step_v else None
        return cls(distribution, np.log(values), before, switched, stopped)

    def __call__(self, m: float, log_s: float) -> float:
        s = np.exp(log_s)
        standard = (self.log_volts - m) / s
        survival = _log_survival(self.distribution, standard)
        if self.log_before is None:
            switching = _log_density(self.distribution, standard) - log_s - self.log_volts
        else:
            before = _log_survival(self.distribution, (self.log_before - m) / s)
            with np.errstate(divide="ignore"):
                switching = before + np.log(-np.expm1(survival - before))
        total = _weighted(self.switched, switching) + _weighted(self.stopped, survival)
        return -total if np.isfinite(total) else np.inf

    def best(self) -> tuple[float, float, float]:
        """(m, s, minus log likelihood) at the maximum."""
        from scipy.optimize import minimize

        centre = float(np.average(self.log_volts, weights=self.switched))
        spread = float(np.sqrt(np.average((self.log_volts - centre) ** 2, weights=self.switched)))
        spread = max(spread, 1e-3)

        def loss(point: Floats) -> float:
            with np.errstate(over="ignore"):
                return self(centre + spread * point[0], float(np.log(spread) + point[1]))

        found = minimize(
            loss, [0.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-9}
        )
        return centre + spread * found.x[0], spread * float(np.exp(found.x[1])), float(found.fun)

    def quantile_interval(self, m: float, s: float, z: float) -> Estimate:
        """Profile interval of m + s z."""
        error = s / np.sqrt(self.switched.sum()) * np.hypot(1, z)

        def loss(quantile: float, log_s: float) -> float:
            return self(quantile - np.exp(log_s) * z, log_s)

        return self._profile(loss, m + s * z, error, inner=float(np.log(s)), inner_step=0.05)

    def log_spread_interval(self, m: float, s: float) -> Estimate:
        """Profile interval of ln s."""
        error = 1 / np.sqrt(self.switched.sum())
        return self._profile(
            lambda log_s, centre: self(centre, log_s),
            float(np.log(s)),
            error,
            inner=m,
            inner_step=s * error / 4,
        )

    @staticmethod
    def _profile(
        loss: Callable[[float, float], float],
        best: float,
        error: float,
        inner: float,
        inner_step: float,
    ) -> Estimate:
        """Where the loss, minimised over the inner parameter, passes the chi-squared limit."""
        from scipy.optimize import brentq, minimize_scalar
        from scipy.special import chdtri

        limit = loss(best, inner) + float(chdtri(1, 1 - CONFIDENCE)) / 2

        def excess(value: float) -> float:
            with np.errstate(over="ignore", invalid="ignore"):
                found = minimize_scalar(
                    partial(loss, value), bracket=(inner - inner_step, inner + inner_step)
                )
            return float(found.fun) - limit

        def end(direction: float) -> float:
            reach = 2 * error
            while excess(best + direction * reach) < 0:
                reach *= 2
                if reach > FURTHEST_END * error:
                    return direction * np.inf
            return float(brentq(excess, best, best + direction * reach, xtol=1e-4 * error))

        return Estimate(best, end(-1.0), end(1.0))


def _weighted(counts: Floats, logs: Floats) -> float:
    """Sum of counts times logs, where a count of 0 cancels an infinite log."""
    present = counts > 0
    return float(np.dot(counts[present], logs[present]))


def _fit(
    distribution: Distribution,
    volts: ArrayLike,
    censored: ArrayLike,
    step_v: float,
    intervals: bool = True,
) -> SwitchingFit | None:
    likelihood = _Likelihood.of(distribution, volts, censored, step_v)
    if np.count_nonzero(likelihood.switched) < 2:
        return None
    m, s, loss = likelihood.best()
    location, log_s = Estimate(m, -np.inf, np.inf), Estimate(float(np.log(s)), -np.inf, np.inf)
    if intervals:
        location = likelihood.quantile_interval(m, s, z=0.0)
        log_s = likelihood.log_spread_interval(m, s)
    if distribution == "weibull":
        log_s = Estimate(-log_s.value, -log_s.high, -log_s.low)
    return SwitchingFit(
        distribution=distribution,
        scale_v=_exp(location),
        shape=_exp(log_s),
        switched=int(likelihood.switched.sum()),
        censored=int(likelihood.stopped.sum()),
        log_likelihood=-loss,
    )


def _anderson_darling(volts: Floats, censored: Bools, fit: SwitchingFit) -> float:
    """Integral of n (F_KM - F)^2 / (F (1 - F)) dF up to the highest voltage, step by step.

    With one censoring voltage it is the statistic of Pettitt and Stephens, Biometrika 63, 291
    (1976), without censoring the usual one.
    """
    from scipy.special import xlog1py, xlogy

    points = kaplan_meier(volts, censored)
    end = 1.0 if points.switched[-1] > 1 - 1e-12 else float(fit.share(volts.max()))
    edges = np.concatenate([[0.0], fit.share(points.volts), [end]]).clip(0, 1 - 1e-16)
    edges[-1] = end
    level = np.concatenate([[0.0], points.switched])
    left = 1 - level
    left[np.abs(left) < 1e-12] = 0.0

    def primitive(u: Floats) -> Floats:
        return np.asarray(xlogy(level**2, u) - xlog1py(left**2, -u) - u)

    total = np.sum(primitive(edges[1:]) - primitive(edges[:-1]))
    return volts.size * float(total)
