"""Timing two or more sides in turn, so that a machine that drifts slows all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping


def interleaved(repeats: int, sides: Mapping[str, Callable[[], object]]) -> dict[str, list[float]]:
    """Wall time (s) of each side, ``repeats`` times each, after one round that is not counted.

    Every other round goes backwards, so that no side always follows the same other one.
    """
    names = list(sides)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for count in range(-1, repeats):
        for name in names if count % 2 else reversed(names):
            begin = time.perf_counter()
            sides[name]()
            elapsed = time.perf_counter() - begin
            if count >= 0:
                seconds[name].append(elapsed)
    return seconds
