"""Runs killed by ``kill -9`` and by power cuts at random moments, and gone on with."""

from __future__ import annotations

import os
import secrets
import signal

import pytest

from tests.torture.kills import RUNS, Killing
from tests.torture.nursery import Nursery

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="fork and /proc"),
]

EACH = 5


@pytest.fixture(scope="module")
def killing(tmp_path_factory):
    # In the torture the figures are drawn, and runs are killed while they are.
    with Nursery(draws=False) as nursery:
        yield Killing(nursery, tmp_path_factory.mktemp("killed"))


@pytest.mark.parametrize("name", RUNS)
def test_a_killed_run_goes_on_without_loss(killing, name):
    for _ in range(EACH):
        seed = secrets.randbits(32)
        print(f"{name}, seed {seed}")
        killing.trial(name, seed)


@pytest.mark.parametrize(
    "signals", [["SIGINT"], ["SIGINT"] * 2, ["SIGINT"] * 3, ["SIGTERM"], ["SIGHUP"]], ids="-".join
)
def test_a_run_that_was_asked_to_end_goes_on(killing, signals):
    seed = secrets.randbits(32)
    print(f"{signals}, seed {seed}")
    killing.signalled("checkerboard", [getattr(signal, name) for name in signals], seed)


def test_a_run_on_a_full_disk_goes_on_when_there_is_room(killing):
    for _ in range(3):
        seed = secrets.randbits(32)
        print(f"full disk, seed {seed}")
        killing.filled("checkerboard", seed)
