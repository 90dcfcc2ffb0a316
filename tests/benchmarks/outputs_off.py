"""How soon after a fault all outputs are off, by the clock on the wall.

The simulated bench runs in real time (``pace = 1``): what the instruments need counts beside what
this program does. The fault strikes at a random moment within forming, programming, reading or a
loop of the sequencer; a thread looks each millisecond whether every channel of the simulated
bench is at 0 V with its switch open and every SMU off.
"""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
import pytest

from instruments.sim.faults.bench import Fault
from instruments.sim.faults.calls import CallFault, LostSession
from instruments.sim.faults.flex import BUS_TIMEOUT_S, BusTimeout, MissingReply
from instruments.sim.faults.when import Switch, When
from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.cycling import Cycler
from labctl.bench import Bench
from labctl.benchfile import BenchSetup
from labctl.observing import Observer, Progress, StopRequest, stop_on_signals
from labctl.runs import run
from labctl.session import Session
from labctl.store.ledger import LEDGER, Ledger
from labctl.store.writer import RunWriter
from procedures.base import BenchProcedure, Planned, Step
from tests.benchmarks.result import Goal, Result
from tests.simulated import devices, request, small_bench_file, some_bits, station_of

REPEATS = 6
SEED = 8_806_423
LATEST_S = 5.0
"""The fault strikes so long after the first step begins at most."""
STRONG = ProgramConditions(set_compliance_a=200e-6)
TEN_SECONDS = 4_000_000
"""Cycles that take the sequencer ten seconds or a little less."""
LOOK_S = 1e-3


class Busy(BenchProcedure):
    """Forms 2 x 4 bits; programs, reads and senses them; cycles one of them for ten seconds."""

    DATA_COLUMNS: ClassVar[list[str]] = ["Step"]

    def pulses(self) -> Planned:
        """Not planned."""
        return Planned([])

    def steps(self) -> list[Step]:
        """As the class says; the last step is longer than it takes any fault to strike."""
        actions = (self._form, self._read, self._read, self._cycle)
        return [Step(n, action.__name__, 1.0, action) for n, action in enumerate(actions)]

    def _form(self) -> None:
        self.chip.form(devices(some_bits(self.chip, 2, 4)))
        self.row(Step=0)

    def _read(self) -> None:
        where = some_bits(self.chip, 2, 4)
        self.chip.program(np.ones(self.chip.shape, dtype=np.uint8), where, STRONG)
        self.array("resistance", self.chip.measure(where))
        self.chip.sense(where)
        self.row(Step=1)

    def _cycle(self) -> None:
        for _ in Cycler(self.chip, STRONG).run(0, 1, TEN_SECONDS):
            self.row(Step=2)


class Strike(Switch):
    """Off until `arm`; remembers when it was first asked after that (s, `time.perf_counter`)."""

    def __init__(self) -> None:
        self.armed = threading.Event()
        self.at_s: float | None = None

    @property
    def on(self) -> bool:  # type: ignore[override]
        """Asked at each moment at which the fault can strike."""
        if self.armed.is_set():
            self.now()
        return self.armed.is_set()

    def now(self) -> None:
        """It strikes, if it has not yet."""
        self.at_s = self.at_s or time.perf_counter()


Kind = Callable[[Strike, pytest.MonkeyPatch, Path], "list[Fault] | None"]


def raising(owner: type, method: str, error: Exception) -> Kind:
    """A function that raises from the fault on."""

    def hang(strike: Strike, patch: pytest.MonkeyPatch, runs: Path) -> None:
        original = getattr(owner, method)

        def failing(*arguments: Any, **named: Any) -> Any:
            if strike.on:
                raise error
            return original(*arguments, **named)

        patch.setattr(owner, method, failing)

    return hang


def instruments(build: Callable[[When], Fault], count: int | None) -> Kind:
    """A fault of the simulated instruments."""
    return lambda strike, patch, runs: [build(When(count=count, during=strike))]


def locked_ledger(strike: Strike, patch: pytest.MonkeyPatch, runs: Path) -> None:
    """Another program locks the ledger; it strikes when the run has waited long enough."""
    patch.setattr("labctl.store.ledger.PATIENCE_S", 0.3)
    begin = Ledger._begin
    others: list[sqlite3.Connection] = []

    def locked(ledger: Ledger, patience_s: float) -> None:
        if strike.armed.is_set() and not others:
            other = sqlite3.connect(runs / LEDGER, isolation_level=None, check_same_thread=False)
            other.execute("BEGIN IMMEDIATE")
            others.append(other)
        try:
            begin(ledger, patience_s)
        except sqlite3.Error:
            strike.now()
            raise

    patch.setattr(Ledger, "_begin", locked)


def signals(*numbers: int) -> Kind:
    """Signals to this process, as from a terminal."""

    def hang(strike: Strike, patch: pytest.MonkeyPatch, runs: Path) -> None:
        def send() -> None:
            strike.armed.wait()
            strike.now()
            for number in numbers:
                os.kill(os.getpid(), number)
                time.sleep(0.01)

        threading.Thread(target=send, daemon=True).start()

    return hang


FULL = OSError(errno.ENOSPC, "No space left on device")
WITHIN_A_SECOND: dict[str, Kind] = {
    "exception between pulses": raising(Session, "_between_pulses", RuntimeError("a bug")),
    "full disk": raising(RunWriter, "append_event", FULL),
    "locked ledger, given up": locked_ledger,
    "WGFMU error": instruments(lambda when: CallFault("execute|waitUntil.*|dc.*", when), 1),
    "WGFMU session lost": instruments(lambda when: LostSession(".*", when), 1),
    "Ctrl-C three times": signals(signal.SIGINT, signal.SIGINT, signal.SIGINT),
    "Ctrl-C without a handler": signals(signal.SIGINT),
}
TIMED_OUT: dict[str, Kind] = {
    "one FLEX line times out": instruments(lambda when: BusTimeout(".*", when), 1),
    "one FLEX answer is missing": instruments(lambda when: MissingReply(".*", when), 1),
    "mainframe never answers again": instruments(lambda when: MissingReply(".*", when), None),
    (NO_LINES := "mainframe takes no line again, pulse channels"): instruments(
        lambda when: BusTimeout(".*", when), None
    ),
}
"""Each begins with a bus time-out of `BUS_TIMEOUT_S`, in which nobody knows of the fault."""


class Armed(Observer):
    """Arms the strike ``after_s`` after the first step has begun."""

    def __init__(self, strike: Strike, after_s: float) -> None:
        self._timer = threading.Timer(after_s, strike.armed.set)

    def progress(self, progress: Progress) -> None:
        """Once."""
        with suppress(RuntimeError):
            self._timer.start()


def off_after(
    hang: Kind, after_s: float, handled: bool, folder: Path, with_smus: bool = True
) -> float:
    """Wall time (s) from the fault until all outputs are off, or all but the SMUs."""
    setup = BenchSetup(small_bench_file(folder, ("pace = 0", "pace = 1"), rows=2))
    asked = request(setup, folder, Busy(), seed=SEED)
    strike, stop = Strike(), StopRequest()
    with pytest.MonkeyPatch.context() as patch:
        faults = hang(strike, patch, asked.runs) or []
        bench = Bench(setup, asked.die, faults)
        signals_handled = stop_on_signals(stop) if handled else nullcontext()
        # What else the fault raises is told by the run folder; here only the time counts.
        with (
            watched(bench, strike, with_smus) as off,
            signals_handled,
            suppress(KeyboardInterrupt, OSError),
        ):
            run(asked, Armed(strike, after_s), stop, bench)
    if strike.at_s is None or not off:
        raise RuntimeError("the fault did not strike, or outputs stayed on")
    return off[0] - strike.at_s


@contextmanager
def watched(bench: Bench, strike: Strike, with_smus: bool) -> Iterator[list[float]]:
    """Meanwhile a thread looks when all outputs are first off after the strike; that moment."""
    station, left, off = station_of(bench), threading.Event(), list[float]()

    def is_off() -> bool:
        return (
            all(path.value == "open" for path in station.channel_path.values())
            and not any(station.channel_volts.values())
            and not (with_smus and any(volts is not None for volts in station.smu_volts.values()))
        )

    def look() -> None:
        strike.armed.wait()
        while not off:
            if strike.at_s is not None and is_off():
                off.append(time.perf_counter())
            elif left.wait(LOOK_S):
                break

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield off
    finally:
        left.set()
        strike.armed.set()
        thread.join()


def measure() -> list[Result]:
    """Each kind of fault, `REPEATS` times."""
    random = np.random.default_rng(SEED)
    results = []
    with TemporaryDirectory() as folder:
        for name, hang in (WITHIN_A_SECOND | TIMED_OUT).items():
            timed_out = BUS_TIMEOUT_S if name in TIMED_OUT else 0.0
            seconds = []
            for count in range(REPEATS):
                place = Path(folder) / name.replace(" ", "-") / str(count)
                after_s = float(random.uniform(0.0, LATEST_S))
                handled = "without a handler" not in name
                off_s = off_after(hang, after_s, handled, place, with_smus=name != NO_LINES)
                seconds.append(off_s - timed_out)
            results.append(_result(name, seconds))
    every = [second for result in results for second in result.raw["seconds"]]
    return [*results, _result("all of them", every)]


def _result(name: str, seconds: list[float]) -> Result:
    """The worst, beside the median."""
    return Result(
        name=f"outputs off: {name}",
        value=max(seconds),
        unit=f"s, worst of {len(seconds)}",
        reference=median(seconds),
        compared_with="median",
        goal=Goal("value", "<=", 1.0),
        raw={"seconds": seconds},
    )
