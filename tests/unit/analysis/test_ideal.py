"""The ideal amplifier: closed forms against integrals and device-model.md, intervals on dies."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from labctl.analysis.ideal import (
    ber_1t1r,
    best_threshold,
    distance_for,
    ideal_all_pairs,
    ideal_ber,
    ideal_curve,
    ideal_errors,
    ideal_from_1t1r,
    lognormal,
)
from labctl.analysis.references import best_reference
from tests.unit.analysis.coverage import Planted, check_coverage
from tests.unit.analysis.planted import PlantedDie, draw_die, program


@pytest.mark.parametrize(
    ("ratio", "distance", "at_012", "at_1e3", "at_1e4"),
    [
        (1.0, 2.257, 7.06e-4, 6.2e-6, 7.2e-8),
        (0.8, 2.254, 7.66e-4, 7.1e-6, 8.7e-8),
        (0.6, 2.243, 1.04e-3, 1.2e-5, 1.8e-7),
        (0.5, 2.232, 1.37e-3, 1.9e-5, 3.4e-7),
        (0.4, 2.215, 1.99e-3, 3.5e-5, 7.9e-7),
        (0.3, 2.190, 3.19e-3, 7.6e-5, 2.3e-6),
        (0.1, 2.092, 1.10e-2, 5.8e-4, 3.8e-5),
    ],
)
def test_table_of_the_device_model(
    ratio: float, distance: float, at_012: float, at_1e3: float, at_1e4: float
) -> None:
    """Device-model.md, section 2, to the digits printed there."""
    assert float(distance_for(0.012, ratio, 1.0)) / (1 + ratio) == pytest.approx(distance, rel=5e-4)
    found = ideal_curve([0.012, 1e-3, 1e-4], ratio)
    assert found == pytest.approx([at_012, at_1e3, at_1e4], rel=0.05)


@pytest.mark.parametrize("sigmas", [(0.2, 0.2), (0.1, 0.35), (0.4, 0.15)])
@pytest.mark.parametrize("distance", [0.05, 0.5, 1.5])
def test_threshold_is_the_best(sigmas: tuple[float, float], distance: float) -> None:
    at = np.linspace(-2, 4, 60_001)
    errors = norm.sf(at / sigmas[0]) / 2 + norm.cdf((at - distance) / sigmas[1]) / 2
    assert float(ber_1t1r(distance, *sigmas)) == pytest.approx(errors.min(), rel=1e-6)
    assert float(best_threshold(distance, *sigmas)) == pytest.approx(at[errors.argmin()], abs=2e-4)


def test_equal_sigmas_are_the_short_formula_and_the_best_case() -> None:
    rates = np.geomspace(1e-8, 0.5, 30)
    assert ideal_curve(rates, 1.0) == pytest.approx(ideal_from_1t1r(rates), rel=1e-6)
    assert (ideal_curve(rates[:-1], 0.5) > ideal_from_1t1r(rates[:-1])).all()


@pytest.mark.parametrize("rate", [0.0, 0.6, -0.1, np.nan])
def test_impossible_rates_are_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="above 0 and at most"):
        distance_for(rate, 0.3, 0.3)


def test_common_part_cancels() -> None:
    die = PlantedDie(distance=0.7, lrs_sigma=0.3, hrs_sigma=0.25, common=0.2)
    reads = program(die, 100, 32, 32, np.random.default_rng(0))
    measured = ideal_errors(reads.lrs, reads.hrs)
    assert measured.low is not None
    assert measured.high is not None
    assert measured.low < float(ideal_ber(0.7, 0.3, 0.25, 0.2)) < measured.high
    independent = ideal_all_pairs(reads.lrs, reads.hrs)
    assert independent is not None
    assert independent.rate.contains(float(ideal_ber(0.7, 0.3, 0.25)))


@pytest.mark.parametrize("seed", range(4))
def test_dies_at_random(seed: int) -> None:
    """Closed forms from measured sigmas, and 1T1R at the best reference, meet the planted ones."""
    generator = np.random.default_rng(seed)
    die = draw_die(generator)
    reads = program(die, 60, 32, 32, generator)
    found = lognormal(reads.lrs, reads.hrs)
    assert found is not None
    assert found.distance == pytest.approx(die.distance, abs=0.03)
    assert (found.lrs_sigma, found.hrs_sigma) == pytest.approx(
        (die.lrs_sigma, die.hrs_sigma), rel=0.05
    )
    planted = float(ber_1t1r(die.distance, die.lrs_sigma, die.hrs_sigma))
    assert found.ber_1t1r == pytest.approx(planted, rel=0.25)
    assert best_reference(reads.lrs, reads.hrs).rate.value == pytest.approx(planted, rel=0.35)
    assert found.ideal_2t2r < found.ber_1t1r


@pytest.mark.parametrize(("distance", "n"), [(1.0, 300), (1.3, 2000), (0.6, 200)])
def test_interval_of_all_pairs_covers(distance: float, n: int) -> None:
    generator = np.random.default_rng(n)
    truth = float(ideal_ber(distance, 0.3, 0.3))

    def estimate() -> Planted:
        lrs, hrs = 10 ** generator.normal([[4.0], [4 + distance]], 0.3, (2, n))
        found = ideal_all_pairs(lrs, hrs)
        assert found is not None
        return {"rate": (found.rate, truth)}

    check_coverage(estimate)


def test_interval_of_all_pairs_counts_devices_not_readings() -> None:
    generator = np.random.default_rng(7)
    truth = float(ideal_ber(0.8, 0.3, 0.3))

    def readings(mean: float) -> np.ndarray:
        device = generator.normal(0, 0.3 * np.sqrt(0.5), (80, 1))
        return 10 ** (mean + device + generator.normal(0, 0.3 * np.sqrt(0.5), (80, 40)))

    def estimate() -> Planted:
        found = ideal_all_pairs(readings(4.0), readings(4.8))
        assert found is not None
        assert found.clusters == 80
        return {"rate": (found.rate, truth)}

    check_coverage(estimate)
    lrs, hrs = readings(4.0), readings(4.8)
    by_device, flat = ideal_all_pairs(lrs, hrs), ideal_all_pairs(lrs.ravel(), hrs.ravel())
    assert by_device is not None
    assert flat is not None
    assert by_device.rate.value == flat.rate.value
    assert by_device.rate.high - by_device.rate.low > 2 * (flat.rate.high - flat.rate.low)


def test_all_pairs_by_brute_force_with_ties_and_gaps() -> None:
    lrs = np.array([1.0, 2.0, 5.0, np.nan, np.inf])
    hrs = np.array([2.0, 4.0, -1.0, 9.0])
    pairs = [(h < low) + 0.5 * (h == low) for low in (1, 2, 5) for h in (2, 4, 9)]
    found = ideal_all_pairs(lrs, hrs)
    assert found is not None
    assert found.rate.value == pytest.approx(np.mean(pairs))
    assert (found.lrs_readings, found.hrs_readings) == (3, 3)


def test_no_reversed_pair_is_a_bound_of_the_fewer_readings() -> None:
    found = ideal_all_pairs(np.full(50, 1e4), np.full(80, 1e5))
    assert found is not None
    assert found.rate.value == 0
    assert found.rate.high == pytest.approx(1 - 0.05 ** (1 / 50))


def test_a_missing_state_gives_nothing() -> None:
    assert ideal_all_pairs([np.nan], [1e5]) is None
    assert lognormal([1e4], [1e5, 2e5]) is None
    assert ideal_errors([np.nan], [1e5]).trials == 0
    with pytest.raises(ValueError, match="clusters"):
        ideal_all_pairs(np.ones((2, 3)), np.ones((3, 3)))
