"""What the doctor says of a real bench; the simulated instruments stand behind its doors."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from instruments.wgfmu.library import LibraryLoadError
from labctl.bench import DieChoice, simulated_instruments
from labctl.benchfile import load_setup
from labctl.doctor import examine
from labctl.self_check import Doors
from labctl.store.locks import bench_lock
from tests.simulated import bent_setup

CHECKS = (
    *("WGFMU library", "mainframe", "modules", "error queue", "auto-calibration", "outputs"),
    "WGFMU session",
)


@pytest.fixture
def simulated(setup, tmp_path):
    instruments, _ = simulated_instruments(setup, DieChoice(None, 0, tmp_path))
    return instruments


@pytest.fixture
def doors(simulated):
    """The simulated instruments as a real bench's."""
    return Doors(
        adapter=lambda: simulated.adapter,
        library=lambda: simulated.library,
        board=lambda: simulated.board,
    )


@pytest.fixture
def real(tmp_path):
    """A bench file that names a GPIB address and the vendor's library."""
    from labctl.benchfile import example_file

    file = tmp_path / "lab.toml"
    file.write_text(example_file("b1500").read_text(encoding="utf-8"), encoding="utf-8")
    assert not load_setup(file).simulated
    return file


def looked(file, doors):
    """Findings about the instruments, by name."""
    return {found.what: found for found in examine(file, doors) if found.what in CHECKS}


def test_a_bench_in_order(real, doors, simulated):
    findings = looked(real, doors)
    assert tuple(findings) == CHECKS
    assert all(found.ok and not found.do for found in findings.values())
    assert "firmware A.06" in findings["mainframe"].found
    assert "101, 102, 201" in findings["WGFMU session"].found
    assert set(simulated.station.channel_volts.values()) == {0.0}
    assert set(simulated.station.smu_volts.values()) == {None}


def test_it_only_asks_and_forces_nothing(real, doors, simulated):
    mainframe = simulated.adapter.mainframe
    for line in ("CM 1", "CN 5", "DV 5,0,0.05,1e-3"):
        mainframe.write(line)
    before = dict(simulated.station.smu_volts), mainframe.auto_calibration
    findings = looked(real, doors)
    assert (dict(simulated.station.smu_volts), mainframe.auto_calibration) == before
    assert findings["auto-calibration"].ok
    assert "on" in findings["auto-calibration"].found
    assert not findings["outputs"].ok
    assert "5" in findings["outputs"].found
    assert findings["outputs"].do


def test_queued_errors_are_told_and_the_session_opens_all_the_same(real, doors, simulated):
    simulated.adapter.mainframe.write("*CLS")
    findings = looked(real, doors)
    assert "100 Undefined" in findings["error queue"].found
    assert findings["error queue"].do
    assert findings["WGFMU session"].ok
    assert looked(real, doors)["error queue"].ok


def test_modules_that_differ_are_told(real, doors, simulated):
    simulated.station.modules[6] = "B1511A"
    found = looked(real, doors)["modules"]
    assert not found.ok
    assert "6: B1511A" in found.found
    assert "6: B1517A" in found.do


def test_pulse_channels_that_the_library_does_not_list_are_told(real, doors, simulated):
    for channel in (401, 402):
        del simulated.station.channel_path[channel]
    found = looked(real, doors)["WGFMU session"]
    assert not found.ok
    assert "401, 402" in found.do


def test_a_session_that_does_not_open_tells_the_librarys_words(real, doors, simulated):
    assert simulated.library.WGFMU_openSession(b"GPIB0::17::INSTR") == 0
    found = looked(real, doors)["WGFMU session"]
    assert not found.ok
    assert "already been opened" in found.found


def test_without_the_library_the_mainframe_is_still_looked_at(real, doors):
    def missing():
        raise LibraryLoadError("there is no wgfmu.dll")

    findings = looked(real, replace(doors, library=missing))
    assert findings["WGFMU library"].found == "there is no wgfmu.dll"
    assert "install" in findings["WGFMU library"].do
    assert findings["modules"].ok
    assert "WGFMU session" not in findings


def test_an_old_library_is_told_what_it_lacks(real, doors):
    class Old:
        def WGFMU_openSession(self, address):
            return 0

    findings = looked(real, replace(doors, library=Old))
    assert "WGFMU_closeSession" in findings["WGFMU library"].found
    assert findings["WGFMU library"].do


def test_without_a_mainframe_the_library_is_still_looked_at(real, doors):
    def missing():
        raise OSError("no device")

    findings = looked(real, replace(doors, adapter=missing))
    assert set(findings) == {"WGFMU library", "modules"}
    assert findings["WGFMU library"].ok
    assert "no device" in findings["modules"].found


def test_another_instrument_at_the_address_is_told(real, doors, simulated, monkeypatch):
    mainframe = simulated.adapter.mainframe
    read, asked = mainframe.read, []
    write = mainframe.write
    monkeypatch.setattr(mainframe, "write", lambda line: (asked.append(line), write(line))[1])

    def other():
        reply = read()
        return "Keithley,2400,1,C30" if asked[-1] == "*IDN?" else reply

    monkeypatch.setattr(mainframe, "read", other)
    findings = looked(real, doors)
    assert findings["mainframe"].found == "Keithley,2400,1,C30"
    assert "visa" in findings["mainframe"].do
    assert "modules" not in findings


def test_a_decoder_board_is_asked_too(tmp_path):
    lines = "[address]\n# DIO numbers of AR0-AR4, then AC0-AC4\nlines = "
    setup = bent_setup(
        tmp_path,
        ("mainframe.digital_io", "board.address"),
        (f"{lines}[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]", '[board]\nvisa = "sim"'),
    )
    findings = {found.what: found for found in examine(Path(setup.file))}
    assert findings["decoder board"].ok


def test_a_bench_in_use_is_told_and_left_alone(real, simulated):
    def opened():
        raise AssertionError("a door was opened")

    shut = Doors(adapter=opened, library=opened, board=opened)
    with bench_lock(load_setup(real).content.mainframe.visa):
        findings = {found.what: found for found in examine(real, shut)}
    assert not findings["bench"].ok
    assert "is in use by" in findings["bench"].found
    assert findings["bench"].do
    assert "WGFMU library" not in findings


def test_what_build_library_lacks_is_told_and_is_no_fault(monkeypatch):
    def compiler():
        return next(found for found in examine(None) if found.what == "C compiler")

    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert compiler().ok
    assert "is missing: install it" in compiler().found
    assert "build-library" in compiler().do
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    assert not compiler().do
