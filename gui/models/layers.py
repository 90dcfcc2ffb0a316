"""What a map of the array can show: a value of every cell, its unit and its kind of scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gui.models.array import ArrayPicture, Status
from labctl.analysis.maps import NOT_READ, UNDECIDED

Floats = NDArray[np.float64]


class Scale(StrEnum):
    """How values become colours."""

    LOG = "log"
    """Zeros stand apart, below the scale."""
    LOG_ABOUT_ONE = "log about one"
    """As far below 1 as above."""
    LINEAR = "linear"
    FROM_ZERO = "from zero"
    CODES = "codes"
    """Each whole number means something of its own."""


@dataclass(frozen=True)
class Layer:
    """One map; ``values`` gives (rows, columns) of a picture, NaN where there is none."""

    name: str
    title: str
    unit: str
    scale: Scale
    use: str
    """Which colour map, by `gui.colours.USES`."""
    values: Callable[[Any], Floats]
    codes: tuple[str, ...] = ()
    """What 0, 1, ... mean."""
    zero: str = ""
    """What a zero on a logarithmic scale means."""


def _bit(picture: ArrayPicture) -> Floats:
    return np.where(picture.sensed == NOT_READ, np.nan, picture.sensed)


def _rate(picture: ArrayPicture) -> Floats:
    rate = np.full(picture.shape, np.nan)
    np.divide(picture.errors, picture.trials, out=rate, where=picture.trials > 0)
    return rate


def _wrong(picture: ArrayPicture) -> Floats:
    return np.where(picture.reads > 0, picture.wrong_reads, np.nan)


def _cycles(picture: ArrayPicture) -> Floats:
    cycles = picture.cycles.max(axis=-1)
    return np.where(picture.status <= Status.NO_DATA, np.nan, cycles)


def _device(values: Callable[[ArrayPicture], Floats], device: int) -> Callable[[Any], Floats]:
    return lambda picture: values(picture)[..., device]


ARRAY_LAYERS = (
    Layer(
        "bit",
        "Last bit read",
        "",
        Scale.CODES,
        "counts",
        _bit,
        codes=("0", "1", "undecided"),
    ),
    Layer("r_bl", "R of BL", "Ω", Scale.LOG, "sequential", _device(lambda p: p.ohm, 0)),
    Layer("r_blb", "R of BLb", "Ω", Scale.LOG, "sequential", _device(lambda p: p.ohm, 1)),
    Layer("ratio", "HRS / LRS", "", Scale.LOG_ABOUT_ONE, "diverging", lambda p: p.ratio),
    Layer("errors", "Wrong reads", "", Scale.FROM_ZERO, "counts", _wrong),
    Layer("ber", "2T2R BER", "", Scale.LOG, "counts", _rate, zero="no error"),
    Layer("cycles", "Cycles, this run", "", Scale.LOG, "counts", _cycles, zero="none"),
    Layer(
        "forming_bl",
        "Forming voltage, BL",
        "V",
        Scale.LINEAR,
        "sequential",
        _device(lambda p: p.forming_v, 0),
    ),
    Layer(
        "forming_blb",
        "Forming voltage, BLb",
        "V",
        Scale.LINEAR,
        "sequential",
        _device(lambda p: p.forming_v, 1),
    ),
    Layer(
        "status",
        "Status",
        "",
        Scale.CODES,
        "sequential",
        lambda p: np.where(p.status <= Status.NO_DATA, np.nan, p.status - 1.0),
        codes=("used", "unreadable", "unformed", "retired"),
    ),
)
"""The layers of a run, in the order of the keys 1 to 9 and 0."""


_OVER_CONDITIONS = ("errors", "ber")


def layers_of(picture: ArrayPicture) -> tuple[Layer, ...]:
    """The layers of a run; counts over several conditions are called so."""
    if picture.conditions < 2:
        return ARRAY_LAYERS
    over = f"over {picture.conditions} conditions"
    return tuple(
        replace(each, title=f"{each.title} {over}") if each.name in _OVER_CONDITIONS else each
        for each in ARRAY_LAYERS
    )


def read_wrong(picture: ArrayPicture) -> NDArray[np.bool_]:
    """Bits whose last read differs from what was written last."""
    known = (picture.sensed != NOT_READ) & (picture.written != NOT_READ)
    return np.asarray(known & (picture.sensed != picture.written))


def bit_text(bit: int) -> str:
    """A bit as read or written.

    >>> bit_text(1), bit_text(UNDECIDED), bit_text(NOT_READ)
    ('1', 'undecided', 'not known')
    """
    return {0: "0", 1: "1", UNDECIDED: "undecided"}.get(int(bit), "not known")
