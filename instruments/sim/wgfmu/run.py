"""Sequences as downloaded (`Program`), and one execution of them on the chip (`Run`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from instruments.sim.station import WGFMU_PADS, Path, Station
from instruments.sim.waveform import Floats, PadWaveform
from instruments.sim.wgfmu import adc
from instruments.sim.wgfmu.patterns import TICK_S
from instruments.sim.wgfmu.source import NO_LOAD, Load
from instruments.sim.wgfmu.timeline import ReadingPlan, Timeline, even_windows

UNITS_PER_TICK = 16
UNITS_PER_S = 1.6e9
"""Waveforms of several channels are joined on the 625 ps grid of the channel delays."""

MAX_DELAY_TICKS = 6
"""More than the largest delay, 50 ns."""

UNROLLED_POINTS = 20_000
"""A run of up to so many points is one waveform; a longer one is played in pieces."""

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

    def windows(self) -> Iterator[tuple[int, int, tuple[int, int]]]:
        """Stretches that make up the run: first and last tick, and a stretch that looks alike.

        Loops of the same pattern are the same stretch, so that their waveform is built once.
        """
        if self.points <= UNROLLED_POINTS:
            yield 0, self.duration, (0, self.duration)
        elif self._in_step():
            yield from self._loop_windows()
        else:
            for begin, end in even_windows(self.duration, 1 + self.points // UNROLLED_POINTS):
                yield begin, end, (begin, end)

    def _in_step(self) -> bool:
        """Whether all channels run loops of equal length and number at the same time."""
        plans = {
            tuple((e.start, e.period, e.loops) for e in track.timeline.entries)
            for track in self.tracks.values()
        }
        return len(plans) == 1

    def _loop_windows(self) -> Iterator[tuple[int, int, tuple[int, int]]]:
        reached = 0
        for entry in next(iter(self.tracks.values())).timeline.entries:
            if entry.start > reached:
                yield reached, entry.start, (reached, entry.start)
            for loop in range(entry.loops):
                begin = entry.start + loop * entry.period
                alike = entry.start + min(loop, 1) * entry.period
                yield begin, begin + entry.period, (alike, alike + entry.period)
            reached = entry.end

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
        """As `piece`, built once and kept: for stretches that come again."""
        if key not in self._pieces:
            self._pieces[key] = self.piece(*key)
        return self._pieces[key]

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


class Readings:
    """Values of one channel as they come in during a run."""

    def __init__(self, plan: ReadingPlan) -> None:
        self.plan = plan
        self.values = np.empty(plan.size)
        self.complete = 0
        """How many of ``values`` are there."""
        self._true = np.empty(plan.nodes.shape)
        self._seen = 0

    def wanted(self, begin_s: float, end_s: float, last: bool) -> Floats:
        """Moments (s from ``begin_s``) at which this stretch of the run has to be looked at."""
        times = self.plan.times
        stop = len(times)
        if not last:
            stop = int(np.searchsorted(times, end_s, side="left"))
        return np.clip(times[self._seen : stop] - begin_s, 0.0, end_s - begin_s)

    def take(self, true: Floats, rng: np.random.Generator) -> None:
        """True values at those moments; complete readings get their noise, range and step."""
        looked = self._seen + len(true)
        self._true.ravel()[self.plan.order[self._seen : looked]] = true
        self._seen = looked
        done = int(np.searchsorted(self.plan.last_looks, looked, side="left"))
        new = slice(self.complete, done)
        means = (self._true[new] * self.plan.weights).sum(axis=1)
        for code in np.unique(self.plan.ranges[new]):
            chosen = self.plan.ranges[new] == code
            samples = self.plan.samples[new][chosen]
            self.values[new][chosen] = adc.read_all(means[chosen], int(code), samples, rng)
        self.complete = done


class Run:
    """One execution: plays its program on the chip as bench time goes on, and keeps what it read.

    Times are seconds from the start of the run. The chip sees each stretch once, when the bench
    has got there.
    """

    def __init__(
        self, program: Program, start_s: float, station: Station, rng: np.random.Generator
    ) -> None:
        self.program = program
        self.start_s = start_s
        self.end_s = program.seconds
        self.volts: dict[int, float] = {}
        """What each channel outputs at the moment played up to, V."""
        self.aborted = False
        self.readings = {
            channel: Readings(track.readings)
            for channel, track in program.tracks.items()
            if track.readings is not None
        }
        self._station = station
        self._paths = dict(station.channel_path)
        self._rng = rng
        self._tick = 0
        self._windows = program.windows()
        self._window: tuple[int, int, tuple[int, int]] | None = None
        self._regular = True
        """Whether the run still is what was executed, so that kept pieces are right."""
        self._loads = {
            number: NO_LOAD for number, track in program.tracks.items() if track.behind_ohms
        }
        self._unloaded: set[tuple[int, int]] = set()
        """Stretches in which no 50 ohm source had a load: as long as nothing changes they need no
        steps when they come again."""

    @property
    def done(self) -> bool:
        """Whether everything has been played."""
        return self.aborted or self._tick >= self.program.duration

    def play_to(self, seconds: float) -> None:
        """Play what lies before a time."""
        target = min(self.program.duration, int(seconds / TICK_S + 1e-6))
        if self._station.channel_path != self._paths:
            self._change(self.program.rewired(self._station.channel_path))
            self._paths = dict(self._station.channel_path)
        while not self.done and self._tick < target:
            self._window = self._window or next(self._windows)
            begin, end, alike = self._window
            is_whole = self._regular and self._tick == begin and end <= target
            begin, end = self._tick, min(end, target)
            if self._loads and alike not in self._unloaded:
                is_loaded = self._play_in_steps(begin, end)
                if is_whole and not is_loaded:
                    self._unloaded.add(alike)
            elif is_whole:
                self._play(self.program.kept_piece(alike), begin, end)
            else:
                self._play(self.program.piece(begin, end), begin, end)
            self._tick = end
            if end == self._window[1]:
                self._window = None

    def _change(self, program: Program) -> None:
        """Go on with a changed program."""
        self.program = program
        self._regular = False
        self._unloaded.clear()

    def _play_in_steps(self, begin: int, end: int) -> bool:
        """Play a stretch with 50 ohm sources; whether any of them had a load."""
        is_loaded = False
        for first, last in self.program.steps(begin, end):
            piece = self.program.piece(first, last, self._loads)
            currents = self._play(piece, first, last)
            for channel in self._loads:
                pad = self.program.tracks[channel].pad
                amperes = float(currents[pad][-1]) if pad in currents else 0.0
                self._loads[channel] = Load(piece.final[channel], amperes)
                is_loaded |= amperes != 0
        return is_loaded

    def _play(self, piece: Piece, begin: int, end: int) -> dict[str, Floats]:
        """Play a stretch; returns the currents that were looked at, those of 50 ohm sources last
        at its end."""
        begin_s, end_s = begin * TICK_S, end * TICK_S
        last = end >= self.program.duration
        tracks = self.program.tracks
        wanted = {ch: r.wanted(begin_s, end_s, last) for ch, r in self.readings.items()}
        samples = {
            pad: times
            for ch, times in wanted.items()
            if tracks[ch].current and (pad := tracks[ch].pad) and len(times)
        }
        for channel in self._loads:
            if (pad := tracks[channel].pad) is not None:
                samples[pad] = np.array([piece.waveform.duration])
        currents = self._station.chip.play(piece.waveform, samples or None)
        for channel, times in wanted.items():
            pad = tracks[channel].pad
            if not tracks[channel].current:
                true = np.interp(times, piece.waveform.times, piece.volts[channel])
            elif pad in samples:
                true = np.asarray(currents[pad])
            else:
                true = np.zeros(len(times))
            if len(true):
                self.readings[channel].take(true, self._rng)
        self.volts = piece.final
        return currents

    def stop(self, seconds: float) -> None:
        """Abort all channels; each holds the voltage it has at this time."""
        self.play_to(seconds)
        if not self.done:
            self.aborted = True
            self.end_s = seconds

    def stop_channel(self, channel: int, seconds: float) -> None:
        """Abort one channel; the others go on."""
        self.play_to(seconds)
        self._change(self.program.stopped(channel, self._tick))

    def channel_end_s(self, channel: int) -> float:
        """When a channel's own sequences end or ended."""
        timeline = self.program.tracks[channel].timeline
        own = timeline.duration if timeline.stopped is None else timeline.stopped
        return min(self.end_s, own * TICK_S)

    def measured(self, channel: int, seconds: float) -> int:
        """Stored values of a channel that are complete at a time."""
        readings = self.readings.get(channel)
        if readings is None:
            return 0
        # Half a tick of grace for the arithmetic.
        limit = min(seconds, self.channel_end_s(channel)) + TICK_S / 2
        due = int(np.searchsorted(readings.plan.ends, limit, side="right"))
        return min(due, readings.complete)
