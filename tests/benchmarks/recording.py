"""What recording costs: the share of a run spent writing, and rows a second in bulk.

The share is the wall time inside everything that writes a run's files (`labctl.store` and the
die's snapshot) over that of a checkerboard run. In bulk, the same rows of eight numbers go to
`RunWriter` as arrays, one durable step (fsync) a chunk, and to PyMeasure's worker and recorder as
one `emit` a row, which never waits for the disk; both until the file is complete and closed. Syncs
take as long as the disk is busy with others, so a bare file that is written and synced as often
stands beside: the ratio to it is what the run folder adds to the disk.
"""

from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from pymeasure.experiment import Procedure, Results, Worker

from labctl.bench import Bench
from labctl.store import files
from labctl.store.ledger import Ledger
from labctl.store.writer import RunWriter
from tests.benchmarks.result import Goal, Result
from tests.benchmarks.simulated import run_checkerboard
from tests.benchmarks.timing import interleaved

RUNS = 3
BULK_REPEATS = 9
BULK_ROWS = 49_152
CHUNK_ROWS = 1024
"""As many rows as the array has bits: one pass over it."""
COLUMNS = list("abcdefgh")

WRITERS: list[tuple[Any, str]] = [
    *((RunWriter, name) for name in ("append_row", "append_array", "append_event")),
    *((RunWriter, name) for name in ("end_step", "update", "close")),
    *((Ledger, name) for name in ("__init__", "plan", "confirm", "close")),
    (files, "replace"),
    (files, "replace_json"),
    (Bench, "save_die"),
]


def measure() -> list[Result]:
    """Share of a run, then rows a second beside PyMeasure."""
    with TemporaryDirectory() as folder:
        return [_share(Path(folder)), *_bulk(Path(folder))]


# --- share of a run ------------------------------------------------------------------------------


def _share(folder: Path) -> Result:
    totals, writings = [], []
    for _ in range(RUNS):
        with _write_timer() as spent:
            begin = time.perf_counter()
            run_checkerboard(folder, programmings=10)
            totals.append(time.perf_counter() - begin)
        writings.append(sum(spent))
    return Result(
        name="recording_share",
        value=median(writings),
        unit="s writing",
        reference=median(totals),
        compared_with="the whole checkerboard run, 10 programmings a pattern",
        goal=Goal("ratio", "<=", 0.10),
        raw={"writing": writings, "run": totals},
    )


@contextmanager
def _write_timer() -> Iterator[list[float]]:
    """Seconds of each outermost call of the `WRITERS` made meanwhile."""
    spent: list[float] = []
    inside = threading.local()

    def timed(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            if getattr(inside, "writer", False):
                return function(*arguments, **named)
            inside.writer = True
            begin = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                spent.append(time.perf_counter() - begin)
                inside.writer = False

        return call

    with ExitStack() as patches:
        for owner, name in WRITERS:
            patches.enter_context(patch.object(owner, name, timed(getattr(owner, name))))
        yield spent


# --- in bulk -------------------------------------------------------------------------------------


class _Emit(Procedure):  # type: ignore[misc]
    """Emits rows that are ready, as PyMeasure's own procedures do."""

    DATA_COLUMNS = COLUMNS
    rows: list[dict[str, float]]

    def execute(self) -> None:
        for row in self.rows:
            self.emit("results", row)


def _bulk(folder: Path) -> list[Result]:
    numbers = np.random.default_rng(1).lognormal(10, 1, (BULK_ROWS, len(COLUMNS)))
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in numbers.tolist()]
    file = folder / "rows.csv"
    seconds = interleaved(
        BULK_REPEATS,
        {
            "labctl": lambda: _append(folder / "bulk", numbers),
            "bare file": lambda: _write_bare(folder / "bare", numbers),
            "PyMeasure": lambda: _emit(file, rows),
        },
    )
    rates = {side: [BULK_ROWS / s for s in times] for side, times in seconds.items()}
    medians = {side: median(values) for side, values in rates.items()}
    return [
        Result(
            name="recording_rows",
            value=medians["labctl"],
            unit="rows/s",
            reference=medians["PyMeasure"],
            compared_with="PyMeasure, one emit a row, never synced",
            goal=Goal("value", ">=", 200_000),
            raw=rates,
        ),
        Result(
            name="recording_bound",
            value=medians["labctl"],
            unit="rows/s",
            reference=medians["bare file"],
            compared_with="a bare file, synced as often",
            raw=rates,
        ),
    ]


def _append(folder: Path, numbers: NDArray[np.float64]) -> None:
    writer = RunWriter.create(folder, "bulk", {})
    for step, begin in enumerate(range(0, len(numbers), CHUNK_ROWS)):
        writer.append_array("rows", numbers[begin : begin + CHUNK_ROWS])
        writer.end_step(step)
    writer.close("success", None)
    stored = (writer.path / "arrays" / "rows.npys").stat().st_size
    if stored < numbers.nbytes:
        raise RuntimeError(f"{stored} bytes stored of {numbers.nbytes}")


def _write_bare(path: Path, numbers: NDArray[np.float64]) -> None:
    """Each chunk and a short mark after it reach the disk, as with the run folder's end marks."""
    with path.open("wb") as data, path.with_suffix(".marks").open("wb") as marks:
        for begin in range(0, len(numbers), CHUNK_ROWS):
            for file, content in (
                (data, numbers[begin : begin + CHUNK_ROWS].tobytes()),
                (marks, b"end\n"),
            ):
                file.write(content)
                file.flush()
                os.fsync(file.fileno())


def _emit(file: Path, rows: list[dict[str, float]]) -> None:
    file.unlink(missing_ok=True)
    procedure = _Emit()
    procedure.rows = rows
    worker = Worker(Results(procedure, str(file)))
    worker.start()
    # Not the worker's own join: its time-out of 0 by default stops it.
    threading.Thread.join(worker)
    if procedure.status != Procedure.FINISHED:
        raise RuntimeError("PyMeasure's worker did not finish")
