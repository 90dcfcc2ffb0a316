"""Files of a run that grow while they are read: lines, rows and records behind what is known."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NOT_A_NUMBER = ("nan", "")


class GrowingLines:
    """The whole lines of a file, each told once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._end = 0
        self._last = b""

    def is_as_told(self) -> bool:
        """Whether what was told is still there: the last line told tells it."""
        if not self._end:
            return True
        try:
            with self._path.open("rb") as file:
                file.seek(self._end - len(self._last))
                return file.read(len(self._last)) == self._last
        except FileNotFoundError:
            return False

    def has_more(self) -> bool:
        """Whether anything stands behind the last line told."""
        try:
            return self._path.stat().st_size > self._end
        except FileNotFoundError:
            return False

    def lines(self) -> Iterator[bytes]:
        """The lines behind the last one told; each counts as told once `told` has been called."""
        if not self.has_more():
            return
        with self._path.open("rb") as file:
            file.seek(self._end)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                yield line

    def told(self, line: bytes) -> None:
        """The next line begins behind this one."""
        self._end += len(line)
        self._last = line


class GrowingRows:
    """The rows of a ``results.csv``, by column, each told once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._end = 0
        self._columns: list[str] = []
        self._texts: set[str] = set()
        self._unparsed: list[bytes] = []

    def read(self, until: int, most_bytes: int) -> int:
        """Read whole rows up to byte ``until``, about ``most_bytes`` of them; how many it were.

        Raises ValueError if there are fewer.
        """
        if not self.left(until):
            return 0
        with self._path.open("rb") as file:
            file.seek(self._end)
            piece = file.read(min(until - self._end, max(most_bytes, 1)))
            if not piece.endswith(b"\n"):
                piece += file.readline()
        if not piece.endswith(b"\n") or self._end + len(piece) > until:
            raise ValueError(f"{self._path} holds less than the journal tells")
        self._end += len(piece)
        self._unparsed.append(piece)
        return len(piece)

    def left(self, until: int) -> int:
        """Bytes up to ``until`` that have not been read."""
        return max(until - self._end, 0)

    def take(self) -> dict[str, NDArray[Any]]:
        """What was read since the last take, by column; empty if there are no rows."""
        content = self._without_head(b"".join(self._unparsed))
        self._unparsed.clear()
        if not content:
            return {}
        import pandas as pd

        frame = pd.read_csv(
            BytesIO(content),
            names=self._columns,
            dtype=dict.fromkeys(self._texts, str),
            na_values=list(_NOT_A_NUMBER),
            keep_default_na=False,
            encoding="utf-8",
            low_memory=False,
        )
        numbers = {name for name in self._columns if frame[name].dtype.kind in "iuf"}
        self._texts |= set(self._columns) - numbers
        return {
            name: frame[name].to_numpy(np.float64)
            if name in numbers
            else frame[name].fillna("").astype(str).to_numpy(object)
            for name in self._columns
        }

    def _without_head(self, content: bytes) -> bytes:
        """The rows alone; PyMeasure writes comment lines and the columns before them."""
        while not self._columns and content:
            line, _, content = content.partition(b"\n")
            if not line.startswith(b"#"):
                self._columns = line.decode("utf-8").strip().split(",")
        return content


class GrowingRecords:
    """The records of an ``.npys`` file, each told once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._end = 0

    def read(self, until: int) -> list[NDArray[Any]]:
        """The records up to byte ``until``; they count as told once `told` has been called."""
        records = []
        if self.left(until):
            with self._path.open("rb") as file:
                file.seek(self._end)
                while file.tell() < until:
                    records.append(np.load(file, allow_pickle=False))
        return records

    def left(self, until: int) -> int:
        """Bytes up to ``until`` that have not been told."""
        return max(until - self._end, 0)

    def told(self, until: int) -> None:
        """The records up to byte ``until`` have been told."""
        self._end = until
