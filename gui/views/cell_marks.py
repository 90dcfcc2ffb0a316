"""Marks that tell the state of a cell without colour: cross, circle, square, stroke, dash, dot."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QPainter, QPainterPath, QPen

from gui.theme import Theme


class CellMark(StrEnum):
    """What a mark says."""

    RETIRED = "retired"
    UNFORMED = "unformed"
    UNREADABLE = "unreadable"
    NO_DATA = "no data"
    LEFT_OUT = "outside the region"
    READ_WRONG = "read wrong"


def draw_marks(
    painter: QPainter, theme: Theme, which: CellMark, cells: Iterable[QRectF], dot: float
) -> None:
    """Draw a mark in each rectangle; ``dot``: thickness of a thin line."""
    path = QPainterPath()
    for cell in cells:
        _SHAPES[which](path, cell)
    if which in (CellMark.NO_DATA, CellMark.LEFT_OUT):
        painter.strokePath(path, QPen(theme.border, dot))
        return
    # A dark line on a light one can be seen on any colour.
    painter.strokePath(path, _pen(theme.background, 3.6 * dot))
    painter.strokePath(path, _pen(theme.foreground, 1.6 * dot))


def _pen(colour: QColor, width: float) -> QPen:
    pen = QPen(colour, width)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    return pen


def _part(cell: QRectF, share: float) -> QRectF:
    """The middle of a cell, ``share`` of its size."""
    rest = (1 - share) / 2
    return cell.adjusted(
        rest * cell.width(), rest * cell.height(), -rest * cell.width(), -rest * cell.height()
    )


def _line(path: QPainterPath, begin: QPointF, end: QPointF) -> None:
    path.moveTo(begin)
    path.lineTo(end)


def _cross(path: QPainterPath, cell: QRectF) -> None:
    part = _part(cell, 0.6)
    _line(path, part.topLeft(), part.bottomRight())
    _line(path, part.bottomLeft(), part.topRight())


def _circle(path: QPainterPath, cell: QRectF) -> None:
    path.addEllipse(_part(cell, 0.6))


def _square(path: QPainterPath, cell: QRectF) -> None:
    path.addRect(_part(cell, 0.5))


def _stroke(path: QPainterPath, cell: QRectF) -> None:
    part = _part(cell, 0.5)
    _line(path, part.bottomLeft(), part.topRight())


def _dash(path: QPainterPath, cell: QRectF) -> None:
    part = _part(cell, 0.4)
    middle = part.center().y()
    _line(path, QPointF(part.left(), middle), QPointF(part.right(), middle))


def _dot(path: QPainterPath, cell: QRectF) -> None:
    path.addEllipse(_part(cell, 0.28))


_SHAPES: dict[CellMark, Callable[[QPainterPath, QRectF], None]] = {
    CellMark.RETIRED: _cross,
    CellMark.UNFORMED: _circle,
    CellMark.UNREADABLE: _square,
    CellMark.NO_DATA: _stroke,
    CellMark.LEFT_OUT: _dash,
    CellMark.READ_WRONG: _dot,
}
