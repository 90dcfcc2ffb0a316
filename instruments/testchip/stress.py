"""Stress without reading: senses in the sequencer, and the read voltage held on a bit.

A sense is a read and is not booked, however often; a held voltage is, as it need not be that of a
read. The stress of half-selected cells comes from programming their neighbour, with
`instruments.testchip.cycling.Cycler`.
"""

from __future__ import annotations

import numpy as np

from instruments.limits import LimitError
from instruments.testchip.chip import TestChip
from instruments.testchip.cycling import BARE, executions
from instruments.testchip.executing import execute_loops
from instruments.testchip.waiting import wait_until
from instruments.testchip.waveforms import SETTLE_S, PulseSchemes, Scheme, Timeline
from instruments.testchip.wear import Pulses

LONGEST_HOLD_S = 3600.0

_METER_COMPLIANCE_A = 1e-3


def sense_loop(schemes: PulseSchemes) -> Scheme:
    """One sense from idle pads to idle pads, so that it can be looped.

    SEN falls before BYP rises: both high leave the latch undefined.
    """
    line = Timeline(schemes.vdd)
    schemes.append_sense(line)
    line.wait(SETTLE_S).move(SEN=0.0).wait(SETTLE_S).move(BYP=schemes.vdd)
    return line.wait(SETTLE_S).scheme("sense_loop")


def sense_repeatedly(chip: TestChip, row: int, senses: int) -> None:
    """Sense a row ``senses`` times; nothing is read. All columns of the row are sensed."""
    loop = sense_loop(chip.schemes)
    with chip.operation("sense", []):
        chip.connections.decoder.select(row, 0)
        loaded = None
        for loops in executions(senses, loop.duration_s, BARE):
            if loops != loaded:
                chip.load(loop, loops)
                loaded = loops
            execute_loops(chip, loops, loop.duration_s)
            chip.row_done()


def hold_read_voltage(chip: TestChip, row: int, column: int, volts: float, seconds: float) -> float:
    """Hold a bit as the SMUs read it: WL up, SL at ``volts``, BL and BLB at 0 V.

    Both devices see the voltage. Returns how long it was held, s: at least ``seconds`` and some
    commands to the instruments more. Raises `LimitError` beyond `LONGEST_HOLD_S`.
    """
    if not 0 <= seconds <= LONGEST_HOLD_S:
        raise LimitError(f"a hold of {seconds:g} s is not allowed: 0 s to {LONGEST_HOLD_S:g} s")
    at = chip.connections
    counts = np.zeros((*chip.shape, 2), dtype=np.uint32)
    counts[row, column] = 1
    with chip.operation("measure", [Pulses("hold", {"volts": volts, "seconds": seconds}, counts)]):
        chip.meters_to_pads()
        at.decoder.select(row, column)
        at.channels["WL"].force(chip.description.levels.word_line_on)
        at.meters["SL"].force_voltage(volts, _METER_COMPLIANCE_A)
        begin = at.now()
        wait_until(chip, begin + seconds)
        at.meters["SL"].force_voltage(0.0, _METER_COMPLIANCE_A)
        held = at.now() - begin
        chip.row_done()
    return held
