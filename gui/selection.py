"""The cells that a person has selected: one object that the map changes and every view follows."""

from __future__ import annotations

from collections.abc import Iterable

from PyQt6.QtCore import QObject, pyqtSignal

from gui.contract import Cell


class Selection(QObject):
    """A set of cells; tells of every change once."""

    changed = pyqtSignal(object)
    """The cells after the change, a frozenset of (row, column)."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._cells: frozenset[Cell] = frozenset()

    @property
    def cells(self) -> frozenset[Cell]:
        """What is selected."""
        return self._cells

    def set(self, cells: Iterable[Cell]) -> None:
        """Select these and no others."""
        wanted = frozenset(cells)
        if wanted != self._cells:
            self._cells = wanted
            self.changed.emit(wanted)

    def toggle(self, cells: Iterable[Cell]) -> None:
        """Select those that are not, and the other way round."""
        self.set(self._cells ^ frozenset(cells))

    def clear(self) -> None:
        """Select nothing."""
        self.set(())


def block(first: Cell, last: Cell) -> frozenset[Cell]:
    """The cells of the rectangle between two corners.

    >>> sorted(block((1, 2), (0, 2)))
    [(0, 2), (1, 2)]
    """
    (top, bottom), (left, right) = (sorted(pair) for pair in zip(first, last, strict=True))
    return frozenset(
        (row, column) for row in range(top, bottom + 1) for column in range(left, right + 1)
    )
