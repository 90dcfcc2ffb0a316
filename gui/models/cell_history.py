"""What every cell has been through in a run: read by read, or cycle by cycle of a cycled pair.

Memory is bounded: of the reads of the array the latest are kept, of cycled pairs groups with their
extremes. The picture says so.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gui.models.array import Cell, array_shape, pair_places, within_range
from gui.models.array_reads import OF_CYCLES, ArrayRead, ArrayReads
from gui.models.thinned import Groups, Thinned
from labctl.analysis.endurance import SenseCount

if TYPE_CHECKING:
    from labctl.store.folder import RunFolder
    from labctl.store.tail import News

BYTES = 10 << 20
"""For the reads of the array: 1024 reads of 32 x 32 bits. Drawing them all takes milliseconds."""
BLOCK = 64
"""Reads that lie in one piece of memory."""
GROUPS = 256
"""Of the readings of one cycled pair after one bit."""
COUNTS = 512
"""Counts of wrong bits kept of one cycled pair, the latest."""

_CYCLES_BETWEEN = 2
"""Cycles between two readings after the same bit."""


@dataclass(frozen=True, eq=False)
class ReadBlock:
    """Consecutive reads of the array; read-only."""

    written: NDArray[np.uint8]
    """(n, rows, columns); `NOT_READ` where unknown."""
    sensed: NDArray[np.uint8]
    """(n, rows, columns): 0, 1, `UNDECIDED`, `NOT_READ`."""
    ohm: NDArray[np.float32]
    """(n, rows, columns, 2); NaN where nothing valid was read."""


@dataclass(frozen=True, eq=False)
class CellReads:
    """The kept reads of one cell."""

    number: NDArray[np.int64]
    """Of each read in the run, from 1."""
    written: NDArray[np.uint8]
    sensed: NDArray[np.uint8]
    ohm: NDArray[np.float32]
    """(n, 2): BL, BLb."""


@dataclass(frozen=True, eq=False)
class PairHistory:
    """The cycles of one pair."""

    after: Mapping[int, Groups]
    """Programmed bit to the readings after it."""
    counts: tuple[SenseCount, ...]
    """Wrong bits of sensed cycles, the latest."""


@dataclass(frozen=True, eq=False)
class HistoryPicture:
    """The kept reads of the array and the cycled pairs."""

    shape: tuple[int, int]
    blocks: tuple[ReadBlock, ...]
    reads: int
    """In the run so far; the latest of them are in ``blocks``."""
    pairs: Mapping[Cell, PairHistory]

    @property
    def kept(self) -> int:
        """Reads in ``blocks``."""
        return sum(len(block.written) for block in self.blocks)

    def cell(self, cell: Cell) -> CellReads:
        """The kept reads of a cell."""
        row, column = cell
        none = [ReadBlock(*_empty(0, self.shape))]
        blocks = self.blocks or none
        return CellReads(
            number=np.arange(self.reads - self.kept, self.reads) + 1,
            written=np.concatenate([block.written[:, row, column] for block in blocks]),
            sensed=np.concatenate([block.sensed[:, row, column] for block in blocks]),
            ohm=np.concatenate([block.ohm[:, row, column] for block in blocks]),
        )


class CellHistoryModel:
    """Keeps the history of every cell, as far as memory allows."""

    def __init__(self, most_bytes: int = BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: _Kept | None = None

    def absorb(self, folder: RunFolder, news: News) -> bool:
        """Take in what is new; whether the picture changed."""
        first = self._kept is None or news.restarted
        if self._kept is None or news.restarted:
            self._kept = _Kept(array_shape(folder), self._most_bytes)
        return self._kept.absorb(news.arrays) or first

    @property
    def picture(self) -> HistoryPicture | None:
        """The history now; None before the first news."""
        return None if self._kept is None else self._kept.picture()


class _Kept:
    """What `CellHistoryModel` keeps."""

    def __init__(self, shape: tuple[int, int], most_bytes: int) -> None:
        self._shape = shape
        self._reads = ArrayReads(shape)
        of_read = sum(array[0].nbytes for array in _empty(1, shape))
        self._most_blocks = max(most_bytes // (of_read * BLOCK), 1)
        self._blocks: deque[ReadBlock] = deque()
        self._filled = BLOCK
        """Reads in the last block."""
        self._count = 0
        self._places: dict[str, dict[int, Cell]] = {"pairs": {}, "cycled_pairs": {}}
        self._pairs: dict[Cell, _Pair] = {}

    def absorb(self, arrays: Mapping[str, list[NDArray[Any]]]) -> bool:
        """Take in new records; whether there was anything."""
        before = self._count
        for read in self._reads.reads(arrays):
            self._append(read)
        return self._absorb_pairs(arrays) or self._count > before

    def picture(self) -> HistoryPicture:
        """Blocks are shared with this model: it only fills what the picture does not show."""
        filled = [BLOCK] * (len(self._blocks) - 1) + [self._filled]
        blocks = zip(self._blocks, filled, strict=False)
        return HistoryPicture(
            shape=self._shape,
            blocks=tuple(_first(block, count) for block, count in blocks),
            reads=self._count,
            pairs={cell: pair.picture() for cell, pair in self._pairs.items()},
        )

    def _append(self, read: ArrayRead) -> None:
        if self._filled == BLOCK:
            if len(self._blocks) > self._most_blocks:
                self._blocks.popleft()
            self._blocks.append(ReadBlock(*_empty(BLOCK, self._shape)))
            self._filled = 0
        block = self._blocks[-1]
        block.written[self._filled] = read.written
        block.sensed[self._filled] = read.sensed
        block.ohm[self._filled] = read.ohm
        self._filled += 1
        self._count += 1

    def _absorb_pairs(self, arrays: Mapping[str, list[NDArray[Any]]]) -> bool:
        for name, known in self._places.items():
            known |= pair_places(arrays, name)
        places, cycled = self._places["pairs"], self._places["cycled_pairs"]
        for name, of in (("window_counts", places), ("cycled_counts", cycled)):
            for record in arrays.get(name, []):
                count = SenseCount(*record.tolist())
                self._pair(of[count.pair]).count(count)
        if OF_CYCLES in arrays:
            names = (OF_CYCLES, "resistance", "censored", "resistance_range")
            for of, ohm, code, bounds in zip(*(arrays[name] for name in names), strict=True):
                pair, _, bit, first, readings = of.tolist()
                values = within_range(ohm[:readings], code[:readings], bounds)
                cycles = first + _CYCLES_BETWEEN * np.arange(readings, dtype=np.float64)
                self._pair(places[pair]).read(bit, cycles, values)
        return any(name in arrays for name in ("window_counts", "cycled_counts", OF_CYCLES))

    def _pair(self, place: Cell) -> _Pair:
        return self._pairs.setdefault(place, _Pair())


@dataclass(eq=False)
class _Pair:
    """The cycles of one pair, as they come."""

    _after: dict[int, Thinned] = field(default_factory=dict)
    _counts: deque[SenseCount] = field(default_factory=lambda: deque(maxlen=COUNTS))
    _made: PairHistory | None = None

    def read(self, bit: int, cycles: NDArray[np.float64], values: NDArray[np.float64]) -> None:
        """Take in readings after a bit."""
        self._after.setdefault(bit, Thinned(GROUPS)).add(cycles, values)
        self._made = None

    def count(self, count: SenseCount) -> None:
        """Take in what was sensed."""
        self._counts.append(count)
        self._made = None

    def picture(self) -> PairHistory:
        """The same one as before if nothing is new."""
        if self._made is None:
            groups = {bit: thinned.groups for bit, thinned in sorted(self._after.items())}
            self._made = PairHistory(groups, tuple(self._counts))
        return self._made


def _empty(
    reads: int, shape: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float32]]:
    """Memory for so many reads: written, sensed, ohm."""
    bits = (reads, *shape)
    return np.empty(bits, np.uint8), np.empty(bits, np.uint8), np.empty((*bits, 2), np.float32)


def _first(block: ReadBlock, count: int) -> ReadBlock:
    """The first reads of a block, read-only."""
    shown = ReadBlock(block.written[:count], block.sensed[:count], block.ohm[:count])
    for part in (shown.written, shown.sensed, shown.ohm):
        part.setflags(write=False)
    return shown
