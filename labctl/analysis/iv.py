"""Quasi-static sweeps: at which voltage a device switched, told from its own hysteresis.

A sweep goes there and back over the same voltages. A device that switched on the way out comes back
with another current at the same voltage, and from the switching voltage on both ways agree. So
nothing but the curve itself decides, whether the switching was abrupt or gradual.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.weibull import SwitchingFit, fit_weibull

Floats = NDArray[np.float64]

LEAST_RATIO = 2.0
"""Currents of the two ways at low voltage differ at least so much if the device has switched."""

FLOOR_A = 10e-12
"""Smaller currents count as this: an SMU's offset and noise."""

LOW_PART = 0.25
"""The part of the voltages, from 0 V on, in which nothing switches: there the ways are compared."""


@dataclass(frozen=True)
class Switching:
    """What one sweep says: the voltage (V, magnitude) at which it switched, NaN if it did not."""

    volts: float
    ratio: float
    """Current of the way back over that of the way out at low voltage; NaN without readings."""
    ohms: float
    """Voltage over current on the way out at low voltage; NaN without readings."""

    @property
    def switched(self) -> bool:
        """Whether it did."""
        return bool(np.isfinite(self.volts))


def set_switching(volts: Floats, amperes: Floats) -> Switching:
    """SET or forming: where the current has come half way, in decades, to that of the way back.

    ``volts`` and ``amperes`` are (2 n,), there and back; NaN readings are left out.

    >>> volts = np.array([0, 0.2, 0.4, 0.6, 0.8, 0.8, 0.6, 0.4, 0.2, 0])
    >>> amperes = np.array([0, 1, 2, 3, 40, 40, 30, 20, 10, 0]) * 1e-6
    >>> found = set_switching(volts, amperes)
    >>> found.volts, round(found.ratio)
    (0.8, 10)
    """
    ways = _Ways.of(volts, amperes)
    ratio = ways.low_ratio()
    if not ratio >= LEAST_RATIO:
        return Switching(np.nan, ratio, ways.low_ohms())
    return Switching(float(ways.volts[ways.half_way(ratio)]), ratio, ways.low_ohms())


def reset_switching(volts: Floats, amperes: Floats) -> Switching:
    """RESET: where the current peaks before it has come half way to that of the way back.

    Beyond, it may rise again with the voltage, in the HRS.

    >>> volts = np.array([0, 0.2, 0.4, 0.6, 0.8, 0.8, 0.6, 0.4, 0.2, 0])
    >>> amperes = -np.array([0, 20, 40, 50, 10, 9, 6, 4, 2, 0]) * 1e-6
    >>> found = reset_switching(volts, amperes)
    >>> found.volts, round(found.ratio, 1)
    (0.6, 0.1)
    """
    ways = _Ways.of(volts, amperes)
    ratio = ways.low_ratio()
    if not ratio <= 1 / LEAST_RATIO:
        return Switching(np.nan, ratio, ways.low_ohms())
    before = ways.out[: ways.half_way(ratio) + 1]
    return Switching(float(ways.volts[int(np.argmax(before))]), ratio, ways.low_ohms())


@dataclass(frozen=True, eq=False)
class SwitchingVoltages:
    """Switching voltages of sweeps of one kind, (n,)."""

    volts: Floats
    """Magnitude, V; the top of the sweep where it did not switch."""
    censored: NDArray[np.bool_]
    """It did not switch."""
    step_v: float
    """Distance of the voltages, V."""
    began_switched: int
    """Sweeps left out: they began beyond the reference, and nothing more is seen to switch."""

    @property
    def sweeps(self) -> int:
        """Sweeps that say something."""
        return self.volts.size

    @property
    def switched(self) -> int:
        """Sweeps in which the device switched."""
        return int(np.count_nonzero(~self.censored))

    @cached_property
    def weibull(self) -> SwitchingFit | None:
        """Weibull fit; None without two different voltages."""
        return fit_weibull(self.volts, self.censored, self.step_v)

    def quantile_v(self, share: float) -> float | None:
        """Voltage (V) by which the ``share`` of the sweeps switched; None if so many did not."""
        if not self.sweeps:
            return None
        volts = np.where(self.censored, np.inf, self.volts)
        found = float(np.quantile(volts, share, method="inverted_cdf"))
        return found if np.isfinite(found) else None


def switching_voltages(
    is_reset: bool, volts: Floats, amperes: Floats, reference_ohm: float
) -> SwitchingVoltages:
    """The switching voltages of sweeps over the same ``volts`` (2 n,); ``amperes`` (sweeps, 2 n).

    A sweep that was not made has no readings and is left out. One in which nothing switched counts
    as censored at its top if the device could have: a SET or forming from above the reference, a
    RESET from below it.

    >>> volts = np.array([0, 0.2, 0.4, 0.6, 0.8, 0.8, 0.6, 0.4, 0.2, 0])
    >>> switched = np.array([0, 1, 2, 3, 40, 40, 30, 20, 10, 0]) * 1e-6
    >>> never = np.array([0, 1, 2, 3, 4, 4, 3, 2, 1, 0]) * 1e-6
    >>> rows = np.stack([switched, never, 20 * never, np.nan * never])
    >>> found = switching_voltages(False, volts, rows, reference_ohm=50e3)
    >>> found.volts.tolist(), found.censored.tolist(), found.began_switched
    ([0.8, 0.8], [False, True], 1)
    >>> found.quantile_v(0.5), found.quantile_v(0.9)
    (0.8, None)
    """
    one = reset_switching if is_reset else set_switching
    all_sweeps = [one(volts, row) for row in amperes]
    made = [sweep for sweep in all_sweeps if np.isfinite(sweep.ratio)]
    told = [s for s in made if s.switched or (s.ohms < reference_ohm) == is_reset]
    top = float(np.abs(volts).max())
    return SwitchingVoltages(
        volts=np.array([s.volts if s.switched else top for s in told]),
        censored=np.array([not s.switched for s in told], dtype=bool),
        step_v=float(abs(volts[1] - volts[0])),
        began_switched=len(made) - len(told),
    )


@dataclass(frozen=True, eq=False)
class _Ways:
    """Magnitudes of both ways at the same rising voltages above 0 V, where both are known."""

    volts: Floats
    out: Floats
    back: Floats

    @classmethod
    def of(cls, volts: Floats, amperes: Floats) -> _Ways:
        half = volts.size // 2
        if volts.shape != amperes.shape or volts.ndim != 1 or volts.size != 2 * half:
            raise ValueError(f"volts {volts.shape} and amperes {amperes.shape} must be (2 n,)")
        out, back = np.abs(amperes[:half]), np.abs(amperes[half:])[::-1]
        magnitudes = np.abs(volts[:half])
        known = np.isfinite(out) & np.isfinite(back) & (magnitudes > 0)
        return cls(
            magnitudes[known], np.maximum(out[known], FLOOR_A), np.maximum(back[known], FLOOR_A)
        )

    @property
    def decades(self) -> Floats:
        """How far the way back lies above the way out at each voltage."""
        return np.asarray(np.log10(self.back / self.out))

    def half_way(self, ratio: float) -> int:
        """First index from which the ways stay within half of the decades of ``ratio``."""
        apart = np.abs(self.decades) >= abs(np.log10(ratio)) / 2
        # Apart even at the top: it switched there, between the two readings.
        return min(int(np.flatnonzero(apart)[-1]) + 1, self.volts.size - 1)

    def low_ratio(self) -> float:
        """Median of back over out at low voltage; NaN without a reading there."""
        low = self._low()
        return float(10 ** np.median(self.decades[low])) if low.any() else np.nan

    def low_ohms(self) -> float:
        """Median of voltage over current on the way out at low voltage; NaN likewise."""
        low = self._low()
        return float(np.median(self.volts[low] / self.out[low])) if low.any() else np.nan

    def _low(self) -> NDArray[np.bool_]:
        return self.volts <= LOW_PART * max(self.volts, default=0.0)
