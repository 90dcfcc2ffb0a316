"""When a channel takes its readings, loop after loop, and their values as they come in.

A plan describes one loop of each sequence and how often it comes: what all loops have in common is
worked out once, and nothing is laid out for each loop but its values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from instruments.sim.waveform import Floats
from instruments.sim.wgfmu import adc, settling
from instruments.sim.wgfmu.patterns import TICK_S, MeasureEvent, RangeEvent
from instruments.sim.wgfmu.timeline import Entry, Timeline

Indices = NDArray[np.int64]

MOST_NODES = 4_000_000
"""Where a stretch of a run would be looked at more often, each reading is one look, late by its
lag."""

LOOPS_AT_ONCE = 20_000
"""No stretch that is played at once has more loops than this (`run.UNROLLED_POINTS`)."""

_BOUNDARY_S = 1e-12
"""No look is nearer to a tick, so that rounding cannot move it across the border of a stretch."""


_EVER_S = 1e30
"""Longer than any run."""


@dataclass(frozen=True, eq=False)
class LoopReadings:
    """The ``m`` readings of one loop that comes ``loops`` times, times in seconds from its start.

    ``nodes`` (m, k), falling in each row: moments whose mean, weighted with the plan's weights, is
    the value; ``ends`` (m,): when it is there; ``samples`` (m,): 5 ns samples it averages;
    ``ranges`` (m,): range constant; ``offset``: number of values stored before.
    """

    start: float
    period: float
    loops: int
    nodes: Floats
    ends: Floats
    samples: Floats
    ranges: Indices
    offset: int

    @property
    def size(self) -> int:
        """Values of one loop."""
        return len(self.ends)

    @property
    def total(self) -> int:
        """Values of all loops."""
        return self.size * self.loops

    @property
    def reach(self) -> tuple[float, float]:
        """First and last moment at which a loop is looked at; may lie outside the loop."""
        return float(self.nodes.min()), float(self.nodes.max())

    @property
    def looked_at(self) -> tuple[float, float]:
        """First and last moment of the run at which any loop is looked at, s."""
        earliest, latest = self.reach
        return self.start + earliest, self.start + (self.loops - 1) * self.period + latest

    def done(self, seconds: float, moments: Floats, *, inclusive: bool) -> int:
        """How many of its values have their moment (m,), rising, before a time of the run."""
        side: Literal["left", "right"] = "right" if inclusive else "left"
        # One loop less than it should be, for the arithmetic.
        whole = (seconds - self.start - moments[-1]) // self.period - 1
        loop = int(np.clip(whole, 0, self.loops))
        done = loop * self.size
        while loop < self.loops:
            begin = self.start + loop * self.period
            here = int(np.searchsorted(begin + moments, seconds, side=side))
            done += here
            if here < self.size:
                break
            loop += 1
        return done


@dataclass(frozen=True, eq=False)
class ReadingPlan:
    """When and how each of a channel's stored values is taken, in order."""

    parts: tuple[LoopReadings, ...]
    weights: Floats

    @property
    def size(self) -> int:
        """Number of stored values."""
        return sum(part.total for part in self.parts)

    def due(self, seconds: float) -> int:
        """How many values are there at a time of the run."""
        return self._before(seconds, [part.ends for part in self.parts], inclusive=True)

    def looked(self, seconds: float) -> int:
        """How many values have had all their looks before a time of the run."""
        moments = []
        for part in self.parts:
            last = np.maximum.accumulate(part.nodes[:, 0])
            # Of the loop before some may have been later.
            moments.append(np.maximum(last, last[-1] - part.period))
        return self._before(seconds, moments, inclusive=False)

    def _before(self, seconds: float, moments: Sequence[Floats], *, inclusive: bool) -> int:
        done = 0
        for part, own in zip(self.parts, moments, strict=True):
            here = part.done(seconds, own, inclusive=inclusive)
            done += here
            if here < part.total:
                break
        return done


def plan_readings(timeline: Timeline, range_code: int, delay_s: float) -> ReadingPlan:
    """Lay out the readings of a channel; ``delay_s`` is the channel's measurement delay.

    ``range_code`` is the range at the start; range events change it until the next one.
    """
    at_once = sum(e.values * min(e.loops, LOOPS_AT_ONCE) for e in timeline.entries)
    weights = settling.WEIGHTS
    if at_once * len(weights) > MOST_NODES:
        weights = np.ones(1)
    parts: list[LoopReadings] = []
    offset = 0
    for entry in timeline.entries:
        later = entry.range_events[-1].range_code if entry.range_events else range_code
        if entry.values:
            # The first loop may begin on another range than the others.
            first = 0 if later == range_code else 1
            if first:
                parts.append(_part(entry, range_code, (0, 1), len(weights), delay_s, offset))
            if entry.loops > first:
                loops = (first, entry.loops)
                where = offset + first * entry.values
                parts.append(_part(entry, later, loops, len(weights), delay_s, where))
        offset += entry.values * entry.loops
        range_code = later
    return ReadingPlan(tuple(parts), weights)


def _part(
    entry: Entry, range_code: int, loops: tuple[int, int], looks: int, delay_s: float, offset: int
) -> LoopReadings:
    """Loops ``loops[0]`` to ``loops[1]`` (not included) of a sequence, begun on a range."""
    starts, lengths, samples = _loop_windows(entry.events)
    ranges = _ranges(starts, entry.range_events, range_code)
    stops = starts + lengths
    period = entry.period * TICK_S
    nodes = _nodes(stops, lengths, ranges, looks) + delay_s
    near = np.abs(nodes - np.round(nodes / TICK_S) * TICK_S) < _BOUNDARY_S
    return LoopReadings(
        (entry.start + loops[0] * entry.period) * TICK_S,
        period,
        loops[1] - loops[0],
        np.where(near, nodes + 2 * _BOUNDARY_S, nodes),
        np.maximum(stops, starts + TICK_S) + delay_s,
        samples,
        ranges,
        offset,
    )


def _nodes(stops: Floats, lengths: Floats, ranges: Indices, count: int) -> Floats:
    """Moments (m, count) at which the signal is looked at; ``count`` 1 or as many as weights."""
    nodes = np.repeat(stops[:, None], count, axis=1)
    # Whole nanoseconds: a difference of binary floats is not the same length everywhere.
    rounded = np.round(lengths * 1e9)
    for code in np.unique(ranges):
        lag = settling.time_constant(int(code))
        on_range = ranges == code
        for length in np.unique(rounded[on_range]):
            window = float(length) * 1e-9
            ages = settling.mean_age(window, lag) if count == 1 else settling.ages(window, lag)
            nodes[on_range & (rounded == length)] -= ages
    return nodes


def _loop_windows(events: Sequence[MeasureEvent]) -> tuple[Floats, Floats, Floats]:
    """Starts and lengths (s) and sample counts (m,) of the windows of one loop."""
    columns = [_event_windows(event) for event in events]
    starts, lengths, samples = (np.concatenate(column) for column in zip(*columns, strict=True))
    return starts, lengths, samples


def _event_windows(event: MeasureEvent) -> tuple[Floats, Floats, Floats]:
    length = 0.0 if event.raw else event.average * TICK_S
    starts = event.stamps() * TICK_S - length / 2
    samples = 1.0 if event.raw else float(event.samples)
    return starts, np.full(len(starts), length), np.full(len(starts), samples)


def _ranges(starts: Floats, events: Sequence[RangeEvent], range_code: int) -> Indices:
    """The range in force at each start (s) of a loop that begins on ``range_code``."""
    codes = np.array([range_code, *(event.range_code for event in events)], dtype=np.int64)
    moments = [event.start * TICK_S - TICK_S / 4 for event in events]
    return codes[np.searchsorted(moments, starts, side="right")]


@dataclass(frozen=True, eq=False)
class Looks:
    """Moments (n,) in order of time at which a stretch of a run is looked at, s from its start.

    Each adds its true value, times ``shares`` (n,), to the value number ``places`` (n,).
    """

    times: Floats
    places: Indices
    shares: Floats


class LoopLooks:
    """How looks at like stretches of a run add up to the readings of one ``part``.

    The first stretch begins at ``start`` (s), and each holds ``loops`` of the part's loops.
    ``moments`` (k,) seconds from its start, rising, are where each stretch is looked at.
    """

    def __init__(self, part: LoopReadings, weights: Floats, start: float, loops: int) -> None:
        period = part.period * loops
        begins = part.start - start + np.arange(loops) * part.period
        nodes = (begins[:, None, None] + part.nodes).reshape(-1, part.nodes.shape[1])
        shifts = np.floor(nodes / period).astype(np.int64)
        moments = nodes - shifts * period
        order = np.argsort(moments, axis=None, kind="stable")
        self.moments = moments.ravel()[order]
        self.first = max(int(shifts.max()), 0)
        """From this stretch on each is looked at for as many readings as any,"""
        self.stop = part.loops // loops + min(int(shifts.min()), 0)
        """and from this on it no longer is."""
        self._offset = part.offset
        self._shape = part.loops // loops, part.size * loops
        readings, looks = np.divmod(order, part.nodes.shape[1])
        self._readings: list[int] = readings.tolist()
        self._shifts: list[int] = shifts.ravel()[order].tolist()
        self._shares: list[float] = weights[looks].tolist()
        self._last_groups: tuple[bytes, list[tuple[tuple[int, int, int], float]]] | None = None

    def add(self, values: Floats, first: int, levels: Floats, level_of: NDArray[np.intp]) -> None:
        """Add what stretches ``first`` and following give to all stored ``values``.

        ``levels`` (m, n): true values of n stretches; ``level_of`` (k,): which each moment shows.
        """
        rows, size = self._shape
        mine = values[self._offset : self._offset + rows * size].reshape(rows, size)
        count = levels.shape[1]
        for (reading, shift, level), share in self._groups(level_of):
            mine[first - shift : first - shift + count, reading] += share * levels[level]

    def _groups(self, level_of: NDArray[np.intp]) -> list[tuple[tuple[int, int, int], float]]:
        """Reading, shift and level, and the share that such looks have in the reading."""
        key = level_of.tobytes()
        if self._last_groups is None or self._last_groups[0] != key:
            groups: dict[tuple[int, int, int], float] = {}
            alike = zip(self._readings, self._shifts, level_of.tolist(), strict=True)
            for group, share in zip(alike, self._shares, strict=True):
                groups[group] = groups.get(group, 0.0) + share
            self._last_groups = key, list(groups.items())
        return self._last_groups[1]


class Readings:
    """Values of one channel as they come in during a run."""

    def __init__(self, plan: ReadingPlan) -> None:
        self.plan = plan
        self.values = np.zeros(plan.size)
        """Complete readings, then what others have collected so far."""
        self.complete = 0
        """How many of ``values`` are there."""

    def looks(self, begin_s: float, end_s: float, *, first: bool, last: bool) -> Looks:
        """Where a stretch of the run has to be looked at, its own moments and, at either end of
        the run, all that lie beyond."""
        begin = -_EVER_S if first else begin_s
        end = _EVER_S if last else end_s
        found = [self._part_looks(part, begin, end) for part in self.plan.parts]
        times, places, shares = (np.concatenate(c) for c in zip(*found, strict=True))
        order = np.argsort(times, kind="stable")
        moments = np.clip(times[order] - begin_s, 0.0, end_s - begin_s)
        return Looks(moments, places[order], shares[order])

    def _part_looks(
        self, part: LoopReadings, begin: float, end: float
    ) -> tuple[Floats, Indices, Floats]:
        earliest, latest = part.reach
        # One loop more than it should be at either end, for the arithmetic.
        lowest = np.clip((begin - part.start - latest) // part.period - 1, 0, part.loops)
        highest = np.clip((end - part.start - earliest) // part.period + 2, lowest, part.loops)
        loops = np.arange(int(lowest), int(highest))
        starts = part.start + loops * part.period
        times = (starts[:, None, None] + part.nodes).ravel()
        inside = np.flatnonzero((times >= begin) & (times < end))
        readings, nodes = np.divmod(inside, part.nodes.shape[1])
        places = part.offset + int(lowest) * part.size + readings
        return times[inside], places, self.plan.weights[nodes]

    def take(self, looks: Looks, true: Floats) -> None:
        """Add true values at some looks."""
        if len(true):
            low = int(looks.places.min())
            added = np.bincount(looks.places - low, weights=looks.shares * true)
            self.values[low : low + len(added)] += added

    def finish(self, seconds: float, rng: np.random.Generator, *, last: bool) -> None:
        """Give what is complete at a time of the run its noise, range and step."""
        done = self.plan.size if last else self.plan.looked(seconds)
        for part in self.plan.parts:
            begin = max(self.complete, part.offset)
            end = min(done, part.offset + part.total)
            if begin < end:
                self._convert(part, begin, end, rng)
        self.complete = max(self.complete, done)

    def _convert(self, part: LoopReadings, begin: int, end: int, rng: np.random.Generator) -> None:
        kinds = set(zip(part.ranges.tolist(), part.samples.tolist(), strict=True))
        if len(kinds) == 1:
            ((code, samples),) = kinds
            self.values[begin:end] = adc.read_all(self.values[begin:end], code, samples, rng)
            return
        place = np.arange(begin - part.offset, end - part.offset) % part.size
        values = self.values[begin:end]
        for code in np.unique(part.ranges):
            chosen = part.ranges[place] == code
            samples = part.samples[place[chosen]]
            values[chosen] = adc.read_all(values[chosen], int(code), samples, rng)
