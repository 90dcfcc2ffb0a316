"""As many kills as asked (LABCTL_KILLS, 200 by default); the result is kept in docs/."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle

import pytest

from tests.torture.durability import keep
from tests.torture.kills import RUNS, Killing, Tally
from tests.torture.nursery import Nursery

KILLS = int(os.environ.get("LABCTL_KILLS", "200"))


@contextmanager
def recorded(tally: Tally) -> Iterator[list[str]]:
    """Writes the result down, also when the block fails; the block notes failures in the list."""
    began, failures = time.monotonic(), list[str]()
    try:
        yield failures
    finally:
        keep("kills", time.monotonic() - began, {"failures": failures, **vars(tally)})


@pytest.mark.torture
@pytest.mark.timeout(10_000)
@pytest.mark.skipif(os.name != "posix", reason="fork and /proc")
def test_killed_runs_go_on_without_loss(tmp_path):
    names = cycle(RUNS)
    with Nursery() as nursery:
        killing = Killing(nursery, tmp_path)
        with recorded(killing.tally) as failures:
            while killing.tally.kills < KILLS:
                name, seed = next(names), secrets.randbits(32)
                try:
                    killing.trial(name, seed)
                except AssertionError as failure:
                    failures.append(f"{name}, seed {seed}: {str(failure)[:300]}")
    assert failures == []
