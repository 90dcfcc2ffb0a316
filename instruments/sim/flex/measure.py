"""High-speed spot measurement (TI, TV, ...), ranging, converters, data format, time stamps.

Sources: instruments.md sections 2.5, 2.7, 2.10, 2.13.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from instruments.sim.flex.command import Command, Parameters, between, integer, optional
from instruments.sim.flex.errors import FlexError
from instruments.sim.flex.formats import BINARY_FORMATS, TEXT_FORMATS
from instruments.sim.flex.ranges import CURRENT, VOLTAGE
from instruments.sim.flex.smu import (
    HIGH_RESOLUTION_SAMPLE,
    HIGH_SPEED_SAMPLE,
    Converter,
    Reading,
    Smu,
    Source,
)

if TYPE_CHECKING:
    from instruments.sim.flex.mainframe import Mainframe

HIGH_RESOLUTION = 1
_AUTO, _MANUAL, _CYCLES, _TIME = range(4)

_DEFAULT_NUMBERS = {
    (0, _AUTO): 1,
    (0, _MANUAL): 1,
    (0, _CYCLES): 1,
    (0, _TIME): 2e-6,
    (1, _AUTO): 6,
    (1, _MANUAL): 3,
    (1, _CYCLES): 1,
    (2, _AUTO): 1,
    (2, _MANUAL): 1,
    (2, _CYCLES): 1,
    (2, _TIME): 2e-6,
}
"""AIT's third parameter where it is left out, for (converter, mode)."""

_LARGEST_NUMBERS = {_AUTO: 1023, _MANUAL: 1023, _CYCLES: 100}
_LONGEST_INTEGRATION = 20e-3
"""Assumed: the longest time of AIT mode 3, one power line cycle."""


def _power_on_converters() -> dict[int, Converter]:
    return {0: Converter(_AUTO, 1), 1: Converter(_AUTO, 6), 2: Converter(_TIME, 2e-6)}


@dataclass
class WaitTime:
    """WAT: initial wait time as a factor of the instrument's own, and an offset (s)."""

    factor: float = 1.0
    offset: float = 0.0


@dataclass
class MeasurementSettings:
    """Power-on state of all that rules how values are measured and put in the data buffer."""

    data_format: int = 1
    data_sources: int = 0
    converters: dict[int, Converter] = field(default_factory=_power_on_converters)
    auto_zero: bool = False
    time_stamps: bool = False
    parallel: bool = False
    timer_start: float = 0.0
    waits: dict[int, WaitTime] = field(default_factory=lambda: {1: WaitTime(), 2: WaitTime()})


def measured(mainframe: Mainframe, smu: Smu, kind: str, range_code: int) -> Reading:
    """One reading of current ("I") or voltage ("V") with the converter the channel uses."""
    settings = mainframe.measurement
    converter = settings.converters[smu.settings.converter]
    fine = smu.settings.converter == HIGH_RESOLUTION
    seconds = converter.seconds(HIGH_RESOLUTION_SAMPLE if fine else HIGH_SPEED_SAMPLE)
    mainframe.clock.advance(2 * seconds if settings.auto_zero and fine else seconds)
    read = smu.read_current if kind == "I" else smu.read_voltage
    return read(range_code, converter, fine)


def operation_readings(mainframe: Mainframe, smu: Smu) -> list[Reading]:
    """What the channel's CMM makes it measure, in the ranges of RI and RV."""
    ranges = {"I": smu.settings.current_range, "V": smu.settings.voltage_range}
    return [
        measured(mainframe, smu, kind, ranges[kind])
        for kind in operation_kinds(smu.require_on().source, smu.settings.operation)
    ]


def operation_kinds(source: Source, operation: int) -> str:
    """Type letters that CMM ``operation`` gives: 0 compliance side, 1 I, 2 V, 3 force side, 4 both
    sides."""
    force_side = source.value
    compliance_side = "I" if force_side == "V" else "V"
    return {0: compliance_side, 1: "I", 2: "V", 3: force_side, 4: compliance_side + force_side}[
        operation
    ]


def time_stamp(mainframe: Mainframe, slot: int) -> Reading:
    """Seconds since TSR. Raises `FlexError` 650 in the 4-byte formats."""
    if mainframe.measurement.data_format in (3, 4):
        raise FlexError(650)
    return Reading(slot, "T", mainframe.clock.now() - mainframe.measurement.timer_start)


def _measure_current(mainframe: Mainframe, parameters: Parameters) -> None:
    smu = mainframe.smu(parameters[0])
    mainframe.store((measured(mainframe, smu, "I", _range(parameters, 1)),))


def _measure_voltage(mainframe: Mainframe, parameters: Parameters) -> None:
    smu = mainframe.smu(parameters[0])
    mainframe.store((measured(mainframe, smu, "V", _range(parameters, 1)),))


def _measure_both(mainframe: Mainframe, parameters: Parameters) -> None:
    mainframe.store(_both(mainframe, parameters))


def _both(mainframe: Mainframe, parameters: Parameters) -> list[Reading]:
    smu = mainframe.smu(parameters[0])
    return [
        measured(mainframe, smu, "I", _range(parameters, 1)),
        measured(mainframe, smu, "V", _range(parameters, 2)),
    ]


def _time_current(mainframe: Mainframe, parameters: Parameters) -> None:
    smu = mainframe.smu(parameters[0])
    stamp = time_stamp(mainframe, smu.slot)
    mainframe.store((stamp, measured(mainframe, smu, "I", _range(parameters, 1))))


def _time_voltage(mainframe: Mainframe, parameters: Parameters) -> None:
    smu = mainframe.smu(parameters[0])
    stamp = time_stamp(mainframe, smu.slot)
    mainframe.store((stamp, measured(mainframe, smu, "V", _range(parameters, 1))))


def _time_both(mainframe: Mainframe, parameters: Parameters) -> None:
    stamp = time_stamp(mainframe, mainframe.smu(parameters[0]).slot)
    mainframe.store([stamp, *_both(mainframe, parameters)])


def _range(parameters: Parameters, index: int) -> int:
    """A spot measurement's ranging code; left out it is auto, whatever RI and RV say."""
    return integer(parameters[index]) if index < len(parameters) else 0


def _set_current_range(mainframe: Mainframe, parameters: Parameters) -> None:
    smu, code = mainframe.smu(parameters[0]), integer(parameters[1])
    CURRENT.check(code)
    smu.settings.current_range = code


def _set_voltage_range(mainframe: Mainframe, parameters: Parameters) -> None:
    smu, code = mainframe.smu(parameters[0]), integer(parameters[1])
    VOLTAGE.check(code)
    smu.settings.voltage_range = code


def _set_auto_range_mode(mainframe: Mainframe, parameters: Parameters) -> None:
    smu, mode = mainframe.smu(parameters[0]), integer(parameters[1], (1, 2, 3))
    smu.settings.auto_range_rate = integer(optional(parameters, 2, 50), range(11, 101))
    smu.settings.auto_range_mode = mode


def _set_operation(mainframe: Mainframe, parameters: Parameters) -> None:
    smu = mainframe.smu(parameters[0])
    smu.settings.operation = integer(parameters[1], range(5))


def _set_converter(mainframe: Mainframe, parameters: Parameters) -> None:
    smu = mainframe.smu(parameters[0])
    smu.settings.converter = integer(parameters[1], range(3))


def _set_integration(mainframe: Mainframe, parameters: Parameters) -> None:
    """AIT type, mode[, number]."""
    kind, mode = integer(parameters[0], range(3)), integer(parameters[1], range(4))
    if (kind, mode) not in _DEFAULT_NUMBERS:
        raise FlexError(120)
    number = optional(parameters, 2, _DEFAULT_NUMBERS[kind, mode])
    if mode == _TIME:
        between(number, 2e-6, _LONGEST_INTEGRATION)
    else:
        largest = 127 if kind == HIGH_RESOLUTION and mode != _CYCLES else _LARGEST_NUMBERS[mode]
        integer(number, range(1, largest + 1))
    mainframe.measurement.converters[kind] = Converter(mode, number)


def _set_averaging(mainframe: Mainframe, parameters: Parameters) -> None:
    """AV: the high-speed converter by its older name; a negative number is power line cycles."""
    number = integer(parameters[0])
    mode = integer(optional(parameters, 1), (_AUTO, _MANUAL))
    if 1 <= number <= 1023:
        mainframe.measurement.converters[0] = Converter(mode, number)
    elif -100 <= number <= -1:
        mainframe.measurement.converters[0] = Converter(_CYCLES, -number)
    else:
        raise FlexError(120)


def _set_auto_zero(mainframe: Mainframe, parameters: Parameters) -> None:
    mainframe.measurement.auto_zero = bool(integer(parameters[0], (0, 1)))


def _set_format(mainframe: Mainframe, parameters: Parameters) -> None:
    """FMT empties the data buffer (section 2.1)."""
    data_format = integer(parameters[0], TEXT_FORMATS + BINARY_FORMATS)
    sources = integer(optional(parameters, 1), range(11))
    mainframe.measurement.data_format = data_format
    mainframe.measurement.data_sources = sources
    mainframe.clear_data()


def _set_time_stamps(mainframe: Mainframe, parameters: Parameters) -> None:
    mainframe.measurement.time_stamps = bool(integer(parameters[0], (0, 1)))


def _reset_timer(mainframe: Mainframe, parameters: Parameters) -> None:
    """TSR[ channel]: the simulation's channels share one timer."""
    if parameters:
        mainframe.smu(parameters[0])
    mainframe.measurement.timer_start = mainframe.clock.now()


def _read_timer(mainframe: Mainframe, parameters: Parameters) -> None:
    mainframe.store((time_stamp(mainframe, 0),))


def _set_wait_time(mainframe: Mainframe, parameters: Parameters) -> None:
    kind = integer(parameters[0], (1, 2))
    factor = between(parameters[1], 0.0, 10.0)
    offset = between(optional(parameters, 2), 0.0, 1.0)
    mainframe.measurement.waits[kind] = WaitTime(factor, offset)


def _set_parallel(mainframe: Mainframe, parameters: Parameters) -> None:
    mainframe.measurement.parallel = bool(integer(parameters[0], (0, 1)))


COMMANDS = {
    "TI": Command(_measure_current, 1, 2),
    "TV": Command(_measure_voltage, 1, 2),
    "TIV": Command(_measure_both, 1, 3),
    "TTI": Command(_time_current, 1, 2),
    "TTV": Command(_time_voltage, 1, 2),
    "TTIV": Command(_time_both, 1, 3),
    "RI": Command(_set_current_range, 2, 2),
    "RV": Command(_set_voltage_range, 2, 2),
    "RM": Command(_set_auto_range_mode, 2, 3),
    "CMM": Command(_set_operation, 2, 2),
    "AAD": Command(_set_converter, 2, 2),
    "AIT": Command(_set_integration, 2, 3),
    "AV": Command(_set_averaging, 1, 2),
    "AZ": Command(_set_auto_zero, 1, 1),
    "FMT": Command(_set_format, 1, 2),
    "TSC": Command(_set_time_stamps, 1, 1),
    "TSR": Command(_reset_timer, 0, 1),
    "TSQ": Command(_read_timer),
    "WAT": Command(_set_wait_time, 2, 3),
    "PAD": Command(_set_parallel, 1, 1),
}
