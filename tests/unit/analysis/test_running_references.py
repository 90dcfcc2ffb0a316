"""A reference for devices that come one after the other, against all their readings at once."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.readings import ABOVE, BELOW, VALUE, Readings, reference_errors
from labctl.analysis.running_references import REFERENCES, RunningReference, state_counts

Both = tuple[list[Readings], list[Readings]]


def readings(
    rng: np.random.Generator, median: float, lowest: float = 1e3, highest: float = 9e5
) -> Readings:
    """Lognormal readings, censored where the range ends, some missing."""
    ohm = 10 ** rng.normal(np.log10(median), 0.4, 300)
    code = np.where(ohm < lowest, BELOW, np.where(ohm > highest, ABOVE, VALUE)).astype(np.int8)
    ohm[code != VALUE] = np.nan
    ohm[:3], code[:3] = np.nan, VALUE
    return Readings(ohm, code, lowest, highest)


def devices(seed: int, pairs: int) -> list[Both]:
    """LRS and HRS of both devices of some pairs, HRS in a current range of its own."""
    rng = np.random.default_rng(seed)
    return [
        (
            [readings(rng, 8e3) for _ in range(2)],
            [readings(rng, 9e4, lowest=3e3, highest=4e6) for _ in range(2)],
        )
        for _ in range(pairs)
    ]


def everything(pairs: list[Both]) -> Both:
    return [r for lrs, _ in pairs for r in lrs], [r for _, hrs in pairs for r in hrs]


@pytest.mark.parametrize("seed", range(5))
def test_errors_are_those_of_all_readings_at_once(seed: int) -> None:
    for lrs, hrs in devices(seed, 2):
        counts = state_counts(lrs, hrs)
        assert (counts.lowest_ohm, counts.highest_ohm) == (3e3, 9e5)
        judged = np.flatnonzero((REFERENCES >= 3e3) & (REFERENCES <= 9e5))
        for reference in judged[::25].tolist():
            expected = reference_errors(float(REFERENCES[reference]), lrs, hrs)
            assert counts.errors_at(reference) == expected


@pytest.mark.parametrize("seed", range(5))
def test_the_best_reference_is_the_one_with_the_fewest_errors_of_all_devices(seed: int) -> None:
    pairs = devices(seed, 3)
    running = RunningReference()
    for lrs, hrs in pairs:
        running.add(state_counts(lrs, hrs))

    best = running.best()

    assert best is not None
    judged = np.flatnonzero((REFERENCES >= 3e3) & (REFERENCES <= 9e5)).tolist()
    errors = {
        at: reference_errors(float(REFERENCES[at]), *everything(pairs)).rate.errors for at in judged
    }
    assert errors[best] == min(errors.values())


def test_what_is_taken_out_counts_no_more() -> None:
    first, second, third = (state_counts(*pair) for pair in devices(9, 3))
    with_all, without = RunningReference(), RunningReference()
    for counts in (first, second, third):
        with_all.add(counts)
    with_all.take_out(second)
    without.add(first)
    without.add(third)

    assert with_all.best() == without.best()


def test_of_equally_good_references_the_middle_of_the_widest_gap_is_taken() -> None:
    codes = np.zeros(3, np.int8)
    low = Readings(np.array([1e3, 2e3, 1e5]), codes, 1e2, 1e8)
    high = Readings(np.array([1e4, 1e6, 1e7]), codes, 1e2, 1e8)
    running = RunningReference()
    running.add(state_counts([low], [high]))

    best = running.best()

    # One error between 2 and 10 kohm, as between 100 kohm and 1 Mohm: the latter is wider.
    assert best is not None
    assert REFERENCES[best] == pytest.approx(10**5.5, rel=0.012)


def test_without_a_state_or_a_reference_that_all_ranges_can_judge_there_is_none() -> None:
    codes = np.zeros(1, np.int8)
    low = Readings(np.array([5e3]), codes, 1e3, 1e4)
    high = Readings(np.array([5e6]), codes, 1e6, 1e7)
    missing = Readings(np.array([np.nan]), codes, 1e3, 1e4)

    for lrs, hrs in (([low], [high]), ([low], [missing])):
        running = RunningReference()
        running.add(state_counts(lrs, hrs))
        assert running.best() is None
    assert RunningReference().best() is None
