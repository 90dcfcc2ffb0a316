"""The software setup of the WGFMU library: patterns, events and sequences, as a client builds them.

Times are whole ticks of 10 ns, the grid that the library rounds to (instruments.md, section 1.8).
Nothing here touches an instrument; checks are those made when a function is called, the "lower
limits". What depends on the whole setup is checked at execution, elsewhere.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, count, pairwise

import numpy as np
from numpy.typing import NDArray

from instruments.sim.waveform import Floats

TICK_S = 1e-8
TICKS_PER_S = 100_000_000
MIN_VECTOR_S = 10e-9
MAX_VECTOR_S = 10995.11627775
MAX_PATTERN_S = 2048 * MAX_VECTOR_S
"""No channel can hold a longer pattern; keeps all times within 64-bit integers."""
SAMPLE_TICKS = 0.5
GAP_TICKS = 5
"""Between different sequences: 10 ns at the last voltage, 40 ns at the next one's first."""

_revisions = count(1)


def next_revision() -> int:
    """A number no setup has had before; whoever compares two sees whether something changed."""
    return next(_revisions)


def to_ticks(seconds: float) -> int:
    """The nearest point of the 10 ns grid."""
    return round(seconds * TICKS_PER_S)


def off_grid(seconds: float) -> bool:
    """Whether rounding to the grid changes a time by more than the arithmetic's own error."""
    ticks = seconds * TICKS_PER_S
    return abs(ticks - round(ticks)) > 1e-6 * max(1.0, abs(ticks) * 1e-6)


@dataclass(frozen=True)
class MeasureEvent:
    """``points`` measurements ``interval`` ticks apart, each averaged over ``average`` ticks."""

    name: str
    start: int
    points: int
    interval: int
    average: int
    raw: bool

    @property
    def end(self) -> int:
        """First tick after the event; an event that does not average takes one tick."""
        return self.start + self.interval * (self.points - 1) + (self.average or 1)

    def averages_at(self, tick: int) -> bool:
        """Whether one of its averaging windows covers a tick."""
        point, within = divmod(tick - self.start, self.interval)
        return 0 <= point < self.points and within < self.average

    @property
    def samples(self) -> int:
        """5 ns samples of one measurement."""
        return max(1, 2 * self.average)

    @property
    def values_per_point(self) -> int:
        """Stored values of one measurement: 1, or in raw data 1 + average / 5 ns."""
        return 1 + 2 * self.average if self.raw else 1

    @property
    def size(self) -> int:
        """Stored values of the event."""
        return self.points * self.values_per_point

    def stamps(self) -> Floats:
        """Time stamps (ticks) from the pattern's start, ``(size,)``; the middle of an average."""
        starts = self.start + self.interval * np.arange(self.points, dtype=np.float64)
        if not self.raw:
            return np.asarray(starts + self.average / 2)
        samples = SAMPLE_TICKS * np.arange(self.values_per_point)
        return np.asarray((starts[:, None] + samples).ravel())


@dataclass(frozen=True)
class RangeEvent:
    """Switches the current measurement range at tick ``start``."""

    name: str
    start: int
    range_code: int

    @property
    def end(self) -> int:
        """First tick after the event."""
        return self.start + 1


@dataclass(frozen=True)
class TriggerOutEvent:
    """Raises the trigger output at tick ``start`` for ``duration`` ticks."""

    name: str
    start: int
    duration: int

    @property
    def end(self) -> int:
        """First tick after the event."""
        return self.start + max(1, self.duration)


def stamps_at(events: Sequence[MeasureEvent], indices: NDArray[np.int64]) -> Floats:
    """Time stamps (ticks) of the values of given ``indices`` among all that events store."""
    starts, intervals, sizes, widths, raw, averages = (
        np.array(column, dtype=np.int64)
        for column in zip(
            *((e.start, e.interval, e.size, e.values_per_point, e.raw, e.average) for e in events),
            strict=True,
        )
    )
    ends = np.cumsum(sizes)
    event = np.searchsorted(ends, indices, side="right")
    point, sample = np.divmod(indices - (ends - sizes)[event], widths[event])
    within = np.where(raw[event], SAMPLE_TICKS * sample, averages[event] / 2)
    return np.asarray(starts[event] + intervals[event] * point + within)


Event = MeasureEvent | RangeEvent | TriggerOutEvent


@dataclass
class Pattern:
    """Points joined by straight ramps, and events. ``ticks[0]`` is 0; ticks rise strictly."""

    name: str
    ticks: list[int]
    volts: list[float]
    events: list[Event] = field(default_factory=list)
    revision: int = field(default_factory=next_revision)

    @property
    def duration(self) -> int:
        """Ticks from the first to the last point."""
        return self.ticks[-1]

    @property
    def vectors(self) -> int:
        """Vectors it takes in a channel's memory."""
        return len(self.ticks) - 1

    def same_content(self, other: Pattern) -> bool:
        """Whether both hold the same points and events."""
        return (self.ticks, self.volts, self.events) == (other.ticks, other.volts, other.events)

    def append(self, steps: Sequence[int], volts: Sequence[float]) -> None:
        """Add points, each ``steps`` ticks after the one before."""
        self.ticks.extend(list(accumulate(steps, initial=self.ticks[-1]))[1:])
        self.volts.extend(volts)
        self.revision = next_revision()

    def put(self, ticks: Sequence[int], volts: Sequence[float]) -> None:
        """Put points at given ticks; a point that is there already is replaced."""
        for tick, value in zip(ticks, volts, strict=True):
            if tick > self.ticks[-1]:
                self.ticks.append(tick)
                self.volts.append(value)
                continue
            index = bisect_left(self.ticks, tick)
            if self.ticks[index] == tick:
                self.volts[index] = value
            else:
                self.ticks.insert(index, tick)
                self.volts.insert(index, value)
        self.revision = next_revision()

    def volts_at(self, tick: float) -> float:
        """Voltage at a time between the points, interpolated; the last one after the end."""
        return float(np.interp(tick, self.ticks, self.volts))

    def overwritten_by(self, event: Event) -> list[Event]:
        """Events of the same kind that a new one overlaps and therefore replaces."""
        return [
            other
            for other in self.events
            if type(other) is type(event) and other.start < event.end and event.start < other.end
        ]

    def add_event(self, event: Event) -> None:
        """Add an event; those of its kind that it overlaps are dropped."""
        dropped = self.overwritten_by(event)
        self.events = [other for other in self.events if other not in dropped]
        self.events.append(event)
        self.events.sort(key=lambda e: e.start)
        self.revision = next_revision()

    def measure_events(self) -> list[MeasureEvent]:
        """The measure events in order of time."""
        return [event for event in self.events if isinstance(event, MeasureEvent)]

    def measure_size(self) -> int:
        """Values that one run of the pattern stores."""
        return sum(event.size for event in self.measure_events())

    def measure_times(self, offset: int, size: int) -> Floats:
        """Time stamps (s) of ``size`` of these values from ``offset`` on."""
        if size == 0:
            return np.empty(0)
        indices = np.arange(offset, offset + size, dtype=np.int64)
        return stamps_at(self.measure_events(), indices) / TICKS_PER_S


def _with_events(pattern: Pattern, events: Iterator[Event] | Sequence[Event]) -> Pattern:
    """Add events in turn, later ones replacing what they overlap."""
    for event in events:
        pattern.add_event(event)
    return pattern


def shifted(event: Event, ticks: int) -> Event:
    """The same event, later."""
    return replace(event, start=event.start + ticks)


def merged_in_time(name: str, first: Pattern, second: Pattern) -> Pattern:
    """``first``, then ``second`` without its first point."""
    end = first.duration
    merged = Pattern(
        name,
        first.ticks + [end + tick for tick in second.ticks[1:]],
        first.volts + second.volts[1:],
        list(first.events),
    )
    return _with_events(merged, [shifted(event, end) for event in second.events])


def merged_in_voltage(name: str, first: Pattern, second: Pattern) -> Pattern:
    """Sum of both; the shorter is held at its last value, ``second``'s events win."""
    ticks = np.union1d(first.ticks, second.ticks)
    # Whoever stores the pattern refuses what is not finite.
    with np.errstate(over="ignore", invalid="ignore"):
        volts = np.interp(ticks, first.ticks, first.volts) + np.interp(
            ticks, second.ticks, second.volts
        )
    merged = Pattern(name, ticks.tolist(), volts.tolist(), list(first.events))
    return _with_events(merged, second.events)


def multiplied(name: str, source: Pattern, time_factor: float, voltage_factor: float) -> Pattern:
    """Stretched in time and voltage; a negative time factor also mirrors in time.

    Raises ValueError if stretching puts two points on one tick, or makes it too long.
    """
    stretch = abs(time_factor)
    if source.duration * stretch > MAX_PATTERN_S * TICKS_PER_S:
        raise ValueError("the pattern would be too long")
    ticks = [round(tick * stretch) for tick in source.ticks]
    if any(after <= before for before, after in pairwise(ticks)):
        raise ValueError("two points would fall on one point of the 10 ns grid")
    volts = [value * voltage_factor for value in source.volts]
    events = [_stretched(event, stretch) for event in source.events]
    if time_factor < 0:
        end = ticks[-1]
        ticks = [end - tick for tick in reversed(ticks)]
        volts.reverse()
        events = [_mirrored(event, end) for event in events]
    return _with_events(Pattern(name, ticks, volts), events)


def _stretched(event: Event, stretch: float) -> Event:
    start = round(event.start * stretch)
    if isinstance(event, MeasureEvent):
        return replace(
            event,
            start=start,
            interval=max(1, round(event.interval * stretch)),
            average=round(event.average * stretch),
        )
    if isinstance(event, TriggerOutEvent):
        return replace(event, start=start, duration=round(event.duration * stretch))
    return replace(event, start=start)


def _mirrored(event: Event, end: int) -> Event:
    """The event as it lies after the pattern of length ``end`` is played backwards."""
    length = 0
    if isinstance(event, MeasureEvent):
        length = event.interval * (event.points - 1) + event.average
    elif isinstance(event, TriggerOutEvent):
        length = event.duration
    return replace(event, start=max(0, end - event.start - length))


def offset(name: str, source: Pattern, ticks: int, volts: float) -> Pattern:
    """Later by ``ticks``, holding the first voltage before; negative: the beginning is cut off.

    Raises ValueError if cutting leaves nothing.
    """
    values = [value + volts for value in source.volts]
    if ticks > 0:
        times = [0] + [tick + ticks for tick in source.ticks]
        values = [values[0], *values]
        events = [shifted(event, ticks) for event in source.events]
    elif ticks < 0:
        if -ticks >= source.duration:
            raise ValueError("the time offset would cut off the whole pattern")
        first = source.volts_at(-ticks) + volts
        kept = [(t + ticks, v) for t, v in zip(source.ticks, values, strict=True) if t > -ticks]
        times = [0] + [tick for tick, _ in kept]
        values = [first] + [value for _, value in kept]
        events = [shifted(event, ticks) for event in source.events if event.start >= -ticks]
    else:
        times = list(source.ticks)
        events = list(source.events)
    return Pattern(name, times, values, events)
