"""C calls that read what a run has measured."""

from __future__ import annotations

from instruments.sim.wgfmu import arguments, checks
from instruments.sim.wgfmu.arguments import Pointer
from instruments.sim.wgfmu.checks import Refusal
from instruments.sim.wgfmu.readings import Readings
from instruments.sim.wgfmu.session import Calls, Session
from instruments.wgfmu.library import MeasureEventStatus, ReturnCode, WarningLevel


def _pulsed_channel(session: Session, channel: int) -> None:
    """A channel whose measured data are asked for."""
    setup = session.channel(channel)
    if not setup.pulsed:
        session.warn(
            WarningLevel.SEVERE,
            f"Channel {channel} is not in the fast IV or PG mode.",
            ReturnCode.CONTEXT_ERROR,
        )


def _progress(session: Session, channel: int) -> tuple[int, Readings | None]:
    """Values of a channel's last run that can be read now, and the run's readings."""
    session.require_session()
    _pulsed_channel(session, channel)
    run = session.run
    if run is None or channel not in run.program.tracks:
        return 0, None
    if not session.up_to_date(channel):
        raise Refusal(
            ReturnCode.RESULT_OUT_OF_DATE,
            f"The result of channel {channel} was deleted by a setup change.",
        )
    return run.measured(channel, session.clock.now() - run.start_s), run.readings.get(channel)


def _ask_progress(session: Session) -> None:
    """While a run is going on the hardware has to be asked how far it is."""
    session.require_session()
    if session.run is not None and not session.run.done:
        session.spend_call()


def _get_measure_value_size(
    session: Session, channel: int, measured: Pointer, total: Pointer
) -> None:
    _ask_progress(session)
    done, readings = _progress(session, channel)
    size = readings.plan.size if readings else session.timeline(channel).measure_size
    arguments.store(measured, done)
    arguments.store(total, checks.as_int(size))


def _get_measure_values(
    session: Session, channel: int, offset: int, size: Pointer, times: Pointer, values: Pointer
) -> None:
    session.require_session()
    session.channel(channel)
    session.spend_call()
    done, readings = _progress(session, channel)
    if readings is None:
        raise _not_ready(channel)
    count = session.span(size, offset, readings.plan.size)
    if offset + count > done:
        raise _not_ready(channel)
    session.clock.advance(count * session.times.value_read_back)
    stamps = session.timeline(channel).measure_times(offset, count)
    session.put_doubles(size, (times, stamps), (values, readings.values[offset : offset + count]))


def _get_measure_value(
    session: Session, channel: int, index: int, time: Pointer, value: Pointer
) -> None:
    session.require_session()
    session.channel(channel)
    session.spend_call()
    done, readings = _progress(session, channel)
    if readings is None:
        raise _not_ready(channel)
    checks.require_index(index, readings.plan.size)
    if index >= done:
        raise _not_ready(channel)
    session.clock.advance(session.times.value_read_back)
    arguments.store(time, float(session.timeline(channel).measure_times(index, 1)[0]))
    arguments.store(value, float(readings.values[index]))


def _get_completed_measure_event_size(
    session: Session, channel: int, done: Pointer, total: Pointer
) -> None:
    _ask_progress(session)
    measured, _ = _progress(session, channel)
    timeline = session.timeline(channel)
    arguments.store(done, timeline.events_within(measured))
    arguments.store(total, checks.as_int(timeline.event_size))


def _is_measure_event_completed(
    session: Session,
    channel: int,
    pattern: bytes | None,
    event: bytes | None,
    cycle: int,
    loop: float,
    count: int,
    completed: Pointer,
    index: Pointer,
    offset: Pointer,
    size: Pointer,
) -> None:
    _ask_progress(session)
    name, event_name = session.pattern(pattern).name, arguments.text_of(event)
    measured, _ = _progress(session, channel)
    found = session.timeline(channel).find_event(
        name, event_name, cycle, checks.whole_index(loop), count
    )
    if found is None:
        raise Refusal(
            ReturnCode.EVENT_NOT_FOUND_ERROR,
            f'Event "{event_name}" (cycle {cycle}, loop {loop:g}, count {count}) of pattern '
            f'"{name}" does not exist on channel {channel}.',
        )
    place, use = found
    done = use.offset + use.size <= measured
    state = MeasureEventStatus.COMPLETED if done else MeasureEventStatus.NOT_COMPLETED
    arguments.store(completed, int(state))
    arguments.store(index, checks.as_int(place))
    arguments.store(offset, checks.as_int(use.offset))
    arguments.store(size, use.size)


def _not_ready(channel: int) -> Refusal:
    return Refusal(
        ReturnCode.RESULT_NOT_READY_ERROR, f"The result of channel {channel} is not ready yet."
    )


CALLS: Calls = {
    "WGFMU_getMeasureValueSize": _get_measure_value_size,
    "WGFMU_getMeasureValues": _get_measure_values,
    "WGFMU_getMeasureValue": _get_measure_value,
    "WGFMU_getCompletedMeasureEventSize": _get_completed_measure_event_size,
    "WGFMU_isMeasureEventCompleted": _is_measure_event_completed,
}
