"""`labctl plan`: what it says is what a run then does; it touches nothing."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from typer.testing import CliRunner

from labctl.cli import app
from labctl.plan import make_plan
from labctl.runs import run
from labctl.store.wear import blocks
from procedures import PROCEDURES, load_procedure
from procedures.base import FORM_DEVICE_S
from tests.simulated import request, small_bench_file, small_setup

ROWS, COLUMNS = 4, 8


@pytest.fixture
def setup(tmp_path):
    return small_setup(tmp_path / "bench", ROWS)


def plan_of(setup, folder, name="checkerboard", die=None, **values):
    procedure = load_procedure(name)()
    procedure.set_parameters(values)
    return make_plan(name, procedure, setup, die, folder / "runs")


def planned(tmp_path, *arguments):
    folder = tmp_path / "plan"
    folder.mkdir(exist_ok=True)
    picture = ["--png", str(folder / "waveforms.png"), "--runs", str(tmp_path / "runs")]
    return CliRunner().invoke(app, ["plan", *arguments, *picture])


def test_a_run_sends_no_pulse_more_than_planned(tmp_path, setup):
    plan = plan_of(setup, tmp_path, programmings=2)
    made = run(request(setup, tmp_path, seed=7, programmings=2))
    assert made.status == "success"
    total, most = Counter(), {}
    for block in blocks(made.events()):
        for booking in block.bookings:
            total[booking.kind] += int(booking.counts.sum())
            most[booking.kind] = most.get(booking.kind, 0) + booking.counts
    assert total["form"] == plan.pulses["form"] == ROWS * COLUMNS * 2
    # The extra programming: each device is SET or RESET by it, which of the two is its pattern's.
    assert total["set"] + total["reset"] == 5 * ROWS * COLUMNS * 2
    for kind, counts in most.items():
        assert counts.max() == plan.pulses_per_device[kind]


@pytest.mark.parametrize(
    ("values", "kinds"),
    [
        ({"devices": "3", "cycles": "2"}, {"form", "set", "sweep"}),
        ({"devices": "3", "sweep": "forming"}, {"form"}),
    ],
)
def test_quasi_static_sweeps_are_planned_as_they_are_booked(tmp_path, setup, values, kinds):
    plan = plan_of(setup, tmp_path, "iv", **values)
    assert set(plan.pulses_per_device) == kinds
    made = run(request(setup, tmp_path, "iv", seed=7, **values))
    assert made.status == "success"
    most = {}
    for block in blocks(made.events()):
        for booking in block.bookings:
            most[booking.kind] = most.get(booking.kind, 0) + booking.counts
    assert {kind: counts.max() for kind, counts in most.items()} == plan.pulses_per_device
    # 80 points a way, 20 ms each: far more than any pulse.
    assert plan.energy_per_device_j > 1e-4


@pytest.mark.parametrize(
    ("name", "values", "within"),
    [
        ("compliance", {"cells": "4"}, 0.34),
        ("endurance", {"cycles": "2e7", "windows": 2, "window_cycles": "2000"}, 0.1),
    ],
)
def test_bench_time_is_told_nearly(tmp_path, setup, name, values, within):
    plan = plan_of(setup, tmp_path, name, **values)
    made = run(request(setup, tmp_path, name, seed=7, **values))
    assert plan.bench_time_s == pytest.approx(made.record["bench_time_s"]["total"], rel=within)


def test_forming_is_expected_of_what_no_run_has_formed(tmp_path, setup):
    fresh = plan_of(setup, tmp_path, die="lab-3", programmings=1)
    run(request(setup, tmp_path, "forming", die="lab-3"))
    formed = plan_of(setup, tmp_path, die="lab-3", programmings=1)
    devices = 2 * ROWS * COLUMNS
    assert fresh.bench_time_s - formed.bench_time_s > devices * FORM_DEVICE_S
    left = plan_of(setup, tmp_path, programmings=1, form_first="no")
    assert left.bench_time_s == formed.bench_time_s


def test_the_ledger_tells_what_the_die_has_had(tmp_path, setup):
    run(request(setup, tmp_path, die="lab-3", programmings=1))
    plan = plan_of(setup, tmp_path, die="lab-3", programmings=1)
    assert plan.booked_per_device == {"form": 1, "set": 2, "reset": 2}
    assert plan_of(setup, tmp_path, die="other").booked_per_device == {}


@pytest.mark.parametrize("name", PROCEDURES)
def test_every_procedure_has_a_plan_within_the_limits(tmp_path, undrawn, name):
    result = planned(tmp_path, name, "--json")
    assert result.exit_code == 0, result.output
    plan = json.loads(result.output)
    assert plan["steps"] >= 1
    assert plan["bench_time_s"] > 0
    for pad in plan["pads"]:
        assert pad["limit_low_v"] <= pad["lowest_v"] <= pad["highest_v"] <= pad["limit_high_v"]
    for need in plan["instrument"]:
        assert 0 <= need["needed"] <= need["allowed"], need
    assert bool(plan["pulses"]) == (plan["energy_j"] > 0)
    assert (tmp_path / "plan" / "waveforms.png").read_bytes().startswith(b"\x89PNG")
    assert not (tmp_path / "runs").exists()


def test_people_get_a_table(tmp_path):
    result = planned(tmp_path, "checkerboard", "--programmings", "3")
    assert result.exit_code == 0
    assert (tmp_path / "plan" / "waveforms.png").stat().st_size > 10_000
    for text in ("nothing was sent", "at most 1 form, 4 set, 4 reset", "0 V to 3.3 V, allowed"):
        assert text in " ".join(result.output.replace("│", " ").split())


def test_what_a_run_refuses_a_plan_refuses_too(tmp_path):
    tight = ("[simulation]", "[limits.BL]\nvolts = [0.0, 2.4]\n[simulation]")
    bench = small_bench_file(tmp_path / "bench", tight)
    result = planned(tmp_path, "checkerboard", "--bench", str(bench))
    assert result.exit_code == 2
    assert "BL" in result.stderr
    assert "2.4" in result.stderr
