"""What tests share: simulated benches with seeds, and a place for runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from labctl import provenance
from labctl.bench import Bench, DieChoice
from labctl.benchfile import BenchSetup, load_setup
from labctl.store.locks import LOCKS_VARIABLE
from tests.undrawn import save_a_pixel

# Before anything imports them: else a failed comparison in them tells nothing.
pytest.register_assert_rewrite("tests.interrupted", "tests.torture.kills")

# What people set for their own runs, and what makes Typer colour its help, is not for the tests.
for _name in (
    *(f"LABCTL_{what}" for what in ("BENCH", "RUNS", "DIES", "OPERATOR", "LOG", "TWIN")),
    *("LABCTL_ON_END", "LABCTL_WEBHOOK"),
    *("FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS"),
):
    os.environ.pop(_name, None)
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
try:
    from PyQt6 import QtWidgets  # noqa: F401

    pytest_plugins = ["pytestqt.plugin"]
except ImportError:
    # tests/gui says what is missing.
    pytest_plugins = []


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--bench FILE``: the bench that the suites in tests/contract/test_hardware.py run on."""
    parser.addoption("--bench", type=Path, default=None, help="bench file of a bench to test")


@pytest.fixture(scope="session")
def bench_file(request: pytest.FixtureRequest) -> Path | None:
    """The bench file that the command line names."""
    named = request.config.getoption("--bench")
    return Path(named) if named is not None else None


@pytest.fixture(scope="session", autouse=True)
def locks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where benches are locked: not where the programs of this user look."""
    folder = tmp_path_factory.mktemp("locks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(LOCKS_VARIABLE, str(folder))
        yield folder


@pytest.fixture(scope="session", autouse=True)
def unsynced() -> Iterator[None]:
    """No test of this process waits for the disk: a step has a dozen fsyncs of some milliseconds.

    What a power cut leaves is tested in processes of their own, which do (tests/torture/nursery).
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def one_revision() -> Iterator[None]:
    """Git is asked for the revision once, not by each run of this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(provenance, "git_revision", cache(provenance.git_revision))
        yield


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


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are made but saved as one pixel, for tests that do not look at them."""
    from matplotlib.figure import Figure

    monkeypatch.setattr(Figure, "savefig", save_a_pixel)
