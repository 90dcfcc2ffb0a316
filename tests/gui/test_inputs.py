"""Fields as a person fills them: by keys, with what is wrong beside them."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from pathlib import Path

import pytest
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QFileDialog, QGridLayout, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from gui import inputs
from gui.inputs import ChoiceInput, Field, FileInput
from gui.run_options import RunOptions
from procedures import PROCEDURES, load_procedure
from procedures.base import in_declared_order

Show = Callable[[str, str], Field]


@pytest.fixture
def shown(qtbot: QtBot) -> Show:
    """Shows the field of a parameter in a window of its own."""
    windows = []

    def show(procedure: str, name: str) -> Field:
        window = QWidget()
        windows.append(window)
        qtbot.addWidget(window)
        field = Field(name, in_declared_order(load_procedure(procedure))[name], parent=window)
        field.add_to(QGridLayout(window))
        window.show()
        return field

    return show


def type_into(field: Field, text: str) -> None:
    if text.isascii():
        QTest.keyClicks(field.editor, text)
    else:
        # QTest has no keys for these.
        field.editor.insert(text)


def test_a_quantity_is_typed_with_its_unit(qtbot: QtBot, shown: Show) -> None:
    field = shown("checkerboard", "set_compliance")
    assert field.editor.placeholderText() == "55uA"
    assert field.range.text() == "20 µA to 200 µA"
    with qtbot.waitSignal(field.changed):
        type_into(field, "0.1 mA")
    assert (field.typed, field.wrong) == ("0.1 mA", "")
    assert not field.problem.isVisible()


@pytest.mark.parametrize(
    ("procedure", "name", "typed", "said"),
    [
        (
            *("checkerboard", "set_compliance", "500uA"),
            "SET compliance 500uA is not allowed: 20uA to 200uA",
        ),
        (
            *("checkerboard", "pulse_width", "1V"),
            "Pulse width '1V' is not a quantity in s; type for example 1us",
        ),
        (
            *("checkerboard", "reset_voltage", "9**9**9"),
            "RESET voltage '9**9**9' is not a quantity in V; type for example 2.5V",
        ),
        (
            *("checkerboard", "reset_voltage", "9⁹⁹⁹⁹⁹⁹⁹⁹ V"),
            "RESET voltage '9⁹⁹⁹⁹⁹⁹⁹⁹ V' is not a quantity in V; type for example 2.5V",
        ),
        (
            *("endurance", "pair_row", "32"),
            "Pair row 32 is not allowed: a whole number, -1 to 31",
        ),
        (
            *("conditions", "reset_voltages", "1V,9V"),
            "9V is not allowed: 1V to 3.3V",
        ),
        ("endurance", "stop_at_ber", "2", "Stop at BER 2 is not allowed: 0 to 1"),
    ],
)
def test_what_is_wrong_is_said_at_once(
    shown: Show, procedure: str, name: str, typed: str, said: str
) -> None:
    field = shown(procedure, name)
    type_into(field, typed)
    assert field.problem.isVisible()
    assert field.problem.text().startswith(f"⚠ {field.parameter.name}")
    assert field.problem.text().endswith(said)
    assert field.typed == typed
    field.fill("")
    assert not field.problem.isVisible()
    assert field.typed == ""


def test_what_equals_the_default_is_not_on_the_command_line(shown: Show) -> None:
    field = shown("endurance", "cycles")
    type_into(field, "700000000")
    assert (field.text, field.typed) == ("700000000", "")


def test_a_quantity_equals_its_default_whatever_its_prefix(shown: Show) -> None:
    field = shown("endurance", "set_compliance")
    for text in ("200uA", "0.2 mA", "2e-4"):
        field.fill(text)
        assert (field.text, field.typed) == (text, "")
    field = shown("conditions", "set_compliances")
    field.fill("28uA, 55uA,0.11mA,200uA")
    assert field.typed == ""
    field.fill("28uA,55uA,110uA")
    assert field.typed == "28uA,55uA,110uA"


def test_a_choice_differs_from_its_default_or_is_not_given(qtbot: QtBot, shown: Show) -> None:
    field = shown("endurance", "mode")
    assert isinstance(field.editor, ChoiceInput)
    assert field.typed == ""
    with qtbot.waitSignal(field.changed):
        QTest.keyClick(field.editor, Qt.Key.Key_Down)
    assert field.typed == "every-cycle"
    field.fill("no such mode")
    assert field.typed == "every-cycle"
    field.fill("")
    assert field.typed == ""


def test_the_wheel_changes_no_choice(shown: Show) -> None:
    """Who scrolls through the form must not change what is sent to devices."""
    field = shown("endurance", "mode")
    event = QWheelEvent(
        QPointF(5, 5),
        QPointF(5, 5),
        QPoint(),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(field.editor, event)
    assert field.typed == ""
    assert not event.isAccepted()


def test_a_file_is_typed_or_chosen_in_a_dialog_that_blocks_nothing(
    shown: Show, tmp_path: Path
) -> None:
    field = shown("checkerboard", "compliance_table")
    assert isinstance(field.editor, FileInput)
    chosen = tmp_path / "my table.toml"
    chosen.touch()
    button = field.editor.findChild(QToolButton)
    assert button is not None
    button.click()
    dialog = field.editor.findChild(QFileDialog)
    assert dialog is not None
    assert not dialog.isModal()
    dialog.fileSelected.emit(str(chosen))
    dialog.close()
    assert field.typed == str(chosen)


def test_a_problem_of_the_plan_stands_beside_the_field_until_it_is_gone(shown: Show) -> None:
    field = shown("endurance", "cycles")
    type_into(field, "777")
    field.show_planned_problem("Cycles 777 is odd: cycles come in pairs, bit 0 and bit 1")
    assert field.problem.isVisible()
    assert "is odd" in field.problem.text()
    field.show_planned_problem("")
    assert not field.problem.isVisible()


@pytest.mark.parametrize("procedure", PROCEDURES)
def test_every_parameter_has_a_field_that_a_person_can_name_and_reach(
    qtbot: QtBot, procedure: str
) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    for name, parameter in in_declared_order(load_procedure(procedure)).items():
        field = Field(name, parameter, parent=window)
        assert field.editor.objectName() == name
        assert field.editor.accessibleName() == parameter.name
        assert field.flag in field.editor.toolTip()
        reached = field.editor.focusProxy() or field.editor
        assert reached.focusPolicy() & Qt.FocusPolicy.TabFocus
        assert (field.typed, field.wrong) == ("", "")
        field.editor.setParent(window)


def test_run_options_refuse_what_the_command_refuses(qtbot: QtBot) -> None:
    options = RunOptions()
    qtbot.addWidget(options)
    options.fill({"seed": "-1", "temperature": "hot", "max_cycles_per_device": "0"})
    assert options.problems() == {
        "seed": "Seed -1 is not allowed: a whole number, 0 to 9223372036854775807",
        "temperature": "Temperature hot is not allowed: a number, -273.15 to 400 °C",
        "max_cycles_per_device": "Most cycles 0 is not allowed: a whole number, 1 to 1e+12",
    }


def test_a_problem_of_a_hidden_option_is_seen_beside_its_field(qtbot: QtBot) -> None:
    options = RunOptions()
    qtbot.addWidget(options)
    options.show()
    options.show_problem("the wear budget is 10 cycles a device", "max_cycles_per_device")
    field = options.fields["max_cycles_per_device"]
    assert field.problem.isVisible()
    assert field.problem.text() == "⚠ the wear budget is 10 cycles a device"
    assert options.is_marked
    options.show_problem("give another name with --die")
    assert not field.problem.isVisible()
    assert options.fields["die"].problem.isVisible()
    options.show_problem("2 V on pad SL is not allowed")
    assert not options.is_marked


def test_more_options_are_shown_and_hidden_by_a_click(qtbot: QtBot) -> None:
    options = RunOptions()
    qtbot.addWidget(options)
    options.show()
    for shown in (True, False):
        QTest.mouseClick(options.more, Qt.MouseButton.LeftButton)
        assert options.fields["seed"].editor.isVisible() is shown


def test_options_that_are_filled_are_seen(qtbot: QtBot) -> None:
    options = RunOptions()
    qtbot.addWidget(options)
    options.show()
    assert not options.fields["seed"].editor.isVisible()
    options.fill({"die": "lab3", "seed": "7"})
    assert options.fields["seed"].editor.isVisible()
    assert options.options() == {"die": "lab3", "seed": "7"}


def test_examples() -> None:
    assert doctest.testmod(inputs).failed == 0
