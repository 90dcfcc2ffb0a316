"""The simulated decoder board: answers the protocol of docs/decoder-board.md, drives the address.

On a bench with a board its lines reach the chip, and the mainframe's digital port reaches nothing.
"""

from __future__ import annotations

import re
from collections import deque
from typing import Any

from pymeasure.adapters import Adapter

from instruments.sim.station import Station

IDENTITY = "labctl,RRAM-DECODER,simulated,1.0"
LONGEST_LINE = 64
ERROR_QUEUE_DEPTH = 16

_ADDRESS = re.compile(r"ADDR +(\d{1,4}) *, *(\d{1,4})", re.ASCII)
_SYNTAX = "-102,Syntax error"
_HEADER = "-113,Undefined header"
_RANGE = "-222,Data out of range"
_OVERFLOW = "-350,Queue overflow"
_NO_ERROR = "0,No error"


class NoReply(TimeoutError):
    """A read found nothing: over VISA it would time out."""


class SimulatedDecoderBoard:
    """A board wired to the chip of a station. At power-on all lines are low: row 0, column 0."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._address = (0, 0)
        self._errors: deque[str] = deque()
        self._replies: deque[str] = deque()
        station.set_board_lines(*self._address)

    def write(self, line: str) -> None:
        """Take one command line; its one reply is then there to be read."""
        clock = self._station.clock
        clock.advance(clock.times.board_transaction)
        self._replies.append(self._answer(line.strip()))

    def read(self) -> str:
        """The oldest reply that nobody has read; raises `NoReply` if there is none."""
        if not self._replies:
            raise NoReply("the decoder board has nothing to say")
        return self._replies.popleft()

    def clear(self) -> None:
        """Throw away the replies that nobody has read."""
        self._replies.clear()

    def _answer(self, line: str) -> str:
        command = line.upper()
        if command == "*IDN?":
            return IDENTITY
        if command == "ADDR?":
            return "{},{}".format(*self._address)
        if command == "ERR?":
            return self._errors.popleft() if self._errors else _NO_ERROR
        error = self._set_address(command) if len(line) <= LONGEST_LINE else _SYNTAX
        if error is None:
            return "OK"
        self._queue(error)
        return "ERROR"

    def _set_address(self, command: str) -> str | None:
        """Put an address on the lines; returns what is wrong with it, and then moves nothing."""
        if not command.startswith("ADDR "):
            return _HEADER
        match = _ADDRESS.fullmatch(command)
        if match is None:
            return _SYNTAX
        row, column = int(match[1]), int(match[2])
        if row > 31 or column > 31:
            return _RANGE
        self._address = (row, column)
        self._station.set_board_lines(row, column)
        return None

    def _queue(self, error: str) -> None:
        if len(self._errors) < ERROR_QUEUE_DEPTH:
            self._errors.append(error)
        else:
            self._errors[-1] = _OVERFLOW


class BoardAdapter(Adapter):  # type: ignore[misc]
    """PyMeasure's way to a simulated board in the same process."""

    def __init__(self, board: SimulatedDecoderBoard) -> None:
        super().__init__()
        self.board = board

    def _write(self, command: str, **kwargs: Any) -> None:
        self.board.write(command)

    def _read(self, **kwargs: Any) -> str:
        return self.board.read()

    def flush_read_buffer(self) -> None:
        """Throw away whatever could be read."""
        self.board.clear()

    def __repr__(self) -> str:
        return "<BoardAdapter>"
