"""Gate voltage against SET current: the table that turns a compliance into a gate voltage."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ComplianceRow:
    """SET current of the measured cells at one gate voltage."""

    gate_v: float
    median_a: float | None
    """Median over the cells: in a cell whose LRS came out high the device, not the transistor,
    limits the current. None when no cell gave a valid reading."""
    spread_a: float | None
    """Standard deviation (n - 1) over the cells; None below two readings."""
    cells: int
    """Cells with a valid reading."""


@dataclass(frozen=True)
class ComplianceResult:
    """The measured table, in rising gate voltage."""

    rows: list[ComplianceRow]
    is_monotone: bool
    """Every gate voltage has a current, and it rises from each to the next."""

    def set_compliance(self) -> list[tuple[float, float]]:
        """The (gate voltage V, SET current A) pairs of a chip file's ``set_compliance``.

        Raises ValueError when the table is not monotone: it could not be turned round.
        """
        if not self.is_monotone:
            raise ValueError("the SET current does not rise with every gate voltage")
        return [(row.gate_v, row.median_a) for row in self.rows if row.median_a is not None]


def analyse_compliance(
    gate_voltage: NDArray[np.float64], set_current: NDArray[np.float64]
) -> ComplianceResult:
    """Median over the cells: ``gate_voltage`` (g,) V, ``set_current`` (cells, g) A, NaN = invalid.

    >>> result = analyse_compliance(np.array([1.0, 1.2]), np.array([[5e-5, 9e-5], [7e-5, np.nan]]))
    >>> result.is_monotone, result.rows[1].cells
    (True, 1)
    >>> [(volts, round(amps * 1e6)) for volts, amps in result.set_compliance()]
    [(1.0, 60), (1.2, 90)]
    """
    order = np.argsort(gate_voltage)
    rows = [_row(float(gate_voltage[i]), set_current[:, i]) for i in order]
    medians = [row.median_a for row in rows]
    complete = [median for median in medians if median is not None]
    rising = all(a < b for a, b in pairwise(complete))
    return ComplianceResult(rows, is_monotone=rising and 0 < len(complete) == len(medians))


def _row(gate_v: float, current: NDArray[np.float64]) -> ComplianceRow:
    valid = current[np.isfinite(current)]
    median = float(np.median(valid)) if valid.size else None
    spread = float(valid.std(ddof=1)) if valid.size > 1 else None
    return ComplianceRow(gate_v, median, spread, valid.size)
