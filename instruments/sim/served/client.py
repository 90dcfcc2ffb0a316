"""The WGFMU library of a program whose instrument is a served twin, or a private one.

Like the vendor's library it holds patterns, sequences, settings and messages itself, with or
without a session; only calls that reach hardware travel, with what has changed of the setup.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Mapping, Sequence
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

_OPEN = "WGFMU_openSession"
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
        # Its modules are known once a session is open; the generator draws nothing here.
        super().__init__(Station(_ChipElsewhere(), VirtualClock()), np.random.default_rng(0))

    def _entry(self, name: str, method: Callable[..., None]) -> Callable[..., int]:
        own = super()._entry(name, self._attaching(method) if name == _OPEN else method)
        if name not in FORWARDED:
            return own

        def call(*arguments: Any) -> int:
            opens = name == _OPEN
            if opens or self._attachment is None:
                # Without a session all are refused here, but for the one that opens it.
                code = own(*arguments)
                if code or not opens:
                    return code
            code = self._forward(name, arguments)
            self._after(name, code)
            return code

        return call

    def _attaching(self, open_session: Callable[..., None]) -> Callable[..., None]:
        """The part of openSession that is done here: find the instrument."""

        def attach(address: bytes | None) -> None:
            open_session(address)
            session = self.session
            try:
                self._attachment = self._attach(session.address or "")
            except Refusal:
                session.address = None
                raise
            self._lost = ""
            self._sender, self._sent = SetupSender(), None
            session.station = Station(_ChipElsewhere(), session.clock, self._attachment.modules)

        return attach

    def _after(self, name: str, code: int) -> None:
        """What a call that has been carried out changes here."""
        if name == "WGFMU_initialize" and code == 0:
            self.session.default_setups()
        closes = name == "WGFMU_closeSession" and (code == 0 or self._lost)
        if closes or (name == "WGFMU_openSession" and code):
            self.detach()

    def detach(self) -> None:
        """Leave the instrument as it is, without a session, as when a program ends."""
        if self._attachment is not None:
            self._attachment.close()
        self._attachment = self.session.address = None

    def _forward(self, name: str, arguments: Sequence[Any]) -> int:
        """Let the instrument carry out a call. -5 once it is lost, until a session is opened."""
        if self._lost:
            return self._refused(name, arguments, ReturnCode.COMMUNICATION_ERROR, self._lost)
        assert self._attachment is not None
        request = {"call": name, "arguments": to_request(name, arguments), **self._changes()}
        try:
            reply = self._attachment.ask(request)
            code, errors, warnings = _checked(reply)
            put_results(name, arguments, reply["results"])
        except (OSError, wire.WireError) as error:
            self._lost = f"The connection to the served twin is lost: {error}."
            return self._forward(name, arguments)
        for text in errors:
            self.session.messages.error(text)
        for text in warnings:
            self.session.messages.note(text)
        return code

    def _changes(self) -> dict[str, Any]:
        """What has changed of the setup since the last call that travelled."""
        levels = self.session.messages.reported, self.session.messages.as_errors
        state = (self.session.revision, self.session.timeout, levels)
        if state == self._sent:
            return {}
        self._sent = state
        return {"setup": self._sender.changes(self.software())}

    def _attach(self, address: str) -> Attachment:
        """The instrument at an address. Refused with what to do."""
        variable = self._environment.get(TWIN_VARIABLE)
        if found := _SOCKET_ADDRESS.fullmatch(address.strip()):
            return _served(address, found)
        if not variable:
            self._private = self._private or self._make_private()
            return PrivateAttachment(self._private)
        shown = f"{address} ({TWIN_VARIABLE}={variable})"
        if found := _HOST_AND_PORT.fullmatch(variable.strip()):
            return _served(shown, found)
        raise Refusal(
            ReturnCode.COMMUNICATION_ERROR, f"{shown}: {TWIN_VARIABLE} must be host:port."
        )


def _served(shown: str, found: re.Match[str]) -> SocketAttachment:
    try:
        return SocketAttachment(found[1], int(found[2]))
    except (OSError, OverflowError) as error:
        text = f"{shown} does not answer: {error}. `labctl twin serve` starts a simulated B1500A."
        raise Refusal(ReturnCode.COMMUNICATION_ERROR, text) from error
    except wire.WireError as error:
        raise Refusal(ReturnCode.COMMUNICATION_ERROR, f"{shown}: {error}.") from error


def _checked(reply: wire.Message) -> tuple[int, list[str], list[str]]:
    """Return code, error and warning texts of a reply. Raises `WireError`."""
    code, errors, warnings = reply.get("code"), reply.get("errors"), reply.get("warnings")
    if not (isinstance(code, int) and isinstance(errors, list) and isinstance(warnings, list)):
        raise wire.WireError(f"{reply!r:.80} is no reply")
    return code, [str(text) for text in errors], [str(text) for text in warnings]
