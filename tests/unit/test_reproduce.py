"""What a band makes of a measured number, and how a reproduction goes on where it ended."""

from __future__ import annotations

import json
import math
import os
import signal
import time
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from labctl.cli import app
from labctl.observing import Observer, StopRequest
from labctl.reproduce import campaign as campaigns
from labctl.reproduce import command
from labctl.reproduce.campaign import MANIFEST, Campaign, ReproductionError
from labctl.reproduce.experiments import Experiment, full, quick
from labctl.reproduce.measured import (
    NOTHING,
    Verdict,
    averaged,
    counted,
    exact,
    judge,
    median_of,
)
from labctl.reproduce.paper import published
from labctl.reproduce.quantities import QUANTITIES
from labctl.reproduce.quantities.common import pooled, pooled_over_pairs, until
from labctl.session import Session
from labctl.store.folder import list_runs
from procedures import load_procedure
from tests.simulated import small_bench_file

UPPER, LOWER, BOTH = (None, 1e-3), (0.8, None), (0.01, 0.02)


@pytest.mark.parametrize(
    ("measured", "band", "verdict"),
    [
        (NOTHING, BOTH, Verdict.TOO_FEW_TRIALS),
        (counted(150, 10_000), BOTH, Verdict.INSIDE),
        (counted(300, 10_000), BOTH, Verdict.OUTSIDE),
        (counted(3, 10_000), BOTH, Verdict.OUTSIDE),
        (counted(21, 1_000), BOTH, Verdict.TOO_FEW_TRIALS),
        (counted(0, 100), UPPER, Verdict.TOO_FEW_TRIALS),
        (counted(0, 10_000), UPPER, Verdict.INSIDE),
        (counted(5, 10_000), UPPER, Verdict.TOO_FEW_TRIALS),
        (counted(50, 10_000), UPPER, Verdict.OUTSIDE),
        (counted(90, 100), LOWER, Verdict.INSIDE),
        (counted(10, 100), LOWER, Verdict.OUTSIDE),
        (exact(0, 1024), (None, 0.0), Verdict.INSIDE),
        (exact(1, 1024), (None, 0.0), Verdict.OUTSIDE),
        (averaged([0.5], 10), BOTH, Verdict.TOO_FEW_TRIALS),
        (averaged([0.5, 0.51, 0.49, 0.5], 10), BOTH, Verdict.OUTSIDE),
    ],
)
def test_a_verdict_needs_proof(measured, band, verdict):
    assert judge(measured, band) is verdict


def test_a_true_value_at_the_edge_is_called_outside_once_in_five_hundred():
    rng = np.random.default_rng(20261122)
    errors = rng.binomial(20_000, BOTH[1], size=4000)
    outside = sum(judge(counted(int(k), 20_000), BOTH) is Verdict.OUTSIDE for k in errors)
    # 0.1 % a side: 4 expected, 15 has a probability of 2e-5.
    assert outside < 15


def test_a_median_beyond_the_last_cycle_is_a_lower_bound():
    never = until(median_of([7e8] * 64, trials=64), 7e8)
    assert (never.value, never.high, never.is_bound) == (7e8, None, True)
    assert judge(never, (1e8, None)) is Verdict.INSIDE
    some = until(median_of([*np.arange(1.0, 31.0), *[7e8] * 34], trials=64), 7e8)
    assert (some.high, some.is_bound) == (None, True)
    most = until(median_of([*np.arange(1.0, 61.0), *[7e8] * 4], trials=64), 7e8)
    assert most.high < 60
    assert not most.is_bound


def test_the_median_of_pairs_has_an_exact_interval():
    measured = median_of([*np.arange(1, 64, dtype=float), math.inf], trials=64)
    assert measured.value == 32.5
    # Binomial: fewer than 24 of 64 on one side happens in 1.7 % of all cases, fewer than 25 in 3 %.
    assert (measured.low, measured.high) == (24.0, 41.0)
    assert measured.wide_low < measured.low < measured.high < measured.wide_high
    assert median_of([1.0, 2.0], 2).low is None


def test_the_interval_of_the_median_holds_what_it_says():
    rng = np.random.default_rng(4)
    held = 0
    for _ in range(2000):
        measured = median_of(rng.standard_normal(31).tolist(), 31)
        held += measured.low <= 0 <= measured.high
    assert held / 2000 >= 0.945


def test_every_published_quantity_is_measured_and_nothing_else():
    assert {entry.id for entry in published()} == set(QUANTITIES)
    assert len({entry.id for entry in published()}) == len(published())
    assert len({entry.quantity for entry in published()}) == len(published())


@pytest.mark.parametrize("version", [full, quick])
def test_the_experiments_are_runs_that_can_be_asked_for(version):
    for experiment in version(8):
        procedure = load_procedure(experiment.procedure)()
        procedure.set_parameters(dict(experiment.parameters))
        assert experiment.dies >= 1


@pytest.fixture
def campaign(tmp_path):
    bench = small_bench_file(tmp_path / "bench", rows=2)
    return Campaign(11, bench, None, tmp_path / "runs", workers=1)


SMALL = [
    Experiment("a", "checkerboard", {"programmings": "1"}, dies=2),
    Experiment("b", "forming", dies=1, weight=5.0),
]

ONE_EACH = [replace(experiment, dies=1) for experiment in SMALL]


def test_it_goes_on_where_it_ended(campaign, monkeypatch):
    told = []
    begun = campaigns._run

    def fails_at_the_third(task, *how):
        if len(told) == 2:
            raise ReproductionError("the lights went out")
        return begun(task, *how)

    monkeypatch.setattr(campaigns, "_run", fails_at_the_third)
    with pytest.raises(ReproductionError, match="lights"):
        campaign.carry_out(SMALL, lambda *progress: told.append(progress))
    assert told == [(1, 3, "b"), (2, 3, "a")]
    monkeypatch.setattr(campaigns, "_run", begun)
    runs = campaign.carry_out(SMALL, lambda *progress: told.append(progress))
    assert told[2:] == [(3, 3, "a")]
    assert [len(runs[key]) for key in ("a", "b")] == [2, 1]
    seeds = {folder.record["seed"] for folders in runs.values() for folder in folders}
    assert len(seeds) == 3


def test_another_seed_does_not_mix_with_it(campaign):
    campaign.runs.mkdir()
    (campaign.runs / MANIFEST).write_text(json.dumps({"seed": 12, "done": {}}), encoding="utf-8")
    with pytest.raises(ReproductionError, match="seed 12, not 11"):
        campaign.carry_out(SMALL, lambda *_: None)


class StopAt(Observer):
    """Asks to stop when a step of any run begins."""

    def __init__(self, step):
        self.step, self.stop, self.notes = step, StopRequest(), []

    def progress(self, progress):
        if progress.step == self.step and not self.stop.asked:
            self.stop.ask()

    def note(self, sentence):
        self.notes.append(sentence)


def test_on_a_named_die_an_interrupted_run_is_gone_on_with(campaign):
    on_a_die, observer = replace(campaign, die="d", workers=2), StopAt(0)
    with pytest.raises(ReproductionError, match="aborted: paused by the user after 1 steps"):
        on_a_die.carry_out(ONE_EACH, lambda *_: None, observer, observer.stop)
    assert "outputs at 0 V and open" in observer.notes[-1]
    (cut,) = list_runs(campaign.runs)
    assert cut.status == "aborted"
    found = on_a_die.carry_out(ONE_EACH, lambda *_: None)
    assert found["b"][0].id == cut.id
    assert len(list_runs(campaign.runs)) == 2
    assert [e["step"] for e in cut.events() if e["event"] == "resumed"] == [1]


def test_a_stop_after_the_last_step_begins_no_other_run(campaign):
    on_a_die, observer = replace(campaign, die="d"), StopAt(1)
    with pytest.raises(ReproductionError, match="stopped by the user before a"):
        on_a_die.carry_out(ONE_EACH, lambda *_: None, observer, observer.stop)
    assert [run.status for run in list_runs(campaign.runs)] == ["success"]


def test_a_run_that_was_taken_away_is_not_begun_anew(campaign):
    on_a_die, observer = replace(campaign, die="d"), StopAt(0)
    with pytest.raises(ReproductionError, match="paused"):
        on_a_die.carry_out(ONE_EACH, lambda *_: None, observer, observer.stop)
    (cut,) = list_runs(campaign.runs)
    cut.path.rename(campaign.runs.parent / "elsewhere")
    with pytest.raises(ReproductionError, match="put the run back"):
        on_a_die.carry_out(ONE_EACH, lambda *_: None)


@pytest.mark.skipif(os.name != "posix", reason="Windows sends no SIGTERM")
def test_a_termination_makes_the_outputs_safe_and_tells_how_to_go_on(campaign, monkeypatch):
    handled = signal.getsignal(signal.SIGTERM)
    begins = Session.step_begins

    def terminated(session, step):
        begins(session, step)
        os.kill(os.getpid(), signal.SIGTERM)
        # The handler runs in the main thread: the step must not end before it has.
        while not session.stop.asked:
            time.sleep(0.01)

    monkeypatch.setattr(Session, "step_begins", terminated)
    monkeypatch.setattr(command, "quick", lambda dies: ONE_EACH)
    where = ["--bench", str(campaign.bench), "--die", "d", "--runs", str(campaign.runs)]
    ended = CliRunner().invoke(app, ["reproduce", "--quick", "--json", *where])
    assert ended.exit_code == 1
    (cut,) = list_runs(campaign.runs)
    assert cut.status == "aborted"
    assert "outputs at 0 V and open" in ended.stderr
    assert f"b ({cut.id}) aborted: stopped by the user within step 1" in ended.stderr
    seed = json.loads((campaign.runs / MANIFEST).read_text(encoding="utf-8"))["seed"]
    assert f"the same command with --seed {seed} goes on from there" in ended.stderr
    assert signal.getsignal(signal.SIGTERM) is handled


def _pair(errors, trials=1_000_000):
    return {"errors": errors, "trials": trials, "value": errors / trials or None}


def test_one_pair_decides_nothing_of_all_pairs():
    band = (None, 1e-4)
    alone = pooled_over_pairs([_pair(300)])
    assert judge(alone, band) is Verdict.TOO_FEW_TRIALS
    assert judge(pooled([_pair(300)]), band) is Verdict.OUTSIDE
    assert judge(pooled_over_pairs([_pair(300), _pair(310), _pair(305)]), band) is Verdict.OUTSIDE
    few = pooled_over_pairs([_pair(300), _pair(1), _pair(0)])
    assert judge(few, band) is Verdict.TOO_FEW_TRIALS
    assert few.value == pooled([_pair(300), _pair(1), _pair(0)]).value
    assert few.low == 0.0
    assert few.high > 1e-4


def test_pairs_without_an_error_give_the_bound_of_all_trials():
    none = pooled_over_pairs([_pair(0), _pair(0)])
    assert none == pooled([_pair(0), _pair(0)])
    assert judge(none, (None, 1e-4)) is Verdict.INSIDE
