"""Runs a procedure on a bench, and goes on with a run that was interrupted."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from labctl import provenance
from labctl.bench import Bench, DieChoice, DieError
from labctl.benchfile import BenchSetup
from labctl.interrupts import interrupts_wait
from labctl.observing import Observer, Stop, StopRequest
from labctl.session import NORMAL, Session, log_file
from labctl.store.folder import LOG, RunFolder, RunFolderError
from labctl.store.ledger import LEDGER, Ledger
from labctl.store.writer import RunWriter, checksum
from labctl.wear_guard import WearGuard, tighter
from procedures.base import BenchProcedure


@dataclass(frozen=True)
class Circumstances:
    """What a person knows of a run that no instrument tells, and how much is logged."""

    temperature_c: float | None = None
    note: str = ""
    log_level: str = NORMAL


@dataclass(frozen=True)
class RunRequest:
    """What to run, on which bench and die, and where to keep it."""

    name: str
    procedure: BenchProcedure
    setup: BenchSetup
    die: DieChoice
    runs: Path
    record: Path | None = None
    replay: Path | None = None
    max_cycles_per_device: int | None = None
    """Beside the chip file's own limit; the tighter one holds."""

    circumstances: Circumstances = field(default_factory=Circumstances)

    @property
    def most_cycles(self) -> int | None:
        """The wear budget of this run, cycles a device."""
        return tighter(self.max_cycles_per_device, self.setup.chip.wear.max_cycles_per_device)


def run(
    request: RunRequest,
    observer: Observer | None = None,
    stop: StopRequest | None = None,
    bench: Bench | None = None,
) -> RunFolder:
    """Run a procedure to its end and return its folder, whatever the end was.

    ``bench`` is one that the caller has built, not yet opened (with faults, in a test); by default
    the one that the request describes.
    Raises ValueError (one sentence for the user) if the request cannot be run; then nothing was
    applied and nothing is kept. Everything later ends in the folder's status and reason.
    """
    observer, stop = observer or Observer(), stop or StopRequest()
    setup = request.setup
    request.procedure.prepare(setup.chip, setup.limit, setup.simulated)
    _require_die_name(request)
    bench = bench or Bench(setup, request.die, (), request.record, request.replay)
    with ExitStack() as opened:
        opened.callback(bench.abandon)
        ledger = Ledger(request.runs / LEDGER)
        opened.callback(ledger.close)
        guard = _guard(request, ledger)
        record = _opening_record(request, bench, guard)
        writer = RunWriter.create(request.runs, request.name, record)
        if request.circumstances.note:
            writer.remark(request.circumstances.note, provenance.operator())
        opened.pop_all()
    session = Session(request.procedure, bench, writer, ledger, guard, observer, stop)
    return carry_out(session, request.circumstances.log_level)


def die_state(bench: Bench) -> int | None:
    """CRC-32 of the named simulated die's file; None if there is no such file yet."""
    file = bench.die_file
    return None if file is None or not file.exists() else checksum(file)


def carry_out(session: Session, log_level: str = NORMAL) -> RunFolder:
    """Run a session to its end, whatever the end is.

    KeyboardInterrupt, in a script without handlers, is the emergency stop; it is raised once the
    outputs are off and the record is closed.
    """
    emergency = partial(session.stop.ask, Stop.EMERGENCY)
    with interrupts_wait(emergency), log_file(session.writer.path / LOG, log_level) as log:
        try:
            session.observer.opened(session.writer)
            session.measure()
        except Exception as error:
            session.failed(error)
        finally:
            if log.problem:
                with suppress(OSError):
                    session.note(log.problem)
            session.close()
    return RunFolder(session.writer.path)


def _require_die_name(request: RunRequest) -> None:
    """Pulses on a real die are booked under its name. Raises `DieError`."""
    real = not request.setup.simulated and request.replay is None
    if real and request.die.name is None and request.procedure.changes_devices:
        raise DieError("a real die needs a name to book its pulses under: add --die NAME")


def _guard(request: RunRequest, ledger: Ledger) -> WearGuard:
    """What the die may still get; raises ValueError for a run that may exceed it."""
    procedure, die = request.procedure, request.die.name
    if die is None:
        guard = WearGuard(procedure.shape, most_cycles=request.most_cycles)
    else:
        if request.replay is None:
            _require_same_kind(request, die, ledger)
        guard = WearGuard.of_die(ledger, die, procedure.shape, request.most_cycles)
    if request.replay is None:
        guard.admit(procedure)
    return guard


def _require_same_kind(request: RunRequest, die: str, ledger: Ledger) -> None:
    """A simulated die and a real one share no bookings. Raises `DieError`."""
    for run in ledger.runs_of(die):
        # The latest that is still there tells: the ones before were asked too.
        with suppress(RunFolderError):
            simulated = RunFolder(request.runs / run).record["simulated"]
            if simulated != request.setup.simulated:
                kinds = ("simulated", "real") if simulated else ("real", "simulated")
                raise DieError(
                    f"die {die!r} is a {kinds[0]} one in the ledger of {request.runs} (run {run}), "
                    f"and this bench is {kinds[1]}: give another name, or other --runs"
                )
            return


def _opening_record(request: RunRequest, bench: Bench, guard: WearGuard) -> dict[str, Any]:
    """The record as it stands before the first pulse."""
    setup, procedure = request.setup, request.procedure
    return {
        "simulated": bench.simulated,
        "replay": None if bench.replayed is None else bench.replayed.told,
        "seed": bench.die.get("seed"),
        "parameters": procedure.parameter_values(),
        "units": procedure.units(),
        "headline": procedure.headline(),
        "conditions": procedure.conditions(),
        "compliance_table": procedure.table_record(),
        "roles": {role: setup.content.roles[role] for role in procedure.needs},
        "die": bench.die,
        "die_at_begin": die_state(bench),
        "retired": np.argwhere(guard.history.retired).tolist(),
        "max_cycles_per_device": request.most_cycles,
        "bench": {
            "name": setup.content.bench.name,
            "file": str(setup.file),
            "sha256": setup.sha256,
            "text": setup.text,
        },
        "chip": {"name": setup.chip.name, "text": setup.chip_text},
        "modules": {str(slot): m for slot, m in setup.content.mainframe.modules.items()},
        "operator": provenance.operator(),
        "temperature_c": request.circumstances.temperature_c,
        "versions": provenance.versions(),
        "git": provenance.git_revision(),
        "notes": [],
    }
