"""Gate voltage against SET current: the table that turns a compliance into a gate voltage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ComplianceRow:
    """SET current of the measured devices at one gate voltage; None without a valid reading."""

    gate_v: float
    median_a: float | None
    """Median over the devices: where an LRS came out high the device, not the transistor, limits
    the current."""
    q16_a: float | None
    """16 % quantile over the devices."""
    q84_a: float | None
    """84 % quantile over the devices."""
    devices: int
    """Devices with a valid reading; a bit has two."""


@dataclass(frozen=True)
class ComplianceResult:
    """The measured currents, in rising gate voltage."""

    rows: list[ComplianceRow]
    devices: int
    """Devices with a valid reading at any gate voltage."""
    table: list[tuple[float, float]]
    """Pairs (gate voltage V, SET current A) of a ``set_compliance`` table; empty without one."""

    @property
    def is_monotone(self) -> bool:
        """Every gate voltage has a positive current, and it rises from each to the next."""
        return len(self.table) == len(self.rows) > 0


def analyse_compliance(
    gate_voltage: NDArray[np.float64], set_current: NDArray[np.float64]
) -> ComplianceResult:
    """Median over the devices: ``gate_voltage`` (g,) V, ``set_current`` (devices, g) A.

    NaN is an invalid reading.

    >>> currents = np.array([[-1e-9, 5e-5, 9e-5], [2e-10, 7e-5, np.nan]])
    >>> result = analyse_compliance(np.array([0.4, 1.0, 1.2]), currents)
    >>> result.devices, result.rows[2].devices, result.is_monotone
    (2, 1, False)
    >>> [(volts, round(amps * 1e6)) for volts, amps in result.table]
    [(1.0, 60), (1.2, 90)]
    """
    order = np.argsort(gate_voltage)
    rows = [_row(float(gate_voltage[i]), set_current[:, i]) for i in order]
    devices = int(np.count_nonzero(np.isfinite(set_current).any(axis=1)))
    return ComplianceResult(rows, devices, table=_table(rows))


def _row(gate_v: float, current: NDArray[np.float64]) -> ComplianceRow:
    valid = current[np.isfinite(current)]
    if valid.size == 0:
        return ComplianceRow(gate_v, None, None, None, 0)
    q16, median, q84 = (float(q) for q in np.quantile(valid, [0.16, 0.5, 0.84]))
    return ComplianceRow(gate_v, median, q16, q84, valid.size)


def _table(rows: list[ComplianceRow]) -> list[tuple[float, float]]:
    """The upper rows whose current is positive and above all currents before it.

    Below the transistor's threshold the readings are noise; a current that a lower gate voltage
    gave too could not be turned round. Fewer than two points are no table.
    """
    table: list[tuple[float, float]] = []
    highest = 0.0
    for row in rows:
        if row.median_a is None or row.median_a <= highest:
            table = []
            continue
        table.append((row.gate_v, row.median_a))
        highest = row.median_a
    return table if len(table) > 1 else []
