"""What the quantities of several figures share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from labctl.reproduce.measured import NOTHING, Measured, counted
from labctl.reproduce.runs_of import Runs

Quantity = Callable[[Runs], Measured]
Rate = Mapping[str, Any]
"""An error rate as a summary has it: errors, trials, value, low, high."""


def pooled(rates: Iterable[Rate]) -> Measured:
    """All trials together."""
    known = list(rates)
    return counted(sum(r["errors"] for r in known), sum(r["trials"] for r in known))


def scaled(measured: Measured, factor: float) -> Measured:
    """The same in another unit."""

    def times(value: float | None) -> float | None:
        return None if value is None else value * factor

    return replace(
        measured,
        value=times(measured.value),
        low=times(measured.low),
        high=times(measured.high),
        wide_low=times(measured.wide_low),
        wide_high=times(measured.wide_high),
    )


def capped(cycles: Sequence[float], most: float) -> list[float]:
    """Cycles of an event, those that never came (infinite) as the last cycle looked at."""
    return [min(cycle, most) for cycle in cycles]


def until(measured: Measured, most: float) -> Measured:
    """A median of capped cycles: an end at the cap is open, a value there a lower bound."""
    if measured.value is None or (measured.high is not None and measured.high < most):
        return measured
    return replace(measured, high=None, wide_high=None, is_bound=measured.value >= most)


def share(hits: int, of: int) -> Measured:
    """A share of pairs or dies."""
    return counted(hits, of) if of else NOTHING


def finite(values: Iterable[float | None]) -> list[float]:
    """The known ones."""
    return [v for v in values if v is not None and math.isfinite(v)]
