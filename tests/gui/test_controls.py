"""The buttons: what is possible when, what asks first, and what always works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QLineEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

from gui.controls import Resumable, RunControls, RunState
from gui.inputs import FileInput
from gui.planner import PlanResult, Question, answer
from gui.theme import Mark

BUTTONS = ("start", "queue", "copy", "pause", "stop", "resume", "emergency")


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> PlanResult:
    runs = tmp_path_factory.mktemp("runs")
    return answer(Question("endurance", {"cycles": "1e4"}, die="lab3", runs=runs))


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> PlanResult:
    return answer(Question("read", {}, die="lab3", runs=tmp_path_factory.mktemp("runs")))


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    window = QWidget()
    window.resize(1280, 200)
    qtbot.addWidget(window)
    QVBoxLayout(window)
    return window


@pytest.fixture
def controls(qtbot: QtBot, window: QWidget) -> RunControls:
    controls = RunControls()
    layout = window.layout()
    assert layout is not None
    layout.addWidget(controls)
    window.show()
    window.activateWindow()
    qtbot.waitExposed(window)
    return controls


@pytest.fixture
def told(controls: RunControls) -> list[str]:
    """Names of the signals, as they come."""
    told: list[str] = []

    def note(name: str) -> Callable[[], None]:
        return lambda: told.append(name)

    for name in BUTTONS:
        getattr(controls, name).connect(note(name))
    return told


def button(controls: RunControls, name: str) -> QPushButton:
    found = controls.findChild(QPushButton, name)
    assert found is not None
    return found


def enabled(controls: RunControls) -> set[str]:
    return {name for name in BUTTONS if button(controls, name).isEnabled()}


def click(controls: RunControls, name: str) -> None:
    QTest.mouseClick(button(controls, name), Qt.MouseButton.LeftButton)


INTERRUPTED = Resumable("20261122-102233-endurance", "endurance", "SIMULATED", "simulated", "lab3")


def test_nothing_starts_without_a_plan(controls: RunControls, changing: PlanResult) -> None:
    assert enabled(controls) == {"emergency"}
    controls.set_plan(replace(changing, plan=None, problem="Cycles 777 is odd"))
    assert enabled(controls) == {"emergency"}
    controls.set_plan(changing)
    assert enabled(controls) == {"start", "queue", "copy", "emergency"}
    controls.set_plan(None)
    assert enabled(controls) == {"emergency"}


@pytest.mark.parametrize(
    ("state", "possible"),
    [
        (RunState.IDLE, {"start", "queue", "copy", "resume", "emergency"}),
        (RunState.STARTING, {"queue", "copy", "pause", "stop", "emergency"}),
        (RunState.RUNNING, {"queue", "copy", "pause", "stop", "emergency"}),
        (RunState.STOPPING, {"queue", "copy", "stop", "emergency"}),
        (RunState.ENDING, {"queue", "copy", "emergency"}),
    ],
)
def test_what_is_possible_when(
    controls: RunControls, changing: PlanResult, state: RunState, possible: set[str]
) -> None:
    controls.set_plan(changing)
    controls.set_resumable(INTERRUPTED)
    controls.set_state(state)
    assert enabled(controls) == possible


@pytest.mark.parametrize("state", RunState)
def test_the_emergency_stop_always_works(
    controls: RunControls, told: list[str], state: RunState
) -> None:
    controls.set_state(state)
    click(controls, "emergency")
    assert told == ["emergency"]


def test_what_changes_devices_looks_different(controls: RunControls) -> None:
    """By a symbol and in words, not by its colour alone; before there is a plan too."""
    start, queue = button(controls, "start"), button(controls, "queue")
    controls.set_procedure("checkerboard")
    assert start.text() == "▲ Start: changes devices"
    assert start.property("mark") == queue.property("mark") == Mark.DANGER
    assert "cannot be taken back" in start.toolTip()
    controls.set_procedure("read")
    assert start.text() == "○ Start: only reads"
    assert start.property("mark") == queue.property("mark") == Mark.CALM


def test_reading_starts_at_once(
    controls: RunControls, told: list[str], reading: PlanResult
) -> None:
    controls.set_plan(reading)
    click(controls, "start")
    assert told == ["start"]


@pytest.mark.parametrize("name", ["start", "queue"])
def test_what_changes_devices_asks_first(
    controls: RunControls, told: list[str], changing: PlanResult, name: str
) -> None:
    controls.set_plan(changing)
    click(controls, name)
    assert told == []
    assert controls.question.isVisible()
    said = controls.question_text.text()
    for part in ("die lab3", "SIMULATED", "5,001 SET", "3.3 V", "limit 3.6 V", "bench time about"):
        assert part in said
    assert controls.no_button.hasFocus()
    click(controls, "yes")
    assert told == [name]
    assert not controls.question.isVisible()


def test_cancel_sends_nothing(controls: RunControls, told: list[str], changing: PlanResult) -> None:
    controls.set_plan(changing)
    click(controls, "start")
    QTest.keyClick(controls.no_button, Qt.Key.Key_Space)
    assert not controls.question.isVisible()
    assert told == []


def test_a_change_of_the_form_withdraws_the_question(
    controls: RunControls, told: list[str], changing: PlanResult
) -> None:
    """Nobody agrees to one run and starts another."""
    controls.set_plan(changing)
    click(controls, "start")
    controls.set_plan(None)
    assert not controls.question.isVisible()
    controls.set_plan(changing)
    assert not controls.question.isVisible()
    assert told == []


def test_a_run_that_began_meanwhile_withdraws_the_question(
    controls: RunControls, told: list[str], changing: PlanResult
) -> None:
    """The queue's next line was quicker than the answer; to queue is still possible."""
    controls.set_plan(changing)
    click(controls, "start")
    controls.set_state(RunState.STARTING)
    assert not controls.question.isVisible()
    click(controls, "queue")
    controls.set_state(RunState.RUNNING)
    click(controls, "yes")
    assert told == ["queue"]


def test_it_asks_each_time_unless_told_not_to(
    controls: RunControls, told: list[str], changing: PlanResult
) -> None:
    controls.set_plan(changing)
    for _ in range(2):
        click(controls, "start")
        assert controls.question.isVisible()
        click(controls, "yes")
    click(controls, "start")
    controls.not_again.setChecked(True)
    click(controls, "yes")
    click(controls, "start")
    assert told == ["start"] * 4
    assert not controls.question.isVisible()


def agree_for_good(controls: RunControls, name: str) -> None:
    click(controls, name)
    controls.not_again.setFocus()
    QTest.keyClick(controls.not_again, Qt.Key.Key_Space)
    click(controls, "yes")


def planned(**conditions: str) -> PlanResult:
    result = answer(Question("checkerboard", conditions))
    assert result.plan is not None, result.problem
    return result


GENTLE = {"set_compliance": "55uA", "reset_voltage": "2.5V", "programmings": "2"}


@pytest.mark.parametrize("name", ["start", "queue"])
@pytest.mark.parametrize(
    ("conditions", "is_asked"),
    [
        (GENTLE, False),
        ({**GENTLE, "programmings": "1"}, False),
        ({**GENTLE, "reset_voltage": "2V"}, False),
        ({**GENTLE, "programmings": "3"}, True),
        ({**GENTLE, "reset_voltage": "3V"}, True),
        ({**GENTLE, "set_compliance": "200uA"}, True),
        ({**GENTLE, "programmings": "1", "reset_voltage": "3V"}, True),
        ({**GENTLE, "programmings": "1", "set_compliance": "200uA"}, True),
        ({**GENTLE, "programmings": "1", "pulse_width": "10us"}, True),
    ],
)
def test_an_agreement_reaches_as_far_as_what_was_agreed_to(
    controls: RunControls,
    told: list[str],
    conditions: dict[str, str],
    name: str,
    is_asked: bool,
) -> None:
    controls.set_plan(planned(**GENTLE))
    agree_for_good(controls, "start")
    controls.set_plan(planned(**conditions))
    click(controls, name)
    assert controls.question.isVisible() == is_asked
    assert told == ["start"] if is_asked else ["start", name]


def test_two_agreements_do_not_add_up_to_a_third(controls: RunControls, told: list[str]) -> None:
    for one in ({"programmings": "9"}, {"reset_voltage": "3V"}):
        controls.set_plan(planned(**{**GENTLE, **one}))
        agree_for_good(controls, "start")
    controls.set_plan(planned(**{**GENTLE, "programmings": "9", "reset_voltage": "3V"}))
    click(controls, "start")
    assert controls.question.isVisible()
    assert told == ["start", "start"]


def test_to_go_on_with_a_run_is_agreed_to_for_that_run_alone(
    controls: RunControls, told: list[str]
) -> None:
    controls.set_resumable(INTERRUPTED)
    agree_for_good(controls, "resume")
    click(controls, "resume")
    assert told == ["resume", "resume"]
    controls.set_resumable(replace(INTERRUPTED, run="20261122-112233-endurance"))
    click(controls, "resume")
    assert controls.question.isVisible()
    assert told == ["resume", "resume"]


def test_the_same_plan_again_leaves_the_question_and_another_withdraws_it(
    controls: RunControls, changing: PlanResult
) -> None:
    """The wear in the ledger has changed; then the budget no longer allows the run."""
    controls.set_plan(changing)
    click(controls, "start")
    assert changing.plan is not None
    worn = replace(changing.plan, booked_per_device={"set": 5000})
    controls.set_plan(replace(changing, plan=worn))
    assert controls.question.isVisible()
    controls.set_plan(replace(changing, plan=None, problem="the wear budget is 5,500 cycles"))
    assert not controls.question.isVisible()


@pytest.mark.parametrize(
    "other",
    [
        {"question": Question("endurance", {}, die="lab4")},
        {"question": Question("program", {}, die="lab3")},
        {"bench": "real"},
        {"simulated": False},
    ],
)
def test_another_die_procedure_or_bench_is_asked_about_again(
    controls: RunControls, told: list[str], changing: PlanResult, other: dict[str, object]
) -> None:
    controls.set_plan(changing)
    click(controls, "start")
    controls.not_again.setChecked(True)
    click(controls, "yes")
    controls.set_plan(replace(changing, **other))  # type: ignore[arg-type]
    click(controls, "start")
    assert controls.question.isVisible()
    assert told == ["start"]


def test_resume_asks_too(controls: RunControls, told: list[str]) -> None:
    controls.set_resumable(INTERRUPTED)
    assert button(controls, "resume").text() == "▲ &Resume"
    click(controls, "resume")
    assert told == []
    assert INTERRUPTED.run in controls.question_text.text()
    assert "on the SIMULATED bench 'simulated'" in controls.question_text.text()
    click(controls, "yes")
    assert told == ["resume"]


def test_another_run_in_the_list_withdraws_only_the_question_about_one(
    controls: RunControls, told: list[str], changing: PlanResult
) -> None:
    controls.set_plan(changing)
    controls.set_resumable(INTERRUPTED)
    click(controls, "resume")
    controls.set_resumable(None)
    assert not controls.question.isVisible()
    click(controls, "start")
    controls.set_resumable(INTERRUPTED)
    click(controls, "yes")
    assert told == ["start"]


def test_a_reading_run_is_resumed_at_once(controls: RunControls, told: list[str]) -> None:
    controls.set_resumable(replace(INTERRUPTED, procedure="read"))
    assert button(controls, "resume").text() == "&Resume"
    click(controls, "resume")
    assert told == ["resume"]


def test_stop_buttons_say_what_they_leave(controls: RunControls) -> None:
    for name in ("pause", "stop", "emergency"):
        tip = button(controls, name).toolTip()
        assert "0 V" in tip
        assert "Resume" in tip


# --- keys ----------------------------------------------------------------------------------------


def test_ctrl_return_starts(
    qtbot: QtBot, controls: RunControls, window: QWidget, told: list[str], reading: PlanResult
) -> None:
    QTest.keyClick(window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert told == []
    controls.set_plan(reading)
    QTest.keyClick(window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: told == ["start"])


@pytest.mark.parametrize("kind", [QLineEdit, QComboBox, QPushButton])
def test_esc_stops_whatever_has_the_keyboard(
    controls: RunControls, window: QWidget, told: list[str], kind: type[QWidget]
) -> None:
    other = kind()
    layout = window.layout()
    assert layout is not None
    layout.addWidget(other)
    other.show()
    other.setFocus()
    QTest.keyClick(other, Qt.Key.Key_Escape)
    assert told == ["emergency"]


def test_esc_stops_from_another_window_of_the_program(
    qtbot: QtBot, controls: RunControls, told: list[str]
) -> None:
    other = QWidget()
    field = QLineEdit(other)
    qtbot.addWidget(other)
    other.show()
    other.activateWindow()
    field.setFocus()
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert told == ["emergency"]


def test_without_a_run_an_open_list_takes_the_first_esc(
    qtbot: QtBot, controls: RunControls, window: QWidget, told: list[str]
) -> None:
    """With a run to stop: tests/gui/test_emergency_key.py."""
    box = QComboBox()
    box.addItems(["a", "b"])
    layout = window.layout()
    assert layout is not None
    layout.addWidget(box)
    box.showPopup()
    view = box.view()
    assert view is not None
    qtbot.waitUntil(view.isVisible)
    QTest.keyClick(view, Qt.Key.Key_Escape)
    assert told == []
    assert not view.isVisible()
    QTest.keyClick(box, Qt.Key.Key_Escape)
    assert told == ["emergency"]


@pytest.mark.parametrize("state", [s for s in RunState if s is not RunState.IDLE])
def test_with_a_run_to_stop_esc_closes_the_list_and_stops(
    qtbot: QtBot, controls: RunControls, window: QWidget, told: list[str], state: RunState
) -> None:
    controls.set_state(state)
    box = QComboBox()
    box.addItems(["a", "b"])
    layout = window.layout()
    assert layout is not None
    layout.addWidget(box)
    box.showPopup()
    view = box.view()
    assert view is not None
    qtbot.waitUntil(view.isVisible)
    QTest.keyClick(view, Qt.Key.Key_Escape)
    assert told == ["emergency"]
    assert not view.isVisible()


def test_esc_stops_while_a_file_is_being_chosen(
    qtbot: QtBot, controls: RunControls, window: QWidget, told: list[str]
) -> None:
    chooser = FileInput("file")
    layout = window.layout()
    assert layout is not None
    layout.addWidget(chooser)
    open_it = chooser.findChild(QToolButton)
    assert open_it is not None
    open_it.click()
    dialog = chooser.findChild(QFileDialog)
    assert dialog is not None
    qtbot.waitUntil(dialog.isVisible)
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert told == ["emergency"]
    click(controls, "emergency")
    assert told == ["emergency"] * 2
    dialog.close()


def test_esc_stops_while_a_question_is_open(
    controls: RunControls, told: list[str], changing: PlanResult
) -> None:
    controls.set_plan(changing)
    click(controls, "queue")
    QTest.keyClick(controls.no_button, Qt.Key.Key_Escape)
    assert told == ["emergency"]


def test_every_button_is_reached_with_the_keyboard(controls: RunControls) -> None:
    for name in (*BUTTONS, "yes", "no"):
        assert button(controls, name).focusPolicy() & Qt.FocusPolicy.TabFocus
        assert button(controls, name).toolTip()


def test_the_row_fits_a_window_of_1280_pixels(controls: RunControls, changing: PlanResult) -> None:
    controls.set_plan(changing)
    controls.set_resumable(INTERRUPTED)
    assert controls.minimumSizeHint().width() <= 1280
