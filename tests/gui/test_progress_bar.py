"""Where a run stands, in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pytestqt.qtbot import QtBot

from gui.progress_bar import RunProgress
from gui.run_status import RunStatus
from gui.theme import Mark

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


def numbers(progress: RunProgress) -> list[str]:
    labels = (progress.times, progress.bench_time, progress.pulses, progress.saved)
    return [label.text() for label in labels]


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
    sentence = f"{'a/long/path/' * 12}run.json cannot be read: there is no such file"
    progress.show_status(replace(GOING, problem=sentence, readable=False))
    progress.resize(1280, progress.heightForWidth(1280))
    progress.show()
    assert progress.step.text() == f"⚠ {sentence}"
    assert progress.step.property("mark") == Mark.PROBLEM
    assert progress.step.heightForWidth(progress.step.width()) <= progress.step.height()
    # Of what was read before, nothing is told as if it were still there.
    assert numbers(progress) == ["", "", "", ""]
    assert not progress.bar.isVisible()
    progress.show_status(GOING)
    assert progress.step.property("mark") is None
    assert not progress.step.wordWrap()
    assert progress.bar.isVisible()


def test_what_cannot_be_drawn_is_told_beside_where_the_run_stands(progress: RunProgress) -> None:
    progress.show_status(replace(GOING, problem="sigma cannot be shown: KeyError"))
    assert progress.step.text() == "⚠ sigma cannot be shown: KeyError"
    assert progress.saved.text() == "✓ on disk 08:30:05"


def test_a_run_that_is_being_read_tells_no_numbers_yet(progress: RunProgress) -> None:
    """They would be taken for those of the whole run."""
    ended = replace(GOING, status="success", caught_up=False, share_read=0.45)
    progress.show_status(ended)
    assert progress.step.text() == "reading 45 %"
    assert progress.bar.value() == 450
    assert numbers(progress) == ["", "", "", ""]
    progress.show_status(replace(GOING, caught_up=False))
    assert progress.step.text() == "reading 25 %"
    progress.show_status(replace(ended, caught_up=True))
    assert progress.step.text() == "success"
    assert all(numbers(progress))


def test_a_long_step_is_elided_in_its_middle_and_whole_in_its_tooltip(
    progress: RunProgress,
) -> None:
    label = "pair 1 of 4 at row 12 column 31, window 11, cycle 3.880e+07 and on"
    progress.show_status(replace(GOING, label=label))
    progress.resize(1280, 30)
    progress.show()
    whole = f"step 5 of 21: {label}"
    assert progress.step.text() == progress.step.toolTip() == whole
    shown = progress.step.shown
    assert shown.startswith("step 5 of 21: ")
    assert shown.endswith("and on")
    assert "…" in shown
    assert progress.step.fontMetrics().horizontalAdvance(shown) <= progress.step.width()
    progress.resize(2560, 30)
    assert progress.step.shown == whole
    progress.grab()


def test_no_run(progress: RunProgress) -> None:
    progress.show_status(GOING)
    progress.clear()
    assert progress.step.text() == "no run"
    assert progress.bar.value() == 0
    assert progress.saved.text() == ""
