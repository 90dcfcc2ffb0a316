"""``labctl resume``: goes on with an interrupted run from its last complete step.

On the simulated bench the die goes back to that step's end, so that the resumed run's data equal
those of a run that was never interrupted. With ``rollback`` off, and on a real bench, where no
pulse can be taken back, the die is re-checked (`labctl.rechecking`) and the step is repeated on it
as it is: both attempts stay booked.
"""

from __future__ import annotations

import platform
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

import numpy as np

from labctl.bench import Bench, DieChoice
from labctl.benchfile import BenchSetup, load_setup
from labctl.observing import Observer, StopRequest
from labctl.rechecking import Recheck, last_seen
from labctl.runs import carry_out, die_state
from labctl.session import NORMAL, Session, left_die
from labctl.store import files
from labctl.store.folder import RunFolder
from labctl.store.journal import StepEnd
from labctl.store.ledger import LEDGER, Ledger, booked_blocks, die_name
from labctl.store.locks import Lock
from labctl.store.writer import RunWriter
from labctl.wear_guard import WearGuard, tighter
from procedures import load_procedure
from procedures.base import BenchProcedure
from procedures.history import DieHistory

RESUMING = "resume.lock"
"""Held while a run is made ready to go on."""


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
    max_cycles_per_device: int | None = None,
    log_level: str = NORMAL,
    die: str | None = None,
    accept_change: bool = False,
    other_host_is_gone: bool = False,
) -> RunFolder:
    """Go on with a run and return its folder; a finished run is returned as it is.

    ``max_cycles_per_device``: a wear budget instead of the run's own; the chip file's holds too.
    ``die``: the name of the one at the probes, which must be the run's. ``accept_change``: go on
    also if the re-check finds that its devices read otherwise. ``other_host_is_gone``: nothing of
    the run goes on at the host of its record, which cannot be seen from here.
    Raises ValueError with one sentence if the run cannot be gone on with; then nothing was applied.
    """
    observer, stop = observer or Observer(), stop or StopRequest()
    _require_die(folder, die, observer)
    if folder.status == "success":
        return folder
    # Two programs that go on with a run at once: the second finds it going on.
    with Lock(folder.path / RESUMING, f"run {folder.id!r}"):
        folder = RunFolder(folder.path)
        if folder.status == "success":
            return folder
        if not other_host_is_gone:
            _require_this_host(folder, observer)
        session = _session(folder, rollback, observer, stop, max_cycles_per_device, accept_change)
    made = carry_out(session, log_level)
    if made.status == "success":
        _forget_left_dies(made)
    return made


def _session(
    folder: RunFolder,
    rollback: bool,
    observer: Observer,
    stop: StopRequest,
    max_cycles_per_device: int | None,
    accept_change: bool,
) -> Session:
    """The run, its bench and its ledger as they were at the last step's end.

    If that cannot be had, the bench is given free again and the run closed.
    """
    setup, procedure = _setup(folder), _procedure(folder)
    procedure.prepare(setup.chip, setup.limit, setup.simulated)
    # Before a step is looked for, and as long as nothing has been changed.
    booked_blocks(folder)
    mark = folder.last_step_end()
    procedure.first_step = 0 if mark is None else mark.step + 1
    half = _half_step(folder, mark)
    rollback = rollback and setup.simulated
    with ExitStack() as opened:
        bench = Bench(setup, _die(folder, mark, rollback))
        opened.callback(bench.abandon)
        if mark is None:
            _require_die_untouched(folder, bench)
        ledger = Ledger(folder.path.parent / LEDGER)
        opened.callback(ledger.close)
        writer = RunWriter.reopen(folder.path)
        opened.push(partial(_close_again, writer))
        writer.update(**_spent(folder, mark, rollback))
        if mark is not None:
            procedure.recall(writer.array)
        writer.append_event("resumed", durable=True, step=procedure.first_step, rollback=rollback)
        if rollback:
            _take_back(writer, half)
        _keep_die(bench, folder, mark)
        ledger.restore(writer)
        # After the void blocks are taken out: what the die has had by now.
        budget = max_cycles_per_device or folder.record.get("max_cycles_per_device")
        most_cycles = tighter(budget, setup.chip.wear.max_cycles_per_device)
        guard = _guard(folder, ledger, procedure, most_cycles)
        writer.update(max_cycles_per_device=most_cycles)
        repeats = half.began and not rollback
        recheck = None if rollback else _recheck(folder, guard, accept_change)
        session = Session(
            *(procedure, bench, writer, ledger, guard, observer, stop), repeats, recheck
        )
        session.note(_told(procedure.first_step, half, rollback))
        opened.pop_all()
    return session


def _close_again(
    writer: RunWriter,
    kind: type[BaseException] | None,
    error: BaseException | None,
    trace: TracebackType | None,
) -> None:
    """A run that could not be gone on with does not look as if it were going on."""
    if error is not None:
        with suppress(OSError):
            writer.close("failed", f"could not be gone on with: {error}")


def _take_back(writer: RunWriter, half: _HalfStep) -> None:
    """The half step never happened: its pulses are void, and so is the die that it left."""
    if half.blocks:
        writer.append_event("wear_void", durable=True, blocks=half.blocks)
    _forget_left_dies(writer)


def _keep_die(bench: Bench, folder: RunFolder, mark: StepEnd | None) -> None:
    """The named die's file is that of the last end mark: a kill may have come between the two."""
    if bench.die_file is not None and mark is not None and mark.die is not None:
        files.replace(bench.die_file, (folder.path / mark.die).read_bytes())


def _forget_left_dies(run: RunFolder) -> None:
    """Dies as earlier attempts left them: nobody goes on with them any more."""
    for left in run.path.glob(left_die("*")):
        left.unlink()


def _spent(folder: RunFolder, mark: StepEnd | None, rollback: bool) -> dict[str, Any]:
    """The record's times at the last end mark; those of a half step only if it stays.

    A run that was killed has no other, and one that ended may have had its times of a step that is
    taken back.
    """
    nothing: dict[str, Any] = {"wall_time_s": 0.0, "bench_time_s": {}}
    marked = {**nothing, **(mark.spent if mark is not None else {})}
    recorded = {name: folder.record.get(name) or nothing[name] for name in nothing}
    if rollback:
        wall = max(marked["wall_time_s"], recorded["wall_time_s"])
        return {"wall_time_s": wall, "bench_time_s": marked["bench_time_s"]}
    return max(marked, recorded, key=lambda spent: spent["bench_time_s"].get("total", 0.0))


def _require_die(folder: RunFolder, die: str | None, observer: Observer) -> None:
    """Raise `ResumeError` if the die at the probes is not the run's, by its name."""
    name = folder.record["die"]["name"]
    if die is not None and die != name:
        which = "a fresh one without a name" if name is None else repr(name)
        _refuse(
            observer, "--die", f"die {die!r} is not the one of run {folder.id}, which is {which}"
        )


def _require_this_host(folder: RunFolder, observer: Observer) -> None:
    """Raise `ResumeError` if the run may be going on at another computer."""
    host = folder.record.get("owner", {}).get("host")
    if folder.status == "interrupted" and host not in (None, platform.node()):
        _refuse(
            observer,
            "--other-host-is-gone",
            f"run {folder.id} was begun on {host} and its record does not tell that it ended, so "
            "it may be going on there: look, and if it is not, add --other-host-is-gone",
        )


def _refuse(observer: Observer, option: str, sentence: str) -> NoReturn:
    """Raise `ResumeError`, and tell with which option the run would go on."""
    observer.refused(option, sentence)
    raise ResumeError(sentence)


def _require_die_untouched(folder: RunFolder, bench: Bench) -> None:
    """Raise `ResumeError` if the named die's file is not what it was before the first step."""
    if bench.die_file is None or "die_at_begin" not in folder.record:
        return
    if die_state(bench) != folder.record["die_at_begin"]:
        raise ResumeError(
            f"die {folder.record['die']['name']!r} is not as it was when run {folder.id} began: "
            "another run used it since, and none of this one's steps had ended; begin a new run"
        )


def _recheck(folder: RunFolder, guard: WearGuard, accept_change: bool) -> Recheck:
    """What must hold before the run goes on with a die that nobody put back."""
    return Recheck(
        folder.record.get("instruments") or {},
        last_seen(folder, guard.history.formed),
        guard.history.retired,
        accept_change,
    )


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


def _guard(
    folder: RunFolder, ledger: Ledger, procedure: BenchProcedure, most_cycles: int | None
) -> WearGuard:
    """As when the run began, with what it did itself: it is the same run."""
    guard = WearGuard.of_die(ledger, die_name(folder), procedure.shape, most_cycles, folder.id)
    retired = np.zeros(procedure.shape, dtype=bool)
    for row, column in folder.record.get("retired", []):
        retired[row, column] = True
    guard.history = DieHistory(retired, guard.history.formed_by)
    return guard


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
    left = folder.path / left_die(0 if mark is None else mark.step + 1)
    snapshot = folder.path / mark.die if mark is not None and mark.die else None
    if not rollback and left.is_file():
        snapshot = left
    file = Path(die["file"]) if "file" in die else None
    has_state = die["name"] and (snapshot is not None or (file is not None and file.exists()))
    seed = None if has_state else die.get("seed")
    return DieChoice(die["name"], seed, Path() if file is None else file.parent, snapshot)


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
