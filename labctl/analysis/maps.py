"""Maps of the array: mean sense-amplifier output and errors of every cell, dead cells.

Shapes: pattern and sensed (n, rows, columns), masked (rows, columns). A sensed value is 0, 1,
``UNDECIDED`` (both latch outputs alike: a wrong bit) or ``NOT_READ`` (no trial).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# What the chip's operations store; analysis may not import instruments.
UNDECIDED = 2
"""Q = QB; the same as ``instruments.testchip.chip.UNDECIDED``."""
NOT_READ = 255
"""Not sensed; the same as ``instruments.testchip.chip.NOT_READ``."""
FEWEST_PROGRAMMINGS = 10
"""Programmings of a pattern below which no cell is called dead."""


@dataclass(frozen=True)
class PatternMap:
    """What the sense amplifiers read over all programmings of one pattern; maps (rows, columns)."""

    pattern: NDArray[np.uint8]
    programmings: int
    mean_output: NDArray[np.float64]
    """Share of reads that gave 1; NaN where masked or never read."""
    errors: NDArray[np.int64]
    reads: NDArray[np.int64]
    """Reads that count; 0 where masked."""


def pattern_maps(
    pattern: NDArray[np.uint8], sensed: NDArray[np.uint8], masked: NDArray[np.bool_]
) -> list[PatternMap]:
    """One map for each pattern that was programmed, in the order of their first programming.

    >>> pattern = np.array([[[0, 1]], [[1, 0]], [[0, 1]]], dtype=np.uint8)
    >>> sensed = np.array([[[0, 1]], [[1, 0]], [[1, 1]]], dtype=np.uint8)
    >>> first, second = pattern_maps(pattern, sensed, np.zeros((1, 2), dtype=bool))
    >>> first.programmings, first.mean_output.tolist(), first.errors.tolist()
    (2, [[0.5, 1.0]], [[1, 0]])
    """
    groups: dict[bytes, list[int]] = {}
    for index, programmed in enumerate(pattern):
        groups.setdefault(programmed.tobytes(), []).append(index)
    return [_pattern_map(pattern[group[0]], sensed[group], masked) for group in groups.values()]


def _pattern_map(
    pattern: NDArray[np.uint8], sensed: NDArray[np.uint8], masked: NDArray[np.bool_]
) -> PatternMap:
    counted = (sensed != NOT_READ) & ~masked
    reads = counted.sum(axis=0)
    ones = ((sensed == 1) & counted).sum(axis=0)
    mean_output = np.full(pattern.shape, np.nan)
    np.divide(ones, reads, out=mean_output, where=reads > 0)
    errors = ((sensed != pattern) & counted).sum(axis=0)
    return PatternMap(pattern, len(sensed), mean_output, errors, reads)


def dead_cells(maps: list[PatternMap]) -> list[tuple[int, int]] | None:
    """Cells (row, column) wrong in every programming of at least one pattern.

    None, no statement, while a pattern has fewer than ``FEWEST_PROGRAMMINGS``.

    >>> pattern, sensed = np.zeros((10, 1, 2), np.uint8), np.zeros((10, 1, 2), np.uint8)
    >>> sensed[:, 0, 1] = 1
    >>> dead_cells(pattern_maps(pattern, sensed, np.zeros((1, 2), dtype=bool)))
    [(0, 1)]
    """
    if not maps or min(one.programmings for one in maps) < FEWEST_PROGRAMMINGS:
        return None
    dead = np.zeros(maps[0].pattern.shape, dtype=bool)
    for one in maps:
        dead |= (one.reads >= FEWEST_PROGRAMMINGS) & (one.errors == one.reads)
    return [(int(row), int(column)) for row, column in np.argwhere(dead)]
