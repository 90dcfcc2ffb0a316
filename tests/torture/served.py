"""FLEX garbage over the served socket: bytes, half lines, disconnects, a third client."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from instruments.sim.served import server
from tests.fakes import FakeChip
from tests.protocol.served import ServedBench, line
from tests.torture.bench import ERROR_QUEUE, SMU_VOLTS, Tally
from tests.torture.flex_text import lines

MARK = b"WGFMU module is in TEST FAIL state.\r\n"
"""What EMG? 3400 answers: no text of the fuzz asks for it, so all before it has been carried out.

Measurement data can still be on their way: they wait until the client is quiet.
"""

_REPLY_S = 10.0


class _Complaints(logging.Handler):
    """What the server says about errors of its own."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


class ServedMisuse(RuleBasedStateMachine):
    """A client that sends whatever it likes, leaves when it likes, and comes again."""

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self.tally = tally
        self.complaints = _Complaints()
        server.log.addHandler(self.complaints)
        resistances = {"VDD": 1e4, "VDDH": 1e6, "SL": 1e4}
        self.bench = ServedBench(FakeChip(resistances=resistances))
        self.bench.server.start()
        self.client = self._connect()

    def _connect(self) -> socket.socket:
        self.tally.connections += 1
        client = self.bench.raw()
        client.settimeout(_REPLY_S)
        return client

    @initialize()
    def begin(self) -> None:
        self.tally.examples += 1
        self._send(b"CN 8,9;DV 8,0,0.5,1E-3;MM 1,8\r\n")

    def _send(self, data: bytes) -> None:
        """Send, and see that all of it is carried out before the socket times out."""
        self.tally.steps += 1
        self.tally.flex_lines += 1 + data.count(b"\n")
        began = time.perf_counter()
        self.client.sendall(data + b"\nEMG? 3400\n")
        received = b""
        while not received.endswith(MARK):
            chunk = self.client.recv(65536)
            assert chunk, f"the server hung up after {data!r}"
            received += chunk
        self.tally.took(time.perf_counter() - began, f"served {data!r}")

    @rule(text=lines, end=st.sampled_from((b"\n", b"\r\n", b"")))
    def flex(self, text: str, end: bytes) -> None:
        self._send(text.encode("latin-1") + end)

    @rule(data=st.binary(max_size=400))
    def garbage(self, data: bytes) -> None:
        self._send(data)

    @rule(size=st.integers(1, 300_000))
    def endless_line(self, size: int) -> None:
        self._send(b"DV 5,0,1," * (size // 9 + 1))

    @rule(half=lines, resets=st.booleans())
    def leave_and_come_again(self, half: str, resets: bool) -> None:
        """With half a line sent and answers unread."""
        self.tally.steps += 1
        self.client.sendall(b"*IDN?\nTI 8\n" + half.encode("latin-1"))
        if resets:
            linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # on, 0 s: close sends RST
            self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.client.close()
        self.client = self._connect()
        self._send(b"")

    @rule()
    def another_flex_client(self) -> None:
        """It is told why it cannot have the instrument; the first one keeps it."""
        self.tally.steps += 1
        with self.bench.raw() as other:
            other.settimeout(_REPLY_S)
            other.sendall(b"*IDN?\n")
            assert line(other) == server.REFUSAL.encode()
        self._send(b"")

    @invariant()
    def nothing_has_broken(self) -> None:
        assert self.complaints.texts == []
        assert len(self.bench.station.errors) <= ERROR_QUEUE
        held = [volts for _, volts in self.bench.chip.holds if volts is not None]
        assert all(abs(volts) <= SMU_VOLTS for volts in held)
        self.bench.chip.holds.clear()

    def teardown(self) -> None:
        try:
            self._end()
        finally:
            self.client.close()
            self.bench.server.stop()
            server.log.removeHandler(self.complaints)

    def _end(self) -> None:
        """*RST and an emptied error queue give back an instrument as it was."""
        self._send(b"*RST")
        for _ in range(ERROR_QUEUE):
            self._send(b"ERRX?")
        time.sleep(1.2 * server.QUIET_S)
        self.client.close()
        self.client = self._connect()
        for question, answer in (
            (b"ERRX?", b'+0,"No Error."'),
            (b"*LRN? 31", b"TM1;AV1,0;CM0;FMT1,0"),
            (b"*LRN? 0", b"CL"),
        ):
            self.client.sendall(question + b"\n")
            assert line(self.client) == answer + b"\r\n"
        assert set(self.bench.station.smu_volts.values()) == {None}


def served_machines(tally: Tally) -> Callable[[], ServedMisuse]:
    """Makes machines that count into ``tally``."""
    return lambda: ServedMisuse(tally)
