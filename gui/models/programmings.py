"""Programmings of the array as a run tells of them: pattern, resistances, what was sensed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.store.tail import News

_PREFIXES = {"": "condition", "array_": "array_compliance"}
"""Before the names of the arrays, with the array of what they were programmed with.

Differential runs store single pairs beside the array.
"""


@dataclass(frozen=True, eq=False)
class Programming:
    """One reading of the array. ``bits`` and ``sensed`` are (rows, columns), None if not known.

    ``resistance`` is (readings, rows, columns, 2), ohm, BL first; None if not read.
    """

    bits: NDArray[np.uint8] | None
    resistance: NDArray[np.float64] | None
    sensed: NDArray[np.uint8] | None
    is_new: bool
    """The pattern was programmed for it; else the same state was read again, which is no trial."""
    condition: tuple[float, ...] = ()
    """SET compliance (A), then RESET voltage (V) and pulse width (s) where they vary too.

    Empty where nothing varies over the run.
    """


class Programmings:
    """Puts together what belongs together; the last pattern holds until there is another."""

    def __init__(self) -> None:
        self._bits: NDArray[np.uint8] | None = None

    def of(self, news: News) -> Iterator[Programming]:
        """The programmings, or repeated readings, that are new."""
        for prefix, condition in _PREFIXES.items():
            conditions = [tuple(np.ravel(c).tolist()) for c in news.arrays.get(condition, [])]
            yield from self._with_prefix(news, prefix, conditions)

    def _with_prefix(
        self, news: News, prefix: str, conditions: list[tuple[float, ...]]
    ) -> Iterator[Programming]:
        patterns, resistances, senses = (
            _maps(news, prefix + name, sides)
            for name, sides in (("pattern", 2), ("resistance", 3), ("sensed", 2))
        )
        readings = max(len(resistances), len(senses))
        is_new = len(patterns) == readings
        if not is_new:
            # A pattern once, then readings of it.
            self._bits = patterns[-1] if patterns else self._bits
            patterns = [self._bits] * readings
        for number, bits in enumerate(patterns):
            self._bits = bits
            resistance = resistances[number] if number < len(resistances) else None
            sensed = senses[number] if number < len(senses) else None
            yield Programming(
                bits,
                resistance,
                # Sensed several times: the first counts, the others are no new trial.
                None if sensed is None else sensed[0],
                is_new,
                conditions[number] if is_new and number < len(conditions) else (),
            )


def _maps(news: News, name: str, sides: int) -> list[Any]:
    """Records that are maps of the array with ``sides`` axes, with one axis more for repeats.

    A resistance that is no map, such as the readings of a cycled pair, is left out.
    """
    found = []
    for record in news.arrays.get(name, []):
        if name.endswith("pattern"):
            found.append(record)
        elif record.ndim >= sides:
            found.append(record.reshape(-1, *record.shape[-sides:]))
    return found
