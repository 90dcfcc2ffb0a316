"""What a sense run says beyond the errors against the ratio: sense time, and the supply voltage.

Near threshold the sense amplifier tells three states (third seed family): weight +1 is BL in LRS
and BLb in HRS, -1 the reverse, 0 both in HRS. It reads 0 where neither branch discharges in time:
Q = QB = 1. Written and read weights are coded as bits are: 0 is +1, 1 is -1, 2 is 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.error_rates import ErrorRate, error_rate
from labctl.analysis.maps import NOT_READ

WEIGHTS = ("+1", "-1", "0")
"""Weight of each code."""


@dataclass(frozen=True)
class SenseTime:
    """Upper bound on the time from the SEN edge to standing outputs."""

    senses: int
    bound_s: float | None
    """Every sense that was decided stood at its final levels by then; None without a sense."""
    undecided: int
    """Senses whose outputs were not one high and one low at the end; in no bound."""


@dataclass(frozen=True)
class TernaryRates:
    """Confusion of the ternary reading at one supply voltage; every rate is per pair written."""

    vdd: float
    confusion: list[list[int]]
    """Counts, written (rows) by read (columns), both in the order of `WEIGHTS`."""
    not_read: int
    inverted: ErrorRate
    """+1 read as -1 or the reverse, of the pairs written +1 or -1."""
    lost: ErrorRate
    """+1 or -1 read as 0."""
    false: ErrorRate
    """0 read as +1 or -1, of the pairs written 0."""
    zeros: ErrorRate
    """0 read as 0: what is right near threshold, and cannot be at nominal supply."""


@dataclass(frozen=True)
class Repeated:
    """The same state sensed again and again: not trials, but what is noise of the reading."""

    bits: int
    senses: int
    changing: ErrorRate
    """Bits (a programming each) that did not read alike every time."""


def sense_time(
    amperes: NDArray[np.float64], times_s: NDArray[np.float64], high_a: float
) -> SenseTime:
    """Bound on the sense time from sampled output currents.

    ``amperes`` (senses, samples, 2) of Q and QB, negative where an output is high and drives
    ``high_a`` into its channel; ``times_s`` (samples,) are the ends of the samples from the
    beginning of the SEN edge. A sense has decided once both outputs stay on the side of half a
    level where they end. The channels settle slower than the amplifier decides, so this is a bound.

    >>> q = np.array([[-120e-6, -110e-6, -20e-6, 0.0]])
    >>> both = np.stack([q, np.full((1, 4), -120e-6)], axis=-1)
    >>> sense_time(both, np.array([1e-8, 2e-8, 3e-8, 4e-8]), 120e-6)
    SenseTime(senses=1, bound_s=3e-08, undecided=0)
    """
    high = -amperes > high_a / 2
    unknown = np.isnan(amperes).any(axis=(1, 2))
    decided = (high[:, -1, 0] != high[:, -1, 1]) & ~unknown
    if not decided.any():
        return SenseTime(len(amperes), None, len(amperes))
    settled = (high[decided] == high[decided, -1:]).all(axis=2)
    # The last sample that was still otherwise; the one after it settles the matter.
    late = np.where(settled, -1, np.arange(settled.shape[1])).max(axis=1)
    bound = float(times_s[late.max() + 1])
    return SenseTime(len(amperes), bound, int(np.count_nonzero(~decided)))


def ternary_rates(vdd: float, written: NDArray[np.uint8], read: NDArray[np.uint8]) -> TernaryRates:
    """Confusion at one supply (V); ``written`` and ``read`` are codes of any equal shape.

    >>> written, read = np.array([[0, 1, 2, 2], [0, 2, 2, 1]], np.uint8)
    >>> rates = ternary_rates(0.6, written, read)
    >>> rates.confusion
    [[1, 0, 0], [0, 0, 1], [0, 1, 1]]
    >>> rates.lost.errors, rates.false.value, rates.inverted.trials
    (1, 0.5, 2)
    """
    known = read != NOT_READ
    table = np.zeros((3, 3), dtype=int)
    np.add.at(table, (written[known], read[known]), 1)
    signed, zeros = int(table[:2].sum()), int(table[2].sum())
    return TernaryRates(
        vdd=vdd,
        confusion=table.tolist(),
        not_read=int(np.count_nonzero(~known)),
        inverted=error_rate(int(table[0, 1] + table[1, 0]), signed),
        lost=error_rate(int(table[:2, 2].sum()), signed),
        false=error_rate(int(table[2, :2].sum()), zeros),
        zeros=error_rate(int(table[2, 2]), zeros),
    )


def repeated(sensed: NDArray[np.uint8]) -> Repeated:
    """Agreement of repeated senses (programmings, senses, rows, columns) of the same states.

    >>> sensed = np.zeros((1, 2, 1, 3), np.uint8); sensed[0, 1, 0, 0] = 1
    >>> repeated(sensed).changing.value
    0.3333333333333333
    """
    known = (sensed != NOT_READ).all(axis=1)
    changing = (sensed != sensed[:, :1]).any(axis=1) & known
    bits = int(np.count_nonzero(known))
    return Repeated(bits, sensed.shape[1], error_rate(int(np.count_nonzero(changing)), bits))
