"""The bench time that a plan tells, against what a run on the whole chip takes."""

from __future__ import annotations

import pytest

from labctl.bench import DieChoice
from labctl.benchfile import load_setup
from labctl.plan import make_plan
from labctl.runs import RunRequest, run
from procedures import load_procedure


@pytest.mark.slow
@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("checkerboard", {"programmings": 1}),
        ("forming", {}),
        ("conditions", {"rows": 2, "repetitions": 1}),
        ("sense", {"rows": 2, "programmings": 1}),
        ("energy", {"rows": 2, "cells": 8}),
    ],
)
def test_bench_time_is_told_to_a_fifth(tmp_path, name, values):
    setup = load_setup(None)
    procedure = load_procedure(name)()
    procedure.set_parameters(values)
    plan = make_plan(name, procedure, setup, None, tmp_path / "runs")
    asked = load_procedure(name)()
    asked.set_parameters(values)
    choice = DieChoice(None, 41, tmp_path / "dies")
    made = run(RunRequest(name, asked, setup, choice, tmp_path / "runs"))
    assert made.status == "success"
    assert plan.bench_time_s == pytest.approx(made.record["bench_time_s"]["total"], rel=0.2)
