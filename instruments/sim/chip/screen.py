"""Which cycles cannot be read wrong, so that their levels need not be worked out.

Each cycle's own draw is the distance u between its HRS and its LRS, from which the part common to
the pair has dropped out. Where u is above a threshold the race can only go wrong if the LRS is far
higher than its mean for this u, or the amplifier's noise is far out. Those few cycles are chosen by
chance with the very probability that they have, and their draws are taken from the tail. All other
cycles with such a u are certain: no approximation is in this. The rest are worked out in full.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from instruments.sim.chip.cycling import CyclingLaw, PairState
from instruments.sim.chip.loopplan import LoopPlan
from instruments.sim.chip.races import CLOSENESS, SURELY, Flags, Latches, RaceLaw
from instruments.sim.waveform import Floats

Indices = NDArray[np.int64]

MOST_WORKED_OUT = 0.2
"""Where a larger share of the loops would have to be worked out, all of them are."""

_NOISE_TAIL = 4.5
_LEVEL_TAILS = (2.0, 2.5, 3.0, 3.5)
"""Beyond so many sigma the amplifier's noise and the LRS at a given u are far out."""

_HIGHEST = 4.0
_STEPS = 10
"""Thresholds are looked for from minus to plus so many sigma of u, by halving so often."""


@dataclass(frozen=True)
class Threshold:
    """A cycle with u above ``u`` sigma cannot go wrong if its LRS is within ``tail`` sigma."""

    u: float
    tail: float

    @property
    def share(self) -> float:
        """Share of cycles that have to be worked out."""
        return NormalDist().cdf(self.u) + NormalDist().cdf(-self.tail)


@dataclass(frozen=True)
class Half:
    """One programming of a loop and its race: device ``low`` has become LRS, ``high`` HRS."""

    low: int
    high: int


def halves(plan: LoopPlan) -> tuple[Half, Half] | None:
    """The two halves of a loop that programs and senses a bit and its opposite, else None."""
    found = []
    for sense in plan.senses:
        steps = [plan.steps[state.step] for state in sense.states if state.step is not None]
        if len(steps) < 2:
            return None
        low = 0 if steps[0].is_set else 1
        is_pair = steps[0].is_set != steps[1].is_set and steps[0].drifts == steps[1].drifts
        if not is_pair or any(state.earlier for state in sense.states):
            return None
        found.append(Half(low, 1 - low))
    if len(found) != 2 or found[0] == found[1]:
        return None
    return found[0], found[1]


class Screen:
    """Draws loops like `CyclingLaw.draw`, but works out only those that may be read wrong."""

    def __init__(self, law: CyclingLaw, halves: tuple[Half, Half]) -> None:
        self._law = law
        self._halves = halves
        self._tails = (0.0, 0.0)
        self._share = 0.0

    def choose(self, state: PairState, loops: int) -> None:
        """Choose what is far out so that few of the next loops have to be worked out."""
        near = (state.slow - 1, state.slow + 1)
        best = []
        for number in (0, 1):
            certain = self._certain(number, state, loops, near)
            choices = [Threshold(certain.least_u(tail), tail) for tail in _LEVEL_TAILS]
            best.append(min(choices, key=lambda choice: choice.share))
        self._tails = best[0].tail, best[1].tail
        self._share = best[0].share + best[1].share

    @property
    def is_worth_it(self) -> bool:
        """Whether few loops had to be worked out lately, or will have to be."""
        return self._share < MOST_WORKED_OUT

    def draw(self, state: PairState, loops: int) -> tuple[Latches, ...]:
        """Outcomes of the races of the next loops; ``state`` goes on to their end."""
        law, rng = self._law, self._law.rng
        slow = law.slow.path(state.slow, 2 * loops, rng)
        within = (float(slow.min()), float(slow.max()))
        thresholds = [
            Threshold(self._certain(number, state, loops, within).least_u(tail), tail)
            for number, tail in enumerate(self._tails)
        ]
        self._share = sum(threshold.share for threshold in thresholds)
        u = rng.standard_normal((2, loops))
        is_open = (u[0] < thresholds[0].u) | (u[1] < thresholds[1].u)
        is_open[-1] = True
        far_levels = [_rare(NormalDist().cdf(-t.tail), loops, rng) for t in thresholds]
        far_noises = [_rare(NormalDist().cdf(-_NOISE_TAIL), loops, rng) for _ in thresholds]
        for is_far in far_levels + far_noises:
            is_open |= is_far
        # With each one the loop before, whose LRS its RESETs may begin from.
        is_wanted = is_open.copy()
        is_wanted[:-1] |= is_open[1:]
        index = np.flatnonzero(is_wanted)
        draws = np.empty((4, len(index)))
        noise = np.empty((2, len(index)))
        for number, half in enumerate(self._halves):
            level = _split_normals(far_levels[number][index], self._tails[number], rng)
            low, high, both = self._spreads(half)
            distance = u[number, index]
            draws[half.low] = (high * level - low * distance) / both
            draws[2 + half.high] = (low * level + high * distance) / both
            adverse = _split_normals(far_noises[number][index], _NOISE_TAIL, rng)
            noise[number] = adverse if half.low == 0 else -adverse
        slows = [slow[2 * index + sets] for sets in (0, 1, 2)]
        cycles = law.work_out(state, index.astype(np.float64), draws, slows, noise)
        law.go_on(state, cycles, loops, float(slow[-1]))
        chosen = np.flatnonzero(is_open[index])
        return tuple(
            _spread_out(latches, chosen, index[chosen], loops, half)
            for latches, half in zip(cycles.latches, self._halves, strict=True)
        )

    def _spreads(self, half: Half) -> tuple[float, float, float]:
        """Spread by cycle (decades) of the LRS, of the HRS and of their distance."""
        low = self._law.devices[half.low].lrs_by_cycle
        high = self._law.devices[half.high].hrs_by_cycle
        return low, high, math.hypot(low, high)

    def _certain(
        self, number: int, state: PairState, loops: int, slow: tuple[float, float]
    ) -> _Certain:
        """What is certain in the next loops, with the slow part between its lowest and highest."""
        half, law = self._halves[number], self._law
        low, high = law.devices[half.low], law.devices[half.high]
        begin = math.log10(1 + state.wear[half.low])
        low_aged, high_aged = (
            math.log10(1 + state.wear[side] + (loops + 1) * law.devices[side].wear_by_cycle)
            for side in (half.low, half.high)
        )
        base = low.lrs + law.common * law.static
        aging = law.model.hrs_aging * high_aged + law.model.lrs_aging * low_aged
        return _Certain(
            law.races[number],
            half,
            self._spreads(half),
            base + law.common * slow[0] + law.model.lrs_aging * begin,
            base + law.common * slow[1] + law.model.lrs_aging * low_aged,
            high.hrs - low.lrs - aging,
        )


class _Certain:
    """Says from which u on a race cannot go wrong.

    In decades: ``spreads`` of LRS, HRS and u by cycle; ``lowest`` and ``highest`` LRS without the
    cycle's own part; ``distance``, the smallest mean of u.
    """

    def __init__(
        self,
        race: RaceLaw,
        half: Half,
        spreads: tuple[float, float, float],
        lowest: float,
        highest: float,
        distance: float,
    ) -> None:
        low, high, self._both = spreads
        self._lowest, self._highest, self._distance = lowest, highest, distance
        self._slope = -(low**2) / self._both
        self._spread = low * high / self._both
        self._series = race.amplifier.series_ohm
        surely = 10**race.surely_discharging
        if race.least_age < math.inf:
            surely = min(surely, 1 / race.least_conductance - self._series)
        self._most_ohm = surely
        ratio, offset = 10**race.ratio, race.conductance
        # The LRS branch is ahead by fast x (S) minus slow x (S), less offset.
        self._fast, self._slow = (1.0, ratio) if half.low == 0 else (ratio, 1.0)
        self._fast -= 1 / CLOSENESS
        noise = _NOISE_TAIL * race.amplifier.column_conductance_sigma
        self._least = noise + (offset if half.low == 0 else -offset)

    def least_u(self, tail: float) -> float:
        """The threshold in sigma of u, infinite if there is none."""
        if not self._holds(_HIGHEST, tail):
            return math.inf
        wrong, right = -_HIGHEST, _HIGHEST
        for _ in range(_STEPS):
            middle = (wrong + right) / 2
            if self._holds(middle, tail):
                right = middle
            else:
                wrong = middle
        return right

    def _holds(self, u: float, tail: float) -> bool:
        """Whether the LRS side wins, with all that can be against it.

        What it is ahead by has no minimum between the lowest and the highest LRS, so the ends
        decide; it grows with u at both.
        """
        times = 10 ** (self._distance + self._both * u)
        top = 10 ** (self._highest + self._slope * u + self._spread * tail)
        if times < 1 or top >= self._most_ohm:
            return False
        bottom = 10 ** (self._lowest + self._slope * u - self._spread * SURELY)
        return self._is_ahead(top, top * times) and self._is_ahead(bottom, bottom * times)

    def _is_ahead(self, low: float, high: float) -> bool:
        ahead = self._fast / (low + self._series) - self._slow / (high + self._series)
        return ahead > self._least


def _rare(share: float, count: int, rng: Generator) -> Flags:
    """Which of ``count`` trials succeed with probability ``share`` each, drawn by their gaps."""
    happens = np.zeros(count, bool)
    expected = count * share
    begin = -1
    while begin < count:
        gaps = rng.geometric(share, int(expected + 5 * math.sqrt(expected)) + 2)
        places = begin + np.cumsum(gaps)
        happens[places[places < count]] = True
        begin = int(places[-1])
    return happens


def _split_normals(is_far: Flags, tail: float, rng: Generator) -> Floats:
    """Normal draws, above ``tail`` where ``is_far`` and below it elsewhere."""
    draws = rng.standard_normal(len(is_far))
    wrong = np.flatnonzero(~is_far & (draws > tail))
    while wrong.size:
        draws[wrong] = rng.standard_normal(len(wrong))
        wrong = wrong[draws[wrong] > tail]
    left = np.flatnonzero(is_far)
    while left.size:
        # Marsaglia's tail: the square of a draw beyond it is nearly exponential.
        beyond = np.sqrt(tail**2 - 2 * np.log(1 - rng.random(len(left))))
        draws[left] = beyond
        left = left[rng.random(len(left)) * beyond > tail]
    return draws


def _spread_out(
    latches: Latches, chosen: Indices, places: Indices, loops: int, half: Half
) -> Latches:
    """Outcomes of all loops: those worked out at their places, the LRS low in all others."""
    q = np.full(loops, half.low == 1)
    qb = np.full(loops, half.low == 0)
    q[places], qb[places] = latches.q[chosen], latches.qb[chosen]
    if latches.delay is None:
        return Latches(q, qb, None)
    delay = np.zeros(loops)
    delay[places] = latches.delay[chosen]
    return Latches(q, qb, delay)
