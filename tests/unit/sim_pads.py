"""A simulated chip and the pad waveforms that tests play to it, straight at its pads.

Pulses as in the bench note (edges 30 ns, width at half maximum), written down a second time on
purpose: the chip must be right whoever makes its waveforms.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from instruments.sim.chip.array import Chip
from instruments.sim.chip.die import Die
from instruments.sim.clock import VirtualClock
from instruments.sim.waveform import PadWaveform

EDGE = 30e-9
VDD = 1.2
FORMING_GATE = 1.6
"""Gate for 200 uA on a nominal transistor, V."""

Move = tuple[str, float, float]
"""Pad, second at which it begins to move, and the voltage it moves to."""


def gate_for(amps: float) -> float:
    """Gate voltage (V) that limits a nominal transistor to ``amps``."""
    return 0.55 + 1.05 * (amps / 200e-6) ** (1 / 1.3)


def powered_chip(seed: int) -> tuple[Chip, Die, VirtualClock]:
    die, clock = Die.fresh(seed), VirtualClock()
    chip = Chip(die, clock)
    for pad in ("SL", "BL", "BLB", "WL", "SEN", "Q", "QB"):
        chip.hold(pad, 0.0)
    chip.hold("VDDH", 5.0)
    chip.hold("VDD", VDD)
    chip.hold("BYP", VDD)
    return chip, die, clock


def waveform(moves: Sequence[Move], **start: float) -> PadWaveform:
    """Pads at 0 V, or as ``start`` says, that move in time order, 30 ns each."""
    points = {pad: [(0.0, volts)] for pad, volts in start.items()}
    for pad, time, volts in moves:
        track = points.setdefault(pad, [(0.0, 0.0)])
        track += [(time, track[-1][1]), (time + EDGE, volts)]
    end = max(time for _, time, _ in moves) + 10 * EDGE
    instants = {round(time, 12) for track in points.values() for time, _ in track}
    times = np.array(sorted(instants | {0.0, end}))
    volts_at = {
        pad: np.interp(times, [t for t, _ in track], [v for _, v in track])
        for pad, track in points.items()
    }
    return PadWaveform(times, volts_at)


def set_pulse(
    side: int, gate: float, *, volts: float = 2.0, width: float = 1e-6, protect: bool = True
) -> PadWaveform:
    """SET of the BL (side 0) or BLB (1) device."""
    complement = ("BLB", "BL")[side]
    moves = [("WL", 0.0, gate), ("SL", 200e-9, volts), ("SL", 200e-9 + width, 0.0)]
    if protect:
        moves += [(complement, 200e-9, volts), (complement, 200e-9 + width, 0.0)]
    return waveform([*moves, ("WL", width + 400e-9, 0.0)], BL=0.0, BLB=0.0)


def reset_pulse(side: int, *, volts: float = 2.5, width: float = 1e-6) -> PadWaveform:
    """RESET of the BL (side 0) or BLB (1) device."""
    pad = ("BL", "BLB")[side]
    moves = [("WL", 0.0, 3.3), (pad, 200e-9, volts), (pad, 200e-9 + width, 0.0)]
    moves += [("WL", width + 400e-9, 0.0)]
    return waveform(moves, SL=0.0, BL=0.0, BLB=0.0)


def program_pulses(bit: int, gate: float) -> PadWaveform:
    """SET of one device of the pair and RESET of the other, 1 us each, in one waveform."""
    low, high = ("BL", "BLB") if bit == 0 else ("BLB", "BL")
    moves = [
        ("WL", 0.1e-6, gate),
        ("SL", 0.3e-6, 2.0),
        (high, 0.3e-6, 2.0),
        ("SL", 1.3e-6, 0.0),
        (high, 1.3e-6, 0.0),
        ("WL", 1.5e-6, 3.3),
        (high, 1.7e-6, 2.5),
        (high, 2.7e-6, 0.0),
        ("WL", 2.9e-6, 0.0),
    ]
    return waveform(moves, **{low: 0.0})


def forming_ramp(side: int, gate: float = FORMING_GATE) -> PadWaveform:
    """SL from 0 to 3.3 V at 1000 V/s; the complement follows SL."""
    ramp = np.array([0.0, 0.0, 3.3, 0.0, 0.0])
    line, complement = ("BL", "BLB") if side == 0 else ("BLB", "BL")
    return PadWaveform(
        np.array([0.0, 1e-6, 3.301e-3, 3.302e-3, 3.303e-3]),
        {
            "WL": np.array([0.0, gate, gate, gate, 0.0]),
            "SL": ramp,
            complement: ramp,
            line: np.zeros(5),
        },
    )


def sense_pattern(*, gate_first: bool = False) -> PadWaveform:
    """Precharge and sense of a row; SEN is still high at the end, so that the latches hold."""
    gate_up = 0.05e-6 if gate_first else 0.4e-6
    moves = [
        ("BYP", 0.0, 0.0),
        ("WL", gate_up, 3.3),
        ("SL", 0.2e-6, VDD),
        ("SL", 0.6e-6, 0.0),
        ("SEN", 0.6e-6, VDD),
        ("WL", 1.4e-6, 0.0),
    ]
    moves.sort(key=lambda move: move[1])
    return waveform(moves, BYP=VDD, BL=0.0, BLB=0.0)


def end_of_sense() -> PadWaveform:
    """SEN low, then the pads given back to the bench."""
    return waveform([("SEN", 0.0, 0.0), ("BYP", 0.1e-6, VDD)], SEN=VDD, BYP=0.0)


def form_row(chip: Chip, row: int) -> None:
    for column in range(32):
        chip.select(row, column)
        for side in (0, 1):
            chip.play(_FORMING[side])


def program_row(chip: Chip, row: int, bit: int) -> None:
    for column in range(32):
        chip.select(row, column)
        chip.play(_PROGRAM[bit])


def read_outputs(chip: Chip, row: int, pad: str = "Q") -> list[bool]:
    """Levels of an output for each column, from the current into a virtual ground."""
    levels = []
    for column in range(32):
        chip.select(row, column)
        levels.append(chip.current(pad) < -VDD / 2 / 10e3)
    return levels


_FORMING = [forming_ramp(0), forming_ramp(1)]
_PROGRAM = [program_pulses(0, gate_for(55e-6)), program_pulses(1, gate_for(55e-6))]
