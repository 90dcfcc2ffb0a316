"""Disturb: reading, or programming a neighbour, must not move a device.

Stress is applied in log-spaced doses; before and between them victims and reference bits are read
alike. A reference bit holds the same value as its victim and gets no stress, so that the change of
a victim minus that of its reference is what the stress did.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from instruments.testchip.chip import NOT_READ
from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.cycling import BARE, CYCLES_PER_LOOP, Cycler, cycle_loop
from instruments.testchip.stress import hold_read_voltage, sense_loop, sense_repeatedly
from instruments.testchip.waveforms import EDGE_S
from procedures.base import Planned, Step, Train
from procedures.checked_rows import CheckedRows
from procedures.parameters import (
    ChoiceParameter,
    CountParameter,
    CyclesParameter,
    QuantityParameter,
    quantity_text,
)
from procedures.shared_parameters import (
    pulse_width_parameter,
    reset_voltage_parameter,
    set_compliance_parameter,
    set_voltage_parameter,
)

# Expected bench times, for the remaining time only.
_PROGRAM_ROW_S = 0.9
_READ_ROW_S = 0.8

SAME_COLUMN, SAME_ROW = 0, 1
"""Groups of victims of half-select stress; senses and held voltages have one group, 0."""
AGGRESSOR = (0, 0)
"""The bit that half-select stress programs: row, column."""
_SHORTEST_HOLD = 1e-3
"""First dose of a held voltage, in parts of the whole."""


class Disturb(CheckedRows):
    """Read disturb (senses, or the read voltage held) and half-select disturb, with references.

    Half-select programs one aggressor: its column shares SL, BL and BLB with their word lines at
    0 V, its row shares the word line with their lines at 0 V.
    """

    example: ClassVar[str] = "labctl run disturb --stress sense --count 1e5"

    stress = ChoiceParameter(
        "Stress",
        choices=["sense", "hold", "half-select"],
        default="sense",
        description="senses of whole rows, the read voltage held on bits, or programming of a "
        "neighbour",
    )
    count = CyclesParameter(
        "Count",
        minimum=2,
        maximum=10**9,
        default=100_000,
        description="senses of each victim row, or programmings of the aggressor",
    )
    duration = QuantityParameter(
        "Duration",
        "s",
        0.1,
        3600.0,
        10.0,
        description="how long the voltage is held on each bit in all (stress hold)",
    )
    hold_voltage = QuantityParameter(
        "Hold voltage",
        "V",
        0.05,
        1.0,
        0.1,
        description="voltage held across the bits, as in a read (stress hold)",
    )
    held_bits = CountParameter(
        "Held bits",
        minimum=2,
        maximum=512,
        default=16,
        description="bits on which it is held, one after another (stress hold)",
    )
    doses = CountParameter(
        "Doses",
        minimum=1,
        maximum=100,
        default=5,
        description="log-spaced doses of stress, with a read after each",
    )
    readings = CountParameter(
        "Readings",
        minimum=1,
        maximum=1000,
        default=3,
        description="SMU readings of each device at each read, averaged",
    )
    rows = CountParameter(
        "Rows",
        minimum=1,
        maximum=32,
        default=8,
        description="rows of the array used, from row 0 on; more rows are more victims",
    )
    set_compliance = set_compliance_parameter()
    set_voltage = set_voltage_parameter()
    reset_voltage = reset_voltage_parameter()
    pulse_width = pulse_width_parameter()

    DATA_COLUMNS: ClassVar[list[str]] = [
        *CheckedRows.CHECK_COLUMNS,
        "Stress",
        "Median LRS of victims (ohm)",
        "Median HRS of victims (ohm)",
        "2T2R wrong victims",
        "Victims",
    ]

    def check(self) -> None:
        """Refuses too few rows or columns for pairs of victim and reference."""
        super().check()
        if self.stress == "hold":
            self.refuse_unused(["count"], "--stress sense or half-select")
        else:
            self.refuse_unused(["duration", "hold_voltage", "held_bits"], "--stress hold")
        rows, columns = self.rows_used, self.shape[1]
        least = 3 if self.stress == "half-select" else 2
        if rows < least or columns < least:
            raise ValueError(
                f"an array of {rows} x {columns} bits is not enough for victims and references: "
                f"stress {self.stress} needs {least} or more"
            )
        if self.stress == "hold" and self.held_bits > rows // 2 * columns:
            raise ValueError(
                f"Held bits {self.held_bits}: {rows} rows have room for {rows // 2 * columns}, "
                "with a reference bit for each"
            )
        self.program_conditions = ProgramConditions(
            set_compliance_a=float(self.set_compliance),
            set_v=float(self.set_voltage),
            reset_v=float(self.reset_voltage),
            width_s=float(self.pulse_width),
        )

    def pattern(self) -> NDArray[np.uint8]:
        """Blocks of 2 x 2 equal bits, so that neighbours in row and column pairs are alike."""
        rows, columns = np.indices(self.shape)
        return np.asarray((rows // 2 + columns // 2) % 2, dtype=np.uint8)

    def pairs(self) -> NDArray[np.int64]:
        """(n, 5): group, row and column of the victim, row and column of its reference."""
        rows, columns = self.rows_used, self.shape[1]
        if self.stress == "half-select":
            row, column = AGGRESSOR
            # References are in the neighbouring column and row, out of reach of the aggressor.
            mates = [(SAME_COLUMN, r, column, r, column + 1) for r in range(1, rows)]
            mates += [(SAME_ROW, row, c, row + 1, c) for c in range(1, columns)]
            return np.array(mates)
        bits = [(0, row, c, row + 1, c) for row in range(0, rows - 1, 2) for c in range(columns)]
        if self.stress == "sense":
            return np.array(bits)
        spread = np.linspace(0, len(bits) - 1, int(self.held_bits)).round().astype(int)
        return np.asarray(np.array(bits)[spread])

    def totals(self) -> NDArray[np.float64]:
        """Stress on each victim after each dose: how many, or s."""
        if self.stress == "hold":
            whole = float(self.duration)
            if self.doses == 1:
                return np.array([whole])
            return np.geomspace(_SHORTEST_HOLD * whole, whole, int(self.doses))
        least = CYCLES_PER_LOOP if self.stress == "half-select" else 1
        spread = np.geomspace(least, max(int(self.count), least), int(self.doses) + 1)[1:]
        # The sequencer programs bit 0 and bit 1 in a loop: an even number.
        return np.asarray(np.unique(np.ceil(spread / least - 1e-9) * least))

    def pulses(self) -> Planned:
        """Forming if asked for, three programmings, reading, and the stress."""
        cells, last = self.rows_used * self.shape[1], int(self.totals()[-1])
        trains = self.form_trains()
        for bit in (0, 1):
            trains.append(Train(self.schemes.program_bit(bit, self.program_conditions), cells, 2))
        reads = len(self.totals()) + 1
        trains.append(Train(self.schemes.sense_row(), self.rows_used, reads))
        levels: dict[str, list[float]] = {}
        if self.stress == "sense":
            loop = sense_loop(self.schemes)
            trains.append(Train(loop, self.rows_used // 2, last, last))
        elif self.stress == "half-select":
            loop = cycle_loop(self.schemes, self.program_conditions, BARE)
            trains.append(Train(loop, 1, last // CYCLES_PER_LOOP, last // CYCLES_PER_LOOP))
        else:
            levels = {"SL": [float(self.hold_voltage)]}
        return Planned(trains, levels=levels)

    def headline(self) -> str:
        """The stress and the programming."""
        return (
            f"{self.stress}, {self._stress_text()}; SET {quantity_text(self.set_compliance, 'A')}, "
            f"RESET {quantity_text(self.reset_voltage, 'V')}, "
            f"{quantity_text(self.pulse_width, 's')}"
        )

    def _stress_text(self) -> str:
        if self.stress == "hold":
            return (
                f"{quantity_text(self.hold_voltage, 'V')} for {quantity_text(self.duration, 's')} "
                "on each bit"
            )
        last = int(self.totals()[-1])
        what = "senses of each row" if self.stress == "sense" else "programmings of the aggressor"
        return f"{last:,} {what}".replace(",", " ")

    def conditions(self) -> dict[str, str]:
        """Everything that decides the numbers."""
        levels = self.description.levels
        stress, victims = {
            "sense": (
                "precharge and discharge by the on-chip amplifiers, in the pulse generators' "
                "sequencer; all columns of the row at once",
                "even rows; references: the odd rows after them, in the same columns",
            ),
            "hold": (
                "as the SMUs read: WL up, SL at the hold voltage, BL and BLB at 0 V",
                "bits of even rows; references: the bits below them, in odd rows",
            ),
            "half-select": (
                f"bit row {AGGRESSOR[0]} column {AGGRESSOR[1]} programmed to 0 and 1 in turn",
                "same column: SL, BL and BLB pulsed, word line at 0 V; same row: word line "
                "pulsed, lines at 0 V; references: in the next column and the next row",
            ),
        }[self.stress]
        return {
            "Bits": self.region_text(),
            "Stress": stress,
            "Dose": f"{self._stress_text()}, in {len(self.totals())} steps",
            "Victims": victims,
            "Pattern": "blocks of 2 x 2 equal bits; victim and reference hold the same value",
            "Readings": f"{self.readings} of each device by the SMUs at "
            f"{quantity_text(levels.read, 'V')}, and one sense, before and after each dose",
            "SET": f"{quantity_text(self.set_voltage, 'V')} on SL, "
            f"{quantity_text(self.set_compliance, 'A')} requested (WL = "
            f"{self.table.gate_v(float(self.set_compliance)):.4f} V)",
            "RESET": f"{quantity_text(self.reset_voltage, 'V')} on the bit line, "
            f"WL = {quantity_text(levels.word_line_on, 'V')}",
            "Pulse width": f"{quantity_text(self.pulse_width, 's')} at half maximum, edges "
            f"{quantity_text(EDGE_S, 's')}",
            "Compliance table": self.table_text(),
        }

    def steps(self) -> list[Step]:
        """Check (and form) each row, program, read before, then one step a dose."""
        steps = self.check_steps()
        read_s = (_READ_ROW_S * int(self.readings) + 0.4) * self.rows_used
        program_s = 3 * _PROGRAM_ROW_S * self.rows_used
        steps.append(Step(len(steps), "program", program_s, self._program))
        first = partial(self._read, len(steps), 0.0)
        steps.append(Step(len(steps), "read before the stress", read_s, first))
        before = 0.0
        for total in self.totals().tolist():
            run = partial(self._stress_and_read, len(steps), before, total)
            stress_s = self._dose_s(total - before)
            label = f"stress to {total:g}{' s' if self.stress == 'hold' else ''}"
            steps.append(Step(len(steps), label, stress_s + read_s, run))
            before = total
        return steps

    def _dose_s(self, dose: float) -> float:
        """Bench time of a dose, s."""
        if self.stress == "hold":
            return dose * int(self.held_bits)
        if self.stress == "sense":
            return dose * sense_loop(self.schemes).duration_s * (self.rows_used // 2)
        loop_s = cycle_loop(self.schemes, self.program_conditions, BARE).duration_s
        return dose / CYCLES_PER_LOOP * loop_s

    def _program(self) -> None:
        pattern = self.pattern()
        self.array("pattern", pattern)
        self.array("pairs", self.pairs())
        for bits in (pattern, 1 - pattern, pattern):
            self.chip.program(bits, self.usable(), self.program_conditions)

    def _stress_and_read(self, step: int, before: float, total: float) -> None:
        usable, pairs = self.usable(), self.pairs()
        if self.stress == "half-select":
            self._program_aggressor(int(total - before), usable)
        elif self.stress == "sense":
            for row in np.unique(pairs[:, 1]).tolist():
                sense_repeatedly(self.chip, row, int(total - before))
        else:
            victims = [(row, column) for _, row, column, _, _ in pairs.tolist()]
            for row, column in victims:
                if usable[row, column]:
                    volts = float(self.hold_voltage)
                    hold_read_voltage(self.chip, row, column, volts, total - before)
        self._read(step, total)

    def _program_aggressor(self, times: int, usable: NDArray[np.bool_]) -> None:
        if not usable[AGGRESSOR]:
            raise RuntimeError(
                "the aggressor, row {} column {}, is not formed or not readable".format(*AGGRESSOR)
            )
        for _ in Cycler(self.chip, self.program_conditions).run(*AGGRESSOR, times):
            pass

    def _read(self, step: int, stressed: float) -> None:
        """Read victims and references alike; one record of each array, and a row of results."""
        pattern, pairs = self.pattern(), self.pairs()
        asked = np.zeros(self.shape, dtype=bool)
        asked[pairs[:, 1], pairs[:, 2]] = asked[pairs[:, 3], pairs[:, 4]] = True
        asked &= self.usable()
        resistance = np.array([self.chip.measure(asked) for _ in range(int(self.readings))])
        sensed = self.chip.sense(asked)
        self.array("stress", np.array(stressed))
        self.array("resistance", resistance)
        self.array("sensed", sensed)
        victims = np.zeros(self.shape, dtype=bool)
        victims[pairs[:, 1], pairs[:, 2]] = True
        victims &= asked & (sensed != NOT_READ)
        self.row(
            Step=step,
            Kind="read",
            Stress=stressed,
            Victims=int(np.count_nonzero(victims)),
            **{"2T2R wrong victims": int(np.count_nonzero(victims & (sensed != pattern)))},
            **_medians(pattern[victims], resistance[0][victims]),
        )


def _medians(bits: NDArray[np.uint8], resistance: NDArray[np.float64]) -> dict[str, float]:
    """Medians of the readings (n, 2) of LRS and HRS devices, where there are any."""
    zero = (bits == 0)[:, np.newaxis]
    lrs, hrs = np.where(zero, resistance, resistance[:, ::-1]).T
    return {
        f"Median {state} of victims (ohm)": float(np.nanmedian(readings))
        for state, readings in (("LRS", lrs), ("HRS", hrs))
        if np.isfinite(readings).any()
    }
