"""One column of a run against another, brought into an envelope piece by piece."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gui.models.rows import Column, RowsPicture
from gui.plots.envelope import Drawn, RisingEnvelope, ScatteredEnvelope

PIECE = 1 << 16
"""Rows taken in at once: some ms, so that the interface never waits for a long run."""


@dataclass(frozen=True)
class Wanted:
    """What is drawn: names of the columns, which axes are logarithmic, and a part of x.

    ``begin`` and ``end`` are decimal logarithms on a logarithmic axis.
    """

    x: str
    y: str
    log_x: bool = False
    log_y: bool = False
    begin: float = -math.inf
    end: float = math.inf


class Trace:
    """The envelope of two columns, as far as it has been taken in."""

    def __init__(self, picture: RowsPicture, wanted: Wanted) -> None:
        """Raises KeyError for a column that the run does not have."""
        self.wanted = wanted
        self._x, self._y = picture.columns[wanted.x], picture.columns[wanted.y]
        self._rises = wanted.x in picture.rising
        self._envelope = RisingEnvelope() if self._rises else ScatteredEnvelope()
        self._done = 0

    def goes_on_with(self, picture: RowsPicture, wanted: Wanted) -> bool:
        """Whether that is wanted still, and the picture only adds to what was taken in."""
        return (
            wanted == self.wanted
            and picture.columns.get(self.wanted.x) is self._x
            and picture.columns.get(self.wanted.y) is self._y
            and (self.wanted.x in picture.rising) == self._rises
        )

    def catch_up(self, rows: int) -> bool:
        """Take in up to `PIECE` of the first ``rows`` rows; whether some are left."""
        end = min(rows, self._done + PIECE)
        x = _scaled(self._x, self._done, end, self.wanted.log_x)
        y = _scaled(self._y, self._done, end, self.wanted.log_y)
        beyond = (x < self.wanted.begin) | (x > self.wanted.end)
        self._envelope.append(x[~beyond], y[~beyond])
        self._done = max(end, self._done)
        return self._done < rows

    def drawn(self) -> Drawn:
        """Points in the columns' own units."""
        found = self._envelope.drawn()
        return Drawn(
            _power(found.x, self.wanted.log_x), _power(found.y, self.wanted.log_y), found.joined
        )


def _scaled(column: Column, begin: int, end: int, log: bool) -> NDArray[np.float64]:
    values = column.part(begin, end)
    if not log:
        return values
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log10(np.where(values > 0, values, np.nan)))


def _power(values: NDArray[np.float64], log: bool) -> NDArray[np.float64]:
    return np.asarray(10.0**values) if log else values
