"""A run folder being written: append, commit step by step, and go on after an interruption."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from labctl.store import files
from labctl.store.folder import ARRAYS, JOURNAL, RECORD, RESULTS, RunFolder, RunFolderError
from labctl.store.journal import STEP_END, StepEnd
from labctl.store.processes import birth

_PIECE = 1 << 20


class RunWriter(RunFolder):
    """A run being written. Raises OSError if anything cannot be written; nothing is dropped."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._files: dict[str, _DataFile] = {}
        self._journal_file: IO[bytes] | None = None
        self._synced: dict[str, int] = {}

    @classmethod
    def create(cls, root: Path, procedure: str, record: dict[str, Any]) -> RunWriter:
        """Make a new folder under ``root`` and write the record first of all."""
        root.mkdir(parents=True, exist_ok=True)
        begin = datetime.now(UTC).astimezone()
        stem = f"{begin:%Y%m%d-%H%M%S}-{procedure}"
        path, count = root / stem, 1
        while True:
            try:
                path.mkdir()
                break
            except FileExistsError:
                count += 1
                path = root / f"{stem}-{count}"
        (path / ARRAYS).mkdir()
        files.sync_folder(root)
        opened = {
            "run": path.name,
            "procedure": procedure,
            "started": begin.isoformat(timespec="milliseconds"),
            "ended": None,
            "status": None,
            "reason": None,
            "owner": _owner(),
            **record,
        }
        files.replace_json(path / RECORD, opened)
        return cls(path)

    @classmethod
    def reopen(cls, path: Path) -> RunWriter:
        """Go on with a run: everything behind its last end mark is cut off from the data files.

        The journal keeps what came after the mark, so that nobody forgets pulses; only a line that
        a crash left unfinished goes. Raises `RunFolderError` if the data up to the mark are not
        what was written, or if steps or bookings stand behind a damaged line of the journal; then
        nothing has been changed.
        """
        writer = cls(path)
        writer.require_whole_journal()
        mark = writer.last_step_end()
        lengths = {} if mark is None else mark.lengths
        if mark is not None:
            writer._require_what_was_written(mark)
        _clear(path, None if mark is None else mark.die)
        for file in [path / RESULTS, *sorted((path / ARRAYS).glob("*.npys"))]:
            name = file.relative_to(path).as_posix()
            if name not in lengths:
                file.unlink(missing_ok=True)
            else:
                _cut(file, lengths[name])
        journal = path / JOURNAL
        if journal.exists():
            _cut(journal, writer.journal.sound_length())
        (path / ARRAYS).mkdir(exist_ok=True)
        for name in lengths:
            # Each mark tells of all files, also of those that nobody appends to any more.
            writer._file(name)
        writer.update(status=None, reason=None, ended=None, owner=_owner())
        return writer

    def update(self, **changes: Any) -> None:
        """Change entries of the record on disk."""
        self.record.update(changes)
        files.replace_json(self.path / RECORD, self.record)

    def append_row(self, line: str) -> None:
        """Append one formatted row to ``results.csv``; durable with the step's end mark."""
        self._file(RESULTS).append(line.encode("utf-8") + b"\n")

    def append_array(self, name: str, record: NDArray[Any]) -> None:
        """Append a record of an array; durable with the step's end mark."""
        file = self._file(f"{ARRAYS}/{name}.npys")
        np.save(file, np.asarray(record), allow_pickle=False)
        file.flush()

    def append_event(self, event: str, durable: bool = False, **fields: Any) -> None:
        """Append one line to the journal; ``durable`` waits for the disk."""
        line = json.dumps({"event": event, **fields}, ensure_ascii=False, allow_nan=False)
        if self._journal_file is None:
            self._journal_file = (self.path / JOURNAL).open("ab")
            files.sync_folder(self.path)
        self._journal_file.write(line.encode("utf-8") + b"\n")
        if durable:
            files.sync(self._journal_file)
        else:
            self._journal_file.flush()

    def end_step(self, step: int, **fields: Any) -> None:
        """Commit a step: its rows and arrays reach the disk, then its end mark does."""
        lengths = {name: file.length for name, file in self._files.items()}
        grown = [f for name, f in self._files.items() if f.length != self._synced.get(name)]
        # At once: a disk takes hardly longer for all of them than for one.
        with ThreadPoolExecutor() as pool:
            list(pool.map(_DataFile.sync, grown))
        has_new_file = lengths.keys() != self._synced.keys()
        if has_new_file:
            files.sync_folder(self.path / ARRAYS)
        # The snapshot of the die is a new name too.
        if has_new_file or "die" in fields:
            files.sync_folder(self.path)
        self._synced = lengths
        checksums = {name: file.checksum for name, file in self._files.items()}
        self.append_event(
            STEP_END, durable=True, step=step, lengths=lengths, checksums=checksums, **fields
        )

    def close(self, status: str, reason: str | None, **fields: Any) -> None:
        """Close the files and the record."""
        ended = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
        with contextlib.suppress(OSError):
            # A record that says how it ended stands for a whole journal.
            if self._journal_file is not None and not self._journal_file.closed:
                files.sync(self._journal_file)
        for file in [*self._files.values(), self._journal_file]:
            # What could not be written is behind the last end mark, so it does not count.
            with contextlib.suppress(OSError):
                if file is not None:
                    file.close()
        self.update(status=status, reason=reason, ended=ended, **fields)

    def _require_what_was_written(self, mark: StepEnd) -> None:
        """Raise `RunFolderError` unless each file holds what its end mark tells."""
        for name, length in mark.lengths.items():
            file = self.path / name
            size = file.stat().st_size if file.is_file() else 0
            if size < length:
                damage = f"only {size} of {length} bytes are there"
            elif checksum(file, length) != mark.checksums.get(name):
                damage = "its checksum differs"
            else:
                continue
            raise RunFolderError(
                f"run {self.id} cannot be gone on with: {file} is not what was written up to step "
                f"{mark.step} ({damage}); put back a copy of it, or begin a new run"
            )

    def _file(self, name: str) -> _DataFile:
        """A data file, open for appending. PyMeasure writes the head of the results."""
        if name not in self._files:
            self._files[name] = _DataFile(self.path / name)
        return self._files[name]


class _DataFile:
    """A file that is only appended to; its length and CRC-32 go into each end mark.

    numpy writes into it as into any file.
    """

    def __init__(self, path: Path) -> None:
        self.checksum = checksum(path) if path.exists() else 0
        self._file = path.open("ab")
        self.length = self._file.tell()

    def write(self, content: Any) -> int:
        """Append bytes; they reach the system with `flush`."""
        written = self._file.write(content)
        self.length += written
        self.checksum = zlib.crc32(content, self.checksum)
        return written

    def append(self, content: bytes) -> None:
        """Append bytes and hand them to the system."""
        self.write(content)
        self.flush()

    def flush(self) -> None:
        """Hand everything to the system."""
        self._file.flush()

    def sync(self) -> None:
        """Everything to the disk itself."""
        files.sync(self._file)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def checksum(path: Path, length: int | None = None) -> int:
    """CRC-32 of a file's first ``length`` bytes, of all of them without one."""
    value, left = 0, path.stat().st_size if length is None else length
    with path.open("rb") as file:
        while left > 0:
            piece = file.read(min(left, _PIECE))
            if not piece:
                break
            value = zlib.crc32(piece, value)
            left -= len(piece)
    return value


def _owner() -> dict[str, Any]:
    return {"pid": os.getpid(), "host": platform.node(), "birth": birth(os.getpid())}


def _clear(path: Path, die: str | None) -> None:
    """Remove what a crash left: files half written, and dies other than the last end mark's."""
    for file in [*path.glob("*.new"), *path.glob("*.part"), *path.glob("die-*.npz")]:
        if file.name != die:
            file.unlink()


def _cut(path: Path, length: int) -> None:
    """Cut a file behind ``length`` bytes, durably."""
    with path.open("r+b") as file:
        file.truncate(length)
        files.sync(file)
