"""What tests share: simulated benches with seeds, and a place for runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from labctl.bench import Bench, DieChoice
from labctl.benchfile import BenchSetup, load_setup


@pytest.fixture(scope="session")
def setup() -> BenchSetup:
    """The simulated bench that ships."""
    return load_setup(None)


@pytest.fixture
def bench(setup: BenchSetup, tmp_path: Path) -> Iterator[Bench]:
    """An open simulated bench with a fresh, unformed die."""
    with Bench(setup, DieChoice(None, 20_240_917, tmp_path)) as bench:
        yield bench
    assert bench.problems == []
