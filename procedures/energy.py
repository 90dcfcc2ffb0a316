"""Energy of SET and RESET (paper, Table 1), and the bit error rate at the same conditions.

Voltage and current of the programming pulses themselves are sampled on some cells; no other pulse
is sent. Then all rows used are programmed and sensed. Conditions with pulses too short for the
current to settle are sampled with the shortest pulse that is not, and computed from it. At the end
other pairs are cycled at each condition (`procedures/cyclability.py`).
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from instruments.testchip.chip import NOT_READ
from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.traces import (
    SHORTEST_MEASURED_S,
    program_traced,
    sample_time,
    traced_program,
)
from instruments.testchip.waveforms import EDGE_S
from instruments.wgfmu.limits import GRID_S
from labctl.analysis.energy import pulse_energy, shorter_pulse_energy
from procedures.base import Planned, Step, Train
from procedures.checked_rows import checkerboard
from procedures.cyclability import CycledConditions
from procedures.parameters import (
    CountParameter,
    QuantityListParameter,
    quantity_text,
)
from procedures.places import places_mask, spread_places
from procedures.shared_parameters import set_voltage_parameter

# Expected bench times, for the remaining time only.
_TRACE_CELL_S = 0.04
_PROGRAM_ROW_S = 0.9
_SENSE_ROW_S = 0.9


class Energy(CycledConditions):
    """Measure energies of SET and RESET, bit error rate and cyclability, condition by condition.

    The lists of SET compliances, RESET voltages and pulse widths go together: first with first,
    second with second; a single value serves all. The defaults are the three of Table 1: strong,
    endurance, energy.
    """

    example: ClassVar[str] = (
        "labctl run energy --set-compliances 200uA --reset-voltages 2.5V,1.5V,2V "
        "--pulse-widths 1us,1us,100ns --cells 32 --cycles 2e8"
    )

    set_compliances = QuantityListParameter(
        "SET compliances",
        "A",
        20e-6,
        200e-6,
        "200uA",
        description="SET current that the gate voltage allows, of each condition",
    )
    reset_voltages = QuantityListParameter(
        "RESET voltages",
        "V",
        1.0,
        3.3,
        "2.5V,1.5V,2V",
        description="voltage on the bit line during RESET, of each condition",
    )
    pulse_widths = QuantityListParameter(
        "Pulse widths",
        "s",
        100e-9,
        100e-6,
        "1us,1us,100ns",
        step=GRID_S,
        description="full width at half maximum of SET and RESET, of each condition; below 500 ns "
        "the energy is computed",
    )
    set_voltage = set_voltage_parameter()
    cells = CountParameter(
        "Cells",
        minimum=1,
        maximum=1024,
        default=32,
        description="bits whose pulses are sampled, spread over the rows used; both devices",
    )
    repeats = CountParameter(
        "Repeats",
        minimum=1,
        maximum=1000,
        default=4,
        description="sampled SETs and RESETs of each device at each condition",
    )
    programmings = CountParameter(
        "Programmings",
        minimum=1,
        maximum=100_000,
        default=10,
        description="sensed programmings of all bits at each condition, for the bit error rate",
    )

    DATA_COLUMNS: ClassVar[list[str]] = [
        *CycledConditions.CHECK_COLUMNS,
        *CycledConditions.CYCLING_COLUMNS,
        "SET compliance (A)",
        "RESET voltage (V)",
        "Pulse width (s)",
        "Sampled pulse width (s)",
        "Programming",
        "Bit",
        "Median SET energy (J)",
        "Median RESET energy (J)",
        "2T2R wrong bits",
        "Bits",
    ]

    def check(self) -> None:
        """Refuses lists of different lengths, a condition given twice, too many cycled pairs."""
        super().check()
        lists = (self.set_compliances, self.reset_voltages, self.pulse_widths)
        count = max(map(len, lists))
        if any(len(one) not in (1, count) for one in lists):
            lengths = ", ".join(str(len(one)) for one in lists)
            raise ValueError(
                "SET compliances, RESET voltages and pulse widths go together: give one value or "
                f"equally many of each; given are {lengths}"
            )
        columns = [one * count if len(one) == 1 else one for one in lists]
        asked = list(zip(*columns, strict=True))
        if len(set(asked)) < count:
            raise ValueError("a condition is given twice")
        self.programmed = [
            ProgramConditions(compliance, float(self.set_voltage), reset_v, width_s)
            for compliance, reset_v, width_s in asked
        ]
        self.sampled = [_long_enough(one) for one in self.programmed]
        used = (self.rows_used, self.shape[1])
        cycled, total = self.pairs_wanted(count), used[0] * used[1]
        if cycled >= total:
            raise ValueError(
                f"{cycled} pairs are to be cycled and at least one other sampled; the rows used "
                f"have {total}: take more --rows, fewer --cycled-pairs or --cycles 0"
            )
        sampled = min(int(self.cells), total - cycled)
        places = spread_places(sampled + cycled, used)
        self.sampled_places = places[:sampled]
        self.choose_pairs(places[sampled:])

    def pulses(self) -> Planned:
        """Forming if asked for; each condition's programming, sampled and plain, and its loops."""
        cells = self.rows_used * self.shape[1]
        traced = len(self.sampled_places)
        each = (int(self.programmings) + 2) // 2
        trains = self.form_trains()
        for programmed, sampled in zip(self.programmed, self.sampled, strict=True):
            for bit in (0, 1):
                scheme = traced_program(self.schemes, bit, sampled)
                trains.append(Train(scheme, traced, int(self.repeats) + 1))
            for bit in (0, 1):
                trains.append(Train(self.schemes.program_bit(bit, programmed), cells, each))
        senses = len(self.programmed) * int(self.programmings)
        trains.append(Train(self.schemes.sense_row(), self.rows_used, senses))
        return Planned([*trains, *self.cycling_trains(self.programmed)])

    def headline(self) -> str:
        """The conditions."""
        return "; ".join(condition_text(one) for one in self.programmed)

    def conditions(self) -> dict[str, str]:
        """Everything that decides the numbers."""
        computed = [condition_text(one) for one in self.programmed if _long_enough(one) != one]
        return {
            "Bits": self.region_text(),
            "Energy": "of device and access transistor together: voltage times current, summed "
            "over the pulse",
            "Current": "SET: bit line of the device; RESET: SL; both at 0 V meanwhile. 1 mA range, "
            f"{quantity_text(sample_time(SHORTEST_MEASURED_S), 's')} averages without gaps up to "
            "1 µs, 50 to a pulse beyond; settles in 200 ns",
            "Voltage": "complement's bit line, which follows SL in the SET and carries the RESET",
            "Sampled": f"{len(self.sampled_places)} bits, both devices "
            f"{self.repeats} times at each condition; the first sampled programming of each bit at "
            "a condition is in no count",
            "Computed": (
                "; ".join(computed) + ": from a pulse of "
                f"{quantity_text(SHORTEST_MEASURED_S, 's')}, the lag of its readings taken off, up "
                "to this width and in the fall"
            )
            if computed
            else "nothing",
            "Bit error rate": f"checkerboard and its inverse alternating, {self.programmings} "
            "programmings at each condition; one extra before them is in no count",
            "Cyclability": self.cycling_text(),
            "SET": f"{quantity_text(self.set_voltage, 'V')} on SL, complement's bit line at SL",
            "SET compliance, applied": ", ".join(
                f"{quantity_text(amperes, 'A')} at WL {self.table.gate_v(amperes):.4f} V"
                for amperes in dict.fromkeys(self.set_compliances)
            )
            + ", by the table",
            "Compliance table": self.table_text(),
            "Pulse width": f"at half maximum, edges {quantity_text(EDGE_S, 's')}",
        }

    def steps(self) -> list[Step]:
        """Check rows; for each condition its sampled programmings, one extra, the sensed ones.

        The cycling comes last: it ages pairs whose bits are in the bit error rates.
        """
        steps = self.check_steps()
        trace_s = 2 * (int(self.repeats) + 1) * int(self.cells) * _TRACE_CELL_S
        program_s, sense_s = _PROGRAM_ROW_S * self.rows_used, _SENSE_ROW_S * self.rows_used
        for index, programmed in enumerate(self.programmed):
            name = condition_text(programmed)
            number = len(steps)
            run = partial(self._trace, number, index)
            steps.append(Step(number, f"{name}: energies", trace_s, run))
            run = partial(self._program, programmed, 1)
            steps.append(Step(number + 1, f"{name}: extra, in no count", program_s, run))
            for count in range(1, int(self.programmings) + 1):
                number = len(steps)
                run = partial(self._program_and_sense, number, index, count)
                label = f"{name}: {count} of {self.programmings}"
                steps.append(Step(number, label, program_s + sense_s, run))
        return steps + self.cycling_steps(len(steps), self.programmed)

    def _trace(self, number: int, index: int) -> None:
        """Bits 0 and 1 in turn; the first of each only makes the ones after it like all others."""
        programmed, sampled = self.programmed[index], self.sampled[index]
        where = places_mask(self.sampled_places, self.shape) & self.usable()
        if not where.any():
            raise RuntimeError("none of the sampled bits is usable; sample more with --cells")
        sample_s = sample_time(sampled.width_s)
        self.array("condition", np.array([*_asked(programmed), sampled.width_s, sample_s]))
        if index == 0:
            self.array("cells", np.argwhere(where))
        for bit in (0, 1):
            program_traced(self.chip, bit, where, sampled)
        for repeat in range(int(self.repeats)):
            for bit in (0, 1):
                traces = program_traced(self.chip, bit, where, sampled)
                self.array(f"set_trace_{index}", traces.set)
                self.array(f"reset_trace_{index}", traces.reset)
                energies = [
                    shorter_pulse_energy(trace, sample_s, sampled.width_s, programmed.width_s)
                    if sampled != programmed
                    else pulse_energy(trace, sample_s)
                    for trace in (traces.set, traces.reset)
                ]
                self.row(
                    Step=number,
                    Kind="energy",
                    Programming=2 * repeat + bit + 1,
                    Bit=bit,
                    **_condition_columns(programmed),
                    **{
                        "Sampled pulse width (s)": sampled.width_s,
                        "Median SET energy (J)": _median(energies[0]),
                        "Median RESET energy (J)": _median(energies[1]),
                    },
                )

    def _program(self, programmed: ProgramConditions, pattern: int) -> None:
        self.chip.program(checkerboard(self.shape, pattern), self.usable(), programmed)

    def _program_and_sense(self, number: int, index: int, count: int) -> None:
        programmed, usable = self.programmed[index], self.usable()
        pattern = (count - 1) % 2
        bits = checkerboard(self.shape, pattern)
        self._program(programmed, pattern)
        sensed = self.chip.sense(usable)
        self.array("sensed_condition", np.array([index]))
        self.array("pattern", bits)
        self.array("sensed", sensed)
        read = usable & (sensed != NOT_READ)
        self.row(
            Step=number,
            Kind="programming",
            Programming=count,
            Bits=int(np.count_nonzero(read)),
            **_condition_columns(programmed),
            **{"2T2R wrong bits": int(np.count_nonzero((sensed != bits) & read))},
        )


def condition_text(conditions: ProgramConditions) -> str:
    """Compliance, RESET voltage and width on one line."""
    return (
        f"{quantity_text(conditions.set_compliance_a, 'A')}, "
        f"{quantity_text(conditions.reset_v, 'V')}, {quantity_text(conditions.width_s, 's')}"
    )


def _long_enough(conditions: ProgramConditions) -> ProgramConditions:
    """The same condition with pulses whose current can be measured."""
    width_s = max(conditions.width_s, SHORTEST_MEASURED_S)
    return ProgramConditions(
        conditions.set_compliance_a, conditions.set_v, conditions.reset_v, width_s
    )


def _asked(conditions: ProgramConditions) -> tuple[float, float, float, float]:
    return (
        conditions.set_compliance_a,
        conditions.set_v,
        conditions.reset_v,
        conditions.width_s,
    )


def _condition_columns(conditions: ProgramConditions) -> dict[str, float]:
    return {
        "SET compliance (A)": conditions.set_compliance_a,
        "RESET voltage (V)": conditions.reset_v,
        "Pulse width (s)": conditions.width_s,
    }


def _median(energies: NDArray[np.float64]) -> float:
    """Median of the valid energies, J; NaN without one."""
    valid = energies[~np.isnan(energies)]
    return float(np.median(valid)) if valid.size else float("nan")
