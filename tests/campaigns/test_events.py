"""``--events``: what a program reads of a run, and what happens when it stops reading."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

import pytest

from labctl.events import EventLines
from labctl.observing import Progress
from labctl.store.folder import RunFolder, list_runs
from labctl.store.writer import RunWriter
from labctl.verifying import verify
from tests.simulated import small_bench_file

PATIENCE_S = 250.0
"""Longer than anything takes on the slowest machine; shorter than pytest's own limit."""
RUN = ("run", "checkerboard", "--programmings", "2", "--seed", "1", "--events")


@pytest.fixture
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("LABCTL_BENCH", str(small_bench_file(tmp_path / "bench", rows=2)))
    monkeypatch.setenv("LABCTL_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("LABCTL_DIES", str(tmp_path / "dies"))
    return tmp_path


def started(*words, begin=("-m", "labctl.cli"), **streams):
    return subprocess.Popen([sys.executable, *begin, *words], **streams)


UNDRAWN = """
from matplotlib.figure import Figure
from labctl.cli import main
from tests.undrawn import save_a_pixel
Figure.savefig = save_a_pixel
main()
"""
"""The command line, with figures of one pixel: what it reports is not looked at."""


def test_a_run_is_told_in_lines_and_its_journal_tells_as_much(places):
    with started(*RUN, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8") as child:
        output, errors = child.communicate()
    assert (child.returncode, errors) == (0, "")
    told = [json.loads(line) for line in output.splitlines()]
    assert [event["event"] for event in told[:1] + told[-1:]] == ["opened", "ended"]
    assert {event["event"] for event in told[1:-1]} == {"progress", "note"}
    (made,) = list_runs(places / "runs")
    assert told[0] == {
        **{"event": "opened", "run": made.id, "path": str(made.path), "kind": "SIMULATED"}
    }
    assert (told[-1]["run"], told[-1]["status"], told[-1]["reason"]) == (made.id, "success", None)
    assert told[-1]["summary"] == json.loads((made.path / "summary.json").read_text("utf-8"))
    assert [e["text"] for e in told if e["event"] == "note"] == made.record["notes"]
    progress = [event for event in told if event["event"] == "progress"]
    assert [event["step"] for event in progress] == [step for step in range(7) for _ in "be"]
    # The journal alone gives the same fractions.
    fractions, done_s, whole_s = [], 0.0, 0.0
    for event in made.events():
        if event["event"] == "session_begin":
            whole_s, done_s = event["bench_s"], event["done_s"]
            assert event["steps"] == progress[0]["steps"]
        elif event["event"] == "step_begin":
            fractions.append(done_s / whole_s)
            expected_s = event["expected_s"]
        elif event["event"] == "step_end":
            done_s += expected_s
            fractions.append(done_s / whole_s)
    assert fractions == pytest.approx([event["fraction"] for event in progress])
    assert [finding for finding in verify(made) if not finding.ok] == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("run", "checkerboard", "--programmings", "0", "--events"), "Programmings 0 is not"),
        ((*RUN, "--json"), "give one of them"),
        (("resume", "last", "--events"), "no run 'last'"),
    ],
)
def test_a_refusal_is_one_sentence_and_no_event(places, words, sentence):
    with started(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8") as child:
        output, errors = child.communicate()
    assert (child.returncode, output) == (2, "")
    assert errors.startswith("labctl: ")
    assert sentence in errors
    assert errors.count("\n") == 1
    assert list_runs(places / "runs") == []


@pytest.mark.parametrize("lines", [pytest.param(0, marks=pytest.mark.slow), 4])
def test_a_reader_that_is_gone_ends_no_run(places, lines):
    """Of both streams, before the first line or within the run."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with started(*RUN, begin=("-c", UNDRAWN), **streams) as child:
        for _ in range(lines):
            child.stdout.readline()
        child.stdout.close()
        child.stderr.close()
        assert child.wait() == 0
    (made,) = list_runs(places / "runs")
    assert (made.status, made.record["steps_done"]) == ("success", 7)
    assert (made.path / "report.html").is_file()
    assert (made.path / "summary.json").is_file()


# --- the lines themselves -------------------------------------------------------------------------


def progress(step):
    return Progress("run", step, 2000, "x" * 100, 0.5, 1.0, None, 2.0)


def test_a_reader_that_reads_nothing_holds_up_nothing(monkeypatch):
    """More than a pipe holds, while nobody reads; all of it is there for who reads later."""
    monkeypatch.setattr("labctl.events._PATIENCE_S", PATIENCE_S)
    reading, writing = os.pipe()
    lines = EventLines(writing)
    for step in range(2000):
        lines.progress(progress(step))
    content = []

    def read():
        with os.fdopen(reading, encoding="utf-8") as file:
            content.extend(file)

    reader = threading.Thread(target=read)
    reader.start()
    lines.close()
    os.close(writing)
    reader.join()
    assert [json.loads(line)["step"] for line in content] == list(range(2000))


def test_the_end_does_not_wait_long_for_a_reader_that_reads_nothing(monkeypatch):
    monkeypatch.setattr("labctl.events._PATIENCE_S", 0.05)
    reading, writing = os.pipe()
    lines = EventLines(writing)
    for step in range(2000):
        lines.progress(progress(step))
    lines.close()
    # It is still writing: nobody waited for its end. It ends when the reader does.
    assert lines._thread.is_alive()
    os.close(reading)
    lines._thread.join()
    os.close(writing)


def test_what_is_told_of_a_run_that_did_not_succeed(tmp_path, monkeypatch):
    monkeypatch.setattr("labctl.events._PATIENCE_S", PATIENCE_S)
    writer = RunWriter.create(tmp_path, "forming", {"simulated": False})
    writer.close("aborted", "paused by the user after 3 steps")
    reading, writing = os.pipe()
    lines = EventLines(writing)
    lines.opened(RunFolder(writer.path))
    lines.note("Ω is kept as it is")
    lines.ended(RunFolder(writer.path), {"ber": 0.5})
    lines.close()
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as file:
        opened, note, ended = (json.loads(line) for line in file)
    assert opened["kind"] == "REAL"
    assert note == {"event": "note", "text": "Ω is kept as it is"}
    assert ended == {
        **{"event": "ended", "run": writer.id, "path": str(writer.path), "status": "aborted"},
        **{"reason": "paused by the user after 3 steps", "summary": {"ber": 0.5}},
    }
