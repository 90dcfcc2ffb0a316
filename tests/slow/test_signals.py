"""Ctrl-C and termination of a run in a process of its own. POSIX: Windows sends no SIGTERM."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from labctl.store.folder import RunFolder
from labctl.store.wear import Booking
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
PATIENCE_S = 60
"""Far longer than anything that is waited for takes; no run here would end by itself in it."""


def wait_for(child: subprocess.Popen[str], condition: Callable[[], object]) -> None:
    """Until something holds that the child brings about."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end or child.poll() is not None:
            child.kill()
            pytest.fail(f"waited in vain: {child.communicate()}")
        time.sleep(0.02)


def started(command: list[str], steps: int, runs: Path) -> subprocess.Popen[str]:
    """A child whose run has ended at least ``steps`` steps; standard error goes to a file."""
    with errors_of(runs).open("w", encoding="utf-8") as errors:
        child = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    wait_for(child, lambda: len(steps_of(runs, "step_end")) >= steps)
    return child


def steps_of(runs: Path, what: str) -> list[int]:
    """Steps that the run under a folder has begun (``step_begin``) or ended (``step_end``)."""
    return [
        event["step"]
        for journal in runs.glob("*/journal.jsonl")
        for event in RunFolder(journal.parent).events()
        if event["event"] == what
    ]


def errors_of(runs: Path) -> Path:
    """File of what the child says on standard error."""
    return runs.with_name("errors.txt")


def said(runs: Path) -> str:
    """The same so far, without the line breaks of the terminal."""
    return " ".join(errors_of(runs).read_text(encoding="utf-8").split())


def ended(child: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit status and standard output, once the child has ended."""
    try:
        output, _ = child.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        pytest.fail(f"the run went on for {PATIENCE_S} s after the signal")
    return child.returncode, output


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
    status, output = ended(child)
    assert status == 0, said(tmp_path / "runs")
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
    status, _ = ended(child)
    errors = said(tmp_path / "runs")
    assert status == 1
    assert "Traceback" not in errors
    assert "Pausing after this step" in errors
    assert "aborted: paused by the user after" in errors
    made = only_run(tmp_path / "runs")
    assert made.status == "aborted"
    assert (made.path / "report.html").is_file()


def command_line(bench: Path, runs: Path, procedure: str, *parameters: str) -> list[str]:
    """``labctl run`` on a bench, as a user types it."""
    run = [sys.executable, "-c", "from labctl.cli import main; main()", "run", procedure]
    return [*run, "--bench", str(bench), "--runs", str(runs), *parameters]


def in_a_long_execution(made: RunFolder) -> bool:
    """Whether the last that was planned is thousands of pulses a device."""
    last = list(made.events())[-1]
    return last["event"] == "wear_planned" and any(
        Booking.from_event(pulses).counts.max() > 1000 for pulses in last["pulses"]
    )


def test_the_third_ctrl_c_ends_a_loop_of_the_sequencer(tmp_path):
    """Slower than a bench: an execution of nearly ten seconds lasts half a minute."""
    bench = small_bench_file(tmp_path / "bench", ("pace = 0", "pace = 0.3"), rows=2)
    parameters = ["--cycles", "1e9", "--windows", "2", "--window-cycles", "40"]
    parameters += ["--resistance-cycles", "40", "--pair-row", "1", "--pair-column", "1"]
    runs = tmp_path / "runs"
    child = started(command_line(bench, runs, "endurance", *parameters), 2, runs)
    made = only_run(runs)
    wait_for(child, lambda: in_a_long_execution(made))
    # Two stay within the loop: the second ends the step after the present execution.
    for told in ("Pausing after this step", "Stopping within this step"):
        child.send_signal(signal.SIGINT)
        wait_for(child, lambda told=told: told in said(runs))
    assert in_a_long_execution(made)
    child.send_signal(signal.SIGINT)
    status, _ = ended(child)
    errors = said(runs)
    assert status == 1
    assert "Traceback" not in errors
    for sentence in (
        "Pausing after this step",
        "Stopping within this step",
        "Emergency stop: the outputs go to 0 V now",
        "outputs at 0 V and open",
        f"`labctl resume {made.id}` goes on",
        "the run aborted: emergency stop by the user within step",
    ):
        assert sentence in errors
    made = only_run(runs)
    assert made.status == "aborted"
    cut = [event for event in made.events() if event["event"] == "wear_cut"]
    assert len(cut) == 1


def test_a_lost_terminal_stops_the_run_within_its_step(tmp_path):
    bench = small_bench_file(tmp_path / "bench", ("pace = 0", "pace = 1"), rows=2)
    runs = tmp_path / "runs"
    child = started(command_line(bench, runs, "checkerboard"), 1, runs)
    wait_for(child, lambda: len(steps_of(runs, "step_begin")) > len(steps_of(runs, "step_end")))
    child.send_signal(signal.SIGHUP)
    status, _ = ended(child)
    made, errors = only_run(runs), said(runs)
    assert status == 1
    assert "Traceback" not in errors
    assert "Stopping within this step; the outputs will be made safe" in errors
    assert f"outputs at 0 V and open; `labctl resume {made.id}` goes on" in errors
    assert f"aborted: stopped by the user within step {made.record['steps_done'] + 1}" in errors


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
