"""Carries out the experiments of a reproduction, and goes on where an earlier call ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from labctl.bench import DieChoice
from labctl.benchfile import load_setup
from labctl.observing import Observer, StopRequest
from labctl.queueing import Named
from labctl.reproduce.experiments import Experiment
from labctl.store import files
from labctl.store.folder import RunFolder, RunFolderError

MANIFEST = "reproduce.json"


class ReproductionError(RuntimeError):
    """An experiment that did not end as planned, with its reason."""


@dataclass(frozen=True)
class Task:
    """One run: an experiment on one die. ``die`` names a real one; a simulated one has a seed."""

    experiment: Experiment
    number: int
    seed: int
    die: str | None

    @property
    def name(self) -> str:
        """How the manifest knows it: the same experiment on the same die."""
        parameters = json.dumps(dict(self.experiment.parameters), sort_keys=True)
        return f"{self.experiment.key} {self.number} {self.experiment.procedure} {parameters}"


@dataclass(frozen=True)
class Campaign:
    """A reproduction: its seed, bench file (None: simulated) and where its runs are kept."""

    seed: int
    bench: Path | None
    die: str | None
    runs: Path
    workers: int

    def tasks(self, experiments: Sequence[Experiment]) -> list[Task]:
        """All runs, the longest first; each simulated one has a fresh die of its own."""
        tasks = []
        for experiment in experiments:
            for number in range(1 if self.die else experiment.dies):
                seed = _seed(self.seed, experiment.key, number)
                tasks.append(Task(experiment, number, seed, self.die))
        return sorted(tasks, key=lambda task: -task.experiment.weight)

    @property
    def one_by_one(self) -> bool:
        """Whether the runs follow each other in this process; else they go side by side."""
        return self.workers == 1 or self.die is not None

    def carry_out(
        self,
        experiments: Sequence[Experiment],
        tell: Callable[[int, int, str], None],
        observer: Observer | None = None,
        stop: StopRequest | None = None,
    ) -> dict[str, list[RunFolder]]:
        """Do what is not done yet; returns the runs by the experiments' keys, in order of dies.

        ``tell`` is given how many runs are done, of how many, and which was the last. ``observer``
        and ``stop`` are heeded if the runs go one by one. Raises ReproductionError if a run does
        not end with success, or when asked to stop; what is done stays done.
        """
        tasks = self.tasks(experiments)
        manifest = _Manifest(self.runs, self.seed)
        done = {task.name: run for task in tasks if (run := manifest.succeeded(task)) is not None}
        todo = [task for task in tasks if task.name not in done]
        runs = (
            self._one_by_one(todo, manifest, observer or Observer(), stop or StopRequest())
            if self.one_by_one
            else self._side_by_side(todo)
        )
        for task, run in runs:
            done[task.name] = run
            manifest.ends(task, run)
            tell(len(done), len(tasks), task.experiment.key)
        found: dict[str, list[RunFolder]] = {}
        for experiment in experiments:
            of_experiment = [task for task in tasks if task.experiment is experiment]
            of_experiment.sort(key=lambda task: task.number)
            found.setdefault(experiment.key, []).extend(
                RunFolder(self.runs / done[task.name]) for task in of_experiment
            )
        return found

    def _one_by_one(
        self,
        tasks: Sequence[Task],
        manifest: _Manifest,
        observer: Observer,
        stop: StopRequest,
    ) -> Iterator[tuple[Task, str]]:
        """Run the tasks, or go on with them; yields each with its folder."""
        for task in tasks:
            if stop.asked:
                raise ReproductionError(f"stopped by the user before {task.experiment.key}")
            begun = manifest.begun.get(task.name)
            # A fresh simulated die can be made again; a named one has had the pulses.
            if begun is not None and task.die is not None:
                yield task, _gone_on_with(task, self.runs / begun, observer, stop)
            else:
                named = Named(observer, partial(manifest.begins, task))
                yield task, _run(task, self.bench, self.runs, named, stop)

    def _side_by_side(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, str]]:
        """Run the tasks on simulated benches; yields each with its folder when it has ended."""
        # spawn: the same on Linux and Windows, and no thread is copied.
        with ProcessPoolExecutor(self.workers, mp_context=get_context("spawn")) as pool:
            futures: dict[Future[str], Task] = {
                pool.submit(_run, task, self.bench, self.runs): task for task in tasks
            }
            try:
                for future in as_completed(futures):
                    yield futures[future], future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


class _Manifest:
    """What has begun and what is done, by task; every change is on disk when it returns.

    Raises ReproductionError if it cannot be read or belongs to another seed.
    """

    def __init__(self, runs: Path, seed: int) -> None:
        self._runs = runs
        self._seed = seed
        content = self._read()
        self.begun: dict[str, str] = content.get("begun", {})
        self._done: dict[str, str] = content.get("done", {})

    def succeeded(self, task: Task) -> str | None:
        """The run that did the task; None if there is none."""
        run = self._done.get(task.name)
        return run if run is not None and _succeeded(self._runs / run) else None

    def begins(self, task: Task, run: RunFolder) -> None:
        """A run for the task exists, and has not sent a pulse yet."""
        self.begun[task.name] = run.id
        self._write()

    def ends(self, task: Task, run: str) -> None:
        """The task is done."""
        self.begun.pop(task.name, None)
        self._done[task.name] = run
        self._write()

    def _write(self) -> None:
        content = {"seed": self._seed, "begun": self.begun, "done": self._done}
        files.replace_json(self._runs / MANIFEST, content)

    def _read(self) -> dict[str, Any]:
        try:
            content: dict[str, Any] = json.loads(
                (self._runs / MANIFEST).read_text(encoding="utf-8")
            )
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise ReproductionError(f"{self._runs / MANIFEST} cannot be read: {error}") from None
        if content["seed"] != self._seed:
            raise ReproductionError(
                f"{self._runs} holds a reproduction with seed {content['seed']}, not "
                f"{self._seed}; give another folder with --runs"
            )
        return content


def _seed(seed: int, key: str, number: int) -> int:
    """Seed of one die, different for every experiment and number."""
    words = np.frombuffer(key.encode("utf-8"), dtype=np.uint8)
    entropy = [seed, number, *words.tolist()]
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _succeeded(folder: Path) -> bool:
    try:
        return RunFolder(folder).status == "success"
    except RunFolderError:
        return False


def _run(
    task: Task,
    bench: Path | None,
    runs: Path,
    observer: Observer | None = None,
    stop: StopRequest | None = None,
) -> str:
    """Run one task to its end; returns the run's folder name."""
    from labctl.runs import RunRequest, run
    from procedures import load_procedure

    procedure = load_procedure(task.experiment.procedure)()
    procedure.set_parameters(dict(task.experiment.parameters))
    die = DieChoice(task.die, None if task.die else task.seed, runs / "dies")
    request = RunRequest(task.experiment.procedure, procedure, load_setup(bench), die, runs)
    return _well_ended(task, run(request, observer, stop))


def _gone_on_with(task: Task, run: Path, observer: Observer, stop: StopRequest) -> str:
    """Go on with a task's run to its end; returns the run's folder name."""
    from labctl.resuming import resume

    try:
        folder = RunFolder(run)
    except RunFolderError as error:
        raise ReproductionError(
            f"{error}; put the run back, or begin anew in another folder (--runs)"
        ) from None
    made = resume(folder, rollback=True, observer=observer, stop=stop, die=task.die)
    return _well_ended(task, made)


def _well_ended(task: Task, folder: RunFolder) -> str:
    """The run's folder name; raises ReproductionError unless it ended with success."""
    if folder.status != "success":
        raise ReproductionError(
            f"{task.experiment.key} ({folder.id}) {folder.status}: {folder.record['reason']}"
        )
    return folder.id
