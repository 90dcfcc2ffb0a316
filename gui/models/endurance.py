"""Endurance of a run as it grows: resistances and error rates, window by window.

Each window of a pair is analysed when it arrives, with what was read in it; only the readings of
the window at hand are kept. Of the others counts are, so that 1T1R at one reference for all pairs
can follow as pairs come in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.endurance import (
    DEVICES,
    STATES,
    PairEndurance,
    PooledBand,
    PooledWindow,
    SenseCount,
    StoredReadings,
    WindowResult,
    merged,
    pooled_band,
    pooled_windows,
    window_result,
)
from labctl.analysis.readings import Readings
from labctl.analysis.references import ReferenceErrors
from labctl.analysis.running_references import RunningReference, StateCounts, state_counts
from labctl.store.folder import RunFolder
from labctl.store.tail import News

Floats = NDArray[np.float64]
Span = tuple[int, int]
"""First and last cycle of a window."""
Key = tuple[int, int]
"""Pair and window."""

LINES = tuple(f"{device} {state}" for device in DEVICES for state in STATES)
"""Names of the four resistances, "BL LRS" and so on."""

MOST_CHOSEN = 16
"""Selected pairs that are pooled apart: it is done while the user waits."""

_READINGS = ("resistance", "censored", "resistance_of", "resistance_range")


@dataclass(frozen=True)
class PooledSpan:
    """One window of some pairs together."""

    rates: PooledWindow
    bands: Mapping[str, PooledBand]
    """By name of `LINES`; of one pair its own band."""


@dataclass(frozen=True)
class EndurancePicture:
    """Windows of each pair, and of all of them together."""

    pairs: tuple[PairEndurance, ...] = ()
    pooled: tuple[PooledSpan, ...] = ()
    reference_ohm: float = float("nan")
    """The fixed 1T1R reference."""
    reads_resistance: bool = False
    every_cycle: bool = False
    """Every cycle was observed: there are no jumps."""

    def of_cells(self, cells: frozenset[tuple[int, int]]) -> tuple[PairEndurance, ...]:
        """The pairs among ``cells``; all where none is, or more than `MOST_CHOSEN` are."""
        chosen = tuple(pair for pair in self.pairs if (pair.row, pair.column) in cells)
        return chosen if 0 < len(chosen) <= MOST_CHOSEN else self.pairs


_NOT_CHOSEN = -1


class _CommonReference:
    """One window of all pairs: counts of their readings, and the best reference for all of them."""

    def __init__(self) -> None:
        self._counts: dict[int, StateCounts] = {}
        self._running = RunningReference()
        self._changed: set[int] = set()
        self._reference: int | None = _NOT_CHOSEN

    def put(self, pair: int, lrs: Sequence[Readings], hrs: Sequence[Readings]) -> None:
        """Take in all readings of a pair, in place of those before."""
        if pair in self._counts:
            self._running.take_out(self._counts[pair])
        self._counts[pair] = state_counts(lrs, hrs)
        self._running.add(self._counts[pair])
        self._changed.add(pair)

    def errors(self) -> dict[int, ReferenceErrors]:
        """1T1R errors of the pairs for which they are others than when asked last.

        A pair that is alone has none: its own best reference is the one for all.
        """
        if len(self._counts) < 2 or not self._changed:
            return {}
        reference = self._running.best()
        stale = self._changed if reference == self._reference else self._counts.keys()
        none = ReferenceErrors(None, 0, 0, 0, excluded=0)
        found = {
            pair: none if reference is None else self._counts[pair].errors_at(reference)
            for pair in stale
        }
        self._reference, self._changed = reference, set()
        return found


class EnduranceModel:
    """Windows of one run."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._places: dict[int, tuple[int, int]] = {}
        self._counts: dict[Key, SenseCount] = {}
        self._results: dict[int, dict[int, WindowResult]] = {}
        self._pairs: dict[int, PairEndurance] = {}
        self._open: dict[str, list[NDArray[Any]]] = {}
        self._open_key: Key | None = None
        self._spans: dict[Span, dict[int, WindowResult]] = {}
        self._pooled: dict[Span, PooledSpan] = {}
        self._stale: set[Span] = set()
        self._common: dict[int, _CommonReference] = {}
        self._parameters: Mapping[str, Any] = {}
        self._reads_resistance = False

    @property
    def picture(self) -> EndurancePicture:
        """The windows so far; pools those that changed."""
        self._renew_common()
        for span in self._stale:
            own = self._spans.get(span)
            if own:
                self._pooled[span] = _pooled_span(list(own.items()))
            else:
                self._pooled.pop(span, None)
        self._stale.clear()
        return EndurancePicture(
            pairs=tuple(self._pairs.values()),
            pooled=tuple(self._pooled[span] for span in sorted(self._pooled)),
            reference_ohm=self._reference_ohm,
            reads_resistance=self._reads_resistance,
            every_cycle=self._parameters.get("mode") == "every-cycle",
        )

    def absorb(self, folder: RunFolder, news: News) -> bool:
        """Take in new windows, or more of the last one; whether there were any."""
        if news.restarted:
            self._begin()
        self._parameters = folder.record.get("parameters", {})
        for place in news.arrays.get("pairs", []):
            # Disturb runs have pairs of another kind.
            if place.shape == (3,):
                self._places[int(place[0])] = int(place[1]), int(place[2])
        counts = [SenseCount(*record.tolist()) for record in news.arrays.get("window_counts", [])]
        readings = self._readings_by_window(news)
        for key in dict.fromkeys((count.pair, count.window) for count in counts):
            own = [count for count in counts if (count.pair, count.window) == key]
            known = [self._counts[key]] if key in self._counts else []
            self._counts[key] = merged([*known, *own])[0]
            self._analyse(key, readings.get(key))
        return bool(counts) or news.restarted

    @property
    def _reference_ohm(self) -> float:
        return float(self._parameters.get("reference", float("nan")))

    @staticmethod
    def _readings_by_window(news: News) -> dict[Key, dict[str, list[NDArray[Any]]]]:
        """New records of resistances by pair and window."""
        found: dict[Key, dict[str, list[NDArray[Any]]]] = {}
        if "resistance_of" not in news.arrays:
            return found
        for record in zip(*(news.arrays[name] for name in _READINGS), strict=True):
            pair, window = (int(number) for number in record[2][:2])
            own = found.setdefault((pair, window), {name: [] for name in _READINGS})
            for name, array in zip(_READINGS, record, strict=True):
                own[name].append(array)
        return found

    def _analyse(self, key: Key, readings: dict[str, list[NDArray[Any]]] | None) -> None:
        """A window's numbers from its count and all readings so far."""
        if key != self._open_key:
            self._open_key, self._open = key, {name: [] for name in _READINGS}
        for name, arrays in (readings or {}).items():
            self._open[name] += arrays
        pair, window = key
        states = None
        if self._open["resistance"]:
            self._reads_resistance = True
            stacked = [np.stack(self._open[name]) for name in _READINGS]
            states = StoredReadings(*stacked).window(pair, window)
        if states is not None:
            self._common.setdefault(window, _CommonReference()).put(pair, *states)
        result = window_result(self._counts[key], *(states or ([], [])), self._reference_ohm)
        self._keep(pair, window, result)

    def _keep(self, pair: int, window: int, result: WindowResult) -> None:
        own = self._results.setdefault(pair, {})
        before = own.get(window)
        if before is not None:
            self._spans[_span(before)].pop(pair, None)
            self._stale.add(_span(before))
        own[window] = result
        self._spans.setdefault(_span(result), {})[pair] = result
        self._stale.add(_span(result))
        ordered = [own[number] for number in sorted(own)]
        self._pairs[pair] = _pair(pair, *self._places.get(pair, (-1, -1)), ordered)

    def _renew_common(self) -> None:
        """Judge pairs anew whose window has another reference for all pairs since."""
        for window, common in self._common.items():
            for pair, errors in common.errors().items():
                self._keep(pair, window, replace(self._results[pair][window], common=errors))


class SpanPool:
    """Pools windows of chosen pairs; from picture to picture only those that changed."""

    def __init__(self) -> None:
        self._known: dict[Span, tuple[list[tuple[int, WindowResult]], PooledSpan]] = {}

    def spans(
        self, picture: EndurancePicture, pairs: Sequence[PairEndurance]
    ) -> tuple[PooledSpan, ...]:
        """Windows of these pairs that lie at the same cycles, in order."""
        if len(pairs) == len(picture.pairs):
            return picture.pooled
        together: dict[Span, list[tuple[int, WindowResult]]] = {}
        for pair in pairs:
            for window in pair.windows:
                together.setdefault(_span(window), []).append((pair.pair, window))
        self._known = {span: self._pooled(span, together[span]) for span in sorted(together)}
        return tuple(pooled for _, pooled in self._known.values())

    def _pooled(
        self, span: Span, windows: list[tuple[int, WindowResult]]
    ) -> tuple[list[tuple[int, WindowResult]], PooledSpan]:
        before, pooled = self._known.get(span, ([], None))
        is_same = [id(window) for _, window in before] == [id(window) for _, window in windows]
        return windows, pooled if pooled is not None and is_same else _pooled_span(windows)


def _pooled_span(windows: Sequence[tuple[int, WindowResult]]) -> PooledSpan:
    """Windows of the same cycles, each with its pair."""
    (rates,) = pooled_windows(_pair(pair, -1, -1, [window]) for pair, window in windows)
    bands = {
        name: pooled_band(window.bands[name] for _, window in windows if name in window.bands)
        for name in LINES
    }
    return PooledSpan(rates, {name: band for name, band in bands.items() if band is not None})


def _pair(pair: int, row: int, column: int, windows: list[WindowResult]) -> PairEndurance:
    """A pair's windows; what follows from all of them together is for the report."""
    return PairEndurance(
        pair=pair,
        row=row,
        column=column,
        windows=windows,
        crossing_1t1r=None,
        crossing_common=None,
        crossing_2t2r=None,
        aging=None,
    )


def _span(window: WindowResult) -> Span:
    return window.count.first, window.count.last
