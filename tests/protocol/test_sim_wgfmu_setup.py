"""The software setup of the simulated WGFMU library, through ctypes: nothing here needs a session.

Numbers are those of instruments.md, section 1.8.
"""

from __future__ import annotations

from ctypes import byref, c_double, c_int, create_string_buffer
from pathlib import Path

import pytest

from tests.protocol.wgfmu_client import AVERAGED, DC, RAW, Client, encoded


@pytest.fixture
def client() -> Client:
    return Client()


def force_values(client: Client, pattern: bytes) -> list[tuple[float, float]]:
    size = client.integer("getPatternForceValueSize", pattern)
    times, volts = client.arrays("getPatternForceValues", pattern, 0, size)
    return list(zip(times, volts, strict=True))


def test_a_pattern_grows_by_one_point_a_vector(client: Client) -> None:
    client.call("createPattern", b"p", 0.5)
    assert client.integer("getPatternForceValueSize", b"p") == 1
    client.call("addVector", b"p", 1e-6, 1.0)
    client.call("addVectors", b"p", (c_double * 2)(1e-6, 2e-6), (c_double * 2)(2.0, 3.0), 2)
    assert force_values(client, b"p") == [(0.0, 0.5), (1e-6, 1.0), (2e-6, 2.0), (4e-6, 3.0)]
    assert client.pair("getPatternForceValue", b"p", 2) == (2e-6, 2.0)
    assert client.number("getPatternInterpolatedForceValue", b"p", 3e-6) == pytest.approx(2.5)


@pytest.mark.parametrize(("given", "kept"), [(72e-9, 70e-9), (32e-9, 30e-9), (10e-9, 10e-9)])
def test_times_are_rounded_to_10_ns_and_a_warning_says_so(
    client: Client, given: float, kept: float
) -> None:
    client.call("setWarningLevel", 1003)
    client.call("createPattern", b"p", 0.0)
    client.call("addVector", b"p", given, 1.0)
    assert force_values(client, b"p")[1] == (kept, 1.0)
    assert ("was rounded" in client.text("getWarningSummary")) == (given != kept)


def test_rounding_is_below_the_default_warning_level(client: Client) -> None:
    client.call("createPattern", b"p", 0.0)
    client.call("addVector", b"p", 72e-9, 1.0)
    assert client.integer("getWarningLevel") == 1002
    assert client.text("getWarningSummary") == ""


def test_warnings_as_errors_leave_the_setup_as_it_was(client: Client) -> None:
    client.call("createPattern", b"p", 0.0)
    client.call("treatWarningsAsErrors", 1003)
    assert client.code("addVector", b"p", 72e-9, 1.0) < 0
    assert client.integer("getPatternForceValueSize", b"p") == 1
    client.call("treatWarningsAsErrors", 1002)
    client.call("addVector", b"p", 72e-9, 1.0)


@pytest.mark.parametrize("step", [0.0, -1e-6, 4e-9, 10996.0, float("nan"), float("inf")])
def test_a_vector_out_of_range_is_not_added(client: Client, step: float) -> None:
    client.call("createPattern", b"p", 0.0)
    assert client.code("addVector", b"p", step, 1.0) == -1
    pair = (c_double * 2)(1e-6, step)
    assert client.code("addVectors", b"p", pair, (c_double * 2)(1.0, 1.0), 2) == -1
    assert client.integer("getPatternForceValueSize", b"p") == 1


def test_set_vector_inserts_and_replaces(client: Client) -> None:
    client.call("createPattern", b"p", 0.0)
    client.call("setVector", b"p", 2e-6, 2.0)
    client.call("setVector", b"p", 1e-6, 1.0)
    client.call("setVectors", b"p", (c_double * 2)(0.0, 2e-6), (c_double * 2)(0.1, 2.2), 2)
    assert force_values(client, b"p") == [(0.0, 0.1), (1e-6, 1.0), (2e-6, 2.2)]


@pytest.mark.parametrize(
    ("code", "name", "arguments"),
    [
        (-2, "createPattern", (b"", 0.0)),
        (-2, "createPattern", (None, 0.0)),
        (-12, "createPattern", (b"p", 0.0)),
        (-1, "createPattern", (b"q", float("nan"))),
        (-10, "addVector", (b"missing", 1e-6, 1.0)),
        (-1, "addVectors", (b"p", None, None, 2)),
        (-1, "setVector", (b"p", -1e-6, 1.0)),
        (-1, "createMultipliedPattern", (b"q", b"p", 0.0, 1.0)),
        (-1, "createOffsetPattern", (b"q", b"p", -20e-6, 0.0)),
        (-1, "createMergedPattern", (b"q", b"p", b"p", 9002)),
        (-12, "createMergedPattern", (b"other", b"p", b"p", 9000)),
        (-1, "setMeasureEvent", (b"p", b"e", 0.0, 0, 1e-6, 0.0, AVERAGED)),
        (-1, "setMeasureEvent", (b"p", b"e", 0.0, 1, 1e-9, 0.0, AVERAGED)),
        (-1, "setMeasureEvent", (b"p", b"e", 0.0, 1, 1e-6, 2e-6, AVERAGED)),
        (-1, "setMeasureEvent", (b"p", b"e", 0.0, 11, 1e-6, 0.0, AVERAGED)),
        (-1, "setMeasureEvent", (b"p", b"e", 0.0, 1, 1e-6, 0.0, 12002)),
        (-2, "setMeasureEvent", (b"p", b"", 0.0, 1, 1e-6, 0.0, AVERAGED)),
        (-1, "setRangeEvent", (b"p", b"e", 0.0, 6000)),
        (-1, "addSequence", (101, b"p", 0.0)),
        (-1, "addSequence", (101, b"p", 2.0**40 + 1)),
        (-10, "addSequence", (101, b"missing", 1.0)),
        (-9, "addSequence", (7, b"p", 1.0)),
        (-9, "setOperationMode", (103, 2001)),
        (-1, "setOperationMode", (101, 4001)),
        (-1, "setForceDelay", (101, 51e-9)),
        (-1, "setTimeout", (0.5,)),
        (-3, "connect", (101,)),
        (-3, "execute", ()),
        (-3, "closeLogFile", ()),
        (-1, "getErrorSize", (None,)),
    ],
)
def test_wrong_calls_are_refused(
    client: Client, code: int, name: str, arguments: tuple[object, ...]
) -> None:
    client.pattern(b"p", 0.0, [10e-6], [1.0])
    client.call("createPattern", b"other", 0.0)
    assert client.code(name, *arguments) == code
    assert client.text("getError").startswith(f"{code}: Error in WGFMU_{name}(")
    assert client.integer("getErrorSize") == 0


def test_error_texts_show_what_went_in(client: Client) -> None:
    client.code("addVector", b"gone", 1e-6, 1.5)
    assert client.text("getError") == (
        '-10: Error in WGFMU_addVector("gone", 1e-06, 1.5);\n\tPattern "gone" does not exist.\n'
    )


def test_the_queue_is_popped_and_the_summary_kept_until_clear(client: Client) -> None:
    client.code("connect", 101)
    client.code("addVector", b"gone", 1e-6, 1.0)
    assert client.text("getError").startswith("-3:")
    assert client.text("getError").startswith("-10:")
    assert client.summary().count("Error in") == 2
    client.call("clear")
    assert client.summary() == ""
    assert client.integer("getErrorSize") == 0


def test_a_small_buffer_gets_a_truncated_text_and_no_more(client: Client) -> None:
    client.code("connect", 101)
    buffer, size = create_string_buffer(b"#" * 20, 20), c_int(8)
    client.call("getErrorSummary", buffer, byref(size))
    assert buffer.raw == b"-3: Err\0" + b"#" * 12
    assert "too small" in client.text("getWarningSummary")


def test_a_log_file_gets_errors_and_warnings(client: Client, tmp_path: Path) -> None:
    log = tmp_path / "wgfmu.log"
    log.write_text("before\n", encoding="utf-8")
    client.call("openLogFile", encoded(log))
    client.code("connect", 101)
    client.call("closeLogFile")
    client.code("connect", 102)
    assert log.read_text(encoding="utf-8").startswith("before\n-3: Error in WGFMU_connect(101)")
    assert "102" not in log.read_text(encoding="utf-8")


def test_settings_have_the_defaults_of_the_manual(client: Client) -> None:
    for name, value in [
        ("getOperationMode", 2003),
        ("getForceVoltageRange", 3000),
        ("getMeasureMode", 4000),
        ("getMeasureVoltageRange", 5002),
        ("getMeasureCurrentRange", 6005),
        ("isMeasureEnabled", 7001),
    ]:
        assert client.integer(name, 101) == value, name
    assert client.ints("getTriggerOutMode", 2, 101) == (8000, 8100)


def test_current_mode_forces_the_5_v_range_and_keeps_the_current_range(client: Client) -> None:
    client.call("setMeasureCurrentRange", 101, 6003)
    client.call("setMeasureMode", 101, 4001)
    assert client.integer("getMeasureVoltageRange", 101) == 5001
    client.call("setMeasureMode", 101, 4000)
    assert client.integer("getMeasureCurrentRange", 101) == 6003


def test_settings_come_back_as_they_were_set(client: Client) -> None:
    for name, values in [
        ("OperationMode", (2000, 2001, 2002, 2003)),
        ("ForceVoltageRange", (3001, 3002, 3003, 3004, 3000)),
        ("MeasureVoltageRange", (5001, 5002)),
        ("MeasureCurrentRange", (6001, 6002, 6003, 6004, 6005)),
        ("MeasureMode", (4001, 4000)),
    ]:
        for value in values:
            client.call(f"set{name}", 101, value)
            assert client.integer(f"get{name}", 101) == value, name
    client.call("setMeasureEnabled", 101, 7000)
    assert client.integer("isMeasureEnabled", 101) == 7000
    for mode, polarity in [(8001, 8100), (8002, 8101), (8003, 8100), (8004, 8101)]:
        client.call("setTriggerOutMode", 101, mode, polarity)
        assert client.ints("getTriggerOutMode", 2, 101) == (mode, polarity)
    assert client.integer("getOperationMode", 102) == 2003, "another channel's"


def test_a_voltage_beyond_the_measurement_range_reads_as_the_range(client: Client) -> None:
    client.open(101, mode=DC)
    client.call("setForceVoltageRange", 101, 3004)
    client.call("dcforceVoltage", 101, 7.0)
    client.call("setMeasureVoltageRange", 101, 5002)
    assert client.number("dcmeasureAveragedValue", 101, 1000, 1) == pytest.approx(7.0, abs=1e-3)
    client.call("setMeasureVoltageRange", 101, 5001)
    assert client.number("dcmeasureAveragedValue", 101, 1000, 1) == 5.0


def test_delays_lie_on_a_625_ps_grid(client: Client) -> None:
    client.call("setForceDelay", 101, 1.5e-9)
    assert client.number("getForceDelay", 101) == pytest.approx(1.25e-9)
    client.call("setMeasureDelay", 101, -50e-9)
    assert client.number("getMeasureDelay", 101) == pytest.approx(-50e-9)


# Pattern operations


def test_merging_in_time_drops_the_second_first_point(client: Client) -> None:
    client.pattern(b"a", 0.0, [1e-6], [1.0])
    client.pattern(b"b", 5.0, [2e-6], [2.0])
    client.call("setMeasureEvent", b"b", b"e", 1e-6, 1, 1e-6, 0.0, AVERAGED)
    client.call("createMergedPattern", b"a", b"a", b"b", 9000)
    assert force_values(client, b"a") == [(0.0, 0.0), (1e-6, 1.0), (3e-6, 2.0)]
    assert client.number("getPatternMeasureTime", b"a", 0) == 2e-6


def test_merging_in_voltage_adds_and_holds_the_shorter(client: Client) -> None:
    client.pattern(b"a", 0.0, [2e-6], [2.0])
    client.pattern(b"b", 1.0, [1e-6, 4e-6], [1.5, 0.0])
    client.call("createMergedPattern", b"c", b"a", b"b", 9001)
    assert force_values(client, b"c") == [
        (0.0, 1.0),
        (1e-6, 2.5),
        (2e-6, pytest.approx(3.0)),
        (4e-6, 2.0),
    ]


def test_a_negative_time_factor_mirrors_events_as_in_the_manual(client: Client) -> None:
    client.pattern(b"p", 0.0, [100e-9, 500e-9], [1.0, 3.0])
    client.call("setMeasureEvent", b"p", b"e", 100e-9, 4, 50e-9, 30e-9, AVERAGED)
    client.call("createMultipliedPattern", b"m", b"p", -1.0, 2.0)
    assert force_values(client, b"m") == [(0.0, 6.0), (400e-9, 2.0), (500e-9, 0.0)]
    # start 220 ns; the stamp is the middle of a 30 ns average
    assert client.number("getPatternMeasureTime", b"m", 0) == pytest.approx(235e-9)


def test_multiplying_scales_events_but_not_their_points(client: Client) -> None:
    client.pattern(b"p", 0.0, [1e-6], [1.0])
    client.call("setMeasureEvent", b"p", b"e", 100e-9, 3, 200e-9, 100e-9, AVERAGED)
    client.call("createMultipliedPattern", b"m", b"p", 2.0, -1.0)
    times = client.arrays("getPatternMeasureTimes", b"m", 0, 3, columns=1)[0]
    assert times == pytest.approx([300e-9, 700e-9, 1100e-9])


def test_offset_inserts_a_hold_or_cuts(client: Client) -> None:
    client.pattern(b"p", 1.0, [2e-6, 4e-6], [3.0, 0.0])
    client.call("createOffsetPattern", b"later", b"p", 1e-6, 0.5)
    assert force_values(client, b"later") == [(0, 1.5), (1e-6, 1.5), (3e-6, 3.5), (5e-6, 0.5)]
    client.call("createOffsetPattern", b"cut", b"p", -1e-6, 0.0)
    assert force_values(client, b"cut") == [(0.0, 2.0), (1e-6, 3.0), (3e-6, 0.0)]


# Events


def test_an_average_is_stamped_in_its_middle(client: Client) -> None:
    client.pattern(b"p", 0.0, [1e-6], [1.0])
    client.call("setMeasureEvent", b"p", b"e", 0.0, 2, 100e-9, 20e-9, AVERAGED)
    assert client.arrays("getPatternMeasureTimes", b"p", 0, 2, columns=1)[0] == [10e-9, 110e-9]


def test_raw_data_has_one_value_more_than_5_ns_steps(client: Client) -> None:
    client.pattern(b"p", 0.0, [1e-6], [1.0])
    client.call("setMeasureEvent", b"p", b"e", 0.0, 2, 100e-9, 20e-9, RAW)
    assert client.integer("getPatternMeasureTimeSize", b"p") == 10
    times = client.arrays("getPatternMeasureTimes", b"p", 0, 10, columns=1)[0]
    assert times[:6] == pytest.approx([0.0, 5e-9, 10e-9, 15e-9, 20e-9, 100e-9])


def test_a_later_event_overwrites_and_a_severe_warning_says_so(client: Client) -> None:
    client.pattern(b"p", 0.0, [10e-6], [1.0])
    client.call("setMeasureEvent", b"p", b"old", 0.0, 5, 1e-6, 0.0, AVERAGED)
    client.call("setTriggerOutEvent", b"p", b"trigger", 0.0, 1e-6)
    client.call("setMeasureEvent", b"p", b"new", 4e-6, 2, 1e-6, 0.0, AVERAGED)
    assert client.integer("getPatternMeasureTimeSize", b"p") == 2
    assert "overwrites" in client.text("getWarningSummary")
    client.call("treatWarningsAsErrors", 1001)
    assert client.code("setMeasureEvent", b"p", b"third", 4e-6, 3, 1e-6, 0.0, AVERAGED) < 0
    assert client.integer("getPatternMeasureTimeSize", b"p") == 2


# Sequences


def golden(client: Client) -> None:
    """Table 4-15 of the manual: loops 3/1/2, 10/50/20 us, 7/6/5 events of 5/4/3 points."""
    for name, length, events, points in [
        (b"one", 10e-6, 7, 5),
        (b"two", 50e-6, 6, 4),
        (b"three", 20e-6, 5, 3),
    ]:
        client.pattern(name, 0.0, [length / 2, length], [1.0, 0.0])
        for index in range(events):
            start = index * length / 10
            client.call("setMeasureEvent", name, b"e", start, points, 100e-9, 0.0, AVERAGED)
    client.sequences(101, [(b"one", 3.0), (b"two", 1.0), (b"three", 2.0)])


def test_the_golden_numbers_of_the_manual(client: Client) -> None:
    golden(client)
    assert client.integer("getMeasureEventSize", 101) == 37
    assert client.integer("getMeasureTimeSize", 101) == 159
    last = client.number("getForceValueSize", 101) - 1
    assert client.pair("getForceValue", 101, last) == (pytest.approx(120.1e-6), 0.0)
    assert client.integer("getPatternMeasureTimeSize", b"one") == 35


def test_force_values_are_the_points_one_by_one(client: Client) -> None:
    golden(client)
    size = int(client.number("getForceValueSize", 101))
    times, volts = client.arrays("getForceValues", 101, 0.0, size)
    one_by_one = [client.pair("getForceValue", 101, float(index)) for index in range(size)]
    assert list(zip(times, volts, strict=True)) == one_by_one
    assert times == sorted(times)
    part = client.arrays("getForceValues", 101, 5.0, 4)
    assert part == [times[5:9], volts[5:9]]
    # More than there is gives what there is, with a warning.
    assert len(client.arrays("getForceValues", 101, float(size - 2), 100)[0]) == 2
    assert client.text("getWarningSummary")


def test_events_are_found_by_cycle_loop_and_count(client: Client) -> None:
    golden(client)
    client.call("addSequence", 101, b"one", 2.0)
    rows = client.events(101, 0, 51)
    assert rows[0] == (b"one", b"e", 0, 0.0, 0, 0, 5)
    assert rows[8] == (b"one", b"e", 0, 1.0, 1, 40, 5)
    assert rows[21] == (b"two", b"e", 0, 0.0, 0, 105, 4)
    assert rows[37] == (b"one", b"e", 1, 0.0, 0, 159, 5)
    pattern, event = create_string_buffer(512), create_string_buffer(512)
    cycle, count, offset, size = (c_int() for _ in range(4))
    loop = c_double()
    out = (byref(x) for x in (cycle, loop, count, offset, size))
    client.call("getMeasureEvent", 101, 8, pattern, event, *out)
    row = (pattern.value, event.value, cycle.value, loop.value, count.value)
    assert (*row, offset.value, size.value) == rows[8]


def test_an_event_tells_its_attributes(client: Client) -> None:
    golden(client)
    time, interval, average = c_double(), c_double(), c_double()
    points, raw = c_int(), c_int()
    out = (byref(x) for x in (time, points, interval, average, raw))
    client.call("getMeasureEventAttribute", 101, 22, *out)
    assert (time.value, points.value) == (pytest.approx(30.05e-6 + 5e-6), 4)
    assert (interval.value, average.value, raw.value) == (100e-9, 0.0, AVERAGED)


def test_measure_times_run_on_over_loops_and_the_gap(client: Client) -> None:
    golden(client)
    times = client.arrays("getMeasureTimes", 101, 0, 159, columns=1)[0]
    assert times[35] == pytest.approx(10e-6)
    assert times[105] == pytest.approx(30.05e-6)
    assert times[158] == client.number("getMeasureTime", 101, 158)
    part = client.arrays("getMeasureTimes", 101, 100, 20, columns=1)[0]
    assert part == times[100:120]


def test_between_sequences_lie_50_ns(client: Client) -> None:
    client.pattern(b"a", 0.0, [1e-6], [1.0])
    client.pattern(b"b", 3.0, [1e-6], [2.0])
    client.sequences(101, [(b"a", 1.0), (b"b", 1.0)])
    for time, volts in [(1.01e-6, 1.0), (1.02e-6, 3.0), (1.05e-6, 3.0), (1.55e-6, 2.5)]:
        value = client.number("getInterpolatedForceValue", 101, time)
        assert value == pytest.approx(volts, abs=1e-6), time


def test_the_most_loops_cost_nothing(client: Client) -> None:
    client.pattern(b"p", 0.0, [1e-6, 2e-6], [1.0, 0.0])
    client.call("setMeasureEvent", b"p", b"e", 1e-6, 1, 1e-6, 0.0, AVERAGED)
    client.call("addSequence", 101, b"p", 2.0**40)
    assert client.number("getForceValueSize", 101) == 3 * 2.0**40
    middle = client.pair("getForceValue", 101, 3.0 * 2**39 + 1)
    assert middle == (pytest.approx(2**39 * 2e-6 + 1e-6), 1.0)
    assert client.number("getInterpolatedForceValue", 101, 1e6 + 0.5e-6) == pytest.approx(0.5)
    assert client.events(101, 1_000_000, 1)[0][3] == 1e6
    client.call("setWarningLevel", 1003)
    client.call("addSequence", 102, b"p", 1.6)
    assert client.number("getForceValueSize", 102) == 6.0
    assert "was rounded" in client.text("getWarningSummary")


def test_the_most_readings_are_told_without_being_laid_out(client: Client) -> None:
    client.pattern(b"p", 0.0, [100.0], [1.0])
    client.call("setMeasureEvent", b"p", b"e", 0.0, 2**31 - 1, 40e-9, 0.0, AVERAGED)
    client.call("addSequence", 101, b"p", 1.0)
    last = 2**31 - 2
    assert client.number("getPatternMeasureTime", b"p", last) == pytest.approx(last * 40e-9)
    assert client.number("getMeasureTime", 101, last) == pytest.approx(last * 40e-9)


def test_asking_for_more_than_there_is_gives_what_there_is(client: Client) -> None:
    client.pattern(b"p", 0.0, [1e-6, 2e-6], [1.0, 0.0])
    times, volts = client.arrays("getPatternForceValues", b"p", 1, 50)
    assert (times, volts) == ([1e-6, 2e-6], [1.0, 0.0])
    assert "were asked for" in client.text("getWarningSummary")
    size, one = c_int(0), (c_double * 1)()
    assert client.code("getPatternForceValues", b"p", 0, byref(size), one, one) == -1


def test_export_writes_the_three_tables_and_adds_the_extension(
    client: Client, tmp_path: Path
) -> None:
    golden(client)
    client.call("exportAscii", encoded(tmp_path / "setup"))
    lines = (tmp_path / "setup.csv").read_text(encoding="utf-8").splitlines()
    assert "one,5e-06,1.0" in lines
    assert "two,e,averaged,5e-06,4,1e-07,0.0" in lines
    assert "101,2,three,2" in lines


def test_export_checks_the_upper_limits(client: Client, tmp_path: Path) -> None:
    client.pattern(b"p", 0.0, [i * 1e-8 for i in range(1, 2050)], [0.0] * 2049)
    client.call("addSequence", 101, b"p", 1.0)
    assert client.code("exportAscii", encoded(tmp_path / "setup.txt")) == -7
    assert not (tmp_path / "setup.txt").exists()
