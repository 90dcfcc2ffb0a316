"""The journal of a run: one event a line, and what a step's end mark commits."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STEP_END = "step_end"
_OF_PULSES = "wear_"
"""How the name of every event begins that books pulses."""


@dataclass(frozen=True)
class StepEnd:
    """A step's end mark: with it on disk, the step counts.

    ``lengths`` and ``checksums`` (CRC-32) are those of each data file at that moment, ``offset`` is
    where the journal's next line begins; ``die`` names the snapshot of the simulated die.
    ``spent`` holds ``wall_time_s`` and ``bench_time_s`` of all steps so far, as the record does.
    """

    step: int
    lengths: Mapping[str, int]
    checksums: Mapping[str, int]
    die: str | None
    spent: Mapping[str, Any]
    offset: int


class Journal:
    """A run's ``journal.jsonl``, readable while it grows.

    What was read is kept until the file has grown: each call sees the file as it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._size = -1
        self._events: list[dict[str, Any]] = []
        self._offsets: list[int] = []

    def events(self) -> Sequence[dict[str, Any]]:
        """All events up to the first line that is damaged or was cut short."""
        self._read()
        return self._events

    def events_from(self, offset: int) -> Sequence[dict[str, Any]]:
        """The events behind a byte of the file, such as where an end mark ends."""
        self._read()
        return self._events[bisect_right(self._offsets, offset) :]

    def events_until(self, offset: int) -> Sequence[dict[str, Any]]:
        """The events before a byte of the file."""
        self._read()
        return self._events[: bisect_right(self._offsets, offset)]

    def last_step_end(self) -> StepEnd | None:
        """The last end mark; None before the first."""
        self._read()
        for event, offset in zip(reversed(self._events), reversed(self._offsets), strict=True):
            if event.get("event") == STEP_END:
                return _step_end(event, offset)
        return None

    def step_ends(self) -> list[StepEnd]:
        """All end marks, oldest first."""
        self._read()
        return [
            _step_end(event, offset)
            for event, offset in zip(self._events, self._offsets, strict=True)
            if event.get("event") == STEP_END
        ]

    def sound_length(self) -> int:
        """Bytes up to the end of the last line that can be read."""
        self._read()
        return self._offsets[-1] if self._offsets else 0

    def line_damaged_before_others(self) -> int | None:
        """The number, from 1, of a damaged line that a step's end or a booking stands behind.

        No crash leaves that: each of them waited for the disk with all that stood before. None if
        there is no such line.
        """
        sound = self.sound_length()
        if not self._size:
            return None
        with self.path.open("rb") as file:
            file.seek(sound)
            behind = any(_must_not_be_lost(line) for line in file)
        return len(self._events) + 1 if behind else None

    def _read(self) -> None:
        """Read what has been added since the last call; all again if the file was cut."""
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            size = 0
        if size == self._size:
            return
        if size < self._size:
            self._events, self._offsets = [], []
        self._size = size
        for line, offset in self._new_lines():
            try:
                event = json.loads(line)
            except ValueError:
                return
            if not isinstance(event, dict) or "event" not in event:
                return
            self._events.append(event)
            self._offsets.append(offset)

    def _new_lines(self) -> Iterator[tuple[bytes, int]]:
        """Whole lines behind those that are known, each with where it ends."""
        offset = self._offsets[-1] if self._offsets else 0
        if not self._size:
            return
        with self.path.open("rb") as file:
            file.seek(offset)
            for line in file:
                offset += len(line)
                if line.endswith(b"\n"):
                    yield line, offset


def _must_not_be_lost(line: bytes) -> bool:
    """Whether a line is whole and tells of a step's end or of pulses."""
    try:
        event = json.loads(line)
    except ValueError:
        return False
    what = event.get("event") if isinstance(event, dict) else None
    return isinstance(what, str) and (what == STEP_END or what.startswith(_OF_PULSES))


def _step_end(event: Mapping[str, Any], offset: int) -> StepEnd:
    """The end mark of an event whose line ends at ``offset``."""
    return StepEnd(
        step=int(event["step"]),
        lengths=event["lengths"],
        checksums=event.get("checksums", {}),
        die=event.get("die"),
        spent=event.get("spent", {}),
        offset=offset,
    )
