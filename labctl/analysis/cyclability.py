"""How many cycles pairs keep a 2T2R bit error rate below 1e-3 (paper, Table 1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labctl.analysis.crossing import BER_LIMIT, Crossing, first_crossing
from labctl.analysis.endurance import SenseCount
from labctl.analysis.error_rates import ErrorRate, error_rate


@dataclass(frozen=True)
class Cyclability:
    """What a few pairs, cycled at one condition, tell."""

    cycles: int
    """Cycles asked for."""
    crossings: list[Crossing | None]
    """Of each pair that passed 1e-3 or was cycled to the end; None for the latter."""
    windows: list[tuple[float, ErrorRate]]
    """Middle and rate of each window, all pairs added up."""

    @property
    def crossed(self) -> int:
        """Pairs whose error rate passed 1e-3."""
        return sum(crossing is not None for crossing in self.crossings)

    @property
    def median(self) -> Crossing | None:
        """Crossing of the median pair, of an even number the lower middle; None: not reached."""
        known = sorted((c for c in self.crossings if c is not None), key=lambda c: c.cycle)
        middle = (len(self.crossings) - 1) // 2
        return known[middle] if 0 <= middle < len(known) else None

    @property
    def bound(self) -> int | None:
        """Cycles that the median pair passed without crossing; None if it crossed, or no pair."""
        return None if self.median is not None or not self.crossings else self.cycles

    @property
    def is_from_start(self) -> bool:
        """The median pair was above 1e-3 in its first window: its crossing is an upper bound."""
        return self.median is not None and self.median.cycle <= self.windows[0][0]


def cyclability(counts: Sequence[SenseCount], cycles: int) -> Cyclability:
    """Crossings of 1e-3 from the windows of pairs that were to be cycled ``cycles`` times.

    A pair that neither crossed nor was cycled to the end (a run that was stopped) is in no count.

    >>> early = [SenseCount(pair, 0, 1, 10**5, 10**5, 0, 0, 0) for pair in (0, 1, 2)]
    >>> late = [
    ...     SenseCount(pair, 1, 19 * 10**5, 2 * 10**6, 10**5, 0, errors, 0)
    ...     for pair, errors in ((0, 4000), (1, 0))
    ... ]
    >>> found = cyclability([*early, *late], 2 * 10**6)
    >>> len(found.crossings), found.crossed, round(found.median.cycle), found.bound
    (2, 1, 433480, None)
    """
    by_pair: dict[int, list[SenseCount]] = defaultdict(list)
    by_window: dict[int, list[SenseCount]] = defaultdict(list)
    for count in sorted(counts, key=lambda one: one.first):
        by_pair[count.pair].append(count)
        by_window[count.window].append(count)
    crossings = []
    for _, own in sorted(by_pair.items()):
        crossing = first_crossing([c.middle for c in own], [c.rate for c in own], BER_LIMIT)
        if crossing is not None or own[-1].last >= cycles:
            crossings.append(crossing)
    windows = [
        (
            float(np.mean([c.middle for c in own])),
            error_rate(sum(c.rate.errors for c in own), sum(c.sensed for c in own)),
        )
        for _, own in sorted(by_window.items())
    ]
    return Cyclability(cycles, crossings, windows)
