"""A layer of a picture as coloured cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gui.models.layers import Layer
from gui.theme import Theme
from gui.views.map_scale import Range, positions
from gui.views.scale_bar import lookup


def coloured(
    layer: Layer, values: NDArray[np.float64], span: Range | None, theme: Theme
) -> NDArray[np.uint32]:
    """Colours 0xAARRGGBB of values (rows, columns); transparent where there is none."""
    colours = np.zeros(values.shape, dtype=np.uint32)
    if layer.zero:
        colours[values == 0] = theme.calm.rgba()
    if span is None:
        return colours
    table = lookup(layer)
    where = positions(layer, span, values)
    known = np.isfinite(where)
    colours[known] = table[np.rint(where[known] * (len(table) - 1)).astype(np.intp)]
    return colours
