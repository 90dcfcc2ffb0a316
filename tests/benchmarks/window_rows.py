"""A run folder with as many rows as wanted, and PyMeasure's file of the same rows."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pymeasure.experiment import Results

from labctl.bench import DieChoice
from labctl.benchfile import load_setup
from labctl.runs import RunRequest, run
from labctl.store.folder import RESULTS, RunFolder
from labctl.store.writer import RunWriter
from procedures import load_procedure

PROCEDURE = "read"
COLUMNS: list[str] = load_procedure(PROCEDURE).DATA_COLUMNS
X, Y = COLUMNS[0], "Median resistance above reference (ohm)"
TYPICAL_OHM, OUTLIER_OHM = 2e5, 2e7

_STEP_ROWS = 10_000
_SEED = 1


def planted_run(root: Path, rows: int) -> RunFolder:
    """A finished run: log-normal noise in every column, and in the middle one outlier."""
    writer = RunWriter.create(root, PROCEDURE, _record(root / "real"))
    # PyMeasure writes the head.
    Results(load_procedure(PROCEDURE)(), str(writer.path / RESULTS))
    for step, begin in enumerate(range(0, rows, _STEP_ROWS)):
        numbers = range(begin, min(begin + _STEP_ROWS, rows))
        writer.append_row(lines(numbers, outlier=rows // 2))
        writer.append_event("step_begin", step=step, label=f"rows from {begin}", expected_s=1.0)
        writer.end_step(step)
    writer.close("success", None)
    return RunFolder(writer.path)


def _record(root: Path) -> dict[str, Any]:
    """What a real run's record tells of procedure, bench and die."""
    procedure = load_procedure(PROCEDURE)()
    die = DieChoice(None, _SEED, root)
    real = run(RunRequest(PROCEDURE, procedure, load_setup(None), die, root))
    own = ("run", "procedure", "started", "ended", "status", "reason", "owner")
    return {name: value for name, value in real.record.items() if name not in own}


def lines(numbers: range, outlier: int | None = None) -> str:
    """Rows of these numbers as ``results.csv`` has them, without the last line's end."""
    random = np.random.default_rng([_SEED, numbers.start])
    table = pd.DataFrame(
        TYPICAL_OHM * random.lognormal(0.0, 0.3, (len(numbers), len(COLUMNS))), columns=COLUMNS
    )
    table[X] = list(numbers)
    if outlier is not None and outlier in numbers:
        table.loc[outlier - numbers.start, Y] = OUTLIER_OHM
    text = io.StringIO()
    table.to_csv(text, index=False, header=False, lineterminator="\n")
    return text.getvalue().removesuffix("\n")
