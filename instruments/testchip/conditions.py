"""Programming conditions, as asked for and as the chip's tables turn them into pad voltages."""

from __future__ import annotations

from dataclasses import dataclass

from instruments.limits import LimitError
from instruments.wgfmu.limits import on_grid


@dataclass(frozen=True)
class ProgramConditions:
    """How devices are programmed (paper, 2.1): amperes, volts, seconds.

    ``set_compliance_a`` is what was asked for; the gate voltage that allows it comes from the
    measured table of the chip.
    """

    set_compliance_a: float = 55e-6
    set_v: float = 2.0
    reset_v: float = 2.5
    width_s: float = 1e-6

    def __post_init__(self) -> None:
        allowed = {
            "SET compliance": (self.set_compliance_a, 20e-6, 200e-6, "A"),
            "SET voltage": (self.set_v, 0.5, 3.3, "V"),
            "RESET voltage": (self.reset_v, 0.5, 3.3, "V"),
            "pulse width": (self.width_s, 100e-9, 100e-6, "s"),
        }
        for name, (value, low, high, unit) in allowed.items():
            # Room for rounding: 55.0 uA typed is not exactly 55e-6.
            if not low * (1 - 1e-9) <= value <= high * (1 + 1e-9):
                raise LimitError(
                    f"{name} {value:g} {unit} is not allowed: {low:g} {unit} to {high:g} {unit}"
                )
        on_grid(self.width_s)
