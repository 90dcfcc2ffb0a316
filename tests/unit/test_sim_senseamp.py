from __future__ import annotations

import numpy as np
import pytest

from instruments.sim.chip.senseamp import AMPLIFIER

NONE = np.zeros(32)


def race(bl: float, blb: float, *, limit: float = 1e9, noise_seed: int = 1, **columns: object):  # type: ignore[no-untyped-def]
    ohms = np.tile([bl, blb], (32, 1)).astype(float)
    noise = np.random.default_rng(noise_seed).standard_normal(96)
    offsets = columns.get("offsets", NONE)
    ratios = columns.get("ratios", NONE)
    return AMPLIFIER.race(ohms, offsets, ratios, limit, noise)


def test_the_lower_resistance_latches_zero() -> None:
    latched = race(5e3, 500e3)
    assert not latched.q.any()
    assert latched.qb.all()
    latched = race(500e3, 5e3)
    assert latched.q.all()
    assert not latched.qb.any()


def test_equal_branches_fall_either_way() -> None:
    q = np.concatenate([race(2e4, 2e4, noise_seed=s).q for s in range(30)])
    assert q.mean() == pytest.approx(0.5, abs=0.08)


def test_column_offsets_decide_between_equal_branches() -> None:
    assert race(2e5, 2e5, offsets=np.full(32, 1e-4)).q.all()
    assert not race(2e5, 2e5, offsets=np.full(32, -1e-4)).q.any()
    assert race(1e2, 1e2, ratios=np.full(32, 0.05)).q.all()


def test_read_time_at_55_microampere() -> None:
    delay = race(10.9e3, 200e3).delay
    assert (delay > 5e-9).all()
    assert (delay < 20e-9).all()


def test_near_threshold_only_a_low_resistance_discharges() -> None:
    limit = AMPLIFIER.largest_discharging_ohm(0.6, 1e-6)
    assert limit == pytest.approx(50e3)
    undecided = race(200e3, 200e3, limit=limit)
    assert undecided.q.all()
    assert undecided.qb.all()
    alone = race(200e3, 3e3, limit=limit)
    assert alone.q.all()
    assert not alone.qb.any()


def test_at_nominal_supply_even_hrs_pairs_resolve() -> None:
    latched = race(200e3, 200e3, limit=AMPLIFIER.largest_discharging_ohm(1.2, 1e-6))
    assert (latched.q != latched.qb).all()
