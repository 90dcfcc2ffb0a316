"""Before a run goes on with a die as it is, bench and die must be what the run left."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from instruments.sim.chip.die import Die
from instruments.sim.faults.pads import OpenPad
from instruments.sim.faults.when import always
from labctl import resuming
from labctl.bench import Bench
from labctl.cli import app
from labctl.observing import Observer, Stop, StopRequest
from labctl.rechecking import MOST_BITS, last_seen, other_instruments
from labctl.resuming import ResumeError, resume
from labctl.runs import run
from labctl.session import left_die
from labctl.store.folder import RunFolder
from tests.simulated import request, small_setup

SEED, OTHER_SEED, ROWS, COLUMNS = 20261122, 20261123, 3, 8
DEVICES = 2 * ROWS * COLUMNS


class StopAt(Observer):
    """Asks for an emergency stop when a step begins: after its first pulse or reading."""

    def __init__(self, number):
        self.number, self.stop = number, StopRequest()

    def progress(self, progress):
        if progress.step == self.number and not self.stop.asked:
            for _ in range(3):
                self.stop.ask()


@pytest.fixture
def setup(tmp_path):
    return small_setup(tmp_path / "bench", ROWS)


def stopped(setup, folder, procedure, step, seed=SEED, **parameters):
    """A run that was stopped within a step."""
    observer = StopAt(step)
    asked = request(setup, folder, procedure, seed=seed, **parameters)
    made = run(asked, observer, observer.stop)
    assert made.status == "aborted"
    return made


def checkerboard(setup, folder, step=5, seed=SEED):
    return stopped(setup, folder, "checkerboard", step, seed, programmings=3)


def exchange_die(made: RunFolder, other: RunFolder) -> None:
    """Put the die of another run, stopped in the same step, under the probes."""
    (left,) = made.path.glob(left_die("*"))
    shutil.copy(other.path / left.name, left)


def rechecks(made: RunFolder) -> list[str]:
    return [note for note in made.record["notes"] if "re-checked" in note.lower()]


def pulses_after_resuming(made: RunFolder) -> list[str]:
    events = [event["event"] for event in made.events()]
    return [event for event in events[events.index("resumed") :] if event == "wear_planned"]


def test_the_die_that_the_run_left_is_known_again(tmp_path, setup):
    made = resume(checkerboard(setup, tmp_path), rollback=False)
    assert made.status == "success"
    # One bit had been programmed when the stop came: its devices are not asked.
    known = DEVICES - 2
    told = f"Re-checked the die: {known} of {known} devices read as the run left them."
    assert rechecks(made) == [told]


def test_a_die_that_was_put_back_is_not_asked(tmp_path, setup):
    made = resume(checkerboard(setup, tmp_path))
    assert made.status == "success"
    assert rechecks(made) == []


def test_another_die_is_refused_before_any_pulse(tmp_path, setup):
    """It is as old, programmed with the same pattern: only its resistances tell."""
    made = checkerboard(setup, tmp_path)
    exchange_die(made, checkerboard(setup, tmp_path / "other", seed=OTHER_SEED))
    refused = resume(made, rollback=False)
    assert refused.status == "failed"
    assert "the die is not as step 4 left it: " in refused.record["reason"]
    assert "--accept-change" in refused.record["reason"]
    assert pulses_after_resuming(refused) == []
    assert "outputs at 0 V and open" in refused.record["notes"][-1]
    accepted = resume(refused, rollback=False, accept_change=True)
    assert accepted.status == "success"
    assert any(note.startswith("THE DIE HAS CHANGED") for note in accepted.record["notes"])


def test_a_few_devices_that_changed_are_named(tmp_path, setup):
    made = checkerboard(setup, tmp_path)
    (left,) = made.path.glob(left_die("*"))
    die = Die.load(left)
    die.x[1, 2, 0] += 1.0
    die.save(left)
    again = resume(made, rollback=False)
    assert again.status == "success"
    (told,) = rechecks(again)
    assert f"{DEVICES - 3} of {DEVICES - 2} devices" in told
    assert "not so row 1 column 2 BL (" in told
    assert ", was " in told


def test_a_formed_die_is_not_taken_for_a_pristine_one(tmp_path, setup):
    made = stopped(setup, tmp_path, "forming", step=2)
    pristine = stopped(setup, tmp_path / "other", "contact", step=0)
    shutil.copy(pristine.path / left_die(0), made.path / left_die(2))
    refused = resume(made, rollback=False)
    assert refused.status == "failed"
    assert f"0 of {2 * 2 * COLUMNS} devices read as formed" in refused.record["reason"]
    assert pulses_after_resuming(refused) == []


def test_a_formed_die_reads_as_formed(tmp_path, setup):
    made = resume(stopped(setup, tmp_path, "forming", step=2), rollback=False)
    assert made.status == "success"
    assert f"{2 * 2 * COLUMNS} of {2 * 2 * COLUMNS} devices read as formed" in rechecks(made)[0]


def test_a_die_of_which_nothing_is_known_cannot_be_checked(tmp_path, setup):
    made = resume(stopped(setup, tmp_path, "forming", step=0), rollback=False)
    assert made.status == "success"
    assert "could not be re-checked" in rechecks(made)[0]


def test_probes_that_lost_contact_are_refused(tmp_path, setup, monkeypatch):
    made = checkerboard(setup, tmp_path)
    monkeypatch.setattr(
        resuming, "Bench", lambda setup, die: Bench(setup, die, [OpenPad(always(), "SL")])
    )
    refused = resume(made, rollback=False)
    assert refused.status == "failed"
    assert "no reading, was" in refused.record["reason"]
    assert "labctl run contact" in refused.record["reason"]


def test_an_emergency_stop_ends_the_re_check(tmp_path, setup):
    stop = StopRequest()
    stop.ask(Stop.EMERGENCY)
    made = resume(checkerboard(setup, tmp_path), rollback=False, stop=stop)
    assert made.status == "aborted"
    assert made.record["reason"].startswith("emergency stop")
    assert rechecks(made) == pulses_after_resuming(made) == []
    assert "outputs at 0 V and open" in made.record["notes"][-1]


def test_other_instruments_are_refused(tmp_path, setup):
    made = checkerboard(setup, tmp_path)
    record = made.path / "run.json"
    instruments = {**made.record["instruments"], "serial": "MY12345678"}
    record.write_text(json.dumps({**made.record, "instruments": instruments}), encoding="utf-8")
    refused = resume(RunFolder(made.path), rollback=False)
    assert refused.status == "failed"
    assert (
        "the mainframe's serial is None, that of the run is MY12345678"
        in (refused.record["reason"])
    )
    assert refused.record["instruments"] == instruments
    assert pulses_after_resuming(refused) == []


def test_a_module_that_was_exchanged_is_another_instrument():
    module = {"model": "B1530A", "revision": "A.01", "serial": None}
    recorded = {"model": "B1500A", "serial": None, "modules": {"1": module, "2": module}}
    same = {**recorded, "serial": "MY1", "firmware": "another"}
    assert other_instruments(recorded, same) == ""
    other = {**recorded, "modules": {"1": module, "2": {**module, "revision": "B.02"}}}
    assert other_instruments(recorded, other) == (
        "slot 2 holds a B1530A, revision B.02, in the run a B1530A, revision A.01"
    )
    gone = {**recorded, "modules": {"1": module}}
    assert "slot 2 holds nothing" in other_instruments(recorded, gone)


def test_a_die_of_another_name_is_refused_and_nothing_is_opened(tmp_path, setup):
    observer = StopAt(5)
    asked = request(setup, tmp_path, die="lab", seed=SEED, programmings=3)
    made = run(asked, observer, observer.stop)
    before = (made.path / "run.json").read_bytes()
    with pytest.raises(ResumeError, match=r"die 'other' is not the one of run .*, which is 'lab'"):
        resume(made, die="other")
    command = ["resume", made.id, "--runs", str(tmp_path / "runs"), "--die", "other"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert (made.path / "run.json").read_bytes() == before
    assert resume(made, die="lab").status == "success"


def test_few_bits_are_read_and_they_are_spread_over_the_array(tmp_path, setup):
    made = checkerboard(setup, tmp_path)
    seen = last_seen(made, np.zeros((ROWS, COLUMNS, 2), dtype=bool))
    assert seen.step == 4
    assert np.count_nonzero(np.isfinite(seen.ohm)) == DEVICES - 2
    retired = np.zeros((ROWS, COLUMNS), dtype=bool)
    retired[1, 1] = True
    assert not seen.bits(retired)[1, 1]
    whole = type(seen)(4, np.full((32, 32, 2), 1e4), np.zeros((32, 32, 2), dtype=bool))
    bits = whole.bits(np.zeros((32, 32), dtype=bool))
    assert np.count_nonzero(bits) == MOST_BITS
    assert bits.any(axis=1).all()
    assert np.count_nonzero(bits.any(axis=0)) > 16
