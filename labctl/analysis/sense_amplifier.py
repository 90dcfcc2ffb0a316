"""Precharge sense amplifier (PCSA): wrong bits against the ratio of the two resistances.

The ratio is that of the device programmed to HRS over the device programmed to LRS, as the SMU
read them; a reversed pair has a ratio below 1. An ideal PCSA is wrong exactly there: its error
rate is a step at ratio 1 (paper, Fig. 4d).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.error_rates import ErrorRate, error_rate

LIMIT_RATIO = 5.0
"""Ratio below which the paper's PCSA can make mistakes (section 3.1)."""
BINS_PER_DECADE = 10
FEWEST_IN_END_BIN = 20


@dataclass(frozen=True)
class RatioBin:
    """Bits whose ratio lies in [low, high)."""

    low: float
    high: float
    centre: float
    """Geometric mean of the ratios in the bin."""
    rate: ErrorRate


@dataclass(frozen=True)
class SenseErrors:
    """PCSA errors against the ratio HRS/LRS."""

    bins: list[RatioBin]
    wrong_below_limit: ErrorRate
    """Of the wrong bits, those at a ratio below ``LIMIT_RATIO`` (reversed pairs included)."""
    rate_below_limit: ErrorRate
    rate_above_limit: ErrorRate
    ideal: ErrorRate
    """What an ideal PCSA would get wrong: the reversed pairs."""
    without_ratio: int
    """Bits read by the PCSA for which one of the two resistances is missing: not in any bin."""


def hrs_over_lrs(
    pattern: NDArray[np.uint8], resistance: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Ratio of the programmed HRS over the programmed LRS device, NaN without two valid readings.

    ``pattern`` (...,) bits; ``resistance`` (..., 2) ohm of BL and BLb. Bit 0 is BL in LRS and BLb
    in HRS, bit 1 the reverse (paper, section 2.1).

    >>> hrs_over_lrs(np.array([0, 1], np.uint8), np.array([[1e4, 2e5], [1e4, 2e5]])).tolist()
    [20.0, 0.05]
    """
    usable = (np.isfinite(resistance) & (resistance > 0)).all(axis=-1)
    bl, blb = resistance[..., 0], resistance[..., 1]
    ratio = np.full(pattern.shape, np.nan)
    np.divide(np.where(pattern, bl, blb), np.where(pattern, blb, bl), out=ratio, where=usable)
    return ratio


def sense_errors(ratio: NDArray[np.float64], wrong: NDArray[np.bool_]) -> SenseErrors:
    """Wrong bits against the ratio, in bins of a tenth of a decade; both arrays any equal shape.

    The outermost bins reach out until they hold ``FEWEST_IN_END_BIN`` bits, so that the ends are
    no row of single bits. Empty bins are left out.

    >>> result = sense_errors(np.array([0.5, 2.0, 20.0]), np.array([True, True, False]))
    >>> result.wrong_below_limit.value, result.rate_above_limit.errors, result.ideal.errors
    (1.0, 0, 1)
    """
    known = np.isfinite(ratio)
    known_ratio, known_wrong = ratio[known], wrong[known]
    below = known_ratio < LIMIT_RATIO
    wrong_below = int(np.count_nonzero(known_wrong & below))
    wrong_all = int(np.count_nonzero(known_wrong))
    count_below = int(np.count_nonzero(below))
    return SenseErrors(
        bins=_bins(known_ratio, known_wrong),
        wrong_below_limit=error_rate(wrong_below, wrong_all),
        rate_below_limit=error_rate(wrong_below, count_below),
        rate_above_limit=error_rate(wrong_all - wrong_below, known_ratio.size - count_below),
        ideal=error_rate(int(np.count_nonzero(known_ratio < 1)), known_ratio.size),
        without_ratio=int(np.count_nonzero(~known)),
    )


def _bins(ratio: NDArray[np.float64], wrong: NDArray[np.bool_]) -> list[RatioBin]:
    """Log bins over the ratios present."""
    if ratio.size == 0:
        return []
    ordered = np.sort(ratio)
    fewest = min(FEWEST_IN_END_BIN, ratio.size)
    first = np.floor(np.log10(ordered[fewest - 1]) * BINS_PER_DECADE)
    last = max(np.ceil(np.log10(ordered[-fewest]) * BINS_PER_DECADE), first + 1)
    edges = 10 ** (np.arange(first, last + 1) / BINS_PER_DECADE)
    inner = edges[1:-1]
    place = np.searchsorted(inner, ratio, "right")
    trials = np.bincount(place, minlength=inner.size + 1)
    errors = np.bincount(place, weights=wrong, minlength=inner.size + 1)
    logs = np.bincount(place, weights=np.log10(ratio), minlength=inner.size + 1)
    edges[0], edges[-1] = min(edges[0], ordered[0]), max(edges[-1], ordered[-1])
    return [
        RatioBin(
            low=float(edges[i]),
            high=float(edges[i + 1]),
            centre=float(10 ** (logs[i] / trials[i])),
            rate=error_rate(int(errors[i]), int(trials[i])),
        )
        for i in np.flatnonzero(trials)
    ]
