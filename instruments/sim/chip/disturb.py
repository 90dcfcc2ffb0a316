"""What many senses in a row do to the cells of their row that are not switched meanwhile.

Each time a bit line discharges through an LRS, it adds a faint RESET dose, in proportion to the
cell's resistance. As long as the dose is too small to move the cell it grows in a straight line;
beyond, the resistance grows with it, and the dose is followed in steps of a few percent.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instruments.sim.chip.bias import Discharge, ResetBias
from instruments.sim.chip.device import Kind, OxRamModel
from instruments.sim.chip.die import COLUMNS, Die
from instruments.sim.chip.senseamp import SenseAmplifier
from instruments.sim.waveform import Floats

FAINT_DOSE = 0.02
"""Less than this moves x by less than a thousandth of a decade."""

_STEP = 0.05
"""A dose is followed in steps by which none grows by more than this share."""

Cells = NDArray[np.int64]
"""Cells of a row: column times two, plus side."""


class RowDisturb:
    """Disturbs the rows of one die.

    ``reset_level`` and ``reset`` are the array's: x that a RESET of a device leads to at a given
    F, and a RESET at the dose that the device has.
    """

    def __init__(
        self,
        die: Die,
        model: OxRamModel,
        amplifier: SenseAmplifier,
        reset_level: Callable[[int, ResetBias, float], float],
        reset: Callable[[int, ResetBias], None],
    ) -> None:
        self._die = die
        self._model = model
        self._series_ohm = amplifier.series_ohm
        self._reset_level = reset_level
        self._reset = reset

    def senses_at_rest(self, discharge: Discharge, row: int, cells: list[int]) -> int:
        """How many senses hardly move these cells."""
        low = self._low(row, cells)
        doses = self._doses(row)[low]
        room = np.maximum(FAINT_DOSE - doses, _STEP * doses)
        return int(np.min(room / self._per_sense(discharge, row, low), initial=sys.maxsize // 2))

    def sense(self, discharge: Discharge, row: int, cells: list[int], senses: int) -> None:
        """Let so many senses act on these cells of a row."""
        low = self._low(row, cells)
        if not low.size:
            return
        doses = self._doses(row)
        straight = doses[low] + senses * self._per_sense(discharge, row, low)
        if straight.max() <= FAINT_DOSE:
            doses[low] = straight
            return
        paths = self._paths(2 * COLUMNS * row + low, discharge.bias)
        doses[low] = follow_doses(
            doses[low], senses, lambda own: discharge.dose_per_ohm * paths.ohms(own)
        )
        for cell in low.tolist():
            self._reset(2 * COLUMNS * row + cell, discharge.bias)

    def _low(self, row: int, cells: list[int]) -> Cells:
        """Those of the cells that are in the LRS."""
        chosen = np.array(cells, dtype=np.int64)
        low: Cells = chosen[self._die.kind[row].reshape(-1)[chosen] == Kind.LRS]
        return low

    def _doses(self, row: int) -> Floats:
        doses: Floats = self._die.reset_dose[row].reshape(-1)
        return doses

    def _per_sense(self, discharge: Discharge, row: int, cells: Cells) -> Floats:
        ohms = 10 ** self._die.x[row].reshape(-1)[cells] + self._series_ohm
        return np.asarray(discharge.dose_per_ohm * ohms)

    def _paths(self, devices: Cells, bias: ResetBias) -> CellPaths:
        """How devices go from LRS to HRS as their RESET dose grows."""
        least = self._model.switched_at
        whole = [self._reset_level(device, bias, 1.0) for device in devices.tolist()]
        switched = [self._reset_level(device, bias, least) for device in devices.tolist()]
        return CellPaths(
            self._model,
            bias.turn_on,
            self._series_ohm,
            self._die.x.reshape(-1)[devices],
            self._die.x_set.reshape(-1)[devices],
            np.array(switched),
            np.array(whole),
        )


def follow_doses(doses: Floats, senses: int, per_sense: Callable[[Floats], Floats]) -> Floats:
    """Doses (n,) after ``senses`` senses; ``per_sense`` gives what one adds at given doses."""
    left = float(senses)
    while left > 0:
        rate = per_sense(doses)
        room = np.maximum(_STEP * doses, FAINT_DOSE - doses)
        soonest = float(np.min(room[rate > 0] / rate[rate > 0], initial=left))
        step = min(left, max(1.0, soonest))
        doses = doses + per_sense(doses + rate * step / 2) * step
        left -= step
    return doses


@dataclass(frozen=True, eq=False)
class CellPaths:
    """How cells (n,) in the LRS move as their RESET dose grows, as `OxRamModel.hrs_level` has it.

    ``x`` where they are, ``x_set`` where they began, ``switched`` and ``whole`` the levels at which
    a RESET has just left the LRS and is complete; decades. ``turn_on`` is the RESET's.
    """

    model: OxRamModel
    turn_on: float
    series_ohm: float
    x: Floats
    x_set: Floats
    switched: Floats
    whole: Floats

    def ohms(self, doses: Floats) -> Floats:
        """Resistance (ohm) with the series resistance at these doses; 0 once a cell has left."""
        least = self.model.switched_at
        fraction = self.turn_on * (1 - np.exp(-(doses**self.model.reset_stretch)))
        rise = (self.whole - self.switched) / (1 - least)
        level = self.switched + rise * (fraction - least)
        grown = self.x_set + (level - self.x_set) * (fraction / least) ** 2
        ohms = 10 ** np.maximum(self.x, grown) + self.series_ohm
        return np.asarray(np.where(fraction < least, ohms, 0.0))
