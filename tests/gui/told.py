"""News as a run would tell it, for tests of models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure

from labctl.store.tail import News, RunTail
from tests.undrawn import save_a_pixel

CHIP = """
[geometry]
rows = {rows}
columns = {columns}
"""


def folder(rows=2, columns=3, retired=()):
    """As much of a run folder as models look at."""
    chip = {"text": CHIP.format(rows=rows, columns=columns)}
    return SimpleNamespace(
        id="20260101-000000-test", record={"chip": chip, "retired": [list(bit) for bit in retired]}
    )


def news(restarted=False, rows=None, pulses=None, **arrays):
    """Each array is a list of records."""
    return News(restarted, [], rows or {}, arrays, pulses or {})


def absorbed(model, path, most_bytes=1 << 20):
    """The picture of a model that has read a whole run."""
    tail = RunTail(path)
    while not tail.caught_up:
        told = tail.poll(most_bytes)
        if told is not None:
            model.absorb(tail.folder, told)
    return model.picture


@contextmanager
def figures_undrawn() -> Iterator[None]:
    """Reports of runs made meanwhile hold figures of one pixel."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", save_a_pixel)
        yield


def bits(*rows):
    """A record of bits."""
    return np.array(rows, dtype=np.uint8)


def ohms(shape, value=np.nan):
    """Resistances (rows, columns, 2), all the same."""
    return np.full((*shape, 2), value)
