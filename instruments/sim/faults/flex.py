"""Faults between a program and the mainframe: replies late, missing or damaged, lines lost.

`FaultyMainframe` stands in front of the mainframe and does what a transport does. A reply that is
late is still delivered, to a later read: whoever does not notice takes it for the next answer.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from instruments.sim.faults.when import When
from instruments.sim.flex.errors import ERROR_TEXTS, NothingToRead
from instruments.sim.flex.mainframe import Mainframe

BUS_TIMEOUT_S = 2.0
"""Bench time that a program waits for a reply that does not come, unless it says otherwise
(PyVISA's default)."""

_END = b"\r\n"


@dataclass(frozen=True)
class Arrival:
    """What becomes of a reply: what this read gets (None: a time-out), what the next ones get."""

    now: bytes | None
    later: tuple[bytes, ...] = ()


@dataclass
class FlexFault(ABC):
    """A fault of lines whose beginning matches ``line``, a regular expression."""

    line: str
    when: When

    def meets(self, line: str, now_s: float) -> bool:
        """Whether it strikes this line, or the reply to it."""
        return re.match(self.line, line) is not None and self.when.strikes(now_s)


class ReplyFault(FlexFault):
    """A fault of the reply to a line."""

    @abstractmethod
    def arrival(self, reply: bytes) -> Arrival:
        """What becomes of the reply, terminator included."""


class LateReply(ReplyFault):
    """The read times out; the reply comes to the next one, and all others after it."""

    def arrival(self, reply: bytes) -> Arrival:
        """Nothing now."""
        return Arrival(None, (reply,))


class MissingReply(ReplyFault):
    """The read times out and the reply is lost."""

    def arrival(self, reply: bytes) -> Arrival:
        """Nothing at all."""
        return Arrival(None)


class GarbledReply(ReplyFault):
    """Every third character is another one."""

    def arrival(self, reply: bytes) -> Arrival:
        """As long as it was."""
        text = bytearray(reply.removesuffix(_END))
        for index in range(0, len(text), 3):
            text[index] = ord("#")
        return Arrival(bytes(text) + _END)


class TruncatedReply(ReplyFault):
    """The last character is missing."""

    def arrival(self, reply: bytes) -> Arrival:
        """Still ended by its terminator."""
        return Arrival(reply.removesuffix(_END)[:-1] + _END)


class SplitReply(ReplyFault):
    """The reply comes in two messages; the second is there for the next read."""

    def arrival(self, reply: bytes) -> Arrival:
        """Half now, half later."""
        text = reply.removesuffix(_END)
        middle = len(text) // 2
        return Arrival(text[:middle] + _END, (text[middle:] + _END,))


class NonAsciiReply(ReplyFault):
    """The first character has its highest bit set."""

    def arrival(self, reply: bytes) -> Arrival:
        """As long as it was."""
        return Arrival(bytes([reply[0] | 0x80]) + reply[1:])


@dataclass
class StatusLetter(ReplyFault):
    """A reading comes with another status letter (instruments.md 2.5), its value as it was."""

    letter: str = "C"

    def arrival(self, reply: bytes) -> Arrival:
        """As long as it was."""
        return Arrival(self.letter.encode("ascii") + reply[1:])


class LineFault(FlexFault):
    """A fault of a line on its way to the mainframe."""

    @abstractmethod
    def passes(self, mainframe: Mainframe) -> bool:
        """Do what the fault does; whether the line then reaches the mainframe."""


class BusTimeout(LineFault):
    """The line cannot be sent."""

    def passes(self, mainframe: Mainframe) -> bool:
        """Raises `TimeoutError`."""
        raise TimeoutError("the bus timed out while a line was sent")


@dataclass
class RefusedLine(LineFault):
    """The line is not carried out; the mainframe queues an error."""

    code: int = 152

    def passes(self, mainframe: Mainframe) -> bool:
        """Never."""
        mainframe.fail(self.code)
        return False


@dataclass
class QueuedError(LineFault):
    """The line is carried out; an error that has nothing to do with it is queued before."""

    code: int = 301

    def passes(self, mainframe: Mainframe) -> bool:
        """Always."""
        mainframe.station.queue_error(self.code, ERROR_TEXTS[self.code])
        return True


@dataclass
class BusConnection:
    """What a program sets a time-out on; in milliseconds, as PyVISA has it."""

    timeout: float = 1000 * BUS_TIMEOUT_S

    def close(self) -> None:
        """There is nothing to close."""


class FaultyMainframe:
    """What a transport sees of a mainframe behind a bad connection.

    Lines are looked at as a whole: a fault of ``TI`` does not see a ``TI`` after a semicolon.
    """

    def __init__(self, mainframe: Mainframe, faults: Sequence[FlexFault]) -> None:
        self.connection = BusConnection()
        self._mainframe = mainframe
        self._clock = mainframe.clock
        self._line_faults = [fault for fault in faults if isinstance(fault, LineFault)]
        self._reply_faults = [fault for fault in faults if isinstance(fault, ReplyFault)]
        self._line = ""
        self._under_way: deque[bytes] = deque()
        self._partly_read = b""

    def write(self, line: str) -> None:
        """As `Mainframe.write`; raises `TimeoutError` where the bus fails."""
        for fault in self._line_faults:
            if fault.meets(line, self._clock.now()) and not self._passes(fault):
                return
        self._line = line
        self._mainframe.write(line)

    def read(self) -> str:
        """As `Mainframe.read`; raises `UnicodeDecodeError` as PyVISA does."""
        return self.read_bytes().decode("ascii").removesuffix("\r\n")

    def read_bytes(self, count: int = -1) -> bytes:
        """As `Mainframe.read_bytes`; raises `NothingToRead` where a VISA read would time out."""
        message = self._partly_read or self._next_message()
        end = len(message) if count < 0 else count
        self._partly_read = message[end:]
        return message[:end]

    def serial_poll(self) -> int:
        """As `Mainframe.serial_poll`."""
        return self._mainframe.serial_poll()

    def device_clear(self) -> None:
        """As `Mainframe.device_clear`; what is under way is cleared too."""
        self._under_way.clear()
        self._partly_read = b""
        self._mainframe.device_clear()

    def _passes(self, fault: LineFault) -> bool:
        try:
            return fault.passes(self._mainframe)
        except TimeoutError:
            self._time_out()
            raise

    def _time_out(self) -> None:
        """The program waits as long as it has said."""
        self._clock.advance(self.connection.timeout / 1000)

    def _next_message(self) -> bytes:
        if self._under_way:
            self._queue_up()
            message = self._under_way.popleft()
        else:
            message = self._mainframe.read_bytes()
        for fault in self._reply_faults:
            if fault.meets(self._line, self._clock.now()):
                arrival = fault.arrival(message)
                self._under_way.extendleft(reversed(arrival.later))
                if arrival.now is None:
                    self._time_out()
                    raise NothingToRead("the bus timed out while a reply was awaited")
                message = arrival.now
        return message

    def _queue_up(self) -> None:
        """What the mainframe has to say comes after what is under way."""
        try:
            while True:
                self._under_way.append(self._mainframe.read_bytes())
        except NothingToRead:
            return
