"""Loops in the sequencer, on a chip that is given many at once: readings, partial reads, aborts."""

from __future__ import annotations

from collections.abc import Mapping
from ctypes import c_double, c_int

import numpy as np
import pytest
from numpy.typing import NDArray

from instruments.sim.chip.die import Die
from instruments.sim.loops import LoopCurrents, TakeCurrents
from instruments.sim.station import Station
from instruments.sim.waveform import PadWaveform
from instruments.sim.wgfmu.library import SimulatedWgfmu
from tests.fakes import FakeChip
from tests.protocol.wgfmu_client import AVERAGED, CURRENT, Client
from tests.unit.sim_loops import PADS, cycled_chip, cycling_loop

Floats = NDArray[np.float64]


class ChipInBatches(FakeChip):
    """Plays loops one by one, and hands their currents on a few at a time, moments shared."""

    def __init__(self, resistances: Mapping[str, float]) -> None:
        super().__init__(resistances=resistances)
        self.given: list[int] = []

    def play_loops(
        self,
        waveform: PadWaveform,
        loops: int,
        samples: Mapping[str, Floats],
        take: TakeCurrents,
    ) -> None:
        self.given.append(loops)
        sizes = [min(7, loops - begin) for begin in range(0, loops, 7)]
        for size in sizes:
            currents = [self.play(waveform, samples) for _ in range(size)]
            if not samples:
                continue
            levels, level_of = {}, {}
            for pad in samples:
                values = np.stack([one[pad] for one in currents], axis=1)
                levels[pad], level_of[pad] = np.unique(values, axis=0, return_inverse=True)
            take(LoopCurrents(size, levels, level_of))


class NoNoise:
    """A generator whose every draw is zero, so that two ways can be compared value by value."""

    def standard_normal(self, size: int | None = None) -> Floats | float:
        return 0.0 if size is None else np.zeros(size)


def silent(chip: FakeChip) -> Client:
    client = Client(chip)
    client.twin = SimulatedWgfmu(client.station, NoNoise())  # type: ignore[arg-type]
    client.library = client.twin.library()
    return client


def measure(client: Client, pattern: bytes, *events: tuple[float, int, float, float]) -> None:
    for start, points, interval, average in events:
        client.call("setMeasureEvent", pattern, b"e", start, points, interval, average, AVERAGED)


def two_ramps(client: Client, periods: tuple[float, float], loops: tuple[int, int]) -> None:
    """SL and BL ramp; each is measured at its beginning (looking back) and at its end."""
    client.open(101, 102, 201)
    for channel, name, period, count in zip((101, 102), (b"a", b"b"), periods, loops, strict=True):
        client.call("setMeasureMode", channel, CURRENT)
        client.call("setMeasureCurrentRange", channel, 6004)
        client.pattern(name, 0.0, [period / 2, period], [1.0, 0.1])
        late = round(period - 0.4e-6, 8)
        measure(client, name, (0.0, 2, 1e-7, 5e-8), (late, 1, 4e-7, 4e-7))
        client.sequences(channel, [(name, count), (name, 3)])
    client.call("setMeasureMode", 201, 4000)
    client.pattern(b"c", 0.3, [1e-6, periods[0]], [0.5, 0.3])
    measure(client, b"c", (5e-7, 3, 1e-7, 2e-8))
    client.call("addSequence", 201, b"c", float(loops[0]))


def read_all(client: Client, *channels: int) -> list[list[list[float]]]:
    found = []
    for channel in channels:
        done, total = client.ints("getMeasureValueSize", 2, channel)
        assert done == total
        found.append(client.arrays("getMeasureValues", channel, 0, total))
    return found


@pytest.mark.parametrize(
    ("periods", "loops"),
    [((3e-6, 3e-6), (50, 50)), ((2e-6, 3e-6), (60, 40)), ((1e-6, 4e-6), (173, 41))],
    ids=["in step", "joint period", "one ends first"],
)
@pytest.mark.parametrize("delay", [0.0, 50e-9, -50e-9])
@pytest.mark.parametrize("slow_range", [6004, 6002])
def test_readings_are_those_of_loops_played_at_once(
    monkeypatch: pytest.MonkeyPatch,
    periods: tuple[float, float],
    loops: tuple[int, int],
    delay: float,
    slow_range: int,
) -> None:
    """The slow range looks several loops back. Pieces round the output to its step of 160 uV."""
    outcomes = []
    for points in (50, 100_000):
        monkeypatch.setattr("instruments.sim.wgfmu.program.UNROLLED_POINTS", points)
        chip = ChipInBatches({"SL": 5e3, "BL": 200e3})
        client = silent(chip)
        two_ramps(client, periods, loops)
        client.call("setMeasureCurrentRange", 102, slow_range)
        client.call("setMeasureDelay", 101, delay)
        client.call("setForceDelay", 102, delay)
        client.run()
        outcomes.append(read_all(client, 101, 102, 201))
        assert (sum(chip.given) > 10) == (points == 50)
    for together, one_by_one in zip(*outcomes, strict=True):
        assert together[0] == pytest.approx(one_by_one[0], abs=1e-15)
        np.testing.assert_allclose(together[1], one_by_one[1], rtol=2e-3, atol=2e-7)


def test_range_events_of_a_loop_hold_into_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("instruments.sim.wgfmu.program.UNROLLED_POINTS", 10)
    chip = ChipInBatches({"SL": 10e3})
    client = silent(chip)
    client.open(101)
    client.call("setMeasureMode", 101, CURRENT)
    client.call("setMeasureCurrentRange", 101, 6002)
    client.pattern(b"p", 1.0, [10e-6], [1.0])
    client.call("setRangeEvent", b"p", b"wide", 4e-6, 6004)
    measure(client, b"p", (1e-6, 1, 1e-7, 1e-7), (8e-6, 1, 1e-7, 1e-7))
    client.call("addSequence", 101, b"p", 30.0)
    client.run()
    values = client.arrays("getMeasureValues", 101, 0, 60)[1]
    assert values[0] == 10e-6
    assert values[1:] == pytest.approx([100e-6] * 59, abs=1e-6)
    assert sum(chip.given) > 20


def test_what_is_read_before_the_end_is_what_is_read_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("instruments.sim.wgfmu.program.UNROLLED_POINTS", 50)
    outcomes = []
    for is_asked in (False, True):
        client = silent(ChipInBatches({"SL": 5e3, "BL": 200e3}))
        # Longer than a call to the hardware takes, so that it can be asked while it runs.
        two_ramps(client, (2e-3, 3e-3), (60, 40))
        client.call("execute")
        seen = 0
        while is_asked and client.status()[0] == 10002:
            done, _ = client.ints("getMeasureValueSize", 2, 101)
            assert done >= seen
            seen = done
            if done:
                early = client.arrays("getMeasureValues", 101, 0, done)
        client.call("waitUntilCompleted")
        outcomes.append(read_all(client, 101, 102, 201))
    assert seen > 50
    for column, whole in zip(early, outcomes[1][0], strict=True):
        assert column == whole[: len(column)]
    for asked, at_once in zip(*outcomes, strict=True):
        np.testing.assert_allclose(asked, at_once, rtol=1e-12)


# The real chip, through the library


def cycling_client(loops: float, seed: int = 5) -> tuple[Client, Die]:
    """A formed pair at the probes and a loop that programs and senses both bits, downloaded."""
    chip, die = cycled_chip(seed)
    client = Client()
    station = Station(chip, client.clock)
    chip.clock = client.clock
    client.station = station
    client.twin = SimulatedWgfmu(station, np.random.default_rng(5))
    client.library = client.twin.library()
    station.set_digital_output(0)
    waveform, samples = cycling_loop()
    channels = dict(zip((*PADS, "Q"), (101, 102, 201, 202, 301, 302, 401), strict=True))
    client.open(*channels.values())
    end = round(waveform.duration, 8)
    for pad, channel in channels.items():
        name = pad.encode()
        if pad == "Q":
            client.call("setMeasureMode", channel, CURRENT)
            client.pattern(name, 0.0, [end], [0.0])
            measure(client, name, *((round(t, 8), 1, 2e-7, 2e-7) for t in samples["Q"]))
        else:
            times, volts = np.round(waveform.times[1:], 8), waveform.volts[pad]
            client.pattern(name, float(volts[0]), times.tolist(), volts[1:].tolist())
        client.call("addSequence", channel, name, loops)
    return client, die


def test_each_loop_of_the_sequencer_programs_and_senses_twice() -> None:
    client, die = cycling_client(50_000.0)
    client.run()
    assert (die.n_set[0, 0] - 1 >= 49_999).all()
    assert die.n_sense == 100_000
    values = np.array(client.arrays("getMeasureValues", 401, 0, 100_000)[1]).reshape(-1, 2)
    np.testing.assert_allclose(values, np.tile([0.0, -120e-6], (50_000, 1)), atol=3e-6)
    assert np.std(values) > 0


def test_an_abort_stops_in_the_middle_of_a_loop() -> None:
    client, die = cycling_client(1.9e6)
    client.call("execute")
    client.clock.advance(0.1)
    status, elapsed, total = client.status()
    assert (status, round(total)) == (10002, round(1.9e6 * cycling_loop()[0].duration))
    client.call("abort")
    period = cycling_loop()[0].duration
    status, elapsed, _ = client.status()
    assert status == 10003
    whole = int(elapsed / period)
    assert die.n_sense in (2 * whole, 2 * whole + 1, 2 * whole + 2)
    done, _ = client.ints("getMeasureValueSize", 2, 401)
    assert done in (2 * whole, 2 * whole + 1)
    assert len(client.arrays("getMeasureValues", 401, done - 10, 10)[1]) == 10
    client.clock.advance(1.0)
    client.status()
    assert die.n_sense in (2 * whole, 2 * whole + 1, 2 * whole + 2)


def test_a_run_can_be_looked_at_while_it_goes_on_and_run_again() -> None:
    client, die = cycling_client(100_000.0)
    for run in (1, 2):
        client.call("execute")
        seen = []
        while client.status()[0] == 10002:
            seen.append(client.ints("getMeasureValueSize", 2, 401)[0])
        assert seen == sorted(seen)
        assert 0 < seen[0] < 200_000
        client.call("waitUntilCompleted")
        assert client.ints("getMeasureValueSize", 2, 401) == (200_000, 200_000)
        assert die.n_sense == run * 200_000


def test_a_wait_that_is_too_long_ends_at_its_timeout() -> None:
    client, die = cycling_client(2.0**40)
    room, buffer = c_int(1), (c_double * 1)()
    client.call("setMeasureEnabled", 401, 7000)
    client.call("execute")
    assert client.code("waitUntilCompleted") == -5
    assert "timeout" in client.summary()
    assert client.clock.now() > 100
    assert die.n_sense > 1e7
    client.call("abort")
    assert client.code("getMeasureValues", 401, 0, room, buffer, buffer) == -14
