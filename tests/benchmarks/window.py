"""The window beside PyMeasure's on the same rows: refresh, memory, stalls, and what is seen.

Each window has a process of its own and paints offscreen. A refresh is what the interface's thread
does for 200 new rows: here it takes what the follower's thread has read, shows and paints it;
PyMeasure's `ManagedWindow` reads the file too. Both are timed until everything is painted. Live, a
simulated bench runs flat out in a process that the window has started.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks.result import Goal, Result
from tests.benchmarks.window_rows import planted_run

REPEATS = 3
FEW, MANY = 1_000, 1_000_000
MEGABYTE = 1e6
TIMEOUT_S = 900.0

_Found = dict[tuple[str, int], list[dict[str, Any]]]
"""Side and rows to what each of its processes found."""


def measure() -> list[Result]:
    """Windows in turn, so that a machine that drifts slows all of them alike."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        planted = {rows: planted_run(folder / str(rows), rows) for rows in (FEW, MANY)}
        sides = [(side, rows) for side in ("finished", "pymeasure") for rows in (FEW, MANY)]
        found: _Found = {key: [] for key in [*sides, ("live", 0)]}
        for count in range(REPEATS):
            for side, rows in sides if count % 2 else sides[::-1]:
                copy = folder / "copy" / planted[rows].id
                shutil.copytree(planted[rows].path, copy)
                found[side, rows].append(_carried_out(side, copy, rows))
                shutil.rmtree(copy)
            found["live", 0].append(_carried_out("live", folder / "live", 0))
    return [*_refreshes(found), *_sizes(found), *_stalls(found)]


def _refreshes(found: _Found) -> list[Result]:
    ours, few, theirs = (
        [1e3 * cost for made in found[key] for cost in made["refresh_s"]]
        for key in (("finished", MANY), ("finished", FEW), ("pymeasure", MANY))
    )
    few_theirs = [1e3 * s for made in found["pymeasure", FEW] for s in made["refresh_s"]]
    return [
        Result(
            name="window_refresh",
            value=median(ours),
            unit="ms",
            reference=median(theirs),
            compared_with=f"PyMeasure's ManagedWindow, {MANY:,} rows",
            goal=Goal("ratio", "<=", 1 / 20),
            raw={"labctl": ours, "PyMeasure": theirs},
        ),
        Result(
            name="window_growth",
            value=median(ours),
            unit="ms",
            reference=median(few),
            compared_with=f"the same at {FEW:,} rows",
            goal=Goal("ratio", "<=", 2.0),
            raw={"many rows": ours, "few rows": few},
        ),
        Result(
            name="window_few",
            value=median(few),
            unit="ms",
            reference=median(few_theirs),
            compared_with=f"PyMeasure's ManagedWindow, {FEW:,} rows",
            raw={"labctl": few, "PyMeasure": few_theirs},
        ),
    ]


def _sizes(found: _Found) -> list[Result]:
    ours, theirs = (
        [made["resident_bytes"] / MEGABYTE for made in found[side, MANY]]
        for side in ("finished", "pymeasure")
    )
    seen = [float(made["outlier_is_seen"]) for made in found["finished", MANY]]
    return [
        Result(
            name="window_memory",
            value=max(ours),
            unit="MB",
            reference=max(theirs),
            compared_with=f"PyMeasure's ManagedWindow, {MANY:,} rows",
            goal=Goal("value", "<=", 400.0),
            raw={"labctl": ours, "PyMeasure": theirs},
        ),
        Result(
            name="window_outlier",
            value=min(seen),
            unit="of 1 seen",
            compared_with=f"one outlier among {MANY:,} rows, in the grabbed picture",
            goal=Goal("value", ">=", 1.0),
            raw={"seen": seen},
        ),
    ]


def _stalls(found: _Found) -> list[Result]:
    many, live = found["finished", MANY], found["live", 0]
    rates = [made["rate"] for made in many]
    return [
        Result(
            name="window_rate",
            value=median(rates),
            unit="refreshes/s",
            compared_with=f"{MANY:,} rows, more coming in",
            goal=Goal("value", ">=", 30.0),
            raw={"rate": rates, "live": [made["rate"] for made in live]},
        ),
        *(
            Result(
                name=name,
                value=max(1e3 * made["stall_s"] for made in sides),
                unit="ms",
                reference=max(1e3 * made["stall_cpu_s"] for made in sides),
                compared_with=f"the thread's own processor time; {what}",
                goal=Goal("value", "<=", 100.0),
                raw={
                    "clock": [1e3 * made["stall_s"] for made in sides],
                    "processor": [1e3 * made["stall_cpu_s"] for made in sides],
                },
            )
            for name, sides, what in (
                ("window_stall", live, "simulated bench flat out"),
                ("window_stall_read", many, f"{MANY:,} rows being read in"),
            )
        ),
    ]


def _carried_out(side: str, folder: Path, rows: int) -> dict[str, Any]:
    """What a window's process found; RuntimeError with its last words if it failed."""
    command = [sys.executable, "-m", "tests.benchmarks.window_sides", side, str(folder), str(rows)]
    made = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=TIMEOUT_S)
    if made.returncode:
        raise RuntimeError(f"{side}, {rows} rows: {made.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(made.stdout.splitlines()[-1])
    return found
