"""As many kills as asked (LABCTL_KILLS, 200 by default); the result is kept in docs/."""

from __future__ import annotations

import datetime
import json
import os
import platform
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

import pytest

from labctl.provenance import git_revision
from tests.torture.kills import RUNS, Killing, Tally
from tests.torture.nursery import Nursery

RESULT = Path(__file__).resolve().parents[2] / "docs" / "durability-result.json"
KILLS = int(os.environ.get("LABCTL_KILLS", "200"))


@contextmanager
def recorded(tally: Tally) -> Iterator[list[str]]:
    """Writes the result down, also when the block fails; the block notes failures in the list."""
    began, failures = time.monotonic(), list[str]()
    try:
        yield failures
    finally:
        result = {
            "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "revision": git_revision(),
            "python": platform.python_version(),
            "minutes": round((time.monotonic() - began) / 60, 1),
            "failures": failures,
            **vars(tally),
        }
        RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


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
