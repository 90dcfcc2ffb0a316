"""Many repetitions of one loop at the pads, without playing each (`loopplan`, `cycling`).

Loops whose readings are wanted are drawn one by one, but as arrays; loops that nobody looks at are
jumped: all that a pair remembers of them is its last levels, its wear and its slow common part.
The loops at both ends of a stretch, and those in which a SET fails, are played as waveforms by the
array; what is here are the ones between.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from numpy.random import Generator

from instruments.sim.chip.bias import Bias, ResetBias, SetBias
from instruments.sim.chip.cycling import CyclingLaw, DeviceLaw, PairState
from instruments.sim.chip.device import Kind, OxRamModel
from instruments.sim.chip.die import COLUMNS, Die
from instruments.sim.chip.disturb import RowDisturb
from instruments.sim.chip.failures import SetDoses, SetFailures
from instruments.sim.chip.loopcurrents import CurrentsOfLoops
from instruments.sim.chip.loopplan import IrregularLoop, LoopPlan, read_loop
from instruments.sim.chip.races import RaceLaw
from instruments.sim.chip.screen import Screen, halves
from instruments.sim.chip.senseamp import SenseAmplifier
from instruments.sim.chip.streams import Purpose, Streams
from instruments.sim.loops import TakeCurrents
from instruments.sim.waveform import Floats

CHUNK = 8192
"""Loops drawn at a time: their arrays stay in the processor's cache."""

SCREENED_CHUNK = 16384
"""The same where few of them are worked out."""

FEWEST_LOOPS = 16
"""Fewer loops are played one by one."""

_PLANS_KEPT = 32


@dataclass(frozen=True)
class Surroundings:
    """Where a stretch of loops happens: the address, the logic supply (V), what the outputs of the
    column show before (Q, QB), and what holds their pads (V)."""

    row: int
    column: int
    vdd: float
    latch: tuple[bool, bool]
    output_volts: Mapping[str, float | None]
    output_ohm: float


@dataclass(frozen=True)
class Stretch:
    """What has been worked out: so many loops; then come loops that have to be played.

    For each of those ``set_doses`` gives the dose at which each device SETs (by side).
    ``latch``: Q and QB of the addressed column at the end, None if they are as before.
    """

    loops: int
    set_doses: list[SetDoses] = field(default_factory=list)
    latch: tuple[bool, bool] | None = None


class LoopLaw:
    """Works out loops on the pairs of one die."""

    def __init__(
        self,
        die: Die,
        streams: Streams,
        model: OxRamModel,
        amplifier: SenseAmplifier,
        threshold: float,
        compliance: Callable[[int, SetBias], float],
        disturb: RowDisturb,
    ) -> None:
        self._die = die
        self._streams = streams
        self._model = model
        self._amplifier = amplifier
        self._threshold = threshold
        self._compliance = compliance
        self._disturb = disturb
        self._plans: dict[Bias, tuple[Mapping[str, Floats], LoopPlan | None]] = {}

    def run(
        self,
        bias: Bias,
        at: Surroundings,
        loops: int,
        samples: Mapping[str, Floats],
        take: TakeCurrents,
    ) -> Stretch:
        """Work out up to ``loops`` loops of a bias, fewer where one has to be played."""
        plan = self._plan(bias, samples)
        if plan is None or not self._is_regular(plan, at):
            return Stretch(0)
        if plan.discharge is None:
            return self._run(plan, at, loops, take)
        others, still = self._not_switched(plan, at)
        if samples:
            at_rest = self._disturb.senses_at_rest(plan.discharge, at.row, still)
            loops = min(loops, at_rest // len(plan.senses))
            if loops < FEWEST_LOOPS:
                return Stretch(0)
        stretch = self._run(plan, at, loops, take)
        senses = stretch.loops * len(plan.senses)
        self._disturb.sense(plan.discharge, at.row, others, senses)
        return stretch

    def _plan(self, bias: Bias, samples: Mapping[str, Floats]) -> LoopPlan | None:
        """What a loop does, worked out once; None if its repetitions have to be played."""
        kept = self._plans.get(bias)
        if kept is not None and kept[0] is samples:
            return kept[1]
        if len(self._plans) >= _PLANS_KEPT:
            self._plans.pop(next(iter(self._plans)))
        try:
            plan = read_loop(bias, samples, self._model, self._threshold)
        except IrregularLoop:
            plan = None
        self._plans[bias] = (samples, plan)
        return plan

    @staticmethod
    def _not_switched(plan: LoopPlan, at: Surroundings) -> tuple[list[int], list[int]]:
        """Cells of the row that the loop does not switch, and those of them in the pair."""
        own = [2 * at.column + side for side in (0, 1)]
        switched = {own[side] for side in plan.cycled()}
        others = [cell for cell in range(2 * COLUMNS) if cell not in switched]
        return others, [cell for cell in own if cell not in switched]

    def _is_regular(self, plan: LoopPlan, at: Surroundings) -> bool:
        """Whether the pair is in the state that the loop itself leaves behind."""
        if plan.senses and at.vdd < self._amplifier.minimum_supply:
            return False
        kinds = self._die.kind[at.row, at.column]
        for side in plan.cycled():
            if kinds[side] != (Kind.HRS if plan.set_first(side) else Kind.LRS):
                return False
            bias = plan.set_step(side).bias
            assert isinstance(bias, SetBias)
            applied = self._compliance(2 * (at.row * COLUMNS + at.column) + side, bias)
            if not math.isclose(
                self._die.compliance[at.row, at.column, side], applied, rel_tol=1e-9
            ):
                return False
        return True

    def _run(self, plan: LoopPlan, at: Surroundings, loops: int, take: TakeCurrents) -> Stretch:
        """Draw or jump up to ``loops`` loops; ends early before a loop that has to be played."""
        # One of these numbers is another after any stretch that draws at all.
        sets = int(self._die.n_pair[at.row, at.column])
        traces = int(self._die.n_trace[at.row, at.column, 0])
        pair = at.row * COLUMNS + at.column
        rng = self._streams.long_stream(Purpose.LOOPS, pair, sets, traces)
        failures = SetFailures(plan.failures, self._model.set_time_sigma, rng)
        law, state = self._law(plan, at, rng), self._state(plan, at)
        if plan.samples:
            done, failed = failures.loops_before(loops), (0, 0)
            to_play = 1 if done < loops else 0
            self._observed(law, state, at, done, take)
        else:
            # A failure in one of the last loops shows in the state at the end.
            to_play = failures.loops_at_end(loops - 2)
            done = loops - to_play
            failed = failures.among(done - 1)
            law.jump(state, done, failed)
        if done:
            self._leave(plan, at, state, done, failed)
        latch = state.latches[-2] if plan.is_latched else None
        return Stretch(done, [failures.doses() for _ in range(to_play)], latch)

    def _observed(
        self, law: CyclingLaw, state: PairState, at: Surroundings, loops: int, take: TakeCurrents
    ) -> None:
        gains = self._die.transistor_gain * self._die.access_gain[at.row, at.column]
        currents = CurrentsOfLoops(
            law, (float(gains[0]), float(gains[1])), at.output_volts, at.output_ohm, at.vdd
        )
        parts = halves(law.plan)
        screen = None if parts is None or any(law.plan.branches) else Screen(law, parts)
        if screen:
            screen.choose(state, SCREENED_CHUNK)
        left = loops
        while left:
            before = state.latches
            if screen and screen.is_worth_it:
                count = min(left, SCREENED_CHUNK)
                take(currents.of_latches(screen.draw(state, count), before, count))
            else:
                count = min(left, CHUNK)
                take(currents.of_cycles(law.draw(state, count), before, count))
            left -= count

    def _law(self, plan: LoopPlan, at: Surroundings, rng: Generator) -> CyclingLaw:
        die = self._die
        races = tuple(
            RaceLaw(
                self._amplifier,
                float(die.amplifier_conductance[at.column]),
                float(die.amplifier_ratio[at.column]),
                self._amplifier.largest_discharging_ohm(at.vdd, sense.window),
                plan.least_age(number),
            )
            for number, sense in enumerate(plan.senses)
        )
        static = float(die.pair_static[at.row, at.column])
        devices = {side: self._device(plan, at, side) for side in plan.cycled()}
        return CyclingLaw(plan, devices, races, static, self._model, rng)

    def _device(self, plan: LoopPlan, at: Surroundings, side: int) -> DeviceLaw:
        die, model, where = self._die, self._model, (at.row, at.column, side)
        compliance = float(die.compliance[where])
        bias = plan.reset_step(side).bias
        assert isinstance(bias, ResetBias)
        fraction = model.reset_fraction(bias.reset_dose, bias.turn_on)

        def lrs(cycle: float) -> float:
            return model.lrs_level(compliance, float(die.lrs_offset[where]), cycle, 0.0, 0.0)

        def hrs(cycle: float) -> float:
            deviation = model.hrs_deviation(float(die.hrs_offset[where]), cycle, 0.0, 0.0)
            median = model.lrs_median(compliance)
            return model.hrs_level(fraction, bias.hrs_median, median, 0.0, deviation)

        wear = bias.wear_per_amp * compliance
        return DeviceLaw(lrs(0.0), lrs(1.0) - lrs(0.0), hrs(0.0), hrs(1.0) - hrs(0.0), wear)

    def _state(self, plan: LoopPlan, at: Surroundings) -> PairState:
        die = self._die
        first, second = die.x[at.row, at.column].tolist()
        return PairState(
            (first, second),
            die.x_set[at.row, at.column].tolist(),
            die.x[at.row, at.column].tolist(),
            die.wear[at.row, at.column].tolist(),
            float(die.pair_slow[at.row, at.column]),
            [at.latch] * (len(plan.senses) + 1),
        )

    def _leave(
        self,
        plan: LoopPlan,
        at: Surroundings,
        state: PairState,
        loops: int,
        failed: tuple[int, int],
    ) -> None:
        """Write the pair's state and counters as ``loops`` played loops would have left them."""
        die, pair = self._die, (at.row, at.column)
        die.n_trace[pair] += loops if plan.samples else 0
        die.n_sense += loops * len(plan.senses)
        for side in plan.cycled():
            where = (*pair, side)
            die.x_set[where] = state.lrs[side]
            die.x[where] = state.hrs[side] if plan.set_first(side) else state.lrs[side]
            die.wear[where] = state.wear[side]
            die.n_set[where] += loops - failed[side]
            die.n_reset[where] += loops - failed[side]
            # The next SET clears both, and nobody looks before.
            die.reset_dose[where] = 0.0
            die.rtn_amplitude[where] = 0.0
        die.n_pair[pair] += plan.sets * loops - sum(failed)
        die.pair_slow[pair] = state.slow
