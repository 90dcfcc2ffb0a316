"""The array under the hand: what the run in front tells of every cell, and the selection."""

from __future__ import annotations

from functools import partial

import numpy as np
from PyQt6.QtCore import QPoint, pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QMenu, QPushButton, QVBoxLayout, QWidget

from gui.contract import Cell, RunStyle, View
from gui.models.array import ArrayPicture, Status
from gui.models.cell_text import cell_lines
from gui.models.layers import ARRAY_LAYERS, layers_of, read_wrong
from gui.selection import Selection, block
from gui.theme import Mark, mark
from gui.views.cell_marks import CellMark
from gui.views.layer_map import LayerMap, Marks
from labctl.report.text import grouped

_TARGETS = (
    ("selection", "Selection", "the selected cells"),
    ("row", "Row", "the rows of the selected cells"),
    ("column", "Column", "the columns of the selected cells"),
    ("array", "Array", "the whole array"),
)


class ArrayMap(View):
    """The map of the run in front; overlaid runs wait behind it."""

    apply_to = pyqtSignal(object)
    """A frozenset of cells that the form shall take as its region."""

    def __init__(self, selection: Selection | None = None, parent: QWidget | None = None) -> None:
        """``selection`` is shared with the views that follow it; without one it has its own."""
        super().__init__(parent)
        self.setObjectName("array-map")
        self.selection = selection if selection is not None else Selection(self)
        self.map = LayerMap("array", ARRAY_LAYERS, cell_lines, self.selection)
        self.grid = self.map.grid
        self._runs: dict[str, tuple[ArrayPicture | None, RunStyle]] = {}
        self._buttons: dict[str, QPushButton] = {}
        self._procedure = ""
        self._picked: dict[str, str] = {}
        self._run_name = QLabel()
        self._run_name.setObjectName("array-run")
        self.map.tools.addWidget(self._run_name)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.map, 1)
        column.addLayout(self._build_buttons())
        self.grid.menu_wanted.connect(self._open_menu)
        self.map.layer_picked.connect(self._keep_layer)
        self.selection.changed.connect(self.set_selection)
        self.set_selection(self.selection.cells)

    def show_run(self, run: str, picture: ArrayPicture | None, style: RunStyle) -> None:
        """Draw the picture of a run, if it is the one in front."""
        self._runs[run] = (picture, style)
        self._draw()

    def forget_run(self, run: str) -> None:
        """Take a run out; the next one comes to the front."""
        self._runs.pop(run, None)
        self._draw()

    def suit(self, procedure: str, layer: str) -> None:
        """Show the layer that suits a procedure, or the one that a person has chosen for it."""
        self._procedure = procedure
        self.map.choose(self._picked.get(procedure, layer))

    def set_selection(self, cells: frozenset[Cell]) -> None:
        """Take over what is selected elsewhere."""
        self.selection.set(cells)
        chosen = self._buttons["selection"]
        chosen.setText(f"Selection ({grouped(len(cells))})" if cells else "Selection")
        chosen.setEnabled(bool(cells))
        self._buttons["clear"].setEnabled(bool(cells))

    def cells_of(self, target: str, cell: Cell | None = None) -> frozenset[Cell]:
        """What "selection", "row", "column" or "array" means now; without a selection, of the
        cursor's cell, or of ``cell`` if it is given."""
        rows, columns = self.grid.shape
        about = frozenset({cell}) if cell is not None else self.selection.cells
        about = about or frozenset({self.grid.cursor_cell})
        if target == "row":
            spans = [block((row, 0), (row, columns - 1)) for row in {row for row, _ in about}]
            return frozenset().union(*spans)
        if target == "column":
            spans = [block((0, c), (rows - 1, c)) for c in {column for _, column in about}]
            return frozenset().union(*spans)
        if target == "array":
            return block((0, 0), (rows - 1, columns - 1))
        return self.selection.cells

    def _keep_layer(self, name: str) -> None:
        self._picked[self._procedure] = name

    def _build_buttons(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setSpacing(4)
        line.addWidget(QLabel("Apply to"))
        for target, text, meaning in _TARGETS:
            tip = f"Put {meaning} into the form; nothing is sent to the chip"
            self._add_button(line, target, text, tip).clicked.connect(
                partial(self._apply, target, None)
            )
        line.addStretch(1)
        clear = self._add_button(line, "clear", "Clear", "Select nothing")
        clear.clicked.connect(self.selection.clear)
        return line

    def _add_button(self, line: QHBoxLayout, name: str, text: str, tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(f"array-{name}")
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        mark(button, Mark.CALM)
        line.addWidget(button)
        self._buttons[name] = button
        return button

    def _apply(self, target: str, cell: Cell | None, _checked: bool = False) -> None:
        cells = self.cells_of(target, cell)
        if cells:
            self.apply_to.emit(cells)

    def _open_menu(self, cell: Cell, where: QPoint) -> None:
        menu = self.menu_for(cell)
        menu.popup(where)

    def menu_for(self, cell: Cell) -> QMenu:
        """The context menu of a cell."""
        row, column = cell
        menu = QMenu(self)
        count = len(self.selection.cells)
        for target, text in (
            ("selection", f"Apply to the &selection ({grouped(count)})"),
            ("row", f"Apply to ro&w {row}"),
            ("column", f"Apply to &column {column}"),
            ("array", "Apply to the whole &array"),
        ):
            action = menu.addAction(text, partial(self._apply, target, cell))
            if action is not None:
                action.setEnabled(target != "selection" or count > 0)
        menu.addSeparator()
        menu.addAction("Select only &this cell", partial(self.selection.set, [cell]))
        menu.addAction("Select &nothing", self.selection.clear)
        menu.aboutToHide.connect(menu.deleteLater)
        return menu

    def _draw(self) -> None:
        shown = min(self._runs.values(), key=lambda one: one[1].index, default=None)
        picture = None if shown is None else shown[0]
        self._run_name.setText(shown[1].name if shown is not None and len(self._runs) > 1 else "")
        self.map.offer(ARRAY_LAYERS if picture is None else layers_of(picture))
        self.map.show_picture(picture, {} if picture is None else _marks(picture))


def _marks(picture: ArrayPicture) -> Marks:
    """What is told without colour."""
    marks = {
        CellMark.RETIRED: picture.status == Status.RETIRED,
        CellMark.UNFORMED: picture.status == Status.UNFORMED,
        CellMark.UNREADABLE: picture.status == Status.UNREADABLE,
        CellMark.LEFT_OUT: picture.status == Status.LEFT_OUT,
    }
    usable = picture.status <= Status.UNREADABLE
    marks[CellMark.READ_WRONG] = np.asarray(read_wrong(picture) & usable)
    return marks
