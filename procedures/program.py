"""Programming of a pattern into the array or a region, read back, wrong bits written again.

Programming what is already there switches no device: an LRS is not redrawn, an HRS never falls. So
the inverse of the pattern goes first, and a bit that reads wrong is written again by a whole cycle,
inverse then pattern. All of these pulses are booked and counted.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from instruments.testchip.chip import NOT_READ
from procedures.base import Planned, Step
from procedures.parameters import ChoiceParameter, CountParameter
from procedures.patterns import PatternParameter, Region, pattern_bits
from procedures.programming import (
    PROGRAM_ROW_S,
    Bits,
    Mask,
    ProgrammedRegion,
    read_by_parameter,
)


class Program(ProgrammedRegion):
    """Write a pattern to the array or a region, read it back, and repeat the bits that are wrong.

    Unformed devices are formed first. Bits outside the region are left as they are.
    """

    example: ClassVar[str] = (
        "labctl run program --die my-die --pattern random:7 --region 0:8,all --verify-limit 3"
    )

    pattern = PatternParameter("Pattern", description="bits to write")
    verify_limit = CountParameter(
        "Verify limit",
        minimum=0,
        maximum=100,
        default=0,
        description="how often bits that read wrong are written again, by the inverse and then "
        "the pattern; 0: never",
    )
    inverse_first = ChoiceParameter(
        "Inverse first",
        choices=["yes", "no"],
        default="yes",
        description="write the inverse before, so that every device switches",
    )
    read_by = read_by_parameter()

    DATA_COLUMNS: ClassVar[list[str]] = [
        *ProgrammedRegion.CHECK_COLUMNS,
        "Round",
        "Programmed bits",
        "Read bits",
        "Wrong bits",
        "SET pulses",
        "RESET pulses",
        "Bench time (s)",
    ]

    def check(self) -> None:
        """The bits; refuses a pattern that does not fit."""
        super().check()
        self._bits = pattern_bits(self.pattern, self.shape, Region.from_text(self.region))

    def pulses(self) -> Planned:
        """Forming, the pattern and its inverse in each round, a sense in each."""
        rounds = 1 + int(self.verify_limit)
        # A bit gets its inverse and itself in a round: each scheme once.
        return Planned([*self.program_trains(rounds), *self.sense_trains(rounds)])

    def conditions(self) -> dict[str, str]:
        """Everything that decides the numbers."""
        ones = int(np.count_nonzero(self._bits[self.bits_asked]))
        first = (
            "yes, in no count: every device switches in the programming that is counted"
            if self.inverse_first == "yes"
            else "no: devices that held their state already have not switched"
        )
        limit = int(self.verify_limit)
        return {
            "Pattern": f"{self.pattern}, {ones} of the bits are 1",
            "Inverse first": first,
            "Wrong bits": f"written again up to {limit} times, inverse then pattern"
            if limit
            else "not written again",
            "A bit is wrong": "as the PCSA reads it"
            if self.read_by != "smu"
            else "if a device of it lies on the wrong side of the reference",
        } | {**self.program_texts(), **self.read_conditions()}

    def steps(self) -> list[Step]:
        """Check (and form) each row, the inverse, then the pattern with all of its rounds."""
        steps = self.check_steps()
        program_s = PROGRAM_ROW_S * len(self.rows_asked)
        if self.inverse_first == "yes":
            label = "inverse, in no count"
            steps.append(Step(len(steps), label, program_s, self._program_inverse))
        number = len(steps)
        read_s = self.read_row_s() * len(self.rows_asked)
        run = partial(self._program_and_verify, number)
        steps.append(Step(number, "pattern, read and verified", program_s + read_s, run))
        return steps

    def _program_inverse(self) -> None:
        self.chip.program(1 - self._bits, self.usable(), self.program_conditions)

    def _program_and_verify(self, number: int) -> None:
        usable = self.usable()
        self.array("pattern", np.where(usable, self._bits, NOT_READ).astype(np.uint8))
        still_wrong = self._round(number, 0, usable)
        for count in range(1, int(self.verify_limit) + 1):
            if not still_wrong.any():
                break
            still_wrong = self._round(number, count, still_wrong)

    def _round(self, number: int, count: int, where: Mask) -> Mask:
        """Program bits, in a repetition their inverse before; returns which of them are wrong."""
        begin = self.chip.connections.now()
        if count:
            self.chip.program(1 - self._bits, where, self.program_conditions)
        self.chip.program(self._bits, where, self.program_conditions)
        resistance, sensed = self.read_bits(where)
        wrong = where & self.wrong_bits(self._bits, sensed, resistance)
        # The inverse that a step before has written counts here.
        each = 2 if count or self.inverse_first == "yes" else 1
        self.array("programmed", where.astype(np.uint8) * np.uint8(each))
        self.array("resistance", resistance)
        self.array("sensed", sensed)
        pulses = each * int(np.count_nonzero(where))
        self.row(
            Step=number,
            Kind="programming" if count == 0 else "repetition",
            Round=count,
            **{
                "Programmed bits": int(np.count_nonzero(where)),
                "Read bits": int(np.count_nonzero(self._was_read(sensed, resistance))),
                "Wrong bits": int(np.count_nonzero(wrong)),
                # Each programming of a bit is a SET of one device and a RESET of the other.
                "SET pulses": pulses,
                "RESET pulses": pulses,
                "Bench time (s)": float(self.chip.connections.now() - begin),
            },
        )
        return wrong

    def _was_read(self, sensed: Bits, resistance: NDArray[np.float64]) -> Mask:
        """Bits whose reading decides whether they are wrong."""
        if self.read_by != "smu":
            return np.asarray(sensed != NOT_READ)
        return np.asarray(np.isfinite(resistance).all(axis=-1))
