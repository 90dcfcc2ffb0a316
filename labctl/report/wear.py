"""What a die has been through, as rows and as a map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.report.drawing import array_map, canvas, png

Totals = Mapping[str, NDArray[np.uint64]]
_DEVICES = ("BL", "BLb")


def wear_rows(totals: Totals) -> list[dict[str, Any]]:
    """One row a kind of pulse: in all, median and most per device, and which device that is.

    ``totals``: kind to pulses per device, (rows, columns, 2).

    >>> wear_rows({"set": np.array([[[1, 4]]], dtype=np.uint64)})
    [{'kind': 'set', 'pulses': 5, 'median': 2.5, 'most': 4, 'device': 'row 0 column 0 BLb'}]
    """
    rows = []
    for kind, counts in totals.items():
        row, column, device = np.unravel_index(int(np.argmax(counts)), counts.shape)
        rows.append(
            {
                "kind": kind,
                "pulses": int(counts.sum()),
                "median": float(np.median(counts)),
                "most": int(counts.max()),
                "device": f"row {row} column {column} {_DEVICES[device]}",
            }
        )
    return rows


def draw_wear(die: str, totals: Totals) -> bytes:
    """A PNG with a map for each kind of pulse and device, log10 of the pulses."""
    kinds = list(totals)
    figure = canvas(8.4, 3.9 * len(kinds))
    panels = figure.subplots(len(kinds), 2, squeeze=False)
    for kind, pair in zip(kinds, panels, strict=True):
        counts = totals[kind].astype(np.float64)
        top = max(float(np.log10(max(counts.max(), 1.0))), 1.0)
        for device, axes in enumerate(pair):
            pulses = counts[..., device]
            never = pulses == 0
            values = np.log10(np.where(never, 1.0, pulses))
            image = array_map(axes, values, never, 0.0, top, "cividis")
            axes.set_title(f"{kind}, {_DEVICES[device]}", loc="left", fontsize=10)
        figure.colorbar(image, ax=list(pair), label="log10 of pulses; cross: none", shrink=0.85)
    figure.suptitle(f"Pulses of die {die}", x=0.02, ha="left", fontsize=11)
    return png(figure)
