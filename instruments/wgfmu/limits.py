"""What a B1530A can do, checked before anything is sent (instruments.md 1.8 and 1.9).

The library itself checks upper limits only when a waveform is executed; here they are checked when
it is built, so that a wrong waveform is refused with the bench untouched.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from instruments.limits import LimitError
from instruments.wgfmu.library import ForceVoltageRange

GRID_S = 10e-9
MAX_VECTOR_S = 10995.11627775
MAX_VECTORS = 2048
MAX_SEQUENCES = 512
MAX_LOOPS = 2**40
MAX_MEASURED_VALUES = 4_000_000
MAX_AVERAGE_S = 0.020971512
MAX_INTERVAL_S = 1.34217728
LONGEST_EXECUTION_S = 10.0
"""Our own: the B1530A goes on looping when the computer dies (bench note, "Order")."""

VOLTS_BY_RANGE = {
    ForceVoltageRange.AUTO: (-10.0, 10.0),
    ForceVoltageRange.V3: (-3.0, 3.0),
    ForceVoltageRange.V5: (-5.0, 5.0),
    ForceVoltageRange.V10_NEGATIVE: (-10.0, 0.0),
    ForceVoltageRange.V10_POSITIVE: (0.0, 10.0),
}


def on_grid(seconds: ArrayLike) -> NDArray[np.float64]:
    """Times rounded to the 10 ns grid; `LimitError` where one is not on it (to 1 ps) already."""
    values = np.asarray(seconds, dtype=np.float64)
    steps = np.round(values / GRID_S)
    with np.errstate(invalid="ignore"):
        off = ~(np.abs(values - steps * GRID_S) < 1e-12)
    if off.any():
        worst = float(np.atleast_1d(values)[np.atleast_1d(off)][0])
        raise LimitError(f"{worst:g} s is not on the 10 ns grid of the pulse generators")
    return np.asarray(steps * GRID_S, dtype=np.float64)


def check_vector_times(times_s: NDArray[np.float64]) -> None:
    """Times of a pattern's points: from 0, rising, 10 ns to 10995 s apart."""
    steps = np.diff(times_s)
    if times_s.ndim != 1 or len(times_s) < 2 or times_s[0] != 0:
        raise LimitError("a pattern needs at least two points, the first at 0 s")
    if (steps < GRID_S / 2).any() or (steps > MAX_VECTOR_S).any():
        raise LimitError("the points of a pattern must be 10 ns to 10995.11627775 s apart")


def check_vector_total(channel: int, vectors: int) -> None:
    """All patterns a channel uses together: at most 2,048 vectors."""
    if vectors > MAX_VECTORS:
        raise LimitError(
            f"channel {channel} would need {vectors} vectors; a channel holds {MAX_VECTORS}. "
            "Use fewer points, or repeat a pattern with loops, which cost nothing"
        )


def check_measured_total(channel: int, values: int) -> None:
    """Measured values of one execution: at most about 4,000,000 a channel."""
    if values > MAX_MEASURED_VALUES:
        raise LimitError(
            f"channel {channel} would measure {values} values; it holds {MAX_MEASURED_VALUES}. "
            "Split the run into several executions"
        )


def check_sequences(channel: int, loops: list[int]) -> None:
    """At most 512 sequences a channel, 1 to 2**40 loops each."""
    if not 1 <= len(loops) <= MAX_SEQUENCES:
        raise LimitError(f"channel {channel}: {len(loops)} sequences; 1 to {MAX_SEQUENCES} allowed")
    for count in loops:
        if not 1 <= count <= MAX_LOOPS:
            raise LimitError(f"channel {channel}: {count} loops; 1 to {MAX_LOOPS} allowed")


def check_execution(channel: int, seconds: float) -> None:
    """One execution: at most `LONGEST_EXECUTION_S`."""
    if seconds > LONGEST_EXECUTION_S * (1 + 1e-9):
        raise LimitError(
            f"channel {channel} would run for {seconds:.4g} s; an execution lasts at most "
            f"{LONGEST_EXECUTION_S:g} s, so that no pulses go on for long if the computer fails. "
            "Split the run into several executions"
        )


def check_range(channel: int, force_range: ForceVoltageRange, volts: ArrayLike) -> None:
    """Voltages must lie within the channel's output range."""
    low, high = VOLTS_BY_RANGE[force_range]
    values = np.asarray(volts, dtype=np.float64)
    if not ((values >= low) & (values <= high)).all():
        raise LimitError(
            f"channel {channel} forces {low:g} V to {high:g} V in its range; "
            f"{float(values.min()):g} V to {float(values.max()):g} V was asked"
        )
