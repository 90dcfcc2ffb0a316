"""What the WGFMU library and firmware refuse, and the channel setup they look at.

Upper limits (vectors, sequences, voltages against the range, memory) are checked only when a setup
is executed, updated or exported (instruments.md, sections 1.5, 1.6 and 1.9).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite

from instruments.sim.station import Path
from instruments.sim.wgfmu import adc
from instruments.sim.wgfmu.patterns import MAX_VECTOR_S, TICKS_PER_S, Pattern, RangeEvent
from instruments.sim.wgfmu.timeline import Timeline
from instruments.wgfmu.library import (
    ForceVoltageRange,
    MeasureCurrentRange,
    MeasureEnabled,
    MeasureMode,
    MeasureVoltageRange,
    OperationMode,
    ReturnCode,
    TriggerOutMode,
    TriggerOutPolarity,
)

MAX_VECTORS = 2048
MAX_SEQUENCES = 512
MAX_LOOPS = 2**40
MAX_MEASURED_VALUES = 4_000_000
MAX_VOLTS = 10.0
MAX_TIME_S = 9e9
"""Latest moment of a channel's sequences that can be asked for: 64-bit ticks end there."""
MAX_INTERVAL_S = 1.34217728
MAX_AVERAGE_S = 0.020971512
MAX_SPOT = 65535
MIN_AVERAGE_CHANGE = 10
"""Ticks needed between two measure events whose averaging differs."""
MIN_RANGE_SPACING = 200
"""Ticks; three range events in a row must not all be that close."""
MAX_INT = 2**31 - 1

FIRMWARE_TEXTS = {
    3050: "Measurement data memory overflow error.",
    3051: "Measurement data FIFO overflow error.",
    3052: "Measurement range change request error.",
    3201: "ALWG Sequence Data is not ready.",
    3301: "Specified output voltage is out of absolute limits.",
    3302: "Specified voltage output range is invalid.",
    3303: "Invalid measurement mode for current operation mode.",
    3310: "Specified output voltage of ALWG Waveform Data is out of absolute limits.",
    3311: "Specified interval time of ALWG Waveform Data is out of absolute limits.",
}


class Refusal(Exception):
    """A call fails: the code it returns and the explanation in its error text."""

    def __init__(self, code: ReturnCode, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def firmware(code: int, detail: str = "") -> Refusal:
    """An error of the instrument's firmware."""
    return Refusal(ReturnCode.FW_ERROR, f"{code} {FIRMWARE_TEXTS[code]}{detail}")


def no_channel(number: int) -> Refusal:
    """The refusal of a channel that is not there."""
    return Refusal(
        ReturnCode.CHANNEL_NOT_FOUND_ERROR,
        f"Channel {number} does not exist or is not a WGFMU channel.",
    )


def out_of_range(what: str, value: float, low: float, high: float) -> Refusal:
    """The refusal of a parameter, in the wording of the known texts."""
    return Refusal(
        ReturnCode.PARAMETER_OUT_OF_RANGE_ERROR,
        f"{what} = {value:g} is invalid. The value must be {low:g} <= {what} <= {high:g}.",
    )


def require_finite(what: str, value: float) -> None:
    """Refuse a voltage that is not a number or infinite."""
    if not isfinite(value):
        raise Refusal(ReturnCode.PARAMETER_OUT_OF_RANGE_ERROR, f"{what} = {value:g} is invalid.")


def require_index(index: int, size: int) -> None:
    """Refuse an index outside 0 to ``size`` - 1."""
    if not 0 <= index < size:
        raise out_of_range("index", index, 0, max(size - 1, 0))


def require_time(seconds: float, duration: int) -> None:
    """Refuse a time outside 0 to ``duration`` ticks."""
    last = min(duration / TICKS_PER_S + 1e-12, MAX_TIME_S)
    if not 0 <= seconds <= last:
        raise out_of_range("time", seconds, 0, last)


def whole_index(value: float) -> int:
    """An index that the header declares as double."""
    if not isfinite(value):
        raise out_of_range("index", value, 0, float("inf"))
    return round(value)


def as_int(count: int) -> int:
    """A count as far as the C interface's int can tell it."""
    return min(count, MAX_INT)


@dataclass
class ChannelSetup:
    """Software settings of one channel; the defaults are those after initialize (1.3).

    Delays are in units of 625 ps; ``sequences`` holds pattern names and loops.
    """

    number: int
    mode: OperationMode = OperationMode.SMU
    force_range: ForceVoltageRange = ForceVoltageRange.AUTO
    measure_mode: MeasureMode = MeasureMode.VOLTAGE
    voltage_range: MeasureVoltageRange = MeasureVoltageRange.V10
    current_range: MeasureCurrentRange = MeasureCurrentRange.MA10
    enabled: MeasureEnabled = MeasureEnabled.ENABLE
    force_delay: int = 0
    measure_delay: int = 0
    trigger: tuple[TriggerOutMode, TriggerOutPolarity] = (
        TriggerOutMode.DISABLE,
        TriggerOutPolarity.POSITIVE,
    )
    sequences: list[tuple[str, int]] = field(default_factory=list)
    downloaded: object = None
    """Signature of the waveform that is in the channel's memory."""

    @property
    def pulsed(self) -> bool:
        """Whether its sequencer takes part in a run."""
        return self.mode in (OperationMode.FASTIV, OperationMode.PG)

    @property
    def path(self) -> Path:
        """Where its RSU has to stand when it is connected."""
        return Path.SMU if self.mode is OperationMode.SMU else Path.WGFMU

    @property
    def measure_range(self) -> int:
        """The range constant that its measurements use; in PG mode voltage is always on 5 V."""
        if self.measure_mode is MeasureMode.CURRENT:
            return self.current_range
        return MeasureVoltageRange.V5 if self.mode is OperationMode.PG else self.voltage_range

    def waveform_signature(self, patterns: Mapping[str, Pattern]) -> object:
        """Equal as long as nothing has to be downloaded again."""
        content = tuple((name, patterns[name].revision, loops) for name, loops in self.sequences)
        return self.mode, self.force_range, content

    def signature(self, patterns: Mapping[str, Pattern]) -> object:
        """Equal as long as a measured result still belongs to the setup."""
        return (
            self.waveform_signature(patterns),
            self.measure_mode,
            self.voltage_range,
            self.current_range,
            self.enabled,
            self.force_delay,
            self.measure_delay,
        )


def range_for(setup: ChannelSetup, low: float, high: float) -> ForceVoltageRange | None:
    """The output range that gives ``low`` to ``high`` V, None if the channel's cannot."""
    candidates = [setup.force_range]
    if setup.force_range is ForceVoltageRange.AUTO:
        candidates = [code for code in ForceVoltageRange if code is not ForceVoltageRange.AUTO]
    for code in candidates:
        bottom, top = adc.VOLTS_BY_RANGE[code]
        if bottom <= low and high <= top:
            return code
    return None


def force_range(setup: ChannelSetup, patterns: Mapping[str, Pattern]) -> ForceVoltageRange:
    """The output range of a channel for all its sequences. Refused if there is none."""
    used = [patterns[name] for name, _ in setup.sequences]
    found = range_for(setup, min(min(p.volts) for p in used), max(max(p.volts) for p in used))
    if found is None:
        raise firmware(3310, f"; CHANNEL{setup.number}")
    return found


def require_entries(channel: int, timeline: Timeline) -> None:
    """Refuse a channel without sequences."""
    if not timeline.entries:
        raise Refusal(ReturnCode.CONTEXT_ERROR, f"Channel {channel} has no sequence.")


def check_measurement(setup: ChannelSetup) -> None:
    """What a channel's mode rules out. Refused with the firmware's text."""
    if setup.mode is OperationMode.PG:
        if setup.measure_mode is MeasureMode.CURRENT:
            raise firmware(3303, f"; CHANNEL{setup.number}")
        if setup.force_range in (ForceVoltageRange.V10_NEGATIVE, ForceVoltageRange.V10_POSITIVE):
            raise firmware(3302, f"; CHANNEL{setup.number}")


def check_channel(setup: ChannelSetup, patterns: Mapping[str, Pattern]) -> None:
    """Second stage of checking: all of a channel's sequences against the hardware's limits."""
    _check_vectors(setup, patterns)
    chosen = force_range(setup, patterns)
    if setup.mode is OperationMode.PG and chosen > ForceVoltageRange.V5:
        raise firmware(3310, f"; CHANNEL{setup.number}")
    for name in {name for name, _ in setup.sequences}:
        _check_events(setup, patterns[name])
    if setup.enabled is MeasureEnabled.ENABLE:
        stored = sum(patterns[name].measure_size() * loops for name, loops in setup.sequences)
        if stored > MAX_MEASURED_VALUES:
            raise firmware(3050, f"; CHANNEL{setup.number}")


def _check_vectors(setup: ChannelSetup, patterns: Mapping[str, Pattern]) -> None:
    count = len(setup.sequences)
    if count > MAX_SEQUENCES:
        raise Refusal(
            ReturnCode.LIBRARY_ERROR,
            f"Channel {setup.number}: The number of sequences = {count} is invalid. The value "
            f"must be 1 <= the number of sequences <= {MAX_SEQUENCES}.",
        )
    first_use: dict[str, int] = {}
    for index, (name, _) in enumerate(setup.sequences):
        first_use.setdefault(name, index)
    total = sum(patterns[name].vectors for name in first_use)
    empty = any(patterns[name].vectors == 0 for name in first_use)
    if empty or total > MAX_VECTORS:
        uses = "".join(
            f'Pattern "{name}" used in  sequence {index} contains {patterns[name].vectors} '
            "vectors. "
            for name, index in first_use.items()
        )
        raise Refusal(
            ReturnCode.LIBRARY_ERROR,
            f"Channel {setup.number}: The number of total vectors ({len(first_use)} patterns in "
            f"{count} sequences) = {total} is invalid. The value must be 1 <= the number of "
            f"total vectors <= {MAX_VECTORS}.{uses}",
        )
    longest = round(MAX_VECTOR_S * TICKS_PER_S)
    for name in first_use:
        ticks = patterns[name].ticks
        if any(b - a > longest for a, b in itertools.pairwise(ticks)):
            raise firmware(3311, f"; CHANNEL{setup.number}")


def _check_events(setup: ChannelSetup, pattern: Pattern) -> None:
    """Events of one pattern: spacing, and range changes only where they can be."""
    measures = pattern.measure_events()
    for before, after in itertools.pairwise(measures):
        if before.average != after.average and after.start - before.end < MIN_AVERAGE_CHANGE:
            raise firmware(3051, f"; CHANNEL{setup.number}")
    changes = [event for event in pattern.events if isinstance(event, RangeEvent)]
    fast_current = setup.mode is OperationMode.FASTIV and setup.measure_mode is MeasureMode.CURRENT
    if changes and not fast_current:
        raise firmware(3303, f"; CHANNEL{setup.number}")
    gaps = [b.start - a.start for a, b in itertools.pairwise(changes)]
    too_close = any(
        a <= MIN_RANGE_SPACING and b <= MIN_RANGE_SPACING for a, b in itertools.pairwise(gaps)
    )
    if too_close or any(event.averages_at(c.start) for event in measures for c in changes):
        raise firmware(3052, f"; CHANNEL{setup.number}")
