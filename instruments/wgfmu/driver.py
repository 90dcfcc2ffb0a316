"""The B1530A as Python objects: patterns and measure events, channels, one module set.

Nothing here is a simulation: the library handed in is the vendor's DLL or whatever answers the same
C functions. A channel forces only what the limit of its pad allows (`instruments.limits`).
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instruments.limits import LimitError, VoltageLimit, require_limit
from instruments.wgfmu import limits
from instruments.wgfmu.errors import WgfmuError, check
from instruments.wgfmu.library import (
    ForceVoltageRange,
    MeasureCurrentRange,
    MeasureEventData,
    MeasureMode,
    MeasureVoltageRange,
    OperationMode,
    Status,
    WgfmuLibrary,
)

Floats = NDArray[np.float64]

_AMPERES = {
    MeasureCurrentRange.UA1: 1e-6,
    MeasureCurrentRange.UA10: 10e-6,
    MeasureCurrentRange.UA100: 100e-6,
    MeasureCurrentRange.MA1: 1e-3,
    MeasureCurrentRange.MA10: 10e-3,
}
"""Full scale of each current range; a reading beyond it is given as exactly that."""

READ_PIECE = 30_000
"""Values that are read together: at 0.5 MB/s half a second (bench note)."""


@dataclass(frozen=True)
class MeasureEvent:
    """Samples taken while a pattern runs: ``points`` of them, ``interval_s`` apart.

    Each is averaged over ``average_s`` (0: one 5 ns sample). Times in seconds on the 10 ns grid.
    """

    name: str
    start_s: float
    points: int
    interval_s: float
    average_s: float

    def __post_init__(self) -> None:
        limits.on_grid([self.start_s, self.interval_s, self.average_s])
        if self.points < 1 or self.start_s < 0:
            raise LimitError(f"measure event {self.name}: starts at 0 s or later, 1 point or more")
        if not limits.GRID_S <= self.interval_s <= limits.MAX_INTERVAL_S:
            raise LimitError(f"measure event {self.name}: interval 10 ns to 1.34217728 s")
        if not 0 <= self.average_s <= min(limits.MAX_AVERAGE_S, self.interval_s):
            raise LimitError(
                f"measure event {self.name}: averaging 0 to 20.97 ms, at most the interval"
            )

    @property
    def end_s(self) -> float:
        """When the last sample is complete."""
        return self.start_s + self.interval_s * (self.points - 1) + (self.average_s or 10e-9)


@dataclass(frozen=True, eq=False)
class Pattern:
    """Voltages of one channel over time: points joined by straight ramps, and measure events.

    ``times_s`` (n,) from 0 on the 10 ns grid, ``volts`` (n,).
    """

    name: str
    times_s: Floats
    volts: Floats
    events: tuple[MeasureEvent, ...] = ()

    def __post_init__(self) -> None:
        times = limits.on_grid(self.times_s)
        limits.check_vector_times(times)
        if np.shape(self.volts) != times.shape:
            raise LimitError(f"pattern {self.name}: as many voltages as times are needed")
        object.__setattr__(self, "times_s", times)
        object.__setattr__(self, "volts", np.asarray(self.volts, dtype=np.float64))
        for event in self.events:
            if event.end_s > times[-1] + limits.GRID_S / 2:
                raise LimitError(
                    f"measure event {event.name} ends at {event.end_s:g} s, "
                    f"after pattern {self.name} ({times[-1]:g} s)"
                )

    @property
    def vectors(self) -> int:
        """Vectors it takes in a channel's memory."""
        return len(self.times_s) - 1


@dataclass(frozen=True)
class Repeat:
    """A pattern run ``loops`` times without a gap."""

    pattern: Pattern
    loops: int = 1


class Channel:
    """One output of a B1530A with its RSU, wired to one pad."""

    def __init__(self, module: Wgfmu, channel: int) -> None:
        self.id = channel
        self.limit: VoltageLimit | None = None
        self.force_range = ForceVoltageRange.V5
        self._call = module._call
        self._full_scale = math.inf
        # Reused by the DC measurement: it is called once a bit.
        self._value = ctypes.c_double()
        self._value_pointer = ctypes.byref(self._value)

    def configure(
        self,
        mode: OperationMode,
        measure: MeasureMode | None = None,
        current_range: MeasureCurrentRange = MeasureCurrentRange.MA1,
    ) -> None:
        """Choose what the channel does; 5 V output range, fixed.

        ``measure`` None leaves measuring off where the mode allows that.
        """
        self._call("WGFMU_setOperationMode", self.id, mode)
        if mode is OperationMode.SMU:
            return
        if measure is MeasureMode.CURRENT:
            # Current mode forces the 5 V range by itself (instruments.md 1.9).
            self._call("WGFMU_setMeasureMode", self.id, measure)
            self._call("WGFMU_setMeasureCurrentRange", self.id, current_range)
            self._full_scale = _AMPERES[current_range]
        elif measure is MeasureMode.VOLTAGE:
            self._call("WGFMU_setMeasureMode", self.id, measure)
            self._call("WGFMU_setMeasureVoltageRange", self.id, MeasureVoltageRange.V10)
            self._full_scale = 10.0
        self._call("WGFMU_setForceVoltageRange", self.id, self.force_range)

    def connect(self) -> None:
        """Close the switches of channel and RSU."""
        self._call("WGFMU_connect", self.id)

    def disconnect(self) -> None:
        """Open the switches of channel and RSU."""
        self._call("WGFMU_disconnect", self.id)

    def check(self, volts: Floats | float) -> None:
        """Raise `LimitError` if the channel must not force one of ``volts``."""
        require_limit(self.limit, f"pulse channel {self.id}").check(volts)
        limits.check_range(self.id, self.force_range, volts)

    def force(self, volts: float) -> None:
        """Hold a voltage at once; the channel must be in DC mode."""
        self.check(volts)
        self._call("WGFMU_dcforceVoltage", self.id, volts)

    def measure(self, count: int, interval: int = 1) -> float:
        """Average of ``count`` DC samples ``interval`` x 5 ns apart, A or V by measure mode.

        Current into the channel is negative. NaN where the reading is out of range.
        """
        self._call("WGFMU_dcmeasureAveragedValue", self.id, count, interval, self._value_pointer)
        value = self._value.value
        return value if abs(value) < self._full_scale else math.nan

    def read(self, points: int, between: Callable[[], None] = lambda: None) -> Floats:
        """The ``points`` values that the last run's measure events took, in order.

        NaN where a reading is out of range: the instrument then gives plus or minus the range
        (instruments.md 1.9). Millions of them take a minute; ``between`` is called after each piece
        of `READ_PIECE` and may raise to end it.
        """
        pieces = []
        for offset in range(0, points, READ_PIECE):
            pieces.append(self._read_piece(offset, min(READ_PIECE, points - offset)))
            between()
        values = np.concatenate(pieces)
        return np.where(np.abs(values) < self._full_scale, values, np.nan)

    def _read_piece(self, offset: int, points: int) -> Floats:
        """So many values from the ``offset``-th on, as the instrument gives them."""
        size = ctypes.c_int(points)
        times = np.empty(points)
        values = np.empty(points)
        pointer = ctypes.POINTER(ctypes.c_double)
        self._call(
            "WGFMU_getMeasureValues",
            self.id,
            offset,
            ctypes.byref(size),
            times.ctypes.data_as(pointer),
            values.ctypes.data_as(pointer),
        )
        if size.value != points:
            raise OSError(f"channel {self.id} returned {size.value} of {points} measured values")
        return values


class Wgfmu:
    """The pulse channels of one mainframe, through one session of the vendor's library.

    The library has one global session and one global set of patterns per process
    (instruments.md 1.1), so there is one `Wgfmu` at a time.
    """

    def __init__(self, library: WgfmuLibrary, address: str) -> None:
        self.address = address
        self._library = library
        self._is_open = False
        self.channels: dict[int, Channel] = {}

    def _call(self, function: str, *arguments: object) -> None:
        """Call a C function; a non-zero return code raises `WgfmuError` with the library's text."""
        code = getattr(self._library, function)(*arguments)
        if code:
            check(self._library, function, code)

    def open(self) -> None:
        """Open the session, stop and reset all channels, list them."""
        self._open_session()
        self._call("WGFMU_clear")
        size = ctypes.c_int()
        self._call("WGFMU_getChannelIdSize", ctypes.byref(size))
        ids = (ctypes.c_int * size.value)()
        self._call("WGFMU_getChannelIds", ids, ctypes.byref(size))
        self.channels = {channel: Channel(self, channel) for channel in ids[: size.value]}

    def close(self) -> None:
        """Close the session, if one was opened; outputs stay as they are."""
        if self._is_open:
            self._call("WGFMU_closeSession")

    def _open_session(self) -> None:
        self._call("WGFMU_openSession", self.address.encode())
        self._is_open = True

    def load(self, program: Mapping[Channel, Sequence[Repeat]]) -> None:
        """Replace all patterns and sequences; every limit is checked before the first call.

        Nothing reaches the hardware until `execute`, which downloads what changed.
        """
        for channel, sequences in program.items():
            patterns = {id(s.pattern): s.pattern for s in sequences}.values()
            limits.check_sequences(channel.id, [s.loops for s in sequences])
            limits.check_vector_total(channel.id, sum(p.vectors for p in patterns))
            limits.check_measured_total(
                channel.id,
                sum(s.loops * sum(e.points for e in s.pattern.events) for s in sequences),
            )
            limits.check_execution(
                channel.id, sum(s.loops * float(s.pattern.times_s[-1]) for s in sequences)
            )
            for pattern in patterns:
                channel.check(pattern.volts)
        self._call("WGFMU_clear")
        sent: set[int] = set()
        for channel, sequences in program.items():
            for sequence in sequences:
                if id(sequence.pattern) not in sent:
                    self._send(sequence.pattern)
                    sent.add(id(sequence.pattern))
                name = sequence.pattern.name.encode()
                self._call("WGFMU_addSequence", channel.id, name, float(sequence.loops))

    def _send(self, pattern: Pattern) -> None:
        name = pattern.name.encode()
        count = pattern.vectors
        as_doubles = ctypes.c_double * count
        self._call("WGFMU_createPattern", name, float(pattern.volts[0]))
        self._call(
            "WGFMU_setVectors",
            name,
            as_doubles(*pattern.times_s[1:]),
            as_doubles(*pattern.volts[1:]),
            count,
        )
        for event in pattern.events:
            self._call(
                "WGFMU_setMeasureEvent",
                name,
                event.name.encode(),
                event.start_s,
                event.points,
                event.interval_s,
                event.average_s,
                MeasureEventData.AVERAGED,
            )

    def execute(self) -> None:
        """Start the loaded sequences on all channels together."""
        self._call("WGFMU_execute")

    def wait(self) -> None:
        """Wait until the run is complete."""
        self._call("WGFMU_waitUntilCompleted")

    def status(self) -> tuple[Status, float]:
        """The highest status over all channels, and how far the run has come, s; an estimate."""
        status, elapsed, total = ctypes.c_int(), ctypes.c_double(), ctypes.c_double()
        self._call(
            "WGFMU_getStatus", ctypes.byref(status), ctypes.byref(elapsed), ctypes.byref(total)
        )
        return Status(status.value), elapsed.value

    def abort(self) -> None:
        """Stop all sequencers; they hold their last voltage, so zeroing must follow."""
        self._call("WGFMU_abort")

    def stop(self) -> None:
        """Abort, whatever became of the session: if that fails, it is opened once more."""
        try:
            self.abort()
        except WgfmuError:
            with suppress(WgfmuError):
                self.close()
            self._open_session()
            self.abort()
