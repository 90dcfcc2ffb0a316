"""Currents of the selected pair over time, while a waveform plays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instruments.sim.chip.bias import BIT_LINES, PadHistory, ResetBias
from instruments.sim.chip.device import OxRamModel
from instruments.sim.waveform import Floats


@dataclass(frozen=True, eq=False)
class BranchBias:
    """What drives the current of one device: ``on`` (n,) says at which moments any flows.

    For those, ``sign`` (positive from SL to the bit line), ``u`` (V) across device and transistor,
    and the transistor's ``overdrive`` (V).
    """

    on: NDArray[np.bool_]
    sign: Floats
    u: Floats
    overdrive: Floats

    @classmethod
    def of(cls, pads: PadHistory, side: int, threshold: float) -> BranchBias:
        """The bias of the device of ``side``, its access transistor of this threshold (V)."""
        if "SL" not in pads.volts or BIT_LINES[side] not in pads.volts:
            nothing = np.zeros(0)
            return cls(np.zeros(len(pads.times), bool), nothing, nothing, nothing)
        sl, bit_line, gate = pads.volts["SL"], pads.volts[BIT_LINES[side]], pads.gate()
        # In the RESET direction the device's bottom node follows the gate.
        backward = np.minimum(bit_line, gate - threshold) - sl
        is_forward = sl > bit_line
        u = np.where(is_forward, sl - bit_line, backward)
        overdrive = gate - np.where(is_forward, bit_line, sl) - threshold
        on = pads.logic("BYP") & (u > 0) & (overdrive > 0)
        return cls(on, np.where(is_forward, 1.0, -1.0)[on], u[on], overdrive[on])

    def current(self, ohms: Floats, model: OxRamModel, gain: float) -> Floats:
        """Current (A) at the moments when any flows, for low-field resistances ``(..., n)``."""
        currents = model.series_currents(
            self.u,
            ohms,
            model.ohm_volts / self.overdrive,
            model.gain * gain * self.overdrive**model.gain_exponent,
        )
        return np.asarray(self.sign * currents)


class Trace:
    """The resistances of a pair at the sample times, and the currents that follow from them."""

    def __init__(self, history: PadHistory, samples: Mapping[str, Floats]) -> None:
        self.samples = samples
        self.times: Floats = np.unique(np.concatenate(list(samples.values())))
        self._pads = history.at(self.times)
        self._x = np.zeros((2, len(self.times)))
        """log10 of the low-field resistance (ohm) of the BL and the BLB device."""
        self._high = {"Q": np.ones(len(self.times), bool), "QB": np.ones(len(self.times), bool)}

    def looks_within(self, start: float, stop: float) -> bool:
        """Whether any sample lies between two times, both included."""
        first = int(np.searchsorted(self.times, start))
        return first < len(self.times) and self.times[first] <= stop

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
        branch = BranchBias.of(self._pads, side, threshold)
        current = np.zeros(len(self.times))
        on = branch.on
        current[on] = branch.current(10 ** self._x[side, on], model, gain)
        return current

    def pick(self, pad: str, values: Floats) -> Floats:
        """Of values at all sample times those at the times wanted for ``pad``."""
        picked: Floats = values[np.searchsorted(self.times, self.samples[pad])]
        return picked
