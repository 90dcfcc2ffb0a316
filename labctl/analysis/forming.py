"""Forming voltages of an array: how many formed, at which voltage, and which did not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.error_rates import ErrorRate, error_rate

DEVICES = ("BL", "BLb")


@dataclass(frozen=True)
class Device:
    """One device of the array by its address."""

    row: int
    column: int
    device: str
    """BL or BLb."""


@dataclass(frozen=True)
class FormingResult:
    """Forming of one array; voltages are None when no device formed in this run."""

    devices: int
    formed_here: int
    formed_before: int
    unformed: list[Device]
    not_formed: ErrorRate
    """Devices still unformed, of those that this run tried to form."""
    median_v: float | None
    q16_v: float | None
    """16 % quantile of the forming voltages."""
    q84_v: float | None
    """84 % quantile of the forming voltages."""
    lowest_v: float | None
    highest_v: float | None

    @property
    def forming_yield(self) -> float | None:
        """Share of the tried devices that formed; None when none was tried."""
        return None if self.not_formed.value is None else 1 - self.not_formed.value


def unformed_devices(unformed: NDArray[np.bool_]) -> list[Device]:
    """Names of the devices marked in ``unformed`` (rows, columns, 2), in address order.

    >>> unformed_devices(np.array([[[False, True]]]))
    [Device(row=0, column=0, device='BLb')]
    """
    return [Device(int(r), int(c), DEVICES[d]) for r, c, d in np.argwhere(unformed)]


def analyse_forming(voltage: NDArray[np.float64], unformed: NDArray[np.bool_]) -> FormingResult:
    """Forming voltages (V) and unformed marks, both (rows, columns, 2) with BL first.

    A voltage of NaN is a device that did not form in this run: formed before, or still unformed.

    >>> volts = np.array([[[2.5, 2.7], [np.nan, np.nan]]])
    >>> marks = np.array([[[False, False], [True, False]]])
    >>> result = analyse_forming(volts, marks)
    >>> result.formed_here, result.formed_before, round(result.median_v, 2)
    (2, 1, 2.6)
    >>> result.not_formed.errors, result.not_formed.trials
    (1, 3)
    """
    formed = voltage[np.isfinite(voltage)]
    still_unformed = int(np.count_nonzero(unformed))
    quantiles = np.quantile(formed, [0.16, 0.5, 0.84]).tolist() if formed.size else [None] * 3
    q16, median, q84 = quantiles
    return FormingResult(
        devices=voltage.size,
        formed_here=formed.size,
        formed_before=voltage.size - formed.size - still_unformed,
        unformed=unformed_devices(unformed),
        not_formed=error_rate(still_unformed, formed.size + still_unformed),
        median_v=median,
        q16_v=q16,
        q84_v=q84,
        lowest_v=float(formed.min()) if formed.size else None,
        highest_v=float(formed.max()) if formed.size else None,
    )
