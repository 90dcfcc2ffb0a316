"""The logic supply away from its nominal voltage, for a sense down to near threshold (bench note).

SEN, BYP and SL (in a read) follow VDD, because chip and schemes know the supply in use; WL does
not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from instruments.limits import LimitError
from instruments.testchip.chip import TestChip
from instruments.testchip.waveforms import PulseSchemes

LOWEST_V = 0.1
"""Far below every threshold; the current of a high output could not be told from none."""

_COMPLIANCE_A = 10e-3


def check_sweepable(chip: TestChip) -> None:
    """Raise ValueError unless an SMU of the bench gives VDD."""
    if "VDD" not in chip.connections.supplies:
        raise ValueError(
            "VDD comes from the board and cannot be changed; bind it to an SMU in [roles]"
        )


@contextmanager
def supply_at(chip: TestChip, vdd: float) -> Iterator[None]:
    """Run a block of operations at another VDD (V); the one before returns however it ends.

    Raises ValueError if no SMU gives VDD, `LimitError` before anything is sent if a pad does not
    allow it, or where it is no supply.
    """
    check_sweepable(chip)
    if not vdd >= LOWEST_V:
        raise LimitError(f"{vdd:g} V is no supply for the logic: {LOWEST_V:g} V or more on pad VDD")
    before, schemes = chip.vdd, chip.schemes
    try:
        _change(chip, vdd)
        chip.schemes = PulseSchemes(chip.description, schemes.table, vdd)
        yield
    finally:
        chip.schemes = schemes
        _change(chip, before)


def _change(chip: TestChip, vdd: float) -> None:
    """VDD and BYP to another voltage, all other pads idle; BYP is never above VDD."""
    at = chip.connections
    bypass, supply = at.channels["BYP"], at.supplies["VDD"]
    bypass.check(vdd)
    chip.idle()
    if vdd < chip.vdd:
        bypass.force(vdd)
        supply.force_voltage(vdd, _COMPLIANCE_A)
    else:
        supply.force_voltage(vdd, _COMPLIANCE_A)
        bypass.force(vdd)
    chip.vdd = vdd
    at.check_errors()
