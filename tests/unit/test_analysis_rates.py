"""Intervals and references against brute force and planted values."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from labctl.analysis.error_rates import error_rate
from labctl.analysis.references import best_reference, errors_at


@pytest.mark.parametrize(("errors", "trials"), [(1, 10), (205, 102400), (2458, 204800), (10, 10)])
def test_interval_is_clopper_pearson(errors: int, trials: int) -> None:
    wanted = stats.binomtest(errors, trials).proportion_ci(0.95, method="exact")
    rate = error_rate(errors, trials)
    assert (rate.low, rate.high) == pytest.approx((wanted.low, wanted.high), rel=1e-9)
    assert rate.value == errors / trials
    assert not rate.is_bound


def test_zero_errors_are_a_one_sided_bound() -> None:
    rate = error_rate(0, 2_995_732)
    assert rate.is_bound
    assert (rate.value, rate.low) == (0.0, 0.0)
    assert rate.high is not None
    assert 0.999e-6 < rate.high <= 1e-6


def test_without_trials_nothing_is_said() -> None:
    rate = error_rate(0, 0)
    assert (rate.value, rate.low, rate.high, rate.is_bound) == (None, None, None, False)


@pytest.mark.parametrize(("errors", "trials"), [(-1, 5), (6, 5)])
def test_impossible_counts_are_refused(errors: int, trials: int) -> None:
    with pytest.raises(ValueError, match="must be 0 to trials"):
        error_rate(errors, trials)


def test_as_dict_is_json_even_from_numpy_counts() -> None:
    text = json.dumps(error_rate(np.int64(2), np.int64(9)).as_dict())  # type: ignore[arg-type]
    assert json.loads(text).keys() == {"errors", "trials", "value", "low", "high"}


# Few distinct values, so that ties and equal readings are common.
readings = st.lists(st.sampled_from([1.0, 2.0, 3.0, 5.0, 8.0, 13.0]), min_size=1, max_size=12)


@given(readings, readings)
def test_no_reference_beats_the_best(lrs: list[float], hrs: list[float]) -> None:
    best = best_reference(lrs, hrs)
    everywhere = np.linspace(0.5, 14, 200)
    counts = [errors_at(r, lrs, hrs).rate.errors for r in everywhere]
    assert best.rate.errors == min(counts)
    assert best.reference_ohm is not None
    assert best == errors_at(best.reference_ohm, lrs, hrs)


def test_ties_take_the_middle_of_the_widest_gap() -> None:
    best = best_reference(lrs=[1e3, 4e3, 1e6], hrs=[2e3, 4e4, 1e7])
    assert best.reference_ohm == pytest.approx(np.sqrt(4e3 * 4e4))
    assert (best.lrs_errors, best.hrs_errors) == (1, 1)


def test_reference_between_neighbouring_floats_still_separates() -> None:
    above = float(np.nextafter(1e4, np.inf))
    best = best_reference([1e4, 1e4], [above])
    assert best.rate.errors == 0


def test_invalid_readings_are_excluded_and_counted() -> None:
    best = best_reference([1e4, np.nan, np.inf], [1e5, 0.0, -5.0])
    assert (best.trials, best.excluded, best.rate.errors) == (2, 4, 0)


def test_one_state_alone_has_no_reference() -> None:
    best = best_reference([1e4, 2e4], [np.nan])
    assert best.reference_ohm is None
    assert best.rate.value is None
    assert best.excluded == 3


def test_recovers_a_planted_overlap() -> None:
    rng = np.random.default_rng(20)
    lrs = 10 ** rng.normal(4.0, 0.2, 200_000)
    hrs = 10 ** rng.normal(5.0, 0.2, 200_000)
    best = best_reference(lrs, hrs)
    planted = float(stats.norm.sf(2.5))
    assert best.rate.low is not None
    assert best.rate.high is not None
    # The best of many thresholds lies a little below the planted rate, never much above.
    assert best.rate.low * 0.97 < planted < best.rate.high * 1.03
    assert best.reference_ohm == pytest.approx(10**4.5, rel=0.1)
