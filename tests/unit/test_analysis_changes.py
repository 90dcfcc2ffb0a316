"""Retention and disturb on planted readings: what was put in is found, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from labctl.analysis.changes import is_change, mean_estimate, state_masks
from labctl.analysis.disturb import DisturbReads, analyse_disturb
from labctl.analysis.maps import NOT_READ
from labctl.analysis.retention import RetentionReads, analyse_retention

SEED = 96_400_381
SHAPE = (16, 32)
TIMES = np.geomspace(1, 1e5, 9)
NOISE = 0.03


def near(estimate, truth):
    """Within twice the 95 % interval, so that chance fails one test in 10 000."""
    return abs(estimate.value - truth) < estimate.high - estimate.low


def retained(drift=0.0, spread_growth=0.0, reading=0.0, seed=SEED):
    """Reads of a checkerboard; decades per decade of drift of the HRS, decades by the reads."""
    rng = np.random.default_rng(seed)
    pattern = (np.indices(SHAPE).sum(axis=0) % 2).astype(np.uint8)
    hrs = state_masks(pattern)["HRS"]
    x = np.where(hrs, 5.3, 4.0) + 0.25 * rng.standard_normal((*SHAPE, 2))
    decades = np.log10(TIMES)[:, None, None, None]
    own = drift + spread_growth * rng.standard_normal((*SHAPE, 2))
    logs = x + np.where(hrs, own, 0.0) * decades
    logs = logs + NOISE * rng.standard_normal(logs.shape)
    control = np.arange(SHAPE[0]) % 2 == 1
    logs[-1, ~control] += reading
    read_time = np.repeat(TIMES[:, np.newaxis], SHAPE[0], axis=1)
    read_time[1:-1, control] = np.nan
    logs[1:-1, control] = np.nan
    return RetentionReads(
        pattern=pattern,
        usable=np.ones(SHAPE, dtype=bool),
        control_rows=control,
        read_time=read_time,
        resistance=10**logs,
        sensed=None,
    )


def test_no_drift_is_not_called_one():
    result = analyse_retention(retained(), 5e4)
    assert [drift.drifts for drift in result.drift.values()] == [False, False]
    assert all(near(drift.slope, 0.0) for drift in result.drift.values())
    assert result.drift["HRS"].devices == SHAPE[0] // 2 * SHAPE[1]
    assert result.without_value == 0


def test_a_planted_drift_is_found_in_its_state():
    result = analyse_retention(retained(drift=-0.01), 5e4)
    assert result.drift["HRS"].drifts
    assert near(result.drift["HRS"].slope, -0.01)
    assert not result.drift["LRS"].drifts
    change = result.points[-1].states["HRS"].change
    assert near(change, -0.01 * np.log10(TIMES[-1] / TIMES[0]))


def test_devices_that_move_apart_show_in_the_spread_alone():
    points = analyse_retention(retained(spread_growth=0.02), 5e4).points
    expected = np.hypot(0.02 * 5, NOISE * np.sqrt(2))
    assert points[-1].states["HRS"].change_spread == pytest.approx(expected, rel=0.15)
    assert points[-1].states["LRS"].change_spread == pytest.approx(NOISE * np.sqrt(2), rel=0.15)


def test_what_the_reads_do_shows_against_the_control_rows():
    drift = analyse_retention(retained(reading=0.02), 5e4).drift
    assert near(drift["HRS"].reading_effect, 0.02)
    assert not drift["HRS"].reading_effect.contains(0.0)
    quiet = analyse_retention(retained(), 5e4).drift
    assert near(quiet["HRS"].reading_effect, 0.0)


def test_sensed_bits_are_counted_against_pattern_and_first_read():
    reads = retained()
    sensed = np.repeat(reads.pattern[np.newaxis], len(TIMES), axis=0)
    sensed[1:-1, reads.control_rows] = NOT_READ
    sensed[0, 0, 0] ^= 1
    sensed[4, 0, 1] = NOT_READ
    result = analyse_retention(replace(reads, sensed=sensed, resistance=None), 5e4)
    bits = SHAPE[0] // 2 * SHAPE[1]
    assert [p.wrong_bits.errors for p in result.points] == [1] + [0] * (len(TIMES) - 1)
    assert [p.changed_bits.errors for p in result.points] == [0] + [1] * (len(TIMES) - 1)
    assert result.points[4].wrong_bits.trials == bits - 1
    assert result.bits_not_read == 1
    assert len(result.controls) == 2
    assert result.drift == {}


def stressed(shift, state, doses=(0.0, 10.0, 1000.0), seed=SEED, moved=0):
    """Rows in pairs, the even ones stressed: ``shift`` decades a decade of dose from 1."""
    rng = np.random.default_rng(seed)
    rows, columns = SHAPE
    pattern = np.broadcast_to(np.arange(columns) // 2 % 2, SHAPE).astype(np.uint8)
    mask = state_masks(pattern)[state] & (np.arange(rows) % 2 == 0)[:, None, None]
    x = 4.6 + 0.25 * rng.standard_normal((*SHAPE, 2))
    dose = np.log10(np.maximum(doses, 1.0))
    logs = x + shift * mask * dose[:, None, None, None]
    logs[-1, 0, :moved] += 0.5
    logs = logs[:, np.newaxis] + NOISE * rng.standard_normal((len(doses), 3, *SHAPE, 2))
    pairs = [(0, row, c, row + 1, c) for row in range(0, rows, 2) for c in range(columns)]
    return DisturbReads(
        pairs=np.array(pairs),
        pattern=pattern,
        usable=np.ones(SHAPE, dtype=bool),
        stress=np.array(doses),
        resistance=10**logs,
        sensed=np.repeat(pattern[np.newaxis], len(doses), axis=0),
    )


@pytest.mark.parametrize("state", ["LRS", "HRS"])
def test_a_planted_disturb_is_found_in_its_state_and_grows(state):
    (group,) = analyse_disturb(stressed(-0.01, state))
    other = "HRS" if state == "LRS" else "LRS"
    first, last = group.changes[state]
    assert near(first.excess, -0.01)
    assert near(last.excess, -0.03)
    assert last.is_seen
    assert not group.changes[other][-1].is_seen
    # Noise of a mean of three readings, twice in a victim and twice in its reference.
    noise = (group.changes[other][-1].victims - group.changes[other][-1].references).std()
    assert noise == pytest.approx(NOISE * np.sqrt(4 / 3), rel=0.15)


def test_single_devices_that_moved_are_counted():
    (group,) = analyse_disturb(stressed(0.0, "LRS", moved=3))
    last = [group.changes[state][-1] for state in ("LRS", "HRS")]
    assert sum(change.moved.errors for change in last) == 6
    assert sum(change.moved_references.errors for change in last) == 0


def test_a_pair_with_an_unusable_device_is_left_out():
    reads = stressed(0.0, "LRS")
    reads.usable[3, 5] = False
    reads.resistance[-1, :, 0, 0] = np.nan
    (group,) = analyse_disturb(reads)
    assert group.bits == len(reads.pairs) - 1
    assert group.changes["LRS"][0].pairs == group.bits
    assert group.changes["LRS"][-1].pairs == group.bits - 1


def test_the_mean_of_noise_is_called_a_change_once_in_a_thousand():
    rng = np.random.default_rng(SEED)
    noise = rng.standard_normal((4000, 12))
    called = sum(bool(is_change(row)) for row in noise)
    # 4 expected; 14 or more has a chance of 1e-4.
    assert called < 14
    covered = sum(mean_estimate(row).contains(0.0) for row in noise)
    assert covered / len(noise) == pytest.approx(0.95, abs=0.014)
