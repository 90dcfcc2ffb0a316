"""Retention: how readings of a programmed pattern change with the time since programming.

Shapes: pattern and usable (rows, columns); of n reads, resistance (n, rows, columns, 2) in ohm, BL
first, sensed (n, rows, columns), read_time (n, rows) in s since the row was programmed, NaN where a
row was not read. Control rows are read in the first and the last read only: where they change like
the others, reading has no part in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.changes import (
    Floats,
    difference_estimate,
    is_change,
    log_resistance,
    mean_estimate,
    slopes,
    state_masks,
)
from labctl.analysis.error_rates import ErrorRate, error_rate
from labctl.analysis.estimates import Estimate
from labctl.analysis.maps import NOT_READ
from labctl.analysis.references import errors_at

STATES = ("LRS", "HRS")
QUANTILES = (0.01, 0.16, 0.5, 0.84, 0.99)


@dataclass(frozen=True, eq=False)
class RetentionReads:
    """What was stored of one pattern; see the module for the shapes.

    ``resistance`` or ``sensed`` is None where that way of reading was not asked for.
    """

    pattern: NDArray[np.uint8]
    usable: NDArray[np.bool_]
    control_rows: NDArray[np.bool_]
    read_time: Floats
    resistance: Floats | None
    sensed: NDArray[np.uint8] | None


@dataclass(frozen=True, eq=False)
class StateAt:
    """One state at one read."""

    readings: Floats
    """All valid readings, ohm."""
    quantiles_ohm: tuple[float, ...] | None
    """`QUANTILES` of the readings, ohm; None without one."""
    change: Estimate | None
    """Mean change of log10 R since the first read, decades, over the devices read in both."""
    change_spread: float | None
    """Standard deviation of that change over the devices, decades."""


@dataclass(frozen=True, eq=False)
class TimePoint:
    """One read of the rows that are always read, or of the control rows."""

    time_s: float
    """Median over the rows read, s since programming."""
    states: dict[str, StateAt]
    wrong_bits: ErrorRate | None
    """Bits read wrong by the PCSA; a trial is a programming, so reads do not add up."""
    changed_bits: ErrorRate | None
    """Bits that the PCSA reads otherwise than in the first read, of those read in both."""
    wrong_devices: ErrorRate | None
    """Devices on the wrong side of the fixed reference (1T1R)."""


@dataclass(frozen=True)
class Drift:
    """One state over all reads."""

    slope: Estimate | None
    """Mean over the devices of the slope of log10 R, decades per decade of time."""
    devices: int
    """Devices with a slope: read three times or more."""
    reading_effect: Estimate | None
    """Change from first to last read of the rows always read, minus that of the control rows."""
    drifts: bool | None
    """Whether the slope is not 0 with 99.9 %; None without a slope."""


@dataclass(frozen=True)
class RetentionResult:
    """All reads, and the drift of each state."""

    points: list[TimePoint]
    """Every read, of the rows that are always read."""
    controls: list[TimePoint]
    """The reads of the control rows."""
    drift: dict[str, Drift]
    without_value: int
    """SMU readings without a valid value, in no count."""
    bits_not_read: int
    """Bits that the PCSA should have read and gave no level, in no count."""


def analyse_retention(reads: RetentionReads, reference_ohm: float) -> RetentionResult:
    """Readings, changes and errors at each time; ``reference_ohm`` is the fixed 1T1R reference.

    >>> resistance = np.array([[[[1e4, 2e5]], [[1e4, 2e5]]]]).repeat(4, axis=0)
    >>> resistance[:, :, :, 1] *= np.array([1, 10**0.1, 10**0.2, 10**0.3])[:, None, None]
    >>> two = RetentionReads(
    ...     pattern=np.zeros((2, 1), dtype=np.uint8),
    ...     usable=np.ones((2, 1), dtype=bool),
    ...     control_rows=np.zeros(2, dtype=bool),
    ...     read_time=np.array([[1, 1], [10, 10], [100, 100], [1000, 1000]]),
    ...     resistance=resistance,
    ...     sensed=None,
    ... )
    >>> result = analyse_retention(two, reference_ohm=5e4)
    >>> round(result.drift["HRS"].slope.value, 3), result.drift["LRS"].drifts
    (0.1, False)
    >>> result.points[-1].time_s, result.points[-1].wrong_devices.errors
    (1000.0, 0)
    """
    asked = np.isfinite(reads.read_time)[:, :, np.newaxis] & reads.usable
    number = len(reads.read_time)
    always = reads.usable & ~reads.control_rows[:, np.newaxis]
    control = reads.usable & reads.control_rows[:, np.newaxis]
    points = [_point(reads, index, reference_ohm, always) for index in range(number)]
    with_controls = np.flatnonzero(np.isfinite(reads.read_time[:, reads.control_rows]).any(axis=1))
    controls = [_point(reads, index, reference_ohm, control) for index in with_controls.tolist()]
    without_value = bits_not_read = 0
    if reads.resistance is not None:
        valid = np.isfinite(log_resistance(reads.resistance))
        without_value = int(np.count_nonzero(asked[..., np.newaxis] & ~valid))
    if reads.sensed is not None:
        bits_not_read = int(np.count_nonzero(asked & (reads.sensed == NOT_READ)))
    return RetentionResult(points, controls, _drifts(reads), without_value, bits_not_read)


def _point(
    reads: RetentionReads, index: int, reference_ohm: float, bits: NDArray[np.bool_]
) -> TimePoint:
    """One read of some of the bits (rows, columns)."""
    times = reads.read_time[index][bits.any(axis=1)]
    times = times[np.isfinite(times)]
    states, wrong_devices = {}, None
    if reads.resistance is not None:
        now = reads.resistance[index]
        change = log_resistance(now) - log_resistance(reads.resistance[0])
        for state, mask in state_masks(reads.pattern).items():
            chosen = mask & bits[..., np.newaxis]
            states[state] = _state(now[chosen], change[chosen])
        wrong_devices = errors_at(
            reference_ohm, states["LRS"].readings, states["HRS"].readings
        ).rate
    wrong_bits = changed_bits = None
    if reads.sensed is not None:
        read = bits & (reads.sensed[index] != NOT_READ)
        both = read & (reads.sensed[0] != NOT_READ)
        wrong_bits = _share(reads.sensed[index] != reads.pattern, read)
        changed_bits = _share(reads.sensed[index] != reads.sensed[0], both)
    time_s = float(np.median(times)) if times.size else np.nan
    return TimePoint(time_s, states, wrong_bits, changed_bits, wrong_devices)


def _share(marks: NDArray[np.bool_], of: NDArray[np.bool_]) -> ErrorRate:
    return error_rate(int(np.count_nonzero(marks & of)), int(np.count_nonzero(of)))


def _state(readings: Floats, change: Floats) -> StateAt:
    valid = readings[np.isfinite(log_resistance(readings))]
    quantiles = tuple(np.quantile(valid, QUANTILES).tolist()) if valid.size else None
    changes = change[np.isfinite(change)]
    spread = float(changes.std(ddof=1)) if changes.size > 1 else None
    return StateAt(valid, quantiles, mean_estimate(changes), spread)


def _drifts(reads: RetentionReads) -> dict[str, Drift]:
    if reads.resistance is None or not len(reads.resistance):
        return {}
    x = log_resistance(reads.resistance)
    times = np.broadcast_to(log_resistance(reads.read_time)[:, :, np.newaxis, np.newaxis], x.shape)
    by_device = slopes(times, x)
    change = x[-1] - x[0]
    control = np.broadcast_to(reads.control_rows[:, np.newaxis, np.newaxis], by_device.shape)
    drifts = {}
    for state, mask in state_masks(reads.pattern).items():
        chosen = mask & reads.usable[..., np.newaxis]
        drifts[state] = Drift(
            slope=mean_estimate(by_device[chosen]),
            devices=int(np.count_nonzero(np.isfinite(by_device[chosen]))),
            reading_effect=difference_estimate(change[chosen & ~control], change[chosen & control]),
            drifts=is_change(by_device[chosen]),
        )
    return drifts
