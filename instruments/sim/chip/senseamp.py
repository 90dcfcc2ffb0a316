"""The precharge sense amplifiers (PCSA): one race between two branches for each column pair.

Laws of the device note, section 4: the branch with the larger conductance discharges first and
latches 0; what is compared are conductances, with an offset in siemens and a ratio mismatch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Latched:
    """What amplifiers hold after a sense; arrays of shape (n,)."""

    q: Flags
    qb: Flags
    delay: Floats
    """Seconds from the sense edge until the outputs stand; until then both are high."""


@dataclass(frozen=True)
class SenseAmplifier:
    """Constants of the amplifiers; [C] calibrated in the device note, [A] assumed."""

    conductance_sigma: float = 7.9e-6
    """Total conductance offset, S; half its variance per column, half per read [C]."""
    column_ratio_sigma: float = 0.05
    """Ratio mismatch per column, decades [C]."""
    series_ohm: float = 3e3
    """In series with each device [C]."""
    bit_line_farad: float = 1e-12
    """Capacitance that a branch discharges [C]."""
    regeneration: float = 5e-9
    """Time constant of the latch near equality, s [A]."""
    precharge_delay: float = 100e-9
    """SL must have been at VDD for so long before the bit lines are charged, s (bench note)."""
    precharge_rise: float = 50e-9
    """Then they settle within this time, s (bench note)."""
    precharge_drop: float = 0.45
    """to VDD minus this, V (bench note)."""
    minimum_supply: float = 0.3
    """Below this VDD the amplifiers do nothing, V [A]."""
    longest_window: float = 1e-6
    """After this time a branch that has not discharged no longer does, s [A]."""
    soft_edge: float = 0.08
    """Spread of the largest resistance that discharges, decades [A]."""

    @property
    def column_conductance_sigma(self) -> float:
        """Static part of the conductance offset, S."""
        return self.conductance_sigma / math.sqrt(2)

    def precharged_volts(self, vdd: float) -> float:
        """Voltage of a charged bit-line node, V."""
        return max(vdd - self.precharge_drop, 0.0)

    def largest_discharging_ohm(self, vdd: float, window: float) -> float:
        """Branches above this resistance stay high for ``window`` seconds at supply ``vdd``.

        Near threshold both branches of an HRS pair stay high: the ternary reading [A].
        """
        near_threshold = 50e3 * 10 ** ((vdd - 0.6) / 0.15) * (window / 1e-6)
        return float(min(near_threshold, window / (0.7 * self.bit_line_farad)))

    def race(
        self,
        ohms: Floats,
        column_conductance: Floats | float,
        column_ratio: Floats | float,
        limit_ohm: float,
        noise: Floats,
    ) -> Latched:
        """Latch ``n`` times: ``ohms`` (n, 2) of the BL and BLB devices, noise (3n,).

        The offsets are (n,), or one number for all.
        """
        n = len(ohms)
        conductance = 1 / (ohms + self.series_ohm)
        difference = (
            conductance[:, 1] * 10**column_ratio
            - conductance[:, 0]
            + column_conductance
            + self.column_conductance_sigma * noise[:n]
        )
        edge = limit_ohm * 10 ** (self.soft_edge * noise[n:].reshape(n, 2))
        discharged = ohms < edge
        # One branch alone decides by itself; two race.
        low_bl = discharged[:, 0] & ((difference <= 0) | ~discharged[:, 1])
        low_blb = discharged[:, 1] & ~low_bl
        fastest = conductance.max(axis=1)
        delay = 0.7 * self.bit_line_farad / fastest
        closeness = np.maximum(fastest / np.maximum(np.abs(difference), 1e-12), 1.0)
        delay += np.where(discharged.all(axis=1), self.regeneration * np.log(closeness), 0.0)
        return Latched(~low_bl, ~low_blb, delay)


AMPLIFIER = SenseAmplifier()
