"""Booking of pulses: what a device has been through, written down before it happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Pulses:
    """Pulses of one kind at one condition: ``counts`` is (rows, columns, 2), pulses per device."""

    kind: str
    condition: Mapping[str, float]
    counts: NDArray[np.uint32]


class WearBook(Protocol):
    """Where pulses are booked: on disk before they are sent, confirmed after."""

    def plan(self, pulses: Sequence[Pulses]) -> int:
        """Book a block of pulses as planned; returns its number."""

    def confirm(self, block: int) -> None:
        """The block has been carried out in full."""

    def cut(self, block: int, pulses: Sequence[Pulses]) -> None:
        """The block was ended before its end: ``pulses`` is what was sent of it."""


class NoWearBook:
    """Books nothing: for tests and for reading."""

    def plan(self, pulses: Sequence[Pulses]) -> int:
        """Nothing is booked."""
        return 0

    def confirm(self, block: int) -> None:
        """Nothing was booked."""

    def cut(self, block: int, pulses: Sequence[Pulses]) -> None:
        """Nothing was booked."""
