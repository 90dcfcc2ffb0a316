"""What the resistances of an array spread by, and how far LRS and HRS are apart, with intervals."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.error_rates import ErrorRate
from labctl.analysis.estimates import Estimate
from labctl.analysis.ideal import ideal_curve, ideal_from_1t1r
from labctl.analysis.variance import PairComponents, by_value, pair_components
from labctl.analysis.window import WindowEstimates, window_estimates
from labctl.report.page import TableBlock
from labctl.report.text import scientific

RESAMPLES = 200
"""Enough for two digits of an interval; the readings of a long run are many."""


def spread_table(
    pattern: NDArray[np.uint8],
    resistance: NDArray[np.float64],
    usable: NDArray[np.bool_],
    ber_1t1r: ErrorRate,
    ideal: ErrorRate,
) -> TableBlock | None:
    """Components of the spread, window metrics and the ideal amplifier, of a checkerboard run.

    ``pattern`` (n, rows, columns), ``resistance`` (n, rows, columns, 2) ohm, ``usable`` (rows,
    columns); ``ber_1t1r`` at the best reference, ``ideal`` as counted pair by pair. None with too
    few readings.
    """
    lrs, hrs = by_value(pattern, resistance)
    lrs, hrs = lrs[:, usable.ravel()], hrs[:, usable.ravel()]
    generator = np.random.default_rng(0)
    components = pair_components(lrs, hrs, generator, RESAMPLES)
    lrs_ohm, hrs_ohm = (10 ** np.concatenate(list(state), axis=1) for state in (lrs, hrs))
    found = window_estimates(lrs_ohm, hrs_ohm, generator, RESAMPLES)
    if components is None or found is None:
        return None
    return TableBlock(
        "Spread and window, 95 % intervals by bootstrap over bits",
        [],
        [
            *_components(components),
            *_window(found),
            ["Ideal sense amplifier, 2T2R", _ideal(ber_1t1r, ideal, components)],
        ],
    )


def _components(found: PairComponents) -> list[list[str]]:
    return [
        ["Spread of the LRS", _decades(found.lrs_sigma)],
        ["Spread of the HRS", _decades(found.hrs_sigma)],
        ["Common to both devices of a bit", _decades(found.common_sigma)],
        ["Device to device, of the variance not common", _percent(found.device_share)],
    ]


def _window(found: WindowEstimates) -> list[list[str]]:
    return [
        ["HRS over LRS, medians", str(found.median_ratio)],
        ["HRS at 0.1 % over LRS at 99.9 %", str(found.quantile_ratio)],
        ["Distance over the sum of the spreads", str(found.separation)],
    ]


def _ideal(ber_1t1r: ErrorRate, counted: ErrorRate, found: PairComponents) -> str:
    """What the comparison of both resistances alone would get wrong: counted, and by the law."""
    text = f"{counted} counted from the same readings"
    if not ber_1t1r.errors or ber_1t1r.value is None:
        return text
    equal = float(ideal_from_1t1r(ber_1t1r.value))
    ratio = found.lrs_sigma.value / found.hrs_sigma.value
    measured = float(ideal_curve(ber_1t1r.value, ratio))
    return (
        f"{text}; lognormal and independent, from the 1T1R rate: {scientific(equal)} at equal "
        f"spreads, {scientific(measured)} at the measured ratio of {ratio:.2f}"
    )


def _decades(sigma: Estimate) -> str:
    return f"{sigma.value:.3f} [{sigma.low:.3f}, {sigma.high:.3f}] decades"


def _percent(share: Estimate) -> str:
    return f"{100 * share.value:.1f} % [{100 * share.low:.1f}, {100 * share.high:.1f}]"
