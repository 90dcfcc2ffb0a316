"""The cells that are selected, shared by all views."""

from __future__ import annotations

from gui.selection import Selection, block


def test_every_change_is_told_once(qtbot):
    selection, told = Selection(), []
    selection.changed.connect(told.append)
    selection.set([(0, 1), (0, 2)])
    selection.set([(0, 2), (0, 1)])
    selection.toggle([(0, 2), (3, 3)])
    selection.clear()
    selection.clear()
    assert told == [frozenset({(0, 1), (0, 2)}), frozenset({(0, 1), (3, 3)}), frozenset()]
    assert selection.cells == frozenset()


def test_a_block_is_the_same_from_either_corner():
    assert block((2, 1), (1, 3)) == block((1, 3), (2, 1))
    assert len(block((2, 1), (1, 3))) == 6
