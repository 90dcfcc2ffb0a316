"""Aging of simulated pairs against the paper's bands (device-model.md, section 6)."""

from __future__ import annotations

import secrets

import numpy as np
import pytest

from labctl.benchfile import load_setup
from labctl.report import summarise
from labctl.runs import run
from tests.simulated import request

pytestmark = pytest.mark.slow

LIGHT = {"windows": 6, "window_cycles": "2e5"}


def cycled(folder, **values):
    seed = secrets.randbits(40)
    made = run(request(load_setup(None), folder, "endurance", seed=seed, **LIGHT, **values))
    assert made.status == "success", (seed, made.record["reason"])
    return seed, summarise(made)


def test_the_median_pair_ages_as_in_figure_6(tmp_path):
    seed, summary = cycled(tmp_path, cycles="7e8", pairs=24)
    # The band is 1e6 to 1.5e7 for 64 pairs; 24 pairs scatter by 0.25 decade more.
    crossing = summary["crossing_1t1r_common"]["value"]
    assert 5e5 < crossing < 3e7, seed
    last = np.array([pair["windows"][-1]["ber_2t2r"]["value"] for pair in summary["pairs"]])
    assert 1e-6 < np.median(last) < 5e-4, seed
    assert np.mean(last < 1e-3) >= 0.75, seed
    for pair in summary["pairs"]:
        assert (
            pair["windows"][0]["distance_decades"] > pair["windows"][-1]["distance_decades"] + 0.3
        )


def test_the_weak_reset_shows_no_degradation_as_in_figure_7(tmp_path):
    seed, summary = cycled(tmp_path, cycles="1e10", reset_voltage="1.5V", pairs=4)
    for state in ("BL LRS", "BL HRS", "BLb LRS", "BLb HRS"):
        change = [
            np.log10(last["bands"][state]["median_ohm"] / first["bands"][state]["median_ohm"])
            for pair in summary["pairs"]
            for first, last in [(pair["windows"][0], pair["windows"][-1])]
        ]
        # What drifts together (0.07 decade) is in each pair; the mean of four has half of that.
        assert abs(np.mean(change)) < 0.05 + 3 * 0.07 / 2, (seed, state)
    assert summary["windows"][-1]["ber_2t2r"]["value"] < 1e-4, seed
