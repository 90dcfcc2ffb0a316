"""A run folder: everything about one run, readable at every moment.

``run.json``       the record: what was asked, on what, by what, how it ended
``results.csv``    one row a step, as PyMeasure writes and loads it
``arrays/*.npys``  per-device data, one NumPy array after another in one file
``journal.jsonl``  one event a line; a step counts when its ``step_end`` is there
``log.txt``        what happened, for people
``summary.json``   the result when the run ended; ``remarks.jsonl`` what people said of it
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labctl.store.journal import Journal, StepEnd
from labctl.store.processes import is_running

if TYPE_CHECKING:
    import pandas as pd

RECORD = "run.json"
RESULTS = "results.csv"
JOURNAL = "journal.jsonl"
LOG = "log.txt"
ARRAYS = "arrays"
REPORT = "report.html"
SUMMARY = "summary.json"
REMARKS = "remarks.jsonl"

FINAL = ("success", "aborted", "failed")


class RunNotFoundError(LookupError):
    """No run of that name; the message lists what there is."""


class RunFolderError(ValueError):
    """A run folder that cannot be read, with the reason."""


class RunFolder:
    """A run as it stands on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.record: dict[str, Any] = json.loads((path / RECORD).read_text(encoding="utf-8"))
            self.id: str = self.record["run"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunFolderError(f"{path} is not a readable run folder: {error}") from None
        self.journal = Journal(path / JOURNAL)

    @property
    def kind(self) -> str:
        """What the numbers came from: REAL, SIMULATED, or REPLAY of a recording."""
        if self.record.get("replay"):
            return "REPLAY"
        return "SIMULATED" if self.record["simulated"] else "REAL"

    @property
    def status(self) -> str:
        """As recorded (success, aborted, failed), else derived: running or interrupted."""
        status = self.record.get("status")
        if status in FINAL:
            return str(status)
        owner = self.record.get("owner", {})
        return "running" if is_running(owner) else "interrupted"

    def has_array(self, name: str) -> bool:
        """Whether the file of that array exists, committed or not."""
        return (self.path / ARRAYS / f"{name}.npys").is_file()

    def array(self, name: str) -> NDArray[Any]:
        """All complete records of an array, stacked: (n, ...); n is 0 when there are none."""
        path = self.path / ARRAYS / f"{name}.npys"
        if not path.is_file():
            return np.empty((0,))
        try:
            records = list(_read_arrays(path, self._committed(f"{ARRAYS}/{name}.npys")))
        except (OSError, ValueError, EOFError) as error:
            raise RunFolderError(f"{path} is damaged: {error}") from None
        return np.stack(records) if records else np.empty((0,))

    def results(self) -> pd.DataFrame:
        """The rows of ``results.csv`` up to the last step's end mark, comment lines skipped."""
        import pandas as pd

        length = self._committed(RESULTS)
        if length is None:
            return pd.DataFrame()
        with (self.path / RESULTS).open("rb") as file:
            committed = file.read(length)
        return pd.read_csv(BytesIO(committed), comment="#", encoding="utf-8")

    def events(self) -> Iterator[dict[str, Any]]:
        """The journal's events; a last line that a crash cut short is left out."""
        return iter(self.journal.events())

    def remark(self, text: str, by: str) -> None:
        """Add what a person says of the run; the run may still be going on."""
        said = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "by": by, "text": text}
        with (self.path / REMARKS).open("a", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps(said, ensure_ascii=False) + "\n")

    def remarks(self) -> list[dict[str, str]]:
        """What people said of the run: at (UTC), by, text."""
        try:
            lines = (self.path / REMARKS).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines]

    def require_whole_journal(self) -> None:
        """Raise `RunFolderError` if steps or bookings stand behind a damaged line."""
        line = self.journal.line_damaged_before_others()
        if line is not None:
            raise RunFolderError(
                f"{self.path / JOURNAL} is damaged in line {line}, and whole lines behind it tell "
                "of steps or pulses; nothing was changed: put back a copy of the file (`labctl "
                "verify` tells whether it is whole), or begin a new run"
            )

    def last_step_end(self) -> StepEnd | None:
        """The last step's end mark; None before the first."""
        return self.journal.last_step_end()

    def _committed(self, file: str) -> int | None:
        """Length of a file at the last step's end mark; None before the first."""
        mark = self.last_step_end()
        return None if mark is None else mark.lengths.get(file)


def list_runs(root: Path) -> list[RunFolder]:
    """All readable runs under a folder, oldest first."""
    if not root.is_dir():
        return []
    found = []
    for path in root.iterdir():
        if (path / RECORD).is_file():
            try:
                found.append(RunFolder(path))
            except RunFolderError:
                continue
    return sorted(found, key=lambda run: (_started(run), run.id))


def find_run(root: Path, name: str) -> RunFolder:
    """A run by name, unique beginning of its name, path, or ``last``."""
    if (Path(name) / RECORD).is_file():
        return RunFolder(Path(name))
    runs = list_runs(root)
    if name == "last" and runs:
        return runs[-1]
    matches = [run for run in runs if run.id == name] or [
        run for run in runs if name and run.id.startswith(name)
    ]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise RunNotFoundError(
            f"run {name!r} is not unique under {root}: "
            + ", ".join(run.id for run in matches[:5])
            + "; give more of the name"
        )
    there = ", ".join(run.id for run in runs[-3:])
    raise RunNotFoundError(
        f"no run {name!r} under {root}; "
        + (f"the latest are {there}" if there else "there are no runs yet: `labctl run --help`")
    )


def _started(run: RunFolder) -> datetime:
    """When a run began; the local offset may differ between two runs (summer time)."""
    try:
        return datetime.fromisoformat(run.record["started"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError):
        return datetime.fromtimestamp(0, UTC)


def _read_arrays(path: Path, length: int | None) -> Iterator[NDArray[Any]]:
    """Arrays stored one after another, up to ``length`` bytes (None: none are committed yet)."""
    end = 0 if length is None else length
    with path.open("rb") as file:
        while file.tell() < end:
            yield np.load(file, allow_pickle=False)
