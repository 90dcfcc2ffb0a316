"""The paper's first experiment (section 3.1, Fig. 4a-d): the two complementary checkerboards.

Each programming writes the whole array; then every device is measured by the SMUs and every bit is
sensed by the on-chip amplifiers. The patterns alternate, so that each programming switches every
device; one extra programming, the inverse of the first pattern, goes before and is in no count.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from instruments.testchip.chip import NOT_READ
from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.waveforms import EDGE_S
from procedures.base import (
    BenchProcedure,
    Planned,
    Step,
    Train,
)
from procedures.parameters import (
    ChoiceParameter,
    CountParameter,
    quantity_text,
)
from procedures.shared_parameters import (
    form_first_parameter,
    pulse_width_parameter,
    reference_parameter,
    reset_voltage_parameter,
    set_compliance_parameter,
    set_voltage_parameter,
)

# Expected bench times of the passes, for the remaining time only.
_PROGRAM_S = 28.0
_READ_S = 30.0


class Checkerboard(BenchProcedure):
    """Alternate the two checkerboards; distributions, PCSA against ratio, bit error rates.

    An unformed die is formed first, as steps of the same run. Devices that stay unformed are named
    and their bits left out of everything.
    """

    example: ClassVar[str] = (
        "labctl run checkerboard --programmings 100 --set-compliance 55uA --reset-voltage 2.5V "
        "--pulse-width 1us"
    )

    programmings = CountParameter(
        "Programmings",
        minimum=1,
        maximum=100_000,
        default=100,
        description="measured programmings of the whole array for each of the two patterns",
    )
    set_compliance = set_compliance_parameter()
    set_voltage = set_voltage_parameter()
    reset_voltage = reset_voltage_parameter()
    pulse_width = pulse_width_parameter()
    order = ChoiceParameter(
        "Order",
        choices=["alternate", "blocks"],
        default="alternate",
        description="alternate the patterns, or all of the first then all of the second "
        "(dependent trials: rewriting a pattern switches nothing)",
    )
    reference = reference_parameter()
    form_first = form_first_parameter()

    DATA_COLUMNS: ClassVar[list[str]] = [
        "Step",
        "Kind",
        "Pattern",
        "Formed devices",
        "Unformed devices",
        "2T2R wrong bits",
        "Bits",
        "1T1R wrong devices at reference",
        "Devices",
        "Median LRS (ohm)",
        "Median HRS (ohm)",
        "Bench time (s)",
    ]

    def check(self) -> None:
        """Gather the programming conditions; nothing is unformed yet, as far as one knows."""
        self.program_conditions = ProgramConditions(
            set_compliance_a=self.set_compliance,
            set_v=self.set_voltage,
            reset_v=self.reset_voltage,
            width_s=self.pulse_width,
        )
        self._unformed_devices = np.zeros((*self.shape, 2), dtype=bool)

    def pulses(self) -> Planned:
        """Forming of both devices if asked for, programming of both bits, sensing."""
        rows, columns = self.shape
        cells, each = rows * columns, int(self.programmings)
        trains = self.forming_trains(cells) if self.form_first == "yes" else []
        for bit in (0, 1):
            scheme = self.schemes.program_bit(bit, self.program_conditions)
            trains.append(Train(scheme, cells, each + 1))
        return Planned([*trains, Train(self.schemes.sense_row(), rows, 2 * each)])

    def headline(self) -> str:
        """SET, RESET and width."""
        return (
            f"SET {quantity_text(self.set_compliance, 'A')} (WL {self._gate_v():.4f} V), "
            f"RESET {quantity_text(self.reset_voltage, 'V')}, "
            f"{quantity_text(self.pulse_width, 's')}"
        )

    def conditions(self) -> dict[str, str]:
        """Everything that decides the numbers."""
        levels = self.description.levels
        return {
            "Pattern": "checkerboard and its inverse, "
            + ("alternating" if self.order == "alternate" else "in two blocks"),
            "Programmings": f"{self.programmings} of each pattern, whole array; one extra "
            "programming before the first is in no count",
            "SET compliance, requested": quantity_text(self.set_compliance, "A"),
            "SET compliance, applied": f"WL = {self._gate_v():.4f} V, by the table; the current is "
            "not measured in this run",
            "Compliance table": self.table_text(),
            "SET": f"{quantity_text(self.set_voltage, 'V')} on SL, complement's bit line at SL",
            "RESET": f"{quantity_text(self.reset_voltage, 'V')} on the bit line, "
            f"WL = {quantity_text(levels.word_line_on, 'V')}",
            "Pulse width": f"{quantity_text(self.pulse_width, 's')} at half maximum, edges "
            f"{quantity_text(EDGE_S, 's')}",
            "Resistance": f"SMU at {quantity_text(levels.read, 'V')}, access transistor included",
            "Sense": "on-chip precharge sense amplifiers, output Q, VDD = "
            + quantity_text(self.description.supplies.vdd, "V"),
            "Fixed 1T1R reference": quantity_text(self.reference, "ohm"),
        }

    def _gate_v(self) -> float:
        """Word-line voltage during SET, V."""
        return self.table.gate_v(self.set_compliance)

    def patterns(self) -> list[int]:
        """Which pattern each measured programming writes: 0 checkerboard, 1 its inverse."""
        if self.order == "blocks":
            return [0] * self.programmings + [1] * self.programmings
        return [0, 1] * self.programmings

    def steps(self) -> list[Step]:
        """Check (and form) each row, condition once, then one step a measured programming."""
        rows = self.shape[0]
        steps = [
            Step(row, f"check row {row}", self._check_row_s(row), partial(self._check_row, row))
            for row in range(rows)
        ]
        sequence = self.patterns()
        steps.append(
            Step(
                len(steps),
                "extra programming, in no count",
                _PROGRAM_S,
                partial(self._program, 1 - sequence[0]),
            )
        )
        for count, pattern in enumerate(sequence, start=1):
            number = len(steps)
            label = f"programming {count} of {len(sequence)}, pattern {'AB'[pattern]}"
            run = partial(self._program_and_read, number, pattern)
            steps.append(Step(number, label, _PROGRAM_S + _READ_S, run))
        return steps

    def _check_row_s(self, row: int) -> float:
        return self.check_s(self.row_bits(row), self.form_first == "yes")

    def recall(self, stored: Callable[[str], NDArray[Any]]) -> None:
        """The devices that were found unusable."""
        marks = stored("unformed")
        self._unformed_devices[: len(marks)] = marks > 0

    def _check_row(self, row: int) -> None:
        if row == 0 and self.set_voltage != self.table.set_compliance_voltage:
            self.say(
                f"The compliance table was measured at a SET voltage of "
                f"{quantity_text(self.table.set_compliance_voltage, 'V')}, not "
                f"{quantity_text(self.set_voltage, 'V')}: the SET current may differ."
            )
        bits = np.zeros(self.chip.shape, dtype=bool)
        bits[row] = True
        found = self.form_unformed(bits, self.form_first == "yes")
        self._unformed_devices |= found.unusable
        self.array("forming_voltage", found.voltages[row])
        self.array("unformed", found.marks[row])
        formed = int(np.count_nonzero(~np.isnan(found.voltages)))
        if formed and row == 0:
            self.say("The die arrived unformed: its devices are formed first, in this run.")
        self.say_unusable(found, "left out of everything")
        self.row(
            Step=row,
            Kind="check",
            **{"Formed devices": formed, "Unformed devices": found.count_unformed},
        )

    def _usable(self) -> NDArray[np.bool_]:
        """Bits both of whose devices are formed."""
        usable = np.asarray(~self._unformed_devices.any(axis=-1))
        if not usable.any():
            raise RuntimeError(
                "no bit of this die is formed; form it with `labctl run forming` or leave out "
                "--form-first no"
            )
        return usable

    def _pattern(self, pattern: int) -> NDArray[np.uint8]:
        """Checkerboard (0) or its inverse (1): bits of (rows, columns)."""
        parity = np.indices(self.shape).sum(axis=0) % 2
        return np.asarray(parity ^ pattern, dtype=np.uint8)

    def _program(self, pattern: int) -> None:
        self.chip.program(self._pattern(pattern), self._usable(), self.program_conditions)

    def _program_and_read(self, number: int, pattern: int) -> None:
        bits, usable = self._pattern(pattern), self._usable()
        begin = self.chip.connections.now()
        self._program(pattern)
        resistance = self.chip.measure(usable)
        sensed = self.chip.sense(usable)
        self.array("pattern", bits)
        self.array("resistance", resistance)
        self.array("sensed", sensed)
        read = sensed != NOT_READ
        # Bit 0: BL in LRS, BLb in HRS; bit 1 the opposite.
        zero = (bits == 0)[..., np.newaxis]
        lrs, hrs = np.where(zero, resistance, resistance[..., ::-1])[usable].T
        self.row(
            Step=number,
            Kind="programming",
            Pattern="AB"[pattern],
            Bits=int(np.count_nonzero(read & usable)),
            Devices=int(np.count_nonzero(~np.isnan(lrs)) + np.count_nonzero(~np.isnan(hrs))),
            **{
                "2T2R wrong bits": int(np.count_nonzero(((sensed != bits) & read)[usable])),
                "1T1R wrong devices at reference": int(
                    np.count_nonzero(lrs >= self.reference) + np.count_nonzero(hrs < self.reference)
                ),
                "Median LRS (ohm)": float(np.nanmedian(lrs)),
                "Median HRS (ohm)": float(np.nanmedian(hrs)),
                "Bench time (s)": float(self.chip.connections.now() - begin),
            },
        )
