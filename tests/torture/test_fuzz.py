"""The fuzz for as long as asked (LABCTL_TORTURE_MINUTES); its result is kept in docs/."""

from __future__ import annotations

import datetime
import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from labctl.provenance import git_revision
from tests.torture import fuzz
from tests.torture.bench import Tally
from tests.torture.machine import machines
from tests.torture.served import served_machines

DOCS = Path(__file__).resolve().parents[2] / "docs"
RESULT = DOCS / "torture-result.json"
HISTORY = DOCS / "torture.md"

MINUTES = float(os.environ.get("LABCTL_TORTURE_MINUTES", "60"))
GRACE_S = 900.0
"""How long the last batch, or shrinking what it found, may take. A hang ends in a time-out."""


@contextmanager
def recorded(direct: Tally, served: Tally) -> Iterator[list[str]]:
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
            "both_doors": asdict(direct),
            "socket": asdict(served),
        }
        RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        with HISTORY.open("a", encoding="utf-8") as history:
            history.write(row(result, direct, served))


def row(result: dict[str, Any], direct: Tally, served: Tally) -> str:
    """A line of the table in docs/torture.md."""
    cells = [
        result["date"],
        result["revision"],
        result["minutes"],
        f"{direct.examples:,} + {served.examples:,}",
        f"{direct.steps:,} + {served.steps:,}",
        f"{direct.flex_lines + served.flex_lines:,}",
        f"{direct.c_calls:,}",
        f"{direct.driver_runs:,}",
        f"{max(direct.slowest_s, served.slowest_s):.2f}",
        len(result["failures"]),
    ]
    return "| " + " | ".join(map(str, cells)) + " |\n"


@pytest.mark.torture
@pytest.mark.timeout(60 * MINUTES + GRACE_S)
def test_misuse_for_an_hour():
    end = time.monotonic() + 60 * MINUTES
    direct, served = Tally(), Tally()
    with recorded(direct, served) as failures:
        while time.monotonic() < end:
            seed = fuzz.fresh_seed()
            try:
                fuzz.run(machines(direct), examples=100, steps=80, seed=seed)
                fuzz.run(served_machines(served), examples=4, steps=20, seed=seed)
            except BaseException as failure:
                failures.append(f"seed {seed}: {type(failure).__name__}: {failure}")
                raise
