"""From a run folder's arrays to analysis results."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.checkerboard import CheckerboardResult, analyse_checkerboard
from labctl.analysis.compliance import ComplianceResult, analyse_compliance
from labctl.analysis.forming import FormingResult, analyse_forming
from labctl.store.folder import RunFolder

ARRAY_SHAPE = (32, 32)
"""Rows and columns of the chip, where a run was stopped before it stored any array."""


def stored(run: RunFolder, name: str) -> NDArray[Any] | None:
    """All records of an array; None where no complete one is stored."""
    records = run.array(name)
    return records if len(records) else None


def unformed_marks(run: RunFolder, shape: tuple[int, int] = ARRAY_SHAPE) -> NDArray[np.bool_]:
    """Devices found unformed (rows, columns, 2); rows the run did not reach count as formed."""
    marks = np.zeros((*shape, 2), dtype=bool)
    rows = stored(run, "unformed")
    if rows is not None:
        marks[: len(rows)] = rows.astype(bool)
    return marks


def checkerboard_result(run: RunFolder) -> CheckerboardResult:
    """Analysis of the programmings that are complete; 0 programmings where there is none."""
    reference_ohm = float(run.record["parameters"]["reference"])
    pattern, resistance, sensed = (stored(run, n) for n in ("pattern", "resistance", "sensed"))
    if pattern is None or resistance is None or sensed is None:
        pattern = sensed = np.zeros((0, *ARRAY_SHAPE), dtype=np.uint8)
        resistance = np.zeros((0, *ARRAY_SHAPE, 2))
    # A run that was stopped may have measured its last programming but not sensed it.
    complete = min(len(pattern), len(resistance), len(sensed))
    return analyse_checkerboard(
        pattern[:complete],
        resistance[:complete],
        sensed[:complete],
        unformed_marks(run, pattern.shape[1:]),
        reference_ohm,
    )


def forming_voltages(run: RunFolder) -> NDArray[np.float64]:
    """Forming voltage of each device (rows reached, columns, 2), V; NaN = not formed here."""
    voltages = stored(run, "forming_voltage")
    return np.zeros((0, ARRAY_SHAPE[1], 2)) if voltages is None else voltages.astype(float)


def forming_result(run: RunFolder) -> FormingResult:
    """Forming voltages and unformed devices of the rows that the run reached."""
    voltages = forming_voltages(run)
    return analyse_forming(voltages, unformed_marks(run)[: len(voltages)])


def compliance_result(run: RunFolder) -> ComplianceResult:
    """Gate voltage against SET current; an empty table where nothing was measured."""
    gate_voltage, set_current = stored(run, "gate_voltage"), stored(run, "set_current")
    if gate_voltage is None or set_current is None:
        return ComplianceResult(rows=[], is_monotone=False)
    return analyse_compliance(gate_voltage[0], set_current)
