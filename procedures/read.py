"""Reading of the array or a region by sense amplifiers, SMUs or both; changes no device.

A state that is read again is no new trial: what changes between reads is a number of its own.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from instruments.testchip.chip import NOT_READ
from procedures.base import Planned, Step
from procedures.parameters import CountParameter, quantity_text
from procedures.patterns import NO_PATTERN, PatternParameter, Region, RegionParameter, pattern_bits
from procedures.programming import ReadRegion, read_by_parameter
from procedures.shared_parameters import reference_parameter


class Read(ReadRegion):
    """Read the array or a region once or more, and compare it with a pattern if one is given.

    Nothing is formed and nothing programmed.
    """

    changes_devices: ClassVar[bool] = False
    example: ClassVar[str] = (
        "labctl run read --die my-die --region 0:8,all --repeats 10 --expect random:7"
    )

    region = RegionParameter("bits that are read")
    read_by = read_by_parameter()
    repeats = CountParameter(
        "Repeats",
        minimum=1,
        maximum=100_000,
        default=1,
        description="how often everything is read; reading again is no new trial",
    )
    expect = PatternParameter(
        "Expect", default=NO_PATTERN, optional=True, description="bits that should be there"
    )
    reference = reference_parameter()

    DATA_COLUMNS: ClassVar[list[str]] = [
        "Step",
        "Read bits",
        "Ones",
        "Wrong bits",
        "Measured devices",
        "Median resistance below reference (ohm)",
        "Median resistance above reference (ohm)",
        "Bench time (s)",
    ]

    def check(self) -> None:
        """The bits that should be there; refuses a pattern or region that does not fit."""
        region = Region.from_text(self.region)
        region.slices(self.shape)
        self._expected = None
        if self.expect != NO_PATTERN:
            self._expected = pattern_bits(self.expect, self.shape, region)

    def pulses(self) -> Planned:
        """Senses only."""
        return Planned(self.sense_trains(int(self.repeats)), uses_table=False)

    def headline(self) -> str:
        """What is read, how often."""
        by = {"both": "PCSA and SMU", "pcsa": "PCSA", "smu": "SMU"}[self.read_by]
        times = "once" if self.repeats == 1 else f"{self.repeats} times"
        return f"{Region.from_text(self.region).told(self.shape)}; {by}, {times}"

    def conditions(self) -> dict[str, str]:
        """What is read and how."""
        return {
            "Bits": Region.from_text(self.region).told(self.shape),
            "Reads": f"{self.repeats} of everything; nothing is programmed between them",
            "Expected": self.expect,
            **self.read_conditions(),
        }

    def steps(self) -> list[Step]:
        """One step a read of everything."""
        bench_s = self.read_row_s() * len(self.rows_asked)
        return [
            Step(
                number, f"read {number + 1} of {self.repeats}", bench_s, partial(self._read, number)
            )
            for number in range(int(self.repeats))
        ]

    def _read(self, number: int) -> None:
        begin, where = self.chip.connections.now(), self.bits_asked & ~self.history.retired
        if number == 0 and self._expected is not None:
            self.array("pattern", np.where(where, self._expected, NOT_READ).astype(np.uint8))
        resistance, sensed = self.read_bits(where)
        values: dict[str, float] = {}
        if self.read_by != "smu":
            self.array("sensed", sensed)
            values["Read bits"] = int(np.count_nonzero(sensed != NOT_READ))
            values["Ones"] = int(np.count_nonzero(sensed == 1))
        if self.read_by != "pcsa":
            self.array("resistance", resistance)
            known = resistance[np.isfinite(resistance)]
            values["Measured devices"] = known.size
            for side, part in (
                ("below", known[known < self.reference]),
                ("above", known[known >= self.reference]),
            ):
                if part.size:
                    values[f"Median resistance {side} reference (ohm)"] = float(np.median(part))
        if self._expected is not None:
            wrong = where & self.wrong_bits(self._expected, sensed, resistance)
            values["Wrong bits"] = int(np.count_nonzero(wrong))
        if number == 0:
            self._say_unusable(resistance, where)
        self.row(
            Step=number,
            **values,
            **{"Bench time (s)": float(self.chip.connections.now() - begin)},
        )

    def _say_unusable(self, resistance: NDArray[np.float64], where: NDArray[np.bool_]) -> None:
        """Devices that look unformed, or gave no valid reading, in the first read."""
        if self.read_by == "pcsa":
            return
        above = self.description.levels.unformed_above
        unformed = int(np.count_nonzero(resistance >= above))
        unreadable = int(np.count_nonzero(np.isnan(resistance[where])))
        if unformed:
            self.say(
                f"{unformed} devices are above {quantity_text(above, 'ohm')}: unformed. Their bits "
                "hold nothing."
            )
        if unreadable:
            self.say(f"{unreadable} devices gave no valid reading.")
