"""Resistances with censored readings: what decides, and what does not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from labctl.analysis.differential import Programmed, expected_reversed, gain, reversed_pairs
from labctl.analysis.error_rates import error_rate
from labctl.analysis.readings import (
    ABOVE,
    BELOW,
    Readings,
    band,
    best_reference_of,
    distance,
    joined,
    reference_errors,
    sigma_points,
)

SEED = 77_201_934


def censored(ohm, low, high):
    """Readings as a range from ``low`` to ``high`` gives them."""
    code = np.where(ohm < low, BELOW, np.where(ohm > high, ABOVE, 0)).astype(np.int8)
    return Readings(np.where(code == 0, ohm, np.nan), code, low, high)


def whole(ohm):
    return Readings(ohm, np.zeros(len(ohm), np.int8), 0.0, math.inf)


@pytest.fixture
def states():
    generator = np.random.default_rng(SEED)
    lrs = 10 ** generator.normal(3.75, 0.19, (2, 20_000))
    hrs = 10 ** generator.normal(4.95, 0.28, (2, 20_000))
    return lrs, hrs


def test_censoring_does_not_change_the_errors_of_references_that_the_ranges_show(states):
    lrs, hrs = states
    seen_lrs = [censored(x, 1e3, 1.2e6) for x in lrs]
    seen_hrs = [censored(x, 1e4, 8e6) for x in hrs]
    assert sum(np.count_nonzero(r.code == BELOW) for r in seen_hrs) > 5
    true = best_reference_of([whole(x) for x in lrs], [whole(x) for x in hrs])
    found = best_reference_of(seen_lrs, seen_hrs)
    assert found.rate == true.rate
    assert found.reference_ohm == pytest.approx(true.reference_ohm, rel=1e-6)
    for reference in (1e4, 2e4, 1e6):
        exact = np.count_nonzero(lrs >= reference) + np.count_nonzero(hrs < reference)
        at = reference_errors(reference, seen_lrs, seen_hrs)
        assert (at.rate.errors, at.trials) == (exact, lrs.size + hrs.size)


def test_a_reference_outside_of_a_range_leaves_out_what_it_cannot_judge(states):
    _, hrs = states
    seen = censored(hrs[0], 1e4, 8e6)
    at = reference_errors(8e3, [], [seen])
    assert at.trials == np.count_nonzero(seen.code != BELOW)
    assert at.rate.errors == 0


def test_missing_readings_are_in_no_count():
    some = Readings(np.array([5e3, np.nan, np.nan]), np.array([0, 0, ABOVE], np.int8), 1e3, 1e6)
    assert reference_errors(5e4, [some], []).trials == 2
    assert band(some).readings == 2


def test_quantiles_that_are_censored_are_not_known(states):
    _, hrs = states
    seen = band(censored(hrs[0], 4e4, 8e6))
    exact = band(whole(hrs[0]))
    assert seen.q01_ohm is None
    assert (seen.median_ohm, seen.q99_ohm) == (exact.median_ohm, exact.q99_ohm)
    assert (seen.readings, seen.below) == (len(hrs[0]), np.count_nonzero(hrs[0] < 4e4))
    nothing = band(Readings(np.empty(0), np.empty(0, np.int8), 1e3, 1e6))
    assert (nothing.median_ohm, nothing.readings) == (None, 0)


def test_the_distance_of_the_medians_and_its_error(states):
    lrs, hrs = states
    found = distance([censored(x, 1e3, 1.2e6) for x in lrs], [censored(x, 1e4, 8e6) for x in hrs])
    assert found.decades == pytest.approx(1.2, abs=4 * found.error)
    expected = math.sqrt(math.pi / 2 * (0.19**2 + 0.28**2) / 20_000 / 2)
    assert found.error == pytest.approx(expected, rel=0.03)
    assert distance([censored(lrs[0], 1e6, 1e7)], [whole(hrs[0])]) is None
    assert distance([whole(lrs[0][:1])], [whole(hrs[0])]) is None


def test_a_sigma_plot_keeps_the_places_of_censored_readings(states):
    _, hrs = states
    exact, seen = sigma_points(whole(hrs[0])), sigma_points(censored(hrs[0], 4e4, 8e6))
    assert seen.readings == exact.readings
    shown = exact.resistance_ohm >= 4e4
    np.testing.assert_allclose(seen.resistance_ohm, exact.resistance_ohm[shown])
    np.testing.assert_allclose(seen.sigma, exact.sigma[shown])


def test_reversed_pairs_with_censored_readings(states):
    lrs, hrs = states
    exact = np.count_nonzero(hrs < lrs)
    full = reversed_pairs(
        [Programmed(whole(low), whole(high)) for low, high in zip(lrs, hrs, strict=True)]
    )
    assert (full.rate.errors, full.undecided) == (exact, 0)
    seen = reversed_pairs(
        [
            Programmed(censored(low, 1e3, 1.2e6), censored(high, 1e4, 8e6))
            for low, high in zip(lrs, hrs, strict=True)
        ]
    )
    unknown = np.count_nonzero((hrs < 1e4) & (lrs < 1e4))
    assert seen.undecided == unknown > 0
    assert seen.rate.trials == lrs.size - unknown
    assert seen.rate.errors == np.count_nonzero((hrs < lrs) & ~((hrs < 1e4) & (lrs < 1e4)))


def test_all_readings_against_all_know_the_rate_of_independent_devices():
    generator = np.random.default_rng(SEED)
    lrs = 10 ** generator.normal(3.75, 0.19, (2, 20_000))
    hrs = 10 ** generator.normal(4.55, 0.28, (2, 20_000))
    programmed = [Programmed(whole(a), whole(b)) for a, b in zip(lrs, hrs, strict=True)]
    expected = norm.sf(0.8 / math.hypot(0.19, 0.28))
    assert expected_reversed(programmed) == pytest.approx(expected, rel=0.1)
    assert expected_reversed([]) is None


def test_readings_are_joined_in_order():
    one = Readings(np.array([1e4]), np.array([0], np.int8), 1e3, 1e6)
    two = Readings(np.array([np.nan]), np.array([ABOVE], np.int8), 1e3, 1e6)
    both = joined([one, two])
    assert both.code.tolist() == [0, ABOVE]
    assert (both.lowest_ohm, both.highest_ohm) == (1e3, 1e6)


def test_a_gain_is_no_more_certain_than_its_rates():
    found = gain(error_rate(120, 10_000), error_rate(20, 10_000))
    assert found.low < math.log10(6) < found.high
    bound = gain(error_rate(120, 10_000), error_rate(0, 10_000))
    assert (bound.decades, bound.high) == (None, None)
    assert bound.low == pytest.approx(
        math.log10(error_rate(120, 10_000).low / error_rate(0, 10_000).high)
    )
