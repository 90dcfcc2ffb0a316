"""The log as a person reads it."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from gui.log_view import MOST_LINES, LogView

INFO = "2026-11-22 08:29:26,101 INFO labctl.session: step 1 begins: pattern A, programming 1"
DEBUG = "2026-11-22 08:29:26,102 DEBUG labctl.session: block 3: 40 set pulses, 55 µA"
ERROR = "2026-11-22 08:29:27,003 ERROR labctl.session: Traceback (most recent call last):"
TRACE = '  File "procedures/base.py", line 1, in measure'


@pytest.fixture
def log(qtbot: QtBot) -> LogView:
    view = LogView()
    qtbot.addWidget(view)
    view.resize(600, 200)
    view.show()
    return view


def shown(log: LogView) -> list[str]:
    return log.text.toPlainText().splitlines()


def test_lines_are_filtered_by_level_and_a_traceback_stays_whole(log: LogView) -> None:
    log.append([INFO, DEBUG, ERROR, TRACE])
    assert shown(log) == [INFO, DEBUG, ERROR, TRACE]
    log.level.setCurrentText("INFO and above")
    assert shown(log) == [INFO, ERROR, TRACE]
    log.level.setCurrentText("ERROR")
    assert shown(log) == [ERROR, TRACE]
    log.append([INFO, ERROR])
    assert shown(log) == [ERROR, TRACE, ERROR]


def test_lines_are_filtered_by_text_whatever_its_case(log: LogView) -> None:
    log.append([INFO, DEBUG])
    log.wanted.setText("PATTERN a")
    assert shown(log) == [INFO]
    log.append([DEBUG, INFO])
    assert shown(log) == [INFO, INFO]
    log.wanted.clear()
    assert shown(log) == [INFO, DEBUG, DEBUG, INFO]


def test_the_newest_lines_are_kept_up_to_a_bound(log: LogView) -> None:
    log.append(f"line {n}" for n in range(MOST_LINES + 50))
    assert len(shown(log)) == MOST_LINES
    assert shown(log)[0] == "line 50"
    log.wanted.setText("line")
    assert shown(log)[-1] == f"line {MOST_LINES + 49}"
    assert len(shown(log)) == MOST_LINES


def test_a_reader_at_the_end_follows_and_one_who_scrolled_back_stays(log: LogView) -> None:
    log.append(f"line {n}" for n in range(MOST_LINES))
    bar = log.text.verticalScrollBar()
    assert bar is not None
    assert bar.value() == bar.maximum()
    log.append(["newer"])
    assert bar.value() == bar.maximum()
    bar.setValue(bar.maximum() // 2)
    before = log.text.firstVisibleBlock().text()
    log.append(f"later {n}" for n in range(250))
    assert log.text.firstVisibleBlock().text() == before


def test_another_run_begins_with_an_empty_log(log: LogView) -> None:
    log.append([ERROR])
    log.clear()
    log.append([TRACE])
    assert shown(log) == [TRACE]
