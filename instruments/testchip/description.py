"""The chip file: geometry, absolute maximum ratings, board and measured compliance table."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from instruments.limits import VoltageLimit
from instruments.testchip.compliance import ComplianceTable, Positive, Volts
from instruments.testchip.pads import DRIVEN_PADS


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Geometry(_Section):
    """Size of the array in bits; a bit is a pair of devices, BL and BLb."""

    rows: Annotated[int, Field(ge=1, le=32)]
    columns: Annotated[int, Field(ge=1, le=32)]


class Supplies(_Section):
    """Nominal supply voltages, V: logic and sense amplifiers, decoders and pass gates."""

    vdd: Volts
    vddh: Volts


class Levels(_Section):
    """Voltages of the operations that are the same in every experiment, V, and thresholds."""

    word_line_on: Volts
    read: Volts
    forming_top: Volts
    forming_ramp: Positive
    """Ramp rate of the forming voltage, V/s (paper, 2.1)."""
    forming_compliance: Positive
    """Current that the gate allows during forming, A (paper, 2.1)."""
    forming_detect: Positive
    """Bit-line current above which a device counts as formed, A."""
    unformed_above: Positive
    """Resistance at the read voltage above which a device counts as unformed, ohm."""


class Board(_Section):
    """What the board adds between chip and instruments."""

    q_series: Positive
    """Resistor between Q (QB) and its pulse channel, ohm."""


class WearLimits(_Section):
    """What a device may go through; None is no limit."""

    max_cycles_per_device: Annotated[int, Field(ge=1)] | None = None
    """The larger of its SETs and RESETs, over all runs in the wear ledger."""


class PadRating(_Section):
    """Absolute maximum voltages of one pad, V."""

    volts: tuple[Volts, Volts]


class ChipDescription(ComplianceTable):
    """A chip file, checked; it carries a compliance table of its own.

    ``reference`` is the fixed 1T1R reference resistance, ohm.
    """

    name: str
    geometry: Geometry
    supplies: Supplies
    levels: Levels
    board: Board
    reference: Positive
    absolute_maximum: dict[str, PadRating]
    wear: WearLimits = WearLimits()

    @field_validator("absolute_maximum")
    @classmethod
    def _every_pad_is_rated(cls, ratings: dict[str, PadRating]) -> dict[str, PadRating]:
        unknown = sorted(ratings.keys() - set(DRIVEN_PADS))
        missing = [pad for pad in DRIVEN_PADS if pad not in ratings]
        if unknown or missing:
            raise ValueError(
                f"unknown pads {unknown}, pads without a rating {missing}; "
                f"the pads are {', '.join(DRIVEN_PADS)}"
            )
        for pad, rating in ratings.items():
            low, high = rating.volts
            if not low <= 0 <= high:
                raise ValueError(
                    f"{pad}: 0 V must be allowed, or it could never be made safe; "
                    f"given: {low:g} V to {high:g} V"
                )
        return ratings

    def limit(self, pad: str) -> VoltageLimit:
        """The pad's absolute maximum rating as a limit."""
        low, high = self.absolute_maximum[pad].volts
        return VoltageLimit(pad, low, high)
