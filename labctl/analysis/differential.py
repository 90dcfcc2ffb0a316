"""Differential (2T2R) against single-device (1T1R) bit error rates (paper, Fig. 8a).

One point is one SET compliance on the whole array, or on one pair. The ideal amplifier's rate comes
from the same resistances: it is wrong exactly when the device programmed to HRS has the lower one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.endurance import StoredReadings
from labctl.analysis.error_rates import ErrorRate, error_rate
from labctl.analysis.ideal import ideal_all_pairs
from labctl.analysis.maps import NOT_READ
from labctl.analysis.readings import (
    ABOVE,
    BELOW,
    Band,
    Readings,
    band,
    best_reference_of,
    reference_errors,
)
from labctl.analysis.references import ReferenceErrors

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Gain:
    """log10 of 1T1R over 2T2R error rate, decades; an open end is None."""

    decades: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Reversed:
    """Pairs programmed together whose HRS device has the lower resistance."""

    rate: ErrorRate
    undecided: int
    """Pairs whose censored readings do not tell: in no count."""


@dataclass(frozen=True)
class DifferentialPoint:
    """Error rates at one SET compliance."""

    set_compliance_a: float
    place: tuple[int, int] | None
    """Row and column of the pair; None: the whole array."""
    ber_2t2r: ErrorRate
    not_read: int
    best: ReferenceErrors
    """1T1R at the reference that is best for this point."""
    fixed: ReferenceErrors
    ideal: Reversed
    """An ideal amplifier on the same programmings."""
    ideal_expected: float | None
    """The same from every LRS reading against every HRS reading: reaches lower rates, but takes the
    two devices as independent."""
    lrs: Band
    hrs: Band

    @property
    def gain(self) -> Gain:
        """Of the measured rates; its interval is the widest that theirs allow."""
        return gain(self.best.rate, self.ber_2t2r)


@dataclass(frozen=True, eq=False)
class Programmed:
    """Both devices after the same programmings: LRS and HRS readings of equal length."""

    lrs: Readings
    hrs: Readings


def gain(single: ErrorRate, pair: ErrorRate) -> Gain:
    """Decades by which the pair's error rate is lower.

    >>> g = gain(error_rate(120, 10_000), error_rate(20, 10_000))
    >>> [round(x, 2) for x in (g.decades, g.low, g.high)]
    [0.78, 0.51, 1.07]
    >>> gain(error_rate(120, 10_000), error_rate(0, 10_000)).high is None
    True
    """
    return Gain(
        _decades(single.value, pair.value),
        _decades(single.low, pair.high),
        _decades(single.high, pair.low),
    )


def _decades(over: float | None, under: float | None) -> float | None:
    return math.log10(over / under) if over and under else None


def reversed_pairs(programmed: Sequence[Programmed]) -> Reversed:
    """Count reversed pairs; a censored reading is anything beyond its end of the range.

    >>> codes = np.array([0, 0, -1], np.int8)
    >>> lrs = Readings(np.array([5e3, 9e4, 8e3]), np.zeros(3, np.int8), 1e3, 1e6)
    >>> hrs = Readings(np.array([2e5, 5e4, np.nan]), codes, 1e4, 1e7)
    >>> reversed_pairs([Programmed(lrs, hrs)])
    Reversed(rate=ErrorRate(errors=1, trials=2, ...), undecided=1)
    """
    wrong = right = unknown = 0
    for both in programmed:
        (lrs_least, lrs_most), (hrs_least, hrs_most) = _extent(both.lrs), _extent(both.hrs)
        is_wrong = hrs_most < lrs_least
        is_right = hrs_least > lrs_most
        wrong += int(np.count_nonzero(is_wrong))
        right += int(np.count_nonzero(is_right))
        read = ~(np.isnan(lrs_least) | np.isnan(hrs_least))
        unknown += int(np.count_nonzero(read & ~is_wrong & ~is_right))
    return Reversed(error_rate(wrong, wrong + right), unknown)


def _extent(readings: Readings) -> tuple[Floats, Floats]:
    """Least and most that each resistance can be, ohm; NaN without a reading."""
    least = readings.ohm.astype(np.float64)
    most = least.copy()
    below, above = readings.code == BELOW, readings.code == ABOVE
    least[below], most[below] = 0.0, readings.lowest_ohm
    least[above], most[above] = readings.highest_ohm, math.inf
    return least, most


def expected_reversed(programmed: Sequence[Programmed]) -> float | None:
    """Share of reversed pairs, each stretch's LRS readings against all of its HRS readings.

    The mean over the stretches: devices age from one to the next. None without readings.

    >>> codes = np.zeros(2, np.int8)
    >>> lrs = Readings(np.array([1e4, 3e4]), codes, 0, math.inf)
    >>> hrs = Readings(np.array([2e4, 2e5]), codes, 0, math.inf)
    >>> expected_reversed([Programmed(lrs, hrs)])
    0.25
    """
    shares = []
    for both in programmed:
        # Censored readings of one state stand at their end of the range, the others beyond.
        low = max(both.lrs.lowest_ohm, both.hrs.lowest_ohm, 1.0)
        high = min(both.lrs.highest_ohm, both.hrs.highest_ohm)
        found = ideal_all_pairs(both.lrs.between(low, high), both.hrs.between(low, high))
        if found is not None:
            shares.append(found.rate.value)
    return float(np.mean(shares)) if shares else None


def point(
    set_compliance_a: float,
    place: tuple[int, int] | None,
    errors: int,
    trials: int,
    not_read: int,
    programmed: Sequence[Programmed],
    fixed_ohm: float,
) -> DifferentialPoint | None:
    """A point of the figure; None without resistances."""
    if not programmed:
        return None
    lrs, hrs = [both.lrs for both in programmed], [both.hrs for both in programmed]
    return DifferentialPoint(
        set_compliance_a=set_compliance_a,
        place=place,
        ber_2t2r=error_rate(errors, trials),
        not_read=not_read,
        best=best_reference_of(lrs, hrs),
        fixed=reference_errors(fixed_ohm, lrs, hrs),
        ideal=reversed_pairs(programmed),
        ideal_expected=expected_reversed(programmed),
        lrs=band(_all(lrs)),
        hrs=band(_all(hrs)),
    )


def _all(parts: Sequence[Readings]) -> Readings:
    """Readings of several stretches and devices together; the range that all of them show."""
    return Readings(
        np.concatenate([part.ohm for part in parts]),
        np.concatenate([part.code for part in parts]),
        max(part.lowest_ohm for part in parts),
        min(part.highest_ohm for part in parts),
    )


def array_point(
    set_compliance_a: float,
    pattern: NDArray[np.uint8],
    sensed: NDArray[np.uint8],
    resistance: Floats,
    usable: NDArray[np.bool_],
    fixed_ohm: float,
) -> DifferentialPoint | None:
    """Point of whole-array programmings: ``pattern`` and ``sensed`` are (n, rows, columns).

    ``resistance`` (ohm) is (n, rows, columns, 2), NaN without a reading; ``usable`` is (rows,
    columns).

    >>> bits = np.array([[[0, 1]]], np.uint8)
    >>> ohm = np.array([[[[1e4, 2e5], [2e5, 9e3]]]])
    >>> found = array_point(28e-6, bits, bits ^ 1, ohm, np.ones((1, 2), bool), 5e4)
    >>> found.ber_2t2r.errors, found.best.rate.errors, found.ideal.rate.trials
    (2, 0, 2)
    """
    read = (sensed != NOT_READ) & usable
    wrong = (sensed != pattern) & read
    one = pattern.astype(bool)[..., np.newaxis]
    by_state = np.where(one, resistance[..., ::-1], resistance)
    codes = np.zeros(int(np.count_nonzero(usable)), dtype=np.int8)
    programmed = [
        Programmed(*(Readings(state, codes, 0.0, math.inf) for state in once[usable].T))
        for once in by_state
    ]
    errors, trials = int(np.count_nonzero(wrong)), int(np.count_nonzero(read))
    not_read = len(pattern) * int(np.count_nonzero(usable)) - trials
    return point(set_compliance_a, None, errors, trials, not_read, programmed, fixed_ohm)


def pair_programmings(stored: StoredReadings, pair: int) -> list[Programmed]:
    """Both devices of a pair in each stretch and after each bit, from the stored records."""
    found = []
    for window, bit in sorted({(w, b) for p, w, b, *_ in stored.of.tolist() if p == pair}):
        states = stored.after(pair, window, bit)
        # Bit 0 leaves BL in its LRS and BLb in its HRS, bit 1 the opposite.
        found.append(Programmed(states[bit], states[1 - bit]))
    return found
