"""Waiting with a die at the probes: supplies on, the pads idle, no voltage across any device."""

from __future__ import annotations

import math

from instruments.testchip.chip import TestChip


def wait_until(chip: TestChip, bench_s: float) -> None:
    """Wait until a moment of the bench's clock (`Connections.now`, s); the past is over at once.

    The pads stay as the last operation left them: idle, or at power-up 0 V. A request to stop takes
    effect within a tenth of a second of the user's time. Raises ValueError for a moment that never
    comes.
    """
    if not math.isfinite(bench_s):
        raise ValueError(f"a wait until {bench_s:g} s of the bench's clock would never end")
    at = chip.connections
    while (left := bench_s - at.now()) > 0:
        at.sleep(left)
        chip.on_row()
