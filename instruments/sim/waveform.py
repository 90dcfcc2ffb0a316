"""What the pulse generators do to the pads: voltages over time, straight lines between points."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PadWaveform:
    """Pad voltages on a common time base.

    ``times`` is (n,) seconds, strictly increasing from 0; ``volts[pad]`` is (n,) V at those times,
    joined by straight lines. Pads that are missing keep what they held. Compared by identity, so
    that whoever plays it may keep what it worked out about it.
    """

    times: Floats
    volts: dict[str, Floats]

    @cached_property
    def content(self) -> tuple[bytes, ...]:
        """The same for waveforms of the same pads, times and voltages."""
        pads = sorted(self.volts)
        return (
            " ".join(pads).encode(),
            self.times.tobytes(),
            *(self.volts[pad].tobytes() for pad in pads),
        )

    @property
    def duration(self) -> float:
        """Seconds from the first to the last point."""
        return float(self.times[-1])
