"""The simulated WGFMU library: answers the vendor's C functions on the simulated bench.

Each function is a real C function pointer, so pointers, buffers and argument conversion behave as
with the vendor's file. Behaviour follows instruments.md, sections 1.2 to 1.10. Where no public
source gives a text, it is composed after the known pattern
``<code>: Error in WGFMU_<function>(<arguments>);\\n\\t<explanation>\\n``.

As on the instrument, settings take effect when they are pushed: by update, execute, connect and
the DC functions. A run is played on the chip as bench time passes, not before.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from ctypes import c_int
from dataclasses import dataclass, field
from enum import IntEnum
from math import isfinite
from pathlib import Path as FilePath
from typing import Any, TypeVar, cast

import numpy as np

from instruments.sim.station import Path, Station
from instruments.sim.waveform import Floats
from instruments.sim.wgfmu import adc, checks, patterns
from instruments.sim.wgfmu.checks import ChannelSetup, Refusal, firmware
from instruments.sim.wgfmu.export import write_ascii
from instruments.sim.wgfmu.patterns import MeasureEvent, Pattern, RangeEvent, TriggerOutEvent
from instruments.sim.wgfmu.run import Program, Readings, Run, Track
from instruments.sim.wgfmu.source import Load
from instruments.sim.wgfmu.timeline import EventUse, Timeline, plan_readings
from instruments.wgfmu.library import (
    SIGNATURES,
    Axis,
    ForceVoltageRange,
    MeasureCurrentRange,
    MeasureEnabled,
    MeasureEventData,
    MeasureEventStatus,
    MeasureMode,
    MeasureVoltageRange,
    OperationMode,
    ReturnCode,
    Status,
    TriggerOutMode,
    TriggerOutPolarity,
    WarningLevel,
    WgfmuLibrary,
)

SELF_TEST_S = 30.0
"""Bench time of a self-test or self-calibration."""

DEFAULT_TIMEOUT_S = 100.0

DELAY_GRID_S = 625e-12
MAX_DELAY_S = 50e-9

Pointer = Any
"""A ctypes pointer as a C function receives it."""


@dataclass
class _Messages:
    """Errors, warnings and log of the library (instruments.md, section 1.7)."""

    queue: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    pending: list[tuple[WarningLevel, str]] = field(default_factory=list)
    """Warnings of the call that is being carried out."""
    reported: WarningLevel = WarningLevel.NORMAL
    as_errors: WarningLevel = WarningLevel.OFF
    log: FilePath | None = None

    def clear(self) -> None:
        """Forget all texts; levels and log file stay."""
        self.queue.clear()
        self.errors.clear()
        self.warnings.clear()

    def error(self, text: str) -> None:
        """Queue an error."""
        self.queue.append(text)
        self.errors.append(text)
        self._write(text)

    def warning(self, level: WarningLevel, text: str) -> None:
        """Keep a warning if its level is to be reported."""
        if level <= self.reported:
            self.note(text)

    def note(self, text: str) -> None:
        """Keep a warning."""
        self.warnings.append(text)
        self._write(text)

    def _write(self, text: str) -> None:
        if self.log is None:
            return
        try:
            with self.log.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError:
            # Its folder or disk is gone; that must not change what the call returns.
            self.log = None


@dataclass
class Software:
    """What a client has set up in the library, on an instrument or not."""

    timeout: float
    reported: WarningLevel
    as_errors: WarningLevel
    patterns: dict[str, Pattern]
    channels: dict[int, ChannelSetup]


class _Functions:
    """The C names as attributes."""


class SimulatedWgfmu:
    """The library's global session and setup, on one station.

    ``rng`` gives the instrument's own noise. ``failure`` is the last exception nobody expected; the
    call that met it returned -8.
    """

    def __init__(self, station: Station, rng: np.random.Generator) -> None:
        self.station = station
        self.failure: BaseException | None = None
        self._rng = rng
        self._clock = station.clock
        self._times = station.clock.times
        self._address: str | None = None
        self._timeout = DEFAULT_TIMEOUT_S
        self._messages = _Messages()
        self._patterns: dict[str, Pattern] = {}
        self._channels: dict[int, ChannelSetup] = {}
        self._revision = patterns.next_revision()
        self._program: Program | None = None
        self._prepared: tuple[int, dict[int, Path]] | None = None
        self._run: Run | None = None
        self._run_revision = 0
        self._run_signatures: dict[int, object] = {}
        self._functions = _Functions()
        for name, types in SIGNATURES.items():
            method = getattr(self, name.replace("WGFMU", ""))
            prototype = ctypes.CFUNCTYPE(c_int, *types)
            setattr(self._functions, name, prototype(self._entry(name, method)))
        station.catch_up = self._catch_up

    def library(self) -> WgfmuLibrary:
        """An object with the 88 C names; it takes the place of the loaded DLL."""
        return cast(WgfmuLibrary, self._functions)

    # What a library in another process, whose calls are carried out here, needs (served)

    def software(self) -> Software:
        """The software setup: all that no instrument has to be asked for."""
        return Software(
            self._timeout,
            self._messages.reported,
            self._messages.as_errors,
            dict(self._patterns),
            dict(self._channels),
        )

    def adopt(self, software: Software) -> None:
        """Take over a client's software setup; what is as before counts as unchanged."""
        self._timeout = software.timeout
        self._messages.reported = software.reported
        self._messages.as_errors = software.as_errors
        for name, pattern in software.patterns.items():
            known = self._patterns.get(name)
            if known is not None and known.same_content(pattern):
                software.patterns[name] = known
        for number, setup in software.channels.items():
            if number in self._channels:
                setup.downloaded = self._channels[number].downloaded
        self._patterns, self._channels = software.patterns, software.channels
        self._changed()

    def take_messages(self) -> tuple[list[str], list[str]]:
        """Error and warning texts since the last time, which are then forgotten."""
        errors, warnings = list(self._messages.errors), list(self._messages.warnings)
        self._messages.clear()
        return errors, warnings

    def forget_client(self) -> None:
        """As a library that has just been loaded; what runs on the instrument goes on."""
        self._address = None
        self._messages = _Messages()
        self._channels = {}
        self._patterns = {}
        self._timeout = DEFAULT_TIMEOUT_S
        self._changed()

    # How a C call is answered

    def _entry(self, name: str, method: Callable[..., None]) -> Callable[..., int]:
        """A Python function with the C calling contract: nothing raised, a code returned."""

        def call(*arguments: Any) -> int:
            try:
                method(*arguments)
            except Refusal as refusal:
                return self._refused(name, arguments, refusal.code, refusal.text)
            except BaseException as failure:
                # ctypes would print it and return 0, that is success.
                self.failure = failure
                text = f"{type(failure).__name__}: {failure}"
                return self._refused(name, arguments, ReturnCode.ERROR, text)
            if self._messages.pending:
                self._report_warnings(name, arguments)
            return 0

        return call

    def _refused(self, name: str, arguments: Sequence[Any], code: int, text: str) -> int:
        self._report_warnings(name, arguments)
        self._messages.error(f"{int(code)}: Error in {_call(name, arguments)};\n\t{text}\n")
        return int(code)

    def _report_warnings(self, name: str, arguments: Sequence[Any]) -> None:
        for level, text in self._messages.pending:
            entry = f"{int(level)}: Warning in {_call(name, arguments)};\n\t{text}\n"
            self._messages.warning(level, entry)
        self._messages.pending.clear()

    def _warn(
        self,
        level: WarningLevel,
        text: str,
        code: ReturnCode = ReturnCode.PARAMETER_OUT_OF_RANGE_ERROR,
    ) -> None:
        """Note a warning, or refuse if such warnings count as errors: call before changing."""
        if level <= self._messages.as_errors:
            raise Refusal(code, text)
        self._messages.pending.append((level, text))

    # What calls have in common

    def _changed(self) -> None:
        self._revision = patterns.next_revision()

    def _spend_call(self) -> None:
        """A call that reaches hardware: needs a session, takes bench time, lets a run go on."""
        self._require_session()
        self._clock.advance(self._times.wgfmu_call)
        self._catch_up()

    def _require_session(self) -> None:
        if self._address is None:
            raise Refusal(ReturnCode.CONTEXT_ERROR, "No session has been opened.")

    def _channel(self, number: int) -> ChannelSetup:
        """Setup of a channel. Without a session any number a mainframe could have is taken."""
        known = number in self.station.channel_path
        if self._address is None:
            slot, sub = divmod(number, 100)
            known = 1 <= slot <= 10 and sub in (1, 2)
        if not known:
            raise checks.no_channel(number)
        setup = self._channels.get(number)
        if setup is None:
            setup = self._channels[number] = ChannelSetup(number)
        return setup

    def _pattern(self, name: bytes | None) -> Pattern:
        text = _text(name)
        pattern = self._patterns.get(text)
        if pattern is None:
            raise Refusal(ReturnCode.PATTERN_NOT_FOUND_ERROR, f'Pattern "{text}" does not exist.')
        return pattern

    def _ticks(self, seconds: float, what: str, low: float, high: float) -> int:
        """A time on the 10 ns grid; refused outside ``low`` to ``high`` seconds."""
        if not low * (1 - 1e-9) <= seconds <= high * (1 + 1e-9):
            raise checks.out_of_range(what, seconds, low, high)
        if patterns.off_grid(seconds):
            self._rounded(what, seconds)
        return patterns.to_ticks(seconds)

    def _rounded(self, what: str, seconds: float) -> None:
        self._warn(
            WarningLevel.INFORMATION,
            f"{what} = {seconds:g} s was rounded to the nearest 10 ns.",
        )

    def _put_text(self, text: str, buffer: Pointer, size: Pointer) -> None:
        """Fill a client's buffer of ``size`` bytes, ended by a zero byte, and say how many."""
        data = text.encode("utf-8") + b"\0"
        room = _capacity(buffer, size)
        if room < len(data):
            self._warn(WarningLevel.NORMAL, f"The array of {room} characters is too small.")
            data = data[: room - 1] + b"\0"
        ctypes.memmove(buffer, data, len(data))
        size[0] = len(data) if text else 0

    def _put_doubles(self, size: Pointer, *columns: tuple[Pointer, Floats]) -> None:
        """Fill arrays of doubles with columns of one length, and say how many."""
        for pointer, values in columns:
            _required(pointer)
            data = np.ascontiguousarray(values, dtype=np.float64)
            ctypes.memmove(pointer, data.ctypes.data, data.nbytes)
        size[0] = len(columns[0][1])

    def _span(self, size: Pointer, offset: int, total: int) -> int:
        """How many of ``total`` items from ``offset`` on a client gets of those it wants."""
        _required(size)
        wanted = int(size[0])
        if wanted < 1:
            raise checks.out_of_range("size", wanted, 1, total)
        if not 0 <= offset < max(total, 1):
            raise checks.out_of_range("offset", offset, 0, max(total - 1, 0))
        if wanted > total - offset:
            self._warn(
                WarningLevel.NORMAL,
                f"{wanted} items were asked for, {total - offset} are available.",
            )
        return min(wanted, total - offset)

    # Session

    def _openSession(self, address: bytes | None) -> None:
        text = _text(address)
        if self._address is not None:
            raise Refusal(ReturnCode.CONTEXT_ERROR, "A session has already been opened.")
        self._clock.advance(self._times.wgfmu_call)
        if self.station.errors:
            code, message = self.station.errors[0]
            raise Refusal(ReturnCode.FW_ERROR, f"{code} {message}")
        self._address = text
        self._prepared = None

    def _closeSession(self) -> None:
        self._spend_call()
        if self.station.errors:
            code, message = self.station.errors[0]
            self._warn(
                WarningLevel.NORMAL,
                f"The error queue of the instrument is not empty: {code} {message}",
                ReturnCode.FW_ERROR,
            )
        self._address = None

    def _initialize(self) -> None:
        self._spend_call()
        if self._run is not None:
            self._run.stop(self._clock.now() - self._run.start_s)
        self._run = None
        for number in self.station.channel_path:
            self.station.set_channel(number, 0.0)
        for number in self.station.channel_path:
            self.station.set_channel_path(number, Path.OPEN)
        self._default_setups()

    def _default_setups(self) -> None:
        """Channel settings as after initialize; patterns and sequences stay."""
        for number, setup in self._channels.items():
            self._channels[number] = ChannelSetup(number, sequences=setup.sequences)
        self._forget_missing_channels()
        self._changed()

    def _forget_missing_channels(self) -> None:
        """Drop what was set up offline for channels that the instrument turned out not to have."""
        if self._address is None:
            return
        for number in [n for n in self._channels if n not in self.station.channel_path]:
            if not self._channels[number].sequences:
                del self._channels[number]

    def _setTimeout(self, seconds: float) -> None:
        if not 1 <= seconds < float("inf"):
            raise checks.out_of_range("timeout", seconds, 1, float("inf"))
        self._timeout = round(seconds, 6)

    def _doSelfCalibration(self, result: Pointer, detail: Pointer, size: Pointer) -> None:
        self._self_check(result, detail, size)

    def _doSelfTest(self, result: Pointer, detail: Pointer, size: Pointer) -> None:
        self._self_check(result, detail, size)

    def _self_check(self, result: Pointer, detail: Pointer, size: Pointer) -> None:
        self._spend_call()
        self._clock.advance(SELF_TEST_S)
        _set(result, 0)
        self._put_text("Pass.", detail, size)

    def _getChannelIdSize(self, size: Pointer) -> None:
        self._require_session()
        _set(size, len(self.station.channel_path))

    def _getChannelIds(self, ids: Pointer, size: Pointer) -> None:
        self._require_session()
        room = _capacity(ids, size)
        known = sorted(self.station.channel_path)
        if room != len(known):
            self._warn(
                WarningLevel.NORMAL,
                f"The array holds {room} channels, there are {len(known)}.",
            )
        for index, number in enumerate(known[:room]):
            ids[index] = number
        size[0] = min(room, len(known))

    # Errors and warnings. Sizes count the zero byte at the end, so that a buffer of that size does.

    def _getErrorSize(self, size: Pointer) -> None:
        queue = self._messages.queue
        _set(size, _size_of(queue[0]) if queue else 0)

    def _getError(self, buffer: Pointer, size: Pointer) -> None:
        queue = self._messages.queue
        self._put_text(queue[0] if queue else "", buffer, size)
        del queue[:1]

    def _getErrorSummarySize(self, size: Pointer) -> None:
        _set(size, _size_of("".join(self._messages.errors)))

    def _getErrorSummary(self, buffer: Pointer, size: Pointer) -> None:
        self._put_text("".join(self._messages.errors), buffer, size)

    def _treatWarningsAsErrors(self, level: int) -> None:
        self._messages.as_errors = _one_of(WarningLevel, level)

    def _setWarningLevel(self, level: int) -> None:
        self._messages.reported = _one_of(WarningLevel, level)

    def _getWarningLevel(self, level: Pointer) -> None:
        _set(level, int(self._messages.reported))

    def _getWarningSummarySize(self, size: Pointer) -> None:
        _set(size, _size_of("".join(self._messages.warnings)))

    def _getWarningSummary(self, buffer: Pointer, size: Pointer) -> None:
        self._put_text("".join(self._messages.warnings), buffer, size)

    def _openLogFile(self, file: bytes | None) -> None:
        path = FilePath(_text(file))
        _writable(path, "a")
        self._messages.log = path

    def _closeLogFile(self) -> None:
        if self._messages.log is None:
            raise Refusal(ReturnCode.CONTEXT_ERROR, "No log file has been opened.")
        self._messages.log = None

    # Channel setup: software only, until it is pushed

    def _setOperationMode(self, channel: int, mode: int) -> None:
        self._channel(channel).mode = _one_of(OperationMode, mode)
        self._changed()

    def _getOperationMode(self, channel: int, mode: Pointer) -> None:
        _set(mode, int(self._channel(channel).mode))

    def _setForceVoltageRange(self, channel: int, force_range: int) -> None:
        self._channel(channel).force_range = _one_of(ForceVoltageRange, force_range)
        self._changed()

    def _getForceVoltageRange(self, channel: int, force_range: Pointer) -> None:
        _set(force_range, int(self._channel(channel).force_range))

    def _setMeasureMode(self, channel: int, mode: int) -> None:
        setup = self._channel(channel)
        setup.measure_mode = _one_of(MeasureMode, mode)
        if setup.measure_mode is MeasureMode.CURRENT:
            setup.voltage_range = MeasureVoltageRange.V5
        self._changed()

    def _getMeasureMode(self, channel: int, mode: Pointer) -> None:
        _set(mode, int(self._channel(channel).measure_mode))

    def _setMeasureVoltageRange(self, channel: int, code: int) -> None:
        self._channel(channel).voltage_range = _one_of(MeasureVoltageRange, code)
        self._changed()

    def _getMeasureVoltageRange(self, channel: int, code: Pointer) -> None:
        _set(code, int(self._channel(channel).voltage_range))

    def _setMeasureCurrentRange(self, channel: int, code: int) -> None:
        self._channel(channel).current_range = _one_of(MeasureCurrentRange, code)
        self._changed()

    def _getMeasureCurrentRange(self, channel: int, code: Pointer) -> None:
        _set(code, int(self._channel(channel).current_range))

    def _setForceDelay(self, channel: int, seconds: float) -> None:
        self._channel(channel).force_delay = self._delay(seconds)
        self._changed()

    def _getForceDelay(self, channel: int, seconds: Pointer) -> None:
        _set(seconds, self._channel(channel).force_delay * DELAY_GRID_S)

    def _setMeasureDelay(self, channel: int, seconds: float) -> None:
        self._channel(channel).measure_delay = self._delay(seconds)
        self._changed()

    def _getMeasureDelay(self, channel: int, seconds: Pointer) -> None:
        _set(seconds, self._channel(channel).measure_delay * DELAY_GRID_S)

    def _delay(self, seconds: float) -> int:
        """A delay in units of 625 ps."""
        if not -MAX_DELAY_S <= seconds <= MAX_DELAY_S:
            raise checks.out_of_range("delay", seconds, -MAX_DELAY_S, MAX_DELAY_S)
        units = seconds / DELAY_GRID_S
        if abs(units - round(units)) > 1e-6:
            self._warn(
                WarningLevel.INFORMATION, f"delay = {seconds:g} s was rounded to 625 ps steps."
            )
        return round(units)

    def _setMeasureEnabled(self, channel: int, enabled: int) -> None:
        self._channel(channel).enabled = _one_of(MeasureEnabled, enabled)
        self._changed()

    def _isMeasureEnabled(self, channel: int, enabled: Pointer) -> None:
        _set(enabled, int(self._channel(channel).enabled))

    def _setTriggerOutMode(self, channel: int, mode: int, polarity: int) -> None:
        setup = self._channel(channel)
        setup.trigger = (_one_of(TriggerOutMode, mode), _one_of(TriggerOutPolarity, polarity))
        self._changed()

    def _getTriggerOutMode(self, channel: int, mode: Pointer, polarity: Pointer) -> None:
        trigger = self._channel(channel).trigger
        _set(mode, int(trigger[0]))
        _set(polarity, int(trigger[1]))

    def _connect(self, channel: int) -> None:
        self._require_session()
        setup = self._channel(channel)
        self._spend_call()
        self._throw_switch(channel, setup.path)

    def _disconnect(self, channel: int) -> None:
        self._require_session()
        self._channel(channel)
        self._spend_call()
        self._throw_switch(channel, Path.OPEN)

    def _throw_switch(self, channel: int, path: Path) -> None:
        if self.station.channel_path[channel] is not path:
            self.station.set_channel_path(channel, path)
            self._clock.advance(self._times.rsu_switch)

    def _clear(self) -> None:
        self._patterns.clear()
        for setup in self._channels.values():
            setup.sequences = []
        self._forget_missing_channels()
        self._messages.clear()
        self._changed()

    # Patterns

    def _add_pattern(self, name: str, build: Callable[[], Pattern]) -> None:
        """Store a new pattern; ValueError of ``build`` says why it cannot be."""
        try:
            pattern = build()
        except ValueError as error:
            raise Refusal(ReturnCode.PARAMETER_OUT_OF_RANGE_ERROR, f"{error}.") from error
        if pattern.duration > patterns.MAX_PATTERN_S * patterns.TICKS_PER_S:
            raise Refusal(ReturnCode.PARAMETER_OUT_OF_RANGE_ERROR, "The pattern would be too long.")
        for volts in pattern.volts:
            checks.require_finite("voltage", volts)
        self._patterns[name] = pattern
        self._changed()

    def _new_name(self, name: bytes | None, *sources: Pattern) -> str:
        """The name of a new pattern; it may be that of one it is made of."""
        text = _text(name)
        if text in self._patterns and text not in [source.name for source in sources]:
            raise Refusal(
                ReturnCode.PATTERN_ALREADY_EXISTS_ERROR, f'Pattern "{text}" already exists.'
            )
        return text

    def _createPattern(self, name: bytes | None, volts: float) -> None:
        text = self._new_name(name)
        checks.require_finite("initial voltage", volts)
        self._add_pattern(text, lambda: Pattern(text, [0], [volts]))

    def _addVector(self, name: bytes | None, step: float, volts: float) -> None:
        pattern = self._pattern(name)
        checks.require_finite("voltage", volts)
        ticks = self._ticks(step, "dTime", patterns.MIN_VECTOR_S, patterns.MAX_VECTOR_S)
        pattern.append([ticks], [volts])
        self._changed()

    def _addVectors(self, name: bytes | None, steps: Pointer, volts: Pointer, size: int) -> None:
        pattern = self._pattern(name)
        ticks, values = self._vectors(steps, volts, size, "dTime", patterns.MIN_VECTOR_S)
        pattern.append(ticks, values)
        self._changed()

    def _setVector(self, name: bytes | None, time: float, volts: float) -> None:
        pattern = self._pattern(name)
        checks.require_finite("voltage", volts)
        ticks = self._ticks(time, "time", 0.0, patterns.MAX_PATTERN_S)
        pattern.put([ticks], [volts])
        self._changed()

    def _setVectors(self, name: bytes | None, times: Pointer, volts: Pointer, size: int) -> None:
        pattern = self._pattern(name)
        ticks, values = self._vectors(times, volts, size, "time", 0.0)
        pattern.put(ticks, values)
        self._changed()

    def _vectors(
        self, times: Pointer, volts: Pointer, size: int, what: str, low: float
    ) -> tuple[list[int], list[float]]:
        """Two arrays of a client as ticks and volts; refused as a whole if one item is wrong."""
        if size < 1:
            raise checks.out_of_range("size", size, 1, 2**31 - 1)
        seconds, values = _doubles(times, size), _doubles(volts, size)
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
            self._rounded(what, float(seconds[off][0]))
        return ticks.astype(np.int64).tolist(), values.tolist()

    def _createMergedPattern(
        self, name: bytes | None, first: bytes | None, second: bytes | None, axis: int
    ) -> None:
        one, two = self._pattern(first), self._pattern(second)
        text = self._new_name(name, one, two)
        merge = {
            Axis.TIME: patterns.merged_in_time,
            Axis.VOLTAGE: patterns.merged_in_voltage,
        }[_one_of(Axis, axis)]
        self._add_pattern(text, lambda: merge(text, one, two))

    def _createMultipliedPattern(
        self, name: bytes | None, source: bytes | None, time_factor: float, volt_factor: float
    ) -> None:
        pattern = self._pattern(source)
        text = self._new_name(name, pattern)
        for what, factor in (("time factor", time_factor), ("voltage factor", volt_factor)):
            if factor == 0 or not isfinite(factor):
                raise Refusal(
                    ReturnCode.PARAMETER_OUT_OF_RANGE_ERROR,
                    f"The {what} = {factor:g} is invalid. It must be finite and not 0.",
                )
        self._add_pattern(
            text, lambda: patterns.multiplied(text, pattern, time_factor, volt_factor)
        )

    def _createOffsetPattern(
        self, name: bytes | None, source: bytes | None, seconds: float, volts: float
    ) -> None:
        pattern = self._pattern(source)
        text = self._new_name(name, pattern)
        checks.require_finite("voltage offset", volts)
        limit = patterns.MAX_PATTERN_S
        ticks = self._ticks(abs(seconds), "time offset", 0.0, limit)
        ticks = -ticks if seconds < 0 else ticks
        self._add_pattern(text, lambda: patterns.offset(text, pattern, ticks, volts))

    # Events

    def _setMeasureEvent(
        self,
        pattern: bytes | None,
        event: bytes | None,
        time: float,
        points: int,
        interval: float,
        average: float,
        raw: int,
    ) -> None:
        target, name = self._pattern(pattern), _text(event)
        if points < 1:
            raise checks.out_of_range("points", points, 1, 2**31 - 1)
        start = self._ticks(time, "time", 0.0, patterns.MAX_PATTERN_S)
        step = self._ticks(interval, "interval", 10e-9, checks.MAX_INTERVAL_S)
        window = self._ticks(average, "average", 0.0, checks.MAX_AVERAGE_S)
        if 0 < average < 10e-9 * (1 - 1e-9):
            raise checks.out_of_range("average", average, 10e-9, checks.MAX_AVERAGE_S)
        if window > step:
            raise Refusal(
                ReturnCode.PARAMETER_OUT_OF_RANGE_ERROR,
                f"average = {average:g} s must not exceed interval = {interval:g} s.",
            )
        is_raw = _one_of(MeasureEventData, raw) is MeasureEventData.RAW
        self._add_event(target, MeasureEvent(name, start, points, step, window, is_raw))

    def _setRangeEvent(
        self, pattern: bytes | None, event: bytes | None, time: float, code: int
    ) -> None:
        target, name = self._pattern(pattern), _text(event)
        start = self._ticks(time, "time", 0.0, patterns.MAX_PATTERN_S)
        self._add_event(target, RangeEvent(name, start, _one_of(MeasureCurrentRange, code)))

    def _setTriggerOutEvent(
        self, pattern: bytes | None, event: bytes | None, time: float, duration: float
    ) -> None:
        target, name = self._pattern(pattern), _text(event)
        start = self._ticks(time, "time", 0.0, patterns.MAX_PATTERN_S)
        length = self._ticks(duration, "duration", 0.0, patterns.MAX_PATTERN_S)
        self._add_event(target, TriggerOutEvent(name, start, length))

    def _add_event(self, pattern: Pattern, event: patterns.Event) -> None:
        at_start = isinstance(event, TriggerOutEvent) and event.start == event.duration == 0
        if event.end > pattern.duration and not at_start:
            raise Refusal(
                ReturnCode.PARAMETER_OUT_OF_RANGE_ERROR,
                f'Event "{event.name}" ends at {event.end * patterns.TICK_S:g} s, after the end '
                f'of pattern "{pattern.name}" at {pattern.duration * patterns.TICK_S:g} s.',
            )
        for other in pattern.overwritten_by(event):
            self._warn(
                WarningLevel.SEVERE,
                f'Event "{event.name}" overwrites event "{other.name}" of pattern '
                f'"{pattern.name}".',
            )
        pattern.add_event(event)
        self._changed()

    # Sequences

    def _addSequence(self, channel: int, pattern: bytes | None, loops: float) -> None:
        setup = self._channel(channel)
        setup.sequences.append((self._pattern(pattern).name, self._loops(loops)))
        self._changed()

    def _addSequences(self, channel: int, names: Pointer, loops: Pointer, size: int) -> None:
        setup = self._channel(channel)
        if size < 1:
            raise checks.out_of_range("size", size, 1, checks.MAX_SEQUENCES)
        _required(names)
        counts = _doubles(loops, size)
        setup.sequences += [
            (self._pattern(names[i]).name, self._loops(float(counts[i]))) for i in range(size)
        ]
        self._changed()

    def _loops(self, loops: float) -> int:
        if not 1 <= loops <= checks.MAX_LOOPS:
            raise checks.out_of_range("loopCount", loops, 1, checks.MAX_LOOPS)
        if loops != round(loops):
            self._warn(WarningLevel.INFORMATION, f"loopCount = {loops:g} was rounded.")
        return round(loops)

    # What a pattern holds

    def _getPatternForceValueSize(self, name: bytes | None, size: Pointer) -> None:
        _set(size, len(self._pattern(name).ticks))

    def _getPatternForceValues(
        self, name: bytes | None, offset: int, size: Pointer, times: Pointer, volts: Pointer
    ) -> None:
        pattern = self._pattern(name)
        count = self._span(size, offset, len(pattern.ticks))
        ticks = np.array(pattern.ticks[offset : offset + count], dtype=np.float64)
        values = np.array(pattern.volts[offset : offset + count])
        self._put_doubles(size, (times, ticks / patterns.TICKS_PER_S), (volts, values))

    def _getPatternForceValue(
        self, name: bytes | None, index: int, time: Pointer, volts: Pointer
    ) -> None:
        pattern = self._pattern(name)
        checks.require_index(index, len(pattern.ticks))
        _set(time, pattern.ticks[index] / patterns.TICKS_PER_S)
        _set(volts, pattern.volts[index])

    def _getPatternInterpolatedForceValue(
        self, name: bytes | None, time: float, volts: Pointer
    ) -> None:
        pattern = self._pattern(name)
        checks.require_time(time, pattern.duration)
        _set(volts, pattern.volts_at(time * patterns.TICKS_PER_S))

    def _getPatternMeasureTimeSize(self, name: bytes | None, size: Pointer) -> None:
        _set(size, self._pattern(name).measure_size())

    def _getPatternMeasureTimes(
        self, name: bytes | None, offset: int, size: Pointer, times: Pointer
    ) -> None:
        pattern = self._pattern(name)
        count = self._span(size, offset, pattern.measure_size())
        self._put_doubles(size, (times, pattern.measure_times(offset, count)))

    def _getPatternMeasureTime(self, name: bytes | None, index: int, time: Pointer) -> None:
        pattern = self._pattern(name)
        checks.require_index(index, pattern.measure_size())
        _set(time, float(pattern.measure_times(index, 1)[0]))

    # What a channel's sequences hold

    def _timeline(self, channel: int) -> Timeline:
        return Timeline(self._channel(channel).sequences, self._patterns)

    def _getForceValueSize(self, channel: int, size: Pointer) -> None:
        _set(size, float(self._timeline(channel).force_size))

    def _getForceValues(
        self, channel: int, offset: float, size: Pointer, times: Pointer, volts: Pointer
    ) -> None:
        timeline = self._timeline(channel)
        start = checks.whole_index(offset)
        count = self._span(size, start, timeline.force_size)
        seconds, values = timeline.force_values(start, count)
        self._put_doubles(size, (times, seconds), (volts, values))

    def _getForceValue(self, channel: int, index: float, time: Pointer, volts: Pointer) -> None:
        timeline = self._timeline(channel)
        place = checks.whole_index(index)
        checks.require_index(place, timeline.force_size)
        seconds, values = timeline.force_values(place, 1)
        _set(time, float(seconds[0]))
        _set(volts, float(values[0]))

    def _getInterpolatedForceValue(self, channel: int, time: float, volts: Pointer) -> None:
        timeline = self._timeline(channel)
        checks.require_entries(channel, timeline)
        checks.require_time(time, timeline.duration)
        _set(volts, timeline.volts_at(time * patterns.TICKS_PER_S))

    def _getMeasureTimeSize(self, channel: int, size: Pointer) -> None:
        _set(size, checks.as_int(self._timeline(channel).measure_size))

    def _getMeasureTimes(self, channel: int, offset: int, size: Pointer, times: Pointer) -> None:
        timeline = self._timeline(channel)
        count = self._span(size, offset, timeline.measure_size)
        self._put_doubles(size, (times, timeline.measure_times(offset, count)))

    def _getMeasureTime(self, channel: int, index: int, time: Pointer) -> None:
        timeline = self._timeline(channel)
        checks.require_index(index, timeline.measure_size)
        _set(time, float(timeline.measure_times(index, 1)[0]))

    def _getMeasureEventSize(self, channel: int, size: Pointer) -> None:
        _set(size, checks.as_int(self._timeline(channel).event_size))

    def _getMeasureEvents(
        self,
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
        timeline = self._timeline(channel)
        count = self._span(size, offset, timeline.event_size)
        for pointer in (names, events, cycles, loops, counts, offsets, sizes):
            _required(pointer)
        for index in range(count):
            use = timeline.event_at(offset + index)
            _put_name(names[index], use.pattern)
            _put_name(events[index], use.event.name)
            cycles[index], loops[index], counts[index] = use.cycle, float(use.loop), use.count
            offsets[index], sizes[index] = use.offset, use.size
        size[0] = count

    def _event(self, channel: int, index: int) -> EventUse:
        timeline = self._timeline(channel)
        checks.require_index(index, timeline.event_size)
        return timeline.event_at(index)

    def _getMeasureEvent(
        self,
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
        use = self._event(channel, index)
        _put_name(name, use.pattern)
        _put_name(event, use.event.name)
        _set(cycle, use.cycle)
        _set(loop, float(use.loop))
        _set(count, use.count)
        _set(offset, use.offset)
        _set(size, use.size)

    def _getMeasureEventAttribute(
        self,
        channel: int,
        index: int,
        time: Pointer,
        points: Pointer,
        interval: Pointer,
        average: Pointer,
        raw: Pointer,
    ) -> None:
        use = self._event(channel, index)
        event = use.event
        _set(time, use.start / patterns.TICKS_PER_S)
        _set(points, event.points)
        _set(interval, event.interval / patterns.TICKS_PER_S)
        _set(average, event.average / patterns.TICKS_PER_S)
        _set(raw, int(MeasureEventData.RAW if event.raw else MeasureEventData.AVERAGED))

    def _exportAscii(self, file: bytes | None) -> None:
        path = FilePath(_text(file))
        if path.name and not path.suffix:
            path = path.with_suffix(".csv")
        for setup in self._channels.values():
            if setup.sequences:
                checks.check_channel(setup, self._patterns)
        _writable(path, "w")
        write_ascii(path, self._patterns, self._channels)

    # Run

    def _active(self) -> list[ChannelSetup]:
        """Channels that a run would play."""
        setups = (self._channels[number] for number in sorted(self._channels))
        return [setup for setup in setups if setup.pulsed and setup.sequences]

    def _update(self) -> None:
        self._spend_call()
        self._push(list(self._channels.values()))

    def _updateChannel(self, channel: int) -> None:
        self._require_session()
        setup = self._channel(channel)
        self._spend_call()
        self._push([setup])

    def _push(self, setups: Sequence[ChannelSetup]) -> None:
        """Settings reach the hardware: switches, downloads, initial voltages."""
        self._prepare(setups)
        for setup in setups:
            if setup.pulsed and setup.sequences:
                first = self._patterns[setup.sequences[0][0]].volts[0]
                step = adc.force_step(checks.force_range(setup, self._patterns))
                self._hold(setup, adc.forced(first, step))

    def _hold(self, setup: ChannelSetup, volts: float) -> None:
        """Output a constant voltage, less what a 50 ohm source loses to its load."""
        self.station.set_channel(setup.number, volts)
        if setup.mode is OperationMode.PG:
            load = Load(volts, self.station.channel_current(setup.number))
            self.station.set_channel(setup.number, float(load.dropped(np.array(volts))))

    def _prepare(self, setups: Sequence[ChannelSetup]) -> None:
        """Check everything first; then throw switches and download what changed."""
        for setup in setups:
            checks.check_measurement(setup)
            if setup.number not in self.station.channel_path:
                raise checks.no_channel(setup.number)
            if setup.pulsed and setup.sequences:
                checks.check_channel(setup, self._patterns)
        for setup in setups:
            if self.station.channel_path[setup.number] is not Path.OPEN:
                self._throw_switch(setup.number, setup.path)
            if setup.pulsed and setup.sequences:
                self._download(setup)

    def _download(self, setup: ChannelSetup) -> None:
        content = setup.waveform_signature(self._patterns)
        if content != setup.downloaded:
            names = {name for name, _ in setup.sequences}
            vectors = sum(self._patterns[name].vectors for name in names)
            self._clock.advance(vectors * self._times.vector_download)
            setup.downloaded = content

    def _execute(self) -> None:
        self._spend_call()
        if self._run is not None and not self._run.done:
            self._stop_run()
        program = self._ready_program()
        run = Run(program, self._clock.now(), self.station, self._rng)
        self._run = run
        if run.end_s <= self._times.flex_transaction:
            # Nothing else can reach the bench before the end, so it need not be awaited.
            run.play_to(run.end_s)
            self.station.channel_volts.update(run.volts)

    def _ready_program(self) -> Program:
        """What to play: as it was if neither the setup nor a switch has changed since."""
        paths = self.station.channel_path
        if self._program is not None and self._prepared == (self._revision, paths):
            return self._program
        active = self._active()
        if not active:
            raise firmware(3201)
        self._prepare(list(self._channels.values()))
        self._program = Program({setup.number: self._track(setup) for setup in active})
        self._prepared = (self._revision, dict(paths))
        self._run_revision = self._revision
        self._run_signatures = {s.number: s.signature(self._patterns) for s in active}
        return self._program

    def _track(self, setup: ChannelSetup) -> Track:
        timeline = Timeline(setup.sequences, self._patterns)
        readings = None
        if setup.enabled is MeasureEnabled.ENABLE and timeline.measure_size:
            delay = setup.measure_delay * DELAY_GRID_S
            readings = plan_readings(timeline, setup.measure_range, delay)
        return Track(
            channel=setup.number,
            timeline=timeline,
            delay=setup.force_delay,
            step=adc.force_step(checks.force_range(setup, self._patterns)),
            driven=self.station.channel_path[setup.number] is Path.WGFMU,
            behind_ohms=setup.mode is OperationMode.PG,
            current=setup.measure_mode is MeasureMode.CURRENT,
            readings=readings,
        )

    def _catch_up(self) -> None:
        """Play what a run has done on the chip since it was last looked at."""
        run = self._run
        if run is not None and not run.done:
            run.play_to(self._clock.now() - run.start_s)
            self.station.channel_volts.update(run.volts)

    def _stop_run(self) -> None:
        run = self._run
        if run is not None and not run.done:
            run.stop(self._clock.now() - run.start_s)
            self.station.channel_volts.update(run.volts)

    def _abort(self) -> None:
        self._spend_call()
        self._stop_run()

    def _abortChannel(self, channel: int) -> None:
        self._require_session()
        self._channel(channel)
        self._spend_call()
        run = self._run
        if run is not None and not run.done and channel in run.program.tracks:
            run.stop_channel(channel, self._clock.now() - run.start_s)
            self.station.channel_volts.update(run.volts)

    def _getStatus(self, status: Pointer, elapsed: Pointer, total: Pointer) -> None:
        self._spend_call()
        run = self._run
        numbers = list(run.program.tracks) if run else []
        states = [self._status(number) for number in numbers]
        self._put_status(max(states, default=Status.IDLE), None, status, elapsed, total)

    def _getChannelStatus(
        self, channel: int, status: Pointer, elapsed: Pointer, total: Pointer
    ) -> None:
        self._require_session()
        self._channel(channel)
        self._spend_call()
        self._put_status(self._status(channel), channel, status, elapsed, total)

    def _status(self, channel: int) -> Status:
        run = self._run
        if run is None or channel not in run.program.tracks:
            return Status.IDLE
        running = self._clock.now() - run.start_s < run.channel_end_s(channel)
        if not self._up_to_date(channel):
            return Status.RUNNING_ILLEGAL if running else Status.IDLE
        if run.aborted or run.program.tracks[channel].timeline.stopped is not None:
            return Status.ABORT_COMPLETED
        return Status.RUNNING if running else Status.COMPLETED

    def _put_status(
        self,
        state: Status,
        channel: int | None,
        status: Pointer,
        elapsed: Pointer,
        total: Pointer,
    ) -> None:
        run = self._run
        duration = reached = 0.0
        if run is not None and (channel is None or channel in run.program.tracks):
            duration = run.program.seconds
            end = run.end_s
            if channel is not None:
                end = run.channel_end_s(channel)
                duration = run.program.tracks[channel].timeline.duration * patterns.TICK_S
            reached = min(self._clock.now() - run.start_s, end)
        _set(status, int(state))
        _set(elapsed, reached)
        _set(total, duration)

    def _waitUntilCompleted(self) -> None:
        self._require_session()
        run = self._run
        if run is None:
            raise Refusal(ReturnCode.SEQUENCER_NOT_RUNNING_ERROR, "No sequencer has been started.")
        left = run.start_s + run.end_s - self._clock.now()
        if left > self._timeout:
            self._clock.advance(self._timeout)
            self._catch_up()
            raise Refusal(
                ReturnCode.COMMUNICATION_ERROR,
                f"The run was not completed within the timeout of {self._timeout:g} s.",
            )
        self._clock.advance(self._times.wgfmu_call + max(left, 0.0))
        self._catch_up()

    # Data

    def _up_to_date(self, channel: int) -> bool:
        """Whether a channel's setup is still that of its last run."""
        if self._run_revision == self._revision:
            return True
        setup = self._channels.get(channel)
        if setup is None:
            return False
        return self._run_signatures.get(channel) == setup.signature(self._patterns)

    def _pulsed_channel(self, channel: int) -> None:
        """A channel whose measured data are asked for."""
        setup = self._channel(channel)
        if not setup.pulsed:
            self._warn(
                WarningLevel.SEVERE,
                f"Channel {channel} is not in the fast IV or PG mode.",
                ReturnCode.CONTEXT_ERROR,
            )

    def _progress(self, channel: int) -> tuple[int, Readings | None]:
        """Values of a channel's last run that can be read now, and the run's readings."""
        self._require_session()
        self._pulsed_channel(channel)
        run = self._run
        if run is None or channel not in run.program.tracks:
            return 0, None
        if not self._up_to_date(channel):
            raise Refusal(
                ReturnCode.RESULT_OUT_OF_DATE,
                f"The result of channel {channel} was deleted by a setup change.",
            )
        return run.measured(channel, self._clock.now() - run.start_s), run.readings.get(channel)

    def _ask_progress(self) -> None:
        """While a run is going on the hardware has to be asked how far it is."""
        self._require_session()
        if self._run is not None and not self._run.done:
            self._spend_call()

    def _getMeasureValueSize(self, channel: int, measured: Pointer, total: Pointer) -> None:
        self._ask_progress()
        done, readings = self._progress(channel)
        size = readings.plan.size if readings else self._timeline(channel).measure_size
        _set(measured, done)
        _set(total, checks.as_int(size))

    def _getMeasureValues(
        self, channel: int, offset: int, size: Pointer, times: Pointer, values: Pointer
    ) -> None:
        self._require_session()
        self._channel(channel)
        self._spend_call()
        done, readings = self._progress(channel)
        if readings is None:
            raise _not_ready(channel)
        count = self._span(size, offset, readings.plan.size)
        if offset + count > done:
            raise _not_ready(channel)
        self._clock.advance(count * self._times.value_read_back)
        stamps = self._timeline(channel).measure_times(offset, count)
        self._put_doubles(size, (times, stamps), (values, readings.values[offset : offset + count]))

    def _getMeasureValue(self, channel: int, index: int, time: Pointer, value: Pointer) -> None:
        self._require_session()
        self._channel(channel)
        self._spend_call()
        done, readings = self._progress(channel)
        if readings is None:
            raise _not_ready(channel)
        checks.require_index(index, readings.plan.size)
        if index >= done:
            raise _not_ready(channel)
        self._clock.advance(self._times.value_read_back)
        _set(time, float(self._timeline(channel).measure_times(index, 1)[0]))
        _set(value, float(readings.values[index]))

    def _getCompletedMeasureEventSize(self, channel: int, done: Pointer, total: Pointer) -> None:
        self._ask_progress()
        measured, _ = self._progress(channel)
        timeline = self._timeline(channel)
        _set(done, timeline.events_within(measured))
        _set(total, checks.as_int(timeline.event_size))

    def _isMeasureEventCompleted(
        self,
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
        self._ask_progress()
        name, event_name = self._pattern(pattern).name, _text(event)
        measured, _ = self._progress(channel)
        found = self._timeline(channel).find_event(
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
        _set(completed, int(state))
        _set(index, checks.as_int(place))
        _set(offset, checks.as_int(use.offset))
        _set(size, use.size)

    # DC

    def _dc_channel(self, channel: int) -> ChannelSetup:
        """A channel in DC mode with its settings pushed."""
        if self._address is None:
            self._require_session()
        setup = self._channel(channel)
        if setup.mode is not OperationMode.DC:
            raise Refusal(ReturnCode.CONTEXT_ERROR, f"Channel {channel} is not in the DC mode.")
        return setup

    def _reach_dc(self, setup: ChannelSetup, seconds: float) -> None:
        """Spend a DC call that takes ``seconds`` besides, with the RSU's switch on the channel."""
        self._clock.advance(self._times.wgfmu_call + seconds)
        self._catch_up()
        if self.station.channel_path[setup.number] is Path.SMU:
            self._throw_switch(setup.number, Path.WGFMU)

    def _dcforceVoltage(self, channel: int, volts: float) -> None:
        setup = self._dc_channel(channel)
        if not -checks.MAX_VOLTS <= volts <= checks.MAX_VOLTS:
            raise checks.out_of_range("voltage", volts, -checks.MAX_VOLTS, checks.MAX_VOLTS)
        force_range = checks.range_for(setup, volts, volts)
        if force_range is None:
            raise firmware(3301)
        self._reach_dc(setup, 0.0)
        self.station.set_channel(channel, adc.forced(volts, adc.force_step(force_range)))

    def _dcmeasureValue(self, channel: int, value: Pointer) -> None:
        self._measure_dc(channel, 1, 1, value)

    def _dcmeasureAveragedValue(
        self, channel: int, count: int, interval: int, value: Pointer
    ) -> None:
        if not 1 <= count <= checks.MAX_SPOT:
            raise checks.out_of_range("count", count, 1, checks.MAX_SPOT)
        if not 1 <= interval <= checks.MAX_SPOT:
            raise checks.out_of_range("interval", interval, 1, checks.MAX_SPOT)
        self._measure_dc(channel, count, interval, value)

    def _measure_dc(self, channel: int, count: int, interval: int, value: Pointer) -> None:
        setup = self._dc_channel(channel)
        self._reach_dc(setup, count * interval * 5e-9)
        if setup.measure_mode is MeasureMode.CURRENT:
            true = self.station.channel_current(channel)
        else:
            true = self.station.channel_volts[channel]
        _set(value, adc.read(true, setup.measure_range, count, self._rng))


def _call(name: str, arguments: Sequence[Any]) -> str:
    """A call as error texts show it: what went in, not where results go."""
    shown = []
    for argument in arguments:
        if isinstance(argument, bytes):
            shown.append('"' + argument.decode("utf-8", errors="replace") + '"')
        elif isinstance(argument, int):
            shown.append(str(argument))
        elif isinstance(argument, float):
            shown.append(f"{argument:g}")
    return f"{name}({', '.join(shown)})"


def _text(value: bytes | None) -> str:
    """A string argument; refused if it is empty or NULL."""
    if not value:
        raise Refusal(ReturnCode.ILLEGAL_STRING_ERROR, "A string is empty or NULL.")
    return value.decode("utf-8", errors="replace")


def _size_of(text: str) -> int:
    return len(text.encode("utf-8")) + 1 if text else 0


def _required(pointer: Pointer) -> None:
    if not pointer:
        raise Refusal(ReturnCode.PARAMETER_OUT_OF_RANGE_ERROR, "A pointer is NULL.")


def _set(pointer: Pointer, value: float) -> None:
    """Store a result where the client wants it."""
    if not pointer:
        _required(pointer)
    pointer[0] = value


def _capacity(buffer: Pointer, size: Pointer) -> int:
    """Room of a client's array."""
    _required(buffer)
    _required(size)
    room = int(size[0])
    if room < 1:
        raise checks.out_of_range("size", room, 1, 2**31 - 1)
    return room


def _doubles(pointer: Pointer, size: int) -> Floats:
    """A client's array of doubles, copied."""
    _required(pointer)
    return np.ctypeslib.as_array(pointer, (size,)).copy()


NAME_BUFFER = 512
"""Bytes that clients give for a pattern's or event's name."""


def _put_name(buffer: Pointer, name: str) -> None:
    _required(buffer)
    data = name.encode("utf-8")[: NAME_BUFFER - 1] + b"\0"
    ctypes.memmove(buffer, data, len(data))


Constant = TypeVar("Constant", bound=IntEnum)


def _one_of(kind: type[Constant], value: int) -> Constant:
    try:
        return kind(value)
    except ValueError:
        raise Refusal(
            ReturnCode.PARAMETER_OUT_OF_RANGE_ERROR,
            f"{value} is no {kind.__name__}. It must be one of "
            f"{', '.join(str(int(member)) for member in kind)}.",
        ) from None


def _writable(path: FilePath, mode: str) -> None:
    """Refuse a file that cannot be written."""
    try:
        path.open(mode, encoding="utf-8").close()
    except OSError as error:
        raise Refusal(
            ReturnCode.LIBRARY_ERROR, f"{path} cannot be written: {error.strerror}."
        ) from error


def _not_ready(channel: int) -> Refusal:
    return Refusal(
        ReturnCode.RESULT_NOT_READY_ERROR, f"The result of channel {channel} is not ready yet."
    )
