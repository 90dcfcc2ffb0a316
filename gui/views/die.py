"""A named die over all runs: its wear map, and what each run did to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PyQt6.QtCore import QAbstractTableModel, QModelIndex, Qt, pyqtSignal
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QSplitter,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from gui.die_reader import DieReader
from gui.models.die import (
    DEVICE_CHOICES,
    DieEvent,
    DiePicture,
    die_layers,
    die_lines,
    retired_mask,
)
from gui.selection import Selection
from gui.theme import Mark, mark
from gui.views.cell_marks import CellMark
from gui.views.layer_map import LayerMap
from labctl.report.text import cycle_number

_COLUMNS = ("Run", "Pulses", "In all", "Most on a device", "Unconfirmed blocks")

_WIDE = 820
"""Width, in pixels, from which on the table stands beside the map."""


class DieView(QWidget):
    """Asks a `DieReader` and draws its answers; reads nothing itself."""

    run_wanted = pyqtSignal(str)
    """Name of a run that was opened in the table."""

    def __init__(self, reader: DieReader | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("die-view")
        self.reader = reader if reader is not None else DieReader(self)
        self.picture: DiePicture | None = None
        self._asked: tuple[Path, str, int | None] | None = None
        self.selection = Selection(self)
        self.dies = _chooser("die-chooser", "Die whose wear is shown")
        self.dies.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.dies.setMinimumContentsLength(14)
        self.devices = _chooser("die-device", "Device of each cell whose pulses are shown")
        self.devices.addItems(DEVICE_CHOICES)
        self.again = QPushButton("R&ead again")
        self.again.setObjectName("die-again")
        self.again.setToolTip("Read the wear ledger again; nothing is sent to the chip")
        mark(self.again, Mark.CALM)
        self.words = QLabel("No die is chosen.")
        self.words.setObjectName("die-words")
        self.words.setWordWrap(True)
        self.map = LayerMap("die", (), die_lines, self.selection, lines=3, beside=True)
        self.events = _Events()
        self.table = self._build_table()
        self._parts = QSplitter(Qt.Orientation.Vertical)
        self._build()
        self.reader.found.connect(self.show_die)
        self.reader.named.connect(self.offer)
        self.reader.refused.connect(self.refuse)
        self.dies.activated.connect(self.read_again)
        self.again.clicked.connect(self.read_again)
        self.devices.currentIndexChanged.connect(self._draw)

    def look(self, runs: Path, die: str, most_cycles: int | None = None) -> None:
        """Read a die from the ledger beside ``runs``; an empty name has a person choose.

        ``most_cycles``: the wear budget of a device, None without one.
        """
        self._asked = (runs, die, most_cycles)
        self.words.setText("The wear ledger is being read.")
        self.reader.ask(runs, die, most_cycles)

    def show_die(self, picture: DiePicture) -> None:
        """Draw a die."""
        self.picture = picture
        self._list(picture.dies)
        self.dies.setCurrentText(picture.die)
        self.words.setText(picture.summary)
        self.events.show_events(picture.history)
        self._draw()

    def offer(self, dies: tuple[str, ...]) -> None:
        """Have a person choose one of these."""
        self.refuse("Choose a die: the form names none, nor has the run in front one.")
        self._list(dies)
        self.dies.setCurrentIndex(-1)

    def read_again(self) -> None:
        """Read the die that is chosen here, or else the one that was asked for."""
        if self._asked is None:
            return
        runs, asked, most_cycles = self._asked
        self.reader.ask(runs, self.dies.currentText() or asked, most_cycles)

    def resizeEvent(self, a0: QResizeEvent | None) -> None:
        """Map and table side by side where there is room for both."""
        super().resizeEvent(a0)
        wide = self.width() >= _WIDE
        wanted = Qt.Orientation.Horizontal if wide else Qt.Orientation.Vertical
        if self._parts.orientation() is not wanted:
            self._parts.setOrientation(wanted)
            self._parts.setSizes([480, 480] if wide else [320, 140])

    def refuse(self, sentence: str) -> None:
        """Say why there is no die to draw."""
        self.picture = None
        self.dies.setCurrentIndex(-1)
        self.words.setText(sentence)
        self.events.show_events(())
        self.map.show_picture(None, {})

    def _list(self, dies: tuple[str, ...]) -> None:
        """An open list stays as it is while no die comes or goes."""
        if dies != tuple(self.dies.itemText(index) for index in range(self.dies.count())):
            self.dies.clear()
            self.dies.addItems(dies)

    def _draw(self) -> None:
        if self.picture is not None:
            self.map.show_picture(None, {})
            self.map.offer(die_layers(self.picture, self.devices.currentText()))
            self.map.show_picture(self.picture, {CellMark.RETIRED: retired_mask(self.picture)})

    def _build(self) -> None:
        line = QHBoxLayout()
        label = QLabel("&Die")
        label.setBuddy(self.dies)
        for widget in (label, self.dies, self.devices, self.again):
            line.addWidget(widget)
        line.addStretch(1)
        self._parts.setObjectName("die-parts")
        self._parts.setChildrenCollapsible(False)
        self._parts.addWidget(self.map)
        self._parts.addWidget(self.table)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.addLayout(line)
        column.addWidget(self.words)
        column.addWidget(self._parts, 1)

    def _build_table(self) -> QTableView:
        table = QTableView()
        table.setObjectName("die-history")
        table.setAccessibleName("What each run did to the die")
        table.setModel(self.events)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setTabKeyNavigation(False)
        header, side = table.horizontalHeader(), table.verticalHeader()
        if header is not None and side is not None:
            header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
            header.setStretchLastSection(True)
            header.resizeSection(0, 180)
            header.resizeSection(1, 260)
            header.resizeSection(2, 80)
            header.resizeSection(3, 120)
            side.hide()
            side.setDefaultSectionSize(table.fontMetrics().height() + 6)
        table.activated.connect(self._open)
        return table

    def _open(self, index: QModelIndex) -> None:
        self.run_wanted.emit(self.events.at(index.row()).run)


class _Events(QAbstractTableModel):
    """The history as a table, the latest on top."""

    def __init__(self) -> None:
        super().__init__()
        self._events: tuple[DieEvent, ...] = ()

    def show_events(self, events: tuple[DieEvent, ...]) -> None:
        """Show these, given in the order of booking."""
        self.beginResetModel()
        self._events = events[::-1]
        self.endResetModel()

    def at(self, row: int) -> DieEvent:
        """What stands in a line."""
        return self._events[row]

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """One line an event."""
        return 0 if parent is not None and parent.isValid() else len(self._events)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """As many as there are headers."""
        return len(_COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Names of the columns."""
        if role == Qt.ItemDataRole.DisplayRole and orientation is Qt.Orientation.Horizontal:
            return _COLUMNS[section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Texts; the whole condition as a tooltip, too."""
        event = self._events[index.row()]
        texts = (
            event.run,
            event.condition,
            cycle_number(event.pulses),
            cycle_number(event.most_per_device),
            str(event.unconfirmed_blocks) if event.unconfirmed_blocks else "",
        )
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return texts[index.column()]
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() >= 2:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None


def _chooser(name: str, meaning: str) -> QComboBox:
    chooser = QComboBox()
    chooser.setObjectName(name)
    chooser.setAccessibleName(meaning)
    chooser.setToolTip(meaning)
    return chooser
