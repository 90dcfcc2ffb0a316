"""The WGFMU library as a file, loaded by C, ctypes and cffi programs."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from instruments.sim.wgfmu import shared_library
from instruments.sim.wgfmu.shared_library import HEADER, header_text
from instruments.wgfmu.library import SIGNATURES
from labctl.bench import DieChoice
from labctl.benchfile import load_setup
from labctl.twin import TwinError, build_library, twin_server
from tests.protocol.served import PATIENCE_S, asked

PROGRAMS = Path(__file__).parent / "programs"
PRIVATE = {name: value for name, value in os.environ.items() if name != "LABCTL_TWIN"}
"""The environment, without a served twin."""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built library, its header beside it."""
    try:
        return build_library(tmp_path_factory.mktemp("library"))[0]
    except TwinError as error:
        pytest.skip(str(error))


@pytest.fixture
def compiled(library: Path, tmp_path: Path) -> Callable[..., Path]:
    """Compiles one of the programs against the library."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("gcc is not installed")

    def compile_program(name: str, *options: str) -> Path:
        program = tmp_path / name
        command = [compiler, "-Wall", "-Wextra", "-Werror", PROGRAMS / f"{name}.c"]
        subprocess.run([*command, "-I", library.parent, "-o", program, *options], check=True)
        return program

    return compile_program


def linked(library: Path) -> tuple[str, ...]:
    return (str(library), f"-Wl,-rpath,{library.parent}")


def run(
    command: list[object], environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        env=PRIVATE if environment is None else environment,
        capture_output=True,
        text=True,
        check=False,
    )


# What is built


def test_the_header_declares_all_functions_and_compiles(tmp_path: Path) -> None:
    text = header_text()
    declared = re.findall(r"^int WGFMU_CALL (WGFMU_\w+)\(", text, re.MULTILINE)
    assert declared == list(SIGNATURES)
    assert "int WGFMU_CALL WGFMU_getForceValueSize(int channel, double *size);" in text
    assert "(int channel, const char **names, double *loops, int size);" in text
    for constant in (
        "WGFMU_FORCE_VOLTAGE_RANGE_10V_NEGATIVE (3003)",
        "WGFMU_MEASURE_CURRENT_RANGE_1UA (6001)",
        "WGFMU_MEASURE_EVENT_NOT_COMPLETED (11000)",
        "WGFMU_MEASURE_EVENT_DATA_RAW (12001)",
        "WGFMU_RESULT_OUT_OF_DATE (-15)",
        "WGFMU_FAIL (1)",
    ):
        assert f"#define {constant}\n" in text


@pytest.mark.parametrize("compiler", ["gcc", "g++"])
def test_the_header_is_c_and_c_plus_plus(tmp_path: Path, compiler: str) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    (tmp_path / HEADER).write_text(header_text(), encoding="utf-8")
    source = tmp_path / ("t.c" if compiler == "gcc" else "t.cpp")
    source.write_text(f'#include "{HEADER}"\n', encoding="utf-8")
    command = [compiler, "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only", source]
    subprocess.run(command, check=True)


def test_a_missing_compiler_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = tmp_path / "Python.h"
    headers.write_text("", encoding="utf-8")
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path))
    monkeypatch.setattr(shared_library.shutil, "which", lambda _: None)
    monkeypatch.setattr(shared_library.sys, "platform", "linux")
    with pytest.raises(TwinError, match=r"the C compiler '\w+' is missing: install it"):
        build_library(tmp_path / "out")


def test_missing_headers_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path))
    with pytest.raises(TwinError, match=r"Python's C headers are missing \(no Python.h in"):
        build_library(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_one_sentence(library: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("", encoding="utf-8")
    with pytest.raises(TwinError, match="the library cannot be written to"):
        build_library(file)


# Programs


def resistance(flex: socket.socket) -> float:
    """Of the bit-line device, ohm, as an SMU program reads it."""
    flex.sendall(b"CN 5,6,7;DV 5,0,0.1,1E-3;DV 6,0,0,1E-3;DV 7,0,0,1E-3\n")
    reading = asked(flex, b"TI 6,0\n").decode()
    assert reading[0] == "N"
    assert asked(flex, b"ERRX?\n") == b'+0,"No Error."\r\n'
    return -0.1 / float(reading[3:])


@pytest.mark.parametrize(("sl", "bl", "forms"), [(101, 102, True), (102, 101, False)])
def test_a_c_program_forms_and_sets_and_an_smu_reads_it(
    library: Path, compiled: Callable[..., Path], tmp_path: Path, sl: int, bl: int, forms: bool
) -> None:
    program = compiled("form_and_set", *linked(library))
    with (
        twin_server(load_setup(None), DieChoice(None, 3, tmp_path)) as server,
        socket.create_connection(server.address, timeout=PATIENCE_S) as flex,
    ):
        flex.sendall(b"CN 8,9;DV 9,0,3.3,1E-2;DV 8,0,1.2,1E-2;ERC 2,65535\n")
        assert asked(flex, b"ERRX?\n") == b'+0,"No Error."\r\n'
        environment = {**PRIVATE, "LABCTL_TWIN": f"127.0.0.1:{server.address[1]}"}
        done = run([program, "GPIB0::17::INSTR", sl, bl], environment)
        assert done.stderr == ""
        status, total = done.stdout.split()
        assert (int(status), float(total)) == (10000, pytest.approx(1.72e-6))
        ohms = resistance(flex)
    if forms:
        assert 2e3 < ohms < 20e3
    else:
        assert ohms > 5e6


def test_a_c_program_meets_a_queued_flex_error(
    library: Path, compiled: Callable[..., Path], tmp_path: Path
) -> None:
    program = compiled("form_and_set", *linked(library))
    with (
        twin_server(load_setup(None), DieChoice(None, 3, tmp_path)) as server,
        socket.create_connection(server.address, timeout=PATIENCE_S) as flex,
    ):
        assert asked(flex, b"*CLS;*OPC?\n") == b"1\r\n"
        done = run([program, f"TCPIP::127.0.0.1::{server.address[1]}::SOCKET", 101, 102])
    assert done.returncode == 1
    assert done.stderr.startswith("code -6\n-6: Error in WGFMU_openSession(")
    assert "100 Undefined GPIB command." in done.stderr


def test_a_c_program_without_a_server_says_so(library: Path, compiled: Callable[..., Path]) -> None:
    program = compiled("form_and_set", *linked(library))
    done = run([program, "GPIB0::17::INSTR", 101, 102], {**PRIVATE, "LABCTL_TWIN": "127.0.0.1:1"})
    assert done.returncode == 1
    assert done.stderr.startswith("code -5\n")
    assert "`labctl twin serve` starts a simulated B1500A." in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="uses dlopen as on Linux")
def test_a_plug_in_host_needs_no_environment(library: Path, compiled: Callable[..., Path]) -> None:
    program = compiled("plug_in", "-ldl")
    done = run([program, library], {})
    assert done.stderr == ""
    assert float(done.stdout) == pytest.approx(0.5, abs=5e-3)


CTYPES_PROGRAM = """
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
assert library.WGFMU_openSession(b"GPIB0::17::INSTR") == 0
assert library.WGFMU_createPattern(b"p", ctypes.c_double(0.0)) == 0
assert library.WGFMU_addVector(b"p", ctypes.c_double(1e-6), ctypes.c_double(1.0)) == 0
assert library.WGFMU_addVector(b"q", ctypes.c_double(1e-6), ctypes.c_double(1.0)) == -10
size = ctypes.c_int()
assert library.WGFMU_getPatternForceValueSize(b"p", ctypes.byref(size)) == 0
print(size.value)
"""

CFFI_PROGRAM = """
import re, sys
from pathlib import Path
from cffi import FFI
header = Path(sys.argv[1]).with_name("wgfmu.h").read_text(encoding="utf-8")
ffi = FFI()
ffi.cdef("\\n".join(re.findall(r"^int .*;$", header, re.M)).replace("WGFMU_CALL ", ""))
library = ffi.dlopen(sys.argv[1])
assert library.WGFMU_openSession(b"GPIB0::17::INSTR") == 0
size = ffi.new("int *")
assert library.WGFMU_getChannelIdSize(size) == 0
ids = ffi.new("int[]", size[0])
assert library.WGFMU_getChannelIds(ids, size) == 0
print(*ids)
"""


def test_ctypes(library: Path) -> None:
    done = run([sys.executable, "-c", CTYPES_PROGRAM, library])
    assert done.stderr == ""
    assert done.stdout == "2\n"


def test_cffi(library: Path) -> None:
    done = run([sys.executable, "-c", CFFI_PROGRAM, library])
    assert done.stderr == ""
    assert done.stdout.split() == ["101", "102", "201", "202", "301", "302", "401", "402"]
