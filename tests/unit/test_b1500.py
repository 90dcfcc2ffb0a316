"""The mainframe's driver against scripted replies and the simulated mainframe."""

from __future__ import annotations

import math

import pytest
from pymeasure.adapters import ProtocolAdapter

from instruments.b1500.mainframe import B1500, B1500Error, ModuleMismatchError, SpotSMU
from instruments.limits import LimitError, VoltageLimit
from labctl.bench import Bench, DieChoice
from tests.simulated import assert_outputs_safe

MODULES = {5: "B1517A", 1: "B1530A"}
UNITS = "B1530A,0;0,0;0,0;0,0;B1517A,0;0,0;0,0;0,0;0,0;0,0"
QUIET = ("ERRX?", '+0,"No Error."')


def scripted(*pairs):
    """A mainframe that expects these messages and gives these replies (None: none)."""
    return B1500(ProtocolAdapter(list(pairs)))


def test_constructing_sends_nothing():
    scripted()


def test_all_queued_errors_are_one_exception():
    mainframe = scripted(
        ("ERRX?", '+100,"Undefined GPIB command."'),
        ("ERRX?", '+305,"Excess current in HPSMU.; CH5"'),
        ("ERRX?", '-22,"a, "quoted" text"'),
        QUIET,
    )
    with pytest.raises(B1500Error) as caught:
        mainframe.check_errors()
    assert caught.value.errors == [
        (100, "Undefined GPIB command."),
        (305, "Excess current in HPSMU.; CH5"),
        (-22, 'a, "quoted" text'),
    ]
    assert "error 100, Undefined GPIB command.; error 305, Excess current" in str(caught.value)


def test_an_empty_queue_raises_nothing():
    mainframe = scripted(QUIET, QUIET)
    mainframe.check_errors()
    assert mainframe.drain_errors() == []


@pytest.mark.parametrize("reply", ["", "garbage", "+0", "\x00\xff", 'NAI+1.0E-06\r\n+0,"No Err'])
def test_a_garbled_reply_to_errx_is_an_error_that_shows_it(reply):
    with pytest.raises(B1500Error, match=r"ERRX\? was answered by") as caught:
        scripted(("ERRX?", reply)).check_errors()
    assert repr(reply.strip()) in str(caught.value)


def test_errors_before_a_garbled_reply_are_not_lost():
    with pytest.raises(B1500Error) as caught:
        scripted(("ERRX?", '+100,"Undefined GPIB command."'), ("ERRX?", "junk")).check_errors()
    assert caught.value.errors[0] == (100, "Undefined GPIB command.")


def test_draining_ends_although_the_queue_never_does():
    mainframe = scripted(*[("ERRX?", '+100,"again"')] * 31)
    assert len(mainframe.drain_errors()) == 31


def test_opening_compares_modules_and_forbids_auto_calibration():
    mainframe = scripted(
        QUIET,
        ("UNT?", UNITS),
        ("FMT 1,0", None),
        ("AV 1,0", None),
        ("ERMOD 0", None),
        ("ERM 0", None),
        ("CM 0", None),
        QUIET,
        ("*LRN? 31", "TM1;AV1,0;CM0;FMT1,0;MM1"),
        QUIET,
        ("*LRN? 5", "CL5"),
    )
    mainframe.open(MODULES)
    assert set(mainframe.smus) == {5}
    assert mainframe.smus[5].slot == 5


def test_auto_calibration_that_stays_on_stops_everything():
    mainframe = scripted(
        QUIET,
        ("UNT?", UNITS),
        ("FMT 1,0", None),
        ("AV 1,0", None),
        ("ERMOD 0", None),
        ("ERM 0", None),
        ("CM 0", None),
        QUIET,
        ("*LRN? 31", "TM1;AV1,0;CM1;FMT1,0;MM1"),
    )
    with pytest.raises(B1500Error, match="auto-calibration stays on although CM 0 was sent"):
        mainframe.open(MODULES)


def test_wrong_modules_are_listed_before_anything_is_set():
    mainframe = scripted(QUIET, ("UNT?", UNITS))
    with pytest.raises(ModuleMismatchError) as caught:
        mainframe.open({1: "B1517A", 5: "B1517A", 7: "B1517A"})
    assert "slot 1: bench file B1517A, mainframe B1530A" in str(caught.value)
    assert "slot 7: bench file B1517A, mainframe empty" in str(caught.value)
    assert "slot 5" not in str(caught.value)


# --- spots --------------------------------------------------------------------------------------


def smu(*pairs, limit=None):
    channel = SpotSMU(scripted(*pairs), 5, "B1517A")
    channel.limit = limit or VoltageLimit("SL", -0.3, 3.6)
    return channel


@pytest.mark.parametrize(
    ("reply", "value"), [("NEI+009.535E-12", 9.535e-12), ("NEI-1.23456E-06", -1.23456e-6)]
)
def test_a_spot_is_a_value(reply, value):
    spot = smu(("TI 5,0", reply)).measure_current()
    assert (spot.value, spot.status, spot.valid) == (value, "N", True)


@pytest.mark.parametrize("letter", "TCVXFGSUDWE")
def test_no_other_status_becomes_a_value(letter):
    spot = smu(("TI 5,0", f"{letter}EI+1.00000E-03")).measure_current()
    assert math.isnan(spot.value)
    assert (spot.status, spot.valid) == (letter, False)


def test_an_overflow_is_no_value_whatever_its_status():
    assert math.isnan(smu(("TI 5,0", "NEI+199.999E+99")).measure_current().value)


IN_STEP = (("BC", None), ("EMG? 100", "Undefined GPIB command."))


@pytest.mark.parametrize(
    "reply",
    ["", "N", "NEI", "nonsense", '+0,"No Error."', "NFI+1.0E-06", "NEV+1.0E-06", "NEI+1E-0"],
)
def test_a_garbled_spot_is_taken_again_once(reply):
    again = ("TI 5,0", "NEI+1.0E-06")
    assert smu(("TI 5,0", reply), *IN_STEP, again).measure_current().value == 1e-6
    with pytest.raises(B1500Error, match="TI 5,0 was answered by") as caught:
        smu(
            *(("TI 5,0", reply), *IN_STEP, ("TI 5,0", reply)),
            *(("BC", None), ("EMG? 102", "Incorrect numeric data syntax."), QUIET),
        ).measure_current()
    assert repr(reply) in str(caught.value)


def test_a_spot_voltage_and_a_range_are_asked_as_flex_has_it():
    assert smu(("TV 5,0", "NEV+1.20000E+00")).measure_voltage().value == 1.2
    assert smu(("TI 5,-15", "NEI+1.0E-06")).measure_current(-15).value == 1e-6


@pytest.mark.parametrize(
    ("volts", "compliance"),
    [
        (3.61, 1e-3),
        (-0.31, 1e-3),
        (float("nan"), 1e-3),
        (1.0, 0.2),
        (1.0, 0.0),
        (1.0, -1e-3),
        (1.0, float("nan")),
    ],
)
def test_what_is_beyond_a_limit_is_not_sent(volts, compliance):
    with pytest.raises(LimitError):
        smu().force_voltage(volts, compliance)


def test_an_smu_without_a_pad_forces_nothing():
    with pytest.raises(LimitError, match="SMU 5 is not bound to a pad"):
        SpotSMU(scripted(), 5, "B1517A").force_voltage(0.0, 1e-3)


def test_an_output_that_is_off_is_left_alone_and_one_that_is_on_is_zeroed_first():
    off = smu(("*LRN? 5", "CL5"), ("*LRN? 5", "CL5"))
    assert not off.is_on
    off.make_safe()
    smu(("DZ 5", None), ("CL 5", None), ("*LRN? 5", "CL5")).make_safe()
    switched_on = smu(
        *(("*LRN? 5", "CL5"), ("CN 5", None), ("DZ 5", None), ("CL 5", None), ("*LRN? 5", "CL5"))
    )
    assert not switched_on.is_on
    switched_on.enable()
    switched_on.make_safe()


def test_an_output_that_stays_on_is_an_error():
    on = "DV5,12,1.0000E+00,1.0000E-03"
    with pytest.raises(B1500Error, match="output switch of SMU 5 is still closed"):
        smu(("DZ 5", None), ("CL 5", None), ("*LRN? 5", on)).make_safe()


# --- on the simulated mainframe -----------------------------------------------------------------


def test_an_unknown_command_is_an_error(bench):
    mainframe = bench._mainframe
    mainframe.write("SING 5")
    with pytest.raises(B1500Error, match="error 100") as caught:
        mainframe.check_errors()
    assert len(caught.value.errors) == 1
    mainframe.check_errors()


def test_several_mistakes_are_drained_at_once(bench):
    mainframe = bench._mainframe
    for line in ("SING 5", "DV 3,0,1", "DV 5,0,1,0.1,7,8,9"):
        mainframe.write(line)
    with pytest.raises(B1500Error) as caught:
        mainframe.check_errors()
    assert len(caught.value.errors) == 3
    mainframe.check_errors()


def test_a_bit_of_the_digital_port_that_is_0_is_high(bench):
    bench._mainframe.set_digital_output(0xFFFF & ~0b1)
    assert bench.instruments.station.digital_output == 1
    bench.chip.connections.decoder.select(31, 0)
    assert bench.instruments.station.digital_output == 0b11111


@pytest.mark.parametrize("closed", [True, False])
def test_an_interlock_that_another_program_has_set_to_0_v_is_named(setup, tmp_path, closed):
    bench = Bench(setup, DieChoice(None, 1, tmp_path))
    mainframe = bench.instruments.adapter.mainframe
    mainframe.interlock_closed = closed
    mainframe.write("INTLKVTH 0")
    with pytest.raises(B1500Error, match=r"error 20[23].*\(INTLKVTH 0\).*send INTLKVTH 42"), bench:
        pass
    assert_outputs_safe(bench)
    # Whether the fixture allows more is the operator's to say.
    mainframe.write("INTLKVTH?")
    assert mainframe.read() == "0"


def test_with_an_open_lid_the_error_says_to_close_it(bench):
    bench.instruments.adapter.mainframe.interlock_closed = False
    bench._mainframe.write("DV 5,0,50,1E-3")
    with pytest.raises(B1500Error, match=r"error 202.*allows 42 V while the fixture's lid is open"):
        bench._mainframe.check_errors()


def test_a_mainframe_that_does_not_know_the_interlock_setting_still_tells_its_error():
    refused = ("ERRX?", '+203,"Cannot enable channel."')
    again = (("BC", None), ("EMG? 102", "Incorrect numeric data syntax."), QUIET)
    asked = ("INTLKVTH?", "junk")
    mainframe = scripted(refused, QUIET, asked, *IN_STEP, asked, *again)
    with pytest.raises(B1500Error, match=r"error 203, Cannot enable channel\.; close the fixture"):
        mainframe.check_errors()
