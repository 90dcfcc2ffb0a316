"""Loops drawn together against loops played one by one, over many conditions and with many loops.

The seeds come from the system's entropy, new in each run, and stand in the failure message.
"""

from __future__ import annotations

import secrets
import tracemalloc

import numpy as np
import pytest
from scipy import stats

from instruments.sim.chip.device import OxRamModel
from tests.protocol.test_sim_wgfmu_loops import cycling_client
from tests.unit.loop_agreement import ONE, Case, assert_same_history, p_values
from tests.unit.sim_loops import LoopConditions, cycled_chip, cycling_loop, played_together

pytestmark = [pytest.mark.torture, pytest.mark.timeout(900)]

FALSE_ALARMS = 1e-3
"""Of each test."""


def test_like_loops_have_the_law_of_loops_played_one_by_one() -> None:
    seed = secrets.randbits(32)
    rng = np.random.default_rng(seed)
    cases = [Case.drawn(rng, resistance=number % 3 > 0) for number in range(24)]
    found = [p_values(case, 2500) for case in cases]
    flat = [p for case in found for p in case]
    assert min(flat) > FALSE_ALARMS / len(flat), (seed, cases, found)


def test_a_jump_ends_where_brute_force_ends() -> None:
    """Levels, slow part and wear after 120 loops, from the same beginning, 300 times each."""
    seed = secrets.randbits(31)
    waveform, _ = cycling_loop(LoopConditions(80e-6, reset_v=2.2))
    ends, dies = [], []
    for is_jumped in (True, False):
        chip, die = cycled_chip(seed, OxRamModel(slow_cycles=100))
        chip.play(waveform)
        reached = []
        for _ in range(300):
            die.pair_slow[0, 0], die.wear[0, 0] = 1.5, 30.0
            if is_jumped:
                chip.play_loops(waveform, 120, {}, lambda _: None)
            else:
                for _ in range(120):
                    chip.play(waveform)
            reached.append([*die.x[0, 0], die.pair_slow[0, 0]])
        ends.append(np.array(reached))
        dies.append(die)
    assert_same_history(*dies, wear=1e-9)
    p = [stats.ks_2samp(one, other).pvalue for one, other in zip(*(e.T for e in ends), strict=True)]
    assert min(p) > FALSE_ALARMS / 3, (seed, p)


def test_loops_that_are_screened_read_wrong_as_often(monkeypatch: pytest.MonkeyPatch) -> None:
    seed = secrets.randbits(31)
    rng = np.random.default_rng(seed)
    loops, p, shown = 2_000_000, [], []
    for _ in range(8):
        at = LoopConditions(rng.uniform(100e-6, 200e-6), reset_v=rng.uniform(1.5, 2.6))
        die_seed, column = int(rng.integers(1 << 31)), int(rng.integers(32))
        wear = 10 ** rng.uniform(-1, 4)
        ones = []
        for most in (1.0, 0.0):
            monkeypatch.setattr("instruments.sim.chip.screen.MOST_WORKED_OUT", most)
            chip, die = cycled_chip(die_seed, OxRamModel(slow_cycles=50), column=column)
            die.wear[0, column] = wear
            currents = played_together(chip, *cycling_loop_of(at, loops))
            ones.append([int(count) for count in (currents["Q"] < ONE).sum(axis=1)])
        shown.append((at, ones))
        for half in (0, 1):
            table = [[count[half], loops - count[half]] for count in ones]
            p.append(stats.fisher_exact(table).pvalue)
    assert min(p) > FALSE_ALARMS / len(p), (seed, shown, p)


def cycling_loop_of(at: LoopConditions, loops: int):  # type: ignore[no-untyped-def]
    waveform, samples = cycling_loop(at)
    return waveform, loops, samples


def test_a_full_execution_takes_little_memory() -> None:
    """3.5 million readings of one channel: 28 MB a column of doubles, and a few such columns."""
    client, _ = cycling_client(1_750_000.0)
    tracemalloc.start()
    try:
        client.run()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert client.ints("getMeasureValueSize", 2, 401) == (3_500_000, 3_500_000)
    assert peak < 100e6
