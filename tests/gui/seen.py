"""What of a plot can be seen."""

from __future__ import annotations

from typing import Any

import numpy as np


def outside(view: Any) -> list[str]:
    """Series and bands of which something drawn lies outside of its panel's axes."""
    found = []
    for panel in view.figure.panels:
        (left, right), (bottom, top) = panel.plot.viewRange()
        for one in panel.drawn:
            of = one.values
            x, ys = panel.scaled_x(of.x), [of.y, of.low, of.high]
            for y in (panel.scaled_y(values) for values in ys if values is not None):
                known = np.isfinite(x) & np.isfinite(y)
                inside = (left <= x) & (x <= right) & (bottom <= y) & (y <= top)
                if not inside[known].all():
                    found.append(f"{panel.title} {one.name}")
    return found
