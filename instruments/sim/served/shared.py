"""One simulated instrument for several sessions: whose turn it is, and what idle time does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType

from instruments.sim.flex.mainframe import Mainframe
from instruments.sim.wgfmu.library import SimulatedWgfmu


def _nothing() -> None:
    """There is no die to keep."""


class SharedInstrument:
    """A mainframe and the WGFMU library of one station, for one request at a time.

    Within ``with instrument:`` nobody else reaches it. On a paced bench the time since it was last
    in use has passed on the bench too. ``save_die`` writes the die down.
    """

    def __init__(
        self,
        mainframe: Mainframe,
        wgfmu: SimulatedWgfmu,
        save_die: Callable[[], None] = _nothing,
    ) -> None:
        self.mainframe = mainframe
        self.wgfmu = wgfmu
        self._save_die = save_die
        self._lock = threading.Lock()
        self._last_used = time.monotonic()

    def __enter__(self) -> None:
        self._lock.acquire()
        clock = self.mainframe.clock
        clock.seconds += clock.pace * (time.monotonic() - self._last_used)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._last_used = time.monotonic()
        self._lock.release()

    def keep_die(self) -> None:
        """Let everything that runs act up to now, then write the die down."""
        with self:
            self.mainframe.station.catch_up()
            self._save_die()
