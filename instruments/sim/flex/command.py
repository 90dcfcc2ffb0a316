"""What a FLEX command is to the mainframe, and how its parameters are read."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import TYPE_CHECKING

from instruments.sim.flex.errors import FlexError

if TYPE_CHECKING:
    from instruments.sim.flex.mainframe import Mainframe

Parameters = tuple[float, ...]

MANY = 64
"""Upper bound of parameters for commands that take channel lists."""


@dataclass(frozen=True)
class Command:
    """What runs, and how many parameters it takes; ``alone`` and ``last`` bind its place in a line
    (section 2.1)."""

    run: Callable[[Mainframe, Parameters], None]
    least: int = 0
    most: int = 0
    alone: bool = False
    last: bool = False

    def check_count(self, parameters: Parameters) -> None:
        """Raises `FlexError` 103 where the line ends too early or too late."""
        if not self.least <= len(parameters) <= self.most:
            raise FlexError(103)


def integer(value: float, allowed: Container[int] | None = None) -> int:
    """A whole number, of ``allowed`` if given. Raises `FlexError` 120."""
    whole = int(value)
    if whole != value or (allowed is not None and whole not in allowed):
        raise FlexError(120)
    return whole


def between(value: float, low: float, high: float) -> float:
    """``value`` if it lies between, ends included. Raises `FlexError` 120."""
    if not low <= value <= high:
        raise FlexError(120)
    return value


def optional(parameters: Parameters, index: int, default: float = 0.0) -> float:
    """The parameter at ``index``, or ``default`` where the line ended before."""
    return parameters[index] if index < len(parameters) else default


def slot_of(channel: float) -> int:
    """Slot of a channel number, 5 or 501 alike. Raises `FlexError` 121.

    A second sub-channel (502) belongs to modules that this simulation has none of for FLEX.
    """
    whole = int(channel)
    slot = whole // 100 if whole > 100 else whole
    if whole != channel or not 1 <= slot <= 10 or (whole > 100 and whole % 100 != 1):
        raise FlexError(121)
    return slot
