"""Peak memory of a whole endurance run, from the command to the report, beside shorter ones.

Every cycle is sensed. A million cycles fill no execution (ten seconds) of the sequencer, ten
millions do: from there on memory must not grow. Each run has a process of its own, whose peak
resident size the system tells when it ends (POSIX).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.benchmarks.result import Goal, Result

FEW, SOME, MANY = 1_000_000, 10_000_000, 100_000_000
REPEATS = {FEW: 1, SOME: 3, MANY: 1}
SEED = 1
MEGABYTE = 1e6
RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in which the system counts."""


def measure() -> list[Result]:
    """Peak of the long run, beside the median of some ten times shorter ones."""
    with TemporaryDirectory() as folder:
        peaks = {
            cycles: [peak_bytes(cycles, Path(folder)) / MEGABYTE for _ in range(count)]
            for cycles, count in REPEATS.items()
        }
    raw = {f"{cycles:g} sensed cycles, MB": numbers for cycles, numbers in peaks.items()}
    long, short = max(peaks[MANY]), median(peaks[SOME])
    name, unit, beside = "endurance_memory", "MB at 1e8 cycles", "1e7 cycles"
    return [
        Result(name, long, unit, raw, beside, short, Goal("ratio", "<=", 1.25)),
        Result(f"{name}_bound", long, unit, raw, goal=Goal("value", "<=", 1000.0)),
    ]


def peak_bytes(cycles: int, folder: Path) -> int:
    """Peak resident size of a run that senses so many cycles; RuntimeError unless it succeeds."""
    command = [
        *(sys.executable, "-m", "labctl.cli", "run", "endurance", "--json"),
        *("--cycles", str(cycles), "--windows", "1", "--window-cycles", str(cycles)),
        *("--seed", str(SEED), "--runs", str(folder / "runs")),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with status {process.returncode}")
    return int(used.ru_maxrss) * RSS_UNIT
