"""Errors against programming conditions: points of the grid, and which condition matters most.

A condition is (SET compliance in A, RESET voltage in V, pulse width in s); these are the three
factors, in this order.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.error_rates import ErrorRate, error_rate
from labctl.analysis.maps import NOT_READ

FACTORS = ("set_compliance_a", "reset_v", "width_s")
KILOBIT = 1024
CHANCE = 0.002
"""A rise of the errors with the compliance is called one if chance makes any in so few grids."""


@dataclass(frozen=True)
class ConditionPoint:
    """Wrong bits at one condition; one number a repetition."""

    set_compliance_a: float
    reset_v: float
    width_s: float
    errors: tuple[int, ...]
    bits: tuple[int, ...]
    """Bits read in each repetition."""

    @property
    def rate(self) -> ErrorRate:
        """Bit error rate over all repetitions."""
        return error_rate(sum(self.errors), sum(self.bits))

    @property
    def per_kilobit(self) -> tuple[float, ...]:
        """Errors per 1024 bits, each repetition that read any bit."""
        return tuple(KILOBIT * e / b for e, b in zip(self.errors, self.bits, strict=True) if b)

    @property
    def mean(self) -> float | None:
        """Mean of the repetitions, errors per kilobit; None without a bit read."""
        return None if self.rate.value is None else KILOBIT * self.rate.value

    @property
    def least_seen(self) -> float:
        """One error in one repetition, per kilobit: 1 for a whole array, as in the paper."""
        return KILOBIT / max(self.bits) if max(self.bits, default=0) else math.nan


@dataclass(frozen=True)
class Spread:
    """How far one factor moves the error rate, all conditions of its two end values together."""

    factor: str
    weakest: float
    """Value with the expectedly most errors: the smallest."""
    strongest: float
    weak: ErrorRate
    strong: ErrorRate
    decades: float | None
    """log10 of the ratio of the two rates; None without an error at either end."""
    is_bound: bool
    """No error at the strong end: the spread is at least so much."""


@dataclass(frozen=True)
class Rise:
    """More errors at the larger of two neighbouring compliances, all else equal."""

    reset_v: float
    width_s: float
    from_a: float
    to_a: float
    p_value: float
    """Chance of so many or more at the larger one, were both rates equal."""


@dataclass(frozen=True)
class ConditionsResult:
    """All that is known of the grid."""

    points: list[ConditionPoint]
    """In rising order of compliance, voltage, width."""
    not_read: int
    """Bits of the usable ones that were not read, in no count."""
    spreads: list[Spread]
    """One a factor that was varied."""
    rises: list[Rise]
    """All rises, most striking first."""
    compared: int
    """Pairs of neighbouring compliances."""

    @property
    def real_rises(self) -> list[Rise]:
        """Those beyond chance, all comparisons taken together (Bonferroni)."""
        return [rise for rise in self.rises if rise.p_value < CHANCE / self.compared]

    @property
    def is_monotone(self) -> bool | None:
        """Errors fall or stay with rising compliance, but for chance; None if nothing compares."""
        return not self.real_rises if self.compared else None

    def point(self, set_compliance_a: float, reset_v: float, width_s: float) -> ConditionPoint:
        """The point at a condition; KeyError if it was not measured."""
        asked = (set_compliance_a, reset_v, width_s)
        for point in self.points:
            # "100us" as typed may be a last digit away from 1e-4.
            if np.allclose((point.set_compliance_a, point.reset_v, point.width_s), asked, atol=0):
                return point
        raise KeyError(asked)


def analyse_conditions(
    condition: NDArray[np.float64],
    pattern: NDArray[np.uint8],
    sensed: NDArray[np.uint8],
    usable: NDArray[np.bool_],
) -> ConditionsResult:
    """Count wrong bits at each condition.

    ``condition`` is (n, 3), ``pattern`` and ``sensed`` (n, rows, columns), one record a
    programming; ``usable`` (rows, columns). An undecided output is a wrong bit, one not read is no
    trial.

    >>> condition = np.array([[28e-6, 1.5, 1e-6], [28e-6, 1.5, 1e-6], [55e-6, 1.5, 1e-6]])
    >>> pattern = np.array([[[0, 1]], [[1, 0]], [[0, 1]]], dtype=np.uint8)
    >>> sensed = np.array([[[1, 1]], [[1, 0]], [[0, 1]]], dtype=np.uint8)
    >>> result = analyse_conditions(condition, pattern, sensed, np.ones((1, 2), dtype=bool))
    >>> weak = result.point(28e-6, 1.5, 1e-6)
    >>> weak.errors, weak.mean, weak.per_kilobit, weak.least_seen
    ((1, 0), 256.0, (512.0, 0.0), 512.0)
    >>> result.is_monotone
    True
    """
    read = (sensed != NOT_READ) & usable
    wrong = (sensed != pattern) & read
    errors, bits = wrong.sum(axis=(1, 2)), read.sum(axis=(1, 2))
    grouped: dict[tuple[float, float, float], list[tuple[int, int]]] = defaultdict(list)
    for (amperes, volts, seconds), k, n in zip(
        condition.tolist(), errors.tolist(), bits.tolist(), strict=True
    ):
        grouped[amperes, volts, seconds].append((k, n))
    points = [
        ConditionPoint(*asked, errors=tuple(k for k, _ in counts), bits=tuple(n for _, n in counts))
        for asked, counts in sorted(grouped.items())
    ]
    pairs = _neighbours(points)
    rises = [rise for rise in (_rise(lower, higher) for lower, higher in pairs) if rise is not None]
    return ConditionsResult(
        points=points,
        not_read=int(len(sensed) * np.count_nonzero(usable) - bits.sum()),
        spreads=[found for found in (spread(points, factor) for factor in FACTORS) if found],
        rises=sorted(rises, key=lambda rise: rise.p_value),
        compared=len(pairs),
    )


def spread(points: Iterable[ConditionPoint], factor: str) -> Spread | None:
    """Spread over one factor of `FACTORS`; None where it was not varied.

    Only conditions count whose counterpart, equal in the other two factors, is measured too: a
    grid that was stopped half-way is compared like with like.

    >>> weak = ConditionPoint(28e-6, 1.5, 1e-6, (100, 100), (1024, 1024))
    >>> strong = ConditionPoint(200e-6, 1.5, 1e-6, (1, 0), (1024, 1024))
    >>> found = spread([weak, strong], "set_compliance_a")
    >>> round(found.decades, 2), found.is_bound
    (2.3, False)
    >>> spread([weak, strong], "reset_v") is None
    True
    """
    by_value: dict[float, dict[tuple[float, ...], ConditionPoint]] = defaultdict(dict)
    for point in points:
        others = tuple(getattr(point, name) for name in FACTORS if name != factor)
        by_value[getattr(point, factor)][others] = point
    weakest, strongest = min(by_value, default=0.0), max(by_value, default=0.0)
    common = by_value[weakest].keys() & by_value[strongest].keys()
    if weakest == strongest or not common:
        return None
    weak, strong = (
        _pooled(by_value[value][others] for others in common) for value in (weakest, strongest)
    )
    is_bound = strong.is_bound
    below = strong.high if is_bound else strong.value
    decades = math.log10(weak.value / below) if weak.value and below else None
    return Spread(factor, weakest, strongest, weak, strong, decades, is_bound)


def _pooled(points: Iterable[ConditionPoint]) -> ErrorRate:
    rates = [point.rate for point in points]
    return error_rate(sum(rate.errors for rate in rates), sum(rate.trials for rate in rates))


def _neighbours(points: list[ConditionPoint]) -> list[tuple[ConditionPoint, ConditionPoint]]:
    """Points at neighbouring compliances, equal in voltage and width, the smaller first."""
    lines: dict[tuple[float, float], list[ConditionPoint]] = defaultdict(list)
    for point in points:
        if point.rate.trials:
            lines[point.reset_v, point.width_s].append(point)
    ordered = (sorted(line, key=lambda p: p.set_compliance_a) for line in lines.values())
    return [pair for line in ordered for pair in pairwise(line)]


def _rise(lower: ConditionPoint, higher: ConditionPoint) -> Rise | None:
    """The rise between two neighbours, None where the rate falls or stays.

    Given the total number of errors, those at the higher one are binomial if the rates are equal.
    """
    from scipy.stats import binom

    low, high = lower.rate, higher.rate
    if high.errors * low.trials <= low.errors * high.trials:
        return None
    share = high.trials / (low.trials + high.trials)
    p_value = float(binom.sf(high.errors - 1, low.errors + high.errors, share))
    return Rise(
        lower.reset_v, lower.width_s, lower.set_compliance_a, higher.set_compliance_a, p_value
    )
