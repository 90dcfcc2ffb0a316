"""Closing the window while its own run is going on: left alone, or stopped first."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from gui.closing import ClosingQuestion
from gui.controls import RunState
from gui.window import MainWindow
from labctl.observing import Stop
from labctl.stopping import ask_to_stop
from labctl.store.folder import RunFolder, list_runs
from tests.gui.windows import Place, open_window, press, wait

pytestmark = pytest.mark.slow


MANY = 100_000
"""Programmings: the run goes on until it is asked to stop."""


def closing(qtbot: QtBot, place: Place) -> tuple[MainWindow, ClosingQuestion]:
    """A window with a run going on, and what it asks."""
    window = open_window(place)
    window.parts.form.fields["programmings"].fill(str(MANY))
    wait(qtbot, window.parts.controls.start_button.isEnabled)
    press(window.parts.controls.start_button)
    press(window.parts.controls.yes_button)
    wait(qtbot, lambda: window.state is RunState.RUNNING)
    assert not window.close()
    question = window.findChild(ClosingQuestion)
    assert question is not None
    return window, question


def the_run(place: Place) -> RunFolder:
    (made,) = list_runs(place.runs)
    return made


def test_a_run_that_is_left_goes_on_until_it_is_stopped(qtbot: QtBot, tmp_path: Path) -> None:
    place = Place(tmp_path)
    window, question = closing(qtbot, place)
    press(question.leave)
    assert not window.isVisible()
    left_at = the_run(place)
    assert left_at.status == "running"
    ask_to_stop(left_at, Stop.AFTER_STEP)
    wait(qtbot, lambda: the_run(place).status != "running")
    assert the_run(place).record["reason"].startswith("paused by the user after")
    # Its report is written by the same process, after the run.
    wait(qtbot, lambda: (the_run(place).path / "report.html").is_file())


def test_a_run_that_is_stopped_ends_safely_before_the_window_closes(
    qtbot: QtBot, tmp_path: Path
) -> None:
    place = Place(tmp_path)
    window, question = closing(qtbot, place)
    press(question.stop)
    wait(qtbot, lambda: not window.isVisible())
    record = the_run(place).record
    assert record["status"] == "aborted"
    assert "by the user" in record["reason"]
    assert any("outputs at 0 V and open" in note for note in record["notes"])
