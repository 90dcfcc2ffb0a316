"""The state machine: FLEX text, C calls and whole programs, in any order, on one instrument."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from instruments.sim.chip.device import Kind
from instruments.testchip.conditions import ProgramConditions
from labctl.benchfile import BenchSetup, load_setup
from tests.simulated import assert_outputs_safe
from tests.torture import known_program
from tests.torture.bench import FuzzedBench, Tally
from tests.torture.c_calls import NAMES, Call, FileName, any_call, setup_call
from tests.torture.flex_text import lines

_FASTIV = 2001
_FUZZED = (101, 102, 201, 202)

LEFT_BY_OTHERS = ("INTLKVTH 42",)
"""What the drivers do not put right when they open a bench: the interlock voltage, which is the
operator's; they refuse one that is too low."""

volts = st.sampled_from((0.0, 1.2, 2.0, 3.3, -1.5, 5.0))
vectors = st.lists(
    st.tuples(st.sampled_from((1e-8, 1e-7, 1e-6, 1e-4, 0.1)), volts), min_size=1, max_size=6
)


@cache
def shipped_setup() -> BenchSetup:
    """The simulated bench that ships."""
    return load_setup(None)


@cache
def new_instrument() -> known_program.Outcome:
    """What the known program does on an instrument that nobody has used."""
    folder = Path(tempfile.mkdtemp(prefix="labctl-fuzz-"))
    try:
        return known_program.run(FuzzedBench(shipped_setup(), 1, folder, Tally()))
    finally:
        shutil.rmtree(folder)


class Misuse(RuleBasedStateMachine):
    """People who misuse one instrument by both of its doors."""

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="labctl-fuzz-"))
        self.tally = tally
        self.bench = FuzzedBench(shipped_setup(), 1, self.folder, tally)
        self.driver_runs = 0

    @initialize(opened=st.booleans(), powered=st.booleans())
    def begin(self, opened: bool, powered: bool) -> None:
        """Most programs begin like this."""
        self.tally.examples += 1
        if opened:
            self.bench.plain_call("openSession", b"GPIB0::17::INSTR")
            self.bench.plain_call("initialize")
        if powered:
            self.bench.send("CN 5,6,7,8,9;DV 9,0,3.3,1E-2;DV 8,0,1.2,1E-2;MM 1,8")

    @rule(line=lines)
    def flex(self, line: str) -> None:
        self.tally.steps += 1
        self.bench.send(line)

    @rule(text=st.lists(lines, min_size=2, max_size=4).map("\n".join))
    def flex_lines(self, text: str) -> None:
        self.tally.steps += 1
        self.bench.send(text)

    @rule(count=st.sampled_from((-1, 0, 1, 7, 1000)))
    def read(self, count: int) -> None:
        self.tally.steps += 1
        self.bench.read(count)

    @rule()
    def poll_and_clear(self) -> None:
        self.tally.steps += 1
        assert 0 <= self.bench.mainframe.serial_poll() <= 255
        self.bench.mainframe.device_clear()

    @rule()
    def open_the_lid(self) -> None:
        self.tally.steps += 1
        self.bench.mainframe.open_interlock()

    @rule()
    def drain_errors(self) -> None:
        self.tally.steps += 1
        self.bench.drain_errors()

    @rule()
    def lose_the_log_files_folder(self) -> None:
        self.tally.steps += 1
        self.bench.call(Call("WGFMU_openLogFile", (FileName(b"log"),)))
        shutil.rmtree(self.folder, ignore_errors=True)

    @rule(calls=st.lists(any_call, min_size=3, max_size=12))
    def c_calls(self, calls: list[Call]) -> None:
        self.tally.steps += 1
        for call in calls:
            if call.name != "WGFMU_execute" or self.bench.is_playable():
                self.bench.call(call)

    @rule(calls=st.lists(setup_call, min_size=3, max_size=12))
    def c_setup(self, calls: list[Call]) -> None:
        self.tally.steps += 1
        for call in calls:
            self.bench.call(call)

    @rule(channel=st.sampled_from(_FUZZED), mode=st.sampled_from((2000, _FASTIV, 2002, 2003)))
    def connect(self, channel: int, mode: int) -> None:
        """A channel that reaches its pad."""
        self.tally.steps += 1
        self.bench.plain_call("openSession", b"GPIB0::17::INSTR")
        self.bench.plain_call("setOperationMode", channel, mode)
        self.bench.plain_call("connect", channel)

    @rule(
        name=NAMES,
        first=volts,
        points=vectors,
        channel=st.sampled_from(_FUZZED),
        loops=st.sampled_from((1.0, 1.0, 3.0, 200.0, 2.0**40)),
        measured=st.booleans(),
    )
    def pulses(
        self,
        name: bytes,
        first: float,
        points: list[tuple[float, float]],
        channel: int,
        loops: float,
        measured: bool,
    ) -> None:
        """A pattern of sense on a channel."""
        self.tally.steps += 1
        self.bench.plain_call("createPattern", name, first)
        for seconds, level in points:
            self.bench.plain_call("addVector", name, seconds, level)
        if measured:
            self.bench.plain_call("setMeasureMode", channel, 4001)
            self.bench.plain_call("setMeasureEvent", name, b"m", 0.0, 2, 1e-8, 0.0, 12000)
        self.bench.plain_call("setOperationMode", channel, _FASTIV)
        self.bench.plain_call("addSequence", channel, name, loops)

    @rule(waits=st.booleans())
    def execute(self, waits: bool) -> None:
        self.tally.steps += 1
        if self.bench.is_playable():
            self.bench.plain_call("execute")
            if waits:
                self.bench.plain_call("waitUntilCompleted")

    @precondition(lambda self: self.driver_runs < 1)
    @rule(row=st.integers(0, 31), column=st.integers(0, 31), device=st.integers(0, 1))
    def drivers(self, row: int, column: int, device: int) -> None:
        """Another program, with the real drivers, finds the instrument like this."""
        self.tally.steps += 1
        self.tally.driver_runs += 1
        self.driver_runs += 1
        used = self.bench
        used.mainframe.interlock_closed = True
        for line in LEFT_BY_OTHERS:
            used.send(line)
        used.wgfmu.forget_client()
        with used.bench as bench, used.within_limits():
            one = bench.chip.one_device(row, column, device)
            bench.chip.form(one)
            bench.chip.set(one, ProgramConditions())
            measured = bench.chip.measure(one.any(axis=-1))
        assert_outputs_safe(used.bench)
        die = used.pads.chip.die
        assert die.kind[row, column, device] == Kind.LRS
        assert np.isfinite(measured[row, column, device])

    @invariant()
    def nothing_has_broken(self) -> None:
        self.bench.check()

    def teardown(self) -> None:
        try:
            known_program.run(self.bench).assert_equal(new_instrument())
            self.bench.check()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


def machines(tally: Tally) -> Callable[[], Misuse]:
    """Makes machines that count into ``tally``."""
    return lambda: Misuse(tally)
