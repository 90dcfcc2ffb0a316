"""A number with its 95 % interval."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike

from labctl.analysis.error_rates import CONFIDENCE


@dataclass(frozen=True)
class Estimate:
    """Value and 95 % interval; an end that the data leave open is infinite."""

    value: float
    low: float
    high: float

    def contains(self, other: float) -> bool:
        """``other`` lies in the interval.

        >>> Estimate(2.0, 1.5, 2.5).contains(2.4)
        True
        """
        return bool(self.low <= other <= self.high)

    def as_dict(self) -> dict[str, float]:
        """The three fields, as JSON takes them."""
        return asdict(self)

    def __str__(self) -> str:
        """Text for people.

        >>> print(Estimate(2.5512, 2.5, 2.61))
        2.551 [2.5, 2.61]
        """
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"


def percentile_estimate(value: float, resampled: ArrayLike) -> Estimate:
    """``value`` with the percentile interval of its bootstrap values; NaN values are left out.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, section 13.3.

    >>> print(percentile_estimate(5.0, np.arange(11.0)))
    5 [0.25, 9.75]
    """
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(np.asarray(resampled, dtype=float), [tail, 1 - tail])
    return Estimate(float(value), float(low), float(high))
