"""Fits of switching voltages: planted distributions, censoring, steps, scipy's own fit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from labctl.analysis.weibull import (
    SwitchingFit,
    fit_lognormal,
    fit_weibull,
    goodness_of_fit,
    kaplan_meier,
    standard_quantile,
    voltage_for_share,
)
from tests.unit.analysis.coverage import Planted, check_coverage

DISTRIBUTIONS = ("weibull", "lognormal")
FITS = {"weibull": fit_weibull, "lognormal": fit_lognormal}


def draw(
    distribution: str, scale: float, shape: float, n: int, generator: np.random.Generator
) -> np.ndarray:
    if distribution == "weibull":
        return scale * generator.weibull(shape, n)
    return scale * np.exp(shape * generator.normal(size=n))


def fitted(distribution: str, volts: np.ndarray, top: float, step: float = 0.0) -> SwitchingFit:
    fit = FITS[distribution](np.minimum(volts, top), volts > top, step)
    assert fit is not None
    return fit


def test_complete_samples_give_the_fit_of_scipy() -> None:
    volts = 2.6 * np.random.default_rng(0).weibull(15, 300)
    shape, _, scale = stats.weibull_min.fit(volts, floc=0)
    fit = fitted("weibull", volts, np.inf)
    assert (fit.scale_v.value, fit.shape.value) == pytest.approx((scale, shape), rel=1e-3)
    logs = np.log(volts)
    fit = fitted("lognormal", volts, np.inf)
    assert fit.scale_v.value == pytest.approx(np.exp(logs.mean()), rel=1e-5)
    assert fit.shape.value == pytest.approx(logs.std(), rel=1e-4)


def test_censored_samples_give_the_fit_of_scipy() -> None:
    volts = 2.6 * np.random.default_rng(1).weibull(12, 500)
    data = stats.CensoredData(
        uncensored=volts[volts <= 2.7], right=np.full((volts > 2.7).sum(), 2.7)
    )
    shape, _, scale = stats.weibull_min.fit(data, floc=0)
    fit = fitted("weibull", volts, 2.7)
    assert (fit.scale_v.value, fit.shape.value) == pytest.approx((scale, shape), rel=1e-3)


@pytest.mark.torture
@pytest.mark.parametrize(
    ("distribution", "scale", "shape", "n", "top"),
    [
        ("weibull", 2.6, 12.0, 40, 2.65),
        ("weibull", 0.7, 3.0, 20, np.inf),
        ("lognormal", 2.6, 0.07, 40, 2.65),
        ("lognormal", 1.1, 0.2, 15, 1.2),
    ],
)
def test_intervals_contain_the_planted_values(
    distribution: str, scale: float, shape: float, n: int, top: float
) -> None:
    """Half censored and small samples; the planted 99 % voltage too."""
    generator = np.random.default_rng(n)
    slope = 1 / shape if distribution == "weibull" else shape
    wanted = scale * np.exp(slope * standard_quantile(distribution, 0.99))

    def estimate() -> Planted:
        volts = draw(distribution, scale, shape, n, generator)
        fit = fitted(distribution, volts, top)
        tail = voltage_for_share(np.minimum(volts, top), volts > top, fit, 0.99)
        return {"scale": (fit.scale_v, scale), "shape": (fit.shape, shape), "tail": (tail, wanted)}

    check_coverage(estimate, repetitions=200)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_ladders_of_large_steps_are_not_biased(distribution: str) -> None:
    """Tops 0.2 V apart: taken as voltages they would shift the scale by half a step."""
    shape = 12.0 if distribution == "weibull" else 0.08
    generator = np.random.default_rng(5)
    hits = {"scale": 0, "shape": 0, "plain scale": 0}
    for _ in range(12):
        volts = draw(distribution, 2.6, shape, 500, generator)
        tops = np.ceil(volts / 0.2) * 0.2
        never = tops > 3.01
        stepped = FITS[distribution](np.minimum(tops, 3.0), never, 0.2)
        plain = FITS[distribution](np.minimum(tops, 3.0), never)
        assert stepped is not None
        assert plain is not None
        hits["scale"] += stepped.scale_v.contains(2.6)
        hits["shape"] += stepped.shape.contains(shape)
        hits["plain scale"] += plain.scale_v.contains(2.6)
    assert hits["scale"] >= 10
    assert hits["shape"] >= 10
    assert hits["plain scale"] == 0


def test_dropping_never_formed_devices_would_be_wrong() -> None:
    volts = 2.6 * np.random.default_rng(6).weibull(12, 2000)
    assert fitted("weibull", volts, 2.5).scale_v.contains(2.6)
    seen = volts[volts <= 2.5]
    assert not fitted("weibull", seen, np.inf).scale_v.contains(2.6)


def test_kaplan_meier_with_devices_that_left_early() -> None:
    """The textbook case, by hand: 3 of 4 remain after 1 V, then 2 at risk, then 1."""
    points = kaplan_meier([1.0, 2.0, 3.0, 4.0], [False, True, False, False])
    assert points.volts.tolist() == [1.0, 3.0, 4.0]
    assert points.switched == pytest.approx([1 / 4, 1 - 3 / 4 / 2, 1.0])
    assert points.position == pytest.approx([1 / 8, 1 - 3 / 4 * 3 / 4, 1 - 3 / 16])


def test_positions_are_hazen_without_censoring() -> None:
    volts = np.random.default_rng(0).normal(2.5, 0.2, 50)
    assert kaplan_meier(volts, np.zeros(50, bool)).position == pytest.approx(
        (np.arange(50) + 0.5) / 50
    )


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_quantiles_and_shares_are_inverse(distribution: str) -> None:
    fit = fitted(distribution, np.linspace(2.2, 2.9, 30), np.inf)
    shares = [1e-4, 0.3, 0.999]
    assert fit.share(fit.quantile_v(shares)) == pytest.approx(shares)


def test_anderson_darling_without_censoring_is_the_usual_one() -> None:
    volts = 2.6 * np.random.default_rng(2).weibull(15, 60)
    fit = fitted("weibull", volts, np.inf)
    ordered = np.sort(fit.share(volts))
    odd = 2 * np.arange(1, 61) - 1
    wanted = -60 - np.sum(odd * (np.log(ordered) + np.log(1 - ordered[::-1]))) / 60
    found = goodness_of_fit(volts, np.zeros(60, bool), fit, np.random.default_rng(0), samples=5)
    assert found.anderson_darling == pytest.approx(wanted)


def test_anderson_darling_with_one_censoring_voltage_is_that_of_pettitt_and_stephens() -> None:
    volts = 2.6 * np.random.default_rng(3).weibull(15, 80)
    fit = fitted("weibull", volts, 2.6)
    z = np.sort(fit.share(volts[volts <= 2.6]))
    n, r, end = 80, z.size, float(fit.share(2.6))
    odd = 2 * np.arange(1, r + 1) - 1
    wanted = -np.sum(odd * (np.log(z) - np.log(1 - z))) / n - 2 * np.sum(np.log(1 - z))
    wanted -= ((r - n) ** 2 * np.log(1 - end) - r**2 * np.log(end) + n**2 * end) / n
    found = goodness_of_fit(
        np.minimum(volts, 2.6), volts > 2.6, fit, np.random.default_rng(0), samples=5
    )
    assert found.anderson_darling == pytest.approx(wanted)


def test_goodness_tells_the_right_distribution_from_the_wrong_one() -> None:
    volts = 2.6 * np.random.default_rng(4).weibull(12, 400)
    chances = [
        goodness_of_fit(
            np.minimum(volts, 2.8),
            volts > 2.8,
            fitted(name, volts, 2.8),
            np.random.default_rng(0),
            samples=60,
        ).p_value
        for name in DISTRIBUTIONS
    ]
    assert chances[0] > 0.1
    assert chances[1] < 0.05


@pytest.mark.torture
@pytest.mark.timeout(600)
def test_p_values_of_true_fits_are_uniform() -> None:
    """Also with steps and censoring: below 0.1 in about a tenth of the samples."""
    generator = np.random.default_rng(9)
    chances = []
    for _ in range(100):
        tops = np.minimum(np.ceil(2.6 * generator.weibull(12, 60) / 0.05) * 0.05, 2.75)
        never = tops > 2.74
        fit = fit_weibull(np.where(never, 2.7, tops), never, 0.05)
        assert fit is not None
        found = goodness_of_fit(
            np.where(never, 2.7, tops), never, fit, generator, samples=39, step_v=0.05
        )
        chances.append(found.p_value)
    assert 0.03 < np.mean(np.array(chances) < 0.1) < 0.2
    assert 0.4 < np.mean(chances) < 0.6


@pytest.mark.parametrize("volts", [[], [2.5], [2.5, 2.5, 2.5], [2.5, np.nan]])
def test_nothing_is_fitted_to_one_voltage(volts: list[float]) -> None:
    assert fit_weibull(volts, np.zeros(len(volts), bool)) is None


def test_a_spread_that_the_steps_hide_has_an_open_end() -> None:
    """Half at each of two tops: the true spread may be nothing at all."""
    volts = np.repeat([2.4, 2.6], 50)
    fit = fit_lognormal(volts, np.zeros(100, bool), step_v=0.2)
    assert fit is not None
    assert fit.shape.low == 0
    assert 0.02 < fit.shape.high < 0.05
    assert fit.scale_v.contains(2.4)


def test_two_of_two_hundred_leave_the_upper_end_far() -> None:
    volts = np.full(200, 2.0)
    volts[:2] = [1.9, 1.95]
    fit = fit_weibull(volts, np.arange(200) >= 2)
    assert fit is not None
    assert fit.scale_v.low > 2.0
    above, below = fit.scale_v.high - fit.scale_v.value, fit.scale_v.value - fit.scale_v.low
    assert above > 5 * below


@pytest.mark.parametrize(
    ("volts", "censored", "message"),
    [
        ([2.0, 2.5], [False], "both be"),
        ([0.0, 2.5], [False, False], "above 0 V"),
        ([np.inf, 2.5], [True, False], "finite"),
    ],
)
def test_impossible_voltages_are_refused(
    volts: list[float], censored: list[bool], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        fit_weibull(volts, censored)
