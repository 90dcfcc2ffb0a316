"""The process that the window starts: told, refused, and alive after the window has died."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gui.child import RunChild
from labctl.observing import Stop
from labctl.stopping import ask_to_stop
from labctl.store.folder import RunFolder, list_runs
from tests.simulated import small_bench_file

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_MS = 60_000

WINDOW = """
import sys
from PyQt6.QtCore import QCoreApplication
from gui.child import RunChild

app = QCoreApplication([])
child = RunChild()
child.opened.connect(lambda path: print(path, flush=True))
child.begin(sys.argv[1:])
app.exec()
"""
"""As little of a window as can start a run."""


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A small bench, and where its runs and dies go."""
    monkeypatch.setenv("LABCTL_BENCH", str(small_bench_file(tmp_path / "bench", rows=2)))
    monkeypatch.setenv("LABCTL_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("LABCTL_DIES", str(tmp_path / "dies"))
    return tmp_path


def carried_out(qtbot, arguments):
    """Folders, notes, exit status and sentence of a command."""
    child = RunChild()
    opened, noted = [], []
    child.opened.connect(opened.append)
    child.noted.connect(noted.append)
    with qtbot.waitSignal(child.ended, timeout=PATIENCE_MS) as ended:
        child.begin(arguments)
        assert child.running
    assert not child.running
    return opened, noted, *ended.args


def test_a_run_is_told_from_its_folder_to_its_end(qtbot, places):
    opened, noted, status, sentence = carried_out(qtbot, ["run", "forming", "--seed", "1"])
    (made,) = list_runs(places / "runs")
    assert made.status == "success"
    assert opened == [made.path]
    assert noted == made.record["notes"]
    assert (status, sentence) == (0, "")


def test_a_refusal_is_its_own_sentence(qtbot, places):
    opened, noted, status, sentence = carried_out(
        qtbot, ["run", "checkerboard", "--programmings", "0"]
    )
    assert (opened, noted, status) == ([], [], 2)
    assert sentence == "Programmings 0 is not allowed: a whole number, 1 to 100000"
    assert list_runs(places / "runs") == []


def test_python_that_is_gone_is_told(qtbot, places, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(places / "none"))
    _, _, status, sentence = carried_out(qtbot, ["run", "forming"])
    assert status == -1
    assert "could not be started" in sentence


def test_a_window_that_is_gone_hears_nothing_and_nothing_fails(qtbot, places):
    child = RunChild()
    child.begin(["run", "checkerboard", "--programmings", "0"])
    child.deleteLater()
    qtbot.waitUntil(lambda: not child.running, timeout=PATIENCE_MS)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kill -9 of POSIX")
def test_a_killed_window_leaves_a_run_that_goes_on_and_ends_complete(places):
    asked = ["run", "checkerboard", "--programmings", "100000", "--seed", "1"]
    window = subprocess.Popen(
        [sys.executable, "-c", WINDOW, *asked],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with window.stdout as told:
        path = Path(told.readline().rstrip())
    assert RunFolder(path).status == "running"
    # All of its group: the run is in none of them.
    os.killpg(window.pid, signal.SIGKILL)
    assert window.wait() == -signal.SIGKILL
    # It would go on for hours.
    ask_to_stop(RunFolder(path), Stop.AFTER_STEP)
    summary = path / "summary.json"
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not summary.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    made = RunFolder(path)
    assert made.record["reason"].startswith("paused by the user after")
    assert (path / "report.html").is_file()
    assert summary.is_file()
