"""The table of runs as a person uses it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PyQt6.QtCore import QModelIndex, Qt, QUrl
from PyQt6.QtGui import QDesktopServices
from PyQt6.QtWidgets import QInputDialog, QStyleOptionViewItem
from pytestqt.qtbot import QtBot

from gui.browser import COLUMNS, RunBrowser
from gui.run_list import RunLine


def line(run: str, **changes: object) -> RunLine:
    made = RunLine(
        run=run,
        path=Path("runs") / run,
        procedure="checkerboard",
        status="success",
        kind="SIMULATED",
        bench="simulated",
        die="lab3-d07",
        started="2026-11-22T08:29:26.870+00:00",
        ended="2026-11-22T08:29:56.870+00:00",
        headline="SET 55 µA, RESET 2.5 V, 1 µs",
        note="",
        has_report=True,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


NEW = line("20261122-090000-endurance", procedure="endurance", status="running", has_report=False)
CUT = line("20261122-082926-checkerboard", status="interrupted", note="probe card cleaned")
OLD = line("20261121-101010-forming", procedure="forming", status="failed", die="lab3-d08")
DONE = line("20261120-101010-contact", procedure="contact")


@pytest.fixture
def browser(qtbot: QtBot) -> RunBrowser:
    widget = RunBrowser()
    qtbot.addWidget(widget)
    widget.resize(1200, 220)
    widget.show()
    widget.show_lines((NEW, CUT, OLD, DONE))
    return widget


def cell(browser: RunBrowser, row: int, column: int) -> QModelIndex:
    model = browser.table.model()
    assert model is not None
    return model.index(row, column)


def texts(browser: RunBrowser, column: int) -> list[str]:
    model = browser.table.model()
    assert model is not None
    return [str(cell(browser, row, column).data()) for row in range(model.rowCount())]


def test_every_run_is_told_with_status_conditions_and_note(browser: RunBrowser) -> None:
    assert texts(browser, 0) == [NEW.run, CUT.run, OLD.run, DONE.run]
    assert texts(browser, 1) == ["▶ running", "! interrupted", "✗ failed", "✓ success"]
    assert texts(browser, 3)[0] == "SET 55 µA, RESET 2.5 V, 1 µs"
    assert texts(browser, 7)[1] == "probe card cleaned"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("CLEANED", [CUT]),
        ("lab3-d08", [OLD]),
        ("endurance", [NEW]),
        ("55 µA", [NEW, CUT, OLD, DONE]),
    ],
)
def test_the_filter_looks_into_every_column(
    browser: RunBrowser, text: str, left: list[RunLine]
) -> None:
    browser.wanted.setText(text)
    assert texts(browser, 0) == [run.run for run in left]


def test_a_tick_with_the_mouse_overlays_a_run(browser: RunBrowser, qtbot: QtBot) -> None:
    box = browser.table.visualRect(cell(browser, 2, 0))
    viewport = browser.table.viewport()
    assert viewport is not None
    where = box.topLeft()
    where.setX(where.x() + 10)
    where.setY(box.center().y())
    with qtbot.waitSignal(browser.ticked) as told:
        qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=where)
    assert told.args == [frozenset({OLD.run})]
    with qtbot.waitSignal(browser.ticked) as told:
        qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=where)
    assert told.args == [frozenset()]


def test_the_space_bar_ticks_and_enter_looks_at_a_run(browser: RunBrowser, qtbot: QtBot) -> None:
    browser.choose(CUT.run)
    browser.table.setFocus()
    with qtbot.waitSignal(browser.ticked) as told:
        qtbot.keyClick(browser.table, Qt.Key.Key_Space)
    assert told.args == [frozenset({CUT.run})]
    with qtbot.waitSignal(browser.followed) as told:
        qtbot.keyClick(browser.table, Qt.Key.Key_Return)
    assert told.args == [CUT]


def test_a_double_click_looks_at_a_run(browser: RunBrowser, qtbot: QtBot) -> None:
    viewport = browser.table.viewport()
    where = browser.table.visualRect(cell(browser, 3, 2)).center()
    assert viewport is not None
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=where)
    with qtbot.waitSignal(browser.followed) as told:
        qtbot.mouseDClick(viewport, Qt.MouseButton.LeftButton, pos=where)
    assert told.args == [DONE]


@pytest.mark.parametrize(("run", "report"), [(NEW, False), (CUT, True)])
def test_only_what_is_possible_is_offered(
    browser: RunBrowser, qtbot: QtBot, run: RunLine, report: bool
) -> None:
    assert not browser.look.isEnabled()
    with qtbot.waitSignal(browser.chosen_changed):
        browser.choose(run.run)
    assert browser.look.isEnabled()
    assert browser.add_note.isEnabled()
    assert browser.open.isEnabled() is report


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (NEW, "goes on: its report is written when it has ended"),
        (replace(OLD, has_report=False), f"labctl report {OLD.run} writes it"),
        (DONE, "Open the run's report in the web browser"),
    ],
)
def test_open_report_says_why_it_cannot(browser: RunBrowser, run: RunLine, said: str) -> None:
    browser.show_lines((run,))
    assert browser.open.toolTip().endswith("choose a run first.")
    browser.choose(run.run)
    assert said in browser.open.toolTip()
    assert browser.open.isEnabled() == run.has_report


@pytest.mark.parametrize("width", [960, 1580])
def test_what_tells_a_run_in_front_from_another_fits_in_bold(
    browser: RunBrowser, width: int
) -> None:
    """All but conditions and notes, which may be of any length."""
    browser.resize(width, 220)
    browser.bring_to_front(CUT.run)
    for column, heading in enumerate(heading for heading, _ in COLUMNS):
        if heading in ("Conditions", "Note"):
            continue
        index = cell(browser, 1, column)
        option = QStyleOptionViewItem()
        browser.table.initViewItemOption(option)
        needed = browser.table.itemDelegateForIndex(index).sizeHint(option, index).width()
        assert needed <= browser.table.columnWidth(column), heading


def test_the_chosen_run_stays_chosen_when_runs_come_and_change(browser: RunBrowser) -> None:
    browser.choose(CUT.run)
    newer = line("20261122-093000-read", procedure="read")
    browser.show_lines((newer, NEW, CUT, OLD, DONE))
    assert browser.chosen == CUT
    browser.show_lines((newer, NEW, replace(CUT, status="success"), OLD, DONE))
    assert browser.chosen == replace(CUT, status="success")
    browser.show_lines(())
    assert browser.chosen is None
    assert not browser.look.isEnabled()


def dialog_of(browser: RunBrowser) -> QInputDialog:
    browser.add_note.click()
    dialog = browser.findChild(QInputDialog, "note")
    assert dialog is not None
    return dialog


def test_a_note_is_asked_for_and_an_empty_one_is_none(browser: RunBrowser, qtbot: QtBot) -> None:
    browser.choose(CUT.run)
    dialog = dialog_of(browser)
    dialog.setTextValue(" dropped the wafer ")
    with qtbot.waitSignal(browser.noted) as told:
        dialog.accept()
    assert told.args == [CUT, "dropped the wafer"]
    with qtbot.assertNotEmitted(browser.noted):
        dialog = dialog_of(browser)
        dialog.setTextValue("   ")
        dialog.accept()
        dialog = dialog_of(browser)
        dialog.setTextValue("never mind")
        dialog.reject()


def test_the_report_opens_in_the_web_browser(
    browser: RunBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    browser.choose(DONE.run)
    browser.open.click()
    assert [Path(url.toLocalFile()) for url in opened] == [(DONE.path / "report.html").absolute()]
