"""Axes with the ticks that this field reads: decades on log axes, prefixes for units, shares."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

import numpy as np
import pyqtgraph
from numpy.typing import NDArray
from PyQt6.QtGui import QColor, QPainter, QPen

from labctl.report.text import SUPERSCRIPTS, grouped

Floats = NDArray[np.float64]

_PREFIXES = [
    *((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, "")),
    *((1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p")),
]
_ROOM = {"bottom": 40, "left": 18}
"""Decades with less room than this, in pixels, are not all named."""
_LEFT_WIDTH = 58
_FEW_DECADES = 1.3
"""With fewer decades than this in sight, numbers between them are named too."""
_CLEAR = 0.3
"""Decades left free above a place that is no number."""
_BEHIND = -200
"""Below the series, which pyqtgraph has at -100."""


class Numbers(StrEnum):
    """How an axis writes its numbers."""

    PLAIN = "plain"
    """0.5, 20, 1e6."""

    PREFIX = "prefix"
    """500m, 20k: quantities with a unit."""

    POWER = "power"
    """Powers of ten: cycles, error rates."""


@dataclass(frozen=True)
class AxisText:
    """What an axis shows."""

    name: str
    unit: str = ""
    numbers: Numbers = Numbers.PLAIN
    log: bool = False

    @property
    def label(self) -> str:
        """Name and unit."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    def value_text(self, value: float) -> str:
        """A value with its unit, for a reader.

        >>> AxisText("R", "Ω", Numbers.PREFIX).value_text(12_345.0)
        '12.3 kΩ'
        >>> AxisText("BER", "", Numbers.POWER).value_text(0.00123)
        '1.23e-3'
        >>> AxisText("Pulses").value_text(1_657_230.4), AxisText("Pulses").value_text(5e8)
        ('1\\u202f657\\u202f230', '5.00e8')
        """
        if self.numbers is Numbers.PREFIX:
            factor, prefix = _prefix(value)
            return f"{value / factor:.3g} {prefix}{self.unit}".strip()
        plain = 0.01 <= abs(value) < 1e5 if self.numbers is Numbers.POWER else abs(value) < 1e7
        if not plain:
            mantissa, exponent = f"{value:.2e}".split("e")
            return f"{mantissa}e{int(exponent)} {self.unit}".strip()
        number = grouped(round(value)) if abs(value) >= 1000 else f"{value:.6g}"
        return f"{number} {self.unit}".strip()


def number_text(value: float, numbers: Numbers) -> str:
    """A tick's number.

    >>> number_text(1e-3, Numbers.POWER), number_text(2e4, Numbers.POWER)
    ('10⁻³', '2·10⁴')
    >>> number_text(2e4, Numbers.PREFIX), number_text(1e-7, Numbers.PREFIX)
    ('20k', '100n')
    """
    if value == 0:
        return "0"
    if numbers is Numbers.PREFIX:
        factor, prefix = _prefix(value)
        return f"{value / factor:.6g}{prefix}"
    if numbers is Numbers.POWER and not 0.1 < abs(value) < 1000:
        mantissa, exponent = f"{value:.2e}".split("e")
        power = f"10{str(int(exponent)).translate(SUPERSCRIPTS)}"
        short = f"{float(mantissa):g}"
        return power if short == "1" else f"{short}·{power}"
    if value == round(value) and abs(value) < 1e7:
        return grouped(round(value))
    return f"{value:.6g}"


def _prefix(value: float) -> tuple[float, str]:
    """Factor and prefix that suit a value."""
    magnitude = abs(value) * (1 + 1e-9)
    return next((p for p in _PREFIXES if magnitude >= p[0]), _PREFIXES[-1] if value else (1.0, ""))


class Axis(pyqtgraph.AxisItem):
    """An axis of a plot; on a log axis the plot's coordinates are decimal logarithms."""

    def __init__(self, orientation: str, text: AxisText) -> None:
        super().__init__(orientation)
        self.enableAutoSIPrefix(False)
        if orientation == "left":
            # Panels above each other begin at the same place, and none moves with its numbers.
            self.setWidth(_LEFT_WIDTH)
        self.text = text
        self._named: list[tuple[float, str]] = []
        self._lowest: tuple[float, str] | None = None
        self._ground: QColor | None = None

    def show_text(self, text: AxisText) -> None:
        """Show another quantity, or the same one on another scale."""
        self.text = text
        self.setLabel(text.label)
        self.picture = None
        self.update()

    def paint_on(self, ground: QColor) -> None:
        """Draw the grid behind the series, in colours mixed with that of the ground.

        pyqtgraph's grid is translucent, which takes Qt longer than all the rest of a plot.
        """
        self._ground = ground
        self.setZValue(_BEHIND)
        self.picture = None
        self.update()

    def generateDrawSpecs(self, p: QPainter) -> Any:
        """Pens and places of what is drawn, as pyqtgraph asks for them."""
        specs = super().generateDrawSpecs(p)
        if specs is None or self._ground is None:
            return specs
        line, ticks, texts = specs
        return line, [(_opaque(pen, self._ground), *ends) for pen, *ends in ticks], texts

    def name_places(self, places: Sequence[tuple[float, str]]) -> None:
        """Name places instead of numbers, such as shares on probability paper."""
        if list(places) != self._named:
            self._named = list(places)
            self.setTicks([self._named])

    def name_lowest(self, place: float, text: str) -> None:
        """On a log axis, name a place (a decimal logarithm) below all others: it is no number."""
        if (place, text) != self._lowest:
            self._lowest = place, text
            self.picture = None
            self.update()

    def tickValues(self, minVal: float, maxVal: float, size: float) -> Any:
        """Places of the ticks by level, as pyqtgraph asks for them."""
        if self._named or not self.text.log:
            return super().tickValues(minVal, maxVal, size)
        room = size / _ROOM[self.orientation]
        levels = log_ticks(minVal, maxVal, room, partial(self._between, size))
        return levels if self._lowest is None else _above(levels, self._lowest[0])

    def _between(self, size: float, low: float, high: float) -> list[float]:
        """Round numbers between two of one decade."""
        levels = super().tickValues(low, high, size)
        return [float(value) for _, values in levels[:1] for value in values]

    def tickStrings(self, values: Any, scale: float, spacing: Any) -> list[str]:
        """Texts of the ticks of one level."""
        if not self.text.log:
            return [number_text(float(f"{v * scale:.12g}"), self.text.numbers) for v in values]
        if spacing is None:
            return [""] * len(values)
        place, text = self._lowest or (math.nan, "")
        numbers = [number_text(float(f"{10**v:.6g}"), self.text.numbers) for v in values]
        return [text if v == place else number for v, number in zip(values, numbers, strict=True)]


def _above(levels: list[tuple[Any, list[float]]], lowest: float) -> list[tuple[Any, list[float]]]:
    """Ticks with a lowest one, without those that would touch it or mean nothing below it."""
    kept = [(step, [v for v in values if v > lowest + _CLEAR]) for step, values in levels]
    (step, named), *unnamed = kept
    return [(step, [lowest, *named]), *unnamed]


def _opaque(pen: QPen, ground: QColor) -> QPen:
    """A pen that looks on the ground as the given one does."""
    colour, share = pen.color(), pen.color().alphaF()
    mixed = (
        share * above + (1 - share) * below
        for above, below in zip(colour.getRgbF()[:3], ground.getRgbF()[:3], strict=True)
    )
    made = QPen(pen)
    made.setColor(QColor.fromRgbF(*(float(part or 0.0) for part in mixed)))
    return made


def log_ticks(
    low: float, high: float, room: float, between: Callable[[float, float], list[float]]
) -> list[tuple[Any, list[float]]]:
    """Named ticks, then unnamed ones, of an axis from 10^``low`` to 10^``high``.

    There is ``room`` for so many names; ``between`` gives round numbers where decades are few.

    >>> log_ticks(0.0, 3.0, 8, lambda low, high: [])[0]
    (1, [0.0, 1.0, 2.0, 3.0])
    >>> log_ticks(0.0, 6.0, 3, lambda low, high: [])
    [(2, [0.0, 2.0, 4.0, 6.0])]
    """
    decades = high - low
    if decades <= _FEW_DECADES:
        named = [v for v in between(10**low, 10**high) if v > 0]
        return [(1, [math.log10(v) for v in named])]
    step = max(1, math.ceil(decades / max(room, 1)))
    first = math.ceil(low / step) * step
    named = np.arange(first, high + 1e-9, step).tolist()
    levels: list[tuple[Any, list[float]]] = [(step, named)]
    if step == 1:
        parts = np.log10(np.arange(2, 10))
        minor = (np.arange(math.floor(low), math.ceil(high))[:, np.newaxis] + parts).ravel()
        levels.append((None, minor[(minor >= low) & (minor <= high)].tolist()))
    return levels
