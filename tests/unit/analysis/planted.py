"""Readings of a die whose parameters are known, written from the formulas of device-model.md.

Sections 2 and 4 say what a die is; nothing here comes from the simulated chip, so that neither is
fitted to the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PlantedDie:
    """Distance and sigmas in decades (totals), conductances in siemens."""

    distance: float
    lrs_sigma: float
    hrs_sigma: float
    common: float = 0.0
    """Shared by both devices of a pair, contained in both sigmas; half of its variance static."""
    device_share: float = 0.0
    """Of the variance that is not common."""
    offset: float = 0.0
    """Half of its variance belongs to the column, half to the read."""
    mismatch: float = 0.0
    lrs_ohm: float = 1e4
    series_ohm: float = 3e3
    aging_slope: float = 0.0
    n0_cycles: float = 1e3

    def distance_after(self, cycles: Floats) -> Floats:
        return self.distance - self.aging_slope * np.log10(1 + cycles / self.n0_cycles)


@dataclass(frozen=True)
class PlantedReads:
    """``pattern`` and ``sensed`` (n, rows, columns), ``resistance`` (n, rows, columns, 2)."""

    pattern: NDArray[np.uint8]
    resistance: Floats
    sensed: NDArray[np.uint8]

    @property
    def lrs(self) -> Floats:
        """(cells, n) ohm of the device programmed to LRS."""
        return self._of(self.pattern == 0)

    @property
    def hrs(self) -> Floats:
        return self._of(self.pattern == 1)

    def _of(self, on_bl: NDArray[np.bool_]) -> Floats:
        ohm = np.where(on_bl, self.resistance[..., 0], self.resistance[..., 1])
        return ohm.reshape(len(ohm), -1).T

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """(n, rows, columns)."""
        return self.sensed != self.pattern


def program(
    die: PlantedDie, n: int, rows: int, columns: int, generator: np.random.Generator
) -> PlantedReads:
    """``n`` programmings, the checkerboard and its inverse in turn, read by SMU and PCSA."""
    normal = generator.normal
    shape = (n, rows, columns)
    board = np.indices(shape).sum(axis=0) % 2
    common_each = die.common / np.sqrt(2)
    common = normal(0, common_each, shape[1:]) + normal(0, common_each, shape)

    def state(sigma: float) -> Floats:
        """Deviations of both devices in one state, (n, rows, columns, 2)."""
        own = sigma**2 - die.common**2
        device = normal(0, np.sqrt(own * die.device_share), (*shape[1:], 2))
        return device + normal(0, np.sqrt(own * (1 - die.device_share)), (*shape, 2))

    in_lrs = np.stack([board == 0, board == 1], axis=-1)
    deviation = np.where(in_lrs, state(die.lrs_sigma), die.distance + state(die.hrs_sigma))
    resistance = die.lrs_ohm * 10 ** (common[..., None] + deviation)
    siemens = 1 / (resistance + die.series_ohm)
    half = die.offset / np.sqrt(2)
    offset = normal(0, half, columns) + normal(0, half, shape)
    ratio = 10 ** normal(0, die.mismatch, columns)
    sensed = siemens[..., 1] * ratio - siemens[..., 0] + offset > 0
    return PlantedReads(board.astype(np.uint8), resistance, sensed.astype(np.uint8))


def draw_die(generator: np.random.Generator) -> PlantedDie:
    """A die at random, with spreads and distances a decade around what such chips show."""
    lrs_sigma, hrs_sigma = generator.uniform(0.15, 0.4, 2)
    return PlantedDie(
        distance=generator.uniform(2.0, 2.8) * (lrs_sigma + hrs_sigma),
        lrs_sigma=lrs_sigma,
        hrs_sigma=hrs_sigma,
        common=generator.uniform(0.3, 0.8) * min(lrs_sigma, hrs_sigma),
        device_share=generator.uniform(0.05, 0.4),
        offset=generator.uniform(3e-6, 15e-6),
        mismatch=generator.uniform(0.02, 0.08),
        lrs_ohm=10 ** generator.uniform(3.7, 4.4),
        aging_slope=generator.uniform(0.05, 0.2),
        n0_cycles=10 ** generator.uniform(2, 4),
    )
