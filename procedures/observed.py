"""What cycled pairs showed: counts of wrong bits, their cycles, resistances; and as records.

The records are what a run stores. They have constant shapes, so that all of them stack.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from instruments.testchip.chip import NOT_READ
from instruments.testchip.cycling import (
    CYCLES_PER_LOOP,
    Execution,
    ResistanceReads,
    device_ranges,
)
from labctl.analysis.endurance import SenseCount
from labctl.analysis.readings import Readings, joined

WRONG_KEPT = 1000
"""Wrong cycles whose number is kept, the first of each step; the count is complete."""


@dataclass(frozen=True, eq=False)
class ResistanceRecord:
    """Readings after one bit, padded with NaN to the constant length of a record."""

    ohm: NDArray[np.float32]
    """(length, 2), BL first."""
    code: NDArray[np.int8]
    of: NDArray[np.int64]
    """Pair, window, programmed bit, cycle of the first reading, number of readings; every second
    cycle has one."""
    bounds: NDArray[np.float64]
    """Lowest and highest resistance that the ranges of BL and BLb show, ohm, (2, 2)."""


@dataclass(eq=False)
class Observed:
    """What the cycles of one step showed. ``done`` cycles of the pair lie before the next one."""

    pair: int
    window: int
    done: int
    length: int
    """Readings in a record of resistances."""
    read_v: float
    first: int = field(init=False)
    sensed: int = 0
    not_read: int = 0
    wrong: list[int] = field(default_factory=lambda: [0, 0])
    """Bits 0 read as 1, bits 1 read as 0."""
    wrong_cycles: list[tuple[int, int]] = field(default_factory=list)
    """Number of the cycle and the bit programmed."""
    readings: dict[tuple[int, int], list[Readings]] = field(default_factory=dict)
    """By programmed bit and device."""

    def __post_init__(self) -> None:
        self.first = self.done + 1

    @property
    def count(self) -> SenseCount:
        """What was sensed so far."""
        return SenseCount(
            self.pair, self.window, self.first, self.done, self.sensed, self.not_read, *self.wrong
        )

    def record(self) -> NDArray[np.int64]:
        """``count`` as stored."""
        return np.array(list(vars(self.count).values()), dtype=np.int64)

    def wrong_record(self) -> NDArray[np.int64]:
        """Wrong cycles as stored: (`WRONG_KEPT`, 2), -1 behind the last."""
        kept = np.full((WRONG_KEPT, 2), -1, dtype=np.int64)
        if self.wrong_cycles:
            kept[: len(self.wrong_cycles)] = self.wrong_cycles
        return kept

    def sense(self, execution: Execution) -> None:
        """Count an execution's bits."""
        if execution.sensed is None:
            return
        not_read = execution.sensed == NOT_READ
        self.not_read += int(np.count_nonzero(not_read))
        self.sensed += execution.sensed.size - int(np.count_nonzero(not_read))
        # Column 0 holds what was read after bit 0, column 1 after bit 1.
        is_wrong = (execution.sensed != np.arange(2, dtype=np.uint8)) & ~not_read
        for bit in (0, 1):
            self.wrong[bit] += int(np.count_nonzero(is_wrong[:, bit]))
        room = WRONG_KEPT - len(self.wrong_cycles)
        for loop, bit in np.argwhere(is_wrong)[:room].tolist():
            self.wrong_cycles.append((self.done + CYCLES_PER_LOOP * loop + bit + 1, bit))

    def states(self) -> tuple[list[Readings], list[Readings]]:
        """Readings of the LRS and of the HRS, each of BL and of BLb; empty without any."""
        if len(self.readings) < 4:
            return [], []
        # Bit 0 leaves BL in its LRS and BLb in its HRS, bit 1 the opposite.
        lrs = [joined(self.readings[device, device]) for device in (0, 1)]
        hrs = [joined(self.readings[1 - device, device]) for device in (0, 1)]
        return lrs, hrs

    def measure(self, execution: Execution, reads: ResistanceReads) -> Iterator[ResistanceRecord]:
        """Take an execution's resistances; yields them as records to store."""
        if execution.resistance is None or execution.censored is None:
            return
        ranges = device_ranges(reads)
        bounds = np.array(
            [(scale.lowest_ohm(self.read_v), scale.highest_ohm(self.read_v)) for scale in ranges]
        )
        for place, bit in enumerate(reads.bits):
            ohm, code = execution.resistance[:, place], execution.censored[:, place]
            for device in (0, 1):
                of_device = Readings(ohm[:, device], code[:, device], *bounds[device].tolist())
                self.readings.setdefault((bit, device), []).append(of_device)
            for begin in range(0, len(ohm), self.length):
                cycle = self.done + CYCLES_PER_LOOP * begin + bit + 1
                yield self._record(bit, cycle, ohm[begin:], code[begin:], bounds)

    def _record(
        self,
        bit: int,
        cycle: int,
        ohm: NDArray[np.float32],
        code: NDArray[np.int8],
        bounds: NDArray[np.float64],
    ) -> ResistanceRecord:
        count = min(len(ohm), self.length)
        padded = np.full((self.length, 2), np.nan, dtype=np.float32)
        codes = np.zeros((self.length, 2), dtype=np.int8)
        padded[:count], codes[:count] = ohm[:count], code[:count]
        of = np.array([self.pair, self.window, bit, cycle, count], dtype=np.int64)
        return ResistanceRecord(padded, codes, of, bounds)
