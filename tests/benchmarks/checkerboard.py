"""Wall time of the checkerboard on the simulated bench, everything through the drivers.

The default run: 200 measured programmings of the array, the extra one, and forming, in this
process; its report apart. The run of `make demo`: 10 programmings a pattern, in a fresh process
from the command to the report. The reference is what the real bench would need for the same.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from labctl.report import summarise, write_report
from tests.benchmarks.result import Goal, Result
from tests.benchmarks.simulated import run_checkerboard

DEMO_REPEATS = 3
BENCH_TIME = "bench time of the same run"


def measure() -> list[Result]:
    """The default run once (it is long), the demo run a few times."""
    with TemporaryDirectory() as folder:
        return [*_default(Path(folder)), _demo(Path(folder))]


def _default(folder: Path) -> list[Result]:
    begin, processor_begin = time.perf_counter(), time.process_time()
    run = run_checkerboard(folder, programmings=100)
    ran, processor_ran = time.perf_counter(), time.process_time()
    write_report(run)
    summarise(run)
    reported = time.perf_counter()
    bench_s = run.record["bench_time_s"]["total"]
    raw = {
        "run": [ran - begin],
        "run, processor time": [processor_ran - processor_begin],
        "report": [reported - ran],
        "bench time": [bench_s],
    }
    return [
        Result(
            name="checkerboard",
            value=reported - begin,
            unit="s",
            reference=bench_s,
            compared_with=BENCH_TIME,
            goal=Goal("value", "<=", 180.0),
            raw=raw,
        ),
        Result(
            name="checkerboard_run",
            value=ran - begin,
            unit="s without report",
            reference=bench_s,
            compared_with=BENCH_TIME,
            raw=raw,
        ),
    ]


def _demo(folder: Path) -> Result:
    seconds, bench_s = [], 0.0
    for seed in range(DEMO_REPEATS):
        begin = time.perf_counter()
        bench_s = _demo_run(folder, seed)
        seconds.append(time.perf_counter() - begin)
    return Result(
        name="demo",
        value=median(seconds),
        unit="s",
        reference=bench_s,
        compared_with=BENCH_TIME,
        goal=Goal("value", "<=", 30.0),
        raw={"fresh process": seconds, "bench time of the last": [bench_s]},
    )


def _demo_run(folder: Path, seed: int) -> float:
    """Run the command as a user does; returns its bench time, s."""
    command = [sys.executable, "-m", "labctl.cli", "run", "checkerboard", "--json"]
    options = ["--programmings", "10", "--seed", str(seed), "--runs", str(folder)]
    done = subprocess.run([*command, *options], check=True, capture_output=True)
    summary = json.loads(done.stdout)
    return float(summary["bench_time_s"])
