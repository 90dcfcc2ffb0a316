"""Counter-based random streams: the n-th draw of a stream is always the same number.

What a simulated device draws depends on the die's seed, on the device, on what the draw is for and
on how often that has happened to it; never on the order of operations or on other devices. A die's
counters and its seed therefore reproduce everything, also after a resumed run.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.random import SFC64, Generator, Philox
from numpy.typing import NDArray

BLOCK = 64
"""Draws made at a time; the last block of each stream is kept."""


class Purpose(IntEnum):
    """What a stream's draws are for. The numbers are part of the die file's meaning."""

    DIE_TRANSISTOR = 0
    FORMING_VOLTAGE = 1
    PRISTINE_RESISTANCE = 2
    DEVICE_LRS = 3
    DEVICE_HRS = 4
    DEVICE_TRANSISTOR = 5
    PAIR_STATIC = 6
    PAIR_SLOW = 7
    COLUMN_CONDUCTANCE = 8
    COLUMN_RATIO = 9
    SET_TIME = 10
    SET_LEVEL = 11
    RESET_LEVEL = 12
    RTN_PRESENCE = 13
    RTN_AMPLITUDE = 14
    RTN_TIME = 15
    RTN_FLIP = 16
    READ_NOISE = 17
    TRACE_NOISE = 18
    SENSE_NOISE = 19
    SENSE_UNDEFINED = 20
    PAIR_SLOW_START = 21
    LOOPS = 22


class Streams:
    """Standard normal draws addressed by purpose, index and number.

    The generator is Philox, keyed with ``seed`` (a non-negative integer); its counter's words are
    the block, the index and the purpose.
    """

    def __init__(self, seed: int) -> None:
        key = np.random.SeedSequence(seed).generate_state(2, np.uint64)
        self._philox = Philox(key=key)
        self._generator = Generator(self._philox)
        self._state: Any = self._philox.state
        self._counter: NDArray[np.uint64] = self._state["state"]["counter"]
        self._kept: dict[tuple[int, int], tuple[int, list[float]]] = {}

    def normal(self, purpose: Purpose, index: int, n: int) -> float:
        """The ``n``-th draw (from 0) of the stream ``(purpose, index)``."""
        block = n // BLOCK
        kept = self._kept.get((purpose, index))
        if kept is None or kept[0] != block:
            kept = (block, self.normals(purpose, index, block, BLOCK).tolist())
            self._kept[purpose, index] = kept
        return kept[1][n % BLOCK]

    def normals(self, purpose: Purpose, index: int, block: int, size: int) -> NDArray[np.float64]:
        """``size`` draws of block ``block``, shape (size,)."""
        self._counter[:] = (0, block, index, purpose)
        self._philox.state = self._state
        return self._generator.standard_normal(size)

    def long_stream(self, purpose: Purpose, index: int, n: int, m: int) -> Generator:
        """A generator of its own for many draws, addressed by two numbers.

        SFC64 seeded from the addressed stream: it makes normal draws a third faster than Philox.
        """
        self._counter[:] = (m, n, index, purpose)
        self._philox.state = self._state
        return Generator(SFC64(self._philox.random_raw(4).tolist()))
