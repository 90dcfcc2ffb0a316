"""FLEX text over a stream of bytes.

A raw socket has no read request, so the two output stores of the mainframe (instruments.md,
section 2.1) cannot be read in the client's order. What is sent when is decided here: a query
response at once, and data of a spot measurement (``TI``, ``TV`` ...) at once after it. Data of a
trigger (``XE``) wait until the client asks ``*OPC?``, whose answer goes before them, or is quiet
for `QUIET_S`: so ``XE`` works as a query, and ``ERRX?`` after it gets its own answer.
"""

from __future__ import annotations

from instruments.sim.flex.mainframe import Mainframe
from instruments.sim.flex.parser import INPUT_BUFFER

QUIET_S = 0.1


class FlexStream:
    """Bytes of one client in, bytes for it out."""

    def __init__(self, mainframe: Mainframe) -> None:
        self._mainframe = mainframe
        self._begun = b""
        self._waits = False
        # What the client before left unread went with its connection.
        mainframe.read_response()
        mainframe.read_data()

    @property
    def has_waiting_data(self) -> bool:
        """Whether data wait for `quiet`."""
        return self._waits

    def take(self, received: bytes) -> bytes:
        """Carry out the lines that are complete; returns what they answer."""
        *lines, rest = (self._begun + received).split(b"\n")
        # Of an endless line only so much is kept that it stays too long.
        self._begun = rest[: INPUT_BUFFER + 1]
        return b"".join(self._answer(line) for line in lines)

    def quiet(self) -> bytes:
        """The client has sent nothing for `QUIET_S`: it is reading."""
        self._waits = False
        return self._mainframe.read_data()

    def _answer(self, line: bytes) -> bytes:
        text = line.decode("latin-1").rstrip("\r")[: INPUT_BUFFER + 1]
        self._mainframe.write(text)
        self._waits = _waits_after(text, self._waits)
        response = self._mainframe.read_response()
        return response if self._waits else response + self._mainframe.read_data()


def _waits_after(text: str, waited: bool) -> bool:
    """Whether data wait after a line, if they did before it or not."""
    upper = text.upper()
    if "XE" not in upper and "OPC" not in upper:
        return waited
    commands = [command.strip() for command in upper.split(";")]
    return ("XE" in commands or waited) and "*OPC?" not in commands
