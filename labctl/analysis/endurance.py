"""Endurance of cycled bits: error rates and resistances window by window (paper, Figs. 6 and 7).

A cycle is one programming of the bit. In a window every cycle was sensed, and in some of them both
devices were measured, or in none; between windows nothing was observed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.crossing import Crossing, first_crossing
from labctl.analysis.error_rates import ErrorRate, error_rate
from labctl.analysis.extrapolation import AgingFit, fit_distance
from labctl.analysis.readings import (
    Band,
    Readings,
    SpreadOfD,
    band,
    best_reference_of,
    distance,
    joined,
    reference_errors,
)
from labctl.analysis.references import ReferenceErrors

Floats = NDArray[np.float64]

DEVICES = ("BL", "BLb")
STATES = ("LRS", "HRS")


@dataclass(frozen=True)
class SenseCount:
    """Cycles ``first`` to ``last`` of one pair, sensed: how many, and what was wrong."""

    pair: int
    window: int
    first: int
    last: int
    sensed: int
    """Cycles with a valid level at Q; the others are in no count."""
    not_read: int
    zero_as_one: int
    one_as_zero: int

    @property
    def rate(self) -> ErrorRate:
        """2T2R bit error rate."""
        return error_rate(self.zero_as_one + self.one_as_zero, self.sensed)

    @property
    def middle(self) -> float:
        """Cycle in the middle: the rate is a mean over all of them."""
        return (self.first + self.last) / 2


@dataclass(frozen=True)
class WindowResult:
    """One window of one pair."""

    count: SenseCount
    ber_2t2r: ErrorRate
    measured: int
    """Cycles in which the resistances were read; each gives one LRS and one HRS."""
    best: ReferenceErrors
    """1T1R at the reference that is best for this window of this pair, both devices together."""
    common: ReferenceErrors
    """1T1R at the reference that is best for this window of all pairs together."""
    fixed: ReferenceErrors
    """1T1R at the fixed reference."""
    bands: dict[str, Band]
    """By device and state, "BL LRS" and so on; empty where no resistance was read."""
    distance: SpreadOfD | None

    @property
    def cycle(self) -> float:
        """Middle of the window: the error rates are means over it, R was read there."""
        return self.count.middle


@dataclass(frozen=True)
class PairEndurance:
    """All windows of one pair, in order."""

    pair: int
    row: int
    column: int
    windows: list[WindowResult]
    crossing_1t1r: Crossing | None
    """At the best reference of each window."""
    crossing_common: Crossing | None
    """1T1R at the best reference of each window for all pairs together."""
    crossing_2t2r: Crossing | None
    aging: AgingFit | None
    """Of the distance of LRS and HRS, decades."""


@dataclass(frozen=True)
class PooledWindow:
    """One window of all pairs together: errors and trials added up."""

    first: int
    last: int
    pairs: int
    ber_2t2r: ErrorRate
    best: ErrorRate
    """1T1R, each pair at its own best reference of this window."""
    common: ErrorRate
    """1T1R, all pairs at one reference, the best for this window."""
    common_ohm: float | None
    fixed: ErrorRate
    measured: int
    """Cycles in which the resistances were read."""

    @property
    def cycle(self) -> float:
        """Middle of the window."""
        return (self.first + self.last) / 2


@dataclass(frozen=True)
class PooledBand:
    """Resistances of several pairs in one window, ohm; NaN where censored or not read."""

    median_ohm: float
    """Median over the pairs of their medians."""
    low_ohm: float
    """Lowest 1 % quantile of a pair."""
    high_ohm: float
    """Highest 99 % quantile of a pair."""


def merged(counts: Iterable[SenseCount]) -> list[SenseCount]:
    """Counts of the parts of each window added up, in order of pair and window.

    >>> parts = [SenseCount(0, 3, 1, 10, 10, 0, 1, 0), SenseCount(0, 3, 11, 20, 9, 1, 0, 2)]
    >>> merged(parts)[0]
    SenseCount(pair=0, window=3, first=1, last=20, sensed=19, not_read=1, zero_as_one=1, ...)
    """
    parts: dict[tuple[int, int], list[SenseCount]] = defaultdict(list)
    for count in counts:
        parts[count.pair, count.window].append(count)
    return [
        SenseCount(
            pair,
            window,
            min(c.first for c in own),
            max(c.last for c in own),
            sum(c.sensed for c in own),
            sum(c.not_read for c in own),
            sum(c.zero_as_one for c in own),
            sum(c.one_as_zero for c in own),
        )
        for (pair, window), own in sorted(parts.items())
    ]


@dataclass(frozen=True, eq=False)
class StoredReadings:
    """The arrays of a run that hold resistances, as they are stored, one record after another.

    ``resistance`` (ohm) and ``censored`` are (records, length, 2), BL first; ``of`` (records, 5) is
    pair, window, programmed bit, cycle of the first reading, number of readings; ``bounds`` (ohm,
    (records, 2, 2)) is the lowest and highest that each device's current range shows.
    """

    resistance: NDArray[np.floating]
    censored: NDArray[np.int8]
    of: NDArray[np.int64]
    bounds: Floats

    def window(self, pair: int, window: int) -> tuple[list[Readings], list[Readings]] | None:
        """LRS and HRS readings of a window, each of BL and of BLb; None where one is missing."""
        after_0, after_1 = self.after(pair, window, 0), self.after(pair, window, 1)
        if not (after_0 and after_1):
            return None
        # Bit 0 leaves BL in its LRS and BLb in its HRS, bit 1 the opposite.
        return [after_0[0], after_1[1]], [after_1[0], after_0[1]]

    def after(self, pair: int, window: int, bit: int) -> list[Readings]:
        """Readings of BL and of BLb after one programmed bit of a window; empty without any."""
        of = self.of
        chosen = (of[:, 0] == pair) & (of[:, 1] == window) & (of[:, 2] == bit)
        records = np.flatnonzero(chosen)
        return [self._joined(records, device) for device in (0, 1)] if len(records) else []

    def _joined(self, records: NDArray[np.intp], device: int) -> Readings:
        return joined(
            [
                Readings(
                    self.resistance[record, : self.of[record, 4], device],
                    self.censored[record, : self.of[record, 4], device],
                    *self.bounds[record, device].tolist(),
                )
                for record in records
            ]
        )


def stored_counts(window_counts: NDArray[np.int64]) -> list[SenseCount]:
    """The stored array ``window_counts`` (records, 8), parts of a window added up."""
    return merged(SenseCount(*record) for record in window_counts.tolist())


def window_result(
    count: SenseCount,
    lrs: Sequence[Readings],
    hrs: Sequence[Readings],
    fixed_ohm: float,
    common_ohm: float | None = None,
) -> WindowResult:
    """Everything about one window; ``lrs`` and ``hrs`` hold the readings of BL and of BLb.

    Both are empty where no resistance was read: 1T1R then has no trials.
    ``common_ohm`` is the best reference for this window of all pairs; None for the pair's own.
    """
    best = best_reference_of(lrs, hrs)
    bands = {
        f"{device} {state}": band(readings)
        for state, both in zip(STATES, (lrs, hrs), strict=True)
        for device, readings in zip(DEVICES if both else (), both, strict=True)
    }
    return WindowResult(
        count=count,
        ber_2t2r=count.rate,
        measured=sum(len(r.ohm) for r in lrs),
        best=best,
        common=best if common_ohm is None else reference_errors(common_ohm, lrs, hrs),
        fixed=reference_errors(fixed_ohm, lrs, hrs),
        bands=bands,
        distance=distance(lrs, hrs),
    )


def analyse_endurance(
    places: NDArray[np.int64],
    counts: Sequence[SenseCount],
    stored: StoredReadings | None,
    fixed_ohm: float,
) -> list[PairEndurance]:
    """All pairs with a window; ``places`` (pairs, 3) is number, row and column of each.

    ``stored`` is None where the run read no resistance: it then tells of 2T2R alone.
    """
    common = {} if stored is None else _common_references(counts, stored)
    windows: dict[int, list[WindowResult]] = defaultdict(list)
    for one in counts:
        states = ([], []) if stored is None else stored.window(one.pair, one.window)
        if states is not None:
            found = window_result(one, *states, fixed_ohm, common.get(one.window))
            windows[one.pair].append(found)
    return [
        _pair_endurance(pair, row, column, windows[pair])
        for pair, row, column in places.tolist()
        if pair in windows
    ]


def _common_references(
    counts: Sequence[SenseCount], stored: StoredReadings
) -> dict[int, float | None]:
    """By window the best reference for all pairs together."""
    by_window: dict[int, list[int]] = defaultdict(list)
    for one in counts:
        by_window[one.window].append(one.pair)
    found: dict[int, float | None] = {}
    for window, pairs in by_window.items():
        states = [s for pair in pairs if (s := stored.window(pair, window)) is not None]
        lrs, hrs = ([r for s in states for r in s[which]] for which in (0, 1))
        found[window] = best_reference_of(lrs, hrs).reference_ohm if states else None
    return found


def _pair_endurance(
    pair: int, row: int, column: int, windows: Sequence[WindowResult]
) -> PairEndurance:
    """A pair's windows with what follows from them together."""
    ordered = sorted(windows, key=lambda w: w.count.first)
    cycles = [w.cycle for w in ordered]
    return PairEndurance(
        pair=pair,
        row=row,
        column=column,
        windows=ordered,
        crossing_1t1r=first_crossing(cycles, [w.best.rate for w in ordered]),
        crossing_common=first_crossing(cycles, [w.common.rate for w in ordered]),
        crossing_2t2r=first_crossing(cycles, [w.ber_2t2r for w in ordered]),
        aging=fit_distance(
            [w.cycle for w in ordered if w.distance],
            [w.distance.decades for w in ordered if w.distance],
            [w.distance.error for w in ordered if w.distance],
        ),
    )


def pooled_windows(pairs: Iterable[PairEndurance]) -> list[PooledWindow]:
    """Windows of all pairs that lie at the same cycles, in order."""
    together: dict[tuple[int, int], list[WindowResult]] = defaultdict(list)
    for pair in pairs:
        for window in pair.windows:
            together[window.count.first, window.count.last].append(window)
    return [
        PooledWindow(
            first,
            last,
            len(own),
            ber_2t2r=_added(w.ber_2t2r for w in own),
            best=_judged_together(w.best for w in own),
            common=_judged_together(w.common for w in own),
            common_ohm=own[0].common.reference_ohm,
            fixed=_judged_together(w.fixed for w in own),
            measured=sum(w.measured for w in own),
        )
        for (first, last), own in sorted(together.items())
    ]


def pooled_band(bands: Iterable[Band]) -> PooledBand | None:
    """One state of one device of several pairs in one window; None without a pair.

    A quantile that is censored in some pairs is that of the others.

    >>> pooled_band([Band(2e3, 1e3, 3e3, 9, 0, 0), Band(4e3, 2e3, None, 9, 0, 1)])
    PooledBand(median_ohm=3000.0, low_ohm=1000.0, high_ohm=3000.0)
    """
    known = list(bands)
    if not known:
        return None
    median, low, high = (
        [ohm for ohm in quantiles if ohm is not None] or [np.nan]
        for quantiles in (
            [b.median_ohm for b in known],
            [b.q01_ohm for b in known],
            [b.q99_ohm for b in known],
        )
    )
    return PooledBand(float(np.median(median)), float(min(low)), float(max(high)))


def _added(rates: Iterable[ErrorRate]) -> ErrorRate:
    known = list(rates)
    return error_rate(sum(r.errors for r in known), sum(r.trials for r in known))


def _judged_together(parts: Iterable[ReferenceErrors]) -> ErrorRate:
    """As `_added`, without an interval for each part."""
    known = list(parts)
    return error_rate(sum(r.lrs_errors + r.hrs_errors for r in known), sum(r.trials for r in known))
