"""A matrix of weights cut into tiles as large as the array (paper, Fig. 4e-f: one such tile).

``blocks`` cuts the matrix as it stands: tile by tile along its rows, then down; tiles at the edges
hold fewer weights. ``packed`` fills tile after tile with the weights in row-major order, so that
only the last tile has cells to spare.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LAYOUTS = ("packed", "blocks")
NO_WEIGHT = -1


def tiling(matrix: tuple[int, int], tile: tuple[int, int], layout: str) -> NDArray[np.int64]:
    """Which weight each cell of each tile holds: (tiles, rows, columns).

    Values are row-major positions in the matrix, ``NO_WEIGHT`` for a cell that holds none.

    >>> tiling((1, 5), (2, 2), "packed").tolist()
    [[[0, 1], [2, 3]], [[4, -1], [-1, -1]]]
    >>> tiling((1, 5), (2, 2), "blocks").tolist()
    [[[0, 1], [-1, -1]], [[2, 3], [-1, -1]], [[4, -1], [-1, -1]]]
    """
    weights = np.arange(matrix[0] * matrix[1])
    if layout == "packed":
        cells = tile[0] * tile[1]
        padded = np.full(-(-weights.size // cells) * cells, NO_WEIGHT)
        padded[: weights.size] = weights
        return padded.reshape(-1, *tile)
    if layout != "blocks":
        raise ValueError(f"no layout {layout!r}; there are {', '.join(LAYOUTS)}")
    down, along = (-(-size // edge) for size, edge in zip(matrix, tile, strict=True))
    grid = np.full((down * tile[0], along * tile[1]), NO_WEIGHT)
    grid[: matrix[0], : matrix[1]] = weights.reshape(matrix)
    blocks = grid.reshape(down, tile[0], along, tile[1]).swapaxes(1, 2)
    return blocks.reshape(-1, *tile)
