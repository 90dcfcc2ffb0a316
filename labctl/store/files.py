"""Writing so that it stays written: append and sync, or replace as a whole."""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path
from typing import IO, Any

_TRIES, _BETWEEN_S = 50, 0.02


def sync(file: IO[Any]) -> None:
    """Flush a file's buffers to the disk itself."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make a folder's entries durable where the system can (POSIX)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace(path: Path, content: bytes) -> None:
    """Replace a file as a whole: a reader sees the old or the new content, never a part.

    Its folder is made if there is none.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            sync(file)
        _put_in_place(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def _put_in_place(temporary: Path, path: Path) -> None:
    """Rename; where another program has the old file open, Windows refuses for as long."""
    for _ in range(_TRIES if os.name == "nt" else 0):
        try:
            temporary.replace(path)
            return
        except PermissionError:
            time.sleep(_BETWEEN_S)
    temporary.replace(path)


def replace_json(path: Path, content: object) -> None:
    """Replace a JSON file as a whole."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    replace(path, (text + "\n").encode("utf-8"))
