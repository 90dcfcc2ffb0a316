"""WGFMU sessions to a served and to a private twin: one instrument, clients that come and go."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from ctypes import byref, c_double, c_int, create_string_buffer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instruments.sim.chip.die import Die
from instruments.sim.clock import VirtualClock
from instruments.sim.flex.mainframe import Mainframe
from instruments.sim.served import server, wire
from instruments.sim.served.client import AttachedWgfmu
from instruments.sim.served.shared import SharedInstrument
from instruments.sim.station import Path as SwitchPath
from instruments.sim.station import Station
from instruments.sim.waveform import PadWaveform
from instruments.sim.wgfmu.library import SimulatedWgfmu
from instruments.wgfmu.library import WgfmuLibrary
from labctl.bench import DieChoice
from labctl.benchfile import load_setup
from labctl.twin import twin_server, wgfmu_library
from tests.fakes import FakeChip
from tests.protocol.served import PATIENCE_S, ServedBench, asked, line, served, wait_for
from tests.protocol.wgfmu_client import FASTIV, Client

OTHER_ADDRESS = b"GPIB0::17::INSTR"


@pytest.fixture
def bench() -> Iterator[ServedBench]:
    with served() as bench:
        yield bench


@pytest.fixture
def client(bench: ServedBench) -> Client:
    return bench.library_client()


def error_of(library: WgfmuLibrary) -> str:
    """The oldest error text."""
    text = create_string_buffer(1000)
    assert library.WGFMU_getError(text, byref(c_int(1000))) == 0
    return text.value.decode()


def pulse(client: Client, loops: float = 1.0) -> None:
    """0 to 1 V in 1 us, 1 us at 1 V, back in 1 us, on 101."""
    client.pattern(b"pulse", 0.0, [1e-6, 2e-6, 3e-6], [1.0, 1.0, 0.0])
    client.call("addSequence", 101, b"pulse", loops)


# One instrument


def test_a_queued_flex_error_keeps_a_session_from_opening(
    bench: ServedBench, client: Client
) -> None:
    with bench.raw() as flex:
        assert asked(flex, b"*CLS;*OPC?\n") == b"1\r\n"
        assert client.code("openSession", bench.address) == -6
        assert "100 Undefined GPIB command." in client.summary()
        assert asked(flex, b"ERRX?\n").startswith(b"+100")
        client.call("openSession", bench.address)


def test_pulses_and_spots_meet_at_one_chip_and_one_clock(
    bench: ServedBench, client: Client
) -> None:
    with bench.raw() as flex:
        flex.sendall(b"CN 5;DV 5,0,0.1,1E-3\n")
        pulse(client)
        client.open(101)
        client.run()
        assert bench.chip.played[-1].volts["SL"].max() == pytest.approx(1.0)
        assert asked(flex, b"TI 5,0\n").startswith(b"N"), "open at the RSU: no current"
        assert bench.chip.held["SL"] == 0.0
        client.call("setOperationMode", 101, 2003)
        client.call("connect", 101)
        before = bench.clock.now()
        assert float(asked(flex, b"TI 5,0\n")[3:]) == pytest.approx(1e-5, rel=1e-2)
        assert bench.clock.now() > before


@pytest.mark.parametrize(
    "nagle",
    [
        False,
        pytest.param(
            True,
            marks=pytest.mark.skipif(sys.platform != "linux", reason="no quick acknowledgements"),
        ),
    ],
)
def test_a_call_comes_after_the_lines_that_were_sent_before_it(
    bench: ServedBench, client: Client, nagle: bool
) -> None:
    """An address that came after the pulse would program the wrong cell."""
    pulse(client)
    client.open(101)
    selected = []
    play = bench.chip.play

    def played(waveform: PadWaveform, samples: Any = None) -> Any:
        selected.append(bench.chip.selected)
        return play(waveform, samples)

    bench.chip.play = played  # type: ignore[method-assign]
    addresses = [(n % 32, 7 * n % 32) for n in range(200)]
    with bench.raw() as flex:
        flex.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, int(not nagle))
        for row, column in addresses:
            flex.sendall(b"TSR 5\n" * (row % 3))
            flex.sendall(f"ERC 2,{0xFFFF & ~(row | column << 5)}\r\n".encode())
            client.run()
    assert selected == addresses


def test_a_client_that_floods_does_not_hold_up_the_other(
    bench: ServedBench, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "ORDER_S", 0.1)
    pulse(client)
    client.open(101)
    ended = threading.Event()

    def flood() -> None:
        with bench.raw() as flex:
            while not ended.is_set():
                flex.sendall(b"TSR 5\n" * 1000)

    flooding = threading.Thread(target=flood)
    flooding.start()
    try:
        for _ in range(3):
            client.run()
    finally:
        ended.set()
        flooding.join()


def test_building_offline_costs_no_round_trip(bench: ServedBench, client: Client) -> None:
    before = bench.clock.now()
    pulse(client)
    assert client.integer("getPatternForceValueSize", b"pulse") == 4
    assert bench.wgfmu.software().patterns == {}
    assert bench.clock.now() == before
    client.open(101)
    client.run()
    assert list(bench.wgfmu.software().patterns) == ["pulse"]


def test_an_unchanged_setup_is_neither_sent_nor_downloaded_again(
    bench: ServedBench, client: Client
) -> None:
    pulse(client)
    client.open(101)
    client.run()
    before = bench.clock.now()
    client.call("setTimeout", 50.0)
    client.call("execute")
    assert bench.clock.now() - before == pytest.approx(bench.clock.times.wgfmu_call)


def test_voltages_arrive_bit_for_bit(bench: ServedBench, client: Client) -> None:
    volts = np.random.default_rng(3).uniform(-1, 1, 500)
    client.pattern(b"noise", 0.1, list(np.arange(1, 501) * 1e-7), list(volts))
    client.call("addSequence", 101, b"noise", 1.0)
    client.open(101)
    client.call("update")
    assert bench.wgfmu.software().patterns["noise"].volts == [0.1, *volts]


# Clients that go


PROGRAM = """
import sys
from ctypes import c_double
from instruments.wgfmu.library import WgfmuLibrary
from labctl.bench import DieChoice
from labctl.benchfile import load_setup
from labctl.twin import twin_server, wgfmu_library
library = wgfmu_library()
def call(name, *arguments):
    code = getattr(library, "WGFMU_" + name)(*arguments)
    assert code == 0, (name, code)
call("createPattern", b"ramp", 0.0)
call("addVector", b"ramp", 1.0, 1.0)
call("addSequence", 101, b"ramp", 1.0)
call("openSession", b"GPIB0::17::INSTR")
call("initialize")
call("setOperationMode", 101, 2001)
call("connect", 101)
call("execute")
print("started", flush=True)
sys.stdin.read()
"""


def test_a_killed_program_does_not_stop_its_execution(bench: ServedBench) -> None:
    environment = {**os.environ, "LABCTL_TWIN": f"127.0.0.1:{bench.port}"}
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    )
    with program, bench.raw() as flex:
        assert program.stdout is not None
        assert program.stdout.readline() == b"started\n"
        program.kill()
        program.wait()
        wait_for(lambda: bench.times_kept == 1)
        begin = bench.clock.now()
        assert asked(flex, b"PA 0.25;*OPC?\n") == b"1\r\n"
        half_way = bench.library_client()
        half_way.call("openSession", OTHER_ADDRESS)
        passed = bench.clock.now() - begin
        status = half_way.status()
        assert status[0] == 10005, "running, though not what this client has set up"
        assert 0.25 <= status[1] < 0.35
        volts = bench.station.channel_volts[101]
        assert passed <= volts < passed + 0.1
        half_way.call("abort")
        assert asked(flex, b"PA 0.5;*OPC?\n") == b"1\r\n"
        assert bench.station.channel_volts[101] < 0.4


def test_the_next_client_begins_anew(bench: ServedBench, client: Client) -> None:
    pulse(client)
    client.open(101)
    client.call("closeSession")
    wait_for(lambda: bench.times_kept == 1)
    assert bench.station.channel_path[101] is SwitchPath.WGFMU
    other = bench.library_client()
    other.call("openSession", OTHER_ADDRESS)
    assert other.integer("getOperationMode", 101) == 2003
    assert other.code("execute") == -6
    assert "3201" in other.summary()


def test_a_second_library_is_refused(
    bench: ServedBench, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.call("openSession", bench.address)
    other = bench.library_client()
    with monkeypatch.context() as patch:
        patch.setattr(server, "PLACE_S", 0.0)
        assert other.code("openSession", bench.address) == -5
    assert "one FLEX and one WGFMU session at a time" in other.summary()
    client.call("closeSession")
    wait_for(lambda: bench.times_kept == 1)
    other.call("openSession", bench.address)


def test_a_session_opens_again_at_once(bench: ServedBench, client: Client) -> None:
    for _ in range(30):
        client.call("openSession", bench.address)
        client.call("closeSession")


def test_a_lost_connection_is_minus_5_until_a_session_is_opened(client: Client) -> None:
    with served() as lost:
        pulse(client)
        client.call("openSession", lost.address)
        client.call("initialize")
    for name, arguments in (("connect", (101,)), ("execute", ()), ("initialize", ())):
        assert client.code(name, *arguments) == -5
    text = client.summary()
    assert text.count("The connection to the served twin is lost") == 3
    assert text.startswith("-5: Error in WGFMU_connect(101);\n\t")
    assert client.integer("getPatternForceValueSize", b"pulse") == 4, "software goes on"
    assert client.code("closeSession") == -5
    assert client.code("closeSession") == -3
    client.open(101)
    client.run()
    assert client.status()[0] == 10000


# Addresses


def attached(variable: str | None = None) -> AttachedWgfmu:
    """A library with a private twin on resistors."""

    def private() -> SimulatedWgfmu:
        station = Station(FakeChip(resistances={"SL": 1e4}), VirtualClock())
        return SimulatedWgfmu(station, np.random.default_rng(1))

    return AttachedWgfmu(private, {} if variable is None else {"LABCTL_TWIN": variable})


def test_a_private_twin_outlives_its_sessions() -> None:
    library = attached().library()
    for step in (0.1, 0.2):
        assert library.WGFMU_openSession(OTHER_ADDRESS) == 0
        volts = c_double()
        if step == 0.1:
            assert library.WGFMU_initialize() == 0
            assert library.WGFMU_setOperationMode(101, 2000) == 0
            assert library.WGFMU_connect(101) == 0
            assert library.WGFMU_dcforceVoltage(101, 0.1) == 0
        assert library.WGFMU_dcmeasureAveragedValue(101, 1000, 1, byref(volts)) == 0
        assert volts.value == pytest.approx(0.1, abs=1e-2)
        assert library.WGFMU_closeSession() == 0


def test_a_private_twin_has_a_chip() -> None:
    library = wgfmu_library()
    assert library.WGFMU_openSession(b"b1500gpib") == 0
    assert library.WGFMU_initialize() == 0
    assert library.WGFMU_setOperationMode(401, 2000) == 0
    assert library.WGFMU_setMeasureMode(401, 4001) == 0
    assert library.WGFMU_setMeasureCurrentRange(401, 6004) == 0
    assert library.WGFMU_connect(401) == 0
    value = c_double(np.nan)
    assert library.WGFMU_dcmeasureAveragedValue(401, 1000, 1, byref(value)) == 0
    assert abs(value.value) < 1e-5, "unpowered"
    assert library.WGFMU_closeSession() == 0


@pytest.mark.parametrize(
    ("variable", "address", "expected"),
    [
        ("nonsense", OTHER_ADDRESS, "LABCTL_TWIN must be host:port"),
        ("127.0.0.1:99999", OTHER_ADDRESS, "does not answer"),
        ("127.0.0.1:1", OTHER_ADDRESS, "`labctl twin serve` starts"),
        ("127.0.0.1:1", b"TCPIP0::127.0.0.1::2::SOCKET", "TCPIP0::127.0.0.1::2::SOCKET does not"),
    ],
)
def test_an_address_where_nothing_is(variable: str, address: bytes, expected: str) -> None:
    library = attached(variable).library()
    assert library.WGFMU_openSession(address) == -5
    assert expected in error_of(library)
    assert library.WGFMU_closeSession() == -3


# Clients that misbehave


SETUP = {"timeout": 100.0, "reported": 1002, "as_errors": 1000, "patterns": {}, "channels": []}
RAMP = {"ticks": [0, 100], "volts": [0.0, 1.0], "events": []}
EVENT = {"name": "e", "start": 0, "points": 1, "interval": 1, "average": 0, "raw": False}
CHANNEL = {"number": 101, "sequences": []}


def with_pattern(**changes: object) -> dict[str, Any]:
    return {**SETUP, "patterns": {"p": {**RAMP, **changes}}}


def with_channel(**changes: object) -> dict[str, Any]:
    return {**SETUP, "patterns": {"p": RAMP}, "channels": [{**CHANNEL, **changes}]}


HOSTILE = [
    b"not JSON\n",
    b"[]\n",
    b"[" * 100_000 + b"\n",
    b'{"call": "WGFMU_addVector", "arguments": []}\n',
    b'{"call": ["WGFMU_execute"], "arguments": []}\n',
    b'{"call": "WGFMU_execute"}\n',
    b'{"call": "WGFMU_connect", "arguments": ["x"]}\n',
    b'{"call": "WGFMU_connect", "arguments": [null]}\n',
    b'{"call": "WGFMU_dcmeasureValue", "arguments": [101, {"room": -1}]}\n',
    b'{"call": "WGFMU_dcmeasureValue", "arguments": [101, {"room": 1e99}]}\n',
    b'{"call": "WGFMU_dcmeasureValue", "arguments": [101, {"room": 99999999999}]}\n',
    b'{"call": "WGFMU_dcmeasureValue", "arguments": [101, 7]}\n',
    *(
        json.dumps({"call": "WGFMU_update", "arguments": [], "setup": setup}).encode() + b"\n"
        for setup in (
            7,
            {},
            {**SETUP, "timeout": float("nan")},
            {**SETUP, "reported": 7},
            {**SETUP, "patterns": {"p": None}},
            with_pattern(ticks=[]),
            with_pattern(ticks=[0]),
            with_pattern(ticks=[1, 2]),
            with_pattern(ticks=[0, 0]),
            with_pattern(ticks=[0, 10**30]),
            with_pattern(volts=[0.0, float("nan")]),
            with_pattern(volts=[0.0, "x"]),
            with_pattern(events=[{**EVENT, "points": 0}]),
            with_pattern(events=[{**EVENT, "interval": 0}]),
            with_pattern(events=[{**EVENT, "points": 10**6}]),
            with_pattern(events=[{**EVENT, "start": -1}]),
            with_pattern(events=[{"name": "e"}]),
            with_channel(mode=7),
            with_channel(number="x"),
            with_channel(force_delay=1000),
            with_channel(sequences=[["q", 1]]),
            with_channel(sequences=[["p", 0]]),
            with_channel(sequences=[["p", 2**41]]),
        )
    ),
]


@pytest.mark.parametrize("request_line", HOSTILE, ids=range(len(HOSTILE)))
def test_a_request_that_no_library_sends_ends_the_session_only(
    bench: ServedBench, request_line: bytes
) -> None:
    with bench.raw() as connection, bench.raw() as flex:
        assert asked(connection, wire.HANDSHAKE).startswith(b'{"modules"')
        connection.sendall(request_line)
        assert connection.recv(1) == b""
        assert asked(flex, b"*OPC?\n") == b"1\r\n"
    assert bench.wgfmu.software().patterns == {}
    assert bench.wgfmu.failure is None
    wait_for(lambda: bench.times_kept)
    bench.library_client().open(101)


def test_the_setups_above_are_refused_for_their_fault_alone(bench: ServedBench) -> None:
    setup = with_channel(sequences=[["p", 1]], mode=FASTIV)
    setup["patterns"] = {"p": {**RAMP, "events": [EVENT]}}
    request = {"call": "WGFMU_openSession", "arguments": ["x"], "setup": setup}
    with bench.raw() as connection:
        asked(connection, wire.HANDSHAKE)
        reply = json.loads(asked(connection, json.dumps(request).encode() + b"\n"))
    assert reply == {"code": 0, "results": [None], "errors": [], "warnings": []}


def test_another_handshake_is_refused(bench: ServedBench) -> None:
    with bench.raw() as connection:
        assert asked(connection, b"\x01labctl WGFMU 99\n").startswith(b"refused:")
        assert connection.recv(1) == b""


def test_a_huge_room_gets_what_there_is(bench: ServedBench, client: Client) -> None:
    client.pattern(b"p", 0.0, [1e-5], [0.0])
    client.call("setMeasureEvent", b"p", b"e", 0.0, 5, 1e-6, 0.0, 12000)
    client.call("addSequence", 101, b"p", 1.0)
    client.open(101)
    client.run()
    size, times, values = c_int(2**31 - 1), (c_double * 5)(), (c_double * 5)()
    client.call("getMeasureValues", 101, 0, byref(size), times, values)
    assert size.value == 5
    assert list(times) == pytest.approx([0, 1e-6, 2e-6, 3e-6, 4e-6])


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pieces=st.lists(st.binary(max_size=400), max_size=6))
def test_any_bytes_after_the_handshake_leave_a_server_that_answers(
    bench: ServedBench, pieces: list[bytes]
) -> None:
    kept = bench.times_kept
    with bench.raw() as connection:
        assert asked(connection, wire.HANDSHAKE).startswith(b"{")
        for piece in pieces:
            try:
                connection.sendall(piece)
            except OSError:
                break
    wait_for(lambda: bench.times_kept == kept + 1)
    assert bench.wgfmu.failure is None
    with bench.raw() as flex:
        assert asked(flex, b"*OPC?\n") == b"1\r\n"
    wait_for(lambda: bench.times_kept == kept + 2)


# Time


def test_on_a_paced_bench_idle_time_passes() -> None:
    station = Station(FakeChip(), VirtualClock(pace=20.0))
    rng = np.random.default_rng(1)
    shared = SharedInstrument(Mainframe(station, rng), SimulatedWgfmu(station, rng))
    with shared:
        before = station.clock.now()
    # More than it must, as a clock may be coarse.
    time.sleep(0.1)
    with shared:
        assert station.clock.now() - before >= 1.0


def test_flat_out_idle_time_does_not_pass(bench: ServedBench) -> None:
    with bench.raw() as flex:
        asked(flex, b"*OPC?\n")
        before = bench.clock.now()
        time.sleep(0.05)
        asked(flex, b"*OPC?\n")
    assert bench.clock.now() - before == pytest.approx(bench.clock.times.flex_transaction)


# The die


def test_a_named_die_is_written_when_a_client_leaves_and_at_the_end(tmp_path: Path) -> None:
    file = tmp_path / "dies" / "d.npz"
    with twin_server(load_setup(None), DieChoice("d", 7, tmp_path / "dies")) as server:
        assert Die.load(file).clock_s == 0.0
        with socket.create_connection(server.address, timeout=PATIENCE_S) as flex:
            flex.sendall(b"PA 1;*OPC?\n")
            assert line(flex) == b"1\r\n"
        wait_for(lambda: Die.load(file).clock_s > 1.0)
        with socket.create_connection(server.address, timeout=PATIENCE_S) as flex:
            flex.sendall(b"PA 1;*OPC?\n")
            assert line(flex) == b"1\r\n"
    assert Die.load(file).clock_s > 2.0
