"""Forming, weights (Fig. 4e-f), sense time, and the ternary reading of the neighbouring papers."""

from __future__ import annotations

from typing import Any

import numpy as np

from labctl.reproduce.measured import NOTHING, Measured, averaged, exact
from labctl.reproduce.quantities.common import Quantity, pooled, share
from labctl.reproduce.runs_of import Runs

NEAR_THRESHOLD_V, NOMINAL_V = 0.6, 1.2


def _formed_dies(runs: Runs) -> Measured:
    """Share of dies of which every device formed."""
    summaries = runs.summaries("fig4")
    return share(sum(not s["unformed"] for s in summaries), len(summaries))


def _forming_voltage(runs: Runs) -> Measured:
    """Median forming voltage, V, mean over dies."""
    medians, devices = [], 0
    for folder in runs.folders("fig4"):
        volts = folder.array("forming_voltage")
        known = volts[~np.isnan(volts)] if volts.size else volts
        devices += known.size
        if known.size:
            medians.append(float(np.median(known)))
    return averaged(medians, devices)


def _weights_dead(runs: Runs) -> Measured:
    found = [s["dead_cells"] for s in runs.summaries("fig4_weights")]
    counts = [len(dead) for dead in found if dead is not None]
    return exact(max(counts), 1024 * len(counts)) if counts else NOTHING


def _weights_ber(runs: Runs) -> Measured:
    rates = [summary["ber_2t2r"] for summary in runs.summaries("fig4_weights")]
    return pooled(rates) if rates else NOTHING


def _sense_time(runs: Runs) -> Measured:
    """Upper bound on the sense time, s: what the bench can resolve."""
    times = [s["sense_time"] for s in runs.summaries("sense") if s["sense_time"]]
    bounds = [time["bound_s"] for time in times if time["bound_s"] is not None]
    if not bounds:
        return NOTHING
    worst = max(bounds)
    return Measured(worst, None, worst, None, worst, sum(t["senses"] for t in times), is_bound=True)


def _ternary(rate: str, vdd: float) -> Quantity:
    def measure(runs: Runs) -> Measured:
        rates: list[dict[str, Any]] = [
            one[rate]
            for summary in runs.summaries("sense")
            for one in summary["ternary"]
            if np.isclose(one["vdd"], vdd)
        ]
        return pooled(rates) if rates else NOTHING

    return measure


QUANTITIES: dict[str, Quantity] = {
    "formed_dies": _formed_dies,
    "forming_voltage": _forming_voltage,
    "weights_ber": _weights_ber,
    "weights_dead": _weights_dead,
    "sense_time": _sense_time,
    "ternary_inverted": _ternary("inverted", NEAR_THRESHOLD_V),
    "ternary_zeros": _ternary("zeros", NEAR_THRESHOLD_V),
    "ternary_nominal": _ternary("zeros", NOMINAL_V),
}
