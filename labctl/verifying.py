"""``labctl verify``: whether a stored run is what was written, and says what its data say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from labctl.report import summarise
from labctl.store.folder import SUMMARY, RunFolder, RunFolderError
from labctl.store.journal import StepEnd
from labctl.store.ledger import booked_blocks
from labctl.store.wear import BlockState
from labctl.store.writer import checksum

_VOLATILE = ("report",)
"""What a summary holds of the folder itself, not of the measurement."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    ok: bool
    detail: str

    def as_dict(self) -> dict[str, Any]:
        """Plain types, for JSON and tables."""
        return asdict(self)


def verify(run: RunFolder) -> list[Finding]:
    """Look at checksums, counts, journal against data, and result against data."""
    mark = run.last_step_end()
    return [
        *_files(run, mark),
        _steps(run, mark),
        _arrays(run, mark),
        _bookings(run),
        _die(run, mark),
        _result(run),
    ]


def _files(run: RunFolder, mark: StepEnd | None) -> Iterator[Finding]:
    """Each data file has the length and the checksum that its last end mark tells."""
    for name, length in (mark.lengths if mark is not None else {}).items():
        path = run.path / name
        size = path.stat().st_size if path.is_file() else -1
        if size < length:
            there = "missing" if size < 0 else f"only {size} bytes long"
            yield Finding(name, False, f"{there}; the end mark tells of {length} bytes")
            continue
        same = mark is not None and checksum(path, length) == mark.checksums.get(name)
        beyond = f", {size - length} bytes behind it do not count" if size > length else ""
        told = "as written" if same else "NOT what was written: its checksum differs"
        yield Finding(name, same, f"{length} bytes, {told}{beyond}")


def _steps(run: RunFolder, mark: StepEnd | None) -> Finding:
    """Steps ended one after another, as many as the record says."""
    journal = run.path / "journal.jsonl"
    ended = [event["step"] for event in run.events() if event["event"] == "step_end"]
    done = run.record.get("steps_done")
    cut = journal.stat().st_size - run.journal.sound_length() if journal.exists() else 0
    if ended != list(range(len(ended))):
        return Finding("steps", False, f"the journal's end marks are out of order: {ended[:20]}")
    if cut and run.status == "success":
        return Finding("steps", False, f"the last {cut} bytes of the journal cannot be read")
    if done is not None and done != len(ended):
        return Finding("steps", False, f"{len(ended)} end marks, but the record says {done} steps")
    return Finding("steps", True, f"{len(ended)} ended, one after another")


def _arrays(run: RunFolder, mark: StepEnd | None) -> Finding:
    """Rows and arrays can be read up to the last end mark."""
    names = [name for name in (mark.lengths if mark is not None else {}) if name.endswith(".npys")]
    counts = []
    for name in names:
        array = name.removeprefix("arrays/").removesuffix(".npys")
        found, problem = _tried(partial(run.array, array))
        if problem:
            return Finding("arrays", False, problem)
        counts.append(f"{array} {len(found)}")
    rows, problem = _tried(run.results)
    if problem:
        return Finding("arrays", False, problem)
    return Finding("arrays", True, f"{len(rows)} rows; records: {', '.join(counts) or 'none'}")


def _bookings(run: RunFolder) -> Finding:
    """Every booked block was confirmed, or stands as unconfirmed for a reason."""
    found, problem = _tried(lambda: booked_blocks(run))
    if problem:
        return Finding("bookings", False, problem)
    states = [block.state for block in found]
    open_blocks = states.count(BlockState.PLANNED)
    told = (
        f"{len(found)} blocks of pulses, {open_blocks} of them unconfirmed, "
        f"{states.count(BlockState.VOID)} void"
    )
    return Finding("bookings", not (open_blocks and run.status == "success"), told)


def _die(run: RunFolder, mark: StepEnd | None) -> Finding:
    """The snapshot of the simulated die that the last end mark names is there."""
    if mark is None or mark.die is None:
        return Finding("die", True, "no snapshot: a real die, or no step has ended")
    there = (run.path / mark.die).is_file()
    return Finding("die", there, f"{mark.die} is {'there' if there else 'MISSING'}")


def _result(run: RunFolder) -> Finding:
    """The stored result is what the stored data give now."""
    stored, problem = _tried(lambda: json.loads((run.path / SUMMARY).read_text(encoding="utf-8")))
    if problem:
        return Finding("result", run.status != "success", f"no stored result to compare: {problem}")
    now, problem = _tried(lambda: json.loads(json.dumps(summarise(run))))
    if problem:
        return Finding("result", False, problem)
    differing = [
        name
        for name in {*stored, *now}
        if name not in _VOLATILE and stored.get(name) != now.get(name)
    ]
    if differing:
        return Finding("result", False, f"the data now give another {', '.join(sorted(differing))}")
    return Finding("result", True, "the stored data give the stored result")


def _tried(read: Callable[[], Any]) -> tuple[Any, str]:
    """What was read, and what went wrong with it."""
    try:
        return read(), ""
    except (RunFolderError, OSError, ValueError, KeyError) as error:
        return None, str(error)
