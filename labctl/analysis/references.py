"""1T1R bit errors: one resistance reference decides LRS or HRS for every device.

A reading below the reference is read as LRS, one at or above it as HRS (paper, section 2.1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.analysis.error_rates import ErrorRate, error_rate


@dataclass(frozen=True)
class ReferenceErrors:
    """What one reference gets wrong; ``reference_ohm`` is None where none could be chosen."""

    reference_ohm: float | None
    lrs_errors: int
    """Devices programmed to LRS and read as HRS."""
    hrs_errors: int
    """Devices programmed to HRS and read as LRS."""
    trials: int
    excluded: int
    """Readings without a valid value: neither trials nor errors."""

    @property
    def rate(self) -> ErrorRate:
        """The 1T1R bit error rate with its interval."""
        return error_rate(self.lrs_errors + self.hrs_errors, self.trials)


def valid_readings(resistance: ArrayLike) -> NDArray[np.float64]:
    """The readings that are a resistance (finite and above 0 ohm), flattened, in order.

    >>> valid_readings([1e4, float("nan"), float("inf"), -3.0]).tolist()
    [10000.0]
    """
    readings = np.asarray(resistance, dtype=float).ravel()
    valid: NDArray[np.float64] = readings[np.isfinite(readings) & (readings > 0)]
    return valid


def errors_at(reference_ohm: float, lrs: ArrayLike, hrs: ArrayLike) -> ReferenceErrors:
    """Errors at a given reference, from the resistances (ohm) read after a SET and after a RESET.

    >>> errors_at(3e4, lrs=[1e4, 2e4, 4e4], hrs=[2e4, 2e5, float("nan")])
    ReferenceErrors(reference_ohm=30000.0, lrs_errors=1, hrs_errors=1, trials=5, excluded=1)
    """
    low, high = valid_readings(lrs), valid_readings(hrs)
    return ReferenceErrors(
        reference_ohm=float(reference_ohm),
        lrs_errors=int(np.count_nonzero(low >= reference_ohm)),
        hrs_errors=int(np.count_nonzero(high < reference_ohm)),
        trials=low.size + high.size,
        excluded=np.size(lrs) + np.size(hrs) - low.size - high.size,
    )


def best_reference(lrs: ArrayLike, hrs: ArrayLike) -> ReferenceErrors:
    """The reference with the fewest 1T1R errors on these readings (ohm), and its errors.

    The count changes only at a reading, so every gap between neighbouring readings is tried. Among
    equally good gaps the widest (in log R) is taken, and its geometric middle. Chosen on the data
    it is judged by, the best reference is slightly optimistic. With one state missing there is
    nothing to separate: ``reference_ohm`` is None and there are no trials.

    >>> best_reference(lrs=[1e3, 1e4, 1e6], hrs=[1e6, 1e7]).reference_ohm
    100000.0
    """
    low, high = np.sort(valid_readings(lrs)), np.sort(valid_readings(hrs))
    if low.size == 0 or high.size == 0:
        return ReferenceErrors(None, 0, 0, 0, excluded=np.size(lrs) + np.size(hrs))
    readings = np.unique(np.concatenate([low, high]))
    below, above = readings[:-1], readings[1:]
    middle = np.sqrt(below * above)
    # Between neighbouring floats the middle may round down onto the reading below.
    middle = np.where(middle > below, middle, above)
    beyond_all = np.nextafter(readings[-1], np.inf)
    candidates = np.concatenate([readings[:1], middle, [beyond_all]])
    gaps = np.concatenate([[1.0], above / below, [1.0]])
    errors = low.size - np.searchsorted(low, candidates) + np.searchsorted(high, candidates)
    best = np.flatnonzero(errors == errors.min())
    return errors_at(float(candidates[best[np.argmax(gaps[best])]]), lrs, hrs)
