"""A window that shows a simulated bench running flat out, watched, all its plots one by one."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytestqt.qtbot import QtBot

from gui.app import spare_from_collection
from gui.controls import RunState
from gui.settings import Settings
from gui.window import Asked, MainWindow
from labctl.observing import Stop
from tests.gui.watchdog import Watchdog
from tests.gui.windows import close, wait

_MANY = 100_000
"""Programmings: the run goes on until it is stopped."""


@contextmanager
def watched_run(qtbot: QtBot, folder: Path) -> Iterator[tuple[MainWindow, Watchdog]]:
    """A whole array is programmed again and again, by a process that the window has started."""
    options = {"runs": str(folder / "runs"), "dies": str(folder / "dies")}
    window = MainWindow(Asked(options), Settings(), folder / "window.json")
    window.resize(1280, 800)
    window.show()
    spare_from_collection()
    watchdog = Watchdog()
    words = ["run", "checkerboard", "--programmings", str(_MANY), "--seed", "1"]
    words += [word for name, value in options.items() for word in (f"--{name}", value)]
    window.running.begin(words)
    try:
        wait(qtbot, lambda: window.state is RunState.RUNNING)
        wait(qtbot, lambda: _steps(window) > 0)
        watchdog.begin()
        yield window, watchdog
        watchdog.end()
        window._stop(Stop.EMERGENCY)
        wait(qtbot, lambda: not window.running.active)
    finally:
        close(window)
        gc.unfreeze()


def look_at_all_plots(qtbot: QtBot, window: MainWindow, steps: int) -> None:
    """Bring each plot to the front, until so many more steps have been shown with it."""
    plots = window.parts.plots
    for index in range(plots.count()):
        plots.setCurrentIndex(index)
        seen = _steps(window)
        wait(qtbot, lambda until=seen + steps: _steps(window) >= until)


def painting_s(window: MainWindow) -> float:
    """Processor time of painting the whole window once, s: the middle one of some."""
    costs = []
    for _ in range(9):
        begin = time.thread_time()
        window.grab()
        costs.append(time.thread_time() - begin)
    return sorted(costs)[len(costs) // 2]


def _steps(window: MainWindow) -> int:
    status = window.shown.status
    return status.steps_done if status is not None else 0
