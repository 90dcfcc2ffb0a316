"""Retention: a pattern is programmed once and read at log-spaced times.

Every row has its own clock: its first read follows its programming at once, and each later read is
due a set time after that. In the pairs of rows, the even row is always read; the odd one, a
control, is read in the first and the last read only.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from instruments.testchip.chip import NOT_READ
from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.waiting import wait_until
from instruments.testchip.waveforms import EDGE_S
from procedures.base import Planned, Step, Train
from procedures.checked_rows import CheckedRows, checkerboard
from procedures.parameters import (
    ChoiceParameter,
    CountParameter,
    QuantityParameter,
    quantity_text,
)
from procedures.shared_parameters import (
    pulse_width_parameter,
    reference_parameter,
    reset_voltage_parameter,
    set_compliance_parameter,
    set_voltage_parameter,
)

# Expected bench times, for the remaining time only.
_PROGRAM_ROW_S = 0.9
_READ_ROW_S = 1.1

_YEAR_S = 365.25 * 86400


class Retention(CheckedRows):
    """Program a checkerboard and read it at log-spaced times, by the SMUs, the PCSAs or both.

    While it waits the die is powered and idle: supplies on, all other pads at 0 V but BYP.
    """

    example: ClassVar[str] = "labctl run retention --duration 1h --reads 10"

    duration = QuantityParameter(
        "Duration",
        "s",
        1.0,
        10 * _YEAR_S,
        3600.0,
        description="time of the last read after programming; also 24h, 30min or 7d",
    )
    first_wait = QuantityParameter(
        "First wait",
        "s",
        1.0,
        _YEAR_S,
        60.0,
        description="time of the second read after programming; the first follows at once",
    )
    reads = CountParameter(
        "Reads",
        minimum=1,
        maximum=1000,
        default=10,
        description="log-spaced reads from the first wait to the duration",
    )
    read_by = ChoiceParameter(
        "Read by",
        choices=["smu", "pcsa", "both"],
        default="both",
        description="resistances by the SMUs, bits by the sense amplifiers, or both",
    )
    set_compliance = set_compliance_parameter()
    set_voltage = set_voltage_parameter()
    reset_voltage = reset_voltage_parameter()
    pulse_width = pulse_width_parameter()
    reference = reference_parameter()

    DATA_COLUMNS: ClassVar[list[str]] = [
        *CheckedRows.CHECK_COLUMNS,
        "Read",
        "Time since programming (s)",
        "Median LRS (ohm)",
        "Median HRS (ohm)",
        "2T2R wrong bits",
        "Bits",
    ]

    def check(self) -> None:
        """Refuses times in the wrong order, and a region without a control row."""
        super().check()
        if self.rows_used < 2:
            raise ValueError("Rows 1 is not enough: every second row is a control; take 2 or more")
        if self.reads > 1 and not self.duration > self.first_wait:
            raise ValueError(
                f"Duration {time_text(self.duration)} must be longer than the first wait "
                f"{time_text(self.first_wait)}"
            )
        self.program_conditions = ProgramConditions(
            set_compliance_a=float(self.set_compliance),
            set_v=float(self.set_voltage),
            reset_v=float(self.reset_voltage),
            width_s=float(self.pulse_width),
        )
        self._programmed_at = np.full(self.shape[0], np.nan)

    def waits(self) -> NDArray[np.float64]:
        """When a row is read after its programming, s, without the read that follows at once."""
        if self.reads == 1:
            return np.array([float(self.duration)])
        return np.geomspace(self.first_wait, self.duration, int(self.reads))

    def control_rows(self) -> NDArray[np.bool_]:
        """Rows that are read in the first and the last read only."""
        return np.asarray(np.arange(self.shape[0]) % 2 == 1)

    def pulses(self) -> Planned:
        """Forming if asked for, three programmings, sensing."""
        cells = self.rows_used * self.shape[1]
        trains = self.form_trains()
        for bit in (0, 1):
            trains.append(Train(self.schemes.program_bit(bit, self.program_conditions), cells, 2))
        if self.read_by != "smu":
            senses = len(self.waits()) + 1
            trains.append(Train(self.schemes.sense_row(), self.rows_used, senses))
        return Planned(trains)

    def headline(self) -> str:
        """How long, and at what condition it was programmed."""
        return (
            f"{len(self.waits()) + 1} reads to {time_text(float(self.duration))}; SET "
            f"{quantity_text(self.set_compliance, 'A')}, RESET "
            f"{quantity_text(self.reset_voltage, 'V')}, {quantity_text(self.pulse_width, 's')}"
        )

    def conditions(self) -> dict[str, str]:
        """Everything that decides the numbers."""
        levels, supplies = self.description.levels, self.description.supplies
        waits = ", ".join(time_text(wait) for wait in self.waits().tolist())
        return {
            "Bits": self.region_text(),
            "Pattern": "checkerboard; before it the checkerboard and its inverse once each, so "
            "that every device is switched",
            "Reads": f"at once after the programming of a row, then {waits} after it",
            "Time": "of each row for itself, from the middle of its programming to the middle of "
            "its read; each takes about a second",
            "Control rows": "odd rows, read in the first and the last read only",
            "While waiting": f"powered and idle: VDD {quantity_text(supplies.vdd, 'V')}, VDDH "
            f"{quantity_text(supplies.vddh, 'V')}, BYP at VDD, WL, SL, BL, BLB and SEN at 0 V",
            "Temperature": "as it is; neither controlled nor measured",
            "SET": f"{quantity_text(self.set_voltage, 'V')} on SL, "
            f"{quantity_text(self.set_compliance, 'A')} requested (WL = "
            f"{self.table.gate_v(float(self.set_compliance)):.4f} V)",
            "RESET": f"{quantity_text(self.reset_voltage, 'V')} on the bit line, "
            f"WL = {quantity_text(levels.word_line_on, 'V')}",
            "Pulse width": f"{quantity_text(self.pulse_width, 's')} at half maximum, edges "
            f"{quantity_text(EDGE_S, 's')}",
            "Compliance table": self.table_text(),
            "Resistance": f"SMU at {quantity_text(levels.read, 'V')}, access transistor included"
            if self.read_by != "pcsa"
            else "not measured",
            "Sense": "on-chip precharge sense amplifiers, output Q, VDD = "
            + quantity_text(supplies.vdd, "V")
            if self.read_by != "smu"
            else "not sensed",
            "Fixed 1T1R reference": quantity_text(self.reference, "ohm"),
        }

    def steps(self) -> list[Step]:
        """Check (and form) each row, condition once, program and read at once, then the reads."""
        steps = self.check_steps()
        program_s = _PROGRAM_ROW_S * self.rows_used
        read_s = _READ_ROW_S * self.rows_used
        steps.append(Step(len(steps), "both patterns once", 2 * program_s, self._prepare))
        waits = self.waits()
        program = partial(self._program_and_read, len(steps))
        steps.append(Step(len(steps), "program, read at once", program_s + read_s, program))
        waited = 0.0
        for read, wait in enumerate(waits.tolist(), start=1):
            run = partial(self._read_later, len(steps), read, wait)
            label = f"read {read} of {len(waits)}, {time_text(wait)} after programming"
            steps.append(Step(len(steps), label, max(wait - waited, read_s), run))
            waited = wait
        return steps

    def recall(self, stored: Callable[[str], NDArray[Any]]) -> None:
        """The devices that were found unusable, and when each row was programmed."""
        super().recall(stored)
        programmed_at = stored("programmed_at")
        if len(programmed_at):
            self._programmed_at = programmed_at[0]

    def _prepare(self) -> None:
        for pattern in (0, 1):
            bits = checkerboard(self.shape, pattern)
            self.chip.program(bits, self.usable(), self.program_conditions)

    def _program_and_read(self, step: int) -> None:
        bits, usable = checkerboard(self.shape, 0), self.usable()
        self.array("pattern", bits)
        found = _Found(self.shape)
        for row in np.flatnonzero(usable.any(axis=1)).tolist():
            only = usable & (np.arange(self.shape[0]) == row)[:, np.newaxis]
            begin = self.chip.connections.now()
            self.chip.program(bits, only, self.program_conditions)
            self._programmed_at[row] = (begin + self.chip.connections.now()) / 2
            self._read_row(row, only, found)
        self.array("programmed_at", self._programmed_at)
        self._store(step, 0, found)

    def _read_later(self, step: int, read: int, wait: float) -> None:
        if self.chip.connections.now() < np.nanmax(self._programmed_at):
            raise RuntimeError(
                "the bench's clock was set back since the programming: the time since then is not "
                "known"
            )
        usable = self.usable()
        if read < len(self.waits()):
            usable = usable & ~self.control_rows()[:, np.newaxis]
        found = _Found(self.shape)
        for row in np.flatnonzero(usable.any(axis=1)).tolist():
            wait_until(self.chip, self._programmed_at[row] + wait)
            self._read_row(row, usable & (np.arange(self.shape[0]) == row)[:, np.newaxis], found)
        self._store(step, read, found)

    def _read_row(self, row: int, bits: NDArray[np.bool_], found: _Found) -> None:
        begin = self.chip.connections.now()
        if self.read_by != "pcsa":
            found.resistance[row] = self.chip.measure(bits)[row]
        if self.read_by != "smu":
            found.sensed[row] = self.chip.sense(bits)[row]
        middle = (begin + self.chip.connections.now()) / 2
        found.read_time[row] = middle - self._programmed_at[row]

    def _store(self, step: int, read: int, found: _Found) -> None:
        """One record of each array, and a row of results."""
        self.array("read_time", found.read_time)
        bits = checkerboard(self.shape, 0)
        values: dict[str, float | int] = {
            "Read": read,
            "Time since programming (s)": float(np.nanmedian(found.read_time)),
        }
        if self.read_by != "pcsa":
            self.array("resistance", found.resistance)
            values |= _medians(bits, found.resistance)
        if self.read_by != "smu":
            self.array("sensed", found.sensed)
            read_bits = found.sensed != NOT_READ
            values["2T2R wrong bits"] = int(np.count_nonzero((found.sensed != bits) & read_bits))
            values["Bits"] = int(np.count_nonzero(read_bits))
        self.row(Step=step, Kind="read", **values)


class _Found:
    """What one read of the rows gave; NaN and `NOT_READ` where nothing was read."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.read_time = np.full(shape[0], np.nan)
        """From the middle of a row's programming to the middle of its read, s, (rows,)."""
        self.resistance = np.full((*shape, 2), np.nan)
        """Ohm, (rows, columns, 2)."""
        self.sensed = np.full(shape, NOT_READ, dtype=np.uint8)
        """(rows, columns)."""


def time_text(seconds: float) -> str:
    """A time span in the largest unit that it holds.

    >>> time_text(45.2), time_text(3600.0), time_text(100_000.0)
    ('45.2 s', '1 h', '1.16 d')
    """
    for unit, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.3g} s"


def _medians(bits: NDArray[np.uint8], resistance: NDArray[np.float64]) -> dict[str, float]:
    """Medians of the LRS and HRS readings, where there are any."""
    zero = (bits == 0)[..., np.newaxis]
    lrs, hrs = np.moveaxis(np.where(zero, resistance, resistance[..., ::-1]), -1, 0)
    return {
        f"Median {state} (ohm)": float(np.nanmedian(readings))
        for state, readings in (("LRS", lrs), ("HRS", hrs))
        if np.isfinite(readings).any()
    }
