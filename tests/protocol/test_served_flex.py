"""FLEX text over the socket: what is answered when, and clients that misbehave."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymeasure.instruments.agilent import AgilentB1500
from pymeasure.instruments.agilent.agilentB1500 import SweepMode

from instruments.b1500.mainframe import B1500
from instruments.limits import VoltageLimit
from instruments.sim.served import server
from instruments.sim.served.flex import QUIET_S
from instruments.sim.served.server import Kind
from instruments.sim.station import DEFAULT_MODULES
from tests.protocol.served import PATIENCE_S, ServedBench, asked, line, served, visa, wait_for

SWEEP = (
    b"CN 8\n",
    b"FMT 1,0\n",
    b"MM 2,8\n",
    b"WT 0,0\n",
    b"WV 8,1,0,0,1,3,1E-3\n",
)


@pytest.fixture
def bench() -> Iterator[ServedBench]:
    with served() as bench:
        yield bench


@pytest.fixture
def client(bench: ServedBench) -> Iterator[socket.socket]:
    with bench.raw() as connection:
        yield connection


# Programs


def test_our_driver_over_visa(bench: ServedBench) -> None:
    with visa(bench.port) as adapter:
        instrument = B1500(adapter)
        instrument.open(DEFAULT_MODULES)
        smu = instrument.smus[8]
        smu.limit = VoltageLimit("VDD", 0.0, 3.0)
        smu.enable()
        smu.force_voltage(1.0, 1e-3)
        spot = smu.measure_current()
        assert spot.valid
        assert spot.value == pytest.approx(1e-4, rel=1e-3)
        smu.make_safe()
        assert not smu.is_on
        instrument.check_errors()


def test_pymeasures_class_over_visa(bench: ServedBench, monkeypatch: pytest.MonkeyPatch) -> None:
    # The data wait for *OPC?, however long it takes to ask for errors first.
    monkeypatch.setattr(server, "QUIET_S", PATIENCE_S)
    with visa(bench.port) as adapter:
        b1500 = AgilentB1500(adapter)
        b1500.initialize_all_smus()
        assert [smu.channel for smu in b1500.smu_references] == [5, 6, 7, 8, 9]
        smu = b1500.smu4
        b1500.data_format(21, mode=1)
        smu.enable()
        b1500.meas_mode("STAIRCASE_SWEEP", smu)
        smu.staircase_sweep_source("VOLTAGE", SweepMode.LINEAR_DOUBLE, 0, 0, 0.2, 3, 1e-3)
        b1500.clear_timer()
        b1500.send_trigger()
        b1500.check_errors()
        assert b1500.check_idle() == "1"
        rows = [b1500.read_channels(2) for _ in range(6)]
        volts = [forced[3] for _, forced in rows]
        assert volts == pytest.approx([0, 0.1, 0.2, 0.2, 0.1, 0], abs=1e-4)
        currents = [current[3] for current, _ in rows]
        assert currents == pytest.approx([v / 1e4 for v in volts], abs=2e-8)
        # Of the end of the line its fixed-width read leaves one character.
        assert adapter.read_bytes(1) == b"\n"
        smu.disable()
        assert smu.status == {"SMU4": "OFF"}
        b1500.check_errors()


def test_pymeasure_samples_without_waiting(bench: ServedBench) -> None:
    with visa(bench.port) as adapter:
        b1500 = AgilentB1500(adapter)
        b1500.initialize_all_smus()
        smu = b1500.smu4
        b1500.data_format(1, mode=1)
        smu.enable()
        b1500.meas_mode("SAMPLING", smu)
        b1500.sampling_timing(0, 0.01, 4)
        smu.sampling_source("VOLTAGE", 0, 0, 0.5, 1e-3)
        b1500.send_trigger()
        rows = [b1500.read_channels(2) for _ in range(4)]
        assert [index[3] for index, _ in rows] == [1, 2, 3, 4]
        assert [current[3] for _, current in rows] == pytest.approx([50e-6] * 4, abs=2e-8)


# What is answered when


def test_lines_may_end_either_way_and_come_in_pieces(client: socket.socket) -> None:
    client.sendall(b"*ID")
    client.sendall(b"N?\r")
    client.sendall(b"\nERRX?\n")
    assert line(client).startswith(b"Agilent Technologies,B1500A")
    assert line(client) == b'+0,"No Error."\r\n'


def test_spot_data_come_at_once(client: socket.socket) -> None:
    client.sendall(b"CN 8;DV 8,0,1,1E-3\n")
    assert asked(client, b"TI 8,0\n").startswith(b"NHI+100.")
    assert asked(client, b"TI 8,0;TV 8,0;ERRX?\n") == b'+0,"No Error."\r\n'
    assert line(client).startswith(b"NHI")
    assert line(client).startswith(b"NHV")


def test_a_trigger_works_as_a_query(client: socket.socket) -> None:
    for command in SWEEP:
        client.sendall(command)
    begin = time.monotonic()
    assert asked(client, b"XE\n").count(b"NHI") == 3
    assert time.monotonic() - begin > 0.9 * QUIET_S
    assert asked(client, b"ERRX?\n") == b'+0,"No Error."\r\n'


def test_answers_go_before_the_data_of_a_trigger(client: socket.socket) -> None:
    client.sendall(b"".join(SWEEP) + b"XE\nERRX?\nNUB?\n*OPC?\n")
    assert line(client) == b'+0,"No Error."\r\n'
    assert line(client) == b"3\r\n"
    assert line(client) == b"1\r\n"
    assert line(client).count(b"NHI") == 3
    assert asked(client, b"NUB?\n") == b"0\r\n"


def test_data_that_wait_can_be_cleared(client: socket.socket) -> None:
    client.sendall(b"".join(SWEEP) + b"XE\nBC\n*OPC?\n")
    assert line(client) == b"1\r\n"
    assert asked(client, b"ERRX?\n") == b'+0,"No Error."\r\n'


# Clients that misbehave


def test_an_oversized_line_is_error_150_and_does_nothing(client: socket.socket) -> None:
    client.sendall(b"CN 8;" + b"*OPC?;" * 20_000 + b"\n")
    assert asked(client, b"ERRX?\n") == b'+150,"Command input buffer is full."\r\n'
    assert asked(client, b"*LRN? 0\n") == b"CL\r\n"


def test_an_endless_line_is_not_kept(client: socket.socket, bench: ServedBench) -> None:
    for _ in range(64):
        client.sendall(b"\x00" * 65536)
    assert asked(client, b"\nERRX?\n") == b'+150,"Command input buffer is full."\r\n'


def test_garbage_gets_errors_not_silence(client: socket.socket) -> None:
    client.sendall(b"\xff\xfe\x00GET / HTTP/1.1\n")
    assert asked(client, b"ERRX?\n").startswith(b"+100,")


def test_a_half_line_dies_with_its_client(bench: ServedBench) -> None:
    with bench.raw() as connection:
        asked(connection, b"*OPC?\n")
        connection.sendall(b"CN 8")
    with bench.raw() as connection:
        assert asked(connection, b"*LRN? 0\n") == b"CL\r\n"
    assert bench.chip.held.get("VDD") is None


def test_the_next_client_does_not_get_what_the_last_left(bench: ServedBench) -> None:
    with bench.raw() as connection:
        connection.sendall(b"".join(SWEEP))
        assert asked(connection, b"XE;NUB?\n") == b"3\r\n"
    wait_for(lambda: bench.times_kept)
    with bench.raw() as connection:
        assert asked(connection, b"NUB?\n") == b"0\r\n"


def test_a_reset_connection_frees_the_place(bench: ServedBench) -> None:
    connection = bench.raw()
    asked(connection, b"*OPC?\n")
    # No linger: closing sends a reset, as the death of a program's machine does.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00" + b"\x00" * 4)
    connection.sendall(b"*IDN?\n" * 1000)
    connection.close()
    wait_for(lambda: bench.times_kept == 1)
    with bench.raw() as connection:
        assert asked(connection, b"*OPC?\n") == b"1\r\n"


def test_outputs_stay_when_a_client_leaves(bench: ServedBench) -> None:
    with bench.raw() as connection:
        assert asked(connection, b"CN 8;DV 8,0,1,1E-3;*OPC?\n") == b"1\r\n"
    wait_for(lambda: bench.times_kept == 1)
    assert bench.chip.held["VDD"] == 1.0


# Places


@pytest.mark.usefixtures("impatience")
def test_a_second_flex_client_is_refused(client: socket.socket, bench: ServedBench) -> None:
    asked(client, b"*OPC?\n")
    with bench.raw() as second:
        answer = asked(second, b"*IDN?\n")
        assert answer.startswith(b"refused: this instrument takes one FLEX and one WGFMU session")
        assert second.recv(1) == b""
    assert asked(client, b"*OPC?\n") == b"1\r\n"


@pytest.mark.usefixtures("impatience")
def test_a_silent_client_is_a_flex_client(
    bench: ServedBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "DECISION_S", 0.05)
    with bench.raw():
        wait_for(lambda: Kind.FLEX in bench.server._connections.values())
        with bench.raw() as second:
            assert line(second).startswith(b"refused:")


@pytest.mark.usefixtures("impatience")
def test_a_third_client_is_refused(client: socket.socket, bench: ServedBench) -> None:
    asked(client, b"*OPC?\n")
    library = bench.library_client()
    library.call("openSession", bench.address)
    with bench.raw() as third:
        assert line(third).startswith(b"refused:")
        assert third.recv(1) == b""
    library.call("initialize")
    assert asked(client, b"*OPC?\n") == b"1\r\n"


def test_a_place_is_free_again(bench: ServedBench) -> None:
    for count in range(1, 4):
        with bench.raw() as connection:
            assert asked(connection, b"*OPC?\n") == b"1\r\n"
        wait_for(lambda expected=count: bench.times_kept == expected)


def test_stopping_closes_sessions_and_writes_the_die(bench: ServedBench) -> None:
    with bench.raw() as connection:
        asked(connection, b"*OPC?\n")
        bench.server.stop()
        assert connection.recv(1) == b""
    assert bench.times_kept == 2
    with pytest.raises(ConnectionRefusedError):
        bench.raw()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pieces=st.lists(st.binary(max_size=600), max_size=8))
def test_any_bytes_leave_a_server_that_answers(bench: ServedBench, pieces: list[bytes]) -> None:
    kept = bench.times_kept
    with bench.raw() as connection:
        # The first byte of a WGFMU session must not begin it.
        connection.sendall(b" ")
        for piece in pieces:
            connection.sendall(piece)
        connection.sendall(b"\n*RST\nBC\n*IDN?\n")
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    assert received.endswith(b"Agilent Technologies,B1500A,0,A.06.02.2023.0401\r\n")
    wait_for(lambda: bench.times_kept == kept + 1)
    bench.station.errors.clear()
