"""Controls of the window by mouse and keys, as far as the tests of its parts do not use them so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PyQt6.QtCore import QPoint, Qt, QTimer
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QInputDialog,
    QLineEdit,
    QMessageBox,
    QSplitter,
    QTabWidget,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from gui.settings import SETTINGS_VARIABLE
from gui.theme import Theme, ThemeChoice, current_theme
from gui.window import MainWindow
from labctl.store.folder import RunFolder
from tests.gui.windows import FakeChild, Place, clear, close, open_window, press, wait

LEFT = Qt.MouseButton.LeftButton
ALT = Qt.KeyboardModifier.AltModifier
DOWN, RETURN = Qt.Key.Key_Down, Qt.Key.Key_Return


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("window"))


@pytest.fixture(scope="module")
def made(place: Place) -> RunFolder:
    return place.make_run(programmings=1)


@pytest.fixture(scope="module")
def shared(
    qapp: QApplication, place: Place, made: RunFolder, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MainWindow]:
    with pytest.MonkeyPatch.context() as patch:
        # Presets lie beside the settings.
        patch.setenv(SETTINGS_VARIABLE, str(place.settings_file))
        window = open_window(place)
        yield window
        close(window)


@pytest.fixture
def window(
    shared: MainWindow, qtbot: QtBot, place: Place, children: list[FakeChild]
) -> Iterator[MainWindow]:
    wait(qtbot, lambda: shared.parts.browser.runs.lines)
    clear(shared, place)
    shared.activateWindow()
    wait(qtbot, shared.parts.controls.start_button.isEnabled)
    yield shared
    for dialog in shared.findChildren(QDialog):
        dialog.close()


def with_menu(qtbot: QtBot, button: QWidget, *keys: Qt.Key) -> None:
    """Click a button and press keys in its menu, which waits for its end in a loop of its own."""
    pressed: list[Qt.Key] = []

    def look() -> None:
        popup = QApplication.activePopupWidget()
        if popup is not None and popup.isVisible():
            timer.stop()
            pressed.extend(keys)
            for key in keys:
                QTest.keyClick(popup, key)

    timer = QTimer()
    timer.timeout.connect(look)
    timer.start(0)
    QTest.mouseClick(button, LEFT)
    wait(qtbot, lambda: pressed)
    timer.stop()


def type_into(widget: QWidget, text: str) -> None:
    widget.setFocus()
    QTest.keyClicks(widget, text)


# --- what is asked --------------------------------------------------------------------------------


def test_the_procedure_is_chosen_by_keys(window: MainWindow, qtbot: QtBot) -> None:
    form = window.parts.form
    before = form.procedure
    form.chooser.setFocus()
    QTest.keyClick(form.chooser, DOWN)
    after = form.procedure
    assert after != before
    wait(qtbot, lambda: window.parts.controls.start_button.isEnabled())
    QTest.keyClick(form.chooser, Qt.Key.Key_Up)
    assert form.procedure == before


def test_a_preset_is_chosen_from_the_menu(window: MainWindow, qtbot: QtBot) -> None:
    form = window.parts.form
    type_into(form.fields["programmings"].editor, "7")
    # The first are the defaults.
    with_menu(qtbot, form.presets_button, DOWN, RETURN)
    assert form.typed() == {}
    with_menu(qtbot, form.presets_button, DOWN, DOWN, DOWN, RETURN)
    assert form.typed() == {"set_compliance": "200uA"}


def test_a_preset_is_kept_under_a_name_that_is_typed(
    window: MainWindow, qtbot: QtBot, place: Place
) -> None:
    form = window.parts.form
    type_into(form.fields["programmings"].editor, "7")
    menu = form.presets_button.menu()
    assert menu is not None
    menu.aboutToShow.emit()
    with_menu(qtbot, form.presets_button, Qt.Key.Key_S)
    dialog = form.findChild(QInputDialog, "preset_name")
    assert dialog is not None
    line = dialog.findChild(QLineEdit)
    assert line is not None
    type_into(line, "seven")
    QTest.keyClick(line, RETURN)
    file = place.settings_file.parent / "presets" / "checkerboard.json"
    wait(qtbot, lambda: file.exists() and '"seven"' in file.read_text("utf-8"))


def test_a_file_is_chosen_by_its_name(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    table = tmp_path / "table.toml"
    table.touch()
    field = window.parts.form.fields["compliance_table"]
    QTest.mouseClick(field.editor.findChild(QToolButton), LEFT)
    dialog = field.editor.findChild(QFileDialog)
    assert dialog is not None
    line, buttons = dialog.findChild(QLineEdit), dialog.findChild(QDialogButtonBox)
    assert line is not None
    assert buttons is not None
    dialog.setDirectory(str(tmp_path))
    type_into(line, table.name)
    press(buttons.button(QDialogButtonBox.StandardButton.Open))
    wait(qtbot, lambda: field.typed == str(table))
    assert not dialog.isVisible()


def test_the_question_is_not_asked_again_if_a_person_ticks_so(
    window: MainWindow, qtbot: QtBot, children: list[FakeChild]
) -> None:
    controls = window.parts.controls
    window.parts.options.fill({"die": "once"})
    wait(qtbot, lambda: "once" in str(window.planner._asked))
    wait(qtbot, controls.start_button.isEnabled)
    press(controls.start_button)
    QTest.mouseClick(controls.not_again, LEFT, pos=QPoint(8, controls.not_again.height() // 2))
    assert controls.not_again.isChecked()
    press(controls.yes_button)
    children[0].ended.emit(0, "")
    press(controls.start_button)
    assert len(children) == 2
    assert not controls.question.isVisible()
    children[1].ended.emit(0, "")
    window.parts.options.fill({"die": ""})


def test_the_scheme_of_the_waveforms_is_chosen_by_keys(window: MainWindow) -> None:
    plan = window.parts.plan
    plan.tabs.setCurrentWidget(plan.waveforms)
    chooser = plan.waveforms.chooser
    first = chooser.currentText()
    before = [curve.getData()[1].tolist() for curve in plan.waveforms.plot.listDataItems()]
    chooser.setFocus()
    QTest.keyClick(chooser, DOWN)
    assert chooser.currentText() != first
    after = [curve.getData()[1].tolist() for curve in plan.waveforms.plot.listDataItems()]
    assert after != before


# --- tabs, splitters, letters ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["asked", "plan_tabs", "plots", "lower"])
def test_pages_are_chosen_with_the_mouse_and_with_left_and_right(
    window: MainWindow, name: str
) -> None:
    tabs = window.findChild(QTabWidget, name)
    assert tabs is not None
    bar = tabs.tabBar()
    assert bar is not None
    seen = [index for index in range(tabs.count()) if tabs.isTabVisible(index)]
    for index in seen:
        QTest.mouseClick(bar, LEFT, pos=bar.tabRect(index).center())
        assert tabs.currentIndex() == index
        page = tabs.widget(index)
        assert page is not None
        assert page.isVisible()
    bar.setFocus()
    for index in reversed(seen[:-1]):
        QTest.keyClick(bar, Qt.Key.Key_Left)
        assert tabs.currentIndex() == index
    QTest.keyClick(bar, Qt.Key.Key_Right)
    assert tabs.currentIndex() == seen[1]
    tabs.setCurrentIndex(seen[0])


@pytest.mark.parametrize("name", ["left", "seen", "right", "main"])
def test_parts_are_made_larger_by_dragging_what_is_between_them(
    window: MainWindow, name: str
) -> None:
    splitter = window.findChild(QSplitter, name)
    assert splitter is not None
    handle = splitter.handle(1)
    assert handle is not None
    before = splitter.sizes()
    across = splitter.orientation() is Qt.Orientation.Horizontal
    dragged = []
    for far in (30, -30):
        begin, by = handle.rect().center(), QPoint(far, 0) if across else QPoint(0, far)
        QTest.mousePress(handle, LEFT, pos=begin)
        QTest.mouseMove(handle, begin + by)
        QTest.mouseRelease(handle, LEFT, pos=begin + by)
        dragged.append(splitter.sizes())
        splitter.setSizes(before)
    # One of the two may be as small as it can be.
    assert any(sizes != before for sizes in dragged), (before, dragged)


def test_alt_and_a_letter_presses_its_button(
    window: MainWindow, qtbot: QtBot, children: list[FakeChild]
) -> None:
    QTest.keyClick(window, Qt.Key.Key_Q, ALT)
    wait(qtbot, window.parts.controls.question.isVisible)
    QTest.keyClick(window, Qt.Key.Key_G, ALT)
    wait(qtbot, lambda: window.parts.queue.queue.lines)
    assert children == []


# --- runs and log ---------------------------------------------------------------------------------


def test_runs_are_filtered_by_what_is_typed(window: MainWindow, made: RunFolder) -> None:
    browser = window.parts.browser
    model = browser.table.model()
    assert model is not None
    type_into(browser.wanted, "nothing like it")
    assert model.rowCount() == 0
    for _ in "nothing like it":
        QTest.keyClick(browser.wanted, Qt.Key.Key_Backspace)
    type_into(browser.wanted, made.id[:8])
    assert model.rowCount() == 1
    (clear_it,) = browser.wanted.findChildren(QToolButton)
    QTest.mouseClick(clear_it, LEFT)
    assert browser.wanted.text() == ""


def test_a_note_is_typed(window: MainWindow, qtbot: QtBot, made: RunFolder) -> None:
    browser = window.parts.browser
    browser.choose(made.id)
    press(browser.add_note)
    dialog = browser.findChild(QInputDialog, "note")
    assert dialog is not None
    line = dialog.findChild(QLineEdit)
    assert line is not None
    type_into(line, "probes cleaned")
    QTest.keyClick(line, RETURN)
    wait(qtbot, lambda: [remark["text"] for remark in made.remarks()] == ["probes cleaned"])


def test_the_log_is_filtered_by_level_and_text(
    window: MainWindow, qtbot: QtBot, made: RunFolder
) -> None:
    parts = window.parts
    parts.lower_tabs.setCurrentWidget(parts.log)
    window.look_at(made.id, made.path)

    def shown() -> str:
        return parts.log.text.toPlainText()

    wait(qtbot, lambda: "step 0 begins" in shown() and parts.progress.step.text() == "success")
    parts.log.level.setFocus()
    for _ in range(3):
        QTest.keyClick(parts.log.level, DOWN)
    assert shown() == ""
    for _ in range(3):
        QTest.keyClick(parts.log.level, Qt.Key.Key_Up)
    type_into(parts.log.wanted, "STEP 0 BEGINS")
    assert "step 0 begins" in shown()
    assert len(shown().splitlines()) == 1
    (clear_it,) = parts.log.wanted.findChildren(QToolButton)
    QTest.mouseClick(clear_it, LEFT)
    assert len(shown().splitlines()) > 1


# --- the window's own menu ------------------------------------------------------------------------


def test_the_theme_is_chosen_from_the_menu(window: MainWindow, qtbot: QtBot) -> None:
    menu = window.parts.menu
    with_menu(qtbot, menu, Qt.Key.Key_D)
    assert current_theme() == Theme(dark=True)
    assert menu.themes[ThemeChoice.DARK].isChecked()
    with_menu(qtbot, menu, Qt.Key.Key_L)
    assert current_theme() == Theme(dark=False)


def test_the_keys_are_told_by_the_menu(window: MainWindow, qtbot: QtBot) -> None:
    with_menu(qtbot, window.parts.menu, Qt.Key.Key_K)
    (page,) = (box for box in window.findChildren(QMessageBox, "keys") if box.isVisible())
    assert "emergency stop" in page.text()
    (ok,) = page.buttons()
    QTest.mouseClick(ok, LEFT)
    assert not page.isVisible()
