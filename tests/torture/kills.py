"""A run is killed at a drawn moment, perhaps again while it is gone on with, and then ends."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from labctl.store.folder import ARRAYS, JOURNAL, LOG, RESULTS, RunFolder
from labctl.store.ledger import LEDGER, Ledger
from tests.interrupted import assert_nothing_left, assert_same
from tests.simulated import small_bench_file
from tests.torture.nursery import KILLED, Ended, Nursery, Order

ROWS, DIE_SEED = 2, 20261122
RUNS: dict[str, list[str]] = {
    "forming": [],
    "checkerboard": ["--programmings", "3", "--die", "lab"],
    "conditions": [
        *("--set-compliances", "55uA,28uA", "--reset-voltages", "2.5V"),
        *("--pulse-widths", "1us", "--repetitions", "2", "--order", "random"),
    ],
    "endurance": [
        *("--cycles", "400", "--windows", "3", "--window-cycles", "100"),
        *("--resistance-cycles", "20", "--pairs", "2"),
    ],
}
"""Small runs: each takes about a second."""
MOST_KILLS = 3


@dataclass
class Tally:
    """What was tried, and what of it was hit."""

    trials: int = 0
    kills: int = 0
    power_cuts: int = 0
    bytes_cut: int = 0
    by_procedure: Counter[str] = field(default_factory=Counter)
    by_kind: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    """How far a killed run had come."""


class Killing:
    """Whole runs to compare with, and trials."""

    def __init__(self, nursery: Nursery, folder: Path) -> None:
        self._nursery = nursery
        self._folder = folder
        self._bench = small_bench_file(folder / "bench", rows=ROWS)
        self._whole: dict[str, tuple[RunFolder, Ended]] = {}
        self.tally = Tally()

    def trial(self, name: str, seed: int) -> None:
        """Kill a run, go on with it, kill it again perhaps; raises AssertionError with the seed."""
        random = np.random.default_rng(seed)
        whole, usual = self._whole_run(name)
        folder = self._folder / f"{name}-{seed}"
        self.tally.trials += 1
        self.tally.by_procedure[name] += 1
        for kill in range(int(random.integers(1, MOST_KILLS + 1))):
            ended = self._killed(name, folder, random, usual, first=kill == 0)
            if ended.status != KILLED:
                assert ended.status == 0, ended.errors
                break
            self.tally.kills += 1
            self.tally.found[how_far(folder)] += 1
            if random.random() < 0.5:
                self._cut_power(folder, ended, random)
        self._end(name, folder, whole)

    def signalled(self, name: str, signals: list[int], seed: int) -> int:
        """A run that gets signals; its exit status. Then as in a trial."""
        random = np.random.default_rng(seed)
        whole, usual = self._whole_run(name)
        folder = self._folder / f"{name}-signals-{seed}"
        after_s = float(random.uniform(0.1, 0.6)) * usual.seconds
        order = Order(self._begin(name, folder), str(folder), after_s=after_s, signals=signals)
        ended = self._nursery.carry_out(order)
        assert "Traceback" not in ended.errors, ended.errors
        if how_far(folder) != "after the end":
            assert ended.status != 0
        self._end(name, folder, whole)
        return ended.status

    def filled(self, name: str, seed: int) -> None:
        """A run on a disk that is full before its end. Then as in a trial."""
        random = np.random.default_rng(seed)
        whole, _ = self._whole_run(name)
        folder = self._folder / f"{name}-full-{seed}"
        size = int(10 ** random.uniform(3, 5.2))
        order = Order(self._begin(name, folder), str(folder), largest_file=size)
        ended = self._nursery.carry_out(order)
        assert ended.status != 0, size
        self._end(name, folder, whole)

    def _end(self, name: str, folder: Path, whole: RunFolder) -> None:
        """Go on with a run, or begin it if nothing is there, and compare."""
        if how_far(folder) == "before the record":
            assert_no_pulse_is_booked(folder)
            ended = self._nursery.carry_out(Order(self._begin(name, folder), str(folder)))
        else:
            ended = self._nursery.carry_out(Order(go_on(folder), str(folder)))
        assert ended.status == 0, ended.errors
        assert ended.orphans == []
        assert "Traceback" not in ended.errors, ended.errors
        (run,) = [RunFolder(record.parent) for record in folder.glob("runs/2*/run.json")]
        assert_same(run, whole)
        assert_kept(run)
        assert (run.path / "report.html").is_file()
        assert_nothing_left(folder, dict(os.environ))

    def _killed(
        self,
        name: str,
        folder: Path,
        random: np.random.Generator,
        usual: Ended,
        first: bool,
    ) -> Ended:
        """A run begun, or gone on with, and killed at a moment that may lie behind its end."""
        kind = "moment" if random.random() < 0.6 else "time"
        begin = first or how_far(folder) == "before the record"
        order = Order(
            self._begin(name, folder) if begin else go_on(folder),
            str(folder),
            moment=int(random.integers(usual.moments)) if kind == "moment" else None,
            after_s=float(random.uniform(0, usual.seconds)) if kind == "time" else None,
        )
        ended = self._nursery.carry_out(order)
        assert ended.orphans == []
        if ended.status == KILLED:
            self.tally.by_kind[f"{'run' if begin else 'resume'}, by {kind}"] += 1
        return ended

    def _cut_power(self, folder: Path, ended: Ended, random: np.random.Generator) -> None:
        """Take from each file what was not forced to disk, or some of it, or spoil it."""
        self.tally.power_cuts += 1
        for run in folder.glob("runs/2*"):
            data = [run / JOURNAL, run / RESULTS, run / LOG, *(run / ARRAYS).glob("*.npys")]
            for file in filter(Path.is_file, data):
                # Of a file that this process never forced, an earlier one had forced all it left.
                kept = ended.synced.get(str(file), self._marked(run, file))
                self.tally.bytes_cut += spoil(file, kept, random)
        wal = folder / "runs" / f"{LEDGER}-wal"
        if wal.is_file():
            self.tally.bytes_cut += spoil(wal, 0, random)

    def _marked(self, run: Path, file: Path) -> int:
        """Bytes of a file that the last end mark tells of; all of the journal."""
        if file.name == JOURNAL:
            return file.stat().st_size
        try:
            mark = RunFolder(run).last_step_end()
        except ValueError:
            return 0
        return 0 if mark is None else mark.lengths.get(file.relative_to(run).as_posix(), 0)

    def _whole_run(self, name: str) -> tuple[RunFolder, Ended]:
        """The run that nobody interrupts."""
        if name not in self._whole:
            folder = self._folder / f"{name}-whole"
            ended = self._nursery.carry_out(Order(self._begin(name, folder), str(folder)))
            assert ended.status == 0, ended.errors
            (record,) = folder.glob("runs/2*/run.json")
            self._whole[name] = RunFolder(record.parent), ended
        return self._whole[name]

    def _begin(self, name: str, folder: Path) -> list[str]:
        places = ["--runs", str(folder / "runs"), "--dies", str(folder / "dies")]
        seed = ["--seed", str(DIE_SEED)]
        return ["run", name, *RUNS[name], "--bench", str(self._bench), *places, *seed, "--json"]


def go_on(folder: Path) -> list[str]:
    """The command line that goes on with the only run of a folder."""
    return ["resume", "last", "--runs", str(folder / "runs"), "--json"]


def how_far(folder: Path) -> str:
    """What a killed run left."""
    records = list(folder.glob("runs/2*/run.json"))
    if not records:
        return "before the record"
    (run,) = [RunFolder(record.parent) for record in records]
    if run.status == "success":
        return "after the end"
    events = list(run.events())
    if not any(event["event"] == "step_begin" for event in events):
        return "before the first step"
    mark = run.last_step_end()
    behind = run.journal.events_from(0 if mark is None else mark.offset)
    if any(event["event"] == "wear_planned" for event in behind):
        return "within a step, pulses booked"
    return "within a step or behind its end, no pulse booked"


def spoil(file: Path, kept: int, random: np.random.Generator) -> int:
    """What a power cut does to bytes behind ``kept``: lost, zeros, or garbage; how many."""
    size = file.stat().st_size
    if size <= kept:
        return 0
    end = int(random.integers(kept, size + 1))
    tail = int(random.integers(0, size - end + 1))
    with file.open("r+b") as opened:
        opened.truncate(end)
        opened.seek(end)
        opened.write(bytes(tail) if random.random() < 0.5 else random.bytes(tail))
    return size - end


def assert_kept(run: RunFolder) -> None:
    """A named die's file is the die that the run left."""
    mark, file = run.last_step_end(), run.record["die"].get("file")
    assert mark is not None
    assert mark.die is not None
    if file is not None:
        assert Path(file).read_bytes() == (run.path / mark.die).read_bytes(), "the die's file"


def assert_no_pulse_is_booked(folder: Path) -> None:
    """A run without a record has done nothing."""
    if (folder / "runs" / LEDGER).is_file():
        with Ledger(folder / "runs" / LEDGER) as ledger:
            assert ledger.dies() == []
