"""What the simulated SMUs read, in every data format and measurement mode (instruments.md 2.5,
2.13, 2.14)."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from instruments.sim.flex.errors import NothingToRead
from instruments.sim.flex.formats import number, setting_number
from instruments.sim.flex.smu import OVERFLOW
from tests.protocol.flex import Bench


@pytest.fixture
def bench() -> Bench:
    """SMU 8 forces 0.1 V into 10 kohm: 10 uA."""
    bench = Bench()
    bench.send("CN 8,9", "DV 8,0,0.1,1E-3")
    bench.quiet(8)
    bench.quiet(9)
    return bench


FORMATS = [
    # FMT, reply to TI 8 at 10 uA
    ("1", b"NHI+010.000E-06\r\n"),
    ("2", b"+010.000E-06\r\n"),
    ("5", b"NHI+010.000E-06,"),
    ("11", b"NHI+010.0000E-06\r\n"),
    ("12", b"+010.0000E-06\r\n"),
    ("15", b"NHI+010.0000E-06,"),
    ("21", b"000HI+010.0000E-06\r\n"),
    ("22", b"+010.0000E-06\r\n"),
    ("25", b"000HI+010.0000E-06,"),
]


@pytest.mark.parametrize(("data_format", "reply"), FORMATS)
def test_text_formats(bench: Bench, data_format: str, reply: bytes) -> None:
    bench.send("AIT 1,2,10", f"FMT {data_format}")
    bench.mainframe.write("TI 8,-16")
    assert bench.mainframe.read_bytes() == reply


@pytest.mark.parametrize(("data_format", "size"), [(1, 16), (11, 17), (21, 19)])
def test_item_sizes_are_those_clients_slice_by(bench: Bench, data_format: int, size: int) -> None:
    bench.send(f"FMT {data_format}", "MM 1,8,9")
    bench.mainframe.write("XE")
    assert len(bench.mainframe.read_bytes()) == 2 * size + 1


def test_binary_formats_carry_range_count_status_and_channel(bench: Bench) -> None:
    bench.send("FMT 4")
    bench.mainframe.write("TI 8,-16")
    (word,) = struct.unpack(">I", bench.mainframe.read_bytes())
    assert (word >> 31, word >> 25 & 31, word >> 5 & 7, word & 31) == (1, 16, 0, 8)
    assert (word >> 8 & 0x1FFFF) / 50_000 * 100e-6 == pytest.approx(10e-6, abs=4e-9)
    bench.send("FMT 14")
    bench.mainframe.write("TI 8,-16")
    kind, code, steps, status, channel = struct.unpack(">BBiBB", bench.mainframe.read_bytes())
    assert (kind, code, status, channel) == (1, 16, 0, 8)
    assert steps * 100e-6 / 1e6 == pytest.approx(10e-6, abs=1e-9)
    for with_terminator, size in ((3, 4), (13, 8)):
        bench.send(f"FMT {with_terminator}")
        bench.mainframe.write("TI 8")
        message = bench.mainframe.read_bytes()
        assert len(message) == size + 2
        assert message.endswith(b"\r\n")


def test_spot_measurements(bench: Bench) -> None:  # 2.7
    assert bench.ask("TI 8,0") == "NHI+010.000E-06"
    assert bench.ask("TV 8,0") == "NHV+100.000E-03"
    assert bench.ask("TIV 8") == "NHI+010.000E-06,NHV+100.000E-03"
    bench.mainframe.write("TSR")
    stamp, current = bench.ask("TTI 8,15").split(",")
    assert stamp == "NHT+004.000E-03"
    assert current == "NHI+010.000E-06"
    assert [item[:3] for item in bench.ask("TTV 8").split(",")] == ["NHT", "NHV"]
    assert [item[:3] for item in bench.ask("TTIV 8,0,0").split(",")] == ["NHT", "NHI", "NHV"]
    assert bench.ask("TSQ").startswith("NZT+")


def test_negative_current_flows_into_the_smu(bench: Bench) -> None:
    bench.send("DV 8,0,-0.1,1E-3")
    assert bench.ask("TI 8") == "NHI-010.000E-06"


def test_compliance_limits_current_and_voltage(bench: Bench) -> None:  # 2.5, 2.13
    bench.send("DV 8,0,3,1E-4")
    assert bench.ask("TI 8") == "CHI+100.000E-06"
    assert bench.ask("TV 8") == "CHV+001.000E+00"
    assert bench.chip.held["VDD"] == pytest.approx(1.0, abs=1e-5)
    assert bench.ask("TI 9")[:3] == "TII"
    bench.chip.resistances["VDD"] = 1e6
    assert bench.ask("TI 8") == "NHI+003.000E-06"
    assert bench.ask("TI 9")[:3] == "NII"


def test_current_source_finds_its_voltage(bench: Bench) -> None:
    bench.send("DI 8,0,2E-5,2")
    assert bench.ask("TV 8") == "NHV+200.000E-03"
    assert bench.ask("TI 8") == "NHI+020.000E-06"
    bench.send("DI 8,0,1E-3,2")
    assert bench.ask("TV 8") == "CHV+002.000E+00"
    assert bench.ask("TI 8")[:2] == "CH"
    bench.send("DI 8,0,-1E-5,2")
    assert bench.ask("TV 8") == "NHV-100.000E-03"


def test_current_source_into_an_open_pad_goes_to_compliance() -> None:
    bench = Bench()
    bench.send("CN 5", "DI 5,0,1E-6,1.5")
    bench.quiet(5)
    assert bench.ask("TV 5") == "CEV+001.500E+00"


RANGES = [
    # range, reply of 10 uA: fixed ranges overflow above 115 % (2.13)
    ("0", "N"),
    ("11", "N"),
    ("19", "N"),
    ("-15", "N"),
    ("-19", "N"),
    ("-14", "V"),
    ("-9", "V"),
]


@pytest.mark.parametrize(("code", "status"), RANGES)
def test_current_ranges(bench: Bench, code: str, status: str) -> None:
    reply = bench.ask(f"TI 8,{code}")
    assert reply[0] == status
    if status == "V":
        assert reply == "VHI+199.999E+99"
    else:
        assert float(reply[3:]) == pytest.approx(10e-6, abs=3e-7)


def test_over_range_is_fifteen_percent(bench: Bench) -> None:  # 2.13
    bench.send("DV 8,0,0.114")
    assert bench.ask("TI 8,-15")[0] == "N"
    bench.send("DV 8,0,0.116")
    assert bench.ask("TI 8,-15") == "VHI+199.999E+99"


def test_resolution_and_noise_grow_with_the_range(bench: Bench) -> None:
    bench.send("AAD 8,0", "FMT 12")
    spreads = []
    for code in (15, 17, 19):
        values = [float(bench.ask(f"TI 8,-{code}")) for _ in range(200)]
        step = float(f"1e{code - 20}") / 20_000
        assert np.allclose(np.round(np.array(values) / step) * step, values, atol=6e-10)
        assert np.mean(values) == pytest.approx(10e-6, abs=step)
        spreads.append(np.std(values))
    assert spreads[0] < spreads[1] < spreads[2]


def test_averaging_reduces_noise(bench: Bench) -> None:
    bench.send("AAD 8,0", "FMT 12")
    single = np.std([float(bench.ask("TI 8,-17")) for _ in range(300)])
    bench.send("AV 100,1")
    assert np.std([float(bench.ask("TI 8,-17")) for _ in range(300)]) < single / 2


def test_force_is_truncated_to_the_step_of_its_range(bench: Bench) -> None:  # 2.1, truncation
    bench.send("DV 8,20,0.12349,1E-3")
    assert bench.chip.held["VDD"] == pytest.approx(0.1234)
    bench.send("DV 8,20,-0.12349,1E-3")
    assert bench.chip.held["VDD"] == pytest.approx(-0.1234)
    bench.send("DV 8,20,0.3,1E-3")
    assert bench.chip.held["VDD"] == pytest.approx(0.3, abs=1e-12)


@pytest.mark.parametrize(
    ("operation", "kinds"), [(0, "I"), (1, "I"), (2, "V"), (3, "V"), (4, "IV")]
)
def test_measurement_operation(bench: Bench, operation: int, kinds: str) -> None:  # CMM, 2.7
    bench.send(f"CMM 8,{operation}", "MM 1,8")
    assert "".join(item[2] for item in bench.ask("XE").split(",")) == kinds


def values_of(block: str, head: str) -> list[float]:
    return [float(item[3:]) for item in block.split(",") if item[1:3] == head]


def test_staircase_there_and_back_repeats_the_turning_point(bench: Bench) -> None:  # 2.5, 2.14
    bench.send("FMT 1,1", "MM 2,8", "WT 0.5,0.01", "WV 8,3,0,0,0.2,3,1E-3")
    before = bench.clock.now()
    block = bench.ask("XE")
    assert [item[0] for item in block.split(",")] == list("NWNWNWNWNWNE")
    forced = [0.0, 0.1, 0.2, 0.2, 0.1, 0.0]
    assert values_of(block, "HV") == pytest.approx(forced)
    assert values_of(block, "HI") == pytest.approx(np.array(forced) / 1e4, abs=1e-9)
    assert bench.clock.now() - before > 0.5 + 6 * 0.01
    assert bench.chip.held["VDD"] == 0.0


def test_staircase_may_end_at_its_stop_value(bench: Bench) -> None:
    bench.send("MM 2,8", "WM 1,2", "WV 8,1,0,0,0.2,3,1E-3")
    bench.ask("XE")
    assert bench.chip.held["VDD"] == pytest.approx(0.2)


def test_logarithmic_sweep(bench: Bench) -> None:
    bench.send("FMT 1,1", "MM 2,8", "WV 8,2,20,0.01,1,3,1E-3")
    assert values_of(bench.ask("XE"), "HV") == pytest.approx([0.01, 0.1, 1.0])


def test_current_sweep(bench: Bench) -> None:
    bench.send("FMT 1,1", "MM 2,8", "WI 8,1,0,0,2E-5,3,2")
    block = bench.ask("XE")
    assert [item[2] for item in block.split(",")] == list("VIVIVI")
    assert values_of(block, "HV") == pytest.approx([0.0, 0.1, 0.2], abs=1e-4)


def test_synchronous_source_follows(bench: Bench) -> None:  # 2.5: second parameter of FMT
    bench.send("FMT 1,2", "MM 2,9", "WV 8,1,0,0,0.2,3,1E-3", "WSV 9,0,1,2,1E-3")
    block = bench.ask("XE")
    assert values_of(block, "HV") == pytest.approx([0.0, 0.1, 0.2])
    assert values_of(block, "IV") == pytest.approx([1.0, 1.5, 2.0])
    assert values_of(block, "II") == pytest.approx([1e-6, 1.5e-6, 2e-6], abs=1e-10)


def test_multi_channel_sweep(bench: Bench) -> None:
    bench.send("FMT 1,2", "MM 16,8,9", "WV 8,1,0,0,0.2,3,1E-3", "WNX 2,9,1,0,1,2,1E-3")
    block = bench.ask("XE")
    assert values_of(block, "IV") == pytest.approx([1.0, 1.5, 2.0])
    assert len(values_of(block, "II")) == 3


def test_automatic_abort_fills_up_with_dummies(bench: Bench) -> None:  # 2.5, status V
    bench.send("MM 2,8", "WM 2,1", "WV 8,1,0,0,1,5,4E-5")
    items = bench.ask("XE").split(",")
    assert [item[0] for item in items] == list("NNCVV")
    assert items[-1] == "VHI+199.999E+99"


def test_power_compliance_aborts(bench: Bench) -> None:
    bench.send("MM 2,8", "WV 8,1,0,0,10,5,1E-2,0.002")
    assert [item[0] for item in bench.ask("XE").split(",")] == list("NNNVV")


def test_end_of_data_in_fmt21(bench: Bench) -> None:
    bench.send("FMT 21,1", "MM 2,8", "WV 8,1,0,0,0.2,2,1E-3")
    items = bench.ask("XE").split(",")
    assert [item[:5] for item in items] == ["000HI", "  WHv", "128HI", "  EHv"]


def test_time_stamps_come_before_their_data(bench: Bench) -> None:  # 2.5
    bench.send("TSC 1", "MM 1,8,9")
    assert [item[1:3] for item in bench.ask("XE").split(",")] == ["HT", "HI", "IT", "II"]


def test_pulsed_spot_returns_to_base(bench: Bench) -> None:  # 2.14
    bench.send("MM 3,8", "PT 0,0.001,0.01", "PV 8,0,0,0.5,1E-3")
    before = bench.clock.now()
    assert bench.ask("XE") == "NHI+050.000E-06"
    assert bench.clock.now() - before == pytest.approx(0.014)
    assert [volts for pad, volts in bench.chip.holds[-3:]] == pytest.approx([0.0, 0.5, 0.0])


def test_pulsed_sweep(bench: Bench) -> None:
    bench.send("FMT 1,1", "MM 4,8", "PWV 8,1,0,0.05,0.1,0.3,3,1E-3")
    bench.chip.holds.clear()
    block = bench.ask("XE")
    assert values_of(block, "HV") == pytest.approx([0.1, 0.2, 0.3])
    assert values_of(block, "HI") == pytest.approx([1e-5, 2e-5, 3e-5], abs=1e-9)
    held = [volts for _, volts in bench.chip.holds]
    assert held == pytest.approx([0.05, 0.1, 0.05, 0.2, 0.05, 0.3, 0.05, 0.05])


def test_sweep_with_pulsed_bias(bench: Bench) -> None:
    bench.send("MM 5,9", "WV 8,1,0,0,0.2,3,1E-3", "PV 9,0,0,2,1E-3")
    assert values_of(bench.ask("XE"), "II") == pytest.approx([2e-6] * 3, abs=1e-10)
    assert bench.chip.held["VDDH"] == 0.0


def test_sampling_returns_everything_at_the_end(bench: Bench) -> None:  # 2.5, 1.11 example 11
    bench.send("FMT 1,1", "TSC 1", "MV 801,0,0,0.5,1E-3", "MT 0,0.01,5,0.1", "MM 10,801", "TSR")
    block = bench.ask("XE")
    assert values_of(block, "ZX") == [1, 2, 3, 4, 5]
    assert np.diff(values_of(block, "HT")) == pytest.approx([0.01] * 4, abs=2e-6)
    assert values_of(block, "HI") == pytest.approx([50e-6] * 5, abs=1e-9)
    with pytest.raises(NothingToRead):
        bench.mainframe.read()
    assert bench.chip.held["VDD"] == pytest.approx(0.5)
    bench.send("MSC 1,1")
    bench.ask("XE")
    assert bench.chip.held["VDD"] == 0.0


def test_sampling_may_begin_before_the_bias(bench: Bench) -> None:
    bench.send("MV 8,0,0.1,0.5,1E-3", "MT -0.002,0.001,4", "MM 10,8")
    assert values_of(bench.ask("XE"), "HI") == pytest.approx([1e-5, 1e-5, 5e-5, 5e-5], abs=1e-9)


def test_logarithmic_sampling(bench: Bench) -> None:
    bench.send("FMT 1,1", "ML 2", "MT 0,0.002,12", "MM 10,8")
    assert values_of(bench.ask("XE"), "ZX") == [1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25]
    bench.send("MT 0,0.002,200")
    bench.mainframe.write("XE")
    assert bench.error().startswith("+120")


def test_mcc_forgets_sampling_sources(bench: Bench) -> None:
    bench.send("MV 8,0,0,0.5,1E-3", "MCC", "MT 0,0.01,2", "MM 10,8")
    assert values_of(bench.ask("XE"), "HI") == pytest.approx([1e-5] * 2, abs=1e-9)


def test_full_data_buffer(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:  # 2.3: 260
    monkeypatch.setattr("instruments.sim.flex.mainframe.DATA_BUFFER_ITEMS", 10)
    bench.send("MM 10,8", "MT 0,0.01,4")
    for _ in range(2):
        bench.mainframe.write("XE")
    assert bench.ask("NUB?") == "8"
    bench.mainframe.write("XE")
    assert bench.error() == '+260,"Data output buffer is full."'
    assert bench.ask("NUB?") == "8"


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (9.535e-12, 3, "+009.535E-12"),
        (0.0, 3, "+000.000E+00"),
        (-1.5, 3, "-001.500E+00"),
        (999.9996, 3, "+001.000E+03"),
        (999.9994, 3, "+999.999E+00"),
        (OVERFLOW, 3, "+199.999E+99"),
        (OVERFLOW, 4, "+199.9990E+99"),
        (1e-120, 4, "+000.0000E+00"),
    ],
)
def test_numbers(value: float, decimals: int, text: str) -> None:  # 2.5
    assert number(value, decimals) == text


def test_setting_numbers() -> None:  # 2.6
    assert setting_number(0.0, 20.0) == "+00.0000E+00"
    assert setting_number(100e-6, 100e-6) == "+100.000E-06"
    assert setting_number(-0.25, 0.5) == "-250.000E-03"
