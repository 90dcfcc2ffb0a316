"""Esc is the emergency stop, with any list, menu or dialog open; without a run it closes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PyQt6.QtCore import QEvent, QPoint, Qt, QTimer
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import (
    QApplication,
    QComboBox,
    QCompleter,
    QDialog,
    QLineEdit,
    QMenu,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from gui.controls import RunState
from gui.window import MainWindow
from labctl.observing import Stop
from tests.gui.windows import FakeChild, Place, clear, close, open_window, press, wait

RUN = "20261122-120000-checkerboard"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("window"))


@pytest.fixture(scope="module")
def shared(qapp: QApplication, place: Place) -> Iterator[MainWindow]:
    place.make_run(programmings=1)
    window = open_window(place)
    yield window
    close(window)


@pytest.fixture
def window(
    shared: MainWindow,
    qtbot: QtBot,
    place: Place,
    children: list[FakeChild],
    stops: list[tuple[str, Stop]],
) -> Iterator[MainWindow]:
    wait(qtbot, lambda: shared.parts.browser.runs.lines)
    clear(shared, place)
    shared.activateWindow()
    yield shared
    for dialog in shared.findChildren(QDialog):
        dialog.close()
    assert QApplication.activePopupWidget() is None


@pytest.fixture
def going_on(
    window: MainWindow, qtbot: QtBot, children: list[FakeChild], tmp_path: Path
) -> MainWindow:
    """A window with a run that can be stopped."""
    wait(qtbot, window.parts.controls.start_button.isEnabled)
    press(window.parts.controls.start_button)
    press(window.parts.controls.yes_button)
    children[0].opened.emit(tmp_path / RUN)
    assert window.state is RunState.RUNNING
    return window


# --- lists and menus ------------------------------------------------------------------------------


def unfold(box: QComboBox) -> None:
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_F4)


def click(button: QWidget) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def open_procedures(window: MainWindow) -> None:
    unfold(window.parts.form.chooser)


def open_choices(window: MainWindow) -> None:
    unfold(window.parts.form.fields["order"].editor)


def open_layers(window: MainWindow) -> None:
    box = window.parts.map.findChild(QComboBox)
    assert box is not None
    unfold(box)


def open_presets(window: MainWindow) -> None:
    click(window.parts.form.presets_button)


def open_submenu(window: MainWindow) -> None:
    """A menu within a menu: both are to go."""
    presets = window.parts.form.presets_button.menu()
    assert presets is not None
    within = QMenu("More", presets)
    within.addAction("One")
    presets.aboutToShow.connect(lambda: presets.addMenu(within))
    presets.popup(window.mapToGlobal(QPoint(50, 50)))
    presets.setActiveAction(within.menuAction())
    within.popup(window.mapToGlobal(QPoint(200, 200)))


def open_window_menu(window: MainWindow) -> None:
    click(window.parts.menu)


def open_export(window: MainWindow) -> None:
    buttons = window.parts.plots.currentWidget().findChildren(QToolButton)
    (button,) = (b for b in buttons if b.isVisible() and b.menu() is not None)
    click(button)


def open_menu_of_a_cell(window: MainWindow) -> None:
    window.parts.map.menu_for((0, 0)).popup(window.mapToGlobal(QPoint(500, 300)))


def open_menu_of_a_line(window: MainWindow) -> None:
    menu = window.parts.browser.wanted.createStandardContextMenu()
    assert menu is not None
    menu.setParent(window.parts.browser.wanted, menu.windowFlags())
    menu.popup(window.mapToGlobal(QPoint(500, 600)))


def open_completions(window: MainWindow) -> None:
    """As a dialog for files offers them while a name is typed."""
    line = QLineEdit(window.parts.browser)
    completer = QCompleter(["one", "two"], line)
    line.setCompleter(completer)
    line.show()
    line.setFocus()
    QTest.keyClicks(line, "o")


POPUPS: list[Callable[[MainWindow], object]] = [
    open_procedures,
    open_choices,
    open_layers,
    open_presets,
    open_submenu,
    open_window_menu,
    open_export,
    open_menu_of_a_cell,
    open_menu_of_a_line,
    open_completions,
]


def escape_with(window: MainWindow, qtbot: QtBot, opened: Callable[[MainWindow], object]) -> None:
    """Open a list or menu and press Esc as the window system would, as soon as it is there.

    Some menus wait for their end in a loop of their own.
    """
    pressed: list[QWidget] = []

    def look() -> None:
        popup = QApplication.activePopupWidget()
        if popup is not None and popup.isVisible():
            timer.stop()
            pressed.append(popup)
            QTest.keyClick(window.windowHandle(), Qt.Key.Key_Escape)

    timer = QTimer()
    timer.timeout.connect(look)
    timer.start(0)
    opened(window)
    wait(qtbot, lambda: pressed)
    timer.stop()


@pytest.mark.parametrize("opened", POPUPS)
def test_the_first_esc_stops_and_closes_what_is_open(
    going_on: MainWindow,
    qtbot: QtBot,
    stops: list[tuple[str, Stop]],
    opened: Callable[[MainWindow], object],
) -> None:
    escape_with(going_on, qtbot, opened)
    wait(qtbot, lambda: stops)
    assert stops == [(RUN, Stop.EMERGENCY)]
    assert QApplication.activePopupWidget() is None


@pytest.mark.parametrize("opened", POPUPS)
def test_without_a_run_esc_closes_what_is_open(
    window: MainWindow, qtbot: QtBot, opened: Callable[[MainWindow], object]
) -> None:
    escape_with(window, qtbot, opened)
    if opened is open_submenu:
        # As anywhere: one Esc for each menu.
        QTest.keyClick(window.windowHandle(), Qt.Key.Key_Escape)
    assert QApplication.activePopupWidget() is None
    assert not window.parts.notice.isVisible()


# --- dialogs --------------------------------------------------------------------------------------


def choose_a_file(window: MainWindow) -> None:
    button = window.parts.form.fields["compliance_table"].editor.findChild(QToolButton)
    click(button)


def export_a_figure(window: MainWindow) -> None:
    buttons = window.parts.plots.currentWidget().findChildren(QToolButton)
    (button,) = (b for b in buttons if b.isVisible() and b.menu() is not None)
    button.menu().actions()[0].trigger()


def keep_a_preset(window: MainWindow) -> None:
    menu = window.parts.form.presets_button.menu()
    assert menu is not None
    menu.aboutToShow.emit()
    (save,) = (action for action in menu.actions() if action.text().startswith("&Save"))
    save.trigger()


def add_a_note(window: MainWindow) -> None:
    window.parts.browser.choose(window.parts.browser.runs.lines[0].run)
    click(window.parts.browser.add_note)


def look_at_the_keys(window: MainWindow) -> None:
    window.parts.menu.show_keys()


def close_the_window(window: MainWindow) -> None:
    window.parts.queue.queue.add("read", ["run", "read"])
    assert not window.close()


DIALOGS: list[Callable[[MainWindow], object]] = [
    choose_a_file,
    export_a_figure,
    keep_a_preset,
    add_a_note,
    look_at_the_keys,
    close_the_window,
]


def dialog_of(window: MainWindow, qtbot: QtBot, opened: Callable[[MainWindow], object]) -> QDialog:
    """A dialog that has the keyboard."""
    opened(window)
    (dialog,) = (each for each in window.findChildren(QDialog) if each.isVisible())
    assert not dialog.isModal()
    dialog.activateWindow()
    wait(qtbot, lambda: QApplication.activeWindow() is dialog)
    return dialog


@pytest.mark.parametrize("opened", DIALOGS)
def test_esc_stops_in_every_dialog_and_leaves_what_is_typed_there(
    going_on: MainWindow,
    qtbot: QtBot,
    stops: list[tuple[str, Stop]],
    opened: Callable[[MainWindow], object],
) -> None:
    dialog = dialog_of(going_on, qtbot, opened)
    QTest.keyClick(dialog.windowHandle(), Qt.Key.Key_Escape)
    wait(qtbot, lambda: stops)
    assert stops == [(RUN, Stop.EMERGENCY)]
    assert dialog.isVisible()


@pytest.mark.parametrize("opened", DIALOGS)
def test_without_a_run_esc_closes_a_dialog(
    window: MainWindow, qtbot: QtBot, opened: Callable[[MainWindow], object]
) -> None:
    dialog = dialog_of(window, qtbot, opened)
    QTest.keyClick(dialog.windowHandle(), Qt.Key.Key_Escape)
    assert not window.parts.notice.isVisible()
    assert not any(each.isVisible() for each in window.findChildren(QDialog))


def test_without_a_run_esc_says_that_there_is_nothing_to_stop(window: MainWindow) -> None:
    QTest.keyClick(window.windowHandle(), Qt.Key.Key_Escape)
    assert window.parts.notice.text().endswith("there is nothing to stop.")


def test_a_key_held_down_asks_once(
    going_on: MainWindow, qtbot: QtBot, stops: list[tuple[str, Stop]]
) -> None:
    told: list[str] = []
    going_on.parts.controls.emergency.connect(lambda: told.append("emergency"))
    for repeats in (False, True, True):
        event = QKeyEvent(
            QEvent.Type.KeyPress,
            Qt.Key.Key_Escape,
            Qt.KeyboardModifier.NoModifier,
            autorep=repeats,
        )
        QApplication.sendEvent(going_on, event)
    assert told == ["emergency"]


@pytest.mark.parametrize(
    "modifier", [Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier]
)
def test_a_key_held_down_beside_it_changes_nothing(
    going_on: MainWindow,
    qtbot: QtBot,
    stops: list[tuple[str, Stop]],
    modifier: Qt.KeyboardModifier,
) -> None:
    QTest.keyClick(going_on.windowHandle(), Qt.Key.Key_Escape, modifier)
    wait(qtbot, lambda: stops)
    assert stops == [(RUN, Stop.EMERGENCY)]
