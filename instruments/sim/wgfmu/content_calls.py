"""C calls that tell what patterns and sequences hold, and write it to a file."""

from __future__ import annotations

from pathlib import Path as FilePath

import numpy as np

from instruments.sim.wgfmu import arguments, checks, patterns
from instruments.sim.wgfmu.arguments import Pointer
from instruments.sim.wgfmu.export import write_ascii
from instruments.sim.wgfmu.session import Calls, Session
from instruments.sim.wgfmu.timeline import EventUse
from instruments.wgfmu.library import MeasureEventData


def _get_pattern_force_value_size(session: Session, name: bytes | None, size: Pointer) -> None:
    arguments.store(size, len(session.pattern(name).ticks))


def _get_pattern_force_values(
    session: Session, name: bytes | None, offset: int, size: Pointer, times: Pointer, volts: Pointer
) -> None:
    pattern = session.pattern(name)
    count = session.span(size, offset, len(pattern.ticks))
    ticks = np.array(pattern.ticks[offset : offset + count], dtype=np.float64)
    values = np.array(pattern.volts[offset : offset + count])
    session.put_doubles(size, (times, ticks / patterns.TICKS_PER_S), (volts, values))


def _get_pattern_force_value(
    session: Session, name: bytes | None, index: int, time: Pointer, volts: Pointer
) -> None:
    pattern = session.pattern(name)
    checks.require_index(index, len(pattern.ticks))
    arguments.store(time, pattern.ticks[index] / patterns.TICKS_PER_S)
    arguments.store(volts, pattern.volts[index])


def _get_pattern_interpolated_force_value(
    session: Session, name: bytes | None, time: float, volts: Pointer
) -> None:
    pattern = session.pattern(name)
    checks.require_time(time, pattern.duration)
    arguments.store(volts, pattern.volts_at(time * patterns.TICKS_PER_S))


def _get_pattern_measure_time_size(session: Session, name: bytes | None, size: Pointer) -> None:
    arguments.store(size, session.pattern(name).measure_size())


def _get_pattern_measure_times(
    session: Session, name: bytes | None, offset: int, size: Pointer, times: Pointer
) -> None:
    pattern = session.pattern(name)
    count = session.span(size, offset, pattern.measure_size())
    session.put_doubles(size, (times, pattern.measure_times(offset, count)))


def _get_pattern_measure_time(
    session: Session, name: bytes | None, index: int, time: Pointer
) -> None:
    pattern = session.pattern(name)
    checks.require_index(index, pattern.measure_size())
    arguments.store(time, float(pattern.measure_times(index, 1)[0]))


def _get_force_value_size(session: Session, channel: int, size: Pointer) -> None:
    arguments.store(size, float(session.timeline(channel).force_size))


def _get_force_values(
    session: Session, channel: int, offset: float, size: Pointer, times: Pointer, volts: Pointer
) -> None:
    timeline = session.timeline(channel)
    start = checks.whole_index(offset)
    count = session.span(size, start, timeline.force_size)
    seconds, values = timeline.force_values(start, count)
    session.put_doubles(size, (times, seconds), (volts, values))


def _get_force_value(
    session: Session, channel: int, index: float, time: Pointer, volts: Pointer
) -> None:
    timeline = session.timeline(channel)
    place = checks.whole_index(index)
    checks.require_index(place, timeline.force_size)
    seconds, values = timeline.force_values(place, 1)
    arguments.store(time, float(seconds[0]))
    arguments.store(volts, float(values[0]))


def _get_interpolated_force_value(
    session: Session, channel: int, time: float, volts: Pointer
) -> None:
    timeline = session.timeline(channel)
    checks.require_entries(channel, timeline)
    checks.require_time(time, timeline.duration)
    arguments.store(volts, timeline.volts_at(time * patterns.TICKS_PER_S))


def _get_measure_time_size(session: Session, channel: int, size: Pointer) -> None:
    arguments.store(size, checks.as_int(session.timeline(channel).measure_size))


def _get_measure_times(
    session: Session, channel: int, offset: int, size: Pointer, times: Pointer
) -> None:
    timeline = session.timeline(channel)
    count = session.span(size, offset, timeline.measure_size)
    session.put_doubles(size, (times, timeline.measure_times(offset, count)))


def _get_measure_time(session: Session, channel: int, index: int, time: Pointer) -> None:
    timeline = session.timeline(channel)
    checks.require_index(index, timeline.measure_size)
    arguments.store(time, float(timeline.measure_times(index, 1)[0]))


def _get_measure_event_size(session: Session, channel: int, size: Pointer) -> None:
    arguments.store(size, checks.as_int(session.timeline(channel).event_size))


def _get_measure_events(
    session: Session,
    channel: int,
    offset: int,
    size: Pointer,
    names: Pointer,
    events: Pointer,
    cycles: Pointer,
    loops: Pointer,
    counts: Pointer,
    offsets: Pointer,
    sizes: Pointer,
) -> None:
    timeline = session.timeline(channel)
    count = session.span(size, offset, timeline.event_size)
    for pointer in (names, events, cycles, loops, counts, offsets, sizes):
        arguments.require(pointer)
    for index in range(count):
        use = timeline.event_at(offset + index)
        arguments.store_name(names[index], use.pattern)
        arguments.store_name(events[index], use.event.name)
        cycles[index], loops[index], counts[index] = use.cycle, float(use.loop), use.count
        offsets[index], sizes[index] = use.offset, use.size
    size[0] = count


def _event(session: Session, channel: int, index: int) -> EventUse:
    timeline = session.timeline(channel)
    checks.require_index(index, timeline.event_size)
    return timeline.event_at(index)


def _get_measure_event(
    session: Session,
    channel: int,
    index: int,
    name: Pointer,
    event: Pointer,
    cycle: Pointer,
    loop: Pointer,
    count: Pointer,
    offset: Pointer,
    size: Pointer,
) -> None:
    use = _event(session, channel, index)
    arguments.store_name(name, use.pattern)
    arguments.store_name(event, use.event.name)
    arguments.store(cycle, use.cycle)
    arguments.store(loop, float(use.loop))
    arguments.store(count, use.count)
    arguments.store(offset, use.offset)
    arguments.store(size, use.size)


def _get_measure_event_attribute(
    session: Session,
    channel: int,
    index: int,
    time: Pointer,
    points: Pointer,
    interval: Pointer,
    average: Pointer,
    raw: Pointer,
) -> None:
    use = _event(session, channel, index)
    event = use.event
    arguments.store(time, use.start / patterns.TICKS_PER_S)
    arguments.store(points, event.points)
    arguments.store(interval, event.interval / patterns.TICKS_PER_S)
    arguments.store(average, event.average / patterns.TICKS_PER_S)
    arguments.store(raw, int(MeasureEventData.RAW if event.raw else MeasureEventData.AVERAGED))


def _export_ascii(session: Session, file: bytes | None) -> None:
    path = FilePath(arguments.text_of(file))
    if path.name and not path.suffix:
        path = path.with_suffix(".csv")
    for setup in session.channels.values():
        if setup.sequences:
            checks.check_channel(setup, session.patterns)
    arguments.require_writable(path, "w")
    write_ascii(path, session.patterns, session.channels)


CALLS: Calls = {
    "WGFMU_getPatternForceValueSize": _get_pattern_force_value_size,
    "WGFMU_getPatternForceValues": _get_pattern_force_values,
    "WGFMU_getPatternForceValue": _get_pattern_force_value,
    "WGFMU_getPatternInterpolatedForceValue": _get_pattern_interpolated_force_value,
    "WGFMU_getPatternMeasureTimeSize": _get_pattern_measure_time_size,
    "WGFMU_getPatternMeasureTimes": _get_pattern_measure_times,
    "WGFMU_getPatternMeasureTime": _get_pattern_measure_time,
    "WGFMU_getForceValueSize": _get_force_value_size,
    "WGFMU_getForceValues": _get_force_values,
    "WGFMU_getForceValue": _get_force_value,
    "WGFMU_getInterpolatedForceValue": _get_interpolated_force_value,
    "WGFMU_getMeasureTimeSize": _get_measure_time_size,
    "WGFMU_getMeasureTimes": _get_measure_times,
    "WGFMU_getMeasureTime": _get_measure_time,
    "WGFMU_getMeasureEventSize": _get_measure_event_size,
    "WGFMU_getMeasureEvents": _get_measure_events,
    "WGFMU_getMeasureEvent": _get_measure_event,
    "WGFMU_getMeasureEventAttribute": _get_measure_event_attribute,
    "WGFMU_exportAscii": _export_ascii,
}
