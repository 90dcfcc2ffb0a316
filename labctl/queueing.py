"""``labctl queue``: several runs in order on one die, checked whole, gone on with as a whole.

What has been done stands in ``queue-NAME.json`` beside the runs, replaced as a whole after each
change: a run's name is in it before its first pulse. The rest is in the run folders.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labctl.bench import BenchError, DieChoice
from labctl.benchfile import BenchSetup, load_setup
from labctl.finishing import finish
from labctl.observing import Observer, Progress, StopRequest
from labctl.plan import Plan, make_plan
from labctl.recipe import QueuedRun, RecipeError, RecipeFile, listed
from labctl.report import summarise
from labctl.resuming import resume
from labctl.runs import Circumstances, RunRequest, run
from labctl.store import files
from labctl.store.folder import RunFolder, RunFolderError
from labctl.store.ledger import LEDGER, Ledger
from labctl.store.locks import Lock
from labctl.telling import tell
from labctl.wear_guard import WearGuard, tighter

WAITING, BEGUN, SKIPPED, DONE = "waiting", "begun", "skipped", "done"
GOING_ON, PAUSED, STOPPED, FAILED, SUCCESS = "going on", "paused", "stopped", "failed", "success"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """A recipe with what the command line adds: where, on which die, and what a person knows."""

    file: RecipeFile
    setup: BenchSetup
    die: DieChoice
    runs: Path
    circumstances: Circumstances = field(default_factory=Circumstances)
    """Of each run that begins."""

    @property
    def name(self) -> str:
        """The die's name: a folder of runs has one queue a recipe and die."""
        return f"{self.file.path.stem}-{self.die.name}"

    @property
    def state_file(self) -> Path:
        """What has been done."""
        return self.runs / f"queue-{self.name}.json"

    @property
    def most_cycles(self) -> int | None:
        """The wear budget, cycles a device."""
        chip = self.setup.chip.wear.max_cycles_per_device
        return tighter(self.file.content.max_cycles_per_device, chip)

    def fingerprint(self) -> str:
        """Changes with anything that decides what the queue does."""
        parts = (self.file.text, self.setup.sha256, self.setup.chip_text)
        return hashlib.sha256("\0".join(parts).encode("utf-8")).hexdigest()


def make_job(
    file: RecipeFile,
    bench: Path | None,
    die: str | None,
    runs: Path,
    dies: Path,
    circumstances: Circumstances | None = None,
) -> Job:
    """A job; what is given here wins over what stands in the recipe. Raises ValueError."""
    content = file.content
    if bench is None and content.bench is not None:
        bench = file.path.parent / content.bench
    name = die or content.die
    if name is None:
        raise RecipeError(f"{file.path}: a queue needs a named die: die = ... there, or --die NAME")
    choice = DieChoice(name, content.seed, dies)
    return Job(file, load_setup(bench), choice, runs, circumstances or Circumstances())


def check(job: Job) -> list[tuple[QueuedRun, Plan]]:
    """Every run's plan; raises `RecipeError` with all that is wrong with any, nothing is sent.

    The wear budget is for all runs together, those that might be skipped too.
    """
    guard = _guard(job)
    plans, problems = [], []
    for queued in job.file.runs:
        try:
            procedure = queued.procedure()
            entry = queued.entry.procedure
            plans.append((queued, make_plan(entry, procedure, job.setup, job.die.name, job.runs)))
            guard.reserve(procedure)
        except (ValueError, OSError) as error:
            problems.append(f"run {queued.number}, {queued.label}: {error}")
    if problems:
        raise RecipeError(listed(job.file.path, problems))
    return plans


def carry_out(
    job: Job, goes_on: bool, observer: Observer | None = None, stop: StopRequest | None = None
) -> dict[str, Any]:
    """Do what is not done yet and return the queue's state, whatever the end was.

    ``goes_on``: with the queue of this recipe and die that was interrupted, paused or stopped; else
    a new one begins. Raises ValueError or OSError with one sentence if it cannot begin.
    """
    observer, stop = observer or Observer(), stop or StopRequest()
    with Lock(job.runs / f"queue-{job.name}.lock", f"queue {job.name!r}"):
        state = _state(job, goes_on)
        if state.content["status"] == SUCCESS:
            return state.content
        if not goes_on:
            check(job)
        state.ends(GOING_ON, None)
        state.ends(*_all(job, state, observer, stop))
        for problem in tell(_message(state.content)):
            observer.note(f"Nobody was told of the end: {problem}.")
        return state.content


def _all(job: Job, state: _State, observer: Observer, stop: StopRequest) -> tuple[str, str | None]:
    """Do all runs that are left; status and reason of the end."""
    for queued in job.file.runs:
        if state.of(queued)["status"] in (SKIPPED, DONE):
            continue
        ended = _one(job, queued, state, observer, stop)
        if ended is not None:
            return ended
    return SUCCESS, None


def _message(content: dict[str, Any]) -> dict[str, Any]:
    """What is told of a queue's end."""
    told = {key: content[key] for key in ("queue", "die", "status", "reason", "began")}
    return {"event": f"queue_{content['status']}", **told}


class _State:
    """The state file; every change is on disk when it returns."""

    def __init__(self, path: Path, content: dict[str, Any]) -> None:
        self.path = path
        self.content = content

    def of(self, queued: QueuedRun) -> dict[str, Any]:
        """What is known of a run."""
        found: dict[str, Any] = self.content["runs"][queued.number - 1]
        return found

    def last_of(self, called: str) -> dict[str, Any] | None:
        """The last run of that name that is done."""
        done = [r for r in self.content["runs"] if r["name"] == called and r["status"] == DONE]
        return done[-1] if done else None

    def update(self, queued: QueuedRun, **changes: Any) -> None:
        """Change what is known of a run."""
        self.of(queued).update(changes)
        files.replace_json(self.path, self.content)

    def ends(self, status: str, reason: str | None) -> None:
        """Change what is known of the queue."""
        self.content.update(status=status, reason=reason, changed=_now())
        files.replace_json(self.path, self.content)


def _state(job: Job, goes_on: bool) -> _State:
    """The state of the queue to go on with, or of a new one."""
    path = job.state_file
    content = read_state(path)
    if goes_on:
        if content is None:
            raise RecipeError(f"there is no queue to go on with: {path} does not exist")
        if content["fingerprint"] != job.fingerprint():
            raise RecipeError(
                f"the recipe, the bench file or the chip file has changed since this queue began "
                f"({content['began']}): put it back, or begin a new queue with --restart"
            )
        return _State(path, content)
    began = {
        "queue": job.name,
        "recipe": str(job.file.path),
        "fingerprint": job.fingerprint(),
        "die": job.die.name,
        "bench": str(job.setup.file),
        "began": _now(),
    }
    waiting = [
        {
            "number": queued.number,
            "label": queued.label,
            "name": queued.entry.called,
            "procedure": queued.entry.procedure,
            "status": WAITING,
            "run": None,
            "reason": None,
        }
        for queued in job.file.runs
    ]
    return _State(path, {**began, "status": GOING_ON, "reason": None, "runs": waiting})


def read_state(path: Path) -> dict[str, Any] | None:
    """The state of a queue; None if there is none."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise RecipeError(f"{path} cannot be read: {error}; begin with --restart") from None
    return content


def _one(
    job: Job, queued: QueuedRun, state: _State, observer: Observer, stop: StopRequest
) -> tuple[str, str] | None:
    """Do one run; status and reason if the queue ends with it."""
    where = f"run {queued.number}, {queued.label}"
    if stop.asked:
        return PAUSED, f"paused by the user before {where}"
    try:
        if state.of(queued)["run"] is None:
            skipped = _skipped(job, queued, state)
            if skipped is not None:
                observer.note(f"Skipped {where}: {skipped}.")
                state.update(queued, status=SKIPPED, reason=skipped)
                return None
        folder = _run(job, queued, state, observer, stop)
        summary = finish(folder, observer.note)
        if folder.status != "success":
            reason = f"{where} ({folder.id}): {folder.record['reason']}"
            state.update(queued, reason=folder.record["reason"])
            return (PAUSED if stop.asked else FAILED), reason
        stopped = _stops(queued, summary)
        state.update(queued, status=DONE, reason=stopped)
        if stopped is not None:
            return STOPPED, f"after {where} ({folder.id}): {stopped}"
    except (ValueError, OSError, BenchError) as error:
        return FAILED, f"{where}: {error}"
    except Exception as error:
        # Whoever is asleep is to be told of a fault in this program too.
        log.exception("%s failed", where)
        return FAILED, f"{where}: {type(error).__name__}: {error}"
    return None


def _stops(queued: QueuedRun, summary: dict[str, Any]) -> str | None:
    """Why the queue stops after a run; None if it goes on."""
    for condition in queued.entry.stop_if:
        try:
            holds, told = condition.judge(summary)
        except RecipeError as error:
            return str(error)
        if holds:
            return told
    return None


def _run(
    job: Job, queued: QueuedRun, state: _State, observer: Observer, stop: StopRequest
) -> RunFolder:
    """Begin the run, or go on with it."""
    begun = _begun(job, state.of(queued)["run"])
    if begun is not None:
        return resume(
            *(begun, True, observer, stop),
            log_level=job.circumstances.log_level,
            die=job.die.name,
        )
    named = Named(observer, lambda folder: state.update(queued, run=folder.id, status=BEGUN))
    request = RunRequest(
        *(queued.entry.procedure, queued.procedure(), job.setup, job.die, job.runs),
        max_cycles_per_device=job.most_cycles,
        circumstances=job.circumstances,
    )
    return run(request, named, stop)


def _begun(job: Job, run_id: str | None) -> RunFolder | None:
    """The folder of a run that has begun; None if it has not, or somebody took it away."""
    if run_id is None:
        return None
    try:
        return RunFolder(job.runs / run_id)
    except RunFolderError as error:
        raise RecipeError(f"{error}; put the run back, or begin a new queue (--restart)") from None


def _skipped(job: Job, queued: QueuedRun, state: _State) -> str | None:
    """Why a run is skipped; None if it is not."""
    for skip in queued.entry.skip_if:
        if skip.retired:
            with Ledger(job.runs / LEDGER) as ledger:
                if skip.bit in ledger.retired(str(job.die.name)):
                    return f"bit {skip.retired} is retired"
            continue
        earlier = state.last_of(skip.of)
        if earlier is None:
            return f"{skip.of} has not been done"
        holds, told = skip.judge(summarise(RunFolder(job.runs / earlier["run"])))
        if holds:
            return f"{told} in {earlier['run']}"
    return None


def _guard(job: Job) -> WearGuard:
    geometry = job.setup.chip.geometry
    shape = geometry.rows, geometry.columns
    if not (job.runs / LEDGER).is_file():
        return WearGuard(shape, most_cycles=job.most_cycles)
    with Ledger(job.runs / LEDGER) as ledger:
        return WearGuard.of_die(ledger, str(job.die.name), shape, job.most_cycles)


class Named(Observer):
    """Passes everything on, and tells the run's name before its first pulse."""

    def __init__(self, inner: Observer, opened: Callable[[RunFolder], None]) -> None:
        self._inner = inner
        self._opened = opened

    def opened(self, folder: RunFolder) -> None:
        """The run folder exists."""
        self._opened(folder)
        self._inner.opened(folder)

    def progress(self, progress: Progress) -> None:
        """A step begins or ends."""
        self._inner.progress(progress)

    def note(self, sentence: str) -> None:
        """Something a user should know."""
        self._inner.note(sentence)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
