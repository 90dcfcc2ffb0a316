"""Programming conditions as they are asked for; `PulseSchemes` turns them into pad voltages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ProgramConditions:
    """How devices are programmed (paper, 2.1): amperes, volts, seconds.

    The gate voltage that allows the compliance current comes from the chip's measured table. What
    is possible is decided by that table, the pads' limits and the pulse generators' grid.
    """

    set_compliance_a: float = 55e-6
    set_v: float = 2.0
    reset_v: float = 2.5
    width_s: float = 1e-6
