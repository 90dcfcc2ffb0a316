"""What the quantities of several figures share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from labctl.reproduce.measured import NOTHING, Measured, averaged, counted
from labctl.reproduce.runs_of import Runs

Quantity = Callable[[Runs], Measured]
Rate = Mapping[str, Any]
"""An error rate as a summary has it: errors, trials, value, low, high."""


def pooled(rates: Iterable[Rate]) -> Measured:
    """All trials together."""
    known = list(rates)
    return counted(sum(r["errors"] for r in known), sum(r["trials"] for r in known))


def pooled_over_pairs(rates: Iterable[Rate]) -> Measured:
    """All trials together, as sure as the pairs agree.

    The interval holds both that of independent trials and Student's of the pairs' own rates. One
    pair alone tells nothing of others, so nothing decides.
    """
    known = list(rates)
    together = pooled(known)
    if len(known) < 2:
        return replace(together, wide_low=None, wide_high=None)
    pairs = averaged([r["value"] or 0.0 for r in known], together.trials)
    return replace(
        together,
        low=max(_outer(min, together.low, pairs.low) or 0.0, 0.0),
        high=_outer(max, together.high, pairs.high),
        wide_low=max(_outer(min, together.wide_low, pairs.wide_low) or 0.0, 0.0),
        wide_high=_outer(max, together.wide_high, pairs.wide_high),
    )


def _outer(pick: Callable[[list[float]], float], *ends: float | None) -> float | None:
    given = [end for end in ends if end is not None]
    return pick(given) if given else None


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
