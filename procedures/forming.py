"""Forming of a die (paper, 2.1): the ramp of 1000 V/s on SL, once in each device's life."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import numpy as np

from instruments.testchip.waveforms import FORMING_SAMPLE_S
from procedures.base import BenchProcedure, Planned, Step
from procedures.parameters import quantity_text

_ROW_S = 5.0


class Forming(BenchProcedure):
    """Form every unformed device of the array; formed ones are left alone.

    Each row is read first, its pristine devices are formed with the gate limiting the current, and
    read again; the forming voltage comes from the bit-line current sampled every 10 us.
    """

    example: ClassVar[str] = "labctl run forming --die my-die"

    DATA_COLUMNS: ClassVar[list[str]] = [
        "Step",
        "Row",
        "Formed devices",
        "Unformed devices",
        "Median forming voltage (V)",
        "Highest forming voltage (V)",
    ]

    def pulses(self) -> Planned:
        """The ramp, for both devices."""
        rows, columns = self.shape
        return Planned(self.forming_trains(rows * columns))

    def headline(self) -> str:
        """The ramp and its compliance."""
        levels = self.description.levels
        return (
            f"ramp to {quantity_text(levels.forming_top, 'V')} at {levels.forming_ramp:g} V/s, "
            f"{quantity_text(levels.forming_compliance, 'A')} "
            f"(WL {self.schemes.forming_gate_v:.4f} V)"
        )

    def conditions(self) -> dict[str, str]:
        """The ramp and how a formed device is told from an unformed one."""
        levels = self.description.levels
        return {
            "Ramp": f"SL from 0 V to {quantity_text(levels.forming_top, 'V')} at "
            f"{levels.forming_ramp:g} V/s, complement's bit line at SL",
            "Compliance, requested": quantity_text(levels.forming_compliance, "A"),
            "Compliance, applied": f"WL = {self.schemes.forming_gate_v:.4f} V, by the table",
            "Compliance table": self.table_text(),
            "Forming voltage": "SL voltage at which the bit-line current, sampled every "
            f"{quantity_text(FORMING_SAMPLE_S, 's')}, "
            f"first passes {quantity_text(levels.forming_detect, 'A')}",
            "Counts as unformed": f"above {quantity_text(levels.unformed_above, 'ohm')} at "
            f"{quantity_text(levels.read, 'V')}",
        }

    def steps(self) -> list[Step]:
        """One step a row."""
        return [
            Step(row, f"form row {row}", _ROW_S, partial(self._form, row))
            for row in range(self.shape[0])
        ]

    def _form(self, row: int) -> None:
        bits = np.zeros(self.chip.shape, dtype=bool)
        bits[row] = True
        found = self.form_unformed(bits, may_form=True)
        voltages, unformed = found.voltages, found.unusable
        self.array("forming_voltage", voltages[row])
        self.array("unformed", unformed[row].astype(np.uint8))
        self.say_unusable(found, "left as it is")
        formed = voltages[~np.isnan(voltages)]
        values: dict[str, float | int] = {
            "Formed devices": len(formed),
            "Unformed devices": int(np.count_nonzero(unformed)),
        }
        if len(formed):
            values["Median forming voltage (V)"] = float(np.median(formed))
            values["Highest forming voltage (V)"] = float(np.max(formed))
        self.row(Step=row, Row=row, **values)
