"""Pulse schemes of the bench note: what each pad sees over time, as data.

A scheme begins with the pads idle (WL, SL, BL, BLB, SEN = 0, BYP = VDD). Edges are 30 ns; a pulse's
width is its full width at half maximum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from instruments.limits import LimitError
from instruments.testchip.compliance import ComplianceTable
from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.description import ChipDescription
from instruments.testchip.pads import PULSED_PADS
from instruments.wgfmu.driver import MeasureEvent
from instruments.wgfmu.library import MeasureCurrentRange
from instruments.wgfmu.limits import GRID_S, on_grid

EDGE_S = 30e-9
SETTLE_S = 100e-9
SENSE_SETTLE_S = 200e-9
FORMING_SAMPLE_S = 10e-6
FORMING_AVERAGE_S = 1e-6


@dataclass(frozen=True)
class Pulse:
    """One pulse that a scheme sends: ``kind`` (form, set or reset) and device (0 BL, 1 BLB)."""

    kind: str
    device: int
    volts: float
    """Across the device and its transistor, at the top."""
    width_s: float
    current_a: float
    """What limits it: the gate's current in forming and SET; in RESET that of the SET before."""

    @property
    def energy_j(self) -> float:
        """About what it takes at most, J: full current at full voltage; half of it in a ramp."""
        return self.volts * self.current_a * self.width_s * (0.5 if self.kind == "form" else 1.0)


@dataclass(frozen=True, eq=False)
class Scheme:
    """Pad voltages over time: ``points[pad]`` is (n, 2) of seconds and volts, equal durations.

    ``measure`` names pads whose current is sampled while it runs, ``ranges`` their current ranges
    (1 mA by default), ``pulses`` what it does to the selected devices, in order.
    """

    name: str
    points: Mapping[str, NDArray[np.float64]]
    measure: Mapping[str, tuple[MeasureEvent, ...]] = field(default_factory=dict)
    ranges: Mapping[str, MeasureCurrentRange] = field(default_factory=dict)
    pulses: tuple[Pulse, ...] = ()

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
        return self._now * GRID_S

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
        if width_s < EDGE_S + GRID_S:
            raise LimitError(f"a pulse of {width_s:g} s is too short for edges of {EDGE_S:g} s")
        bases = {pad: self._level[pad] for pad in tops}
        return self.move(**tops).wait(width_s - EDGE_S).move(**bases)

    def scheme(
        self,
        name: str,
        pulses: Sequence[Pulse] = (),
        measure: Mapping[str, tuple[MeasureEvent, ...]] | None = None,
        ranges: Mapping[str, MeasureCurrentRange] | None = None,
    ) -> Scheme:
        """The finished scheme: every pad holds its last level to the common end."""
        points = {}
        for pad, knots in self._points.items():
            if knots[-1][0] < self._now:
                knots = [*knots, (self._now, self._level[pad])]
            points[pad] = np.array([(step * GRID_S, volts) for step, volts in knots])
        return Scheme(name, points, measure or {}, ranges or {}, tuple(pulses))


class PulseSchemes:
    """Builds every scheme for one chip, compliance table and logic supply.

    The one description of what the pads see: operations send these schemes, and a run is refused
    before it begins by looking at the same ones. ``vdd`` is the logic supply, V.
    """

    def __init__(self, chip: ChipDescription, table: ComplianceTable, vdd: float) -> None:
        self.table = table
        self.levels = chip.levels
        self.vdd = vdd

    def program_bit(self, bit: int, conditions: ProgramConditions) -> Scheme:
        """SET of one device and RESET of the other in one execution; see `append_program`."""
        line = Timeline(self.vdd)
        pulses = self.append_program(line, bit, conditions)
        return line.scheme(f"program{bit}", pulses)

    def append_program(
        self, line: Timeline, bit: int, conditions: ProgramConditions
    ) -> tuple[Pulse, ...]:
        """Append SET of one device and RESET of the other, from idle pads to idle pads.

        Bit 0 is BL in LRS and BLB in HRS, bit 1 the opposite (paper, 2.1). During the SET the
        complement's bit line follows SL; during the RESET the SET device's bit line is at SL, 0 V.
        """
        _, complement = _pair(bit)
        set_v, width_s = conditions.set_v, conditions.width_s
        line.move(WL=self.table.gate_v(conditions.set_compliance_a)).wait(SETTLE_S)
        line.pulse(width_s, **{"SL": set_v, complement: set_v}).wait(SETTLE_S)
        line.move(WL=self.levels.word_line_on).wait(SETTLE_S)
        line.pulse(width_s, **{complement: conditions.reset_v}).wait(SETTLE_S)
        line.move(WL=0.0)
        amperes = conditions.set_compliance_a
        return (
            Pulse("set", bit, set_v, width_s, amperes),
            Pulse("reset", 1 - bit, conditions.reset_v, width_s, amperes),
        )

    def set_device(
        self, device: int, gate_v: float, set_v: float, width_s: float, measure: bool = False
    ) -> Scheme:
        """SET of one device (0: BL, 1: BLB), its complement protected.

        With ``measure`` its bit-line current is averaged over the second half of the plateau.
        """
        active, complement = _pair(device)
        line = Timeline(self.vdd).move(WL=gate_v).wait(SETTLE_S)
        begin = line.now_s + EDGE_S
        line.pulse(width_s, **{"SL": set_v, complement: set_v}).wait(SETTLE_S)
        line.move(WL=0.0)
        events = {}
        if measure:
            half = _steps(width_s - EDGE_S) // 2 * GRID_S
            events = {active: (MeasureEvent("plateau", begin + half, 1, half, half),)}
        pulse = Pulse("set", device, set_v, width_s, self.table.current_a(gate_v))
        return line.scheme(f"set{device}", [pulse], events)

    def reset_device(self, device: int, conditions: ProgramConditions) -> Scheme:
        """RESET of one device with the gate fully on; its complement's bit line is at SL, 0 V."""
        active, _ = _pair(device)
        line = Timeline(self.vdd).move(WL=self.levels.word_line_on).wait(SETTLE_S)
        line.pulse(conditions.width_s, **{active: conditions.reset_v}).wait(SETTLE_S)
        amperes = conditions.set_compliance_a
        pulse = Pulse("reset", device, conditions.reset_v, conditions.width_s, amperes)
        return line.move(WL=0.0).scheme(f"reset{device}", [pulse])

    def form_device(self, device: int) -> Scheme:
        """Forming ramp on SL with the gate limiting the current; the complement follows SL.

        The bit-line current is sampled every 10 us, 1 us average: at 1000 V/s each 10 mV.
        """
        active, complement = _pair(device)
        top_v = self.levels.forming_top
        ramp_s = top_v / self.levels.forming_ramp
        line = Timeline(self.vdd).move(WL=self.forming_gate_v).wait(SETTLE_S)
        begin = line.now_s
        line.move(ramp_s, **{"SL": top_v, complement: top_v}).wait(SETTLE_S)
        line.move(**{"SL": 0.0, complement: 0.0}).wait(SETTLE_S).move(WL=0.0)
        event = MeasureEvent(
            "ramp",
            begin + FORMING_SAMPLE_S - FORMING_AVERAGE_S,
            round(ramp_s / FORMING_SAMPLE_S),
            FORMING_SAMPLE_S,
            FORMING_AVERAGE_S,
        )
        pulse = Pulse("form", device, top_v, ramp_s, self.levels.forming_compliance)
        return line.scheme(f"form{device}", [pulse], {active: (event,)})

    @property
    def forming_gate_v(self) -> float:
        """Word-line voltage during forming, V."""
        return self.table.gate_v(self.levels.forming_compliance)

    def forming_voltages(self, samples: int) -> NDArray[np.float64]:
        """SL voltage (V) in the middle of each current sample of `form_device`."""
        middles = (np.arange(samples) + 1) * FORMING_SAMPLE_S - FORMING_AVERAGE_S / 2
        return np.asarray(middles * self.levels.forming_ramp)

    def sense_row(self) -> Scheme:
        """Precharge, then discharge and latch; ends with WL down and SEN held: the latches hold."""
        line = Timeline(self.vdd)
        self.append_sense(line)
        return line.scheme("sense")

    def append_sense(self, line: Timeline, latched_s: float = SENSE_SETTLE_S) -> float:
        """Append precharge, discharge and latch; WL falls ``latched_s`` after the SEN edge's end.

        Ends with SEN held. Returns when the SEN edge ends, s. Bit lines are precharged before the
        word line rises; the other order would SET the row's HRS devices.
        """
        line.move(BYP=0.0).wait(SETTLE_S)
        line.move(SL=self.vdd).wait(SENSE_SETTLE_S)
        line.move(WL=self.levels.word_line_on).wait(SENSE_SETTLE_S)
        line.move(SEN=self.vdd, SL=0.0)
        edge_s = line.now_s
        line.wait(latched_s).move(WL=0.0)
        return edge_s


def _pair(device: int) -> tuple[str, str]:
    """Bit-line pads of a device and of its complement."""
    return ("BL", "BLB") if device == 0 else ("BLB", "BL")


def _steps(seconds: float) -> int:
    """Whole grid steps of a time, at least one; `LimitError` off the grid."""
    steps = round(float(on_grid(seconds)) / GRID_S)
    if steps < 1:
        raise LimitError(f"{seconds:g} s is shorter than the 10 ns grid of the pulse generators")
    return steps
