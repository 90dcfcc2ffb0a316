"""XE: runs the chosen measurement mode and fills the data buffer.

Sources: instruments.md sections 2.5 (order and status of items), 2.13, 2.14 (what is needed first).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from instruments.sim.flex.errors import FlexError
from instruments.sim.flex.measure import operation_kinds, operation_readings, time_stamp
from instruments.sim.flex.smu import OVERFLOW, Force, Reading

if TYPE_CHECKING:
    from instruments.sim.flex.mainframe import Mainframe
    from instruments.sim.flex.modes import SweepSource, TwoLevels

SPOT, SWEEP, PULSED_SPOT, PULSED_SWEEP, SWEEP_WITH_PULSE, SAMPLING = 1, 2, 3, 4, 5, 10
MULTI_CHANNEL_SWEEP = 16

PULSED_MODES = (PULSED_SPOT, PULSED_SWEEP, SWEEP_WITH_PULSE)
"""Modes that measure one channel only."""

SUPPORTED_MODES = (SPOT, SWEEP, *PULSED_MODES, SAMPLING, MULTI_CHANNEL_SWEEP)
"""The modes of section 2.14 that need nothing but SMUs and no search, bias or charge function."""

_ABORTING = "CTVX"
_POINTS_PER_DECADE = {2: 10, 3: 25, 4: 50, 5: 100, 6: 250, 7: 5000}
_MOST_SAMPLES = 100_001
_MOST_DECADES = 11


def run_measurement(mainframe: Mainframe) -> None:
    """One XE.

    Raises `FlexError` 214 (no MM), 200 (a channel is off), 220 (no sweep source), 603 (sweep and
    pulse on one channel), 650 (time stamps in a 4-byte format), 120 (no pulse source; sampling too
    fast or too long for the number of channels), 260.
    """
    modes = mainframe.modes
    if modes.mode == 0:
        raise FlexError(214)
    for slot in modes.channels:
        mainframe.smus[slot].require_on()
    if mainframe.measurement.time_stamps:
        time_stamp(mainframe, 0)
    if modes.mode == SPOT:
        mainframe.store(_finished(mainframe, _measured_channels(mainframe)))
    elif modes.mode == PULSED_SPOT:
        mainframe.store(_finished(mainframe, _pulsed_spot(mainframe)))
    elif modes.mode == SAMPLING:
        _sample(mainframe)
    else:
        _sweep(mainframe)


def _measured_channels(mainframe: Mainframe) -> list[Reading]:
    """[Time,]data of every MM channel in order."""
    readings: list[Reading] = []
    for slot in mainframe.modes.channels:
        if mainframe.measurement.time_stamps:
            readings.append(time_stamp(mainframe, slot))
        readings += operation_readings(mainframe, mainframe.smus[slot])
    return readings


def _finished(mainframe: Mainframe, readings: list[Reading]) -> list[Reading]:
    """The last step's items, marked as such for FMT21."""
    return [reading._replace(is_last=True) for reading in readings]


# Sweeps.


def _sweep(mainframe: Mainframe) -> None:
    modes = mainframe.modes
    primary = modes.pulse_sweep if modes.mode == PULSED_SWEEP else modes.primary
    if primary is None:
        raise FlexError(220)
    followers = _followers(mainframe)
    pulse = modes.pulse if modes.mode == SWEEP_WITH_PULSE else None
    if modes.mode == SWEEP_WITH_PULSE and pulse is None:
        raise FlexError(120)
    if pulse is not None and pulse.slot == primary.slot:
        raise FlexError(603)
    sources = [primary, *followers]
    for slot in [source.slot for source in sources] + ([pulse.slot] if pulse else []):
        mainframe.smus[slot].require_on()

    steps = list(zip(*(_forces(source) for source in sources), strict=True))
    _start(mainframe, sources, pulse, steps[0])
    items: list[Reading] = []
    aborted = False
    for index, forces in enumerate(steps):
        if aborted:
            readings = _dummies(mainframe)
        else:
            readings = _step(mainframe, sources, forces, pulse)
            aborted = _must_abort(mainframe, sources, readings)
        is_last = index == len(steps) - 1
        items += [reading._replace(is_last=is_last) for reading in readings]
        items += _source_items(mainframe, sources, forces, is_last)
    _end(mainframe, sources, pulse)
    mainframe.store(items)


def _followers(mainframe: Mainframe) -> list[SweepSource]:
    modes = mainframe.modes
    if modes.mode == SWEEP:
        return list(modes.synchronous.values())
    if modes.mode == MULTI_CHANNEL_SWEEP:
        return [modes.further[place] for place in sorted(modes.further)]
    return []


def _forces(source: SweepSource) -> list[Force]:
    """The output of every step, on the one range that carries the sweep."""
    code = source.range_code
    return [
        replace(source.first, value=value, range_code=code).truncated() for value in source.values()
    ]


def _start(
    mainframe: Mainframe,
    sources: list[SweepSource],
    pulse: TwoLevels | None,
    forces: tuple[Force, ...],
) -> None:
    for source, force in zip(sources, forces, strict=True):
        mainframe.smus[source.slot].apply(source.base or force)
    if pulse is not None:
        mainframe.smus[pulse.slot].apply(pulse.base)
    is_pulsed = mainframe.modes.mode in PULSED_MODES
    modes = mainframe.modes
    mainframe.clock.advance(modes.pulse_timing.hold if is_pulsed else modes.sweep_timing.hold)


def _step(
    mainframe: Mainframe,
    sources: list[SweepSource],
    forces: tuple[Force, ...],
    pulse: TwoLevels | None,
) -> list[Reading]:
    """Output, wait, measure; pulses are back at their base when it returns."""
    modes, clock = mainframe.modes, mainframe.clock
    for source, force in zip(sources, forces, strict=True):
        if source.base is None:
            mainframe.smus[source.slot].apply(force)
    if modes.mode not in PULSED_MODES:
        clock.advance(modes.sweep_timing.delay)
        readings = _measured_channels(mainframe)
        clock.advance(modes.sweep_timing.step_delay)
        return readings
    slot, base, peak = _pulse_of(sources[0], forces[0], pulse)
    return _pulsed(mainframe, slot, base, peak)


def _pulse_of(
    primary: SweepSource, force: Force, pulse: TwoLevels | None
) -> tuple[int, Force, Force]:
    if pulse is not None:
        return pulse.slot, pulse.base, pulse.peak
    return primary.slot, primary.base or force, force


def _pulsed(mainframe: Mainframe, slot: int, base: Force, peak: Force) -> list[Reading]:
    """One pulse with a measurement in it; it takes the pulse period of bench time."""
    began = mainframe.clock.now()
    mainframe.smus[slot].apply(peak)
    readings = _measured_channels(mainframe)
    mainframe.smus[slot].apply(base)
    _advance_to(mainframe, began + mainframe.modes.pulse_timing.period)
    return readings


def _pulsed_spot(mainframe: Mainframe) -> list[Reading]:
    pulse = mainframe.modes.pulse
    if pulse is None:
        raise FlexError(120)
    smu = mainframe.smus[pulse.slot]
    smu.require_on()
    smu.apply(pulse.base)
    mainframe.clock.advance(mainframe.modes.pulse_timing.hold)
    return _pulsed(mainframe, pulse.slot, pulse.base, pulse.peak)


def _must_abort(mainframe: Mainframe, sources: list[SweepSource], readings: list[Reading]) -> bool:
    """Automatic stop (WM 2) on compliance or overflow, and power compliance in any case."""
    if mainframe.modes.sweep_abort and any(item.status in _ABORTING for item in readings):
        return True
    return any(_exceeds_power(mainframe, source) for source in sources)


def _exceeds_power(mainframe: Mainframe, source: SweepSource) -> bool:
    if source.power is None:
        return False
    smu = mainframe.smus[source.slot]
    amperes = smu.output_current()
    return abs(smu.volts * amperes) > source.power


def _dummies(mainframe: Mainframe) -> list[Reading]:
    """What an aborted sweep returns for a step it did not make."""
    readings: list[Reading] = []
    for slot in mainframe.modes.channels:
        if mainframe.measurement.time_stamps:
            readings.append(time_stamp(mainframe, slot))
        smu = mainframe.smus[slot]
        kinds = operation_kinds(smu.require_on().source, smu.settings.operation)
        readings += [Reading(slot, kind, OVERFLOW, "V") for kind in kinds]
    return readings


def _source_items(
    mainframe: Mainframe,
    sources: list[SweepSource],
    forces: tuple[Force, ...],
    is_last: bool,
) -> list[Reading]:
    """FMT's second parameter: 0 none, 1 the primary source, 2 and more the following ones too."""
    wanted = mainframe.measurement.data_sources
    return [
        Reading(source.slot, force.source.value, force.value, "N", force.range, True, is_last)
        for source, force in list(zip(sources, forces, strict=True))[:wanted]
    ]


def _end(mainframe: Mainframe, sources: list[SweepSource], pulse: TwoLevels | None) -> None:
    """Outputs after the sweep: start or stop value (WM), pulses at their base."""
    for source in sources:
        after = source.last if mainframe.modes.sweep_ends_at_stop else source.first
        mainframe.smus[source.slot].apply(source.base or after)
    if pulse is not None:
        mainframe.smus[pulse.slot].apply(pulse.base)


# Sampling.


def _sample(mainframe: Mainframe) -> None:
    """Everything is returned at the end, as on hardware."""
    modes = mainframe.modes
    timing = modes.sampling_timing
    channels = len(modes.channels)
    shortest = 100e-6 + 20e-6 * (channels - 1)
    most = min(_MOST_SAMPLES // channels, _most_points(modes.sampling_mode))
    if timing.interval < shortest * (1 - 1e-9) or timing.points > most:
        raise FlexError(120)
    sources = list(modes.sampling_sources.values())
    for source in sources:
        mainframe.smus[source.slot].require_on()
    for source in sources:
        mainframe.smus[source.slot].apply(source.base)
    mainframe.clock.advance(timing.hold_base)
    items = _samples(mainframe, sources)
    for source in sources:
        after = source.peak if modes.sampling_ends_at_bias else source.base
        mainframe.smus[source.slot].apply(after)
    mainframe.store(items)


def _samples(mainframe: Mainframe, sources: list[TwoLevels]) -> list[Reading]:
    """All points; a negative bias hold time starts sampling that long before the bias."""
    timing = mainframe.modes.sampling_timing
    began = mainframe.clock.now()
    bias_at = began + max(0.0, -timing.hold_bias)
    first_at = began + max(0.0, timing.hold_bias)
    biased = False
    items: list[Reading] = []
    aborted = False
    indices = _sample_indices(mainframe.modes.sampling_mode)
    for point in range(1, timing.points + 1):
        index = next(indices)
        due = first_at + (index - 1) * timing.interval
        if not biased and due >= bias_at:
            _advance_to(mainframe, bias_at)
            for source in sources:
                mainframe.smus[source.slot].apply(source.peak)
            biased = True
        if aborted:
            readings = _dummies(mainframe)
        else:
            _advance_to(mainframe, due)
            readings = _measured_channels(mainframe)
            aborted = mainframe.modes.sampling_abort and any(
                item.status in _ABORTING for item in readings
            )
        is_last = point == timing.points
        if mainframe.measurement.data_sources:
            items.append(Reading(0, "X", float(index), is_source=True, is_last=is_last))
        items += [reading._replace(is_last=is_last) for reading in readings]
    return items


def _most_points(mode: int) -> int:
    """A logarithmic sampling spans 11 decades at most (assumed)."""
    return _MOST_SAMPLES if mode == 1 else _MOST_DECADES * _POINTS_PER_DECADE[mode] + 1


def _sample_indices(mode: int) -> Iterator[int]:
    """1, 2, 3 ... for linear sampling; for a logarithmic one those of equal ratios, each once."""
    if mode == 1:
        yield from count(1)
    last = 0
    for step in count():
        index = round(10 ** (step / _POINTS_PER_DECADE[mode]))
        if index > last:
            last = index
            yield index


def _advance_to(mainframe: Mainframe, moment: float) -> None:
    mainframe.clock.advance(max(0.0, moment - mainframe.clock.now()))
