from __future__ import annotations

import numpy as np

from instruments.sim.chip.streams import BLOCK, Purpose, Streams


def test_a_draw_does_not_depend_on_what_was_drawn_before() -> None:
    forward, backward = Streams(11), Streams(11)
    wanted = [(Purpose.SET_LEVEL, 5, n) for n in (0, 1, 63, 64, 200)]
    wanted += [(Purpose.RESET_LEVEL, 5, 0), (Purpose.SET_LEVEL, 6, 0)]
    there = {w: forward.normal(*w) for w in wanted}
    back = {w: backward.normal(*w) for w in reversed(wanted)}
    assert there == back
    assert len(set(there.values())) == len(wanted)


def test_seeds_give_different_dies() -> None:
    assert Streams(1).normal(Purpose.SET_TIME, 0, 0) != Streams(2).normal(Purpose.SET_TIME, 0, 0)


def test_draws_are_standard_normal_and_uncorrelated_between_neighbours() -> None:
    streams = Streams(2024)
    draws = np.array(
        [[streams.normal(Purpose.READ_NOISE, i, n) for n in range(2 * BLOCK)] for i in range(200)]
    )
    count = draws.size
    assert abs(draws.mean()) < 5 / np.sqrt(count)
    assert abs(draws.var() - 1) < 5 * np.sqrt(2 / count)
    assert abs((draws[1:] * draws[:-1]).mean()) < 5 / np.sqrt(count)
    assert abs((draws[:, 1:] * draws[:, :-1]).mean()) < 5 / np.sqrt(count)
