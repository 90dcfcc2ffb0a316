"""The B1500A mainframe: takes FLEX text, answers as the instrument does.

Contract: instruments.md section 2. It knows nothing of how the text travels: `write`, `read`,
`read_bytes`, `serial_poll` and `device_clear` are what any transport needs.
What the digest leaves open and is decided here: an erroneous command changes nothing, and the
commands after it in the same line still run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from instruments.sim.flex import (
    digital,
    learn,
    measure,
    modes,
    output,
    system,
)
from instruments.sim.flex.command import Command, Parameters, slot_of
from instruments.sim.flex.digital import DigitalPort
from instruments.sim.flex.errors import ERROR_TEXTS, FlexError, NothingToRead
from instruments.sim.flex.formats import Record, record
from instruments.sim.flex.measure import MeasurementSettings
from instruments.sim.flex.modes import ModeSettings
from instruments.sim.flex.parser import INPUT_BUFFER, parse, split_line
from instruments.sim.flex.smu import Reading, Settings, Smu
from instruments.sim.station import Path, Station

DATA_BUFFER_ITEMS = 400_000
"""Items the data buffer holds before error 260. Assumed: room for the longest sampling."""

INTERLOCK_VOLTS = 42.0
"""Highest output or voltage compliance with the interlock open, as shipped (section 2.12)."""

_COMMANDS: dict[str, Command] = {
    **system.COMMANDS,
    **output.COMMANDS,
    **measure.COMMANDS,
    **modes.COMMANDS,
    **digital.COMMANDS,
    **learn.COMMANDS,
}

_REMEMBERED_LINES = 8192

_Call = tuple[Callable[["Mainframe", Parameters], None], Parameters]

_DATA_READY, _INTERLOCK, _SET_READY, _ERROR, _REQUEST = 1, 8, 16, 32, 64


class Mainframe:
    """One mainframe at a `Station`; ``rng`` draws the noise of the SMUs' converters.

    Attributes are the instrument's state as its commands see it; a program uses the methods.
    """

    def __init__(self, station: Station, rng: np.random.Generator) -> None:
        self.station = station
        self.clock = station.clock
        self.limited: set[int] = set()
        self.smus = {
            slot: Smu(slot, station, rng, self.limited) for slot in sorted(station.smu_volts)
        }
        self.interlock_closed = True
        self.interlock_volts = INTERLOCK_VOLTS
        self.measurement = MeasurementSettings()
        self.modes = ModeSettings()
        self.digital = DigitalPort(station)
        self.service_mask = 0
        self.auto_calibration = False
        self.trigger_mode = 1
        self.has_error = False
        self._response = b""
        self._data: deque[Record] = deque()
        self._partly_read = b""
        self._items = 0
        self._known: dict[str, tuple[_Call, ...]] = {}

    # What a transport does.

    def write(self, line: str) -> None:
        """Take one or more lines of FLEX text, ended or not.

        Never raises on account of the text: what is wrong with it goes to the error queue. Costs
        one FLEX transaction of bench time, and what its commands take.
        """
        self.clock.advance(self.clock.times.flex_transaction)
        calls = self._known.get(line)
        if calls is None:
            calls = self._understand(line)
        for run, parameters in calls:
            try:
                run(self, parameters)
            except FlexError as error:
                self.fail(error.code)

    def read(self) -> str:
        """One message without its terminator: the query response if there is one, else data.

        Raises `NothingToRead` where a VISA read would time out.
        """
        return self.read_bytes().decode("latin-1").removesuffix("\r\n")

    def read_bytes(self, count: int = -1) -> bytes:
        """Up to ``count`` bytes of one message (-1: all of it), terminator included.

        What is left of the message stays for the next read. Raises `NothingToRead`.
        """
        if self._response:
            taken, self._response = _cut(self._response, count)
            return taken
        if not self._partly_read:
            if not self._data:
                raise NothingToRead("no query response and no measurement data to read")
            block = self._data.popleft()
            self._items -= block.items
            self._partly_read = block.data
        taken, self._partly_read = _cut(self._partly_read, count)
        return taken

    def read_response(self) -> bytes:
        """The query response, terminator included; empty if there is none."""
        taken, self._response = self._response, b""
        return taken

    def read_data(self) -> bytes:
        """All measurement data, terminators included; empty if there are none."""
        if not self._data and not self._partly_read:
            return b""
        taken = self._partly_read + b"".join([block.data for block in self._data])
        self.clear_data()
        return taken

    def serial_poll(self) -> int:
        """The status byte; reading it so clears the error bit (section 2.4)."""
        status = self.status_byte()
        self.has_error = False
        return status

    def device_clear(self) -> None:
        """Both output stores and the error bit cleared, digital lines as at power-on."""
        self._response = b""
        self.clear_data()
        self.has_error = False
        self.digital.reset()

    # What the commands do.

    def status_byte(self) -> int:
        """Section 2.4. The simulation finishes a command before it returns: always set ready."""
        status = _SET_READY
        if self._response or self._partly_read or self._data:
            status |= _DATA_READY
        if not self.interlock_closed and self.is_high_voltage():
            status |= _INTERLOCK
        if self.has_error:
            status |= _ERROR
        return status | _REQUEST if status & self.service_mask else status

    def reply(self, text: str) -> None:
        """Put a query response in its one slot; an unread one is lost."""
        self._response = text.encode("latin-1") + b"\r\n"

    def store(self, readings: Sequence[Reading]) -> None:
        """Put one measurement in the data buffer. Raises `FlexError` 260 when it is full."""
        block = record(readings, self.measurement.data_format)
        if self._items + block.items > DATA_BUFFER_ITEMS:
            raise FlexError(260)
        self._items += block.items
        self._data.append(block)

    def stored_items(self) -> int:
        """Items in the data buffer that no read has begun to take."""
        return self._items

    def clear_data(self) -> None:
        """Empty the data buffer."""
        self._data.clear()
        self._partly_read = b""
        self._items = 0

    def fail(self, code: int) -> None:
        """Queue an error with the instrument's text."""
        self.station.queue_error(code, ERROR_TEXTS[code])
        self.has_error = True

    def smu(self, channel: float) -> Smu:
        """The SMU of a channel number.

        Raises `FlexError` 121 (no such number), 153 (empty slot), 120 (a module of another kind).
        """
        slot = slot_of(channel)
        try:
            return self.smus[slot]
        except KeyError:
            raise FlexError(120 if slot in self.station.modules else 153) from None

    def is_high_voltage(self) -> bool:
        """Whether any SMU's output or voltage compliance is above the interlock's limit."""
        return any(highest_volts(smu) > self.interlock_volts for smu in self.smus.values())

    def open_interlock(self) -> None:
        """The fixture's lid opens: outputs above the limit go to 0 V (section 2.12)."""
        high = self.is_high_voltage()
        self.interlock_closed = False
        if high:
            for smu in self.smus.values():
                if smu.is_on:
                    smu.initialize()

    def reset(self) -> None:
        """*RST: every setting as at power-on (section 2.10), all outputs open."""
        self.device_clear()
        for smu in self.smus.values():
            smu.disable()
            smu.settings = Settings()
        for channel in self.station.channel_path:
            self.station.set_channel(channel, 0.0)
            self.station.set_channel_path(channel, Path.OPEN)
        self.measurement = MeasurementSettings(timer_start=self.clock.now())
        self.modes = ModeSettings()
        self.service_mask = 0
        self.auto_calibration = False
        self.trigger_mode = 1

    def _understand(self, line: str) -> tuple[_Call, ...]:
        """The calls a line means; kept, because programs send the same lines again and again."""
        calls = tuple(call for part in line.splitlines() for call in self._calls(part))
        if len(self._known) >= _REMEMBERED_LINES:
            self._known.clear()
        if len(line) <= INPUT_BUFFER:
            self._known[line] = calls
        return calls

    def _calls(self, line: str) -> list[_Call]:
        try:
            commands = split_line(line)
        except FlexError as error:
            return [_failure(error.code)]
        return [
            _call(command, index == len(commands) - 1, len(commands) == 1)
            for index, command in enumerate(commands)
        ]


def highest_volts(smu: Smu) -> float:
    """The larger of an SMU's output voltage and voltage compliance; 0 when it is off."""
    if smu.force is None:
        return 0.0
    return smu.force.highest_volts


def _call(text: str, is_last: bool, is_alone: bool) -> _Call:
    try:
        request = parse(text)
        command = _COMMANDS.get(request.mnemonic)
        if command is None:
            raise FlexError(100)
        if (command.last and not is_last) or (command.alone and not is_alone):
            raise FlexError(103)
        command.check_count(request.parameters)
    except FlexError as error:
        return _failure(error.code)
    return command.run, request.parameters


def _failure(code: int) -> _Call:
    def run(mainframe: Mainframe, parameters: Parameters) -> None:
        raise FlexError(code)

    return run, ()


def _cut(message: bytes, count: int) -> tuple[bytes, bytes]:
    return (message, b"") if count < 0 else (message[:count], message[count:])
