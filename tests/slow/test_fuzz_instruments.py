"""No FLEX text and no C call breaks the simulated instruments (the hour of it: tests/torture)."""

from __future__ import annotations

import pytest

from instruments.sim.flex.mainframe import _COMMANDS
from instruments.wgfmu.library import SIGNATURES
from tests.torture import fuzz
from tests.torture.bench import Tally
from tests.torture.flex_text import FIELDS
from tests.torture.machine import machines
from tests.torture.served import served_machines

pytestmark = pytest.mark.slow


def test_the_fuzz_knows_every_flex_command():
    assert set(FIELDS) == set(_COMMANDS)
    assert len(SIGNATURES) == 88


def test_misuse_by_both_doors_leaves_nothing_behind():
    tally = Tally()
    fuzz.run(machines(tally), examples=50, steps=50, seed=fuzz.fresh_seed())
    assert tally.driver_runs > 0
    assert tally.codes.keys() >= {0, -1, -3, -9, -10}
    print(tally)


def test_misuse_over_the_socket_leaves_nothing_behind():
    tally = Tally()
    fuzz.run(served_machines(tally), examples=3, steps=12, seed=fuzz.fresh_seed())
    print(tally)
