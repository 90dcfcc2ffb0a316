"""The cells of the array, drawn and under the hand: mouse, keys, selection, marks.

It knows nothing of what the colours mean; `gui.views.array_map` and `gui.views.die` do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFocusEvent,
    QFont,
    QImage,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
)
from PyQt6.QtWidgets import QSizePolicy, QWidget

from gui.contract import Cell
from gui.selection import Selection, block
from gui.theme import Theme, current_theme
from gui.views.cell_marks import CellMark, draw_marks

_PAGE = 8
_SMALLEST_GRID = 6.0
"""Cells smaller than this, in pixels, have no lines between them."""

_MOVES: Mapping[int, Cell] = {
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_PageUp: (-_PAGE, 0),
    Qt.Key.Key_PageDown: (_PAGE, 0),
    Qt.Key.Key_Home: (0, -10_000),
    Qt.Key.Key_End: (0, 10_000),
}


class _Part(Enum):
    """What lies under the mouse."""

    CELL = auto()
    ROW = auto()
    COLUMN = auto()
    CORNER = auto()


@dataclass(frozen=True)
class _Layout:
    """Where the cells are, in device-independent pixels."""

    left: float
    top: float
    size: float

    def rectangle(self, cell: Cell) -> QRectF:
        """The rectangle of a cell."""
        row, column = cell
        left, top = self.left + column * self.size, self.top + row * self.size
        return QRectF(left, top, self.size, self.size)


class ArrayGrid(QWidget):
    """Coloured cells with row and column headers.

    Click, drag, Ctrl and Shift select cells; on the headers, rows and columns. Arrow keys move a
    cursor, Space selects under it, Ctrl+A selects all. Escape is left to the window.
    """

    pointed = pyqtSignal(object)
    """The cell under the mouse, or the cursor's when the mouse is elsewhere."""
    menu_wanted = pyqtSignal(object, object)
    """The cell that a context menu is about, and where on the screen."""

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.selection = selection
        self.shape = (32, 32)
        self.cursor_cell: Cell = (0, 0)
        self._colours: NDArray[np.uint32] = np.zeros(self.shape, dtype=np.uint32)
        self._marks: dict[CellMark, list[Cell]] = {}
        self._anchor: Cell = (0, 0)
        self._drag: tuple[_Part, frozenset[Cell], bool] | None = None
        self._under_mouse: Cell | None = None
        self.setObjectName("array-grid")
        self.setAccessibleName("Array of cells")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        selection.changed.connect(lambda _cells: self.update())

    def show_cells(
        self, colours: NDArray[np.uint32], marks: Mapping[CellMark, NDArray[np.bool_]]
    ) -> None:
        """Draw these: ``colours`` (rows, columns) as 0xAARRGGBB, ``marks`` by what they say."""
        self._colours = np.ascontiguousarray(colours, dtype=np.uint32)
        self._marks = {
            mark: [(int(r), int(c)) for r, c in np.argwhere(where)] for mark, where in marks.items()
        }
        rows, columns = colours.shape
        if (rows, columns) != self.shape:
            self.shape = (rows, columns)
            self.cursor_cell = self._anchor = (0, 0)
            self._under_mouse = None
        self.update()

    @property
    def marks(self) -> Mapping[CellMark, list[Cell]]:
        """The cells with each mark."""
        return self._marks

    @property
    def pointed_cell(self) -> Cell:
        """The cell under the mouse; without one the cursor's."""
        return self.cursor_cell if self._under_mouse is None else self._under_mouse

    def rectangle(self, cell: Cell) -> QRectF:
        """Where a cell is drawn, in this widget."""
        return self._layout_now().rectangle(cell)

    def sizeHint(self) -> QSize:
        """Large enough to hit a cell with the mouse."""
        return QSize(420, 420)

    def minimumSizeHint(self) -> QSize:
        """Small enough for any window."""
        return QSize(180, 180)

    # --- painting ------------------------------------------------------------------------------

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        """Cells, marks, headers, selection, cursor."""
        theme, layout = current_theme(), self._layout_now()
        painter = QPainter(self)
        painter.fillRect(self._area(layout), theme.background)
        self._paint_cells(painter, layout)
        self._paint_lines(painter, theme, layout)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        thin = max(layout.size / 16, 0.7)
        for mark, cells in self._marks.items():
            draw_marks(painter, theme, mark, map(layout.rectangle, cells), thin)
        self._paint_headers(painter, theme, layout)
        self._paint_selection(painter, theme, layout)
        if self.hasFocus():
            self._paint_cursor(painter, theme, layout)
        painter.end()

    def _layout_now(self) -> _Layout:
        """Square cells whose edges fall on the screen's pixels."""
        metrics = self.fontMetrics()
        left = metrics.horizontalAdvance(str(max(self.shape))) + 8.0
        top = metrics.height() + 4.0
        rows, columns = self.shape
        room = min((self.width() - left - 2) / columns, (self.height() - top - 2) / rows)
        ratio = self.devicePixelRatioF()
        size = max(math.floor(room * ratio), 1) / ratio
        return _Layout(math.ceil(left * ratio) / ratio, math.ceil(top * ratio) / ratio, size)

    def _area(self, layout: _Layout) -> QRectF:
        rows, columns = self.shape
        return QRectF(layout.left, layout.top, columns * layout.size, rows * layout.size)

    def _paint_cells(self, painter: QPainter, layout: _Layout) -> None:
        rows, columns = self.shape
        # One dot of the image a cell; scaled without smoothing its edges stay sharp.
        content = self._colours.tobytes()
        image = QImage(content, columns, rows, 4 * columns, QImage.Format.Format_ARGB32)
        painter.drawImage(self._area(layout), image)

    def _paint_lines(self, painter: QPainter, theme: Theme, layout: _Layout) -> None:
        rows, columns = self.shape
        area = self._area(layout)
        painter.setPen(QPen(theme.grid, 0))
        if layout.size >= _SMALLEST_GRID:
            path = QPainterPath()
            for row in range(1, rows):
                path.moveTo(area.left(), area.top() + row * layout.size)
                path.lineTo(area.right(), area.top() + row * layout.size)
            for column in range(1, columns):
                path.moveTo(area.left() + column * layout.size, area.top())
                path.lineTo(area.left() + column * layout.size, area.bottom())
            painter.drawPath(path)
        painter.setPen(QPen(theme.border, 0))
        painter.drawRect(area)

    def _paint_headers(self, painter: QPainter, theme: Theme, layout: _Layout) -> None:
        rows, columns = self.shape
        metrics = self.fontMetrics()
        every_row = _labels_every(metrics.height(), layout.size)
        every_column = _labels_every(metrics.horizontalAdvance("00") + 4, layout.size)
        row, column = self.pointed_cell
        for number in sorted({*range(0, rows, every_row), row}):
            where = QRectF(0, layout.rectangle((number, 0)).top(), layout.left - 4, layout.size)
            if number == row or abs(number - row) >= every_row:
                align = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                self._paint_header(painter, theme, where, align, number, number == row)
        for number in sorted({*range(0, columns, every_column), column}):
            where = QRectF(layout.rectangle((0, number)).left(), 0, layout.size, layout.top - 1)
            if number == column or abs(number - column) >= every_column:
                align = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom
                self._paint_header(painter, theme, where, align, number, number == column)

    def _paint_header(
        self,
        painter: QPainter,
        theme: Theme,
        where: QRectF,
        align: Qt.AlignmentFlag,
        number: int,
        pointed: bool,
    ) -> None:
        font = QFont(self.font())
        font.setBold(pointed)
        painter.setFont(font)
        painter.setPen(theme.foreground if pointed else theme.dim)
        # Text may reach beyond a small cell on both sides.
        room = where.adjusted(-30 * (where.left() > 0), -20, 30 * (where.left() > 0), 0)
        if where.left() == 0:
            room = where.adjusted(0, -20, 0, 20)
        painter.drawText(room, align, str(number))

    def _paint_selection(self, painter: QPainter, theme: Theme, layout: _Layout) -> None:
        path = _outline(self.selection.cells, self.shape, layout)
        if path.isEmpty():
            return
        for colour, width in ((theme.background, 5.0), (theme.selection, 2.5)):
            pen = QPen(colour, width)
            pen.setCapStyle(Qt.PenCapStyle.SquareCap)
            painter.strokePath(path, pen)

    def _paint_cursor(self, painter: QPainter, theme: Theme, layout: _Layout) -> None:
        inner = layout.rectangle(self.cursor_cell).adjusted(1.5, 1.5, -1.5, -1.5)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.background, 3))
        painter.drawRect(inner)
        painter.setPen(QPen(theme.foreground, 1.5, Qt.PenStyle.DotLine))
        painter.drawRect(inner)

    # --- mouse ---------------------------------------------------------------------------------

    def _at(self, where: QPointF) -> tuple[_Part, Cell] | None:
        """What lies at a point: a cell, or a header with the first cell of its row or column."""
        layout, (rows, columns) = self._layout_now(), self.shape
        row = math.floor((where.y() - layout.top) / layout.size)
        column = math.floor((where.x() - layout.left) / layout.size)
        if row >= rows or column >= columns:
            return None
        if row < 0 and column < 0:
            return _Part.CORNER, (0, 0)
        if row < 0:
            return _Part.COLUMN, (0, column)
        if column < 0:
            return _Part.ROW, (row, 0)
        return _Part.CELL, (row, column)

    def _nearest(self, where: QPointF) -> Cell:
        """The cell at a point, or the one nearest to it."""
        layout, (rows, columns) = self._layout_now(), self.shape
        row = math.floor((where.y() - layout.top) / layout.size)
        column = math.floor((where.x() - layout.left) / layout.size)
        return min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)

    def mousePressEvent(self, a0: QMouseEvent | None) -> None:
        """Begin to select."""
        if a0 is None or a0.button() is not Qt.MouseButton.LeftButton:
            return
        found = self._at(a0.position())
        keys = a0.modifiers()
        adds = bool(keys & Qt.KeyboardModifier.ControlModifier)
        if found is None:
            if not adds:
                self.selection.clear()
            return
        part, cell = found
        if not keys & Qt.KeyboardModifier.ShiftModifier:
            self._anchor = cell
        self._drag = part, self.selection.cells if adds else frozenset(), adds
        self._drag_to(cell)

    def mouseMoveEvent(self, a0: QMouseEvent | None) -> None:
        """Go on selecting, or tell the cell under the mouse."""
        if a0 is None:
            return
        if self._drag is not None:
            self._drag_to(self._nearest(a0.position()))
        found = self._at(a0.position())
        self._point_at(found[1] if found is not None and found[0] is _Part.CELL else None)

    def mouseReleaseEvent(self, a0: QMouseEvent | None) -> None:
        """The selection stands."""
        self._drag = None

    def leaveEvent(self, a0: QEvent | None) -> None:
        """The mouse is elsewhere: tell of the cursor again."""
        self._point_at(None)

    def _drag_to(self, cell: Cell) -> None:
        if self._drag is None:
            return
        part, before, adds = self._drag
        span = self._span(part, self._anchor, cell)
        self.cursor_cell = cell
        # With Ctrl: what is selected as a whole already is taken out.
        self.selection.set(before - span if adds and span <= before else before | span)
        self.pointed.emit(self.pointed_cell)
        self.update()

    def _span(self, part: _Part, first: Cell, last: Cell) -> frozenset[Cell]:
        rows, columns = self.shape
        if part is _Part.ROW:
            return block((first[0], 0), (last[0], columns - 1))
        if part is _Part.COLUMN:
            return block((0, first[1]), (rows - 1, last[1]))
        if part is _Part.CORNER:
            return block((0, 0), (rows - 1, columns - 1))
        return block(first, last)

    def _point_at(self, cell: Cell | None) -> None:
        if cell != self._under_mouse:
            self._under_mouse = cell
            self.pointed.emit(self.pointed_cell)
            self.update()

    def contextMenuEvent(self, a0: QContextMenuEvent | None) -> None:
        """Ask for the menu of the cell under the mouse, or of the cursor's by the menu key."""
        if a0 is None:
            return
        where = a0.globalPos()
        if a0.reason() is QContextMenuEvent.Reason.Keyboard:
            corner = self.rectangle(self.cursor_cell).bottomRight().toPoint()
            where = self.mapToGlobal(corner)
        else:
            found = self._at(QPointF(a0.pos()))
            if found is not None:
                self.cursor_cell = found[1]
        self.menu_wanted.emit(self.cursor_cell, where)

    # --- keys ----------------------------------------------------------------------------------

    def keyPressEvent(self, a0: QKeyEvent | None) -> None:
        """Move the cursor, select under it; any other key is left to the window."""
        if a0 is None:
            return
        rows, columns = self.shape
        if a0.matches(QKeySequence.StandardKey.SelectAll):
            self.selection.set(block((0, 0), (rows - 1, columns - 1)))
        elif a0.key() == Qt.Key.Key_Space:
            self.selection.toggle([self.cursor_cell])
        elif a0.key() in _MOVES:
            extends = bool(a0.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._move(_MOVES[a0.key()], extends)
        else:
            super().keyPressEvent(a0)

    def _move(self, by: Cell, extends: bool) -> None:
        rows, columns = self.shape
        row, column = self.cursor_cell
        self.cursor_cell = (
            min(max(row + by[0], 0), rows - 1),
            min(max(column + by[1], 0), columns - 1),
        )
        self._under_mouse = None
        if extends:
            self.selection.set(block(self._anchor, self.cursor_cell))
        else:
            self._anchor = self.cursor_cell
        self.pointed.emit(self.cursor_cell)
        self.update()

    def focusInEvent(self, a0: QFocusEvent | None) -> None:
        """The cursor appears."""
        super().focusInEvent(a0)
        self.update()

    def focusOutEvent(self, a0: QFocusEvent | None) -> None:
        """The cursor goes."""
        super().focusOutEvent(a0)
        self.update()


def packed_colour(colour: QColor) -> np.uint32:
    """A colour as `ArrayGrid.show_cells` takes it."""
    return np.uint32(colour.rgba())


def _labels_every(room: float, size: float) -> int:
    """Every how many cells a label fits: 1, 2, 4, 8, ..."""
    return int(2 ** max(math.ceil(math.log2(room / size)), 0))


def _outline(cells: frozenset[Cell], shape: tuple[int, int], layout: _Layout) -> QPainterPath:
    """The edges between cells of a set and others."""
    inside = np.zeros((shape[0] + 2, shape[1] + 2), dtype=bool)
    for row, column in cells:
        if row < shape[0] and column < shape[1]:
            inside[row + 1, column + 1] = True
    path = QPainterPath()
    left, top, size = layout.left, layout.top, layout.size
    for row, first, last in _runs(inside[1:, 1:-1] != inside[:-1, 1:-1]):
        path.moveTo(left + first * size, top + row * size)
        path.lineTo(left + last * size, top + row * size)
    for column, first, last in _runs((inside[1:-1, 1:] != inside[1:-1, :-1]).T):
        path.moveTo(left + column * size, top + first * size)
        path.lineTo(left + column * size, top + last * size)
    return path


def _runs(edges: NDArray[np.bool_]) -> list[tuple[int, int, int]]:
    """Unbroken lines in a mask (lines, places): line, first place, place behind the last.

    >>> _runs(np.array([[True, True, False, True]]))
    [(0, 0, 2), (0, 3, 4)]
    """
    steps = np.diff(np.pad(edges.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    begins, ends = np.argwhere(steps == 1).tolist(), np.argwhere(steps == -1).tolist()
    return [(line, first, last) for (line, first), (_, last) in zip(begins, ends, strict=True)]
