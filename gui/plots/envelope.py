"""Long series brought down to what a plot can show, point by point as they grow.

A series of any length is drawn with a bounded number of its own points, and the lowest and highest
of each stretch are among them: a single outlier of a million points stays in the picture. Adding
points costs what the new ones are; nothing is read twice. x and y are as drawn: for a logarithmic
axis give logarithms, NaN where there is none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

FEW = 2000
"""Series up to this length are drawn as they are."""
SLOTS = 1000
"""Stretches of x; each shows its lowest and its highest point."""
CELLS = (160, 100)
"""Cells in x and y of points in no order; each shows one of its points."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """Points to draw; NaN breaks the line."""

    x: Floats
    y: Floats
    joined: bool
    """Whether a line joins the points."""


class RisingEnvelope:
    """Envelope of y against an x that never falls: at most 3 `SLOTS` + 1 points, gaps included."""

    def __init__(self, few: int = FEW, slots: int = SLOTS) -> None:
        self._few, self._slots = few, slots
        self._last_known = True
        self._begun = False
        self._last = (math.nan, math.nan)
        self._all: list[tuple[Floats, Floats, Bools]] = []
        self._count = 0
        self._binned: _Slots | None = None

    def append(self, x: Floats, y: Floats) -> None:
        """Add points (n,); NaN in either is a gap. x goes on from where it was."""
        known = np.isfinite(x) & np.isfinite(y)
        if not known.size:
            return
        before = np.concatenate([[self._last_known or not self._begun], known[:-1]])
        self._last_known = bool(known[-1])
        self._begun = self._begun or bool(known.any())
        self._add(x[known], y[known], ~before[known])

    def _add(self, x: Floats, y: Floats, after_gap: Bools) -> None:
        if not x.size:
            return
        self._last = float(x[-1]), float(y[-1])
        if self._binned is not None:
            self._binned.add(x, y, after_gap)
            return
        self._all.append((x, y, after_gap))
        self._count += x.size
        if self._count > self._few:
            points = self._points()
            self._binned = _Slots(self._slots, *points)
            self._all = []

    def _points(self) -> tuple[Floats, Floats, Bools]:
        if self._binned is not None:
            return self._binned.points()
        if not self._all:
            return np.empty(0), np.empty(0), np.empty(0, dtype=bool)
        x, y, after_gap = (np.concatenate(part) for part in zip(*self._all, strict=True))
        self._all = [(x, y, after_gap)]
        return x, y, after_gap

    def drawn(self) -> Drawn:
        """What to draw now."""
        x, y, after_gap = self._points()
        if self._binned is not None and (x[-1], y[-1]) != self._last:
            # Where the series has come to, though it is no extreme.
            x, y = np.append(x, self._last[0]), np.append(y, self._last[1])
        gaps = np.flatnonzero(after_gap)
        return Drawn(np.insert(x, gaps, np.nan), np.insert(y, gaps, np.nan), joined=True)


class _Slots:
    """Equal stretches of x, twice as wide whenever x has outgrown them."""

    def __init__(self, slots: int, x: Floats, y: Floats, after_gap: Bools) -> None:
        self._slots = slots
        self._origin = float(x[0])
        span = float(x[-1] - x[0])
        # A first width of nothing would never grow.
        self._width = max(2 * span / slots, abs(self._origin) * 1e-12, 1e-300)
        self._clear()
        self.add(x, y, after_gap)

    def _clear(self) -> None:
        self._low = np.full((2, self._slots), np.nan)
        self._high = np.full((2, self._slots), np.nan)
        self._after_gap = np.zeros(self._slots, dtype=bool)

    def add(self, x: Floats, y: Floats, after_gap: Bools) -> None:
        """Put points into their stretches."""
        self._widen(float(x[-1]))
        place = np.clip((x - self._origin) / self._width, 0, self._slots - 1).astype(np.intp)
        begins = np.flatnonzero(np.diff(place, prepend=-1))
        places = place[begins]
        fresh = np.isnan(self._low[0, places])
        self._after_gap[places[fresh]] = after_gap[begins[fresh]]
        for kept, sign in ((self._low, 1.0), (self._high, -1.0)):
            at = _first_lowest(sign * y, begins)
            is_lower = ~(sign * kept[1, places] <= sign * y[at])
            kept[:, places[is_lower]] = x[at[is_lower]], y[at[is_lower]]

    def _widen(self, x: float) -> None:
        ratio = (x - self._origin) / (self._slots * self._width)
        if ratio < 1:
            return
        points = self.points()
        self._width *= 2.0 ** (math.floor(math.log2(ratio)) + 1)
        self._clear()
        self.add(*points)

    def points(self) -> tuple[Floats, Floats, Bools]:
        """Lowest and highest point of each stretch, in rising x, and whether a gap lies before."""
        used = ~np.isnan(self._low[0])
        low, high = self._low[:, used], self._high[:, used]
        both = np.where(low[0] <= high[0], [low, high], [high, low])
        first, second = both
        again = (first == second).all(axis=0)
        x, y = np.stack([first, second], axis=-1).reshape(2, -1)
        after_gap = np.stack([self._after_gap[used], np.zeros_like(again)], axis=-1).ravel()
        kept = ~np.stack([np.zeros_like(again), again], axis=-1).ravel()
        return x[kept], y[kept], after_gap[kept]


def _first_lowest(values: Floats, begins: NDArray[np.intp]) -> NDArray[np.intp]:
    """Where the lowest value of each stretch stands, the first one of equals."""
    lengths = np.diff(begins, append=values.size)
    lowest = np.repeat(np.minimum.reduceat(values, begins), lengths)
    at = np.flatnonzero(values == lowest)
    stretch = np.repeat(np.arange(begins.size), lengths)[at]
    return at[np.flatnonzero(np.diff(stretch, prepend=-1))]


class ScatteredEnvelope:
    """Points in any order: all of few, and of many one in each cell of a grid over them."""

    def __init__(self, few: int = FEW, cells: tuple[int, int] = CELLS) -> None:
        self._few, self._cells = few, cells
        self._kept: list[NDArray[np.float64]] = []
        self._count = 0
        self._grid: _Grid | None = None

    def append(self, x: Floats, y: Floats) -> None:
        """Add points (n,); those with NaN are left out."""
        known = np.isfinite(x) & np.isfinite(y)
        points = np.stack([x[known], y[known]])
        if not points.size:
            return
        if self._grid is None:
            self._kept.append(points)
            self._count += points.shape[1]
            if self._count > self._few:
                together = np.concatenate(self._kept, axis=1)
                self._grid = _Grid(self._cells, together)
                self._kept = [self._grid.first_ones(together)]
        elif self._grid.grow(points):
            together = np.concatenate([*self._kept, points], axis=1)
            self._kept = [self._grid.first_ones(together)]
        else:
            self._kept.append(self._grid.first_ones(points))

    def drawn(self) -> Drawn:
        """What to draw now."""
        if not self._kept:
            return Drawn(np.empty(0), np.empty(0), joined=False)
        together = np.concatenate(self._kept, axis=1)
        self._kept = [together]
        return Drawn(together[0], together[1], joined=False)


class _Grid:
    """Which cells have a point; the grid doubles on the side where points fall outside."""

    def __init__(self, cells: tuple[int, int], points: NDArray[np.float64]) -> None:
        self._cells = np.array(cells)
        self._low = points.min(axis=1)
        highest = points.max(axis=1)
        least = np.maximum(np.abs(highest) * 1e-12, 1e-300)
        self._span = np.maximum((highest - self._low) * 1.001, least)
        self._taken = np.zeros(cells, dtype=bool)

    def first_ones(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """The points, (2, n), that are the first ones in their cells."""
        share = (points - self._low[:, np.newaxis]) / self._span[:, np.newaxis]
        most = self._cells[:, np.newaxis] - 1
        column, row = np.clip(share * self._cells[:, np.newaxis], 0, most).astype(np.intp)
        fresh = np.flatnonzero(~self._taken[column, row])
        _, first = np.unique(column[fresh] * self._cells[1] + row[fresh], return_index=True)
        chosen = fresh[np.sort(first)]
        self._taken[column[chosen], row[chosen]] = True
        return np.asarray(points[:, chosen])

    def grow(self, points: NDArray[np.float64]) -> bool:
        """Make room for points; if there was not enough, all cells are empty again."""
        lowest, highest = points.min(axis=1), points.max(axis=1)
        below = self._low - lowest
        above = highest - (self._low + self._span)
        if (below <= 0).all() and (above < 0).all():
            return False
        # At least twice as wide each time, so that growing costs little in the end.
        more_below = np.where(below > 0, np.maximum(below, self._span), 0.0)
        more_above = np.where(above >= 0, np.maximum(1.001 * above, self._span), 0.0)
        self._low = self._low - more_below
        self._span = self._span + more_below + more_above
        self._taken[:] = False
        return True
