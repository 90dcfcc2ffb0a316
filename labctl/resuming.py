"""``labctl resume``: goes on with an interrupted run from its last complete step.

On the simulated bench the die goes back to that step's end, so that the resumed run's data equal
those of a run that was never interrupted. With ``rollback`` off, and on a real bench, where no
pulse can be taken back, the step is repeated on the die as it is: both attempts stay booked.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labctl.bench import Bench, DieChoice
from labctl.benchfile import BenchSetup, load_setup
from labctl.observing import Observer, StopRequest
from labctl.runs import carry_out
from labctl.session import LEFT_DIE, Session
from labctl.store.folder import RunFolder
from labctl.store.journal import StepEnd
from labctl.store.ledger import LEDGER, Ledger
from labctl.store.writer import RunWriter
from procedures import load_procedure
from procedures.base import BenchProcedure


class ResumeError(ValueError):
    """A run that cannot be gone on with, and why."""


@dataclass(frozen=True)
class _HalfStep:
    """What the journal tells of a step that did not end."""

    began: bool
    blocks: list[int]
    """Blocks of pulses that were booked in it."""


def resume(
    folder: RunFolder,
    rollback: bool = True,
    observer: Observer | None = None,
    stop: StopRequest | None = None,
) -> RunFolder:
    """Go on with a run and return its folder; a finished run is returned as it is.

    Raises ValueError with one sentence if the run cannot be gone on with; then nothing was applied.
    """
    if folder.status == "success":
        return folder
    setup, procedure = _setup(folder), _procedure(folder)
    procedure.prepare(setup.chip, setup.limit, setup.simulated)
    mark = folder.last_step_end()
    procedure.first_step = 0 if mark is None else mark.step + 1
    half = _half_step(folder, mark)
    rollback = rollback and setup.simulated
    with ExitStack() as opened:
        bench = Bench(setup, _die(folder, mark, rollback))
        opened.callback(bench.abandon)
        ledger = Ledger(folder.path.parent / LEDGER)
        opened.callback(ledger.close)
        writer = RunWriter.reopen(folder.path)
        opened.pop_all()
    if mark is not None:
        procedure.recall(writer.array)
    repeats = half.began and not rollback
    session = Session(
        procedure, bench, writer, ledger, observer or Observer(), stop or StopRequest(), repeats
    )
    writer.append_event("resumed", durable=True, step=procedure.first_step, rollback=rollback)
    if rollback and half.blocks:
        ledger.void(half.blocks)
        writer.append_event("wear_void", durable=True, blocks=half.blocks)
    session.note(_told(procedure.first_step, half, rollback))
    return carry_out(session)


def _setup(folder: RunFolder) -> BenchSetup:
    """The bench file of the run, which must be what it was."""
    status, record = folder.status, folder.record
    if status == "running":
        owner = record["owner"]
        raise ResumeError(
            f"run {folder.id} is going on in process {owner['pid']} on {owner['host']}"
        )
    if record.get("replay"):
        raise ResumeError(f"run {folder.id} is a replay; replay it again instead")
    file = Path(record["bench"]["file"])
    setup = load_setup(file)
    if setup.sha256 != record["bench"]["sha256"] or setup.chip_text != record["chip"]["text"]:
        raise ResumeError(
            f"bench file {file} or its chip file has changed since run {folder.id} began: put back "
            "what is in the run's record, or begin a new run"
        )
    return setup


def _procedure(folder: RunFolder) -> BenchProcedure:
    try:
        procedure = load_procedure(folder.record["procedure"])()
    except KeyError:
        raise ResumeError(
            f"run {folder.id} is of the procedure {folder.record['procedure']!r}, which this "
            "version does not have"
        ) from None
    procedure.set_parameters(folder.record["parameters"])
    return procedure


def _half_step(folder: RunFolder, mark: StepEnd | None) -> _HalfStep:
    """What happened after the last end mark and was not voided by an earlier resume."""
    events = folder.journal.events_from(0 if mark is None else mark.offset)
    void = {number for e in events if e["event"] == "wear_void" for number in e["blocks"]}
    planned = [e["block"] for e in events if e["event"] == "wear_planned"]
    began = any(e["event"] == "step_begin" for e in events)
    return _HalfStep(began, [block for block in planned if block not in void])


def _die(folder: RunFolder, mark: StepEnd | None, rollback: bool) -> DieChoice:
    """The die to go on with: as the last step left it, or as the run left it."""
    die: dict[str, Any] = folder.record["die"]
    left = folder.path / LEFT_DIE
    snapshot = folder.path / mark.die if mark is not None and mark.die else None
    if not rollback and left.is_file():
        snapshot = left
    holder = Path(die["file"]).parent if "file" in die else Path()
    seed = None if snapshot is not None and die["name"] else die.get("seed")
    return DieChoice(die["name"], seed, holder, snapshot)


def _told(step: int, half: _HalfStep, rollback: bool) -> str:
    """What a user should know of how the run goes on."""
    if rollback:
        void = f"; {len(half.blocks)} booked blocks of pulses are void" if half.blocks else ""
        return f"Resumed at step {step}: the simulated die is back where that step began{void}."
    if half.began:
        return (
            f"Resumed at step {step}, which had begun: it is repeated on the die as it is, both "
            "attempts are booked, and its trials are second attempts."
        )
    return f"Resumed at step {step}."
