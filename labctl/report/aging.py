"""What fits against log10(1 + n/n0) say of the aging; a table, labelled as no measurement."""

from __future__ import annotations

import math
from collections.abc import Sequence

from labctl.analysis.crossing import BER_LIMIT
from labctl.analysis.endurance import PairEndurance, PooledWindow
from labctl.analysis.estimates import Estimate
from labctl.analysis.extrapolation import AgingFit, fit_ber
from labctl.report.page import TableBlock

FURTHER = 10
"""The distance is given at so many times the last cycle."""


def aging_table(pooled: Sequence[PooledWindow], pair: PairEndurance) -> TableBlock | None:
    """Fits of the 2T2R rate of all pairs and of the distance of LRS and HRS of one.

    None with too few windows for either.
    """
    rates = [window.ber_2t2r for window in pooled]
    ber = fit_ber(
        [window.cycle for window in pooled],
        [rate.errors for rate in rates],
        [rate.trials for rate in rates],
    )
    rows = []
    if ber is not None:
        rows.append(["log10 of the 2T2R bit error rate", *_law(ber), _crossing(ber)])
    if pair.aging is not None:
        name = f"distance of LRS and HRS, row {pair.row} column {pair.column}"
        rows.append([name, *_law(pair.aging), _distance(pair.aging)])
    if not rows:
        return None
    header = ["Fitted", "Change a decade of cycles", "Wear begins at cycle", "What follows from it"]
    return TableBlock("Aging, fitted to the windows (not measured), 95 % intervals", header, rows)


def _law(fit: AgingFit) -> list[str]:
    if not fit.wear_seen:
        return ["none seen beyond chance", "not seen"]
    if fit.n0_cycles.high <= fit.first_cycle:
        return [f"{fit.slope} decades", "before the first window"]
    return [f"{fit.slope} decades", _cycles(fit.n0_cycles)]


def _crossing(fit: AgingFit) -> str:
    found = fit.crossing(math.log10(BER_LIMIT))
    label = "extrapolated" if found.extrapolated else "interpolated"
    return f"{BER_LIMIT:g} at cycle {_cycles(found.cycle)}, {label}"


def _distance(fit: AgingFit) -> str:
    cycle = FURTHER * fit.last_cycle
    return f"{fit.predict(cycle).value} decades at cycle {cycle:.2g}, extrapolated"


def _cycles(estimate: Estimate) -> str:
    """Cycles with their interval; infinite ones are never reached."""
    value, low, high = (
        "never" if math.isinf(cycle) else f"{cycle:.2g}"
        for cycle in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} [{low}, {high}]"
