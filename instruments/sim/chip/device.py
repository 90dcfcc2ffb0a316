"""The laws of one HfO2 device and its access transistor, as pure functions.

Every number of the device model is here, with where it comes from: [P] the seed paper, [C] worked
out in the device note (parameter set B), [A] assumed, free to change. x is log10 of the low-field
resistance in ohm; u is the voltage from SL to the bit line, positive in the SET direction.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Kind(IntEnum):
    """Which state a device is in."""

    PRISTINE = 0
    LRS = 1
    HRS = 2


@dataclass(frozen=True)
class OxRamModel:
    """Constants and laws of the device model, sections 2 to 4 of the device note."""

    # Access transistor, on the bit-line side.
    gain: float = 200e-6 / 1.05**1.3
    """K of Icmax = K (V_GS - Vt)^1.3, A: 200 uA at a gate of 1.6 V [A]."""
    gain_exponent: float = 1.3
    threshold: float = 0.55
    """Vt, V [A]."""
    ohm_volts: float = 2.5e3 * (3.3 - 0.55)
    """On-resistance times overdrive, ohm V: 2.5 kohm at a gate of 3.3 V [A]."""
    device_gain_sigma: float = 0.05
    """Relative device-to-device spread of K [A]."""
    die_gain_sigma: float = 0.02
    """Relative die-to-die spread of K [A]."""
    die_threshold_sigma: float = 5e-3
    """Die-to-die spread of Vt, V [A]."""

    # Forming.
    forming_median: float = 2.55
    """Forming voltage of a 1000 V/s ramp, V; its spread; both [A] after the literature."""
    forming_sigma: float = 0.17
    forming_slope: float = 0.11
    """Voltage that makes forming e times faster, V (0.25 V a decade)."""
    forming_time: float = 110e-6
    """Time to form at the forming voltage, s: slope / (1000 V/s)."""
    overforming_current: float = 400e-6
    """A forming that nothing limits below this current overforms the device, A [A]."""
    overforming_drop: float = 0.3
    """Its LRS is lower by this, decades [A]."""
    overforming_cycles: float = 1e4
    """and it has aged by so many strong cycles."""
    pristine_x: float = 8.0
    """Median, spread and range of a pristine device's x: 10 Mohm to 1 Gohm [A]."""
    pristine_x_sigma: float = 0.5
    pristine_x_range: tuple[float, float] = (7.0, 9.0)

    # SET.
    set_floor: float = 15e-9
    """t50(u) = floor + 1 us 10^(-(u - 1 V) / slope), s [A]."""
    set_slope: float = 0.08
    """V a decade [A]."""
    set_time_sigma: float = 0.17
    """Spread of the time to SET, decades [A]."""
    lrs_volts: float = 0.60
    """Median LRS resistance times compliance current, V [C]."""
    lrs_sigma: float = 0.28
    """Total spread of the LRS at 55 uA, decades [C]; it goes as Ic^-exponent."""
    lrs_sigma_current: float = 55e-6
    lrs_sigma_exponent: float = 0.31
    least_compliance: float = 1e-6
    """No SET leaves a filament that carries less than this, A [A]."""

    # RESET.
    hrs_x: float = 5.301
    """Median HRS after 1 us at 2.5 V, and what a volt and a decade of longer time add [C]."""
    hrs_x_per_volt: float = 0.476
    hrs_x_per_decade: float = 0.05
    hrs_sigma: float = 0.28
    """Total spread of the HRS, decades [C]."""
    reset_time: float = 100e-9
    """Time constant at 1.5 V, s [C]; ten times shorter for each further slope."""
    reset_slope: float = 0.7
    """V a decade [C]."""
    reset_stretch: float = 0.7
    """F = 1 - exp(-(t/tau)^stretch) [C]."""
    reset_knee: float = 1.2
    """Below this voltage the time constant grows a decade every low slope, V [A]."""
    reset_low_slope: float = 0.08
    reset_onset: float = 0.8
    """RESET needs this voltage, V, with a smooth turn-on of this width, V [A]."""
    reset_onset_width: float = 0.07
    switched_at: float = 0.3
    """From this F on a RESET has left the LRS: what remains is a level of its own [A]."""

    # Spread shared by the pair, and the share that belongs to the device.
    common_sigma: float = 0.10
    """sc: common to the pair, half its variance static and half slow, decades [C]."""
    device_share: float = 0.15
    """f: device-to-device share of the rest of the variance [C]."""
    slow_cycles: float = 1e4
    """Correlation of the slow part, SETs in the pair [A]."""

    # Aging.
    aging: float = 0.133
    """Decades of window lost for each decade of 1 + W [C]."""
    aging_hrs_share: float = 0.7
    """Share of it that the HRS takes; the LRS takes the rest [C]."""
    wear_cycles: float = 1.46e3
    """n0 at 2.5 V, 1 us, 200 uA, cycles [C]."""
    wear_decades_per_volt: float = 8.0

    # Conduction and noise.
    superlinear_volts: float = 0.55
    """Scale of I = (v/R) sinh(y)/y [C]."""
    noise_lrs: float = 0.005
    """Read noise below 20 kohm and above 200 kohm, decades [A]."""
    noise_hrs: float = 0.05
    rtn_share: float = 0.2
    """Share of HRS with two-level noise [A]."""
    rtn_median: float = 0.10
    """Median relative amplitude [A]."""
    rtn_spread: float = 0.3
    """Spread of the amplitude, decades [A]."""
    rtn_log_seconds: tuple[float, float] = (-2.0, 1.5)
    """Centre and spread of log10 of its time constant: mostly 1 us to 100 s [A]."""

    # Transistor

    def saturation(self, overdrive: float, gain: float = 1.0) -> float:
        """Largest current (A) at a gate overdrive (V > 0); ``gain`` relative to the nominal K."""
        return self.gain * gain * float(overdrive**self.gain_exponent)

    def on_resistance(self, overdrive: float) -> float:
        """Resistance (ohm) of the transistor below saturation, at an overdrive (V > 0)."""
        return self.ohm_volts / overdrive

    # Conduction

    def conduction_scale(self, ohms: float) -> float:
        """Voltage (V) beyond which a device of this low-field resistance is superlinear."""
        return float((1 + 10e3 / ohms) * self.superlinear_volts * (ohms / 200e3) ** 0.2)

    def series_current(
        self, volts: float, ohms: float, on_resistance: float, saturation: float
    ) -> float:
        """Current (A) at ``volts`` >= 0 across the device and its transistor in series."""
        scale = self.conduction_scale(ohms)
        current = volts / (ohms + on_resistance)
        for _ in range(20):
            y = (volts - current * on_resistance) / scale
            factor = 1 + y * y / 6 if y < 0.1 else math.sinh(y) / y
            better = volts * factor / (ohms + on_resistance * factor)
            settled = abs(better - current) <= 1e-5 * better
            current = better
            if settled:
                break
        return min(current, saturation)

    def series_currents(
        self, volts: Floats, ohms: Floats, on_resistance: Floats, saturation: Floats
    ) -> Floats:
        """`series_current` of arrays of one shape."""
        scale = (1 + 10e3 / ohms) * self.superlinear_volts * (ohms / 200e3) ** 0.2
        current = volts / (ohms + on_resistance)
        for _ in range(12):
            factor = _sinh_over((volts - current * on_resistance) / scale)
            better = volts * factor / (ohms + on_resistance * factor)
            settled = bool(np.all(np.abs(better - current) <= 1e-9 * better))
            current = better
            if settled:
                break
        return np.minimum(current, saturation)

    def read_noise(self, x: float) -> float:
        """Spread (decades) of one current reading of a device at ``x``."""
        position = x - 4.30103
        if position <= 0:
            return self.noise_lrs
        return self.noise_lrs + (self.noise_hrs - self.noise_lrs) * min(position, 1.0)

    def read_noises(self, x: Floats) -> Floats:
        """`read_noise` of an array."""
        position = np.clip(x - 4.30103, 0.0, 1.0)
        return self.noise_lrs + (self.noise_hrs - self.noise_lrs) * position

    # Rates: how fast each thing goes at a voltage; arrays in, arrays out

    def forming_rate(self, u: Floats) -> Floats:
        """Forming hazard (1/s) of a device whose forming voltage is 0 V; see `forming_factor`."""
        return np.exp(u / self.forming_slope) / self.forming_time

    def forming_factor(self, forming_volts: float) -> float:
        """What a device's forming voltage makes of the hazard of `forming_rate`."""
        return math.exp(-forming_volts / self.forming_slope)

    def set_rate(self, u: Floats) -> Floats:
        """1 / t50 (1/s): a median device SETs when its integral over time reaches 1."""
        return 1 / (self.set_floor + 1e-6 * 10 ** (-(u - 1.0) / self.set_slope))

    def reset_rate(self, u: Floats) -> Floats:
        """1 / tau (1/s) of the RESET law at ``u`` volts in the RESET direction."""
        decades = (np.maximum(u, self.reset_knee) - 1.5) / self.reset_slope
        decades = decades - np.maximum(self.reset_knee - u, 0) / self.reset_low_slope
        rate: Floats = 10**decades / self.reset_time
        return rate

    def reset_turn_on(self, u: float) -> float:
        """How much of a RESET the voltage allows, 0 to 1."""
        return 1 / (1 + math.exp(-(u - self.reset_onset) / self.reset_onset_width))

    # Levels

    def common(self, static: float, slow: float) -> float:
        """Deviation (decades) common to the pair, from its two standard normal parts."""
        return self.common_sigma * math.sqrt(0.5) * (static + slow)

    @cached_property
    def slow_kept(self) -> float:
        """Share of the slow common part that one SET in the pair leaves."""
        return math.exp(-1 / self.slow_cycles)

    def _split(self, sigma: float) -> tuple[float, float]:
        """Device-to-device and cycle-to-cycle part of a total spread, decades."""
        own = max(sigma**2 - self.common_sigma**2, 0.0)
        return math.sqrt(self.device_share * own), math.sqrt((1 - self.device_share) * own)

    def lrs_median(self, compliance: float) -> float:
        """Median x after a SET limited to ``compliance`` (A)."""
        return math.log10(self.lrs_volts / compliance)

    def lrs_level(
        self, compliance: float, device: float, cycle: float, common: float, wear: float
    ) -> float:
        """x after a SET: the device's and the cycle's draws are standard normal."""
        ratio = self.lrs_sigma_current / compliance
        by_device, by_cycle = self._split(self.lrs_sigma * ratio**self.lrs_sigma_exponent)
        aged = self.lrs_aging * math.log10(1 + wear)
        median = self.lrs_median(compliance)
        return median + common + by_device * device + by_cycle * cycle + aged

    @cached_property
    def lrs_aging(self) -> float:
        """Decades that the LRS rises for each decade of 1 + W."""
        return (1 - self.aging_hrs_share) * self.aging

    @cached_property
    def hrs_aging(self) -> float:
        """Decades that the HRS falls for each decade of 1 + W."""
        return self.aging_hrs_share * self.aging

    def hrs_median(self, volts: float, seconds: float) -> float:
        """Median x of a complete RESET at ``volts`` lasting ``seconds``."""
        longer = max(math.log10(seconds / 1e-6), 0.0) if seconds > 0 else 0.0
        return self.hrs_x + self.hrs_x_per_volt * (volts - 2.5) + self.hrs_x_per_decade * longer

    def reset_fraction(self, dose: float, turn_on: float) -> float:
        """F after a ``dose`` of time over time constant."""
        return turn_on * (1 - math.exp(-(dose**self.reset_stretch)))

    def hrs_level(
        self,
        fraction: float,
        hrs_median: float,
        lrs_median: float,
        x_set: float,
        deviation: float,
    ) -> float:
        """x that a RESET of this F leads to, from ``x_set`` where it began.

        The spread (``deviation``, see `hrs_deviation`) is whole once F has reached
        ``switched_at``; below, the level grows out of the LRS that was there [A].
        """
        level = lrs_median + (hrs_median - lrs_median) * fraction + deviation
        if fraction >= self.switched_at:
            return level
        return x_set + (level - x_set) * (fraction / self.switched_at) ** 2

    def hrs_deviation(self, device: float, cycle: float, common: float, wear: float) -> float:
        """Deviation (decades) of an HRS from its median: standard normal draws, and aging."""
        by_device, by_cycle = self.hrs_split
        aged = self.hrs_aging * math.log10(1 + wear)
        return common + by_device * device + by_cycle * cycle - aged

    @cached_property
    def hrs_split(self) -> tuple[float, float]:
        """Device-to-device and cycle-to-cycle spread of the HRS, decades."""
        return self._split(self.hrs_sigma)

    def wear_per_amp(self, volts: float, seconds: float) -> float:
        """W that a RESET adds for each ampere of the last compliance (1/n0 is linear in it)."""
        cycles = self.wear_cycles * 10 ** (self.wear_decades_per_volt * (2.5 - volts))
        return math.sqrt(seconds / 1e-6) / (200e-6 * cycles)


def _sinh_over(y: Floats) -> Floats:
    """sinh(y) / y, for small y by its series, right to 1e-9."""
    if y.size and float(np.abs(y).max()) < 0.5:
        square = y * y
        series = 1 + square / 6 * (1 + square / 20 * (1 + square / 42 * (1 + square / 72)))
        return np.asarray(series)
    y = np.maximum(y, 1e-6)
    return np.asarray(np.sinh(y) / y)


MODEL = OxRamModel()
