"""One run on an open bench: worker, steps, what is kept, how it ends.

PyMeasure's `Worker` runs the procedure in its own thread; here it is given a recorder that raises
instead of losing rows, and a shutdown that cannot leave anyone waiting (measured.md section 6).
"""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pymeasure.experiment import Results, Worker

from instruments.testchip.wear import Pulses
from labctl.bench import Bench
from labctl.observing import Observer, Progress, RunStopped, Stop, StopRequest
from labctl.pace import Pace, kind_of
from labctl.plan import all_pulses
from labctl.rechecking import DieMismatchError, Recheck
from labctl.stopping import forget_stops, stop_files_heeded
from labctl.store import files
from labctl.store.folder import RESULTS
from labctl.store.ledger import Ledger, LedgerError, die_name
from labctl.store.log import LogFile
from labctl.store.wear import Booking
from labctl.store.writer import RunWriter
from labctl.wear_guard import WearBudgetReached, WearGuard
from procedures.base import BenchProcedure, Step

_LOGGERS = ("pymeasure", "labctl", "procedures", "instruments")

QUIET, NORMAL, DEBUG = "quiet", "normal", "debug"
LOG_LEVELS = {QUIET: logging.WARNING, NORMAL: logging.INFO, DEBUG: logging.DEBUG}
"""How much goes into a run's log: what went wrong; what happened; every block of pulses too."""

_BREAKS_A_ROW = frozenset(',"#\n\r')

log = logging.getLogger(__name__)


def left_die(step: int | str) -> str:
    """File of the simulated die as a run left it within a step; ``"*"`` finds any."""
    return f"left-die-{step}.npz"


class Session:
    """One run from its first step to its closed record."""

    def __init__(
        self,
        procedure: BenchProcedure,
        bench: Bench,
        writer: RunWriter,
        ledger: Ledger,
        guard: WearGuard,
        observer: Observer,
        stop: StopRequest,
        repeats: bool = False,
        recheck: Recheck | None = None,
    ) -> None:
        """``procedure.first_step`` is where it begins; ``repeats``: on a die that has seen part of
        that step already; ``recheck``: what must hold before it goes on."""
        self.procedure = procedure
        self.bench = bench
        self.writer = writer
        self.observer = observer
        self.stop = stop
        self.ledger = ledger
        self.guard = guard
        self.error: BaseException | None = None
        self._repeats = repeats
        self._recheck = recheck
        self._begin = time.monotonic()
        self._bench_begin = bench.now()
        self._steps = 0
        self._total_s = 0.0
        self._done_s = 0.0
        self._pace = Pace({})
        self._step_begin = self._begin
        self._finished_steps = procedure.first_step
        mark = writer.last_step_end()
        counted = writer.journal.events_until(mark.offset) if mark is not None else ()
        self.notes: list[str] = [e["text"] for e in counted if e["event"] == "note"]
        self._snapshot = writer.path / mark.die if mark is not None and mark.die else None

    def measure(self) -> None:
        """Open the bench, run all steps, leave the bench safe."""
        for sentence in self.bench.notes:
            self.note(sentence)
        if self.bench.replayed is not None:
            self.note(f"{self.bench.replayed.told}: no instrument took part.")
        with stop_files_heeded(self.writer, self.stop), self.bench:
            chip = self.bench.chip
            chip.book = RunBook(self)
            chip.on_row = self._between_rows
            chip.on_pulse = self._between_pulses
            self.ledger.while_waiting = self._between_pulses
            if self._recheck is not None:
                self._look_at_the_die(self._recheck)
            self.writer.update(instruments=self.bench.identity)
            self.procedure.history = self.guard.history
            self.procedure.bind(chip)
            self._name_the_retired()
            worker = _RunWorker(Results(self.procedure, str(self.writer.path / RESULTS)), self)
            self.stop.connect(worker.stop)
            if self.stop.asked:
                worker.stop()
            worker.start()
            try:
                self._wait_for(worker)
            finally:
                # Whatever ended the wait: nothing is taken down under a procedure that still
                # sends pulses.
                if worker.is_alive():
                    self.stop.ask(Stop.EMERGENCY)
                    threading.Thread.join(worker)

    def _look_at_the_die(self, recheck: Recheck) -> None:
        """What must hold before the run goes on; tells how it could go on all the same."""
        try:
            self.note(recheck.of(self.bench))
        except DieMismatchError as error:
            if error.option:
                self._tell_user(partial(self.observer.refused, error.option), str(error))
            raise

    def _wait_for(self, worker: Worker) -> None:
        """Until the worker has ended; tells each harder way to stop."""
        told, goes_on = Stop.NOT, True
        while goes_on:
            # Not PyMeasure's join: its time-out of 0 by default stops the worker.
            threading.Thread.join(worker, 0.1)
            # Looked at before the level: what was asked for before it ended is told, too.
            goes_on = worker.is_alive()
            if self.stop.level > told:
                told = self.stop.level
                self._tell_user(self.observer.note, told.told)

    def _name_the_retired(self) -> None:
        """Once a run: bits that it leaves out."""
        retired = np.argwhere(self.guard.history.retired & self.procedure.touched()).tolist()
        if retired and not self.procedure.first_step:
            names = ", ".join(f"row {row} column {column}" for row, column in retired)
            self.note(f"Retired, left out: {names}.")

    def failed(self, error: BaseException) -> None:
        """Remember the first thing that went wrong."""
        log.error("%s", "".join(traceback.format_exception(error)))
        self.error = self.error or error

    def close(self) -> None:
        """Close record and ledger with how it ended."""
        status, reason = self._outcome()
        self.ledger.close()
        unsafe = [f"NOT MADE SAFE: {problem}." for problem in self.bench.problems]
        for sentence in unsafe if status == "success" else [*unsafe, self._left()]:
            # Told and closed also where nothing can be written.
            with suppress(OSError):
                self.note(sentence)
        if status != "success":
            self._keep_the_die_as_it_is()
        forget_stops(self.writer.path)
        self.writer.close(
            status,
            reason,
            **self._spent(),
            steps_done=self._finished_steps,
            limit_reached=isinstance(self.error, WearBudgetReached),
            notes=self.notes,
        )

    def _left(self) -> str:
        """In what state a run that did not succeed leaves the bench, one sentence."""
        done = self._finished_steps
        how = "Paused" if self.error is None and self.stop.asked else "Ended"
        ended = f"{how} {f'after step {done}' if done else 'before a step was done'}"
        if self.bench.replayed is not None:
            return f"{ended} of a replay: there are no outputs."
        energised = self.bench.may_be_energised
        if energised:
            return (
                f"{ended}: {energised} may still be energised; call `labctl safe --bench "
                f"{self.bench.setup.file}`, and if that fails too, lift the probes or switch the "
                "instruments off."
            )
        return f"{ended}: outputs at 0 V and open; `labctl resume {self.writer.id}` goes on."

    def _spent(self) -> dict[str, Any]:
        """Time so far here and on the bench, with that of the sessions before, s."""
        record = self.writer.record
        bench_times = {"total": self.bench.now() - self._bench_begin}
        if hasattr(self.bench, "chip"):
            bench_times |= asdict(self.bench.chip.times)
        before = record.get("bench_time_s") or {}
        return {
            "wall_time_s": time.monotonic() - self._begin + (record.get("wall_time_s") or 0.0),
            "bench_time_s": {name: s + before.get(name, 0.0) for name, s in bench_times.items()},
        }

    def _keep_the_die_as_it_is(self) -> None:
        """A simulated die that a run left within a step, for ``labctl resume --no-rollback``."""
        if not self.bench.has_simulated_die:
            return
        try:
            self.bench.save_die(self.writer.path / left_die(self._finished_steps))
        except OSError as error:
            log.error("the die as it is could not be kept: %s", error)

    def _outcome(self) -> tuple[str, str | None]:
        if isinstance(self.error, RunStopped):
            how = "emergency stop" if self.stop.level is Stop.EMERGENCY else "stopped"
            return "aborted", f"{how} by the user within step {self._finished_steps + 1}"
        if isinstance(self.error, WearBudgetReached):
            return "aborted", str(self.error)
        if self.error is not None:
            return "failed", f"{type(self.error).__name__}: {self.error}"
        if self.bench.problems:
            first = self.bench.problems[0]
            return "failed", f"the outputs could not all be made safe, first of all: {first}"
        if self._finished_steps == self._steps > 0:
            return "success", None
        if self.stop.asked:
            emergency = self.stop.level is Stop.EMERGENCY
            how = "emergency stop" if emergency else "paused"
            return "aborted", f"{how} by the user after {self._finished_steps} steps"
        return "failed", f"ended after {self._finished_steps} of {self._steps} steps"

    # --- what the worker passes on -------------------------------------------------------------

    def begins(self, steps: Sequence[Step]) -> None:
        """How much there is to do."""
        self._steps = len(steps)
        self._total_s = sum(step.bench_s for step in steps)
        self._done_s = sum(s.bench_s for s in steps if s.number < self.procedure.first_step)
        left_s: defaultdict[str, float] = defaultdict(float)
        for step in steps:
            if step.number >= self.procedure.first_step:
                left_s[kind_of(step.label)] += step.bench_s
        self._pace = Pace(left_s)
        self._step_begin = time.monotonic()
        began = datetime.now(UTC) - timedelta(seconds=time.monotonic() - self._begin)
        # What a program that follows the journal needs to tell how far the run is.
        self.writer.append_event(
            "session_begin",
            at=began.isoformat(timespec="milliseconds"),
            steps=self._steps,
            bench_s=float(self._total_s),
            done_s=float(self._done_s),
            left_s={kind: float(seconds) for kind, seconds in left_s.items()},
            wall_time_s=self.writer.record.get("wall_time_s") or 0.0,
            most_pulses=all_pulses(self.procedure.pulses().trains),
        )

    def step_begins(self, step: Step) -> None:
        """Journal and progress."""
        repeated = {"repeated": True} if self._repeats else {}
        self._repeats = False
        log.info("step %d begins: %s", step.number, step.label)
        self.writer.append_event(
            "step_begin",
            step=step.number,
            label=step.label,
            expected_s=float(step.bench_s),
            **repeated,
        )
        self._tell(step, self._done_s)

    def step_ends(self, step: Step, bench_s: float) -> None:
        """Commit the step: from here on it counts."""
        self._commit_die(step, bench_s)
        self._done_s += step.bench_s
        now = time.monotonic()
        self._pace.ended(step.label, step.bench_s, now - self._step_begin)
        self._step_begin = now
        self._tell(step, self._done_s)

    def _commit_die(self, step: Step, bench_s: float) -> None:
        """End mark and, on the simulated bench, the die it belongs to; then the named die's file.

        The mark names the snapshot, so mark and die count together or not at all.
        """
        if not self.bench.has_simulated_die:
            self.writer.end_step(step.number, bench_s=bench_s, spent=self._spent())
            self._finished_steps += 1
            return
        snapshot = self.writer.path / f"die-{step.number}.npz"
        self.bench.save_die(snapshot)
        self.writer.end_step(step.number, bench_s=bench_s, spent=self._spent(), die=snapshot.name)
        # It counts from here on, also if what follows fails.
        self._finished_steps += 1
        if self._snapshot is not None:
            self._snapshot.unlink()
        self._snapshot = snapshot
        if self.bench.die_file is not None:
            self.bench.die_file.parent.mkdir(parents=True, exist_ok=True)
            files.replace(self.bench.die_file, snapshot.read_bytes())

    def note(self, sentence: str) -> None:
        """A sentence for the user, the journal and the report."""
        self.notes.append(sentence)
        self._tell_user(self.observer.note, sentence)
        log.info(sentence)
        self.writer.append_event("note", text=sentence)

    def _tell_user(self, tell: Callable[[Any], None], what: Any) -> None:
        """A terminal that is gone ends no run."""
        try:
            tell(what)
        except OSError as error:
            log.warning("the user could not be told: %s", error)

    def _between_rows(self) -> None:
        if self.stop.level >= Stop.WITHIN_STEP:
            raise RunStopped

    def _between_pulses(self) -> None:
        if self.stop.level >= Stop.EMERGENCY:
            raise RunStopped

    def _tell(self, step: Step, done_s: float) -> None:
        elapsed = time.monotonic() - self._begin
        fraction = done_s / self._total_s if self._total_s else 0.0
        self._tell_user(
            self.observer.progress,
            Progress(
                run=self.writer.id,
                step=step.number,
                steps=self._steps,
                label=step.label,
                fraction=fraction,
                elapsed_s=elapsed,
                remaining_s=self._pace.remaining_s(),
                bench_s=self.bench.now() - self._bench_begin,
            ),
        )


class _RunWorker(Worker):
    """PyMeasure's worker, writing through the run folder and ending in every case."""

    def __init__(self, results: Results, session: Session) -> None:
        super().__init__(results)
        self._session = session

    def emit(self, topic: str, record: Any) -> None:
        """Rows, arrays and steps go to the run folder in the procedure's own thread.

        What cannot be written raises there, so that no measurement goes on unrecorded.
        """
        session = self._session
        if topic == "array":
            name, array = record
            session.writer.append_array(name, array)
        elif topic == "steps":
            session.begins(record)
        elif topic == "step_begin":
            session.step_begins(record)
        elif topic == "step_end":
            session.step_ends(*record)
        elif topic == "note":
            session.note(record)
        else:
            super().emit(topic, record)

    def handle_record(self, record: dict[str, Any]) -> None:
        """Append one row; raises on anything that PyMeasure would silently write as nan."""
        unknown = record.keys() - set(self.procedure.DATA_COLUMNS)
        if unknown:
            raise ValueError(f"row has unknown columns {sorted(unknown)}")
        plain = {}
        for column, value in record.items():
            number = value.item() if isinstance(value, np.generic) else value
            if isinstance(number, bool) or not isinstance(number, (int, float, str)):
                raise TypeError(f"column {column!r} cannot hold {number!r}")
            if isinstance(number, str) and set(number) & _BREAKS_A_ROW:
                raise ValueError(f"column {column!r} cannot hold {number!r}: it breaks the row")
            plain[column] = number
        self._session.writer.append_row(self.results.format(plain))

    def handle_error(self) -> None:
        """Keep the exception itself; the record tells its reason."""
        error = sys.exc_info()[1]
        if error is not None:
            self._session.failed(error)
        super().handle_error()

    def handle_abort(self) -> None:
        """Ctrl-C or exit inside the worker's thread ends the run like any error."""
        self.handle_error()

    def shutdown(self) -> None:
        """Never leaves the thread hanging, whatever a procedure's own shutdown does."""
        try:
            super().shutdown()
        except Exception as error:
            self._session.failed(error)
            self.recorder.stop()


class RunBook:
    """Books pulses in the run folder and in the ledger: on disk before they are sent."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def plan(self, pulses: Sequence[Pulses]) -> int:
        """Book as planned; durable when it returns."""
        session = self._session
        die = die_name(session.writer)
        bookings = [Booking(p.kind, p.condition, p.counts) for p in pulses]
        # A replay sends nothing, so it wears nothing.
        replayed = session.bench.replayed is not None
        if not replayed:
            session.guard.check(pulses, session.procedure.forms_again)
        block = 0 if replayed else session.ledger.plan(die, session.writer.id, bookings)
        events = [booking.as_event() for booking in bookings]
        session.writer.append_event("wear_planned", durable=True, block=block, pulses=events)
        for p in pulses:
            log.debug("block %d: %d %s pulses, %s", block, p.counts.sum(), p.kind, p.condition)
        return block

    def confirm(self, block: int) -> None:
        """The block was carried out."""
        self._session.ledger.confirm(block)
        self._session.writer.append_event("wear_confirmed", block=block)

    def cut(self, block: int, pulses: Sequence[Pulses]) -> None:
        """The block was ended before its end: in the journal first, as a ledger may be locked."""
        bookings = [Booking(p.kind, p.condition, p.counts) for p in pulses]
        events = [booking.as_event() for booking in bookings]
        self._session.writer.append_event("wear_cut", durable=True, block=block, pulses=events)
        if self._session.bench.replayed is not None:
            return
        try:
            self._session.ledger.cut(block, bookings)
        except (LedgerError, RunStopped) as error:
            # Whatever ended the block goes on: the way to safe outputs is not to wait for this.
            why = str(error) or "it was locked at an emergency stop"
            self._session.note(
                f"Block {block} counts in full in the ledger ({why}) until the run is resumed or "
                "`labctl ledger rebuild` is called."
            )


@contextmanager
def log_file(path: Path, detail: str = NORMAL) -> Iterator[LogFile]:
    """Messages of this application and of PyMeasure into the run's log; `LOG_LEVELS` has levels."""
    handler = LogFile(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [(logger, logger.level) for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        # At DEBUG PyMeasure's adapters are twenty times slower (measured.md, section 6).
        slow = logger.name == "pymeasure"
        logger.setLevel(max(LOG_LEVELS[detail], logging.INFO) if slow else LOG_LEVELS[detail])
    log.info("labctl run, %s", datetime.now(UTC).astimezone().isoformat(timespec="seconds"))
    try:
        yield handler
    finally:
        for logger, level in before:
            logger.removeHandler(handler)
            logger.setLevel(level)
        handler.close()
