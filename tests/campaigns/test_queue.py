"""Queues: recipes that are wrong, sweeps, conditions, and going on as a whole."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from labctl import queueing
from labctl.bench import BenchError
from labctl.cli import app
from labctl.observing import Observer, StopRequest
from labctl.queueing import carry_out, check, make_job, read_state
from labctl.recipe import Comparison, RecipeError, load_recipe, summary_value
from labctl.store.folder import RunFolder, list_runs
from labctl.store.ledger import LEDGER, Ledger
from labctl.store.retired import Retirement
from tests.simulated import small_bench_file

pytestmark = pytest.mark.usefixtures("undrawn")

ROWS, SEED = 2, 77

HEAD = f'recipe = 1\nbench = "bent.toml"\ndie = "a"\nseed = {SEED}\n'
FORMING = '[[run]]\nprocedure = "forming"\n'
SWEEP = (
    '[[run]]\nprocedure = "checkerboard"\nparameters.programmings = 1\n'
    'sweep.set_compliance = ["28uA", "55uA"]\n'
)


def recipe(tmp_path, *parts, head=HEAD):
    file = small_bench_file(tmp_path, rows=ROWS).parent / "mine.toml"
    file.write_text(head + "".join(parts), encoding="utf-8")
    return file


def job_of(tmp_path, *parts, head=HEAD):
    file = load_recipe(recipe(tmp_path, *parts, head=head))
    return make_job(file, None, None, tmp_path / "runs", tmp_path / "dies")


def statuses(content):
    return [one["status"] for one in content["runs"]]


# --- recipes -------------------------------------------------------------------------------------


def test_a_sweep_is_unfolded_in_order(tmp_path):
    swept = SWEEP + 'sweep.reset-voltage = ["1.5V", "2.5V"]\n'
    runs = load_recipe(recipe(tmp_path, FORMING, swept)).runs
    assert [run.label for run in runs[:3]] == [
        "forming",
        "checkerboard (set_compliance 28uA, reset_voltage 1.5V)",
        "checkerboard (set_compliance 28uA, reset_voltage 2.5V)",
    ]
    assert len(runs) == 5
    assert runs[4].procedure().set_compliance == pytest.approx(55e-6)
    assert runs[4].procedure().programmings == 1


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        (['[[run]]\nprocedure = "boil"\n'], ["run 1: no procedure 'boil'", "checkerboard"]),
        ([FORMING + "parameters.colour = 1\nsweep.size = [1]\n"], ["'colour'", "'size'"]),
        ([FORMING + 'parameters.mode = "ramp"\nsweep.mode = ["ramp"]\n'], ["swept and given"]),
        ([FORMING + "sweep.mode = []\n"], ["run 1, sweep.mode", "at least 1"]),
        ([FORMING + 'stop_if = { summary = "yield" }\n'], ["exactly one of above"]),
        ([FORMING + 'stop_if = { summary = "a", above = 1, below = 2 }\n'], ["exactly one"]),
        ([FORMING + 'skip_if = { summary = "a", above = 1 }\n'], ["give retired, or of"]),
        ([FORMING + 'skip_if = { of = "b", summary = "a", above = 1 }\n'], ["no earlier run"]),
        ([FORMING + 'skip_if = { retired = "x" }\n'], ["retired is a bit"]),
        ([FORMING + "colour = 1\n", FORMING + "size = 2\n"], ["run 1, colour", "run 2, size"]),
        ([], ["run: missing"]),
        (["run = 3\n"], ["run: "]),
        (["what"], ["not valid TOML"]),
    ],
)
def test_a_wrong_recipe_is_refused_with_all_that_is_wrong(tmp_path, parts, told):
    with pytest.raises(RecipeError) as refused:
        load_recipe(recipe(tmp_path, *parts))
    for text in told:
        assert text in str(refused.value)


def test_every_run_is_checked_before_the_first(tmp_path):
    job = job_of(
        tmp_path,
        FORMING,
        '[[run]]\nprocedure = "checkerboard"\nparameters.reset_voltage = "4V"\n',
        '[[run]]\nprocedure = "endurance"\nparameters.pair_row = 9\nparameters.pair_column = 0\n',
    )
    with pytest.raises(RecipeError) as refused:
        carry_out(job, goes_on=False)
    assert "2 problems" in str(refused.value)
    assert "run 2, checkerboard: RESET voltage 4V" in str(refused.value)
    assert "run 3, endurance: row 9" in str(refused.value)
    assert list_runs(tmp_path / "runs") == []


def test_the_budget_is_for_all_runs_together(tmp_path):
    # Two of each bit at most in each of the two runs.
    for budget, refused in ((4, False), (3, True)):
        job = job_of(tmp_path, SWEEP, head=f"max_cycles_per_device = {budget}\n" + HEAD)
        if refused:
            with pytest.raises(RecipeError, match=r"run 2, .*55uA.*: the wear budget is 3 cycles"):
                check(job)
        else:
            assert [plan.pulses_per_device["set"] for _, plan in check(job)] == [2, 2]


def test_the_recipe_that_ships_can_be_planned(tmp_path):
    from pathlib import Path

    file = load_recipe(Path("full-die"))
    plans = check(make_job(file, None, "d", tmp_path / "runs", tmp_path / "dies"))
    done = [queued.entry.procedure for queued, _ in plans]
    assert set(done) == {
        *("contact", "forming", "compliance", "checkerboard", "conditions", "endurance")
    }
    assert not (tmp_path / "runs").exists()


def test_comparisons():
    summary = {"ber": {"value": 0.25}, "verdict": "bad", "none": None}
    assert summary_value(summary, "ber.value.more") is None
    assert Comparison(summary="ber.value", above=0.1).judge(summary)[0]
    assert not Comparison(summary="ber.value", below=0.25).judge(summary)[0]
    assert Comparison(summary="verdict", equals="bad").judge(summary)[0]
    for path in ("none", "verdict"):
        with pytest.raises(RecipeError, match="cannot be judged"):
            Comparison(summary=path, above=1).judge(summary)


# --- carrying out --------------------------------------------------------------------------------


def test_a_queue_runs_in_order_on_one_die(tmp_path):
    content = carry_out(job_of(tmp_path, FORMING, SWEEP), goes_on=False)
    assert (content["status"], statuses(content)) == ("success", ["done"] * 3)
    runs = [RunFolder(tmp_path / "runs" / one["run"]) for one in content["runs"]]
    assert [run.record["procedure"] for run in runs] == ["forming", "checkerboard", "checkerboard"]
    assert {run.record["die"]["name"] for run in runs} == {"a"}
    assert {run.record["die"]["seed"] for run in runs} == {SEED}
    compliances = [run.record["parameters"]["set_compliance"] for run in runs[1:]]
    assert compliances == pytest.approx([28e-6, 55e-6])
    assert all((run.path / "report.html").is_file() for run in runs)


def test_it_stops_by_a_condition_and_goes_on_if_told(tmp_path):
    stops = FORMING + 'stop_if = { summary = "yield", above = 0.5 }\n'
    job = job_of(tmp_path, stops, SWEEP)
    content = carry_out(job, goes_on=False)
    assert content["status"] == "stopped"
    assert "yield is 1, above 0.5" in content["reason"]
    assert statuses(content) == ["done", "waiting", "waiting"]
    assert carry_out(job, goes_on=True)["status"] == "success"
    assert len(list_runs(tmp_path / "runs")) == 3


def test_a_condition_on_what_is_not_there_stops_it(tmp_path):
    content = carry_out(
        job_of(tmp_path, FORMING + 'stop_if = { summary = "beauty", below = 1 }\n', SWEEP), False
    )
    assert content["status"] == "stopped"
    assert "beauty is not known" in content["reason"]


def test_runs_are_skipped_by_what_was_found_or_retired(tmp_path):
    with Ledger(tmp_path / "runs" / LEDGER) as ledger:
        ledger.retire(Retirement("a", "retire", [(0, 1)], "stuck", "2026-11-22", "me"))
    content = carry_out(
        job_of(
            tmp_path,
            FORMING,
            '[[run]]\nprocedure = "read"\nskip_if = { retired = "0,1" }\n',
            '[[run]]\nprocedure = "read"\nskip_if = { retired = "1,1" }\n',
            '[[run]]\nprocedure = "program"\n'
            'skip_if = { of = "forming", summary = "formed_here", above = 3 }\n',
        ),
        goes_on=False,
    )
    assert content["status"] == "success"
    assert statuses(content) == ["done", "skipped", "done", "skipped"]
    assert content["runs"][1]["reason"] == "bit 0,1 is retired"


class StopIn(Observer):
    """Asks to stop when a step of the n-th run begins."""

    def __init__(self, run, step):
        self.left, self.step, self.stop = run, step, StopRequest()

    def opened(self, folder):
        self.left -= 1

    def progress(self, progress):
        if self.left == 0 and progress.step == self.step and not self.stop.asked:
            self.stop.ask()


def test_it_pauses_within_a_run_and_goes_on_there(tmp_path):
    job, observer = job_of(tmp_path, FORMING, SWEEP), StopIn(2, 1)
    content = carry_out(job, False, observer, observer.stop)
    assert content["status"] == "paused"
    assert statuses(content) == ["done", "begun", "waiting"]
    assert read_state(job.state_file) == content
    again = carry_out(job, goes_on=True)
    assert again["status"] == "success"
    assert again["runs"][1]["run"] == content["runs"][1]["run"]
    assert len(list_runs(tmp_path / "runs")) == 3


def test_a_bench_out_of_reach_fails_the_queue(tmp_path, monkeypatch):
    def unreachable(*_):
        raise BenchError("no bench here")

    job = job_of(tmp_path, FORMING)
    with monkeypatch.context() as patched:
        patched.setattr(queueing, "run", unreachable)
        content = carry_out(job, goes_on=False)
    assert content["status"] == "failed"
    assert content["reason"] == "run 1, forming: no bench here"
    assert read_state(job.state_file) == content
    assert carry_out(job, goes_on=True)["status"] == "success"
    assert len(list_runs(tmp_path / "runs")) == 1


def test_a_fault_in_a_report_is_told_at_the_queues_end(tmp_path, monkeypatch):
    def broken(*_):
        raise KeyError("median")

    told = []
    monkeypatch.setattr(queueing, "finish", broken)
    monkeypatch.setattr(queueing, "tell", lambda message: told.append(message) or [])
    content = carry_out(job_of(tmp_path, FORMING), goes_on=False)
    assert content["reason"] == "run 1, forming: KeyError: 'median'"
    assert [message["event"] for message in told] == ["queue_failed"]


def test_a_changed_recipe_is_not_gone_on_with(tmp_path):
    job, observer = job_of(tmp_path, FORMING, SWEEP), StopIn(1, 0)
    carry_out(job, False, observer, observer.stop)
    changed = job_of(tmp_path, FORMING, SWEEP, FORMING)
    with pytest.raises(RecipeError, match="has changed"):
        carry_out(changed, goes_on=True)


# --- from the command line -----------------------------------------------------------------------


def command(tmp_path, *words):
    places = ("--runs", str(tmp_path / "runs"), "--dies", str(tmp_path / "dies"))
    return CliRunner().invoke(app, ["queue", str(tmp_path / "mine.toml"), *places, *words])


def test_the_command_plans_runs_and_refuses_a_second(tmp_path):
    recipe(tmp_path, FORMING, '[[run]]\nprocedure = "read"\nstop_if={summary="none", above=1}\n')
    planned = command(tmp_path, "--dry-run")
    assert planned.exit_code == 0
    assert "2 runs on die a" in planned.stdout
    assert json.loads(command(tmp_path, "--dry-run", "--json").stdout)["bench_time_s"] > 0
    assert not (tmp_path / "runs").exists()
    assert command(tmp_path, "--resume").exit_code == 2
    stopped = command(tmp_path)
    assert stopped.exit_code == 1
    assert "--resume goes on" in stopped.stderr
    second = command(tmp_path)
    assert (second.exit_code, "not finished" in second.stderr) == (2, True)
    done = command(tmp_path, "--resume", "--json")
    assert (done.exit_code, json.loads(done.stdout)["status"]) == (0, "success")


def test_a_queue_without_a_die_is_refused(tmp_path):
    recipe(tmp_path, FORMING, head='recipe = 1\nbench = "bent.toml"\n')
    refused = command(tmp_path)
    assert (refused.exit_code, "named die" in refused.stderr) == (2, True)
    assert command(tmp_path, "--die", "b").exit_code == 0


def test_what_a_person_knows_is_in_every_run(tmp_path):
    command = ["queue", str(recipe(tmp_path, FORMING, '[[run]]\nprocedure = "contact"\n'))]
    command += ["--runs", str(tmp_path / "runs"), "--dies", str(tmp_path / "dies")]
    command += ["--temperature", "85", "--note", "after baking", "--log-level", "debug"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    runs = list_runs(tmp_path / "runs")
    assert [run.record["temperature_c"] for run in runs] == [85.0, 85.0]
    assert [run.remarks()[0]["text"] for run in runs] == ["after baking", "after baking"]
    assert "block 1: " in (runs[0].path / "log.txt").read_text(encoding="utf-8")
