"""The address lines on a decoder board with level shifters (docs/decoder-board.md).

Every command is answered by exactly one line, and every address is read back from the lines. A
reply that is late, lost or wrong ends the operation, and is never taken for the next answer.
"""

from __future__ import annotations

from typing import Any

from pymeasure.instruments import Instrument
from pyvisa.errors import VisaIOError

MODEL = "RRAM-DECODER"
"""Second field of the board's ``*IDN?``."""

CONNECTION: dict[str, Any] = {
    "read_termination": "\n",
    "write_termination": "\n",
    "timeout": 1000,
    "asrl": {"baud_rate": 115200},
}
"""How PyMeasure's VISAAdapter opens the board: line ends, time-out (ms), serial speed."""

_LINES_UNDER_WAY = 16
"""Replies that may still be on their way when the session is out of step."""
_QUEUE_DEPTH = 16
_TRANSPORT_ERRORS = (OSError, UnicodeError, VisaIOError)
"""What a broken connection raises; over VISA a time-out is a `VisaIOError`."""


class DecoderBoardError(OSError):
    """The board did not do what it was told, or cannot be understood."""


class DecoderBoard(Instrument):  # type: ignore[misc]
    """A decoder board behind a VISA resource; satisfies `instruments.testchip.decoder.Decoder`.

    Constructing one sends nothing.
    """

    def __init__(self, adapter: Any) -> None:
        super().__init__(adapter, "decoder board", includeSCPI=False)
        self._in_step = False

    def open(self) -> None:
        """Clear what is under way, look who answers, forget old errors. (``*IDN?``, ``ERR?``)

        Raises `DecoderBoardError` if it is no decoder board or does not answer.
        """
        self.adapter.flush_read_buffer()
        self._send("*IDN?")
        for _ in range(_LINES_UNDER_WAY):
            # Only an identity has four fields: whatever else comes is an old reply.
            identity = self._receive("*IDN?").split(",")
            if len(identity) == 4:
                break
        else:
            raise DecoderBoardError("decoder board: *IDN? is not answered by an identity")
        if identity[1].strip() != MODEL:
            raise DecoderBoardError(
                f"decoder board: {','.join(identity)!r} answers, which is no {MODEL}"
            )
        self._in_step = True
        self.drain_errors()

    def select(self, row: int, column: int) -> None:
        """Put the address, 0 to 31 each, on the lines and read it back. (``ADDR``, ``ADDR?``)

        Raises ValueError for a number out of range, `DecoderBoardError` unless the lines carry the
        address when it returns.
        """
        if not (0 <= row <= 31 and 0 <= column <= 31):
            raise ValueError(f"address {row},{column}: row and column are 0 to 31")
        if not self._in_step:
            self.open()
        command = f"ADDR {row},{column}"
        reply = self._query(command)
        if reply == "ERROR":
            raise DecoderBoardError(f"decoder board: {command} was refused: {self._told()}")
        if reply != "OK":
            self._in_step = False
            raise DecoderBoardError(f"decoder board: {command} was answered by {reply!r}")
        lines = self._query("ADDR?")
        if lines != f"{row},{column}":
            self._in_step = False
            raise DecoderBoardError(
                f"decoder board: address {row},{column} was set, but the lines read {lines!r}"
            )

    def drain_errors(self) -> list[str]:
        """Read and return all queued errors, oldest first. (``ERR?``)"""
        errors: list[str] = []
        # One more than the queue holds: the last reply is "no error".
        for _ in range(_QUEUE_DEPTH + 1):
            reply = self._query("ERR?")
            code, comma, _ = reply.partition(",")
            if not comma or not code.removeprefix("-").isdecimal():
                self._in_step = False
                raise DecoderBoardError(f"decoder board: ERR? was answered by {reply!r}")
            if int(code) == 0:
                return errors
            errors.append(reply)
        return errors

    def _told(self) -> str:
        return "; ".join(self.drain_errors()) or "without a reason"

    def _query(self, command: str) -> str:
        self._send(command)
        return self._receive(command)

    def _send(self, command: str) -> None:
        try:
            self.write(command)
        except _TRANSPORT_ERRORS as error:
            self._in_step = False
            raise DecoderBoardError(f"decoder board: {command} cannot be sent: {error}") from error

    def _receive(self, command: str) -> str:
        try:
            # A board may end its lines with carriage return and line feed.
            return str(self.read()).strip()
        except _TRANSPORT_ERRORS as error:
            self._in_step = False
            raise DecoderBoardError(f"decoder board: no answer to {command}: {error}") from error
