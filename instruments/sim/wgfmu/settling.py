"""How a B1530A's reading follows what it measures: a first-order lag, averaged over a window.

After a step a reading comes within 0.6 % of its final value in the range's settling time (B1500A
User's Guide, tables 4-22 and 4-23; instruments.md, section 1.9). So the time constant is that
time over ln(1 / 0.006) = 5.1. The range's amplifier is taken to have followed the signal before the
range was chosen, and the signal to have rested before the run began.
"""

from __future__ import annotations

from functools import lru_cache
from math import log

import numpy as np

from instruments.sim.waveform import Floats
from instruments.wgfmu.library import MeasureCurrentRange, MeasureVoltageRange

SETTLED_WITHIN = 0.006
"""What is left of a step after the settling time."""

SETTLING_S: dict[int, float] = {
    MeasureCurrentRange.UA1: 37e-6,
    MeasureCurrentRange.UA10: 5.8e-6,
    MeasureCurrentRange.UA100: 820e-9,
    MeasureCurrentRange.MA1: 200e-9,
    MeasureCurrentRange.MA10: 125e-9,
    MeasureVoltageRange.V5: 85e-9,
    MeasureVoltageRange.V10: 110e-9,
}
"""Settling time of each range, s."""

_BOUNDS = np.array([1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6, 0.03, SETTLED_WITHIN, 0.0])
"""What a reading is made of, cut into parts by age: sixths, and the last one finer so that the
last percents of settling are seen too."""

WEIGHTS: Floats = -np.diff(_BOUNDS)
"""Share of each part, the oldest last."""

_FINE = 64
"""Points that the mean age of a part is taken over."""


def time_constant(code: int) -> float:
    """Time constant of a range, s."""
    return SETTLING_S[code] / log(1 / SETTLED_WITHIN)


def step_response(age: Floats, window: float, lag: float) -> Floats:
    """How much of a step, ``age`` seconds (0 or more) before the window's end, a reading shows.

    ``window`` is the averaging time, 0 for a single sample; ``lag`` the time constant, both s.
    """
    if window == 0:
        return np.asarray(1 - np.exp(-age / lag))
    before = np.maximum(age - window, 0.0)
    return np.asarray((_ramp_response(age, lag) - _ramp_response(before, lag)) / window)


def _ramp_response(age: Floats, lag: float) -> Floats:
    return np.asarray(age - lag * (1 - np.exp(-age / lag)))


@lru_cache(maxsize=256)
def ages(window: float, lag: float) -> Floats:
    """Mean age (s before the window's end) of each part that a reading is made of.

    Signals at these moments, weighted with `WEIGHTS`, are the reading: right for anything that
    changes linearly, for a step within half the part in which it lies.
    """
    grid = np.linspace(0.0, window + 12 * lag, 4000)
    within = (np.arange(_FINE) + 0.5) / _FINE
    shares = 1 - _BOUNDS[:-1, None] + WEIGHTS[:, None] * within
    return np.asarray(np.interp(shares, step_response(grid, window, lag), grid).mean(axis=1))


def mean_age(window: float, lag: float) -> float:
    """Mean age (s before the window's end) of all that a reading is made of."""
    return window / 2 + lag
