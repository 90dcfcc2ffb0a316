"""The C interface as declared, and errors made of return codes."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from ctypes import POINTER, c_double, c_int
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from instruments.wgfmu import library as interface
from instruments.wgfmu.errors import MEANINGS, WgfmuError, check
from instruments.wgfmu.library import (
    SIGNATURES,
    LibraryLoadError,
    ReturnCode,
    WgfmuLibrary,
    load_vendor_library,
)


def test_all_functions_of_the_header_are_declared() -> None:
    assert len(SIGNATURES) == 88
    assert all(name.startswith("WGFMU_") for name in SIGNATURES)


def test_counts_of_force_values_are_doubles_and_of_measure_values_ints() -> None:
    assert SIGNATURES["WGFMU_getForceValueSize"] == (c_int, POINTER(c_double))
    assert SIGNATURES["WGFMU_getForceValues"][1] is c_double
    assert SIGNATURES["WGFMU_getMeasureTimeSize"] == (c_int, POINTER(c_int))
    assert SIGNATURES["WGFMU_addSequence"][2] is c_double


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (interface.OperationMode, [2000, 2001, 2002, 2003]),
        (interface.ForceVoltageRange, [3000, 3001, 3002, 3003, 3004]),
        (interface.MeasureMode, [4000, 4001]),
        (interface.MeasureVoltageRange, [5001, 5002]),
        (interface.MeasureCurrentRange, [6001, 6002, 6003, 6004, 6005]),
        (interface.MeasureEnabled, [7000, 7001]),
        (interface.TriggerOutMode, [8000, 8001, 8002, 8003, 8004]),
        (interface.TriggerOutPolarity, [8100, 8101]),
        (interface.Axis, [9000, 9001]),
        (interface.Status, [10000, 10001, 10002, 10003, 10004, 10005, 10006]),
        (interface.MeasureEventStatus, [11000, 11001]),
        (interface.MeasureEventData, [12000, 12001]),
        (interface.WarningLevel, [1000, 1001, 1002, 1003]),
        (interface.ReturnCode, [-code for code in range(16)]),
    ],
)
def test_constants_have_the_values_of_the_header(kind: Any, values: list[int]) -> None:
    assert [int(member) for member in kind] == values


def test_every_return_code_has_a_meaning() -> None:
    assert set(MEANINGS) == set(ReturnCode)


class ErrorQueue:
    """A library whose error queue holds given texts."""

    def __init__(self, *texts: bytes) -> None:
        self.texts = list(texts)

    def WGFMU_getErrorSize(self, size: Any) -> int:
        size._obj.value = len(self.texts[0]) if self.texts else 0
        return 0

    def WGFMU_getError(self, buffer: Any, size: Any) -> int:
        buffer.value = self.texts.pop(0)
        return 0


def test_check_lets_success_pass_without_asking_for_errors() -> None:
    check(cast(WgfmuLibrary, SimpleNamespace()), "WGFMU_execute", 0)


def test_check_raises_with_all_texts_of_the_library() -> None:
    library = ErrorQueue(b"-9: first\n", b"-3: second\n")
    with pytest.raises(WgfmuError, match="first -3: second") as caught:
        check(cast(WgfmuLibrary, library), "WGFMU_connect", -9)
    assert (caught.value.code, caught.value.function) == (-9, "WGFMU_connect")
    assert caught.value.text == "-9: first\n-3: second\n"
    assert library.texts == []


def test_check_without_a_text_says_what_the_code_means() -> None:
    with pytest.raises(WgfmuError, match="WGFMU_execute: Communication with the instrument"):
        check(cast(WgfmuLibrary, ErrorQueue()), "WGFMU_execute", -5)


def test_a_missing_library_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(LibraryLoadError, match=r"wgfmu\.dll does not exist\.$"):
        load_vendor_library(tmp_path / "wgfmu.dll")


def test_a_file_that_is_no_library_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wgfmu.dll"
    path.write_text("not a library", encoding="utf-8")
    with pytest.raises(LibraryLoadError, match="cannot be loaded as a library"):
        load_vendor_library(path)


def compiled(folder: Path, source: str) -> Path:
    """A shared library built from C; the test is skipped where there is no compiler."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("gcc is not installed")
    code, path = folder / "library.c", folder / "library.so"
    code.write_text(source, encoding="utf-8")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", path, code], check=True)
    return path


def test_another_library_is_refused(tmp_path: Path) -> None:
    path = compiled(tmp_path, "int nothing(void) { return 0; }")
    with pytest.raises(LibraryLoadError, match="it has no function WGFMU_openSession"):
        load_vendor_library(path)


def test_functions_of_a_real_library_are_declared(tmp_path: Path) -> None:
    path = compiled(
        tmp_path,
        "int WGFMU_openSession(const char *address) { return address[0] == 'G' ? 0 : -2; }\n"
        "int WGFMU_setTimeout(double seconds) { return seconds > 1.5 ? -6 : 0; }\n",
    )
    library = load_vendor_library(path)
    assert library.WGFMU_openSession(b"GPIB0::17::INSTR") == 0
    assert library.WGFMU_setTimeout(2) == -6
    with pytest.raises(ctypes.ArgumentError):
        library.WGFMU_openSession(17)
