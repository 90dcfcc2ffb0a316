"""Variance components: planted device share and common part, gaps, dies at random."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.variance import by_value, pair_components, variance_components
from tests.unit.analysis.coverage import Planted, check_coverage
from tests.unit.analysis.planted import PlantedDie, draw_die, program


@pytest.mark.parametrize("missing", [0.0, 0.4])
@pytest.mark.parametrize(("device", "cycle"), [(0.1, 0.2), (0.05, 0.3), (0.3, 0.1)])
def test_intervals_cover_planted_components(device: float, cycle: float, missing: float) -> None:
    generator = np.random.default_rng(3)

    def estimate() -> Planted:
        x = generator.normal(0, device, (40, 1)) + generator.normal(0, cycle, (40, 12))
        x[generator.random(x.shape) < missing] = np.nan
        found = variance_components(x)
        assert found is not None
        return {
            "device": (found.device_sigma, device),
            "cycle": (found.cycle_sigma, cycle),
            "share": (found.device_share, device**2 / (device**2 + cycle**2)),
        }

    check_coverage(estimate)


def test_balanced_components_are_those_of_the_textbook() -> None:
    x = np.array([[1.0, 2.0, 3.0], [3.0, 4.0, 5.0], [8.0, 9.0, 7.0]])
    found = variance_components(x)
    assert found is not None
    assert found.cycle_sigma.value == pytest.approx(1.0)
    between = 3 * np.var([2.0, 4.0, 8.0], ddof=1)
    assert found.device_sigma.value == pytest.approx(np.sqrt((between - 1) / 3))
    assert found.total_sigma == pytest.approx(np.sqrt((between - 1) / 3 + 1))


def test_no_device_variance_is_zero_and_its_interval_starts_there() -> None:
    x = np.random.default_rng(1).normal(0, 0.2, (100, 10))
    found = variance_components(x)
    assert found is not None
    assert found.device_sigma.low == found.device_share.low == 0
    assert found.device_sigma.high < 0.06


def test_too_little_gives_nothing() -> None:
    assert variance_components(np.ones((1, 5))) is None
    assert variance_components([[1.0, np.nan], [np.nan, 2.0]]) is None
    with pytest.raises(ValueError, match=r"\(devices, cycles\)"):
        variance_components(np.ones(4))


def planted_pair(die: PlantedDie) -> dict[str, float]:
    return {
        "lrs_sigma": die.lrs_sigma,
        "hrs_sigma": die.hrs_sigma,
        "common_sigma": die.common,
        "common_static_sigma": die.common / np.sqrt(2),
        "device_share": die.device_share,
    }


@pytest.mark.slow
def test_intervals_cover_the_planted_pair() -> None:
    """Checkerboard and inverse in turn, so that every device shows both states."""
    die = PlantedDie(1.2, 0.25, 0.35, common=0.12, device_share=0.25)
    generator = np.random.default_rng(4)

    def estimate() -> Planted:
        reads = program(die, 12, 16, 16, generator)
        found = pair_components(*by_value(reads.pattern, reads.resistance), generator, 250)
        assert found is not None
        return {name: (getattr(found, name), value) for name, value in planted_pair(die).items()}

    check_coverage(estimate, repetitions=200)


def test_dies_at_random() -> None:
    """All five components of each of twelve dies: one interval in twenty may miss."""
    generator = np.random.default_rng(5)
    misses = 0
    for _ in range(12):
        die = draw_die(generator)
        reads = program(die, 30, 32, 32, generator)
        found = pair_components(*by_value(reads.pattern, reads.resistance), generator, 300)
        assert found is not None
        misses += sum(
            not getattr(found, name).contains(value) for name, value in planted_pair(die).items()
        )
    assert misses <= 9


def test_independent_devices_have_no_common_part() -> None:
    generator = np.random.default_rng(6)
    found = pair_components(*generator.normal(4, 0.3, (2, 500, 20)), generator)
    assert found is not None
    assert found.common_sigma.low == 0
    assert found.common_sigma.high < 0.08
    assert found.device_share.high < 0.02


def test_pairs_without_both_readings_are_left_out() -> None:
    generator = np.random.default_rng(7)
    lrs, hrs = generator.normal(4, 0.3, (2, 60, 20))
    lrs[:, ::2] = np.nan
    found = pair_components(lrs, hrs, np.random.default_rng(0))
    again = pair_components(lrs[:, 1::2], hrs[:, 1::2], np.random.default_rng(0))
    assert found is not None
    assert again is not None
    assert found.common_sigma.value == pytest.approx(again.common_sigma.value)
    assert found.lrs_sigma.high == pytest.approx(again.lrs_sigma.high)
    assert (found.cells, found.programmings) == (60, 600)


def test_pairs_that_say_nothing() -> None:
    generator = np.random.default_rng(0)
    assert pair_components(np.ones((5, 1)), np.ones((5, 1)), generator) is None
    assert pair_components(np.full((3, 4), np.nan), np.ones((3, 4)), generator) is None
    with pytest.raises(ValueError, match="must be equal"):
        pair_components(np.ones((2, 3)), np.ones((3, 3)), generator)
