"""A simulated mainframe with the recording chip behind it, as the protocol tests use it."""

from __future__ import annotations

import numpy as np

from instruments.sim.clock import VirtualClock
from instruments.sim.flex.mainframe import Mainframe
from instruments.sim.station import Station
from tests.fakes import FakeChip


class Bench:
    """SMU 8 meets a resistor of 10 kohm (VDD), SMU 9 one of 1 Mohm (VDDH)."""

    def __init__(self) -> None:
        self.chip = FakeChip(resistances={"VDD": 1e4, "VDDH": 1e6})
        self.clock = VirtualClock()
        self.station = Station(self.chip, self.clock)
        self.mainframe = Mainframe(self.station, np.random.default_rng(7))

    def send(self, *lines: str) -> None:
        """Send lines that must leave no error."""
        for line in lines:
            self.mainframe.write(line)
            assert self.error() == '+0,"No Error."', line

    def ask(self, line: str) -> str:
        self.mainframe.write(line)
        return self.mainframe.read()

    def error(self) -> str:
        return self.ask("ERRX?")

    def quiet(self, slot: int) -> None:
        """Read with the high-resolution converter: its noise is below what FMT1 shows."""
        self.send(f"AAD {slot},1")
