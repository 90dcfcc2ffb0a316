"""Disturb on the simulated bench: what is stressed, what is left alone, what would be seen."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from instruments.sim.chip.array import Chip
from labctl.bench import Bench, DieChoice
from labctl.cli import app
from labctl.report import summarise, write_report
from labctl.runs import run
from labctl.store.wear import blocks
from procedures.disturb import Disturb
from tests.simulated import die_of, request, small_bench_file, small_setup

SEED = 17_003_348
ROWS, COLUMNS = 4, 8


@pytest.fixture
def small(tmp_path):
    return small_setup(tmp_path / "bench", ROWS)


def disturb(setup, folder, bench=None, **parameters):
    made = run(request(setup, folder, "disturb", seed=SEED, **parameters), bench=bench)
    assert made.status == "success", made.record["reason"]
    return made


def seen(summary):
    """Groups and states in which the last dose moved the devices."""
    return [
        (group["name"], state)
        for group in summary["groups"]
        for state, changes in group["changes"].items()
        if changes[-1]["is_seen"]
    ]


def booked(made, kind=None):
    """Pulses of a kind (None: all) that the run booked, (rows, columns, 2)."""
    bookings = [booking for block in blocks(made.events()) for booking in block.bookings]
    return sum(b.counts.astype(int) for b in bookings if kind in (None, b.kind))


def procedure_of(setup, **parameters):
    procedure = Disturb()
    procedure.set_parameters(parameters)
    procedure.prepare(setup.chip, setup.limit, simulated=True)
    return procedure


@pytest.mark.parametrize("stress", ["sense", "hold", "half-select"])
def test_victim_and_reference_hold_the_same_bit_and_share_no_stress(small, stress):
    procedure = procedure_of(small, stress=stress, held_bits=16)
    pattern, pairs = procedure.pattern(), procedure.pairs()
    victims, references = pairs[:, 1:3], pairs[:, 3:5]
    np.testing.assert_array_equal(pattern[tuple(victims.T)], pattern[tuple(references.T)])
    assert not {tuple(v) for v in victims.tolist()} & {tuple(r) for r in references.tolist()}
    assert victims.max(axis=0).tolist() <= [ROWS - 1, COLUMNS - 1]
    both = {int(bit) for bit in pattern[tuple(victims.T)]}
    assert both == {0, 1}
    if stress == "half-select":
        assert (references != 0).all()
        column, row = pairs[pairs[:, 0] == 0], pairs[pairs[:, 0] == 1]
        assert (column[:, 2] == 0).all()
        assert len(column) == ROWS - 1
        assert (row[:, 1] == 0).all()
        assert len(row) == COLUMNS - 1
    else:
        assert (victims[:, 0] % 2 == 0).all()
        assert (references[:, 0] % 2 == 1).all()


@pytest.mark.parametrize(
    ("parameters", "totals"),
    [
        ({"stress": "sense", "count": "1e5", "doses": 5}, [10, 100, 1000, 1e4, 1e5]),
        ({"stress": "half-select", "count": "9", "doses": 1}, [10]),
        ({"stress": "half-select", "count": "2", "doses": 3}, [2]),
        ({"stress": "hold", "duration": "10s", "doses": 1}, [10]),
        ({"stress": "hold", "duration": "10s", "doses": 4}, [0.01, 0.1, 1, 10]),
    ],
)
def test_doses_are_log_spaced_and_whole(small, parameters, totals):
    procedure = procedure_of(small, **parameters)
    assert procedure.totals() == pytest.approx(totals)


def test_senses_reach_the_rows_that_they_should(tmp_path, small, monkeypatch):
    sensed = np.zeros(32, dtype=int)
    sense = Chip._sense

    def counted(chip, edge, trace):
        sensed[chip._row] += 1
        sense(chip, edge, trace)

    monkeypatch.setattr(Chip, "_sense", counted)
    made = disturb(small, tmp_path, count=49, doses=2)
    # 49 senses of even rows; every row once at each of three reads.
    np.testing.assert_array_equal(sensed[:ROWS], [52, 3, 52, 3])
    assert made.array("stress").tolist() == [0, 7, 49]
    summary = summarise(made)
    assert seen(summary) == []
    assert summary["groups"][0]["bits"] == 2 * COLUMNS
    # Reads and senses are no pulses: forming and three programmings are all that is booked.
    np.testing.assert_array_equal(booked(made), np.full((ROWS, COLUMNS, 2), 4))


def test_held_read_voltage_moves_nothing(tmp_path, small):
    made = disturb(small, tmp_path, stress="hold", duration="2s", doses=2)
    assert seen(summarise(made)) == []


def test_a_held_voltage_that_sets_is_seen_in_the_victims_alone(tmp_path, small):
    made = disturb(small, tmp_path, stress="hold", hold_voltage="1V", duration="0.5s", doses=1)
    summary = summarise(made)
    assert ("held bits", "HRS") in seen(summary)
    (group,) = summary["groups"]
    last = group["changes"]["HRS"][-1]
    assert last["excess"]["value"] < -0.8
    assert last["moved"]["errors"] == last["pairs"]
    assert last["moved_references"]["errors"] == 0
    # Every hold is booked, on both devices of the bit.
    held = booked(made, "hold")
    assert held.sum() == 2 * 16
    assert held.max() == 1
    page = write_report(made).read_text(encoding="utf-8")
    assert "HRS devices, held bits: the stress moves them" in page


def test_half_select_programs_the_aggressor_alone(tmp_path, small):
    bench = Bench(small, DieChoice(None, SEED, tmp_path))
    made = disturb(small, tmp_path, bench, stress="half-select", count=100, doses=2)
    # Forming and three programmings for all; the aggressor a SET and a RESET a loop of two.
    expected = np.full((ROWS, COLUMNS, 2), 4)
    expected[0, 0] += 100
    np.testing.assert_array_equal(booked(made), expected)
    die = die_of(bench)
    switched = die.n_set.reshape(32, 32, 2)[:ROWS, :COLUMNS]
    assert (switched[0, 0] >= 50).all()
    others = switched.copy()
    others[0, 0] = 0
    assert others.max() <= 4
    summary = summarise(made)
    assert [group["name"] for group in summary["groups"]] == ["same column", "same row"]
    assert seen(summary) == []
    page = write_report(made).read_text(encoding="utf-8")
    assert "no V/2 scheme can be applied" in page
    assert "an assumption of the model, not a finding" in page


def test_a_victim_that_is_moved_behind_its_back_is_seen(tmp_path, monkeypatch):
    """Devices of the aggressor's column lose 0.1 decade with each dose."""
    rows = 12
    setup = small_setup(tmp_path, rows)
    bench = Bench(setup, DieChoice(None, SEED, tmp_path))
    stress = Disturb._program_aggressor

    def leaky(self, times, usable):
        stress(self, times, usable)
        die_of(bench).x.reshape(32, 32, 2)[1:rows, 0] -= 0.1

    monkeypatch.setattr(Disturb, "_program_aggressor", leaky)
    made = disturb(setup, tmp_path, bench, stress="half-select", count=20, doses=3, rows=rows)
    (column, row) = summarise(made)["groups"]
    assert column["changes"]["LRS"][-1]["is_seen"]
    assert column["changes"]["LRS"][-1]["excess"]["value"] == pytest.approx(-0.3, abs=0.1)
    assert not row["changes"]["LRS"][-1]["is_seen"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--rows", "1"], "not enough for victims and references"),
        (["--stress", "half-select", "--rows", "2"], "needs 3 or more"),
        (["--stress", "hold", "--rows", "2", "--held-bits", "33"], "room for 32"),
        (["--stress", "hold", "--hold-voltage", "2V"], "50mV to 1V"),
        (["--count", "1"], "a whole number"),
        (["--stress", "heat"], "sense or hold or half-select"),
    ],
)
def test_what_cannot_be_run_is_one_sentence(tmp_path, options, says):
    command = ["run", "disturb", "--runs", str(tmp_path / "runs"), *options]
    refused = CliRunner().invoke(app, command, prog_name="labctl")
    assert refused.exit_code == 2
    assert says in " ".join(refused.stderr.split())


def test_the_command(tmp_path, monkeypatch, undrawn):
    monkeypatch.chdir(tmp_path)
    bench = small_bench_file(tmp_path, rows=2)
    command = ["run", "disturb", "--bench", str(bench), "--seed", "3", "--count", "10", "--json"]
    one = CliRunner().invoke(app, command, prog_name="labctl")
    assert one.exit_code == 0, one.output
    assert json.loads(one.stdout)["groups"][0]["changes"]["LRS"][-1]["pairs"] == COLUMNS
