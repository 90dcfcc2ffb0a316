"""What procedures share that cycle single pairs: conditions, forming, loops, and what they leave.

Arrays (`procedures/observed.py` says what is in a record): ``pairs``,
``pair_forming_voltage`` and ``pair_unusable``, one record a pair; ``window_counts`` and
``wrong_cycles``, one a step that observes; ``resistance``, ``censored``, ``resistance_of`` and
``resistance_range``, one for a constant number of readings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.cycling import (
    CYCLES_PER_LOOP,
    SENSED,
    Cycler,
    LoopReads,
    ResistanceReads,
    cycle_loop,
    device_ranges,
    executions,
)
from instruments.testchip.waveforms import EDGE_S, PulseSchemes
from procedures.base import BenchProcedure, Train
from procedures.observed import Observed
from procedures.parameters import quantity_text
from procedures.places import Place, place_name
from procedures.shared_parameters import (
    form_first_parameter,
    pulse_width_parameter,
    reference_parameter,
    reset_voltage_parameter,
    set_voltage_parameter,
)

READ_BACK_S = 16e-6
"""Bench time to read one measured value back (design note, "Time of the real bench")."""
CHECK_S = 1.2
LOAD_S = 0.29
"""Bench time to load a loop into the generators, s; measured on the simulated bench, as is the
next."""
EXECUTE_S = 0.026
"""Bench time of an execution beside its loops, s."""
STEP_S = 600.0
"""Longest step, s of bench time: so much is repeated of a run that goes on after a crash."""
CYCLES_S = STEP_S - 2.0
"""Cycles of the longest step, s; the rest goes into loading and starting them."""
PLACES = 5
"""Bursts of cycles in which the resistances of a window are read."""

AFTER_0 = LoopReads(sensed=True, resistance=ResistanceReads.AFTER_0)
AFTER_1 = LoopReads(sensed=True, resistance=ResistanceReads.AFTER_1)
EVERY = LoopReads(sensed=True, resistance=ResistanceReads.AFTER_BOTH)


@dataclass(frozen=True)
class Part:
    """Cycles of one kind in a row."""

    cycles: int
    reads: LoopReads


class CycledPairs(BenchProcedure):
    """Base of procedures that cycle one pair after the other in the sequencer."""

    set_voltage = set_voltage_parameter()
    reset_voltage = reset_voltage_parameter()
    pulse_width = pulse_width_parameter()
    reference = reference_parameter()
    form_first = form_first_parameter()

    def check(self) -> None:
        """No pair has been left out yet, as far as one knows."""
        self._left_out: set[Place] = set()

    def recall(self, stored: Callable[[str], NDArray[Any]]) -> None:
        """Which pairs have been found to be unusable."""
        super().recall(stored)
        for pair, unusable in zip(stored("pairs"), stored("pair_unusable"), strict=True):
            if unusable.any():
                self._left_out.add((int(pair[1]), int(pair[2])))

    def programmed_with(self, set_compliance_a: float) -> ProgramConditions:
        """The run's conditions at one SET compliance."""
        return ProgramConditions(
            set_compliance_a=set_compliance_a,
            set_v=self.set_voltage,
            reset_v=self.reset_voltage,
            width_s=self.pulse_width,
        )

    def pulse_conditions(self) -> dict[str, str]:
        """SET, RESET, width and the readings of a loop, for a reader of the report."""
        levels, supplies = self.description.levels, self.description.supplies
        return {
            "Compliance table": self.table_text(),
            "SET": f"{quantity_text(self.set_voltage, 'V')} on SL, complement's bit line at SL",
            "RESET": f"{quantity_text(self.reset_voltage, 'V')} on the bit line, "
            f"WL = {quantity_text(levels.word_line_on, 'V')}",
            "Pulse width": f"{quantity_text(self.pulse_width, 's')} at half maximum, edges "
            f"{quantity_text(EDGE_S, 's')}",
            "Sense": "on-chip precharge sense amplifier after each programming, output Q, VDD = "
            + quantity_text(supplies.vdd, "V"),
            "Resistance": f"bit-line current at {quantity_text(levels.read, 'V')} in the loop, "
            "access transistor included",
            "Fixed 1T1R reference": quantity_text(self.reference, "ohm"),
        }

    def ranges_text(self, reads: ResistanceReads) -> str:
        """What the current ranges show of BL and of BLb."""
        read_v = self.description.levels.read
        return ", ".join(
            f"{name} {quantity_text(scale.full_scale_a, 'A')} "
            f"({quantity_text(float(f'{scale.lowest_ohm(read_v):.2g}'), 'ohm')} to "
            f"{quantity_text(float(f'{scale.highest_ohm(read_v):.2g}'), 'ohm')})"
            for name, scale in zip(("BL", "BLb"), device_ranges(reads), strict=True)
        )

    def check_pair(self, pair: int, place: Place, conditions: ProgramConditions) -> bool:
        """Form the pair's unformed devices, program it once, in no count; whether it is usable.

        The programming is bit 1: a loop begins with bit 0 and switches both devices.
        """
        where = np.zeros(self.shape, dtype=bool)
        where[place] = True
        found = self.form_unformed(where, self.form_first == "yes")
        unusable = found.unusable[place]
        self.array("pairs", np.array([pair, *place], dtype=np.int64))
        self.array("pair_forming_voltage", found.voltages[place])
        self.array("pair_unusable", unusable.astype(np.uint8))
        self.say_unusable(found, "left out with its pair")
        if unusable.any():
            self._left_out.add(place)
            return False
        self.chip.program(np.ones(self.shape, dtype=np.uint8), where, conditions)
        return True

    def is_left_out(self, place: Place) -> bool:
        """Whether the pair has a device that cannot be used."""
        return place in self._left_out

    def require_a_pair(self, places: list[Place]) -> None:
        """Raise RuntimeError if the last pair has been checked and none can be used."""
        if len(self._left_out) == len(places):
            names = ", ".join(map(place_name, places[:8]))
            raise RuntimeError(
                f"no pair of this run is formed ({names}); form them with `labctl run forming` or "
                "leave out --form-first no"
            )

    def cycle(
        self,
        observed: Observed,
        place: Place,
        conditions: ProgramConditions,
        parts: Sequence[Part],
    ) -> None:
        """Cycle a pair and take in what is read, execution by execution."""
        cycler = Cycler(self.chip, conditions)
        for part in parts:
            for execution in cycler.run(*place, part.cycles, part.reads):
                observed.sense(execution)
                for record in observed.measure(execution, part.reads.resistance):
                    self.array("resistance", record.ohm)
                    self.array("censored", record.code)
                    self.array("resistance_of", record.of)
                    self.array("resistance_range", record.bounds)
                observed.done += execution.cycles

    def store(self, observed: Observed) -> None:
        """Store the counts of a step that observed."""
        self.array("window_counts", observed.record())
        self.array("wrong_cycles", observed.wrong_record())


def loop_train(
    schemes: PulseSchemes,
    conditions: ProgramConditions,
    reads: LoopReads,
    cells: int,
    cycles: int,
) -> Train:
    """The loop of some cycles of each of ``cells`` pairs, for the plan."""
    scheme = cycle_loop(schemes, conditions, reads)
    loops = cycles // CYCLES_PER_LOOP
    longest = max(executions(loops, scheme.duration_s, reads))
    return Train(scheme, cells, loops, longest)


def cycle_s(schemes: PulseSchemes, conditions: ProgramConditions, reads: LoopReads) -> float:
    """Bench time of one cycle among many, reading back included, s."""
    loop_s = cycle_loop(schemes, conditions, reads).duration_s
    values = CYCLES_PER_LOOP * reads.sensed + 2 * len(reads.resistance.bits)
    return (loop_s + values * READ_BACK_S) / CYCLES_PER_LOOP


def part_s(schemes: PulseSchemes, conditions: ProgramConditions, part: Part) -> float:
    """Expected bench time of a part, loading included, s."""
    loop_s = cycle_loop(schemes, conditions, part.reads).duration_s
    count = sum(1 for _ in executions(part.cycles // CYCLES_PER_LOOP, loop_s, part.reads))
    cycles_s = part.cycles * cycle_s(schemes, conditions, part.reads)
    return LOAD_S + count * EXECUTE_S + cycles_s


def measured_parts(cycles: int, measured: int) -> list[Part]:
    """Sensed cycles; in ``measured`` of them, as many as fit, the resistances are read.

    Each current range where it is best: one programming of a loop is measured, half of them after
    bit 0, then half after bit 1. All numbers are even. With none measured it is one part.

    >>> [(p.cycles, p.reads.loop_name) for p in measured_parts(100, 10)][:4]
    [(8, 'cycleQ'), (2, 'cycleQR0'), (2, 'cycleQR1'), (16, 'cycleQ')]
    """
    if not measured:
        return [Part(cycles, SENSED)]
    each = CYCLES_PER_LOOP * min(measured // 2, cycles // (2 * CYCLES_PER_LOOP))
    return _spread(cycles, [Part(each, AFTER_0), Part(each, AFTER_1)])


def jointly_measured_parts(cycles: int, measured: int) -> list[Part]:
    """As `measured_parts`, but both states on one range, in every cycle measured, in one burst.

    >>> [(p.cycles, p.reads.loop_name) for p in jointly_measured_parts(100, 20)]
    [(40, 'cycleQ'), (20, 'cycleQR01'), (40, 'cycleQ')]
    """
    return _spread(cycles, [Part(min(measured, cycles), EVERY)], places=1)


def _spread(cycles: int, measured: list[Part], places: int = PLACES) -> list[Part]:
    """The measured parts in bursts at ``places``, evenly over all cycles, the others merely sensed.

    Resistances drift together over thousands of cycles; one burst would see one moment of that.
    """
    sensed = _shares(cycles - sum(part.cycles for part in measured), places)
    bursts = [_shares(part.cycles, places) for part in measured]
    parts: list[Part] = []
    waiting = 0
    for place, rest in enumerate(sensed):
        before = CYCLES_PER_LOOP * (rest // (2 * CYCLES_PER_LOOP))
        parts.append(Part(waiting + before, SENSED))
        parts += [Part(b[place], m.reads) for b, m in zip(bursts, measured, strict=True)]
        waiting = rest - before
    parts.append(Part(waiting, SENSED))
    return [part for part in parts if part.cycles]


def _shares(cycles: int, places: int) -> list[int]:
    """An even number in even parts, about equal."""
    edges = [cycles // CYCLES_PER_LOOP * place // places for place in range(places + 1)]
    return [CYCLES_PER_LOOP * (end - begin) for begin, end in pairwise(edges)]
