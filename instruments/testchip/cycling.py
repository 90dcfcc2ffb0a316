"""Cycling of one bit in the pulse generators' sequencer (design note, "Resistance inside a loop").

A cycle is one programming of the bit: SET of one device, RESET of the other. A loop holds two, bit
0 then bit 1, so that every programming switches both devices; after each of them the bit may be
sensed and both devices measured at the read voltage. A request is split into executions that the
instruments hold and that end soon by themselves if the computer dies; what one of them read is
handed on before the next begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from instruments.testchip.chip import (
    LEVEL_TOLERANCE,
    NOT_READ,
    TestChip,
    reset_condition,
    set_condition,
)
from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.executing import execute_loops
from instruments.testchip.pads import DEVICES
from instruments.testchip.waveforms import SETTLE_S, Pulse, PulseSchemes, Scheme, Timeline
from instruments.testchip.wear import Pulses
from instruments.wgfmu.driver import MeasureEvent
from instruments.wgfmu.library import MeasureCurrentRange
from instruments.wgfmu.limits import LONGEST_EXECUTION_S

EXECUTION_VALUES = 3_500_000
"""Most measured values of a channel in one execution; it holds about 4,000,000."""
EXECUTION_LOOPS = 10**12
"""Most loops of one execution; the sequencer counts to 2**40."""
CYCLES_PER_LOOP = 2

LATCH_READ_S = 300e-9
"""From the end of the SEN edge to the reading of Q: the output and the 1 mA range have settled."""
LATCH_AVERAGE_S = 200e-9
RESISTANCE_AVERAGE_S = 1e-6
SETTLINGS = 2.5
"""Settling times waited before a resistance is read. One leaves 0.6 % of a step; the pulses before
are up to 400 times the current of an HRS, so one is not enough. 2.5 leave 3 millionths."""
FLOOR_NOISES = 5.0
"""A current below so many times the rms noise is no value but a bound."""

CENSORED_BELOW, VALUE, CENSORED_ABOVE = -1, 0, 1
"""Censoring codes: resistance below what the range can show, a value (or no reading), above it."""


class ResistanceReads(Enum):
    """After which programmings of a loop both devices are measured.

    Ranges are fixed for an execution, so two executions read both states at their best (100 uA for
    the LRS, 10 uA for the HRS). ``AFTER_BOTH`` reads every programming on the 100 uA range.
    """

    NONE = "none"
    AFTER_0 = "after bit 0"
    AFTER_1 = "after bit 1"
    AFTER_BOTH = "after both bits"

    @property
    def bits(self) -> tuple[int, ...]:
        """The programmed bits after which is measured, in the order of the loop."""
        return {
            ResistanceReads.NONE: (),
            ResistanceReads.AFTER_0: (0,),
            ResistanceReads.AFTER_1: (1,),
            ResistanceReads.AFTER_BOTH: (0, 1),
        }[self]


@dataclass(frozen=True)
class CurrentRange:
    """A current range as a resistance is read with it (instruments.md 1.9, own calculation)."""

    code: MeasureCurrentRange
    full_scale_a: float
    noise_a: float
    """Rms noise of a reading averaged over ``RESISTANCE_AVERAGE_S``."""
    settling_s: float

    def lowest_ohm(self, read_v: float) -> float:
        """Resistance whose current is the full scale: a saturated reading is below it."""
        return read_v / self.full_scale_a

    def highest_ohm(self, read_v: float) -> float:
        """Resistance whose current is the noise floor: a smaller current is above it."""
        return read_v / (FLOOR_NOISES * self.noise_a)


LRS_RANGE = CurrentRange(MeasureCurrentRange.UA100, 100e-6, 47e-9 * (130e-9 / 1e-6) ** 0.5, 820e-9)
HRS_RANGE = CurrentRange(MeasureCurrentRange.UA10, 10e-6, 2.5e-9, 5.8e-6)


def device_ranges(reads: ResistanceReads) -> tuple[CurrentRange, CurrentRange]:
    """Ranges of BL and of BLB. Bit 0 leaves BL in LRS and BLB in HRS, bit 1 the opposite."""
    if reads is ResistanceReads.AFTER_0:
        return LRS_RANGE, HRS_RANGE
    if reads is ResistanceReads.AFTER_1:
        return HRS_RANGE, LRS_RANGE
    return LRS_RANGE, LRS_RANGE


@dataclass(frozen=True)
class LoopReads:
    """What a loop reads: ``sensed``, Q after each programming; ``resistance``, and when."""

    sensed: bool = False
    resistance: ResistanceReads = ResistanceReads.NONE

    @property
    def loop_name(self) -> str:
        """Name of the loop: "cycle", with Q where it senses and R with the bits measured."""
        bits = "".join(map(str, self.resistance.bits))
        return "cycle" + "Q" * self.sensed + (f"R{bits}" if bits else "")

    @property
    def values_per_loop(self) -> int:
        """Measured values of the busiest channel in one loop."""
        return max(CYCLES_PER_LOOP * self.sensed, len(self.resistance.bits))


BARE = LoopReads()
SENSED = LoopReads(sensed=True)


@lru_cache(maxsize=32)
def cycle_loop(schemes: PulseSchemes, conditions: ProgramConditions, reads: LoopReads) -> Scheme:
    """One loop: bit 0, its readings, bit 1, its readings; from idle pads to idle pads.

    Q is at 0 V throughout. The measure events of a channel are in the order of the loop.
    """
    line = Timeline(schemes.vdd)
    events: dict[str, list[MeasureEvent]] = {}
    pulses: list[Pulse] = []
    for bit in (0, 1):
        pulses += schemes.append_program(line, bit, conditions)
        if reads.sensed:
            latch = _append_latched_sense(line, schemes, f"q{bit}")
            events.setdefault("Q", []).append(latch)
        if bit in reads.resistance.bits:
            event = _append_resistance(line, schemes, reads.resistance, f"r{bit}")
            for pad in DEVICES:
                events.setdefault(pad, []).append(event)
        line.wait(SETTLE_S)
    ranges = {
        pad: chosen.code
        for pad, chosen in zip(DEVICES, device_ranges(reads.resistance), strict=True)
        if pad in events
    }
    measured = {pad: tuple(own) for pad, own in events.items()}
    loop = line.scheme(reads.loop_name, pulses, measured, ranges)
    if not reads.sensed:
        return loop
    at_0_v = np.array([(0.0, 0.0), (loop.duration_s, 0.0)])
    return replace(loop, points={**loop.points, "Q": at_0_v})


def _append_latched_sense(line: Timeline, schemes: PulseSchemes, name: str) -> MeasureEvent:
    """Sense, read Q, then WL, SEN and BYP back to idle, one after another."""
    line.wait(SETTLE_S)
    edge_s = schemes.append_sense(line, LATCH_READ_S + LATCH_AVERAGE_S)
    # SEN falls before BYP rises: both high leave the latch undefined.
    line.wait(SETTLE_S).move(SEN=0.0).wait(SETTLE_S).move(BYP=schemes.vdd)
    return MeasureEvent(name, edge_s + LATCH_READ_S, 1, LATCH_AVERAGE_S, LATCH_AVERAGE_S)


def _append_resistance(
    line: Timeline, schemes: PulseSchemes, reads: ResistanceReads, name: str
) -> MeasureEvent:
    """SL to the read voltage with both bit lines at 0 V, the word line up meanwhile."""
    slowest_s = max(chosen.settling_s for chosen in device_ranges(reads))
    settle_s = round(SETTLINGS * slowest_s / 1e-7) * 1e-7
    line.wait(SETTLE_S).move(WL=schemes.levels.word_line_on).wait(SETTLE_S)
    line.move(SL=schemes.levels.read).wait(settle_s)
    begin_s = line.now_s
    line.wait(RESISTANCE_AVERAGE_S).move(SL=0.0).wait(SETTLE_S).move(WL=0.0)
    return MeasureEvent(name, begin_s, 1, RESISTANCE_AVERAGE_S, RESISTANCE_AVERAGE_S)


@dataclass(frozen=True, eq=False)
class Execution:
    """What one execution read. ``loops`` loops were run, each of them two cycles."""

    loops: int
    sensed: NDArray[np.uint8] | None
    """Bits read after bit 0 and after bit 1, (loops, 2); `NOT_READ` where Q was at no level."""
    resistance: NDArray[np.float32] | None
    """Ohm, (loops, programmings read, 2), BL first, access transistor included; NaN where there is
    no value: censored, or no valid reading at all (code 0)."""
    censored: NDArray[np.int8] | None
    """Censoring code of each resistance, same shape."""

    @property
    def cycles(self) -> int:
        """Programmings of the bit."""
        return CYCLES_PER_LOOP * self.loops


class Cycler:
    """Cycles bits of a chip at one condition."""

    def __init__(self, chip: TestChip, conditions: ProgramConditions) -> None:
        self._chip = chip
        self._conditions = conditions
        self._high_a = chip.vdd / chip.description.board.q_series

    def run(
        self, row: int, column: int, cycles: int, reads: LoopReads = BARE
    ) -> Iterator[Execution]:
        """Program a bit ``cycles`` times, 0 and 1 in turn, beginning with 0; a number of loops.

        Yields what each execution read, before the next one is booked and sent. Raises ValueError
        for an odd number of cycles.
        """
        if cycles % CYCLES_PER_LOOP or cycles < 0:
            raise ValueError(f"{cycles} cycles: a loop holds {CYCLES_PER_LOOP}, bit 0 and bit 1")
        if cycles == 0:
            return
        chip = self._chip
        loop = cycle_loop(chip.schemes, self._conditions, reads)
        with chip.operation("cycle", []):
            chip.connections.decoder.select(row, column)
            loaded = None
            for loops in executions(cycles // CYCLES_PER_LOOP, loop.duration_s, reads):
                if loops != loaded:
                    chip.load(loop, loops)
                    loaded = loops
                execute_loops(chip, loops, loop.duration_s, partial(self._booking, row, column))
                execution = self._read(loops, reads)
                chip.row_done()
                yield execution
            if reads.sensed:
                chip.hold_outputs(0.0)

    def _booking(self, row: int, column: int, loops: int) -> list[Pulses]:
        """A loop SETs each device of the bit once and RESETs it once."""
        counts = np.zeros((*self._chip.shape, 2), dtype=np.uint32)
        counts[row, column] = loops
        gate_v = self._chip.schemes.table.gate_v(self._conditions.set_compliance_a)
        return [
            Pulses("set", set_condition(self._conditions, gate_v), counts),
            Pulses("reset", reset_condition(self._conditions), counts),
        ]

    def _read(self, loops: int, reads: LoopReads) -> Execution:
        channels, on_pulse = self._chip.connections.channels, self._chip.on_pulse
        sensed = resistance = censored = None
        if reads.sensed:
            sensed = levels(channels["Q"].read(CYCLES_PER_LOOP * loops, on_pulse), self._high_a)
            sensed = sensed.reshape(loops, CYCLES_PER_LOOP)
        each = len(reads.resistance.bits)
        if each:
            shape = (loops, each, len(DEVICES))
            resistance = np.empty(shape, dtype=np.float32)
            censored = np.empty(shape, dtype=np.int8)
            read_v = self._chip.description.levels.read
            for device, scale in enumerate(device_ranges(reads.resistance)):
                currents = channels[DEVICES[device]].read(loops * each, on_pulse)
                ohm, code = resistances(currents, read_v, scale)
                resistance[..., device] = ohm.reshape(loops, each)
                censored[..., device] = code.reshape(loops, each)
        return Execution(loops, sensed, resistance, censored)


def executions(loops: int, loop_s: float, reads: LoopReads) -> Iterator[int]:
    """Loops of each execution of a request, all equal but for the last.

    >>> list(executions(5_000_000, 5e-6, SENSED))
    [1666667, 1666667, 1666666]
    """
    if loops < 1:
        raise ValueError(f"{loops} loops: one or more can be executed")
    most = min(int(LONGEST_EXECUTION_S / loop_s), EXECUTION_LOOPS)
    if reads.values_per_loop:
        most = min(most, EXECUTION_VALUES // reads.values_per_loop)
    if most < 1:
        raise ValueError(f"one loop of {loop_s:g} s is longer than an execution may last")
    each = -(-loops // -(-loops // most))
    for begin in range(0, loops, each):
        yield min(each, loops - begin)


def levels(currents: NDArray[np.float64], high_a: float) -> NDArray[np.uint8]:
    """Bits from currents of an output; ``high_a`` is that of a high one, which flows out of it.

    `NOT_READ` where a current is at neither level, or out of range (NaN).

    >>> levels(np.array([-120e-6, 1e-6, -60e-6, np.nan]), 120e-6).tolist()
    [1, 0, 255, 255]
    """
    around = LEVEL_TOLERANCE * high_a
    is_low = (currents > -around) & (currents < around)
    is_high = (currents > -high_a - around) & (currents < -high_a + around)
    # Bytes, not masks: millions of values an execution.
    return np.asarray(is_high + NOT_READ * ~(is_low | is_high), dtype=np.uint8)


def resistances(
    currents: NDArray[np.float64], read_v: float, scale: CurrentRange
) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Ohm and censoring codes from currents of a bit line held at 0 V; NaN means full scale.

    Current into the channel is negative. A full scale of either sign can only be too low a
    resistance. A current that flows out of the channel by more than the floor is no reading: NaN
    with code 0.

    >>> ohm, code = resistances(np.array([-1e-6, np.nan, -1e-9, 1e-6]), 0.1, HRS_RANGE)
    >>> ohm.tolist(), code.tolist()
    ([100000.0, nan, nan, nan], [0, -1, 1, 0])
    """
    floor_a = FLOOR_NOISES * scale.noise_a
    ohm = np.full(currents.shape, np.nan, dtype=np.float32)
    code = np.zeros(currents.shape, dtype=np.int8)
    code[np.isnan(currents)] = CENSORED_BELOW
    code[np.abs(currents) < floor_a] = CENSORED_ABOVE
    readable = currents <= -floor_a
    ohm[readable] = read_v / -currents[readable]
    return ohm, code
