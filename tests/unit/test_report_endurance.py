"""Reports of endurance and differential runs from planted arrays, without a bench."""

from __future__ import annotations

import json

import numpy as np
import pytest

from labctl.report import summarise, write_report
from tests.unit.planted_runs import write_run

SEED = 55_120_934
WINDOWS = [(1, 2000), (2001, 100_000), (5_000_001, 6_000_000), (690_000_001, 700_000_000)]
READS = 400


def endurance_arrays(pairs, aged=0.25, reached=4):
    """Pairs through the first windows, HRS falling by ``aged`` decades a window."""
    generator = np.random.default_rng(SEED)
    arrays = {name: [] for name in ("window_counts", "resistance", "censored", "resistance_of")}
    for pair in range(pairs):
        for window, (first, last) in enumerate(WINDOWS[:reached]):
            wrong = generator.binomial(10_000, min(0.4, 1e-6 * 10 ** (4 * aged * window)), 2)
            counts = (pair, window, first, last, last - first, 1, *wrong)
            arrays["window_counts"].append(np.array(counts))
            for bit in (0, 1):
                record = np.empty((READS, 2), dtype=np.float32)
                record[:, bit] = 10 ** generator.normal(3.75, 0.16, READS)
                hrs = 10 ** generator.normal(5.3 - aged * window, 0.25, READS)
                record[:, 1 - bit] = np.where(hrs < 1e4, np.nan, hrs)
                arrays["resistance"].append(record)
                arrays["censored"].append(-np.isnan(record).astype(np.int8))
                arrays["resistance_of"].append(np.array([pair, window, bit, first + bit, READS]))
    ranges = np.array([[1e3, 1.2e6], [1e4, 8e6]])
    places = [np.array([pair, pair, 7]) for pair in range(pairs + 1)]
    unusable = [np.zeros(2, np.uint8)] * pairs + [np.array([0, 1], np.uint8)]
    return {
        **arrays,
        "resistance_range": [ranges[::step] for _ in arrays["resistance"][::2] for step in (1, -1)],
        "pairs": places,
        "pair_unusable": unusable,
    }


def made(root, arrays, procedure="endurance", **changes):
    parameters = {"reference": 50e3, "cycles": 700_000_000, "mode": "checkpoint"}
    return write_run(root, procedure, arrays, parameters=parameters, **changes)


def test_many_pairs_have_medians_and_a_distribution_of_failures(tmp_path):
    run = made(tmp_path, endurance_arrays(6))
    summary = json.loads(json.dumps(summarise(run), allow_nan=False))
    assert [w["pairs"] for w in summary["windows"]] == [6] * 4
    assert summary["left_out"] == [[6, 7]]
    assert summary["windows"][0]["ber_2t2r"]["errors"] == 0
    for pair in summary["pairs"]:
        assert len(pair["windows"]) == 4
        last = pair["windows"][-1]
        assert last["bands"]["BL HRS"]["below"] > 0
        assert last["ber_1t1r"]["errors"] <= last["ber_1t1r_common"]["errors"]
    low, high = summary["crossing_1t1r_common"]["low"], summary["crossing_1t1r_common"]["high"]
    assert 1e3 < low <= summary["crossing_1t1r_common"]["value"] <= high < 7e8
    page = write_report(run).read_text(encoding="utf-8")
    assert page.count("data:image/png") == 4
    for text in ("Failure cycles", "row 6 column 7", "sensed cycles without a valid level at Q"):
        assert text in page


def test_one_pair_has_no_common_reference_to_tell(tmp_path):
    run = made(tmp_path, endurance_arrays(1))
    summary = summarise(run)
    assert summary["crossing_1t1r"] == summary["crossing_1t1r_common"]
    page = write_report(run).read_text(encoding="utf-8")
    assert page.count("data:image/png") == 3
    assert "Failure cycles" not in page


def test_a_pair_that_never_crossed_leaves_an_open_end(tmp_path):
    run = made(tmp_path, endurance_arrays(2, aged=0.0))
    summary = summarise(run)
    assert summary["crossing_1t1r"]["value"] is None
    assert "not reached" in write_report(run).read_text(encoding="utf-8")


def test_pairs_that_were_stopped_early_are_named(tmp_path, undrawn):
    arrays = endurance_arrays(2)
    records = {"window_counts": 1, "resistance": 2, "censored": 2}
    records |= {"resistance_of": 2, "resistance_range": 2}
    for name, each in records.items():
        arrays[name] = arrays[name][: -2 * each]
    page = write_report(made(tmp_path, arrays)).read_text(encoding="utf-8")
    assert "Not cycled as far as the others: row 1 column 7" in page


@pytest.mark.parametrize("procedure", ["endurance", "differential"])
def test_a_run_without_a_complete_step_has_a_page_all_the_same(tmp_path, procedure):
    run = made(tmp_path, {}, procedure, status="aborted", reason="stopped by the user")
    assert summarise(run)["left_out"] == []
    page = write_report(run).read_text(encoding="utf-8")
    assert "of this run was" in page
    assert "data:image/png" not in page


def test_pair_points_stand_without_an_array(tmp_path):
    arrays = endurance_arrays(2)
    arrays["pair_compliance"] = [np.array(a) for a in (70e-6, 160e-6, 160e-6)]
    summary = summarise(made(tmp_path, arrays, "differential"))
    assert [p["place"] for p in summary["points"]] == [[0, 7], [1, 7]]
    for point in summary["points"]:
        assert point["ber_1t1r"]["trials"] == 2 * 2 * READS * len(WINDOWS)
        assert point["ideal"]["trials"] + point["ideal_undecided"] == 2 * READS * len(WINDOWS)
        assert point["gain"]["low"] <= point["gain"]["decades"] <= point["gain"]["high"]
