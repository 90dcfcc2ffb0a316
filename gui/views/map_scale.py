"""From values to colours: the range of a scale, where a value lies on it, its ticks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gui.models.layers import Layer, Scale
from labctl.analysis.error_rates import short_number
from labctl.report.text import cycle_number, with_prefix

Floats = NDArray[np.float64]

_STEPS = (1, 2, 5, 10)
_MOST_TICKS = 9
_NARROWEST = 0.01
"""Width of a linear scale, as a share of its values, where they are all alike."""
_LOG_SCALES = (Scale.LOG, Scale.LOG_ABOUT_ONE)


@dataclass(frozen=True)
class Range:
    """Ends of a scale, ``low`` below ``high``."""

    low: float
    high: float


def suited_range(layer: Layer, values: Floats) -> Range | None:
    """A range of round numbers that holds all values; None if there is nothing to show."""
    known = values[np.isfinite(values)]
    if layer.scale is Scale.CODES:
        return Range(0.0, max(len(layer.codes) - 1.0, 1.0))
    if layer.scale in _LOG_SCALES:
        known = known[known > 0]
    if not known.size:
        return None
    low, high = float(known.min()), float(known.max())
    if layer.scale is Scale.LOG:
        low, high = _round_down(low), _round_up(high)
        return Range(low, high if high > low else _round_up(low * 1.01))
    if layer.scale is Scale.LOG_ABOUT_ONE:
        far = _round_up(max(high, 1 / low, 2.0))
        return Range(1 / far, far)
    if layer.scale is Scale.FROM_ZERO:
        return Range(0.0, _round_up(max(high, 1.0)))
    step = _step(max(high - low, _NARROWEST * abs(high), 1e-9))
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    return Range(low, high if high > low else low + step)


def positions(layer: Layer, span: Range, values: Floats) -> Floats:
    """Where values lie, 0 to 1, beyond the ends at the ends; NaN where they cannot be shown."""
    shown = np.array(values, dtype=np.float64)
    low, high = span.low, span.high
    if layer.scale in _LOG_SCALES:
        shown[~(shown > 0)] = np.nan
        shown, low, high = np.log10(shown), math.log10(low), math.log10(high)
    return np.clip((shown - low) / (high - low), 0.0, 1.0)


def ticks(layer: Layer, span: Range) -> list[tuple[float, str]]:
    """Position (0 to 1) and text of each tick."""
    if layer.scale is Scale.CODES:
        return [(code / span.high, text) for code, text in enumerate(layer.codes)]
    values = np.array(_tick_values(layer, span))
    where = positions(layer, span, values)
    return [(float(x), _text(layer, v)) for x, v in zip(where, values.tolist(), strict=True)]


def _tick_values(layer: Layer, span: Range) -> list[float]:
    if layer.scale in _LOG_SCALES:
        first, last = (
            math.ceil(math.log10(span.low) - 1e-9),
            math.floor(math.log10(span.high) + 1e-9),
        )
        every = -(-(last - first + 1) // _MOST_TICKS)
        decades = {float(f"1e{power}") for power in range(first, last + 1, max(every, 1))}
        few = len(decades) < 3
        return sorted(decades | {span.low, span.high} if few else decades)
    step = _step(span.high - span.low)
    if layer.scale is Scale.FROM_ZERO:
        step = max(step, 1.0)
    count = int((span.high - span.low) / step + 1e-6)
    return [span.low + n * step for n in range(count + 1)]


def _text(layer: Layer, value: float) -> str:
    if layer.unit == "Ω":
        return with_prefix(float(f"{value:.3g}"), "Ω")
    if layer.unit:
        return f"{value:.4g} {layer.unit}"
    if layer.scale is not Scale.LOG:
        return f"{value:.4g}"
    return short_number(value, 1) if value < 1 else cycle_number(round(value))


def _step(width: float) -> float:
    """A round distance of ticks, so that about four fit."""
    return _round_up(width / 4.999)


def _round_up(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten.

    >>> _round_up(0.031), _round_up(5.0), _round_up(700.0)
    (0.05, 5.0, 1000.0)
    """
    power = math.floor(math.log10(value) + 1e-12)
    ends = (float(f"{step}e{power}") for step in _STEPS)
    return next(end for end in ends if end >= value * (1 - 1e-9))


def _round_down(value: float) -> float:
    """The last of 1, 2, 5 times a power of ten.

    >>> _round_down(0.031), _round_down(5.0), _round_down(700.0)
    (0.02, 5.0, 500.0)
    """
    power = math.floor(math.log10(value) + 1e-12)
    ends = [float(f"{step}e{power}") for step in _STEPS]
    return max(end for end in ends if end <= value * (1 + 1e-9))
