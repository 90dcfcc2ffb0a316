"""Windows for tests: on a small simulated bench, with runs already made, and a process that isn't.

``FakeChild`` stands where the window starts ``labctl``: most of what the window does with a run
needs no run. tests/gui/test_window_run.py starts real ones.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QCoreApplication, QEvent, QObject, Qt, pyqtSignal
from PyQt6.QtTest import QTest
from pytestqt.qtbot import QtBot

from gui.closing import ClosingQuestion
from gui.settings import Settings
from gui.window import Asked, MainWindow
from labctl.runs import run
from labctl.store.folder import RunFolder
from tests.simulated import request, small_bench_file, small_setup

PATIENCE_MS = 40_000
"""For what takes a moment; a loaded machine is no failure."""

ROWS = 4


class FakeChild(QObject):
    """A process that does nothing until a test tells it to."""

    opened = pyqtSignal(object)
    noted = pyqtSignal(str)
    refused = pyqtSignal(str, str)
    ended = pyqtSignal(int, str)

    begun: list[FakeChild]
    """All that were begun, set by the fixture."""

    def begin(self, arguments: list[str]) -> None:
        self.arguments = list(arguments)
        self.begun.append(self)


class Place:
    """A small bench and the folders beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bench = small_bench_file(folder / "bench", rows=ROWS)
        self.runs = folder / "runs"
        self.settings_file = folder / "settings" / "window.json"

    @property
    def options(self) -> dict[str, str]:
        return {
            "bench": str(self.bench),
            "runs": str(self.runs),
            "dies": str(self.folder / "dies"),
        }

    def make_run(self, procedure: str = "checkerboard", **parameters: Any) -> RunFolder:
        """A run made here and now."""
        setup = small_setup(self.folder / "bench", rows=ROWS)
        return run(request(setup, self.folder, procedure, seed=3, **parameters))


def open_window(
    place: Place, follow: Path | None = None, settings: Settings | None = None
) -> MainWindow:
    """A window that is shown, as large as the smallest screen that it is made for."""
    window = MainWindow(Asked(place.options, follow), settings or Settings(), place.settings_file)
    window.resize(1280, 770)
    window.show()
    return window


def clear(window: MainWindow, place: Place) -> None:
    """As it was when it was opened: one window serves many tests, since Qt is slow to make it."""
    window.running.abandon()
    window.shown.end()
    window.show_state()
    window.selection.clear()
    for question in window.findChildren(ClosingQuestion):
        question.close()
    parts = window.parts
    # The lines as they were read, whatever a test has made of them.
    window._runs_changed(tuple(window._lines.values()))
    parts.browser.runs.tick(frozenset())
    parts.browser.wanted.clear()
    parts.form.choose("checkerboard")
    parts.form.fill({})
    parts.options.fill(place.options)
    parts.lower_tabs.setCurrentWidget(parts.browser)
    parts.notice.tell("")
    while parts.queue.queue.lines:
        parts.queue.queue.remove(0)


def close(window: MainWindow) -> None:
    """Close it whatever goes on."""
    window.running.abandon()
    while window.parts.queue.queue.lines:
        window.parts.queue.queue.remove(0)
    window.close()
    window.deleteLater()
    # At once: every later change of theme would go through it too.
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def wait(qtbot: QtBot, until: Callable[[], object]) -> None:
    """Wait as long as it may take."""
    qtbot.waitUntil(lambda: bool(until()), timeout=PATIENCE_MS)


def press(button: Any) -> None:
    """Press a button with the mouse; it must be possible."""
    assert button.isVisible(), button.objectName()
    assert button.isEnabled(), button.objectName()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
