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
    assert "Stopping after this step" in errors
    assert "aborted: paused by the user after" in " ".join(errors.split())
    made = only_run(tmp_path / "runs")
    assert made.status == "aborted"
    assert (made.path / "report.html").is_file()


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
