"""A refused resume that a person may overrule tells with which option, for programs to offer it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from labctl.observing import Observer, Stop, StopRequest
from labctl.resuming import ResumeError, resume
from labctl.runs import run
from labctl.session import left_die
from labctl.store.folder import RECORD, RunFolder
from tests.simulated import request, small_setup


class Listener(Observer):
    """Asks for an emergency stop in a step, and notes what was refused."""

    def __init__(self, step=None):
        self.step, self.stop = step, StopRequest()
        self.refusals = []

    def progress(self, progress):
        if progress.step == self.step:
            self.stop.ask(Stop.EMERGENCY)

    def refused(self, option, sentence):
        self.refusals.append((option, sentence))


def interrupted(folder, seed=20261122, die=None):
    setup = small_setup(folder / "bench", rows=3)
    listener = Listener(step=5)
    asked = request(setup, folder, "checkerboard", die=die, seed=seed, programmings=3)
    return run(asked, listener, listener.stop)


def begun_elsewhere(made):
    owner = {"pid": 17, "host": "another-machine", "birth": None}
    record = {**made.record, "status": None, "owner": owner}
    (made.path / RECORD).write_text(json.dumps(record), encoding="utf-8")
    return RunFolder(made.path)


def test_another_name_than_the_runs(tmp_path):
    made, listener = interrupted(tmp_path, die="lab3"), Listener()
    with pytest.raises(ResumeError) as error:
        resume(made, observer=listener, die="lab4")
    assert listener.refusals == [("--die", str(error.value))]
    assert resume(made, observer=listener, die="lab3").status == "success"


def test_another_host(tmp_path):
    made, listener = begun_elsewhere(interrupted(tmp_path)), Listener()
    with pytest.raises(ResumeError) as error:
        resume(made, observer=listener)
    assert listener.refusals == [("--other-host-is-gone", str(error.value))]
    assert resume(made, observer=listener, other_host_is_gone=True).status == "success"
    assert len(listener.refusals) == 1


def test_another_die_under_the_probes(tmp_path):
    made, other = interrupted(tmp_path), interrupted(tmp_path / "other", seed=20261123)
    (left,) = made.path.glob(left_die("*"))
    shutil.copy(other.path / left.name, left)
    listener = Listener()
    refused = resume(made, rollback=False, observer=listener)
    assert refused.status == "failed"
    ((option, sentence),) = listener.refusals
    assert option == "--accept-change"
    assert refused.record["reason"] == f"DieMismatchError: {sentence}"
    accepted = resume(refused, rollback=False, observer=listener, accept_change=True)
    assert accepted.status == "success"
    assert len(listener.refusals) == 1


def test_what_no_option_helps_against_names_none(tmp_path):
    """Other instruments than the run's are always refused."""
    made = interrupted(tmp_path)
    instruments = {**made.record["instruments"], "serial": "JP10012345"}
    record = {**made.record, "instruments": instruments}
    (made.path / RECORD).write_text(json.dumps(record), encoding="utf-8")
    listener = Listener()
    refused = resume(RunFolder(made.path), rollback=False, observer=listener)
    assert "not the instruments that the run began on" in refused.record["reason"]
    assert listener.refusals == []


def test_it_is_an_event_of_its_own(tmp_path):
    made = begun_elsewhere(interrupted(tmp_path))
    command = ["resume", made.id, "--runs", str(made.path.parent), "--events"]
    done = subprocess.run(
        [sys.executable, "-m", "labctl.cli", *command], capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 2
    event = json.loads(done.stdout)
    assert event["event"] == "refused"
    assert event["option"] == "--other-host-is-gone"
    assert done.stderr == f"labctl: {event['reason']}\n"
