"""Which bits of which die are out of use, and since when: one line an event, never rewritten.

``retired.jsonl`` lies beside the ledger, which holds the same in a table and can be made again
from it.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from labctl.store import files

RETIRED = "retired.jsonl"
RETIRE, RESTORE = "retire", "restore"

Bit = tuple[int, int]
"""Row and column."""


@dataclass(frozen=True)
class Retirement:
    """Somebody took bits of a die out of use, or back into it; ``at`` is UTC, ISO 8601."""

    die: str
    action: str
    bits: Sequence[Bit]
    reason: str
    at: str
    by: str


def append_retirement(runs: Path, event: Retirement) -> None:
    """Write an event to the end of the file; on disk when this returns."""
    runs.mkdir(parents=True, exist_ok=True)
    line = json.dumps(asdict(event), ensure_ascii=False) + "\n"
    with (runs / RETIRED).open("a+b") as file:
        # A line that a crash cut short must not swallow this one.
        if file.tell():
            file.seek(-1, os.SEEK_END)
            line = line if file.read(1) == b"\n" else "\n" + line
        file.write(line.encode("utf-8"))
        files.sync(file)


def read_retirements(runs: Path) -> list[Retirement]:
    """All events, oldest first; a line that a crash cut short is left out."""
    try:
        lines = (runs / RETIRED).read_text(encoding="utf-8", errors="replace").split("\n")
    except FileNotFoundError:
        return []
    events = []
    for line in lines:
        with contextlib.suppress(ValueError):
            event = json.loads(line)
            bits = [(int(row), int(column)) for row, column in event["bits"]]
            events.append(Retirement(**{**event, "bits": bits}))
    return events


def retired_now(events: Iterable[Retirement]) -> dict[tuple[str, Bit], Retirement]:
    """Die and bit to the event that took it out of use, of those that are out of use now.

    >>> gone = Retirement("a", "retire", [(3, 7), (4, 0)], "stuck", "2026-11-22", "me")
    >>> back = Retirement("a", "restore", [(4, 0)], "", "2026-11-23", "me")
    >>> [bit for _, bit in retired_now([gone, back])]
    [(3, 7)]
    """
    now: dict[tuple[str, Bit], Retirement] = {}
    for event in events:
        for bit in event.bits:
            if event.action == RETIRE:
                now[event.die, bit] = event
            else:
                now.pop((event.die, bit), None)
    return now
