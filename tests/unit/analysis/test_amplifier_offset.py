"""Offset of the sense amplifiers: planted offset, noise and mismatch come back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from labctl.analysis.amplifier_offset import AmplifierOffset, amplifier_offset
from tests.unit.analysis.coverage import Planted, check_coverage
from tests.unit.analysis.planted import PlantedDie, PlantedReads, draw_die, program

WEAK = PlantedDie(0.9, 0.25, 0.35, offset=10e-6, mismatch=0.04, lrs_ohm=2e4)


def estimate_of(reads: PlantedReads) -> AmplifierOffset | None:
    column = np.broadcast_to(np.arange(reads.pattern.shape[2]), reads.pattern.shape)
    return amplifier_offset(reads.resistance.reshape(-1, 2), reads.sensed.ravel(), column.ravel())


def planted_values(found: AmplifierOffset, die: PlantedDie) -> Planted:
    assert found.column_siemens is not None
    assert found.mismatch_decades is not None
    return {
        "sigma": (found.sigma_siemens, die.offset),
        "noise": (found.noise_siemens, die.offset / np.sqrt(2)),
        "column": (found.column_siemens, die.offset / np.sqrt(2)),
        "mismatch": (found.mismatch_decades, die.mismatch),
        "bias": (found.bias_siemens, 0.0),
    }


def test_planted_values_of_one_die() -> None:
    found = estimate_of(program(WEAK, 16, 32, 32, np.random.default_rng(0)))
    assert found is not None
    for name, (estimate, value) in planted_values(found, WEAK).items():
        assert estimate.contains(value), name
    assert found.sigma_siemens.high < 1.5 * WEAK.offset


@pytest.mark.torture
@pytest.mark.timeout(900)
def test_intervals_cover_planted_values() -> None:
    generator = np.random.default_rng(1)

    def estimate() -> Planted:
        found = estimate_of(program(WEAK, 8, 32, 32, generator))
        assert found is not None
        return planted_values(found, WEAK)

    check_coverage(estimate, repetitions=120)


@pytest.mark.torture
@pytest.mark.timeout(900)
def test_dies_at_random() -> None:
    """Five values of each of ten dies with spreads of their own, device shares and common parts."""
    generator = np.random.default_rng(2)
    misses = 0
    for _ in range(10):
        die = draw_die(generator)
        # Weak programming: pairs of similar conductance tell the offset.
        die = replace(die, distance=1.5 * (die.lrs_sigma + die.hrs_sigma))
        found = estimate_of(program(die, 16, 32, 32, generator))
        assert found is not None
        misses += sum(not one.contains(v) for one, v in planted_values(found, die).values())
    assert misses <= 8


def test_offsets_of_single_columns() -> None:
    """Four columns far apart: each comes out, whatever the prior spread."""
    generator = np.random.default_rng(3)
    offsets = np.array([-20e-6, -5e-6, 10e-6, 30e-6])
    ohm = 10 ** generator.normal(4.5, 0.3, (8000, 2))
    siemens = 1 / (ohm + 3e3)
    column = np.arange(8000) % 4
    noise = generator.normal(0, 4e-6, 8000)
    bit = siemens[:, 1] - siemens[:, 0] + offsets[column] + noise > 0
    found = amplifier_offset(ohm, bit, column)
    assert found is not None
    assert found.offset_siemens == pytest.approx(offsets, abs=1.5e-6)


def test_one_column_shows_its_offset_and_its_noise() -> None:
    generator = np.random.default_rng(4)
    ohm = 10 ** generator.normal(4.5, 0.3, (6000, 2))
    siemens = 1 / (ohm + 3e3)
    bit = siemens[:, 1] - siemens[:, 0] + 7e-6 + generator.normal(0, 5e-6, 6000) > 0
    found = amplifier_offset(ohm, bit, np.zeros(6000))
    assert found is not None
    assert found.bias_siemens.contains(7e-6)
    assert found.noise_siemens.contains(5e-6)
    assert found.column_siemens is None
    assert found.mismatch_decades is None


def test_unread_and_undecided_bits_are_left_out() -> None:
    reads = program(WEAK, 4, 16, 16, np.random.default_rng(5))
    ohm, bit = reads.resistance.reshape(-1, 2).copy(), reads.sensed.ravel().copy()
    column = np.arange(bit.size) % 16
    bit[:10], bit[10:20], ohm[20:30, 1] = 2, 255, np.nan
    found = amplifier_offset(ohm, bit, column)
    assert found is not None
    assert found.reads == bit.size - 30
    without = amplifier_offset(ohm[30:], bit[30:], column[30:])
    assert without is not None
    assert found.sigma_siemens == without.sigma_siemens


def test_reads_that_follow_the_difference_bound_nothing() -> None:
    ohm = np.array([[1e4, 1e5], [1e5, 1e4]] * 50)
    assert amplifier_offset(ohm, np.array([0, 1] * 50), np.arange(100) % 8) is None
    with pytest.raises(ValueError, match="reads"):
        amplifier_offset(ohm, np.zeros(3), np.zeros(3))
