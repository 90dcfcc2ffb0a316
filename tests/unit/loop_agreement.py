"""The two ways through many loops, drawn together and played one by one, held side by side.

Conditions are drawn at random. The slow part common to a pair moves fast here (half a SET), so that
loops are as good as independent and distributions of the two ways can be compared; that its own
law is right is tested by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from instruments.sim.chip.device import OxRamModel
from instruments.sim.chip.die import Die
from tests.unit.sim_loops import (
    LoopConditions,
    cycled_chip,
    cycling_loop,
    played_one_by_one,
    played_together,
)

FAST = OxRamModel(slow_cycles=0.5)
COUNTERS = ("n_set", "n_reset", "n_pair", "n_trace", "n_read", "kind")
ONE = -60e-6
"""A current into Q below this is a high output, A."""


@dataclass(frozen=True)
class Case:
    """Conditions, a die, where on it, how worn, and whether resistances are looked at too."""

    at: LoopConditions
    seed: int
    column: int
    wear: float
    resistance: bool

    @classmethod
    def drawn(cls, rng: np.random.Generator, *, resistance: bool) -> Case:
        """Conditions of the bench note's range, any die, column and wear."""
        at = LoopConditions(
            compliance=25e-6 * 8 ** rng.random(),
            set_v=rng.uniform(1.9, 2.2),
            reset_v=rng.uniform(1.5, 2.6),
            width=200e-9 * 50 ** rng.random(),
        )
        wear = float(10 ** rng.uniform(-1, 5))
        return cls(at, int(rng.integers(1 << 31)), int(rng.integers(32)), wear, resistance)


def p_values(case: Case, loops: int) -> list[float]:
    """Plays the loops both ways; p values of: wrong bits, and distributions of resistances."""
    waveform, samples = cycling_loop(case.at, resistance=case.resistance)
    currents, dies = [], []
    for play in (played_together, played_one_by_one):
        chip, die = cycled_chip(case.seed, FAST, column=case.column)
        die.wear[0, case.column] = [case.wear, 0.3 * case.wear]
        currents.append(play(chip, waveform, loops, samples))
        dies.append(die)
    assert_same_history(*dies, wear=1e-9)
    together, one_by_one = currents
    found = []
    for half in (0, 1):
        ones = [int((way["Q"][half] < ONE).sum()) for way in (together, one_by_one)]
        table = [[count, loops - count] for count in ones]
        found.append(float(stats.fisher_exact(table).pvalue))
    for pad in ("BL", "BLB") if case.resistance else ():
        for half in (0, 1):
            sides = [np.log10(np.abs(way[pad][half])) for way in (together, one_by_one)]
            found.append(float(stats.ks_2samp(*sides).pvalue))
    return found


def assert_same_history(one: Die, other: Die, *, wear: float) -> None:
    """Counters are equal, wear is within a relative ``wear``."""
    for name in COUNTERS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert one.n_sense == other.n_sense
    np.testing.assert_allclose(one.wear, other.wear, rtol=wear)


def state_of(die: Die) -> dict[str, NDArray[np.generic]]:
    """Every array of a die."""
    return {name: value for name, value in vars(die).items() if isinstance(value, np.ndarray)}
