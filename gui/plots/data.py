"""The data of a figure as a CSV table: a row a point, in the units of the axes.

What stands on top of it begins with "#": where the numbers come from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gui.plots import export

Floats = NDArray[np.float64]

COLUMNS = (
    *("run", "panel", "series", "x name", "x", "y name"),
    *("y", "y low", "y high", "upper bound"),
)
"""Of every table; where "upper bound" is True there is no y, and "y high" is the bound."""


@dataclass(frozen=True, eq=False)
class Values:
    """Points of a series (n,), in the units of its axes."""

    x: Floats
    y: Floats
    low: Floats | None = None
    high: Floats | None = None
    bound: NDArray[np.bool_] | None = None
    """Where y is an upper bound: nothing was seen."""
    more: Mapping[str, Sequence[object]] = field(default_factory=dict)
    """Further columns of the table by name, (n,) each."""


NOTHING = Values(np.empty(0), np.empty(0))


def nothing() -> Values:
    """Of a series that only helps to see another one."""
    return NOTHING


@dataclass(frozen=True)
class DataPart:
    """Data of one series; ``values`` gives them, in any thread."""

    run: str
    panel: str
    series: str
    x_name: str
    y_name: str
    values: Callable[[], Values]


def data_table(parts: Sequence[DataPart], origins: Sequence[str] = ()) -> bytes:
    """A CSV file: ``origins`` as comments, `COLUMNS`, and the further ones that any part has.

    A point without x is the gap of a line, and left out.

    >>> part = DataPart("r", "", "BER", "Cycles", "Rate", lambda: Values(
    ...     np.array([1.0]), np.array([3e-3]), bound=np.array([True]), more={"errors": [0]}))
    >>> print(data_table([part], ["SIMULATED, run r"]).decode())
    # SIMULATED, run r
    run,panel,series,x name,x,y name,y,y low,y high,upper bound,errors
    r,,BER,Cycles,1.0,Rate,,0.0,0.003,True,0
    <BLANKLINE>
    """
    known = [(part, part.values()) for part in parts]
    more = list(dict.fromkeys(name for _, values in known for name in values.more))
    rows = (row for part, values in known for row in _rows(part, values, more))
    return export.table((*COLUMNS, *more), rows, origins)


def _rows(part: DataPart, values: Values, more: Sequence[str]) -> Iterator[Sequence[object]]:
    none = np.full(values.x.size, np.nan)
    low, high = (none if end is None else end for end in (values.low, values.high))
    bound = np.zeros(values.x.size, dtype=bool) if values.bound is None else values.bound
    columns = (
        values.x,
        np.where(bound, np.nan, values.y),
        np.where(bound, 0.0, low),
        np.where(bound, values.y, high),
        bound,
    )
    further = [values.more.get(name, [""] * values.x.size) for name in more]
    points = zip(*(column.tolist() for column in columns), *further, strict=True)
    for x, y, least, most, is_bound, *others in points:
        if not math.isnan(x):
            named = part.run, part.panel, part.series, part.x_name, x, part.y_name
            yield *named, y, least, most, is_bound, *others
