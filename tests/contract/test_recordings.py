"""The contract suites on committed recordings: what a bench said once, it said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labctl.benchfile import BenchSetup
from tests.contract import suites
from tests.contract.rig import BENCH_FILE, replayed_rig

RECORDINGS = Path(__file__).parent.parent / "recordings"
BENCHES = sorted(file.parent for file in RECORDINGS.glob(f"*/{BENCH_FILE}"))


@pytest.mark.parametrize("folder", BENCHES, ids=lambda folder: folder.name)
@pytest.mark.parametrize(("suite", "name"), list(suites.all_tests()))
def test_a_recorded_bench_keeps_the_contract(folder, suite, name):
    file = folder / f"{suite}.{name.removeprefix('test_')}.jsonl"
    with replayed_rig(BenchSetup(folder / BENCH_FILE), file) as rig:
        getattr(suites.SUITES[suite](), name)(rig)


@pytest.mark.parametrize("folder", BENCHES, ids=lambda folder: folder.name)
def test_recordings_say_what_they_were_made_of(folder):
    setup = BenchSetup(folder / BENCH_FILE)
    expected = {f"{s}.{n.removeprefix('test_')}.jsonl" for s, n in suites.all_tests()}
    files = {file.name: file for file in folder.glob("*.jsonl")}
    assert set(files) == expected
    for file in files.values():
        with file.open(encoding="utf-8") as lines:
            header = json.loads(next(lines))
        assert header["bench_sha256"] == setup.sha256
        assert header["simulated"] == setup.simulated


def test_the_simulated_bench_is_among_them():
    assert "simulated" in {folder.name for folder in BENCHES}
