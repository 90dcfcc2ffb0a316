"""Executions that last: many loops in the sequencer, to be ended at any moment.

What is loaded runs without the computer, for at most ten seconds. Whatever ends the waiting before
it has ended, an emergency stop or an error, stops the sequencers and takes the devices' pads to
0 V; the block of pulses then gets the counts of the loops that had begun.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress

from instruments.testchip.chip import TestChip
from instruments.testchip.wear import Pulses
from instruments.wgfmu.library import Status

PulsesOfLoops = Callable[[int], list[Pulses]]
"""The pulses that so many loops send."""

SHORT_S = 0.1
"""A shorter execution is over before anyone could end it."""


def execute_loops(
    chip: TestChip, loops: int, loop_s: float, pulses: PulsesOfLoops | None = None
) -> None:
    """Run what is loaded, ``loops`` loops of ``loop_s`` seconds, and wait for its end.

    ``pulses`` are booked before and confirmed after; None books nothing. `TestChip.on_pulse` may
    end it meanwhile: what it raises goes on when the sequencers stand still, the devices' pads are
    at 0 V and the block holds what was sent.
    """
    block = None if pulses is None else chip.book.plan(pulses(loops))
    chip.connections.wgfmu.execute()
    try:
        _wait(chip, loops * loop_s)
    except BaseException:
        begun = _stopped(chip, loops, loop_s)
        if pulses is not None and block is not None and begun is not None:
            chip.book.cut(block, pulses(begun))
        raise
    if block is not None:
        chip.book.confirm(block)


def _wait(chip: TestChip, seconds: float) -> None:
    if seconds > SHORT_S:
        chip.wait(seconds)
    else:
        chip.connections.wgfmu.wait()


def _stopped(chip: TestChip, loops: int, loop_s: float) -> int | None:
    """Stop the sequencers and take the devices' pads to 0 V; how many loops had begun.

    None if the instrument does not tell: then the block stays unconfirmed and counts in full. What
    cannot be done here is tried again, and told, on the way down (`TestChip.power_down`).
    """
    wgfmu = chip.connections.wgfmu
    status, elapsed_s = Status.IDLE, 0.0
    with suppress(Exception):
        wgfmu.abort()
        status, elapsed_s = wgfmu.status()
    # An abort holds the last voltages.
    for pad in ("WL", "SL", "BL", "BLB"):
        with suppress(Exception):
            chip.zero(pad)
    if status in (Status.COMPLETED, Status.DONE):
        return loops
    if status in (Status.ABORT_COMPLETED, Status.ABORTED):
        return min(math.ceil(elapsed_s / loop_s), loops)
    return None
