"""The plan as a person sees it."""

from __future__ import annotations

import doctest
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtWidgets import QApplication, QTableWidget
from pytestqt.qtbot import QtBot

from gui import plan_view as module
from gui import theme
from gui.plan_view import PlanView, figures, wear
from gui.planner import PlanResult, Question, answer
from labctl.plan import Plan


@pytest.fixture
def view(qtbot: QtBot) -> PlanView:
    view = PlanView()
    qtbot.addWidget(view)
    view.resize(330, 260)
    view.show()
    return view


@pytest.fixture
def endurance(tmp_path: Path) -> PlanResult:
    asked = Question("endurance", {"cycles": "1e4"}, die="lab3", runs=tmp_path)
    return answer(asked)


def plan_of(result: PlanResult) -> Plan:
    assert result.plan is not None
    return result.plan


def texts(table: QTableWidget) -> list[list[str]]:
    """What stands in a table."""
    rows = []
    for row in range(table.rowCount()):
        items = [table.item(row, column) for column in range(table.columnCount())]
        rows.append([item.text() if item else "" for item in items])
    return rows


def test_pulses_time_and_steps_are_in_lines(view: PlanView, endurance: PlanResult) -> None:
    view.show_result(endurance)
    plan = plan_of(endurance)
    lines = {line[0]: line[1] for line in texts(view.figures)}
    assert lines["SET a device"] == f"at most {plan.pulses_per_device['set']:,}"
    assert lines["Steps"] == str(plan.steps)
    assert lines["Die"] == "lab3"
    assert view.headline.text() == plan.headline


def test_wear_is_told_before_and_after(endurance: PlanResult) -> None:
    plan = plan_of(endurance)
    most = plan.pulses_per_device["set"]
    worn = Plan(**{**vars(plan), "booked_per_device": {"set": 900, "sweep": 3}})
    assert dict(wear(worn)) == {
        "Wear, SET": f"900 now, at most {900 + most:,} after",
        "Wear, SWEEP": "3 now, at most 3 after",
        "Wear, FORM": "0 now, at most 1 after",
        "Wear, RESET": f"0 now, at most {plan.pulses_per_device['reset']:,} after",
    }
    assert wear(Plan(**{**vars(plan), "die": None})) == []


def test_a_procedure_that_changes_nothing_says_so(tmp_path: Path) -> None:
    plan = plan_of(answer(Question("read", {}, runs=tmp_path)))
    lines = dict(figures(plan))
    assert lines["Energy"] == "none in pulses"
    assert not any(label.startswith("SET") for label in lines)


def test_every_pad_is_drawn_within_its_limits(view: PlanView, endurance: PlanResult) -> None:
    view.show_result(endurance)
    shown = texts(view.pads)
    plan = plan_of(endurance)
    assert [line[0] for line in shown] == [pad.pad for pad in plan.pads]
    (sl,) = [line for line in shown if line[0] == "SL"]
    (pad,) = [pad for pad in plan.pads if pad.pad == "SL"]
    assert sl[1] == f"{pad.lowest_v:.4g} to {pad.highest_v:.4g}"
    assert sl[2].startswith(f"{pad.limit_high_v - pad.highest_v:.3g} V left")


def test_the_bar_is_as_long_as_the_voltage(view: PlanView, endurance: PlanResult) -> None:
    """Read off the picture: the share of the frame that is filled."""
    theme.apply(application(), theme.Theme(dark=False))
    view.show_result(endurance)
    view.tabs.setCurrentWidget(view.pads)
    view.resize(600, 500)
    QApplication.processEvents()
    filled = theme.current_theme().highlight.rgb()
    for row, pad in enumerate(plan_of(endurance).pads):
        item = view.pads.item(row, 2)
        viewport = view.pads.viewport()
        assert item is not None
        assert viewport is not None
        cell = view.pads.visualItemRect(item)
        picture = viewport.grab(cell).toImage()
        y = 3 + 4
        blue = sum(picture.pixel(x, y) == filled for x in range(picture.width()))
        bar = picture.width() - 8
        share = (pad.highest_v - pad.lowest_v) / (pad.limit_high_v - pad.limit_low_v)
        assert blue / bar == pytest.approx(share, abs=3 / bar), pad


def application() -> QApplication:
    found = QApplication.instance()
    assert isinstance(found, QApplication)
    return found


def test_waveforms_are_drawn_for_the_scheme_chosen(view: PlanView, endurance: PlanResult) -> None:
    view.show_result(endurance)
    waveforms = view.waveforms
    names = [waveforms.chooser.itemText(n) for n in range(waveforms.chooser.count())]
    assert names == [scheme.name for scheme in endurance.schemes]
    last = endurance.schemes[-1]
    waveforms.chooser.setCurrentText(last.name)
    curves = waveforms.plot.listDataItems()
    assert len(curves) == len(last.points)
    times, volts = curves[-1].getData()
    points = last.points["WL"]
    np.testing.assert_allclose(times / times[-1], points[:, 0] / points[-1, 0], atol=1e-12)
    # One lane: its height is the voltage, by the highest of all pads.
    highest = max(abs(each[:, 1]).max() for each in last.points.values())
    np.testing.assert_allclose(volts - volts[0], (points[:, 1] - points[0, 1]) / highest)
    assert "Time (" in waveforms.plot.getAxis("bottom").labelText


def test_the_scheme_chosen_stays_when_the_plan_changes(
    view: PlanView, endurance: PlanResult, tmp_path: Path
) -> None:
    view.show_result(endurance)
    name = endurance.schemes[2].name
    view.waveforms.chooser.setCurrentText(name)
    view.show_result(answer(Question("endurance", {"cycles": "2e4"}, runs=tmp_path)))
    assert view.waveforms.chooser.currentText() == name


def test_a_problem_leaves_nothing_of_an_older_plan(view: PlanView, endurance: PlanResult) -> None:
    view.show_result(endurance)
    view.show_result(PlanResult(endurance.question, problem="4 V on pad SL is not allowed"))
    assert view.headline.text() == "⚠ 4 V on pad SL is not allowed"
    assert not view.tabs.isEnabled()
    assert texts(view.figures) == texts(view.pads) == texts(view.needs) == []
    assert view.waveforms.chooser.count() == 0
    assert view.waveforms.plot.listDataItems() == []
    view.show_result(None)
    assert view.headline.text() == "no plan yet"


def test_it_says_whose_plan_it_is_and_that_the_next_one_is_being_worked_out(
    view: PlanView, endurance: PlanResult
) -> None:
    view.show_result(endurance)
    assert view.title.text() == "Plan of what the form says"
    view.show_planning()
    assert view.headline.text() == "planning …"
    assert not view.tabs.isEnabled()
    view.show_result(endurance)
    assert view.tabs.isEnabled()
    assert endurance.plan is not None
    assert view.headline.text() == endurance.plan.headline


def test_what_stands_beside_a_field_is_not_said_again(
    view: PlanView, endurance: PlanResult
) -> None:
    view.show_result(PlanResult(endurance.question, problem="Cycles 777 is odd"), "Parameters")
    assert view.headline.text() == "⚠ No plan: see what is marked under Parameters."
    view.show_result(None, "Options")
    assert view.headline.text() == "⚠ No plan: see what is marked under Options."


def test_another_theme_draws_the_waveforms_again(view: PlanView, endurance: PlanResult) -> None:
    theme.apply(application(), theme.Theme(dark=False))
    view.show_result(endurance)
    light = view.waveforms.plot.backgroundBrush().color()
    theme.apply(application(), theme.Theme(dark=True))
    QApplication.processEvents()
    dark = view.waveforms.plot.backgroundBrush().color()
    theme.apply(application(), theme.Theme(dark=False))
    assert light.lightness() > 200
    assert dark.lightness() < 60


def test_examples() -> None:
    assert doctest.testmod(module).failed == 0
