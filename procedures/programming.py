"""What procedures share that program bits of a region: conditions, check and forming, reading."""

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
    Step,
    Train,
)
from procedures.parameters import ChoiceParameter, quantity_text
from procedures.patterns import Region, RegionParameter
from procedures.shared_parameters import (
    form_first_parameter,
    pulse_width_parameter,
    reference_parameter,
    reset_voltage_parameter,
    set_compliance_parameter,
    set_voltage_parameter,
)

# Expected bench times of a row, for the remaining time only.
PROGRAM_ROW_S = 0.9
MEASURE_ROW_S = 0.7
SENSE_ROW_S = 0.4

Bits = NDArray[np.uint8]
Mask = NDArray[np.bool_]


def read_by_parameter() -> ChoiceParameter:
    """What reads the bits."""
    return ChoiceParameter(
        "Read by",
        choices=["both", "pcsa", "smu"],
        default="both",
        description="on-chip precharge sense amplifiers (bits), SMUs (resistances), or both",
    )


class ReadRegion(BenchProcedure):
    """Reads bits of a region; a subclass has the parameters ``region`` and ``read_by``."""

    @property
    def bits_asked(self) -> Mask:
        """Bits (rows, columns) of the region."""
        return Region.from_text(self.region).mask(self.shape)

    def touched(self) -> Mask:
        """The region."""
        return self.bits_asked

    @property
    def rows_asked(self) -> list[int]:
        """Rows of the region."""
        return [int(row) for row in np.flatnonzero(self.bits_asked.any(axis=1))]

    def read_row_s(self) -> float:
        """Expected bench time of reading one row."""
        by_smu = MEASURE_ROW_S if self.read_by != "pcsa" else 0.0
        return by_smu + (SENSE_ROW_S if self.read_by != "smu" else 0.0)

    def sense_trains(self, times: int) -> list[Train]:
        """Sensing of every row of the region, so many times at most, if asked for."""
        if self.read_by == "smu":
            return []
        return [Train(self.schemes.sense_row(), len(self.rows_asked), times)]

    def read_conditions(self) -> dict[str, str]:
        """How bits are read."""
        levels, vdd = self.description.levels, self.description.supplies.vdd
        told = {}
        if self.read_by != "pcsa":
            told["Resistance"] = (
                f"SMU at {quantity_text(levels.read, 'V')}, access transistor included"
            )
            told["Fixed 1T1R reference"] = quantity_text(self.reference, "ohm")
        if self.read_by != "smu":
            told["Sense"] = "on-chip precharge sense amplifiers, output Q, VDD = " + quantity_text(
                vdd, "V"
            )
        return told

    def read_bits(self, where: Mask) -> tuple[NDArray[np.float64], Bits]:
        """Resistances (ohm, (rows, columns, 2)) and bits of a mask, each as far as asked for."""
        resistance = np.full((*self.shape, 2), np.nan)
        sensed = np.full(self.shape, NOT_READ, dtype=np.uint8)
        if self.read_by != "pcsa":
            resistance = self.chip.measure(where)
        if self.read_by != "smu":
            sensed = self.chip.sense(where)
        return resistance, sensed

    def wrong_bits(self, bits: Bits, sensed: Bits, resistance: NDArray[np.float64]) -> Mask:
        """Bits that were read and do not hold what was programmed.

        The amplifier decides where it read; by SMU alone a bit is wrong if a device of it lies on
        the wrong side of the reference.
        """
        if self.read_by != "smu":
            return np.asarray((sensed != NOT_READ) & (sensed != bits))
        return np.asarray(self.wrong_devices(bits, resistance).any(axis=-1))

    def wrong_devices(self, bits: Bits, resistance: NDArray[np.float64]) -> Mask:
        """Devices (rows, columns, 2) on the wrong side of the reference; without a value: right."""
        # Bit 0: BL in LRS, BLb in HRS; bit 1 the opposite.
        hrs = np.stack([bits == 1, bits == 0], axis=-1)
        return np.asarray(np.where(hrs, resistance < self.reference, resistance >= self.reference))


class ProgrammedRegion(ReadRegion):
    """Programs bits of a region, whose unformed devices are formed first.

    A subclass begins its steps with `check_steps` and has the columns of `CHECK_COLUMNS`.
    """

    CHECK_COLUMNS: ClassVar[tuple[str, ...]] = (
        "Step",
        "Kind",
        "Formed devices",
        "Unformed devices",
    )

    region = RegionParameter("bits that are programmed and read")
    set_compliance = set_compliance_parameter()
    set_voltage = set_voltage_parameter()
    reset_voltage = reset_voltage_parameter()
    pulse_width = pulse_width_parameter()
    reference = reference_parameter()
    form_first = form_first_parameter()

    def check(self) -> None:
        """Gather the programming conditions; nothing is unformed yet, as far as one knows."""
        self.program_conditions = ProgramConditions(
            set_compliance_a=self.set_compliance,
            set_v=self.set_voltage,
            reset_v=self.reset_voltage,
            width_s=self.pulse_width,
        )
        self._unusable = np.zeros((*self.shape, 2), dtype=bool)
        Region.from_text(self.region).slices(self.shape)

    def program_trains(self, times: int) -> list[Train]:
        """Forming if asked for, and programming of both bits, so many times each at most."""
        cells = int(np.count_nonzero(self.bits_asked))
        trains = self.forming_trains(cells) if self.form_first == "yes" else []
        for bit in (0, 1):
            scheme = self.schemes.program_bit(bit, self.program_conditions)
            trains.append(Train(scheme, cells, times))
        return trains

    def headline(self) -> str:
        """SET, RESET and width."""
        return (
            f"SET {quantity_text(self.set_compliance, 'A')} (WL {self._gate_v():.4f} V), "
            f"RESET {quantity_text(self.reset_voltage, 'V')}, "
            f"{quantity_text(self.pulse_width, 's')}"
        )

    def program_texts(self) -> dict[str, str]:
        """The pulses, for people."""
        levels = self.description.levels
        return {
            "Bits": Region.from_text(self.region).told(self.shape),
            "SET compliance, requested": quantity_text(self.set_compliance, "A"),
            "SET compliance, applied": f"WL = {self._gate_v():.4f} V, by the table; the current is "
            "not measured in this run",
            "Compliance table": self.table_text(),
            "SET": f"{quantity_text(self.set_voltage, 'V')} on SL, complement's bit line at SL",
            "RESET": f"{quantity_text(self.reset_voltage, 'V')} on the bit line, "
            f"WL = {quantity_text(levels.word_line_on, 'V')}",
            "Pulse width": f"{quantity_text(self.pulse_width, 's')} at half maximum, edges "
            f"{quantity_text(EDGE_S, 's')}",
        }

    def check_steps(self) -> list[Step]:
        """One step a row of the region: read it, form what is unformed."""
        return [
            Step(
                number,
                f"check row {row}",
                self.check_s(self._asked_of(row), self.form_first == "yes"),
                partial(self._check_row, number, row),
            )
            for number, row in enumerate(self.rows_asked)
        ]

    def usable(self) -> Mask:
        """Bits of the region whose devices are both formed and readable."""
        usable = self.bits_asked & ~self._unusable.any(axis=-1)
        if not usable.any():
            raise RuntimeError(
                "no bit of the region is formed; form it with `labctl run forming` or leave out "
                "--form-first no"
            )
        return np.asarray(usable)

    def recall(self, stored: Callable[[str], NDArray[Any]]) -> None:
        """The devices that were found unusable."""
        for marks in stored("unformed"):
            self._unusable |= marks.astype(bool)

    def _check_row(self, number: int, row: int) -> None:
        if number == 0 and self.set_voltage != self.table.set_compliance_voltage:
            self.say(
                f"The compliance table was measured at a SET voltage of "
                f"{quantity_text(self.table.set_compliance_voltage, 'V')}, not "
                f"{quantity_text(self.set_voltage, 'V')}: the SET current may differ."
            )
        found = self.form_unformed(self._asked_of(row), self.form_first == "yes")
        self._unusable |= found.unusable
        self.array("forming_voltage", found.voltages)
        self.array("unformed", found.marks)
        formed = int(np.count_nonzero(~np.isnan(found.voltages)))
        if formed and number == 0:
            self.say("The die arrived unformed: its devices are formed first, in this run.")
        self.say_unusable(found, "left out of everything")
        self.row(
            Step=number,
            Kind="check",
            **{
                "Formed devices": formed,
                "Unformed devices": found.count_unformed,
            },
        )

    def _asked_of(self, row: int) -> Mask:
        """The bits of a row that are asked for."""
        return np.asarray(self.bits_asked & self.row_bits(row))

    def _gate_v(self) -> float:
        """Word-line voltage during SET, V."""
        return self.table.gate_v(self.set_compliance)
