"""Fig. 5 on two simulated dies, through the drivers, against the predictions of the device note.

The seeds come from the system's entropy, new in each run, and stand in the failure message.

False alarms, from six dies: the mean of log10 (measured / predicted) of a die is 0.05 with a spread
of 0.05 between dies; two dies leave the band of 0.3 around 0 less than once in 1e6. At 200 uA,
1.5 V, 100 ns there are 40 errors in 5120 with a spread of 8; fewer than 5 come once in 1e5. The
spreads over the three factors are 2.11, 0.72 and 0.38 decades, with 0.06, 0.03 and 0.04 between
dies: their order changes less than once in 1e6.
"""

from __future__ import annotations

import secrets
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labctl.benchfile import load_setup
from labctl.report import summarise
from labctl.runs import run
from tests.simulated import request

pytestmark = [pytest.mark.torture, pytest.mark.timeout(1200)]

COMPLIANCES = (28e-6, 55e-6, 110e-6, 200e-6)
PREDICTED = {
    (1.5, 1e-6): (150, 25, 0.9, 0.012),
    (1.5, 1e-5): (120, 18, 0.5, 0.005),
    (1.5, 1e-4): (110, 14, 0.3, 0.003),
    (2.0, 1e-7): (75, 8.3, 0.14, 0.0009),
    (2.0, 1e-6): (68, 6.5, 0.08, 0.0003),
    (2.0, 1e-5): (58, 5, 0.05, 0.0001),
    (2.0, 1e-4): (50, 3.9, 0.03, 6e-5),
    (2.5, 1e-7): (34, 2.0, 0.008, 5e-6),
    (2.5, 1e-6): (34, 2.0, 0.008, 5e-6),
    (2.5, 1e-5): (30, 1.7, 0.005, 2e-6),
    (2.5, 1e-4): (27, 1.4, 0.004, 9e-7),
}
"""Device note, section 2: errors per kilobit at `COMPLIANCES`. Its 1.5 V, 100 ns is left out: there
the RESET depends on the time, and a pulse of 100 ns with its edges is at 1.5 V for 70 ns."""


def measure(seed: int, folder: Path) -> dict[str, Any]:
    """Summary of the default grid on a fresh die."""
    return summarise(run(request(load_setup(None), folder, "conditions", seed=seed)))


def per_kilobit(summary: dict[str, Any]) -> dict[tuple[float, float, float], float]:
    """Mean errors by (voltage, width, compliance), typed digits only."""
    return {
        (p["reset_v"], float(f"{p['width_s']:.3g}"), float(f"{p['set_compliance_a']:.3g}")): p[
            "mean_per_kilobit"
        ]
        for p in summary["points"]
    }


def test_two_dies_follow_the_predictions(tmp_path):
    seeds = [secrets.randbits(32) for _ in range(2)]
    folders = [tmp_path / str(n) for n in range(2)]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        runs = list(pool.map(measure, seeds, folders))
    assert {one["status"] for one in runs} == {"success"}, seeds
    measured = [per_kilobit(one) for one in runs]
    ratios = [
        np.log10(mean[volts, width, compliance] / expected)
        for mean in measured
        for (volts, width), line in PREDICTED.items()
        for compliance, expected in zip(COMPLIANCES, line, strict=True)
        if expected >= 5
    ]
    spreads = [[one["decades"] for one in summary["spreads"]] for summary in runs]
    print(seeds, np.mean(ratios), spreads)
    assert abs(np.mean(ratios)) < 0.3, seeds
    for mean, summary, (compliance, voltage, time) in zip(measured, runs, spreads, strict=True):
        assert summary["is_monotone"], seeds
        assert compliance > voltage > time, seeds
        # Fails at all compliances, else it would be the paper's lowest-energy choice.
        assert mean[1.5, 1e-7, 200e-6] >= 1, seeds
        for (volts, width), line in PREDICTED.items():
            for amperes, expected in zip(COMPLIANCES, line, strict=True):
                if expected < 0.01:
                    # At most two errors in 5120.
                    assert mean[volts, width, amperes] <= 0.4, (seeds, volts, width, amperes)
