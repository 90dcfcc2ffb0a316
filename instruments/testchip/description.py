"""The chip file: geometry, absolute maximum ratings, board and measured compliance table."""

from __future__ import annotations

import itertools
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from instruments.limits import LimitError, VoltageLimit
from instruments.testchip.pads import DRIVEN_PADS

Volts = Annotated[float, Field(ge=-10, le=10, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


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
    set: Volts
    forming_top: Volts
    forming_compliance: Positive
    """Current that the gate allows during forming, A (paper, 2.1)."""
    forming_ramp: Positive
    """Ramp rate of the forming voltage, V/s (paper, 2.1)."""
    forming_detect: Positive
    """Bit-line current above which a device counts as formed, A."""
    unformed_above: Positive
    """Resistance at the read voltage above which a device counts as unformed, ohm."""


class Board(_Section):
    """What the board adds between chip and instruments."""

    q_series: Positive
    """Resistor between Q (QB) and its pulse channel, ohm."""


class PadRating(_Section):
    """Absolute maximum voltages of one pad, V."""

    volts: tuple[Volts, Volts]


class ChipDescription(_Section):
    """A chip file, checked.

    ``set_compliance`` pairs gate voltage (V) with the SET current it allows (A), both rising.
    ``reference`` is the fixed 1T1R reference resistance, ohm.
    """

    name: str
    geometry: Geometry
    supplies: Supplies
    levels: Levels
    board: Board
    reference: Positive
    absolute_maximum: dict[str, PadRating]
    set_compliance: tuple[tuple[Volts, Positive], ...]

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
            if not rating.volts[0] < rating.volts[1]:
                raise ValueError(f"{pad}: the lower limit must be below the upper")
        return ratings

    @field_validator("set_compliance")
    @classmethod
    def _table_rises(
        cls, table: tuple[tuple[float, float], ...]
    ) -> tuple[tuple[float, float], ...]:
        ComplianceTable.check(table)
        return table

    def limit(self, pad: str) -> VoltageLimit:
        """The pad's absolute maximum rating as a limit."""
        low, high = self.absolute_maximum[pad].volts
        return VoltageLimit(pad, low, high)


class ComplianceTable:
    """Gate voltage for a SET compliance current: a measured table, interpolated, never extended."""

    def __init__(self, points: tuple[tuple[float, float], ...]) -> None:
        self.check(points)
        self.points = points

    @staticmethod
    def check(points: tuple[tuple[float, float], ...]) -> None:
        """Raise ValueError unless there are two points or more, rising in both columns."""
        if len(points) < 2:
            raise ValueError("a set_compliance table needs at least two [V_WL, A] pairs")
        for (v0, a0), (v1, a1) in itertools.pairwise(points):
            if not (v1 > v0 and a1 > a0):
                raise ValueError(
                    "a set_compliance table must rise in gate voltage and current; "
                    f"[{v1:g} V, {a1:g} A] follows [{v0:g} V, {a0:g} A]"
                )

    def gate_voltage(self, current_a: float) -> float:
        """Gate voltage (V) that allows ``current_a``; `LimitError` outside the table."""
        low, high = self.points[0][1], self.points[-1][1]
        if not low <= current_a <= high:
            raise LimitError(
                f"SET compliance {current_a * 1e6:g} uA is not in the measured table, which goes "
                f"from {low * 1e6:.3g} uA to {high * 1e6:.3g} uA; measure a wider one with "
                "`labctl run compliance`"
            )
        return _interpolate(current_a, [(a, v) for v, a in self.points])

    def current(self, gate_v: float) -> float:
        """Current (A) that a gate voltage within the table allows."""
        return _interpolate(gate_v, list(self.points))


def _interpolate(x: float, points: list[tuple[float, float]]) -> float:
    """Straight line between the two neighbours of ``x``."""
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if x0 <= x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    raise LimitError(f"{x:g} is outside the table")
