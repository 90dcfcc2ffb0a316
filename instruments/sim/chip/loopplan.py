"""What one loop does to the selected pair, worked out once for all its repetitions.

A loop is regular if every repetition does the same: a device switches once into the LRS and once
into the HRS, or nothing moves it; the sense amplifiers race, if anything; and currents are looked
at only where the states of the devices and the latch decide them. Any other loop is
`IrregularLoop`: it has to be played one by one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from instruments.sim.chip.bias import (
    BIT_LINES,
    Bias,
    Discharge,
    LatchReset,
    ResetBias,
    SenseEdge,
    Sensing,
    SetBias,
)
from instruments.sim.chip.device import OxRamModel
from instruments.sim.chip.trace import BranchBias
from instruments.sim.waveform import Floats

MOST_FAILURES = 1e-3
"""Where SETs fail more often than this, loops are played one by one."""

SURE_SET_DOSE = 25.0
"""This dose SETs any device: eight sigma above the median."""

_FAINT_SHARE = 1e-6
"""A sense may add so much of its RESET's dose to an LRS; the HRS then moves by less than 1e-6
decade."""

_OUTPUTS = ("Q", "QB")


class IrregularLoop(Exception):
    """Repetitions of this loop are not all alike, or hard to tell without playing them."""


@dataclass(frozen=True, eq=False)
class Step:
    """One switching of one device in every loop."""

    side: int
    bias: SetBias | ResetBias
    drifts: int
    """SETs in the loop up to and with this step: so often the pair's slow part has moved."""

    @property
    def is_set(self) -> bool:
        """Whether it leads into the LRS."""
        return isinstance(self.bias, SetBias)


@dataclass(frozen=True)
class State:
    """A device as its step ``step`` (an index) of this or of the loop before has left it; without
    a step, as it was before all loops."""

    step: int | None
    earlier: bool = False


@dataclass(frozen=True, eq=False)
class Sense:
    """One race of the amplifiers between the states of the BL and the BLB device."""

    start: float
    window: float
    states: tuple[State, State]


@dataclass(frozen=True)
class Output:
    """Where an output's level comes from: race ``sense`` (an index); None: both are high, or as
    they were before all loops."""

    sense: int | None
    earlier: bool
    """From the loop before."""
    age: float
    """Seconds since its edge; before the latch's delay has passed the output still is high."""


@dataclass(frozen=True, eq=False)
class BranchLooks:
    """The moments at which the current of one device is looked at in each loop.

    ``times`` (k,) seconds; ``branch`` its bias there; ``states`` (m,) its state at the m moments
    at which a current flows.
    """

    times: Floats
    branch: BranchBias
    states: tuple[State, ...]


@dataclass(frozen=True, eq=False)
class LoopPlan:
    """A regular loop: its steps and races in order of time, and what is looked at."""

    steps: tuple[Step, ...]
    senses: tuple[Sense, ...]
    discharge: Discharge | None
    """What each race does to the LRS of the row."""
    outputs: Mapping[str, tuple[Output, ...]]
    """For each sampled output pad where its level at each moment comes from."""
    branches: tuple[BranchLooks | None, BranchLooks | None]
    samples: Mapping[str, Floats]
    is_latched: bool
    """The outputs keep the last race's outcome into the next loop."""
    failures: tuple[float, float]
    """Probability that the SET of the BL and of the BLB device fails."""

    @property
    def sets(self) -> int:
        """SETs in a loop."""
        return sum(step.is_set for step in self.steps)

    def cycled(self) -> tuple[int, ...]:
        """The devices (0: BL, 1: BLB) that switch in every loop."""
        return tuple(sorted({step.side for step in self.steps}))

    def set_step(self, side: int) -> Step:
        """The step in which a device that is cycled becomes LRS."""
        return next(step for step in self.steps if step.side == side and step.is_set)

    def reset_step(self, side: int) -> Step:
        """The step in which a device that is cycled becomes HRS."""
        return next(step for step in self.steps if step.side == side and not step.is_set)

    def least_age(self, sense: int) -> float:
        """How soon (s) after its edge a race's outcome is looked at; infinite if never."""
        looks = [look for outputs in self.outputs.values() for look in outputs]
        ages = [look.age for look in looks if look.sense == sense and not look.earlier]
        return min(ages, default=np.inf)

    def set_first(self, side: int) -> bool:
        """Whether a device that is cycled becomes LRS before it becomes HRS."""
        return next(step for step in self.steps if step.side == side).is_set


def read_loop(
    bias: Bias, samples: Mapping[str, Floats], model: OxRamModel, threshold: float
) -> LoopPlan:
    """Work out a loop from its digest; raises `IrregularLoop` with the reason.

    ``samples`` names pads and the moments (s) of each loop at which their current is wanted;
    ``threshold`` (V) is that of the access transistors.
    """
    if "VDD" in samples or "VDDH" in samples:
        raise IrregularLoop("the current of a supply is looked at")
    if np.ptp(bias.history.level("VDD")) > 0:
        raise IrregularLoop("VDD moves")
    steps = tuple(_steps(bias, model))
    edges = [event for event in bias.events if isinstance(event, SenseEdge)]
    if any(edge.sensing is not Sensing.RACE for edge in edges):
        raise IrregularLoop("a sense edge without a race")
    senses = tuple(
        Sense(edge.start, edge.window, (_state(steps, 0, edge.start), _state(steps, 1, edge.start)))
        for edge in edges
    )
    discharge = edges[0].discharge if edges else None
    if discharge is not None:
        _check_faint(discharge, steps)
    return LoopPlan(
        steps,
        senses,
        discharge,
        {pad: _outputs(bias, times) for pad, times in samples.items() if pad in _OUTPUTS},
        (_branch(bias, samples, steps, 0, threshold), _branch(bias, samples, steps, 1, threshold)),
        dict(samples),
        _is_latched(bias),
        _failures(steps, model),
    )


def _steps(bias: Bias, model: OxRamModel) -> Iterator[Step]:
    drifts = 0
    seen: set[tuple[int, bool]] = set()
    for event in bias.events:
        if not isinstance(event, SetBias | ResetBias):
            continue
        if event.side is None:
            raise IrregularLoop("the bit lines act on the whole row")
        is_set = isinstance(event, SetBias)
        if (event.side, is_set) in seen:
            raise IrregularLoop("a device is SET or RESET twice")
        seen.add((event.side, is_set))
        if isinstance(event, SetBias):
            if _failure(event, model) > MOST_FAILURES:
                raise IrregularLoop("SETs fail")
            drifts += 1
        elif model.reset_fraction(event.reset_dose, event.turn_on) < model.switched_at:
            raise IrregularLoop("a RESET does not switch")
        yield Step(event.side, event, drifts)
    if any((side, not is_set) not in seen for side, is_set in seen):
        raise IrregularLoop("a device switches into one state only")


def _failure(bias: SetBias, model: OxRamModel) -> float:
    """Probability that this bias leaves a device in its HRS."""
    if bias.set_dose >= SURE_SET_DOSE:
        return 0.0
    return NormalDist().cdf(-np.log10(bias.set_dose) / model.set_time_sigma)


def _failures(steps: tuple[Step, ...], model: OxRamModel) -> tuple[float, float]:
    by_side = {s.side: _failure(s.bias, model) for s in steps if isinstance(s.bias, SetBias)}
    return by_side.get(0, 0.0), by_side.get(1, 0.0)


def _check_faint(discharge: Discharge, steps: tuple[Step, ...]) -> None:
    """A sense must not be felt in the RESET that follows, even by an LRS of 1 Mohm."""
    doses = [step.bias.reset_dose for step in steps if isinstance(step.bias, ResetBias)]
    if discharge.dose_per_ohm * 1e6 > _FAINT_SHARE * min(doses, default=math.inf):
        raise IrregularLoop("sensing moves the devices")


def _state(steps: tuple[Step, ...], side: int, time: float) -> State:
    """What a device is in at a time; raises `IrregularLoop` while it switches."""
    own = [(index, step.bias) for index, step in enumerate(steps) if step.side == side]
    if not own:
        return State(None)
    if any(bias.start <= time < bias.stop for _, bias in own):
        raise IrregularLoop("a device is looked at while it switches")
    past = [index for index, bias in own if bias.stop <= time]
    return State(past[-1]) if past else State(own[-1][0], earlier=True)


def _outputs(bias: Bias, times: Floats) -> tuple[Output, ...]:
    """What the outputs show at each time: the last race, or high after it was cleared."""
    events: list[tuple[float, int | None]] = []
    races = 0
    for event in bias.events:
        if isinstance(event, LatchReset):
            events.append((event.start, None))
        elif isinstance(event, SenseEdge):
            if events and events[-1][1] is not None:
                raise IrregularLoop("two races without a pause")
            events.append((event.start, races))
            races += 1
    if not events:
        # Nothing happens to them: they show what they did before all loops.
        return tuple(Output(None, True, np.inf) for _ in times)
    found = []
    for time in times:
        past = [event for event in events if event[0] <= time]
        start, sense = past[-1] if past else events[-1]
        age = float(time) - start if past else np.inf
        found.append(Output(sense, sense is not None and not past, age))
    return tuple(found)


def _is_latched(bias: Bias) -> bool:
    edges = [e for e in bias.events if isinstance(e, SenseEdge | LatchReset)]
    return bool(edges) and isinstance(edges[-1], SenseEdge)


def _branch(
    bias: Bias,
    samples: Mapping[str, Floats],
    steps: tuple[Step, ...],
    side: int,
    threshold: float,
) -> BranchLooks | None:
    """What is looked at of one device; None if nothing is."""
    wanted = [times for pad, times in samples.items() if pad in (BIT_LINES[side], "SL")]
    if not wanted:
        return None
    times = np.unique(np.concatenate(wanted))
    branch = BranchBias.of(bias.history.at(times), side, threshold)
    return BranchLooks(times, branch, tuple(_state(steps, side, t) for t in times[branch.on]))
