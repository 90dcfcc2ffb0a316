"""Sequences as downloaded: what all channels do together, stretch after stretch."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from math import lcm

import numpy as np

from instruments.sim.station import WGFMU_PADS, Path
from instruments.sim.waveform import Floats, PadWaveform
from instruments.sim.wgfmu import adc
from instruments.sim.wgfmu.patterns import TICK_S
from instruments.sim.wgfmu.readings import LoopLooks, ReadingPlan
from instruments.sim.wgfmu.source import NO_LOAD, Load
from instruments.sim.wgfmu.timeline import Timeline, even_windows

UNITS_PER_TICK = 16
UNITS_PER_S = 1.6e9
"""Waveforms of several channels are joined on the 625 ps grid of the channel delays."""

MAX_DELAY_TICKS = 6
"""More than the largest delay, 50 ns."""

UNROLLED_POINTS = 20_000
"""A run of up to so many points is one waveform; a longer one is played in pieces."""

KEPT_POINTS = 500_000
"""A program keeps the waveforms of stretches that come again up to so many points."""

RAMP_STEPS = 4
"""Steps in which a ramp of a loaded 50 ohm source is played, each with the load found before."""


NO_LOADS: Mapping[int, Load] = {}


@dataclass(frozen=True, eq=False)
class Track:
    """One channel's part of a program.

    ``delay`` is the force delay in units of 625 ps, ``step`` the output's step (V), ``driven``
    whether the RSU lets it reach its pad, ``behind_ohms`` whether a 50 ohm source is between;
    ``readings`` is None where nothing is measured.
    """

    channel: int
    timeline: Timeline
    delay: int
    step: float
    driven: bool
    behind_ohms: bool
    current: bool
    readings: ReadingPlan | None

    @property
    def pad(self) -> str | None:
        """The pad it drives, None if it reaches none."""
        return WGFMU_PADS.get(self.channel) if self.driven else None

    def points(self, begin: int, end: int) -> tuple[np.ndarray, Floats]:
        """Its output between two ticks: units of 625 ps from 0, and V."""
        # What a delay moves across the edge of the stretch must be there.
        margin = MAX_DELAY_TICKS if self.delay else 0
        ticks, volts = self.timeline.points(begin - margin, end + margin)
        return ticks * UNITS_PER_TICK + self.delay, adc.forced_all(volts, self.step)


@dataclass(frozen=True)
class Window:
    """A stretch of a run from tick ``begin`` to ``end``: ``loops`` repetitions without a gap.

    ``alike`` is the stretch whose waveform one repetition has.
    """

    begin: int
    end: int
    alike: tuple[int, int]
    loops: int = 1

    @property
    def period(self) -> int:
        """Ticks of one repetition."""
        return (self.end - self.begin) // self.loops


@dataclass(frozen=True, eq=False)
class LoopSamples:
    """What is looked at in each of many like stretches.

    ``first`` and ``stop``: numbers of the stretches between which each is looked at alike.
    ``looks``: by channel. ``pads``: moments (s) by pad whose current they want.
    """

    first: int
    stop: int
    looks: Mapping[int, LoopLooks]
    pads: Mapping[str, Floats]


@dataclass(frozen=True, eq=False)
class Piece:
    """A stretch of a run: the waveform at the pads and every channel's own voltage (V)."""

    waveform: PadWaveform
    volts: dict[int, Floats]
    final: dict[int, float]


class Program:
    """What has been downloaded into all channels that take part in a run."""

    def __init__(self, tracks: Mapping[int, Track]) -> None:
        self.tracks = dict(tracks)
        self.duration = max(track.timeline.duration for track in tracks.values())
        """Ticks; the longest channel decides."""
        self.seconds = self.duration * TICK_S
        self.points = sum(track.timeline.force_size for track in tracks.values())
        self._pieces: dict[tuple[int, int], Piece] = {}
        self._kept_points = 0
        self._loop_samples: dict[Window, LoopSamples] = {}

    def windows(self) -> Iterator[Window]:
        """Stretches that make up the run.

        Loops of the same pattern are one stretch, so that their waveform is built once.
        """
        if self.points <= UNROLLED_POINTS:
            yield Window(0, self.duration, (0, self.duration))
            return
        entries = [entry for track in self.tracks.values() for entry in track.timeline.entries]
        borders = {tick for entry in entries for tick in (entry.start, entry.end)}
        for begin, end in pairwise(sorted(borders)):
            yield from self._windows_between(begin, end)

    def _windows_between(self, begin: int, end: int) -> Iterator[Window]:
        """Stretches between two borders of sequences."""
        period, points = self._joint_period(begin, end)
        loops = (end - begin) // period
        if points > UNROLLED_POINTS or loops < 2:
            share = (end - begin) / period * points
            for first, last in even_windows(end - begin, 1 + int(share) // UNROLLED_POINTS):
                yield Window(begin + first, begin + last, (begin + first, begin + last))
            return
        # Beside another sequence the first may look different, and the last if a delay moves it.
        is_moved = any(track.delay for track in self.tracks.values())
        second, last = begin + period, begin + (loops - is_moved) * period
        yield Window(begin, second, (begin, second))
        if last > second:
            alike = (second, second + period)
            yield Window(second, last, alike, (last - second) // period)
        if end > last:
            yield Window(last, end, (last, end))

    def _joint_period(self, begin: int, end: int) -> tuple[int, int]:
        """After how many ticks all channels are together again where they were, between two
        borders of sequences, and how many points they have until then."""
        running = []
        for track in self.tracks.values():
            entries = track.timeline.entries
            entry = entries[bisect_right(entries, begin, key=lambda e: e.start) - 1]
            if end <= entry.end:
                running.append(entry)
        period = lcm(*(entry.period for entry in running)) if running else end - begin
        return period, sum(len(entry.ticks) * period // entry.period for entry in running)

    def loop_samples(self, window: Window) -> LoopSamples:
        """What is looked at in each repetition in a window, worked out once."""
        if window not in self._loop_samples:
            self._loop_samples[window] = self._find_loop_samples(window)
        return self._loop_samples[window]

    def _find_loop_samples(self, window: Window) -> LoopSamples:
        first, stop = 0, window.loops
        looks: dict[int, LoopLooks] = {}
        pads: dict[str, Floats] = {}
        start, period = window.begin * TICK_S, window.period * TICK_S
        for channel, track in self.tracks.items():
            plan = track.readings
            if plan is None:
                continue
            for part in plan.parts:
                begin, end = part.start, part.start + part.loops * part.period
                if begin < start + TICK_S / 2 and window.end * TICK_S < end + TICK_S / 2:
                    own = LoopLooks(part, plan.weights, start, round(period / part.period))
                    looks[channel] = own
                    first, stop = max(first, own.first), min(stop, own.stop)
                    if track.current and track.pad:
                        pads[track.pad] = own.moments
                    continue
                earliest, latest = part.looked_at
                if begin < start:
                    first = max(first, int((latest - start) // period) + 1)
                else:
                    stop = min(stop, int((earliest - start) // period))
        return LoopSamples(first, stop, looks, pads)

    def steps(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """The stretch between two ticks cut at the points of 50 ohm sources, their ramps finer."""
        sources = [track.timeline for track in self.tracks.values() if track.behind_ohms]
        corners = [timeline.points(begin, end)[0] for timeline in sources]
        for first, last in pairwise(np.unique(np.concatenate(corners)).tolist()):
            is_ramp = any(t.volts_at(first) != t.volts_at(last) for t in sources)
            for within in even_windows(last - first, RAMP_STEPS if is_ramp else 1):
                yield first + within[0], first + within[1]

    def piece(self, begin: int, end: int, loads: Mapping[int, Load] = NO_LOADS) -> Piece:
        """The stretch between two ticks, with the loads that 50 ohm sources drive."""
        points = {channel: track.points(begin, end) for channel, track in self.tracks.items()}
        first, last = begin * UNITS_PER_TICK, end * UNITS_PER_TICK
        units = np.unique(np.concatenate([[first, last], *(units for units, _ in points.values())]))
        units = units[(units >= first) & (units <= last)]
        volts = {
            channel: loads.get(channel, NO_LOAD).dropped(np.interp(units, own_units, own_volts))
            for channel, (own_units, own_volts) in points.items()
        }
        waveform = PadWaveform(
            (units - first) / UNITS_PER_S,
            {track.pad: volts[ch] for ch, track in self.tracks.items() if track.pad},
        )
        return Piece(waveform, volts, {ch: float(values[-1]) for ch, values in volts.items()})

    def kept_piece(self, key: tuple[int, int]) -> Piece:
        """As `piece`, built once and kept, also for the next run, while there is room."""
        kept = self._pieces.get(key)
        if kept is None:
            kept = self.piece(*key)
            size = len(kept.waveform.times)
            if self._kept_points + size <= KEPT_POINTS:
                self._pieces[key] = kept
                self._kept_points += size
        return kept

    def rewired(self, paths: Mapping[int, Path]) -> Program:
        """The same program with other switches closed."""
        return Program(
            {
                channel: replace(track, driven=paths[channel] is Path.WGFMU)
                for channel, track in self.tracks.items()
            }
        )

    def stopped(self, channel: int, tick: int) -> Program:
        """The same program with one channel holding what it has from a tick on."""
        track = self.tracks[channel]
        shorter = replace(track, timeline=track.timeline.stopped_at(tick))
        return Program({**self.tracks, channel: shorter})
