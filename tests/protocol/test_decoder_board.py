"""The decoder board: its protocol word for word, its driver, and runs whose address it carries."""

from __future__ import annotations

import socketserver
import threading

import numpy as np
import pytest
from pymeasure.adapters import VISAAdapter
from pymeasure.test import expected_protocol

from instruments.sim.clock import BenchTimes, VirtualClock
from instruments.sim.decoder_board import IDENTITY, BoardAdapter, SimulatedDecoderBoard
from instruments.sim.station import Station
from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.decoder_board import CONNECTION, DecoderBoard, DecoderBoardError
from labctl.bench import Bench, DieChoice
from labctl.benchfile import BenchSetup
from labctl.runs import run
from labctl.store.folder import RunFolder
from tests.fakes import FakeChip
from tests.protocol.served import PATIENCE_S
from tests.simulated import bent_setup, devices, request, small_bench_file, some_bits, station_of

SEED = 7_340_025
WITH_BOARD = (
    ('address = "mainframe.digital_io"', 'address = "board.address"'),
    ("[address]", "[board]"),
    ("lines = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]", 'visa = "sim"'),
)
OPENED = [("*IDN?", IDENTITY), ("ERR?", "0,No error")]


@pytest.fixture
def fake():
    return FakeChip()


@pytest.fixture
def board(fake):
    return SimulatedDecoderBoard(Station(fake, VirtualClock()))


class Unreliable(SimulatedDecoderBoard):
    """A board whose next reply to the ``n``-th line is late: that read times out."""

    late = 0

    def write(self, line):
        super().write(line)
        self.late -= 1

    def read(self):
        if self.late == 0:
            self.late = -1
            raise TimeoutError("timed out")
        return super().read()

    def clear(self):
        """The late reply has not come yet when the buffer is flushed."""


def says(board, line):
    board.write(line)
    return board.read()


@pytest.mark.parametrize(
    ("line", "reply", "error"),
    [
        ("ADDR 5,17", "OK", None),
        ("addr 31 , 0", "OK", None),
        ("ADDR  0,31", "OK", None),
        ("ADDR 32,0", "ERROR", "-222,Data out of range"),
        ("ADDR 0,32", "ERROR", "-222,Data out of range"),
        ("ADDR -1,0", "ERROR", "-102,Syntax error"),
        ("ADDR 5", "ERROR", "-102,Syntax error"),
        ("ADDR 5,17,1", "ERROR", "-102,Syntax error"),
        ("ADDR 5;17", "ERROR", "-102,Syntax error"),
        ("ADDR \u0665,1", "ERROR", "-102,Syntax error"),
        ("ADDR", "ERROR", "-113,Undefined header"),
        ("FLY?", "ERROR", "-113,Undefined header"),
        ("", "ERROR", "-113,Undefined header"),
        ("ADDR 1," + "0" * 100 + "1", "ERROR", "-102,Syntax error"),
    ],
)
def test_every_line_is_answered_by_one_line(board, line, reply, error):
    assert says(board, line) == reply
    assert says(board, "ERR?") == (error or "0,No error")
    assert says(board, "ERR?") == "0,No error"
    with pytest.raises(TimeoutError):
        board.read()


def test_a_refused_address_moves_no_line(board, fake):
    assert says(board, "ADDR?") == "0,0"
    says(board, "ADDR 5,17")
    says(board, "ADDR 40,3")
    assert says(board, "ADDR?") == "5,17"
    assert fake.selected == (5, 17)


def test_the_error_queue_holds_16_and_says_when_it_was_too_short(board):
    for _ in range(20):
        says(board, "FLY?")
    errors = [says(board, "ERR?") for _ in range(17)]
    assert errors == [
        *["-113,Undefined header"] * 15,
        "-350,Queue overflow",
        "0,No error",
    ]


def test_the_board_carries_the_address_and_the_digital_lines_reach_nothing(fake):
    station = Station(fake, VirtualClock())
    assert fake.selected == (31, 31)
    SimulatedDecoderBoard(station)
    assert fake.selected == (0, 0)
    station.set_digital_output(0xFFFF)
    assert fake.selected == (0, 0)


def test_opening_and_selecting_sends_exactly_this():
    pairs = [*OPENED, ("ADDR 5,17", "OK"), ("ADDR?", "5,17")]
    with expected_protocol(DecoderBoard, pairs) as driver:
        driver.select(5, 17)


def test_what_is_left_from_an_earlier_program_is_thrown_away():
    pairs = [
        ("*IDN?", "OK"),
        (None, "5,17"),
        (None, IDENTITY + "\r"),
        ("ERR?", "-222,Data out of range"),
        ("ERR?", "0,No error"),
    ]
    with expected_protocol(DecoderBoard, pairs) as driver:
        driver.open()


@pytest.mark.parametrize(
    ("pairs", "sentence"),
    [
        ([("*IDN?", "KEITHLEY,MODEL 2400,1,C30")], "'KEITHLEY,MODEL 2400,1,C30' answers"),
        ([("*IDN?", "OK"), *[(None, "OK")] * 15], "not answered by an identity"),
        ([("*IDN?", IDENTITY), ("ERR?", "what?")], "ERR\\? was answered by 'what\\?'"),
        ([*OPENED, ("ADDR 5,17", "5,17")], "ADDR 5,17 was answered by '5,17'"),
        ([*OPENED, ("ADDR 5,17", "")], "ADDR 5,17 was answered by ''"),
        (
            [*OPENED, ("ADDR 5,17", "OK"), ("ADDR?", "5,16")],
            "address 5,17 was set, but the lines read '5,16'",
        ),
        (
            [
                *OPENED,
                ("ADDR 5,17", "ERROR"),
                ("ERR?", "-222,Data out of range"),
                ("ERR?", "0,No error"),
            ],
            "refused: -222,Data out of range",
        ),
        ([*OPENED, ("ADDR 5,17", "ERROR"), ("ERR?", "0,No error")], "without a reason"),
        ([*OPENED, ("ADDR 5,17", b"\xff\n")], "no answer to ADDR 5,17"),
    ],
)
def test_a_wrong_reply_is_an_error_that_names_it(pairs, sentence):
    with (
        expected_protocol(DecoderBoard, pairs) as driver,
        pytest.raises(DecoderBoardError, match=sentence),
    ):
        driver.select(5, 17)


@pytest.mark.parametrize("address", [(32, 0), (0, 32), (-1, 0), (0, -1)])
def test_an_address_out_of_range_sends_nothing(address):
    with expected_protocol(DecoderBoard, []) as driver, pytest.raises(ValueError, match="0 to 31"):
        driver.select(*address)


@pytest.mark.parametrize("late", [1, 2])
def test_a_late_reply_is_never_taken_for_the_next_answer(fake, late):
    board = Unreliable(Station(fake, VirtualClock()))
    driver = DecoderBoard(BoardAdapter(board))
    driver.select(1, 2)
    board.late = late
    with pytest.raises(DecoderBoardError, match="no answer to ADDR"):
        driver.select(3, 4)
    driver.select(5, 6)
    assert fake.selected == (5, 6)
    assert driver.drain_errors() == []


def test_a_transaction_costs_bench_time(board):
    clock = board._station.clock
    driver = DecoderBoard(BoardAdapter(board))
    driver.open()
    before = clock.now()
    driver.select(4, 4)
    assert clock.now() - before == pytest.approx(2 * BenchTimes().board_transaction)


class _Line(socketserver.StreamRequestHandler):
    """The board at the other end of a serial server."""

    def handle(self):
        for line in self.rfile:
            self.server.board.write(line.decode("ascii"))
            self.wfile.write(self.server.board.read().encode("ascii") + b"\n")


def test_the_driver_works_over_a_visa_resource(board, fake):
    with socketserver.TCPServer(("127.0.0.1", 0), _Line) as server:
        server.board = board
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        address = f"TCPIP::127.0.0.1::{server.server_address[1]}::SOCKET"
        patient = {**CONNECTION, "timeout": 1000 * PATIENCE_S}
        adapter = VISAAdapter(address, visa_library="@py", **patient)
        try:
            driver = DecoderBoard(adapter)
            for row, column in ((0, 31), (31, 0), (5, 17)):
                driver.select(row, column)
                assert fake.selected == (row, column)
        finally:
            adapter.close()
            server.shutdown()
            thread.join()


def test_a_pattern_programmed_through_the_board_is_the_one_through_the_digital_lines(tmp_path):
    bits = (np.indices((32, 32)).sum(axis=0) % 2).astype(np.uint8)
    sensed = {}
    for name, replacements in (("lines", ()), ("board", WITH_BOARD)):
        folder = tmp_path / name
        folder.mkdir()
        with Bench(bent_setup(folder, *replacements), DieChoice(None, SEED, folder)) as bench:
            chip, where = bench.chip, some_bits(bench.chip, 3, 5)
            chip.form(devices(where))
            chip.program(bits, where, ProgramConditions(set_compliance_a=200e-6))
            sensed[name] = chip.sense(where)
            assert isinstance(chip.connections.decoder, DecoderBoard) == (name == "board")
            if name == "board":
                # As the mainframe's digital lines were at power-on.
                assert station_of(bench).digital_output == 0xFFFF
        assert bench.problems == []
    np.testing.assert_array_equal(sensed["board"], sensed["lines"])
    np.testing.assert_array_equal(sensed["board"][:3, :5], bits[:3, :5])


def test_a_checkerboard_through_the_board_gives_the_same_bits(tmp_path):
    stored = {}
    for name, replacements in (("lines", ()), ("board", WITH_BOARD)):
        setup = BenchSetup(small_bench_file(tmp_path / name, *replacements, rows=2))
        asked = request(setup, tmp_path / name, seed=SEED, programmings=2)
        left = run(asked)
        assert left.status == "success", left.record["reason"]
        stored[name] = left
    for array in ("pattern", "sensed"):
        np.testing.assert_array_equal(stored["board"].array(array), stored["lines"].array(array))
    assert stored["board"].record["roles"]["address"] == "board.address"


def test_a_board_that_fails_ends_the_run_with_its_reason(tmp_path):
    setup = BenchSetup(small_bench_file(tmp_path, *WITH_BOARD, rows=2))
    bench = Bench(setup, DieChoice(None, SEED, tmp_path))
    answer = bench.instruments.board.board._answer
    asked = []

    def stuck(line):
        asked.append(line)
        return "0,0" if line == "ADDR?" and len(asked) > 60 else answer(line)

    bench.instruments.board.board._answer = stuck
    left = RunFolder(run(request(setup, tmp_path, seed=SEED, programmings=1), bench=bench).path)
    assert left.status == "failed"
    assert "was set, but the lines read '0,0'" in left.record["reason"]
    assert bench.problems == []
