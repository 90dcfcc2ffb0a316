"""Long series brought down to what a plot can show: bounded, and no extreme is lost."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gui.plots.envelope import CELLS, FEW, SLOTS, RisingEnvelope, ScatteredEnvelope

Floats = NDArray[np.float64]

VALUES = st.floats(-1e6, 1e6, allow_nan=False) | st.just(float("nan"))
STEPS = st.floats(0, 1e3) | st.just(0.0)


def rising(steps: list[float]) -> Floats:
    return np.cumsum(np.array(steps, dtype=float))


def known_points(x: Floats, y: Floats) -> set[tuple[float, float]]:
    known = np.isfinite(x) & np.isfinite(y)
    return set(zip(x[known].tolist(), y[known].tolist(), strict=True))


def appended_in_parts(envelope, x: Floats, y: Floats, cuts: list[int]) -> None:
    edges = [0, *sorted(cut % (len(x) + 1) for cut in cuts), len(x)]
    for begin, end in pairwise(edges):
        envelope.append(x[begin:end], y[begin:end])


@given(
    rows=st.lists(st.tuples(STEPS, VALUES), min_size=1, max_size=300),
    cuts=st.lists(st.integers(0, 300), max_size=5),
)
@settings(deadline=None, max_examples=150)
def test_rising_envelope_keeps_extremes_and_shows_only_real_points(
    rows: list[tuple[float, float]], cuts: list[int]
) -> None:
    x = rising([step for step, _ in rows])
    y = np.array([value for _, value in rows])
    envelope = RisingEnvelope(few=20, slots=16)

    appended_in_parts(envelope, x, y, cuts)

    drawn = envelope.drawn()
    shown, there = known_points(drawn.x, drawn.y), known_points(x, y)
    assert shown <= there
    assert len(drawn.x) <= max(2 * 20, 3 * 16 + 1)
    assert (np.diff(drawn.x[np.isfinite(drawn.x)]) >= 0).all()
    if there:
        heights = [height for _, height in there]
        assert {min(heights), max(heights)} <= {height for _, height in shown}


@given(
    points=st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=300),
    cuts=st.lists(st.integers(0, 300), max_size=5),
)
@settings(deadline=None, max_examples=150)
def test_scattered_envelope_shows_a_point_near_every_point(
    points: list[tuple[float, float]], cuts: list[int]
) -> None:
    x, y = (np.array(part, dtype=float) for part in zip(*points, strict=True))
    envelope = ScatteredEnvelope(few=20, cells=(16, 12))

    appended_in_parts(envelope, x, y, cuts)

    drawn = envelope.drawn()
    there = known_points(x, y)
    assert known_points(drawn.x, drawn.y) <= there
    assert len(drawn.x) <= max(20, 16 * 12)
    if there:
        every = np.array(sorted(there))
        shown = np.stack([drawn.x, drawn.y], axis=1)
        # The grid is at most twice as wide on either side as what it holds, so a cell is at most
        # four times as wide as with a grid that fits; and never less than a float can tell.
        cell = 4.1 * np.ptp(every, axis=0) / (16, 12) + 1e-5
        apart = np.abs(every[:, np.newaxis] - shown[np.newaxis]) <= cell
        assert apart.all(axis=2).any(axis=1).all()


@pytest.mark.parametrize("log_x", [False, True])
@pytest.mark.parametrize("place", [0, 123_456, 999_999])
def test_one_outlier_in_a_million_points_stays_visible(log_x: bool, place: int) -> None:
    generator = np.random.default_rng(5)
    x = np.arange(1.0, 1_000_001.0)
    y = generator.normal(size=x.size)
    y[place] = 50.0
    envelope = RisingEnvelope()
    for begin in range(0, x.size, 70_001):
        part = slice(begin, begin + 70_001)
        envelope.append(np.log10(x[part]) if log_x else x[part], y[part])

    drawn = envelope.drawn()

    assert np.count_nonzero(drawn.y == 50.0) == 1
    assert drawn.x.size <= 3 * SLOTS + 1
    assert drawn.x[-1] == (6.0 if log_x else 1e6)


def test_one_outlier_among_scattered_points_stays_visible() -> None:
    generator = np.random.default_rng(6)
    envelope = ScatteredEnvelope()
    for part in range(20):
        x, y = generator.normal(size=(2, 10_000))
        if part == 11:
            x[77], y[77] = 40.0, -30.0
        envelope.append(x, y)

    drawn = envelope.drawn()

    assert ((drawn.x == 40.0) & (drawn.y == -30.0)).sum() == 1
    assert FEW / 20 < drawn.x.size <= CELLS[0] * CELLS[1]


def test_a_logarithmic_axis_keeps_detail_at_its_beginning() -> None:
    x = np.arange(1.0, 1_000_001.0)
    envelope = RisingEnvelope()
    envelope.append(np.log10(x), np.sin(x))

    drawn = envelope.drawn()

    assert np.count_nonzero(drawn.x < 3) > SLOTS / 4


def test_gaps_break_the_line() -> None:
    envelope = RisingEnvelope()
    envelope.append(np.array([0.0, 1.0]), np.array([5.0, np.nan]))
    envelope.append(np.array([2.0, 3.0]), np.array([6.0, 7.0]))

    drawn = envelope.drawn()

    assert np.isnan(drawn.x).tolist() == [False, True, False, False]
    assert drawn.y[[0, 2, 3]].tolist() == [5.0, 6.0, 7.0]


def test_wide_gaps_stay_in_long_series() -> None:
    x = np.arange(100_000.0)
    y = np.ones(x.size)
    y[40_000:60_000] = np.nan
    envelope = RisingEnvelope()
    for begin in range(0, x.size, 7_000):
        envelope.append(x[begin : begin + 7_000], y[begin : begin + 7_000])

    drawn = envelope.drawn()

    gap = np.flatnonzero(np.isnan(drawn.x))
    assert gap.size == 1
    assert drawn.x[gap[0] - 1] < 40_000
    assert drawn.x[gap[0] + 1] >= 60_000


def test_x_that_stands_still_is_drawn() -> None:
    envelope = RisingEnvelope(few=10, slots=8)
    envelope.append(np.full(50, 3.0), np.arange(50.0))
    envelope.append(np.array([4.0]), np.array([7.0]))

    drawn = envelope.drawn()

    assert {(3.0, 0.0), (3.0, 49.0), (4.0, 7.0)} <= known_points(drawn.x, drawn.y)
