"""The slow part common to a pair, over many SETs: a first-order autoregression, exactly."""

from __future__ import annotations

import math

import numpy as np
from numpy.random import Generator

from instruments.sim.waveform import Floats

_MOST_GROWTH = 500.0
"""Powers of e up to this are numbers."""


class SlowPart:
    """Draws the slow part after any numbers of steps of which each keeps the share ``kept``."""

    def __init__(self, kept: float) -> None:
        self._decay = -math.log(kept)
        self._weights: Floats = np.ones(1)

    def path(self, start: float, steps: int, rng: Generator) -> Floats:
        """From ``start`` through each of ``steps`` steps, (steps + 1,)."""
        if self._decay * steps > _MOST_GROWTH:
            return self.at(start, np.arange(steps + 1.0), rng)
        if len(self._weights) != steps + 1:
            self._weights = np.exp(self._decay * np.arange(steps + 1.0))
        kicks = rng.standard_normal(steps + 1)
        kicks *= math.sqrt(-math.expm1(-2 * self._decay))
        kicks *= self._weights
        kicks[0] = start
        np.cumsum(kicks, out=kicks)
        kicks /= self._weights
        return kicks

    def at(self, start: float, steps: Floats, rng: Generator) -> Floats:
        """After each number of ``steps`` (n,), rising, from ``start``: any gap is one draw."""
        kept = np.exp(-self._decay * np.diff(steps, prepend=0.0))
        kicks = np.sqrt(1 - kept**2) * rng.standard_normal(len(steps))
        values = np.empty(len(steps))
        value = start
        for i, (share, kick) in enumerate(zip(kept.tolist(), kicks.tolist(), strict=True)):
            values[i] = value = share * value + kick
        return values
