"""Commands that switch and force outputs: CN, CL, DV, DI, DZ, RZ, IN, FL, SSR, LOP?, WZ?.

Sources: instruments.md sections 2.2, 2.9, 2.12, 2.13.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from instruments.sim.flex.command import MANY, Command, Parameters, between, integer, optional
from instruments.sim.flex.errors import FlexError
from instruments.sim.flex.smu import Force, Smu, Source
from instruments.sim.flex.system import SLOTS
from instruments.sim.station import Path

if TYPE_CHECKING:
    from instruments.sim.flex.mainframe import Mainframe

_ZERO_VOLTS = 2.0
"""WZ? waits until every output is within this."""


def planned_force(
    mainframe: Mainframe,
    smu: Smu,
    source: Source,
    range_code: float,
    value: float,
    rest: Parameters = (),
) -> Force:
    """A checked output from parameters as every source command has them.

    ``rest`` is compliance, its polarity and its ranging, as far as given. Raises `FlexError`, 202
    where the open interlock forbids the voltage.
    """
    force = smu.planned(
        source,
        integer(range_code),
        value,
        rest[0] if rest else None,
        integer(optional(rest, 1)),
        integer(optional(rest, 2)),
    )
    if not mainframe.interlock_closed and force.highest_volts > mainframe.interlock_volts:
        raise FlexError(202)
    return force


def named_smus(mainframe: Mainframe, parameters: Parameters) -> list[Smu]:
    """The SMUs of a channel list; all of them for an empty one."""
    if not parameters:
        return list(mainframe.smus.values())
    return [mainframe.smu(channel) for channel in parameters]


def _connect(mainframe: Mainframe, parameters: Parameters) -> None:
    smus = named_smus(mainframe, parameters)
    if mainframe.is_high_voltage():
        raise FlexError(203)
    for smu in smus:
        smu.enable()


def _disconnect(mainframe: Mainframe, parameters: Parameters) -> None:
    """Without a list every module's outputs open, those of the pulse channels too."""
    for smu in named_smus(mainframe, parameters):
        smu.disable()
    if not parameters:
        station = mainframe.station
        for channel in station.channel_path:
            station.set_channel_path(channel, Path.OPEN)


def _force(mainframe: Mainframe, parameters: Parameters, source: Source) -> None:
    smu = mainframe.smu(parameters[0])
    smu.require_on()
    force = planned_force(mainframe, smu, source, parameters[1], parameters[2], parameters[3:])
    mainframe.modes.sampling_sources.pop(smu.slot, None)
    smu.apply(force)


def _force_voltage(mainframe: Mainframe, parameters: Parameters) -> None:
    _force(mainframe, parameters, Source.VOLTAGE)


def _force_current(mainframe: Mainframe, parameters: Parameters) -> None:
    _force(mainframe, parameters, Source.CURRENT)


def _chosen_or_on(mainframe: Mainframe, parameters: Parameters) -> list[Smu]:
    """The named SMUs, all of them on, or without names those that are on."""
    smus = named_smus(mainframe, parameters)
    if not parameters:
        return [smu for smu in smus if smu.is_on]
    for smu in smus:
        smu.require_on()
    return smus


def _zero(mainframe: Mainframe, parameters: Parameters) -> None:
    for smu in _chosen_or_on(mainframe, parameters):
        smu.zero()


def _restore(mainframe: Mainframe, parameters: Parameters) -> None:
    smus = named_smus(mainframe, parameters)
    if not parameters:
        smus = [smu for smu in smus if smu.zeroed is not None]
    if not smus or any(smu.zeroed is None for smu in smus):
        raise FlexError(205)
    for smu in smus:
        smu.restore()


def _initialize(mainframe: Mainframe, parameters: Parameters) -> None:
    for smu in _chosen_or_on(mainframe, parameters):
        smu.initialize()


def _set_filter(mainframe: Mainframe, parameters: Parameters) -> None:
    state = bool(integer(parameters[0], (0, 1)))
    for smu in named_smus(mainframe, parameters[1:]):
        smu.settings.filter_on = state


def _set_series_resistor(mainframe: Mainframe, parameters: Parameters) -> None:
    smu = mainframe.smu(parameters[0])
    smu.settings.series_resistor = bool(integer(parameters[1], (0, 1)))


def _operation_status(mainframe: Mainframe, parameters: Parameters) -> None:
    states = (_state(mainframe.smus[slot]) if slot in mainframe.smus else "00" for slot in SLOTS)
    mainframe.reply("LOP" + ",".join(states))


def _state(smu: Smu) -> str:
    """One entry of LOP?, of what the SMU does at this moment."""
    if smu.force is None:
        return "00"
    amperes = smu.output_current()
    is_limited = smu.slot in smu.limited
    if smu.force.source is Source.CURRENT and is_limited:
        return "11"
    if smu.force.source is Source.VOLTAGE and not is_limited:
        return "01"
    sign = "2" if amperes >= 0 else "3"
    return ("1" if is_limited else "0") + sign


def _is_not_zero(mainframe: Mainframe, parameters: Parameters) -> None:
    """WZ?: 0 when every output is within 2 V, else 1 when the time-out ends."""
    timeout = between(optional(parameters, 0), 0.0, 99.9999)
    is_high = any(abs(smu.volts) > _ZERO_VOLTS for smu in mainframe.smus.values())
    if is_high:
        mainframe.clock.advance(timeout)
    mainframe.reply("1" if is_high else "0")


COMMANDS = {
    "CN": Command(_connect, 0, MANY),
    "CL": Command(_disconnect, 0, MANY),
    "DV": Command(_force_voltage, 3, 6),
    "DI": Command(_force_current, 3, 6),
    "DZ": Command(_zero, 0, MANY),
    "RZ": Command(_restore, 0, MANY),
    "IN": Command(_initialize, 0, MANY),
    "FL": Command(_set_filter, 1, MANY),
    "SSR": Command(_set_series_resistor, 2, 2),
    "LOP?": Command(_operation_status),
    "WZ?": Command(_is_not_zero, 0, 1),
}
