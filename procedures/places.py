"""Which cells a procedure uses that does not use them all."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Place = tuple[int, int]
"""Row and column of a cell."""


def spread_places(count: int, shape: tuple[int, int], skip: int = 0) -> list[Place]:
    """``count`` cells spread evenly over an array, always in the same order.

    ``skip`` leaves out so many at the beginning of that order. Raises ValueError where there are
    not enough.

    >>> spread_places(3, (32, 32))
    [(0, 0), (20, 1), (8, 2)]
    """
    rows, columns = shape
    total = rows * columns
    if count + skip > total:
        raise ValueError(f"{count + skip} cells are asked for; the array has {total}")
    # A stride coprime to the array visits rows and columns evenly.
    stride = next(s for s in range(total * 5 // 8, total + 1) if math.gcd(s, total) == 1)
    return [divmod(n * stride % total, columns) for n in range(skip, skip + count)]


def places_mask(places: Iterable[Place], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The cells as a mask of an array.

    >>> places_mask([(0, 1)], (2, 2)).astype(int).tolist()
    [[0, 1], [0, 0]]
    """
    mask = np.zeros(shape, dtype=bool)
    for place in places:
        mask[place] = True
    return mask


def place_name(place: Place) -> str:
    """The cell in words.

    >>> place_name((3, 7))
    'row 3 column 7'
    """
    return f"row {place[0]} column {place[1]}"
