"""What is left of a run, compared between one that was interrupted and one that never was."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from instruments.sim.chip.die import Die
from labctl.report import summarise
from labctl.store.folder import ARRAYS, RESULTS, RunFolder
from labctl.store.ledger import LEDGER, Ledger, die_name
from labctl.store.locks import LOCKS_VARIABLE
from labctl.store.wear import Block, BlockState, blocks
from labctl.verifying import verify

OF_THE_FOLDER = {"run", "started", "ended", "report", "folder", "wall_time_s", "notes", "die"}
"""What a summary holds of the folder itself, not of the measurement."""
LEFTOVERS = ("*.new", "*.part", "*.lock", "*.lock.*", "ledger.sqlite-*")


def data(run: RunFolder) -> dict[str, bytes]:
    """Every byte of rows and arrays."""
    files = [run.path / RESULTS, *sorted((run.path / ARRAYS).iterdir())]
    return {file.name: file.read_bytes() for file in files}


def final_die(run: RunFolder) -> dict[str, Any]:
    """The simulated die at the last end mark, as plain values."""
    mark = run.last_step_end()
    assert mark is not None
    assert mark.die is not None
    state = vars(Die.load(run.path / mark.die))
    return {
        name: value.tobytes() if isinstance(value, np.ndarray) else value
        for name, value in state.items()
    }


def pulses(found: Iterable[Block]) -> dict[str, list[int]]:
    """Pulses of each kind and condition on each device, void blocks left out."""
    sums: dict[str, Any] = {}
    for block in found:
        assert block.state is BlockState.CONFIRMED, f"block {block.number} is {block.state}"
        for booking in block.bookings:
            key = f"{booking.kind} {booking.condition_text()}"
            sums[key] = sums.get(key, 0) + booking.counts.astype(np.int64)
    return {key: counts.ravel().tolist() for key, counts in sums.items()}


def summary(run: RunFolder) -> dict[str, Any]:
    """What came out of it."""
    found = json.loads(json.dumps(summarise(run)))
    # Sums of other addends: compared apart, to a microsecond.
    times = {name for name in found if name.startswith("bench_time")}
    return {name: value for name, value in found.items() if name not in OF_THE_FOLDER | times}


def notes(run: RunFolder) -> list[str]:
    """What the user was told of the measurement; not how the run ended and went on."""
    told = [note for note in run.record["notes"] if not note.startswith(("Resumed ", "Ended "))]
    return [note for note in told if not note.endswith("lock cleared")]


def assert_same(run: RunFolder, whole: RunFolder) -> None:
    """Nothing is lost and nothing is double in ``run``, which was interrupted."""
    assert run.status == "success", run.record["reason"]
    assert data(run) == data(whole)
    assert final_die(run) == final_die(whole)
    assert pulses(blocks(run.events())) == pulses(blocks(whole.events()))
    found, expected = summary(run), summary(whole)
    differing = {key for key, value in expected.items() if found.get(key) != value}
    assert not differing, differing
    assert notes(run) == notes(whole), (notes(run), notes(whole))
    assert run.record["steps_done"] == whole.record["steps_done"]
    for name, seconds in whole.record["bench_time_s"].items():
        assert abs(run.record["bench_time_s"][name] - seconds) < 1e-6 * (1 + seconds), name
    assert [f for f in verify(run) if not f.ok and f.what != "result"] == []
    assert_booked(run)


def assert_booked(run: RunFolder) -> None:
    """The ledger tells the same as the journal: no block more, none unconfirmed."""
    with Ledger(run.path.parent / LEDGER) as ledger:
        name = die_name(run)
        totals = {kind: counts.astype(np.int64) for kind, counts in ledger.totals(name).items()}
        assert ledger.unconfirmed(name) == 0
    told: dict[str, Any] = {}
    for block in blocks(run.events()):
        for booking in block.bookings:
            told[booking.kind] = told.get(booking.kind, 0) + booking.counts.astype(np.int64)
    assert totals.keys() == told.keys()
    for kind, counts in told.items():
        np.testing.assert_array_equal(totals[kind], counts, err_msg=kind)


def assert_nothing_left(folder: Path, environment: dict[str, str]) -> None:
    """No temporary file, no lock, no second snapshot of the die.

    A run killed before its record was there leaves an empty folder, which no command shows.
    """
    places = [folder, Path(environment[LOCKS_VARIABLE])]
    left = [file for place in places for kind in LEFTOVERS for file in place.rglob(kind)]
    assert not [file for file in left if file.name != "run.json.new"], left
    for record in (file for file in left if file.name == "run.json.new"):
        assert sorted(file.name for file in record.parent.iterdir()) == ["arrays", record.name]
    for record in folder.glob("runs/2*/run.json"):
        run = RunFolder(record.parent)
        mark = run.last_step_end()
        assert mark is not None
        assert [file.name for file in run.path.glob("*.npz")] == [mark.die]
