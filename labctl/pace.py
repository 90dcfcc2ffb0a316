"""How long the rest of a run will take, from how long its steps have taken so far."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

UNKNOWN_SHARE = 0.1
"""Of the expected time left, so much may be in kinds of steps that none has ended of yet."""

_NUMBERS = re.compile(r"[0-9][0-9.]*(e[+-]?[0-9]+)?|\b[A-Z]\b")


def kind_of(label: str) -> str:
    """The kind of a step: its label without numbers and the letters of patterns.

    >>> kind_of("programming 3 of 4, pattern A") == kind_of("programming 4 of 4, pattern B")
    True
    >>> kind_of("pair 1 of 4, window 11, cycle 3.9e+06 to 7e+06")
    'pair  of , window , cycle  to '
    """
    return _NUMBERS.sub("", label)


class Pace:
    """Seconds that an expected second of bench time has taken, for each kind of step.

    Each kind has its own: a simulated bench needs no time for cycles that a real one runs for
    minutes, and ten times the average where it forms.
    """

    def __init__(self, expected_s: Mapping[str, float]) -> None:
        """``expected_s``: kind to the bench time of all steps that are still to be done, s."""
        self._left_s = defaultdict(float, expected_s)
        self._expected_s: defaultdict[str, float] = defaultdict(float)
        self._took_s: defaultdict[str, float] = defaultdict(float)

    def ended(self, label: str, expected_s: float, took_s: float) -> None:
        """A step has ended, and how long it took by the clock."""
        kind = kind_of(label)
        self._left_s[kind] -= expected_s
        self._expected_s[kind] += expected_s
        self._took_s[kind] += took_s

    def remaining_s(self) -> float | None:
        """By the clock, s; None while too much of what is left is of a kind not seen yet.

        >>> pace = Pace({kind_of("check row 0"): 3.0, kind_of("jump 0"): 600.0})
        >>> pace.ended("check row 0", 1.0, 2.0)
        >>> print(pace.remaining_s())
        None
        >>> pace.ended("jump 0", 300.0, 3.0)
        >>> round(pace.remaining_s(), 3)
        7.0
        """
        seen = {kind for kind, expected_s in self._expected_s.items() if expected_s > 0}
        left = {kind: max(seconds, 0.0) for kind, seconds in self._left_s.items()}
        unseen_s = sum(seconds for kind, seconds in left.items() if kind not in seen)
        if not seen or unseen_s > UNKNOWN_SHARE * sum(left.values()):
            return None
        known_s = sum(left[kind] * self._took_s[kind] / self._expected_s[kind] for kind in seen)
        return known_s + unseen_s * sum(self._took_s.values()) / sum(self._expected_s.values())
