"""FLEX queries a second, in process: one core, no socket.

The queries are those of a measuring pass: spot currents of two formed devices and the error queue,
over and over, as programs send them. Beside it the same through PyMeasure's `ask`, and queries
that no program sent before (another voltage each time), which the mainframe has to parse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count, cycle, islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from instruments.b1500.mainframe import B1500
from instruments.testchip.chip import TestChip
from instruments.wgfmu.library import OperationMode
from tests.benchmarks.result import Goal, Result
from tests.benchmarks.simulated import fresh_bench
from tests.benchmarks.timing import interleaved

REPEATS = 9
QUERIES = 6000
PASS = ("TI 6,0", "TI 7,0", "ERRX?")


def measure() -> list[Result]:
    """Rates of the three ways."""
    with TemporaryDirectory() as folder, fresh_bench(Path(folder)) as bench:
        _read_first_cell(bench.chip)
        mainframe = bench.instruments.adapter.mainframe
        pymeasure = B1500(bench.instruments.adapter)
        new_lines = _new_lines()

        def ask(line: str) -> str:
            mainframe.write(line)
            return str(mainframe.read())

        seconds = interleaved(
            REPEATS,
            {
                "mainframe": lambda: _all_answered(ask, cycle(PASS)),
                "PyMeasure ask": lambda: _all_answered(pymeasure.ask, cycle(PASS)),
                "new lines": lambda: _all_answered(ask, new_lines),
            },
        )
        pymeasure.check_errors()
    rates = {side: [QUERIES / s for s in times] for side, times in seconds.items()}
    medians = {side: median(values) for side, values in rates.items()}
    return [
        Result(
            name="flex",
            value=medians["mainframe"],
            unit="queries/s",
            reference=medians["PyMeasure ask"],
            compared_with="the same through PyMeasure's ask",
            goal=Goal("value", ">=", 20_000),
            raw=rates,
        ),
        Result(
            name="flex_new_lines",
            value=medians["new lines"],
            unit="queries/s",
            reference=medians["mainframe"],
            compared_with="lines sent before; a new one is DV and TI",
            raw=rates,
        ),
    ]


def _read_first_cell(chip: TestChip) -> None:
    """Form cell (0, 0) and leave it selected, with the meters on its pads and SL at 0.1 V."""
    cell = np.zeros((*chip.shape, 2), dtype=bool)
    cell[0, 0] = True
    chip.form(cell)
    channels, meters = chip.connections.channels, chip.connections.meters
    for pad in meters:
        channels[pad].configure(OperationMode.SMU)
        channels[pad].connect()
    chip.connections.decoder.select(0, 0)
    meters["SL"].force_voltage(chip.description.levels.read, 1e-3)
    channels["WL"].force(chip.description.levels.word_line_on)


def _new_lines() -> Iterator[str]:
    """A spot current at another bit-line voltage each time, 0 to 0.1 V."""
    for number in count():
        yield f"DV 6,0,{number % 100_000 * 1e-6:.6f},1E-3;TI 6,0"


def _all_answered(ask: Callable[[str], str], lines: Iterator[str]) -> None:
    if not all(ask(line) for line in islice(lines, QUERIES)):
        raise RuntimeError("a query was not answered")
