"""Cyclability of programming conditions: how long pairs keep a low bit error rate (Table 1).

At the end of a run some pairs of the rows used are cycled at each condition, 0 and 1 in turn, in
the sequencer of the pulse generators; no pair at two conditions. In windows, evenly spread over the
logarithm of the cycles, every cycle is sensed; in between nothing is observed.

Arrays: ``cycled_pairs`` (number of the pair, condition, row, column), one record a pair;
``cycled_counts``, one a window (`Observed.record`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.cycling import BARE, SENSED, Cycler, LoopReads
from labctl.analysis.crossing import is_surely_above
from labctl.analysis.endurance import SenseCount
from procedures.base import Step, Train
from procedures.checked_rows import CheckedRows
from procedures.cycled_pairs import CYCLES_S, Part, cycle_s, loop_train, part_s
from procedures.observed import Observed
from procedures.parameters import CountParameter, CyclesParameter
from procedures.places import Place, place_name, places_mask
from procedures.windows import log_windows, stretches

WINDOWS = 6
WINDOW_CYCLES = 1_000_000
LEAST_CYCLES = 200
"""So that the windows fit."""
UNOBSERVED = -1
"""In place of the number of a window."""


@dataclass(frozen=True)
class CycledPair:
    """A pair, numbered over all conditions, and the number of the condition it is cycled at."""

    number: int
    condition: int
    place: Place


@dataclass(frozen=True)
class Leg:
    """Cycles of one step; ``window`` is `UNOBSERVED` in a jump."""

    window: int
    begin: int
    cycles: int

    @property
    def reads(self) -> LoopReads:
        """What its loop reads."""
        return BARE if self.window == UNOBSERVED else SENSED


class CycledConditions(CheckedRows):
    """Base of procedures on checked rows that end with the cyclability of their conditions.

    A subclass calls `choose_pairs` in its check, and puts `cycling_trains` and `cycling_steps`
    behind everything else.
    """

    CYCLING_COLUMNS: ClassVar[tuple[str, ...]] = ("Column", "First cycle", "Last cycle")

    cycles = CyclesParameter(
        "Cycles",
        minimum=0,
        maximum=50_000_000_000,
        default="2e8",
        description="programmings of each pair that is cycled for the cyclability, bit 0 and bit 1 "
        "in turn; an even number, 0 leaves cyclability out",
    )
    cycled_pairs = CountParameter(
        "Cycled pairs",
        minimum=1,
        maximum=64,
        default=4,
        description="pairs to cycle at each condition, others than those whose pulses are sampled",
    )

    def check(self) -> None:
        """Refuses cycles that hold no windows; no pair has ended yet."""
        super().check()
        cycles = self.cycles
        if cycles % 2 or 0 < cycles < LEAST_CYCLES:
            raise ValueError(
                f"Cycles {cycles} is not allowed: 0, or an even number from {LEAST_CYCLES} on"
            )
        if not cycles:
            self.refuse_unused(["cycled_pairs"], "--cycles above 0")
        self._ended: set[int] = set()

    def pairs_wanted(self, conditions: int) -> int:
        """Pairs that are cycled at so many conditions."""
        return conditions * int(self.cycled_pairs) if self.cycles else 0

    def choose_pairs(self, places: Sequence[Place]) -> None:
        """The pairs to cycle: the first places at the first condition, and so on."""
        each = int(self.cycled_pairs)
        self.cycled = [CycledPair(n, n // each, place) for n, place in enumerate(places)]

    def cycling_text(self) -> str:
        """What is cycled, for a reader of the report."""
        if not self.cycled:
            return "not measured"
        return (
            f"{self.cycled_pairs} other pairs at each condition, programmed {self.cycles:g} times, "
            f"0 and 1 in turn, after everything else; sensed in {WINDOWS} windows, log-spaced, of "
            f"at most {WINDOW_CYCLES:g} cycles; nothing observed in between; ends once a window's "
            "95 % interval lies above 1e-3"
        )

    def cycling_trains(self, conditions: Sequence[ProgramConditions]) -> list[Train]:
        """The extra programming and the two loops at each condition."""
        trains: list[Train] = []
        if not self.cycled:
            return trains
        pairs = int(self.cycled_pairs)
        for condition in conditions:
            legs = self._legs(condition)
            trains.append(Train(self.schemes.program_bit(1, condition), pairs, 1))
            for reads in (SENSED, BARE):
                cycles = sum(leg.cycles for leg in legs if leg.reads is reads)
                if cycles:
                    trains.append(loop_train(self.schemes, condition, reads, pairs, cycles))
        return trains

    def cycling_steps(self, first: int, conditions: Sequence[ProgramConditions]) -> list[Step]:
        """Jumps and windows of one pair after the other; ``first`` is the first step's number."""
        steps: list[Step] = []
        for pair in self.cycled:
            condition = conditions[pair.condition]
            for leg in self._legs(condition):
                number = first + len(steps)
                what = "jump" if leg.window == UNOBSERVED else f"window {leg.window + 1}"
                label = (
                    f"cyclability, pair {pair.number + 1} of {len(self.cycled)}, {what}, cycle "
                    f"{leg.begin + 1:g} to {leg.begin + leg.cycles:g}"
                )
                seconds = part_s(self.schemes, condition, Part(leg.cycles, leg.reads))
                run = partial(self._cycle, number, pair, condition, leg)
                steps.append(Step(number, label, seconds, run))
        return steps

    def _legs(self, condition: ProgramConditions) -> list[Leg]:
        """The cycles of a pair in parts of at most `CYCLES_S`."""
        found: list[Leg] = []
        done = 0
        for window in log_windows(self.cycles, WINDOWS, WINDOW_CYCLES, WINDOW_CYCLES):
            for number, begin, end in (
                (UNOBSERVED, done, window.begin),
                (window.number, window.begin, window.end),
            ):
                reads = Leg(number, begin, 0).reads
                longest = int(CYCLES_S / cycle_s(self.schemes, condition, reads))
                found += [Leg(number, *part) for part in stretches(begin, end, longest)]
            done = window.end
        return found

    def recall(self, stored: Callable[[str], NDArray[Any]]) -> None:
        """Which pairs have ended, too."""
        super().recall(stored)
        counts = (SenseCount(*record) for record in stored("cycled_counts").tolist())
        self._ended = {count.pair for count in counts if is_surely_above(count.rate)}

    def _cycle(self, number: int, pair: CycledPair, condition: ProgramConditions, leg: Leg) -> None:
        place = pair.place
        if pair.number in self._ended or not self.usable()[place]:
            return
        if leg.begin == 0:
            # A loop begins with bit 0, which shall switch both devices.
            where = places_mask([place], self.shape)
            self.chip.program(np.ones(self.shape, dtype=np.uint8), where, condition)
            self.array("cycled_pairs", np.array([pair.number, pair.condition, *place]))
        observed = Observed(
            pair.number, leg.window, leg.begin, length=0, read_v=self.description.levels.read
        )
        for execution in Cycler(self.chip, condition).run(*place, leg.cycles, leg.reads):
            observed.sense(execution)
            observed.done += execution.cycles
        count = observed.count
        values: dict[str, float | int | str] = {
            "Row": place[0],
            "Column": place[1],
            "SET compliance (A)": condition.set_compliance_a,
            "RESET voltage (V)": condition.reset_v,
            "Pulse width (s)": condition.width_s,
            "First cycle": count.first,
            "Last cycle": count.last,
        }
        if leg.window == UNOBSERVED:
            self.row(Step=number, Kind="jump", **values)
            return
        self.array("cycled_counts", observed.record())
        values |= {"2T2R wrong bits": count.rate.errors, "Bits": count.sensed}
        self.row(Step=number, Kind="window", **values)
        if is_surely_above(count.rate):
            self._ended.add(pair.number)
            self.say(
                f"{place_name(place).capitalize()}, cycled at condition {pair.condition + 1}: 2T2R "
                f"bit error rate {count.rate} at cycles {count.first:g} to {count.last:g}. Its "
                "cycling ends there; the steps that remain for it do nothing."
            )
