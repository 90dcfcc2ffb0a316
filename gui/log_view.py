"""The run's log, filtered by level and by text."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable

from PyQt6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

MOST_LINES = 5000
"""Older lines are in the run's log.txt: all are looked through at each key of the filter."""

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
"""Mildest first; CRITICAL passes every filter."""

_LEVEL = re.compile(r"^\S+ \S+ (DEBUG|INFO|WARNING|ERROR|CRITICAL) ")
_RANK = {level: rank for rank, level in enumerate((*LEVELS, "CRITICAL"))}


class LogView(QWidget):
    """Lines of a log; a reader who has scrolled back stays where they are."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("log")
        self._lines: deque[tuple[int, str]] = deque(maxlen=MOST_LINES)
        self._rank = _RANK["INFO"]
        self.level = QComboBox()
        self.level.setObjectName("log_level_shown")
        self.level.setAccessibleName("Mildest level shown")
        self.level.addItems(["all", "INFO and above", "WARNING and above", "ERROR"])
        self.wanted = QLineEdit()
        self.wanted.setObjectName("log_text_shown")
        self.wanted.setAccessibleName("Text that shown lines contain")
        self.wanted.setPlaceholderText("only lines with this text")
        self.wanted.setClearButtonEnabled(True)
        self.text = QPlainTextEdit()
        self.text.setObjectName("log_text")
        self.text.setAccessibleName("Log of the run in front")
        self.text.setReadOnly(True)
        self.text.setUndoRedoEnabled(False)
        self.text.setMaximumBlockCount(MOST_LINES)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setTabChangesFocus(True)
        self._lay_out()
        self.level.currentIndexChanged.connect(self._show_all)
        self.wanted.textChanged.connect(self._show_all)

    def append(self, lines: Iterable[str]) -> None:
        """Add lines; one without a level (a traceback's) has that of the line before."""
        added = []
        for line in lines:
            found = _LEVEL.match(line)
            self._rank = _RANK[found[1]] if found else self._rank
            added.append((self._rank, line))
        self._lines.extend(added)
        shown = [line for rank, line in added if self._is_shown(rank, line)]
        if shown:
            self._add(shown)

    def clear(self) -> None:
        """Another run is in front."""
        self._lines.clear()
        self._rank = _RANK["INFO"]
        self.text.clear()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        label = QLabel("Le&vel")
        label.setBuddy(self.level)
        text = QLabel("&Text")
        text.setBuddy(self.wanted)
        for widget in (label, self.level, text):
            row.addWidget(widget)
        row.addWidget(self.wanted, stretch=1)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.addLayout(row)
        column.addWidget(self.text)

    def _show_all(self) -> None:
        shown = [line for rank, line in self._lines if self._is_shown(rank, line)]
        self.text.setPlainText("\n".join(shown))
        bar = self.text.verticalScrollBar()
        if bar is not None:
            bar.setValue(bar.maximum())

    def _is_shown(self, rank: int, line: str) -> bool:
        return (
            rank >= self.level.currentIndex() and self.wanted.text().casefold() in line.casefold()
        )

    def _add(self, shown: list[str]) -> None:
        """Lines at the end; follows them only for a reader who is at the end."""
        bar = self.text.verticalScrollBar()
        assert bar is not None
        at_end, before, blocks = (
            bar.value() == bar.maximum(),
            bar.value(),
            self.text.blockCount(),
        )
        self.text.appendPlainText("\n".join(shown))
        dropped = blocks + len(shown) - self.text.blockCount()
        bar.setValue(bar.maximum() if at_end else max(before - dropped, 0))
