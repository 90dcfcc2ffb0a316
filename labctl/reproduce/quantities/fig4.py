"""Figure 4: bit error rates, distributions and sense amplifiers at 55 uA, 2.5 V, 1 us."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from labctl.reproduce.measured import NOTHING, Measured, averaged, averaged_ratio, counted, exact
from labctl.reproduce.runs_of import Runs

KEY = "fig4"
ENOUGH_DIES = 3
"""From so many dies on, what varies between them is seen; below, trials are all there is."""


def _rate(*path: str) -> Callable[[Runs], Measured]:
    """A rate of each run's summary: mean over dies, or pooled trials of a few dies."""

    def measure(runs: Runs) -> Measured:
        rates = [_at(summary, path) for summary in runs.summaries(KEY)]
        errors, trials = sum(r["errors"] for r in rates), sum(r["trials"] for r in rates)
        if len(rates) < ENOUGH_DIES or not errors:
            return counted(errors, trials)
        return averaged([r["value"] for r in rates], trials)

    return measure


def _at(summary: dict[str, Any], path: tuple[str, ...]) -> Any:
    for name in path:
        summary = summary[name]
    return summary


def _pooled(*path: str) -> Callable[[Runs], Measured]:
    """A rate of all trials together: for errors so rare that single dies say little."""

    def measure(runs: Runs) -> Measured:
        rates = [_at(summary, path) for summary in runs.summaries(KEY)]
        return counted(sum(r["errors"] for r in rates), sum(r["trials"] for r in rates))

    return measure


def _ratio(runs: Runs) -> Measured:
    """1T1R over 2T2R bit error rate, of each die; die to die decides how sure it is."""
    ratios, trials = [], 0
    for summary in runs.summaries(KEY):
        one, two = summary["ber_1t1r"], summary["ber_2t2r"]
        trials += two["trials"]
        if two["value"]:
            ratios.append(one["value"] / two["value"])
    return averaged_ratio(ratios, trials)


def _overlap(runs: Runs) -> Measured:
    found = [summary["window"] for summary in runs.summaries(KEY)]
    crossings = [w["crossing_sigma"] for w in found if w and w["crossing_sigma"] is not None]
    return averaged(crossings, _devices(runs))


def _median_difference(state: str) -> Callable[[Runs], Measured]:
    """log10 of the median of BL over that of BLb, mean over dies."""

    def measure(runs: Runs) -> Measured:
        medians = [summary["median_ohm"][state] for summary in runs.summaries(KEY)]
        known = [m for m in medians if m["BL"] and m["BLb"]]
        return averaged([float(np.log10(m["BL"] / m["BLb"])) for m in known], _devices(runs))

    return measure


def _devices(runs: Runs) -> int:
    """Device programmings that were read."""
    return sum(summary["ber_1t1r"]["trials"] for summary in runs.summaries(KEY))


def _dead_cells(runs: Runs) -> Measured:
    found = [s["dead_cells"] for s in runs.summaries(KEY) if s["dead_cells"] is not None]
    if not found:
        return NOTHING
    cells = sum(summary["cells"]["usable"] for summary in runs.summaries(KEY))
    return exact(max(len(dead) for dead in found), cells)


def _cells(name: str, fewest: int) -> Callable[[Runs], Measured]:
    """A count of cells, mean over dies; nothing below ``fewest`` programmings of each."""

    def measure(runs: Runs) -> Measured:
        enough = [s for s in runs.summaries(KEY) if s["programmings"] >= fewest]
        cells = [summary["cells"] for summary in enough]
        return averaged([c[name] for c in cells], sum(c["usable"] for c in cells))

    return measure


QUANTITIES: dict[str, Callable[[Runs], Measured]] = {
    "ber_1t1r": _rate("ber_1t1r"),
    "ber_2t2r": _rate("ber_2t2r"),
    "ratio_1t1r_2t2r": _ratio,
    "overlap_sigma": _overlap,
    "bl_blb_lrs": _median_difference("LRS"),
    "bl_blb_hrs": _median_difference("HRS"),
    "dead_cells": _dead_cells,
    "cells_5_percent": _cells("at_least_5_percent", 50),
    "cells_without_error": _cells("without_error", 20),
    "wrong_below_5": _pooled("sense_amplifier", "wrong_bits_below_ratio_5"),
    "errors_above_5": _pooled("sense_amplifier", "error_rate_above_ratio_5"),
}
