"""A procedure whose steps a test writes itself."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from procedures.base import BenchProcedure, Planned, Step


class Scripted(BenchProcedure):
    """One step for each function of ``script``."""

    DATA_COLUMNS: ClassVar[list[str]] = ["Step", "Current (A)", "Remark"]

    script = ()

    def pulses(self):
        return Planned([], uses_table=False)

    def steps(self):
        return [
            Step(number, f"scripted {number}", 1.0, partial(action))
            for number, action in enumerate(self.script)
        ]
