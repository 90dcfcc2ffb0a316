"""Which gate voltage allows which SET current: measured on formed cells of the die at hand.

A SET pulse is applied at rising gate voltages and the bit-line current is averaged on its plateau.
The device is then in its LRS and drops little, so the access transistor decides the current.
"""

from __future__ import annotations

import math
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from instruments.wgfmu.limits import GRID_S
from procedures.base import BenchProcedure, Planned, Step, Train
from procedures.parameters import CountParameter, QuantityParameter, quantity_text
from procedures.shared_parameters import form_first_parameter, set_voltage_parameter

_CELL_S = 8.0


class Compliance(BenchProcedure):
    """Measure SET current against gate voltage; the run's report holds a set_compliance table.

    The table is also a file of the run folder, `set_compliance.toml`, which `--compliance-table`
    takes; no chip file is changed. The cells end in their LRS at the highest current.
    """

    example: ClassVar[str] = "labctl run compliance --die my-die --cells 32"

    cells = CountParameter(
        "Cells",
        minimum=1,
        maximum=1024,
        default=32,
        description="cells measured, spread over the array; both devices of each",
    )
    gate_start = QuantityParameter(
        "Gate start", "V", 0.5, 2.5, 0.7, description="lowest gate voltage"
    )
    gate_stop = QuantityParameter(
        "Gate stop", "V", 0.5, 2.5, 1.7, description="highest gate voltage"
    )
    gate_step = QuantityParameter(
        "Gate step", "V", 0.005, 0.5, 0.05, description="distance of gate voltages"
    )
    set_voltage = set_voltage_parameter()
    pulse_width = QuantityParameter(
        "Pulse width",
        "s",
        2e-6,
        100e-6,
        10e-6,
        step=GRID_S,
        description="SET pulse; long enough for the current to settle",
    )

    form_first = form_first_parameter()

    DATA_COLUMNS: ClassVar[list[str]] = [
        "Step",
        "Row",
        "Column",
        "Device",
        "Gate voltage (V)",
        "SET current (A)",
    ]

    def check(self) -> None:
        """Refuses an empty range of gate voltages."""
        if not self.gate_stop > self.gate_start:
            raise ValueError(
                f"Gate stop {quantity_text(self.gate_stop, 'V')} must be above gate start "
                f"{quantity_text(self.gate_start, 'V')}"
            )
        # A little slack, so that 0.7 V to 1.7 V by 0.05 V ends at 1.7 V.
        count = int((self.gate_stop - self.gate_start) / self.gate_step + 1e-6) + 1
        if count < 2:
            raise ValueError("Gate step leaves a single gate voltage; make it smaller")
        self.gates = self.gate_start + self.gate_step * np.arange(count)

    def pulses(self) -> Planned:
        """Forming of both devices if asked for, SET of both at the highest gate voltage."""
        forms = self.form_first == "yes"
        trains = self.forming_trains(int(self.cells)) if forms else []
        top = float(self.gates[-1])
        for device in (0, 1):
            scheme = self.schemes.set_device(device, top, self.set_voltage, self.pulse_width)
            trains.append(Train(scheme, int(self.cells), len(self.gates)))
        return Planned(trains, uses_table=forms)

    def headline(self) -> str:
        """The gate voltages and the SET voltage."""
        return (
            f"WL {self.gates[0]:.3f} V to {self.gates[-1]:.3f} V, "
            f"SET {quantity_text(self.set_voltage, 'V')}"
        )

    def conditions(self) -> dict[str, str]:
        """The pulses and where the current is taken."""
        return {
            "Gate voltages": f"{len(self.gates)}, {self.gates[0]:.3f} V to {self.gates[-1]:.3f} V",
            "SET": f"{quantity_text(self.set_voltage, 'V')} on SL, "
            f"{quantity_text(self.pulse_width, 's')} at half maximum",
            "Current": "bit line, mean of the second half of the plateau, 1 mA range; the "
            "device is in its LRS and in series",
            "Cells": f"{self.cells} bits, spread over the array; both devices of each",
        }

    def steps(self) -> list[Step]:
        """One step a cell."""
        rows, columns = self.shape
        # A stride coprime to the array visits rows and columns evenly.
        total = rows * columns
        stride = next(s for s in range(total * 5 // 8, total + 1) if math.gcd(s, total) == 1)
        count = min(int(self.cells), total)
        cells = [divmod(n * stride % total, columns) for n in range(count)]
        return [
            Step(n, f"cell row {row} column {column}", _CELL_S, partial(self._cell, n, row, column))
            for n, (row, column) in enumerate(cells)
        ]

    def _cell(self, number: int, row: int, column: int) -> None:
        where = np.zeros(self.chip.shape, dtype=bool)
        where[row, column] = True
        found = self.form_unformed(where, self.form_first == "yes")
        self.say_unusable(found, "left out")
        if number == 0:
            self.array("gate_voltage", self.gates)
        for device in (0, 1):
            currents = np.full(len(self.gates), np.nan)
            if not found.unusable[row, column, device]:
                currents = self._currents(row, column, device)
            self.array("set_current", currents)
            self.array("cells", np.array([row, column, device], dtype=np.int64))
            for gate, current in zip(self.gates, currents, strict=True):
                self.row(
                    Step=number,
                    Row=row,
                    Column=column,
                    Device="BL" if device == 0 else "BLb",
                    **{"Gate voltage (V)": float(gate), "SET current (A)": float(current)},
                )

    def _currents(self, row: int, column: int, device: int) -> NDArray[np.float64]:
        """Plateau current at each gate voltage, A."""
        mask = self.chip.one_device(row, column, device)
        measured = [
            self.chip.set_current(mask, float(gate), self.set_voltage, self.pulse_width)
            for gate in self.gates
        ]
        return np.array([currents[row, column, device] for currents in measured])
