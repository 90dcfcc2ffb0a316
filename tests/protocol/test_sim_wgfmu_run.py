"""Sessions, runs, readings and DC mode of the simulated WGFMU library, through ctypes.

Behaviour is that of instruments.md, sections 1.4 to 1.10; the chip behind is a recorder.
"""

from __future__ import annotations

import ctypes
import itertools
from ctypes import byref, c_double, c_int, create_string_buffer

import numpy as np
import pytest

from instruments.sim.station import Path
from tests.fakes import FakeChip
from tests.protocol.wgfmu_client import (
    ADDRESS,
    AVERAGED,
    CURRENT,
    DC,
    FASTIV,
    PG,
    RAW,
    SMU,
    VOLTAGE,
    Client,
)


@pytest.fixture
def client() -> Client:
    return Client(FakeChip(resistances={"SL": 10e3, "BL": 10e3, "Q": 10e3}))


def pulse(client: Client, *channels: int, loops: float = 1.0) -> None:
    """0 to 1 V in 1 us, 1 us at 1 V, back in 1 us."""
    client.pattern(b"pulse", 0.0, [1e-6, 2e-6, 3e-6], [1.0, 1.0, 0.0])
    for channel in channels:
        client.call("addSequence", channel, b"pulse", loops)


# Session


def test_a_session_is_opened_once(client: Client) -> None:
    client.call("openSession", ADDRESS)
    assert client.code("openSession", ADDRESS) == -3
    assert "A session has already been opened" in client.summary()
    client.call("closeSession")
    assert client.code("closeSession") == -3
    assert "No session has been opened" in client.summary()


def test_channels_are_those_of_the_modules(client: Client) -> None:
    client.call("openSession", ADDRESS)
    size = client.integer("getChannelIdSize")
    ids = (c_int * size)()
    client.call("getChannelIds", ids, byref(c_int(size)))
    assert list(ids) == [101, 102, 201, 202, 301, 302, 401, 402]


def test_a_channel_that_is_not_there_is_named_as_by_the_library(client: Client) -> None:
    client.call("openSession", ADDRESS)
    assert client.code("connect", 7) == -9
    assert client.text("getError") == (
        "-9: Error in WGFMU_connect(7);\n\tChannel 7 does not exist or is not a WGFMU channel.\n"
    )
    assert client.code("connect", 501) == -9


def test_a_queued_mainframe_error_keeps_the_session_from_opening(client: Client) -> None:
    client.station.queue_error(100, "Undefined GPIB command.")
    assert client.code("openSession", ADDRESS) == -6
    assert "100 Undefined GPIB command." in client.summary()
    client.station.errors.clear()
    client.call("openSession", ADDRESS)


def test_wrong_argument_types_are_errors_as_with_a_real_library(client: Client) -> None:
    with pytest.raises(ctypes.ArgumentError):
        client.library.WGFMU_openSession("GPIB0::17::INSTR")
    with pytest.raises(TypeError):
        client.library.WGFMU_connect()


def test_an_unexpected_exception_is_an_error_and_is_kept(client: Client) -> None:
    client.open(101)
    pulse(client, 101)

    def broken(*_: object) -> None:
        raise RuntimeError("probe lifted")

    client.chip.play = broken  # type: ignore[assignment, method-assign]
    assert client.library.WGFMU_execute() == -8
    assert isinstance(client.twin.failure, RuntimeError)
    client.twin.failure = None
    assert "RuntimeError: probe lifted" in client.summary()


def test_self_checks_pass_and_take_their_time(client: Client) -> None:
    client.call("openSession", ADDRESS)
    for name in ("doSelfTest", "doSelfCalibration"):
        before = client.clock.now()
        result, detail, size = c_int(-1), create_string_buffer(256), c_int(256)
        client.call(name, byref(result), detail, byref(size))
        assert (result.value, detail.value) == (0, b"Pass.")
        assert client.clock.now() - before > 10


def test_initialize_zeroes_opens_and_resets_but_keeps_patterns(client: Client) -> None:
    client.open(101, mode=DC)
    client.call("dcforceVoltage", 101, 1.0)
    client.pattern(b"p", 0.0, [1e-6], [1.0])
    client.call("addSequence", 101, b"p", 1.0)
    client.chip.holds.clear()
    client.call("initialize")
    assert [volts for pad, volts in client.chip.holds if pad == "SL"] == [0.0, None]
    assert client.integer("getOperationMode", 101) == SMU
    assert client.number("getForceValueSize", 101) == 2.0


def test_closing_with_mainframe_errors_warns(client: Client) -> None:
    client.open()
    client.station.queue_error(100, "Undefined GPIB command.")
    client.call("closeSession")
    assert "not empty" in client.text("getWarningSummary")


# Switches


def test_the_path_follows_the_mode_when_connected(client: Client) -> None:
    client.open(101, mode=SMU)
    assert client.station.channel_path[101] is Path.SMU
    client.call("setOperationMode", 101, FASTIV)
    assert client.station.channel_path[101] is Path.SMU
    client.call("connect", 101)
    assert client.station.channel_path[101] is Path.WGFMU
    client.call("disconnect", 101)
    assert client.station.channel_path[101] is Path.OPEN
    assert client.chip.held["SL"] is None


def test_only_a_switch_that_moves_costs_time(client: Client) -> None:
    times = client.clock.times
    client.open(101)
    before = client.clock.now()
    client.call("connect", 101)
    assert client.clock.now() - before == pytest.approx(times.wgfmu_call)
    before = client.clock.now()
    client.call("disconnect", 101)
    assert client.clock.now() - before == pytest.approx(times.wgfmu_call + times.rsu_switch)


# Runs


def test_channels_play_on_one_time_base(client: Client) -> None:
    client.open(101, 102)
    pulse(client, 101)
    client.pattern(b"other", 0.5, [0.5e-6, 1.5e-6], [2.0, 0.5])
    client.call("addSequence", 102, b"other", 1.0)
    client.run()
    (waveform,) = client.chip.played
    expected = [0, 0.5e-6, 1e-6, 1.5e-6, 2e-6, 3e-6]
    np.testing.assert_allclose(waveform.times, expected, atol=1e-15)
    np.testing.assert_allclose(waveform.volts["SL"], [0, 0.5, 1, 1, 1, 0])
    np.testing.assert_allclose(waveform.volts["BL"], [0.5, 2, 1.25, 0.5, 0.5, 0.5])
    assert client.station.channel_volts[102] == 0.5


def test_channels_that_are_not_connected_or_not_pulsed_are_left_alone(client: Client) -> None:
    client.open(101)
    client.call("setOperationMode", 102, FASTIV)
    client.call("setOperationMode", 201, DC)
    client.call("connect", 201)
    client.call("dcforceVoltage", 201, 0.3)
    pulse(client, 101, 102, 201)
    client.run()
    assert set(client.chip.played[0].volts) == {"SL"}
    assert client.chip.held["BLB"] == 0.3


def test_an_unchanged_setup_plays_the_same_waveform_object(client: Client) -> None:
    client.open(101)
    pulse(client, 101)
    client.run()
    client.run()
    assert client.chip.played[0] is client.chip.played[1]
    client.call("setVector", b"pulse", 1e-6, 0.9)
    client.run()
    assert client.chip.played[2].volts["SL"][1] == pytest.approx(0.9, abs=1e-4)


def test_bench_time_of_a_run(client: Client) -> None:
    times = client.clock.times
    client.open(101)
    pulse(client, 101)

    def cost(*names: str) -> float:
        before = client.clock.now()
        for name in names:
            client.call(name)
        return client.clock.now() - before

    run = 2 * times.wgfmu_call + 3e-6
    assert cost("execute", "waitUntilCompleted") == pytest.approx(run + 3 * times.vector_download)
    assert cost("execute", "waitUntilCompleted") == pytest.approx(run)
    client.call("setMeasureEnabled", 101, 7000)
    assert cost("execute", "waitUntilCompleted") == pytest.approx(run)
    client.call("addSequence", 101, b"pulse", 4.0)
    assert cost("update") == pytest.approx(times.wgfmu_call + 3 * times.vector_download)
    assert cost("waitUntilCompleted") == pytest.approx(times.wgfmu_call)


def test_update_drives_the_first_voltage(client: Client) -> None:
    client.open(101)
    client.pattern(b"p", 0.7, [1e-6], [0.2])
    client.call("addSequence", 101, b"p", 1.0)
    client.call("update")
    assert client.chip.held["SL"] == pytest.approx(0.7)
    assert client.chip.played == []
    client.call("updateChannel", 101)


def test_loops_follow_without_a_gap_and_jumps_take_one_tick(client: Client) -> None:
    client.open(101)
    client.pattern(b"saw", 0.0, [1e-6], [1.0])
    client.call("addSequence", 101, b"saw", 2.0)
    client.run()
    (waveform,) = client.chip.played
    np.testing.assert_allclose(waveform.times, [0, 1e-6, 1.01e-6, 2e-6])
    np.testing.assert_allclose(waveform.volts["SL"], [0, 1, 0.01, 1], atol=1e-4)


def test_many_loops_are_played_one_by_one_from_one_waveform(client: Client) -> None:
    client.open(101, 102)
    pulse(client, 101, 102, loops=5000.0)
    client.run()
    assert len(client.chip.played) == 5000
    assert len({id(waveform) for waveform in client.chip.played}) == 2
    assert sum(w.duration for w in client.chip.played) == pytest.approx(15e-3)


def test_channels_out_of_step_are_played_over_their_joint_period(client: Client) -> None:
    """3 us and 10 us: 400 times 30 us, then 800 times 10 us alone."""
    client.open(101, 102)
    pulse(client, 101, loops=4000.0)
    client.pattern(b"slow", 0.0, [5e-6, 10e-6], [2.0, 0.0])
    client.call("addSequence", 102, b"slow", 2000.0)
    client.run()
    played = client.chip.played
    assert len(played) == 400 + 800
    assert len({id(waveform) for waveform in played}) == 4
    assert sum(w.duration for w in played) == pytest.approx(20e-3)
    for before, after in itertools.pairwise(played):
        assert before.volts["BL"][-1] == pytest.approx(after.volts["BL"][0])
    middle = np.interp(4.5e-6, played[200].times, played[200].volts["SL"])
    assert middle == pytest.approx(1.0)


def test_channels_that_never_meet_are_played_in_stretches(client: Client) -> None:
    """40.13 us and 100.07 us: their joint period is 0.4 s, longer than the run."""
    client.open(101, 102)
    client.pattern(b"saw", 0.0, [30e-6, 40.13e-6], [1.0, 0.0])
    client.pattern(b"slow", 0.0, [50e-6, 100.07e-6], [2.0, 0.0])
    client.call("addSequence", 101, b"saw", 9000.0)
    client.call("addSequence", 102, b"slow", 3000.0)
    client.run()
    played = client.chip.played
    assert len({id(waveform) for waveform in played}) < 10
    assert sum(w.duration for w in played) == pytest.approx(9000 * 40.13e-6)
    times = np.linspace(0.0, 0.3, 5003)
    phase = times % 40.13e-6
    saw = np.where(phase < 30e-6, phase / 30e-6, (40.13e-6 - phase) / 10.13e-6)
    np.testing.assert_allclose(heard(client, "SL", times), saw, atol=2e-3)


def heard(client: Client, pad: str, times: np.ndarray) -> np.ndarray:
    """Voltage of a pad over all that was played, at ``times`` (s)."""
    starts = np.cumsum([0.0] + [w.duration for w in client.chip.played])[:-1]
    at = np.concatenate([w.times + t for w, t in zip(client.chip.played, starts, strict=True)])
    volts = np.concatenate([w.volts[pad] for w in client.chip.played])
    return np.interp(times, at, volts)


@pytest.mark.parametrize(("loops", "step"), [(7, 1e-6), (5, 2e-6)])
def test_played_in_pieces_or_at_once_is_the_same(
    monkeypatch: pytest.MonkeyPatch, loops: int, step: float
) -> None:
    """In step (equal loops) and out of step (twice the length), with jumps and gaps."""
    times = np.linspace(0, 45e-6, 9973)
    outcomes = []
    for points in (10, 10_000):
        monkeypatch.setattr("instruments.sim.wgfmu.program.UNROLLED_POINTS", points)
        client = Client()
        client.open(101, 102)
        client.pattern(b"a", 0.2, [1e-6, 1.5e-6, 2e-6], [1.0, 1.0, 0.0])
        client.pattern(b"b", 1.0, [step, 2 * step], [2.0, 0.5])
        client.sequences(101, [(b"a", loops), (b"a", 3.0)])
        client.sequences(102, [(b"b", loops), (b"b", 3.0)])
        client.run()
        outcomes.append([heard(client, pad, times) for pad in ("SL", "BL")])
        assert (len(client.chip.played) > 1) == (points == 10)
    # Pieces begin on the output's steps of 160 uV.
    np.testing.assert_allclose(outcomes[0], outcomes[1], atol=3e-4)


def test_a_force_delay_shifts_a_channel(client: Client) -> None:
    client.open(101, 102)
    pulse(client, 101, 102)
    client.call("setForceDelay", 102, 50e-9)
    client.run()
    (waveform,) = client.chip.played
    at = np.interp(1e-6, waveform.times, waveform.volts["BL"])
    assert at == pytest.approx(0.95, abs=1e-3)


def test_the_output_has_steps(client: Client) -> None:
    client.open(101, mode=DC)
    client.call("setForceVoltageRange", 101, 3002)
    client.call("dcforceVoltage", 101, 1.00005)
    assert client.chip.held["SL"] == pytest.approx(1.0, abs=1e-12)
    client.call("setForceVoltageRange", 101, 3001)
    client.call("dcforceVoltage", 101, 1.00005)
    assert client.chip.held["SL"] == pytest.approx(1.000032, abs=1e-9)


def test_too_many_vectors_are_refused_in_the_known_words(client: Client) -> None:
    client.open(202)
    client.pattern(b"gp", 0.0, [i * 1e-8 for i in range(1, 6424)], [0.0] * 6423)
    client.call("addSequence", 202, b"gp", 1.0)
    assert client.code("execute") == -7
    assert client.text("getError") == (
        "-7: Error in WGFMU_execute();\n"
        "\tChannel 202: The number of total vectors (1 patterns in 1 sequences) = 6423 is "
        "invalid. The value must be 1 <= the number of total vectors <= 2048.Pattern "
        '"gp" used in  sequence 0 contains 6423 vectors. \n'
    )
    assert client.chip.played == []


def test_upper_limits_are_checked_when_a_setup_is_pushed(client: Client) -> None:
    client.open(101)
    client.pattern(b"high", 0.0, [1e-6], [6.0])
    client.call("addSequence", 101, b"high", 1.0)
    client.call("setForceVoltageRange", 101, 3002)
    assert client.code("execute") == -6
    assert "3310" in client.summary()
    client.call("setForceVoltageRange", 101, 3000)
    client.run()
    client.call("clear")
    pulse(client, *([101] * 513))
    assert client.code("update") == -7
    assert "The number of sequences = 513" in client.summary()
    client.call("clear")
    client.pattern(b"p", 0.0, [1e-3], [1.0])
    client.call("setMeasureEvent", b"p", b"e", 0.0, 1000, 1e-6, 0.0, AVERAGED)
    client.call("addSequence", 101, b"p", 4001.0)
    assert client.code("execute") == -6
    assert "3050" in client.summary()


@pytest.mark.parametrize(
    ("code", "events"),
    [
        ("3051", [(0.0, 0.0), (1.05e-6, 100e-9)]),
        ("3052", [6003, 6004, 6003]),
    ],
)
def test_events_too_close_are_refused(client: Client, code: str, events: list[object]) -> None:
    client.open(101)
    pulse(client, 101)
    client.call("setMeasureMode", 101, CURRENT)
    for index, event in enumerate(events):
        if isinstance(event, tuple):
            client.call("setMeasureEvent", b"pulse", b"e", event[0], 2, 1e-6, event[1], AVERAGED)
        else:
            client.call("setRangeEvent", b"pulse", b"r", index * 100e-9, event)
    if code == "3051":
        client.call("setMeasureEvent", b"pulse", b"f", 2.15e-6, 1, 1e-6, 0.0, AVERAGED)
    assert client.code("execute") == -6
    assert code in client.summary()


def test_pulse_generator_mode_measures_no_current(client: Client) -> None:
    client.open(101, mode=PG)
    pulse(client, 101)
    client.call("setMeasureMode", 101, CURRENT)
    assert client.code("execute") == -6
    assert "3303 Invalid measurement mode for current operation mode." in client.summary()
    client.call("setMeasureMode", 101, VOLTAGE)
    client.run()
    client.call("setForceVoltageRange", 101, 3004)
    assert client.code("execute") == -6


def pulse_generator(client: Client, pad_ohm: float) -> None:
    """Pulses of 1 V open circuit into a resistor to ground: edges of 100 ns, 1 us wide."""
    client.chip.resistances["SL"] = pad_ohm
    client.open(101, mode=PG)
    client.pattern(b"pulse", 0.0, [1e-7, 1.1e-6, 1.2e-6, 2e-6], [1.0, 1.0, 0.0, 0.0])
    client.call("setMeasureEvent", b"pulse", b"top", 0.6e-6, 1, 4e-7, 4e-7, AVERAGED)
    client.call("addSequence", 101, b"pulse", 2.0)
    client.run()


@pytest.mark.parametrize(("pad_ohm", "share"), [(50.0, 0.5), (6e3, 6000 / 6050)])
def test_pulse_generator_mode_drives_through_50_ohm(pad_ohm: float, share: float) -> None:
    client = Client(FakeChip())
    pulse_generator(client, pad_ohm)
    tops = heard(client, "SL", np.array([0.2e-6, 0.6e-6, 1.05e-6, 2.2e-6, 3.05e-6]))
    np.testing.assert_allclose(tops, share, rtol=1e-12)
    values = client.arrays("getMeasureValues", 101, 0, 2)[1]
    assert values == pytest.approx([share] * 2, abs=2e-3)


def test_without_load_pulse_generator_mode_gives_what_is_programmed() -> None:
    client = Client(FakeChip())
    pulse_generator(client, np.inf)
    assert heard(client, "SL", np.array([0.6e-6, 2.6e-6])).tolist() == [1.0, 1.0]


def test_pulse_generator_mode_takes_current_that_a_pad_gives() -> None:
    client = Client(FakeChip(currents={"BL": -300e-6}))
    client.open(102, mode=PG)
    client.pattern(b"p", 0.0, [1e-6, 2e-6], [0.0, 0.0])
    client.call("addSequence", 102, b"p", 1.0)
    client.call("update")
    assert client.chip.held["BL"] == pytest.approx(15e-3)
    client.run()
    assert heard(client, "BL", np.array([1.5e-6])) == pytest.approx([15e-3])


def test_a_first_voltage_in_pulse_generator_mode_is_halved_into_50_ohm() -> None:
    client = Client(FakeChip(resistances={"SL": 50.0}))
    client.open(101, mode=PG)
    client.pattern(b"p", 1.0, [1e-6], [1.0])
    client.call("addSequence", 101, b"p", 1.0)
    client.call("update")
    assert client.chip.held["SL"] == pytest.approx(0.5, rel=1e-12)


def test_loops_without_load_are_one_waveform_in_pulse_generator_mode_too(client: Client) -> None:
    client.open(202, mode=PG)
    pulse(client, 202, loops=6000.0)
    client.run()
    assert len({id(waveform) for waveform in client.chip.played[100:]}) == 1


def test_nothing_to_execute_is_an_error(client: Client) -> None:
    client.open(101)
    assert client.code("execute") == -6
    assert "3201 ALWG Sequence Data is not ready." in client.summary()
    assert client.code("waitUntilCompleted") == -13


# A run that takes time


def ramp(client: Client) -> None:
    """0 to 1 V in 1 s on SL, one current reading every 10 ms."""
    client.open(101)
    client.call("setMeasureMode", 101, CURRENT)
    client.call("setMeasureCurrentRange", 101, 6004)
    client.pattern(b"ramp", 0.0, [1.0], [1.0])
    client.call("setMeasureEvent", b"ramp", b"first", 0.0, 50, 10e-3, 100e-9, AVERAGED)
    client.call("setMeasureEvent", b"ramp", b"second", 0.5, 50, 10e-3, 100e-9, AVERAGED)
    client.call("addSequence", 101, b"ramp", 1.0)
    client.call("execute")


def test_status_follows_bench_time(client: Client) -> None:
    client.open(101)
    assert client.status()[0] == 10006
    client.call("initialize")
    client.call("closeSession")
    ramp(client)
    client.clock.advance(0.25 - client.clock.times.wgfmu_call)
    status, elapsed, total = client.status()
    assert (status, total) == (10002, 1.0)
    assert elapsed == pytest.approx(0.25)
    client.call("waitUntilCompleted")
    assert client.status() == (10000, 1.0, 1.0)
    client.call("waitUntilCompleted")


def test_the_chip_sees_only_the_time_that_has_passed(client: Client) -> None:
    ramp(client)
    client.clock.advance(0.3)
    client.station.set_digital_output(0)
    assert client.chip.held["SL"] == pytest.approx(0.3, abs=1e-3)
    client.call("waitUntilCompleted")
    assert client.chip.held["SL"] == pytest.approx(1.0)
    assert sum(w.duration for w in client.chip.played) == pytest.approx(1.0)


def test_abort_holds_the_voltage_of_that_moment(client: Client) -> None:
    ramp(client)
    client.clock.advance(0.4 - client.clock.times.wgfmu_call)
    client.call("abort")
    assert client.chip.held["SL"] == pytest.approx(0.4, abs=1e-3)
    assert client.station.channel_volts[101] == pytest.approx(0.4, abs=1e-3)
    assert client.status()[0] == 10003
    assert client.ints("getMeasureValueSize", 2, 101) == (40, 100)
    _times, values = client.arrays("getMeasureValues", 101, 0, 40)
    assert values[-1] == pytest.approx(39e-6, abs=2e-6)


def test_one_channel_can_be_aborted(client: Client) -> None:
    client.open(101, 102)
    client.pattern(b"ramp", 0.0, [1.0], [1.0])
    for channel in (101, 102):
        client.call("addSequence", channel, b"ramp", 1.0)
    client.call("execute")
    client.clock.advance(0.5 - client.clock.times.wgfmu_call)
    client.call("abortChannel", 102)
    client.call("waitUntilCompleted")
    assert client.chip.held["BL"] == pytest.approx(0.5, abs=1e-3)
    assert client.chip.held["SL"] == pytest.approx(1.0)
    status, elapsed, total = c_int(), c_double(), c_double()
    out = (byref(status), byref(elapsed), byref(total))
    client.call("getChannelStatus", 102, *out)
    assert status.value == 10003
    client.call("getChannelStatus", 101, *out)
    assert status.value == 10000
    client.run()
    assert client.chip.held["BL"] == pytest.approx(1.0)


def test_disconnecting_during_a_run_lets_go_of_the_pad(client: Client) -> None:
    ramp(client)
    client.clock.advance(0.5)
    client.call("disconnect", 101)
    client.call("waitUntilCompleted")
    assert client.chip.held["SL"] is None
    values = client.arrays("getMeasureValues", 101, 0, 100)[1]
    assert values[45] == pytest.approx(45e-6, abs=2e-6)
    assert values[60] == pytest.approx(0.0, abs=2e-6)


def test_execute_during_a_run_starts_again(client: Client) -> None:
    ramp(client)
    client.clock.advance(0.5)
    client.call("execute")
    client.call("waitUntilCompleted")
    assert client.status() == (10000, 1.0, 1.0)
    assert sum(w.duration for w in client.chip.played) == pytest.approx(1.511, abs=1e-3)


def test_waiting_ends_at_the_timeout(client: Client) -> None:
    client.call("setTimeout", 2.0)
    client.open(101)
    client.pattern(b"long", 0.0, [10.0], [1.0])
    client.call("addSequence", 101, b"long", 1.0)
    client.call("execute")
    before = client.clock.now()
    assert client.code("waitUntilCompleted") == -5
    assert client.clock.now() - before == pytest.approx(2.0)
    assert client.status()[0] == 10002


def test_partial_reads_while_running(client: Client) -> None:
    ramp(client)
    client.clock.advance(0.505)

    def completed(event: bytes) -> tuple[int, ...]:
        return client.ints("isMeasureEventCompleted", 4, 101, b"ramp", event, 0, 0.0, 0)

    assert completed(b"first") == (11001, 0, 0, 50)
    assert completed(b"second") == (11000, 1, 50, 50)
    assert client.ints("getCompletedMeasureEventSize", 2, 101) == (1, 2)
    first = client.arrays("getMeasureValues", 101, 0, 50)[1]
    room, buffer = c_int(50), (c_double * 50)()
    assert client.code("getMeasureValues", 101, 50, byref(room), buffer, buffer) == -14
    third = (b"ramp", b"third", 0, 0.0, 0, None, None, None, None)
    assert client.code("isMeasureEventCompleted", 101, *third) == -11
    client.call("waitUntilCompleted")
    assert client.arrays("getMeasureValues", 101, 0, 50)[1] == first
    assert completed(b"second")[0] == 11001


def test_results_are_out_of_date_after_a_setup_change(client: Client) -> None:
    ramp(client)
    client.call("setMeasureCurrentRange", 101, 6003)
    assert client.status()[0] == 10005
    client.call("waitUntilCompleted")
    assert client.status()[0] == 10006
    room, buffer = c_int(1), (c_double * 1)()
    assert client.code("getMeasureValues", 101, 0, byref(room), buffer, buffer) == -15
    client.call("setMeasureCurrentRange", 101, 6004)
    assert len(client.arrays("getMeasureValues", 101, 0, 100)[1]) == 100


def test_values_before_any_run_are_not_ready(client: Client) -> None:
    client.open(101)
    pulse(client, 101)
    client.call("setMeasureEvent", b"pulse", b"e", 0.0, 4, 1e-7, 0.0, AVERAGED)
    assert client.ints("getMeasureValueSize", 2, 101) == (0, 4)
    assert client.text("getWarningSummary") == ""
    room, buffer = c_int(1), (c_double * 1)()
    assert client.code("getMeasureValues", 101, 0, byref(room), buffer, buffer) == -14
    assert client.code("getMeasureValue", 102, 0, buffer, buffer) == -14
    assert "not in the fast IV or PG mode" in client.text("getWarningSummary")


# Readings


def plateau(client: Client, points: int, average: float, data: int = AVERAGED) -> None:
    """Readings at 1 V on SL: 100 uA through 10 kohm."""
    client.open(101)
    client.call("setMeasureMode", 101, CURRENT)
    client.pattern(b"p", 1.0, [points * 1e-6], [1.0])
    client.call("setMeasureEvent", b"p", b"e", 0.0, points, 1e-6, average, data)
    client.call("addSequence", 101, b"p", 1.0)


def test_current_readings_have_the_range_s_noise_and_step(client: Client) -> None:
    plateau(client, 2000, 40e-9)
    client.call("setMeasureCurrentRange", 101, 6004)
    client.run()
    times, values = client.arrays("getMeasureValues", 101, 0, 2000)
    assert times[:2] == pytest.approx([20e-9, 1.02e-6])
    assert np.mean(values) == pytest.approx(100e-6, abs=5 * 280e-9 / np.sqrt(2000))
    assert np.std(values) == pytest.approx(280e-9, rel=0.1)
    steps = np.array(values) / (0.14e-6 / 8)
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)


def test_averaging_longer_lowers_the_noise(client: Client) -> None:
    plateau(client, 1000, 1e-6)
    client.call("setMeasureCurrentRange", 101, 6004)
    client.run()
    values = client.arrays("getMeasureValues", 101, 0, 1000)[1]
    assert np.std(values) == pytest.approx(280e-9 / 5, rel=0.15)


def test_a_reading_beyond_the_range_is_exactly_the_range(client: Client) -> None:
    plateau(client, 10, 100e-9)
    client.call("setMeasureCurrentRange", 101, 6002)
    client.run()
    assert client.arrays("getMeasureValues", 101, 0, 10)[1] == [10e-6] * 10


def test_range_events_hold_until_the_next(client: Client) -> None:
    plateau(client, 10, 100e-9)
    client.call("setMeasureCurrentRange", 101, 6002)
    client.call("setRangeEvent", b"p", b"wide", 4.5e-6, 6004)
    client.call("addSequence", 101, b"p", 1.0)
    client.run()
    values = client.arrays("getMeasureValues", 101, 0, 20)[1]
    assert values[:5] == [10e-6] * 5
    assert values[5:] == pytest.approx([100e-6] * 15, abs=2e-6)


def test_raw_data_are_stored_sample_by_sample(client: Client) -> None:
    plateau(client, 4, 20e-9, RAW)
    client.run()
    assert client.ints("getMeasureValueSize", 2, 101) == (20, 20)


def test_a_voltage_reading_is_what_the_channel_forces(client: Client) -> None:
    client.open(401)
    client.pattern(b"p", 0.0, [1e-3], [1.0])
    client.call("setMeasureEvent", b"p", b"e", 0.0, 100, 10e-6, 1e-6, AVERAGED)
    client.call("addSequence", 401, b"p", 1.0)
    client.run()
    times, values = client.arrays("getMeasureValues", 401, 0, 100)
    np.testing.assert_allclose(values, np.array(times) / 1e-3, atol=2e-3)


def test_a_long_window_averages_over_the_window(client: Client) -> None:
    client.open(101)
    client.call("setMeasureMode", 101, CURRENT)
    client.call("setMeasureCurrentRange", 101, 6004)
    client.pattern(b"p", 0.0, [5e-6, 5.01e-6, 10e-6], [0.0, 1.0, 1.0])
    client.call("setMeasureEvent", b"p", b"e", 0.0, 1, 10e-6, 10e-6, AVERAGED)
    client.call("addSequence", 101, b"p", 1.0)
    client.run()
    assert client.arrays("getMeasureValues", 101, 0, 1)[1] == pytest.approx([50e-6], abs=1e-6)


@pytest.mark.parametrize(
    ("code", "settling", "current"),
    [
        (6001, 37e-6, 0.5e-6),
        (6002, 5.8e-6, 5e-6),
        (6003, 820e-9, 50e-6),
        (6004, 200e-9, 0.5e-3),
        (6005, 125e-9, 5e-3),
    ],
)
def test_a_current_step_settles_within_its_range_s_time(
    code: int, settling: float, current: float
) -> None:
    """Within 0.6 % of the final value after the settling time, as the vendor's tables say."""
    client = Client(FakeChip(resistances={"SL": 1.0 / current}))
    client.open(101)
    client.call("setMeasureMode", 101, CURRENT)
    client.call("setMeasureCurrentRange", 101, code)
    # Long before it nothing flows, also in what a reading remembers of the loop before.
    step = round(10 * settling / 1e-6) * 1e-6
    client.pattern(b"step", 0.0, [step, step + 10e-9, step + 1e-3], [0.0, 1.0, 1.0])
    after = np.round(np.array([0.2, 1.0, 3.0, 5.0]) * settling / 10e-9) * 10e-9
    for moment in after:
        client.call("setMeasureEvent", b"step", b"e", step + moment, 1, 1e-6, 0.0, AVERAGED)
    client.call("addSequence", 101, b"step", 400.0)
    client.run()
    values = client.arrays("getMeasureValues", 101, 0, 1600)[1]
    read = np.array(values).reshape(400, 4).mean(axis=0) / current
    expected = 1 - 0.006 ** ((after - 5e-9) / settling)
    # The past is looked at in sixths, the oldest one finer.
    assert np.all(np.abs(read - expected) < [1 / 8, 0.012, 0.002, 0.002])
    assert read[1] < 0.997


def test_a_reading_long_after_a_step_is_exact_and_a_ramp_is_read_late(client: Client) -> None:
    """1 mA range: time constant 39 ns; 100 uA range: 160 ns, on a ramp of 50 A/s 8 uA."""
    client.open(101)
    for code, lag in ((6004, 39.1e-9), (6003, 160.3e-9)):
        client.call("clear")
        client.call("setMeasureMode", 101, CURRENT)
        client.call("setMeasureCurrentRange", 101, code)
        client.pattern(b"p", 0.0, [1e-6, 3e-6, 3.1e-6, 100e-6], [0.0, 1.0, 0.5, 0.5])
        client.call("setMeasureEvent", b"p", b"ramp", 2.8e-6, 1, 1e-7, 2e-8, AVERAGED)
        client.call("setMeasureEvent", b"p", b"late", 50e-6, 1, 40e-6, 40e-6, AVERAGED)
        client.call("addSequence", 101, b"p", 2000.0)
        client.run()
        values = np.array(client.arrays("getMeasureValues", 101, 0, 4000)[1])
        ramp, late = values.reshape(2000, 2).mean(axis=0)
        assert late == pytest.approx(50e-6, abs=2e-9)
        assert ramp == pytest.approx((1.81e-6 - lag) * 50, abs=3e-8)


@pytest.mark.parametrize(("width", "low"), [(100e-9, 0.15), (200e-9, 0.03), (2e-6, 0.0)])
def test_a_short_pulse_reads_low(client: Client, width: float, low: float) -> None:
    """The second half of a pulse on the 1 mA range; from 0.5 us on it is settled."""
    client.open(101)
    client.call("setMeasureMode", 101, CURRENT)
    client.call("setMeasureCurrentRange", 101, 6004)
    times = [1e-6, 1.01e-6, 1.01e-6 + width, 1.02e-6 + width, 5e-6]
    client.pattern(b"p", 0.0, times, [0.0, 1.0, 1.0, 0.0, 0.0])
    event = (1.01e-6 + width / 2, 1, width, width / 2, AVERAGED)
    client.call("setMeasureEvent", b"p", b"e", *event)
    client.call("addSequence", 101, b"p", 1000.0)
    client.run()
    value = np.mean(client.arrays("getMeasureValues", 101, 0, 1000)[1])
    assert 1 - value / 100e-6 == pytest.approx(low, abs=0.04 if low > 0.1 else 2e-3)
    assert (value < 98e-6) == (width < 0.5e-6)


def test_dense_readings_of_a_slow_range_are_those_of_sparse_ones(client: Client) -> None:
    """What neighbouring readings look at overlaps; in pieces of a run it is the same."""
    means = []
    for points, interval in ((400, 10e-9), (4, 1e-6)):
        client = Client(FakeChip(resistances={"SL": 20e3}))
        client.open(101)
        client.call("setMeasureMode", 101, CURRENT)
        client.call("setMeasureCurrentRange", 101, 6003)
        client.pattern(b"p", 0.0, [1e-6, 1.01e-6, 5e-6], [0.0, 1.0, 1.0])
        client.call("setMeasureEvent", b"p", b"e", 0.0, points, interval, 0.0, AVERAGED)
        client.call("addSequence", 101, b"p", 100.0)
        client.call("execute")
        client.clock.advance(123.4e-6)
        client.call("abort")
        done, _ = client.ints("getMeasureValueSize", 2, 101)
        loops = done // points
        values = np.array(client.arrays("getMeasureValues", 101, 0, done)[1])
        means.append(values[: loops * points].reshape(loops, points).mean(axis=0))
    np.testing.assert_allclose(means[0][::100], means[1], atol=0.2e-6)


def test_a_measurement_that_is_disabled_takes_nothing(client: Client) -> None:
    plateau(client, 10, 100e-9)
    client.call("setMeasureEnabled", 101, 7000)
    client.run()
    room, buffer = c_int(1), (c_double * 1)()
    assert client.code("getMeasureValues", 101, 0, byref(room), buffer, buffer) == -14


def test_reading_back_costs_time_by_the_value(client: Client) -> None:
    plateau(client, 1000, 0.0)
    client.run()
    before = client.clock.now()
    client.arrays("getMeasureValues", 101, 0, 1000)
    cost = client.clock.times.wgfmu_call + 1000 * client.clock.times.value_read_back
    assert client.clock.now() - before == pytest.approx(cost)


def test_readings_come_loop_after_loop(client: Client) -> None:
    client.open(101)
    client.call("setMeasureMode", 101, CURRENT)
    client.call("setMeasureCurrentRange", 101, 6004)
    pulse(client, 101, loops=4000.0)
    client.call("setMeasureEvent", b"pulse", b"low", 0.0, 1, 1e-7, 1e-7, AVERAGED)
    client.call("setMeasureEvent", b"pulse", b"top", 1.4e-6, 1, 1e-7, 1e-7, AVERAGED)
    client.call("addSequence", 102, b"pulse", 4000.0)
    client.call("setOperationMode", 102, FASTIV)
    client.run()
    times, values = client.arrays("getMeasureValues", 101, 0, 8000)
    assert times[-1] == pytest.approx(3999 * 3e-6 + 1.45e-6)
    np.testing.assert_allclose(values[1::2], 100e-6, atol=3e-6)
    np.testing.assert_allclose(values[::2], 5e-6, atol=3e-6)


# DC


def test_dc_measures_what_flows_out_of_the_channel(client: Client) -> None:
    client.open(401, mode=DC)
    client.call("setMeasureMode", 401, CURRENT)
    client.call("setMeasureCurrentRange", 401, 6004)
    client.call("dcforceVoltage", 401, 0.0)
    client.chip.currents["Q"] = -120e-6
    value = client.number("dcmeasureAveragedValue", 401, 40, 1)
    assert value == pytest.approx(-120e-6, abs=1e-6)
    assert client.number("dcmeasureValue", 401) == pytest.approx(-120e-6, abs=5e-6)
    client.call("setMeasureMode", 401, VOLTAGE)
    assert client.number("dcmeasureAveragedValue", 401, 1000, 1) == pytest.approx(0, abs=1e-3)


def test_dc_averaging_takes_its_time(client: Client) -> None:
    client.open(401, mode=DC)
    before = client.clock.now()
    client.number("dcmeasureAveragedValue", 401, 1000, 10)
    assert client.clock.now() - before == pytest.approx(client.clock.times.wgfmu_call + 50e-6)


@pytest.mark.parametrize(
    ("code", "mode", "name", "arguments"),
    [
        (-3, FASTIV, "dcforceVoltage", (401, 1.0)),
        (-3, SMU, "dcmeasureValue", (401, c_double())),
        (-6, DC, "dcforceVoltage", (401, 5.5)),
        (-1, DC, "dcforceVoltage", (401, 11.0)),
        (-1, DC, "dcforceVoltage", (401, float("nan"))),
        (-1, DC, "dcmeasureAveragedValue", (401, 0, 1, c_double())),
        (-1, DC, "dcmeasureAveragedValue", (401, 1, 65536, c_double())),
        (-9, DC, "dcforceVoltage", (501, 1.0)),
    ],
)
def test_wrong_dc_calls(
    client: Client, code: int, mode: int, name: str, arguments: tuple[object, ...]
) -> None:
    client.open(401, mode=mode)
    client.call("setForceVoltageRange", 401, 3002)
    assert client.code(name, *arguments) == code
    assert client.station.channel_volts[401] == 0.0
