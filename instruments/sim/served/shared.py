"""One simulated instrument for several sessions: whose turn it is, and what idle time does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from instruments.sim.flex.mainframe import Mainframe
from instruments.sim.wgfmu.library import SimulatedWgfmu


def _nothing() -> None:
    """There is no die to keep."""


class SharedInstrument:
    """A mainframe and the WGFMU library of one station, for one request at a time.

    ``keep_die`` writes the die down.
    """

    def __init__(
        self,
        mainframe: Mainframe,
        wgfmu: SimulatedWgfmu,
        keep_die: Callable[[], None] = _nothing,
    ) -> None:
        self.mainframe = mainframe
        self.wgfmu = wgfmu
        self._keep_die = keep_die
        self._lock = threading.Lock()
        self._last_turn = time.monotonic()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Nobody else reaches the instrument within the ``with`` block.

        On a paced bench the time since the last turn has passed on the bench too.
        """
        with self._lock:
            clock = self.mainframe.clock
            clock.seconds += clock.pace * (time.monotonic() - self._last_turn)
            try:
                yield
            finally:
                self._last_turn = time.monotonic()

    def keep_die(self) -> None:
        """Let everything that runs act up to now, then write the die down."""
        with self.turn():
            self.mainframe.station.catch_up()
            self._keep_die()
