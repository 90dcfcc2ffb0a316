"""The sense amplifiers (paper, Fig. 4d): against the measured ratio, in time, and down in supply.

Pairs are programmed at several conditions, so that the ratios spread; each device is measured by
the SMUs, then each bit is sensed several times. One sense is sampled every 10 ns for a bound on its
time. Last the ternary reading (third seed family): weights +1, -1 and 0 are programmed and read at
falling supply voltages.
"""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from instruments.testchip.chip import NOT_READ, TestChip
from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.pulsed_sense import (
    SAMPLE_S,
    SHORTEST_SENSE_S,
    high_current,
    pulsed_sense,
    sense_pulsed,
    sense_traces,
    trace_times,
)
from instruments.testchip.supply import check_sweepable, supply_at
from instruments.testchip.waveforms import EDGE_S, PulseSchemes
from instruments.wgfmu.limits import GRID_S
from procedures.base import Planned, Step, Train
from procedures.checked_rows import CheckedRows, checkerboard
from procedures.parameters import (
    CountParameter,
    QuantityListParameter,
    QuantityParameter,
    quantity_text,
)
from procedures.shared_parameters import pulse_width_parameter, set_voltage_parameter

# Expected bench times, for the remaining time only.
_PROGRAM_ROW_S = 0.9
_MEASURE_ROW_S = 0.9
_SENSE_ROW_S = 0.5
_DEVICES_ROW_S = 1.7
_PULSED_ROW_S = 1.17
_SUPPLY_S = 1.1


class Sense(CheckedRows):
    """Sense amplifiers against the ratio of resistances, their time, and the supply voltage.

    The conditions are every SET compliance with every RESET voltage. The ternary reading uses the
    pulses of `--ternary-compliance` and `--ternary-reset-voltage`.
    """

    example: ClassVar[str] = (
        "labctl run sense --set-compliances 55uA --reset-voltages 1.5V,2V,2.5V --programmings 10 "
        "--vdd 1.2V,1V,0.8V,0.7V,0.6V,0.55V"
    )

    set_compliances = QuantityListParameter(
        "SET compliances",
        "A",
        20e-6,
        200e-6,
        "55uA",
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
    set_voltage = set_voltage_parameter()
    pulse_width = pulse_width_parameter()
    programmings = CountParameter(
        "Programmings",
        minimum=1,
        maximum=100_000,
        default=10,
        description="measured programmings of all bits at each condition",
    )
    senses = CountParameter(
        "Senses",
        minimum=1,
        maximum=1000,
        default=3,
        description="senses of every bit after each programming; the first one is the trial",
    )
    vdd = QuantityListParameter(
        "VDD",
        "V",
        0.4,
        1.4,
        "1.2V,1V,0.8V,0.7V,0.65V,0.6V,0.55V",
        description="supply voltages of the ternary reading",
    )
    sense_pulse = QuantityParameter(
        "Sense pulse",
        "s",
        SHORTEST_SENSE_S,
        100e-6,
        1e-6,
        step=GRID_S,
        description="how long a branch may discharge in the ternary reading",
    )
    ternary_programmings = CountParameter(
        "Ternary programmings",
        minimum=0,
        maximum=100_000,
        default=3,
        description="programmings of all bits with random weights, each read at every VDD; 0 "
        "leaves the ternary reading out",
    )
    ternary_compliance = QuantityParameter(
        "Ternary compliance",
        "A",
        20e-6,
        200e-6,
        200e-6,
        description="SET compliance of the ternary weights",
    )
    ternary_reset_voltage = QuantityParameter(
        "Ternary RESET voltage",
        "V",
        1.0,
        3.3,
        2.5,
        description="RESET voltage of the ternary weights",
    )
    pattern_seed = CountParameter(
        "Pattern seed",
        minimum=0,
        maximum=2**31 - 1,
        default=0,
        description="seed of the random ternary weights",
    )

    DATA_COLUMNS: ClassVar[list[str]] = [
        *CheckedRows.CHECK_COLUMNS,
        "SET compliance (A)",
        "RESET voltage (V)",
        "Programming",
        "2T2R wrong bits",
        "Bits",
        "VDD (V)",
        "Weights read",
        "Inverted",
        "Signed read as 0",
        "Zeros read as 0",
    ]

    def check(self) -> None:
        """Refuses a value given twice: it would be one condition."""
        super().check()
        if not self.ternary_programmings:
            ternary = ("vdd", "sense_pulse", "ternary_compliance", "ternary_reset_voltage")
            self.refuse_unused([*ternary, "pattern_seed"], "--ternary-programmings above 0")
        for name in ("set_compliances", "reset_voltages", "vdd"):
            values = getattr(self, name)
            if len(set(values)) < len(values):
                raise ValueError(f"{self._parameters[name].name}: a value is given twice")
        set_v, width_s = float(self.set_voltage), float(self.pulse_width)
        self.grid = [
            ProgramConditions(compliance, set_v, reset_v, width_s)
            for compliance, reset_v in product(self.set_compliances, self.reset_voltages)
        ]
        self.ternary = ProgramConditions(
            float(self.ternary_compliance), set_v, float(self.ternary_reset_voltage), width_s
        )

    def bind(self, chip: TestChip) -> None:
        """Refuses a supply that cannot be changed before anything is done to the die."""
        super().bind(chip)
        if self._supplies_left():
            check_sweepable(chip)

    def pulses(self) -> Planned:
        """Forming if asked for, both bits at each condition, senses, ternary weights."""
        cells, each = self.rows_used * self.shape[1], (int(self.programmings) + 2) // 2
        trains = self.form_trains()
        for conditions, bit in product(self.grid, (0, 1)):
            trains.append(Train(self.schemes.program_bit(bit, conditions), cells, each))
        senses = len(self.grid) * int(self.programmings) * int(self.senses)
        trains.append(Train(self.schemes.sense_row(), self.rows_used, senses))
        trains.append(Train(pulsed_sense(self.schemes, SHORTEST_SENSE_S, True), self.rows_used, 1))
        times = int(self.ternary_programmings)
        if times == 0:
            return Planned(trains)
        gate_v = self.table.gate_v(self.ternary.set_compliance_a)
        for device in (0, 1):
            set_scheme = self.schemes.set_device(
                device, gate_v, self.ternary.set_v, self.ternary.width_s
            )
            reset_scheme = self.schemes.reset_device(device, self.ternary)
            trains += [Train(reset_scheme, cells, 2 * times), Train(set_scheme, cells, times)]
        for vdd in self.vdd:
            schemes = PulseSchemes(self.description, self.table, vdd)
            trains.append(Train(pulsed_sense(schemes, self.sense_pulse, False), cells, times))
        return Planned(trains, levels={"VDD": self.vdd, "BYP": self.vdd})

    def headline(self) -> str:
        """Conditions of the ratio, and the supplies."""
        resets = ", ".join(quantity_text(volts, "V") for volts in self.reset_voltages)
        sets = ", ".join(quantity_text(amperes, "A") for amperes in self.set_compliances)
        text = f"SET {sets}, RESET {resets}, {quantity_text(self.pulse_width, 's')}"
        if self.ternary_programmings:
            supplies = ", ".join(f"{volts:g}" for volts in self.vdd)
            text += f"; ternary at VDD {supplies} V"
        return text

    def conditions(self) -> dict[str, str]:
        """Everything that decides the numbers."""
        levels, nominal = self.description.levels, self.description.supplies.vdd
        gates = ", ".join(
            f"{quantity_text(amperes, 'A')} at WL {self.table.gate_v(amperes):.4f} V"
            for amperes in dict.fromkeys([*self.set_compliances, self.ternary.set_compliance_a])
        )
        known = {
            "Bits": self.region_text(),
            "Pattern": "checkerboard and its inverse, alternating; one extra programming at each "
            "condition is in no count",
            "Programmings": f"{self.programmings} at each of {len(self.grid)} conditions, each "
            f"sensed {self.senses} times; the first sense is the trial",
            "SET compliance, applied": f"{gates}, by the table; the current is not measured here",
            "Compliance table": self.table_text(),
            "SET": f"{quantity_text(self.set_voltage, 'V')} on SL, complement's bit line at SL",
            "RESET": f"on the bit line, WL = {quantity_text(levels.word_line_on, 'V')}",
            "Pulse width": f"{quantity_text(self.pulse_width, 's')} at half maximum, edges "
            f"{quantity_text(EDGE_S, 's')}",
            "Resistance": f"SMU at {quantity_text(levels.read, 'V')}, access transistor included",
            "Sense": f"VDD = {quantity_text(nominal, 'V')}; the ternary reading as below",
            "Sense time": "Q and QB sampled from the beginning of the SEN edge, "
            f"{quantity_text(SAMPLE_S, 's')} each, on one bit a row",
        }
        if self.ternary_programmings:
            known["Ternary weights"] = (
                f"{self.ternary_programmings} programmings with random weights in equal shares "
                f"(seed {self.pattern_seed}): RESET and SET of both devices of every pair, then "
                "RESET of those that are to be in HRS; "
                f"{quantity_text(self.ternary.set_compliance_a, 'A')}, "
                f"{quantity_text(self.ternary.reset_v, 'V')}"
            )
            known["Ternary reading"] = (
                f"Q and QB after {quantity_text(self.sense_pulse, 's')} of discharge; SEN, BYP and "
                f"SL at VDD, WL at {quantity_text(levels.word_line_on, 'V')}"
            )
        return known

    def steps(self) -> list[Step]:
        """Check rows; each condition's programmings; the sense time; the ternary programmings."""
        steps = self.check_steps()
        program_s = _PROGRAM_ROW_S * self.rows_used
        read_s = (_MEASURE_ROW_S + int(self.senses) * _SENSE_ROW_S) * self.rows_used
        for index, conditions in enumerate(self.grid):
            name = (
                f"{quantity_text(conditions.set_compliance_a, 'A')}, "
                f"{quantity_text(conditions.reset_v, 'V')}"
            )
            run = partial(self._program, conditions, 1)
            steps.append(Step(len(steps), f"{name}: extra, in no count", program_s, run))
            for count in range(1, int(self.programmings) + 1):
                number = len(steps)
                run = partial(self._program_and_read, number, index, count)
                label = f"{name}: {count} of {self.programmings}"
                steps.append(Step(number, label, program_s + read_s, run))
        steps.append(Step(len(steps), "sense time", 0.1 * self.rows_used, self._time))
        a_row_s = 3 * _DEVICES_ROW_S + len(self.vdd) * _PULSED_ROW_S
        ternary_s = a_row_s * self.rows_used + len(self.vdd) * _SUPPLY_S
        for count in range(1, int(self.ternary_programmings) + 1):
            number = len(steps)
            run = partial(self._ternary, number, count)
            label = f"ternary weights: {count} of {self.ternary_programmings}"
            steps.append(Step(number, label, ternary_s, run))
        return steps

    def _supplies_left(self) -> bool:
        """Whether the run leaves the nominal supply."""
        nominal = self.description.supplies.vdd
        return bool(self.ternary_programmings) and any(volts != nominal for volts in self.vdd)

    def _program(self, conditions: ProgramConditions, pattern: int) -> None:
        self.chip.program(checkerboard(self.shape, pattern), self.usable(), conditions)

    def _program_and_read(self, number: int, index: int, count: int) -> None:
        conditions, usable = self.grid[index], self.usable()
        pattern = (count - 1) % 2
        bits = checkerboard(self.shape, pattern)
        self._program(conditions, pattern)
        resistance = self.chip.measure(usable)
        sensed = np.stack([self.chip.sense(usable) for _ in range(int(self.senses))])
        self.array("condition", np.array([conditions.set_compliance_a, conditions.reset_v]))
        self.array("pattern", bits)
        self.array("resistance", resistance)
        self.array("sensed", sensed)
        read = usable & (sensed[0] != NOT_READ)
        self.row(
            Step=number,
            Kind="ratio",
            Programming=count,
            Bits=int(np.count_nonzero(read)),
            **{
                "SET compliance (A)": conditions.set_compliance_a,
                "RESET voltage (V)": conditions.reset_v,
                "2T2R wrong bits": int(np.count_nonzero((sensed[0] != bits) & read)),
            },
        )

    def _time(self) -> None:
        """One bit a row, along the diagonal, as the last programming has left them."""
        usable, where = self.usable(), np.zeros(self.shape, dtype=bool)
        for row in range(self.rows_used):
            columns = np.flatnonzero(usable[row])
            if columns.size:
                where[row, columns[row % columns.size]] = True
        traces = sense_traces(self.chip, where)
        self.array("output_current", traces)
        self.array("output_time", trace_times(traces.shape[1]))
        self.array("output_high", np.array([high_current(self.chip)]))

    def _ternary(self, number: int, count: int) -> None:
        usable = self.usable()
        weights = self._weights(count)
        self._program_weights(weights, usable)
        read = []
        for vdd in self.vdd:
            with supply_at(self.chip, vdd):
                read.append(sense_pulsed(self.chip, usable, float(self.sense_pulse)))
            self._ternary_row(number, count, vdd, weights[usable], read[-1][usable])
        self.array("ternary_weights", np.where(usable, weights, NOT_READ).astype(np.uint8))
        self.array("ternary_read", np.stack(read))

    def _weights(self, count: int) -> NDArray[np.uint8]:
        """Random weights (rows, columns) of a programming: 0 is +1, 1 is -1, 2 is 0."""
        rng = np.random.default_rng([int(self.pattern_seed), count])
        return rng.integers(0, 3, self.shape).astype(np.uint8)

    def _program_weights(self, weights: NDArray[np.uint8], usable: NDArray[np.bool_]) -> None:
        """Every device is RESET and SET, so that it is drawn afresh; then those that are to be HRS.

        Each pulse acts on one device, its complement protected.
        """
        both = np.stack([usable, usable], axis=-1)
        high = np.stack([weights != 0, weights != 1], axis=-1) & both
        self.chip.reset(both, self.ternary)
        self.chip.set(both, self.ternary)
        self.chip.reset(high, self.ternary)

    def _ternary_row(
        self,
        number: int,
        count: int,
        vdd: float,
        written: NDArray[np.uint8],
        read: NDArray[np.uint8],
    ) -> None:
        signed, known = written != 2, read != NOT_READ
        self.row(
            Step=number,
            Kind="ternary",
            Programming=count,
            **{
                "VDD (V)": vdd,
                "Weights read": int(np.count_nonzero(known)),
                "Inverted": int(np.count_nonzero(signed & (read < 2) & (read != written))),
                "Signed read as 0": int(np.count_nonzero(signed & (read == 2))),
                "Zeros read as 0": int(np.count_nonzero(~signed & (read == 2))),
            },
        )
