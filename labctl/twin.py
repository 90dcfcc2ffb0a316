"""The simulated bench for other programs: served on a port, or as their WGFMU library."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from instruments.sim.served.server import TwinServer
    from instruments.sim.wgfmu.library import SimulatedWgfmu
    from instruments.wgfmu.library import WgfmuLibrary
    from labctl.bench import DieChoice
    from labctl.benchfile import BenchSetup


class TwinError(ValueError):
    """A twin that cannot be served, with what to do."""


def twin_server(
    setup: BenchSetup, choice: DieChoice, host: str = "127.0.0.1", port: int = 0
) -> TwinServer:
    """A server of a bench's simulated mainframe; the named die's file is kept up to date.

    Port 0 takes a free one. Raises `TwinError`, or `labctl.bench.DieError`.
    """
    from instruments.sim.served.server import TwinServer
    from instruments.sim.served.shared import SharedInstrument
    from labctl.bench import simulated_instruments

    if not setup.simulated:
        raise TwinError(
            f"bench {setup.content.bench.name!r} is real: only a simulated one can be served"
        )
    instruments, die = simulated_instruments(setup, choice)

    def save_die() -> None:
        if "file" in die:
            file = Path(die["file"])
            file.parent.mkdir(parents=True, exist_ok=True)
            instruments.save_die(file)

    shared = SharedInstrument(instruments.adapter.mainframe, instruments.wgfmu, save_die)
    try:
        # At once, so that a place that cannot be written to shows before a client comes.
        shared.keep_die()
    except OSError as error:
        raise TwinError(f"the die cannot be written: {error}") from None
    try:
        return TwinServer(shared, host, port)
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

    Raises `instruments.sim.wgfmu.shared_library.BuildError`.
    """
    from instruments.sim.wgfmu.shared_library import build_shared_library

    return build_shared_library(folder, "labctl.twin:wgfmu_library")


def _private_twin() -> SimulatedWgfmu:
    from labctl.bench import DieChoice, simulated_instruments
    from labctl.benchfile import load_setup

    instruments, _ = simulated_instruments(load_setup(None), DieChoice(None, None, Path()))
    return instruments.wgfmu
