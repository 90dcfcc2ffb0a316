"""Voltage limits of a pad: the one place that stands between a wish and an instrument.

Every driver object that can force a voltage carries the limit of the pad it is wired to and asks
it before anything is sent; one without a limit forces nothing. Limits come from the chip file's
absolute maximum ratings, tightened by the bench file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


class LimitError(ValueError):
    """A value beyond what a pad or an instrument allows; nothing was sent."""


@dataclass(frozen=True)
class VoltageLimit:
    """The voltages a pad may see, V, bounds included."""

    pad: str
    low: float
    high: float

    def check(self, volts: ArrayLike) -> None:
        """Raise `LimitError` unless every value is a number within the limit."""
        values = np.asarray(volts, dtype=np.float64)
        outside = ~((values >= self.low) & (values <= self.high))
        if outside.any():
            worst = float(np.atleast_1d(values)[np.atleast_1d(outside)][0])
            raise LimitError(
                f"{worst:g} V on pad {self.pad} is not allowed: {self.low:g} V to {self.high:g} V "
                "(chip file, tightened by the bench file); nothing was sent"
            )


def require_limit(limit: VoltageLimit | None, what: str) -> VoltageLimit:
    """The limit, or a `LimitError` if the output is not bound to a pad."""
    if limit is None:
        raise LimitError(f"{what} is not bound to a pad and so forces nothing; see [roles]")
    return limit
