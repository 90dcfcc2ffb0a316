"""A sense as a pulse: how long it may last is chosen, and both outputs are sampled while it lasts.

A row sense (`PulseSchemes.sense_row`) holds its latches and reads them later. Here each bit is
sensed for itself: the discharge ends after a given time, and Q and QB are read before. Near
threshold that time decides which branches discharge, and a pair of which neither does is a ternary
0 (third seed family).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from instruments.testchip.chip import (
    LEVEL_TOLERANCE,
    NOT_READ,
    UNDECIDED,
    Floats,
    Mask,
    TestChip,
)
from instruments.testchip.pads import OUTPUT_PADS
from instruments.testchip.waveforms import EDGE_S, SETTLE_S, PulseSchemes, Scheme, Timeline
from instruments.wgfmu.driver import MeasureEvent

LATE_AVERAGE_S = 200e-9
"""Averaging of the outputs at the end of a sense (bench note)."""
SHORTEST_SENSE_S = 500e-9
"""300 ns for the outputs' channels to settle, and the averaging (bench note)."""
SAMPLE_S = 10e-9
"""Distance and averaging of the samples that bound the sense time: the grid of the channels."""
TRACE_SENSE_S = 500e-9
"""Sense pulse in which they are taken."""


def pulsed_sense(schemes: PulseSchemes, sense_s: float, sampled: bool) -> Scheme:
    """Precharge, discharge for ``sense_s`` (s, from SEN up to WL down), back to idle.

    Q and QB are averaged at the end of the discharge or, if ``sampled``, from the SEN edge on every
    10 ns. The word line falls before SEN does.
    """
    vdd, line = schemes.vdd, Timeline(schemes.vdd)
    edge = schemes.append_sense(line, sense_s - EDGE_S) - EDGE_S
    end = edge + sense_s
    line.move(SEN=0.0).wait(SETTLE_S).move(BYP=vdd)
    if sampled:
        event = MeasureEvent("race", edge, round((end - edge) / SAMPLE_S), SAMPLE_S, SAMPLE_S)
    else:
        event = MeasureEvent("latched", end - LATE_AVERAGE_S, 1, LATE_AVERAGE_S, LATE_AVERAGE_S)
    scheme = line.scheme(f"{event.name}_{round(vdd * 1e3)}mV")
    still = np.array([[0.0, 0.0], [scheme.duration_s, 0.0]])
    return replace(
        scheme,
        points={**scheme.points, **dict.fromkeys(OUTPUT_PADS, still)},
        measure=dict.fromkeys(OUTPUT_PADS, (event,)),
    )


def sense_pulsed(chip: TestChip, where: Mask, sense_s: float) -> NDArray[np.uint8]:
    """Read bits one by one at the supply in use. ``where`` is (rows, columns).

    Returns 0 or 1 (Q), `UNDECIDED` where Q = QB = 1, `NOT_READ` elsewhere and where an output is at
    neither level. Raises `OSError` where both outputs are low: no latch is like that.
    """
    read = np.full(chip.shape, NOT_READ, dtype=np.uint8)
    scheme = pulsed_sense(chip.schemes, sense_s, sampled=False)
    with chip.operation("sense", []):
        for row, column in chip.fire_each(scheme, where):
            q, qb = output_levels(_outputs(chip, scheme)[0], high_current(chip)).tolist()
            if q == qb == 0:
                raise OSError(
                    f"Q and QB are both low at row {row} column {column}: pad Q, QB or VDD is open "
                    "or shorted"
                )
            if NOT_READ not in (q, qb):
                read[row, column] = UNDECIDED if q == qb else q
        chip.hold_outputs(0.0)
    return read


def sense_traces(chip: TestChip, where: Mask) -> Floats:
    """Currents (A, negative into the channel) of Q and QB from the SEN edge on, every 10 ns.

    Returns (bits, samples, 2), bits in the order of ``where``; NaN out of range.
    """
    scheme = pulsed_sense(chip.schemes, TRACE_SENSE_S, sampled=True)
    with chip.operation("sense", []):
        traces = [_outputs(chip, scheme) for _ in chip.fire_each(scheme, where)]
        chip.hold_outputs(0.0)
    return np.array(traces)


def high_current(chip: TestChip) -> float:
    """Current (A) that a high output drives into its channel at the supply in use."""
    return chip.vdd / chip.description.board.q_series


def output_levels(amperes: Floats, high_a: float) -> NDArray[np.uint8]:
    """1 or 0 for the currents of high or low outputs, `NOT_READ` for what is neither.

    >>> output_levels(np.array([-119e-6, 1e-6, -60e-6, np.nan]), 120e-6).tolist()
    [1, 0, 255, 255]
    """
    level = -amperes / high_a
    levels = np.full(level.shape, NOT_READ, dtype=np.uint8)
    levels[np.abs(level) < LEVEL_TOLERANCE] = 0
    levels[np.abs(level - 1) < LEVEL_TOLERANCE] = 1
    return levels


def _outputs(chip: TestChip, scheme: Scheme) -> Floats:
    """(samples, 2) currents of Q and QB of the execution that has just ended."""
    channels = chip.connections.channels
    return np.stack(
        [
            channels[pad].read(sum(event.points for event in scheme.measure[pad]))
            for pad in OUTPUT_PADS
        ],
        axis=-1,
    )


def trace_times(samples: int) -> Floats:
    """End of each sample of `sense_traces`, s from the beginning of the SEN edge."""
    return np.asarray((np.arange(samples) + 1) * SAMPLE_S)
