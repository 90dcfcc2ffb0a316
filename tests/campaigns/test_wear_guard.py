"""What protects a die from its runs: budgets, forming once, retired bits."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from instruments.sim.chip.device import Kind
from instruments.sim.chip.die import Die
from labctl.cli import app
from labctl.report import summarise, write_report
from labctl.report.terminal import summary_rows
from labctl.resuming import resume
from labctl.runs import run
from labctl.store.ledger import LEDGER, Ledger
from labctl.store.retired import RETIRED, Retirement
from procedures import load_procedure
from tests.simulated import request, small_bench_file, small_setup

ROWS, COLUMNS, SEED = 2, 8, 5150
CYCLES = {"cycles": 400, "windows": 2, "window_cycles": 200, "resistance_cycles": 100}


@pytest.fixture
def small(tmp_path):
    return small_setup(tmp_path / "bench", rows=ROWS)


def budgeted(asked, most):
    return type(asked)(**{**vars(asked), "max_cycles_per_device": most})


def notes(made):
    return [event["text"] for event in made.events() if event["event"] == "note"]


def totals(tmp_path, die):
    with Ledger(tmp_path / "runs" / LEDGER) as ledger:
        return ledger.totals(die)


def retire(tmp_path, *bits, action="retire"):
    with Ledger(tmp_path / "runs" / LEDGER) as ledger:
        ledger.retire(Retirement("a", action, bits, "stuck", "2026-11-22T10:00:00+00:00", "me"))


# --- budgets -------------------------------------------------------------------------------------


def test_a_run_that_may_exceed_the_budget_does_not_begin(tmp_path, small):
    first = request(small, tmp_path, die="a", seed=SEED, programmings=2)
    # Two of each pattern and the extra one: three of each bit at most.
    assert run(budgeted(first, 3)).status == "success"
    made = int(max(counts.max() for counts in (totals(tmp_path, "a")[k] for k in ("set", "reset"))))
    second = request(small, tmp_path, die="a", programmings=2)
    with pytest.raises(ValueError, match=f"budget is 4 cycles .* {made} are booked .* may add 3"):
        run(budgeted(second, 4))
    assert len(list((tmp_path / "runs").glob("*-checkerboard*"))) == 1
    assert run(budgeted(second, 3 + made)).status == "success"


def test_the_chip_files_budget_holds_beside_the_options(tmp_path):
    file = small_bench_file(tmp_path / "bench", rows=ROWS)
    chip = file.parent / "small-chip.toml"
    chip.write_text(
        chip.read_text(encoding="utf-8") + "\n[wear]\nmax_cycles_per_device = 2\n",
        encoding="utf-8",
    )
    setup = type(small_setup(tmp_path / "other"))(file)
    assert setup.chip.wear.max_cycles_per_device == 2
    asked = request(setup, tmp_path, die="a", seed=SEED, programmings=2)
    for most in (None, 1000):
        with pytest.raises(ValueError, match="budget is 2 cycles"):
            run(budgeted(asked, most))
    with pytest.raises(ValueError, match="budget is 1 cycles"):
        run(budgeted(asked, 1))


def test_other_bits_of_the_die_do_not_count(tmp_path, small):
    here = request(small, tmp_path, "endurance", "a", SEED, pair_row=0, pair_column=0, **CYCLES)
    again = request(small, tmp_path, "endurance", "a", None, pair_row=0, pair_column=0, **CYCLES)
    there = request(small, tmp_path, "endurance", "a", None, pair_row=1, pair_column=3, **CYCLES)
    assert run(budgeted(here, 250)).status == "success"
    with pytest.raises(ValueError, match="wear budget"):
        run(budgeted(again, 250))
    assert run(budgeted(there, 250)).status == "success"


class Greedy(load_procedure("program")):
    """Sends more than it plans, as no procedure should."""

    def steps(self):
        *steps, last = super().steps()
        again = type(last)(last.number, last.label, last.bench_s, self._ten_times)
        return [*steps, again]

    def _ten_times(self):
        for _ in range(10):
            self.chip.program(1 - self._bits, self.usable(), self.program_conditions)


def test_a_budget_that_is_reached_ends_the_run_before_the_pulse(tmp_path, small):
    procedure = Greedy()
    made = run(budgeted(request(small, tmp_path, procedure, "a", SEED), 5))
    assert made.status == "aborted"
    assert "wear budget of 5 cycles a device is reached" in made.record["reason"]
    assert "row 0 column 0" in made.record["reason"]
    booked = totals(tmp_path, "a")
    assert max(booked["set"].max(), booked["reset"].max()) == 5
    # Booked is what was sent: nothing that was refused.
    (left,) = made.path.glob("left-die-*.npz")
    die = Die.load(left)
    assert die.n_set[:ROWS, :COLUMNS].max() <= 1 + 5


# --- forming once --------------------------------------------------------------------------------


def unform(tmp_path, name, where):
    """The named die's device as it was before it was formed: what an open contact would show."""
    path = tmp_path / "dies" / f"{name}.npz"
    formed, fresh = Die.load(path), Die.fresh(SEED)
    for field in ("kind", "x", "formed_at", "forming_dose"):
        getattr(formed, field)[where] = getattr(fresh, field)[where]
    formed.save(path)


@pytest.fixture
def formed_once(tmp_path, small):
    """A die whose device row 1 column 2 BLb reads as unformed though it was formed."""
    first = run(request(small, tmp_path, "forming", die="a", seed=SEED))
    assert first.status == "success"
    unform(tmp_path, "a", (1, 2, 1))
    return first


def test_a_device_is_not_formed_by_two_runs(tmp_path, small, formed_once):
    made = run(request(small, tmp_path, die="a", programmings=1))
    assert made.status == "success"
    (told,) = [text for text in notes(made) if "forming pulses" in text]
    assert formed_once.id in told
    assert "row 1 column 2 BLb" in told
    assert "--formed retry" in told
    assert totals(tmp_path, "a")["form"].max() == 1
    # Its bit is in nothing after.
    assert np.isnan(made.array("resistance")[:, 1, 2]).all()
    assert np.isfinite(made.array("resistance")[:, 1, 3]).all()


def test_forming_leaves_it_out_unless_told_to_retry(tmp_path, small, formed_once):
    made = run(request(small, tmp_path, "forming", die="a"))
    assert made.array("forming_pulses").sum() == 0
    assert any("row 1 column 2 BLb" in text for text in notes(made))
    retried = run(request(small, tmp_path, "forming", die="a", formed="retry"))
    assert retried.status == "success"
    assert np.argwhere(retried.array("forming_pulses")).tolist() == [[1, 2, 1]]
    assert Die.load(tmp_path / "dies" / "a.npz").kind[1, 2, 1] == Kind.LRS


class Careless(load_procedure("forming")):
    """Forms without looking."""

    def _form(self, number, row):
        self.chip.form(np.ones((*self.shape, 2), dtype=bool))


def test_the_book_refuses_what_a_procedure_does_not(tmp_path, small, formed_once):
    made = run(request(small, tmp_path, Careless(), "a"))
    assert made.status == "failed"
    assert "formed before" in made.record["reason"]
    assert formed_once.id in made.record["reason"]
    assert totals(tmp_path, "a")["form"].max() == 1


def test_a_fresh_simulated_die_has_no_past(tmp_path, small):
    for _ in range(2):
        made = run(request(small, tmp_path, "forming", seed=SEED))
        assert made.array("forming_pulses").sum() == 2 * ROWS * COLUMNS


# --- retired bits --------------------------------------------------------------------------------


def test_a_retired_bit_is_left_out_by_name(tmp_path, small):
    retire(tmp_path, (0, 3), (1, 0))
    made = run(request(small, tmp_path, die="a", seed=SEED, programmings=1))
    assert made.status == "success"
    assert "Retired, left out: row 0 column 3, row 1 column 0." in notes(made)
    assert made.record["retired"] == [[0, 3], [1, 0]]
    for booked in totals(tmp_path, "a").values():
        assert booked[0, 3].sum() == booked[1, 0].sum() == 0
        assert booked[0, 4].sum() > 0
    assert Die.load(tmp_path / "dies" / "a.npz").kind[0, 3, 0] == Kind.PRISTINE


@pytest.mark.parametrize("procedure", ["forming", "checkerboard"])
@pytest.mark.usefixtures("undrawn")
def test_a_retired_bit_is_masked_and_reported_apart_from_the_unformed(tmp_path, small, procedure):
    retire(tmp_path, (0, 3), (1, 0))
    parameters = {"programmings": 1} if procedure == "checkerboard" else {}
    made = run(request(small, tmp_path, procedure, "a", SEED, **parameters))
    assert np.argwhere((made.array("unformed") == 2).all(axis=-1)).tolist() == [[0, 3], [1, 0]]
    summary = summarise(made)
    assert summary["unformed"] == []
    assert summary["retired"] == [[0, 3], [1, 0]]
    assert made.results()["Unformed devices"].sum() == 0
    if procedure == "forming":
        assert summary["devices"] == summary["formed_here"] == made.array("unformed").size - 4
    else:
        assert summary["cells"]["usable"] == made.array("unformed").size / 2 - 2
    assert ("Retired bits, left out", "row 0 column 3; row 1 column 0") in summary_rows(summary)
    page = write_report(made).read_text(encoding="utf-8")
    assert "Retired bits" in page
    assert "Unformed: row" not in page


@pytest.mark.parametrize(
    ("procedure", "parameters"),
    [
        ("forming", {}),
        ("program", {}),
        ("read", {}),
        ("compliance", {"cells": 16, "gate_step": 0.5}),
        ("endurance", {**CYCLES, "pairs": 2}),
        ("iv", {"devices": 4}),
    ],
)
def test_every_procedure_leaves_it_out(tmp_path, small, procedure, parameters):
    retire(tmp_path, (0, 0))
    made = run(request(small, tmp_path, procedure, "a", SEED, **parameters))
    assert made.status == "success", made.record["reason"]
    assert any(text.startswith("Retired, left out: row 0 column 0") for text in notes(made))
    for booked in totals(tmp_path, "a").values():
        assert booked[0, 0].sum() == 0
    if procedure == "read":
        assert np.isnan(made.array("resistance")[:, 0, 0]).all()


def command(tmp_path, *words):
    return CliRunner().invoke(app, [*words, "--runs", str(tmp_path / "runs")])


def test_bits_are_retired_and_restored_from_the_command_line(tmp_path):
    told = command(tmp_path, "die", "retire", "a", "--bits", "3,7 4,0", "--reason", "stuck")
    assert told.exit_code == 0
    assert "row 3 column 7, row 4 column 0" in told.stdout
    assert command(tmp_path, "die", "restore", "a", "--bits", "3,7").exit_code == 0
    with Ledger(tmp_path / "runs" / LEDGER) as ledger:
        assert ledger.retired("a") == {(4, 0): "stuck"}
        assert ledger.retired("b") == {}
    again = command(tmp_path, "die", "restore", "a", "--bits", "3,7")
    assert (again.exit_code, "not retired" in again.stderr) == (2, True)
    for bits in ("3", "3,x", "32,0", ""):
        wrong = command(tmp_path, "die", "retire", "a", "--bits", bits, "--reason", "x")
        assert wrong.exit_code == 2, bits
    shown = json.loads(command(tmp_path, "die", "show", "a", "--json").stdout)
    assert shown["retired"] == [{"row": 4, "column": 0, "reason": "stuck"}]


def test_a_simulated_die_and_a_real_one_do_not_share_a_name(tmp_path, small):
    """In one ledger their pulses would add up."""
    asked = request(small, tmp_path, die="a", seed=SEED, programmings=1)
    made = run(asked)
    record = made.path / "run.json"
    record.write_text(json.dumps({**made.record, "simulated": False}), encoding="utf-8")
    again = request(small, tmp_path, die="a", programmings=1)
    with pytest.raises(ValueError, match=f"die 'a' is a real one .*{made.id}.* is simulated"):
        run(again)
    record.unlink()
    assert run(again).status == "success"


def test_a_rebuilt_ledger_knows_the_retired_bits(tmp_path, small):
    run(request(small, tmp_path, "read", "a", SEED))
    retire(tmp_path, (0, 3), (1, 1))
    retire(tmp_path, (1, 1), action="restore")
    with (tmp_path / "runs" / RETIRED).open("a", encoding="utf-8") as file:
        file.write('{"die": "a", "action": "ret')
    (tmp_path / "runs" / LEDGER).unlink()
    assert command(tmp_path, "ledger", "rebuild").exit_code == 0
    with Ledger(tmp_path / "runs" / LEDGER) as ledger:
        assert ledger.retired("a") == {(0, 3): "stuck"}
    # The line that was cut short does not swallow the next one.
    retire(tmp_path, (1, 5))
    with Ledger(tmp_path / "runs" / LEDGER) as ledger:
        assert set(ledger.retired("a")) == {(0, 3), (1, 5)}


def test_a_resumed_run_is_the_same_run(tmp_path, small):
    """Formed by itself is no earlier forming; what was retired meanwhile counts for the next."""
    from tests.campaigns.test_resume import StopAt

    observer = StopAt(1, 2)
    asked = request(small, tmp_path, die="a", seed=SEED, programmings=1)
    made = run(budgeted(asked, 4), observer, observer.stop)
    assert made.status == "aborted"
    retire(tmp_path, (1, 1))
    done = resume(made, rollback=False)
    assert done.status == "success", done.record["reason"]
    assert not any("forming pulses" in text for text in notes(done))
    assert np.isfinite(done.array("resistance")[:, 1, 1]).all()
