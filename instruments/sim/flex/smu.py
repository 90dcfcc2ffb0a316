"""One B1517A: what it forces, how it regulates within compliance, and what it reads.

Sources: instruments.md sections 2.9 (state after CN, compliance), 2.13 (ranges and limits).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import NamedTuple

import numpy as np

from instruments.sim.flex.errors import FlexError
from instruments.sim.flex.ranges import (
    CURRENT,
    FINE_STEPS,
    FINEST_AMPERES,
    SOURCE_STEPS,
    VOLTAGE,
    Range,
    RangeTable,
    largest_current,
    largest_voltage,
)
from instruments.sim.station import Station

OVERFLOW = 199.999e99
"""What stands in place of a value over the range (section 2.5, status V)."""

POWER_LINE_CYCLE = 1 / 50
HIGH_SPEED_SAMPLE = 100e-6
"""Seconds a high-speed sample takes: the shortest sampling interval. Assumed."""

HIGH_RESOLUTION_SAMPLE = 1e-3
"""Seconds a high-resolution sample takes. Assumed."""

_SAMPLES_PER_CYCLE = 128
_SHORTEST_INTEGRATION = 2e-6
_BISECTIONS = 24
_SLEW_STEPS = 64


class Source(Enum):
    """What an SMU keeps constant."""

    VOLTAGE = "V"
    CURRENT = "I"


class Reading(NamedTuple):
    """One item for the data buffer.

    ``slot`` 0 is no channel; ``kind`` is a type letter of section 2.5 (T: seconds); ``range``
    is what was measured on (None for time and index); ``is_source`` marks a forced value.
    """

    slot: int
    kind: str
    value: float
    status: str = "N"
    range: Range | None = None
    is_source: bool = False
    is_last: bool = False


@dataclass(frozen=True)
class Force:
    """A constant output: value in V or A, ranging code, compliance in A or V and its ranging."""

    source: Source
    range_code: int
    value: float
    compliance: float
    polarity: int = 0
    compliance_code: int = 0

    @property
    def range(self) -> Range:
        """The active output range."""
        return _table(self.source).covering(self.value, self.range_code)

    @property
    def compliance_range(self) -> Range:
        """The active range of the compliance."""
        return _table(_other(self.source)).covering(self.compliance, self.compliance_code)

    def truncated(self) -> Force:
        """The same with the value as the DAC of its range makes it."""
        return replace(self, value=_truncated(self.value, self.range))

    @property
    def highest_volts(self) -> float:
        """What the interlock looks at: output voltage or voltage compliance, as a magnitude."""
        return abs(self.value if self.source is Source.VOLTAGE else self.compliance)


AFTER_CN = Force(Source.VOLTAGE, 200, 0.0, 100e-6)
"""What CN and IN leave (sections 2.2, 2.9): 0 V, 20 V range, 100 uA."""


@dataclass
class Converter:
    """One A/D converter's AIT setting: mode 0 auto, 1 manual, 2 power line cycles, 3 time."""

    mode: int
    number: float

    def samples(self) -> float:
        """High-speed samples averaged in one reading."""
        if self.mode == 2:
            return self.number * _SAMPLES_PER_CYCLE
        if self.mode == 3:
            return max(1.0, self.number / _SHORTEST_INTEGRATION)
        return self.number

    def seconds(self, per_sample: float) -> float:
        """Integration time of one reading."""
        if self.mode == 2:
            return self.number * POWER_LINE_CYCLE
        if self.mode == 3:
            return self.number
        return self.number * per_sample


@dataclass
class Settings:
    """What stays when the output is switched, and *RST returns to its default."""

    filter_on: bool = False
    series_resistor: bool = False
    current_range: int = 0
    voltage_range: int = 0
    auto_range_mode: int = 1
    auto_range_rate: int = 50
    operation: int = 0
    converter: int = 0


@dataclass
class Smu:
    """A source and measure unit in ``slot``; ``limited`` is the mainframe's set of slots in
    compliance, shared by all its SMUs."""

    slot: int
    station: Station
    rng: np.random.Generator
    limited: set[int]
    settings: Settings = field(default_factory=Settings)
    force: Force | None = None
    zeroed: Force | None = None

    @property
    def is_on(self) -> bool:
        """Whether the output switch is closed."""
        return self.force is not None

    @property
    def volts(self) -> float:
        """Voltage at the output now; 0 when the switch is open."""
        return self.station.smu_volts[self.slot] or 0.0

    def enable(self) -> None:
        """Close the output switch; a channel that is on keeps its output."""
        if self.force is None:
            self.apply(AFTER_CN)

    def disable(self) -> None:
        """Open the output switch."""
        self.force = self.zeroed = None
        self.limited.discard(self.slot)
        self.station.set_smu(self.slot, None)

    def initialize(self) -> None:
        """IN: back to what CN leaves. Raises `FlexError` 200 when the output is off."""
        self.require_on()
        self.zeroed = None
        self.apply(AFTER_CN)

    def zero(self) -> None:
        """DZ: 0 V now, the setting kept for RZ. Raises `FlexError` 200 when off."""
        force = self.require_on()
        self.zeroed = self.zeroed or force
        self.apply(AFTER_CN)

    def restore(self) -> None:
        """RZ: what DZ put aside. Raises `FlexError` 205 without a DZ before."""
        if self.zeroed is None:
            raise FlexError(205)
        force, self.zeroed = self.zeroed, None
        self.apply(force)

    def require_on(self) -> Force:
        """The present output. Raises `FlexError` 200 when the switch is open."""
        if self.force is None:
            raise FlexError(200)
        return self.force

    def planned(
        self,
        source: Source,
        range_code: int,
        value: float,
        compliance: float | None = None,
        polarity: int = 0,
        compliance_code: int = 0,
    ) -> Force:
        """A checked output that nothing has applied yet; without ``compliance`` the present one.

        Raises `FlexError` 124 (range), 120 (value), 201 (no compliance known for this source),
        123 (compliance too large for the value).
        """
        table, other = _table(source), _table(_other(source))
        if range_code < 0 or compliance_code < 0 or polarity not in (0, 1):
            raise FlexError(120 if polarity not in (0, 1) else 124)
        table.check(range_code)
        other.check(compliance_code)
        bound = (largest_current if source is Source.VOLTAGE else largest_voltage)(value)
        if compliance is None:
            if self.force is None or self.force.source is not source:
                raise FlexError(201)
            compliance = self.force.compliance
        if compliance == 0 or abs(compliance) > bound:
            raise FlexError(123)
        value = _truncated(value, table.covering(value, range_code))
        return Force(source, range_code, value, compliance, polarity, compliance_code)

    def apply(self, force: Force) -> None:
        """Output it, then give way where the chip would draw more than the compliance."""
        self.force = force
        if force.source is Source.VOLTAGE:
            self.limited.discard(self.slot)
            self.station.set_smu(self.slot, force.value)
        self.output_current()

    def output_current(self) -> float:
        """Current out of the SMU now, A, regulated within compliance."""
        force = self.force
        if force is None:
            return 0.0
        if force.source is Source.CURRENT:
            return self._current_as_source(force)
        if self.slot in self.limited:
            self.limited.discard(self.slot)
            self.station.set_smu(self.slot, force.value)
        amperes = self.station.smu_current(self.slot)
        limit = abs(force.compliance)
        if -limit <= amperes <= limit:
            return amperes
        target = math.copysign(limit, amperes)
        self.limited.add(self.slot)
        self._bisect(target, 0.0, force.value)
        return target

    def read_current(self, range_code: int, converter: Converter, fine: bool) -> Reading:
        """Measure current. ``range_code`` 0 auto, positive limited auto, negative fixed.

        Raises `FlexError` 200 when the output is off, 124 for an unknown range.
        """
        force = self.require_on()
        amperes = self.output_current()
        if force.source is Source.CURRENT and self.slot not in self.limited:
            amperes = force.value
        return self._reading("I", amperes, CURRENT, range_code, converter, fine)

    def read_voltage(self, range_code: int, converter: Converter, fine: bool) -> Reading:
        """Measure voltage; as `read_current`."""
        self.require_on()
        self.output_current()
        return self._reading("V", self.volts, VOLTAGE, range_code, converter, fine)

    def _reading(
        self,
        kind: str,
        value: float,
        table: RangeTable,
        range_code: int,
        converter: Converter,
        fine: bool,
    ) -> Reading:
        used = table.by_code(-range_code) if range_code < 0 else table.covering(value, range_code)
        status = "N"
        if self.limited:
            status = "C" if self.slot in self.limited else "T"
        if abs(value) > used.reach:
            return Reading(self.slot, kind, OVERFLOW, "V", used)
        if status == "C" and _limited_quantity(self.force) == kind:
            return Reading(self.slot, kind, value, status, used)
        step = used.full_scale / (FINE_STEPS if fine else SOURCE_STEPS)
        if kind == "I" and step < FINEST_AMPERES:
            step = FINEST_AMPERES
        # Assumed: one step of noise in one sample, averaged over the samples.
        noise = self.rng.standard_normal() * step / math.sqrt(converter.samples())
        return Reading(self.slot, kind, round((value + noise) / step) * step, status, used)

    def _current_as_source(self, force: Force) -> float:
        """Slew from 0 V until the chip takes the wanted current or the compliance is reached."""
        self.limited.discard(self.slot)
        self.station.set_smu(self.slot, 0.0)
        missing = force.value - self.station.smu_current(self.slot)
        if missing == 0:
            return force.value
        top = math.copysign(abs(force.compliance), missing)
        before = 0.0
        for step in range(1, _SLEW_STEPS + 1):
            volts = top * step / _SLEW_STEPS
            self.station.set_smu(self.slot, volts)
            amperes = self.station.smu_current(self.slot)
            if (amperes - force.value) * missing >= 0:
                self._bisect(force.value, before, volts)
                return force.value
            before = volts
        self.limited.add(self.slot)
        return amperes

    def _bisect(self, target: float, low: float, high: float) -> None:
        """Leave the output where the chip takes ``target``, between two voltages around it."""
        rising: Callable[[float], bool] = (
            (lambda amperes: amperes < target) if high > low else (lambda amperes: amperes > target)
        )
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            self.station.set_smu(self.slot, middle)
            if rising(self.station.smu_current(self.slot)):
                low = middle
            else:
                high = middle


def _truncated(value: float, used: Range) -> float:
    """The value as the DAC of a range makes it: cut to a step, towards 0 as the firmware does
    (section 2.1). The 1e-6 of a step is for binary floats."""
    step = used.source_step
    return math.trunc(value / step + math.copysign(1e-6, value)) * step


def _table(source: Source) -> RangeTable:
    return VOLTAGE if source is Source.VOLTAGE else CURRENT


def _other(source: Source) -> Source:
    return Source.CURRENT if source is Source.VOLTAGE else Source.VOLTAGE


def _limited_quantity(force: Force | None) -> str:
    return "I" if force is not None and force.source is Source.VOLTAGE else "V"
