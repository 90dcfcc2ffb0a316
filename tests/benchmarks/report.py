"""Writing the HTML report of a stored default run: 200 programmings, from the folder alone.

The run is planted, not measured: the report reads arrays and does not care where they come from.
One report is written before, so that what is timed is the work and not matplotlib's import.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from labctl.report import write_report
from tests.benchmarks.result import Goal, Result
from tests.benchmarks.timing import interleaved
from tests.unit.planted_runs import checkerboard_arrays, write_run

REPEATS = 5
PROGRAMMINGS = 200


def measure() -> list[Result]:
    """Wall time of `write_report`."""
    with TemporaryDirectory() as folder:
        run = write_run(Path(folder), "checkerboard", checkerboard_arrays(PROGRAMMINGS))
        seconds = interleaved(REPEATS, {"report": lambda: write_report(run)})
    return [
        Result(
            name="report",
            value=median(seconds["report"]),
            unit="s",
            goal=Goal("value", "<=", 10.0),
            raw=seconds,
        )
    ]
