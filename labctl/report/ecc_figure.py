"""Figure of error-correcting codes against 2T2R, after Fig. 8b-c of the paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from labctl.analysis.ecc import SEC_CODES, SECDED_CODES, CodeResult, HammingCode
from labctl.analysis.ideal import ideal_from_1t1r
from labctl.report import drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOWEST_RAW, HIGHEST_RAW = 1e-5, 0.3
LOWEST_RESIDUAL = 1e-10
MARKERS = "osD^vP"

CAPTION = (
    "Residual bit error rate against the 1T1R bit error rate. Coloured lines: the codes where bits "
    "fail independently, closed form. Markers: encoded, broken by the measured 1T1R errors and "
    "decoded; bars are 95 % intervals over code words, an open marker with an arrow is an upper "
    "bound. Black: ideal 2T2R, Q(√2 Q⁻¹(p)), redundancy 2. Dotted: no correction. Words that a "
    "SECDED code flags keep their wrong bits, which count as errors."
)


def ecc_figure(results: Sequence[CodeResult]) -> bytes:
    """SEC and SECDED side by side: closed forms, ideal 2T2R, and measured results where given."""
    figure = drawing.canvas(10.6, 5.0)
    left, right = figure.subplots(
        1, 2, gridspec_kw={"left": 0.08, "right": 0.98, "bottom": 0.11, "top": 0.93, "wspace": 0.2}
    )
    for axes, codes, title in (
        (left, SEC_CODES, "Single error correction (SEC)"),
        (right, SECDED_CODES, "SEC, double error detection (SECDED)"),
    ):
        draw_ecc(axes, codes, [one for one in results if one.code in codes])
        axes.set_title(title, fontsize=10)
    return drawing.png(figure)


def draw_ecc(axes: Axes, codes: Sequence[HammingCode], results: Sequence[CodeResult]) -> None:
    """Residual against raw bit error rate of ``codes``, with the ideal 2T2R; log-log."""
    from matplotlib import colormaps

    raw = np.geomspace(LOWEST_RAW, HIGHEST_RAW, 200)
    colours = colormaps["cividis"](np.linspace(0.0, 0.85, len(codes)))
    for code, colour, marker in zip(codes, colours, MARKERS, strict=False):
        label = f"{code.name}, redundancy {code.redundancy:.3g}"
        axes.plot(
            raw,
            code.residual_ber(raw),
            marker=marker,
            markevery=[],
            markersize=5,
            color=colour,
            linewidth=1.3,
            label=label,
        )
        for one in results:
            if one.code == code:
                _draw_result(axes, one, colour, marker)
    axes.plot(raw, ideal_from_1t1r(raw), color="black", linewidth=2.2, label="2T2R, ideal")
    axes.plot(raw, raw, ":", color=drawing.GREY, linewidth=1.3, label="no correction")
    drawing.style(axes)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(LOWEST_RAW, HIGHEST_RAW)
    axes.set_ylim(LOWEST_RESIDUAL, 0.5)
    axes.set_xlabel("1T1R bit error rate")
    axes.set_ylabel("Residual bit error rate")
    axes.legend(fontsize=8.5, loc="lower right", framealpha=0.9, edgecolor="none")


def _draw_result(axes: Axes, result: CodeResult, colour: object, marker: str) -> None:
    """One measured result; without a residual error an open marker at the upper bound."""
    if result.raw.errors == 0:
        return
    raw, residual = result.raw.rate, result.residual.rate
    bound = result.residual.errors == 0
    height = residual.high if bound else residual.value
    axes.plot(
        raw.value,
        height,
        marker,
        markersize=5,
        markerfacecolor="white" if bound else colour,
        markeredgecolor=colour,
        zorder=3,
    )
    axes.hlines(height, raw.low, raw.high, color=[colour], linewidth=1)
    if bound:
        axes.annotate(
            "",
            (raw.value, height),
            xytext=(0, -15),
            textcoords="offset points",
            arrowprops={"arrowstyle": "<-", "color": colour, "linewidth": 0.9, "shrinkA": 0},
        )
    else:
        axes.vlines(raw.value, residual.low, residual.high, color=[colour], linewidth=1)
