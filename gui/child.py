"""A `labctl` process that the window starts and that outlives it.

Nothing of the run is in the window: the process has a session of its own (POSIX) or a group and
console of its own (Windows), and goes on when nobody reads what it tells.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from PyQt6.QtCore import QObject, pyqtSignal

_MARK = "labctl: "
"""Begins what a command says of its own end, on standard error."""


class RunChild(QObject):
    """One command, begun once; threads start it and read what it tells."""

    opened = pyqtSignal(object)
    """Path of the run's folder."""

    noted = pyqtSignal(str)
    """Something a user should know."""

    refused = pyqtSignal(str, str)
    """Option of ``labctl resume`` with which the run would go on, and why it does not; then it
    ends."""

    ended = pyqtSignal(int, str)
    """Exit status, and a sentence: why it was refused, or how it ended; empty for a success."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.running = False
        """From `begin` until just before `ended`."""

    def begin(self, arguments: Sequence[str]) -> None:
        """Start ``labctl`` with these arguments and ``--events``; returns at once."""
        assert not self.running
        self.running = True
        command = [sys.executable, "-m", "labctl.cli", *arguments, "--events"]
        threading.Thread(
            target=self._carry_out, args=(command,), name="labctl process", daemon=True
        ).start()

    # --- the threads ---------------------------------------------------------------------------

    def _carry_out(self, command: list[str]) -> None:
        try:
            process = _start(command)
        except OSError as error:
            self._end(-1, f"{command[0]} could not be started: {error}")
            return
        assert process.stdout is not None
        assert process.stderr is not None
        said: list[str] = []
        listener = threading.Thread(target=_collect, args=(process.stderr, said), daemon=True)
        listener.start()
        with process.stdout as told:
            for line in told:
                self._pass_on(line)
        listener.join()
        self._end(process.wait(), _sentence(said))

    def _pass_on(self, line: str) -> None:
        """One event of ``--events``."""
        try:
            event = json.loads(line)
            kind = event["event"]
        except (ValueError, TypeError, KeyError):
            return
        if kind == "opened":
            self._emit("opened", Path(event["path"]))
        elif kind == "note":
            self._emit("noted", event["text"])
        elif kind == "refused":
            self._emit("refused", event["option"], event["reason"])

    def _end(self, status: int, sentence: str) -> None:
        self.running = False
        self._emit("ended", status, sentence)

    def _emit(self, signal: str, *content: Any) -> None:
        """A window that is closed meanwhile has deleted this object's other half."""
        with suppress(RuntimeError):
            getattr(self, signal).emit(*content)


def _start(command: list[str]) -> subprocess.Popen[str]:
    """A process that neither a closed terminal nor a Ctrl-C meant for the window can reach."""
    apart: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        apart = {"creationflags": flags}
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        **apart,
    )


def _collect(stream: IO[str], lines: list[str]) -> None:
    with stream:
        lines.extend(line.rstrip() for line in stream)


def _sentence(said: Sequence[str]) -> str:
    """What the command said of its end: from its own mark on, else its last line."""
    for number, line in enumerate(said):
        if line.startswith(_MARK):
            return "\n".join([line.removeprefix(_MARK), *said[number + 1 :]])
    return next((line for line in reversed(said) if line), "")
