"""Aging fits: planted slopes and crossings are inside the intervals, and labelled."""

from __future__ import annotations

import math

import numpy as np
import pytest

from labctl.analysis.extrapolation import AgingFit, fit_ber, fit_distance
from tests.unit.analysis.coverage import Planted, check_coverage
from tests.unit.analysis.planted import PlantedDie, draw_die, program

WINDOWS = np.concatenate([[0.0], np.geomspace(1e2, 1e8, 12)])


def law(start: float, slope: float, n0: float, cycles: np.ndarray) -> np.ndarray:
    return start + slope * np.log10(1 + cycles / n0)


def exact(start: float, slope: float, n0: float, limit: float) -> float:
    return float(n0 * (10 ** ((limit - start) / slope) - 1))


@pytest.mark.torture
@pytest.mark.parametrize("known_errors", [True, False])
def test_distance_intervals_cover(known_errors: bool) -> None:
    """Also where the windows scatter three times more than their standard errors say."""
    generator = np.random.default_rng(1)
    claimed = 0.01 if known_errors else 0.01 / 3

    def estimate() -> Planted:
        y = law(1.8, -0.13, 1460, WINDOWS) + generator.normal(0, 0.01, WINDOWS.size)
        fit = fit_distance(WINDOWS, y, np.full(WINDOWS.size, claimed))
        assert fit is not None
        beyond = fit.predict(1e10)
        assert beyond.extrapolated
        return {
            "start": (fit.start, 1.8),
            "slope": (fit.slope, -0.13),
            "n0": (fit.n0_cycles, 1460),
            "crossing": (fit.crossing(0.9).cycle, exact(1.8, -0.13, 1460, 0.9)),
            "beyond": (beyond.value, float(law(1.8, -0.13, 1460, np.array(1e10)))),
        }

    check_coverage(estimate, repetitions=200)


@pytest.mark.slow
def test_ber_intervals_cover_with_windows_without_errors() -> None:
    generator = np.random.default_rng(2)
    truth = 10 ** law(-5.5, 0.45, 1460, WINDOWS)

    def estimate() -> Planted:
        errors = generator.poisson(1e5 * truth)
        assert (errors == 0).any()
        fit = fit_ber(WINDOWS, errors, np.full(WINDOWS.size, 1e5), n0_cycles=1460)
        assert fit is not None
        crossing = fit.crossing(-2.0)
        assert crossing.extrapolated
        return {
            "start": (fit.start, -5.5),
            "slope": (fit.slope, 0.45),
            "crossing": (crossing.cycle, exact(-5.5, 0.45, 1460, -2.0)),
        }

    check_coverage(estimate)


@pytest.mark.torture
def test_ber_intervals_cover_with_n0_fitted() -> None:
    generator = np.random.default_rng(3)

    def estimate() -> Planted:
        errors = generator.poisson(1e6 * 10 ** law(-5, 0.45, 1460, WINDOWS))
        fit = fit_ber(WINDOWS, errors, np.full(WINDOWS.size, 1e6))
        assert fit is not None
        return {
            "slope": (fit.slope, 0.45),
            "n0": (fit.n0_cycles, 1460),
            "crossing": (fit.crossing(-1.5).cycle, exact(-5, 0.45, 1460, -1.5)),
        }

    check_coverage(estimate, repetitions=200)


def window_of(die: PlantedDie, cycles: float, generator: np.random.Generator) -> tuple[float, ...]:
    """Distance and its standard error from one window of a worn die."""
    worn = PlantedDie(float(die.distance_after(np.array(cycles))), die.lrs_sigma, die.hrs_sigma)
    reads = program(worn, 4, 16, 16, generator)
    lrs, hrs = np.log10(reads.lrs), np.log10(reads.hrs)
    error = np.sqrt(lrs.var() / lrs.size + hrs.var() / hrs.size)
    return float(hrs.mean() - lrs.mean()), float(error)


def test_aging_slopes_of_dies_at_random() -> None:
    generator = np.random.default_rng(4)
    hits = 0
    for _ in range(20):
        die = draw_die(generator)
        y, error = np.array([window_of(die, n, generator) for n in WINDOWS]).T
        fit = fit_distance(WINDOWS, y, error)
        assert fit is not None
        hits += fit.slope.contains(-die.aging_slope)
        hits += fit.start.contains(die.distance)
    assert hits >= 35


def distance_fit(slope: float = -0.13) -> AgingFit:
    noise = 1e-3 * np.array([1, -1, 2, -2, 0, 1, -1, 0, 2, -1, 0, 1, -1])
    fit = fit_distance(WINDOWS, law(1.8, slope, 1460, WINDOWS) + noise, np.full(13, 2e-3))
    assert fit is not None
    return fit


def test_what_was_measured_is_not_called_extrapolated() -> None:
    fit = distance_fit()
    assert not fit.predict(1e5).extrapolated
    assert not fit.crossing(1.5).extrapolated
    assert fit.crossing(0.9).extrapolated
    assert fit.predict(1e8 * 1.01).extrapolated


def test_interval_widens_away_from_the_windows() -> None:
    fit = distance_fit()
    widths = [one.high - one.low for one in (fit.predict(n).value for n in (1e6, 1e9, 1e12))]
    assert widths[0] < widths[1] < widths[2]


def test_a_limit_too_far_is_infinite() -> None:
    assert distance_fit().crossing(-2.0).cycle.value == math.inf


def test_without_wear_the_last_window_is_all_that_is_said() -> None:
    """Fig. 7: no degradation over 5e10 cycles says nothing of 1e12."""
    generator = np.random.default_rng(6)
    seen = 0
    for _ in range(20):
        y = 1.34 + generator.normal(0, 0.01, WINDOWS.size)
        fit = fit_distance(WINDOWS, y, np.full(WINDOWS.size, 0.01))
        assert fit is not None
        seen += fit.wear_seen
        if not fit.wear_seen:
            crossing = fit.crossing(1.0)
            assert (crossing.cycle.value, crossing.cycle.low) == (math.inf, WINDOWS[-1])
            assert crossing.extrapolated
            assert fit.start.low < 1.34 + 0.02
    assert seen <= 4


def test_a_distance_that_grows_never_falls_to_the_limit() -> None:
    fit = distance_fit(slope=0.1)
    assert fit.wear_seen
    assert fit.crossing(1.5).cycle.low == math.inf


def test_a_limit_passed_from_the_start_is_zero() -> None:
    crossing = distance_fit().crossing(1.9)
    assert (crossing.cycle.value, crossing.cycle.low) == (0.0, 0.0)
    assert not crossing.extrapolated


def test_windows_come_in_any_order_and_with_gaps() -> None:
    generator = np.random.default_rng(5)
    y = law(1.8, -0.1, 1e3, WINDOWS) + generator.normal(0, 0.01, WINDOWS.size)
    error = np.full(WINDOWS.size, 0.01)
    fit = fit_distance(WINDOWS, y, error, n0_cycles=1e3)
    order = generator.permutation(WINDOWS.size)
    padded = [np.append(column[order], np.nan) for column in (WINDOWS, y, error)]
    again = fit_distance(*padded, n0_cycles=1e3)
    assert fit is not None
    assert again is not None
    assert again.slope.value == pytest.approx(fit.slope.value, rel=1e-6)
    assert fit.n0_cycles.low == fit.n0_cycles.high == pytest.approx(1e3)


def test_too_little_gives_nothing() -> None:
    n = np.array([1.0, 10.0, 100.0])
    assert fit_distance(n, [1.0, 0.9, 0.8], np.full(3, 0.1)) is None
    assert fit_ber(np.geomspace(1, 1e6, 8), np.zeros(8), np.full(8, 100), 1e3) is None
    assert fit_distance(np.zeros(6), np.ones(6), np.ones(6), 1e3) is None


@pytest.mark.parametrize(
    ("cycles", "errors", "trials", "message"),
    [
        ([1.0, 2.0], [1, 2], [1], "windows"),
        ([-1.0, 2.0], [1, 1], [2, 2], "negative"),
        ([1.0, 2.0], [3, 1], [2, 2], "0 to its trials"),
    ],
)
def test_impossible_windows_are_refused(
    cycles: list[float], errors: list[int], trials: list[int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        fit_ber(cycles, errors, trials)
    with pytest.raises(ValueError, match="above 0"):
        fit_distance([1.0], [1.0], [0.0])
