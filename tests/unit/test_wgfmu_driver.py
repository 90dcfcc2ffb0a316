"""The pulse channels' driver: limits before any call, the library's own words after."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from instruments.limits import LimitError, VoltageLimit
from instruments.wgfmu import limits
from instruments.wgfmu.driver import MeasureEvent, Pattern, Repeat, Wgfmu
from instruments.wgfmu.errors import WgfmuError
from instruments.wgfmu.library import ForceVoltageRange, MeasureMode, OperationMode, ReturnCode

SL = VoltageLimit("SL", -0.3, 3.6)


class Spy:
    """A library that records every call and answers with success."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        if not name.startswith("WGFMU_"):
            raise AttributeError(name)

        def call(*arguments):
            self.calls.append((name, *arguments))
            if name == "WGFMU_getChannelIdSize":
                arguments[0]._obj.value = 2
            elif name == "WGFMU_getChannelIds":
                arguments[0][0], arguments[0][1] = 101, 102
            return 0

        return call


@pytest.fixture
def spy():
    return Spy()


@pytest.fixture
def wgfmu(spy):
    """A driver with channel 101 bound to SL and 102 unbound; nothing recorded yet."""
    driver = Wgfmu(spy, "GPIB0::17::INSTR")
    driver.open()
    driver.channels[101].limit = SL
    spy.calls.clear()
    return driver


def pattern(volts=(0.0, 1.0, 0.0), step=1e-6, name="p", events=()):
    return Pattern(name, np.arange(len(volts)) * step, np.array(volts, dtype=float), events)


def test_opening_opens_clears_and_lists(spy):
    driver = Wgfmu(spy, "GPIB0::17::INSTR")
    driver.open()
    names = [call[0] for call in spy.calls]
    assert names == [
        "WGFMU_openSession",
        "WGFMU_clear",
        "WGFMU_getChannelIdSize",
        "WGFMU_getChannelIds",
    ]
    assert spy.calls[0][1] == b"GPIB0::17::INSTR"
    assert set(driver.channels) == {101, 102}


def test_a_program_is_sent_once_a_pattern(wgfmu, spy):
    one, other = pattern(name="one"), pattern((0.0, 2.0), name="other")
    wgfmu.load({wgfmu.channels[101]: [Repeat(one, 3), Repeat(other), Repeat(one, 10**6)]})
    names = [call[0] for call in spy.calls]
    assert names.count("WGFMU_createPattern") == 2
    assert names[0] == "WGFMU_clear"
    sequences = [call[1:] for call in spy.calls if call[0] == "WGFMU_addSequence"]
    assert sequences == [(101, b"one", 3.0), (101, b"other", 1.0), (101, b"one", 1e6)]
    (vectors,) = (call for call in spy.calls if call[:2] == ("WGFMU_setVectors", b"one"))
    assert list(vectors[2]) == pytest.approx([1e-6, 2e-6])
    assert list(vectors[3]) == [1.0, 0.0]


TOO_MUCH = {
    "over the pad": (lambda: [Repeat(pattern((0.0, 3.61, 0.0)))], "pad SL"),
    "under the pad": (lambda: [Repeat(pattern((0.0, -0.31, 0.0)))], "pad SL"),
    "start over the pad": (lambda: [Repeat(pattern((5.0, 0.0)))], "pad SL"),
    "not a number": (lambda: [Repeat(pattern((0.0, float("nan"))))], "pad SL"),
    "2049 vectors": (lambda: [Repeat(pattern(np.zeros(2050)))], "2049 vectors"),
    "vectors of two patterns": (
        lambda: [Repeat(pattern(np.zeros(2000))), Repeat(pattern(np.zeros(60), name="q"))],
        "vectors",
    ),
    "513 sequences": (lambda: [Repeat(pattern())] * 513, "513 sequences"),
    "no sequence": (list, "0 sequences"),
    "0 loops": (lambda: [Repeat(pattern(), 0)], "0 loops"),
    "too many loops": (lambda: [Repeat(pattern(), 2**40 + 1)], "loops"),
    "more than ten seconds": (lambda: [Repeat(pattern(), 5_000_001)], "at most 10 s"),
    "off the grid": (lambda: [Repeat(pattern(step=15e-9))], "10 ns grid"),
    "a vector too long": (lambda: [Repeat(pattern(step=11_000.0))], "10995"),
    "event after the pattern": (
        lambda: [Repeat(pattern(events=(MeasureEvent("e", 0.0, 10, 1e-6, 1e-7),)))],
        "ends at",
    ),
}


@pytest.mark.parametrize(("sequences", "says"), TOO_MUCH.values(), ids=TOO_MUCH.keys())
def test_a_program_beyond_a_limit_reaches_no_function(wgfmu, spy, sequences, says):
    with pytest.raises(LimitError, match=says):
        wgfmu.load({wgfmu.channels[101]: sequences()})
    assert spy.calls == []


def test_one_bad_channel_keeps_the_good_one_from_being_sent(wgfmu, spy):
    with pytest.raises(LimitError, match="pulse channel 102 is not bound to a pad"):
        wgfmu.load(
            {
                wgfmu.channels[101]: [Repeat(pattern())],
                wgfmu.channels[102]: [Repeat(pattern(name="q"))],
            }
        )
    assert spy.calls == []


def test_the_limits_themselves_are_allowed(wgfmu, spy):
    wgfmu.load({wgfmu.channels[101]: [Repeat(pattern((0.0, 3.6, -0.3, 0.0)), 6510)] * 512})
    wgfmu.load({wgfmu.channels[101]: [Repeat(pattern((0.0, 3.6, 0.0)), 5_000_000)]})
    wgfmu.load({wgfmu.channels[101]: [Repeat(pattern(np.zeros(2049)))]})
    assert spy.calls


def test_more_measured_values_than_the_memory_holds_reach_no_function(wgfmu, spy):
    many = MeasureEvent("e", 0.0, limits.MAX_MEASURED_VALUES + 1, 10e-9, 0.0)
    with pytest.raises(LimitError):
        wgfmu.load({wgfmu.channels[101]: [Repeat(pattern((0.0, 0.0), 1.0, events=(many,)))]})
    assert spy.calls == []


@pytest.mark.parametrize("volts", [3.61, -0.31, float("nan"), float("inf"), -float("inf")])
def test_a_dc_voltage_beyond_the_limit_reaches_no_function(wgfmu, spy, volts):
    with pytest.raises(LimitError, match="nothing was sent"):
        wgfmu.channels[101].force(volts)
    assert spy.calls == []


def test_a_voltage_beyond_the_output_range_reaches_no_function(wgfmu, spy):
    channel = wgfmu.channels[101]
    channel.limit = VoltageLimit("SL", -20.0, 20.0)
    channel.force_range = ForceVoltageRange.V3
    with pytest.raises(LimitError, match="forces -3 V to 3 V in its range"):
        channel.force(3.1)
    assert spy.calls == []


def test_an_unbound_channel_forces_nothing(wgfmu, spy):
    with pytest.raises(LimitError, match="pulse channel 102 is not bound"):
        wgfmu.channels[102].force(0.0)
    assert spy.calls == []


def test_fewer_values_than_asked_are_an_error(wgfmu, monkeypatch, spy):
    def short(channel, start, size, times, values):
        size._obj.value = 3
        return 0

    monkeypatch.setattr(spy, "WGFMU_getMeasureValues", short, raising=False)
    with pytest.raises(OSError, match="channel 101 returned 3 of 5 measured values"):
        wgfmu.channels[101].read(5)


def test_configuring_never_touches_ranges_in_smu_mode(wgfmu, spy):
    wgfmu.channels[101].configure(OperationMode.SMU)
    assert spy.calls == [("WGFMU_setOperationMode", 101, OperationMode.SMU)]
    spy.calls.clear()
    wgfmu.channels[101].configure(OperationMode.DC, MeasureMode.CURRENT)
    assert [call[0] for call in spy.calls] == [
        "WGFMU_setOperationMode",
        "WGFMU_setMeasureMode",
        "WGFMU_setMeasureCurrentRange",
        "WGFMU_setForceVoltageRange",
    ]


# --- on the simulated library -------------------------------------------------------------------


def test_an_error_carries_the_librarys_own_text(bench):
    with pytest.raises(WgfmuError, match=r"^-9: Error in WGFMU_connect\(7\);") as caught:
        bench._wgfmu._call("WGFMU_connect", 7)
    assert caught.value.code == ReturnCode.CHANNEL_NOT_FOUND_ERROR
    assert caught.value.function == "WGFMU_connect"
    size = ctypes.c_int()
    bench.instruments.library.WGFMU_getErrorSize(ctypes.byref(size))
    assert size.value == 0


def test_a_wrong_call_is_an_error_and_the_next_one_works(bench):
    wgfmu, one = bench._wgfmu, (ctypes.c_double * 1)(1.0)
    with pytest.raises(WgfmuError, match="WGFMU_addSequence"):
        wgfmu._call("WGFMU_addSequence", 101, b"no such pattern", 1.0)
    with pytest.raises(WgfmuError, match="WGFMU_setVectors"):
        wgfmu._call("WGFMU_setVectors", b"none", one, one, 1)
    bench.chip.connections.channels["SL"].force(0.1)


def test_a_second_session_is_refused_in_the_librarys_words(bench):
    with pytest.raises(WgfmuError, match="WGFMU_openSession"):
        Wgfmu(bench.instruments.library, "sim").open()
