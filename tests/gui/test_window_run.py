"""The window with real runs: started, watched, paused, gone on with, stopped, followed."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.controls import RunState
from gui.models.array import ArrayPicture
from gui.registry import ARRAY
from gui.window import MainWindow
from labctl.observing import Observer, StopRequest
from labctl.runs import run
from labctl.store.folder import RECORD, RunFolder, list_runs
from tests.gui.windows import ROWS, Place, close, open_window, press, wait
from tests.simulated import request, small_setup

MANY = 100_000
"""Programmings: the run goes on until it is asked to stop."""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def window(qtbot: QtBot, place: Place) -> Iterator[MainWindow]:
    shown = open_window(place)
    yield shown
    close(shown)


def cells_read(window: MainWindow) -> int:
    """Cells of the map that have been read."""
    shown = window.shown.picture_of(window.shown.front, ARRAY.name)
    return int((shown.reads > 0).sum()) if isinstance(shown, ArrayPicture) else 0


def last_line(window: MainWindow) -> str:
    """Of the log."""
    return window.parts.log.text.toPlainText().rstrip().rpartition("\n")[2]


class Elsewhere(Observer):
    """A run that another program has started: here it goes on in a thread."""

    def __init__(self, place: Place, programmings: int = MANY) -> None:
        self.stop = StopRequest()
        self.path: Path | None = None
        self._opened = threading.Event()
        setup = small_setup(place.folder / "bench", rows=ROWS)
        asked = request(setup, place.folder, programmings=programmings, seed=5)
        self.thread = threading.Thread(target=run, args=(asked, self, self.stop), daemon=True)
        self.thread.start()
        assert self._opened.wait(60)

    def opened(self, folder: RunFolder) -> None:
        self.path = folder.path
        self._opened.set()

    def end(self) -> None:
        self.stop.ask()
        self.thread.join()


@pytest.fixture
def elsewhere(place: Place) -> Iterator[Elsewhere]:
    going_on = Elsewhere(place)
    yield going_on
    going_on.end()


def test_a_person_starts_a_run_watches_pauses_resumes_and_stops_it(
    window: MainWindow, qtbot: QtBot, place: Place
) -> None:
    parts, controls = window.parts, window.parts.controls
    field = parts.form.fields["programmings"].editor
    QTest.keyClicks(field, str(MANY))
    QTest.keyClicks(parts.options.fields["die"].editor, "lab3")
    wait(qtbot, controls.start_button.isEnabled)
    press(controls.start_button)
    press(controls.yes_button)
    wait(qtbot, lambda: window.state is RunState.RUNNING)
    assert not controls.start_button.isEnabled()
    wait(qtbot, lambda: parts.banner.text.startswith("SIMULATED BENCH"))
    wait(qtbot, lambda: cells_read(window) == ROWS * 8)
    wait(qtbot, lambda: "✓ on disk" in parts.progress.saved.text())

    press(controls.pause_button)
    assert window.state is RunState.STOPPING
    wait(qtbot, lambda: window.state is RunState.IDLE)
    (made,) = list_runs(place.runs)
    assert made.record["status"] == "aborted"
    assert made.record["reason"].startswith("paused by the user after")
    assert "paused by the user" in parts.progress.step.text()
    paused_after = made.record["steps_done"]

    wait(qtbot, controls.resume_button.isEnabled)
    press(controls.resume_button)
    press(controls.yes_button)
    wait(qtbot, lambda: window.state is RunState.RUNNING)
    wait(qtbot, lambda: last_line(window).endswith("pattern A"))
    QTest.keyClick(window, Qt.Key.Key_Escape)
    wait(qtbot, lambda: window.state is RunState.IDLE)
    (made,) = list_runs(place.runs)
    assert made.record["steps_done"] >= paused_after
    assert made.record["reason"].startswith("emergency stop by the user")
    assert made.record["reason"] in parts.progress.step.text()


@pytest.mark.slow
def test_a_run_of_another_computer_is_gone_on_with_when_a_person_says_so(
    qtbot: QtBot, place: Place
) -> None:
    made = place.make_run(programmings=1)
    owner = {"pid": 17, "host": "another-machine", "birth": None}
    record = {**made.record, "status": None, "owner": owner}
    (made.path / RECORD).write_text(json.dumps(record), encoding="utf-8")
    window = open_window(place)
    parts, controls = window.parts, window.parts.controls
    wait(qtbot, lambda: [line.status for line in parts.browser.runs.lines] == ["interrupted"])
    parts.browser.choose(made.id)
    press(controls.resume_button)
    press(controls.yes_button)
    wait(qtbot, lambda: controls.question.isVisible() and window.state is RunState.IDLE)
    assert "was begun on another-machine" in controls.question_text.text()
    assert "two programs write into one run" in controls.question_text.text()
    press(controls.yes_button)
    wait(qtbot, lambda: [line.status for line in parts.browser.runs.lines] == ["success"])
    wait(qtbot, lambda: window.state is RunState.IDLE)
    assert not controls.question.isVisible()
    close(window)


def test_a_run_started_elsewhere_is_shown_live_and_can_be_stopped(
    window: MainWindow, qtbot: QtBot, elsewhere: Elsewhere
) -> None:
    parts = window.parts
    wait(qtbot, lambda: [line.status for line in parts.browser.runs.lines] == ["running"])
    parts.browser.choose(parts.browser.runs.lines[0].run)
    press(parts.browser.look)
    wait(qtbot, lambda: window.state is RunState.RUNNING)
    wait(qtbot, lambda: cells_read(window) == ROWS * 8)
    before = parts.progress.step.text()
    wait(qtbot, lambda: parts.progress.step.text() != before)
    assert not parts.controls.start_button.isEnabled()
    press(parts.controls.stop_button)
    # Within the step, or after it if that ends sooner.
    wait(qtbot, lambda: "by the user" in parts.progress.step.text())
    assert window.state is RunState.IDLE
    # Nothing of it belongs to this window: it closes without a question.
    assert window.close()


@pytest.mark.slow
def test_escape_stops_the_run_of_the_window_and_the_one_in_front_of_it(
    window: MainWindow, qtbot: QtBot, place: Place
) -> None:
    parts, controls = window.parts, window.parts.controls
    QTest.keyClicks(parts.form.fields["programmings"].editor, str(MANY))
    wait(qtbot, controls.start_button.isEnabled)
    press(controls.start_button)
    press(controls.yes_button)
    wait(qtbot, lambda: window.state is RunState.RUNNING)
    other = Elsewhere(place)
    try:
        assert other.path is not None
        shown = other.path.name
        wait(qtbot, lambda: shown in [line.run for line in parts.browser.runs.lines])
        parts.browser.choose(shown)
        press(parts.browser.look)
        wait(qtbot, lambda: controls.emergency_button.text() == "■ EMERGENCY STOP OF BOTH (Esc)")
        QTest.keyClick(window, Qt.Key.Key_Escape)
        wait(qtbot, lambda: window.state is RunState.IDLE)
        other.thread.join()
    finally:
        other.end()
    reasons = [made.record["reason"] for made in list_runs(place.runs)]
    assert len(reasons) == 2
    assert all(reason.startswith("emergency stop by the user") for reason in reasons)


WAITING = frozenset({"open", "sqlite3.connect", "socket.connect", "subprocess.Popen", "os.listdir"})
"""What the interface thread may not do while a run goes on."""


class Watch:
    """Audit events of one thread, as long as it is on. A hook cannot be taken out again."""

    def __init__(self) -> None:
        self.on = False
        self.seen: list[tuple[str, object]] = []
        self._thread = threading.get_ident()
        sys.addaudithook(self._look)

    def _look(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.on and event in WAITING and threading.get_ident() == self._thread:
            self.seen.append((event, arguments[0] if arguments else None))


def test_the_interface_thread_waits_for_no_file_while_a_run_is_followed(
    window: MainWindow, qtbot: QtBot, elsewhere: Elsewhere
) -> None:
    parts = window.parts
    assert elsewhere.path is not None
    watch = Watch()
    watch.on = True
    with open(__file__, encoding="utf-8"):  # noqa: PTH123
        # The watch sees what it is for.
        assert [event for event, _ in watch.seen] == ["open"]
    watch.seen.clear()
    window.look_at(elsewhere.path.name, elsewhere.path)
    for index in range(parts.plots.count()):
        parts.plots.setCurrentIndex(index)
        parts.lower_tabs.setCurrentIndex(index % parts.lower_tabs.count())
        seen = parts.progress.step.text()
        end = time.monotonic() + 60
        while parts.progress.step.text() == seen and time.monotonic() < end:
            QApplication.processEvents()
            time.sleep(0.002)
    parts.form.choose("endurance")
    wait(qtbot, parts.controls.start_button.isVisible)
    watch.on = False
    assert watch.seen == []
