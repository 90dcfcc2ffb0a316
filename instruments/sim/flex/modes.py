"""Sources and timing of the measurement modes: what is set before XE.

Sources: instruments.md sections 2.10 (power-on), 2.13 (limits), 2.14 (what each mode needs).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from instruments.sim.flex.command import MANY, Command, Parameters, between, integer, optional
from instruments.sim.flex.errors import FlexError
from instruments.sim.flex.output import planned_force
from instruments.sim.flex.run import PULSED_MODES, SUPPORTED_MODES, run_measurement
from instruments.sim.flex.smu import Force, Source

if TYPE_CHECKING:
    from instruments.sim.flex.mainframe import Mainframe

LONGEST_HOLD = 655.35
LONGEST_DELAY = 65.535
MOST_STEPS = 10_001
"""Clients of real instruments use this many; the older guide says 1001 (section 2.13)."""

MOST_SAMPLES = 100_001
_POWERS = (1e-3, 2.0)


@dataclass(frozen=True)
class SweepSource:
    """WV, WI, WSV, WSI, WNX, and with ``base`` the pulses of PWV and PWI.

    ``mode``: 1 linear, 2 log, 3 and 4 the same there and back. ``first`` and ``last`` carry source,
    range and compliance; ``power`` is the power compliance, W.
    """

    slot: int
    mode: int
    first: Force
    last: Force
    steps: int
    power: float | None = None
    base: Force | None = None

    def values(self) -> list[float]:
        """Every output of the sweep in order; the turning point comes twice (section 2.5)."""
        start, stop = self.first.value, self.last.value
        space = np.geomspace if self.mode in (2, 4) else np.linspace
        way = [float(value) for value in space(start, stop, self.steps)]
        return way + way[::-1] if self.mode in (3, 4) else way

    @property
    def range_code(self) -> int:
        """Code of the one range that carries the whole sweep."""
        first, last = self.first.range, self.last.range
        return first.code if first.full_scale > last.full_scale else last.code


@dataclass(frozen=True)
class TwoLevels:
    """PV and PI (base and peak of a pulse), MV and MI (base and bias of a sampling)."""

    slot: int
    base: Force
    peak: Force


@dataclass
class SweepTiming:
    """WT, all in seconds."""

    hold: float = 0.0
    delay: float = 0.0
    step_delay: float = 0.0
    source_trigger_delay: float = 0.0
    measure_trigger_delay: float = 0.0


@dataclass
class PulseTiming:
    """PT, seconds."""

    hold: float = 0.0
    width: float = 1e-3
    period: float = 10e-3


@dataclass
class SamplingTiming:
    """MT, seconds and points."""

    hold_bias: float = 0.0
    interval: float = 2e-3
    points: int = 1000
    hold_base: float = 0.0


@dataclass
class ModeSettings:
    """Power-on state of the measurement modes; ``mode`` 0 is unset."""

    mode: int = 0
    channels: tuple[int, ...] = ()
    sweep_timing: SweepTiming = field(default_factory=SweepTiming)
    sweep_abort: bool = False
    sweep_ends_at_stop: bool = False
    primary: SweepSource | None = None
    synchronous: dict[int, SweepSource] = field(default_factory=dict)
    further: dict[int, SweepSource] = field(default_factory=dict)
    pulse_timing: PulseTiming = field(default_factory=PulseTiming)
    pulse: TwoLevels | None = None
    pulse_sweep: SweepSource | None = None
    sampling_mode: int = 1
    sampling_timing: SamplingTiming = field(default_factory=SamplingTiming)
    sampling_abort: bool = False
    sampling_ends_at_bias: bool = True
    sampling_sources: dict[int, TwoLevels] = field(default_factory=dict)


def _set_mode(mainframe: Mainframe, parameters: Parameters) -> None:
    mode = integer(parameters[0], SUPPORTED_MODES)
    slots = tuple(mainframe.smu(channel).slot for channel in parameters[1:])
    most = 1 if mode in PULSED_MODES else 10
    if not 1 <= len(slots) <= most or len(set(slots)) != len(slots):
        raise FlexError(122)
    mainframe.modes.mode, mainframe.modes.channels = mode, slots


def _trigger(mainframe: Mainframe, parameters: Parameters) -> None:
    run_measurement(mainframe)


def _sweep_source(mainframe: Mainframe, parameters: Parameters, source: Source) -> SweepSource:
    """Channel, mode, range, start, stop, steps[, compliance[, power compliance]]."""
    smu = mainframe.smu(parameters[0])
    mode = integer(parameters[1], (1, 2, 3, 4))
    code, start, stop = parameters[2:5]
    steps = integer(parameters[5], range(1, MOST_STEPS + 1))
    if mode in (2, 4) and start * stop <= 0:
        raise FlexError(130)
    compliance, power = parameters[6:7], _power(parameters, 7)
    first = planned_force(mainframe, smu, source, code, start, compliance)
    last = planned_force(mainframe, smu, source, code, stop, compliance)
    return SweepSource(smu.slot, mode, first, last, steps, power)


def _power(parameters: Parameters, index: int) -> float | None:
    return between(parameters[index], *_POWERS) if index < len(parameters) else None


def _set_primary(mainframe: Mainframe, parameters: Parameters, source: Source) -> None:
    """A new primary source clears the synchronous ones."""
    mainframe.modes.primary = _sweep_source(mainframe, parameters, source)
    mainframe.modes.synchronous.clear()


def _sweep_voltage(mainframe: Mainframe, parameters: Parameters) -> None:
    _set_primary(mainframe, parameters, Source.VOLTAGE)


def _sweep_current(mainframe: Mainframe, parameters: Parameters) -> None:
    _set_primary(mainframe, parameters, Source.CURRENT)


def _along(mainframe: Mainframe, parameters: Parameters, source: Source) -> SweepSource:
    """Channel, range, start, stop[, compliance[, power compliance]] in the primary's steps.

    Raises `FlexError` 220 without a primary, 120 on its channel, 130 across 0 in a log sweep.
    """
    primary = mainframe.modes.primary
    if primary is None:
        raise FlexError(220)
    smu = mainframe.smu(parameters[0])
    if smu.slot == primary.slot:
        raise FlexError(120)
    code, start, stop = parameters[1:4]
    if primary.mode in (2, 4) and start * stop <= 0:
        raise FlexError(130)
    compliance, power = parameters[4:5], _power(parameters, 5)
    first = planned_force(mainframe, smu, source, code, start, compliance)
    last = planned_force(mainframe, smu, source, code, stop, compliance)
    return SweepSource(smu.slot, primary.mode, first, last, primary.steps, power)


def _follow_voltage(mainframe: Mainframe, parameters: Parameters) -> None:
    source = _along(mainframe, parameters, Source.VOLTAGE)
    mainframe.modes.synchronous[source.slot] = source


def _follow_current(mainframe: Mainframe, parameters: Parameters) -> None:
    source = _along(mainframe, parameters, Source.CURRENT)
    mainframe.modes.synchronous[source.slot] = source


def _follow_multi(mainframe: Mainframe, parameters: Parameters) -> None:
    """WNX number, channel, 1 voltage or 2 current, then as WSV."""
    place = integer(parameters[0], range(2, 11))
    kind = Source.VOLTAGE if integer(parameters[2], (1, 2)) == 1 else Source.CURRENT
    rest = (parameters[1], *parameters[3:])
    mainframe.modes.further[place] = _along(mainframe, rest, kind)


def _set_sweep_timing(mainframe: Mainframe, parameters: Parameters) -> None:
    delay = between(parameters[1], 0.0, LONGEST_DELAY)
    mainframe.modes.sweep_timing = SweepTiming(
        between(parameters[0], 0.0, LONGEST_HOLD),
        delay,
        between(optional(parameters, 2), 0.0, 1.0),
        between(optional(parameters, 3), 0.0, delay),
        between(optional(parameters, 4), 0.0, LONGEST_DELAY),
    )


def _set_sweep_abort(mainframe: Mainframe, parameters: Parameters) -> None:
    abort = integer(parameters[0], (1, 2)) == 2
    mainframe.modes.sweep_ends_at_stop = integer(optional(parameters, 1, 1), (1, 2)) == 2
    mainframe.modes.sweep_abort = abort


def _step_count(mainframe: Mainframe, parameters: Parameters) -> None:
    primary = mainframe.modes.primary
    if primary is None:
        raise FlexError(220)
    mainframe.reply(str(len(primary.values())))


def _set_pulse_timing(mainframe: Mainframe, parameters: Parameters) -> None:
    """PT hold, width, period: 2 ms between pulses up to 100 ms of width, 10 ms above."""
    hold, width = between(parameters[0], 0.0, LONGEST_HOLD), parameters[1]
    if width > 2.0:
        raise FlexError(238)
    between(width, 0.5e-3, 2.0)
    period = between(optional(parameters, 2, 10e-3), 5e-3, 5.0)
    if period < width + (2e-3 if width <= 0.1 else 10e-3):
        raise FlexError(120)
    mainframe.modes.pulse_timing = PulseTiming(hold, width, period)


def _two_levels(mainframe: Mainframe, parameters: Parameters, source: Source) -> TwoLevels:
    """Channel, range, base, peak[, compliance]."""
    smu = mainframe.smu(parameters[0])
    code, base, peak = parameters[1:4]
    compliance = parameters[4:5]
    return TwoLevels(
        smu.slot,
        planned_force(mainframe, smu, source, code, base, compliance),
        planned_force(mainframe, smu, source, code, peak, compliance),
    )


def _pulse_voltage(mainframe: Mainframe, parameters: Parameters) -> None:
    mainframe.modes.pulse = _two_levels(mainframe, parameters, Source.VOLTAGE)


def _pulse_current(mainframe: Mainframe, parameters: Parameters) -> None:
    if parameters[2] * parameters[3] < 0:
        raise FlexError(126)
    mainframe.modes.pulse = _two_levels(mainframe, parameters, Source.CURRENT)


def _set_pulse_sweep(mainframe: Mainframe, parameters: Parameters, source: Source) -> None:
    """Channel, mode, range, base, start, stop, steps[, compliance[, power compliance]]."""
    base = parameters[3]
    if source is Source.CURRENT and min(base * parameters[4], base * parameters[5]) < 0:
        raise FlexError(126)
    sweep = _sweep_source(mainframe, parameters[:3] + parameters[4:], source)
    smu = mainframe.smu(parameters[0])
    low = planned_force(mainframe, smu, source, parameters[2], base, parameters[7:8])
    mainframe.modes.pulse_sweep = SweepSource(
        sweep.slot, sweep.mode, sweep.first, sweep.last, sweep.steps, sweep.power, low
    )


def _pulse_sweep_voltage(mainframe: Mainframe, parameters: Parameters) -> None:
    _set_pulse_sweep(mainframe, parameters, Source.VOLTAGE)


def _pulse_sweep_current(mainframe: Mainframe, parameters: Parameters) -> None:
    _set_pulse_sweep(mainframe, parameters, Source.CURRENT)


def _set_sampling_mode(mainframe: Mainframe, parameters: Parameters) -> None:
    mainframe.modes.sampling_mode = integer(parameters[0], range(1, 8))


def _set_sampling_timing(mainframe: Mainframe, parameters: Parameters) -> None:
    """MT hold bias, interval, points[, hold base]; before-bias sampling only below 2 ms."""
    interval = between(parameters[1], 1e-4, LONGEST_DELAY)
    hold = parameters[0]
    if not (interval < 2e-3 and -0.09 <= hold <= -1e-4):
        between(hold, 0.0, LONGEST_HOLD)
    mainframe.modes.sampling_timing = SamplingTiming(
        hold,
        interval,
        integer(parameters[2], range(1, MOST_SAMPLES + 1)),
        between(optional(parameters, 3), 0.0, LONGEST_HOLD),
    )


def _set_sampling_abort(mainframe: Mainframe, parameters: Parameters) -> None:
    abort = integer(parameters[0], (1, 2)) == 2
    mainframe.modes.sampling_ends_at_bias = integer(optional(parameters, 1, 2), (1, 2)) == 2
    mainframe.modes.sampling_abort = abort


def _sample_voltage(mainframe: Mainframe, parameters: Parameters) -> None:
    source = _two_levels(mainframe, parameters, Source.VOLTAGE)
    mainframe.modes.sampling_sources[source.slot] = source


def _sample_current(mainframe: Mainframe, parameters: Parameters) -> None:
    source = _two_levels(mainframe, parameters, Source.CURRENT)
    mainframe.modes.sampling_sources[source.slot] = source


def _clear_sampling_sources(mainframe: Mainframe, parameters: Parameters) -> None:
    """MCC[ channels]."""
    sources = mainframe.modes.sampling_sources
    for slot in [mainframe.smu(channel).slot for channel in parameters] or list(sources):
        sources.pop(slot, None)


def _clear_multi(mainframe: Mainframe, parameters: Parameters) -> None:
    """WNCC: the further sources of the multi channel sweep."""
    mainframe.modes.further.clear()


COMMANDS = {
    "MM": Command(_set_mode, 1, MANY),
    "XE": Command(_trigger),
    "WV": Command(_sweep_voltage, 6, 8),
    "WI": Command(_sweep_current, 6, 8),
    "WSV": Command(_follow_voltage, 4, 6),
    "WSI": Command(_follow_current, 4, 6),
    "WNX": Command(_follow_multi, 6, 8),
    "WNCC": Command(_clear_multi),
    "WT": Command(_set_sweep_timing, 2, 5),
    "WM": Command(_set_sweep_abort, 1, 2),
    "WNU?": Command(_step_count),
    "PT": Command(_set_pulse_timing, 2, 3),
    "PV": Command(_pulse_voltage, 4, 5),
    "PI": Command(_pulse_current, 4, 5),
    "PWV": Command(_pulse_sweep_voltage, 7, 9),
    "PWI": Command(_pulse_sweep_current, 7, 9),
    "ML": Command(_set_sampling_mode, 1, 1),
    "MT": Command(_set_sampling_timing, 3, 4),
    "MSC": Command(_set_sampling_abort, 1, 2),
    "MV": Command(_sample_voltage, 4, 5),
    "MI": Command(_sample_current, 4, 5),
    "MCC": Command(_clear_sampling_sources, 0, MANY),
}
