"""The simulated bench for other programs: served on a port, or as their WGFMU library."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

if TYPE_CHECKING:
    from instruments.sim.served.board import BoardServer
    from instruments.sim.served.server import TwinServer
    from instruments.sim.served.shared import SharedInstrument
    from instruments.sim.wgfmu.library import SimulatedWgfmu
    from instruments.wgfmu.library import WgfmuLibrary
    from labctl.bench import DieChoice
    from labctl.benchfile import BenchSetup
    from labctl.store.locks import Lock

Server = TypeVar("Server")

log = logging.getLogger(__name__)


class TwinError(ValueError):
    """A twin that cannot be served, or built as a library, with what to do."""


class ServedTwin:
    """A bench's simulated instruments on ports, within a ``with`` block.

    ``address`` is where the mainframe listens, ``board_address`` the decoder board if the bench
    has one, else None. The named die's file is kept up to date, and locked.
    """

    def __init__(self, mainframe: TwinServer, board: BoardServer | None, lock: Lock | None) -> None:
        self.address = mainframe.address
        self.board_address = None if board is None else board.address
        self._serving = ExitStack()
        if lock is not None:
            self._serving.callback(lock.release)
        self._servers = (mainframe,) if board is None else (mainframe, board)

    def __enter__(self) -> Self:
        for server in self._servers:
            self._serving.enter_context(server)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._serving.close()


def twin_server(
    setup: BenchSetup,
    choice: DieChoice,
    host: str = "127.0.0.1",
    port: int = 0,
    board_port: int = 0,
) -> ServedTwin:
    """The simulated instruments of a bench, listening; ``board_port`` is of its decoder board.

    Port 0 takes a free one. Raises `TwinError`, `labctl.bench.DieError`, or
    `labctl.store.locks.LockedError` if another program uses the die.
    """
    from instruments.sim.served.board import BoardServer
    from instruments.sim.served.server import TwinServer
    from instruments.sim.served.shared import SharedInstrument
    from labctl.bench import lock_of, simulated_instruments

    if not setup.simulated:
        raise TwinError(
            f"bench {setup.content.bench.name!r} is real: only a simulated one can be served"
        )
    with ExitStack() as undo:
        lock = lock_of(setup, choice)
        if lock is not None:
            undo.callback(lock.release)
            if lock.cleared:
                log.warning(lock.cleared)
        instruments, die = simulated_instruments(setup, choice)

        def save_die() -> None:
            if "file" in die:
                instruments.save_die(Path(die["file"]))

        shared = SharedInstrument(instruments.adapter.mainframe, instruments.wgfmu, save_die)
        try:
            # At once, so that a place that cannot be written to shows before a client comes.
            shared.keep_die()
        except OSError as error:
            raise TwinError(f"the die cannot be written: {error}") from None
        mainframe = _listening(TwinServer, shared, host, port)
        undo.callback(mainframe.stop)
        board = None
        if instruments.board is not None:
            board = _listening(
                partial(BoardServer, board=instruments.board.board), shared, host, board_port
            )
        undo.pop_all()
    return ServedTwin(mainframe, board, lock)


def _listening(
    kind: Callable[..., Server], shared: SharedInstrument, host: str, port: int
) -> Server:
    try:
        return kind(shared, host=host, port=port)
    except (OSError, OverflowError) as error:
        raise TwinError(f"{host} port {port} cannot be listened on: {error}") from None


def wgfmu_library() -> WgfmuLibrary:
    """An object with the library's C names, for a program in place of the DLL it loads.

    ``WGFMU_openSession("TCPIP::host::port::SOCKET")`` attaches to a served twin; other addresses do
    so through the environment variable ``LABCTL_TWIN=host:port``, else to a private twin in this
    process with a fresh die.
    """
    from instruments.sim.served.client import AttachedWgfmu

    return AttachedWgfmu(_private_twin, os.environ).library()


def build_library(folder: Path) -> tuple[Path, Path]:
    """Build a library file with what `wgfmu_library` gives, and its header; returns their paths.

    Raises `TwinError`.
    """
    from instruments.sim.wgfmu.shared_library import BuildError, build_shared_library

    try:
        return build_shared_library(folder, "labctl.twin:wgfmu_library")
    except BuildError as error:
        raise TwinError(str(error)) from None


def lacking_to_build() -> str:
    """What `build_library` does not find on this machine; empty if it finds all."""
    from instruments.sim.wgfmu.shared_library import BuildError, require_tools

    try:
        require_tools()
    except BuildError as error:
        return str(error)
    return ""


def _private_twin() -> SimulatedWgfmu:
    from labctl.bench import DieChoice, simulated_instruments
    from labctl.benchfile import load_setup

    instruments, _ = simulated_instruments(load_setup(None), DieChoice(None, None, Path()))
    return instruments.wgfmu
