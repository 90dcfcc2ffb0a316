"""`labctl twin serve` as a process of its own."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from instruments.sim.chip.die import Die
from labctl.benchfile import example_file
from labctl.twin_cli import twin_app
from tests.protocol.served import PATIENCE_S, asked
from tests.simulated import bent_setup

PROGRAM = f"""
from instruments.sim.served import board, server
from labctl.twin_cli import twin_app
server.DECISION_S = server.PLACE_S = server.ORDER_S = board.PLACE_S = {PATIENCE_S}
twin_app()
"""
"""It waits for its clients as long as they take, as `tests.protocol.conftest.patience` has it."""


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-c", PROGRAM, *map(str, arguments)]


@contextmanager
def serving(*arguments: object) -> Iterator[tuple[subprocess.Popen[str], tuple[str, int]]]:
    """The running command and where it listens."""
    process = subprocess.Popen(
        command("serve", "--port", 0, *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            found = re.search(r"TCPIP::(\S+)::(\d+)::SOCKET", process.stdout.readline())
            assert found is not None
            assert f"LABCTL_TWIN={found[1]}:{found[2]}" in process.stdout.readline()
            yield process, (found[1], int(found[2]))
        finally:
            process.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without a signal")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_keeps_the_die(tmp_path: Path, number: signal.Signals) -> None:
    with serving("--die", "d", "--dies", tmp_path, "--seed", 4) as (process, address):
        assert address[0] == "127.0.0.1"
        with socket.create_connection(address, timeout=PATIENCE_S) as flex:
            assert asked(flex, b"PA 3;*OPC?\n") == b"1\r\n"
            process.send_signal(number)
            assert process.wait() == 0
            assert flex.recv(1) == b""
        assert process.stderr is not None
        assert process.stderr.read() == ""
    die = Die.load(tmp_path / "d.npz")
    assert die.seed == 4
    assert die.clock_s > 3.0


def refused(*arguments: object) -> str:
    done = CliRunner().invoke(twin_app, ["serve", *map(str, arguments)])
    assert done.exit_code == 2
    assert done.stdout == ""
    return done.stderr


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        text = refused("--port", port, "--dies", tmp_path)
    assert text.startswith(f"labctl: 127.0.0.1 port {port} cannot be listened on: ")
    assert text.count("\n") == 1


def test_a_real_bench_is_one_sentence() -> None:
    text = refused("--bench", example_file("b1500"))
    assert text.endswith("is real: only a simulated one can be served\n")


def test_a_die_that_cannot_be_written_shows_at_once(tmp_path: Path) -> None:
    (tmp_path / "dies").write_text("", encoding="utf-8")
    assert "die 'd' cannot be locked: " in refused("--die", "d", "--dies", tmp_path / "dies")


def test_a_die_that_is_served_is_not_served_twice(tmp_path: Path) -> None:
    with serving("--die", "d", "--dies", tmp_path) as (process, _):
        text = refused("--die", "d", "--dies", tmp_path)
        assert text.startswith("labctl: die 'd' is in use by ")
        assert f"(process {process.pid} on " in text
        assert text.count("\n") == 1
    # It was killed: what it left is explained and cleared.
    with serving("--die", "d", "--dies", tmp_path) as (process, address):
        with socket.create_connection(address, timeout=PATIENCE_S) as flex:
            assert asked(flex, b"*OPC?\n") == b"1\r\n"
        process.kill()
        assert process.stderr is not None
        assert "die 'd' was left locked by " in process.stderr.read()


def test_a_decoder_board_has_a_port_of_its_own(tmp_path: Path) -> None:
    lines = "lines = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"
    board = bent_setup(
        tmp_path,
        ("mainframe.digital_io", "board.address"),
        ("[address]", "[board]"),
        (lines, 'visa = "sim"'),
    )
    with serving("--bench", board.file, "--board-port", 0) as (process, _):
        assert process.stdout is not None
        found = re.match(r"decoder board at TCPIP::(\S+)::(\d+)::SOCKET", process.stdout.readline())
        assert found is not None
        with socket.create_connection((found[1], int(found[2])), timeout=PATIENCE_S) as line:
            assert asked(line, b"ADDR 3,17\n") == b"OK\n"
            assert asked(line, b"ADDR?\r\n") == b"3,17\n"
