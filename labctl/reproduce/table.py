"""The one table of a reproduction: quantity, the paper's value, the measured one, a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from labctl.reproduce.measured import Band, Measured, Verdict, judge
from labctl.reproduce.paper import Published, published
from labctl.reproduce.quantities import QUANTITIES
from labctl.reproduce.runs_of import Runs


@dataclass(frozen=True)
class Row:
    """One quantity, measured."""

    published: Published
    measured: Measured
    band: Band
    verdict: Verdict

    def as_dict(self) -> dict[str, Any]:
        """The row as JSON has it; None where unknown, and for the open end of a band."""
        return {
            "quantity": self.published.quantity,
            "figure": self.published.figure,
            "paper": self.published.paper,
            "measured": self.measured.value,
            "low": self.measured.low,
            "high": self.measured.high,
            "trials": self.measured.trials,
            "band": list(self.band),
            "verdict": str(self.verdict),
        }


def reproduction_table(runs: Runs, dies: int) -> list[Row]:
    """All quantities of the paper, in its order; ``dies`` is how many were measured."""
    return [_row(entry, runs, dies) for entry in published()]


def _row(entry: Published, runs: Runs, dies: int) -> Row:
    measured = QUANTITIES[entry.id](runs)
    band = entry.band_for(dies)
    verdict = Verdict.CONTRADICTION if entry.contradiction else judge(measured, band)
    return Row(entry, measured, band, verdict)


def all_hold(rows: Sequence[Row]) -> bool:
    """Whether no quantity is outside its band."""
    return all(row.verdict is not Verdict.OUTSIDE for row in rows)
