"""A run that another process stops, and what it asks with."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

from labctl import stopping
from labctl.cli import app
from labctl.observing import Observer, Stop, StopRequest
from labctl.resuming import resume
from labctl.runs import run
from labctl.stopping import StopError, ask_to_stop, asked_to_stop, stop_file
from labctl.store.folder import RunFolder
from labctl.store.writer import RunWriter
from tests.interrupted import assert_same
from tests.simulated import request, small_setup

OWNER = {"pid": 1, "host": "elsewhere", "birth": None}


class Stopped(Observer):
    """Asks for a stop when a step begins, and holds the run there until it has been heard."""

    def __init__(self, stop, level, ask=ask_to_stop):
        self.stop, self.level, self.ask = stop, level, ask
        self.notes = []

    def opened(self, folder):
        self.folder = RunFolder(folder.path)

    def progress(self, progress):
        if progress.step == 4 and self.stop.level < self.level:
            heard = threading.Event()
            self.stop.connect(heard.set)
            self.ask(self.folder, self.level)
            heard.wait()

    def note(self, sentence):
        self.notes.append(sentence)


def stopped_run(setup, folder, level, ask=ask_to_stop):
    stop = StopRequest()
    observer = Stopped(stop, level, ask)
    made = run(request(setup, folder, seed=5, programmings=3), observer, stop)
    return made, observer


@pytest.mark.parametrize(
    ("level", "reason"),
    [
        (Stop.WITHIN_STEP, "stopped by the user within step 5"),
        (Stop.EMERGENCY, "emergency stop by the user within step 5"),
    ],
)
def test_a_stop_file_ends_a_run_that_goes_on_as_if_nothing_had_been(tmp_path, level, reason):
    setup = small_setup(tmp_path, rows=2)
    made, observer = stopped_run(setup, tmp_path / "stopped", level)
    assert (made.status, made.record["reason"]) == ("aborted", reason)
    assert level.told in observer.notes
    assert list(made.path.glob("stop-*")) == []
    whole = run(request(setup, tmp_path / "whole", seed=5, programmings=3))
    assert_same(resume(made), whole)


def test_a_pause_ends_the_step_first(tmp_path):
    setup = small_setup(tmp_path, rows=2)
    stop = StopRequest()

    class Pausing(Observer):
        """The worker's own way to stop stays connected; the step is held until it was used."""

        def opened(self, folder):
            self.folder = RunFolder(folder.path)

        def progress(self, progress):
            if progress.step == 4 and not stop.asked:
                ask_to_stop(self.folder, Stop.AFTER_STEP)
                # Told in the worker's own thread. What asked is noted before the worker knows.
                worker, waiting = threading.current_thread(), threading.Event()
                while not worker.should_stop():
                    waiting.wait(0.01)

    made = run(request(setup, tmp_path, seed=5, programmings=3), Pausing(), stop)
    assert (made.status, made.record["reason"]) == ("aborted", "paused by the user after 5 steps")


def test_a_stop_asked_for_before_the_bench_is_open_is_heard(tmp_path):
    class AtOnce(Observer):
        def opened(self, folder):
            ask_to_stop(RunFolder(folder.path), Stop.AFTER_STEP)

    made = run(request(small_setup(tmp_path, rows=2), tmp_path, seed=5), AtOnce())
    assert (made.status, made.record["reason"]) == ("aborted", "paused by the user after 0 steps")


def test_who_asks_softly_takes_nothing_back(tmp_path):
    writer = RunWriter.create(tmp_path, "forming", {})
    owner = writer.record["owner"]
    for level in (Stop.EMERGENCY, Stop.AFTER_STEP):
        ask_to_stop(writer, level)
    assert asked_to_stop(writer.path, owner) is Stop.EMERGENCY
    stopping.forget_stops(writer.path)
    assert asked_to_stop(writer.path, owner) is Stop.NOT


def test_a_file_meant_for_an_earlier_process_stops_nothing(tmp_path):
    made = RunWriter.create(tmp_path, "forming", {})
    stop_file(made.path, Stop.EMERGENCY).write_text(json.dumps(OWNER), encoding="utf-8")
    assert asked_to_stop(made.path, made.record["owner"]) is Stop.NOT
    assert asked_to_stop(made.path, OWNER) is Stop.EMERGENCY


def test_a_file_half_written_is_not_heard_yet(tmp_path):
    made = RunWriter.create(tmp_path, "forming", {})
    text = json.dumps(made.record["owner"])
    stop_file(made.path, Stop.EMERGENCY).write_text(text[:-3], encoding="utf-8")
    assert asked_to_stop(made.path, made.record["owner"]) is Stop.NOT


def test_a_file_left_over_is_gone_when_the_run_that_is_gone_on_with_has_ended(tmp_path):
    setup = small_setup(tmp_path, rows=2)
    made, _ = stopped_run(setup, tmp_path, Stop.WITHIN_STEP)
    stop_file(made.path, Stop.EMERGENCY).write_text(json.dumps(OWNER), encoding="utf-8")
    assert resume(made).status == "success"
    assert list(made.path.glob("stop-*")) == []


@pytest.mark.parametrize("status", ["success", "failed"])
def test_a_run_that_has_ended_cannot_be_stopped(tmp_path, status):
    writer = RunWriter.create(tmp_path, "forming", {})
    writer.close(status, None)
    with pytest.raises(StopError, match=rf"it is not running \({status}\)"):
        ask_to_stop(writer, Stop.AFTER_STEP)
    assert list(writer.path.glob("stop-*")) == []


# --- where the folder cannot be written -----------------------------------------------------------


@pytest.fixture
def full_disk(monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", refuse)


@pytest.fixture
def signals(monkeypatch):
    sent = []
    monkeypatch.setattr(stopping.os, "kill", lambda pid, number: sent.append((pid, number)))
    monkeypatch.setattr(stopping.time, "sleep", lambda _: None)
    monkeypatch.setattr(RunFolder, "status", property(lambda _: "running"))
    return sent


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("level", "numbers"),
    [
        (Stop.AFTER_STEP, [signal.SIGINT]),
        (Stop.WITHIN_STEP, [signal.SIGTERM]),
        (Stop.EMERGENCY, [signal.SIGINT] * 3),
    ],
)
def test_on_a_full_disk_signals_ask(tmp_path, full_disk, signals, level, numbers):
    writer = RunWriter.create(tmp_path, "forming", {})
    ask_to_stop(writer, level)
    assert signals == [(os.getpid(), number) for number in numbers]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_process_of_somebody_else_is_one_sentence(tmp_path, full_disk, signals, monkeypatch):
    def forbid(pid, number):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(stopping.os, "kill", forbid)
    writer = RunWriter.create(tmp_path, "forming", {})
    with pytest.raises(StopError, match=r"neither by a file .*No space.* nor by a signal .*not p"):
        ask_to_stop(writer, Stop.EMERGENCY)


# --- labctl stop ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "level", "told"),
    [
        ([], Stop.AFTER_STEP, "pause after its present step"),
        (["--within-step"], Stop.WITHIN_STEP, "stop within its present step"),
        (["--emergency"], Stop.EMERGENCY, "take its outputs to 0 V now (emergency stop)"),
    ],
)
def test_the_command_says_what_it_asked(tmp_path, words, level, told):
    writer = RunWriter.create(tmp_path, "forming", {})
    result = CliRunner().invoke(app, ["stop", "last", "--runs", str(tmp_path), *words])
    assert (result.exit_code, result.stdout) == (0, f"run {writer.id} is asked to {told}\n")
    assert asked_to_stop(writer.path, writer.record["owner"]) is level


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["last"], "is not running (success)"),
        (["last", "--within-step", "--emergency"], "give one of them"),
        (["none"], "no run 'none'"),
    ],
)
def test_the_command_refuses(tmp_path, words, sentence):
    RunWriter.create(tmp_path, "forming", {}).close("success", None)
    result = CliRunner().invoke(app, ["stop", *words, "--runs", str(tmp_path)])
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert result.stdout == ""


def test_a_deleted_folder_is_refused(tmp_path):
    writer = RunWriter.create(tmp_path, "forming", {})
    shutil.rmtree(writer.path)
    result = CliRunner().invoke(app, ["stop", writer.id, "--runs", str(tmp_path)])
    assert result.exit_code == 2
