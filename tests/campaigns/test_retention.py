"""Retention on the simulated bench: times, waits that can be stopped, what a drift would show."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from instruments.sim import clock
from instruments.testchip.waiting import wait_until
from labctl.bench import LONGEST_SLEEP_S, Bench, DieChoice
from labctl.benchfile import BenchSetup
from labctl.cli import app
from labctl.observing import Observer, StopRequest
from labctl.report import summarise, write_report
from labctl.resuming import resume
from labctl.runs import RunRequest, run
from procedures.retention import Retention
from tests.simulated import (
    assert_outputs_safe,
    die_of,
    request,
    small_bench_file,
    small_setup,
    station_of,
)

SEED = 84_120_006
ROWS, COLUMNS = 2, 8
SHORT = {"duration": "1h", "first_wait": "10s", "reads": 4}


@pytest.fixture
def small(tmp_path):
    return small_setup(tmp_path / "bench", ROWS)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    setup = small_setup(folder / "bench", ROWS)
    return run(request(setup, folder, "retention", seed=SEED, **SHORT))


def test_each_row_is_read_when_it_is_due(made):
    assert made.status == "success", made.record["reason"]
    due = np.geomspace(10, 3600, 4)
    times = made.array("read_time")
    assert times.shape == (5, ROWS)
    # A row of eight bits takes about half a second to read.
    assert (times[0] > 0).all()
    assert (times[0] < 2).all()
    late = times[1:, 0] - due
    assert (late > 0).all()
    assert (late < 1).all()
    control = np.arange(ROWS) % 2 == 1
    assert np.isnan(times[1:-1, control]).all()
    assert np.isfinite(times[[0, -1]]).all()
    resistance, sensed = made.array("resistance"), made.array("sensed")
    assert np.isfinite(resistance[:, ~control]).all()
    assert np.isnan(resistance[1:-1, control]).all()
    assert (sensed[1:-1, control] == 255).all()


def test_the_summary_has_every_read_and_no_drift(made):
    summary = summarise(made)
    assert [round(point["time_s"]) for point in summary["points"]][1:] == pytest.approx(
        [10, 71, 506, 3600], abs=2
    )
    assert len(summary["controls"]) == 2
    # Two rows of eight bits: the model has no drift, and none may be called one.
    assert {state: drift["drifts"] for state, drift in summary["drift"].items()} == {
        "LRS": False,
        "HRS": False,
    }
    page = write_report(made).read_text(encoding="utf-8")
    for text in ("powered and idle", "No drift is seen in either state", "Control rows"):
        assert text in page
    assert page.count("data:image/png") == 3


@pytest.mark.parametrize("read_by", ["smu", "pcsa"])
def test_one_way_of_reading(tmp_path, small, read_by):
    asked = request(small, tmp_path, "retention", seed=SEED, read_by=read_by, **SHORT)
    left = run(asked)
    assert left.has_array("resistance") == (read_by == "smu")
    assert left.has_array("sensed") == (read_by == "pcsa")
    point = summarise(left)["points"][-1]
    assert ("LRS" in point) == (read_by == "smu")
    assert (point["wrong_bits"] is None) == (read_by == "smu")
    assert "data:image/png" in write_report(left).read_text(encoding="utf-8")


def test_a_drift_of_the_die_is_seen(tmp_path, small, monkeypatch):
    """HRS devices of this die lose 0.05 decade a decade of time while the bench waits."""
    bench = Bench(small, DieChoice(None, SEED, tmp_path))
    clock, sleep = bench.instruments._clock, bench.instruments.sleep

    def drifting(seconds):
        die, before = die_of(bench), clock.now()
        sleep(seconds)
        age = before - programmed[0]
        if age > 0:
            die.x[die.x > 4.8] -= 0.05 * np.log10((age + seconds) / age)

    programmed = [np.inf]
    find = Retention._program_and_read

    def program(self, step):
        find(self, step)
        programmed[0] = self._programmed_at[0]

    monkeypatch.setattr(bench.instruments, "sleep", drifting)
    monkeypatch.setattr(Retention, "_program_and_read", program)
    left = run(request(small, tmp_path, "retention", seed=SEED, **SHORT), bench=bench)
    drift = summarise(left)["drift"]
    assert drift["HRS"]["drifts"]
    assert drift["HRS"]["slope"]["value"] == pytest.approx(-0.05, abs=0.02)
    assert not drift["LRS"]["drifts"]


class StopWaiting(Observer):
    """Asks twice to stop, once the step ``number`` has begun."""

    def __init__(self, number):
        self.stop, self.number = StopRequest(), number

    def progress(self, progress):
        if progress.step == self.number:
            self.stop.ask()
            self.stop.ask()


def test_a_long_wait_is_left_at_once_and_gone_on_with(tmp_path, small):
    observer = StopWaiting(ROWS + 3)
    bench = Bench(small, DieChoice(None, SEED, tmp_path))
    asked = request(small, tmp_path, "retention", seed=SEED, **SHORT)
    stopped = run(asked, observer, observer.stop, bench)
    assert stopped.status == "aborted"
    assert len(stopped.array("read_time")) == 2
    assert_outputs_safe(bench)
    resumed = resume(stopped)
    assert resumed.status == "success", resumed.record["reason"]
    times = resumed.array("read_time")
    assert times[-1, 0] == pytest.approx(3600, abs=2)
    assert (times[1:, 0] > np.geomspace(10, 3600, 4)).all()


def test_a_wait_of_a_paced_bench_comes_in_slices(tmp_path, monkeypatch):
    file = small_bench_file(tmp_path, ("pace = 0", "pace = 200"), rows=2)
    with Bench(BenchSetup(file), DieChoice(None, SEED, tmp_path)) as bench:
        chip, slept, chances = bench.chip, [], []

        def stop():
            chances.append(len(slept))
            if len(chances) == 2:
                raise KeyboardInterrupt

        chip.on_row = stop
        now = bench.now()
        with monkeypatch.context() as patch:
            patch.setattr(clock.time, "sleep", slept.append)
            with pytest.raises(KeyboardInterrupt):
                wait_until(chip, now + 3600)
        assert chances == [1, 2]
        assert slept == pytest.approx([LONGEST_SLEEP_S] * 2, rel=0.2)
        assert bench.now() - now == pytest.approx(2 * LONGEST_SLEEP_S * 200, rel=0.1)


def test_nothing_is_across_a_device_while_the_bench_waits(tmp_path, small, monkeypatch):
    bench = Bench(small, DieChoice(None, SEED, tmp_path))
    sleep, seen = bench.instruments.sleep, []

    def watched(seconds):
        station = station_of(bench)
        held = station.chip._held
        seen.append({pad: held[pad] for pad in ("SL", "BL", "BLB", "WL", "SEN", "BYP")})
        sleep(seconds)

    monkeypatch.setattr(bench.instruments, "sleep", watched)
    run(request(small, tmp_path, "retention", seed=SEED, **SHORT), bench=bench)
    assert len(seen) >= 4
    for held in seen:
        assert held.pop("BYP") == pytest.approx(1.2, abs=1e-3)
        assert set(held.values()) == {0.0}


def test_a_recording_is_replayed_without_waiting(tmp_path, small):
    asked = request(small, tmp_path, "retention", seed=SEED, **SHORT)
    file = tmp_path / "recording.jsonl"
    recorded = run(
        RunRequest(asked.name, asked.procedure, asked.setup, asked.die, asked.runs, record=file)
    )
    again = request(small, tmp_path, "retention", **SHORT)
    replayed = run(
        RunRequest(again.name, again.procedure, again.setup, again.die, again.runs, replay=file)
    )
    assert replayed.status == "success", replayed.record["reason"]
    np.testing.assert_array_equal(replayed.array("resistance"), recorded.array("resistance"))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--duration", "30s"], "must be longer than the first wait 1 min"),
        (["--rows", "1"], "every second row is a control"),
        (["--duration", "1parsec"], "not a quantity in s"),
        (["--read-by", "eye"], "smu or pcsa or both"),
    ],
)
def test_what_cannot_be_run_is_one_sentence(tmp_path, options, says):
    command = ["run", "retention", "--runs", str(tmp_path / "runs"), *options]
    refused = CliRunner().invoke(app, command, prog_name="labctl")
    assert refused.exit_code == 2
    assert says in " ".join(refused.stderr.split())


def test_times_are_typed_as_people_do():
    procedure = Retention()
    procedure.set_parameters({"duration": "24h", "first_wait": "5 min"})
    assert procedure.duration == pytest.approx(86400)
    assert procedure.first_wait == pytest.approx(300)


def test_the_command(tmp_path, monkeypatch, undrawn):
    monkeypatch.chdir(tmp_path)
    bench = small_bench_file(tmp_path, rows=2)
    command = ["run", "retention", "--bench", str(bench), "--seed", "3", "--reads", "1", "--json"]
    one = CliRunner().invoke(app, command, prog_name="labctl")
    assert one.exit_code == 0, one.output
    summary = json.loads(one.stdout)
    assert len(summary["points"]) == 2
    assert summary["drift"]["LRS"]["slope"] is None
