"""The simulated instrument on a TCP port: one FLEX and one WGFMU session at a time.

A FLEX client sends FLEX text, as PyVISA does with ``TCPIP::127.0.0.1::PORT::SOCKET``. A WGFMU
client opens with `wire.HANDSHAKE`. No client can end the server or hold it up: what one sends is
carried out, refused or its connection closed, and each is answered in its own thread.
"""

from __future__ import annotations

import logging
import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from types import TracebackType
from typing import Self

from instruments.sim.served import wire
from instruments.sim.served.flex import QUIET_S, FlexStream
from instruments.sim.served.service import WgfmuService
from instruments.sim.served.shared import SharedInstrument

DECISION_S = 0.5
"""A client that has sent nothing for so long is a FLEX client."""

PLACE_S = 1.0
"""How long a client waits for a place that may be on its way to be free."""

ORDER_S = 1.0
"""How long a WGFMU call waits at most for FLEX lines that were sent before it."""

REFUSAL = (
    "refused: this instrument takes one FLEX and one WGFMU session at a time, "
    "and another program has this one\r\n"
)

_CHUNK = 65536
_ACCEPT_PAUSE_S = 0.05
_ORDER_PAUSE_S = 50e-6

log = logging.getLogger(__name__)


class Kind(Enum):
    """What a client speaks."""

    FLEX = "FLEX"
    WGFMU = "WGFMU"


class TwinServer:
    """Listens from construction on; serves within a ``with`` block or from `start` to `stop`.

    ``port`` 0 takes a free one; ``address`` is where it listens. Raises OSError if it cannot.
    """

    def __init__(
        self, instrument: SharedInstrument, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self._instrument = instrument
        self._listener = socket.create_server((host, port))
        self.address: tuple[str, int] = self._listener.getsockname()[:2]
        self._registry = threading.Condition()
        self._connections: dict[socket.socket, Kind | None] = {}
        self._arrived: set[socket.socket] = set()
        """Accepted, and without a place so far."""
        self._threads: set[threading.Thread] = set()
        self._stopped = False

    def start(self) -> None:
        """Serve, in the background."""
        self._run(self._accept)

    def stop(self) -> None:
        """Close everything, wait for what is being carried out, write the die down."""
        with self._registry:
            self._stopped = True
            self._registry.notify_all()
            connections, threads = list(self._connections), list(self._threads)
        # Shutting down wakes a thread that waits in accept or recv; closing alone does not.
        for open_socket in (self._listener, *connections):
            _shut_down(open_socket)
        self._listener.close()
        for thread in threads:
            thread.join()
        self._instrument.keep_die()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self, target: Callable[..., None], *arguments: object) -> None:
        def body() -> None:
            try:
                target(*arguments)
            finally:
                with self._registry:
                    self._threads.discard(thread)

        thread = threading.Thread(target=body, daemon=True)
        with self._registry:
            self._threads.add(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                if self._stopped:
                    return
                # Out of files, perhaps: no use to try again at once.
                time.sleep(_ACCEPT_PAUSE_S)
                continue
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # A client whose machine vanished must not hold its place for ever.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            with self._registry:
                self._arrived.add(connection)
            self._run(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                self._serve_kind(connection)
            except (OSError, wire.WireError) as gone:
                log.info("a client went: %s", gone)
            except Exception:
                log.exception("a client was closed because of an error of the server")
            finally:
                self._leave(connection)

    def _serve_kind(self, connection: socket.socket) -> None:
        if not self._claim(connection, None):
            refuse(connection, REFUSAL)
            return
        first = _first_bytes(connection)
        kind = Kind.WGFMU if first.startswith(wire.HANDSHAKE[:1]) else Kind.FLEX
        if not self._claim(connection, kind):
            refuse(connection, REFUSAL)
        elif kind is Kind.FLEX:
            self._serve_flex(connection)
        else:
            self._serve_wgfmu(connection)

    def _claim(self, connection: socket.socket, kind: Kind | None) -> bool:
        """Take a place: any (None), then the one of a kind. False if there is none.

        A program that closes its session and opens another must not meet its own shadow, so a
        place that is being left is waited for.
        """

        def is_free() -> bool:
            others = [k for other, k in self._connections.items() if other is not connection]
            return self._stopped or (len(others) < len(Kind) and not (kind and kind in others))

        with self._registry:
            has_place = self._registry.wait_for(is_free, PLACE_S) and not self._stopped
            self._arrived.discard(connection)
            if has_place:
                self._connections[connection] = kind
            return has_place

    def _leave(self, connection: socket.socket) -> None:
        """A client is gone; what it started on the instrument goes on. Then its place is free."""
        kind = self._connections.get(connection)
        try:
            if kind is Kind.WGFMU:
                with self._instrument:
                    self._instrument.wgfmu.forget_client()
            if kind is not None:
                self._instrument.keep_die()
        except OSError as error:
            log.error("the die could not be written: %s", error)
        finally:
            with self._registry:
                self._connections.pop(connection, None)
                self._registry.notify_all()

    def _serve_flex(self, connection: socket.socket) -> None:
        with self._instrument:
            stream = FlexStream(self._instrument.mainframe)
        while self._is_sending(connection, stream):
            with self._instrument:
                answer = stream.take(connection.recv(_CHUNK))
            if answer:
                connection.sendall(answer)

    def _is_sending(self, connection: socket.socket, stream: FlexStream) -> bool:
        """Wait until the client has sent something, which stays in the socket; False if it hung up.

        Data that wait go out when it is quiet.
        """
        _acknowledge_at_once(connection)
        if stream.has_waiting_data:
            connection.settimeout(QUIET_S)
            try:
                return bool(connection.recv(1, socket.MSG_PEEK))
            except TimeoutError:
                with self._instrument:
                    answer = stream.quiet()
            finally:
                connection.settimeout(None)
            connection.sendall(answer)
            _acknowledge_at_once(connection)
        return bool(connection.recv(1, socket.MSG_PEEK))

    def _serve_wgfmu(self, connection: socket.socket) -> None:
        channel = wire.Channel(connection)
        if channel.receive_line() != wire.HANDSHAKE:
            connection.sendall(b"refused: this is not the WGFMU handshake of this version\n")
            return
        service = WgfmuService(self._instrument.wgfmu)
        channel.send(service.welcome())
        while (request := channel.receive()) is not None:
            self._let_flex_go_first()
            with self._instrument:
                reply = service.answer(request)
            channel.send(reply)

    def _let_flex_go_first(self) -> None:
        """Wait until what a FLEX client has sent is being carried out.

        On the bus a line that was sent before a WGFMU call is carried out before it, an address
        before the pulse; two connections know no order.
        """
        end = time.monotonic() + ORDER_S
        while time.monotonic() < end and any(map(_has_bytes, self._flex_sockets())):
            time.sleep(_ORDER_PAUSE_S)

    def _flex_sockets(self) -> list[socket.socket]:
        """Where a FLEX client's lines may lie: its connection; without one, what has just come."""
        with self._registry:
            kinds = dict(self._connections)
            arrived = [self._listener, *self._arrived]
        flex = [connection for connection, kind in kinds.items() if kind is Kind.FLEX]
        return flex or arrived + [other for other, kind in kinds.items() if kind is None]


def _has_bytes(connection: socket.socket) -> bool:
    """Whether there is something to receive, or the end of the connection."""
    try:
        return bool(select.select([connection], [], [], 0)[0])
    except (OSError, ValueError):  # it was closed meanwhile
        return False


def _acknowledge_at_once(connection: socket.socket) -> None:
    """Let a client's next write go out at once, although it has Nagle's algorithm on (Linux).

    It would else stay in the client for 40 ms, and a WGFMU call overtake it.
    """
    if hasattr(socket, "TCP_QUICKACK"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _first_bytes(connection: socket.socket) -> bytes:
    """What a client sends first, left in the socket; empty if it waits, as FLEX clients may."""
    connection.settimeout(DECISION_S)
    try:
        received = connection.recv(_CHUNK, socket.MSG_PEEK)
    except TimeoutError:
        return b""
    finally:
        connection.settimeout(None)
    if not received:
        raise ConnectionError("closed before anything was sent")
    return received


def refuse(connection: socket.socket, sentence: str) -> None:
    """Say why, and let the client read it: closing on unread bytes would throw it away."""
    connection.sendall(sentence.encode("ascii"))
    connection.shutdown(socket.SHUT_WR)
    connection.settimeout(DECISION_S)
    with suppress(TimeoutError):
        while connection.recv(_CHUNK):
            pass


def _shut_down(open_socket: socket.socket) -> None:
    with suppress(OSError):
        open_socket.shutdown(socket.SHUT_RDWR)
