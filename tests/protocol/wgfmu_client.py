"""A client of the WGFMU library as people write them with ctypes, on the simulated bench."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import POINTER, byref, c_char, c_char_p, c_double, c_int, cast, create_string_buffer
from pathlib import Path

import numpy as np

from instruments.sim.clock import VirtualClock
from instruments.sim.station import Station
from instruments.sim.wgfmu.library import SimulatedWgfmu
from tests.fakes import FakeChip

ADDRESS = b"GPIB0::17::INSTR"
DC, FASTIV, PG, SMU = 2000, 2001, 2002, 2003
VOLTAGE, CURRENT = 4000, 4001
AVERAGED, RAW = 12000, 12001


class Client:
    """Calls the C functions; `call` wants success, `code` returns whatever comes back."""

    def __init__(self, chip: FakeChip | None = None) -> None:
        self.chip = chip or FakeChip()
        self.clock = VirtualClock()
        self.station = Station(self.chip, self.clock)
        self.twin = SimulatedWgfmu(self.station, np.random.default_rng(5))
        self.library = self.twin.library()

    def code(self, name: str, *arguments: object) -> int:
        code = getattr(self.library, f"WGFMU_{name}")(*arguments)
        assert self.twin.failure is None, repr(self.twin.failure)
        return code

    def call(self, name: str, *arguments: object) -> None:
        code = self.code(name, *arguments)
        assert code == 0, f"{name} returned {code}: {self.summary()}"

    def integer(self, name: str, *arguments: object) -> int:
        value = c_int()
        self.call(name, *arguments, byref(value))
        return value.value

    def ints(self, name: str, count: int, *arguments: object) -> tuple[int, ...]:
        values = [c_int() for _ in range(count)]
        self.call(name, *arguments, *(byref(value) for value in values))
        return tuple(value.value for value in values)

    def number(self, name: str, *arguments: object) -> float:
        value = c_double()
        self.call(name, *arguments, byref(value))
        return value.value

    def pair(self, name: str, *arguments: object) -> tuple[float, float]:
        first, second = c_double(), c_double()
        self.call(name, *arguments, byref(first), byref(second))
        return first.value, second.value

    def arrays(
        self, name: str, channel: int | bytes, offset: float, size: int, columns: int = 2
    ) -> list[list[float]]:
        room = c_int(size)
        buffers = [(c_double * size)() for _ in range(columns)]
        self.call(name, channel, offset, byref(room), *buffers)
        return [buffer[: room.value] for buffer in buffers]

    def text(self, name: str) -> str:
        size = self.integer(f"{name}Size")
        buffer = create_string_buffer(size + 1)
        self.call(name, buffer, byref(c_int(size + 1)))
        return buffer.value.decode()

    def summary(self) -> str:
        return self.text("getErrorSummary")

    def open(self, *channels: int, mode: int = FASTIV) -> None:
        """Open, and connect channels in a mode, 5 V range (its steps of 160 uV divide 1 V)."""
        self.call("openSession", ADDRESS)
        self.call("initialize")
        for channel in channels:
            self.call("setOperationMode", channel, mode)
            self.call("setForceVoltageRange", channel, 3002)
            self.call("connect", channel)

    def pattern(
        self, name: bytes, first: float, times: Sequence[float], volts: Sequence[float]
    ) -> None:
        count = len(times)
        self.call("createPattern", name, first)
        as_doubles = c_double * count
        self.call("setVectors", name, as_doubles(*times), as_doubles(*volts), count)

    def run(self) -> None:
        self.call("execute")
        self.call("waitUntilCompleted")

    def status(self) -> tuple[int, float, float]:
        status, elapsed, total = c_int(), c_double(), c_double()
        self.call("getStatus", byref(status), byref(elapsed), byref(total))
        return status.value, elapsed.value, total.value

    def events(self, channel: int, offset: int, size: int) -> list[tuple[object, ...]]:
        room = c_int(size)
        names = [[create_string_buffer(512) for _ in range(size)] for _ in range(2)]
        columns = [(POINTER(c_char) * size)(*(cast(b, POINTER(c_char)) for b in n)) for n in names]
        cycles, counts, offsets, sizes = ((c_int * size)() for _ in range(4))
        loops = (c_double * size)()
        self.call(
            "getMeasureEvents",
            channel,
            offset,
            byref(room),
            *columns,
            cycles,
            loops,
            counts,
            offsets,
            sizes,
        )
        rows = zip(*names, cycles, loops, counts, offsets, sizes, strict=True)
        return [(p.value, e.value, *rest) for p, e, *rest in rows][: room.value]

    def sequences(self, channel: int, items: Sequence[tuple[bytes, float]]) -> None:
        names = (c_char_p * len(items))(*(name for name, _ in items))
        loops = (c_double * len(items))(*(count for _, count in items))
        self.call("addSequences", channel, names, loops, len(items))


def encoded(path: Path) -> bytes:
    """A file name as the C interface takes it."""
    return str(path).encode()
