"""The currents that are looked at in drawn loops."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from instruments.sim.chip.bias import BIT_LINES
from instruments.sim.chip.cycling import Cycles, CyclingLaw
from instruments.sim.chip.device import OxRamModel
from instruments.sim.chip.loopplan import BranchLooks, LoopPlan, Output, State
from instruments.sim.chip.races import Latches
from instruments.sim.chip.trace import BranchBias
from instruments.sim.loops import LoopCurrents
from instruments.sim.waveform import Floats

Levels = tuple[Floats, NDArray[np.intp]]
"""Currents (m, loops) and which of them each moment shows, as in `LoopCurrents`."""

_LOWEST_X, _HIGHEST_X, _X_STEP = 1.5, 10.0, 1e-3
"""Currents are tabulated for these levels (decades); between them straight lines are right to
1e-6."""


class CurrentTable:
    """Current (A) through a device and its transistor over the device's level, at one bias."""

    def __init__(
        self, model: OxRamModel, volts: float, on_resistance: float, saturation: float
    ) -> None:
        x = np.arange(_LOWEST_X, _HIGHEST_X + _X_STEP, _X_STEP)
        self._values = model.series_currents(
            np.full(len(x), volts),
            10**x,
            np.full(len(x), on_resistance),
            np.full(len(x), saturation),
        )
        self._slopes = np.append(np.diff(self._values), 0.0)

    def at(self, x: Floats) -> Floats:
        """Currents at levels (n,)."""
        place = (x - _LOWEST_X) / _X_STEP
        np.clip(place, 0, len(self._values) - 1, out=place)
        index = place.astype(np.intp)
        place -= index
        place *= self._slopes[index]
        place += self._values[index]
        return place


class CurrentsOfLoops:
    """Turns drawn loops into the currents that a plan asks for.

    ``gains``: K of the two access transistors over the nominal one. ``output_volts`` hold Q and QB
    behind ``output_ohm``; a high output is at ``vdd``.
    """

    def __init__(
        self,
        law: CyclingLaw,
        gains: tuple[float, float],
        output_volts: Mapping[str, float | None],
        output_ohm: float,
        vdd: float,
    ) -> None:
        self._plan: LoopPlan = law.plan
        self._law = law
        self._rng: Generator = law.rng
        self._gains = gains
        self._volts = output_volts
        self._ohm = output_ohm
        self._vdd = vdd
        self._tables: dict[tuple[int, float, float], CurrentTable] = {}

    def of_cycles(
        self, cycles: Cycles, before: Sequence[tuple[bool, bool]], loops: int
    ) -> LoopCurrents:
        """All currents; ``before``: Q and QB after the races of the loop before."""
        outputs = self.of_latches(cycles.latches, before, loops)
        levels, level_of = dict(outputs.levels), dict(outputs.level_of)
        by_side = [
            None if looks is None else self._branch(cycles, side, looks, loops)
            for side, looks in enumerate(self._plan.branches)
        ]
        for pad, times in self._plan.samples.items():
            if pad in (*BIT_LINES, "SL"):
                levels[pad] = _pad_current(pad, by_side, self._plan.branches, times)
                level_of[pad] = np.arange(len(times))
        return LoopCurrents(loops, levels, level_of)

    def of_latches(
        self, latches: Sequence[Latches], before: Sequence[tuple[bool, bool]], loops: int
    ) -> LoopCurrents:
        """Currents into the outputs, and into pads that take none."""
        levels: dict[str, Floats] = {}
        level_of: dict[str, NDArray[np.intp]] = {}
        for pad, times in self._plan.samples.items():
            if pad in self._plan.outputs:
                levels[pad], level_of[pad] = self._output(pad, latches, before, loops)
            elif pad not in (*BIT_LINES, "SL"):
                levels[pad] = np.zeros((1, loops))
                level_of[pad] = np.zeros(len(times), np.intp)
        return LoopCurrents(loops, levels, level_of)

    def _branch(self, cycles: Cycles, side: int, looks: BranchLooks, loops: int) -> Floats:
        """Current (k, loops) from SL through a device at its k sample moments."""
        levels: dict[State, tuple[Floats, Floats]] = {}
        currents = np.zeros((len(looks.times), loops))
        shown = np.flatnonzero(looks.branch.on)
        for k, (place, state) in enumerate(zip(shown, looks.states, strict=True)):
            if state not in levels:
                x = self._law.levels(cycles, side, state)
                levels[state] = x, self._law.model.read_noises(x)
            x, sigma = levels[state]
            noisy = self._rng.standard_normal(loops)
            noisy *= sigma
            noisy += x
            found = self._table(side, looks.branch, k).at(noisy)
            np.multiply(found, looks.branch.sign[k], out=currents[place])
        return currents

    def _table(self, side: int, branch: BranchBias, k: int) -> CurrentTable:
        """The table for one moment; moments at the same bias share one."""
        key = side, float(branch.u[k]), float(branch.overdrive[k])
        if key not in self._tables:
            model, (_, volts, overdrive) = self._law.model, key
            saturation = model.saturation(overdrive, self._gains[side])
            self._tables[key] = CurrentTable(
                model, volts, model.on_resistance(overdrive), saturation
            )
        return self._tables[key]

    def _output(
        self,
        pad: str,
        latches: Sequence[Latches],
        before: Sequence[tuple[bool, bool]],
        loops: int,
    ) -> Levels:
        """Current into an output: one level for all moments that surely show the same."""
        is_late = tuple(latch.delay is not None for latch in latches)
        looks, level_of = _distinct(self._plan.outputs[pad], is_late)
        levels = np.zeros((len(looks), loops))
        volts = self._volts[pad]
        if volts is not None:
            for look, level in zip(looks, levels, strict=True):
                high = _is_high(look, pad, latches, before, loops)
                np.multiply(high, -self._vdd / self._ohm, out=level)
                level += volts / self._ohm
        return levels, level_of


@lru_cache(maxsize=32)
def _distinct(
    outputs: tuple[Output, ...], is_late: tuple[bool, ...]
) -> tuple[tuple[Output, ...], NDArray[np.intp]]:
    """Levels that differ, and which of them each moment shows; ``is_late`` says which races may
    still be undecided when looked at."""
    found: dict[Output, int] = {}
    level_of = []
    for look in outputs:
        is_open = look.sense is not None and not look.earlier and is_late[look.sense]
        shown = look if is_open else replace(look, age=math.inf)
        level_of.append(found.setdefault(shown, len(found)))
    return tuple(found), np.array(level_of)


def _is_high(
    look: Output,
    pad: str,
    latches: Sequence[Latches],
    before: Sequence[tuple[bool, bool]],
    loops: int,
) -> NDArray[np.bool_]:
    """Whether an output is high in each loop."""
    if look.sense is None:
        is_high = before[-1][pad == "QB"] if look.earlier else True
        return np.full(loops, is_high)
    latch = latches[look.sense]
    held = latch.q if pad == "Q" else latch.qb
    if look.earlier:
        return np.concatenate(([before[look.sense][pad == "QB"]], held[:-1]))
    if look.age == math.inf or latch.delay is None:
        return held
    return np.asarray(held | (latch.delay > look.age))


def _pad_current(
    pad: str,
    by_side: list[Floats | None],
    branches: tuple[BranchLooks | None, BranchLooks | None],
    times: Floats,
) -> Floats:
    """Current into SL or out of a bit line at its own moments."""
    sides = (0, 1) if pad == "SL" else (BIT_LINES.index(pad),)
    total: Floats = np.zeros(())
    for side in sides:
        looks, currents = branches[side], by_side[side]
        assert looks is not None
        assert currents is not None
        if len(looks.times) != len(times):
            currents = currents[np.searchsorted(looks.times, times)]
        total = total + currents if pad == "SL" else -currents
    return total
