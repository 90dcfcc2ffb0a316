"""A run that is stopped or fails anywhere: how soon its outputs are off, and what is booked."""

from __future__ import annotations

import errno
import itertools
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from instruments.sim.faults.calls import CallFault, LostSession, call_timeout
from instruments.sim.faults.flex import BUS_TIMEOUT_S, BusTimeout, MissingReply
from instruments.sim.faults.when import Switch, When
from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.cycling import BARE, SENSED, Cycler, LoopReads, ResistanceReads
from instruments.testchip.stress import hold_read_voltage, sense_repeatedly
from instruments.testchip.waiting import wait_until
from instruments.wgfmu.errors import WgfmuError
from labctl.bench import Bench, DieChoice
from labctl.observing import Observer, RunStopped, Stop, StopRequest
from labctl.runs import run
from labctl.session import RunBook, Session
from labctl.store.folder import RunFolder, list_runs
from labctl.store.ledger import LEDGER, Ledger, LedgerError
from labctl.store.wear import BlockState, blocks
from labctl.store.writer import RunWriter
from tests.campaigns.scripted import Scripted
from tests.faults.procedures import PASSIVE, SHORT
from tests.simulated import (
    assert_outputs_safe,
    bent_setup,
    devices,
    die_of,
    request,
    small_setup,
    some_bits,
    station_of,
)

SEED = 6_620_011
ROW, COLUMN = 0, 1
STRONG = ProgramConditions(set_compliance_a=200e-6)
OFF_S = 1.0
"""Outputs are off so soon after whatever happens, s of bench time."""
SLICES = 5
"""Waits within a loop, of a tenth of a second, before it is stopped."""
TEN_SECONDS = 4_000_000
"""Cycles that take the sequencer ten seconds or a little less."""


def prepared(chip):
    """A chip with one formed pair, left in bit 1."""
    where = np.zeros(chip.shape, dtype=bool)
    where[ROW, COLUMN] = True
    chip.form(devices(where))
    chip.program(np.ones(chip.shape, dtype=np.uint8), where, STRONG)


def scripted_run(setup, folder: Path, action, faults=(), stop=None, observer=None):
    """A run of one step that does ``action(chip, bench)``; folder, bench, and when it left."""
    procedure = Scripted()
    asked = request(setup, folder, procedure, seed=SEED)
    bench = Bench(setup, asked.die, faults)
    procedure.script = (lambda: action(procedure.chip, bench),)
    off = watch_leaving(bench)
    made = run(asked, observer, stop, bench)
    return made, bench, off


def watch_leaving(bench) -> list[float]:
    """Moments (`Bench.now`) at which the bench had been left."""
    left, leave = [], bench.leave

    def timed():
        leave()
        left.append(bench.now())

    bench.leave = timed
    return left


# --- within a loop of the sequencer -------------------------------------------------------------


@pytest.mark.parametrize(
    "reads",
    [
        BARE,
        pytest.param(SENSED, marks=pytest.mark.slow),
        pytest.param(LoopReads(True, ResistanceReads.AFTER_0), marks=pytest.mark.slow),
    ],
    ids=lambda reads: reads.loop_name,
)
def test_an_emergency_stop_within_a_loop_books_the_cycles_done(tmp_path, reads):
    """In real time: the loop would go on for ten seconds."""
    setup = bent_setup(tmp_path, ("pace = 0", "pace = 1"))
    stop, asked, before = StopRequest(), [], []

    def cycle(chip, bench):
        prepared(chip)
        die = die_of(bench)
        before.append((die.n_set[ROW, COLUMN].copy(), die.n_reset[ROW, COLUMN].copy()))
        within_a_loop(chip, lambda: emergency(bench))
        list(Cycler(chip, STRONG).run(ROW, COLUMN, TEN_SECONDS, reads))

    def emergency(bench):
        asked.append(bench.now())
        stop.ask(Stop.EMERGENCY)

    made, bench, off = scripted_run(setup, tmp_path, cycle, stop=stop)
    assert off[0] - asked[0] < OFF_S
    assert_outputs_safe(bench)
    assert made.status == "aborted"
    die = die_of(bench)
    cut = [block for block in blocks(made.events()) if block.state is BlockState.CUT]
    assert [booking.kind for booking in cut[0].bookings] == ["set", "reset"]
    for booking, counted, first in zip(
        cut[0].bookings, (die.n_set, die.n_reset), before[0], strict=True
    ):
        booked = booking.counts[ROW, COLUMN]
        assert (booked > 10_000).all()
        # A loop that was ended within itself counts in full.
        seen = counted[ROW, COLUMN] - first
        assert ((booked - seen >= 0) & (booked - seen <= 1)).all()
        assert booking.counts.sum() == booked.sum()
    assert_rebuilds(made)


def within_a_loop(chip, action: Callable[[], None]) -> None:
    """In the wait number `SLICES` for the sequencer, another thread does ``action``."""
    sleep, waits = chip.connections.sleep, []

    def counted(seconds):
        waits.append(seconds)
        if len(waits) == SLICES:
            other = threading.Thread(target=action)
            other.start()
            # Or the loop would go on for as long as that thread does not get its turn.
            other.join()
        sleep(seconds)

    object.__setattr__(chip.connections, "sleep", counted)


def assert_rebuilds(made: RunFolder) -> None:
    """The ledger made again from the journals is the ledger."""
    with Ledger(made.path.parent / LEDGER) as ledger:
        (die,) = (row["die"] for row in ledger.dies())
        history, totals = ledger.history(die), ledger.totals(die)
        assert ledger.unconfirmed(die) == 0
        ledger.rebuild(list_runs(made.path.parent))
        assert ledger.history(die) == history
        for kind, counts in ledger.totals(die).items():
            np.testing.assert_array_equal(counts, totals[kind])


class Book:
    """Remembers what was booked, confirmed and cut."""

    def __init__(self):
        self.planned, self.confirmed, self.was_cut = [], [], {}

    def plan(self, pulses):
        self.planned.append(pulses)
        return len(self.planned)

    def confirm(self, block):
        self.confirmed.append(block)

    def cut(self, block, pulses):
        self.was_cut[block] = pulses


def stopped_after(bench, seconds, monkeypatch):
    """`on_pulse` raises once so much bench time has passed; waits come in slices."""
    chip, sleep = bench.chip, bench.chip.connections.sleep
    end = bench.now() + seconds

    def stop():
        if bench.now() >= end:
            raise RunStopped

    chip.on_pulse = stop
    object.__setattr__(chip.connections, "sleep", lambda wait: sleep(min(wait, 0.05)))


@pytest.mark.parametrize("seconds", [0.2, 1.0, 4.7])
def test_the_cycles_booked_are_those_the_die_saw(bench, monkeypatch, seconds):
    chip, die = bench.chip, die_of(bench)
    prepared(chip)
    chip.book = book = Book()
    sets = die.n_set[ROW, COLUMN].copy()
    stopped_after(bench, seconds, monkeypatch)
    with pytest.raises(RunStopped):
        list(Cycler(chip, STRONG).run(ROW, COLUMN, TEN_SECONDS))
    (pulses,) = book.was_cut.values()
    booked = pulses[0].counts[ROW, COLUMN]
    seen = die.n_set[ROW, COLUMN] - sets
    assert ((booked >= seen) & (booked <= seen + 1)).all()
    assert booked[0] < book.planned[0][0].counts[ROW, COLUMN, 0]
    assert book.confirmed == []
    assert {station_of(bench).channel_volts[channel] for channel in (101, 102, 201, 202)} == {0.0}


def test_a_stop_after_some_executions_cuts_the_last_one_only(bench, monkeypatch):
    chip = bench.chip
    prepared(chip)
    chip.book = book = Book()
    stopped_after(bench, 25.0, monkeypatch)
    done = []
    with pytest.raises(RunStopped):
        done.extend(Cycler(chip, STRONG).run(ROW, COLUMN, 5 * TEN_SECONDS))
    assert book.confirmed == [1, 2]
    assert list(book.was_cut) == [3]


def test_senses_and_holds_end_too(bench, monkeypatch):
    chip = bench.chip
    begin = bench.now()
    stopped_after(bench, 0.5, monkeypatch)
    with pytest.raises(RunStopped):
        sense_repeatedly(chip, 0, 5_000_000)
    chip.on_row = chip.on_pulse
    with pytest.raises(RunStopped):
        hold_read_voltage(chip, ROW, COLUMN, 0.1, 100.0)
    with pytest.raises(RunStopped):
        wait_until(chip, bench.now() + 1e6)
    assert bench.now() - begin < 3.0


@pytest.mark.parametrize(
    ("build", "known"),
    [
        (lambda when: call_timeout("waitUntilCompleted", when, carried_out=False), True),
        (lambda when: CallFault("waitUntilCompleted|getStatus", when), False),
        (lambda when: CallFault("waitUntilCompleted|abort", when), False),
        (lambda when: LostSession("waitUntilCompleted", when), False),
    ],
    ids=["time-out", "no status", "no abort", "session lost"],
)
def test_a_loop_whose_end_is_not_known_counts_in_full(tmp_path, setup, build, known):
    trouble = Switch()
    fault = build(When(count=None, during=trouble))
    with Bench(setup, DieChoice(None, SEED, tmp_path), [fault]) as bench:
        chip = bench.chip
        prepared(chip)
        chip.book = book = Book()
        trouble.on = True
        with pytest.raises(WgfmuError, match="waitUntilCompleted"):
            list(Cycler(chip, STRONG).run(ROW, COLUMN, TEN_SECONDS))
        trouble.on = False
    assert book.confirmed == []
    assert bool(book.was_cut) == known
    for (sets, resets), (planned, _) in zip(book.was_cut.values(), book.planned, strict=False):
        # It had run to its end, as the status tells.
        assert (sets.counts == planned.counts).all()
        assert (resets.counts == planned.counts).all()
    assert_outputs_safe(bench)


# --- within an array pass -----------------------------------------------------------------------


@pytest.mark.parametrize("where", ["_forming_voltage", "on_pulse"])
def test_an_array_pass_is_booked_as_far_as_it_went(bench, monkeypatch, where):
    """Whatever ends it between two cells; each is a waveform of its own."""
    chip, counts = bench.chip, itertools.count(1)
    chip.book = book = Book()

    def third_fails(*arguments):
        if next(counts) == 3:
            raise Trouble
        return 2.5

    monkeypatch.setattr(chip, where, third_fails)
    with pytest.raises(Trouble):
        chip.form(devices(some_bits(chip, 2, 4)))
    ((sent,),) = book.was_cut.values()
    assert np.argwhere(sent.counts).tolist() == [[0, column, 0] for column in range(3)]
    assert sent.counts.sum() == die_of(bench).n_set.sum() == 3
    assert sent.condition == book.planned[0][0].condition
    assert book.confirmed == []


def test_a_pulse_whose_end_is_not_seen_leaves_its_pass_unconfirmed(tmp_path, setup):
    trouble = Switch()
    fault = CallFault("waitUntilCompleted", When(first=3, during=trouble))
    with Bench(setup, DieChoice(None, SEED, tmp_path), [fault]) as bench:
        chip = bench.chip
        chip.book = book = Book()
        trouble.on = True
        with pytest.raises(WgfmuError, match="waitUntilCompleted"):
            chip.form(devices(some_bits(chip, 2, 4)))
        trouble.on = False
    assert len(book.planned) == 1
    assert book.confirmed == []
    assert book.was_cut == {}


# --- while the ledger is locked by another program ----------------------------------------------


def locked(path: Path) -> sqlite3.Connection:
    """Somebody else's open transaction."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    return other


def test_an_emergency_stop_does_not_wait_for_a_locked_ledger(tmp_path, monkeypatch):
    """Or it would wait until the time-out of the test."""
    stop, begin = StopRequest(), Ledger._begin

    def emergency_meanwhile(ledger, patience_s):
        if station_of(bench).smu_volts[8]:
            others.append(locked(ledger.path))
            threading.Timer(0.2, stop.ask, [Stop.EMERGENCY]).start()
            patience_s = 1e6
        begin(ledger, patience_s)

    others: list[sqlite3.Connection] = []
    asked_for = request(small_setup(tmp_path, rows=2), tmp_path, "forming", seed=SEED)
    bench = Bench(asked_for.setup, asked_for.die)
    monkeypatch.setattr(Ledger, "_begin", emergency_meanwhile)
    made = run(asked_for, stop=stop, bench=bench)
    others[0].close()
    assert_outputs_safe(bench)
    assert made.status == "aborted"
    assert "emergency stop" in made.record["reason"]
    assert list(blocks(made.events())) == []


@pytest.mark.parametrize("level", [Stop.WITHIN_STEP, Stop.EMERGENCY])
def test_a_cut_does_not_wait_for_a_locked_ledger(tmp_path, monkeypatch, level):
    """The journal holds it; the ledger gets it when it is made again."""
    others: list[sqlite3.Connection] = []
    cut = RunBook.cut

    def cut_while_locked(book, block, pulses):
        others.append(locked(tmp_path / "runs" / LEDGER))
        book._session.stop.ask(level)
        cut(book, block, pulses)

    def ended(chip, bench):
        prepared(chip)
        stopped_after(bench, 0.2, monkeypatch)
        list(Cycler(chip, STRONG).run(ROW, COLUMN, TEN_SECONDS))

    monkeypatch.setattr(RunBook, "cut", cut_while_locked)
    made, bench, _ = scripted_run(small_setup(tmp_path), tmp_path, ended)
    others[0].close()
    assert_outputs_safe(bench)
    assert made.status == "aborted"
    assert any("`labctl ledger rebuild`" in note for note in made.record["notes"])
    (one,) = [block for block in blocks(made.events()) if block.state is BlockState.CUT]
    with Ledger(tmp_path / "runs" / LEDGER) as ledger:
        (die,) = (row["die"] for row in ledger.dies())
        planned = ledger.totals(die)["set"].sum()
        assert ledger.unconfirmed(die) == 1
        ledger.rebuild(list_runs(tmp_path / "runs"))
        assert ledger.unconfirmed(die) == 0
        assert one.bookings[0].counts.sum() < ledger.totals(die)["set"].sum() < planned


# --- every procedure ----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", SHORT)
def test_between_two_chances_to_stop_less_than_a_second_passes(tmp_path, name, monkeypatch):
    """On the real bench's clock; waits come in the slices of a real bench."""
    setup = small_setup(tmp_path)
    asked = request(setup, tmp_path, name, seed=SEED, **SHORT[name])
    bench = Bench(setup, asked.die)
    sleep, moments = bench.instruments.sleep, []
    bench.instruments.sleep = lambda seconds: sleep(min(seconds, 0.1))

    def chance(old):
        def looked(session, *arguments):
            moments.append(bench.now())
            return old(session, *arguments)

        return looked

    for hook in ("_between_rows", "_between_pulses", "step_begins", "step_ends"):
        monkeypatch.setattr(Session, hook, chance(getattr(Session, hook)))
    assert run(asked, bench=bench).status == "success"
    assert max(np.diff(moments)) < OFF_S


class Trouble(Exception):
    """Raised by a test."""


def raising(error: Exception, struck: list[float], bench: Bench):
    """A function that raises, and notes when."""

    def fail(*arguments, **named):
        struck.append(bench.now())
        raise error

    return fail


FULL = OSError(errno.ENOSPC, "No space left on device")
PLACES: dict[str, tuple[type, str, Exception]] = {
    "between pulses": (Session, "_between_pulses", Trouble("a pulse")),
    "between rows": (Session, "_between_rows", Trouble("a row")),
    "a row for the disk": (RunWriter, "append_row", FULL),
    "an array for the disk": (RunWriter, "append_array", FULL),
    "an end mark": (RunWriter, "end_step", FULL),
    "the die's snapshot": (Bench, "save_die", FULL),
    "planning in the ledger": (Ledger, "plan", LedgerError("the wear ledger is locked")),
    "confirming in the ledger": (Ledger, "confirm", LedgerError("the wear ledger is locked")),
}


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", SHORT)
def test_after_an_error_anywhere_the_outputs_are_off(tmp_path, name, place, monkeypatch):
    setup = small_setup(tmp_path, rows=2)
    asked = request(setup, tmp_path, name, seed=SEED, **SHORT[name])
    bench = Bench(setup, asked.die)
    struck: list[float] = []
    off = watch_leaving(bench)
    owner, method, error = PLACES[place]
    monkeypatch.setattr(owner, method, raising(error, struck, bench))
    made = run(asked, bench=bench)
    if not struck:
        assert name in PASSIVE
        assert place in ("an array for the disk", *(p for p in PLACES if "ledger" in p))
        assert made.status == "success"
        return
    assert off[0] - struck[0] < OFF_S
    assert_outputs_safe(bench)
    assert made.status == "failed"
    assert str(error) in made.record["reason"]
    assert f"labctl resume {made.id}" in made.record["notes"][-1]


STEP_FAULTS: dict[str, Callable] = {
    "execute": lambda when: CallFault("execute", when),
    "waitUntilCompleted": lambda when: call_timeout("waitUntilCompleted", when, carried_out=True),
    "dcforceVoltage": lambda when: CallFault("dcforceVoltage", when),
    "getMeasureValues": lambda when: CallFault("getMeasureValues", when),
    "ERRX?": lambda when: MissingReply(r"ERRX\?", when),
    "ERC": lambda when: BusTimeout("ERC", when),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", STEP_FAULTS)
@pytest.mark.parametrize("name", SHORT)
def test_after_a_driver_error_in_any_procedure_the_outputs_are_off(
    tmp_path, name, fault, monkeypatch
):
    """The third such call of the steps fails."""
    setup = small_setup(tmp_path, rows=2)
    asked = request(setup, tmp_path, name, seed=SEED, **SHORT[name])
    steps = Switch()
    bench = Bench(setup, asked.die, [STEP_FAULTS[fault](When(first=3, during=steps))])
    off, failed = watch_leaving(bench), []
    begins, fails = Session.step_begins, Session.failed

    def begun(session, step):
        steps.on = True
        begins(session, step)

    def noted(session, error):
        failed.append(bench.now())
        steps.on = False
        fails(session, error)

    monkeypatch.setattr(Session, "step_begins", begun)
    monkeypatch.setattr(Session, "failed", noted)
    made = run(asked, bench=bench)
    if not failed:
        assert fault == "getMeasureValues" or name in PASSIVE
        assert made.status == "success"
        return
    assert off[0] - failed[0] < OFF_S
    assert_outputs_safe(bench)
    assert made.status == "failed"


class FirstAsked(Switch):
    """On from `arm` on; remembers the bench time (s) at which it was first asked after that."""

    def __init__(self, now: Callable[[], float]):
        self.is_armed, self.at_s, self._now = False, None, now

    @property
    def on(self):
        if self.is_armed and self.at_s is None:
            self.at_s = self._now()
        return self.is_armed


LOST_FOR_GOOD: dict[str, Callable] = {
    "answers": lambda when: MissingReply(".*", when),
    "lines": lambda when: BusTimeout(".*", when),
}


@pytest.mark.parametrize("lost", LOST_FOR_GOOD)
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n == "read" else pytest.mark.slow) for n in SHORT]
)
def test_a_mainframe_that_is_lost_for_good_is_waited_for_once(tmp_path, name, lost, monkeypatch):
    """All that obeys is off within a second after one time-out of the bus."""
    setup = small_setup(tmp_path, rows=2)
    asked = request(setup, tmp_path, name, seed=SEED, **SHORT[name])
    steps = FirstAsked(lambda: bench.now())
    bench = Bench(setup, asked.die, [LOST_FOR_GOOD[lost](When(count=None, during=steps))])
    station, off = station_of(bench), []

    def is_off():
        smus = station.smu_volts.values() if lost == "answers" else ()
        return (
            {path.value for path in station.channel_path.values()} == {"open"}
            and set(station.channel_volts.values()) == {0.0}
            and set(smus) <= {None}
        )

    def noted(change):
        def changed(*arguments):
            change(*arguments)
            if steps.at_s is not None and is_off():
                off.append(bench.now())

        return changed

    monkeypatch.setattr(station, "set_channel_path", noted(station.set_channel_path))
    monkeypatch.setattr(station, "set_smu", noted(station.set_smu))
    begins = Session.step_begins

    def begun(session, step):
        steps.is_armed = True
        begins(session, step)

    monkeypatch.setattr(Session, "step_begins", begun)
    made = run(asked, bench=bench)
    assert off[0] - steps.at_s < BUS_TIMEOUT_S + OFF_S
    assert made.status == "failed"
    assert bench.may_be_energised == "SL, BL, BLB, VDD, VDDH"


# --- what the user is told ----------------------------------------------------------------------


class Heard(Observer):
    """Remembers what it was told."""

    def __init__(self):
        self.notes = []

    def note(self, sentence):
        self.notes.append(sentence)


@pytest.mark.parametrize("level", [Stop.AFTER_STEP, Stop.WITHIN_STEP, Stop.EMERGENCY])
def test_each_way_to_stop_says_what_state_it_left(tmp_path, level):
    setup = small_setup(tmp_path, rows=2)
    procedure, stop, heard = Scripted(), StopRequest(), Heard()

    def ask():
        stop.ask(level)
        procedure.chip.measure(some_bits(procedure.chip, 1, 2))

    procedure.script = (lambda: None, ask, lambda: None)
    made = run(request(setup, tmp_path, procedure, seed=SEED), heard, stop)
    done = 2 if level is Stop.AFTER_STEP else 1
    how = "Paused" if level is Stop.AFTER_STEP else "Ended"
    told = f"{how} after step {done}: outputs at 0 V and open; `labctl resume {made.id}` goes on."
    assert made.status == "aborted"
    assert made.record["steps_done"] == done
    assert made.record["notes"][-1] == heard.notes[-1] == told


@pytest.mark.parametrize(
    ("build", "energised"),
    [
        (lambda when: BusTimeout(".*", when), {"SL", "BL", "BLB", "VDD", "VDDH"}),
        (lambda when: CallFault(".*", when), {"WL", "SL", "BL", "BLB", "SEN", "BYP", "Q", "QB"}),
        (lambda when: CallFault("dcforceVoltage", when, channel=202), {"WL"}),
    ],
    ids=["bus lost", "library lost", "one pad"],
)
def test_a_safe_exit_that_fails_says_what_may_be_energised(tmp_path, build, energised):
    setup = small_setup(tmp_path, rows=2)
    lost = Switch()

    def fail(chip, bench):
        chip.connections.channels["WL"].force(1.0)
        lost.on = True
        raise Trouble("the cable")

    made, bench, _ = scripted_run(setup, tmp_path, fail, [build(When(count=None, during=lost))])
    assert made.status == "failed"
    told = made.record["notes"][-1]
    named = told.removeprefix("Ended before a step was done: ").split(" may still be energised")[0]
    assert set(named.split(", ")) == energised
    assert f"`labctl safe --bench {setup.file}`" in told
    assert bench.problems


def test_a_bench_that_never_opened_may_hold_anything(tmp_path):
    setup = small_setup(tmp_path, rows=2)
    made, _, _ = scripted_run(
        setup, tmp_path, lambda chip, bench: None, [CallFault("openSession", When(count=None))]
    )
    assert "all pads may still be energised; call `labctl safe" in made.record["notes"][-1]
