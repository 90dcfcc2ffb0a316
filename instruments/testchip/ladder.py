"""Forming by a ladder: pulses with rising tops, a read after each, no pulse once it has formed.

A downloaded ramp cannot react; a ladder can, and a device gets no more than it needs (bench note,
pulse schemes). Pulse and read are one execution: WL at the forming gate, SL and the complement's
bit line to the top together and back, WL fully on, SL at the read voltage, the current of the
device's bit line averaged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from instruments.limits import LimitError
from instruments.testchip.chip import TestChip
from instruments.testchip.pads import DEVICES
from instruments.testchip.waveforms import SETTLE_S, Pulse, PulseSchemes, Scheme, Timeline
from instruments.testchip.wear import Pulses
from instruments.wgfmu.driver import MeasureEvent
from instruments.wgfmu.library import MeasureCurrentRange

FORMED_BELOW_OHM = 100e3
"""What the fast read calls formed. A formed device has 1 to 40 kohm, a pristine one draws less than
the offset of the range, 0.2 uA (instruments.md 1.9)."""

READ_RANGE = MeasureCurrentRange.UA100
_READ_SETTLE_S = 5e-6
"""Six settling times of that range (instruments.md 1.9)."""
_READ_AVERAGE_S = 20e-6

MOST_TOPS = 200


@dataclass(frozen=True, eq=False)
class LadderResult:
    """What a ladder did, each (rows, columns, 2)."""

    voltages: NDArray[np.float64]
    """Top (V) of the pulse after which the device read as formed; NaN where none did."""
    pulses: NDArray[np.uint32]
    """Pulses sent."""


@dataclass(frozen=True)
class FormingLadder:
    """A ladder's tops from ``start_v`` to ``stop_v`` by ``step_v``, and the width of its pulses.

    Raises `LimitError` where that is no ladder.
    """

    start_v: float
    stop_v: float
    step_v: float
    width_s: float

    def __post_init__(self) -> None:
        if not 0 < self.start_v <= self.stop_v < math.inf:
            raise LimitError(
                "a ladder starts above 0 V and stops at or above its start; given: "
                f"{self.start_v:g} V to {self.stop_v:g} V"
            )
        # Before they are listed: a step may be as small as a float can be.
        height_v, most_v = self.stop_v - self.start_v, (MOST_TOPS - 1) * self.step_v
        if not (0 < self.step_v < math.inf and height_v <= most_v * (1 + 1e-9)):
            raise LimitError(
                f"a ladder from {self.start_v:g} V to {self.stop_v:g} V in steps of "
                f"{self.step_v:g} V has more than {MOST_TOPS} tops"
            )

    @cached_property
    def tops(self) -> tuple[float, ...]:
        """Every top, V. The last is ``stop_v``, also where the step does not lead there."""
        # A little slack, so that 1.4 V to 3.3 V by 0.1 V ends at 3.3 V.
        whole = int((self.stop_v - self.start_v) / self.step_v + 1e-6) + 1
        tops = [round(self.start_v + i * self.step_v, 6) for i in range(whole)]
        if self.stop_v - tops[-1] > 1e-6:
            tops.append(self.stop_v)
        return tuple(tops)

    def form(self, chip: TestChip, devices: NDArray[np.bool_]) -> LadderResult:
        """Form devices, (rows, columns, 2); each top is booked before it is sent.

        A device whose read is not valid gets no further pulse, as if it had formed: whoever asked
        reads it again with the SMUs.
        """
        rungs = LadderSchemes(chip.schemes, self.width_s)
        waiting = devices.copy()
        voltages = np.full(devices.shape, np.nan)
        pulses = np.zeros(devices.shape, dtype=np.uint32)
        for top_v in self.tops:
            if not waiting.any():
                break
            booked = Pulses("form", rungs.condition(top_v), waiting.astype(np.uint32))
            pulses += booked.counts
            with chip.operation("form", [booked]):
                for device in (0, 1):
                    scheme = rungs.pulse(device, top_v)
                    for row, column in chip.fire_each(scheme, waiting[..., device]):
                        (ampere,) = -chip.connections.channels[DEVICES[device]].read(1)
                        if not ampere < rungs.formed_above_a:
                            voltages[row, column, device] = top_v
            waiting &= np.isnan(voltages)
        return LadderResult(voltages, pulses)


class LadderSchemes:
    """Builds the pulses of a ladder."""

    def __init__(self, schemes: PulseSchemes, width_s: float) -> None:
        self._levels = schemes.levels
        self._gate_v = schemes.forming_gate_v
        self._vdd = schemes.vdd
        self._width_s = width_s

    @property
    def formed_above_a(self) -> float:
        """Current of the fast read from which a device counts as formed, A."""
        return self._levels.read / FORMED_BELOW_OHM

    def condition(self, top_v: float) -> dict[str, float]:
        """What is booked of a pulse."""
        return {
            "top_v": top_v,
            "width_s": self._width_s,
            "compliance_a": self._levels.forming_compliance,
            "gate_v": self._gate_v,
        }

    def pulse(self, device: int, top_v: float) -> Scheme:
        """One pulse on a device (0: BL, 1: BLB), its complement protected, and the read."""
        active, complement = DEVICES[device], DEVICES[1 - device]
        line = Timeline(self._vdd).move(WL=self._gate_v).wait(SETTLE_S)
        line.pulse(self._width_s, **{"SL": top_v, complement: top_v}).wait(SETTLE_S)
        line.move(WL=self._levels.word_line_on).wait(SETTLE_S)
        line.move(SL=self._levels.read).wait(_READ_SETTLE_S)
        begin = line.now_s
        line.wait(_READ_AVERAGE_S).move(SL=0.0).wait(SETTLE_S).move(WL=0.0)
        return line.scheme(
            f"rung{device}",
            [Pulse("form", device, top_v, self._width_s, self._levels.forming_compliance)],
            {active: (MeasureEvent("read", begin, 1, _READ_AVERAGE_S, _READ_AVERAGE_S),)},
            {active: READ_RANGE},
        )
