"""C calls that build patterns, their events, and the sequences of channels."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

import numpy as np

from instruments.sim.wgfmu import arguments, checks, patterns
from instruments.sim.wgfmu.arguments import Pointer
from instruments.sim.wgfmu.checks import Refusal
from instruments.sim.wgfmu.patterns import MeasureEvent, Pattern, RangeEvent, TriggerOutEvent
from instruments.sim.wgfmu.session import Calls, Session
from instruments.wgfmu.library import (
    Axis,
    MeasureCurrentRange,
    MeasureEventData,
    ReturnCode,
    WarningLevel,
)


def _add_pattern(session: Session, name: str, build: Callable[[], Pattern]) -> None:
    """Store a new pattern; ValueError of ``build`` says why it cannot be."""
    try:
        pattern = build()
    except ValueError as error:
        raise Refusal(ReturnCode.PARAMETER_OUT_OF_RANGE_ERROR, f"{error}.") from error
    if pattern.duration > patterns.MAX_PATTERN_S * patterns.TICKS_PER_S:
        raise Refusal(ReturnCode.PARAMETER_OUT_OF_RANGE_ERROR, "The pattern would be too long.")
    for volts in pattern.volts:
        checks.require_finite("voltage", volts)
    session.patterns[name] = pattern
    session.changed()


def _new_name(session: Session, name: bytes | None, *sources: Pattern) -> str:
    """The name of a new pattern; it may be that of one it is made of."""
    text = arguments.text_of(name)
    if text in session.patterns and text not in [source.name for source in sources]:
        raise Refusal(ReturnCode.PATTERN_ALREADY_EXISTS_ERROR, f'Pattern "{text}" already exists.')
    return text


def _create_pattern(session: Session, name: bytes | None, volts: float) -> None:
    text = _new_name(session, name)
    checks.require_finite("initial voltage", volts)
    _add_pattern(session, text, lambda: Pattern(text, [0], [volts]))


def _add_vector(session: Session, name: bytes | None, step: float, volts: float) -> None:
    pattern = session.pattern(name)
    checks.require_finite("voltage", volts)
    ticks = session.ticks(step, "dTime", patterns.MIN_VECTOR_S, patterns.MAX_VECTOR_S)
    pattern.append([ticks], [volts])
    session.changed()


def _add_vectors(
    session: Session, name: bytes | None, steps: Pointer, volts: Pointer, size: int
) -> None:
    pattern = session.pattern(name)
    ticks, values = _vectors(session, steps, volts, size, "dTime", patterns.MIN_VECTOR_S)
    pattern.append(ticks, values)
    session.changed()


def _set_vector(session: Session, name: bytes | None, time: float, volts: float) -> None:
    pattern = session.pattern(name)
    checks.require_finite("voltage", volts)
    ticks = session.ticks(time, "time", 0.0, patterns.MAX_PATTERN_S)
    pattern.put([ticks], [volts])
    session.changed()


def _set_vectors(
    session: Session, name: bytes | None, times: Pointer, volts: Pointer, size: int
) -> None:
    pattern = session.pattern(name)
    ticks, values = _vectors(session, times, volts, size, "time", 0.0)
    pattern.put(ticks, values)
    session.changed()


def _vectors(
    session: Session, times: Pointer, volts: Pointer, size: int, what: str, low: float
) -> tuple[list[int], list[float]]:
    """Two arrays of a client as ticks and volts; refused as a whole if one item is wrong."""
    if size < 1:
        raise checks.out_of_range("size", size, 1, 2**31 - 1)
    seconds, values = arguments.doubles(times, size), arguments.doubles(volts, size)
    high = patterns.MAX_VECTOR_S if low else patterns.MAX_PATTERN_S
    wrong = ~((seconds >= low * (1 - 1e-9)) & (seconds <= high * (1 + 1e-9)))
    if wrong.any():
        raise checks.out_of_range(what, float(seconds[wrong][0]), low, high)
    if not np.isfinite(values).all():
        checks.require_finite("voltage", float(values[~np.isfinite(values)][0]))
    scaled = seconds * patterns.TICKS_PER_S
    ticks = np.rint(scaled)
    off = np.abs(scaled - ticks) > 1e-6 * np.maximum(1.0, np.abs(scaled) * 1e-6)
    if off.any():
        session.rounded(what, float(seconds[off][0]))
    return ticks.astype(np.int64).tolist(), values.tolist()


def _create_merged_pattern(
    session: Session, name: bytes | None, first: bytes | None, second: bytes | None, axis: int
) -> None:
    one, two = session.pattern(first), session.pattern(second)
    text = _new_name(session, name, one, two)
    merge = {
        Axis.TIME: patterns.merged_in_time,
        Axis.VOLTAGE: patterns.merged_in_voltage,
    }[arguments.one_of(Axis, axis)]
    _add_pattern(session, text, lambda: merge(text, one, two))


def _create_multiplied_pattern(
    session: Session,
    name: bytes | None,
    source: bytes | None,
    time_factor: float,
    volt_factor: float,
) -> None:
    pattern = session.pattern(source)
    text = _new_name(session, name, pattern)
    for what, factor in (("time factor", time_factor), ("voltage factor", volt_factor)):
        if factor == 0 or not isfinite(factor):
            raise Refusal(
                ReturnCode.PARAMETER_OUT_OF_RANGE_ERROR,
                f"The {what} = {factor:g} is invalid. It must be finite and not 0.",
            )
    _add_pattern(
        session, text, lambda: patterns.multiplied(text, pattern, time_factor, volt_factor)
    )


def _create_offset_pattern(
    session: Session, name: bytes | None, source: bytes | None, seconds: float, volts: float
) -> None:
    pattern = session.pattern(source)
    text = _new_name(session, name, pattern)
    checks.require_finite("voltage offset", volts)
    limit = patterns.MAX_PATTERN_S
    ticks = session.ticks(abs(seconds), "time offset", 0.0, limit)
    ticks = -ticks if seconds < 0 else ticks
    _add_pattern(session, text, lambda: patterns.offset(text, pattern, ticks, volts))


def _set_measure_event(
    session: Session,
    pattern: bytes | None,
    event: bytes | None,
    time: float,
    points: int,
    interval: float,
    average: float,
    raw: int,
) -> None:
    target, name = session.pattern(pattern), arguments.text_of(event)
    if points < 1:
        raise checks.out_of_range("points", points, 1, 2**31 - 1)
    start = session.ticks(time, "time", 0.0, patterns.MAX_PATTERN_S)
    step = session.ticks(interval, "interval", 10e-9, checks.MAX_INTERVAL_S)
    window = session.ticks(average, "average", 0.0, checks.MAX_AVERAGE_S)
    if 0 < average < 10e-9 * (1 - 1e-9):
        raise checks.out_of_range("average", average, 10e-9, checks.MAX_AVERAGE_S)
    if window > step:
        raise Refusal(
            ReturnCode.PARAMETER_OUT_OF_RANGE_ERROR,
            f"average = {average:g} s must not exceed interval = {interval:g} s.",
        )
    is_raw = arguments.one_of(MeasureEventData, raw) is MeasureEventData.RAW
    _add_event(session, target, MeasureEvent(name, start, points, step, window, is_raw))


def _set_range_event(
    session: Session, pattern: bytes | None, event: bytes | None, time: float, code: int
) -> None:
    target, name = session.pattern(pattern), arguments.text_of(event)
    start = session.ticks(time, "time", 0.0, patterns.MAX_PATTERN_S)
    _add_event(
        session, target, RangeEvent(name, start, arguments.one_of(MeasureCurrentRange, code))
    )


def _set_trigger_out_event(
    session: Session, pattern: bytes | None, event: bytes | None, time: float, duration: float
) -> None:
    target, name = session.pattern(pattern), arguments.text_of(event)
    start = session.ticks(time, "time", 0.0, patterns.MAX_PATTERN_S)
    length = session.ticks(duration, "duration", 0.0, patterns.MAX_PATTERN_S)
    _add_event(session, target, TriggerOutEvent(name, start, length))


def _add_event(session: Session, pattern: Pattern, event: patterns.Event) -> None:
    at_start = isinstance(event, TriggerOutEvent) and event.start == event.duration == 0
    if event.end > pattern.duration and not at_start:
        raise Refusal(
            ReturnCode.PARAMETER_OUT_OF_RANGE_ERROR,
            f'Event "{event.name}" ends at {event.end * patterns.TICK_S:g} s, after the end '
            f'of pattern "{pattern.name}" at {pattern.duration * patterns.TICK_S:g} s.',
        )
    for other in pattern.overwritten_by(event):
        session.warn(
            WarningLevel.SEVERE,
            f'Event "{event.name}" overwrites event "{other.name}" of pattern "{pattern.name}".',
        )
    pattern.add_event(event)
    session.changed()


def _add_sequence(session: Session, channel: int, pattern: bytes | None, loops: float) -> None:
    setup = session.channel(channel)
    setup.sequences.append((session.pattern(pattern).name, _loops(session, loops)))
    session.changed()


def _add_sequences(
    session: Session, channel: int, names: Pointer, loops: Pointer, size: int
) -> None:
    setup = session.channel(channel)
    if size < 1:
        raise checks.out_of_range("size", size, 1, checks.MAX_SEQUENCES)
    arguments.require(names)
    counts = arguments.doubles(loops, size)
    setup.sequences += [
        (session.pattern(names[i]).name, _loops(session, float(counts[i]))) for i in range(size)
    ]
    session.changed()


def _loops(session: Session, loops: float) -> int:
    if not 1 <= loops <= checks.MAX_LOOPS:
        raise checks.out_of_range("loopCount", loops, 1, checks.MAX_LOOPS)
    if loops != round(loops):
        session.warn(WarningLevel.INFORMATION, f"loopCount = {loops:g} was rounded.")
    return round(loops)


CALLS: Calls = {
    "WGFMU_createPattern": _create_pattern,
    "WGFMU_addVector": _add_vector,
    "WGFMU_addVectors": _add_vectors,
    "WGFMU_setVector": _set_vector,
    "WGFMU_setVectors": _set_vectors,
    "WGFMU_createMergedPattern": _create_merged_pattern,
    "WGFMU_createMultipliedPattern": _create_multiplied_pattern,
    "WGFMU_createOffsetPattern": _create_offset_pattern,
    "WGFMU_setMeasureEvent": _set_measure_event,
    "WGFMU_setRangeEvent": _set_range_event,
    "WGFMU_setTriggerOutEvent": _set_trigger_out_event,
    "WGFMU_addSequence": _add_sequence,
    "WGFMU_addSequences": _add_sequences,
}
