"""Differential runs on the simulated bench: array points and pair points."""

from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner

from labctl.cli import app
from labctl.report import summarise, write_report
from labctl.runs import run
from labctl.store.wear import blocks
from tests.simulated import request, small_bench_file, small_setup

SEED = 90_127_311
ROWS, COLUMNS = 2, 8
SHORT_ARRAY = {"low_compliances": "20uA,55uA", "programmings": 3}
SHORT_PAIRS = {"high_compliances": "70uA,160uA", "cycles": 800, "resistance_cycles": 400}
SHORT = {**SHORT_ARRAY, **SHORT_PAIRS}


@pytest.fixture
def small(tmp_path):
    return small_setup(tmp_path / "bench", ROWS)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two array points and two pair points."""
    folder = tmp_path_factory.mktemp("made")
    setup = small_setup(folder / "bench", ROWS)
    return run(request(setup, folder, "differential", seed=SEED, **SHORT))


def test_all_points_are_there_with_their_trials(made):
    assert made.status == "success", made.record["reason"]
    points = summarise(made)["points"]
    assert [p["set_compliance_a"] for p in points] == pytest.approx([20e-6, 55e-6, 70e-6, 160e-6])
    assert [p["place"] is None for p in points] == [True, True, False, False]
    for point in points[:2]:
        assert point["ber_2t2r"]["trials"] == 2 * 3 * ROWS * COLUMNS
        assert point["ber_1t1r"]["trials"] == 2 * 2 * 3 * ROWS * COLUMNS
        assert point["ideal"]["trials"] == 2 * 3 * ROWS * COLUMNS
    for point in points[2:]:
        assert point["ber_2t2r"]["trials"] == 800
        assert point["ber_1t1r"]["trials"] == 2 * 400
    # 20 uA is far from the others: many errors of both kinds.
    assert points[0]["ber_1t1r"]["errors"] > points[1]["ber_1t1r"]["errors"]
    assert points[0]["ber_2t2r"]["errors"] > points[1]["ber_2t2r"]["errors"]


def test_every_programming_of_the_array_switches_every_device(made):
    """The extra programmings are where a pattern is not followed by its inverse."""
    pattern, compliance = made.array("array_pattern"), made.array("array_compliance")
    for before, after, same in zip(
        pattern, pattern[1:], compliance[1:] == compliance[:-1], strict=False
    ):
        np.testing.assert_array_equal(after, 1 - before if same else before)
    bookings = [b for block in blocks(made.events()) for b in block.bookings]
    on_array = [b for b in bookings if b.kind == "set" and np.count_nonzero(b.counts) > 2]
    booked = sum(b.counts.astype(int) for b in on_array)
    # Of 2 + 6 and 1 + 6 programmings, half SET each device: whichever the pattern begins with.
    assert set(np.unique(booked)) <= {7, 8}


def test_the_ideal_amplifier_comes_from_the_same_resistances(made):
    point = summarise(made)["points"][0]
    at = made.array("array_compliance") == point["set_compliance_a"]
    ohm, pattern = made.array("array_resistance")[at], made.array("array_pattern")[at]
    lrs = np.where(pattern == 0, ohm[..., 0], ohm[..., 1])
    hrs = np.where(pattern == 0, ohm[..., 1], ohm[..., 0])
    assert point["ideal"]["errors"] == np.count_nonzero(hrs < lrs)
    expected = np.mean(
        [np.mean(h.ravel()[:, None] < low.ravel()) for low, h in zip(lrs, hrs, strict=True)]
    )
    assert point["ideal_expected"] == pytest.approx(expected, abs=1e-9)


def test_the_report_has_the_figure_and_the_table(made):
    page = write_report(made).read_text(encoding="utf-8")
    for text in ("2T2R against 1T1R", "no gain", "Ideal amplifier", "20 µA", "160 µA"):
        assert text in page
    assert page.count("data:image/png") == 2


def test_codes_run_on_the_measured_errors_of_the_array(made):
    summary = summarise(made)
    at_20ua = next(p for p in summary["points"] if p["place"] is None)
    first = summary["codes"][0]
    assert (first["code"], first["redundancy"]) == ("SEC(7,4)", 1.75)
    # Words of 7 leave some devices out, so the rates differ a little.
    assert first["raw"]["value"] == pytest.approx(at_20ua["ber_1t1r"]["value"], abs=0.05)
    # A code that is as long as the array or shorter was run, a longer one was not.
    names = {code["code"] for code in summary["codes"]}
    devices = 2 * ROWS * COLUMNS
    assert ("SECDED(64,57)" in names) == (devices >= 64)
    assert ("SEC(127,120)" in names) == (devices >= 127)


def test_pairs_alone_need_no_array(tmp_path, small):
    values = {**SHORT_PAIRS, "points": "pairs", "pairs": 2}
    made = run(request(small, tmp_path, "differential", seed=SEED, **values))
    assert made.status == "success", made.record["reason"]
    places = [tuple(p["place"]) for p in summarise(made)["points"]]
    assert len(set(places)) == 4
    booked = [b for block in blocks(made.events()) for b in block.bookings]
    touched = np.argwhere(sum(b.counts.astype(int) for b in booked).any(axis=-1)).tolist()
    assert sorted(map(tuple, touched)) == sorted(places)


def test_the_array_alone_cycles_no_pair(tmp_path, small):
    values = {**SHORT_ARRAY, "points": "array", "programmings": 1, "rows": 2}
    made = run(request(small, tmp_path, "differential", seed=SEED, **values))
    assert made.status == "success", made.record["reason"]
    points = summarise(made)["points"]
    assert [p["ber_2t2r"]["trials"] for p in points] == [2 * 2 * COLUMNS] * 2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--low-compliances", "20uA,20uA"], "a value is given twice"),
        (["--high-compliances", ""], "has no value"),
        (["--cycles", "410"], "not a multiple of 20"),
        (["--cycles", "1e5"], "they cannot be more"),
        (["--pairs", "2"], "10 pairs with 1e+06 measured cycles each are more than 5e+06"),
        (["--points", "none"], "both or array or pairs"),
        (["--reset-voltage", "5V"], "is not allowed"),
    ],
)
def test_what_cannot_be_run_is_one_sentence_before_anything(tmp_path, options, says):
    bench = small_bench_file(tmp_path / "bench", rows=ROWS)
    command = ["run", "differential", "--bench", str(bench), "--runs", str(tmp_path / "runs")]
    refused = CliRunner().invoke(app, [*command, *options], prog_name="labctl")
    assert refused.exit_code == 2
    assert says in " ".join(refused.stderr.split())
    assert not (tmp_path / "runs").exists()
