"""How long the interface thread keeps its event loop waiting: the tests and the benchmark ask it.

A turn is the time between two ticks of a timer that is always due: by the clock, which the
machine's other work lengthens too, and of the thread's own processor time, which it does not.
"""

from __future__ import annotations

import time

from PyQt6.QtCore import QTimer

_TICK_MS = 5


class Watchdog:
    """The longest turns since they were last forgotten; made and asked in the interface thread."""

    def __init__(self) -> None:
        self._timer = QTimer()
        self._timer.timeout.connect(self._tick)
        self.forget()

    def begin(self) -> None:
        """Begin to watch."""
        self.forget()
        self._timer.start(_TICK_MS)

    def end(self) -> None:
        """Watch no longer."""
        self._timer.stop()

    def forget(self) -> None:
        """Look for the longest turns from now on."""
        self.worst_s = self.worst_cpu_s = 0.0
        self._last = time.perf_counter(), time.thread_time()

    def _tick(self) -> None:
        now = time.perf_counter(), time.thread_time()
        self.worst_s = max(self.worst_s, now[0] - self._last[0])
        self.worst_cpu_s = max(self.worst_cpu_s, now[1] - self._last[1])
        self._last = now
