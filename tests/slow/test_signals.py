"""Ctrl-C and termination of a run in a process of its own. POSIX: Windows sends no SIGTERM."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labctl.store.folder import RunFolder
from tests.simulated import small_bench_file

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="signals of POSIX"),
]

ROOT = Path(__file__).resolve().parents[2]

CHILD = """
import json, sys
from pathlib import Path
from labctl import runs
from labctl.benchfile import load_setup
from labctl.observing import StopRequest, stop_on_signals
from tests.simulated import request, station_of

opened = []
class Remembered(runs.Bench):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        opened.append(self)
runs.Bench = Remembered

if __name__ == "__main__":
    bench, folder = map(Path, sys.argv[1:3])
    stop = StopRequest()
    with stop_on_signals(stop):
        made = runs.run(request(load_setup(bench), folder, seed=1, programmings=50_000), stop=stop)
    station = station_of(opened[0])
    print(json.dumps({
        "volts": sorted(set(station.channel_volts.values())),
        "paths": sorted({path.value for path in station.channel_path.values()}),
        "smus": [volts for volts in station.smu_volts.values() if volts is not None],
        "problems": opened[0].problems,
    }))
"""
SAFE = {"volts": [0.0], "paths": ["open"], "smus": [], "problems": []}


def started(command: list[str], steps: int, runs: Path) -> subprocess.Popen[str]:
    """A child whose run has ended at least ``steps`` steps."""
    child = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and child.poll() is None:
        ended = [
            event
            for journal in runs.glob("*/journal.jsonl")
            for event in RunFolder(journal.parent).events()
            if event["event"] == "step_end"
        ]
        if len(ended) >= steps:
            return child
        time.sleep(0.05)
    child.kill()
    pytest.fail(f"the run did not come to step {steps}: {child.communicate()}")


def ended(child: subprocess.Popen[str], seconds: float) -> tuple[int, str, str]:
    """Exit status, standard output and error, within ``seconds``."""
    try:
        output, errors = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        pytest.fail(f"the run went on for {seconds} s after the signal")
    return child.returncode, output, errors


def only_run(runs: Path) -> RunFolder:
    (record,) = runs.glob("*/run.json")
    return RunFolder(record.parent)


@pytest.mark.parametrize("pace", [0, 1])
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_the_run_aborted_with_safe_outputs(tmp_path, name, pace):
    """``pace`` 1: in real time, as on a bench."""
    bench = small_bench_file(tmp_path / "bench", ("pace = 0", f"pace = {pace}"), rows=2)
    command = [sys.executable, "-c", CHILD, str(bench), str(tmp_path)]
    # A step is one row of 16 devices: some two seconds in real time.
    child = started(command, 1 if pace else 6, tmp_path / "runs")
    child.send_signal(getattr(signal, name))
    status, output, errors = ended(child, 8)
    assert status == 0, errors
    assert json.loads(output) == SAFE
    made = only_run(tmp_path / "runs")
    assert made.status == "aborted"
    steps = [event["step"] for event in made.events() if event["event"] == "step_end"]
    assert steps == list(range(made.record["steps_done"]))
    begun = [event["step"] for event in made.events() if event["event"] == "step_begin"]
    if name == "SIGINT":
        assert begun == steps


def test_ctrl_c_on_the_command_line(tmp_path):
    bench = small_bench_file(tmp_path / "bench")
    command = [sys.executable, "-m", "labctl.cli", "run", "checkerboard", "--bench", str(bench)]
    command += ["--programmings", "50000", "--runs", str(tmp_path / "runs")]
    child = started(command, 8, tmp_path / "runs")
    child.send_signal(signal.SIGINT)
    status, _, errors = ended(child, 20)
    assert status == 1
    assert "Traceback" not in errors
    assert "Pausing after this step" in errors
    assert "aborted: paused by the user after" in " ".join(errors.split())
    made = only_run(tmp_path / "runs")
    assert made.status == "aborted"
    assert (made.path / "report.html").is_file()


def command_line(bench: Path, runs: Path, procedure: str, *parameters: str) -> list[str]:
    """``labctl run`` on a bench, as a user types it."""
    run = [sys.executable, "-c", "from labctl.cli import main; main()", "run", procedure]
    return [*run, "--bench", str(bench), "--runs", str(runs), *parameters]


def in_one_line(text: str) -> str:
    """Without the line breaks of the terminal."""
    return " ".join(text.split())


def within_a_long_execution(made: RunFolder) -> None:
    """Wait until pulses have been planned, and not confirmed for a second."""
    deadline, count, since = time.monotonic() + 60, 0, time.monotonic()
    while time.monotonic() < deadline:
        events = list(made.events())
        if len(events) != count:
            count, since = len(events), time.monotonic()
        if events[-1]["event"] == "wear_planned" and time.monotonic() - since > 1:
            return
        time.sleep(0.05)
    pytest.fail("no long execution began")


def test_the_third_ctrl_c_ends_a_loop_of_the_sequencer(tmp_path):
    """In real time: an execution of nearly ten seconds, many of them."""
    bench = small_bench_file(tmp_path / "bench", ("pace = 0", "pace = 1"), rows=2)
    parameters = ["--cycles", "1e9", "--windows", "2", "--window-cycles", "400"]
    parameters += ["--resistance-cycles", "400", "--pair-row", "1", "--pair-column", "1"]
    runs = tmp_path / "runs"
    child = started(command_line(bench, runs, "endurance", *parameters), 2, runs)
    within_a_long_execution(only_run(runs))
    # Two stay within the loop: the second ends the step after the present execution.
    for _ in range(2):
        child.send_signal(signal.SIGINT)
        time.sleep(0.5)
    assert child.poll() is None
    made = only_run(runs)
    child.send_signal(signal.SIGINT)
    begin = time.monotonic()
    while not any(event["event"] == "note" for event in made.events()):
        # What state it left is told when the outputs are off.
        assert time.monotonic() - begin < 2
        time.sleep(0.02)
    # The report takes longer.
    status, _, errors = ended(child, 60)
    assert status == 1
    assert "Traceback" not in errors
    said = in_one_line(errors)
    for sentence in (
        "Pausing after this step",
        "Stopping within this step",
        "Emergency stop: the outputs go to 0 V now",
        "outputs at 0 V and open",
        f"`labctl resume {made.id}` goes on",
        "the run aborted: emergency stop by the user within step",
    ):
        assert sentence in said
    made = only_run(runs)
    assert made.status == "aborted"
    cut = [event for event in made.events() if event["event"] == "wear_cut"]
    assert len(cut) == 1


def test_a_lost_terminal_stops_the_run_within_its_step(tmp_path):
    bench = small_bench_file(tmp_path / "bench", ("pace = 0", "pace = 1"), rows=2)
    runs = tmp_path / "runs"
    child = started(command_line(bench, runs, "checkerboard"), 1, runs)
    child.send_signal(signal.SIGHUP)
    status, _, errors = ended(child, 60)
    made = only_run(runs)
    assert status == 1
    assert "Traceback" not in errors
    said = in_one_line(errors)
    assert "Stopping within this step; the outputs will be made safe" in said
    assert f"outputs at 0 V and open; `labctl resume {made.id}` goes on" in said
    assert f"aborted: stopped by the user within step {made.record['steps_done'] + 1}" in said


def test_a_killed_run_is_found_interrupted_with_its_complete_steps(tmp_path):
    bench = small_bench_file(tmp_path / "bench")
    child = started([sys.executable, "-c", CHILD, str(bench), str(tmp_path)], 8, tmp_path / "runs")
    assert only_run(tmp_path / "runs").status == "running"
    child.kill()
    child.communicate()
    made = only_run(tmp_path / "runs")
    assert made.status == "interrupted"
    steps = [event["step"] for event in made.events() if event["event"] == "step_end"]
    assert len(made.array("resistance")) == len(made.array("sensed")) == len(steps) - 5
    assert len(made.results()) == len(steps) - 1
