"""The map of the array under mouse and keys."""

from __future__ import annotations

import numpy as np
import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QContextMenuEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QMenu, QWidget

from gui.contract import RunStyle
from gui.models.array import ArrayModel
from gui.models.layers import ARRAY_LAYERS
from gui.registry import first_layer
from gui.selection import Selection, block
from gui.theme import Theme, apply
from gui.views.array_map import ArrayMap
from gui.views.cell_marks import CellMark
from procedures import PROCEDURES
from tests.gui.told import folder, news, ohms

CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
NONE = Qt.KeyboardModifier.NoModifier
LEFT = Qt.MouseButton.LeftButton
FRONT = RunStyle("first", 0)
SHAPE = (6, 8)


def picture_of(*told, shape=SHAPE, retired=()):
    model, of = ArrayModel(), folder(*shape, retired=retired)
    for one in told or (news(),):
        model.absorb(of, one)
    return model.picture


def read(value=2e4, wrong=()):
    """One programming of zeros, all measured at one resistance."""
    sensed = np.zeros(SHAPE, np.uint8)
    for cell in wrong:
        sensed[cell] = 1
    return news(
        pattern=[np.zeros(SHAPE, np.uint8)], sensed=[sensed], resistance=[ohms(SHAPE, value)]
    )


@pytest.fixture
def view(qtbot):
    shown = ArrayMap(Selection())
    qtbot.addWidget(shown)
    shown.resize(480, 520)
    shown.show()
    qtbot.waitExposed(shown)
    shown.show_run("r", picture_of(read()), FRONT)
    return shown


def at(view, cell):
    return view.grid.rectangle(cell).center().toPoint()


def click(view, cell, keys=NONE):
    QTest.mouseClick(view.grid, LEFT, keys, at(view, cell))


def drag(view, first, last, keys=NONE):
    QTest.mousePress(view.grid, LEFT, keys, at(view, first))
    QTest.mouseMove(view.grid, at(view, last))
    QTest.mouseRelease(view.grid, LEFT, keys, at(view, last))


def row_header(view, row):
    return QPoint(5, at(view, (row, 0)).y())


def column_header(view, column):
    return QPoint(at(view, (0, column)).x(), 5)


def colour(view, cell):
    """What is drawn in a quarter of a cell, away from its marks."""
    place = view.grid.rectangle(cell)
    image = view.grid.grab().toImage()
    ratio = image.devicePixelRatio()
    x, y = place.left() + place.width() * 0.15, place.top() + place.height() * 0.5
    return image.pixelColor(int(x * ratio), int(y * ratio)).name()


def greys(view, cell):
    """A cell without colour."""
    place = view.grid.rectangle(cell).toRect()
    image = view.grid.grab(place).toImage()
    return tuple(
        image.pixelColor(x, y).lightness()
        for x in range(image.width())
        for y in range(image.height())
    )


# --- selecting ---------------------------------------------------------------------------------


def test_a_click_selects_one_cell(view):
    click(view, (2, 3))
    assert view.selection.cells == {(2, 3)}
    click(view, (4, 4))
    assert view.selection.cells == {(4, 4)}


def test_ctrl_adds_and_takes_out(view):
    click(view, (2, 3))
    click(view, (0, 0), CTRL)
    assert view.selection.cells == {(2, 3), (0, 0)}
    click(view, (2, 3), CTRL)
    assert view.selection.cells == {(0, 0)}


def test_a_drag_selects_a_rectangle_whichever_way(view):
    drag(view, (4, 6), (2, 3))
    assert view.selection.cells == block((2, 3), (4, 6))
    drag(view, (0, 0), (0, 1), CTRL)
    assert view.selection.cells == block((2, 3), (4, 6)) | {(0, 0), (0, 1)}


def test_a_drag_that_leaves_the_map_ends_at_its_edge(view):
    QTest.mousePress(view.grid, LEFT, NONE, at(view, (4, 6)))
    QTest.mouseMove(view.grid, QPoint(view.grid.width() + 300, view.grid.height() + 300))
    QTest.mouseRelease(view.grid, LEFT, NONE, QPoint(5000, 5000))
    assert view.selection.cells == block((4, 6), (5, 7))


def test_shift_extends_from_the_last_cell_clicked(view):
    click(view, (1, 1))
    click(view, (3, 2), SHIFT)
    assert view.selection.cells == block((1, 1), (3, 2))
    click(view, (0, 1), SHIFT)
    assert view.selection.cells == block((0, 1), (1, 1))


def test_headers_select_rows_and_columns(view):
    QTest.mouseClick(view.grid, LEFT, NONE, row_header(view, 4))
    assert view.selection.cells == block((4, 0), (4, 7))
    QTest.mouseClick(view.grid, LEFT, CTRL, column_header(view, 2))
    assert view.selection.cells == block((4, 0), (4, 7)) | block((0, 2), (5, 2))
    QTest.mouseClick(view.grid, LEFT, CTRL, row_header(view, 4))
    assert view.selection.cells == block((0, 2), (5, 2)) - {(4, 2)}
    QTest.mouseClick(view.grid, LEFT, NONE, row_header(view, 1))
    QTest.mouseClick(view.grid, LEFT, SHIFT, row_header(view, 2))
    assert view.selection.cells == block((1, 0), (2, 7))
    QTest.mouseClick(view.grid, LEFT, NONE, QPoint(3, 3))
    assert len(view.selection.cells) == 48


def test_a_click_beside_the_array_selects_nothing(view):
    click(view, (2, 3))
    outside = view.grid.rectangle((5, 7)).bottomRight().toPoint() + QPoint(20, 20)
    QTest.mouseClick(view.grid, LEFT, CTRL, outside)
    assert view.selection.cells == {(2, 3)}
    QTest.mouseClick(view.grid, LEFT, NONE, outside)
    assert view.selection.cells == frozenset()


def test_keys_move_select_and_extend(view):
    view.grid.setFocus()
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Space):
        QTest.keyClick(view.grid, key)
    assert view.grid.cursor_cell == (1, 2)
    assert view.selection.cells == {(1, 2)}
    QTest.keyClick(view.grid, Qt.Key.Key_Space)
    assert view.selection.cells == frozenset()
    QTest.keyClick(view.grid, Qt.Key.Key_Down, SHIFT)
    QTest.keyClick(view.grid, Qt.Key.Key_Left, SHIFT)
    assert view.selection.cells == block((1, 1), (2, 2))
    QTest.keyClick(view.grid, Qt.Key.Key_A, CTRL)
    assert len(view.selection.cells) == 48
    for key in (Qt.Key.Key_End, Qt.Key.Key_PageDown, Qt.Key.Key_Right):
        QTest.keyClick(view.grid, key)
    assert view.grid.cursor_cell == (5, 7)
    for key in (Qt.Key.Key_Home, Qt.Key.Key_PageUp, Qt.Key.Key_Left, Qt.Key.Key_Up):
        QTest.keyClick(view.grid, key)
    assert view.grid.cursor_cell == (0, 0)


def test_escape_is_left_to_the_window(qtbot):
    """It is the emergency stop there."""

    class Window(QWidget):
        got = 0

        def keyPressEvent(self, event):
            self.got += event.key() == Qt.Key.Key_Escape

    window = Window()
    qtbot.addWidget(window)
    view = ArrayMap(Selection(), window)
    window.show()
    click(view, (0, 0))
    QTest.keyClick(view.grid, Qt.Key.Key_Escape)
    assert window.got == 1
    assert view.selection.cells == {(0, 0)}


def test_a_selection_made_elsewhere_is_shown(view):
    before = view.grid.grab().toImage()
    view.set_selection(frozenset({(1, 1)}))
    assert view.selection.cells == {(1, 1)}
    assert view.grid.grab().toImage() != before


# --- applying ----------------------------------------------------------------------------------


def button(view, name):
    return view.findChild(QWidget, f"array-{name}")


def test_the_form_is_offered_what_is_selected(qtbot, view):
    assert not button(view, "selection").isEnabled()
    view.selection.set({(1, 2), (4, 5)})
    assert button(view, "selection").text() == "Selection (2)"
    wanted = {
        "selection": {(1, 2), (4, 5)},
        "row": block((1, 0), (1, 7)) | block((4, 0), (4, 7)),
        "column": block((0, 2), (5, 2)) | block((0, 5), (5, 5)),
        "array": block((0, 0), (5, 7)),
    }
    for name, cells in wanted.items():
        with qtbot.waitSignal(view.apply_to) as told:
            QTest.mouseClick(button(view, name), LEFT)
        assert told.args == [frozenset(cells)]
        assert button(view, name).toolTip().endswith("nothing is sent to the chip")


def test_without_a_selection_row_and_column_are_the_cursors(view):
    view.grid.cursor_cell = (3, 1)
    assert view.cells_of("row") == block((3, 0), (3, 7))
    assert view.cells_of("column") == block((0, 1), (5, 1))


def test_clear_selects_nothing(view):
    click(view, (2, 2))
    QTest.mouseClick(button(view, "clear"), LEFT)
    assert view.selection.cells == frozenset()
    assert not button(view, "clear").isEnabled()


def test_the_menu_is_about_the_cell_under_the_mouse(qtbot, view):
    view.selection.set({(0, 0)})
    menu = view.menu_for((2, 5))
    texts = [action.text() for action in menu.actions() if action.text()]
    assert texts[:4] == [
        "Apply to the &selection (1)",
        "Apply to ro&w 2",
        "Apply to &column 5",
        "Apply to the whole &array",
    ]
    with qtbot.waitSignal(view.apply_to) as told:
        menu.actions()[2].trigger()
    assert told.args == [block((0, 5), (5, 5))]


def test_a_right_click_or_the_menu_key_asks_for_the_menu(qtbot, view):
    reason = QContextMenuEvent.Reason
    place = at(view, (4, 2))
    with qtbot.waitSignal(view.grid.menu_wanted) as told:
        QApplication.sendEvent(view.grid, QContextMenuEvent(reason.Mouse, place))
    assert told.args[0] == (4, 2)
    assert view.selection.cells == frozenset()
    opened = view.findChildren(QMenu)[-1]
    assert opened.isVisible()
    opened.close()
    view.grid.cursor_cell = (1, 1)
    with qtbot.waitSignal(view.grid.menu_wanted) as told:
        QApplication.sendEvent(view.grid, QContextMenuEvent(reason.Keyboard, QPoint(0, 0)))
    assert told.args[0] == (1, 1)
    view.findChildren(QMenu)[-1].close()


def test_another_geometry_forgets_where_the_mouse_was(view):
    QTest.mouseMove(view.grid, at(view, (5, 7)))
    view.show_run("r", picture_of(shape=(2, 2)), FRONT)
    assert view.map.words.text().startswith("Row 0, column 0")


# --- what is drawn -----------------------------------------------------------------------------


def test_layers_are_chosen_by_name_and_by_key(view):
    chosen = []
    view.map.layer_chosen.connect(chosen.append)
    for key, name in ((Qt.Key.Key_2, "r_bl"), (Qt.Key.Key_0, "status"), (Qt.Key.Key_1, "bit")):
        QTest.keyClick(view.grid, key)
        assert view.map.layer.name == name
    view.map.chooser.setFocus()
    QTest.keyClick(view.map.chooser, Qt.Key.Key_Down)
    assert chosen == ["r_bl", "status", "bit", "r_bl"]
    assert view.map.bar.texts == ["20 kΩ", "50 kΩ"]


def test_cells_are_coloured_by_their_value(view):
    ohm = ohms(SHAPE, 1e4)
    ohm[0, 0] = 1e6
    view.show_run("r", picture_of(news(resistance=[ohm])), FRONT)
    view.map.choose("r_bl")
    assert colour(view, (0, 0)) != colour(view, (0, 1)) == colour(view, (5, 7))


def test_a_locked_scale_stays_while_values_come_in(view):
    view.map.choose("r_bl")
    view.map.lock.setChecked(True)
    span = view.map.span
    before = colour(view, (3, 3))
    view.show_run("r", picture_of(read(2e4), read(9e6)), FRONT)
    assert view.map.span == span
    assert colour(view, (3, 3)) != before
    view.map.lock.setChecked(False)
    assert view.map.span != span


def test_states_are_told_without_colour(view):
    unformed = np.zeros((*SHAPE, 2), np.uint8)
    unformed[1, 1, 0] = 1
    ohm = ohms(SHAPE)
    ohm[0] = 1e4
    ohm[0, 2, 1] = np.nan
    sensed = np.full(SHAPE, 255, np.uint8)
    sensed[0] = 0
    sensed[0, 5] = 1
    view.show_run(
        "r",
        picture_of(
            news(
                forming_voltage=[ohms(SHAPE)],
                unformed=[unformed],
                pattern=[np.zeros(SHAPE, np.uint8)],
                resistance=[ohm],
                sensed=[sensed],
            ),
            retired=[(4, 4)],
        ),
        FRONT,
    )
    marks = view.grid.marks
    assert marks[CellMark.RETIRED] == [(4, 4)]
    assert marks[CellMark.UNFORMED] == [(1, 1)]
    assert marks[CellMark.UNREADABLE] == [(0, 2)]
    assert marks[CellMark.READ_WRONG] == [(0, 5)]
    assert len(marks[CellMark.NO_DATA]) == 48 - 8 - 2
    assert view.map.legend.texts == [
        "retired 1",
        "unformed 1",
        "unreadable 1",
        "no data 38",
        "read wrong 1",
    ]
    # In black and white, too: each kind of cell looks different from the others.
    assert len({greys(view, cell) for cell in ((4, 4), (1, 1), (3, 3), (0, 2), (0, 5))}) == 5


def test_cells_without_a_value_in_the_layer_that_is_shown_are_struck_through(view):
    ohm = ohms(SHAPE)
    ohm[0] = 1e4
    pattern = np.zeros(SHAPE, np.uint8)
    sensed = np.full(SHAPE, 255, np.uint8)
    sensed[:2] = 0
    view.show_run(
        "r", picture_of(news(pattern=[pattern], resistance=[ohm], sensed=[sensed])), FRONT
    )
    columns = SHAPE[1]
    struck = {}
    for layer in ("bit", "r_bl", "forming_bl"):
        view.map.choose(layer)
        struck[layer] = len(view.grid.marks[CellMark.NO_DATA])
        assert f"no data {struck[layer]}" in view.map.legend.texts

    # The second row was sensed and not measured: no valid resistance, and marked so.
    assert len(view.grid.marks[CellMark.UNREADABLE]) == columns
    assert struck == {
        "bit": (SHAPE[0] - 2) * columns,
        "r_bl": (SHAPE[0] - 2) * columns,
        "forming_bl": (SHAPE[0] - 1) * columns,
    }


def test_counts_over_several_conditions_are_called_so(view):
    def programmed(*volts):
        zeros = [np.zeros(SHAPE, np.uint8) for _ in volts]
        asked = [np.array([28e-6, each, 1e-6]) for each in volts]
        return picture_of(news(condition=asked, pattern=zeros, sensed=zeros))

    view.map.choose("ber")
    assert view.map.chooser.currentText() == "2T2R BER"
    view.show_run("r", programmed(1.5, 1.5, 2.0), FRONT)
    assert view.map.chooser.currentText() == "2T2R BER over 2 conditions"
    assert "BER over 2 conditions < 6.3e-1 (0 of 3)" in view.map.words.text()

    view.show_run("r", programmed(1.5, 1.5), FRONT)
    assert view.map.chooser.currentText() == "2T2R BER"
    assert "BER < 7.8e-1 (0 of 2)" in view.map.words.text()


def test_the_values_of_the_cell_under_the_mouse_are_told(qtbot, view):
    QTest.mouseMove(view.grid, at(view, (2, 3)))
    qtbot.waitUntil(lambda: view.map.words.text().startswith("Row 2, column 3"))
    assert "BL 20 kΩ, BLb 20 kΩ" in view.map.words.text()
    assert view.grid.accessibleDescription() == view.map.words.text()
    view.grid.setFocus()
    QTest.keyClick(view.grid, Qt.Key.Key_Down)
    assert view.map.words.text().startswith("Row 1, column 0")


def test_the_run_in_front_is_drawn(view):
    view.show_run("other", picture_of(read(5e6)), RunStyle("second", 1))
    assert "BL 20 kΩ" in view.map.words.text()
    view.forget_run("r")
    assert "BL 5 MΩ" in view.map.words.text()
    view.forget_run("other")
    assert view.map.words.text() == ""
    assert view.map.legend.texts == []


def test_a_run_without_news_draws_an_empty_map(view):
    view.show_run("r", None, FRONT)
    assert view.map.bar.texts == []
    view.grab()


@pytest.mark.parametrize("shape", [(1, 1), (2, 32), (32, 32)])
def test_any_geometry_can_be_hit(qtbot, view, shape):
    view.show_run("r", picture_of(shape=shape), FRONT)
    assert view.grid.shape == shape
    last = (shape[0] - 1, shape[1] - 1)
    click(view, last)
    assert view.selection.cells == {last}
    assert view.cells_of("array") == block((0, 0), last)
    view.grab()


def test_cells_lie_on_whole_pixels(view):
    ratio = view.grid.devicePixelRatioF()
    edges = [view.grid.rectangle((0, column)).left() * ratio for column in range(8)]
    assert all(edge == pytest.approx(round(edge)) for edge in edges)


def test_light_and_dark(qapp, view):
    before = qapp.palette()
    sheet = qapp.styleSheet()
    try:
        seen = []
        for dark in (False, True):
            apply(qapp, Theme(dark))
            seen.append(view.grab().toImage())
        assert seen[0] != seen[1]
    finally:
        qapp.setPalette(before)
        qapp.setStyleSheet(sheet)


# --- the layer of a procedure ------------------------------------------------------------------


def test_the_layer_follows_the_procedure_until_a_person_chooses(view):
    view.suit("forming", first_layer("forming"))
    assert view.map.layer.name == "forming_bl"
    view.suit("endurance", first_layer("endurance"))
    assert view.map.layer.name == "ber"

    QTest.keyClick(view.grid, Qt.Key.Key_2)
    assert view.map.layer.name == "r_bl"
    view.suit("forming", first_layer("forming"))
    assert view.map.layer.name == "forming_bl"
    view.suit("endurance", first_layer("endurance"))
    assert view.map.layer.name == "r_bl"


def test_a_layer_chosen_in_the_list_stays_for_its_procedure(view):
    view.suit("checkerboard", first_layer("checkerboard"))
    assert view.map.layer.name == "bit"
    view.map.chooser.setFocus()
    QTest.keyClick(view.map.chooser, Qt.Key.Key_Down)
    chosen = view.map.layer.name
    assert chosen == "r_bl"
    view.suit("iv", first_layer("iv"))
    view.suit("checkerboard", first_layer("checkerboard"))
    assert view.map.layer.name == chosen


@pytest.mark.parametrize("procedure", PROCEDURES)
def test_every_procedure_has_a_layer_that_there_is(procedure):
    assert first_layer(procedure) in {layer.name for layer in ARRAY_LAYERS}


# --- the room that there is --------------------------------------------------------------------


@pytest.mark.parametrize(("size", "is_across"), [((400, 560), True), ((640, 420), False)])
def test_the_colour_bar_lies_where_it_leaves_the_map_more_room(view, size, is_across):
    view.resize(*size)
    QApplication.processEvents()
    assert view.map.bar.is_across is is_across
    grid, bar = view.grid.geometry(), view.map.bar.geometry()
    assert (bar.top() >= grid.bottom()) is is_across
    for layer in ARRAY_LAYERS:
        view.map.choose(layer.name)
        view.grab()


def test_all_marks_are_named_in_as_many_lines_as_they_take(view):
    legend = view.map.legend
    counts = dict.fromkeys(CellMark, 1000)
    legend.show_counts(counts)
    assert [text.rpartition(" ")[0] for text in legend.texts] == [str(mark) for mark in CellMark]
    one_line = legend.heightForWidth(5000)
    assert legend.heightForWidth(380) >= 2 * one_line
    assert max(left for left, _ in legend._places(380)) < 380
    QApplication.processEvents()
    assert legend.height() == legend.heightForWidth(legend.width())
    view.grab()
