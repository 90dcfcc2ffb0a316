"""Loops at the pads of the simulated chip: program a bit, sense it, program the opposite, sense it.

As the bench note has them, written down a second time on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from instruments.sim.chip.array import Chip
from instruments.sim.chip.device import MODEL, OxRamModel
from instruments.sim.chip.die import Die
from instruments.sim.chip.senseamp import AMPLIFIER, SenseAmplifier
from instruments.sim.clock import VirtualClock
from instruments.sim.loops import LoopCurrents
from instruments.sim.waveform import PadWaveform
from tests.unit.sim_pads import EDGE, VDD, forming_ramp, gate_for

Floats = NDArray[np.float64]

PADS = ("SL", "BL", "BLB", "WL", "SEN", "BYP")
READ_V = 0.1


@dataclass(frozen=True)
class LoopConditions:
    """Compliance (A), SET and RESET voltage (V), width (s), logic supply (V)."""

    compliance: float = 200e-6
    set_v: float = 2.0
    reset_v: float = 2.5
    width: float = 1e-6
    vdd: float = VDD


@dataclass
class LoopWaveform:
    """A loop under construction: pads move together, 30 ns each; moments to look at are noted."""

    vdd: float = VDD
    now: float = 0.0
    points: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    moments: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.points = {pad: [(0.0, self.vdd if pad == "BYP" else 0.0)] for pad in PADS}

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def move(self, **levels: float) -> None:
        for pad, volts in levels.items():
            self.points[pad] += [(self.now, self.points[pad][-1][1]), (self.now + EDGE, volts)]
        self.now += EDGE

    def look(self, pad: str, after: float = 0.0) -> None:
        self.moments.setdefault(pad, []).append(self.now + after)

    def program(self, bit: int, at: LoopConditions) -> None:
        high = ("BLB", "BL")[bit]
        self.move(WL=gate_for(at.compliance))
        self.wait(100e-9)
        self.move(SL=at.set_v, **{high: at.set_v})
        self.wait(at.width - EDGE)
        self.move(SL=0.0, **{high: 0.0})
        self.wait(100e-9)
        self.move(WL=3.3)
        self.wait(100e-9)
        self.move(**{high: at.reset_v})
        self.wait(at.width - EDGE)
        self.move(**{high: 0.0})
        self.wait(100e-9)
        self.move(WL=0.0)

    def sense(self, early: float | None = None) -> None:
        """Q is looked at 300 ns after the edge, or both outputs ``early`` s after it begins."""
        self.move(BYP=0.0)
        self.wait(100e-9)
        self.move(SL=self.vdd)
        self.wait(200e-9)
        self.move(WL=3.3)
        self.wait(200e-9)
        if early is not None:
            self.look("Q", early)
            self.look("QB", early)
        self.move(SEN=self.vdd, SL=0.0)
        self.wait(300e-9)
        if early is None:
            self.look("Q")
        self.wait(200e-9)
        self.move(WL=0.0)
        self.move(SEN=0.0)
        self.move(BYP=self.vdd)

    def resistance(self) -> None:
        self.move(WL=3.3, SL=READ_V)
        self.wait(100e-9)
        self.look("BL")
        self.look("BLB")
        self.wait(100e-9)
        self.move(WL=0.0, SL=0.0)

    def finished(self) -> tuple[PadWaveform, dict[str, Floats]]:
        self.wait(100e-9)
        knots = {round(time, 11) for track in self.points.values() for time, _ in track}
        times = np.array(sorted(knots | {0.0, round(self.now, 11)}))
        volts = {
            pad: np.interp(times, [t for t, _ in track], [v for _, v in track])
            for pad, track in self.points.items()
        }
        return PadWaveform(times, volts), {p: np.array(t) for p, t in self.moments.items()}


def cycling_loop(
    at: LoopConditions = LoopConditions(), *, sense: bool = True, resistance: bool = False
) -> tuple[PadWaveform, dict[str, Floats]]:
    """A loop of two programmings, and where it is looked at."""
    loop = LoopWaveform(at.vdd)
    for bit in (0, 1):
        loop.program(bit, at)
        if resistance:
            loop.resistance()
        if sense:
            loop.sense()
    return loop.finished()


def cycled_chip(
    seed: int,
    model: OxRamModel = MODEL,
    amplifier: SenseAmplifier = AMPLIFIER,
    *,
    vdd: float = VDD,
    column: int = 0,
) -> tuple[Chip, Die]:
    """A powered chip whose addressed pair is formed."""
    die, clock = Die.fresh(seed), VirtualClock()
    chip = Chip(die, clock, model, amplifier)
    for pad in (*PADS, "Q", "QB"):
        chip.hold(pad, 0.0)
    chip.hold("VDDH", 5.0)
    chip.hold("VDD", vdd)
    chip.hold("BYP", vdd)
    chip.select(0, column)
    for side in (0, 1):
        chip.play(forming_ramp(side))
    return chip, die


def played_together(
    chip: Chip, waveform: PadWaveform, loops: int, samples: Mapping[str, Floats]
) -> dict[str, Floats]:
    """Currents (moments, loops) of each pad, with `Chip.play_loops`."""
    parts: list[LoopCurrents] = []
    chip.play_loops(waveform, loops, samples, parts.append)
    assert sum(part.loops for part in parts) == (loops if samples else 0)
    return {
        pad: np.concatenate([part.levels[pad][part.level_of[pad]] for part in parts], axis=1)
        for pad in samples
    }


def played_one_by_one(
    chip: Chip, waveform: PadWaveform, loops: int, samples: Mapping[str, Floats]
) -> dict[str, Floats]:
    """The same with as many calls of `Chip.play`."""
    parts = [chip.play(waveform, samples) for _ in range(loops)]
    return {pad: np.stack([part[pad] for part in parts], axis=1) for pad in samples}
