"""FLEX queries a second over the socket, beside the same loop against an echo server.

Each server runs in a process of its own; the client is PyVISA with pyvisa-py, its delay by Nagle's
algorithm off. The queries are those of `flex`: two spot currents and the error queue.
"""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle, islice
from statistics import median
from typing import Any

import pyvisa

from tests.benchmarks.result import Goal, Result
from tests.benchmarks.timing import interleaved

REPEATS = 9
QUERIES = 3000
PASS = ("TI 8,0", "TI 9,0", "ERRX?")
POWER = "CN 8,9;DV 9,0,3.3,1E-2;DV 8,0,1.2,1E-2"

TWIN = """
from labctl.twin_cli import twin_app
twin_app(["serve", "--port", "0", "--seed", "1"])
"""

ECHO = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
print(f"echo server at TCPIP::127.0.0.1::{listener.getsockname()[1]}::SOCKET", flush=True)
connection, _ = listener.accept()
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
while line := connection.recv(65536):
    connection.sendall(line)
"""


def measure() -> list[Result]:
    """Rates of both loops."""
    with ExitStack() as opened:
        twin = opened.enter_context(_client_of(TWIN))
        echo = opened.enter_context(_client_of(ECHO))
        twin.write(POWER)
        seconds = interleaved(
            REPEATS,
            {"served twin": lambda: _all_answered(twin), "echo": lambda: _all_answered(echo)},
        )
        if twin.query("ERRX?") != '+0,"No Error."':
            raise RuntimeError("the twin has errors queued")
    rates = {side: [QUERIES / s for s in times] for side, times in seconds.items()}
    return [
        Result(
            name="socket",
            value=median(rates["served twin"]),
            unit="queries/s",
            reference=median(rates["echo"]),
            compared_with="pyvisa-py against an echo server",
            goal=Goal("ratio", ">=", 1 / 3),
            raw=rates,
        )
    ]


@contextmanager
def _client_of(program: str) -> Iterator[Any]:
    """Start a server that prints its address; yields a PyVISA session to it."""
    server = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    manager = pyvisa.ResourceManager("@py")
    try:
        assert server.stdout is not None
        address = re.search(r"TCPIP::\S+::SOCKET", server.stdout.readline())
        if address is None:
            raise RuntimeError("the server did not start")
        client: Any = manager.open_resource(
            address[0], read_termination="\r\n", write_termination="\r\n"
        )
        interface = client.visalib.sessions[client.session].interface
        interface.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield client
        client.close()
    finally:
        manager.close()
        server.terminate()
        server.wait()
        server.stdout.close()


def _all_answered(client: Any) -> None:
    if not all(client.query(line) for line in islice(cycle(PASS), QUERIES)):
        raise RuntimeError("a query was not answered")
