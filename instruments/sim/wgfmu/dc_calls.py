"""C calls of the DC mode: force and measure at once."""

from __future__ import annotations

from instruments.sim.station import Path
from instruments.sim.wgfmu import adc, arguments, checks
from instruments.sim.wgfmu.arguments import Pointer
from instruments.sim.wgfmu.checks import ChannelSetup, Refusal, firmware
from instruments.sim.wgfmu.session import Calls, Session
from instruments.wgfmu.library import MeasureMode, OperationMode, ReturnCode


def _dc_channel(session: Session, channel: int) -> ChannelSetup:
    """A channel in DC mode with its settings pushed."""
    if session.address is None:
        session.require_session()
    setup = session.channel(channel)
    if setup.mode is not OperationMode.DC:
        raise Refusal(ReturnCode.CONTEXT_ERROR, f"Channel {channel} is not in the DC mode.")
    return setup


def _reach_dc(session: Session, setup: ChannelSetup, seconds: float) -> None:
    """Spend a DC call that takes ``seconds`` besides, with the RSU's switch on the channel."""
    session.clock.advance(session.times.wgfmu_call + seconds)
    session.catch_up()
    if session.station.channel_path[setup.number] is Path.SMU:
        session.throw_switch(setup.number, Path.WGFMU)


def _dcforce_voltage(session: Session, channel: int, volts: float) -> None:
    setup = _dc_channel(session, channel)
    if not -checks.MAX_VOLTS <= volts <= checks.MAX_VOLTS:
        raise checks.out_of_range("voltage", volts, -checks.MAX_VOLTS, checks.MAX_VOLTS)
    force_range = checks.range_for(setup, volts, volts)
    if force_range is None:
        raise firmware(3301)
    _reach_dc(session, setup, 0.0)
    session.station.set_channel(channel, adc.forced(volts, adc.force_step(force_range)))


def _dcmeasure_value(session: Session, channel: int, value: Pointer) -> None:
    _measure_dc(session, channel, 1, 1, value)


def _dcmeasure_averaged_value(
    session: Session, channel: int, count: int, interval: int, value: Pointer
) -> None:
    if not 1 <= count <= checks.MAX_SPOT:
        raise checks.out_of_range("count", count, 1, checks.MAX_SPOT)
    if not 1 <= interval <= checks.MAX_SPOT:
        raise checks.out_of_range("interval", interval, 1, checks.MAX_SPOT)
    _measure_dc(session, channel, count, interval, value)


def _measure_dc(session: Session, channel: int, count: int, interval: int, value: Pointer) -> None:
    setup = _dc_channel(session, channel)
    _reach_dc(session, setup, count * interval * 5e-9)
    if setup.measure_mode is MeasureMode.CURRENT:
        true = session.station.channel_current(channel)
    else:
        true = session.station.channel_volts[channel]
    arguments.store(value, adc.read(true, setup.measure_range, count, session.rng))


CALLS: Calls = {
    "WGFMU_dcforceVoltage": _dcforce_voltage,
    "WGFMU_dcmeasureValue": _dcmeasure_value,
    "WGFMU_dcmeasureAveragedValue": _dcmeasure_averaged_value,
}
