"""Cycles a second of a bit that is programmed and sensed in the sequencer's loop.

A cycle is one programming of the bit (a SET and a RESET) and one sense; a loop holds two. What is
timed is all of it: execute, wait, and reading the values back through the driver; in seconds of one
core, whatever else the machine does. Beside it: the real chip (2 us a cycle), the same loops played
one by one, and the package synaptogen, setting and reading as many device states. Where that is not
installed (``pip install .[bench]``) its line says so.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from instruments.sim.station import ChipAtItsPads, Station
from instruments.sim.waveform import Floats, PadWaveform
from instruments.testchip.chip import TestChip
from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.cycling import BARE, SENSED, LoopReads, ResistanceReads, cycle_loop
from labctl.bench import Bench
from tests.benchmarks.result import Goal, Result
from tests.benchmarks.simulated import fresh_bench

REPEATS = 5
REAL_CYCLES_PER_S = 0.5e6
LOOPS = 500_000
LOOPS_ONE_BY_ONE = 1_000
LOOPS_WITH_RESISTANCE = 100_000
LOOPS_UNOBSERVED = 1_500_000
STATES_PER_CYCLE = 2
SYNAPTOGEN_CELLS = 250_000

STRONG = ProgramConditions(set_compliance_a=200e-6)
WEAK = ProgramConditions(set_compliance_a=55e-6)
WITH_RESISTANCE = LoopReads(sensed=True, resistance=ResistanceReads.AFTER_0)


class _OneByOne:
    """The same chip, but it can only be given one loop at a time."""

    def __init__(self, chip: ChipAtItsPads) -> None:
        self._chip = chip

    def select(self, row: int, column: int) -> None:
        self._chip.select(row, column)

    def hold(self, pad: str, volts: float | None) -> None:
        self._chip.hold(pad, volts)

    def current(self, pad: str) -> float:
        return self._chip.current(pad)

    def play(
        self, waveform: PadWaveform, samples: Mapping[str, Floats] | None = None
    ) -> dict[str, Floats]:
        return self._chip.play(waveform, samples)


def measure() -> list[Result]:
    """Rates of loops that are sensed, measured and not looked at, and what they compare with."""
    with TemporaryDirectory() as folder, fresh_bench(Path(folder)) as bench:
        chip = bench.chip
        for device in (0, 1):
            chip.form(chip.one_device(0, 0, device))
        chip.connections.decoder.select(0, 0)
        sensed = _rates(chip, STRONG, SENSED, LOOPS)
        weak = _rates(chip, WEAK, SENSED, LOOPS)
        both = _rates(chip, STRONG, WITH_RESISTANCE, LOOPS_WITH_RESISTANCE)
        bare = _seconds(chip, STRONG, BARE, LOOPS_UNOBSERVED)
        with _one_by_one(bench):
            plain = _rates(chip, STRONG, SENSED, LOOPS_ONE_BY_ONE)
    results = [
        _result("loops_sensed", sensed, Goal("value", ">=", 5e6)),
        _result("loops_sensed_55uA", weak, Goal("value", ">=", 5e6)),
        _result("loops_with_resistance", both, Goal("value", ">=", 2 * 3e5)),
        Result(
            name="loops_beside_one_by_one",
            value=median(sensed),
            unit="cycles/core s",
            reference=median(plain),
            compared_with="the same loops played one by one",
            raw={"sensed": sensed, "one by one": plain},
        ),
        Result(
            name="loops_unobserved",
            value=1e3 * median(bare),
            unit="ms",
            compared_with=f"one execution of {LOOPS_UNOBSERVED:,} loops",
            goal=Goal("value", "<=", 4.0),
            raw={"unobserved": bare},
        ),
    ]
    return [*results, _beside_synaptogen(sensed)]


def _result(name: str, rates: list[float], goal: Goal) -> Result:
    return Result(
        name=name,
        value=median(rates),
        unit="cycles/core s",
        reference=REAL_CYCLES_PER_S,
        compared_with="the real chip",
        goal=goal,
        raw={name: rates},
    )


def _rates(
    chip: TestChip, conditions: ProgramConditions, reads: LoopReads, loops: int
) -> list[float]:
    """Cycles a second of executions that are read back."""
    return [2 * loops / seconds for seconds in _seconds(chip, conditions, reads, loops)]


def _seconds(
    chip: TestChip, conditions: ProgramConditions, reads: LoopReads, loops: int
) -> list[float]:
    loop = cycle_loop(chip.schemes, conditions, reads)
    chip.load(loop, loops)
    counts = {pad: loops * len(events) for pad, events in loop.measure.items()}

    def execute() -> None:
        at = chip.connections
        at.wgfmu.execute()
        at.wgfmu.wait()
        for pad, count in counts.items():
            at.channels[pad].read(count)

    return _core_seconds(execute)


def _core_seconds(work: Callable[[], object]) -> list[float]:
    """Processor time of each of some repeats, s, after one that is not counted."""
    spent = []
    for _ in range(1 + REPEATS):
        begin = time.process_time()
        work()
        spent.append(time.process_time() - begin)
    return spent[1:]


class _one_by_one:
    """While this lasts the bench's chip is given loops one by one."""

    def __init__(self, bench: Bench) -> None:
        station = bench.instruments.station
        assert isinstance(station, Station)
        self._station = station
        self._chip = station.chip

    def __enter__(self) -> None:
        self._station.chip = _OneByOne(self._chip)

    def __exit__(self, *_: object) -> None:
        self._station.chip = self._chip


def _beside_synaptogen(rates: list[float]) -> Result:
    """Device states a second: each cycle leaves one LRS and one HRS, and looks at both."""
    states = STATES_PER_CYCLE * median(rates)
    name, unit = "loops_states", "states/core s"
    raw = {"sensed": [STATES_PER_CYCLE * rate for rate in rates]}
    if find_spec("synaptogen") is None:
        missing = "synaptogen: not installed, not compared"
        return Result(name, states, unit, raw, compared_with=missing)
    cycle = _synaptogen_cycles(importlib.import_module("synaptogen.synaptogen"))
    count = STATES_PER_CYCLE * 2 * LOOPS
    others = [count / spent for spent in _core_seconds(lambda: cycle(count))]
    return Result(
        name,
        states,
        unit,
        {**raw, "synaptogen": others},
        compared_with="synaptogen, as many states set and read",
        reference=median(others),
    )


def _synaptogen_cycles(package: Any) -> Callable[[int], object]:
    """Takes many cells through so many states, LRS and HRS in turn, and reads each once."""
    cells = package.CellArrayCPU(SYNAPTOGEN_CELLS)
    volts = {level: np.full(SYNAPTOGEN_CELLS, level, np.float32) for level in (-2.0, 2.0)}

    def cycle(states: int) -> None:
        for _ in range(states // (STATES_PER_CYCLE * SYNAPTOGEN_CELLS)):
            for level in volts.values():
                package.applyVoltage(cells, level)
                package.Iread(cells)

    return cycle
