"""C calls that push a setup to the hardware, run it, and tell how far it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from instruments.sim.station import Path
from instruments.sim.wgfmu import adc, arguments, checks, patterns
from instruments.sim.wgfmu.arguments import Pointer
from instruments.sim.wgfmu.channel_calls import DELAY_GRID_S
from instruments.sim.wgfmu.checks import ChannelSetup, Refusal, firmware
from instruments.sim.wgfmu.program import Program, Track
from instruments.sim.wgfmu.readings import plan_readings
from instruments.sim.wgfmu.run import Run
from instruments.sim.wgfmu.session import Calls, Session
from instruments.sim.wgfmu.source import Load
from instruments.sim.wgfmu.timeline import Timeline
from instruments.wgfmu.library import MeasureEnabled, MeasureMode, OperationMode, ReturnCode, Status


def _active(session: Session) -> list[ChannelSetup]:
    """Channels that a run would play."""
    setups = (session.channels[number] for number in sorted(session.channels))
    return [setup for setup in setups if setup.pulsed and setup.sequences]


def _update(session: Session) -> None:
    session.spend_call()
    _push(session, list(session.channels.values()))


def _update_channel(session: Session, channel: int) -> None:
    session.require_session()
    setup = session.channel(channel)
    session.spend_call()
    _push(session, [setup])


def _push(session: Session, setups: Sequence[ChannelSetup]) -> None:
    """Settings reach the hardware: switches, downloads, initial voltages."""
    _prepare(session, setups)
    for setup in setups:
        if setup.pulsed and setup.sequences:
            first = session.patterns[setup.sequences[0][0]].volts[0]
            step = adc.force_step(checks.force_range(setup, session.patterns))
            _hold(session, setup, adc.forced(first, step))


def _hold(session: Session, setup: ChannelSetup, volts: float) -> None:
    """Output a constant voltage, less what a 50 ohm source loses to its load."""
    session.station.set_channel(setup.number, volts)
    if setup.mode is OperationMode.PG:
        load = Load(volts, session.station.channel_current(setup.number))
        session.station.set_channel(setup.number, float(load.dropped(np.array(volts))))


def _prepare(session: Session, setups: Sequence[ChannelSetup]) -> None:
    """Check everything first; then throw switches and download what changed."""
    for setup in setups:
        checks.check_measurement(setup)
        if setup.number not in session.station.channel_path:
            raise checks.no_channel(setup.number)
        if setup.pulsed and setup.sequences:
            checks.check_channel(setup, session.patterns)
    for setup in setups:
        if session.station.channel_path[setup.number] is not Path.OPEN:
            session.throw_switch(setup.number, setup.path)
        if setup.pulsed and setup.sequences:
            _download(session, setup)


def _download(session: Session, setup: ChannelSetup) -> None:
    content = setup.waveform_signature(session.patterns)
    if content != setup.downloaded:
        names = {name for name, _ in setup.sequences}
        vectors = sum(session.patterns[name].vectors for name in names)
        session.clock.advance(vectors * session.times.vector_download)
        setup.downloaded = content


def _execute(session: Session) -> None:
    session.spend_call()
    if session.run is not None and not session.run.done:
        _stop_run(session)
    program = _ready_program(session)
    run = Run(program, session.clock.now(), session.station, session.rng)
    session.run = run
    if run.end_s <= session.times.flex_transaction:
        # Nothing else can reach the bench before the end, so it need not be awaited.
        run.play_to(run.end_s)
        session.station.channel_volts.update(run.volts)


def _ready_program(session: Session) -> Program:
    """What to play: as it was if neither the setup nor a switch has changed since."""
    paths = session.station.channel_path
    if session.program is not None and session.prepared == (session.revision, paths):
        return session.program
    active = _active(session)
    if not active:
        raise firmware(3201)
    _prepare(session, list(session.channels.values()))
    session.program = Program({setup.number: _track(session, setup) for setup in active})
    session.prepared = (session.revision, dict(paths))
    session.run_revision = session.revision
    session.run_signatures = {s.number: s.signature(session.patterns) for s in active}
    return session.program


def _track(session: Session, setup: ChannelSetup) -> Track:
    timeline = Timeline(setup.sequences, session.patterns)
    readings = None
    if setup.enabled is MeasureEnabled.ENABLE and timeline.measure_size:
        delay = setup.measure_delay * DELAY_GRID_S
        readings = plan_readings(timeline, setup.measure_range, delay)
    return Track(
        channel=setup.number,
        timeline=timeline,
        delay=setup.force_delay,
        step=adc.force_step(checks.force_range(setup, session.patterns)),
        driven=session.station.channel_path[setup.number] is Path.WGFMU,
        behind_ohms=setup.mode is OperationMode.PG,
        current=setup.measure_mode is MeasureMode.CURRENT,
        readings=readings,
    )


def _stop_run(session: Session) -> None:
    run = session.run
    if run is not None and not run.done:
        run.stop(session.clock.now() - run.start_s)
        session.station.channel_volts.update(run.volts)


def _abort(session: Session) -> None:
    session.spend_call()
    _stop_run(session)


def _abort_channel(session: Session, channel: int) -> None:
    session.require_session()
    session.channel(channel)
    session.spend_call()
    run = session.run
    if run is not None and not run.done and channel in run.program.tracks:
        run.stop_channel(channel, session.clock.now() - run.start_s)
        session.station.channel_volts.update(run.volts)


def _get_status(session: Session, status: Pointer, elapsed: Pointer, total: Pointer) -> None:
    session.spend_call()
    run = session.run
    numbers = list(run.program.tracks) if run else []
    states = [_status(session, number) for number in numbers]
    _put_status(session, max(states, default=Status.IDLE), None, status, elapsed, total)


def _get_channel_status(
    session: Session, channel: int, status: Pointer, elapsed: Pointer, total: Pointer
) -> None:
    session.require_session()
    session.channel(channel)
    session.spend_call()
    _put_status(session, _status(session, channel), channel, status, elapsed, total)


def _status(session: Session, channel: int) -> Status:
    run = session.run
    if run is None or channel not in run.program.tracks:
        return Status.IDLE
    running = session.clock.now() - run.start_s < run.channel_end_s(channel)
    if not session.up_to_date(channel):
        return Status.RUNNING_ILLEGAL if running else Status.IDLE
    if run.aborted or run.program.tracks[channel].timeline.stopped is not None:
        return Status.ABORT_COMPLETED
    return Status.RUNNING if running else Status.COMPLETED


def _put_status(
    session: Session,
    state: Status,
    channel: int | None,
    status: Pointer,
    elapsed: Pointer,
    total: Pointer,
) -> None:
    run = session.run
    duration = reached = 0.0
    if run is not None and (channel is None or channel in run.program.tracks):
        duration = run.program.seconds
        end = run.end_s
        if channel is not None:
            end = run.channel_end_s(channel)
            duration = run.program.tracks[channel].timeline.duration * patterns.TICK_S
        reached = min(session.clock.now() - run.start_s, end)
    arguments.store(status, int(state))
    arguments.store(elapsed, reached)
    arguments.store(total, duration)


def _wait_until_completed(session: Session) -> None:
    session.require_session()
    run = session.run
    if run is None:
        raise Refusal(ReturnCode.SEQUENCER_NOT_RUNNING_ERROR, "No sequencer has been started.")
    left = run.start_s + run.end_s - session.clock.now()
    if left > session.timeout:
        session.clock.advance(session.timeout)
        session.catch_up()
        raise Refusal(
            ReturnCode.COMMUNICATION_ERROR,
            f"The run was not completed within the timeout of {session.timeout:g} s.",
        )
    session.clock.advance(session.times.wgfmu_call + max(left, 0.0))
    session.catch_up()


CALLS: Calls = {
    "WGFMU_update": _update,
    "WGFMU_updateChannel": _update_channel,
    "WGFMU_execute": _execute,
    "WGFMU_abort": _abort,
    "WGFMU_abortChannel": _abort_channel,
    "WGFMU_getStatus": _get_status,
    "WGFMU_getChannelStatus": _get_channel_status,
    "WGFMU_waitUntilCompleted": _wait_until_completed,
}
