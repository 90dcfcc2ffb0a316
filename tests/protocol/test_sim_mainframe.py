"""Exact replies and errors of the simulated mainframe; every row names its place in
instruments.md."""

from __future__ import annotations

import pytest

from instruments.sim.flex.errors import NothingToRead
from instruments.sim.station import Path
from tests.protocol.flex import Bench

REPLIES = [
    # section, lines before, query, reply
    ("2.2", "", "*IDN?", "Agilent Technologies,B1500A,0,A.06.02.2023.0401"),
    (
        "2.2",
        "",
        "UNT?",
        "B1530A,0;B1530A,0;B1530A,0;B1530A,0;B1517A,0;B1517A,0;B1517A,0;B1517A,0;B1517A,0;0,0",
    ),
    (
        "2.2",
        "",
        "unt? 0",
        "B1530A,0;B1530A,0;B1530A,0;B1530A,0;B1517A,0;B1517A,0;B1517A,0;B1517A,0;B1517A,0;0,0",
    ),
    ("2.2", "", "*OPC?", "1"),
    ("2.3", "", "ERRX?", '+0,"No Error."'),
    ("2.3", "*CLS", "ERRX?", '+100,"Undefined GPIB command."'),
    ("2.3", "*CLS", "ERRX? 1", "+100"),
    ("2.3", "", "ERR?", "0,0,0,0"),
    ("2.3", "*CLS;TI 8", "ERR?", "100,200,0,0"),
    ("2.3", "*CLS", "ERR? 1", "100"),
    ("2.3", "", "EMG? 200", "Channel output switch must be ON."),
    ("2.4", "", "*STB?", "16"),
    ("2.4", "*CLS", "*STB?", "48"),
    ("2.4", "*CLS;*SRE 32", "*STB?", "112"),
    ("2.4", "CN 8;TI 8", "*STB?", "17"),
    ("2.4", "*SRE 16", "*SRE?", "16"),
    ("2.6", "", "*LRN? 0", "CL"),
    ("2.6", "CN 8,901", "*LRN? 0", "CN8,9"),
    ("2.6", "", "*LRN? 8", "CL8"),
    ("2.6", "CN 8", "*LRN? 8", "DV8,200,+00.0000E+00,+100.000E-06,0,16"),
    ("2.6", "CN 8;DI 8,0,1E-6,2", "*LRN? 8", "DI8,14,+1.00000E-06,+2.00000E+00,0,20"),
    ("2.6", "", "*LRN? 30", "FL0"),
    ("2.6", "FL 1", "*LRN? 30", "FL1"),
    ("2.6", "FL 1,8,9", "*LRN? 30", "FL0,5,6,7;FL1,8,9"),
    ("2.6", "", "*LRN? 31", "TM1;AV1,0;CM0;FMT1,0"),
    ("2.6", "CM 1;MM 16,8;AV -2", "*LRN? 31", "TM1;AV-2;CM1;FMT1,0;MM16,8"),
    (
        "2.6",
        "RI 8,-16",
        "*LRN? 32",
        "RI5,0;RV5,0;RI6,0;RV6,0;RI7,0;RV7,0;RI8,-16;RV8,0;RI9,0;RV9,0",
    ),
    ("2.6", "", "*LRN? 33", "WM1,1;WT0.00,0.0000,0.0000,0.0000,0.0000"),
    (
        "2.6",
        "WM 2,2;WT 1,0.1;WV 8,3,20,0,1.5,11,1E-3,0.5",
        "*LRN? 33",
        "WM2,2;WT1.00,0.1000,0.0000,0.0000,0.0000;"
        "WV8,3,20,+0.00000E+00,+1.50000E+00,11,+1.00000E-03,+0.50000",
    ),
    ("2.6", "CMM 9,4", "*LRN? 46", "CMM5,0;CMM6,0;CMM7,0;CMM8,0;CMM9,4"),
    ("2.10", "", "*LRN? 47", "ML1;MT0.0000,0.00200,1000,0.00;MSC1,2"),
    ("2.10", "", "*LRN? 34", "PT0.00,0.0010,0.0100"),
    ("2.6", "SSR 5,1", "*LRN? 53", "SSR5,1;SSR6,0;SSR7,0;SSR8,0;SSR9,0"),
    ("2.6", "", "*LRN? 54", "RM5,1,50;RM6,1,50;RM7,1,50;RM8,1,50;RM9,1,50"),
    (
        "2.6",
        "AAD 6,1",
        "*LRN? 55",
        "AAD5,0;AAD5,2;;AAD6,1;AAD6,2;;AAD7,0;AAD7,2;;AAD8,0;AAD8,2;;AAD9,0;AAD9,2;",
    ),
    ("2.6", "", "*LRN? 56", "AIT0,0,1;AIT1,0,6;AIT2,3,0.000002;AZ0"),
    ("2.13: AV is AIT0", "AV 10,1", "*LRN? 56", "AIT0,1,10;AIT1,0,6;AIT2,3,0.000002;AZ0"),
    ("2.6", "", "*LRN? 57", "WAT1,1.0,0.0000;WAT2,1.0,0.0000"),
    ("2.6", "TSC 1", "*LRN? 60", "TSC1"),
    ("2.7", "PAD 1", "*LRN? 110", "PAD1"),
    ("2.11", "", "ERMOD?", "0"),
    ("2.11", "ERMOD 1;ERSSP 2,1", "ERSSP? 2", "1"),
    ("2.11: power-on all high", "", "ERS?", "0"),
    ("2.11: 1 is low", "ERC 2,1023", "ERS?", "1023"),
    ("2.11: a changed direction goes high", "ERC 2,3;ERM 1", "ERS?", "2"),
    ("2.12", "", "*TST?", "0"),
    ("2.12", "", "*TST? 5", "0"),
    ("2.12", "", "*CAL?", "0"),
    ("2.12", "", "DIAG? 1", "0"),
    ("2.12", "", "INTLKVTH?", "42"),
    ("2.12", "", "WZ?", "0"),
    ("2.12", "CN 8;DV 8,0,3,1E-3", "WZ?", "1"),
    ("2.12", "", "LOP?", "LOP00,00,00,00,00,00,00,00,00,00"),
    ("2.12", "CN 8,9", "LOP?", "LOP00,00,00,00,00,00,00,01,01,00"),
    ("2.12", "CN 8;DV 8,0,1,1E-5", "LOP?", "LOP00,00,00,00,00,00,00,12,00,00"),
    ("2.12", "CN 8;DV 8,0,-1,1E-5", "LOP?", "LOP00,00,00,00,00,00,00,13,00,00"),
    ("2.12", "CN 8;DI 8,0,1E-5,2", "LOP?", "LOP00,00,00,00,00,00,00,02,00,00"),
    ("2.12", "CN 8;DI 8,0,-1E-5,2", "LOP?", "LOP00,00,00,00,00,00,00,03,00,00"),
    ("2.12", "CN 8;DI 8,0,1E-3,2", "LOP?", "LOP00,00,00,00,00,00,00,11,00,00"),
    ("2.1: stores", "CN 8;TI 8;TI 8;TV 8", "NUB?", "3"),
    ("2.1: FMT clears", "CN 8;TI 8;FMT 1", "NUB?", "0"),
    ("2.13", "WV 8,3,0,0,1,5,1E-3", "WNU?", "10"),
]


@pytest.mark.parametrize(("section", "before", "query", "reply"), REPLIES)
def test_reply(section: str, before: str, query: str, reply: str) -> None:
    bench = Bench()
    bench.mainframe.write(before)
    assert bench.ask(query) == reply, section


ERRORS = [
    # section, lines before, command, code and text
    ("2.2", "", "*CLS", '+100,"Undefined GPIB command."'),
    ("2.2", "", "*OPT?", '+100,"Undefined GPIB command."'),
    ("2.2", "", "*ESR?", '+100,"Undefined GPIB command."'),
    ("2.3", "", "VOLT 1", '+100,"Undefined GPIB command."'),
    ("2.3", "", "123", '+100,"Undefined GPIB command."'),
    ("2.3", "", "CN 8x", '+102,"Incorrect numeric data syntax."'),
    ("2.3", "", "CN 8 9", '+102,"Incorrect numeric data syntax."'),
    ("2.3", "", "PA nan", '+102,"Incorrect numeric data syntax."'),
    ("2.3", "", "PA 1_0", '+102,"Incorrect numeric data syntax."'),
    ("2.3", "", "PA 1E999", '+102,"Incorrect numeric data syntax."'),
    ("2.3", "", "DV 8,,1", '+102,"Incorrect numeric data syntax."'),
    ("2.3", "", "DV 8", '+103,"Incorrect terminator position."'),
    ("2.3", "", "AZ 0,1", '+103,"Incorrect terminator position."'),
    ("2.1: last in line", "", "AB;CM 0", '+103,"Incorrect terminator position."'),
    ("2.1: alone", "", "BC;CM 0", '+103,"Incorrect terminator position."'),
    ("2.3", "", "CM 2", '+120,"Incorrect parameter value."'),
    ("2.3", "", "CN 5.5", '+121,"Channel number must be 1 to 10."'),
    ("2.3", "", "CN 11", '+121,"Channel number must be 1 to 10."'),
    ("2.1", "", "CN 802", '+121,"Channel number must be 1 to 10."'),
    ("2.3", "", "CN 10", '+153,"No module for the specified channel."'),
    ("2.3", "", "MM 1", '+122,"Number of channels must be corrected."'),
    ("2.3", "CN 8", "DV 8,0,1,0.2", '+123,"Compliance must be set correctly."'),
    ("2.13", "CN 8", "DV 8,0,50,0.05", '+123,"Compliance must be set correctly."'),
    ("2.13", "CN 8", "DI 8,0,0.05,50", '+123,"Compliance must be set correctly."'),
    ("2.3", "CN 8", "DV 8,15,1", '+124,"Incorrect range value for this channel."'),
    ("2.3", "CN 8", "TI 8,8", '+124,"Incorrect range value for this channel."'),
    ("2.13: fixed is for measuring", "CN 8", "DV 8,-20,1", "+124,"),
    ("2.3", "", "RI 8,20", '+124,"Incorrect range value for this channel."'),
    ("2.13", "CN 8", "DV 8,0,101", '+120,"Incorrect parameter value."'),
    ("2.3", "", "PI 8,0,1E-6,-1E-6,1", '+126,"Pulse base and peak must be same polarity."'),
    ("2.13", "", "WV 8,2,0,-1,1,5,1E-3", '+130,"Start and stop must be same polarity."'),
    ("2.1", "", "PA " + "0" * 260, '+150,"Command input buffer is full."'),
    ("2.3", "", "TI 8", '+200,"Channel output switch must be ON."'),
    ("2.3", "", "DV 8,0,1,1E-4", '+200,"Channel output switch must be ON."'),
    ("2.9", "", "DZ 8", '+200,"Channel output switch must be ON."'),
    ("2.9", "", "IN 8", '+200,"Channel output switch must be ON."'),
    ("2.9", "CN 8", "DI 8,0,1E-6", '+201,"Compliance must be set."'),
    ("2.9", "CN 8;DI 8,0,1E-6,1", "DV 8,0,1", '+201,"Compliance must be set."'),
    ("2.12", "CN 8;DV 8,0,50,1E-3", "CN 9", '+203,"Cannot enable channel."'),
    ("2.3", "CN 8", "RZ 8", '+205,"DZ must be sent before RZ."'),
    ("2.3", "CN 8", "XE", '+214,"Send MM before measurement trigger."'),
    ("2.14", "CN 8;MM 2,8", "XE", '+220,"Send WV or WI to set primary sweep source."'),
    ("2.14", "", "WSV 8,0,0,1", '+220,"Send WV or WI to set primary sweep source."'),
    ("2.13", "", "PT 0,2.5,5", '+238,"Too large pulse width (max. 2 s)."'),
    ("2.13", "", "PT 0,0.01,0.011", '+120,"Incorrect parameter value."'),
    ("2.13", "", "MT 0,1E-5,10", '+120,"Incorrect parameter value."'),
    ("2.13", "CN 8,9;MM 10,8,9;MT 0,1.1E-4,9", "XE", '+120,"Incorrect parameter value."'),
    (
        "2.3",
        "CN 8,9;MM 5,9;WV 8,1,0,0,1,3,1E-3;PV 8,0,0,1,1E-3",
        "XE",
        '+603,"Sweep and pulse channels must be different."',
    ),
    (
        "2.5",
        "CN 8;FMT 3;TSC 1;MM 1,8",
        "XE",
        '+650,"Data format must be ASCII to get time data."',
    ),
    ("2.5", "", "FMT 6", '+120,"Incorrect parameter value."'),
    ("2.11: needs ERMOD 0", "ERMOD 1", "ERC 2,0", '+120,"Incorrect parameter value."'),
    ("2.11: mode is 2", "", "ERC 1,0", '+120,"Incorrect parameter value."'),
    ("2.6", "", "*LRN? 70", '+120,"Incorrect parameter value."'),
]


@pytest.mark.parametrize(("section", "before", "command", "error"), ERRORS)
def test_error(section: str, before: str, command: str, error: str) -> None:
    bench = Bench()
    bench.mainframe.write(before)
    assert bench.error() == '+0,"No Error."', "the lines before must be right"
    bench.mainframe.write(command)
    assert bench.error().startswith(error), section


ACCEPTED = [
    # write forms of other people's programs: sections 2.7 to 2.9 and 1.11
    "AV 131,1",
    "MT 0.0,0.42,32",
    "MT 0.0,0.42,32,0.1",
    "DV 8,0,20,1e-06,0,15",
    "FL 1,801,901",
    "TSR",
    "TSR 8",
    "DV 8,0,0.0,1E-3, 0,16",
    "WT 0,0.1,0.2",
    "WT 0.5,0.2,0.1,0.1,0.3",
    "WM 2, 1",
    "AIT 0,0,1",
    "AIT 1,2,1",
    "AIT 0, 3, 0.001",
    "AAD 8,0",
    "*sre 16;*opc?",
    "RED 1",
    "MV 801,0,0,5",
    "MCC;ML 1;MSC 1,2",
    "WV8, 1, 0, 0, 1, 11, 0.001, 0.1",
    "WAT 1, 1.0, 0",
    "RM 8, 2, 60",
    "CN8;DV8,200,11.33,0.03;CL8;CN8",
    "  dv  8 , 0 , +.5 ; ; cm0 ;",
    "TM 1",
    "RCV",
    "INTLKVTH 0;INTLKVTH 42",
    "CA",
    "PA",
]


@pytest.mark.parametrize("line", ACCEPTED)
def test_write_forms_of_other_programs_are_accepted(line: str) -> None:
    bench = Bench()
    bench.send("CN 8", line)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_input_may_end_in_any_way(end: str) -> None:  # 2.1
    bench = Bench()
    assert bench.ask("*OPC?" + end) == "1"


def test_reading_nothing_times_out() -> None:
    bench = Bench()
    with pytest.raises(NothingToRead):
        bench.mainframe.read()
    with pytest.raises(TimeoutError):
        bench.mainframe.read_bytes(4)


def test_replies_end_with_cr_lf() -> None:  # 2.1
    bench = Bench()
    bench.mainframe.write("*OPC?")
    assert bench.mainframe.read_bytes(1) == b"1"
    assert bench.mainframe.read_bytes() == b"\r\n"


def test_query_store_has_one_slot_and_comes_first() -> None:  # 2.1
    bench = Bench()
    bench.send("CN 8")
    bench.mainframe.write("TI 8;*OPC?;NUB?")
    assert bench.mainframe.read() == "1"
    assert bench.mainframe.read().startswith("NHI")
    with pytest.raises(NothingToRead):
        bench.mainframe.read()


def test_data_buffer_is_cleared_by_bc_and_reset() -> None:  # 2.1
    for clearing in ("BC", "*RST", "FMT 1"):
        bench = Bench()
        bench.mainframe.write("CN 8;TI 8")
        bench.mainframe.write(clearing)
        with pytest.raises(NothingToRead):
            bench.mainframe.read()


def test_error_queue_keeps_thirty() -> None:  # 2.3
    bench = Bench()
    for _ in range(40):
        bench.mainframe.write("*CLS")
    codes = [bench.ask("ERRX? 1") for _ in range(31)]
    assert codes == ["+100"] * 30 + ["+0"]


def test_error_of_a_slot_carries_it_and_high_codes_become_999() -> None:  # 2.3
    bench = Bench()
    bench.station.queue_error(305, "Excess current in HPSMU.; SLOT1")
    bench.station.queue_error(3001, "RSU is not connected.")
    assert bench.ask("ERR? 1") == "1305"
    assert bench.ask("ERR?") == "999,0,0,0"
    assert bench.error() == '+0,"No Error."'


def test_serial_poll_clears_the_error_bit() -> None:  # 2.4
    bench = Bench()
    bench.mainframe.write("*CLS")
    assert bench.mainframe.serial_poll() == 48
    assert bench.mainframe.serial_poll() == 16


def test_digital_lines_address_the_decoder() -> None:  # 2.11, bench note
    bench = Bench()
    assert bench.chip.selected == (31, 31)
    bench.send(f"ERC 2,{0xFFFF & ~(3 | 17 << 5)}")
    assert bench.chip.selected == (3, 17)
    bench.send("*RST")
    assert bench.chip.selected == (31, 31)


def test_inputs_are_not_written() -> None:  # 2.11
    bench = Bench()
    bench.send("ERM 1", "ERC 2,3")
    assert bench.ask("ERS?") == "2"
    bench.mainframe.write("ERC 2,1,1")
    assert bench.error().startswith("+120")


def test_outputs_reach_the_pads() -> None:  # 2.9
    bench = Bench()
    bench.send("CN 8")
    assert bench.chip.held["VDD"] == 0.0
    bench.send("DV 8,0,1.2,1E-3")
    assert bench.chip.held["VDD"] == pytest.approx(1.2)
    bench.send("DZ 8")
    assert bench.chip.held["VDD"] == 0.0
    bench.send("RZ 8")
    assert bench.chip.held["VDD"] == pytest.approx(1.2)
    bench.send("CL 8")
    assert bench.chip.held["VDD"] is None


def test_smu_meets_its_pad_through_the_rsu() -> None:  # 1.10, bench note
    bench = Bench()
    bench.chip.currents["BL"] = 10e-6
    bench.send("CN 6")
    bench.quiet(6)
    assert abs(float(bench.ask("TI 6,0")[3:])) < 1e-13
    bench.station.set_channel_path(102, Path.SMU)
    assert bench.ask("TI 6,0") == "NFI+010.000E-06"


def test_reset_opens_everything() -> None:  # 2.10
    bench = Bench()
    bench.station.set_channel_path(101, Path.WGFMU)
    bench.send("CN 8,9", "DV 8,0,1", "FMT 21,1", "CM 1", "MM 1,8", "*RST")
    assert bench.ask("*LRN? 0") == "CL"
    assert bench.ask("*LRN? 31") == "TM1;AV1,0;CM0;FMT1,0"
    assert bench.chip.held["VDD"] is None
    assert bench.chip.held["SL"] is None


def test_interlock() -> None:  # 2.12
    bench = Bench()
    bench.send("CN 9", "DV 9,0,60,1E-3")
    bench.mainframe.open_interlock()
    assert bench.chip.held["VDDH"] == 0.0
    bench.mainframe.write("DV 9,0,60,1E-3")
    assert bench.error() == '+202,"Interlock circuit must be closed."'
    bench.send("DV 9,0,40,1E-3")
    bench.mainframe.write("DI 9,0,1E-6,50")
    assert bench.error() == '+202,"Interlock circuit must be closed."'


def test_every_transaction_costs_bench_time() -> None:  # section 5, bench note
    bench = Bench()
    before = bench.clock.now()
    bench.ask("*OPC?")
    assert bench.clock.now() - before == pytest.approx(4e-3)
    bench.mainframe.write("PA 1.5")
    assert bench.clock.now() - before == pytest.approx(1.508)
