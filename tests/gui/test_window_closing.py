"""Closing the window while its own run is going on: left alone, or stopped first."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from gui.closing import ClosingQuestion
from gui.controls import RunState
from gui.window import MainWindow
from labctl.store.folder import RunFolder, list_runs
from tests.gui.windows import Place, open_window, press, wait

pytestmark = pytest.mark.slow


def closing(qtbot: QtBot, place: Place, programmings: int) -> tuple[MainWindow, ClosingQuestion]:
    """A window with a run going on, and what it asks."""
    window = open_window(place)
    window.parts.form.fields["programmings"].fill(str(programmings))
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


def test_a_run_that_is_left_goes_on_to_its_end(qtbot: QtBot, tmp_path: Path) -> None:
    place = Place(tmp_path)
    window, question = closing(qtbot, place, programmings=5)
    press(question.leave)
    assert not window.isVisible()
    wait(qtbot, lambda: the_run(place).status != "running")
    assert the_run(place).record["status"] == "success"
    # Its report is written by the same process, after the run.
    wait(qtbot, lambda: (the_run(place).path / "report.html").is_file())


def test_a_run_that_is_stopped_ends_safely_before_the_window_closes(
    qtbot: QtBot, tmp_path: Path
) -> None:
    place = Place(tmp_path)
    window, question = closing(qtbot, place, programmings=100_000)
    press(question.stop)
    wait(qtbot, lambda: not window.isVisible())
    record = the_run(place).record
    assert record["status"] == "aborted"
    assert "by the user" in record["reason"]
    assert any("outputs at 0 V and open" in note for note in record["notes"])
