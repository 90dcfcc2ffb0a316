"""Wrong bits against programming conditions as a run grows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from labctl.analysis.conditions import FACTORS, ConditionPoint, analyse_conditions
from labctl.store.folder import RunFolder
from labctl.store.tail import News

Condition = tuple[float, float, float]
"""SET compliance (A), RESET voltage (V), pulse width (s)."""


@dataclass(frozen=True)
class ConditionsPicture:
    """Points of the grid, in rising order of compliance, voltage, width."""

    points: tuple[ConditionPoint, ...] = ()


class ConditionsModel:
    """Counts of one run by condition."""

    def __init__(self) -> None:
        self._points: dict[Condition, ConditionPoint] = {}

    @property
    def picture(self) -> ConditionsPicture:
        """The points so far."""
        return ConditionsPicture(tuple(self._points[at] for at in sorted(self._points)))

    def absorb(self, folder: RunFolder, news: News) -> bool:
        """Take in new programmings; whether there were any."""
        if news.restarted:
            self._points = {}
        names = ("condition", "pattern", "sensed")
        records = [news.arrays.get(name, []) for name in names]
        # Other procedures store conditions with more, or fewer, numbers.
        if not all(records) or records[0][0].shape != (len(FACTORS),):
            return news.restarted
        condition, pattern, sensed = (np.stack(record) for record in records)
        # Bits that are masked were not read: they count nowhere in any case.
        usable = np.ones(pattern.shape[1:], dtype=bool)
        for new in analyse_conditions(condition, pattern, sensed, usable).points:
            at = (new.set_compliance_a, new.reset_v, new.width_s)
            known = self._points.get(at)
            self._points[at] = (
                new
                if known is None
                else replace(known, errors=known.errors + new.errors, bits=known.bits + new.bits)
            )
        return True
