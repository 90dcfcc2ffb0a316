"""Quasi-static sweeps of one device: the SMUs' staircase, the gate limiting the current.

Forming and SET: SL goes there and back, and so does the complement's bit line, in step with it (a
synchronous sweep), so that the complement sees 0 V at every step. RESET: the device's own bit line
goes there and back, SL and the complement's bit line stay at 0 V. WL is held by its pulse channel
and moves at 0 V on all three (bench note, pulse schemes).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from instruments.b1500.staircase import LATE_S, Staircase, StaircaseSweep
from instruments.testchip.chip import TestChip
from instruments.testchip.pads import DEVICES
from instruments.testchip.wear import Pulses

Floats = NDArray[np.float64]
SweepKind = Literal["form", "set", "reset"]

COMPLIANCE_A = 1e-3
"""Of the SMUs: more than any gate lets through. It ends a sweep on a short, no more."""

_LOOK_S = 0.1
"""Between two looks whether a sweep is over, s."""


@dataclass(frozen=True, eq=False)
class SweepCurrents:
    """Currents of a sweep, (2 points,), A; NaN without a valid reading.

    Positive flows from SL to the bit line, so a RESET's are negative.
    """

    device: Floats
    complement: Floats
    """Of the protected device; next to nothing."""


@dataclass(frozen=True)
class QuasiStaticSweep:
    """A staircase on one device: its kind, its voltages, and the word line meanwhile, V."""

    kind: SweepKind
    staircase: Staircase
    gate_v: float

    @classmethod
    def by_step(
        cls, kind: SweepKind, top_v: float, step_v: float, delay_s: float, gate_v: float
    ) -> QuasiStaticSweep:
        """There and back to the top in steps nearest to ``step_v``, each held ``delay_s``."""
        return cls(kind, Staircase.by_step(top_v, step_v, delay_s), gate_v)

    def levels(self) -> dict[str, tuple[float, float]]:
        """Lowest and highest voltage that it puts on pads, on either device, V."""
        moved = ("BL", "BLB") if self.kind == "reset" else ("SL", "BL", "BLB")
        return {"WL": (0.0, self.gate_v)} | dict.fromkeys(moved, (0.0, self.staircase.top_v))

    def booking(self, device: NDArray[np.bool_]) -> Pulses:
        """How it is booked: a forming as a forming, the others as a sweep with their top.

        ``device`` is (rows, columns, 2).
        """
        stairs = self.staircase
        top = {"form": "top_v", "set": "set_v", "reset": "reset_v"}[self.kind]
        condition = {
            top: stairs.top_v,
            "step_v": stairs.top_v / (stairs.points - 1),
            "delay_s": stairs.delay_s,
            "gate_v": self.gate_v,
        }
        kind = "form" if self.kind == "form" else "sweep"
        return Pulses(kind, condition, device.astype(np.uint32))

    def run(self, chip: TestChip, row: int, column: int, device: int) -> SweepCurrents:
        """Sweep one device (0: BL, 1: BLB)."""
        meters, word_line = chip.connections.meters, chip.connections.channels["WL"]
        active, complement = meters[DEVICES[device]], meters[DEVICES[1 - device]]
        is_reset = self.kind == "reset"
        sweep = StaircaseSweep(
            self.staircase,
            leader=active if is_reset else meters["SL"],
            followers=() if is_reset else (complement,),
            measured=(active, complement),
            compliance_a=COMPLIANCE_A,
        )
        booking = self.booking(chip.one_device(row, column, device))
        with chip.operation("form" if self.kind == "form" else "program", [booking]):
            chip.meters_to_pads()
            chip.connections.decoder.select(row, column)
            word_line.force(self.gate_v)
            into_meters = _carried_out(sweep, chip)
            word_line.force(0.0)
            chip.row_done()
        return SweepCurrents(-into_meters[0], -into_meters[1])


def _carried_out(sweep: StaircaseSweep, chip: TestChip) -> Floats:
    """Start it, wait, read; whoever wants to stop meanwhile ends it."""
    at = chip.connections
    end_s = at.now() + sweep.staircase.shortest_s
    sweep.start()
    try:
        # On a simulated bench the time has passed already. Ranging and conversions come on top.
        while (left := end_s - at.now()) > 0 or (left > -LATE_S and not sweep.is_over()):
            at.sleep(max(left, _LOOK_S))
            chip.on_row()
    except BaseException:
        sweep.abort()
        raise
    return sweep.read()
