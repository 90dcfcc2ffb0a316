"""Rows of ``results.csv``, for plots of any column against any other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from labctl.store.folder import RunFolder
from labctl.store.tail import News

Floats = NDArray[np.float64]

CHUNK = 1 << 14
ROW_NUMBER = "Row of the file"
"""Name of a column that every run has: 0, 1, 2 and so on."""


class Column:
    """Numbers that are only ever added to: what was told once never changes."""

    def __init__(self) -> None:
        self._chunks: list[Floats] = []
        self._length = 0
        self._highest = -np.inf
        self.is_rising = True
        """No value is below one before it; NaN is none."""

    def add(self, values: Floats) -> None:
        """Append values (n,)."""
        known = values[np.isfinite(values)]
        if known.size and self.is_rising:
            steps = np.diff(known, prepend=self._highest)
            self.is_rising = bool((steps >= 0).all())
            self._highest = float(known[-1])
        while values.size:
            used = self._length % CHUNK
            if not used:
                self._chunks.append(np.empty(CHUNK))
            taken = min(CHUNK - used, values.size)
            self._chunks[-1][used : used + taken] = values[:taken]
            self._length += taken
            values = values[taken:]

    def part(self, begin: int, end: int) -> Floats:
        """Values ``begin`` to ``end``, the last one left out."""
        if end <= begin:
            return np.empty(0)
        first, last = begin // CHUNK, (end - 1) // CHUNK
        parts = [
            self._chunks[number][max(begin - number * CHUNK, 0) : end - number * CHUNK]
            for number in range(first, last + 1)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


class RowNumbers(Column):
    """The number of each row, stored nowhere."""

    def part(self, begin: int, end: int) -> Floats:
        """Numbers ``begin`` to ``end``, the last one left out."""
        return np.arange(begin, end, dtype=float)


@dataclass(frozen=True, eq=False)
class RowsPicture:
    """The first ``rows`` rows of a run.

    The columns grow on; what lies before ``rows`` does not change any more.
    """

    rows: int = 0
    columns: Mapping[str, Column] = field(default_factory=dict)
    """Columns of numbers, by name."""
    rising: frozenset[str] = frozenset()
    """Those whose values never fall."""


class RowsModel:
    """All columns of numbers of one run; text is left out."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._columns: dict[str, Column] = {}
        self._rows = 0
        self._text: set[str] = set()
        self.picture = RowsPicture()

    def absorb(self, folder: RunFolder, news: News) -> bool:
        """Take in new rows; whether there were any."""
        if news.restarted:
            self._begin()
        count = max((len(values) for values in news.rows.values()), default=0)
        if not count:
            return news.restarted
        text = {name for name, values in news.rows.items() if values.dtype == object}
        names = [name for name in news.rows if name not in text | self._text]
        self._text |= text
        if not self._columns:
            self._columns = {ROW_NUMBER: RowNumbers(), **{name: Column() for name in names}}
        else:
            self._columns = {n: c for n, c in self._columns.items() if n not in self._text}
        for name, column in self._columns.items():
            if name != ROW_NUMBER:
                column.add(np.asarray(news.rows[name], dtype=float))
        self._rows += count
        self.picture = RowsPicture(
            self._rows,
            MappingProxyType(self._columns),
            frozenset(name for name, column in self._columns.items() if column.is_rising),
        )
        return True
