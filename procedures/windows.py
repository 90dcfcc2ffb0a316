"""Which of many cycles are observed: windows, evenly spread over the logarithm of the cycles.

A window of the paper's length (1e7 cycles, Fig. 6(e)) cannot lie at the hundredth cycle. So the
first windows reach to the beginning of the next one, and every window carries its real first and
last cycle. Cycles are counted from 1 and come in pairs: bit 0, then bit 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

_SMALLEST_SHARE = 100
"""The second window begins at the latest after this part of all cycles."""


@dataclass(frozen=True)
class Window:
    """Observed cycles ``begin + 1`` to ``begin + cycles``."""

    number: int
    begin: int
    cycles: int

    @property
    def end(self) -> int:
        """Cycles done when it is over; the number of its last cycle."""
        return self.begin + self.cycles


def log_windows(total: int, count: int, longest: int, shortest: int) -> list[Window]:
    """``count`` windows over ``total`` cycles, all four even numbers but ``count``.

    The first begins with the first cycle, the last ends with the last one; the others begin evenly
    on a log scale. None is longer than ``longest`` or than the way to the next one. The second one
    begins after ``shortest`` cycles, or sooner where ``total`` is small. Raises ValueError where so
    many do not fit.

    >>> [(w.begin + 1, w.end) for w in log_windows(10**6, 4, 10**5, 2000)]
    [(1, 2000), (2001, 42426), (42427, 142426), (900001, 1000000)]
    """
    longest = min(longest, _even(total / 2) if count > 1 else total)
    starts = [0]
    if count > 1:
        second = max(min(shortest, _even(total / _SMALLEST_SHARE)), 2)
        # The last one first: of two windows the second is the last.
        later = np.geomspace(total - longest, second, count - 1)
        starts += [_even(begin) for begin in later[::-1]]
    if not (np.diff(starts) > 0).all():
        raise ValueError(f"{count} windows do not fit into {total} cycles: take fewer windows")
    ends = [*starts[1:], total]
    return [
        Window(number, begin, min(longest, end - begin))
        for number, (begin, end) in enumerate(zip(starts, ends, strict=True))
    ]


def stretches(begin: int, end: int, longest: int) -> Iterator[tuple[int, int]]:
    """Parts (begin, cycles) of the cycles after ``begin`` up to ``end``, about equal and even.

    >>> list(stretches(10, 24, 6))
    [(10, 6), (16, 4), (20, 4)]
    """
    if end <= begin:
        return
    pairs = (end - begin) // 2
    parts = -(-pairs // max(longest // 2, 1))
    edges = [begin + 2 * -(-pairs * part // parts) for part in range(parts + 1)]
    for first, last in pairwise(edges):
        yield first, last - first


def _even(value: float) -> int:
    return 2 * round(value / 2)
