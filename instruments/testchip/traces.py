"""Programming pulses with their voltage and current sampled while they act on the device.

It is the programming of `TestChip.program`, the same pad voltages; only measure events are added.
The current is taken at the pad of the pair that is at 0 V during the pulse, where no charging
current of a moving line flows: in the SET the bit line of the device, in the RESET SL. The voltage
is taken at the complement's bit line, which is at the SET voltage together with SL and then at the
RESET voltage.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from instruments.testchip.chip import Floats, Mask, TestChip
from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.pads import DEVICES
from instruments.testchip.waveforms import EDGE_S, SETTLE_S, PulseSchemes, Scheme
from instruments.testchip.wear import Pulses
from instruments.wgfmu.driver import MeasureEvent
from instruments.wgfmu.library import MeasureMode, OperationMode
from instruments.wgfmu.limits import GRID_S

SHORTEST_MEASURED_S = 500e-9
"""Currents of shorter pulses cannot be measured on this bench: they settle in 200 ns on the 1 mA
range (bench note)."""
LONGEST_MEASURED_S = 1e-3
_SAMPLES_A_PULSE = 50
_SHORTEST_SAMPLE_S = 20e-9


@dataclass(frozen=True, eq=False)
class ProgramTraces:
    """Samples of one programming of each cell, cells in the order of the mask.

    ``set`` and ``reset`` are (cells, 2, samples): volts, then amperes, positive through the device;
    from the beginning of the pulse's rise, ``sample_s`` apart and averaged over that. NaN out of
    range.
    """

    sample_s: float
    set: Floats
    reset: Floats


def sample_time(width_s: float) -> float:
    """Distance and averaging of the samples for pulses of a width, s.

    A fiftieth of the width or a little less, so that whole samples reach beyond the fall.

    >>> sample_time(1e-6), sample_time(10e-6)
    (2e-08, 1.9e-07)
    """
    window = round(_window_s(width_s) / GRID_S)
    shortest, after = round(_SHORTEST_SAMPLE_S / GRID_S), round(SETTLE_S / GRID_S)
    longest = max(round(width_s / GRID_S) // _SAMPLES_A_PULSE, shortest)
    steps = next(n for n in range(longest, shortest - 1, -1) if window % n < after)
    return round(steps * GRID_S, 9)


def _window_s(width_s: float) -> float:
    """What is sampled of a pulse: rise, top, fall and what its current takes to settle, s."""
    return width_s + EDGE_S + SETTLE_S


def traced_program(schemes: PulseSchemes, bit: int, conditions: ProgramConditions) -> Scheme:
    """`PulseSchemes.program_bit` with events on SET and RESET, each to after its fall."""
    scheme = schemes.program_bit(bit, conditions)
    active, complement = DEVICES[bit], DEVICES[1 - bit]
    points = scheme.points[complement]
    # A pulse begins at each last point at 0 V before one that is not.
    begins = points[:-1, 0][(points[:-1, 1] == 0) & (points[1:, 1] != 0)]
    sample_s = sample_time(conditions.width_s)
    count = int(_window_s(conditions.width_s) / sample_s + 1e-6)
    set_event, reset_event = (
        MeasureEvent(name, float(begin), count, sample_s, sample_s)
        for name, begin in zip(("set", "reset"), begins, strict=True)
    )
    return replace(
        scheme,
        name=f"traced{bit}",
        measure={
            active: (set_event,),
            complement: (set_event, reset_event),
            "SL": (reset_event,),
        },
    )


def program_traced(
    chip: TestChip, bit: int, where: Mask, conditions: ProgramConditions
) -> ProgramTraces:
    """Program one bit into cells of a (rows, columns) mask and sample both pulses.

    Raises ValueError for pulses below `SHORTEST_MEASURED_S` or beyond `LONGEST_MEASURED_S`.
    """
    if not SHORTEST_MEASURED_S * (1 - 1e-9) <= conditions.width_s <= LONGEST_MEASURED_S:
        raise ValueError(f"the current of a {conditions.width_s:g} s pulse cannot be measured here")
    scheme = traced_program(chip.schemes, bit, conditions)
    active, complement = DEVICES[bit], DEVICES[1 - bit]
    count = scheme.measure["SL"][0].points
    at, channels = chip.connections, chip.connections.channels
    sets, resets = [], []
    with chip.operation("program", _booked(chip, bit, where, conditions)):
        chip.load(scheme)
        # `load` has set it up for current.
        channels[complement].configure(OperationMode.FASTIV, MeasureMode.VOLTAGE)
        for row, column in np.argwhere(where).tolist():
            at.decoder.select(row, column)
            at.wgfmu.execute()
            at.wgfmu.wait()
            volts = channels[complement].read(2 * count)
            sets.append([volts[:count], -channels[active].read(count)])
            resets.append([volts[count:], -channels["SL"].read(count)])
            chip.row_done()
    return ProgramTraces(sample_time(conditions.width_s), np.array(sets), np.array(resets))


def _booked(chip: TestChip, bit: int, where: Mask, conditions: ProgramConditions) -> list[Pulses]:
    """The pulses as `TestChip.program` books them."""
    counts = np.zeros((*chip.shape, 2), dtype=np.uint32)
    counts[where, bit] = 1
    set_condition = {
        "set_v": conditions.set_v,
        "gate_v": chip.schemes.table.gate_v(conditions.set_compliance_a),
        "compliance_a": conditions.set_compliance_a,
        "width_s": conditions.width_s,
    }
    reset_condition = {"reset_v": conditions.reset_v, "width_s": conditions.width_s}
    return [
        Pulses("set", set_condition, counts),
        Pulses("reset", reset_condition, counts[..., ::-1]),
    ]
