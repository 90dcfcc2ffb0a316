"""No value that anyone may give reaches a pad beyond its limit, or in the wrong order."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from tests.slow.hostile import PROCEDURE_RUNS, QUICK, RESUMES, Attempt, Rig, carry_out, rig
from tests.torture.durability import keep

ATTEMPTS = 5_000
TORTURE = int(os.environ.get("LABCTL_TORTURE_ATTEMPTS", "100000"))
PROCEDURE_SHARE, RESUME_SHARE = 0.2, 0.01
"""They take ten and a hundred times longer than an operation of the chip."""


@pytest.fixture(scope="module")
def benches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """Open benches with wide and with tight limits."""
    with rig(tmp_path_factory.mktemp("hostile")) as opened:
        yield opened


def campaign(benches: Rig, attempts: int) -> dict[str, int]:
    """So many attempts, shared out among all kinds; how many there were."""
    shares = [
        *((kind, (1 - PROCEDURE_SHARE - RESUME_SHARE) / len(QUICK)) for kind in QUICK),
        (PROCEDURE_RUNS, PROCEDURE_SHARE),
        (RESUMES, RESUME_SHARE),
    ]
    before = benches.taken + benches.refused
    for kind, share in shares:

        @settings(
            max_examples=int(attempts * share) + 1,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(attempt=kind)
        def attempts_of_a_kind(attempt: Attempt) -> None:
            carry_out(benches, attempt)

        attempts_of_a_kind()
    made = benches.taken + benches.refused - before
    print(f"{made} attempts: {benches.taken} taken, {benches.refused} refused")
    assert made >= 0.9 * attempts
    # Neither is everything refused, nor is anything taken.
    assert benches.taken > 0.1 * made
    assert benches.refused > 0.1 * made
    # The wide bench has been used up to its limits, or near to them.
    assert benches.pads[0].extremes["SL"][1] > 3.0
    return {"attempts": made, "taken": benches.taken, "refused": benches.refused}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_no_hostile_value_reaches_a_pad(benches):
    campaign(benches, ATTEMPTS)


@pytest.mark.torture
@pytest.mark.timeout(0.1 * TORTURE)
def test_no_hostile_value_reaches_a_pad_for_long(benches):
    begin = time.monotonic()
    counts = campaign(benches, TORTURE)
    keep("hostile values", time.monotonic() - begin, counts)
