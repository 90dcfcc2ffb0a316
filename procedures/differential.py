"""Differential (2T2R) against single-device (1T1R) bit error rates (paper, section 3.1, Fig. 8a).

"Low Ic" points: the whole array, the two checkerboards in turn, SET with a low compliance, every
device measured and every bit sensed. "High Ic" points: a single pair, programmed to 0 and 1 in turn
millions of times, sensed after each programming; both resistances are read in some of the cycles.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from instruments.testchip.chip import NOT_READ
from instruments.testchip.cycling import ResistanceReads
from procedures.base import Planned, Step, Train
from procedures.checked_rows import CheckedRows, checkerboard
from procedures.cycled_pairs import (
    CHECK_S,
    CycledPairs,
    Part,
    jointly_measured_parts,
    loop_train,
    part_s,
)
from procedures.observed import Observed
from procedures.parameters import (
    ChoiceParameter,
    CountParameter,
    CyclesParameter,
    QuantityListParameter,
    quantity_text,
)
from procedures.places import Place, place_name, places_mask, spread_places

SEGMENTS = 10
"""Resistances are read in so many places of a pair's cycles: it ages, and both rates are means."""
MOST_MEASURED = 5_000_000
"""Most measured cycles of a run, all pairs together: the analysis holds all their readings."""
RECORD = 10_000
"""Readings after each bit in a record."""

# Expected bench times of a row, for the remaining time only.
_PROGRAM_ROW_S = 0.9
_READ_ROW_S = 1.1


@dataclass(frozen=True)
class PairPoint:
    """One pair at one SET compliance."""

    number: int
    set_compliance_a: float
    place: Place


class Differential(CycledPairs, CheckedRows):
    """Measure 2T2R against 1T1R bit error rates while the SET compliance varies.

    Unformed devices are formed first. Every pair point has a pair of its own, that no point before
    has aged.
    """

    example: ClassVar[str] = (
        "labctl run differential --low-compliances 20uA,28uA,40uA,55uA "
        "--high-compliances 70uA,90uA,110uA,130uA,160uA --cycles 1e7"
    )

    points = ChoiceParameter(
        "Points",
        choices=["both", "array", "pairs"],
        default="both",
        description="whole-array points at low compliance, single-pair points at high, or both",
    )
    low_compliances = QuantityListParameter(
        "Low compliances",
        "A",
        20e-6,
        200e-6,
        "20uA,28uA,40uA,55uA",
        description="SET compliances of the whole-array points",
    )
    programmings = CountParameter(
        "Programmings",
        minimum=1,
        maximum=10_000,
        default=1,
        description="measured programmings of the array for each of the two patterns and point",
    )
    high_compliances = QuantityListParameter(
        "High compliances",
        "A",
        20e-6,
        200e-6,
        "70uA,90uA,110uA,130uA,160uA",
        description="SET compliances of the single-pair points",
    )
    cycles = CyclesParameter(
        "Cycles",
        minimum=400,
        maximum=10_000_000_000,
        default="1e7",
        description=f"programmings of each pair, all sensed; a multiple of {2 * SEGMENTS}",
    )
    resistance_cycles = CyclesParameter(
        "Resistance cycles",
        minimum=400,
        maximum=MOST_MEASURED,
        default="1e6",
        description="cycles of each pair in which both devices are measured; a multiple of "
        f"{2 * SEGMENTS}",
    )
    pairs = CountParameter(
        "Pairs",
        minimum=1,
        maximum=64,
        default=1,
        description="pairs at each high compliance",
    )

    DATA_COLUMNS: ClassVar[list[str]] = [
        *CheckedRows.CHECK_COLUMNS,
        "SET compliance (A)",
        "Column",
        "Pattern",
        "First cycle",
        "Last cycle",
        "2T2R wrong bits",
        "Bits",
        "Not read",
        "Bench time (s)",
    ]

    # --- before the run ------------------------------------------------------------------------

    def check(self) -> None:
        """Work out the points; refuses what does not fit."""
        CycledPairs.check(self)
        CheckedRows.check(self)
        if self.points == "array":
            of_pairs = ("high_compliances", "pairs", "cycles", "resistance_cycles")
            self.refuse_unused(of_pairs, "--points pairs or both")
        if self.points == "pairs":
            of_array = ("low_compliances", "programmings", "rows")
            self.refuse_unused(of_array, "--points array or both")
        for name in ("cycles", "resistance_cycles"):
            if getattr(self, name) % (2 * SEGMENTS):
                raise ValueError(
                    f"{self._parameters[name].name} {getattr(self, name)} is not a multiple of "
                    f"{2 * SEGMENTS}: bit 0 and bit 1 in {SEGMENTS} parts"
                )
        for name in ("low_compliances", "high_compliances"):
            values = getattr(self, name)
            if len(set(values)) < len(values):
                raise ValueError(f"{self._parameters[name].name}: a value is given twice")
        if self.resistance_cycles > self.cycles:
            raise ValueError("Resistance cycles are some of the cycles: they cannot be more")
        count = len(self.high_compliances) * int(self.pairs) * (self.points != "array")
        if count * self.resistance_cycles > MOST_MEASURED:
            raise ValueError(
                f"{count} pairs with {self.resistance_cycles:g} measured cycles each are more than "
                f"{MOST_MEASURED:g} in all; lower --resistance-cycles"
            )
        self.array_points = [] if self.points == "pairs" else list(self.low_compliances)
        compliances = [a for a in self.high_compliances for _ in range(int(self.pairs))]
        self.pair_points = [
            PairPoint(number, compliance, place)
            for number, (compliance, place) in enumerate(
                zip(compliances[:count], spread_places(count, self.shape), strict=True)
            )
        ]

    def touched(self) -> NDArray[np.bool_]:
        """The rows of the array points, and the pairs."""
        pairs = places_mask([point.place for point in self.pair_points], self.shape)
        return pairs | CheckedRows.touched(self) if self.array_points else pairs

    def pulses(self) -> Planned:
        """Forming if asked for, both bits on the array, the loops of the pairs."""
        forms = self.form_first == "yes"
        trains = []
        if self.array_points:
            trains += self.form_trains()
            cells = self.rows_used * self.shape[1]
            extra = 2 if self.array_points else 1
            for compliance in self.array_points:
                for bit in (0, 1):
                    scheme = self.schemes.program_bit(bit, self.programmed_with(compliance))
                    trains.append(Train(scheme, cells, int(self.programmings) + extra))
            reads = 2 * int(self.programmings) * len(self.array_points)
            trains.append(Train(self.schemes.sense_row(), self.rows_used, reads))
        if self.pair_points and forms:
            trains += self.forming_trains(len(self.pair_points))
        for point in self.pair_points:
            conditions = self.programmed_with(point.set_compliance_a)
            trains.append(Train(self.schemes.program_bit(1, conditions), 1, 1))
            for part in self._segment_parts():
                cycles = SEGMENTS * part.cycles
                trains.append(loop_train(self.schemes, conditions, part.reads, 1, cycles))
        return Planned(trains)

    def headline(self) -> str:
        """The compliances, RESET and width."""
        told = []
        if self.array_points:
            told.append(f"array at {_compliances(self.array_points)}")
        if self.pair_points:
            told.append(f"pairs at {_compliances(list(self.high_compliances))}")
        return (
            f"{'; '.join(told)}; RESET {quantity_text(self.reset_voltage, 'V')}, "
            f"{quantity_text(self.pulse_width, 's')}"
        )

    def conditions(self) -> dict[str, str]:
        """Everything that decides the numbers."""
        told: dict[str, str] = {}
        if self.array_points:
            told["Array points"] = (
                f"SET compliance {_compliances(self.array_points)}; {self.region_text()}, "
                f"checkerboard and its inverse in turn, {self.programmings} measured programming(s)"
                " of each; one extra programming at the begin of each point is in no count; "
                "resistances by SMU"
            )
        if self.pair_points:
            told["Pair points"] = (
                f"SET compliance {_compliances(list(self.high_compliances))}; {self.pairs} pair(s) "
                f"at each, not used before in this run; {self.cycles:g} cycles, all sensed, "
                f"resistances in {self.resistance_cycles:g} of them, spread over {SEGMENTS} parts"
            )
            told["Current ranges"] = self.ranges_text(ResistanceReads.AFTER_BOTH)
        applied = dict.fromkeys(
            [*self.array_points, *(p.set_compliance_a for p in self.pair_points)]
        )
        told["Gate voltages"] = ", ".join(
            f"{quantity_text(a, 'A')}: WL = {self.table.gate_v(a):.4f} V" for a in applied
        )
        return told | self.pulse_conditions()

    def steps(self) -> list[Step]:
        """Rows checked, array points in turn, then pair after pair."""
        steps = self.check_steps() if self.array_points else []
        first_pattern = 0
        for compliance in self.array_points:
            steps += self._array_steps(len(steps), compliance, first_pattern)
            # A point ends with the inverse of its first pattern; the next begins with an extra one.
            first_pattern = 1 - first_pattern
        for point in self.pair_points:
            steps += self._pair_steps(len(steps), point)
        return steps

    def _array_steps(self, number: int, compliance: float, first: int) -> list[Step]:
        """Extra programming of the inverse, then both patterns in turn."""
        name = f"array at {quantity_text(compliance, 'A')}"
        program_s = _PROGRAM_ROW_S * self.rows_used
        extra = partial(self._extra, number, compliance, first)
        steps = [Step(number, f"{name}, extra programming, in no count", program_s, extra)]
        for count in range(2 * int(self.programmings)):
            pattern = (first + count) % 2
            number += 1
            label = f"{name}, programming {count + 1}, pattern {'AB'[pattern]}"
            run = partial(self._program_and_read, number, compliance, pattern)
            steps.append(Step(number, label, program_s + _READ_ROW_S * self.rows_used, run))
        return steps

    def _segment_parts(self) -> list[Part]:
        """The parts of a tenth of a pair's cycles."""
        return jointly_measured_parts(self.cycles // SEGMENTS, self.resistance_cycles // SEGMENTS)

    def _pair_steps(self, number: int, point: PairPoint) -> list[Step]:
        name = f"{quantity_text(point.set_compliance_a, 'A')}, {place_name(point.place)}"
        conditions = self.programmed_with(point.set_compliance_a)
        seconds = sum(part_s(self.schemes, conditions, part) for part in self._segment_parts())
        check = partial(self._check_point, number, point)
        steps = [Step(number, f"check pair at {name}", CHECK_S, check)]
        for segment in range(SEGMENTS):
            number += 1
            run = partial(self._segment, number, point, segment)
            label = f"pair at {name}, part {segment + 1} of {SEGMENTS}"
            steps.append(Step(number, label, seconds, run))
        return steps

    # --- during the run ------------------------------------------------------------------------

    def _extra(self, number: int, compliance: float, first: int) -> None:
        """The inverse of the point's first pattern, at its conditions.

        Before the first point the other pattern goes ahead: devices that come from forming are all
        in an LRS of the forming compliance, which only a RESET ends.
        """
        if compliance == self.array_points[0]:
            self._program(compliance, first)
        self._program(compliance, 1 - first)
        self.row(Step=number, Kind="extra", **{"SET compliance (A)": compliance})

    def _program(self, compliance: float, pattern: int) -> None:
        bits = checkerboard(self.shape, pattern)
        self.chip.program(bits, self.usable(), self.programmed_with(compliance))

    def _program_and_read(self, number: int, compliance: float, pattern: int) -> None:
        bits, usable = checkerboard(self.shape, pattern), self.usable()
        begin_s = self.chip.connections.now()
        self._program(compliance, pattern)
        resistance = self.chip.measure(usable)
        sensed = self.chip.sense(usable)
        self.array("array_compliance", np.array(compliance))
        self.array("array_pattern", bits)
        self.array("array_resistance", resistance)
        self.array("array_sensed", sensed)
        read = usable & (sensed != NOT_READ)
        self.row(
            Step=number,
            Kind="array",
            Pattern="AB"[pattern],
            Bits=int(np.count_nonzero(read)),
            **{
                "SET compliance (A)": compliance,
                "2T2R wrong bits": int(np.count_nonzero((sensed != bits) & read)),
                "Not read": int(np.count_nonzero(usable & ~read)),
                "Bench time (s)": float(self.chip.connections.now() - begin_s),
            },
        )

    def _check_point(self, number: int, point: PairPoint) -> None:
        conditions = self.programmed_with(point.set_compliance_a)
        self.check_pair(point.number, point.place, conditions)
        self.array("pair_compliance", np.array(point.set_compliance_a))
        row, column = point.place
        self.row(
            Step=number,
            Kind="check pair",
            Row=row,
            Column=column,
            **{"SET compliance (A)": point.set_compliance_a},
        )
        if point is self.pair_points[-1] and not self.array_points:
            self.require_a_pair([one.place for one in self.pair_points])

    def _segment(self, number: int, point: PairPoint, segment: int) -> None:
        if self.is_left_out(point.place):
            return
        begin_s = self.chip.connections.now()
        begin = segment * (self.cycles // SEGMENTS)
        observed = Observed(
            pair=point.number,
            window=segment,
            done=begin,
            length=min(RECORD, self.resistance_cycles // (2 * SEGMENTS)),
            read_v=self.description.levels.read,
        )
        conditions = self.programmed_with(point.set_compliance_a)
        self.cycle(observed, point.place, conditions, self._segment_parts())
        self.store(observed)
        count = observed.count
        row, column = point.place
        self.row(
            Step=number,
            Kind="pair",
            Row=row,
            Column=column,
            Bits=count.sensed,
            **{
                "SET compliance (A)": point.set_compliance_a,
                "First cycle": count.first,
                "Last cycle": count.last,
                "2T2R wrong bits": count.zero_as_one + count.one_as_zero,
                "Not read": count.not_read,
                "Bench time (s)": float(self.chip.connections.now() - begin_s),
            },
        )


def _compliances(amperes: list[float]) -> str:
    return ", ".join(quantity_text(one, "A") for one in amperes)
