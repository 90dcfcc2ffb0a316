"""The queue of command lines."""

from __future__ import annotations

import pytest
from PyQt6.QtCore import QModelIndex, Qt
from PyQt6.QtTest import QAbstractItemModelTester, QTest
from PyQt6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from gui.command_line import arguments
from gui.pending import Line, Pending, PendingRuns
from gui.theme import Mark


@pytest.fixture
def runs(qtbot: QtBot) -> PendingRuns:
    runs = PendingRuns()
    qtbot.addWidget(runs)
    runs.show()
    # Qt's own checks of what a model tells its views.
    runs.tester = QAbstractItemModelTester(runs.queue)  # type: ignore[attr-defined]
    return runs


@pytest.fixture
def queue(runs: PendingRuns) -> Pending:
    return runs.queue


@pytest.fixture
def due(queue: Pending) -> list[Line]:
    due: list[Line] = []
    queue.due.connect(due.append)
    return due


def add(queue: Pending, *cycles: str) -> None:
    for each in cycles:
        queue.add("endurance", arguments("endurance", {"cycles": each}, {}))


def cycles(queue: Pending) -> list[str]:
    return [line.arguments[-1] for line in queue.lines]


def press(runs: PendingRuns, name: str) -> None:
    found = runs.findChild(QPushButton, name)
    assert found is not None
    QTest.mouseClick(found, Qt.MouseButton.LeftButton)


def select(runs: PendingRuns, row: int) -> None:
    runs.list.setCurrentIndex(runs.queue.index(row))


def test_lines_are_shown_as_they_would_be_typed(runs: PendingRuns, queue: Pending) -> None:
    add(queue, "1e4")
    queue.add("read", ["run", "read"])
    shown = [queue.data(queue.index(row)) for row in range(queue.rowCount())]
    assert shown == ["▲ labctl run endurance --cycles 1e4", "○ labctl run read"]
    assert queue.data(queue.index(0), Qt.ItemDataRole.ToolTipRole) == shown[0]
    assert queue.data(QModelIndex()) is None
    assert queue.rowCount(queue.index(0)) == 0


def test_the_button_says_what_the_next_line_does(runs: PendingRuns, queue: Pending) -> None:
    queue.add("read", ["run", "read"])
    add(queue, "2000")
    assert runs.begin_button.text() == "&Begin next"
    assert runs.begin_button.property("mark") == Mark.CALM
    queue.move(1, 0)
    assert runs.begin_button.text() == "▲ &Begin next"
    assert runs.begin_button.property("mark") == Mark.DANGER


def test_the_next_begins_when_the_one_before_ended_well(queue: Pending, due: list[Line]) -> None:
    add(queue, "2000", "2002")
    assert due == []
    queue.ran(True, "success")
    assert [line.arguments[-1] for line in due] == ["2000"]
    queue.ran(True, "success")
    assert [line.arguments[-1] for line in due] == ["2000", "2002"]
    queue.ran(True, "success")
    assert len(due) == 2
    assert queue.lines == ()


def test_a_run_that_ends_badly_holds_the_queue(
    runs: PendingRuns, queue: Pending, due: list[Line]
) -> None:
    add(queue, "2000", "2002")
    queue.ran(False, "paused by the user after step 12")
    assert due == []
    assert runs.told.text() == "⚠ The queue is held: paused by the user after step 12"
    queue.ran(True, "another run, started by hand")
    assert due == []
    press(runs, "begin")
    assert [line.arguments[-1] for line in due] == ["2000"]
    assert queue.held == ""
    queue.ran(True, "success")
    assert [line.arguments[-1] for line in due] == ["2000", "2002"]


def test_an_empty_queue_is_not_held(runs: PendingRuns, queue: Pending, due: list[Line]) -> None:
    queue.ran(False, "failed")
    assert queue.held == ""
    add(queue, "2000")
    queue.ran(False, "failed")
    select(runs, 0)
    press(runs, "remove")
    assert (queue.held, queue.lines) == ("", ())
    assert runs.told.text() == "Nothing waits."


def test_lines_are_moved_and_removed(runs: PendingRuns, queue: Pending) -> None:
    add(queue, "2000", "2002", "2004")
    select(runs, 0)
    press(runs, "down")
    assert cycles(queue) == ["2002", "2000", "2004"]
    assert runs.list.currentIndex().row() == 1
    press(runs, "down")
    assert cycles(queue) == ["2002", "2004", "2000"]
    assert not runs.down_button.isEnabled()
    press(runs, "up")
    press(runs, "up")
    assert cycles(queue) == ["2000", "2002", "2004"]
    assert not runs.up_button.isEnabled()
    select(runs, 1)
    press(runs, "remove")
    assert cycles(queue) == ["2000", "2004"]


@pytest.mark.parametrize(
    ("index", "to", "order"),
    [(0, 2, "bca"), (2, 0, "cab"), (1, 1, "abc"), (0, 3, "abc"), (0, -1, "abc")],
)
def test_a_line_takes_the_place_that_it_is_given(
    queue: Pending, index: int, to: int, order: str
) -> None:
    add(queue, *"abc")
    queue.move(index, to)
    assert "".join(cycles(queue)) == order


def test_nothing_begins_by_hand_while_a_run_goes_on(runs: PendingRuns, queue: Pending) -> None:
    add(queue, "2000")
    assert runs.begin_button.isEnabled()
    runs.set_idle(False)
    assert not runs.begin_button.isEnabled()
    assert runs.told.text() == "The first line begins when the present run has ended well."
    runs.set_idle(True)
    assert runs.begin_button.isEnabled()
