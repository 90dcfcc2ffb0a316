"""A run that was interrupted goes on: nothing lost, nothing doubled."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from instruments.sim.chip.die import Die
from labctl.cli import app
from labctl.observing import Observer, StopRequest
from labctl.resuming import ResumeError, resume
from labctl.runs import run
from labctl.store import files
from labctl.store.folder import ARRAYS, JOURNAL, RESULTS, RunFolder
from labctl.store.ledger import LEDGER, Ledger
from labctl.store.wear import BlockState, blocks
from tests.simulated import request, small_setup

SEED, ROWS = 20261122, 3


class StopAt(Observer):
    """Asks to stop ``times`` times when a step begins."""

    def __init__(self, number: int, times: int) -> None:
        self.number, self.times, self.stop = number, times, StopRequest()

    def progress(self, progress):
        if progress.step == self.number and not self.stop.asked:
            for _ in range(self.times):
                self.stop.ask()


@pytest.fixture
def setup(tmp_path):
    return small_setup(tmp_path / "bench", ROWS)


def asked(setup, folder, die=None):
    seed = SEED if die is None else None
    return request(setup, folder, die=die, seed=seed, programmings=3)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that was never interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    return run(asked(small_setup(folder / "bench", ROWS), folder))


def interrupted(setup, folder, number, times):
    observer = StopAt(number, times)
    made = run(asked(setup, folder), observer, observer.stop)
    assert made.status == "aborted"
    return made


def contents(run_folder: RunFolder) -> dict[str, bytes]:
    files = [run_folder.path / RESULTS, *sorted((run_folder.path / ARRAYS).iterdir())]
    return {file.name: file.read_bytes() for file in files}


def final_die(run_folder: RunFolder) -> Die:
    mark = run_folder.last_step_end()
    return Die.load(run_folder.path / mark.die)


def assert_same(one: RunFolder, other: RunFolder) -> None:
    assert contents(one) == contents(other)
    first, second = final_die(one), final_die(other)
    for name, value in vars(first).items():
        np.testing.assert_array_equal(value, getattr(second, name), err_msg=name)


# Asked once, a run ends with the step; twice, within it; thrice, after the next pulse.
@pytest.mark.parametrize(("number", "times"), [(0, 1), (0, 2), (2, 3), (3, 2), (4, 1), (4, 3)])
def test_its_data_equal_those_of_a_run_never_interrupted(tmp_path, setup, whole, number, times):
    made = interrupted(setup, tmp_path, number, times)
    again = resume(made)
    assert again.status == "success", again.record["reason"]
    assert again.id == made.id
    assert_same(again, whole)
    assert again.record["steps_done"] == whole.record["steps_done"]
    assert again.record["bench_time_s"]["total"] == pytest.approx(
        whole.record["bench_time_s"]["total"], rel=0.2
    )


def test_a_run_can_be_interrupted_again_and_again(tmp_path, setup, whole):
    made = interrupted(setup, tmp_path, 1, 2)
    for number in (2, 3, 5):
        observer = StopAt(number, 2)
        made = resume(made, observer=observer, stop=observer.stop)
        assert made.status == "aborted"
    assert_same(resume(made), whole)


def test_the_half_step_s_bookings_are_void(tmp_path, setup, whole):
    made = interrupted(setup, tmp_path, 4, 2)
    ledger = Ledger(tmp_path / "runs" / LEDGER)
    die = f"fresh die of run {made.id}"
    assert list(blocks(made.events()))[-1].state is BlockState.CUT
    again = resume(made)
    (told,) = [note for note in again.record["notes"] if "void" in note]
    assert "1 booked block" in told
    totals = ledger.totals(die)
    ledger.close()
    assert (totals["set"] + totals["reset"] == 7).all()
    counted = sum(b.counts.astype(int) for block in blocks(again.events()) for b in block.bookings)
    expected = sum(b.counts.astype(int) for block in blocks(whole.events()) for b in block.bookings)
    np.testing.assert_array_equal(counted, expected)


def test_without_rollback_the_step_is_repeated_and_both_attempts_are_booked(tmp_path, setup, whole):
    made = interrupted(setup, tmp_path, 5, 2)
    again = resume(made, rollback=False)
    assert again.status == "success"
    assert any("second attempts" in note for note in again.record["notes"])
    repeated = [e for e in again.events() if e["event"] == "step_begin" and e.get("repeated")]
    assert [e["step"] for e in repeated] == [5]
    ledger = Ledger(tmp_path / "runs" / LEDGER)
    totals = ledger.totals(f"fresh die of run {made.id}")
    ledger.close()
    (first,) = [block for block in blocks(again.events()) if block.state is BlockState.CUT]
    attempt = sum(booking.counts for booking in first.bookings)
    assert attempt.any()
    np.testing.assert_array_equal(totals["set"] + totals["reset"], 7 + attempt)
    # The first programming is that of the other run; nothing is missing or double.
    shapes = {name: len(whole.array(name)) for name in ("pattern", "resistance", "sensed")}
    assert {name: len(again.array(name)) for name in shapes} == shapes
    np.testing.assert_array_equal(again.array("resistance")[0], whole.array("resistance")[0])
    assert (again.array("resistance")[1:] != whole.array("resistance")[1:]).any()


def test_a_killed_run_has_no_record_of_its_end_and_goes_on_all_the_same(tmp_path, setup, whole):
    made = interrupted(setup, tmp_path, 5, 2)
    record = made.path / "run.json"
    left = {**made.record, "status": None, "owner": {"pid": 2**22 + 1, "host": platform.node()}}
    record.write_text(json.dumps(left), encoding="utf-8")
    with (made.path / RESULTS).open("ab") as file:
        file.write(b"half a r")
    with (made.path / JOURNAL).open("ab") as file:
        file.write(b'{"event": "no')
    assert RunFolder(made.path).status == "interrupted"
    assert_same(resume(RunFolder(made.path)), whole)


def test_a_finished_run_is_left_alone(whole):
    before = contents(whole)
    assert resume(whole).record == whole.record
    assert contents(whole) == before


def test_a_named_die_goes_on_unless_another_run_used_it(tmp_path, setup):
    observer = StopAt(3, 2)
    made = run(asked(setup, tmp_path, die="lab"), observer, observer.stop)
    file = Path(made.record["die"]["file"])
    before = file.read_bytes()
    again = resume(made)
    assert again.status == "success"
    assert file.read_bytes() != before
    observer = StopAt(3, 2)
    made = run(asked(setup, tmp_path, die="lab"), observer, observer.stop)
    run(asked(setup, tmp_path, die="lab"))
    with pytest.raises(ValueError, match="used by another run since"):
        resume(made)


def killed_within_its_first_step(setup, folder):
    """A run on the named die: no end mark, and a record that does not tell how it ended."""
    observer = StopAt(0, 2)
    made = run(asked(setup, folder, die="lab"), observer, observer.stop)
    assert made.last_step_end() is None
    left = {**made.record, "status": None, "owner": {"pid": 2**22 + 1, "host": platform.node()}}
    (made.path / "run.json").write_text(json.dumps(left), encoding="utf-8")
    return RunFolder(made.path)


@pytest.mark.parametrize("there_before", [False, True])
def test_a_named_die_that_another_run_used_is_refused_before_the_first_end_mark(
    tmp_path, setup, there_before
):
    if there_before:
        assert run(asked(setup, tmp_path, die="lab")).status == "success"
    made = killed_within_its_first_step(setup, tmp_path)
    assert run(asked(setup, tmp_path, die="lab")).status == "success"
    die = tmp_path / "dies" / "lab.npz"
    before, journal = die.read_bytes(), (made.path / JOURNAL).read_bytes()
    with pytest.raises(ResumeError, match="another run used it since"):
        resume(made)
    assert die.read_bytes() == before
    assert (made.path / JOURNAL).read_bytes() == journal


def test_a_named_die_that_nobody_used_goes_on_before_the_first_end_mark(tmp_path, setup):
    assert resume(killed_within_its_first_step(setup, tmp_path)).status == "success"


def test_another_wear_budget_is_recorded(tmp_path, setup):
    made = interrupted(setup, tmp_path, 3, 2)
    assert resume(made, max_cycles_per_device=1234).record["max_cycles_per_device"] == 1234


def test_a_run_that_ended_before_the_dies_file_was_written_is_made_whole(
    tmp_path, setup, monkeypatch
):
    """All its steps count; the die's own file is one behind."""
    replace = files.replace

    def full(path, content):
        if path.name == "lab.npz" and len(RunFolder(runs(tmp_path)).journal.step_ends()) == LAST:
            raise OSError("No space left on device")
        replace(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(files, "replace", full)
        made = run(asked(setup, tmp_path, die="lab"))
    file = Path(made.record["die"]["file"])
    assert made.status == "failed"
    again = resume(made)
    assert again.status == "success"
    assert file.read_bytes() == (made.path / again.last_step_end().die).read_bytes()


LAST = ROWS + 1 + 6
"""Steps of the run: forming, the extra programming, three of each pattern."""


def runs(folder):
    """The only run of a folder."""
    (record,) = (folder / "runs").glob("2*/run.json")
    return record.parent


def test_a_changed_bench_file_is_refused(tmp_path, setup):
    made = interrupted(setup, tmp_path, 3, 2)
    setup.file.write_text(setup.text + "\n# limits of today\n", encoding="utf-8")
    with pytest.raises(ResumeError, match="has changed since"):
        resume(made)


def test_the_command_goes_on(tmp_path, setup, whole, undrawn):
    made = interrupted(setup, tmp_path, 4, 2)
    runs = str(tmp_path / "runs")
    result = CliRunner().invoke(app, ["resume", "last", "--runs", runs, "--json"])
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert (summary["run"], summary["status"]) == (made.id, "success")
    assert contents(RunFolder(made.path)) == contents(whole)
    again = CliRunner().invoke(app, ["resume", made.id, "--runs", runs])
    assert again.exit_code == 0
    assert "success" in again.stdout
