"""Hostile use of the public API, and the pads of the simulated chip watched meanwhile."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from instruments.testchip.chip import TestChip
from instruments.testchip.compliance import ComplianceTable
from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.cycling import Cycler, LoopReads, ResistanceReads
from instruments.testchip.ladder import FormingLadder
from instruments.testchip.pads import DRIVEN_PADS, PULSED_PADS
from instruments.testchip.pulsed_sense import sense_pulsed
from instruments.testchip.stress import hold_read_voltage, sense_repeatedly
from instruments.testchip.supply import supply_at
from instruments.testchip.sweeping import QuasiStaticSweep
from instruments.testchip.traces import program_traced
from instruments.testchip.waveforms import PulseSchemes, Scheme
from labctl import resuming
from labctl.bench import Bench, DieChoice
from labctl.benchfile import BenchSetup
from labctl.observing import RunStopped, Stop, StopRequest
from labctl.runs import run
from labctl.store.folder import RunFolder
from procedures import PROCEDURES, load_procedure
from procedures.parameters import QuantityListParameter, QuantityParameter
from tests.faults.procedures import SHORT
from tests.simulated import devices, request, small_bench_file, station_of

SEED = 1_917_405
ROUNDING_V = 1e-4
"""The output's own step, V: a limit that lies between two of them is rounded to one."""
TOGETHER_V = 0.3
"""SL, BL and BLB may differ by so much while WL moves (bench note)."""
LINES = ("SL", "BL", "BLB")


# --- the pads ----------------------------------------------------------------------------------


class WatchedPads:
    """The chip's pads: no voltage beyond its limit, and WL, BYP and row in order.

    ``in_order`` is off where a way down, or a waveform of the caller's own, need not keep it.
    Whatever breaks a rule is kept in ``broken``, since the caller may swallow an exception.
    """

    def __init__(self, chip: Any, setup: BenchSetup) -> None:
        self._chip = chip
        self._limits = {pad: setup.limit(pad) for pad in DRIVEN_PADS}
        self._volts: dict[str, float] = dict.fromkeys(DRIVEN_PADS, 0.0)
        self._row: int | None = None
        self._seen: set[int] = set()
        self._kept: list[Any] = []
        self.in_order = True
        self.broken: list[str] = []
        self.extremes: dict[str, list[float]] = {pad: [0.0, 0.0] for pad in DRIVEN_PADS}

    def select(self, row: int, column: int) -> None:
        if self.in_order and row != self._row and abs(self._volts["WL"]) > 1e-9:
            self.broken.append(f"row {self._row} to {row} with WL at {self._volts['WL']} V")
        self._row = row
        self._chip.select(row, column)

    def hold(self, pad: str, volts: float | None) -> None:
        before = dict(self._volts)
        self._volts[pad] = 0.0 if volts is None else volts
        self._within(pad, np.array([self._volts[pad]]))
        levels = {p: np.array([before[p], v]) for p, v in self._volts.items()}
        self._ordered(levels, f"hold {pad}")
        self._chip.hold(pad, volts)

    def current(self, pad: str) -> float:
        return float(self._chip.current(pad))

    def play(self, waveform: Any, samples: Any = None) -> Any:
        self._look(waveform)
        return self._chip.play(waveform, samples)

    def play_loops(self, waveform: Any, loops: int, samples: Any, take: Any) -> None:
        self._look(waveform)
        self._chip.play_loops(waveform, loops, samples, take)

    def rest(self) -> None:
        self._chip.rest()

    def _look(self, waveform: Any) -> None:
        for pad, volts in waveform.volts.items():
            self._within(pad, np.asarray(volts))
        levels = {
            pad: np.asarray(waveform.volts.get(pad, np.full(len(waveform.times), held)))
            for pad, held in self._volts.items()
        }
        self._ordered(levels, "a waveform")
        for pad, volts in waveform.volts.items():
            self._volts[pad] = float(volts[-1])

    def _within(self, pad: str, volts: np.ndarray) -> None:
        low, high = float(volts.min()), float(volts.max())
        extremes = self.extremes[pad]
        extremes[:] = min(extremes[0], low), max(extremes[1], high)
        limit = self._limits[pad]
        if not (limit.low - ROUNDING_V <= low and high <= limit.high + ROUNDING_V):
            self.broken.append(f"{pad} at {low} V to {high} V; {limit.low} V to {limit.high} V")

    def _ordered(self, levels: Mapping[str, np.ndarray], what: str) -> None:
        """Points joined by straight lines, so looking at the points is enough."""
        if not self.in_order:
            return
        vdd = levels["VDD"]
        lines = np.array([levels[pad] for pad in LINES])
        bypassed = levels["BYP"] > vdd / 2
        apart = np.ptp(lines, axis=0) > TOGETHER_V + ROUNDING_V
        bad = apart & bypassed
        moving = np.diff(levels["WL"]) != 0
        if (moving & (bad[1:] | bad[:-1])).any():
            self.broken.append(f"{what}: WL moves while SL, BL and BLB are apart")
        high = lines.max(axis=0) > vdd + 1e-3
        if (high & (levels["BYP"] < vdd - 1e-3)).any():
            self.broken.append(f"{what}: SL, BL or BLB above VDD with BYP down")


def watch(bench: Bench) -> WatchedPads:
    """Put the watch between a bench's instruments and its chip."""
    station = station_of(bench)
    pads = WatchedPads(station.chip, bench.setup)
    station.chip = pads
    return pads


class Enough(RunStopped):
    """An attempt that was taken has gone on for long enough."""


# --- benches -----------------------------------------------------------------------------------

TIGHTENED: list[dict[str, tuple[float, float]]] = [
    {},
    {"SL": (0.0, 2.2), "BL": (0.0, 2.2), "BLB": (0.0, 2.2)},
    {"WL": (0.0, 3.3), "SL": (0.0, 3.3), "BL": (0.0, 1.4), "BLB": (0.0, 3.0)},
    {"WL": (-0.1, 3.35), "BYP": (0.0, 1.25), "SEN": (0.0, 1.21), "VDD": (0.0, 1.22)},
]
"""Limits of bench files."""


@dataclass
class Rig:
    """Open benches, one for each of `TIGHTENED`, and a paused run to resume."""

    folder: Path
    setups: list[BenchSetup]
    benches: list[Bench]
    pads: list[WatchedPads]
    paused: RunFolder
    which: int = 0
    taken: int = 0
    refused: int = 0
    reasons: set[str] = field(default_factory=set)

    @property
    def chip(self) -> TestChip:
        return self.benches[self.which].chip

    @contextmanager
    def disorder(self) -> Iterator[None]:
        """The caller's own waveforms, and the way down, keep no order."""
        self.pads[self.which].in_order = False
        try:
            yield
        finally:
            self.pads[self.which].in_order = True

    def back_to_idle(self) -> None:
        """After an exception: as a run's way down does, but the die stays powered.

        Where nothing was sent, there is nothing to do.
        """
        self.chip.on_pulse = self.chip.on_row = lambda: None
        if self.chip._is_idle:
            return
        with self.disorder():
            self.chip.connections.wgfmu.abort()
            for meter in self.chip.connections.meters.values():
                meter.force_voltage(0.0, 1e-3)
            setup = self.setups[self.which]
            vdd, vddh = setup.chip.supplies.vdd, setup.chip.supplies.vddh
            self.chip.connections.supplies["VDD"].force_voltage(vdd, 10e-3)
            self.chip.connections.supplies["VDDH"].force_voltage(vddh, 10e-3)
            self.chip.vdd = vdd
            self.chip.schemes = PulseSchemes(setup.chip, setup.chip, vdd)
            self.chip.idle()


@contextmanager
def rig(folder: Path) -> Iterator[Rig]:
    """The benches opened, and closed again."""
    setups, benches, pads = [], [], []
    for number, limits in enumerate(TIGHTENED):
        file = small_bench_file(folder / str(number), rows=2)
        text = file.read_text(encoding="utf-8")
        for pad, (low, high) in limits.items():
            text += f"\n[limits.{pad}]\nvolts = [{low}, {high}]\n"
        file.write_text(text, encoding="utf-8")
        setups.append(BenchSetup(file))
        bench = Bench(setups[-1], DieChoice(None, SEED, folder))
        pads.append(watch(bench))
        pads[-1].in_order = False
        benches.append(bench.__enter__())
        pads[-1].in_order = True
    stop = StopRequest()
    stop.ask(Stop.WITHIN_STEP)
    values = SHORT["checkerboard"]
    paused = run(request(setups[0], folder, "checkerboard", seed=SEED, **values), None, stop)
    yield Rig(folder, setups, benches, pads, paused)
    for bench, watched in zip(benches, pads, strict=True):
        watched.in_order = False
        bench.__exit__(None, None, None)
        assert bench.problems == []


# --- attempts ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Attempt:
    """One call with hostile values, on one of the benches."""

    act: Callable[..., None]
    values: Mapping[str, Any]
    which: int

    def __repr__(self) -> str:
        return f"Attempt({self.act.__name__}, {dict(self.values)!r}, which={self.which})"


def carry_out(bench_rig: Rig, attempt: Attempt) -> None:
    """Carry it out: refused with one sentence or taken, no pad leaves its limit or its order."""
    bench_rig.which = attempt.which
    pads = bench_rig.pads[attempt.which]
    try:
        attempt.act(bench_rig, **attempt.values)
        bench_rig.taken += 1
    except (RunStopped, RuntimeError):
        # Enough, or what was measured lets the procedure go no further.
        bench_rig.taken += 1
        bench_rig.back_to_idle()
    except ValueError as refusal:
        sentence = str(refusal)
        assert sentence, "an empty refusal"
        assert "\n" not in sentence, sentence
        bench_rig.refused += 1
        bench_rig.reasons.add(sentence[:20])
        bench_rig.back_to_idle()
    broken, pads.broken = pads.broken, []
    assert not broken, broken[0]


def _bits(chip: TestChip, cell: tuple[int, int]) -> np.ndarray:
    where = np.zeros(chip.shape, dtype=bool)
    where[cell] = True
    return where


def program(rig: Rig, conditions: ProgramConditions, bit: int, cell: Any) -> None:
    chip = rig.chip
    chip.program(np.full(chip.shape, bit, dtype=np.uint8), _bits(chip, cell), conditions)


def set_or_reset(rig: Rig, conditions: ProgramConditions, kind: str, cell: Any) -> None:
    getattr(rig.chip, kind)(devices(_bits(rig.chip, cell)), conditions)


def set_current(rig: Rig, gate_v: float, set_v: float, width_s: float, cell: Any) -> None:
    rig.chip.set_current(devices(_bits(rig.chip, cell)), gate_v, set_v, width_s)


def cycle(rig: Rig, conditions: ProgramConditions, cycles: int, reads: Any, cell: Any) -> None:
    list(Cycler(rig.chip, conditions).run(*cell, cycles, reads))


def trace(rig: Rig, conditions: ProgramConditions, bit: int, cell: Any) -> None:
    program_traced(rig.chip, bit, _bits(rig.chip, cell), conditions)


def ladder(rig: Rig, start: float, stop: float, step: float, width: float, cell: Any) -> None:
    FormingLadder(start, stop, step, width).form(rig.chip, devices(_bits(rig.chip, cell)))


def sweep(rig: Rig, kind: Any, top: float, step: float, delay: float, gate: float) -> None:
    QuasiStaticSweep.by_step(kind, top, step, delay, gate).run(rig.chip, 1, 2, 0)


def hold(rig: Rig, volts: float, seconds: float, cell: Any) -> None:
    hold_read_voltage(rig.chip, *cell, volts, seconds)


def sense_at(rig: Rig, vdd: float, sense_s: float, senses: int, cell: Any) -> None:
    with supply_at(rig.chip, vdd):
        with suppress(OSError):
            sense_pulsed(rig.chip, _bits(rig.chip, cell), sense_s)
        sense_repeatedly(rig.chip, cell[0], senses)


def form_at(rig: Rig, table: list[list[float]], vdd: float, cell: Any) -> None:
    """Form and program with a compliance table out of a file."""
    file = rig.folder / "table.toml"
    file.write_text(f"set_compliance = {table}\n", encoding="utf-8")
    read = ComplianceTable.from_file(file)
    chip = rig.chip
    with supply_at(chip, vdd):
        chip.schemes = PulseSchemes(chip.description, read, chip.vdd)
        chip.form(devices(_bits(chip, cell)))
        program(rig, ProgramConditions(), 1, cell)


def own_scheme(rig: Rig, points: Mapping[str, Any], loops: int, cell: Any) -> None:
    """A script's own scheme, through `load` and `fire_each`."""
    chip = rig.chip
    scheme = Scheme("own", {pad: np.array(knots) for pad, knots in points.items()})
    with rig.disorder(), chip.operation("program", []):
        for _ in chip.fire_each(scheme, _bits(chip, cell)):
            pass
        chip.load(scheme, loops)
        chip.connections.wgfmu.execute()
        chip.connections.wgfmu.wait()


def _force(smu: Any, volts: float) -> None:
    smu.force_voltage(volts, 1e-3)


def own_levels(rig: Rig, pad: str, volts: float) -> None:
    """A script that goes down to the channels and the SMUs."""
    chip = rig.chip
    at = chip.connections
    with rig.disorder():
        chip.meter_currents(0, 1, {pad: volts})
        outputs: list[Any] = [at.channels.get(pad)]
        outputs = [channel.force for channel in outputs if channel is not None]
        for smu in (at.meters.get(pad), at.supplies.get(pad)):
            if smu is not None:
                outputs.append(partial(_force, smu))
        chip.begin_step()
        if pad in at.channels:
            chip.zero(pad)
        for force in outputs:
            force(volts)
        rig.back_to_idle()


def procedure(rig: Rig, name: str, values: Mapping[str, Any], directly: bool) -> None:
    """A procedure as a run prepares and begins it: so many pulses, then it is enough."""
    setup, chip = rig.setups[rig.which], rig.chip
    kind = load_procedure(name)
    own = kind()
    own.set_parameters(SHORT[name])
    if directly:
        for key, value in values.items():
            setattr(own, key, value)
    else:
        own.set_parameters(dict(values))
    own.prepare(setup.chip, setup.limit, True)
    own.bind(chip)
    own.emit = lambda *_: None
    own.should_stop = lambda: False
    left = iter(range(6))

    def count() -> None:
        if next(left, None) is None:
            raise Enough

    chip.on_pulse = chip.on_row = count
    own.execute()
    chip.on_pulse = chip.on_row = lambda: None


def resumed(rig: Rig, values: Mapping[str, Any], rollback: bool) -> None:
    """Resume a run whose record somebody has edited."""
    folder = rig.folder / "edited"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(rig.paused.path, folder / rig.paused.id)
    file = folder / rig.paused.id / "run.json"
    record = json.loads(file.read_text(encoding="utf-8"))
    record["parameters"] |= {key: values[key] for key in values if key in record["parameters"]}
    file.write_text(json.dumps(record), encoding="utf-8")
    stop, watched = StopRequest(), []

    class Watched(Bench):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            watched.append(watch(self))
            # Its way up and down is not in question here.
            watched[0].in_order = False

    original, resuming.Bench = resuming.Bench, Watched
    stop.ask(Stop.WITHIN_STEP)
    try:
        resuming.resume(RunFolder(file.parent), rollback, None, stop)
    finally:
        resuming.Bench = original
        for pads in watched:
            rig.pads[rig.which].broken += pads.broken


# --- hostile values ----------------------------------------------------------------------------

ODD = [math.nan, math.inf, -math.inf, 0.0, -0.0, 1e-300, -1.0, 1e9]
EDGES_V = [v + d for v in (1.2, 1.32, 2.2, 3.0, 3.3, 3.6, 5.0) for d in (-0.01, 0.0, 1e-6, 0.05)]
volts = st.one_of(st.sampled_from([*ODD, *EDGES_V]), st.floats(-6, 6))
seconds = st.one_of(
    st.sampled_from([*ODD, 10e-9, 30e-9, 40e-9, 100e-9, 1.005e-6, 1e-3, 20.0]),
    st.integers(1, 10_000).map(lambda ticks: ticks * 1e-8),
)
mostly = st.one_of(st.floats(0.0, 1.2), st.floats(0.0, 1.2), st.floats(0.0, 3.6), volts)
steps = st.one_of(st.floats(0.05, 1.0), volts)
amperes = st.one_of(st.sampled_from([*ODD, 20e-6, 55e-6, 200e-6, 201e-6]), st.floats(0, 5e-4))
cells = st.tuples(st.integers(0, 1), st.integers(0, 7))
bits = st.integers(0, 1)
conditions = st.one_of(
    st.builds(ProgramConditions, amperes, volts, volts, seconds),
    # One bad value among good ones gets further.
    st.builds(ProgramConditions, set_v=volts),
    st.builds(ProgramConditions, reset_v=volts),
    st.builds(ProgramConditions, width_s=seconds),
    st.builds(ProgramConditions, set_compliance_a=amperes),
)
loop_reads = st.builds(LoopReads, st.booleans(), st.sampled_from(list(ResistanceReads)))
tables = st.lists(st.tuples(st.floats(-10, 10), st.floats(1e-9, 1e-2)), min_size=2, max_size=4).map(
    lambda points: [
        list(point)
        for point in zip(sorted(v for v, _ in points), sorted(a for _, a in points), strict=True)
    ]
)
wide_tables = st.floats(0.4, 10).map(lambda top: [[0.3, 1e-6], [top, 3e-4]])


@st.composite
def knots(draw: Any) -> dict[str, list[tuple[float, float]]]:
    """Points of a scheme of one's own: same end for all pads."""
    end = draw(st.integers(10, 2000)) * 1e-8
    pads = draw(st.sets(st.sampled_from(PULSED_PADS), min_size=1))
    middle = st.tuples(st.floats(0.1, 0.9).map(lambda part: round(part * end, 8)), mostly)
    return {
        pad: [(0.0, draw(mostly)), *sorted(draw(st.lists(middle, max_size=2))), (end, draw(mostly))]
        for pad in pads
    }


QUANTITIES = {
    name: {
        key: parameter
        for key, parameter in load_procedure(name)()._parameters.items()
        if isinstance(parameter, QuantityParameter | QuantityListParameter)
    }
    for name in PROCEDURES
}
numbers = st.one_of(volts, seconds, amperes)
typed = st.one_of(
    numbers,
    st.builds(
        lambda number, unit: f"{number}{unit}", numbers, st.sampled_from(["V", "A", "s", ""])
    ),
    st.sampled_from(["", "all", "1e400", "3.3 V; 9 V", "-", "\x00", "1V,9V"]),
)


@st.composite
def procedures(draw: Any) -> dict[str, Any]:
    """A procedure's name and values for some of its parameters."""
    name = draw(st.sampled_from(list(PROCEDURES)))
    directly = draw(st.booleans())
    own = load_procedure(name)()._parameters
    keys = list(QUANTITIES[name]) if directly else list(own)
    value = numbers if directly else typed
    chosen = draw(st.dictionaries(st.sampled_from(keys), value, max_size=3))
    return {"name": name, "values": chosen, "directly": directly}


EDITABLE = ["set_compliance", "set_voltage", "reset_voltage", "pulse_width", "programmings"]


def _attempts(act: Callable[..., None], which: Any = None, **values: Any) -> Any:
    where = st.integers(0, len(TIGHTENED) - 1) if which is None else st.just(which)
    return st.builds(Attempt, st.just(act), st.fixed_dictionaries(values), where)


QUICK = [
    _attempts(program, conditions=conditions, bit=bits, cell=cells),
    _attempts(
        set_or_reset, conditions=conditions, kind=st.sampled_from(["set", "reset"]), cell=cells
    ),
    _attempts(set_current, gate_v=volts, set_v=volts, width_s=seconds, cell=cells),
    _attempts(
        cycle, conditions=conditions, cycles=st.integers(-2, 8), reads=loop_reads, cell=cells
    ),
    _attempts(trace, conditions=conditions, bit=bits, cell=cells),
    _attempts(ladder, start=mostly, stop=mostly, step=steps, width=seconds, cell=cells),
    _attempts(
        sweep,
        kind=st.sampled_from(["form", "set", "reset"]),
        top=mostly,
        step=steps,
        delay=st.sampled_from([0.0, 1e-3, 1e-2]) | seconds,
        gate=mostly,
    ),
    _attempts(hold, volts=volts, seconds=seconds, cell=cells),
    _attempts(sense_at, vdd=mostly, sense_s=seconds, senses=st.integers(-1, 20), cell=cells),
    _attempts(form_at, table=tables | wide_tables, vdd=st.just(1.2) | mostly, cell=cells),
    _attempts(own_scheme, points=knots(), loops=st.integers(-1, 5), cell=cells),
    _attempts(own_levels, pad=st.sampled_from(DRIVEN_PADS), volts=volts),
]
PROCEDURE_RUNS = st.builds(
    Attempt, st.just(procedure), procedures(), st.integers(0, len(TIGHTENED) - 1)
)
RESUMES = _attempts(
    resumed,
    0,
    values=st.dictionaries(st.sampled_from(EDITABLE), typed, max_size=2),
    rollback=st.booleans(),
)
