"""Window metrics: the values of ``distributions.window``, intervals that cover planted ones."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from labctl.analysis.distributions import window
from labctl.analysis.window import window_estimates
from tests.unit.analysis.coverage import Planted, check_coverage
from tests.unit.analysis.planted import PlantedDie, program

TAIL = float(norm.isf(0.001))


@pytest.mark.torture
def test_intervals_cover_planted_windows_of_cells() -> None:
    """Devices differ, so cells are what the interval must count."""
    die = PlantedDie(distance=1.2, lrs_sigma=0.25, hrs_sigma=0.35, device_share=0.3)
    generator = np.random.default_rng(0)

    def estimate() -> Planted:
        reads = program(die, 10, 16, 16, generator)
        found = window_estimates(reads.lrs, reads.hrs, generator, resamples=150)
        assert found is not None
        return {
            "separation": (found.separation, 1.2 / 0.6),
            "median ratio": (found.median_ratio, 10**1.2),
        }

    check_coverage(estimate, repetitions=200)


@pytest.mark.torture
@pytest.mark.timeout(600)
def test_interval_covers_the_tail_quantiles_of_many_readings() -> None:
    generator = np.random.default_rng(1)

    def estimate() -> Planted:
        lrs, hrs = 10 ** generator.normal([[4.0], [5.3]], 0.3, (2, 20_000))
        found = window_estimates(lrs, hrs, generator, resamples=100)
        assert found is not None
        return {"quantile ratio": (found.quantile_ratio, 10 ** (1.3 - 0.6 * TAIL))}

    check_coverage(estimate, repetitions=200)


def test_cells_are_counted_not_readings() -> None:
    """Devices that differ much: the median ratio is as sure as the devices are many."""
    die = PlantedDie(distance=1.2, lrs_sigma=0.3, hrs_sigma=0.3, device_share=0.8)
    generator = np.random.default_rng(4)
    reads = program(die, 40, 8, 16, generator)
    by_cell = window_estimates(reads.lrs, reads.hrs, generator, resamples=100)
    flat = window_estimates(reads.lrs.ravel(), reads.hrs.ravel(), generator, resamples=100)
    assert by_cell is not None
    assert flat is not None
    assert by_cell.median_ratio.contains(10**1.2)
    widths = [np.log(e.high / e.low) for e in (by_cell.median_ratio, flat.median_ratio)]
    assert widths[0] > 2 * widths[1]


def test_values_are_those_of_the_plain_window() -> None:
    generator = np.random.default_rng(2)
    lrs, hrs = 10 ** generator.normal([[4.0], [5.0]], 0.3, (2, 500))
    lrs[3] = np.nan
    plain, found = window(lrs, hrs), window_estimates(lrs, hrs, generator)
    assert plain is not None
    assert found is not None
    assert found.median_ratio.value == plain.median_ratio
    assert found.quantile_ratio.value == plain.quantile_ratio
    assert found.separation.value == plain.separation


def test_resampled_metrics_are_those_of_repeated_readings() -> None:
    """The weights of ``window_estimates`` against numpy on the readings written out."""
    from labctl.analysis.window import _State

    generator = np.random.default_rng(3)
    readings = 10 ** generator.normal(4, 0.3, (40, 5))
    readings[2, 1] = np.nan
    weights = np.bincount(generator.integers(0, 40, 40), minlength=40)
    logs = np.log10(np.repeat(readings, weights, axis=0))
    logs = logs[np.isfinite(logs)]
    wanted = [*np.quantile(logs, [0.5, 0.001, 0.999]), logs.mean(), logs.std(ddof=1)]
    assert _State.of(readings).metrics(weights) == pytest.approx(wanted)


def test_too_few_readings_or_no_spread_give_nothing() -> None:
    generator = np.random.default_rng(0)
    assert window_estimates([1e4], [1e5, 2e5], generator) is None
    assert window_estimates([1e4, 1e4], [1e5, 1e5], generator) is None
    with pytest.raises(ValueError, match="cells"):
        window_estimates(np.ones((2, 3)), np.ones((3, 3)), generator)
