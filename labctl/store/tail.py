"""Following a run folder while it grows: what is new since the last look, read once.

Rows and arrays are told when their step's end mark is there: what is told is on the disk, and a
run that is gone on with later keeps it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.store.folder import JOURNAL, RECORD, RESULTS, RunFolder, RunFolderError
from labctl.store.growing import GrowingLines, GrowingRecords, GrowingRows
from labctl.store.journal import STEP_END
from labctl.store.wear import Booking

_DAMAGE = (OSError, ValueError, EOFError, KeyError, TypeError)
_BOOKINGS = frozenset({"wear_planned", "wear_confirmed", "wear_cut", "wear_void"})


@dataclass(frozen=True, eq=False)
class News:
    """What a run tells since the last look. Rows, arrays and end mark of a step come together.

    The rows of a long step may come in pieces before its end mark.
    """

    restarted: bool
    """What was told before no longer holds, as lines were cut off the journal: begin anew."""
    events: list[dict[str, Any]] = field(default_factory=list)
    """The journal's events, bookings of pulses left out."""
    rows: dict[str, NDArray[Any]] = field(default_factory=dict)
    """Rows of ``results.csv`` by column: float64 (n,), or text, an object array of str (n,).

    A column that has had no text yet is float64, NaN where nothing stands.
    """
    arrays: dict[str, list[NDArray[Any]]] = field(default_factory=dict)
    """Records by the name of their array."""
    pulses: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    """Kind to pulses booked, (rows, columns, 2); negative where a block was cut short or void."""


class RunTail:
    """One run folder, followed. Raises `RunFolderError` where it cannot be read.

    ``folder`` has the record as it stood at the last look. ``caught_up``: the last look reached
    the end of what is there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = RunFolder(path)
        self.caught_up = False
        self._record_state = _state(path / RECORD)
        self._begin_anew()

    def poll(self, most_bytes: int = 1 << 20) -> News | None:
        """What is new, None for nothing; about ``most_bytes`` at most, the rest at the next call.

        The arrays of one step come together, however large they are. What stands before damage is
        told first, the next call raises.
        """
        self._look_at_record()
        events: list[dict[str, Any]] = []
        arrays: dict[str, list[NDArray[Any]]] = {}
        restarted, problem = False, None
        try:
            restarted = not self._journal.is_as_told()
            if restarted:
                self._begin_anew()
            self.caught_up = self._take_in(events, arrays, most_bytes)
        except _DAMAGE as error:
            problem = error
        news = News(restarted, events, self._rows.take(), arrays, self._booked.take())
        if restarted or events or news.rows or arrays or news.pulses:
            return news
        if problem is not None:
            raise RunFolderError(f"run {self.folder.id} cannot be followed: {problem}")
        return None

    def _look_at_record(self) -> None:
        """Read the record again if it was replaced."""
        state = _state(self.path / RECORD)
        if state != self._record_state:
            self.folder = RunFolder(self.path)
            self._record_state = state

    def _begin_anew(self) -> None:
        self._journal = GrowingLines(self.path / JOURNAL)
        self._rows = GrowingRows(self.path / RESULTS)
        self._records: dict[str, GrowingRecords] = {}
        self._booked = _Booked()

    def _take_in(
        self,
        events: list[dict[str, Any]],
        arrays: dict[str, list[NDArray[Any]]],
        most_bytes: int,
    ) -> bool:
        """Read the journal's next events and their data; whether that was all there is."""
        for line in self._journal.lines():
            if most_bytes <= 0:
                return False
            event = _event(line)
            if event is None:
                return True
            most_bytes -= len(line)
            if event["event"] == STEP_END:
                rows_end = event["lengths"].get(RESULTS, 0)
                most_bytes -= self._rows.read(rows_end, most_bytes)
                if self._rows.left(rows_end):
                    return False
                most_bytes -= self._read_arrays(event["lengths"], arrays)
            if not self._booked.take_in(event):
                events.append(event)
            self._journal.told(line)
        return True

    def _read_arrays(
        self, lengths: Mapping[str, int], arrays: dict[str, list[NDArray[Any]]]
    ) -> int:
        """Read all records up to a step's end mark, or none of them; how many bytes they are."""
        found, size = [], 0
        for file, until in lengths.items():
            if not file.endswith(".npys"):
                continue
            records = self._records.setdefault(file, GrowingRecords(self.path / file))
            size += records.left(until)
            found.append((PurePosixPath(file).stem, records.read(until), records, until))
        for name, new, records, until in found:
            if new:
                arrays.setdefault(name, []).extend(new)
            records.told(until)
        return size


class _Booked:
    """Pulses booked since the last take.

    Blocks behind the last end mark are kept: they may yet be cut short, or void when the run is
    gone on with from that mark.
    """

    def __init__(self) -> None:
        self._open: dict[int, list[dict[str, Any]]] = {}
        self._sums: dict[str, NDArray[np.int64]] = {}

    def take_in(self, event: dict[str, Any]) -> bool:
        """Whether the event is a booking."""
        kind = event["event"]
        if kind == "wear_planned":
            self._replace(event["block"], event["pulses"], before=[])
        elif kind == "wear_cut":
            self._replace(event["block"], event["pulses"], self._open.get(event["block"], []))
        elif kind == "wear_void":
            for block in event["blocks"]:
                self._replace(block, [], self._open.get(block, []))
        elif kind == STEP_END:
            self._open.clear()
        return kind in _BOOKINGS

    def take(self) -> dict[str, NDArray[np.int64]]:
        """Kind to pulses."""
        taken, self._sums = self._sums, {}
        return taken

    def _replace(
        self, block: int, pulses: list[dict[str, Any]], before: list[dict[str, Any]]
    ) -> None:
        """A block is now booked with ``pulses``; it was with ``before``."""
        self._open[block] = pulses
        for sign, told in ((1, pulses), (-1, before)):
            for booked in told:
                counts = sign * Booking.from_event(booked).counts.astype(np.int64)
                kind = booked["kind"]
                self._sums[kind] = self._sums[kind] + counts if kind in self._sums else counts


def _event(line: bytes) -> dict[str, Any] | None:
    """An event of the journal; None for a damaged line, behind which nothing can be known."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None


def _state(path: Path) -> tuple[int, int, int]:
    """What changes when a file is replaced; raises `RunFolderError` if there is none."""
    try:
        found = path.stat()
    except OSError as error:
        raise RunFolderError(f"{path.parent} is not a readable run folder: {error}") from None
    return found.st_ino, found.st_size, found.st_mtime_ns
