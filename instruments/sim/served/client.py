"""The WGFMU library of a program whose instrument is a served twin, or a private one.

Like the vendor's library it holds patterns, sequences, settings and messages itself, with or
without a session; only calls that reach hardware travel, with what has changed of the setup.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, Protocol

import numpy as np

from instruments.sim.clock import VirtualClock
from instruments.sim.served import wire
from instruments.sim.served.calls import FORWARDED, put_results, to_request
from instruments.sim.served.service import WgfmuService
from instruments.sim.served.setup import SetupSender
from instruments.sim.station import Station
from instruments.sim.waveform import Floats, PadWaveform
from instruments.sim.wgfmu.checks import Refusal
from instruments.sim.wgfmu.library import SimulatedWgfmu
from instruments.wgfmu.library import ReturnCode

TWIN_VARIABLE = "LABCTL_TWIN"
"""Environment variable, ``host:port``: the served twin that any other address means."""

CONNECT_S = 10.0
REPLY_S = 600.0
"""Longest wait for a reply: that of a self-test."""

_SOCKET_ADDRESS = re.compile(r"TCPIP\d*::([^:]+)::(\d+)::SOCKET", re.IGNORECASE)
_HOST_AND_PORT = re.compile(r"(.+):(\d+)")


class Attachment(Protocol):
    """A way to an instrument."""

    modules: dict[int, str]

    def ask(self, request: wire.Message) -> wire.Message:
        """Carry out one call. Raises OSError or `WireError` if the instrument is lost."""

    def close(self) -> None:
        """Give the instrument free."""


class SocketAttachment:
    """A served twin. Raises OSError or `WireError` if it cannot be had."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port), timeout=CONNECT_S)
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._channel = wire.Channel(self._socket)
            self._socket.sendall(wire.HANDSHAKE)
            line = self._channel.receive_line()
            if not line.startswith(b"{"):
                said = line.decode("utf-8", errors="replace").strip()
                raise wire.WireError(said or "it closed the connection")
            modules = wire.parsed(line)["modules"]
            self.modules = {int(slot): str(model) for slot, model in modules.items()}
            self._socket.settimeout(REPLY_S)
        except BaseException:
            self._socket.close()
            raise

    def ask(self, request: wire.Message) -> wire.Message:
        """Carry out one call on the served twin."""
        self._channel.send(request)
        reply = self._channel.receive()
        if reply is None:
            raise ConnectionError("the served twin closed the connection")
        return reply

    def close(self) -> None:
        """Disconnect."""
        self._socket.close()


class PrivateAttachment:
    """A twin in this process, which outlives its sessions."""

    def __init__(self, wgfmu: SimulatedWgfmu) -> None:
        self._wgfmu = wgfmu
        self._service = WgfmuService(wgfmu)
        self.modules = wgfmu.station.modules

    def ask(self, request: wire.Message) -> wire.Message:
        """Carry out one call here."""
        return self._service.answer(request)

    def close(self) -> None:
        """Let the next session start anew, on the same chip."""
        self._wgfmu.forget_client()


class _ChipElsewhere:
    """The chip is at the attached instrument; nothing of this process reaches it directly."""

    def select(self, row: int, column: int) -> None:
        """Not here."""

    def hold(self, pad: str, volts: float | None) -> None:
        """Not here."""

    def current(self, pad: str) -> float:
        """Not here."""
        return 0.0

    def play(
        self, waveform: PadWaveform, samples: Mapping[str, Floats] | None = None
    ) -> dict[str, Floats]:
        """Not here."""
        return {}


class AttachedWgfmu(SimulatedWgfmu):
    """The library as a program loads it. Its session leads to a served or to a private twin.

    ``private`` makes the private twin, when first needed; ``environment`` holds `TWIN_VARIABLE`.
    """

    def __init__(
        self, private: Callable[[], SimulatedWgfmu], environment: Mapping[str, str]
    ) -> None:
        self._make_private = private
        self._private: SimulatedWgfmu | None = None
        self._environment = environment
        self._attachment: Attachment | None = None
        self._lost = ""
        self._sender = SetupSender()
        self._sent: object = None
        # Channels are known once a session is open; the generator draws nothing here.
        station = Station(_ChipElsewhere(), VirtualClock())
        super().__init__(station, np.random.default_rng(0))

    def _entry(self, name: str, method: Callable[..., None]) -> Callable[..., int]:
        own = super()._entry(name, method)
        if name not in FORWARDED:
            return own

        def call(*arguments: Any) -> int:
            if self._attachment is None:
                # No session: refused here. But openSession is what makes one.
                code = own(*arguments)
                if name != "WGFMU_openSession" or code:
                    return code
            elif name == "WGFMU_openSession":
                return own(*arguments)
            return self._forward(name, arguments)

        return call

    def _openSession(self, address: bytes | None) -> None:
        super()._openSession(address)
        # Open only once the instrument has agreed, in _forward.
        text, self._address = self._address, None
        self._attachment = self._attach(text or "")

    def _attach(self, address: str) -> Attachment:
        """Find the instrument of an address. Refused with what to do."""
        found = _SOCKET_ADDRESS.fullmatch(address.strip())
        shown = address
        if found is None and (value := self._environment.get(TWIN_VARIABLE)):
            shown = f"{TWIN_VARIABLE}={value}"
            found = _HOST_AND_PORT.fullmatch(value.strip())
            if found is None:
                raise Refusal(ReturnCode.COMMUNICATION_ERROR, f"{shown} is not host:port.")
        ...
