"""One 1T1R reference for devices whose readings come one device after the other.

Readings are kept as counts between neighbouring references of a fine grid. Errors at a reference of
the grid are therefore exact; only the choice of the best one is as coarse as the grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.readings import Readings
from labctl.analysis.references import ReferenceErrors

Counts = NDArray[np.int64]

REFERENCES_PER_DECADE = 200
"""1.2 % from one reference to the next."""
_DECADES = (0, 14)
"""Decimal logarithms of the lowest and the highest reference, ohm."""

REFERENCES: NDArray[np.float64] = np.logspace(
    *_DECADES, (_DECADES[1] - _DECADES[0]) * REFERENCES_PER_DECADE + 1
)
"""The grid, ohm, rising."""


@dataclass(frozen=True, eq=False)
class LevelCounts:
    """Readings of one state by the number of references that are not above them."""

    level: NDArray[np.uint16]
    """Rising, (n,); only levels with a reading."""
    count: NDArray[np.uint32]

    def below(self, reference: int) -> int:
        """Readings below the reference of that index."""
        return int(self.count[: np.searchsorted(self.level, reference, "right")].sum())

    @property
    def total(self) -> int:
        """All readings."""
        return int(self.count.sum())


@dataclass(frozen=True, eq=False)
class StateCounts:
    """Readings of some devices in both states, ready to be held against any reference."""

    lrs: LevelCounts
    hrs: LevelCounts
    lowest_ohm: float
    """From here on every current range can judge a reference."""
    highest_ohm: float

    def errors_at(self, reference: int) -> ReferenceErrors:
        """1T1R errors at the reference of that index, as `readings.reference_errors`.

        That index must lie within what all current ranges can judge.
        """
        return ReferenceErrors(
            reference_ohm=float(REFERENCES[reference]),
            lrs_errors=self.lrs.total - self.lrs.below(reference),
            hrs_errors=self.hrs.below(reference),
            trials=self.lrs.total + self.hrs.total,
            excluded=0,
        )


def state_counts(lrs: Sequence[Readings], hrs: Sequence[Readings]) -> StateCounts:
    """Count the readings of some devices; neither state may be without a device.

    >>> codes = np.zeros(3, np.int8)
    >>> low = Readings(np.array([5e3, 6e3, 7e4]), codes, 1e3, 1e6)
    >>> high = Readings(np.array([2e5, 3e5, np.nan]), codes, 1e3, 1e6)
    >>> counts = state_counts([low], [high])
    >>> found = counts.errors_at(int(np.searchsorted(REFERENCES, 5e4)))
    >>> found.lrs_errors, found.hrs_errors, found.trials
    (1, 0, 5)
    """
    everything = [*lrs, *hrs]
    return StateCounts(
        lrs=_levels(lrs),
        hrs=_levels(hrs),
        lowest_ohm=max(r.lowest_ohm for r in everything),
        highest_ohm=min(r.highest_ohm for r in everything),
    )


def _levels(parts: Sequence[Readings]) -> LevelCounts:
    values = np.concatenate([part.between(part.lowest_ohm, part.highest_ohm) for part in parts])
    level, count = np.unique(np.searchsorted(REFERENCES, values, "right"), return_counts=True)
    return LevelCounts(level.astype(np.uint16), count.astype(np.uint32))


class RunningReference:
    """The best reference for all devices that have been added, as far as the grid tells."""

    def __init__(self) -> None:
        levels = REFERENCES.size + 1
        self._lrs: Counts = np.zeros(levels, dtype=np.int64)
        self._hrs: Counts = np.zeros(levels, dtype=np.int64)
        self._lowest_ohm, self._highest_ohm = 0.0, np.inf

    def add(self, counts: StateCounts) -> None:
        """Take in the readings of more devices."""
        self._change(counts, 1)
        self._lowest_ohm = max(self._lowest_ohm, counts.lowest_ohm)
        self._highest_ohm = min(self._highest_ohm, counts.highest_ohm)

    def take_out(self, counts: StateCounts) -> None:
        """Leave out what was added; the ranges that were met stay."""
        self._change(counts, -1)

    def best(self) -> int | None:
        """Index in `REFERENCES` with the fewest errors; the middle of the widest such stretch.

        As `references.best_reference`, with the references of the grid for the gaps between
        readings. None where a state has no reading, or no reference suits all ranges.

        >>> codes = np.zeros(2, np.int8)
        >>> running = RunningReference()
        >>> for ohms in ([1e4, 1e4], [2e4, 2e4]):
        ...     low = Readings(np.array(ohms), codes, 1e3, 1e7)
        ...     high = Readings(50 * np.array(ohms), codes, 1e3, 1e7)
        ...     running.add(state_counts([low], [high]))
        >>> print(f"{REFERENCES[running.best()]:.2g}")
        1e+05
        """
        if not (self._lrs.any() and self._hrs.any()):
            return None
        judged = (self._lowest_ohm <= REFERENCES) & (self._highest_ohm >= REFERENCES)
        if not judged.any():
            return None
        errors = self._lrs.sum() - np.cumsum(self._lrs)[:-1] + np.cumsum(self._hrs)[:-1]
        is_best = judged & (errors == errors[judged].min())
        begins = np.flatnonzero(np.diff(is_best, prepend=False) & is_best)
        ends = np.flatnonzero(np.diff(is_best, append=False) & is_best)
        widest = int(np.argmax(ends - begins))
        return int(begins[widest] + ends[widest]) // 2

    def _change(self, counts: StateCounts, sign: int) -> None:
        for total, one in ((self._lrs, counts.lrs), (self._hrs, counts.hrs)):
            total[one.level] += sign * one.count.astype(np.int64)
