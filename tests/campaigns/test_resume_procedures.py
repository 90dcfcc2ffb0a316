"""Every procedure, interrupted twice at random pulses, ends with the data of a run that was not."""

from __future__ import annotations

import os
import secrets
from itertools import count

import numpy as np
import pytest

from labctl.observing import RunStopped
from labctl.resuming import resume
from labctl.runs import run
from labctl.session import Session
from procedures import PROCEDURES
from tests.interrupted import assert_nothing_left, assert_same
from tests.simulated import request, small_setup

pytestmark = pytest.mark.slow

ROWS, DIE_SEED = 3, 20261122
SMALL = {
    "checkerboard": {"programmings": 2},
    "forming": {},
    "compliance": {"cells": 4, "gate_step": "200mV"},
    "contact": {},
    "conditions": {
        "set_compliances": "55uA,28uA",
        "reset_voltages": "1.5V,2.5V",
        "pulse_widths": "1us",
        "repetitions": 2,
        "resistance": "yes",
        "order": "random",
    },
    "sense": {"set_compliances": "55uA", "programmings": 2, "senses": 2, "vdd": "1V,1.2V"},
    "energy": {"cells": 2, "repeats": 2, "programmings": 2}
    | {"set_compliances": "200uA,20uA", "reset_voltages": "2.5V,1.5V", "pulse_widths": "100ns"}
    | {"cycles": "2000", "cycled_pairs": 1},
    "retention": {"duration": "1h", "first_wait": "10s", "reads": 3},
    "program": {"pattern": "random:7", "verify_limit": 2, "set_compliance": "25uA"},
    "read": {"repeats": 3},
    "weights": {"tiles": "0:2", "programmings": 1},
    "iv": {"devices": 4, "cycles": 2, "step": 0.1, "delay": 0.01},
    "endurance": {"cycles": "2000", "windows": 3, "window_cycles": 400, "resistance_cycles": 40}
    | {"pairs": 2, "stop_at_ber": 1e-4, "set_compliance": "20uA"},
    "disturb": {"stress": "half-select", "count": 20, "doses": 2},
    "differential": {
        "low_compliances": "55uA",
        "programmings": 2,
        "high_compliances": "70uA",
        "cycles": 800,
        "resistance_cycles": 400,
        "pairs": 2,
    },
}


class Moments:
    """Counts the moments at which a run can be left, and leaves it at one of them."""

    def __init__(self, monkeypatch):
        self.leave_at(None)
        for name in ("_between_pulses", "_between_rows"):
            monkeypatch.setattr(Session, name, lambda session: self.pass_by())

    def leave_at(self, number):
        self.number, self.numbers = number, count()
        self.passed = 0

    def pass_by(self):
        self.passed += 1
        if next(self.numbers) == self.number:
            raise RunStopped


def test_every_procedure_is_tried():
    assert SMALL.keys() == PROCEDURES.keys()


@pytest.mark.parametrize("name", SMALL)
def test_a_procedure_goes_on_from_anywhere(tmp_path, monkeypatch, name):
    seed = secrets.randbits(32)
    print(f"moments drawn with seed {seed}")
    random = np.random.default_rng(seed)
    setup, moments = small_setup(tmp_path / "bench", ROWS), Moments(monkeypatch)
    whole = run(request(setup, tmp_path / "whole", name, seed=DIE_SEED, **SMALL[name]))
    assert whole.status == "success", whole.record["reason"]
    moments_in_all = moments.passed
    assert moments_in_all > 2

    moments.leave_at(int(random.integers(moments_in_all)))
    made = run(request(setup, tmp_path / "other", name, seed=DIE_SEED, **SMALL[name]))
    assert made.status == "aborted"
    moments.leave_at(int(random.integers(moments_in_all - moments.number)))
    made = resume(made)
    assert made.status == "aborted"
    moments.leave_at(None)
    made = resume(made)
    assert_same(made, whole)
    assert_nothing_left(tmp_path, dict(os.environ))
