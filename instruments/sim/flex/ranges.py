"""Ranges, resolution and limits of the B1517A (instruments.md section 2.13)."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property

from instruments.sim.flex.errors import FlexError

OVER_RANGE = 1.15
"""A range carries 15 % more than its name, but for the top one of current."""

SOURCE_STEPS = 20_000
"""A range is set in this many steps, and read so by the high-speed converter. Assumed: only the
finest steps (0.5 uV, 1 fA) are public."""

FINE_STEPS = 1_000_000
"""Steps of a range read by the high-resolution converter: 0.5 V in 0.5 uV. Assumed for the rest."""

FINEST_AMPERES = 1e-15


@dataclass(frozen=True)
class Range:
    """One range: code as replies echo it, full scale in V or A, and the most it carries."""

    code: int
    full_scale: float
    reach: float

    @property
    def source_step(self) -> float:
        """Smallest change of an output, V or A."""
        return self.full_scale / SOURCE_STEPS


@dataclass(frozen=True)
class RangeTable:
    """All ranges of one quantity, smallest first; ``aliases`` are short codes for long ones."""

    ranges: tuple[Range, ...]
    aliases: dict[int, int]

    @cached_property
    def _places(self) -> dict[int, int]:
        """Index of every code, long or short."""
        places = {candidate.code: index for index, candidate in enumerate(self.ranges)}
        return places | {short: places[code] for short, code in self.aliases.items()}

    @cached_property
    def _reaches(self) -> list[float]:
        return [candidate.reach for candidate in self.ranges]

    def _place(self, code: int) -> int:
        try:
            return self._places[code]
        except KeyError:
            raise FlexError(124) from None

    def by_code(self, code: int) -> Range:
        """The range of an unsigned code, long or short. Raises `FlexError` 124."""
        return self.ranges[self._place(code)]

    def covering(self, value: float, smallest: int = 0) -> Range:
        """The smallest range that carries ``value``, not below code ``smallest`` (0: any).

        Falls back on the top range. Raises `FlexError` 124.
        """
        first = 0
        if smallest:
            first = self._place(smallest)
        index = bisect_left(self._reaches, abs(value), first)
        return self.ranges[min(index, len(self.ranges) - 1)]

    def check(self, code: int) -> None:
        """Raises `FlexError` 124 unless ``code`` is 0 (auto), limited auto or fixed (negative)."""
        if code:
            self.by_code(abs(code))


def _voltage(code: int) -> Range:
    return Range(code, code / 10, code / 10 if code == 1000 else code / 10 * OVER_RANGE)


def _current(code: int) -> Range:
    full_scale = float(f"1e{code - 20}")
    return Range(code, full_scale, full_scale if code == 19 else full_scale * OVER_RANGE)


VOLTAGE = RangeTable(
    tuple(_voltage(code) for code in (5, 20, 50, 200, 400, 1000)),
    {11: 20, 12: 200, 13: 400, 14: 1000},
)
CURRENT = RangeTable(tuple(_current(code) for code in range(9, 20)), {})

_CURRENT_BELOW_VOLTS = ((20.0, 0.1), (40.0, 0.05), (100.0, 0.02))


def largest_current(volts: float) -> float:
    """Most current (A) at a voltage. Raises `FlexError` 120 above 100 V."""
    for limit, amperes in _CURRENT_BELOW_VOLTS:
        if abs(volts) <= limit:
            return amperes
    raise FlexError(120)


def largest_voltage(amperes: float) -> float:
    """Most voltage (V) at a current. Raises `FlexError` 120 above 100 mA."""
    for volts, limit in reversed(_CURRENT_BELOW_VOLTS):
        if abs(amperes) <= limit:
            return volts
    raise FlexError(120)
