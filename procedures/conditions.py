"""Errors against programming conditions (paper, section 3.1, Fig. 5).

A grid of SET compliance, RESET voltage and programming time; the rows used are programmed several
times at each condition and every bit is sensed by the on-chip amplifiers. The two checkerboards
alternate through the whole run, so that every programming switches every device. A condition begins
with one extra programming at that condition, in no count: without it the first trial would depend
on what the condition before has left. Before the first condition both checkerboards are programmed
once with the grid's strongest RESET: in devices that come from forming, all in their LRS, the extra
programming alone would leave half of the LRS that the first trial has to RESET.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import product
from typing import ClassVar

import numpy as np

from instruments.testchip.chip import NOT_READ
from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.waveforms import EDGE_S
from instruments.wgfmu.limits import GRID_S
from procedures.base import Planned, Step, Train
from procedures.checked_rows import CheckedRows, checkerboard
from procedures.parameters import (
    ChoiceParameter,
    CountParameter,
    QuantityListParameter,
    quantity_text,
)
from procedures.shared_parameters import set_voltage_parameter

# Expected bench times, for the remaining time only.
_PROGRAM_ROW_S = 0.9
_SENSE_ROW_S = 0.4
_MEASURE_ROW_S = 0.7


class Conditions(CheckedRows):
    """Count wrong bits over a grid of SET compliance, RESET voltage and programming time.

    Mean, minimum and maximum over the repetitions, per kilobit; "< 1" where no error was seen.
    """

    example: ClassVar[str] = (
        "labctl run conditions --set-compliances 28uA,55uA,110uA,200uA --reset-voltages "
        "1.5V,2V,2.5V --pulse-widths 100ns,1us,10us,100us --repetitions 5"
    )

    set_compliances = QuantityListParameter(
        "SET compliances",
        "A",
        20e-6,
        200e-6,
        "28uA,55uA,110uA,200uA",
        description="SET currents that the gate voltage allows",
    )
    reset_voltages = QuantityListParameter(
        "RESET voltages",
        "V",
        1.0,
        3.3,
        "1.5V,2V,2.5V",
        description="voltages on the bit line during RESET",
    )
    pulse_widths = QuantityListParameter(
        "Pulse widths",
        "s",
        100e-9,
        100e-6,
        "100ns,1us,10us,100us",
        step=GRID_S,
        description="programming times: full width at half maximum of SET and RESET",
    )
    set_voltage = set_voltage_parameter()
    repetitions = CountParameter(
        "Repetitions",
        minimum=1,
        maximum=100_000,
        default=5,
        description="measured programmings of all bits at each condition",
    )
    order = ChoiceParameter(
        "Order",
        choices=["gentle-first", "harsh-first", "random"],
        default="gentle-first",
        description="order of the conditions: by RESET voltage, then time, then compliance, rising "
        "or falling, or at random",
    )
    order_seed = CountParameter(
        "Order seed",
        minimum=0,
        maximum=2**31 - 1,
        default=0,
        description="seed of the random order",
    )
    resistance = ChoiceParameter(
        "Resistance",
        choices=["no", "yes"],
        default="no",
        description="also measure every device by the SMUs after each programming",
    )

    DATA_COLUMNS: ClassVar[list[str]] = [
        *CheckedRows.CHECK_COLUMNS,
        "SET compliance (A)",
        "RESET voltage (V)",
        "Pulse width (s)",
        "Repetition",
        "Pattern",
        "2T2R wrong bits",
        "Bits",
        "Median LRS (ohm)",
        "Median HRS (ohm)",
    ]

    def check(self) -> None:
        """Refuses a value given twice: its conditions would be one condition."""
        super().check()
        if self.order != "random":
            self.refuse_unused(["order_seed"], "--order random")
        for name in ("set_compliances", "reset_voltages", "pulse_widths"):
            values = getattr(self, name)
            if len(set(values)) < len(values):
                raise ValueError(f"{self._parameters[name].name}: a value is given twice")

    def grid(self) -> list[ProgramConditions]:
        """All conditions in the order of the run."""
        levels = product(
            sorted(self.reset_voltages), sorted(self.pulse_widths), sorted(self.set_compliances)
        )
        grid = [
            ProgramConditions(
                set_compliance_a=compliance,
                set_v=float(self.set_voltage),
                reset_v=reset_v,
                width_s=width_s,
            )
            for reset_v, width_s, compliance in levels
        ]
        if self.order == "harsh-first":
            return grid[::-1]
        if self.order == "random":
            shuffled = np.random.default_rng(int(self.order_seed)).permutation(len(grid))
            return [grid[index] for index in shuffled]
        return grid

    def preparation(self) -> ProgramConditions:
        """What both patterns are programmed with before the first condition."""
        return replace(
            self.grid()[0], reset_v=max(self.reset_voltages), width_s=max(self.pulse_widths)
        )

    def pulses(self) -> Planned:
        """Forming if asked for, both bits before all and at every condition, sensing."""
        cells, programmings = self.rows_used * self.shape[1], int(self.repetitions) + 1
        trains = self.form_trains()
        for bit in (0, 1):
            trains.append(Train(self.schemes.program_bit(bit, self.preparation()), cells, 1))
        for conditions, bit in product(self.grid(), (0, 1)):
            scheme = self.schemes.program_bit(bit, conditions)
            trains.append(Train(scheme, cells, (programmings + 1) // 2))
        senses = len(self.grid()) * int(self.repetitions)
        return Planned([*trains, Train(self.schemes.sense_row(), self.rows_used, senses)])

    def headline(self) -> str:
        """Ranges of the three axes."""
        grid = len(self.grid())
        axes = (
            ("SET", self.set_compliances, "A"),
            ("RESET", self.reset_voltages, "V"),
            ("", self.pulse_widths, "s"),
        )
        texts = [f"{name} {_range_text(values, unit)}".strip() for name, values, unit in axes]
        return f"{grid} conditions: {', '.join(texts)}"

    def conditions(self) -> dict[str, str]:
        """Everything that decides the numbers."""
        levels = self.description.levels
        gates = ", ".join(
            f"{quantity_text(amperes, 'A')} at WL {self.table.gate_v(amperes):.4f} V"
            for amperes in self.set_compliances
        )
        order = {
            "gentle-first": "RESET voltage rising, within it time rising, within it compliance "
            "rising: what wears most comes last",
            "harsh-first": "RESET voltage falling, within it time and compliance falling",
            "random": f"at random, seed {self.order_seed}",
        }
        return {
            "Bits": self.region_text(),
            "Pattern": "checkerboard and its inverse, alternating through the whole run",
            "Repetitions": f"{self.repetitions} programmings of all bits at each condition; one "
            "extra programming at each condition, before them, is in no count",
            "Before the first condition": "both patterns once, at "
            f"{_condition_text(self.preparation())}, in no count",
            "Order of the conditions": order[self.order],
            "SET compliance, applied": f"{gates}, by the table; the current is not measured here",
            "Compliance table": self.table_text(),
            "SET": f"{quantity_text(self.set_voltage, 'V')} on SL, complement's bit line at SL",
            "RESET": f"on the bit line, WL = {quantity_text(levels.word_line_on, 'V')}",
            "Pulse width": "of SET and of RESET, at half maximum, edges "
            + quantity_text(EDGE_S, "s"),
            "Sense": "on-chip precharge sense amplifiers, output Q, VDD = "
            + quantity_text(self.description.supplies.vdd, "V"),
        }

    def steps(self) -> list[Step]:
        """Check (and form) each row, prepare; for each condition an extra and its repetitions."""
        steps = self.check_steps()
        program_s = _PROGRAM_ROW_S * self.rows_used
        read_s = _SENSE_ROW_S * self.rows_used
        if self.resistance == "yes":
            read_s += _MEASURE_ROW_S * self.rows_used
        steps.append(
            Step(len(steps), "both patterns once, in no count", 2 * program_s, self._prepare)
        )
        programmed = 0
        for conditions in self.grid():
            name = _condition_text(conditions)
            for repetition in range(int(self.repetitions) + 1):
                # Alternating from the first programming of the run to the last.
                pattern = (programmed + 1) % 2
                programmed += 1
                number = len(steps)
                if repetition == 0:
                    run = partial(self._program, conditions, pattern)
                    steps.append(Step(number, f"{name}: extra, in no count", program_s, run))
                    continue
                run = partial(self._program_and_sense, number, conditions, repetition, pattern)
                label = f"{name}: {repetition} of {self.repetitions}"
                steps.append(Step(number, label, program_s + read_s, run))
        return steps

    def _prepare(self) -> None:
        # The last pattern here is the inverse of the first extra one.
        for pattern in (1, 0):
            self._program(self.preparation(), pattern)

    def _program(self, conditions: ProgramConditions, pattern: int) -> None:
        self.chip.program(checkerboard(self.shape, pattern), self.usable(), conditions)

    def _program_and_sense(
        self, number: int, conditions: ProgramConditions, repetition: int, pattern: int
    ) -> None:
        bits, usable = checkerboard(self.shape, pattern), self.usable()
        self._program(conditions, pattern)
        medians = {}
        if self.resistance == "yes":
            resistance = self.chip.measure(usable)
            self.array("resistance", resistance)
            zero = (bits == 0)[..., np.newaxis]
            by_state = np.where(zero, resistance, resistance[..., ::-1])[usable]
            lrs, hrs = by_state[np.isfinite(by_state).all(axis=1)].T
            if len(lrs):
                medians = {
                    "Median LRS (ohm)": float(np.median(lrs)),
                    "Median HRS (ohm)": float(np.median(hrs)),
                }
        sensed = self.chip.sense(usable)
        asked = (conditions.set_compliance_a, conditions.reset_v, conditions.width_s)
        self.array("condition", np.array(asked))
        self.array("pattern", bits)
        self.array("sensed", sensed)
        read = usable & (sensed != NOT_READ)
        self.row(
            Step=number,
            Kind="programming",
            Repetition=repetition,
            Pattern="AB"[pattern],
            Bits=int(np.count_nonzero(read)),
            **{
                "SET compliance (A)": conditions.set_compliance_a,
                "RESET voltage (V)": conditions.reset_v,
                "Pulse width (s)": conditions.width_s,
                "2T2R wrong bits": int(np.count_nonzero((sensed != bits) & read)),
            },
            **medians,
        )


def _condition_text(conditions: ProgramConditions) -> str:
    return (
        f"{quantity_text(conditions.set_compliance_a, 'A')}, "
        f"{quantity_text(conditions.reset_v, 'V')}, {quantity_text(conditions.width_s, 's')}"
    )


def _range_text(values: list[float], unit: str) -> str:
    low, high = quantity_text(min(values), unit), quantity_text(max(values), unit)
    return low if low == high else f"{low} to {high}"
