"""All runs in a table: tick to overlay, double-click to look at, annotate, open reports."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
    QUrl,
    pyqtSignal,
)
from PyQt6.QtGui import QDesktopServices, QFont, QFontMetrics
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QInputDialog,
    QLabel,
    QLineEdit,
    QPushButton,
    QStyle,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from gui.theme import Mark, mark
from labctl.store.folder import REPORT

if TYPE_CHECKING:
    from gui.run_list import RunLine

RESUMABLE = frozenset({"interrupted", "aborted", "failed"})
"""Status of runs that ``labctl resume`` may go on with."""

_Index = QModelIndex | QPersistentModelIndex
_TOP = QModelIndex()

_OPEN_REPORT = "Open the run's report in the web browser"
_STATUS_SIGNS = {
    "running": "▶",
    "success": "✓",
    "aborted": "‖",
    "failed": "✗",
    "interrupted": "!",
}


def _status(line: RunLine) -> str:
    return f"{_STATUS_SIGNS.get(line.status, '?')} {line.status}"


def _about_report(line: RunLine | None) -> str:
    """What Open report does, or why it does not."""
    if line is None:
        return f"{_OPEN_REPORT}: choose a run first."
    if line.has_report:
        return _OPEN_REPORT
    if line.status == "running":
        return f"Run {line.run} goes on: its report is written when it has ended."
    return (
        f"Run {line.run} has no report: its program ended ({line.status}) before one was written. "
        f"labctl report {line.run} writes it."
    )


def _started(line: RunLine) -> str:
    try:
        return f"{datetime.fromisoformat(line.started).astimezone():%Y-%m-%d %H:%M}"
    except ValueError:
        return line.started


COLUMNS: tuple[tuple[str, Callable[[RunLine], str]], ...] = (
    ("Run", lambda line: line.run),
    ("Status", _status),
    ("Procedure", lambda line: line.procedure),
    ("Conditions", lambda line: line.headline),
    ("Bench", lambda line: line.kind),
    ("Die", lambda line: line.die or ""),
    ("Started", _started),
    ("Note", lambda line: line.note),
)
"""Heading and text of each column."""


_EXAMPLES = (
    "20261122-082926-checkerboard",
    "! interrupted",
    "checkerboard",
    "SET 55 µA",
    "SIMULATED",
    "lab3-d07",
    "2026-11-22 08:29",
    "new probe",
)
"""What each column has room for."""


class RunTable(QAbstractTableModel):
    """Runs as rows, newest first, with tick boxes in the first column."""

    ticked_changed = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.lines: tuple[RunLine, ...] = ()
        self.ticked: frozenset[str] = frozenset()
        self.front = ""

    def show_lines(self, lines: tuple[RunLine, ...]) -> None:
        """The runs there are now. Rows stay where they are if no run came or went."""
        if [line.run for line in lines] == [line.run for line in self.lines]:
            changed = [n for n, line in enumerate(lines) if line != self.lines[n]]
            self.lines = lines
            for row in changed:
                self._row_changed(row)
            return
        self.beginResetModel()
        self.lines = lines
        self.endResetModel()

    def tick(self, runs: frozenset[str]) -> None:
        """Tick these runs and no others."""
        if runs != self.ticked:
            self.ticked = runs
            self._all_changed()
            self.ticked_changed.emit()

    def bring_to_front(self, run: str) -> None:
        """Write the run in front in bold."""
        self.front = run
        self._all_changed()

    def rowCount(self, parent: _Index = _TOP) -> int:
        """One row a run."""
        return 0 if parent.isValid() else len(self.lines)

    def columnCount(self, parent: _Index = _TOP) -> int:
        """As many as `COLUMNS`."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        """Headings."""
        if role == Qt.ItemDataRole.DisplayRole and orientation is Qt.Orientation.Horizontal:
            return COLUMNS[section][0]
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, tick, tool tip, and bold letters for the run in front."""
        line = self.lines[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return COLUMNS[index.column()][1](line)
        if role == Qt.ItemDataRole.CheckStateRole and index.column() == 0:
            ticked = line.run in self.ticked
            return Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked
        if role == Qt.ItemDataRole.FontRole and line.run == self.front:
            return _bold(QFont())
        return None

    def setData(self, index: _Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Take a tick."""
        if role != Qt.ItemDataRole.CheckStateRole or index.column() != 0:
            return False
        run = frozenset({self.lines[index.row()].run})
        checked = Qt.CheckState(value) is Qt.CheckState.Checked
        self.ticked = self.ticked | run if checked else self.ticked - run
        self._row_changed(index.row())
        self.ticked_changed.emit()
        return True

    def flags(self, index: _Index) -> Qt.ItemFlag:
        """The first column can be ticked."""
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return flags | Qt.ItemFlag.ItemIsUserCheckable if index.column() == 0 else flags

    def _row_changed(self, row: int) -> None:
        self.dataChanged.emit(self.index(row, 0), self.index(row, len(COLUMNS) - 1))

    def _all_changed(self) -> None:
        if self.lines:
            last = self.index(len(self.lines) - 1, len(COLUMNS) - 1)
            self.dataChanged.emit(self.index(0, 0), last)


def _widths(table: QTableView) -> list[int]:
    """Of the columns, in pixels: their examples fit in bold, as the run in front is written."""
    font = _bold(table.font())
    metrics, style = QFontMetrics(font), table.style()
    assert style is not None
    margin = 2 * (style.pixelMetric(QStyle.PixelMetric.PM_FocusFrameHMargin, None, table) + 2)
    box = style.pixelMetric(QStyle.PixelMetric.PM_IndicatorWidth, None, table) + margin
    boxes = [box if column == 0 else 0 for column in range(len(COLUMNS))]
    return [
        metrics.horizontalAdvance(example) + margin + room
        for example, room in zip(_EXAMPLES, boxes, strict=True)
    ]


def _bold(font: QFont) -> QFont:
    bold = QFont(font)
    bold.setBold(True)
    return bold


class RunBrowser(QWidget):
    """The table with its filter and its buttons."""

    followed = pyqtSignal(object)
    """RunLine that is to be shown in front."""

    chosen_changed = pyqtSignal()
    """Another run is chosen in the table, or the chosen one has changed."""

    noted = pyqtSignal(object, str)
    """RunLine, and what is to be remembered of it."""

    ticked = pyqtSignal(object)
    """Names of the runs to overlay, a frozenset."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("browser")
        self.runs = RunTable()
        self._filtered = QSortFilterProxyModel()
        self._filtered.setSourceModel(self.runs)
        self._filtered.setFilterKeyColumn(-1)
        self._filtered.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.table = self._make_table()
        self.wanted = QLineEdit()
        self.wanted.setObjectName("runs_wanted")
        self.wanted.setAccessibleName("Text that shown runs contain")
        self.wanted.setPlaceholderText("only runs with this text: name, die, condition, note")
        self.wanted.setClearButtonEnabled(True)
        self.wanted.textChanged.connect(self._filtered.setFilterFixedString)
        self.look = self._button("look", "&Look at", "Show the chosen run in front", Mark.CALM)
        self.open = self._button("open_report", "&Open report", _OPEN_REPORT, Mark.CALM)
        self.add_note = self._button(
            "add_note", "Add no&te…", "Add a remark to the chosen run", Mark.CALM
        )
        self._lay_out()
        self._connect()
        self._offer()

    def show_lines(self, lines: tuple[RunLine, ...]) -> None:
        """The runs there are now; the chosen one stays chosen."""
        chosen = self.chosen
        self.runs.show_lines(lines)
        if chosen is not None and self.chosen is None:
            self.choose(chosen.run)
        self._offer()

    @property
    def chosen(self) -> RunLine | None:
        """The run that the user chose in the table."""
        index = self.table.currentIndex()
        row = self._filtered.mapToSource(index).row() if index.isValid() else -1
        return self.runs.lines[row] if row >= 0 else None

    def choose(self, run: str) -> None:
        """Choose a run by its name, if it is there."""
        for row, line in enumerate(self.runs.lines):
            if line.run == run:
                self.table.setCurrentIndex(self._filtered.mapFromSource(self.runs.index(row, 0)))

    def bring_to_front(self, run: str) -> None:
        """Show in the table which run is in front."""
        self.runs.bring_to_front(run)

    def _make_table(self) -> QTableView:
        table = QTableView()
        table.setObjectName("runs")
        table.setAccessibleName("Runs; the space bar ticks one to overlay it")
        table.setModel(self._filtered)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setTabKeyNavigation(False)
        table.setWordWrap(False)
        table.setAlternatingRowColors(True)
        vertical, horizontal = table.verticalHeader(), table.horizontalHeader()
        assert vertical is not None
        assert horizontal is not None
        vertical.hide()
        vertical.setDefaultSectionSize(table.fontMetrics().height() + 6)
        for column, width in enumerate(_widths(table)):
            table.setColumnWidth(column, width)
        conditions = [heading for heading, _ in COLUMNS].index("Conditions")
        horizontal.setSectionResizeMode(conditions, QHeaderView.ResizeMode.Stretch)
        return table

    def _button(self, name: str, text: str, tip: str, what: Mark) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(name)
        button.setToolTip(tip)
        button.setAccessibleDescription(tip)
        mark(button, what)
        return button

    def _lay_out(self) -> None:
        label = QLabel("&Filter")
        label.setBuddy(self.wanted)
        row = QHBoxLayout()
        row.addWidget(label)
        row.addWidget(self.wanted, stretch=1)
        for button in (self.look, self.open, self.add_note):
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.addLayout(row)
        column.addWidget(self.table)

    def _connect(self) -> None:
        self.runs.ticked_changed.connect(lambda: self.ticked.emit(self.runs.ticked))
        # "Activated" is a double click or the Enter key.
        self.table.activated.connect(self._follow)
        self.look.clicked.connect(self._follow)
        self.open.clicked.connect(self._open_report)
        self.add_note.clicked.connect(self._ask_for_note)
        selection = self.table.selectionModel()
        assert selection is not None
        selection.currentRowChanged.connect(self._offer)
        self._filtered.modelReset.connect(self._offer)

    def _offer(self) -> None:
        """Enable what can be done with the chosen run."""
        line = self.chosen
        self.look.setEnabled(line is not None)
        self.add_note.setEnabled(line is not None)
        self.open.setEnabled(line is not None and line.has_report)
        self.open.setToolTip(_about_report(line))
        self.chosen_changed.emit()

    def _follow(self) -> None:
        if self.chosen is not None:
            self.followed.emit(self.chosen)

    def _open_report(self) -> None:
        if self.chosen is not None:
            report = Path(self.chosen.path).absolute() / REPORT
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(report)))

    def _ask_for_note(self) -> None:
        line = self.chosen
        if line is None:
            return
        # Not modal: the emergency stop stays within reach.
        dialog = QInputDialog(self)
        dialog.setObjectName("note")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle("Add a note")
        dialog.setLabelText(f"Note on run {line.run}:")
        dialog.textValueSelected.connect(
            lambda text: self.noted.emit(line, text.strip()) if text.strip() else None
        )
        dialog.show()
