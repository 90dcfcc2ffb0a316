"""The simulated decoder board on a TCP port of its own: the lines of docs/decoder-board.md.

One client at a time, as a serial line has it; a second one reads a refusal and is closed.
"""

from __future__ import annotations

import logging
import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from instruments.sim.decoder_board import LONGEST_LINE, SimulatedDecoderBoard
from instruments.sim.served.server import PLACE_S, refuse
from instruments.sim.served.shared import SharedInstrument

REFUSAL = "refused: another program has this decoder board\n"

_CHUNK = 4096

log = logging.getLogger(__name__)


class BoardServer:
    """Listens from construction on; serves within a ``with`` block.

    ``port`` 0 takes a free one; ``address`` is where it listens. Raises OSError if it cannot.
    """

    def __init__(
        self,
        instrument: SharedInstrument,
        board: SimulatedDecoderBoard,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self._instrument = instrument
        self._board = board
        self._listener = socket.create_server((host, port))
        self.address: tuple[str, int] = self._listener.getsockname()[:2]
        self._place = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def close(self) -> None:
        """Stop listening and hang up."""
        for open_socket in (self._listener, *list(self._connections)):
            with suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
        self._thread.join()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener is closed
            while True:
                connection, _ = self._listener.accept()
                self._connections.add(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                if not self._place.acquire(timeout=PLACE_S):
                    refuse(connection, REFUSAL)
                    return
                try:
                    self._answer_lines(connection)
                finally:
                    self._place.release()
        except OSError as gone:
            log.info("a client of the decoder board went: %s", gone)
        finally:
            self._connections.discard(connection)

    def _answer_lines(self, connection: socket.socket) -> None:
        begun = b""
        while received := connection.recv(_CHUNK):
            *lines, rest = (begun + received).split(b"\n")
            # Of an endless line only so much is kept that it stays too long.
            begun = rest[: LONGEST_LINE + 1]
            for line in lines:
                with self._instrument:
                    self._board.write(line[: LONGEST_LINE + 2].decode("latin-1"))
                    reply = self._board.read()
                connection.sendall(reply.encode("ascii") + b"\n")
