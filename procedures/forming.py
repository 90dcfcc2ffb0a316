"""Forming of a die (paper, 2.1): the ramp of 1000 V/s on SL, once in each device's life."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import numpy as np

from procedures.base import BenchProcedure, Step
from procedures.parameters import show_quantity

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

    def highest_voltages(self) -> dict[str, float]:
        """The top of the ramp on SL and on the complement's bit line."""
        top = self.description.levels.forming_top
        return super().highest_voltages() | {"SL": top, "BL": top, "BLB": top}

    def conditions(self) -> dict[str, str]:
        """The ramp and how a formed device is told from an unformed one."""
        levels = self.description.levels
        gate = self.table.gate_voltage(levels.forming_compliance)
        return {
            "Ramp": f"SL from 0 V to {show_quantity(levels.forming_top, 'V')} at "
            f"{levels.forming_ramp:g} V/s, complement's bit line at SL",
            "Compliance": f"{show_quantity(levels.forming_compliance, 'A')} at WL = {gate:.4f} V "
            f"(table: {self.compliance_table})",
            "Forming voltage": "SL voltage at which the bit-line current, sampled every 10 us, "
            f"first passes {show_quantity(levels.forming_detect, 'A')}",
            "Counts as unformed": f"above {show_quantity(levels.unformed_above, 'ohm')} at "
            f"{show_quantity(levels.read, 'V')}",
        }

    def steps(self) -> list[Step]:
        """One step a row."""
        return [
            Step(row, f"form row {row}", _ROW_S, partial(self._form, row))
            for row in range(self.chip.shape[0])
        ]

    def _form(self, row: int) -> None:
        bits = np.zeros(self.chip.shape, dtype=bool)
        bits[row] = True
        voltages, unformed = self.form_unformed(bits, may_form=True)
        self.array("forming_voltage", voltages[row])
        self.array("unformed", unformed[row].astype(np.uint8))
        self.say_unformed(unformed, "although the ramp was applied")
        formed = voltages[~np.isnan(voltages)]
        values: dict[str, float | int] = {
            "Formed devices": len(formed),
            "Unformed devices": int(np.count_nonzero(unformed)),
        }
        if len(formed):
            values["Median forming voltage (V)"] = float(np.median(formed))
            values["Highest forming voltage (V)"] = float(np.max(formed))
        self.row(Step=row, Row=row, **values)
