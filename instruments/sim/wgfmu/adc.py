"""What a B1530A channel makes of a true voltage or current (instruments.md, section 1.9).

Modelled: output step, measurement range with clipping at 1.0 times the range, noise that falls with
averaging, and the step of the converter. A reading beyond the range is stored as exactly plus or
minus the range, so a client recognises it by ``abs(value) >= range``. How a reading in a run lags
behind is the matter of `settling`; a DC reading comes long after. Not modelled: gain and offset
errors (a calibrated channel).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from instruments.sim.waveform import Floats
from instruments.wgfmu.library import ForceVoltageRange, MeasureCurrentRange, MeasureVoltageRange

VOLTS_BY_RANGE: dict[int, tuple[float, float]] = {
    ForceVoltageRange.V3: (-3.0, 3.0),
    ForceVoltageRange.V5: (-5.0, 5.0),
    ForceVoltageRange.V10_NEGATIVE: (-10.0, 0.0),
    ForceVoltageRange.V10_POSITIVE: (0.0, 10.0),
}
"""Lowest and highest voltage of each output range, V."""

FINE_FORCE_STEP = 96e-6
FORCE_STEP = 160e-6
"""Step of the output on the 3 V range and on all others, V."""

CURRENT_STEP = 0.14e-3
"""Step of the current converter, in parts of the range."""

CURRENT_NOISE_LIMIT = 2e-3
"""Noise of a current reading, however short, in parts of the range."""


@dataclass(frozen=True)
class Range:
    """A measurement range: full scale, step and noise (rms) of an average of ``samples``."""

    limit: float
    step: float
    noise: float
    samples: float
    noise_limit: float

    def noise_of(self, samples: float) -> float:
        """Rms noise of an average over ``samples`` 5 ns samples."""
        return min(self.noise_limit, self.noise * sqrt(self.samples / samples))


def _current_range(limit: float, noise: float, window_s: float) -> Range:
    return Range(limit, CURRENT_STEP * limit, noise, window_s / 5e-9, CURRENT_NOISE_LIMIT * limit)


RANGES: dict[int, Range] = {
    MeasureCurrentRange.UA1: _current_range(1e-6, 425e-12, 1.64e-6),
    MeasureCurrentRange.UA10: _current_range(10e-6, 2.5e-9, 1e-6),
    MeasureCurrentRange.UA100: _current_range(100e-6, 47e-9, 130e-9),
    MeasureCurrentRange.MA1: _current_range(1e-3, 280e-9, 40e-9),
    MeasureCurrentRange.MA10: _current_range(10e-3, 1.9e-6, 20e-9),
    MeasureVoltageRange.V5: Range(5.0, 680e-6, 1.4e-3, 1, 4e-3),
    MeasureVoltageRange.V10: Range(10.0, 1.4e-3, 1.5e-3, 1, 4e-3),
}
"""Current ranges (A) and voltage ranges (V) by their constant."""


def force_step(force_range: int) -> float:
    """Step of the output, V."""
    return FINE_FORCE_STEP if force_range == ForceVoltageRange.V3 else FORCE_STEP


def forced(volts: float, step: float) -> float:
    """What the output really gives for a programmed voltage, V."""
    return round(round(volts / step) * step, 9)


def forced_all(volts: ArrayLike, step: float) -> Floats:
    """As `forced`, for an array."""
    return np.asarray(np.round(np.round(np.asarray(volts) / step) * step, 9))


def read(true: float, code: int, samples: int, rng: np.random.Generator) -> float:
    """One reading of a true value on a range, averaged over ``samples`` samples."""
    noise, step, limit = _reading(code, samples)
    value = round((true + noise * rng.standard_normal()) / step) * step
    return max(-limit, min(limit, value))


@lru_cache(maxsize=256)
def _reading(code: int, samples: int) -> tuple[float, float, float]:
    """Noise, step and limit of readings of one kind: DC measurements repeat thousands of times."""
    scale = RANGES[code]
    return scale.noise_of(samples), scale.step / samples, scale.limit


def read_all(true: Floats, code: int, samples: Floats | float, rng: np.random.Generator) -> Floats:
    """Readings ``(n,)`` on one range; ``samples`` says how many each averages, or all do."""
    scale = RANGES[code]
    noise = np.minimum(scale.noise_limit, scale.noise * np.sqrt(scale.samples / samples))
    step = scale.step / samples
    values = np.rint((true + noise * rng.standard_normal(len(true))) / step) * step
    return np.asarray(np.clip(values, -scale.limit, scale.limit))
