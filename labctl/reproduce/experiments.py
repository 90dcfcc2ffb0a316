"""Which runs the reproduction consists of: procedure, parameters, on how many dies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Experiment:
    """One kind of run, done on ``dies`` dies.

    ``key`` is how the quantities ask for its runs; ``parameters`` are as typed on the command line.
    ``weight`` says how long a run takes compared with others: long ones begin first.
    """

    key: str
    procedure: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    dies: int = 1
    weight: float = 1.0


STRONG = {"set_compliance": "200uA", "reset_voltage": "2.5V", "pulse_width": "1us"}
WEAK = {"set_compliance": "200uA", "reset_voltage": "1.5V", "pulse_width": "1us"}
FAST = {"set_compliance": "200uA", "reset_voltage": "2V", "pulse_width": "100ns"}
"""The three conditions of the paper's Table 1."""


def full(dies: int) -> list[Experiment]:
    """The reproduction as the paper's numbers ask for it, on ``dies`` dies."""
    return [
        Experiment("fig4", "checkerboard", {"programmings": "25"}, dies, 30),
    ]


def quick(dies: int) -> list[Experiment]:
    """A look in five minutes: fewer trials, and so fewer verdicts."""
    return [
        Experiment("fig4", "checkerboard", {"programmings": "10"}, min(dies, 2), 20),
    ]
