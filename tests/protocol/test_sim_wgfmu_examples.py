"""The example programs of the manual (instruments.md 1.11), on the simulated instrument."""

from __future__ import annotations

from ctypes import byref, c_double, c_int
from pathlib import Path

import numpy as np
import pytest

from instruments.sim.flex.mainframe import Mainframe
from tests.fakes import FakeChip
from tests.protocol.wgfmu_client import ADDRESS, AVERAGED, CURRENT, FASTIV, Client, encoded


@pytest.fixture
def client() -> Client:
    return Client(FakeChip(resistances={"SL": 10e3, "BL": 10e3}))


def pulse_pattern(client: Client) -> None:
    client.call("clear")
    client.call("createPattern", b"pulse", 0.0)
    for step, volts in [(0.1e-3, 1.0), (0.4e-3, 1.0), (0.1e-3, 0.0), (0.4e-3, 0.0)]:
        client.call("addVector", b"pulse", step, volts)


def connect_and_run(client: Client, *channels: int) -> None:
    client.call("openSession", ADDRESS)
    client.call("initialize")
    for channel in channels:
        client.call("setOperationMode", channel, FASTIV)
        client.call("connect", channel)
    client.run()


def leave(client: Client) -> None:
    client.call("initialize")
    client.call("closeSession")


def read_all(client: Client, channel: int) -> tuple[np.ndarray, np.ndarray]:
    measured, total = client.ints("getMeasureValueSize", 2, channel)
    assert measured == total
    times, values = client.arrays("getMeasureValues", channel, 0, measured)
    return np.array(times), np.array(values)


def test_1_a_pulse_ten_times(client: Client) -> None:
    pulse_pattern(client)
    client.call("addSequence", 101, b"pulse", 10.0)
    connect_and_run(client, 101)
    (waveform,) = client.chip.played
    assert waveform.duration == pytest.approx(10e-3)
    assert np.count_nonzero(waveform.volts["SL"] > 0.999) == 20
    leave(client)
    assert client.chip.held["SL"] is None


def test_2_the_pulse_measured(client: Client) -> None:
    pulse_pattern(client)
    client.call("setMeasureEvent", b"pulse", b"event", 0.0, 100, 0.01e-3, 0.0, AVERAGED)
    client.call("addSequence", 101, b"pulse", 10.0)
    connect_and_run(client, 101)
    times, volts = read_all(client, 101)
    assert len(volts) == 1000
    top = (times % 1e-3 > 0.1e-3) & (times % 1e-3 < 0.5e-3)
    np.testing.assert_allclose(volts[top], 1.0, atol=8e-3)
    leave(client)


def test_3_an_error_and_a_warning(client: Client) -> None:
    pulse_pattern(client)
    client.call("setMeasureEvent", b"pulse", b"event", 0.0, 100, 0.01e-3, 0.0, AVERAGED)
    client.call("setMeasureEvent", b"pulse", b"event", 0.0, 100, 0.01e-3, 0.0, AVERAGED)
    assert client.code("setOperationMode", 101, CURRENT) == -1
    assert client.text("getError").startswith("-1: Error in WGFMU_setOperationMode(101, 4001);\n")
    assert "overwrites" in client.text("getWarningSummary")


def test_4_a_warning_treated_as_an_error(client: Client) -> None:
    pulse_pattern(client)
    client.call("treatWarningsAsErrors", 1001)
    client.call("setMeasureEvent", b"pulse", b"event", 0.0, 100, 0.01e-3, 0.0, AVERAGED)
    code = client.code("setMeasureEvent", b"pulse", b"event", 0.0, 100, 0.01e-3, 0.0, AVERAGED)
    assert code < 0


def test_5_the_error_summary_holds_everything(client: Client) -> None:
    pulse_pattern(client)
    client.code("setOperationMode", 101, CURRENT)
    client.code("addSequence", 101, b"puls", 10.0)
    assert client.summary().count(": Error in WGFMU_") == 2


def sampling_patterns(client: Client) -> None:
    """Three stretches of 32768 points at 100, 10 and 1 us, 10 ns average, at 1 V."""
    client.call("clear")
    for name, interval in [(b"v1", 100e-6), (b"v2", 10e-6), (b"v3", 1e-6)]:
        client.pattern(name, 1.0, [32768 * interval], [1.0])
        event = b"%dkHz" % round(1e-3 / interval)
        client.call("setMeasureEvent", name, event, 0.0, 32768, interval, 10e-9, AVERAGED)
        client.call("addSequence", 101, name, 1.0)
        client.call("addSequence", 102, name, 1.0)
    client.call("openSession", ADDRESS)
    client.call("initialize")
    for channel in (101, 102):
        client.call("setOperationMode", channel, FASTIV)
        client.call("setMeasureMode", channel, CURRENT)
        client.call("setMeasureCurrentRange", channel, 6004)
        client.call("connect", channel)


def test_6_three_sampling_rates_on_two_channels(client: Client) -> None:
    sampling_patterns(client)
    client.run()
    for channel in (101, 102):
        times, amperes = read_all(client, channel)
        assert len(amperes) == 3 * 32768
        assert np.all(np.diff(times) > 0)
        assert np.mean(amperes) == pytest.approx(100e-6, rel=1e-3)


def test_7_status_is_polled_until_completed(client: Client) -> None:
    pulse_pattern(client)
    client.call("addSequence", 101, b"pulse", 100.0)
    client.call("openSession", ADDRESS)
    client.call("initialize")
    client.call("setOperationMode", 101, FASTIV)
    client.call("connect", 101)
    client.call("execute")
    seen = []
    while not seen or seen[-1] != 10000:
        seen.append(client.status()[0])
    assert set(seen) == {10002, 10000}
    assert len(seen) == 10


def test_8_one_event_is_read_before_the_end(client: Client) -> None:
    sampling_patterns(client)
    client.call("execute")
    completed = (0, 0, 0, 0)
    polls = 0
    while completed[0] != 11001:
        client.clock.advance(0.1)
        completed = client.ints("isMeasureEventCompleted", 4, 101, b"v2", b"100kHz", 0, 0.0, 0)
        polls += 1
    assert polls > 10
    assert completed[1:] == (1, 32768, 32768)
    assert client.status()[0] in (10002, 10000)
    times, amperes = client.arrays("getMeasureValues", 101, completed[2], completed[3])
    assert times[0] == pytest.approx(3.2768 + 50e-9 + 5e-9)
    assert np.mean(amperes) == pytest.approx(100e-6, rel=1e-3)


def test_9_transfer_curves_are_built_from_patterns(client: Client, tmp_path: Path) -> None:
    client.call("clear")
    steps = 101
    client.call("createPattern", b"gate", 0.0)
    client.pattern(b"drain", 0.0, [100e-9, steps * 600e-9], [0.0, 0.0])
    for index in range(steps):
        volts = 2 + 0.01 * index
        client.call("addVector", b"gate", 100e-9, volts)
        client.call("addVector", b"gate", 500e-9, volts)
        start = index * 600e-9 + 300e-9
        client.call("setMeasureEvent", b"drain", b"id", start, 1, 200e-9, 200e-9, AVERAGED)
    for index in range(6):
        name = b"drain%d" % index
        client.call("createOffsetPattern", name, b"drain", 0.0, 2.0 * index)
        client.call("addSequence", 102, name, 1.0)
        client.call("addSequence", 101, b"gate", 1.0)
    client.call("exportAscii", encoded(tmp_path / "id-vg"))
    assert "102,5,drain5,1" in (tmp_path / "id-vg.csv").read_text(encoding="utf-8")
    assert client.integer("getMeasureTimeSize", 102) == 6 * steps
    client.call("openSession", ADDRESS)
    client.call("initialize")
    for channel in (101, 102):
        client.call("setOperationMode", channel, FASTIV)
        client.call("connect", channel)
    client.call("setMeasureMode", 102, CURRENT)
    client.run()
    amperes = read_all(client, 102)[1].reshape(6, steps)
    np.testing.assert_allclose(amperes.mean(axis=1), np.arange(6) * 0.2e-3, atol=2e-6)


def test_10_an_smu_biases_while_the_pulses_run(client: Client) -> None:
    mainframe = Mainframe(client.station, np.random.default_rng(3))
    pulse_pattern(client)
    client.call("addSequence", 101, b"pulse", 10.0)
    client.call("openSession", ADDRESS)
    client.call("initialize")
    client.call("setOperationMode", 101, FASTIV)
    client.call("connect", 101)
    mainframe.write("CN 8")
    mainframe.write("DV 8,0,1")
    client.run()
    assert client.chip.held["VDD"] == pytest.approx(1.0)
    assert client.chip.played[0].volts["SL"].max() == pytest.approx(1.0, abs=1e-4)
    mainframe.write("CL 8")
    assert client.chip.held["VDD"] is None
    leave(client)


def test_11_an_smu_samples_and_the_pulses_run(client: Client) -> None:
    client.chip.resistances["VDD"] = 1e6
    mainframe = Mainframe(client.station, np.random.default_rng(3))

    def ask(line: str) -> str:
        mainframe.write(line)
        return mainframe.read()

    pulse_pattern(client)
    client.call("setMeasureEvent", b"pulse", b"event", 0.0, 100, 10e-6, 10e-9, AVERAGED)
    client.call("addSequence", 101, b"pulse", 10.0)
    client.call("openSession", ADDRESS)
    client.call("setTimeout", 120.0)
    client.call("initialize")
    mainframe.write("*RST")
    client.call("setOperationMode", 101, FASTIV)
    client.call("connect", 101)
    for line in ("CN 801", "MV 801,0,0,5", "MT 0,1,110,5", "MM 10,801"):
        mainframe.write(line)
    assert ask("ERRX?") == '+0,"No Error."'
    mainframe.write("XE")
    client.run()
    assert int(ask("NUB?")) == 110
    amperes = [float(item[3:]) for item in mainframe.read().split(",")]
    np.testing.assert_allclose(amperes, 5 / 1e6, rtol=1e-3)
    assert len(read_all(client, 101)[1]) == 1000
    mainframe.write("CL 801")
    assert client.chip.held["VDD"] is None
    leave(client)


def test_a_stray_scpi_command_keeps_the_library_out(client: Client) -> None:
    """Seen on a real instrument: `*CLS` leaves error 100, and openSession then returns -6."""
    mainframe = Mainframe(client.station, np.random.default_rng(3))
    mainframe.write("*CLS")
    assert client.code("openSession", ADDRESS) == -6
    mainframe.write("ERRX?")
    assert mainframe.read().startswith("+100,")
    client.call("openSession", ADDRESS)


def test_example_helpers_read_what_was_stored(client: Client) -> None:
    """The manual's helper reads value by value; both ways must agree."""
    pulse_pattern(client)
    client.call("setMeasureEvent", b"pulse", b"event", 0.0, 10, 0.1e-3, 10e-9, AVERAGED)
    client.call("addSequence", 101, b"pulse", 1.0)
    connect_and_run(client, 101)
    times, volts = read_all(client, 101)
    for index in range(10):
        time, value = c_double(), c_double()
        client.call("getMeasureValue", 101, index, byref(time), byref(value))
        assert (time.value, value.value) == (times[index], volts[index])
    status = c_int()
    assert client.code("getStatus", byref(status), None, None) == -1
