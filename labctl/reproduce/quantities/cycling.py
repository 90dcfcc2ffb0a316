"""Figures 6 and 7 and Table 1's endurance: single pairs, cycled."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from labctl.reproduce.measured import NOTHING, Measured, exact, median_of
from labctl.reproduce.quantities.common import (
    Quantity,
    capped,
    pooled,
    pooled_over_pairs,
    share,
    until,
)
from labctl.reproduce.runs_of import Runs

STRONG, WEAK, FAST = "fig6_pairs", "fig7_pairs", "table1_fast_pairs"
FIRST = "table1_strong_ber"
BER_LIMIT = 1e-3
LONG_WINDOW = 200_000


def _pairs(runs: Runs, key: str) -> Iterator[dict[str, Any]]:
    for summary in runs.summaries(key):
        yield from summary["pairs"]


def _last(pair: dict[str, Any]) -> dict[str, Any]:
    window: dict[str, Any] = pair["windows"][-1]
    return window


def _sensed(runs: Runs, key: str) -> int:
    return sum(window["sensed"] for pair in _pairs(runs, key) for window in pair["windows"])


def _crossing(key: str, rate: str) -> Quantity:
    """Median over pairs of the cycle at which a BER passes 1e-3; a lower bound if it does not."""

    def measure(runs: Runs) -> Measured:
        cycles, most = [], 0.0
        for pair in _pairs(runs, key):
            found = pair[rate]
            most = max(most, float(_last(pair)["last"]))
            cycles.append(math.inf if found is None else found["cycle"])
        return until(median_of(capped(cycles, most), _sensed(runs, key)), most)

    return measure


def _last_ber(key: str) -> Quantity:
    """Median over pairs of the 2T2R BER in the last window."""

    def measure(runs: Runs) -> Measured:
        values = [_last(pair)["ber_2t2r"]["value"] for pair in _pairs(runs, key)]
        trials = sum(_last(pair)["sensed"] for pair in _pairs(runs, key))
        return median_of([v for v in values if v is not None], trials)

    return measure


def _pairs_below(key: str, limit: float) -> Quantity:
    """Share of pairs whose 2T2R BER in the last window is below a limit."""

    def measure(runs: Runs) -> Measured:
        values = [_last(pair)["ber_2t2r"]["value"] for pair in _pairs(runs, key)]
        known = [v for v in values if v is not None]
        return share(sum(v < limit for v in known), len(known))

    return measure


def _rise(runs: Runs) -> Measured:
    """Decades by which the 2T2R BER of all pairs together rises from 1e4 cycles to the last ones.

    The first 1e4 cycles of many more pairs count with the early ones. Without an error in them
    their bound counts: the rise is at least so much, how much more is open.
    """
    early = [window["ber_2t2r"] for s in runs.summaries(FIRST) for window in s["windows"]]
    late = []
    for pair in _pairs(runs, STRONG):
        young = [window for window in pair["windows"] if window["last"] <= 3e4]
        early += [window["ber_2t2r"] for window in young]
        late.append(_last(pair)["ber_2t2r"])
    before, after = pooled(early), pooled(late)
    start = before.value or before.high
    if not start or not after.value:
        return NOTHING
    rise = exact(math.log10(after.value / start), before.trials + after.trials)
    return rise if before.value else replace(rise, high=None, wide_high=None, is_bound=True)


def _window_ber(key: str, index: int) -> Quantity:
    """2T2R BER of all pairs together in one window."""

    def measure(runs: Runs) -> Measured:
        rates = [pair["windows"][index]["ber_2t2r"] for pair in _pairs(runs, key)]
        return pooled_over_pairs(rates) if rates else NOTHING

    return measure


def _settled(pair: dict[str, Any]) -> dict[str, Any]:
    """The first window long enough that what a pair does slowly (1e4 cycles) is averaged."""
    long = (w for w in pair["windows"] if w["last"] - w["first"] > LONG_WINDOW)
    window: dict[str, Any] = next(long, pair["windows"][0])
    return window


def _median_change(state: str) -> Quantity:
    """Decades by which a state's median moves from the first long window to the last, over pairs.

    At 1.5 V nothing ages in the cycles before.
    """

    def measure(runs: Runs) -> Measured:
        changes, trials = [], 0
        for pair in _pairs(runs, WEAK):
            first, last = _settled(pair), _last(pair)
            trials += first["measured_cycles"] + last["measured_cycles"]
            for device in ("BL", "BLb"):
                name = f"{device} {state}"
                ends = [window["bands"][name]["median_ohm"] for window in (first, last)]
                if all(ends):
                    changes.append(math.log10(ends[1] / ends[0]))
        return median_of(changes, trials)

    return measure


QUANTITIES: dict[str, Quantity] = {
    "fig6_1t1r_crossing": _crossing(STRONG, "crossing_1t1r_common"),
    "fig6_2t2r_last": _last_ber(STRONG),
    "fig6_pairs_below": _pairs_below(STRONG, BER_LIMIT),
    "fig6_rise": _rise,
    "fig7_lrs_change": _median_change("LRS"),
    "fig7_hrs_change": _median_change("HRS"),
    "fig7_ber_first": _window_ber(WEAK, 0),
    "fig7_ber_last": _window_ber(WEAK, -1),
    "fig7_pairs_below": _pairs_below(WEAK, 1e-4),
    "table1_strong_cycles": _crossing(STRONG, "crossing_2t2r"),
    "table1_weak_cycles": _crossing(WEAK, "crossing_2t2r"),
    "table1_fast_cycles": _crossing(FAST, "crossing_2t2r"),
}
