"""C calls that set up channels: software only, until it is pushed; and the RSU's switches."""

from __future__ import annotations

from instruments.sim.station import Path
from instruments.sim.wgfmu import arguments, checks
from instruments.sim.wgfmu.arguments import Pointer
from instruments.sim.wgfmu.session import Calls, Session
from instruments.wgfmu.library import (
    ForceVoltageRange,
    MeasureCurrentRange,
    MeasureEnabled,
    MeasureMode,
    MeasureVoltageRange,
    OperationMode,
    TriggerOutMode,
    TriggerOutPolarity,
    WarningLevel,
)

DELAY_GRID_S = 625e-12
MAX_DELAY_S = 50e-9


def _set_operation_mode(session: Session, channel: int, mode: int) -> None:
    session.channel(channel).mode = arguments.one_of(OperationMode, mode)
    session.changed()


def _get_operation_mode(session: Session, channel: int, mode: Pointer) -> None:
    arguments.store(mode, int(session.channel(channel).mode))


def _set_force_voltage_range(session: Session, channel: int, force_range: int) -> None:
    session.channel(channel).force_range = arguments.one_of(ForceVoltageRange, force_range)
    session.changed()


def _get_force_voltage_range(session: Session, channel: int, force_range: Pointer) -> None:
    arguments.store(force_range, int(session.channel(channel).force_range))


def _set_measure_mode(session: Session, channel: int, mode: int) -> None:
    setup = session.channel(channel)
    setup.measure_mode = arguments.one_of(MeasureMode, mode)
    if setup.measure_mode is MeasureMode.CURRENT:
        setup.voltage_range = MeasureVoltageRange.V5
    session.changed()


def _get_measure_mode(session: Session, channel: int, mode: Pointer) -> None:
    arguments.store(mode, int(session.channel(channel).measure_mode))


def _set_measure_voltage_range(session: Session, channel: int, code: int) -> None:
    session.channel(channel).voltage_range = arguments.one_of(MeasureVoltageRange, code)
    session.changed()


def _get_measure_voltage_range(session: Session, channel: int, code: Pointer) -> None:
    arguments.store(code, int(session.channel(channel).voltage_range))


def _set_measure_current_range(session: Session, channel: int, code: int) -> None:
    session.channel(channel).current_range = arguments.one_of(MeasureCurrentRange, code)
    session.changed()


def _get_measure_current_range(session: Session, channel: int, code: Pointer) -> None:
    arguments.store(code, int(session.channel(channel).current_range))


def _set_force_delay(session: Session, channel: int, seconds: float) -> None:
    session.channel(channel).force_delay = _delay(session, seconds)
    session.changed()


def _get_force_delay(session: Session, channel: int, seconds: Pointer) -> None:
    arguments.store(seconds, session.channel(channel).force_delay * DELAY_GRID_S)


def _set_measure_delay(session: Session, channel: int, seconds: float) -> None:
    session.channel(channel).measure_delay = _delay(session, seconds)
    session.changed()


def _get_measure_delay(session: Session, channel: int, seconds: Pointer) -> None:
    arguments.store(seconds, session.channel(channel).measure_delay * DELAY_GRID_S)


def _delay(session: Session, seconds: float) -> int:
    """A delay in units of 625 ps."""
    if not -MAX_DELAY_S <= seconds <= MAX_DELAY_S:
        raise checks.out_of_range("delay", seconds, -MAX_DELAY_S, MAX_DELAY_S)
    units = seconds / DELAY_GRID_S
    if abs(units - round(units)) > 1e-6:
        session.warn(
            WarningLevel.INFORMATION, f"delay = {seconds:g} s was rounded to 625 ps steps."
        )
    return round(units)


def _set_measure_enabled(session: Session, channel: int, enabled: int) -> None:
    session.channel(channel).enabled = arguments.one_of(MeasureEnabled, enabled)
    session.changed()


def _is_measure_enabled(session: Session, channel: int, enabled: Pointer) -> None:
    arguments.store(enabled, int(session.channel(channel).enabled))


def _set_trigger_out_mode(session: Session, channel: int, mode: int, polarity: int) -> None:
    setup = session.channel(channel)
    setup.trigger = (
        arguments.one_of(TriggerOutMode, mode),
        arguments.one_of(TriggerOutPolarity, polarity),
    )
    session.changed()


def _get_trigger_out_mode(session: Session, channel: int, mode: Pointer, polarity: Pointer) -> None:
    trigger = session.channel(channel).trigger
    arguments.store(mode, int(trigger[0]))
    arguments.store(polarity, int(trigger[1]))


def _connect(session: Session, channel: int) -> None:
    session.require_session()
    setup = session.channel(channel)
    session.spend_call()
    session.throw_switch(channel, setup.path)


def _disconnect(session: Session, channel: int) -> None:
    session.require_session()
    session.channel(channel)
    session.spend_call()
    session.throw_switch(channel, Path.OPEN)


def _clear(session: Session) -> None:
    session.patterns.clear()
    for setup in session.channels.values():
        setup.sequences = []
    session.forget_missing_channels()
    session.messages.clear()
    session.changed()


CALLS: Calls = {
    "WGFMU_setOperationMode": _set_operation_mode,
    "WGFMU_getOperationMode": _get_operation_mode,
    "WGFMU_setForceVoltageRange": _set_force_voltage_range,
    "WGFMU_getForceVoltageRange": _get_force_voltage_range,
    "WGFMU_setMeasureMode": _set_measure_mode,
    "WGFMU_getMeasureMode": _get_measure_mode,
    "WGFMU_setMeasureVoltageRange": _set_measure_voltage_range,
    "WGFMU_getMeasureVoltageRange": _get_measure_voltage_range,
    "WGFMU_setMeasureCurrentRange": _set_measure_current_range,
    "WGFMU_getMeasureCurrentRange": _get_measure_current_range,
    "WGFMU_setForceDelay": _set_force_delay,
    "WGFMU_getForceDelay": _get_force_delay,
    "WGFMU_setMeasureDelay": _set_measure_delay,
    "WGFMU_getMeasureDelay": _get_measure_delay,
    "WGFMU_setMeasureEnabled": _set_measure_enabled,
    "WGFMU_isMeasureEnabled": _is_measure_enabled,
    "WGFMU_setTriggerOutMode": _set_trigger_out_mode,
    "WGFMU_getTriggerOutMode": _get_trigger_out_mode,
    "WGFMU_connect": _connect,
    "WGFMU_disconnect": _disconnect,
    "WGFMU_clear": _clear,
}
