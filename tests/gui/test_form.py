"""The form of a procedure."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QInputDialog, QMenu
from pytestqt.qtbot import QtBot

from gui.form import ProcedureForm
from gui.inputs import named_field
from gui.planner import Question, answer
from gui.presets import Presets
from procedures import PROCEDURES, load_procedure
from procedures.base import in_declared_order


@pytest.fixture
def presets(tmp_path: Path) -> Presets:
    return Presets(tmp_path / "presets")


@pytest.fixture
def form(qtbot: QtBot, presets: Presets) -> ProcedureForm:
    form = ProcedureForm(presets)
    qtbot.addWidget(form)
    form.resize(330, 600)
    form.show()
    return form


def plan(form: ProcedureForm, tmp_path: Path) -> None:
    """What the planner would tell of the form as it is."""
    form.show_result(answer(Question(form.procedure, form.typed(), runs=tmp_path)))


def cells(rows: range, columns: range) -> frozenset[tuple[int, int]]:
    return frozenset((row, column) for row in rows for column in columns)


@pytest.mark.parametrize("procedure", PROCEDURES)
def test_fields_stand_in_the_order_of_the_command_line(form: ProcedureForm, procedure: str) -> None:
    form.choose(procedure)
    assert form.procedure == procedure
    assert list(form.fields) == list(in_declared_order(load_procedure(procedure)))
    assert all(field.editor.isVisibleTo(form) for field in form.fields.values())


def test_the_form_fits_its_column(form: ProcedureForm) -> None:
    """Nothing makes it wider than the 330 pixels that it has."""
    for procedure in PROCEDURES:
        form.choose(procedure)
        assert form.minimumSizeHint().width() <= 330
        page = next(iter(form.fields.values())).editor.parentWidget()
        assert page is not None
        assert page.minimumSizeHint().width() <= 330 - 20, procedure


def test_what_was_typed_is_kept_per_procedure(qtbot: QtBot, form: ProcedureForm) -> None:
    form.choose("endurance")
    with qtbot.waitSignal(form.changed):
        QTest.keyClicks(form.fields["cycles"].editor, "1e4")
    with qtbot.waitSignal(form.changed):
        form.choose("read")
    assert form.typed() == {}
    form.choose("endurance")
    assert form.typed() == {"cycles": "1e4"}


def test_problems_are_named_by_their_parameter(form: ProcedureForm) -> None:
    form.choose("endurance")
    form.fill({"cycles": "many", "set_compliance": "1A", "pairs": "4"})
    assert sorted(form.problems()) == ["cycles", "set_compliance"]
    form.fill({"pairs": "4"})
    assert form.problems() == {}
    assert form.typed() == {"pairs": "4"}


def test_the_chip_files_defaults_are_shown(form: ProcedureForm, tmp_path: Path) -> None:
    form.choose("checkerboard")
    assert form.fields["reference"].editor.placeholderText() == "from the chip file"
    plan(form, tmp_path)
    assert form.fields["reference"].editor.placeholderText() == "50kohm"


@pytest.mark.parametrize(
    ("procedure", "typed", "named"),
    [
        ("endurance", {"cycles": "777"}, "cycles"),
        ("endurance", {"pair_row": "3"}, "pair_row"),
        ("endurance", {"mode": "every-cycle"}, "mode"),
        ("compliance", {"gate_start": "1.5V", "gate_stop": "1V"}, "gate_stop"),
        ("iv", {"sweep": "forming", "cycles": "2"}, "cycles"),
        ("disturb", {"stress": "hold", "held_bits": "500"}, "held_bits"),
    ],
)
def test_a_problem_between_fields_stands_beside_the_field_that_it_names(
    form: ProcedureForm, tmp_path: Path, procedure: str, typed: dict[str, str], named: str
) -> None:
    form.choose(procedure)
    form.fill(typed)
    assert form.problems() == {}
    plan(form, tmp_path)
    assert [name for name, field in form.fields.items() if field.problem.text()] == [named]
    assert not form.problem.isVisible()
    form.fill({})
    form.fill({"cycles": "200"} if "window_cycles" in form.fields else {})
    plan(form, tmp_path)
    assert not any(field.problem.text() for field in form.fields.values())


def test_a_problem_that_names_no_field_marks_none(form: ProcedureForm, tmp_path: Path) -> None:
    """It stands above the plan."""
    form.choose("iv")
    form.fill({"region": "0:40,all"})
    plan(form, tmp_path)
    assert not form.is_marked
    assert not form.problem.isVisible()
    form.fill({"region": "none"})
    assert form.is_marked


def test_a_problem_of_the_plan_goes_when_a_field_is_wrong_by_itself(
    form: ProcedureForm, tmp_path: Path
) -> None:
    """Nothing is planned then that could take it back."""
    form.choose("endurance")
    form.fill({"cycles": "777"})
    plan(form, tmp_path)
    form.fields["pairs"].fill("none")
    assert [name for name, field in form.fields.items() if field.problem.text()] == ["pairs"]


def test_an_answer_about_another_procedure_is_left_out(form: ProcedureForm, tmp_path: Path) -> None:
    form.choose("read")
    form.show_result(answer(Question("endurance", {"cycles": "777"}, runs=tmp_path)))
    assert not form.is_marked


def test_a_problem_of_a_run_option_marks_no_parameter(form: ProcedureForm, tmp_path: Path) -> None:
    form.choose("read")
    form.show_result(answer(Question("read", {}, die="a/b", runs=tmp_path)))
    assert not form.is_marked


def test_an_option_in_a_sentence_names_its_field(form: ProcedureForm) -> None:
    form.choose("checkerboard")
    sentence = "the compliance table was simulated; give one with --compliance-table"
    assert named_field(sentence, form.fields) == "compliance_table"
    assert named_field("2 V on pad SL is not allowed", form.fields) is None


_WATCHED = ("open", "sqlite3.connect", "subprocess.Popen", "socket.connect", "import")


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """What the interface thread opens or imports from here on; a hook stays, but falls silent."""
    found: list[str] = []
    watches = True

    def note(event: str, arguments: tuple[object, ...]) -> None:
        here = threading.current_thread() is threading.main_thread()
        if watches and here and event in _WATCHED:
            found.append(f"{event} {arguments[0]}")

    sys.addaudithook(note)
    yield found
    watches = False


def test_the_form_opens_nothing_while_it_is_used(
    qtbot: QtBot, form: ProcedureForm, presets: Presets, opened: list[str]
) -> None:
    for procedure in PROCEDURES:
        form.choose(procedure)
        for field in form.fields.values():
            field.fill("1.5")
        form.typed()
        form.problems()
    menu_of(form)
    presets.save("read", "mine", {"repeats": "3"})
    qtbot.waitUntil(lambda: "mine" in presets.of("read"))
    assert opened == []


# --- cells ---------------------------------------------------------------------------------------


def test_a_rectangle_becomes_a_region(form: ProcedureForm, tmp_path: Path) -> None:
    form.choose("program")
    assert form.apply_to(cells(range(2, 8), range(5, 6))) is None
    assert form.typed() == {"region": "2:8,5"}
    plan(form, tmp_path)
    assert form.apply_to(cells(range(32), range(32))) is None
    assert form.typed() == {}


def test_what_is_no_rectangle_is_refused_in_a_sentence(form: ProcedureForm) -> None:
    form.choose("read")
    form.fill({"region": "5,7"})
    assert form.apply_to(frozenset({(0, 0), (1, 1)})) == (
        "The 2 selected cells are no rectangle; a region is rows and columns."
    )
    assert form.apply_to(frozenset()) == "No cell is selected."
    assert form.typed() == {"region": "5,7"}


def test_one_cell_becomes_a_pair(form: ProcedureForm) -> None:
    form.choose("endurance")
    form.fill({"pairs": "8"})
    assert form.apply_to(frozenset({(3, 7)})) is None
    assert form.typed() == {"pair_row": "3", "pair_column": "7"}
    assert form.apply_to(cells(range(2), range(1))) == (
        "endurance takes one pair by its place; 2 are selected."
    )


def test_whole_rows_from_the_first_on_become_rows(form: ProcedureForm, tmp_path: Path) -> None:
    form.choose("disturb")
    assert "not known yet" in str(form.apply_to(cells(range(4), range(32))))
    plan(form, tmp_path)
    assert form.apply_to(cells(range(4), range(32))) is None
    assert form.typed() == {"rows": "4"}
    for others in (cells(range(1, 4), range(32)), cells(range(4), range(31))):
        assert form.apply_to(others) == ("disturb uses whole rows from row 0 on; select such rows.")
    holed = cells(range(4), range(32)) - {(1, 1)}
    assert form.apply_to(holed) is not None


def test_a_procedure_without_places_says_so(form: ProcedureForm) -> None:
    form.choose("contact")
    assert form.apply_to(frozenset({(0, 0)})) == (
        "contact chooses its cells itself: it has no region, pair or rows."
    )


# --- presets -------------------------------------------------------------------------------------


def menu_of(form: ProcedureForm) -> QMenu:
    menu = form.presets_button.menu()
    assert menu is not None
    menu.aboutToShow.emit()
    return menu


def choose_preset(form: ProcedureForm, name: str) -> None:
    found = [action for action in menu_of(form).actions() if action.text() == name]
    assert len(found) == 1
    found[0].trigger()


def test_a_shipped_preset_fills_the_form(form: ProcedureForm) -> None:
    form.choose("endurance")
    form.fill({"pairs": "5"})
    choose_preset(form, "Fig. 7: 5e10 cycles at 200 µA, 1.5 V")
    assert form.typed() == {"cycles": "5e10", "window_cycles": "1e6", "reset_voltage": "1.5V"}
    choose_preset(form, "Defaults")
    assert form.typed() == {}


def test_a_preset_is_kept_used_and_deleted(
    qtbot: QtBot, form: ProcedureForm, presets: Presets
) -> None:
    form.choose("endurance")
    form.fill({"cycles": "1e5", "mode": "every-cycle"})
    choose_preset(form, "&Save as …")
    dialog = form.findChild(QInputDialog)
    assert dialog is not None
    assert not dialog.isModal()
    dialog.setTextValue(" every one ")
    dialog.accept()
    qtbot.waitUntil(lambda: "every one" in presets.of("endurance"))
    form.fill({})
    choose_preset(form, "every one")
    assert form.typed() == {"cycles": "1e5", "mode": "every-cycle"}
    (delete,) = [action for action in menu_of(form).actions() if action.text() == "&Delete"]
    within = delete.menu()
    assert within is not None
    within.actions()[0].trigger()
    qtbot.waitUntil(lambda: "every one" not in presets.of("endurance"))
    assert "every one" not in [action.text() for action in menu_of(form).actions()]
