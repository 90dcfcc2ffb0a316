"""The simulated bench and the runs that benchmarks time."""

from __future__ import annotations

from pathlib import Path

from labctl.bench import Bench, DieChoice
from labctl.benchfile import load_setup
from labctl.runs import RunRequest, run
from labctl.store.folder import RunFolder
from procedures import load_procedure

SEED = 1
"""Any seed will do: times do not depend on it."""


def fresh_bench(folder: Path) -> Bench:
    """The shipped simulated bench with an unformed die; to be used in a ``with`` statement."""
    return Bench(load_setup(None), DieChoice(None, SEED, folder))


def run_checkerboard(folder: Path, programmings: int) -> RunFolder:
    """A checkerboard run at its defaults on a fresh die; RuntimeError unless it succeeds."""
    procedure = load_procedure("checkerboard")()
    procedure.set_parameters({"programmings": programmings})
    die = DieChoice(None, SEED, folder)
    stored = run(RunRequest("checkerboard", procedure, load_setup(None), die, folder))
    if stored.status != "success":
        raise RuntimeError(f"the run {stored.status}: {stored.record['reason']}")
    return stored
