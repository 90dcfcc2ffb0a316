"""Make the recordings of the contract suites, of the simulated bench or of a real one.

``python -m tests.recordings.make`` replaces those of the simulated bench. A real one:
``python -m tests.recordings.make --bench FILE --name NAME`` (tests/contract/README.md).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from labctl.bench import DieChoice
from labctl.benchfile import load_setup
from tests.contract import suites
from tests.contract.rig import copy_bench_file, recorded_rig

HERE = Path(__file__).parent
SEED = 40_961


def make(bench: Path | None, folder: Path) -> None:
    """Run every suite once on a bench and write its recordings into a folder."""
    setup = copy_bench_file(load_setup(bench), folder)
    die = DieChoice(None, SEED if setup.simulated else None, Path())
    for old in folder.glob("*.jsonl"):
        old.unlink()
    for suite, name in suites.all_tests():
        file = folder / f"{suite}.{name.removeprefix('test_')}.jsonl"
        with recorded_rig(setup, file, die) as rig:
            getattr(suites.SUITES[suite](), name)(rig)
        print(f"{file.name}: {file.stat().st_size} bytes")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bench", type=Path)
    parser.add_argument("--name", default="simulated")
    asked = parser.parse_args()
    make(asked.bench, HERE / asked.name)
