"""Command lines that wait: the next one begins when the one before it has ended well.

Nothing here starts a process: `Pending.due` hands a line over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PyQt6.QtCore import QAbstractListModel, QModelIndex, QObject, Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QListView,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from gui import command_line
from gui.form import CHANGES, READS
from gui.theme import Mark, mark
from procedures import load_procedure


@dataclass(frozen=True)
class Line:
    """A command line that waits: what follows ``labctl``."""

    procedure: str
    arguments: tuple[str, ...]

    @property
    def changes_devices(self) -> bool:
        """Whether it sends pulses to devices."""
        return bool(load_procedure(self.procedure).changes_devices)

    @property
    def text(self) -> str:
        """As a person reads it."""
        sign = CHANGES if self.changes_devices else READS
        return f"{sign} {command_line.text(self.arguments)}"


class Pending(QAbstractListModel):
    """The lines in order, and whether the next one may begin by itself.

    `ran` tells it how a run ended, whoever began it. A run that did not end well holds the queue
    until `begin_next` is called.
    """

    due = pyqtSignal(object)
    """A `Line` that is to begin now; it waits no more."""

    changed = pyqtSignal()
    """Lines, or why the queue is held."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lines: list[Line] = []
        self.held = ""
        """Why the next line does not begin by itself; "" if it does."""
        self.held_as_asked = False
        """Whether that is because a person has asked the run before it to end."""

    @property
    def lines(self) -> tuple[Line, ...]:
        """What waits, the next one first."""
        return tuple(self._lines)

    def add(self, procedure: str, arguments: Sequence[str]) -> None:
        """Put a line at the end."""
        end = len(self._lines)
        self.beginInsertRows(QModelIndex(), end, end)
        self._lines.append(Line(procedure, tuple(arguments)))
        self.endInsertRows()
        self.changed.emit()

    def remove(self, index: int) -> Line:
        """Take a line out and return it; an empty queue is held by nothing."""
        self.beginRemoveRows(QModelIndex(), index, index)
        line = self._lines.pop(index)
        self.endRemoveRows()
        if not self._lines:
            self.held = ""
        self.changed.emit()
        return line

    def move(self, index: int, to: int) -> None:
        """Put a line in another place, if there is such a place."""
        if index == to or not 0 <= to < len(self._lines):
            return
        # Qt counts the place before the line is taken out.
        self.beginMoveRows(QModelIndex(), index, index, QModelIndex(), to + (to > index))
        self._lines.insert(to, self._lines.pop(index))
        self.endMoveRows()
        self.changed.emit()

    def ran(self, well: bool, sentence: str, asked_for: bool = False) -> None:
        """A run has ended: well, so that the next line begins, or not, and then how it ended.

        ``asked_for``: a person has asked it to end.
        """
        if not self._lines:
            return
        if well and not self.held:
            self.due.emit(self.remove(0))
            return
        if not well:
            self.held, self.held_as_asked = sentence, asked_for
        self.changed.emit()

    def begin_next(self) -> None:
        """Begin the next line now, and go on after it; no run may be going on."""
        self.held = ""
        if self._lines:
            self.due.emit(self.remove(0))
        self.changed.emit()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Lines that wait."""
        return 0 if parent is not None and parent.isValid() else len(self._lines)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The line; in full as a tooltip too."""
        shown = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole)
        if not index.isValid() or role not in shown:
            return None
        return self._lines[index.row()].text


class PendingRuns(QWidget):
    """The queue as a list with buttons; ``queue`` is what it shows."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("pending_runs")
        self.queue = Pending(self)
        self._idle = True
        self.told = QLabel()
        self.told.setObjectName("queue_told")
        self.told.setWordWrap(True)
        self.told.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.list = QListView()
        self.list.setObjectName("queue_list")
        self.list.setAccessibleName("Runs that wait")
        self.list.setModel(self.queue)
        self.begin_button = self._button("begin", "&Begin next", "Begin the first line now.")
        self.up_button = self._button("up", "&Up", "One place nearer to the front.")
        self.down_button = self._button("down", "Dow&n", "One place nearer to the end.")
        self.remove_button = self._button("remove", "Remo&ve", "Take the line out.")
        self.begin_button.clicked.connect(self.queue.begin_next)
        self.up_button.clicked.connect(lambda: self._move(-1))
        self.down_button.clicked.connect(lambda: self._move(1))
        self.remove_button.clicked.connect(self._remove)
        buttons = QVBoxLayout()
        for button in (self.begin_button, self.up_button, self.down_button, self.remove_button):
            buttons.addWidget(button)
        buttons.addStretch(1)
        row = QHBoxLayout()
        row.addWidget(self.list, stretch=1)
        row.addLayout(buttons)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.addWidget(self.told)
        column.addLayout(row)
        self.queue.changed.connect(self._show)
        selection = self.list.selectionModel()
        assert selection is not None
        selection.currentChanged.connect(self._show)
        self._show()

    def set_idle(self, idle: bool) -> None:
        """Whether no run is going on, so that the next line may begin."""
        if idle != self._idle:
            self._idle = idle
            self._show()

    def _move(self, places: int) -> None:
        index = self.list.currentIndex().row()
        self.queue.move(index, index + places)
        self._show()

    def _remove(self) -> None:
        self.queue.remove(self.list.currentIndex().row())

    def _show(self) -> None:
        lines, index = len(self.queue.lines), self.list.currentIndex().row()
        self.begin_button.setEnabled(self._idle and lines > 0)
        changes = lines > 0 and self.queue.lines[0].changes_devices
        self.begin_button.setText(f"{CHANGES} &Begin next" if changes else "&Begin next")
        mark(self.begin_button, Mark.DANGER if changes else Mark.CALM)
        self.up_button.setEnabled(index > 0)
        self.down_button.setEnabled(0 <= index < lines - 1)
        self.remove_button.setEnabled(0 <= index < lines)
        held, as_asked = self.queue.held, self.queue.held_as_asked
        mark(self.told, Mark.PROBLEM if held and not as_asked else Mark.HINT)
        if held and as_asked:
            self.told.setText(f"{held.rstrip('.')}. The queue waits for Begin next.")
        elif held:
            self.told.setText(f"⚠ The queue is held: {held}")
        elif not lines:
            self.told.setText("Nothing waits.")
        elif self._idle:
            self.told.setText("Begin next starts the first line; the others follow by themselves.")
        else:
            self.told.setText("The first line begins when the present run has ended well.")

    def _button(self, name: str, text: str, tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(name)
        button.setToolTip(tip)
        button.setAutoDefault(False)
        mark(button, Mark.CALM)
        return button
