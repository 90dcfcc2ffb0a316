"""What a die has been through before a run, as far as procedures must heed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class DieHistory:
    """Bits that are out of use, and devices that earlier runs gave forming pulses."""

    retired: Mask
    """Bits (rows, columns) that somebody retired: no procedure uses them."""
    formed_by: Mapping[str, Mask]
    """Earlier run to the devices (rows, columns, 2) that it gave forming pulses."""

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> DieHistory:
        """A die that nothing is known of."""
        return cls(np.zeros(shape, dtype=bool), {})

    @property
    def formed(self) -> Mask:
        """Devices (rows, columns, 2) that any earlier run gave forming pulses."""
        formed = np.zeros((*self.retired.shape, 2), dtype=bool)
        for devices in self.formed_by.values():
            formed |= devices
        return formed

    def forming_runs(self, devices: Mask) -> list[str]:
        """The runs that gave one of these devices (rows, columns, 2) forming pulses."""
        return [run for run, formed in self.formed_by.items() if (formed & devices).any()]
