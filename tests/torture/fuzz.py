"""Runs a state machine with a seed that is printed, so that what it found can be found again."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable

import hypothesis
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

SEED_VARIABLE = "LABCTL_FUZZ_SEED"
"""Environment variable with the seed of a run to repeat."""


def fresh_seed() -> int:
    """A seed nobody has chosen, or the one to repeat."""
    return int(os.environ.get(SEED_VARIABLE) or secrets.randbits(32))


def run(make: Callable[[], RuleBasedStateMachine], examples: int, steps: int, seed: int) -> None:
    """``examples`` machines of up to ``steps`` steps; fails with the smallest example it finds."""
    print(f"repeat with {SEED_VARIABLE}={seed}")
    run_state_machine_as_test(
        hypothesis.seed(seed)(make),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=False,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
