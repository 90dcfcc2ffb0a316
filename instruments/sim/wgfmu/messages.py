"""Errors, warnings and log of the WGFMU library (instruments.md, section 1.7)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path as FilePath

from instruments.wgfmu.library import WarningLevel


@dataclass
class Messages:
    """What the library has to tell its client, and where it logs that."""

    queue: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    pending: list[tuple[WarningLevel, str]] = field(default_factory=list)
    """Warnings of the call that is being carried out."""
    reported: WarningLevel = WarningLevel.NORMAL
    as_errors: WarningLevel = WarningLevel.OFF
    log: FilePath | None = None

    def clear(self) -> None:
        """Forget all texts; levels and log file stay."""
        self.queue.clear()
        self.errors.clear()
        self.warnings.clear()

    def error(self, text: str) -> None:
        """Queue an error."""
        self.queue.append(text)
        self.errors.append(text)
        self._write(text)

    def warning(self, level: WarningLevel, text: str) -> None:
        """Keep a warning if its level is to be reported."""
        if level <= self.reported:
            self.note(text)

    def note(self, text: str) -> None:
        """Keep a warning."""
        self.warnings.append(text)
        self._write(text)

    def _write(self, text: str) -> None:
        if self.log is None:
            return
        try:
            with self.log.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError:
            # Its folder or disk is gone; that must not change what the call returns.
            self.log = None
