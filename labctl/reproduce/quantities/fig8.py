"""Figure 8: 2T2R against 1T1R bit error rate."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from labctl.analysis.error_rates import CONFIDENCE
from labctl.reproduce.measured import DECISIVE, NOTHING, Measured, averaged, exact
from labctl.reproduce.quantities.common import Quantity, pooled
from labctl.reproduce.runs_of import Runs

KEYS = ("fig8_array", "fig8_pairs", "fig8_deep")
FEWEST_ERRORS = 10
AT_2T2R = 1e-8


def _points(runs: Runs) -> Iterator[dict[str, Any]]:
    for key in KEYS:
        for summary in runs.summaries(key):
            yield from summary["points"]


def _trials(runs: Runs) -> int:
    return sum(point["ber_2t2r"]["trials"] for point in _points(runs))


def _counted(runs: Runs) -> list[tuple[float, float]]:
    """log10 of 1T1R and 2T2R BER of the points with enough errors of both."""
    return [
        (math.log10(point["ber_1t1r"]["value"]), math.log10(point["ber_2t2r"]["value"]))
        for point in _points(runs)
        if min(point["ber_1t1r"]["errors"], point["ber_2t2r"]["errors"]) >= FEWEST_ERRORS
    ]


def _worse_points(runs: Runs) -> Measured:
    """Compliances at which 2T2R is not better than 1T1R, all pairs and dies together.

    A single pair may sit at a sense amplifier whose offset is worse than any reference.
    """
    compliances = {point["set_compliance_a"] for point in _points(runs)}
    worse, counted = 0, 0
    for amperes in compliances:
        own = [point for point in _points(runs) if point["set_compliance_a"] == amperes]
        one, two = (pooled(p[rate] for p in own) for rate in ("ber_1t1r", "ber_2t2r"))
        if one.value and two.value and two.value * two.trials >= FEWEST_ERRORS:
            counted += 1
            worse += two.value >= one.value
    return exact(worse, _trials(runs)) if counted else NOTHING


def _gain_slope(runs: Runs) -> Measured:
    """Decades of gain for each decade of 2T2R BER downwards: above 0 the gain grows."""
    fit = _line(runs)
    return NOTHING if fit is None else fit.gain_slope


def _gain_at_1e8(runs: Runs) -> Measured:
    """Gain (decades) at a 2T2R BER of 1e-8, from the line through all points."""
    fit = _line(runs)
    return NOTHING if fit is None else fit.gain(math.log10(AT_2T2R))


class _Line:
    """log10 of 1T1R BER as a quadratic of log10 of 2T2R BER: points scatter by device and die."""

    def __init__(self, ones: np.ndarray, twos: np.ndarray, trials: int) -> None:
        design = self._design(twos)
        self._inverse = np.linalg.inv(design.T @ design)
        self._ones = self._inverse @ design.T @ ones
        self._freedom = len(ones) - design.shape[1]
        self._spread = math.sqrt(float(np.sum((ones - design @ self._ones) ** 2)) / self._freedom)
        self._trials = trials
        middle = twos.mean()
        self.gain_slope = self._measured(np.array([0.0, 1.0, 2 * middle]), 1.0)

    @staticmethod
    def _design(twos: np.ndarray) -> np.ndarray:
        return np.stack([np.ones_like(twos), twos, twos**2], axis=1)

    def gain(self, two: float) -> Measured:
        """Gain in decades at log10 of a 2T2R BER, with the line's own interval."""
        return self._measured(self._design(np.array([two]))[0], -two, sign=1.0)

    def _measured(self, row: np.ndarray, offset: float, sign: float = -1.0) -> Measured:
        from scipy.stats import t

        value = sign * float(row @ self._ones) + offset
        error = self._spread * math.sqrt(float(row @ self._inverse @ row))
        near, far = (float(t.ppf(0.5 + c / 2, self._freedom)) for c in (CONFIDENCE, DECISIVE))
        return Measured(
            value,
            value - near * error,
            value + near * error,
            value - far * error,
            value + far * error,
            self._trials,
        )


def _line(runs: Runs) -> _Line | None:
    points = np.array(_counted(runs))
    if len(points) < 6:
        return None
    return _Line(points[:, 0], points[:, 1], _trials(runs))


def _gain_at_55ua(runs: Runs) -> Measured:
    """Gain at the checkerboard's condition, mean over dies."""
    gains, trials = [], 0
    for summary in runs.summaries("fig4"):
        one, two = summary["ber_1t1r"], summary["ber_2t2r"]
        trials += two["trials"]
        if two["errors"]:
            gains.append(math.log10(one["value"] / two["value"]))
    return averaged(gains, trials)


def _ideal_over_formula(runs: Runs) -> Measured:
    """What an ideal amplifier gets wrong over Q(sqrt2 Qinv(1T1R BER)), mean over dies."""
    from scipy.special import ndtr, ndtri

    ratios, trials = [], 0
    for summary in runs.summaries("fig4"):
        ideal, one = summary["sense_amplifier"]["ideal"], summary["ber_1t1r"]["value"]
        trials += ideal["trials"]
        expected = float(ndtr(-math.sqrt(2) * -ndtri(one)))
        ratios.append(ideal["value"] / expected)
    return averaged(ratios, trials)


QUANTITIES: dict[str, Quantity] = {
    "fig8_worse_points": _worse_points,
    "fig8_gain_slope": _gain_slope,
    "fig8_gain_55ua": _gain_at_55ua,
    "fig8_gain_1e8": _gain_at_1e8,
    "fig8_ideal": _ideal_over_formula,
}
