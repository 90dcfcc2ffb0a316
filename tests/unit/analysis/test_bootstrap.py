"""Clustered errors: planted clustering, coverage, bounds."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.bootstrap import cluster_rate, effective_rate
from labctl.analysis.error_rates import error_rate
from tests.unit.analysis.coverage import Planted, check_coverage


@pytest.mark.parametrize(
    ("a", "b"), [(0.3, 25.0), pytest.param(0.05, 50.0, marks=pytest.mark.slow)]
)
def test_interval_covers_rates_of_weak_cells(a: float, b: float) -> None:
    """600 cells of 100 trials; the second has errors in some thirty cells only."""
    generator = np.random.default_rng(int(b))
    trials = np.full(600, 100)

    def estimate() -> Planted:
        errors = generator.binomial(trials, generator.beta(a, b, 600))
        by_cells = cluster_rate(errors, trials, generator, resamples=400).rate
        return {
            "bootstrap": (by_cells, a / (a + b)),
            "effective": (effective_rate(errors, trials).rate, a / (a + b)),
        }

    check_coverage(estimate)


def test_binomial_interval_would_be_too_narrow() -> None:
    generator = np.random.default_rng(0)
    hits = 0
    for _ in range(200):
        errors = generator.binomial(100, generator.beta(0.05, 5, 600))
        exact = error_rate(int(errors.sum()), 60_000)
        assert exact.low is not None
        assert exact.high is not None
        hits += exact.low <= 0.05 / 5.05 <= exact.high
    assert hits < 120


def test_design_effect_is_that_planted() -> None:
    """Beta-binomial: 1 + (trials - 1) / (a + b + 1)."""
    generator = np.random.default_rng(1)
    errors = generator.binomial(100, generator.beta(1.0, 8.0, 20_000))
    found = effective_rate(errors, np.full(20_000, 100))
    assert found.design_effect == pytest.approx(1 + 99 / 10, rel=0.03)


def test_independent_trials_have_no_design_effect_and_the_exact_interval() -> None:
    generator = np.random.default_rng(2)
    errors = generator.binomial(1, 0.01, 50_000)
    found = effective_rate(errors, np.ones(50_000))
    exact = error_rate(int(errors.sum()), 50_000)
    assert found.design_effect == pytest.approx(1, abs=1e-3)
    assert (found.rate.low, found.rate.high) == pytest.approx((exact.low, exact.high), rel=1e-3)


def test_few_cells_with_errors_use_the_effective_trials() -> None:
    errors, trials = np.array([5, 3] + [0] * 98), np.full(100, 100)
    found = cluster_rate(errors, trials, np.random.default_rng(0))
    assert found == effective_rate(errors, trials)
    exact = error_rate(8, 10_000)
    assert exact.high is not None
    assert found.rate.high > 2 * exact.high


def test_without_errors_there_is_a_bound_and_no_design_effect() -> None:
    found = cluster_rate(np.zeros(64), np.full(64, 16), np.random.default_rng(0))
    assert found.design_effect is None
    assert found.rate.high == error_rate(0, 1024).high


def test_cells_without_trials_are_left_out() -> None:
    found = effective_rate([3, 0, 1], [10, 0, 10])
    assert (found.cells, found.trials, found.errors) == (2, 20, 4)
    assert found.as_dict()["rate"]["value"] == 0.2


def test_one_cell_cannot_show_clustering() -> None:
    found = effective_rate([3], [10])
    assert found.design_effect is None
    assert found.rate.high == error_rate(3, 10).high


@pytest.mark.parametrize(
    ("errors", "trials", "message"),
    [
        ([1], [1, 2], "both be"),
        ([3], [2], "0 to its trials"),
        ([-1], [2], "0 to its trials"),
        ([0, 0], [0, 0], "no cell"),
    ],
)
def test_impossible_counts_are_refused(errors: list[int], trials: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cluster_rate(errors, trials, np.random.default_rng(0))
