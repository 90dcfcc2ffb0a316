"""The simulated bench that a fuzz misuses, watched at its pads and at both of its doors."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from instruments.limits import LimitError, VoltageLimit
from instruments.sim.chip.array import Chip
from instruments.sim.chip.die import Die
from instruments.sim.flex.errors import NothingToRead
from instruments.sim.flex.mainframe import Mainframe
from instruments.sim.flex.ranges import largest_current
from instruments.sim.flex.smu import Source
from instruments.sim.station import SMU_BEHIND_RSU, SMU_PADS, WGFMU_PADS, Station
from instruments.sim.station import Path as Switch
from instruments.sim.waveform import Floats, PadWaveform
from instruments.sim.wgfmu.library import SimulatedWgfmu
from instruments.sim.wgfmu.timeline import Timeline
from instruments.wgfmu.library import OperationMode, ReturnCode
from labctl.bench import Bench, DieChoice
from labctl.benchfile import BenchSetup
from tests.torture.c_calls import Call

LONGEST_CALL_S = 2.0
"""Processor time of a call: what else the machine does must not count."""

ERROR_QUEUE = 30
WGFMU_VOLTS = 10.0
SMU_VOLTS = 100.0

MOST_POINTS = 10_000
"""Points and values of a run that plays as fast as it can."""

PG_POINTS = 50
"""Points that one behind a 50 ohm source counts as: its ramps are played in steps, each with the
load found before."""

MOST_POINTS_PER_S = 25
"""A run of more points takes as long as the bench lets it: 2**40 loops are all right if so slow."""

Answer = TypeVar("Answer")


@dataclass
class Tally:
    """What a fuzz has done so far."""

    examples: int = 0
    steps: int = 0
    flex_lines: int = 0
    c_calls: int = 0
    driver_runs: int = 0
    connections: int = 0
    slowest_s: float = 0.0
    slowest: str = ""
    codes: dict[int, int] = field(default_factory=dict)
    """How often each return code came."""

    def took(self, seconds: float, what: str) -> None:
        """Remember the slowest call."""
        if seconds > self.slowest_s:
            self.slowest_s, self.slowest = seconds, what[:200]


class WatchedPads:
    """The chip, and what its pads saw that no module can force, or that breaks a limit.

    ``limits`` is set while the drivers are at work: then a pad's limit counts, not the module's.
    """

    def __init__(self, chip: Chip, station: Station, mainframe: Mainframe) -> None:
        self.chip = chip
        self.limits: Mapping[str, VoltageLimit] | None = None
        self.violations: list[str] = []
        self._station = station
        self._mainframe = mainframe
        self._selected = (31, 31)

    def change_die(self, die: Die) -> None:
        """Put another die at the probes; the outputs must be open."""
        self.chip = Chip(die, self._station.clock)
        self.chip.select(*self._selected)

    def select(self, row: int, column: int) -> None:
        self._selected = (row, column)
        if not (0 <= row <= 31 and 0 <= column <= 31):
            self.violations.append(f"address {row}, {column}")
        self.chip.select(row, column)

    def hold(self, pad: str, volts: float | None) -> None:
        if volts is not None:
            self._check(pad, volts, self._bound(pad))
        self.chip.hold(pad, volts)

    def current(self, pad: str) -> float:
        amperes = self.chip.current(pad)
        if not np.isfinite(amperes):
            self.violations.append(f"{amperes} A at {pad}")
        return amperes

    def play(
        self, waveform: PadWaveform, samples: Mapping[str, Floats] | None = None
    ) -> dict[str, Floats]:
        for pad, volts in waveform.volts.items():
            self._check(pad, volts, WGFMU_VOLTS)
        if not (np.diff(waveform.times) > 0).all():
            self.violations.append("a waveform that does not go forward in time")
        return self.chip.play(waveform, samples)

    def _bound(self, pad: str) -> float:
        """The highest voltage that the output at this pad can be asked for now, V."""
        channel = next((c for c, p in WGFMU_PADS.items() if p == pad), None)
        if channel is not None and self._station.channel_path[channel] is Switch.WGFMU:
            return WGFMU_VOLTS
        slots = [s for s, c in SMU_BEHIND_RSU.items() if c == channel and channel is not None]
        slots += [s for s, p in SMU_PADS.items() if p == pad]
        force = self._mainframe.smus[slots[0]].force if slots else None
        if force is None:
            return 0.0
        if force.source is Source.VOLTAGE:
            # The range and the class of the module limit it too.
            if abs(force.compliance) > largest_current(force.value):
                self.violations.append(f"{force} is beyond the module")
            return min(force.highest_volts, force.range.reach, SMU_VOLTS)
        return min(force.highest_volts, SMU_VOLTS)

    def _check(self, pad: str, volts: ArrayLike, bound: float) -> None:
        values = np.asarray(volts)
        if not (np.abs(values) <= bound + 1e-9).all():
            self.violations.append(f"{values} V at {pad}, where {bound} V is the most")
        if self.limits is not None:
            try:
                self.limits[pad].check(values)
            except LimitError as error:
                self.violations.append(str(error))


class FuzzedBench:
    """One simulated instrument with a die at its probes, its two doors, and what must hold."""

    def __init__(self, setup: BenchSetup, seed: int, folder: Path, tally: Tally) -> None:
        self.setup = setup
        self.folder = folder
        self.tally = tally
        self.bench = Bench(setup, DieChoice(None, seed, folder))
        instruments = self.bench.instruments
        self.station: Station = instruments.station
        self.mainframe: Mainframe = instruments.adapter.mainframe
        self.wgfmu: SimulatedWgfmu = instruments.wgfmu
        self.library = instruments.library
        self.pads = WatchedPads(self.station.chip, self.station, self.mainframe)
        self.station.chip = self.pads

    # Through the doors

    def send(self, line: str) -> None:
        """One FLEX transaction; no text may raise."""
        self.tally.flex_lines += 1
        self._timed(f"FLEX {line!r}", lambda: self.mainframe.write(line))

    def read(self, count: int = -1) -> bytes | None:
        """A read of up to ``count`` bytes; None where it would time out."""
        try:
            return self._timed("read", lambda: self.mainframe.read_bytes(count))
        except NothingToRead:
            return None

    def ask(self, line: str) -> str:
        """One query."""
        self.send(line)
        return self.mainframe.read()

    def call(self, call: Call) -> int:
        """One C call; any documented code is an answer."""
        self.tally.c_calls += 1
        arguments = call.to_c(self.folder)
        function = getattr(self.library, call.name)
        code = self._timed(repr(call), lambda: function(*arguments))
        assert self.wgfmu.failure is None, f"{call}: {self.wgfmu.failure!r}"
        assert code in list(ReturnCode), f"{call} returned {code}"
        self.tally.codes[code] = self.tally.codes.get(code, 0) + 1
        return code

    def plain_call(self, name: str, *arguments: object) -> int:
        """A call with values only."""
        return self.call(Call(f"WGFMU_{name}", arguments))

    def _timed(self, what: str, action: Callable[[], Answer]) -> Answer:
        began = time.thread_time()
        try:
            return action()
        finally:
            seconds = time.thread_time() - began
            self.tally.took(seconds, what)
            assert seconds < LONGEST_CALL_S, f"{what} took {seconds:.1f} s"

    # What must hold after each step

    def check(self) -> None:
        """The invariants."""
        assert self.wgfmu.failure is None, repr(self.wgfmu.failure)
        assert self.pads.violations == []
        assert len(self.station.errors) <= ERROR_QUEUE
        assert 0 <= self.mainframe.status_byte() <= 255
        assert all(abs(volts) <= WGFMU_VOLTS for volts in self.station.channel_volts.values())

    def is_playable(self) -> bool:
        """Whether an execute now is little enough work: what a run costs grows with its points."""
        software = self.wgfmu.software()
        points = values = 0
        for setup in software.channels.values():
            if setup.pulsed and setup.sequences:
                timeline = Timeline(setup.sequences, software.patterns)
                slow = all(
                    len(entry.ticks) <= MOST_POINTS_PER_S * entry.period * 1e-8
                    for entry in timeline.entries
                )
                cost = PG_POINTS if setup.mode is OperationMode.PG else 1
                points += 0 if slow else cost * timeline.force_size
                values += timeline.measure_size
        return points <= MOST_POINTS and values <= MOST_POINTS

    # Other people

    @contextmanager
    def within_limits(self) -> Iterator[None]:
        """The drivers are at work: no pad may leave the limits of chip and bench file."""
        pads = itertools.chain(WGFMU_PADS.values(), SMU_PADS.values())
        self.pads.limits = {pad: self.setup.limit(pad) for pad in pads}
        try:
            yield
        finally:
            self.pads.limits = None

    def clean(self) -> None:
        """What any program can do that finds an instrument in an unknown state."""
        self.mainframe.interlock_closed = True
        self.drain_errors()
        self.plain_call("openSession", b"GPIB0::17::INSTR")
        for name in ("abort", "initialize", "clear"):
            assert self.plain_call(name) == 0, name
        self.send("*RST")
        self.drain_errors()
        # Settings of the program's own library, and the one that is kept in the mainframe.
        assert self.plain_call("treatWarningsAsErrors", 1000) == 0
        assert self.plain_call("setWarningLevel", 1002) == 0
        assert self.plain_call("setTimeout", 100.0) == 0
        self.send("INTLKVTH 42")

    def drain_errors(self) -> None:
        """ERRX? until the queue is empty."""
        for _ in range(ERROR_QUEUE + 1):
            if self.ask("ERRX?") == '+0,"No Error."':
                return
        raise AssertionError("the error queue has no end")
