"""One execution of what has been downloaded, on the chip."""

from __future__ import annotations

from functools import partial

import numpy as np

from instruments.sim.loops import LoopCurrents, PlaysLoops, play_one_by_one
from instruments.sim.station import Station
from instruments.sim.waveform import Floats
from instruments.sim.wgfmu.patterns import TICK_S
from instruments.sim.wgfmu.program import Piece, Program, Window
from instruments.sim.wgfmu.readings import Readings
from instruments.sim.wgfmu.source import NO_LOAD, Load

FINISHED_TOGETHER = 4096
"""Loops whose readings get their noise together."""


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
        chip = station.chip
        self._play_on_chip = (
            chip.play_loops if isinstance(chip, PlaysLoops) else partial(play_one_by_one, chip)
        )
        self._paths = dict(station.channel_path)
        self._rng = rng
        self._tick = 0
        self._windows = program.windows()
        self._window: Window | None = None
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
            window = self._window
            loops = self._loops_before(window, target)
            if loops:
                self._play_loops(window, loops)
            else:
                self._play_once(window, target)
            if self._tick == window.end:
                self._window = None

    def _play_once(self, window: Window, target: int) -> None:
        """Play one repetition of a window's stretch, or what lies before the target."""
        begin = self._tick
        loop = (begin - window.begin) // window.period
        end = min(window.begin + (loop + 1) * window.period, target)
        is_whole = self._regular and end - begin == window.period
        if self._loads and window.alike not in self._unloaded:
            is_loaded = self._play_in_steps(begin, end)
            if is_whole and not is_loaded:
                self._unloaded.add(window.alike)
        elif is_whole:
            self._play(self.program.kept_piece(window.alike), begin, end)
        else:
            self._play(self.program.piece(begin, end), begin, end)

    def _loops_before(self, window: Window, target: int) -> int:
        """How many like loops before the target can be played together; 0 if none."""
        if window.loops == 1 or not self._regular or self._loads:
            return 0
        samples = self.program.loop_samples(window)
        loop, within = divmod(self._tick - window.begin, window.period)
        if within or loop < samples.first:
            return 0
        return max(min(samples.stop, (target - window.begin) // window.period) - loop, 0)

    def _play_loops(self, window: Window, loops: int) -> None:
        """Give the chip many loops at once, and add what is looked at to the readings."""
        tracks = self.program.tracks
        samples = self.program.loop_samples(window)
        piece = self.program.kept_piece(window.alike)
        begin = self._tick
        first = (begin - window.begin) // window.period
        for channel, looks in samples.looks.items():
            if not tracks[channel].current:
                volts = np.interp(looks.moments, piece.waveform.times, piece.volts[channel])
                levels = np.broadcast_to(volts[:, None], (len(volts), loops))
                looks.add(self.readings[channel].values, first, levels, np.arange(len(volts)))
        done = finished = 0

        def take(currents: LoopCurrents) -> None:
            nonlocal done, finished
            for channel, looks in samples.looks.items():
                pad = tracks[channel].pad
                if tracks[channel].current and pad:
                    looks.add(
                        self.readings[channel].values,
                        first + done,
                        currents.levels[pad],
                        currents.level_of[pad],
                    )
            done += currents.loops
            # While they are in the processor's cache.
            if done - finished >= FINISHED_TOGETHER:
                self._finish(begin + done * window.period)
                finished = done

        self._play_on_chip(piece.waveform, loops, samples.pads, take)
        self.volts = piece.final
        self._tick = begin + loops * window.period
        self._finish(self._tick)

    def _finish(self, tick: int) -> None:
        """Readings that are complete at a tick get their noise."""
        last = tick >= self.program.duration
        for readings in self.readings.values():
            readings.finish(tick * TICK_S, self._rng, last=last)

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
        tracks = self.program.tracks
        first, last = begin == 0, end >= self.program.duration
        looks = {
            channel: readings.looks(begin_s, end_s, first=first, last=last)
            for channel, readings in self.readings.items()
        }
        samples = {
            pad: own.times
            for channel, own in looks.items()
            if tracks[channel].current and (pad := tracks[channel].pad) and len(own.times)
        }
        for channel in self._loads:
            if (pad := tracks[channel].pad) is not None:
                samples[pad] = np.array([piece.waveform.duration])
        currents = self._station.chip.play(piece.waveform, samples or None)
        for channel, own in looks.items():
            pad = tracks[channel].pad
            if not tracks[channel].current:
                true = np.interp(own.times, piece.waveform.times, piece.volts[channel])
            elif pad in samples:
                true = np.asarray(currents[pad])
            else:
                true = np.zeros(len(own.times))
            self.readings[channel].take(own, true)
        self.volts = piece.final
        self._tick = end
        self._finish(end)
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
        end_s = self.channel_end_s(channel)
        is_stopped = self.aborted or self.program.tracks[channel].timeline.stopped is not None
        if seconds >= end_s and not is_stopped:
            # A measurement delay takes the last ones beyond the end.
            return readings.complete
        # Half a tick of grace for the arithmetic.
        return min(readings.plan.due(min(seconds, end_s) + TICK_S / 2), readings.complete)
