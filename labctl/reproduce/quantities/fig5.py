"""Figure 5: errors a kilobit against SET compliance, RESET voltage and programming time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from labctl.reproduce.measured import NOTHING, Measured, exact
from labctl.reproduce.quantities.common import Quantity, pooled, scaled
from labctl.reproduce.runs_of import Runs

KEY = "fig5"
KILOBIT = 1024


def _points(runs: Runs, **asked: float) -> Iterator[dict[str, Any]]:
    """Points of all runs at these values."""
    for summary in runs.summaries(KEY):
        for point in summary["points"]:
            if all(np.isclose(point[name], value, atol=0) for name, value in asked.items()):
                yield point


def _errors_a_kilobit(**asked: float) -> Quantity:
    """Mean errors of 1024 bits at a condition, all repetitions and dies together."""

    def measure(runs: Runs) -> Measured:
        rates = [point["ber"] for point in _points(runs, **asked)]
        return scaled(pooled(rates), KILOBIT) if rates else NOTHING

    return measure


def _not_monotone(runs: Runs) -> Measured:
    """Whether the first die's errors rise with compliance by more than chance (0.2 % a grid)."""
    told = [summary["is_monotone"] for summary in runs.summaries(KEY)[:1]]
    return exact(sum(m is False for m in told), _trials(runs)) if told else NOTHING


def _spread_over(larger: str, smaller: str) -> Quantity:
    """By how many decades more one factor moves the errors than another."""

    def measure(runs: Runs) -> Measured:
        differences = []
        for summary in runs.summaries(KEY):
            decades = {spread["factor"]: spread["decades"] for spread in summary["spreads"]}
            if decades.get(larger) is not None and decades.get(smaller) is not None:
                differences.append(decades[larger] - decades[smaller])
        return exact(min(differences), _trials(runs)) if differences else NOTHING

    return measure


def _trials(runs: Runs) -> int:
    return sum(point["ber"]["trials"] for point in _points(runs))


QUANTITIES: dict[str, Quantity] = {
    "fig5_strong": _errors_a_kilobit(set_compliance_a=200e-6, reset_v=2.5),
    "fig5_fast_weak": _errors_a_kilobit(set_compliance_a=200e-6, reset_v=1.5, width_s=100e-9),
    "fig5_monotone": _not_monotone,
    "fig5_current_over_voltage": _spread_over("set_compliance_a", "reset_v"),
    "fig5_voltage_over_time": _spread_over("reset_v", "width_s"),
}
