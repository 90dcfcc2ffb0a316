"""Runs a procedure on a bench, and goes on with a run that was interrupted."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labctl import provenance
from labctl.bench import Bench, DieChoice, DieError
from labctl.benchfile import BenchSetup
from labctl.observing import Observer, StopRequest
from labctl.session import Session, log_file
from labctl.store.folder import LOG, RunFolder
from labctl.store.ledger import LEDGER, Ledger
from labctl.store.writer import RunWriter
from procedures.base import BenchProcedure


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
        writer = RunWriter.create(request.runs, request.name, _opening_record(request, bench))
        opened.pop_all()
    return carry_out(Session(request.procedure, bench, writer, ledger, observer, stop))


def carry_out(session: Session) -> RunFolder:
    """Run a session to its end, whatever the end is."""
    with log_file(session.writer.path / LOG):
        try:
            session.observer.opened(session.writer)
            session.measure()
        except Exception as error:
            session.failed(error)
        finally:
            session.close()
    return RunFolder(session.writer.path)


def _require_die_name(request: RunRequest) -> None:
    """Pulses on a real die are booked under its name. Raises `DieError`."""
    real = not request.setup.simulated and request.replay is None
    if real and request.die.name is None and request.procedure.changes_devices:
        raise DieError("a real die needs a name to book its pulses under: add --die NAME")


def _opening_record(request: RunRequest, bench: Bench) -> dict[str, Any]:
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
        "bench": {
            "name": setup.content.bench.name,
            "file": str(setup.file),
            "sha256": setup.sha256,
            "text": setup.text,
        },
        "chip": {"name": setup.chip.name, "text": setup.chip_text},
        "modules": {str(slot): m for slot, m in setup.content.mainframe.modules.items()},
        "versions": provenance.versions(),
        "git": provenance.git_revision(),
        "notes": [],
    }
