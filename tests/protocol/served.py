"""A served instrument and clients of it, as the protocol tests use them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from pymeasure.adapters import VISAAdapter

from instruments.sim.clock import VirtualClock
from instruments.sim.flex.mainframe import Mainframe
from instruments.sim.served.client import TWIN_VARIABLE, AttachedWgfmu
from instruments.sim.served.server import TwinServer
from instruments.sim.served.shared import SharedInstrument
from instruments.sim.station import Station
from instruments.sim.wgfmu.library import SimulatedWgfmu
from tests.fakes import FakeChip
from tests.protocol.wgfmu_client import Client

PATIENCE_S = 250.0
"""Longer than anything takes on the slowest machine; shorter than pytest's own limit."""


class ServedBench:
    """A simulated instrument behind a port; SMU 8 meets 10 kohm (VDD), SMU 9 1 Mohm (VDDH)."""

    def __init__(self, chip: FakeChip | None = None) -> None:
        self.chip = chip or FakeChip(resistances={"VDD": 1e4, "VDDH": 1e6, "SL": 1e4})
        self.clock = VirtualClock()
        self.station = Station(self.chip, self.clock)
        self.mainframe = Mainframe(self.station, np.random.default_rng(7))
        self.wgfmu = SimulatedWgfmu(self.station, np.random.default_rng(5))
        self.times_kept = 0
        instrument = SharedInstrument(self.mainframe, self.wgfmu, self._keep_die)
        self.server = TwinServer(instrument)
        self.programs: list[AttachedWgfmu] = []

    def _keep_die(self) -> None:
        self.times_kept += 1

    @property
    def port(self) -> int:
        return self.server.address[1]

    @property
    def address(self) -> bytes:
        """What a WGFMU program gives to openSession."""
        return f"TCPIP::127.0.0.1::{self.port}::SOCKET".encode()

    def raw(self) -> socket.socket:
        """A bare connection."""
        connection = socket.create_connection(self.server.address, timeout=PATIENCE_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def library_client(self) -> Client:
        """A WGFMU program in another process, but for the process: `Client` on a library of its
        own, with this bench's chip, clock and station to look at."""
        client = Client(self.chip)
        client.clock, client.station, client.twin = self.clock, self.station, self.wgfmu
        client.library = self.attached().library()
        return client

    def attached(self) -> AttachedWgfmu:
        """The library as a program loads it, with LABCTL_TWIN set."""
        variable = {TWIN_VARIABLE: f"127.0.0.1:{self.port}"}
        self.programs.append(AttachedWgfmu(_no_private_twin, variable))
        return self.programs[-1]


def _no_private_twin() -> SimulatedWgfmu:
    raise AssertionError("a served twin is there")


@contextmanager
def served(chip: FakeChip | None = None) -> Iterator[ServedBench]:
    """A served bench; the server ends with the block."""
    bench = ServedBench(chip)
    with bench.server:
        try:
            yield bench
        finally:
            for program in bench.programs:
                program.detach()


@contextmanager
def visa(port: int) -> Iterator[VISAAdapter]:
    """PyMeasure's adapter on a PyVISA session to the port, without Nagle's delay.

    (measured.md, section 5: no option of PyVISA switches that off.)
    """
    adapter = VISAAdapter(
        f"TCPIP::127.0.0.1::{port}::SOCKET",
        visa_library="@py",
        read_termination="\r\n",
        write_termination="\r\n",
    )
    resource = adapter.connection
    resource.timeout = 1000 * PATIENCE_S
    interface = resource.visalib.sessions[resource.session].interface
    interface.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        yield adapter
    finally:
        adapter.close()


def line(connection: socket.socket) -> bytes:
    """What a bare connection receives up to the end of a line, or of the connection."""
    received = b""
    while not received.endswith(b"\n"):
        chunk = connection.recv(1)
        if not chunk:
            break
        received += chunk
    return received


def asked(connection: socket.socket, text: bytes) -> bytes:
    """One query over a bare connection."""
    connection.sendall(text)
    return line(connection)


def wait_for(condition: Callable[[], object]) -> None:
    """Until something holds that another thread brings about; pytest's own limit ends it."""
    pause = threading.Event()
    while not condition():
        pause.wait(0.005)
