"""Virtual bench time: how long the real bench would have taken.

The settings are those of the bench note: what a FLEX transaction, a library call that reaches
hardware, a downloaded vector, an RSU switch and a read-back cost on the real B1500A.
"""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class BenchTimes:
    """What each thing costs on the real bench, seconds."""

    flex_transaction: float = 4e-3
    wgfmu_call: float = 11e-3
    vector_download: float = 0.7e-3
    rsu_switch: float = 10e-3
    value_read_back: float = 8 / 0.5e6
    board_transaction: float = 3e-3
    """A line to a decoder board and its answer: some 20 characters at 115200 baud, and USB."""


class VirtualClock:
    """Counts bench seconds; sleeps too when the bench is paced.

    ``pace`` is how many bench seconds pass in one real second: 0 runs flat out, 1 is real time.
    """

    def __init__(self, pace: float = 0.0, times: BenchTimes | None = None) -> None:
        if not 0 <= pace < float("inf"):
            raise ValueError(f"pace {pace} is not allowed: 0 runs flat out, 1 is real time")
        self.pace = pace
        self.times = times or BenchTimes()
        self.seconds = 0.0
        self._owed = 0.0

    def now(self) -> float:
        """Bench time since the die was first powered, seconds."""
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` of bench time pass."""
        self.seconds += seconds
        if self.pace:
            self._owed += seconds / self.pace
            if self._owed > 0.01:
                time.sleep(self._owed)
                self._owed = 0.0
