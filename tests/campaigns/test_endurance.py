"""Endurance runs on the simulated bench: what they observe, book and leave."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from labctl.analysis.error_rates import error_rate
from labctl.cli import app
from labctl.observing import Observer, StopRequest
from labctl.report import summarise, write_report
from labctl.report.endurance import EnduranceReport
from labctl.resuming import resume
from labctl.runs import run
from labctl.store.folder import ARRAYS, RESULTS
from labctl.store.wear import blocks
from procedures.endurance import Endurance
from procedures.places import spread_places
from tests.simulated import request, small_bench_file, small_setup

SEED = 60_318_555
ROWS, COLUMNS = 4, 8
SHORT = {"cycles": "4000", "windows": 4, "window_cycles": 600, "resistance_cycles": 100, "pairs": 2}
WEAK = {"set_compliance": "20uA", "reset_voltage": "1.5V", "pulse_width": "100ns"}


@pytest.fixture
def small(tmp_path):
    return small_setup(tmp_path / "bench", ROWS)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two pairs through four windows, three of them too close to the next for their length."""
    folder = tmp_path_factory.mktemp("made")
    return run(
        request(small_setup(folder / "bench", ROWS), folder, "endurance", seed=SEED, **SHORT)
    )


def windows_of(made):
    rows = made.results()
    return rows[rows["Kind"] == "window"]


def test_windows_have_their_real_cycles_and_every_cycle_of_them_is_sensed(made):
    assert made.status == "success", made.record["reason"]
    rows = windows_of(made)
    spans = rows[["First cycle", "Last cycle"]].astype(int).to_numpy().tolist()
    assert spans[:4] == spans[4:] == [[1, 40], [41, 368], [369, 968], [3401, 4000]]
    sensed = rows["Sensed cycles"] + rows["Cycles not read"]
    assert (sensed == rows["Last cycle"] - rows["First cycle"] + 1).all()
    jumps = made.results()[made.results()["Kind"] == "jump"]
    assert jumps[["First cycle", "Last cycle"]].astype(int).to_numpy().tolist() == [[969, 3400]] * 2


def test_every_cycle_is_booked_once_whether_observed_or_not(made):
    bookings = [b for block in blocks(made.events()) for b in block.bookings]
    expected = np.zeros((ROWS, COLUMNS, 2), dtype=int)
    for place in spread_places(2, (ROWS, COLUMNS)):
        expected[place] = 4000 // 2
    for kind in ("set", "reset"):
        booked = sum(b.counts.astype(int) for b in bookings if b.kind == kind)
        # The programming before the first cycle: bit 1 SETs BLb and RESETs BL.
        extra = (expected > 0) & (np.arange(2) == (1 if kind == "set" else 0))
        np.testing.assert_array_equal(booked, expected + extra)


def test_rows_and_report_come_from_the_stored_readings(made):
    summary = summarise(made)
    rows = windows_of(made)
    of, ohm = made.array("resistance_of"), made.array("resistance")
    flat = iter(rows.to_dict("records"))
    for number, pair in enumerate(summary["pairs"]):
        for window, told in enumerate(pair["windows"]):
            row = next(flat)
            mine = (of[:, 0] == number) & (of[:, 1] == window)
            measured = int(of[mine, 4].sum())
            assert told["measured_cycles"] == measured == row["Measured cycles"]
            # A window of 40 cycles has room for 20 measured ones: two ranges, half of the bits.
            assert measured == (20 if window == 0 else 100)
            after_0 = ohm[mine & (of[:, 2] == 0)][..., 0]
            readings = np.sort(after_0[np.isfinite(after_0)])
            middle = round((len(readings) - 1) / 2)
            assert told["bands"]["BL LRS"]["median_ohm"] == float(readings[middle])
            assert row["BL LRS median (ohm)"] == told["bands"]["BL LRS"]["median_ohm"]
            assert told["ber_1t1r"]["trials"] == 2 * measured == row["1T1R readings"]
            wrong = row["2T2R bits 0 read as 1"] + row["2T2R bits 1 read as 0"]
            assert told["ber_2t2r"] == error_rate(wrong, row["Sensed cycles"]).as_dict()
            lrs, hrs = (told["bands"][f"BL {state}"]["median_ohm"] for state in ("LRS", "HRS"))
            assert 3e3 < lrs < 12e3
            assert 6e4 < hrs < 8e5


def test_the_report_says_in_how_many_cycles_r_was_read(made):
    page = write_report(made).read_text(encoding="utf-8")
    for text in (
        "R was read in 20 to 100 cycles a window and pair",
        "cycles in between were not observed",
        "first window, filled: last",
        "Cycles 3401 to 4000".lower(),
        "one reference for all pairs",
    ):
        assert text.lower() in page.lower()
    assert page.count("data:image/png") == 3


SENSED = {**SHORT, **WEAK, "resistance_cycles": 0}


@pytest.fixture(scope="module")
def sensed(tmp_path_factory):
    """Two pairs whose resistances are never read."""
    folder = tmp_path_factory.mktemp("sensed")
    return run(
        request(small_setup(folder / "bench", ROWS), folder, "endurance", seed=SEED, **SENSED)
    )


def test_without_resistances_every_cycle_of_a_window_is_only_sensed(sensed):
    assert sensed.status == "success", sensed.record["reason"]
    rows = windows_of(sensed)
    assert (rows["Sensed cycles"] == rows["Last cycle"] - rows["First cycle"] + 1).all()
    assert rows["Last cycle"].max() == 4000
    assert rows["Measured cycles"].isna().all()
    assert len(sensed.array("resistance")) == 0
    summary = summarise(sensed)
    wrong = rows["2T2R bits 0 read as 1"] + rows["2T2R bits 1 read as 0"]
    assert wrong.sum() > 20
    assert sum(w["ber_2t2r"]["errors"] for w in summary["windows"]) == wrong.sum()
    for window in summary["windows"]:
        assert window["measured_cycles"] == window["ber_1t1r"]["trials"] == 0
        assert window["ber_1t1r_common"]["value"] is None
    assert summary["crossing_1t1r"] is summary["crossing_1t1r_common"] is None


def test_without_resistances_nothing_is_said_of_1t1r(sensed):
    lines = EnduranceReport.rows(summarise(sensed))
    assert all(text.endswith("resistances not read") for name, text in lines if "Cycles" in name)
    assert [name for name, _ in lines if "above" in name] == ["2T2R above 1e-3"]
    page = write_report(sensed).read_text(encoding="utf-8")
    assert page.count("data:image/png") == 1
    assert "Resistances not read." in page
    assert "1T1R: both devices" not in page


def test_wrong_cycles_are_kept_by_number(tmp_path, small):
    made = run(request(small, tmp_path, "endurance", seed=SEED, **{**SHORT, **WEAK, "pairs": 1}))
    assert made.status == "success", made.record["reason"]
    rows = windows_of(made)
    wrong = made.array("wrong_cycles")
    for kept, row in zip(wrong, rows.to_dict("records"), strict=True):
        cycles = kept[kept[:, 0] >= 0]
        for bit, name in enumerate(("2T2R bits 0 read as 1", "2T2R bits 1 read as 0")):
            assert np.count_nonzero(cycles[:, 1] == bit) == row[name]
        assert (cycles[:, 0] >= row["First cycle"]).all()
        assert (cycles[:, 0] <= row["Last cycle"]).all()
        # Cycle 1 is bit 0, cycle 2 bit 1, and so on.
        np.testing.assert_array_equal((cycles[:, 0] - 1) % 2, cycles[:, 1])
    assert rows["2T2R bits 0 read as 1"].sum() > 20


def test_every_cycle_mode_reads_both_states_in_every_cycle(tmp_path, small, undrawn):
    values = {"cycles": 200, "windows": 2, "pairs": 1, "mode": "every-cycle"}
    made = run(request(small, tmp_path, "endurance", seed=SEED, **values))
    assert made.status == "success", made.record["reason"]
    rows = windows_of(made)
    assert (rows["Measured cycles"] == rows["Sensed cycles"]).all()
    assert rows["Sensed cycles"].sum() == 200
    of = made.array("resistance_of")
    assert of[:, 4].sum() == 200
    assert "Every cycle was observed" in write_report(made).read_text(encoding="utf-8")


def test_fatigue_ends_a_pair_and_says_so(tmp_path, small):
    values = {**SHORT, **WEAK, "stop_at_ber": 1e-3}
    made = run(request(small, tmp_path, "endurance", seed=SEED, **values))
    assert made.status == "success", made.record["reason"]
    rows = windows_of(made)
    for _, own in rows.groupby("Row"):
        errors = own["2T2R bits 0 read as 1"] + own["2T2R bits 1 read as 0"]
        above = [
            error_rate(k, n).low > 1e-3 for k, n in zip(errors, own["Sensed cycles"], strict=True)
        ]
        assert above[-1]
        assert not any(above[:-1])
    notes = [note for note in made.record["notes"] if "is worn out: 2T2R bit error rate" in note]
    assert len(notes) == 2
    booked = [b for block in blocks(made.events()) for b in block.bookings]
    assert sum(int(b.counts.sum()) for b in booked if b.kind == "set") < 2 * 4000


def test_a_pair_that_is_not_formed_is_named_and_left_out(tmp_path, small):
    made = run(request(small, tmp_path, "endurance", seed=SEED, form_first="no", **SHORT))
    assert made.status == "failed"
    assert "no pair of this run is formed (row 0 column 0, row 2 column 5)" in made.record["reason"]
    assert any("Unformed, left out with its pair" in note for note in made.record["notes"])


class StopAt(Observer):
    """Asks to stop within a step."""

    def __init__(self, number):
        self.number, self.stop = number, StopRequest()

    def progress(self, progress):
        if progress.step == self.number and not self.stop.asked:
            self.stop.ask()
            self.stop.ask()


@pytest.mark.parametrize(
    ("number", "values"),
    [
        (3, {**SHORT, **WEAK, "stop_at_ber": 1e-3}),
        (8, {**SHORT, **WEAK, "stop_at_ber": 1e-3}),
        pytest.param(8, SENSED, marks=pytest.mark.slow),
    ],
)
def test_a_resumed_run_has_the_same_data(tmp_path, small, sensed, number, values):
    whole = sensed
    if values is not SENSED:
        whole = run(request(small, tmp_path / "whole", "endurance", seed=SEED, **values))
    observer = StopAt(number)
    asked = request(small, tmp_path, "endurance", seed=SEED, **values)
    stopped = run(asked, observer, observer.stop)
    assert stopped.status == "aborted"
    again = resume(stopped)
    assert again.status == "success", again.record["reason"]
    for one, other in zip(
        sorted((again.path / ARRAYS).iterdir()),
        sorted((whole.path / ARRAYS).iterdir()),
        strict=True,
    ):
        assert one.read_bytes() == other.read_bytes(), one.name
    assert (again.path / RESULTS).read_bytes() == (whole.path / RESULTS).read_bytes()


def steps_of(setup, **values):
    procedure = Endurance()
    procedure.set_parameters(values)
    procedure.prepare(setup.chip, setup.limit, simulated=True)
    return procedure.steps()


@pytest.mark.parametrize("cycles", ["7e8", "5e10"])
def test_no_step_is_longer_than_ten_minutes(small, cycles):
    steps = steps_of(small, cycles=cycles)
    assert max(step.bench_s for step in steps) <= 600
    assert sum("window" in step.label for step in steps) == 12
    long_window = steps_of(small, cycles=cycles, window_cycles="1e8")
    assert max(step.bench_s for step in long_window) <= 600


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--cycles", "2001"], "is odd: cycles come in pairs"),
        (["--cycles", "1e11"], "a whole number, 200 to 5e+10"),
        (["--cycles", "many"], "a whole number, 200 to 5e+10"),
        (["--mode", "every-cycle"], "2e+06 cycles at most, all pairs together"),
        (["--mode", "every-cycle", "--resistance-cycles", "0"], "2e+06 cycles at most"),
        (
            ["--mode", "every-cycle", "--cycles", "400", "--resistance-cycles", "0"],
            "--resistance-cycles would change nothing here: only with --mode checkpoint",
        ),
        (["--pair-row", "3"], "give both --pair-row and --pair-column, or neither"),
        (["--pair-row", "3", "--pair-column", "4", "--pairs", "2"], "leave out --pairs"),
        (["--pair-row", "4", "--pair-column", "4"], "is not in an array of 4 x 8"),
        (["--pairs", "33"], "the array has 32"),
        (["--cycles", "300", "--windows", "80"], "80 windows do not fit into 300 cycles"),
        (["--set-compliance", "400uA"], "is not allowed"),
        (["--stop-at-ber", "2"], "0 to 1"),
        (["--pulse-width", "104ns"], "Pulse width 104ns is not allowed: 100ns to 100us in steps"),
    ],
)
def test_what_cannot_be_run_is_one_sentence_before_anything(tmp_path, options, says):
    bench = small_bench_file(tmp_path / "bench", rows=ROWS)
    command = ["run", "endurance", "--bench", str(bench), "--runs", str(tmp_path / "runs")]
    refused = CliRunner().invoke(app, [*command, *options], prog_name="labctl")
    assert refused.exit_code == 2
    assert says in " ".join(refused.stderr.split())
    assert not (tmp_path / "runs").exists()


def test_the_command_prints_a_line_a_window(tmp_path, monkeypatch, undrawn):
    monkeypatch.chdir(tmp_path)
    bench = small_bench_file(tmp_path, rows=ROWS)
    command = ["run", "endurance", "--bench", str(bench), "--seed", "5", "--pair-row", "2"]
    command += ["--pair-column", "6", "--cycles", "1e3", "--windows", "3", "--json"]
    done = CliRunner().invoke(app, command, prog_name="labctl")
    assert done.exit_code == 0, done.stderr
    summary = json.loads(done.stdout)
    (pair,) = summary["pairs"]
    assert (pair["row"], pair["column"]) == (2, 6)
    assert [window["last"] for window in summary["windows"]] == [10, 500, 1000]
