"""The end of a run's log as it grows."""

from __future__ import annotations

from pathlib import Path

MOST_BYTES = 1 << 18
"""Of a log that is longer, the end is read alone."""


class LogTail:
    """The lines of a log, each told once, of what is there at first the last `MOST_BYTES`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._end: int | None = None

    def poll(self) -> list[str]:
        """Whole lines behind the last one told; empty where the log cannot be read."""
        try:
            size = self._path.stat().st_size
            if self._end is None or size < self._end or size - self._end > MOST_BYTES:
                return self._read(max(size - MOST_BYTES, 0), size, cut=size > MOST_BYTES)
            return self._read(self._end, size) if size > self._end else []
        except OSError:
            return []

    def _read(self, begin: int, end: int, cut: bool = False) -> list[str]:
        """The whole lines between two bytes; ``cut``: it begins within a line."""
        with self._path.open("rb") as file:
            file.seek(begin)
            content = file.read(end - begin)
        if cut:
            skipped = content.find(b"\n") + 1
            begin, content = begin + skipped, content[skipped:]
        whole = content[: content.rfind(b"\n") + 1]
        self._end = begin + len(whole)
        return whole.decode("utf-8", errors="replace").splitlines()
