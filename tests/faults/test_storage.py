"""What goes wrong around a run while it goes on, and what is left of it.

`FAULTS` is the table that docs/durability.md shows: each is hung into a running run, which must
have its outputs safe within a second, tell one sentence, keep its data up to the last complete
step, and go on to the data of a run that nothing happened to once the fault is gone.
"""

from __future__ import annotations

import errno
import re
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from instruments.sim.chip.die import Die
from instruments.sim.faults.calls import LostSession
from instruments.sim.faults.when import When
from labctl import session as session_module
from labctl.bench import Bench
from labctl.observing import Observer
from labctl.resuming import resume
from labctl.runs import run
from labctl.session import Session
from labctl.store import files, writer
from labctl.store import ledger as ledger_module
from labctl.store.folder import JOURNAL, RunFolder
from labctl.store.journal import STEP_END
from labctl.store.ledger import Ledger
from labctl.store.log import LogFile
from procedures.checkerboard import Checkerboard
from tests.interrupted import assert_nothing_left, assert_same
from tests.simulated import assert_outputs_safe, request, small_setup

ROWS, DIE_SEED, STRIKES_IN = 2, 20261122, 3
SAFE_S = 1.0
"""Outputs are safe so soon after a fault, s of bench time."""
FULL = OSError(errno.ENOSPC, "No space left on device")


class Watched:
    """A switch that remembers when (`Bench.now`) it was first asked while on."""

    def __init__(self):
        self.armed, self.struck, self.now = False, None, None

    @property
    def on(self):
        if self.armed and self.struck is None:
            self.struck = self.now()
        return self.armed


class World:
    """A run, the moment at which a fault strikes, and when the outputs were safe."""

    def __init__(self, monkeypatch, folder):
        self.patch = monkeypatch
        self.folder = folder
        self.switch = Watched()
        self.safe = None
        leave = Bench.leave

        def left(bench):
            leave(bench)
            self.safe = self.safe or bench.now()

        monkeypatch.setattr(Bench, "leave", left)

    @property
    def on(self):
        """Whether the fault strikes now."""
        return self.switch.on

    def fails(self, place, name, error=FULL):
        """While the fault is on, a function raises."""
        original = getattr(place, name)

        def failing(*arguments, **named):
            if self.on:
                raise error
            return original(*arguments, **named)

        self.patch.setattr(place, name, failing)


class At(Observer):
    """Switches the fault on when a step begins."""

    def __init__(self, world):
        self.world = world

    def progress(self, progress):
        if progress.step == STRIKES_IN:
            self.world.switch.armed = True


@dataclass(frozen=True)
class Fault:
    name: str
    hang: Callable[[World], object]
    """Prepares it; may return faults to hang into the simulated bench."""
    reason: str | None
    """What the record says; None: the run ends well."""
    note: str = ""
    """What the user is told beside."""


def full_disk(world):
    world.fails(files, "replace")
    world.fails(writer._DataFile, "write")
    world.fails(Die, "save")
    dead_disk(world)


def dead_disk(world):
    world.fails(files, "sync")
    # The record can be written once more, as where a small file still fits.
    world.patch.setattr(
        Session, "_keep_the_die_as_it_is", lambda session: setattr(world.switch, "armed", False)
    )


def broken_step(world):
    world.fails(Checkerboard, "_program_and_read", RuntimeError("a bug"))


def broken_shutdown(world):
    def shutdown(procedure):
        if world.on:
            raise RuntimeError("a bug on the way out")

    world.patch.setattr(Checkerboard, "shutdown", shutdown)


def locked_ledger(world):
    world.patch.setattr(ledger_module, "PATIENCE_S", 0.3)
    other = []
    transaction = Ledger._transaction

    def locked(ledger, *patience):
        if world.on and not other:
            other.append(
                sqlite3.connect(ledger.path, isolation_level=None, check_same_thread=False)
            )
            other[0].execute("BEGIN IMMEDIATE")
        return transaction(ledger, *patience)

    world.patch.setattr(Ledger, "_transaction", locked)
    keep = Session._keep_the_die_as_it_is

    def give_free(session):
        for connection in other:
            connection.close()
        keep(session)

    world.patch.setattr(Session, "_keep_the_die_as_it_is", give_free)


def broken_log(world):
    world.switch.armed = True
    world.fails(LogFile, "flush")


def gone_terminal(world):
    note = At.note

    def lost(observer, sentence):
        if world.on:
            raise OSError(errno.EIO, "Input/output error")
        note(observer, sentence)

    world.patch.setattr(At, "note", lost)
    step_ends = Session.step_ends

    def tells(session, step, bench_s):
        step_ends(session, step, bench_s)
        session._tell_user(session.observer.note, "anything")

    world.patch.setattr(Session, "step_ends", tells)


def clock_set_back(world):
    for module in (writer, session_module):
        actual = module.datetime

        class SetBack(actual):
            @classmethod
            def now(cls, zone=None, actual=actual):
                return actual.now(zone) - (timedelta(hours=1) if world.on else timedelta())

        world.patch.setattr(module, "datetime", SetBack)


def key_press(world):
    """Ctrl-C in a script that has no handlers: raised wherever the main thread waits."""
    wait, progress = session_module.threading.Thread.join, At.progress
    was_pressed = threading.Event()

    def pressed(thread, timeout=None):
        if timeout is not None and world.on:
            world.switch.armed = False
            was_pressed.set()
            raise KeyboardInterrupt
        wait(thread, timeout)

    def waits_for_the_key(observer, progress_made):
        progress(observer, progress_made)
        # The main thread looks now and then; the rest of the run may take less.
        if world.switch.armed:
            was_pressed.wait()

    world.patch.setattr(session_module.threading.Thread, "join", pressed)
    world.patch.setattr(At, "progress", waits_for_the_key)


def write_that_ends_halfway(world):
    """The disk is full in the middle of an end mark."""
    append = writer.RunWriter.append_event

    def halfway(run, event, durable=False, **fields):
        if event == STEP_END and world.on:
            with (run.path / JOURNAL).open("ab") as file:
                file.write(b'{"event": "step_e')
            world.switch.armed = False
            raise FULL
        append(run, event, durable, **fields)

    world.patch.setattr(writer.RunWriter, "append_event", halfway)


FULL_REASON = r"OSError: \[Errno 28\] No space left on device"
FAULTS = [
    Fault("disk full", full_disk, FULL_REASON),
    Fault("disk full for rows", lambda w: w.fails(writer._DataFile, "append"), FULL_REASON),
    Fault("disk full for arrays", lambda w: w.fails(writer._DataFile, "write"), FULL_REASON),
    Fault("disk full for the snapshot of the die", lambda w: w.fails(Die, "save"), FULL_REASON),
    Fault("disk full in an end mark", write_that_ends_halfway, FULL_REASON),
    Fault("the disk refuses to sync", dead_disk, FULL_REASON),
    Fault("a bug in a step", broken_step, "RuntimeError: a bug"),
    Fault("a procedure's shutdown raises", broken_shutdown, "a bug on the way out"),
    Fault(
        "an instrument is lost",
        lambda w: [LostSession("execute", When(during=w.switch))],
        "No session has been opened",
    ),
    Fault(
        "the ledger is locked by another program",
        locked_ledger,
        "LedgerError: the wear ledger .* cannot be written: database is locked",
    ),
    Fault(
        "the log cannot be written",
        broken_log,
        None,
        "The log .* could not be written any more .*; the data are not affected",
    ),
    Fault("the terminal is gone", gone_terminal, None),
    Fault("the clock is set back", clock_set_back, None),
    Fault("Ctrl-C where nobody handles it", key_press, "by the user"),
]


def ran(world, setup, fault):
    """The run that the fault strikes, and its bench."""
    asked = request(setup, world.folder, seed=DIE_SEED, programmings=2)
    faults = fault.hang(world) or ()
    bench = Bench(setup, asked.die, faults=faults)
    world.switch.now = bench.now
    try:
        made = run(asked, At(world), bench=bench)
    except (OSError, KeyboardInterrupt):
        (record,) = (world.folder / "runs").glob("2*/run.json")
        made = RunFolder(record.parent)
    return made, bench


@pytest.fixture(scope="module")
def setup(tmp_path_factory):
    return small_setup(tmp_path_factory.mktemp("bench"), ROWS)


@pytest.fixture(scope="module")
def whole(setup, tmp_path_factory):
    """The run that nothing happens to."""
    folder = tmp_path_factory.mktemp("whole")
    return run(request(setup, folder, seed=DIE_SEED, programmings=2))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_nothing_is_lost(tmp_path, monkeypatch, setup, whole, locks, fault):
    world = World(monkeypatch, tmp_path)
    made, bench = ran(world, setup, fault)
    world.switch.armed = False
    assert_outputs_safe(bench)
    assert world.switch.struck is not None
    notes = " ".join(made.record["notes"])
    assert re.search(fault.note, notes), notes
    if fault.reason is not None:
        assert world.safe - world.switch.struck < SAFE_S
        assert made.status in ("failed", "aborted")
        assert re.search(fault.reason, made.record["reason"]), made.record["reason"]
        assert "\n" not in made.record["reason"]
        ends = [event["step"] for event in made.events() if event["event"] == STEP_END]
        assert ends == list(range(made.record["steps_done"]))
        made = resume(made)
    extra = [note for note in made.record["notes"] if fault.note and re.search(fault.note, note)]
    made.record["notes"] = [note for note in made.record["notes"] if note not in extra]
    assert_same(made, whole)
    assert_nothing_left(tmp_path, {"LABCTL_LOCKS": str(locks)})


def test_a_disk_too_full_for_the_record_leaves_the_run_interrupted(tmp_path, monkeypatch, setup):
    world = World(monkeypatch, tmp_path)
    for place, name in ((files, "sync"), (files, "replace"), (writer._DataFile, "write")):
        world.fails(place, name)
    bench = Bench(setup, request(setup, tmp_path, seed=DIE_SEED).die)
    world.switch.now = bench.now
    with pytest.raises(OSError, match="No space left"):
        run(request(setup, tmp_path, seed=DIE_SEED, programmings=2), At(world), bench=bench)
    assert_outputs_safe(bench)
    assert world.safe - world.switch.struck < SAFE_S
    (record,) = (tmp_path / "runs").glob("2*/run.json")
    assert RunFolder(record.parent).record["status"] is None
