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
FIRST_CYCLES = {
    "cycles": "1e4",
    "pairs": "1024",
    "windows": "1",
    "window_cycles": "1e4",
    "resistance_cycles": "0",
}
"""1e7 cycles before aging, 1e4 of each pair of a die; only 2T2R is asked for."""


PAIRS = 64
"""Pairs over which endurance is judged: a single one may be a decade off."""


def full(dies: int) -> list[Experiment]:
    """The reproduction as the paper's numbers ask for it, on ``dies`` dies."""
    each = str(-(-PAIRS // dies))
    few = min(dies, 4)
    return [
        Experiment("fig4", "checkerboard", {"programmings": "25"}, dies, 30),
        Experiment("fig4_weights", "weights", {"tiles": "0", "programmings": "25"}, 1, 30),
        Experiment("fig5", "conditions", {}, min(dies, 2), 150),
        Experiment("fig6", "endurance", {**STRONG, "cycles": "7e8"}, 1, 100),
        Experiment(
            "fig6_pairs",
            "endurance",
            {**STRONG, "cycles": "7e8", "pairs": each, "window_cycles": "1e6"},
            dies,
            60,
        ),
        Experiment(
            "fig7_pairs", "endurance", {**WEAK, "cycles": "5e10", "window_cycles": "1e6"}, dies, 70
        ),
        Experiment("fig8_array", "differential", {"points": "array", "programmings": "5"}, few, 30),
        Experiment(
            "fig8_pairs",
            "differential",
            {
                "points": "pairs",
                "high_compliances": "70uA,90uA,110uA",
                "pairs": "4",
                "cycles": "1e7",
                "resistance_cycles": "2e5",
            },
            few,
            50,
        ),
        Experiment(
            "fig8_deep",
            "differential",
            {
                "points": "pairs",
                "high_compliances": "130uA,160uA",
                "pairs": "2",
                "cycles": "2e8",
                "resistance_cycles": "1e6",
            },
            1,
            200,
        ),
        Experiment("table1_strong_ber", "endurance", {**STRONG, **FIRST_CYCLES}, dies, 60),
        Experiment("table1_fast_ber", "endurance", {**FAST, **FIRST_CYCLES}, 1, 60),
        Experiment(
            "table1_fast_pairs",
            "endurance",
            {**FAST, "cycles": "4e8", "pairs": "4", "window_cycles": "1e6"},
            few,
            30,
        ),
        Experiment("table1_energy", "energy", {"cycles": "0"}, max(few, 3), 40),
        Experiment(
            "sense",
            "sense",
            {"vdd": "1.2V,0.6V", "ternary_programmings": "15", "programmings": "2"},
            few,
            80,
        ),
    ]


def quick(dies: int) -> list[Experiment]:
    """A look in five minutes: fewer trials, and so fewer verdicts."""
    two = min(dies, 2)
    return [
        Experiment("fig4", "checkerboard", {"programmings": "10"}, two, 20),
        Experiment("fig5", "conditions", {"rows": "8", "repetitions": "2"}, 1, 20),
        Experiment(
            "fig6_pairs",
            "endurance",
            {**STRONG, "cycles": "7e8", "pairs": "4", "window_cycles": "1e6"},
            two,
            20,
        ),
        Experiment(
            "fig7_pairs",
            "endurance",
            {**WEAK, "cycles": "1e10", "windows": "6", "window_cycles": "1e6"},
            1,
            20,
        ),
        Experiment(
            "fig8_pairs",
            "differential",
            {
                "points": "pairs",
                "high_compliances": "70uA,90uA,110uA",
                "pairs": "2",
                "cycles": "1e6",
                "resistance_cycles": "1e5",
            },
            1,
            10,
        ),
        Experiment("table1_energy", "energy", {"rows": "8", "cycles": "0"}, 1, 20),
        Experiment(
            "sense",
            "sense",
            {"vdd": "1.2V,0.6V", "rows": "8", "programmings": "1", "reset_voltages": "2.5V"},
            1,
            20,
        ),
    ]
