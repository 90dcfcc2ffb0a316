"""``--events``: a run told as JSON lines on standard output, for the window and other programs."""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import asdict
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from labctl.observing import Observer, Progress

if TYPE_CHECKING:
    from labctl.store.folder import RunFolder

_PATIENCE_S = 2.0
"""How long the end of a run waits for a reader that has not read everything, s."""


class EventLines(Observer):
    """Tells a run line by line; `close` when it has ended.

    A thread of its own writes: a reader that is slow, stopped or gone holds up no run and ends
    none.
    """

    def __init__(self, descriptor: int) -> None:
        """``descriptor``: of a file open for writing."""
        self._descriptor = descriptor
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="events", daemon=True)
        self._thread.start()

    def opened(self, folder: RunFolder) -> None:
        """Which run, and where."""
        self._tell("opened", run=folder.id, path=str(folder.path.absolute()), kind=folder.kind)

    def progress(self, progress: Progress) -> None:
        """A step begins or ends."""
        self._tell("progress", **asdict(progress))

    def note(self, sentence: str) -> None:
        """Something a user should know."""
        self._tell("note", text=sentence)

    def refused(self, option: str, sentence: str) -> None:
        """Why it does not go on, and the option with which it would."""
        self._tell("refused", option=option, reason=sentence)

    def ended(self, folder: RunFolder, summary: dict[str, Any]) -> None:
        """How the run ended, and what ``--json`` prints of it."""
        self._tell(
            "ended",
            **{"run": folder.id, "path": str(folder.path.absolute()), "status": folder.status},
            **{"reason": folder.record.get("reason"), "summary": summary},
        )

    def close(self) -> None:
        """Hand over what has been told, if the reader takes it soon."""
        self._lines.put(None)
        self._thread.join(_PATIENCE_S)

    def _tell(self, event: str, **content: Any) -> None:
        line = json.dumps({"event": event, **content}, ensure_ascii=False, allow_nan=False)
        self._lines.put(line.encode("utf-8") + b"\n")

    def _write(self) -> None:
        """Until `close`, or until nobody reads any more."""
        try:
            while (line := self._lines.get()) is not None:
                while line:
                    line = line[os.write(self._descriptor, line) :]
        except OSError:
            return


def events_on_stdout() -> EventLines:
    """Events on standard output itself, past Python's buffer.

    What is left in a buffer would fail when the interpreter ends, after the reader is gone.
    """
    sys.stdout.flush()
    return EventLines(sys.stdout.fileno())
