"""What a benchmark found, and the goal it is held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Goal:
    """A limit on a result's value (in its unit) or on its ratio to the reference."""

    of: Literal["value", "ratio"]
    sign: Literal["<=", ">="]
    limit: float

    def is_met(self, number: float) -> bool:
        """Whether a value or ratio keeps the limit."""
        return number <= self.limit if self.sign == "<=" else number >= self.limit

    def __str__(self) -> str:
        return f"{self.of} {self.sign} {self.limit:,g}"


@dataclass(frozen=True)
class Result:
    """One number beside the number it is compared with, both in ``unit``.

    ``raw`` holds what both sides measured, in the order measured; ``goal`` None is report only.
    """

    name: str
    value: float
    unit: str
    raw: Mapping[str, Sequence[float]]
    compared_with: str = ""
    reference: float | None = None
    goal: Goal | None = None

    @property
    def ratio(self) -> float | None:
        """Value over reference."""
        return None if self.reference is None else self.value / self.reference

    @property
    def ok(self) -> bool:
        """Whether the goal is met; what has no goal cannot miss it."""
        if self.goal is None:
            return True
        number = self.value if self.goal.of == "value" else self.ratio
        if number is None:
            raise ValueError(f"{self.name}: a goal for a ratio needs a reference")
        return self.goal.is_met(number)

    def as_dict(self) -> dict[str, Any]:
        """As ``bench.json`` has it."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "reference": self.reference,
            "compared_with": self.compared_with,
            "ratio": self.ratio,
            "goal": None if self.goal is None else str(self.goal),
            "ok": self.ok,
            "raw": {side: list(numbers) for side, numbers in self.raw.items()},
        }
