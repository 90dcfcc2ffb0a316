"""The reads of the array that a run stores, whatever procedure it is.

A procedure stores a pattern (`pattern`) for each programming and what was read after it
(`resistance`, `sensed`), or one pattern and many reads of it. Some read several times and store
that as one record. Here each of these is one `ArrayRead`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.maps import NOT_READ

Records = Mapping[str, list[NDArray[Any]]]

OF_CYCLES = "resistance_of"
"""Present where ``resistance`` holds readings of cycled pairs, not of the array."""


@dataclass(frozen=True, eq=False)
class ArrayRead:
    """One read of the array."""

    written: NDArray[np.uint8]
    """Bits (rows, columns) that were programmed; `NOT_READ` where unknown or none."""
    sensed: NDArray[np.uint8]
    """(rows, columns): 0, 1, `UNDECIDED` or `NOT_READ`."""
    ohm: NDArray[np.float64]
    """Resistances of BL and BLb, (rows, columns, 2); NaN where nothing valid was read."""
    follows_programming: bool
    """The first read of what was programmed: reading the same state again is no new trial."""


class ArrayReads:
    """Puts the records of a run together, as they come."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._shape = shape
        self._written = np.full(shape, NOT_READ, dtype=np.uint8)
        self._patterns: deque[NDArray[np.uint8]] = deque()

    def reads(self, arrays: Records) -> Iterator[ArrayRead]:
        """The reads in new records, in order; records of one step come together."""
        self._patterns.extend(_of_array(arrays, "pattern"))
        records = zip_longest(_of_array(arrays, "resistance"), _of_array(arrays, "sensed"))
        for resistance, sensed in records:
            is_first = bool(self._patterns)
            if is_first:
                self._written = self._patterns.popleft()
            yield from self._each(resistance, sensed, is_first)

    def _each(
        self,
        resistance: NDArray[np.float64] | None,
        sensed: NDArray[np.uint8] | None,
        is_first: bool,
    ) -> Iterator[ArrayRead]:
        """The reads of one record: some procedures measure, or sense, several times at once."""
        ohms = () if resistance is None else resistance.reshape(-1, *self._shape, 2)
        bits = () if sensed is None else sensed.reshape(-1, *self._shape)
        for number, (ohm, bit) in enumerate(zip_longest(ohms, bits)):
            yield ArrayRead(
                written=self._written,
                sensed=np.full(self._shape, NOT_READ, dtype=np.uint8) if bit is None else bit,
                ohm=np.full((*self._shape, 2), np.nan) if ohm is None else ohm,
                follows_programming=is_first and number == 0,
            )


def _of_array(arrays: Records, name: str) -> list[NDArray[Any]]:
    """Records of the array; a run that also cycles pairs names them ``array_...``."""
    of_array = arrays.get(f"array_{name}", [])
    return of_array if of_array or OF_CYCLES in arrays else arrays.get(name, [])
