"""*LRN?: the settings as commands, written as real firmware writes them (instruments.md 2.6).

No blank follows a mnemonic. Where the digest shows no example the form follows its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from instruments.sim.flex.command import Command, Parameters, integer
from instruments.sim.flex.errors import FlexError
from instruments.sim.flex.formats import setting_number
from instruments.sim.flex.smu import Force, Smu, Source
from instruments.sim.flex.system import SLOTS

if TYPE_CHECKING:
    from instruments.sim.flex.mainframe import Mainframe
    from instruments.sim.flex.modes import SweepSource, TwoLevels


def _learn(mainframe: Mainframe, parameters: Parameters) -> None:
    """Raises `FlexError` 120 for a type of another module or a function that is not offered."""
    kind = integer(parameters[0])
    if kind in SLOTS:
        mainframe.reply(_output(mainframe.smu(kind)))
        return
    try:
        answer = _ANSWERS[kind]
    except KeyError:
        raise FlexError(120) from None
    mainframe.reply(answer(mainframe))


def _value(force: Force) -> str:
    return setting_number(force.value, force.range.full_scale)


def _compliance(force: Force) -> str:
    return setting_number(force.compliance, force.compliance_range.full_scale)


def _output(smu: Smu) -> str:
    force = smu.force
    if force is None:
        return f"CL{smu.slot}"
    name = "DV" if force.source is Source.VOLTAGE else "DI"
    return (
        f"{name}{smu.slot},{force.range.code},{_value(force)},{_compliance(force)},"
        f"{force.polarity},{force.compliance_range.code}"
    )


def _switches(mainframe: Mainframe) -> str:
    on = [str(slot) for slot, smu in mainframe.smus.items() if smu.is_on]
    return "CN" + ",".join(on) if on else "CL"


def _filters(mainframe: Mainframe) -> str:
    """``FL0`` or ``FL1`` when all are alike, else a list of channels for each."""
    by_state: dict[bool, list[str]] = {False: [], True: []}
    for slot, smu in mainframe.smus.items():
        by_state[smu.settings.filter_on].append(str(slot))
    if not by_state[True]:
        return "FL0"
    if not by_state[False]:
        return "FL1"
    return f"FL0,{','.join(by_state[False])};FL1,{','.join(by_state[True])}"


def _general(mainframe: Mainframe) -> str:
    settings, modes = mainframe.measurement, mainframe.modes
    high_speed = settings.converters[0]
    averaging = (
        f"AV{-int(high_speed.number)}"
        if high_speed.mode == 2
        else f"AV{max(1, int(high_speed.number))},{int(high_speed.mode == 1)}"
    )
    parts = [
        f"TM{mainframe.trigger_mode}",
        averaging,
        f"CM{int(mainframe.auto_calibration)}",
        f"FMT{settings.data_format},{settings.data_sources}",
    ]
    if modes.mode:
        parts.append(",".join([f"MM{modes.mode}", *map(str, modes.channels)]))
    return ";".join(parts)


def _ranges(mainframe: Mainframe) -> str:
    return ";".join(
        f"RI{slot},{smu.settings.current_range};RV{slot},{smu.settings.voltage_range}"
        for slot, smu in mainframe.smus.items()
    )


def _sweep_source(name: str, source: SweepSource, is_primary: bool) -> str:
    letter = source.first.source.value
    full_scale = max(source.first.range.full_scale, source.last.range.full_scale)
    fields = [f"{name}{letter}{source.slot}"]
    fields += [str(source.mode)] if is_primary else []
    fields.append(str(source.range_code))
    if source.base is not None:
        fields.append(setting_number(source.base.value, full_scale))
    fields.append(setting_number(source.first.value, full_scale))
    fields.append(setting_number(source.last.value, full_scale))
    fields += [str(source.steps)] if is_primary else []
    fields.append(_compliance(source.first))
    fields += [] if source.power is None else [f"{source.power:+.5f}"]
    return ",".join(fields)


def _two_levels(name: str, source: TwoLevels) -> str:
    wider = max(source.base.range.full_scale, source.peak.range.full_scale)
    code = source.peak.range.code if source.peak.range.full_scale == wider else None
    return ",".join(
        (
            f"{name}{source.base.source.value}{source.slot}",
            str(code or source.base.range.code),
            setting_number(source.base.value, wider),
            setting_number(source.peak.value, wider),
            _compliance(source.base),
        )
    )


def _staircase(mainframe: Mainframe) -> str:
    modes = mainframe.modes
    timing = modes.sweep_timing
    parts = [
        f"WM{1 + modes.sweep_abort},{1 + modes.sweep_ends_at_stop}",
        f"WT{timing.hold:.2f},{timing.delay:.4f},{timing.step_delay:.4f},"
        f"{timing.source_trigger_delay:.4f},{timing.measure_trigger_delay:.4f}",
    ]
    if modes.primary is not None:
        parts.append(_sweep_source("W", modes.primary, True))
    parts += [_sweep_source("WS", source, False) for source in modes.synchronous.values()]
    return ";".join(parts)


def _pulse(mainframe: Mainframe) -> str:
    modes = mainframe.modes
    timing = modes.pulse_timing
    parts = [f"PT{timing.hold:.2f},{timing.width:.4f},{timing.period:.4f}"]
    if modes.pulse is not None:
        parts.append(_two_levels("P", modes.pulse))
    if modes.pulse_sweep is not None:
        parts.append(_sweep_source("PW", modes.pulse_sweep, True))
    return ";".join(parts)


def _digital(mainframe: Mainframe) -> str:
    return f"ERMOD{mainframe.digital.mode};ERM{mainframe.digital.inputs}"


def _operations(mainframe: Mainframe) -> str:
    return ";".join(f"CMM{n},{smu.settings.operation}" for n, smu in mainframe.smus.items())


def _sampling(mainframe: Mainframe) -> str:
    modes = mainframe.modes
    timing = modes.sampling_timing
    parts = [
        f"ML{modes.sampling_mode}",
        f"MT{timing.hold_bias:.4f},{timing.interval:.5f},{timing.points},{timing.hold_base:.2f}",
        f"MSC{1 + modes.sampling_abort},{1 + modes.sampling_ends_at_bias}",
    ]
    parts += [_two_levels("M", source) for source in modes.sampling_sources.values()]
    return ";".join(parts)


def _series_resistors(mainframe: Mainframe) -> str:
    return ";".join(
        f"SSR{n},{int(smu.settings.series_resistor)}" for n, smu in mainframe.smus.items()
    )


def _auto_range_modes(mainframe: Mainframe) -> str:
    return ";".join(
        f"RM{n},{smu.settings.auto_range_mode},{smu.settings.auto_range_rate}"
        for n, smu in mainframe.smus.items()
    )


def _chosen_converters(mainframe: Mainframe) -> str:
    """Pairs with a doubled separator, as current firmware sends them."""
    pairs = (f"AAD{n},{smu.settings.converter};AAD{n},2;" for n, smu in mainframe.smus.items())
    return ";".join(pairs)


def _converters(mainframe: Mainframe) -> str:
    parts = [
        f"AIT{kind},{converter.mode},{_plain(converter.number)}"
        for kind, converter in sorted(mainframe.measurement.converters.items())
    ]
    return ";".join([*parts, f"AZ{int(mainframe.measurement.auto_zero)}"])


def _plain(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.6f}"


def _wait_times(mainframe: Mainframe) -> str:
    return ";".join(
        f"WAT{kind},{wait.factor:.1f},{wait.offset:.4f}"
        for kind, wait in sorted(mainframe.measurement.waits.items())
    )


def _time_stamps(mainframe: Mainframe) -> str:
    return f"TSC{int(mainframe.measurement.time_stamps)}"


def _parallel(mainframe: Mainframe) -> str:
    return f"PAD{int(mainframe.measurement.parallel)}"


_ANSWERS: dict[int, Callable[[Mainframe], str]] = {
    0: _switches,
    30: _filters,
    31: _general,
    32: _ranges,
    33: _staircase,
    34: _pulse,
    38: _digital,
    46: _operations,
    47: _sampling,
    53: _series_resistors,
    54: _auto_range_modes,
    55: _chosen_converters,
    56: _converters,
    57: _wait_times,
    60: _time_stamps,
    110: _parallel,
}

COMMANDS = {"*LRN?": Command(_learn, 1, 1)}
