"""Carries out the experiments of a reproduction, and goes on where an earlier call ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from labctl.bench import DieChoice
from labctl.benchfile import load_setup
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

    def carry_out(
        self, experiments: Sequence[Experiment], tell: Callable[[int, int, str], None]
    ) -> dict[str, list[RunFolder]]:
        """Do what is not done yet; returns the runs by the experiments' keys, in order of dies.

        ``tell`` is given how many runs are done, of how many, and which was the last. Raises
        ReproductionError if a run does not end with success; what is done stays done.
        """
        tasks = self.tasks(experiments)
        done = self._done(tasks)
        todo = [task for task in tasks if task.name not in done]
        for task, folder in self._runs_of(todo):
            done[task.name] = folder
            self._remember(done)
            tell(len(done), len(tasks), task.experiment.key)
        found: dict[str, list[RunFolder]] = {}
        for experiment in experiments:
            of_experiment = [task for task in tasks if task.experiment is experiment]
            of_experiment.sort(key=lambda task: task.number)
            found.setdefault(experiment.key, []).extend(
                RunFolder(self.runs / done[task.name]) for task in of_experiment
            )
        return found

    def _runs_of(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, str]]:
        """Run the tasks, side by side on the simulated bench; yields each with its folder."""
        if self.workers == 1 or self.die is not None:
            for task in tasks:
                yield task, _run(task, self.bench, self.runs)
            return
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

    def _done(self, tasks: Sequence[Task]) -> dict[str, str]:
        """Runs that an earlier call with the same seed has finished: task name to run."""
        try:
            manifest = json.loads((self.runs / MANIFEST).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise ReproductionError(f"{self.runs / MANIFEST} cannot be read: {error}") from None
        if manifest["seed"] != self.seed:
            raise ReproductionError(
                f"{self.runs} holds a reproduction with seed {manifest['seed']}, not {self.seed}; "
                "give another folder with --runs"
            )
        wanted = {task.name for task in tasks}
        return {
            name: run
            for name, run in manifest["done"].items()
            if name in wanted and _succeeded(self.runs / run)
        }

    def _remember(self, done: dict[str, str]) -> None:
        files.replace_json(self.runs / MANIFEST, {"seed": self.seed, "done": done})


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


def _run(task: Task, bench: Path | None, runs: Path) -> str:
    """Run one task to its end; returns the run's folder name."""
    from labctl.runs import RunRequest, run
    from procedures import load_procedure

    procedure = load_procedure(task.experiment.procedure)()
    procedure.set_parameters(dict(task.experiment.parameters))
    die = DieChoice(task.die, None if task.die else task.seed, runs / "dies")
    request = RunRequest(task.experiment.procedure, procedure, load_setup(bench), die, runs)
    folder = run(request)
    if folder.status != "success":
        raise ReproductionError(
            f"{task.experiment.key} ({folder.id}) {folder.status}: {folder.record['reason']}"
        )
    return folder.id
