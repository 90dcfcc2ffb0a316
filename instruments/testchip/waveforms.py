"""Pulse schemes of the bench note: what each pad sees over time, as data.

A scheme begins with the pads idle (WL, SL, BL, BLB, SEN = 0, BYP = VDD). Edges are 30 ns; a pulse's
width is its full width at half maximum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from instruments.limits import LimitError
from instruments.testchip.pads import PULSED_PADS
from instruments.wgfmu.driver import MeasureEvent

EDGE_S = 30e-9
SETTLE_S = 100e-9
SENSE_SETTLE_S = 200e-9
FORMING_SAMPLE_S = 10e-6
FORMING_AVERAGE_S = 1e-6

_GRID_S = 10e-9


@dataclass(frozen=True, eq=False)
class Scheme:
    """Pad voltages over time: ``points[pad]`` is (n, 2) of seconds and volts, equal durations.

    ``measure`` names pads whose current is sampled while it runs.
    """

    name: str
    points: Mapping[str, NDArray[np.float64]]
    measure: Mapping[str, MeasureEvent] = field(default_factory=dict)

    @property
    def duration_s(self) -> float:
        """Length of the scheme."""
        return float(next(iter(self.points.values()))[-1, 0])


class Timeline:
    """Builds a scheme step by step from the idle pads."""

    def __init__(self, vdd: float) -> None:
        self._now = 0
        self._level = dict.fromkeys(PULSED_PADS, 0.0) | {"BYP": vdd}
        self._points = {pad: [(0, level)] for pad, level in self._level.items()}

    @property
    def now_s(self) -> float:
        """Time reached so far."""
        return self._now * _GRID_S

    def wait(self, seconds: float) -> Timeline:
        """Hold all pads."""
        self._now += _steps(seconds)
        return self

    def move(self, seconds: float = EDGE_S, **levels: float) -> Timeline:
        """Take pads to new levels together, along straight lines."""
        end = self._now + _steps(seconds)
        for pad, level in levels.items():
            if self._points[pad][-1][0] < self._now:
                self._points[pad].append((self._now, self._level[pad]))
            self._points[pad].append((end, level))
            self._level[pad] = level
        self._now = end
        return self

    def pulse(self, width_s: float, **tops: float) -> Timeline:
        """Take pads to their tops and back together; ``width_s`` is the width at half maximum."""
        if width_s < EDGE_S + _GRID_S:
            raise LimitError(f"a pulse of {width_s:g} s is too short for edges of {EDGE_S:g} s")
        bases = {pad: self._level[pad] for pad in tops}
        return self.move(**tops).wait(width_s - EDGE_S).move(**bases)

    def scheme(self, name: str, measure: Mapping[str, MeasureEvent] | None = None) -> Scheme:
        """The finished scheme: every pad holds its last level to the common end."""
        points = {}
        for pad, knots in self._points.items():
            if knots[-1][0] < self._now:
                knots = [*knots, (self._now, self._level[pad])]
            points[pad] = np.array([(step * _GRID_S, volts) for step, volts in knots])
        return Scheme(name, points, measure or {})


@dataclass(frozen=True)
class Gate:
    """Word-line voltages of an operation: limiting the SET current, and fully on, V."""

    limit: float
    on: float


def program_bit(
    bit: int, vdd: float, gate: Gate, set_v: float, reset_v: float, width_s: float
) -> Scheme:
    """SET of one device and RESET of the other in one execution; the idle one is protected.

    Bit 0 is BL in LRS and BLB in HRS, bit 1 the opposite (paper, 2.1). During the SET the
    complement's bit line follows SL; during the RESET the SET device's bit line equals SL, 0 V.
    """
    _, complement = _pair(bit)
    line = Timeline(vdd).move(WL=gate.limit).wait(SETTLE_S)
    line.pulse(width_s, **{"SL": set_v, complement: set_v}).wait(SETTLE_S)
    line.move(WL=gate.on).wait(SETTLE_S)
    line.pulse(width_s, **{complement: reset_v}).wait(SETTLE_S)
    return line.move(WL=0.0).scheme(f"program{bit}")


def set_device(
    device: int,
    vdd: float,
    gate: Gate,
    set_v: float,
    width_s: float,
    measure: bool = False,
) -> Scheme:
    """SET of one device (0: BL, 1: BLB), its complement protected.

    With ``measure`` the device's bit-line current is averaged over the second half of the plateau.
    """
    active, complement = _pair(device)
    line = Timeline(vdd).move(WL=gate.limit).wait(SETTLE_S)
    begin = line.now_s + EDGE_S
    line.pulse(width_s, **{"SL": set_v, complement: set_v}).wait(SETTLE_S)
    line.move(WL=0.0)
    events = {}
    if measure:
        half = _steps(width_s - EDGE_S) // 2 * _GRID_S
        events = {active: MeasureEvent("plateau", begin + half, 1, half, half)}
    return line.scheme(f"set{device}", events)


def reset_device(device: int, vdd: float, gate: Gate, reset_v: float, width_s: float) -> Scheme:
    """RESET of one device with the gate fully on; its complement's bit line equals SL, 0 V."""
    active, _ = _pair(device)
    line = Timeline(vdd).move(WL=gate.on).wait(SETTLE_S)
    line.pulse(width_s, **{active: reset_v}).wait(SETTLE_S)
    return line.move(WL=0.0).scheme(f"reset{device}")


def form_device(device: int, vdd: float, gate: Gate, top_v: float, ramp_v_per_s: float) -> Scheme:
    """Forming ramp on SL with the gate limiting the current; the complement's bit line follows.

    The bit-line current is sampled every 10 us, 1 us average: at 1000 V/s one sample each 10 mV.
    """
    active, complement = _pair(device)
    ramp_s = top_v / ramp_v_per_s
    samples = round(ramp_s / FORMING_SAMPLE_S)
    line = Timeline(vdd).move(WL=gate.limit).wait(SETTLE_S)
    begin = line.now_s
    line.move(ramp_s, **{"SL": top_v, complement: top_v}).wait(SETTLE_S)
    line.move(**{"SL": 0.0, complement: 0.0}).wait(SETTLE_S).move(WL=0.0)
    event = MeasureEvent(
        "ramp",
        begin + FORMING_SAMPLE_S - FORMING_AVERAGE_S,
        samples,
        FORMING_SAMPLE_S,
        FORMING_AVERAGE_S,
    )
    return line.scheme(f"form{device}", {active: event})


def sense_row(vdd: float, word_line_on: float) -> Scheme:
    """Precharge, then discharge and latch; ends with WL down and SEN held, so the latches hold.

    Bit lines are precharged before the word line rises; the other order would SET the row's HRS.
    """
    line = Timeline(vdd).move(BYP=0.0).wait(SETTLE_S)
    line.move(SL=vdd).wait(SENSE_SETTLE_S)
    line.move(WL=word_line_on).wait(SENSE_SETTLE_S)
    line.move(SEN=vdd, SL=0.0).wait(SENSE_SETTLE_S)
    return line.move(WL=0.0).scheme("sense")


def _pair(device: int) -> tuple[str, str]:
    """Bit-line pads of a device and of its complement."""
    return ("BL", "BLB") if device == 0 else ("BLB", "BL")


def _steps(seconds: float) -> int:
    steps = round(seconds / _GRID_S)
    if steps < 1 or abs(seconds - steps * _GRID_S) > 1e-12:
        raise LimitError(f"{seconds:g} s is not on the 10 ns grid of the pulse generators")
    return steps


def forming_voltages(samples: int, ramp_v_per_s: float) -> NDArray[np.float64]:
    """SL voltage (V) in the middle of each current sample of `form_device`."""
    middles = (np.arange(samples) + 1) * FORMING_SAMPLE_S - FORMING_AVERAGE_S / 2
    return np.asarray(middles * ramp_v_per_s)
