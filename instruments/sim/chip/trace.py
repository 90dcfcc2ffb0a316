"""Currents of the selected pair over time, while a waveform plays."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from instruments.sim.chip.bias import BIT_LINES, PadHistory, ResetBias
from instruments.sim.chip.device import OxRamModel
from instruments.sim.waveform import Floats


class Trace:
    """The resistances of a pair at the sample times, and the currents that follow from them."""

    def __init__(self, history: PadHistory, samples: Mapping[str, Floats]) -> None:
        self.samples = samples
        self.times: Floats = np.unique(np.concatenate(list(samples.values())))
        self._pads = history.at(self.times)
        self._x = np.zeros((2, len(self.times)))
        """log10 of the low-field resistance (ohm) of the BL and the BLB device."""
        self._high = {"Q": np.ones(len(self.times), bool), "QB": np.ones(len(self.times), bool)}

    def from_now(self, side: int, time: float, x: float) -> None:
        """From ``time`` on the device of ``side`` is at ``x``."""
        self._x[side, self.times >= time] = x

    def reset_path(self, side: int, bias: ResetBias, doses: Floats, x: Floats) -> None:
        """During ``bias`` the device goes through ``x`` as its dose goes through ``doses``."""
        during = (self.times >= bias.start) & (self.times <= bias.stop)
        dose = np.interp(self.times[during], bias.times, bias.doses)
        self._x[side, during] = np.interp(dose, doses, x)

    def latch_from_now(self, time: float, q: bool, qb: bool) -> None:
        """From ``time`` on the outputs of the addressed column are at these levels."""
        self._high["Q"][self.times >= time] = q
        self._high["QB"][self.times >= time] = qb

    def add_noise(self, side: int, decades: Floats) -> None:
        """Add read noise (decades, one number a sample time) to a device's resistance."""
        self._x[side] += decades

    def noise_sigma(self, side: int, model: OxRamModel) -> Floats:
        """Read noise (decades) of the device at each sample time."""
        grid = np.array([4.0, 4.30103, 5.30103, 6.0])
        sigma: Floats = np.interp(self._x[side], grid, [model.read_noise(float(x)) for x in grid])
        return sigma

    def output_current(self, pad: str, vdd: float, volts: float, ohms: float) -> Floats:
        """Current (A) into Q or QB, held at ``volts`` behind ``ohms``."""
        levels: Floats = np.where(self._high[pad], vdd, 0.0)
        return (volts - levels) / ohms

    def pair_current(self, side: int, model: OxRamModel, threshold: float, gain: float) -> Floats:
        """Current (A) from SL through the device of ``side`` to its bit line.

        ``threshold`` (V) and ``gain`` (relative) are those of its access transistor.
        """
        current = np.zeros(len(self.times))
        volts = self._pads.volts
        if "SL" not in volts or BIT_LINES[side] not in volts:
            return current
        sl, bit_line, gate = volts["SL"], volts[BIT_LINES[side]], self._pads.gate()
        bypass = self._pads.logic("BYP")
        ohms = 10 ** self._x[side]
        follows = np.minimum(bit_line, gate - threshold)
        for sign, u, overdrive in (
            (1.0, sl - bit_line, gate - bit_line - threshold),
            (-1.0, follows - sl, gate - sl - threshold),
        ):
            on = bypass & (u > 0) & (overdrive > 0)
            drive = overdrive[on]
            current[on] = sign * model.series_currents(
                u[on],
                ohms[on],
                model.ohm_volts / drive,
                model.gain * gain * drive**model.gain_exponent,
            )
        return current

    def pick(self, pad: str, values: Floats) -> Floats:
        """Of values at all sample times those at the times wanted for ``pad``."""
        picked: Floats = values[np.searchsorted(self.times, self.samples[pad])]
        return picked
