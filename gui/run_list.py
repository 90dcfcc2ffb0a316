"""The runs under a folder, looked at again and again in a thread."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSignal

from labctl.store.folder import RECORD, REMARKS, REPORT, RunFolder, RunFolderError
from labctl.store.ledger import LEDGER

PERIOD_S = 2.0
"""Between two scans, s."""

_Stamp = tuple[int, int, int]
"""Inode, size and time of a file: what changes when it is replaced or added to."""
_NO_FILE: _Stamp = (0, 0, 0)


@dataclass(frozen=True)
class RunLine:
    """One run as the browser shows it."""

    run: str
    path: Path
    procedure: str
    status: str
    """running, interrupted, success, aborted or failed."""
    kind: str
    """REAL, SIMULATED or REPLAY."""
    bench: str
    """Name of the bench."""
    die: str
    """Empty for a fresh simulated one."""
    started: str
    """ISO 8601, local time of the machine that measured."""
    ended: str
    headline: str
    """The conditions in one line."""
    note: str
    """What people said of it, the latest last."""
    has_report: bool


@dataclass(frozen=True)
class _Known:
    """A run as last read, and the stamps of what it was read from; None: not readable."""

    stamps: tuple[_Stamp, _Stamp]
    folder: RunFolder | None
    note: str


class RunList(QObject):
    """Tells of the runs under a folder whenever one of them changes."""

    changed = pyqtSignal(object)
    """tuple[RunLine, ...], newest first."""

    ledger_changed = pyqtSignal()
    """Pulses were booked in the wear ledger beside the runs."""

    def __init__(self, root: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._root = root
        self._known: dict[Path, _Known] = {}
        self._wake = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._watch, name="run list", daemon=True)

    def begin(self) -> None:
        """Start to look."""
        self._thread.start()

    def end(self) -> None:
        """Stop to look, soon; does not wait for it."""
        self._ended = True
        self._wake.set()

    def refresh(self) -> None:
        """Look again now."""
        self._wake.set()

    # --- the thread ----------------------------------------------------------------------------

    def _watch(self) -> None:
        told: tuple[RunLine, ...] | None = None
        ledger = self._look_at_ledger()
        while not self._ended:
            self._wake.clear()
            before, ledger = ledger, self._look_at_ledger()
            if ledger != before and not self._ended:
                with suppress(RuntimeError):
                    self.ledger_changed.emit()
            lines = self._scan()
            if lines != told and not self._ended:
                told = lines
                # A window that is closed meanwhile has deleted this object's other half.
                with suppress(RuntimeError):
                    self.changed.emit(lines)
            self._wake.wait(PERIOD_S)

    def _look_at_ledger(self) -> tuple[_Stamp, _Stamp]:
        """Changes with what is booked, and not when somebody only reads."""
        log = _stamp(self._root / f"{LEDGER}-wal")
        return _stamp(self._root / LEDGER), log if log[1] else _NO_FILE

    def _scan(self) -> tuple[RunLine, ...]:
        """All readable runs; records are read only where they are new or have changed."""
        try:
            paths = [path for path in self._root.iterdir() if path.is_dir()]
        except OSError:
            paths = []
        self._known = {path: self._look(path) for path in paths}
        lines = (_line(known) for known in self._known.values())
        readable = [line for line in lines if line is not None]
        return tuple(sorted(readable, key=_begin, reverse=True))

    def _look(self, path: Path) -> _Known:
        stamps = _stamp(path / RECORD), _stamp(path / REMARKS)
        known = self._known.get(path)
        if known is not None and known.stamps == stamps:
            return known
        folder, note = None, ""
        with suppress(RunFolderError, OSError, ValueError, KeyError):
            if stamps[0] != _NO_FILE:
                folder = RunFolder(path)
                note = "; ".join(said["text"] for said in folder.remarks())
        return _Known(stamps, folder, note)


def _line(known: _Known) -> RunLine | None:
    """None for what is no readable run."""
    folder = known.folder
    if folder is None:
        return None
    record = folder.record
    return RunLine(
        run=folder.id,
        path=folder.path,
        procedure=str(record.get("procedure") or ""),
        status=folder.status,
        kind=folder.kind,
        bench=str((record.get("bench") or {}).get("name") or ""),
        die=str((record.get("die") or {}).get("name") or ""),
        started=str(record.get("started") or ""),
        ended=str(record.get("ended") or ""),
        headline=str(record.get("headline") or ""),
        note=known.note,
        has_report=(folder.path / REPORT).is_file(),
    )


def _begin(line: RunLine) -> tuple[float, str]:
    """Orders runs, oldest first; the local offset may differ between two runs (summer time)."""
    try:
        started = datetime.fromisoformat(line.started).astimezone(UTC).timestamp()
    except ValueError:
        started = 0.0
    return started, line.run


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:
        return _NO_FILE
    return found.st_ino, found.st_size, found.st_mtime_ns
