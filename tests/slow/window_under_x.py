"""The window as a program of its own that tells a test where its controls are on the screen.

``python -m tests.slow.window_under_x STATE SETTINGS RUNS ...`` writes a JSON file ten times a
second; the test moves a real mouse and presses real keys.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from PyQt6.QtCore import QPoint, QTimer
from PyQt6.QtWidgets import QApplication, QWidget

from gui.registry import ARRAY
from gui.settings import Settings
from gui.window import Asked, MainWindow
from labctl.store import files


def place(widget: QWidget, at: QPoint | None = None) -> list[int]:
    """Where the middle of a widget, or a point in it, is on the screen."""
    where = widget.mapToGlobal(at if at is not None else widget.rect().center())
    return [where.x(), where.y()]


def told(window: MainWindow) -> dict[str, object]:
    """What a person sees, and where."""
    grid = window.parts.map.grid
    controls = window.parts.controls
    picture = window.shown.picture_of(window.shown.front, ARRAY.name)
    cells = [(0, 0), (1, 3), (2, 5)]
    return {
        "places": {
            widget.objectName(): place(widget)
            for widget in window.findChildren(QWidget)
            if widget.isVisible() and widget.isEnabled() and widget.objectName()
        },
        "cells": {
            f"{row},{column}": place(grid, grid.rectangle((row, column)).center().toPoint())
            for row, column in cells
        },
        "state": window.state.name,
        "can_start": controls.start_button.isEnabled(),
        "question": controls.question.isVisible(),
        "popup": QApplication.activePopupWidget() is not None,
        "read": int((picture.reads > 0).sum()) if picture is not None else 0,
        "selected": sorted(window.selection.cells),
        "step": window.parts.progress.step.text(),
        "banner": window.parts.banner.text,
        "problem": window.parts.form.fields["programmings"].problem.text(),
        "programmings": window.parts.form.fields["programmings"].text,
    }


def main(state: Path, options: dict[str, str]) -> int:
    application = QApplication(["labctl"])
    window = MainWindow(Asked(options), Settings(), state.with_name("settings.json"))
    window.setGeometry(0, 0, 1280, 770)
    window.show()
    timer = QTimer()
    timer.timeout.connect(lambda: files.replace(state, json.dumps(told(window)).encode()))
    timer.start(100)
    return application.exec()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), json.loads(sys.argv[2])))
