"""Many races of one column's sense amplifier, drawn as arrays (`senseamp` has the law)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from instruments.sim.chip.senseamp import SenseAmplifier
from instruments.sim.waveform import Floats

Flags = NDArray[np.bool_]

CLOSENESS = 30.0
"""Two branches are close when they differ by less than one part in so many."""

SURELY = 8.0
"""A normal draw is never further out than this (1e-15)."""

_LN10 = math.log(10)


@dataclass(frozen=True, eq=False)
class Latches:
    """Outcomes of races (n,).

    ``delay`` is the time (s) until the outputs stand, None if nobody looks before that.
    """

    q: Flags
    qb: Flags
    delay: Floats | None


@dataclass(frozen=True)
class RaceLaw:
    """The addressed column's amplifier and the circumstances of one of a loop's races."""

    amplifier: SenseAmplifier
    conductance: float
    """Static offset of the column, S."""
    ratio: float
    """Static mismatch of the column, decades."""
    limit_ohm: float
    """Branches above this resistance do not discharge, but for a soft edge."""
    least_age: float
    """How soon (s) after the edge somebody looks at the outputs; infinite if nobody does."""

    @property
    def surely_discharging(self) -> float:
        """Branches at a lower level (decades) than this certainly discharge."""
        return math.log10(self.limit_ohm) - SURELY * self.amplifier.soft_edge

    @property
    def least_conductance(self) -> float:
        """Branches more conductive (S) than this, and not close, latch before anybody looks."""
        left = self.least_age - self.amplifier.regeneration * math.log(CLOSENESS)
        return 0.7 * self.amplifier.bit_line_farad / left if left > 0 else math.inf

    def run(self, x: tuple[Floats, Floats], noise: Floats, rng: Generator) -> Latches:
        """Latch ``n`` times: levels (n,) of BL and BLB device, the amplifier's ``noise`` (n,)."""
        amplifier = self.amplifier
        bl, blb = (self._conductance(levels) for levels in x)
        difference = blb * 10**self.ratio
        difference -= bl
        difference += self.conductance
        difference += amplifier.column_conductance_sigma * noise
        q = difference > 0
        qb = ~q
        # Open: the branch that wins may not discharge, or somebody looks before the outputs stand.
        limit = self.surely_discharging
        is_open = (qb & (x[0] >= limit)) | (q & (x[1] >= limit))
        if self.least_age < math.inf:
            fastest = np.maximum(bl, blb)
            is_open |= fastest <= self.least_conductance
            is_open |= fastest >= CLOSENESS * np.abs(difference)
        chosen = np.flatnonzero(is_open)
        if not chosen.size:
            return Latches(q, qb, None)
        latched = amplifier.race(
            10 ** np.stack([x[0][chosen], x[1][chosen]], axis=1),
            self.conductance,
            self.ratio,
            self.limit_ohm,
            np.concatenate((noise[chosen], rng.standard_normal(2 * len(chosen)))),
        )
        q[chosen], qb[chosen] = latched.q, latched.qb
        delay = np.zeros(len(q))
        delay[chosen] = latched.delay
        return Latches(q, qb, delay if (latched.delay > self.least_age).any() else None)

    def _conductance(self, levels: Floats) -> Floats:
        ohms = np.exp(_LN10 * levels)
        ohms += self.amplifier.series_ohm
        return np.asarray(np.divide(1.0, ohms, out=ohms))
