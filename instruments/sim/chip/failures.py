"""Loops in which a SET fails: rare enough to be drawn by their gaps, and then played."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from numpy.random import Generator

SetDoses = dict[int, float]
"""Dose at which the device of each side SETs in a loop; one that is missing draws its own."""


@dataclass(frozen=True)
class SetFailures:
    """``shares``: probability that the SET of the BL and of the BLB device fails; ``sigma``: the
    spread (decades) of the dose that a SET needs."""

    shares: tuple[float, float]
    sigma: float
    rng: Generator

    @property
    def any_share(self) -> float:
        """Probability that at least one SET of a loop fails."""
        first, second = self.shares
        return first + second - first * second

    def loops_before(self, loops: int) -> int:
        """How many of ``loops`` come before the first with a failure; all of them if none has."""
        if self.any_share == 0:
            return loops
        gap = math.log(1 - self.rng.random()) / math.log1p(-self.any_share)
        return int(min(gap, float(loops)))

    def loops_at_end(self, loops: int) -> int:
        """How many of the last of ``loops`` have a failure, without a good one between them."""
        if self.any_share == 0:
            return 0
        return min(int(math.log(1 - self.rng.random()) / math.log(self.any_share)), loops)

    def among(self, loops: int) -> tuple[int, int]:
        """How many SETs of each device fail in ``loops`` loops."""
        first, second = self.shares
        return int(self.rng.binomial(loops, first)), int(self.rng.binomial(loops, second))

    def doses(self) -> SetDoses:
        """Doses at which the devices SET in a loop in which at least one of them fails."""
        first, second = self.shares
        draw = self.rng.random() * self.any_share
        fails = (draw < first, draw >= first or self.rng.random() < second)
        doses = {}
        for side, share in enumerate(self.shares):
            if share:
                draw = self.rng.random()
                tail = draw * share if fails[side] else share + (1 - share) * draw
                doses[side] = 10 ** (-self.sigma * NormalDist().inv_cdf(max(tail, 1e-300)))
        return doses
