"""Readings of a pair over its cycles, in bounded memory: groups of readings, each by its extremes.

When there are too many groups, neighbours become one. So a single outlier of any number of readings
stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Groups:
    """Groups of readings in the order of the cycles; read-only."""

    cycle: Floats
    """First cycle of each, (n,)."""
    low: Floats
    """Lowest reading of BL and BLb, (n, 2)."""
    high: Floats
    readings: int
    """In each group; the last one may hold fewer."""


class Thinned:
    """Takes readings in order, gives at most ``most`` (even) groups and one unfinished."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._each = 1
        self._cycle: Floats = np.empty(0)
        self._low: Floats = np.empty((0, 2))
        self._high: Floats = np.empty((0, 2))
        self._rest: tuple[Floats, Floats] = (np.empty(0), np.empty((0, 2)))

    def add(self, cycle: Floats, values: Floats) -> None:
        """Take in readings (n, 2) at cycles (n,)."""
        cycle = np.concatenate([self._rest[0], cycle])
        values = np.concatenate([self._rest[1], values])
        begin = 0
        while len(cycle) - begin >= self._each:
            room = (self._most - len(self._cycle)) * self._each
            end = begin + min((len(cycle) - begin) // self._each * self._each, room)
            self._append(cycle[begin:end], values[begin:end])
            begin = end
            if len(self._cycle) == self._most:
                self._join_neighbours()
        self._rest = (cycle[begin:], values[begin:])

    @property
    def groups(self) -> Groups:
        """All groups so far, the unfinished one too."""
        rest, values = self._rest
        cycle, low, high = self._cycle, self._low, self._high
        if len(rest):
            cycle = np.concatenate([cycle, rest[:1]])
            low = np.concatenate([low, _lowest(values[np.newaxis])])
            high = np.concatenate([high, _highest(values[np.newaxis])])
        for part in (cycle, low, high):
            # Nothing changes an array after it was made, so no copy is needed.
            part.setflags(write=False)
        return Groups(cycle, low, high, self._each)

    def _append(self, cycle: Floats, values: Floats) -> None:
        parts = values.reshape(-1, self._each, 2)
        self._cycle = np.concatenate([self._cycle, cycle[:: self._each]])
        self._low = np.concatenate([self._low, _lowest(parts)])
        self._high = np.concatenate([self._high, _highest(parts)])

    def _join_neighbours(self) -> None:
        self._each *= 2
        self._cycle = self._cycle[::2]
        self._low = _lowest(self._low.reshape(-1, 2, 2))
        self._high = _highest(self._high.reshape(-1, 2, 2))


def _lowest(parts: Floats) -> Floats:
    """Lowest of each group (n, each, 2); NaN only where all are."""
    return np.asarray(np.fmin.reduce(parts, axis=1))


def _highest(parts: Floats) -> Floats:
    """Highest of each group (n, each, 2)."""
    return np.asarray(np.fmax.reduce(parts, axis=1))
