"""A view box of a panel: linked with another one, both show what either has."""

from __future__ import annotations

from typing import Any

import pyqtgraph

X, Y = 0, 1


class Box(pyqtgraph.ViewBox):
    """pyqtgraph's view box, whose whole range holds what its followers have, too.

    Of linked boxes pyqtgraph fits the range to the items of one and leaves those of the others
    outside.
    """

    def __init__(self) -> None:
        super().__init__(enableMenu=False)
        self._leads: dict[int, Box] = {}
        self._followers: list[tuple[Box, int]] = []

    def follow(self, lead: Box, axis: int) -> None:
        """Have the same `X` or `Y` range as another box, from now on."""
        self._leads[axis] = lead
        lead._followers.append((self, axis))
        self.linkView(axis, lead)
        self.whole_range()

    def leave(self) -> None:
        """Follow nothing any more, as this box goes."""
        for axis, lead in self._leads.items():
            self.linkView(axis, None)
            lead._followers.remove((self, axis))
        self._leads.clear()

    def whole_range(self) -> None:
        """Show everything, and go on doing so; what is shared is found by the box that leads."""
        for axis in (X, Y):
            self.enableAutoRange(axis, enable=axis not in self._leads)

    def childrenBounds(self, *args: Any, **kwargs: Any) -> Any:
        """Ranges of x and y of the items, each None without one; followers' items included."""
        bounds = super().childrenBounds(*args, **kwargs)
        for follower, axis in self._followers:
            other = follower.childrenBounds()[axis] if follower.isVisible() else None
            bounds[axis] = _joined(bounds[axis], other)
        return bounds

    def itemBoundsChanged(self, item: Any) -> None:
        """An item has other numbers: boxes that this one follows find their range anew."""
        super().itemBoundsChanged(item)
        self._tell_leads()

    def removeItem(self, item: Any) -> None:
        """Take an item out."""
        super().removeItem(item)
        self._tell_leads()

    def _tell_leads(self) -> None:
        for lead in self._leads.values():
            lead.queueUpdateAutoRange()


def _joined(one: list[float] | None, other: list[float] | None) -> list[float] | None:
    """The range that holds both."""
    if one is None or other is None:
        return other if one is None else one
    return [min(one[0], other[0]), max(one[1], other[1])]
