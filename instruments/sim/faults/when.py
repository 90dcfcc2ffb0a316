"""When a fault strikes."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Switch:
    """Something a test turns on and off while a run goes on."""

    on: bool = False


@dataclass
class When:
    """Which of the calls that match a fault it strikes.

    Calls count from 1, beginning at bench time ``after_s`` (s) and only while ``during`` is on:
    the fault strikes ``count`` of them (None: all that follow) from the ``first`` on.

    >>> moment = When(first=2, count=1)
    >>> [moment.strikes(0.0) for _ in range(4)]
    [False, True, False, False]
    >>> late = When(after_s=5.0, count=None)
    >>> [late.strikes(now) for now in (0.0, 4.9, 5.0, 9.0)]
    [False, False, True, True]
    """

    first: int = 1
    count: int | None = 1
    after_s: float = 0.0
    during: Switch | None = None
    _matched: int = field(default=0, init=False, repr=False)

    def strikes(self, now_s: float) -> bool:
        """Whether the call that is made at ``now_s`` is struck; ask once for each call."""
        if now_s < self.after_s or (self.during is not None and not self.during.on):
            return False
        self._matched += 1
        past = self._matched - self.first
        return past >= 0 and (self.count is None or past < self.count)


def always() -> When:
    """Every matching call."""
    return When(count=None)
