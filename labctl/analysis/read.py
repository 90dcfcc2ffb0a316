"""Reads of a state that nothing changes in between: how far they agree.

Reading again is no new trial (method.md, "Bit error rate"): what changes between reads is a number
of its own, and a comparison with a pattern counts the first read only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.error_rates import ErrorRate, error_rate
from labctl.analysis.maps import NOT_READ
from labctl.analysis.program import NOT_PROGRAMMED
from labctl.analysis.references import ReferenceErrors, errors_at

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scatter:
    """Devices on one side of the reference that were read twice or more."""

    devices: int
    median_ohm: float
    median_decades: float
    """Median over the devices of the standard deviation of log10 R from read to read."""


@dataclass(frozen=True)
class ReadResult:
    """What n reads say; maps are (rows, columns) or (rows, columns, 2), NaN where nothing was."""

    reads: int
    ones: Floats
    """Share of the reads of each bit that gave 1."""
    bits: int
    """Bits that the amplifiers read at least once."""
    changed: ErrorRate
    """Bits that did not read alike every time, of those read twice or more."""
    median: Floats
    """Median resistance of each device, ohm."""
    spread: Floats
    """Standard deviation of log10 R of each device from read to read, decades."""
    low: Scatter | None
    """Devices whose median lies below the reference; None without one."""
    high: Scatter | None
    wrong: ErrorRate | None
    """Bits of the first read that differ from the pattern; None without one."""
    wrong_1t1r: ReferenceErrors | None
    """Devices of the first read on the wrong side of the reference; None without a pattern."""


def analyse_reads(
    sensed: NDArray[np.uint8],
    resistance: Floats,
    pattern: NDArray[np.uint8] | None,
    reference_ohm: float,
) -> ReadResult:
    """Agreement of n reads, and the first one against a pattern.

    ``sensed`` (n, rows, columns), ``resistance`` (n, rows, columns, 2) ohm; with n = 0 where one
    of the two was not used. ``pattern`` (rows, columns), `NOT_PROGRAMMED` where nothing is asked.

    >>> sensed = np.array([[[0, 1, 1]], [[0, 0, 1]]], np.uint8)
    >>> expected = np.array([[0, 1, 0]], np.uint8)
    >>> result = analyse_reads(sensed, np.zeros((0, 1, 3, 2)), expected, 5e4)
    >>> result.changed.errors, result.changed.trials, result.wrong.errors, result.wrong.trials
    (1, 3, 1, 3)
    """
    read = sensed != NOT_READ
    times = read.sum(axis=0)
    ones = np.full(sensed.shape[1:], np.nan)
    np.divide(((sensed == 1) & read).sum(axis=0), times, out=ones, where=times > 0)
    again = times >= 2
    alike = (np.where(read, sensed, 0).max(axis=0, initial=0)) == np.where(
        read, sensed, NOT_READ
    ).min(axis=0, initial=NOT_READ)
    median, spread = _per_device(resistance)
    return ReadResult(
        reads=max(len(sensed), len(resistance)),
        ones=ones,
        bits=int(np.count_nonzero(times)),
        changed=error_rate(int(np.count_nonzero(again & ~alike)), int(np.count_nonzero(again))),
        median=median,
        spread=spread,
        low=_scatter(median, spread, median < reference_ohm),
        high=_scatter(median, spread, median >= reference_ohm),
        wrong=None if pattern is None else _wrong_bits(pattern, sensed[:1]),
        wrong_1t1r=None if pattern is None else _wrong_devices(pattern, resistance, reference_ohm),
    )


def _per_device(resistance: Floats) -> tuple[Floats, Floats]:
    """Median (ohm) and spread (standard deviation of log10 R, decades) of each device."""
    shape = resistance.shape[1:]
    valid = np.isfinite(resistance) & (resistance > 0)
    readings = valid.sum(axis=0)
    median, spread = np.full(shape, np.nan), np.full(shape, np.nan)
    if not readings.any():
        return median, spread
    known = np.where(valid, resistance, np.nan)
    median[readings > 0] = np.nanmedian(known[:, readings > 0], axis=0)
    logs = np.log10(known[:, readings > 1])
    if logs.size:
        spread[readings > 1] = np.nanstd(logs, axis=0, ddof=1)
    return median, spread


def _scatter(median: Floats, spread: Floats, side: NDArray[np.bool_]) -> Scatter | None:
    chosen = side & np.isfinite(spread)
    if not chosen.any():
        return None
    return Scatter(
        devices=int(np.count_nonzero(chosen)),
        median_ohm=float(np.median(median[chosen])),
        median_decades=float(np.median(spread[chosen])),
    )


def _wrong_bits(pattern: NDArray[np.uint8], first: NDArray[np.uint8]) -> ErrorRate:
    counted = (first != NOT_READ) & (pattern != NOT_PROGRAMMED)
    return error_rate(int(np.count_nonzero((first != pattern) & counted)), int(counted.sum()))


def _wrong_devices(
    pattern: NDArray[np.uint8], resistance: Floats, reference_ohm: float
) -> ReferenceErrors:
    """Of the first read; bit 0 is BL in LRS and BLb in HRS, bit 1 the opposite."""
    first = resistance[:1]
    zeros, ones = first[:, pattern == 0], first[:, pattern == 1]
    lrs = np.concatenate([zeros[..., 0], ones[..., 1]], axis=None)
    hrs = np.concatenate([zeros[..., 1], ones[..., 0]], axis=None)
    return errors_at(reference_ohm, lrs, hrs)
