"""Endurance of single pairs (paper, section 3.1, Figs. 6 and 7).

A pair is programmed to 0 and 1 in turn, up to 5e10 times, in the sequencer of the pulse generators.
In windows, evenly spread over the logarithm of the cycles, every cycle is sensed by the on-chip
amplifier and in some of them both devices are measured at the read voltage.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.cycling import BARE, ResistanceReads
from labctl.analysis.crossing import is_surely_above
from labctl.analysis.endurance import SenseCount, window_result
from procedures.base import Planned, Step, Train
from procedures.cycled_pairs import (
    CHECK_S,
    CYCLES_S,
    EVERY,
    PLACES,
    STEP_S,
    CycledPairs,
    Part,
    cycle_s,
    loop_train,
    measured_parts,
    part_s,
)
from procedures.observed import Observed
from procedures.parameters import (
    ChoiceParameter,
    CountParameter,
    CyclesParameter,
    RateParameter,
    quantity_text,
)
from procedures.places import Place, place_name, places_mask, spread_places
from procedures.shared_parameters import set_compliance_parameter
from procedures.windows import Window, log_windows, stretches

EVERY_CYCLE_MOST = 2_000_000
"""Most cycles of every-cycle mode, all pairs together: all their readings are kept and analysed."""
EVERY_CYCLE_RECORD = 10_000
FIRST_WINDOW = 20_000
"""Cycles of the first window where no resistance is read; else twice the resistance cycles."""
SPREAD = -1


@dataclass(frozen=True)
class Stretch:
    """Cycles of one step: ``window`` None is a jump, nothing is observed."""

    pair: int
    window: Window | None
    begin: int
    parts: tuple[Part, ...]

    @property
    def cycles(self) -> int:
        """Its length."""
        return sum(part.cycles for part in self.parts)

    @property
    def end(self) -> int:
        """Cycles done when it is over."""
        return self.begin + self.cycles


class Endurance(CycledPairs):
    """Cycle pairs and follow resistances and bit error rates, 1T1R and 2T2R, window by window.

    An unformed pair is formed first. Between the windows of checkpoint mode nothing is observed.
    """

    example: ClassVar[str] = (
        "labctl run endurance --cycles 7e8 --set-compliance 200uA --reset-voltage 2.5V "
        "--pulse-width 1us"
    )

    cycles = CyclesParameter(
        "Cycles",
        minimum=200,
        maximum=50_000_000_000,
        default="7e8",
        description="programmings of each pair, bit 0 and bit 1 in turn; an even number",
    )
    mode = ChoiceParameter(
        "Mode",
        choices=["checkpoint", "every-cycle"],
        default="checkpoint",
        description="observe windows of cycles, or sense and measure every one (at most "
        f"{EVERY_CYCLE_MOST:g} in all)",
    )
    windows = CountParameter(
        "Windows",
        minimum=1,
        maximum=100,
        default=12,
        description="windows, evenly spread over the logarithm of the cycles",
    )
    window_cycles = CyclesParameter(
        "Window cycles",
        minimum=4,
        maximum=1_000_000_000,
        default="1e7",
        description="sensed cycles of a window; those that lie early are as long as fits",
    )
    resistance_cycles = CyclesParameter(
        "Resistance cycles",
        minimum=0,
        maximum=1_000_000,
        default="1e4",
        description=f"cycles of a window in which both devices are measured, in {PLACES} bursts; "
        "0 reads no resistance, so there is no 1T1R",
    )
    pairs = CountParameter(
        "Pairs",
        minimum=1,
        maximum=1024,
        default=1,
        description="pairs to cycle, one after the other, spread over the array",
    )
    pair_row = CountParameter(
        "Pair row",
        minimum=SPREAD,
        maximum=31,
        default=SPREAD,
        description="row of the one pair to cycle; -1 leaves the choice to the procedure",
    )
    pair_column = CountParameter(
        "Pair column",
        minimum=SPREAD,
        maximum=31,
        default=SPREAD,
        description="column of the one pair to cycle; -1 leaves the choice to the procedure",
    )
    set_compliance = set_compliance_parameter(default=200e-6)
    stop_at_ber = RateParameter(
        "Stop at BER",
        default=1.0,
        description="2T2R bit error rate that ends a pair's cycling: once a window's 95 % interval "
        "lies above it; 1 never does",
    )

    DATA_COLUMNS: ClassVar[list[str]] = [
        "Step",
        "Kind",
        "Row",
        "Column",
        "Window",
        "First cycle",
        "Last cycle",
        "Sensed cycles",
        "Cycles not read",
        "2T2R bits 0 read as 1",
        "2T2R bits 1 read as 0",
        "Measured cycles",
        "Best reference (ohm)",
        "1T1R errors at best reference",
        "1T1R errors at fixed reference",
        "1T1R readings",
        *(
            f"{device} {state} {what} (ohm)"
            for device in ("BL", "BLb")
            for state in ("LRS", "HRS")
            for what in ("1 %", "median", "99 %")
        ),
        "Bench time (s)",
    ]

    # --- before the run ------------------------------------------------------------------------

    def check(self) -> None:
        """Work out pairs and windows; refuses what does not fit."""
        super().check()
        self._ended: set[int] = set()
        self.places = self._places()
        for name in ("cycles", "window_cycles", "resistance_cycles"):
            if getattr(self, name) % 2:
                raise ValueError(
                    f"{self._parameters[name].name} {getattr(self, name)} is odd: cycles come in "
                    "pairs, bit 0 and bit 1"
                )
        if self.mode == "every-cycle" and self.cycles * len(self.places) > EVERY_CYCLE_MOST:
            raise ValueError(
                f"every-cycle mode keeps every reading: {EVERY_CYCLE_MOST:g} cycles at most, all "
                "pairs together; use --mode checkpoint for more"
            )
        every = self.mode == "every-cycle"
        if every:
            self.refuse_unused(["window_cycles", "resistance_cycles"], "--mode checkpoint")
        self.observed_windows = log_windows(
            self.cycles,
            self.windows,
            self.cycles if every else self.window_cycles,
            2 * self.resistance_cycles or FIRST_WINDOW,
        )

    @property
    def reads_resistance(self) -> bool:
        """Whether both devices are measured in some cycles; else every window is merely sensed."""
        return bool(self.resistance_cycles > 0)

    def _places(self) -> list[Place]:
        """The pairs, in the order of the run."""
        rows, columns = self.shape
        place = (int(self.pair_row), int(self.pair_column))
        if place == (SPREAD, SPREAD):
            return spread_places(int(self.pairs), self.shape)
        if SPREAD in place:
            raise ValueError("give both --pair-row and --pair-column, or neither")
        if self.pairs != 1:
            raise ValueError("--pair-row and --pair-column name one pair; leave out --pairs")
        if place[0] >= rows or place[1] >= columns:
            raise ValueError(f"{place_name(place)} is not in an array of {rows} x {columns}")
        return [place]

    @property
    def conditions_used(self) -> ProgramConditions:
        """How the pairs are programmed."""
        return self.programmed_with(self.set_compliance)

    def touched(self) -> NDArray[np.bool_]:
        """The pairs."""
        return places_mask(self.places, self.shape)

    def pulses(self) -> Planned:
        """Forming if asked for, the extra programming, and each kind of loop."""
        pairs, conditions = len(self.places), self.conditions_used
        trains = self.forming_trains(pairs) if self.form_first == "yes" else []
        trains.append(Train(self.schemes.program_bit(1, conditions), pairs, 1))
        by_kind: dict[str, list[Part]] = {}
        for stretch in self._stretches(0):
            for part in stretch.parts:
                by_kind.setdefault(part.reads.loop_name, []).append(part)
        for parts in by_kind.values():
            cycles = sum(part.cycles for part in parts)
            trains.append(loop_train(self.schemes, conditions, parts[0].reads, pairs, cycles))
        return Planned(trains)

    def headline(self) -> str:
        """Cycles, SET, RESET and width."""
        return (
            f"{self.cycles:g} cycles, SET {quantity_text(self.set_compliance, 'A')} "
            f"(WL {self._gate_v():.4f} V), RESET {quantity_text(self.reset_voltage, 'V')}, "
            f"{quantity_text(self.pulse_width, 's')}"
        )

    def conditions(self) -> dict[str, str]:
        """Everything that decides the numbers."""
        names = ", ".join(place_name(place) for place in self.places[:4])
        more = len(self.places) - 4
        return {
            "Pairs": names + (f" and {more} more" if more > 0 else ""),
            "Cycle": "one programming of the pair: SET of one device, RESET of the other; bit 0 "
            "and bit 1 in turn; counted from the begin of this run, one extra programming before "
            "is in no count",
            "Observed": self._observed_text(),
            "SET compliance, requested": quantity_text(self.set_compliance, "A"),
            "SET compliance, applied": f"WL = {self._gate_v():.4f} V, by the table; the current is "
            "not measured in this run",
            **self.pulse_conditions(),
            **self._resistance_conditions(),
        }

    def _observed_text(self) -> str:
        if self.mode == "every-cycle":
            return "every cycle sensed and measured"
        resistances = (
            f"resistances in {self.resistance_cycles:g} of them, in {PLACES} bursts"
            if self.reads_resistance
            else "resistances not read"
        )
        return (
            f"{len(self.observed_windows)} windows, log-spaced, of at most "
            f"{self.window_cycles:g} sensed cycles; {resistances}; nothing observed in between"
        )

    def _resistance_conditions(self) -> dict[str, str]:
        """With what ranges the resistances are read, if they are."""
        if not self.reads_resistance:
            return {"Resistance": "not read", "Fixed 1T1R reference": "not used: there is no 1T1R"}
        if self.mode == "every-cycle":
            return {"Current ranges": self.ranges_text(ResistanceReads.AFTER_BOTH)}
        return {
            "Current ranges after bit 0": self.ranges_text(ResistanceReads.AFTER_0),
            "Current ranges after bit 1": self.ranges_text(ResistanceReads.AFTER_1),
        }

    def _gate_v(self) -> float:
        """Word-line voltage during SET, V."""
        return self.table.gate_v(self.set_compliance)

    def steps(self) -> list[Step]:
        """For each pair: check it, then jumps and windows in turn."""
        steps: list[Step] = []
        for pair, place in enumerate(self.places):
            number = len(steps)
            check = partial(self._check, number, pair)
            steps.append(Step(number, f"check {place_name(place)}", CHECK_S, check))
            for stretch in self._stretches(pair):
                number = len(steps)
                run = partial(self._run, number, stretch)
                steps.append(Step(number, self._label(stretch), self._bench_s(stretch), run))
        return steps

    def _stretches(self, pair: int) -> list[Stretch]:
        """The pair's cycles in parts of at most `STEP_S`, where parts can be."""
        found, done = [], 0
        for window in self.observed_windows:
            found += self._split(pair, None, done, Part(window.begin - done, BARE))
            parts = self._observed_parts(window.cycles)
            if sum(map(self._part_s, parts)) <= STEP_S:
                found.append(Stretch(pair, window, window.begin, tuple(parts)))
            else:
                begin = window.begin
                for part in parts:
                    found += self._split(pair, window, begin, part)
                    begin += part.cycles
            done = window.end
        return found

    def _split(self, pair: int, window: Window | None, begin: int, part: Part) -> list[Stretch]:
        """A part as stretches that are no longer than a step."""
        longest = int(CYCLES_S / cycle_s(self.schemes, self.conditions_used, part.reads))
        return [
            Stretch(pair, window, first, (replace(part, cycles=cycles),))
            for first, cycles in stretches(begin, begin + part.cycles, longest)
        ]

    def _observed_parts(self, cycles: int) -> list[Part]:
        """The parts of a window."""
        if self.mode == "every-cycle":
            return [Part(cycles, EVERY)]
        return measured_parts(cycles, self.resistance_cycles)

    def _part_s(self, part: Part) -> float:
        return part_s(self.schemes, self.conditions_used, part)

    def _label(self, stretch: Stretch) -> str:
        pair = f"pair {stretch.pair + 1} of {len(self.places)}, "
        what = "jump" if stretch.window is None else f"window {stretch.window.number + 1}"
        return f"{pair}{what}, cycle {stretch.begin + 1:g} to {stretch.end:g}"

    def _bench_s(self, stretch: Stretch) -> float:
        return sum(map(self._part_s, stretch.parts))

    # --- during the run ------------------------------------------------------------------------

    def recall(self, stored: Callable[[str], NDArray[Any]]) -> None:
        """Which pairs are worn out, too."""
        super().recall(stored)
        counts = (SenseCount(*record) for record in stored("window_counts").tolist())
        self._ended = {count.pair for count in counts if self._is_worn_out(count)}

    def _is_worn_out(self, count: SenseCount) -> bool:
        """Whether the 95 % interval of the 2T2R error rate lies above the limit."""
        return is_surely_above(count.rate, self.stop_at_ber)

    def _check(self, number: int, pair: int) -> None:
        if number == 0 and self.set_voltage != self.table.set_compliance_voltage:
            self.say(
                "The compliance table was measured at a SET voltage of "
                f"{quantity_text(self.table.set_compliance_voltage, 'V')}, not "
                f"{quantity_text(self.set_voltage, 'V')}: the SET current may differ."
            )
        place = self.places[pair]
        self.check_pair(pair, place, self.conditions_used)
        self.row(Step=number, Kind="check", Row=place[0], Column=place[1])
        if pair == len(self.places) - 1:
            self.require_a_pair(self.places)

    def _run(self, number: int, stretch: Stretch) -> None:
        place = self.places[stretch.pair]
        if self.is_left_out(place) or stretch.pair in self._ended:
            return
        begin_s = self.chip.connections.now()
        observed = Observed(
            pair=stretch.pair,
            window=-1 if stretch.window is None else stretch.window.number,
            done=stretch.begin,
            length=self._record_length(),
            read_v=self.description.levels.read,
        )
        self.cycle(observed, place, self.conditions_used, stretch.parts)
        values: dict[str, float | int] = {
            "Row": place[0],
            "Column": place[1],
            "First cycle": stretch.begin + 1,
            "Last cycle": stretch.end,
            "Bench time (s)": float(self.chip.connections.now() - begin_s),
        }
        if stretch.window is None:
            self.row(Step=number, Kind="jump", **values)
            return
        self.store(observed)
        values["Window"] = stretch.window.number + 1
        self.row(Step=number, Kind="window", **values, **self._figures(observed))
        self._end_if_worn_out(observed, place)

    def _record_length(self) -> int:
        if self.mode == "every-cycle":
            return min(EVERY_CYCLE_RECORD, self.cycles // 2)
        measured = min(int(self.resistance_cycles), int(self.window_cycles) // 2)
        return -(-measured // (2 * PLACES))

    def _figures(self, observed: Observed) -> dict[str, float | int]:
        """The columns of a window's row."""
        count = observed.count
        values: dict[str, float | int] = {
            "Sensed cycles": count.sensed,
            "Cycles not read": count.not_read,
            "2T2R bits 0 read as 1": count.zero_as_one,
            "2T2R bits 1 read as 0": count.one_as_zero,
        }
        lrs, hrs = observed.states()
        if not lrs:
            return values
        found = window_result(count, lrs, hrs, self.reference)
        values |= {
            "Measured cycles": found.measured,
            "1T1R errors at best reference": found.best.rate.errors,
            "1T1R errors at fixed reference": found.fixed.rate.errors,
            "1T1R readings": found.best.trials,
        }
        known = {"Best reference (ohm)": found.best.reference_ohm}
        for name, band in found.bands.items():
            known[f"{name} 1 % (ohm)"] = band.q01_ohm
            known[f"{name} median (ohm)"] = band.median_ohm
            known[f"{name} 99 % (ohm)"] = band.q99_ohm
        return values | {name: value for name, value in known.items() if value is not None}

    def _end_if_worn_out(self, observed: Observed, place: Place) -> None:
        """Fatigue ends a pair's cycling, if asked for: its further steps do nothing."""
        count = observed.count
        if not self._is_worn_out(count):
            return
        self._ended.add(observed.pair)
        self.say(
            f"{place_name(place).capitalize()} is worn out: 2T2R bit error rate {count.rate} at "
            f"cycles {count.first:g} to {count.last:g}, above {self.stop_at_ber:g}. Its cycling "
            "ends there; the steps that remain for it do nothing."
        )
