"""Where a run stands, in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pytestqt.qtbot import QtBot

from gui.progress_bar import RunProgress
from gui.run_status import RunStatus

AT = datetime(2026, 11, 22, 8, 30, 5, tzinfo=UTC)
GOING = RunStatus(
    run="20261122-082926-checkerboard",
    procedure="checkerboard",
    kind="SIMULATED",
    status="running",
    label="pattern A, programming 3",
    step=5,
    steps=21,
    fraction=0.25,
    elapsed_s=372.0,
    remaining_s=7380.0,
    bench_s=12.34,
    pulses_done=204_800,
    pulses_left=614_400,
    saved=AT,
)


@pytest.fixture
def progress(qtbot: QtBot) -> RunProgress:
    widget = RunProgress()
    qtbot.addWidget(widget)
    return widget


def test_a_run_that_goes_on_tells_everything(progress: RunProgress) -> None:
    progress.show_status(GOING)
    assert progress.step.text() == "step 5 of 21: pattern A, programming 3"
    assert progress.bar.value() == 250
    assert progress.times.text() == "6 min 12 s elapsed, 2 h 3 min left"
    assert progress.bench_time.text() == "bench time 12.3 s"
    assert progress.pulses.text() == "204\u202f800 pulses, at most 614\u202f400 left"
    assert progress.saved.text() == "✓ on disk 08:30:05"


def test_what_is_not_known_yet_is_not_made_up(progress: RunProgress) -> None:
    progress.show_status(RunStatus(run="r", status="running"))
    assert progress.step.text() == "opening the bench"
    assert progress.bar.value() == 0
    assert progress.pulses.text() == "0 pulses"
    assert progress.saved.text() == "○ nothing on disk yet"


def test_a_run_that_ended_tells_how_and_has_nothing_left(progress: RunProgress) -> None:
    ended = replace(GOING, status="aborted", reason="paused by the user after 5 steps")
    progress.show_status(ended)
    assert progress.step.text() == "aborted: paused by the user after 5 steps"
    assert progress.times.text() == "6 min 12 s elapsed"
    assert progress.pulses.text() == "204\u202f800 pulses"
    progress.show_status(replace(GOING, status="success"))
    assert progress.bar.value() == progress.bar.maximum()


def test_a_run_that_cannot_be_read_says_why(progress: RunProgress) -> None:
    progress.show_status(replace(GOING, problem="journal.jsonl is damaged"))
    assert progress.step.text() == "journal.jsonl is damaged"


def test_no_run(progress: RunProgress) -> None:
    progress.show_status(GOING)
    progress.clear()
    assert progress.step.text() == "no run"
    assert progress.bar.value() == 0
    assert progress.saved.text() == ""
