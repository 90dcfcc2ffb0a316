"""Stopping a run from another process: ``labctl stop``, and the window's buttons.

A file in the run folder asks; the run looks for it ten times a second. The file tells for which
process it is meant, so that one left over from a crash stops no run that is gone on with.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from labctl.observing import Stop, StopRequest
from labctl.store.folder import RunFolder

_LEVELS = (Stop.EMERGENCY, Stop.WITHIN_STEP, Stop.AFTER_STEP)
_LOOK_S = 0.1
"""Between two looks for a file, s."""
_BETWEEN_S = 0.2
"""Between two signals, s: they are to be counted as two."""


class StopError(ValueError):
    """A run that cannot be asked to stop, and why."""


def ask_to_stop(folder: RunFolder, level: Stop) -> None:
    """Ask a running run to end in this way; returns before it does.

    Raises `StopError` if it is not running, or if nothing can reach it.
    """
    if folder.status != "running":
        raise StopError(f"run {folder.id} cannot be stopped: it is not running ({folder.status})")
    owner = folder.record["owner"]
    try:
        # A file for each level: who asks softly does not take back what another has asked.
        stop_file(folder.path, level).write_text(json.dumps(owner), encoding="utf-8")
    except OSError as error:
        _signal(folder, owner, level, error)


@contextmanager
def stop_files_heeded(folder: RunFolder, stop: StopRequest) -> Iterator[None]:
    """Meanwhile what a file asks of the run is asked of ``stop``.

    In a thread, since the main one is busy while the bench is opened or a die re-checked.
    """
    ended = threading.Event()

    def look() -> None:
        level = asked_to_stop(folder.path, folder.record["owner"])
        if level > stop.level:
            stop.ask(level)

    def listen() -> None:
        while not ended.wait(_LOOK_S):
            look()

    look()
    thread = threading.Thread(target=listen, name="stop files", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def asked_to_stop(path: Path, owner: Any) -> Stop:
    """How the run in a folder is asked to end; ``owner``: the process that it must be meant for."""
    for level in _LEVELS:
        # A file that is still being written is read at the next look.
        with suppress(OSError, ValueError):
            if json.loads(stop_file(path, level).read_text(encoding="utf-8")) == owner:
                return level
    return Stop.NOT


def forget_stops(path: Path) -> None:
    """Remove what asked the run in a folder to end."""
    for level in _LEVELS:
        with suppress(OSError):
            stop_file(path, level).unlink()


def stop_file(path: Path, level: Stop) -> Path:
    """What asks the run in a folder to end in this way."""
    return path / f"stop-{level.name.lower().replace('_', '-')}.json"


def _signal(folder: RunFolder, owner: dict[str, Any], level: Stop, error: OSError) -> None:
    """Ask by signals where the folder cannot be written, as on a full disk."""
    if sys.platform == "win32":
        raise StopError(
            f"run {folder.id} could not be asked to stop ({error}): press Ctrl-C where it was "
            "started"
        ) from None
    signals = {
        Stop.AFTER_STEP: [signal.SIGINT],
        Stop.WITHIN_STEP: [signal.SIGTERM],
        Stop.EMERGENCY: [signal.SIGINT, signal.SIGINT, signal.SIGINT],
    }[level]
    try:
        for number in signals:
            os.kill(owner["pid"], number)
            time.sleep(_BETWEEN_S)
    except OSError as problem:
        raise StopError(
            f"run {folder.id} could not be asked to stop, neither by a file ({error}) nor by a "
            f"signal ({problem})"
        ) from None
