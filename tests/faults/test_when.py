"""When faults strike."""

from __future__ import annotations

import doctest

from instruments.sim.faults import when
from instruments.sim.faults.when import Switch, When


def test_the_examples():
    results = doctest.testmod(when)
    assert results.failed == 0
    assert results.attempted > 0


def test_calls_outside_the_moment_are_not_counted():
    moment = Switch()
    second = When(first=2, during=moment)
    assert not any(second.strikes(0.0) for _ in range(5))
    moment.on = True
    assert [second.strikes(0.0) for _ in range(3)] == [False, True, False]
