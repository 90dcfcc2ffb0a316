"""The grid of programming conditions on the simulated bench."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from labctl.cli import app
from labctl.report import summarise, write_report
from labctl.runs import run
from labctl.store.wear import blocks
from procedures.conditions import Conditions
from tests.simulated import request, small_bench_file, small_setup

SEED = 30_551_207
ROWS, COLUMNS = 4, 8
GRID = {"set_compliances": "55uA,28uA", "reset_voltages": "1.5V,2.5V", "pulse_widths": "1us"}


@pytest.fixture
def small(tmp_path):
    return small_setup(tmp_path / "bench", ROWS)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A small grid with both readings, three rows."""
    folder = tmp_path_factory.mktemp("made")
    setup = small_setup(folder / "bench", ROWS)
    values = {**GRID, "rows": 3, "repetitions": 3, "resistance": "yes"}
    return run(request(setup, folder, "conditions", seed=SEED, **values))


def test_every_condition_is_there_with_all_its_repetitions(made):
    assert made.status == "success", made.record["reason"]
    summary = summarise(made)
    found = [(p["set_compliance_a"], p["reset_v"], p["width_s"]) for p in summary["points"]]
    np.testing.assert_allclose(
        found, [(a, v, 1e-6) for a in (28e-6, 55e-6) for v in (1.5, 2.5)], rtol=1e-9
    )
    for point in summary["points"]:
        assert len(point["errors"]) == 3
        assert point["ber"]["trials"] == 3 * 3 * COLUMNS
    rows = made.results()
    programmed = rows[rows["Kind"] == "programming"]
    # Gentle first: by voltage, then width, then compliance.
    assert programmed["RESET voltage (V)"].tolist() == [1.5] * 6 + [2.5] * 6
    assert programmed["SET compliance (A)"].round(9).tolist() == [*[28e-6] * 3, *[55e-6] * 3] * 2
    errors = [sum(point["errors"]) for point in summary["points"]]
    assert programmed["2T2R wrong bits"].sum() == sum(errors)


def test_every_programming_switches_every_device(made):
    """Complementary patterns throughout: the LRS of one is the HRS of the next."""
    pattern = made.array("pattern")
    first = pattern[::3]
    assert all(set(np.unique(np.diff(p.astype(int)))) <= {-1, 0, 1} for p in pattern)
    for index in range(1, len(pattern)):
        extras = 1 if index % 3 == 0 else 0
        expected = pattern[index - 1] if extras else 1 - pattern[index - 1]
        np.testing.assert_array_equal(pattern[index], expected)
    assert len(first) == 4
    resistance = np.log10(made.array("resistance")[:, :3])
    assert np.isfinite(resistance).all()
    # An LRS that was not drawn anew would read alike to read noise (0.005 decade).
    again = np.abs(resistance[2] - resistance[0])
    assert np.median(again) > 0.05


def test_pulses_are_booked_with_what_is_in_no_count(made):
    bookings = [booking for block in blocks(made.events()) for booking in block.bookings]
    programmed = sum(booking.counts.astype(int) for booking in bookings)
    # Forming 1; per device and programming one pulse: 2 before all and 4 at each condition.
    expected = np.zeros((ROWS, COLUMNS, 2), dtype=int)
    expected[:3] = 1 + 2 + 4 * 4
    np.testing.assert_array_equal(programmed, expected)


def test_the_report_names_what_was_done(made):
    page = write_report(made).read_text(encoding="utf-8")
    for text in ("rows 0 to 2 of 4, 24 bits", "both patterns once", "&lt; ", "Spread over"):
        assert text in page
    assert page.count("data:image/png") == 2


@pytest.mark.parametrize(
    ("order", "volts"),
    [("gentle-first", [1.5, 1.5, 2.5, 2.5]), ("harsh-first", [2.5, 2.5, 1.5, 1.5])],
)
def test_the_order_of_the_conditions(order, volts):
    procedure = Conditions()
    procedure.set_parameters({**GRID, "order": order})
    assert [conditions.reset_v for conditions in procedure.grid()] == volts


def test_a_random_order_comes_from_its_seed():
    orders = []
    for seed in (1, 1, 2):
        procedure = Conditions()
        procedure.set_parameters({"order": "random", "order_seed": seed})
        orders.append(procedure.grid())
    assert orders[0] == orders[1] != orders[2]
    assert len(set(orders[0])) == 48


def test_the_defaults_are_those_of_the_paper():
    procedure = Conditions()
    assert procedure.set_compliances == pytest.approx([28e-6, 55e-6, 110e-6, 200e-6])
    assert procedure.reset_voltages == [1.5, 2.0, 2.5]
    assert procedure.pulse_widths == pytest.approx([1e-7, 1e-6, 1e-5, 1e-4])
    assert procedure.repetitions == 5


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--set-compliances", "28uA,28uA", "a value is given twice"),
        ("--set-compliances", "28uA,400uA", "is not allowed"),
        ("--set-compliances", "28uA;55uA", "not a quantity in A"),
        ("--pulse-widths", "", "has no value"),
        ("--pulse-widths", "105ns,101ns", "in steps of 10ns"),
        ("--rows", "0", "1 to 32"),
        ("--repetitions", "0", "a whole number"),
    ],
)
def test_what_cannot_be_run_is_one_sentence_before_anything(tmp_path, option, value, says):
    command = ["run", "conditions", "--runs", str(tmp_path / "runs"), option, value]
    refused = CliRunner().invoke(app, command, prog_name="labctl")
    assert refused.exit_code == 2
    assert says in " ".join(refused.stderr.split())
    assert not (tmp_path / "runs").exists()


def test_the_command_prints_the_grid(tmp_path, monkeypatch, undrawn):
    monkeypatch.chdir(tmp_path)
    bench = small_bench_file(tmp_path, rows=2)
    command = ["run", "conditions", "--bench", str(bench), "--seed", "3", "--repetitions", "1"]
    command += ["--set-compliances", "28uA", "--reset-voltages", "1.5V"]
    one = CliRunner().invoke(app, [*command, "--pulse-widths", "100ns", "--json"])
    assert one.exit_code == 0, one.output
    summary = json.loads(one.stdout)
    assert len(summary["points"]) == 1
    assert summary["spreads"] == []
    assert summary["is_monotone"] is None


def test_an_unformed_die_that_may_not_be_formed(tmp_path, small):
    asked = request(small, tmp_path, "conditions", seed=SEED, form_first="no", **GRID)
    refused = run(asked)
    assert refused.status == "failed"
    assert "no bit of these rows is formed" in refused.record["reason"]
    assert "No condition was measured" in write_report(refused).read_text(encoding="utf-8")
