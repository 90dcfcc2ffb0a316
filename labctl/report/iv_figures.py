"""Figure of quasi-static sweeps: current against voltage, one colour a device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labctl.report import drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]

CURVES_SHOWN = 120
_COLOURS = (
    *("#0072B2", "#E69F00", "#009E73", "#CC79A7"),
    *("#56B4E9", "#1a1a1a", "#9A8B00", "#7B3FA0"),
)
"""After Okabe and Ito; for more devices a scale takes their place."""
_ARROW_AT = (0.3, 0.7)
"""Where on the way out and back the arrows sit, in parts of the way."""


@dataclass(frozen=True, eq=False)
class Curve:
    """One sweep: volts from SL to the bit line (2 n,), amperes (2 n,), and whose it is."""

    volts: Floats
    amperes: Floats
    device: str


def iv_figure(curves: Sequence[Curve]) -> bytes:
    """Magnitude of the current on a log axis; SET and forming to the right, RESET to the left."""
    figure, axes = drawing.one_plot(8.2, 4.6)
    colours = _colours(list(dict.fromkeys(curve.device for curve in curves)))
    named: set[str] = set()
    for curve in curves:
        magnitude = np.abs(curve.amperes)
        magnitude[curve.volts == 0] = np.nan
        label = curve.device if curve.device not in named else None
        named.add(curve.device)
        axes.plot(
            curve.volts,
            magnitude,
            color=colours[curve.device],
            linewidth=0.9,
            alpha=0.85,
            label=label,
        )
    for first in _first_of_each_direction(curves):
        _arrows(axes, first)
    axes.set_yscale("log")
    axes.set_xlabel("V(SL) - V(bit line) (V), device and transistor in series")
    axes.set_ylabel("|I| (A)")
    axes.axvline(0, color=drawing.GREY, linewidth=0.7)
    if len(colours) <= len(_COLOURS):
        axes.legend(frameon=False, fontsize=8, loc="lower right")
    return drawing.png(figure)


def _colours(devices: list[str]) -> dict[str, Any]:
    """One colour a device."""
    if len(devices) <= len(_COLOURS):
        return dict(zip(devices, _COLOURS, strict=False))
    from matplotlib import colormaps

    shades = colormaps["cividis"](np.linspace(0, 0.92, len(devices)))
    return dict(zip(devices, shades, strict=True))


def _first_of_each_direction(curves: Sequence[Curve]) -> list[Curve]:
    """The first forming or SET with current, and the first RESET."""
    found: dict[bool, Curve] = {}
    for curve in curves:
        if np.isfinite(curve.amperes).any():
            found.setdefault(bool(curve.volts.max() > 0), curve)
    return list(found.values())


def _arrows(axes: Axes, curve: Curve) -> None:
    """An arrow on the way out and one on the way back."""
    half = curve.volts.size // 2
    for begin, part in ((0, _ARROW_AT[0]), (half, _ARROW_AT[1])):
        at = begin + round(part * (half - 1))
        ahead = at + max(half // 25, 1)
        ends = np.abs(curve.amperes[[at, ahead]])
        if not (np.isfinite(ends).all() and (ends > 0).all()):
            continue
        axes.annotate(
            "",
            xy=(curve.volts[ahead], ends[1]),
            xytext=(curve.volts[at], ends[0]),
            arrowprops={
                "arrowstyle": "-|>,head_width=0.3,head_length=0.7",
                "color": drawing.ORANGE,
            },
            zorder=5,
        )
