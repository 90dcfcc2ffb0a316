"""How WGFMU calls travel: JSON lines after a handshake that cannot be FLEX text.

A request names a function and its arguments, a reply its return code and what the pointers get.
Arrays of doubles are base64 of little-endian float64, so that a value arrives bit for bit.
"""

from __future__ import annotations

import base64
import json
import socket
from typing import Any

import numpy as np

from instruments.sim.waveform import Floats

HANDSHAKE = b"\x01labctl WGFMU 1\n"

MAX_LINE = 256 * 2**20
"""Bytes of the longest line: all that a channel can measure, twice."""

_CHUNK = 65536

Message = dict[str, Any]


class WireError(Exception):
    """The other side does not speak this protocol."""


class Channel:
    """Messages over a connected socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._received = bytearray()

    def send(self, message: Message) -> None:
        """Send one message. Raises OSError."""
        self._socket.sendall(json.dumps(message).encode("ascii") + b"\n")

    def receive(self) -> Message | None:
        """The next message; None if the other side has closed. Raises OSError, `WireError`."""
        line = self.receive_line()
        if not line.endswith(b"\n"):
            return None
        return parsed(line)

    def receive_line(self) -> bytes:
        """The next line with its end, or what came before the other side closed."""
        searched = 0
        while (end := self._received.find(b"\n", searched)) < 0:
            searched = len(self._received)
            if searched > MAX_LINE:
                raise WireError(f"a line is longer than {MAX_LINE} bytes")
            chunk = self._socket.recv(_CHUNK)
            if not chunk:
                end = searched - 1
                break
            self._received += chunk
        line = bytes(self._received[: end + 1])
        del self._received[: end + 1]
        return line


def parsed(line: bytes) -> Message:
    """The message in a line. Raises `WireError`."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise WireError(f"{line[:80]!r} is not JSON") from error
    if not isinstance(message, dict):
        raise WireError("a message must be a JSON object")
    return message


def packed(values: Floats) -> str:
    """Doubles as text.

    >>> unpacked(packed(np.array([0.1, 2.0]))).tolist()
    [0.1, 2.0]
    """
    return base64.b64encode(np.asarray(values, dtype="<f8").tobytes()).decode("ascii")


def unpacked(text: str) -> Floats:
    """What `packed` made text of."""
    return np.frombuffer(base64.b64decode(text), dtype="<f8").astype(np.float64)
