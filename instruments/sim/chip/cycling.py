"""The law of many like cycles of one pair: levels, aging and races, drawn cycle by cycle.

The same laws as a pulse at a time (`device`, `senseamp`), for arrays of loops. Every loop has its
own draws of both levels of both devices; the slow part common to the pair takes a step with each
SET; wear grows with each RESET and is what it was at that very cycle. An HRS is never below the LRS
that it came from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from instruments.sim.chip.device import OxRamModel
from instruments.sim.chip.loopplan import LoopPlan, State
from instruments.sim.chip.races import Latches, RaceLaw
from instruments.sim.chip.slow import SlowPart
from instruments.sim.waveform import Floats

_LN10 = math.log(10)


@dataclass(frozen=True)
class DeviceLaw:
    """Levels (decades) of one device that is cycled, at zero draws and zero wear, and what draws
    add."""

    lrs: float
    lrs_by_cycle: float
    hrs: float
    hrs_by_cycle: float
    wear_by_cycle: float


@dataclass
class PairState:
    """What the next loop inherits: levels (decades) of the BL and the BLB device, wear, slow part.

    A device that is not cycled stays at ``x``.
    """

    x: tuple[float, float]
    lrs: list[float]
    hrs: list[float]
    wear: list[float]
    slow: float
    latches: list[tuple[bool, bool]]
    """Q and QB after each race of the loop before; those before all loops come last."""


@dataclass(frozen=True, eq=False)
class Cycles:
    """Loops: levels of each device that is cycled, with the loop before in front, (n + 1,), the
    levels of those that are not, and the outcome (n,) of each race."""

    lrs: dict[int, Floats]
    hrs: dict[int, Floats]
    x: tuple[float, float]
    loops: int
    latches: tuple[Latches, ...]


class CyclingLaw:
    """Draws the loops of one pair.

    ``devices``: those that are cycled, by side; ``static``: the static common part of the pair.
    """

    def __init__(
        self,
        plan: LoopPlan,
        devices: Mapping[int, DeviceLaw],
        races: tuple[RaceLaw, ...],
        static: float,
        model: OxRamModel,
        rng: Generator,
    ) -> None:
        self.plan = plan
        self.devices = devices
        self.races = races
        self.static = static
        self.model = model
        self.rng = rng
        self.slow = SlowPart(model.slow_kept)
        self.common = model.common(0.0, 1.0)
        """Decades for each unit of the slow or the static part."""

    def draw(self, state: PairState, loops: int) -> Cycles:
        """The next ``loops`` loops, each drawn; ``state`` goes on to their end."""
        slow = self.slow.path(state.slow, self.plan.sets * loops, self.rng)
        draws = self.rng.standard_normal((4, loops))
        noise = self.rng.standard_normal((len(self.races), loops))
        cycles = self.work_out(state, np.arange(float(loops)), draws, self._slows(slow), noise)
        self.go_on(state, cycles, loops, float(slow[-1]))
        return cycles

    def jump(self, state: PairState, loops: int, failed: tuple[int, int]) -> None:
        """Take ``state`` to the end of ``loops`` loops (2 or more) that nobody looks at.

        ``failed`` SETs of each device did not switch, none of them in the last loop.
        """
        if not self.devices:
            return
        for side, device in self.devices.items():
            state.wear[side] -= failed[side] * device.wear_by_cycle
        # The last loop, and the one before for the LRS that the last RESETs begin from.
        sets = self.plan.sets * loops - sum(failed)
        steps = np.arange(sets - 2.0 * self.plan.sets, sets + 1)
        slow = self.slow.at(state.slow, np.maximum(steps, 0), self.rng)
        index = np.array([loops - 2.0, loops - 1.0])
        draws = self.rng.standard_normal((4, 2))
        noise = self.rng.standard_normal((len(self.races), 2))
        cycles = self.work_out(state, index, draws, self._slows(slow), noise)
        self.go_on(state, cycles, loops, float(slow[-1]))

    def _slows(self, slow: Floats) -> list[Floats]:
        """Of the slow part after every SET of some loops, that before and after each of a loop's
        SETs."""
        sets = self.plan.sets
        if not sets:
            return []
        return [slow[:-1:sets], *(slow[count::sets] for count in range(1, sets + 1))]

    def go_on(self, state: PairState, cycles: Cycles, loops: int, slow: float) -> None:
        """Take ``state`` ``loops`` loops on, to the last of some worked out."""
        for side, device in self.devices.items():
            state.lrs[side] = float(cycles.lrs[side][-1])
            state.hrs[side] = float(cycles.hrs[side][-1])
            state.wear[side] += loops * device.wear_by_cycle
        state.slow = slow
        held = state.latches[-1:]
        state.latches = [(bool(one.q[-1]), bool(one.qb[-1])) for one in cycles.latches] + held

    def work_out(
        self,
        state: PairState,
        index: Floats,
        draws: Floats,
        slows: Sequence[Floats],
        noise: Floats,
    ) -> Cycles:
        """Loops number ``index`` (n,), rising, counted from ``state``.

        ``draws`` (4, n) are those of the LRS and of the HRS of both devices, ``slows`` the slow
        part (n,) before and after each SET, ``noise`` (m, n) that of the m races. An HRS is right
        where the loop before is also among them, or is the one that ``state`` comes from.
        """
        lrs, hrs = {}, {}
        for side in self.devices:
            lrs[side], hrs[side] = self._levels(side, state, index, draws, slows)
        cycles = Cycles(lrs, hrs, state.x, len(index), ())
        latches = []
        for sense, race, own in zip(self.plan.senses, self.races, noise, strict=True):
            x = self.levels(cycles, 0, sense.states[0]), self.levels(cycles, 1, sense.states[1])
            latches.append(race.run(x, own, self.rng))
        return replace(cycles, latches=tuple(latches))

    def _levels(
        self,
        side: int,
        state: PairState,
        index: Floats,
        draws: Floats,
        slows: Sequence[Floats],
    ) -> tuple[Floats, Floats]:
        """LRS and HRS of a device, with those of ``state`` in front."""
        device, plan, model = self.devices[side], self.plan, self.model
        set_first = plan.set_first(side)
        wear, by_cycle = state.wear[side], device.wear_by_cycle
        aged_low = aged = self._aged(wear, by_cycle, index)
        if not set_first:
            aged_low = self._aged(wear + by_cycle, by_cycle, index)
        lrs = np.empty(len(index) + 1)
        lrs[0] = state.lrs[side]
        low = lrs[1:]
        np.multiply(draws[side], device.lrs_by_cycle, out=low)
        low += self.common * slows[plan.set_step(side).drifts]
        low += model.lrs_aging * aged_low
        low += device.lrs + self.common * self.static
        hrs = np.empty(len(index) + 1)
        hrs[0] = state.hrs[side]
        high = hrs[1:]
        np.multiply(draws[2 + side], device.hrs_by_cycle, out=high)
        high += self.common * slows[plan.reset_step(side).drifts]
        high -= model.hrs_aging * aged
        high += device.hrs + self.common * self.static
        # A RESET never makes a device more conductive.
        np.maximum(high, low if set_first else lrs[:-1], out=high)
        return lrs, hrs

    def levels(self, cycles: Cycles, side: int, state: State) -> Floats:
        """Levels (n,) of a device in a state of each loop."""
        if state.step is None:
            return np.full(cycles.loops, cycles.x[side])
        both = cycles.lrs if self.plan.steps[state.step].is_set else cycles.hrs
        return both[side][:-1] if state.earlier else both[side][1:]

    @staticmethod
    def _aged(wear: float, by_cycle: float, index: Floats) -> Floats:
        """log10(1 + W) after ``index`` (n,), rising, more cycles from ``wear``."""
        grown = index * (by_cycle / (1 + wear))
        if grown[-1] < 2e-3:
            # The series of log(1 + x), right to 1e-14.
            aged = grown * (1 - grown * (1 / 2 - grown * (1 / 3 - grown / 4)))
        else:
            aged = np.log1p(grown)
        return np.asarray((math.log1p(wear) + aged) / _LN10)
