"""Energy of SET and RESET pulses from their sampled voltage and current (paper, Table 1).

The energy is that of device and access transistor together, as in the paper's 2 V x 200 uA x 1 us =
400 pJ. A trace is (..., 2, samples): volts, then amperes, from the beginning of the pulse's rise;
samples are averages over the time between them, so that their sum loses no charge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.analysis.error_rates import CONFIDENCE, ErrorRate, error_rate
from labctl.analysis.estimates import Estimate
from labctl.analysis.maps import NOT_READ

Floats = NDArray[np.float64]

CURRENT_SETTLING_S = 200e-9
VOLTAGE_SETTLING_S = 110e-9
SETTLED_WITHIN = 0.006
"""Readings come so near to a step in these times: 1 mA and 10 V range (instruments.md 1.9)."""


@dataclass(frozen=True)
class PublishedCondition:
    """One column of the paper's Table 1; SET and RESET energy of one device, J."""

    name: str
    set_compliance_a: float
    reset_v: float
    width_s: float
    set_j: float
    reset_j: float
    ber_below: float
    cycles_above: float


TABLE_1 = (
    PublishedCondition("strong", 200e-6, 2.5, 1e-6, 400e-12, 200e-12, 1e-7, 1e8),
    PublishedCondition("endurance", 200e-6, 1.5, 1e-6, 400e-12, 150e-12, 1e-4, 1e10),
    PublishedCondition("energy", 200e-6, 2.0, 100e-9, 30e-12, 20e-12, 1e-5, 1e8),
)
"""The paper gives one range for both pulses; which is which follows from 2 V x 200 uA x 1 us."""


@dataclass(frozen=True)
class EnergyCondition:
    """Programming condition as asked for, and how its pulses were sampled; SI units."""

    set_compliance_a: float
    set_v: float
    reset_v: float
    width_s: float
    traced_width_s: float
    """Width of the pulses that were sampled; another one where ``width_s`` is too short for it."""
    sample_s: float

    @property
    def is_computed(self) -> bool:
        """The energies are computed from a longer pulse."""
        return self.traced_width_s > self.width_s * (1 + 1e-9)

    @property
    def published(self) -> PublishedCondition | None:
        """The column of Table 1 with this condition, if there is one."""
        asked = (self.set_compliance_a, self.set_v, self.reset_v, self.width_s)
        return next(
            (
                column
                for column in TABLE_1
                if np.allclose(
                    asked,
                    (column.set_compliance_a, 2.0, column.reset_v, column.width_s),
                    rtol=1e-6,
                    atol=0.0,
                )
            ),
            None,
        )


@dataclass(frozen=True)
class PulseEnergy:
    """Energy of one kind of pulse at one condition."""

    by_device: Floats
    """Mean energy of each device over its pulses, J; NaN without a valid pulse."""
    median: Estimate | None
    """Median over the devices, J; None without a device."""
    pulses: int
    invalid: int
    """Pulses left out: at least one sample was out of range."""


@dataclass(frozen=True)
class ConditionResult:
    """What one condition costs and how often it fails."""

    condition: EnergyCondition
    set: PulseEnergy
    reset: PulseEnergy
    ber_2t2r: ErrorRate


def pulse_energy(trace: Floats, sample_s: float) -> Floats:
    """Integral of voltage times current over each pulse, J; NaN with a sample out of range.

    Both readings settle within 0.1 to 0.2 us (instruments.md 1.9), so a pulse of 1 us reads about
    3 % low and one of 0.5 us 5 %.

    >>> trace = np.stack([np.full(50, 2.0), np.full(50, 200e-6)])
    >>> round(float(pulse_energy(trace, 20e-9)) * 1e12, 3)
    400.0
    """
    return np.asarray((trace[..., 0, :] * trace[..., 1, :]).sum(axis=-1) * sample_s)


def without_lag(readings: Floats, sample_s: float, settling_s: float) -> Floats:
    """What readings followed: a first-order lag taken off them.

    ``settling_s`` is the documented time to within `SETTLED_WITHIN` of a step; the documentation
    does not say that the lag is of first order. ``readings`` (..., samples) are means over the time
    between samples, begin at 0 and end settled.

    >>> lag_s = 200e-9 / np.log(1 / SETTLED_WITHIN)
    >>> edges = np.exp(-np.arange(51) * 20e-9 / lag_s)
    >>> rise = 1 + lag_s / 20e-9 * np.diff(edges)
    >>> np.round(without_lag(rise, 20e-9, 200e-9)[[0, 4, 20]], 2).tolist()
    [0.95, 1.0, 1.0]
    """
    lag_s = settling_s / np.log(1 / SETTLED_WITHIN)
    between = (readings[..., 1:] + readings[..., :-1]) / 2
    # Each mean grows by what the reading still had to follow from its begin to its end.
    return np.asarray(
        readings
        + lag_s / sample_s * np.diff(between, axis=-1, prepend=0.0, append=readings[..., -1:])
    )


def shorter_pulse_energy(
    trace: Floats, sample_s: float, width_s: float, shorter_s: float
) -> Floats:
    """Energy (J) that a pulse of ``shorter_s`` would take, computed from one of ``width_s``.

    Both begin alike, and the shorter one falls like the longer one, with the current it has then.
    So voltage times current is summed to ``shorter_s`` after the begin of the rise, and over the
    fall. The readings have the lag of their ranges taken off before (10 V, 1 mA). NaN with a sample
    out of range.

    >>> def pulse(settling_s):
    ...     lag_s = settling_s / np.log(1 / SETTLED_WITHIN)
    ...     rise = 1 + lag_s / 20e-9 * np.diff(np.exp(-np.arange(41) * 20e-9 / lag_s))
    ...     return rise - np.r_[np.zeros(25), rise[:15]]
    >>> trace = np.stack([2.0 * pulse(110e-9), 200e-6 * pulse(200e-9)])
    >>> round(float(shorter_pulse_energy(trace, 20e-9, 500e-9, 100e-9)) * 1e12, 1)
    40.8
    """
    volts = without_lag(trace[..., 0, :], sample_s, VOLTAGE_SETTLING_S)
    amperes = without_lag(trace[..., 1, :], sample_s, CURRENT_SETTLING_S)
    # The mean of a product is that of the means and a twelfth of both changes, on straight edges.
    changes = np.gradient(volts, axis=-1) * np.gradient(amperes, axis=-1)
    energy = np.cumsum((volts * amperes + changes / 12) * sample_s, axis=-1)
    short, long = (int(end_s / sample_s + 1e-6) for end_s in (shorter_s, width_s))
    begun = shorter_s / sample_s - short
    to_end = energy[..., short - 1] * (1 - begun) + energy[..., short] * begun
    fall = energy[..., -1] - energy[..., long - 1]
    return np.asarray(to_end + fall * amperes[..., short - 1] / amperes[..., long - 1])


def median_estimate(values: ArrayLike) -> Estimate | None:
    """Median with the interval of its order statistics, valid for any distribution; None if empty.

    NaN is left out. Fewer than six values leave an end open.

    >>> median_estimate(np.arange(1.0, 101.0).reshape(50, 2)[::-1])
    Estimate(value=50.5, low=40.0, high=61.0)
    >>> median_estimate([1.0, 2.0])
    Estimate(value=1.5, low=-inf, high=inf)
    """
    from scipy.stats import binom

    known = np.asarray(values, dtype=float)
    ordered = np.sort(known[~np.isnan(known)])
    if not ordered.size:
        return None
    # The median lies between the k-th lowest and the k-th highest value.
    k = int(binom.ppf((1 - CONFIDENCE) / 2, ordered.size, 0.5))
    if k == 0:
        return Estimate(float(np.median(ordered)), -np.inf, np.inf)
    return Estimate(float(np.median(ordered)), float(ordered[k - 1]), float(ordered[-k]))


def analyse_energy(
    condition: EnergyCondition,
    set_trace: Floats,
    reset_trace: Floats,
    pattern: NDArray[np.uint8],
    sensed: NDArray[np.uint8],
) -> ConditionResult:
    """Energies and bit error rate of one condition.

    ``set_trace``, ``reset_trace``: (programmings, cells, 2, samples), bits 0 and 1 in turn, so that
    each device has a SET in every other programming and a RESET in the ones between. ``pattern``
    and ``sensed``: (n, rows, columns) of the programmings that were sensed.
    """
    read = sensed != NOT_READ
    return ConditionResult(
        condition=condition,
        set=_energies(condition, set_trace, shift=0),
        reset=_energies(condition, reset_trace, shift=1),
        ber_2t2r=error_rate(
            int(np.count_nonzero((sensed != pattern) & read)), int(np.count_nonzero(read))
        ),
    )


def _energies(condition: EnergyCondition, trace: Floats, shift: int) -> PulseEnergy:
    """Energies by device: bit b SETs device b and RESETs the other (``shift`` 1)."""
    if condition.is_computed:
        energy = shorter_pulse_energy(
            trace, condition.sample_s, condition.traced_width_s, condition.width_s
        )
    else:
        energy = pulse_energy(trace, condition.sample_s)
    by_device = np.stack([_means(energy[(device + shift) % 2 :: 2]) for device in (0, 1)], axis=-1)
    return PulseEnergy(
        by_device=by_device,
        median=median_estimate(by_device),
        pulses=energy.size,
        invalid=int(np.count_nonzero(np.isnan(energy))),
    )


def _means(energy: Floats) -> Floats:
    """Mean of the valid pulses of each cell; NaN without one. ``energy``: (pulses, cells)."""
    valid = ~np.isnan(energy)
    means = np.full(energy.shape[1], np.nan)
    counts = valid.sum(axis=0)
    np.divide(np.where(valid, energy, 0.0).sum(axis=0), counts, out=means, where=counts > 0)
    return means
