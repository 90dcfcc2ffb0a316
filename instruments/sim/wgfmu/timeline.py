"""A channel's sequences laid out in time, without unrolling their loops (instruments.md 1.8).

Times are ticks of 10 ns. A pattern repeats without a gap; where its last and first voltage differ,
the output jumps within the first tick of the repetition. Between two sequences lie 50 ns: 10 ns at
the last voltage, 40 ns at the next one's first, again with the jump within one tick.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instruments.sim.waveform import Floats
from instruments.sim.wgfmu.patterns import (
    GAP_TICKS,
    TICKS_PER_S,
    MeasureEvent,
    Pattern,
    RangeEvent,
    stamps_at,
)

Ticks = NDArray[np.int64]


@dataclass(frozen=True)
class EventUse:
    """One occurrence of a measure event in a channel's run; all counts from 0.

    ``cycle``: which use of the pattern among the sequences, ``loop``: which repetition, ``count``:
    which of the pattern's events of that name; ``offset`` and ``size``: where its values are.
    """

    pattern: str
    event: MeasureEvent
    cycle: int
    loop: int
    count: int
    offset: int
    size: int
    start: int


class Entry:
    """One sequence: a pattern as it was when laid out, its loops, and when it starts."""

    def __init__(self, pattern: Pattern, loops: int, start: int, cycle: int) -> None:
        self.name = pattern.name
        self.loops = loops
        self.start = start
        self.cycle = cycle
        self.period = pattern.duration
        self.vectors = pattern.vectors
        self.ticks: Ticks = np.array(pattern.ticks, dtype=np.int64)
        self.volts: Floats = np.array(pattern.volts, dtype=np.float64)
        self.events = pattern.measure_events()
        self.range_events = [e for e in pattern.events if isinstance(e, RangeEvent)]
        self.values = pattern.measure_size()
        """Values that one loop stores."""

    @property
    def end(self) -> int:
        """Tick at which the last loop ends."""
        return self.start + self.loops * self.period

    def again(self) -> tuple[Ticks, Floats]:
        """Points of a repetition, without the one it shares with the end of the loop before."""
        if self.vectors == 0 or self.volts[-1] == self.volts[0] or self.ticks[1] == 1:
            return self.ticks[1:], self.volts[1:]
        landed = np.interp(1, self.ticks, self.volts)
        ticks = np.concatenate(([1], self.ticks[1:]))
        return ticks.astype(np.int64), np.concatenate(([landed], self.volts[1:]))

    def points(self, first: int, last: int) -> tuple[Ticks, Floats]:
        """Points of loops ``first`` to ``last`` (included), at the channel's ticks."""
        begin = self.start + first * self.period
        parts_ticks: list[Ticks] = [np.array([begin], dtype=np.int64)]
        parts_volts: list[Floats] = [self.volts[-1:]]
        if first == 0:
            parts_ticks = [begin + self.ticks]
            parts_volts = [self.volts]
            first = 1
        ticks, volts = self.again()
        loops = np.arange(first, last + 1, dtype=np.int64)
        starts = self.start + loops * self.period
        parts_ticks.append((starts[:, None] + ticks).ravel())
        parts_volts.append(np.tile(volts, len(loops)))
        return np.concatenate(parts_ticks), np.concatenate(parts_volts)

    def stamps(self, offset: int, size: int) -> Floats:
        """Time stamps (ticks) of ``size`` of the values that its loops store, from ``offset``."""
        first, last = offset // self.values, (offset + size - 1) // self.values
        if first == last:
            within = np.arange(offset, offset + size) - first * self.values
            return stamps_at(self.events, within) + self.start + first * float(self.period)
        begins = self.start + np.arange(first, last + 1) * float(self.period)
        stamps = (begins[:, None] + stamps_at(self.events, np.arange(self.values))).ravel()
        skipped = offset - first * self.values
        return np.asarray(stamps[skipped : skipped + size])

    def loop_at(self, tick: int) -> int:
        """The loop that a tick falls into, the nearest one if outside."""
        return min(max((tick - self.start) // max(1, self.period), 0), self.loops - 1)


class Timeline:
    """All sequences of one channel, one after the other."""

    def __init__(self, sequences: Sequence[tuple[str, int]], patterns: Mapping[str, Pattern]):
        self.entries: list[Entry] = []
        uses: dict[str, int] = {}
        start = 0
        for name, loops in sequences:
            cycle = uses.get(name, 0)
            uses[name] = cycle + 1
            entry = Entry(patterns[name], loops, start, cycle)
            self.entries.append(entry)
            start = entry.end + GAP_TICKS
        self.duration = self.entries[-1].end if self.entries else 0
        """Ticks from start to end."""
        self.stopped: int | None = None

    @property
    def force_size(self) -> int:
        """Force values: the points of each pattern, times its loops."""
        return sum(len(entry.ticks) * entry.loops for entry in self.entries)

    @property
    def measure_size(self) -> int:
        """Values that all measure events store."""
        return sum(entry.values * entry.loops for entry in self.entries)

    @property
    def event_size(self) -> int:
        """Measure events, each counted once a loop."""
        return sum(len(entry.events) * entry.loops for entry in self.entries)

    def stopped_at(self, tick: int) -> Timeline:
        """The same sequences, but from this tick on the channel holds what it has."""
        shorter = copy(self)
        shorter.stopped = min(tick, self.duration)
        return shorter

    def points(self, begin: int, end: int) -> tuple[Ticks, Floats]:
        """The channel's voltage between two ticks: points joined by straight lines.

        Outside the sequences the first or last voltage holds.
        """
        if self.stopped is not None and end > self.stopped:
            held = self.volts_at(self.stopped)
            if begin >= self.stopped:
                return np.array([begin, end]), np.array([held, held])
            ticks, volts = self._points(begin, self.stopped)
            return np.append(ticks, end), np.append(volts, held)
        return self._points(begin, end)

    def _points(self, begin: int, end: int) -> tuple[Ticks, Floats]:
        parts: list[tuple[Ticks, Floats]] = []
        for index, entry in enumerate(self.entries):
            following = self.entries[index + 1 : index + 2]
            reach = entry.end + GAP_TICKS if following else entry.end
            if reach < begin or entry.start > end:
                continue
            parts.append(entry.points(entry.loop_at(begin), entry.loop_at(end)))
            if following and entry.end <= end:
                parts.append(self._gap(entry, following[0]))
        if not parts:
            held = self.entries[-1].volts[-1]
            return np.array([begin, end], dtype=np.int64), np.array([held, held])
        ticks = np.concatenate([part[0] for part in parts])
        volts = np.concatenate([part[1] for part in parts])
        inside = (ticks > begin) & (ticks < end)
        edges = np.interp([begin, end], ticks, volts)
        return (
            np.concatenate(([begin], ticks[inside], [end])).astype(np.int64),
            np.concatenate((edges[:1], volts[inside], edges[1:])),
        )

    def _gap(self, before: Entry, after: Entry) -> tuple[Ticks, Floats]:
        """Points between two sequences; those of the sequences themselves are not repeated."""
        ticks = np.array([before.end + 1, before.end + 2], dtype=np.int64)
        return ticks, np.array([before.volts[-1], after.volts[0]])

    def volts_at(self, tick: float) -> float:
        """Voltage at one moment."""
        whole = int(tick)
        ticks, volts = self._points(whole, whole + 1)
        return float(np.interp(tick, ticks, volts))

    def force_values(self, offset: int, size: int) -> tuple[Floats, Floats]:
        """Times (s) and voltages (V) of ``size`` force values from ``offset`` on."""
        times: list[Floats] = []
        volts: list[Floats] = []
        for entry in self.entries:
            points = len(entry.ticks)
            total = points * entry.loops
            taken = max(0, min(total - offset, size))
            if taken:
                loop, point = np.divmod(offset + np.arange(taken), points)
                ticks = entry.start + loop * float(entry.period) + entry.ticks[point]
                times.append(ticks / TICKS_PER_S)
                volts.append(entry.volts[point])
                size -= taken
            offset = max(0, offset - total)
        if not times:
            return np.empty(0), np.empty(0)
        return np.concatenate(times), np.concatenate(volts)

    def event_at(self, index: int) -> EventUse:
        """The measure event of an index in order of time. Raises IndexError."""
        offset = 0
        for entry in self.entries:
            size = len(entry.events) * entry.loops
            if index < size:
                loop, position = divmod(index, len(entry.events))
                return self._use(entry, loop, position, offset)
            index -= size
            offset += entry.values * entry.loops
        raise IndexError(index)

    @staticmethod
    def _use(entry: Entry, loop: int, position: int, offset: int) -> EventUse:
        event = entry.events[position]
        before = entry.events[:position]
        return EventUse(
            entry.name,
            event,
            entry.cycle,
            loop,
            sum(other.name == event.name for other in before),
            offset + loop * entry.values + sum(other.size for other in before),
            event.size,
            entry.start + loop * entry.period + event.start,
        )

    def find_event(
        self, pattern: str, event: str, cycle: int, loop: int, count: int
    ) -> tuple[int, EventUse] | None:
        """Index and occurrence of a named event, or None if the run has no such one."""
        index = 0
        for entry in self.entries:
            if entry.name == pattern and entry.cycle == cycle and 0 <= loop < entry.loops:
                named = [i for i, other in enumerate(entry.events) if other.name == event]
                if 0 <= count < len(named):
                    found = index + loop * len(entry.events) + named[count]
                    return found, self.event_at(found)
            index += len(entry.events) * entry.loops
        return None

    def events_within(self, values: int) -> int:
        """How many events are complete when that many values are there."""
        done = 0
        for entry in self.entries:
            if not entry.values:
                continue
            loops = min(values // entry.values, entry.loops)
            done += loops * len(entry.events)
            if loops < entry.loops:
                left = values - loops * entry.values
                ends = np.cumsum([event.size for event in entry.events])
                return done + int(np.searchsorted(ends, left, side="right"))
            values -= loops * entry.values
        return done

    def measure_times(self, offset: int, size: int) -> Floats:
        """Time stamps (s) of ``size`` stored values from ``offset`` on, ``(size,)``."""
        parts: list[Floats] = []
        for entry in self.entries:
            total = entry.values * entry.loops
            taken = max(0, min(total - offset, size))
            if taken:
                stamps = entry.stamps(offset, taken)
                parts.append(np.divide(stamps, TICKS_PER_S, out=stamps))
                size -= taken
            offset = max(0, offset - total)
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.empty(0)


def even_windows(duration: int, count: int) -> Iterator[tuple[int, int]]:
    """``count`` stretches of about equal length that cover ``duration`` ticks."""
    begin = 0
    for index in range(1, count + 1):
        end = duration * index // count
        if end > begin:
            yield begin, end
            begin = end
