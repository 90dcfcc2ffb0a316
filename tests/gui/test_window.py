"""The window as a person uses it, with finished runs and with a process that is not one."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QInputDialog,
    QLabel,
    QLineEdit,
    QTableView,
    QTabWidget,
    QWidget,
)
from pytestqt.qtbot import QtBot

from gui import planner
from gui.closing import ClosingQuestion, Leaving
from gui.controls import RunState
from gui.planner import PlanResult, Question, answer
from gui.settings import Settings, read_settings
from gui.shown_runs import ShownRuns
from gui.theme import Mark, Theme, ThemeChoice, current_theme
from gui.window import MainWindow
from labctl.observing import Stop
from labctl.runs import run
from labctl.store.folder import RunFolder
from labctl.store.ledger import LEDGER, Ledger
from labctl.store.wear import Booking
from tests.gui.told import figures_undrawn
from tests.gui.windows import ROWS, FakeChild, Place, clear, close, open_window, press, wait
from tests.simulated import request, small_setup


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("window"))


@pytest.fixture(scope="module")
def made(place: Place) -> tuple[RunFolder, RunFolder]:
    """Two finished runs, the older one first."""
    return place.make_run(programmings=2), place.make_run(programmings=1)


@pytest.fixture(scope="module")
def shared(qapp: QApplication, place: Place) -> Iterator[MainWindow]:
    window = open_window(place)
    yield window
    close(window)


@pytest.fixture
def window(
    shared: MainWindow,
    qtbot: QtBot,
    place: Place,
    made: tuple[RunFolder, RunFolder],
    children: list[FakeChild],
) -> MainWindow:
    """The window as it was when it was opened, ready to start."""
    clear(shared, place)
    wait(qtbot, lambda: shared.parts.controls.start_button.isEnabled())
    wait(qtbot, lambda: len(shared.parts.browser.runs.lines) == 2)
    return shared


@pytest.fixture
def own(qtbot: QtBot, place: Place, children: list[FakeChild]) -> Iterator[MainWindow]:
    """A window to be closed."""
    window = open_window(place)
    yield window
    close(window)


def start(window: MainWindow, qtbot: QtBot) -> None:
    """Press Start and agree."""
    wait(qtbot, lambda: window.parts.controls.start_button.isEnabled())
    press(window.parts.controls.start_button)
    press(window.parts.controls.yes_button)


def resume(window: MainWindow, run: str) -> None:
    """Go on with a finished run as if it had been interrupted."""
    browser = window.parts.browser
    browser.show_lines(
        tuple(
            replace(line, status="interrupted") if line.run == run else line
            for line in browser.runs.lines
        )
    )
    browser.choose(run)
    press(window.parts.controls.resume_button)
    press(window.parts.controls.yes_button)


# --- before a run ---------------------------------------------------------------------------------


def test_the_banner_names_the_bench_before_the_first_run(window: MainWindow) -> None:
    assert window.parts.banner.text.startswith("SIMULATED BENCH")
    assert "no run yet" in window.parts.banner.text


def test_a_real_bench_file_is_told_before_anything_is_sent(
    window: MainWindow, qtbot: QtBot, place: Place
) -> None:
    from labctl.benchfile import example_file

    window.parts.options.fill({"bench": str(example_file("b1500"))})
    wait(qtbot, lambda: window.parts.banner.text.startswith("REAL BENCH"))


def test_wrong_input_is_told_beside_its_field_and_holds_start(
    window: MainWindow, qtbot: QtBot
) -> None:
    field = window.parts.form.fields["set_compliance"]
    field.editor.setFocus()
    QTest.keyClicks(field.editor, "900uA")
    assert field.problem.isVisible()
    assert "20uA to 200uA" in field.problem.text()
    assert not window.parts.controls.start_button.isEnabled()
    assert window.parts.controls.start_button.text() == "▲ Start: changes devices"
    field.editor.clear()
    assert not field.problem.isVisible()
    wait(qtbot, lambda: window.parts.controls.start_button.isEnabled())


def asked_pages(window: MainWindow) -> list[str]:
    """Titles of Parameters and Options as they are shown."""
    return [window.parts.asked.tabText(index) for index in range(2)]


@pytest.mark.parametrize(
    ("option", "typed", "said"),
    [
        ("die", "a/b", "cannot name a die"),
        ("max_cycles_per_device", "1", "the wear budget is 1 cycles a device"),
        ("bench", "none.toml", "none.toml cannot be read"),
    ],
)
def test_a_problem_of_a_run_option_stands_beside_its_field(
    window: MainWindow, qtbot: QtBot, option: str, typed: str, said: str
) -> None:
    field = window.parts.options.fields[option]
    before = field.text
    field.fill(typed)
    wait(qtbot, lambda: said in field.problem.text())
    assert asked_pages(window) == ["Parameters", "⚠ Options"]
    assert window.parts.plan.headline.text() == "⚠ No plan: see what is marked under Options."
    assert not window.parts.controls.start_button.isEnabled()
    field.fill(before)
    wait(qtbot, window.parts.controls.start_button.isEnabled)
    assert asked_pages(window) == ["Parameters", "Options"]
    assert not field.problem.text()


def test_a_refusal_of_the_command_stands_beside_its_run_option(
    window: MainWindow, qtbot: QtBot, children: list[FakeChild]
) -> None:
    start(window, qtbot)
    children[0].ended.emit(2, "die 'lab3' is a real one: give another name with --die")
    assert "is a real one" in window.parts.options.fields["die"].problem.text()
    assert asked_pages(window) == ["Parameters", "⚠ Options"]


@pytest.mark.parametrize(
    ("wrong", "options"),
    [({"set_compliance": "900uA"}, {}), ({}, {"temperature": "hot"})],
)
def test_the_bench_is_known_while_something_else_is_wrong(
    window: MainWindow, qtbot: QtBot, wrong: dict[str, str], options: dict[str, str]
) -> None:
    from labctl.benchfile import example_file

    window.parts.form.fill(wrong)
    window.parts.options.fill({**options, "bench": str(example_file("b1500"))})
    wait(qtbot, lambda: window.parts.banner.text.startswith("REAL BENCH"))
    assert not window.parts.controls.start_button.isEnabled()
    page = "Parameters" if wrong else "Options"
    assert window.parts.plan.headline.text() == f"⚠ No plan: see what is marked under {page}."
    window.parts.options.fill({"temperature": ""})


def test_what_is_beside_a_field_is_not_told_above_the_plan_too(
    window: MainWindow, qtbot: QtBot
) -> None:
    from labctl.benchfile import example_file

    window.parts.options.fill({"bench": str(example_file("b1500"))})
    field = window.parts.form.fields["compliance_table"]
    wait(qtbot, lambda: "was measured on simulated dies" in field.problem.text())
    headline = window.parts.plan.headline
    assert headline.text() == "⚠ No plan: see what is marked under Parameters."
    assert asked_pages(window) == ["⚠ Parameters", "Options"]
    window.parts.form.choose("iv")
    window.parts.form.fill({"region": "0:40,all", "compliance_table": "none.toml"})
    window.parts.form.fill({"region": "0:40,all"})
    window.parts.options.fill({"bench": ""})
    wait(qtbot, lambda: "this chip has rows 0 to 31" in headline.text())
    assert asked_pages(window) == ["Parameters", "Options"]


def test_start_says_that_the_plan_is_being_worked_out(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def slow(question: Question) -> PlanResult:
        assert go_on.wait(60)
        return answer(question)

    monkeypatch.setattr(planner, "answer", slow)
    start_button, headline = window.parts.controls.start_button, window.parts.plan.headline
    QTest.keyClicks(window.parts.form.fields["programmings"].editor, "7")
    assert headline.text() == "planning …"
    assert start_button.toolTip().startswith("The plan is being worked out; Start waits for it.")
    assert not start_button.isEnabled()
    go_on.set()
    wait(qtbot, start_button.isEnabled)
    assert start_button.toolTip().startswith("Begin the run.")
    assert headline.text() != "planning …"


def planned_wear(window: MainWindow) -> str:
    """What the plan says of the pulses so far."""
    table = window.parts.plan.figures
    lines = {
        table.item(row, 0).text(): table.item(row, 1).text() for row in range(table.rowCount())
    }
    return lines.get("Wear, SET", "")


def book(place: Place, pulses: int) -> None:
    """As a run would, in the ledger of the window's runs."""
    counts = np.full((ROWS, 8, 2), pulses, dtype=np.uint32)
    with Ledger(place.runs / LEDGER) as ledger:
        block = ledger.plan("worn", "an earlier run", [Booking("set", {"set_v": 2.0}, counts)])
        ledger.confirm(block)


def test_wear_is_looked_at_again_when_the_ledger_changes_and_when_a_run_has_ended(
    window: MainWindow, qtbot: QtBot, children: list[FakeChild], place: Place, tmp_path: Path
) -> None:
    book(place, 5)
    window.parts.options.fill({"die": "worn"})
    wait(qtbot, lambda: planned_wear(window).startswith("5 now"))
    wait(qtbot, lambda: "most cycles on a device: 5 " in window.parts.die.words.text())
    book(place, 3)
    assert window.runs is not None
    window.runs.refresh()
    wait(qtbot, lambda: planned_wear(window).startswith("8 now"))
    wait(qtbot, lambda: "most cycles on a device: 8 " in window.parts.die.words.text())
    start(window, qtbot)
    children[0].opened.emit(tmp_path / OWN)
    book(place, 4)
    children[0].ended.emit(0, "")
    wait(qtbot, lambda: planned_wear(window).startswith("12 now"))
    window.parts.options.fill({"die": ""})


def test_the_die_shown_is_that_of_the_form_or_else_of_the_run_in_front(
    qtbot: QtBot, tmp_path: Path
) -> None:
    there = Place(tmp_path)
    setup = small_setup(tmp_path / "bench", rows=ROWS)
    with figures_undrawn():
        made = {
            die: run(request(setup, tmp_path, die=die, seed=3, programmings=1))
            for die in ("adam", "edie")
        }
    shown = open_window(there, follow=made["edie"].path)
    die = shown.parts.die
    wait(qtbot, lambda: die.picture is not None)
    assert die.picture.die == "edie"
    QTest.keyClicks(shown.parts.options.fields["die"].editor, "adam")
    wait(qtbot, lambda: die.picture is not None and die.picture.die == "adam")
    with (tmp_path / "bench" / "small-chip.toml").open("a", encoding="utf-8") as chip:
        chip.write("\n[wear]\nmax_cycles_per_device = 1000\n")
    shown.parts.options.fields["max_cycles_per_device"].fill("2000")
    wait(qtbot, lambda: die.picture is not None and die.picture.most_cycles == 1000)
    shown.parts.options.fields["die"].fill("")
    wait(qtbot, lambda: die.picture is not None and die.picture.die == "edie")
    close(shown)


def test_without_a_named_die_a_person_chooses_one(
    window: MainWindow, qtbot: QtBot, place: Place
) -> None:
    book(place, 1)
    window.parts.die.read_again()
    wait(qtbot, lambda: window.parts.die.words.text().startswith("Choose a die"))


def test_copy_as_command_gives_the_line_that_start_runs(
    window: MainWindow, qtbot: QtBot, children: list[FakeChild], place: Place
) -> None:
    window.parts.form.fields["programmings"].fill("7")
    wait(qtbot, lambda: window.parts.controls.copy_button.isEnabled())
    press(window.parts.controls.copy_button)
    clipboard = QGuiApplication.clipboard()
    assert clipboard is not None
    assert clipboard.text().startswith("labctl run checkerboard --programmings 7 --bench ")
    start(window, qtbot)
    expected = ["run", "checkerboard", "--programmings", "7", "--bench", str(place.bench)]
    assert children[0].arguments[:6] == expected


def test_what_changes_devices_asks_first_and_cancel_sends_nothing(
    window: MainWindow, children: list[FakeChild]
) -> None:
    press(window.parts.controls.start_button)
    press(window.parts.controls.no_button)
    assert children == []
    assert window.state is RunState.IDLE


# --- a run of this window -------------------------------------------------------------------------

BUTTONS = pytest.mark.parametrize(
    ("button", "level"),
    [
        ("pause_button", Stop.AFTER_STEP),
        ("stop_button", Stop.WITHIN_STEP),
        ("emergency_button", Stop.EMERGENCY),
    ],
)


def test_a_refusal_is_told_beside_the_field_that_it_names(
    window: MainWindow, qtbot: QtBot, children: list[FakeChild]
) -> None:
    start(window, qtbot)
    assert window.state is RunState.STARTING
    children[0].ended.emit(2, "Programmings 7 is not allowed: 1 to 5")
    field = window.parts.form.fields["programmings"]
    assert "1 to 5" in field.problem.text()
    assert "1 to 5" in window.parts.notice.text()
    assert window.state is RunState.IDLE
    assert window.parts.controls.start_button.isEnabled()


def test_a_run_comes_to_the_front_when_its_folder_is_there(
    window: MainWindow, qtbot: QtBot, children: list[FakeChild], made: tuple[RunFolder, RunFolder]
) -> None:
    start(window, qtbot)
    children[0].opened.emit(made[0].path)
    assert window.shown.front == made[0].id
    wait(qtbot, lambda: made[0].id in window.parts.banner.text)


@BUTTONS
def test_each_button_asks_for_its_way_to_stop(
    window: MainWindow,
    qtbot: QtBot,
    children: list[FakeChild],
    stops: list[tuple[str, Stop]],
    tmp_path: Path,
    button: str,
    level: Stop,
) -> None:
    start(window, qtbot)
    children[0].opened.emit(tmp_path / "20261122-120000-checkerboard")
    assert window.state is RunState.RUNNING
    press(getattr(window.parts.controls, button))
    wait(qtbot, lambda: stops)
    assert stops == [("20261122-120000-checkerboard", level)]
    assert window.state is RunState.STOPPING
    assert window.parts.controls.emergency_button.isEnabled()


def test_escape_is_the_emergency_stop_from_any_field(
    window: MainWindow,
    qtbot: QtBot,
    children: list[FakeChild],
    stops: list[tuple[str, Stop]],
    tmp_path: Path,
) -> None:
    start(window, qtbot)
    children[0].opened.emit(tmp_path / "20261122-120000-checkerboard")
    window.activateWindow()
    for widget in (window.parts.browser.wanted, window.parts.form.fields["programmings"].editor):
        widget.setFocus()
        QTest.keyClick(widget, Qt.Key.Key_Escape)
    wait(qtbot, lambda: len(stops) == 2)
    assert {level for _, level in stops} == {Stop.EMERGENCY}


@BUTTONS
def test_what_is_asked_before_the_folder_is_there_is_not_lost(
    window: MainWindow,
    qtbot: QtBot,
    children: list[FakeChild],
    stops: list[tuple[str, Stop]],
    tmp_path: Path,
    button: str,
    level: Stop,
) -> None:
    start(window, qtbot)
    press(getattr(window.parts.controls, button))
    assert stops == []
    children[0].opened.emit(tmp_path / "20261122-120000-checkerboard")
    wait(qtbot, lambda: stops)
    assert stops == [("20261122-120000-checkerboard", level)]


def test_an_emergency_stop_without_a_run_says_that_there_is_none(window: MainWindow) -> None:
    press(window.parts.controls.emergency_button)
    assert window.parts.notice.text().endswith("going on: there is nothing to stop.")


@BUTTONS
def test_a_run_can_be_stopped_as_soon_as_it_goes_on_again(
    window: MainWindow,
    qtbot: QtBot,
    children: list[FakeChild],
    stops: list[tuple[str, Stop]],
    made: tuple[RunFolder, RunFolder],
    button: str,
    level: Stop,
) -> None:
    """The run in front is still shown as it had ended."""
    window.look_at(made[0].id, made[0].path)
    wait(qtbot, lambda: window.parts.progress.step.text() == "success")
    resume(window, made[0].id)
    children[0].opened.emit(made[0].path)
    assert window.shown.status is not None
    assert window.shown.status.status == "success"
    press(getattr(window.parts.controls, button))
    wait(qtbot, lambda: stops)
    assert stops == [(made[0].id, level)]


def test_a_run_whose_report_is_being_written_cannot_be_stopped(
    window: MainWindow,
    qtbot: QtBot,
    children: list[FakeChild],
    made: tuple[RunFolder, RunFolder],
) -> None:
    start(window, qtbot)
    children[0].opened.emit(made[0].path)
    wait(qtbot, lambda: window.state is RunState.ENDING)
    assert not window.parts.controls.pause_button.isEnabled()
    assert not window.parts.controls.stop_button.isEnabled()
    told = f"Run {made[0].id} has ended; its report is being written."
    assert window.parts.notice.text() == told
    # The emergency stop asks all the same, and the run's own record answers.
    press(window.parts.controls.emergency_button)
    wait(qtbot, lambda: "cannot be stopped: it is not running" in window.parts.notice.text())
    assert window.state is RunState.ENDING
    children[0].ended.emit(0, "")
    assert window.state is RunState.IDLE


def test_what_was_asked_of_a_run_is_forgotten_when_it_has_ended(
    window: MainWindow,
    qtbot: QtBot,
    children: list[FakeChild],
    stops: list[tuple[str, Stop]],
    made: tuple[RunFolder, RunFolder],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that it is not shown as stopping when somebody else goes on with it."""
    start(window, qtbot)
    children[0].opened.emit(made[0].path)
    press(window.parts.controls.emergency_button)
    wait(qtbot, lambda: window.shown.status is not None and stops)
    children[0].ended.emit(1, "the run aborted: emergency stop by the user in step 3")
    assert window.state is RunState.IDLE
    ended = window.shown.status
    assert ended is not None
    monkeypatch.setattr(ShownRuns, "status", replace(ended, status="running"))
    assert window.state is RunState.RUNNING


def test_the_buttons_mean_the_run_that_goes_on_while_another_is_looked_at(
    window: MainWindow,
    qtbot: QtBot,
    children: list[FakeChild],
    stops: list[tuple[str, Stop]],
    made: tuple[RunFolder, RunFolder],
    tmp_path: Path,
) -> None:
    start(window, qtbot)
    children[0].opened.emit(tmp_path / "20261122-120000-checkerboard")
    window.look_at(made[0].id, made[0].path)
    wait(qtbot, lambda: window.shown.status is not None)
    press(window.parts.controls.emergency_button)
    wait(qtbot, lambda: stops)
    assert stops == [("20261122-120000-checkerboard", Stop.EMERGENCY)]


OWN = "20261122-120000-checkerboard"


@pytest.fixture
def two(
    window: MainWindow,
    qtbot: QtBot,
    children: list[FakeChild],
    stops: list[tuple[str, Stop]],
    made: tuple[RunFolder, RunFolder],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """A run of the window goes on, and another in front of it, whose name this is."""
    start(window, qtbot)
    children[0].opened.emit(tmp_path / OWN)
    window.look_at(made[0].id, made[0].path)
    wait(qtbot, lambda: window.shown.status is not None)
    ended = window.shown.status
    assert ended is not None
    monkeypatch.setattr(ShownRuns, "status", replace(ended, status="running"))
    window.show_state()
    return made[0].id


@pytest.mark.parametrize("with_key", [True, False])
def test_the_emergency_stop_is_for_both_runs_that_go_on(
    window: MainWindow, qtbot: QtBot, two: str, stops: list[tuple[str, Stop]], with_key: bool
) -> None:
    button = window.parts.controls.emergency_button
    assert button.text() == "■ EMERGENCY STOP OF BOTH (Esc)"
    assert two in button.toolTip()
    assert OWN in button.toolTip()
    if with_key:
        QTest.keyClick(window, Qt.Key.Key_Escape)
    else:
        press(button)
    wait(qtbot, lambda: len(stops) == 2)
    assert set(stops) == {(two, Stop.EMERGENCY), (OWN, Stop.EMERGENCY)}
    notice = window.parts.notice.text()
    assert notice == f"Runs {two} and {OWN}: emergency stop, the outputs go to 0 V now."


@pytest.mark.parametrize(
    ("name", "level"), [("pause", Stop.AFTER_STEP), ("stop", Stop.WITHIN_STEP)]
)
def test_pause_and_stop_name_the_run_in_front_and_leave_the_other_alone(
    window: MainWindow,
    qtbot: QtBot,
    two: str,
    stops: list[tuple[str, Stop]],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    level: Stop,
) -> None:
    controls = window.parts.controls
    button = getattr(controls, f"{name}_button")
    assert "in front" in button.text()
    assert button.toolTip().startswith(f"{two}: ")
    assert controls.minimumSizeHint().width() <= 1280
    press(button)
    wait(qtbot, lambda: stops)
    assert window.state is RunState.STOPPING
    assert window.parts.notice.text().startswith(f"Run {two}: ")
    # The other one has not been asked: it is not told to be stopping.
    monkeypatch.undo()
    window.show_state()
    assert window.state is RunState.RUNNING
    assert "in front" not in button.text()
    assert button.toolTip().startswith(f"{OWN}: ")
    assert stops == [(two, level)]


def test_a_pause_that_was_asked_for_is_no_problem(
    window: MainWindow, qtbot: QtBot, children: list[FakeChild], stops: object, tmp_path: Path
) -> None:
    start(window, qtbot)
    children[0].opened.emit(tmp_path / OWN)
    press(window.parts.controls.queue_button)
    press(window.parts.controls.yes_button)
    press(window.parts.controls.pause_button)
    notice, queue = window.parts.notice, window.parts.queue
    now = f"Run {OWN}: pausing after the present step; Stop leaves it sooner."
    assert notice.text() == now
    # The command's own words are for a terminal.
    children[0].noted.emit(Stop.AFTER_STEP.told)
    assert notice.text() == now
    children[0].ended.emit(1, "the run aborted: paused by the user after 5 steps")
    how = f"Run {OWN} aborted: paused by the user after 5 steps."
    assert notice.text() == f"{how} Resume goes on with it."
    assert notice.property("mark") == Mark.HINT
    assert queue.told.text() == f"{how} The queue waits for Begin next."
    assert queue.told.property("mark") == Mark.HINT


def test_a_stop_asked_for_elsewhere_is_told_in_the_words_of_the_window(
    window: MainWindow, qtbot: QtBot, children: list[FakeChild], tmp_path: Path
) -> None:
    start(window, qtbot)
    children[0].opened.emit(tmp_path / OWN)
    children[0].noted.emit(Stop.WITHIN_STEP.told)
    assert window.parts.notice.text().startswith(f"Run {OWN}: stopping within the present step;")
    assert "Ctrl-C" not in window.parts.notice.text()


def test_a_command_that_ends_without_a_word_holds_the_queue(
    window: MainWindow, qtbot: QtBot, children: list[FakeChild]
) -> None:
    start(window, qtbot)
    press(window.parts.controls.queue_button)
    press(window.parts.controls.yes_button)
    children[0].ended.emit(-9, "")
    assert len(children) == 1
    assert "The queue is held: labctl ended with status -9." in window.parts.queue.told.text()


def test_a_run_that_fails_is_a_problem_and_is_named(
    window: MainWindow, qtbot: QtBot, children: list[FakeChild], tmp_path: Path
) -> None:
    start(window, qtbot)
    children[0].opened.emit(tmp_path / OWN)
    children[0].ended.emit(1, "the run failed: no answer from slot 3")
    assert window.parts.notice.text() == f"⚠ Run {OWN} failed: no answer from slot 3"
    assert window.parts.notice.property("mark") == Mark.PROBLEM


def test_the_queue_begins_its_next_line_when_a_run_has_ended_well(
    window: MainWindow, qtbot: QtBot, children: list[FakeChild]
) -> None:
    start(window, qtbot)
    wait(qtbot, lambda: window.parts.controls.queue_button.isEnabled())
    press(window.parts.controls.queue_button)
    press(window.parts.controls.yes_button)
    assert len(window.parts.queue.queue.lines) == 1
    children[0].ended.emit(0, "")
    assert len(children) == 2
    assert children[1].arguments == children[0].arguments
    assert window.state is RunState.STARTING


# --- runs that are shown --------------------------------------------------------------------------


def test_a_finished_run_is_shown_when_it_is_chosen(
    window: MainWindow, qtbot: QtBot, made: tuple[RunFolder, RunFolder]
) -> None:
    parts = window.parts
    parts.browser.choose(made[0].id)
    press(parts.browser.look)
    wait(qtbot, lambda: parts.progress.step.text() == "success")
    wait(qtbot, lambda: parts.map.grid.shape == (4, 8))
    assert made[0].id in parts.banner.text
    assert "step 0 begins" in parts.log.text.toPlainText()
    assert parts.plots.currentWidget() is parts.views["sigma"]
    assert not window.parts.plots.isTabVisible(0)


def test_an_old_run_is_overlaid_and_taken_away_again(
    window: MainWindow, qtbot: QtBot, made: tuple[RunFolder, RunFolder]
) -> None:
    window.look_at(made[1].id, made[1].path)
    window.parts.browser.runs.tick(frozenset({made[0].id}))
    assert window.shown.runs == (made[1].id, made[0].id)
    sigma = window.parts.views["sigma"]
    wait(qtbot, lambda: set(sigma.runs) == {made[0].id, made[1].id})
    assert {run: one.style.index for run, one in sigma.runs.items()} == {
        made[1].id: 0,
        made[0].id: 1,
    }
    window.parts.browser.runs.tick(frozenset())
    assert set(sigma.runs) == {made[1].id}


def test_a_hidden_view_gets_the_picture_when_it_is_shown(
    window: MainWindow, qtbot: QtBot, made: tuple[RunFolder, RunFolder]
) -> None:
    parts = window.parts
    window.look_at(made[0].id, made[0].path)
    wait(qtbot, lambda: parts.views["sigma"].runs)
    assert not parts.views["sense"].runs
    parts.plots.setCurrentWidget(parts.views["sense"])
    wait(qtbot, lambda: parts.views["sense"].runs)


def test_selected_cells_are_known_to_every_view_and_go_into_the_form(
    window: MainWindow, qtbot: QtBot, made: tuple[RunFolder, RunFolder]
) -> None:
    parts = window.parts
    window.look_at(made[0].id, made[0].path)
    wait(qtbot, lambda: parts.map.grid.shape == (4, 8))
    grid = parts.map.grid
    begin, end = (grid.rectangle(cell).center().toPoint() for cell in ((1, 2), (2, 4)))
    QTest.mousePress(grid, Qt.MouseButton.LeftButton, pos=begin)
    QTest.mouseMove(grid, end)
    QTest.mouseRelease(grid, Qt.MouseButton.LeftButton, pos=end)
    cells = {(row, column) for row in (1, 2) for column in (2, 3, 4)}
    assert window.selection.cells == cells
    parts.form.choose("program")
    press(parts.map.findChild(type(parts.browser.look), "array-selection"))
    assert parts.form.typed()["region"] == "1:3,2:5"
    parts.form.choose("endurance")
    press(parts.map.findChild(type(parts.browser.look), "array-selection"))
    assert "6 are selected" in parts.notice.text()


def test_an_interrupted_run_is_offered_to_be_gone_on_with(
    window: MainWindow, qtbot: QtBot, children: list[FakeChild], place: Place
) -> None:
    line = window.parts.browser.runs.lines[0]
    assert not window.parts.controls.resume_button.isEnabled()
    resume(window, line.run)
    assert children[0].arguments == ["resume", line.run, "--runs", str(place.runs)]


@pytest.mark.parametrize(
    ("option", "asked", "said"),
    [
        ("--accept-change", "if this is another die", ["--accept-change"]),
        ("--other-host-is-gone", "two programs write into one run", ["--other-host-is-gone"]),
        ("--die", "Go on with its own die?", []),
    ],
)
def test_a_refusal_to_go_on_is_asked_about_and_then_overruled(
    window: MainWindow,
    children: list[FakeChild],
    place: Place,
    option: str,
    asked: str,
    said: list[str],
) -> None:
    controls = window.parts.controls
    run = window.parts.browser.runs.lines[0].run
    window.parts.options.fill({"die": "lab4"})
    resume(window, run)
    line = ["resume", run, "--die", "lab4", "--runs", str(place.runs)]
    assert children[0].arguments == line
    children[0].refused.emit(option, "it is not as it was")
    children[0].ended.emit(2, "it is not as it was")
    text = controls.question_text.text()
    assert text.startswith(f"{run} does not go on: it is not as it was. ")
    assert asked in text
    assert not window.parts.notice.isVisible()
    assert not controls.not_again.isVisible()
    assert controls.no_button.hasFocus()
    press(controls.yes_button)
    own = ["resume", run, "--runs", str(place.runs)] if option == "--die" else line
    assert children[1].arguments == [*own, *said]
    children[1].ended.emit(0, "")
    assert not controls.question.isVisible()
    window.parts.options.fill({"die": ""})


def test_a_second_refusal_is_asked_about_too_and_cancel_ends_it(
    window: MainWindow, qtbot: QtBot, children: list[FakeChild]
) -> None:
    controls = window.parts.controls
    resume(window, window.parts.browser.runs.lines[0].run)
    for option in ("--other-host-is-gone", "--accept-change"):
        children[-1].refused.emit(option, "no")
        children[-1].ended.emit(1, "no")
        # What is typed meanwhile does not take it away: it is about no form.
        window.parts.form.fields["programmings"].fill("3")
        press(controls.yes_button)
    assert children[-1].arguments[-2:] == ["--other-host-is-gone", "--accept-change"]
    children[-1].refused.emit("--accept-change", "no")
    children[-1].ended.emit(1, "no")
    press(controls.no_button)
    assert len(children) == 3
    assert window.state is RunState.IDLE
    assert not controls.question.isVisible()


def test_a_refusal_of_a_run_that_is_started_asks_nothing(
    window: MainWindow, qtbot: QtBot, children: list[FakeChild]
) -> None:
    resume(window, window.parts.browser.runs.lines[0].run)
    children[0].refused.emit("--accept-change", "no")
    children[0].ended.emit(1, "no")
    press(window.parts.controls.no_button)
    start(window, qtbot)
    children[1].ended.emit(2, "Programmings 7 is not allowed: 1 to 5")
    assert not window.parts.controls.question.isVisible()


def test_a_run_of_an_unknown_procedure_is_not_gone_on_with(window: MainWindow) -> None:
    line = window.parts.browser.runs.lines[0]
    newer = replace(line, status="interrupted", procedure="not yet known")
    window.parts.browser.show_lines((newer, *window.parts.browser.runs.lines[1:]))
    window.parts.browser.choose(line.run)
    assert window.parts.browser.chosen == newer
    assert not window.parts.controls.resume_button.isEnabled()


def test_a_note_is_kept_with_its_run_and_appears_in_the_table(
    window: MainWindow, qtbot: QtBot, made: tuple[RunFolder, RunFolder]
) -> None:
    browser = window.parts.browser
    browser.choose(made[1].id)
    press(browser.add_note)
    dialog = browser.findChild(QInputDialog, "note")
    assert dialog is not None
    dialog.setTextValue("new probe card")
    dialog.accept()
    wait(qtbot, lambda: browser.chosen is not None and browser.chosen.note == "new probe card")
    assert made[1].remarks()[-1]["text"] == "new probe card"


def test_a_run_can_be_followed_from_the_start(
    qtbot: QtBot, place: Place, made: tuple[RunFolder, RunFolder]
) -> None:
    window = open_window(place, follow=made[0].path)
    wait(qtbot, lambda: window.parts.progress.step.text() == "success")
    wait(qtbot, lambda: window.parts.browser.chosen is not None)
    assert window.parts.browser.chosen.run == made[0].id
    close(window)


def test_a_folder_that_is_no_run_is_told_and_nothing_else_breaks(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, made: tuple[RunFolder, RunFolder]
) -> None:
    window.look_at("empty", tmp_path)
    wait(qtbot, lambda: "is not a readable run folder" in window.parts.progress.step.text())
    window.look_at(made[0].id, made[0].path)
    wait(qtbot, lambda: window.parts.progress.step.text() == "success")


def test_a_run_that_is_deleted_while_it_is_shown_is_a_problem(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, made: tuple[RunFolder, RunFolder]
) -> None:
    copy = shutil.copytree(made[0].path, tmp_path / made[0].id)
    window.look_at(copy.name, copy)
    progress = window.parts.progress
    wait(qtbot, lambda: "✓ on disk" in progress.saved.text())
    shutil.rmtree(copy)
    wait(qtbot, lambda: "is not a readable run folder" in progress.step.text())
    assert progress.step.property("mark") == Mark.PROBLEM
    assert progress.saved.text() == ""


# --- the window itself ----------------------------------------------------------------------------


def test_the_window_closes_at_once_without_a_run_and_keeps_its_state(
    own: MainWindow, qtbot: QtBot, place: Place, made: tuple[RunFolder, RunFolder]
) -> None:
    parts = own.parts
    parts.form.choose("endurance")
    parts.menu.themes[ThemeChoice.DARK].trigger()
    parts.browser.runs.tick(frozenset({made[0].id}))
    parts.lower_tabs.setCurrentWidget(parts.log)
    assert current_theme() == Theme(dark=True)
    assert own.close()
    kept = read_settings(place.settings_file)
    assert kept.procedure == "endurance"
    assert kept.theme is ThemeChoice.DARK
    assert kept.ticked == (made[0].id,)
    again = open_window(place, settings=kept)
    assert again.parts.form.procedure == "endurance"
    assert again.parts.lower_tabs.currentWidget() is again.parts.log
    assert current_theme() == Theme(dark=True)
    wait(qtbot, lambda: again.shown.runs == (made[0].id,))
    again.parts.menu.themes[ThemeChoice.LIGHT].trigger()
    assert current_theme() == Theme(dark=False)
    close(again)


def test_settings_of_another_version_open_a_window(qtbot: QtBot, place: Place) -> None:
    strange = Settings(
        geometry="AAAA", splitters={"main": "????"}, tabs={"lower": 99}, procedure="no such"
    )
    window = open_window(place, settings=strange)
    assert window.parts.form.procedure == "checkerboard"
    close(window)


def closing_question(window: MainWindow) -> ClosingQuestion:
    assert not window.close()
    (question,) = (each for each in window.findChildren(ClosingQuestion) if each.isVisible())
    return question


def test_closing_during_a_run_asks_and_cancel_changes_nothing(
    window: MainWindow,
    qtbot: QtBot,
    children: list[FakeChild],
    stops: list[tuple[str, Stop]],
    tmp_path: Path,
) -> None:
    start(window, qtbot)
    children[0].opened.emit(tmp_path / "20261122-120000-checkerboard")
    question = closing_question(window)
    assert "20261122-120000-checkerboard" in question.text()
    press(question.stay)
    assert window.isVisible()
    assert stops == []


def test_closing_can_leave_the_run_to_go_on(
    own: MainWindow,
    qtbot: QtBot,
    children: list[FakeChild],
    stops: list[tuple[str, Stop]],
    tmp_path: Path,
) -> None:
    start(own, qtbot)
    children[0].opened.emit(tmp_path / "20261122-120000-checkerboard")
    press(closing_question(own).leave)
    assert not own.isVisible()
    assert stops == []


def test_closing_can_stop_the_run_and_waits_until_it_has_ended(
    own: MainWindow,
    qtbot: QtBot,
    children: list[FakeChild],
    stops: list[tuple[str, Stop]],
    tmp_path: Path,
) -> None:
    start(own, qtbot)
    children[0].opened.emit(tmp_path / "20261122-120000-checkerboard")
    press(closing_question(own).stop)
    wait(qtbot, lambda: stops)
    assert stops == [("20261122-120000-checkerboard", Stop.WITHIN_STEP)]
    assert own.isVisible()
    children[0].ended.emit(1, "the run aborted: stopped by the user within step 3")
    assert not own.isVisible()


def test_closing_again_asks_once(
    window: MainWindow, qtbot: QtBot, children: list[FakeChild], tmp_path: Path
) -> None:
    start(window, qtbot)
    children[0].opened.emit(tmp_path / "20261122-120000-checkerboard")
    question = closing_question(window)
    assert closing_question(window) is question
    press(question.stay)


def test_closing_stops_the_run_of_the_window_alone(
    window: MainWindow, qtbot: QtBot, two: str, stops: list[tuple[str, Stop]]
) -> None:
    press(closing_question(window).stop)
    wait(qtbot, lambda: stops)
    assert stops == [(OWN, Stop.WITHIN_STEP)]
    window._leaving = Leaving.STAY


def queue_a_line(window: MainWindow) -> None:
    window.parts.queue.queue.add("read", ["run", "read"])


def test_closing_during_a_run_tells_of_the_lines_that_wait(
    window: MainWindow, qtbot: QtBot, children: list[FakeChild]
) -> None:
    start(window, qtbot)
    queue_a_line(window)
    queue_a_line(window)
    question = closing_question(window)
    assert "2 lines wait in the queue" in question.text()
    press(question.stay)


def test_lines_that_wait_are_not_lost_without_a_word(own: MainWindow) -> None:
    queue_a_line(own)
    question = closing_question(own)
    assert question.text() == "1 line waits in the queue: closing loses what waits."
    assert not question.stop.isVisible()
    press(question.stay)
    assert own.isVisible()
    assert len(own.parts.queue.queue.lines) == 1
    question = closing_question(own)
    press(question.leave)
    assert not own.isVisible()


def test_the_page_of_keys_is_gone_when_it_is_closed(window: MainWindow, qtbot: QtBot) -> None:
    page = window.parts.menu.show_keys()
    with qtbot.waitSignal(page.destroyed):
        page.close()


def letters_of(window: MainWindow) -> dict[str, list[str]]:
    """What Alt and a letter goes to now: buttons, labels of fields, tabs."""
    found: dict[str, list[str]] = {}

    def add(name: str, text: str) -> None:
        letter = text.replace("&&", "").partition("&")[2][:1].lower()
        if letter:
            found.setdefault(letter, []).append(name)

    for widget in window.parts.findChildren(QWidget):
        if isinstance(widget, QAbstractButton | QLabel) and widget.isVisible():
            add(widget.objectName() or widget.text(), widget.text())
        elif isinstance(widget, QTabWidget) and widget.isVisible():
            for index in range(widget.count()):
                if widget.isTabVisible(index):
                    add(widget.tabText(index), widget.tabText(index))
    return found


@pytest.mark.parametrize("lower", range(3))
def test_no_two_controls_share_a_letter(window: MainWindow, lower: int) -> None:
    """On any page, also while the window asks something."""
    parts = window.parts
    parts.lower_tabs.setCurrentIndex(lower)
    press(parts.controls.start_button)
    for asked in range(parts.asked.count()):
        parts.asked.setCurrentIndex(asked)
        for plot in range(parts.plots.count()):
            parts.plots.setTabVisible(plot, True)
            parts.plots.setCurrentIndex(plot)
            shared = {k: names for k, names in letters_of(window).items() if len(names) > 1}
            if parts.plots.widget(plot) is parts.die:
                # Alt and the letter goes from one map to the other.
                assert set(shared) == {"y", "k"}
            else:
                assert shared == {}, parts.plots.tabText(plot)
    parts.asked.setCurrentIndex(0)
    parts.fit_plots("checkerboard")
    press(parts.controls.no_button)


def test_every_control_has_a_name_for_those_who_hear_it(window: MainWindow) -> None:
    kinds = (QAbstractButton, QComboBox, QLineEdit, QTableView)
    nameless = [
        f"{type(widget).__name__} in {widget.parentWidget().objectName()}"
        for widget in window.parts.findChildren(QWidget)
        if isinstance(widget, kinds)
        and not isinstance(widget.parentWidget(), QComboBox | QLineEdit | QTableView)
        and not widget.objectName().startswith("qt_")
        and not widget.accessibleName()
        and not (isinstance(widget, QAbstractButton) and widget.text())
        and not widget.objectName().startswith("Scroll")
    ]
    assert nameless == []


def test_it_fits_the_smallest_screen(window: MainWindow, qapp: QApplication) -> None:
    assert window.minimumSizeHint().width() <= 1280
    assert window.minimumSizeHint().height() <= 770
