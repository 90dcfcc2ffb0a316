"""The simulated decoder board on its port: the driver over PyVISA, and clients of every manner."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import numpy as np
import pytest
from pymeasure.adapters import VISAAdapter

from instruments.sim.clock import VirtualClock
from instruments.sim.decoder_board import SimulatedDecoderBoard
from instruments.sim.flex.mainframe import Mainframe
from instruments.sim.served import board as board_module
from instruments.sim.served.board import REFUSAL, BoardServer
from instruments.sim.served.shared import SharedInstrument
from instruments.sim.station import Station
from instruments.sim.wgfmu.library import SimulatedWgfmu
from instruments.testchip.decoder_board import CONNECTION, DecoderBoard, DecoderBoardError
from tests.fakes import FakeChip
from tests.protocol.served import PATIENCE_S, asked, line


@pytest.fixture
def chip() -> FakeChip:
    return FakeChip()


@pytest.fixture
def served(chip: FakeChip) -> Iterator[BoardServer]:
    station = Station(chip, VirtualClock())
    mainframe = Mainframe(station, np.random.default_rng(1))
    instrument = SharedInstrument(mainframe, SimulatedWgfmu(station, np.random.default_rng(2)))
    with BoardServer(instrument, SimulatedDecoderBoard(station)) as server:
        yield server


def client(served: BoardServer) -> socket.socket:
    return socket.create_connection(served.address, timeout=PATIENCE_S)


def adapter_of(served: BoardServer) -> VISAAdapter:
    """A PyVISA session to the board that waits for its answers as long as they take."""
    resource = f"TCPIP::127.0.0.1::{served.address[1]}::SOCKET"
    patient = {**CONNECTION, "timeout": 1000 * PATIENCE_S}
    return VISAAdapter(resource, visa_library="@py", **patient)


def test_the_driver_over_pyvisa(served: BoardServer, chip: FakeChip) -> None:
    adapter = adapter_of(served)
    try:
        board = DecoderBoard(adapter)
        board.open()
        board.select(3, 17)
        assert chip.selected == (3, 17)
        adapter.write("ADDR 32,0")
        assert adapter.read() == "ERROR"
        assert board.drain_errors() == ["-222,Data out of range"]
        with pytest.raises(ValueError, match="row and column are 0 to 31"):
            board.select(32, 0)
    finally:
        adapter.close()
    assert chip.selected == (3, 17)


def test_a_second_client_is_refused_and_the_first_goes_on(
    served: BoardServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with client(served) as first:
        assert asked(first, b"ADDR 1,2\n") == b"OK\n"
        with monkeypatch.context() as patch:
            patch.setattr(board_module, "PLACE_S", 0.0)
            with client(served) as second:
                second.sendall(b"ADDR 5,5\n")
                assert line(second) == REFUSAL.encode()
                assert line(second) == b""
        assert asked(first, b"ADDR?\n") == b"1,2\n"
    with client(served) as third:
        assert asked(third, b"ADDR?\n") == b"1,2\n"


def test_garbage_half_lines_and_endless_lines_are_answered_by_one_line_each(
    served: BoardServer,
) -> None:
    with client(served) as one:
        one.sendall(b"ADDR 4,")
        one.sendall(b"5\n")
        assert line(one) == b"OK\n"
        assert asked(one, b"\xff\x00ADDR\n") == b"ERROR\n"
        assert asked(one, b"A" * 300_000 + b"\n") == b"ERROR\n"
        assert asked(one, b"ADDR?\n") == b"4,5\n"
        one.sendall(b"ADDR 9,9")  # and gone
    with client(served) as other:
        assert asked(other, b"ADDR?\n") == b"4,5\n"


def test_the_driver_says_that_the_board_is_gone(served: BoardServer) -> None:
    adapter = adapter_of(served)
    try:
        board = DecoderBoard(adapter)
        board.open()
        served.close()
        adapter.connection.timeout = CONNECTION["timeout"]
        with pytest.raises(DecoderBoardError, match="decoder board: "):
            board.select(1, 1)
    finally:
        adapter.close()
