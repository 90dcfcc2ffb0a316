"""Calls of the 88 WGFMU functions with legal and illegal arguments, as plain values.

Only what C allows is done: a size never exceeds the buffer behind it. NULL, wrong sizes, wrong
constants, unknown names and numbers that are none are all sent.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import POINTER, c_char, c_char_p, c_double, c_int
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from instruments.wgfmu import library as wgfmu

ROOM = 600
"""Items in every array that is handed over."""

NAME_ROOM = 512
"""Bytes that the library may write for a pattern's or event's name."""

TEXT_ROWS = 8
"""Rows of names that getMeasureEvents gets."""

LONGEST_TIMEOUT_S = 200.0


@dataclass(frozen=True)
class Array:
    """A pointer to `ROOM` items that begin with these; an out-parameter has one item, its size."""

    items: tuple[Any, ...] = ()


@dataclass(frozen=True)
class FileName:
    """A file of the test's own folder."""

    name: bytes


@dataclass(frozen=True)
class Call:
    """One call, its arguments in the C order; None is NULL."""

    name: str
    arguments: tuple[Any, ...]

    def to_c(self, folder: Path) -> list[Any]:
        """The arguments as ctypes takes them."""
        types = wgfmu.SIGNATURES[self.name]
        return [
            _to_c(kind, value, folder) for kind, value in zip(types, self.arguments, strict=True)
        ]


def _to_c(kind: Any, value: Any, folder: Path) -> Any:
    if isinstance(value, FileName):
        return str(folder).encode() + b"/" + value.name
    if not isinstance(value, Array):
        return value
    if kind is POINTER(POINTER(c_char)):
        rows = [(c_char * NAME_ROOM)() for _ in range(TEXT_ROWS)]
        return (POINTER(c_char) * TEXT_ROWS)(*(ctypes.cast(row, POINTER(c_char)) for row in rows))
    item: Any = {POINTER(c_int): c_int, POINTER(c_double): c_double, POINTER(c_char): c_char}.get(
        kind, c_char_p
    )
    return (item * ROOM)(*value.items)


# --- values ---------------------------------------------------------------------------------------

ODD_NUMBERS = (float("nan"), float("inf"), float("-inf"), 1e300, -1e300, 5e-324)
CHANNELS = st.one_of(
    st.sampled_from((101, 102, 201, 202, 301, 302, 401, 402)),
    st.sampled_from((101, 102, 101, 202, 0, 5, 103, 501, 1002, -1, 2**31 - 1)),
)
NAMES = st.sampled_from((b"a", b"b", b"c"))
ANY_NAMES = st.one_of(
    NAMES,
    NAMES,
    st.sampled_from((b"m", b"new", None, b"", b"\xff\xfe", "µ%s".encode(), b"n" * 700)),
)
TIMES = st.one_of(
    st.sampled_from((1e-7, 1e-6, 1e-5, 1e-3, 0.05, 0.5)),
    st.integers(0, 10_000).map(lambda ticks: ticks * 1e-8),
    st.floats(-1e-7, 1e-3),
    st.sampled_from((0.0, 1e-8, 4e-9, 10995.11627775, 10995.2, 2.2e7, 9e9, *ODD_NUMBERS)),
)
VOLTS = st.one_of(
    st.sampled_from((0.0, 1.2, 2.0, 3.3, -1.0, 5.0, 10.0, -10.0)),
    st.floats(-10, 10),
    st.sampled_from((10.001, -11.0, 1.7e308, *ODD_NUMBERS)),
)
DELAYS = st.sampled_from((625e-12, 1.5e-9, 20e-9, -50e-9, 0.0, 51e-9, *ODD_NUMBERS[:3]))
FACTORS = st.sampled_from((1.0, -1.0, 2.0, 0.5, -0.3, 1e3, 1e-9, 1e12, 0.0, *ODD_NUMBERS))
LOOPS = st.sampled_from((1.0, 2.0, 3.0, 10.0, 1.5, 1000.0, 2.0**40, 2.0**40 + 1, 0.0, *ODD_NUMBERS))
INDICES = st.sampled_from((0, 0, 1, 2, 10, 599, -1, 2**31 - 1, -(2**31)))
REAL_INDICES = st.sampled_from((0.0, 0.0, 1.0, 2.5, 1e6, -1.0, 2.0**52, *ODD_NUMBERS))
POINTS = st.sampled_from((1, 2, 5, 20, 100, 0, -1, 2**31 - 1))
SIZES = st.sampled_from((1, 2, 10, 512, ROOM, 0, -1))
COUNTS = st.sampled_from((1, 2, 3, 5, 100, 65535, 65536, 0, -1))
NULL_SOMETIMES = st.sampled_from((False,) * 19 + (True,))
FILES = st.one_of(
    st.sampled_from((b"log", b"setup.csv", b"no/folder/file", b"\xff", b"f" * 300)).map(FileName),
    st.sampled_from((b"", None, b".", b"/")),
)
ADDRESSES = st.sampled_from((b"GPIB0::17::INSTR", b"GPIB0::17::INSTR", b"\xff", b"", None))


def doubles(values: SearchStrategy[float]) -> SearchStrategy[Array]:
    """A few doubles; the rest of the array is 0."""
    return st.lists(values, min_size=1, max_size=12).map(lambda items: Array(tuple(items)))


def one_of(*kinds: type) -> SearchStrategy[int]:
    """A constant of the header, now and then one that it is not."""
    members = [int(member) for kind in kinds for member in kind]
    return st.sampled_from((*members * 3, 0, -1, 9999))


def out(sizes: SearchStrategy[int] = SIZES) -> SearchStrategy[Array | None]:
    """Where a result goes. Its first item is a size, for those pointers that go in and out."""
    room = sizes.map(lambda size: Array((size,)))
    return NULL_SOMETIMES.flatmap(lambda null: st.none() if null else room)


_BY_TYPE: dict[Any, SearchStrategy[Any]] = {
    c_int: INDICES,
    c_double: TIMES,
    c_char_p: ANY_NAMES,
    POINTER(c_int): out(),
    POINTER(c_double): NULL_SOMETIMES.map(lambda null: None if null else Array()),
    POINTER(c_char): NULL_SOMETIMES.map(lambda null: None if null else Array()),
    POINTER(POINTER(c_char)): NULL_SOMETIMES.map(lambda null: None if null else Array()),
    POINTER(c_char_p): st.lists(ANY_NAMES, max_size=6).map(lambda names: Array(tuple(names))),
}

_SPECIAL: dict[str, dict[int, SearchStrategy[Any]]] = {
    "openSession": {0: ADDRESSES},
    "setTimeout": {0: st.sampled_from((1.0, 10.0, LONGEST_TIMEOUT_S, 0.5, *ODD_NUMBERS[:3]))},
    "treatWarningsAsErrors": {0: one_of(wgfmu.WarningLevel)},
    "setWarningLevel": {0: one_of(wgfmu.WarningLevel)},
    "openLogFile": {0: FILES},
    "exportAscii": {0: FILES},
    "setOperationMode": {1: one_of(wgfmu.OperationMode)},
    "setForceVoltageRange": {1: one_of(wgfmu.ForceVoltageRange)},
    "setMeasureMode": {1: one_of(wgfmu.MeasureMode)},
    "setMeasureVoltageRange": {1: one_of(wgfmu.MeasureVoltageRange)},
    "setMeasureCurrentRange": {1: one_of(wgfmu.MeasureCurrentRange)},
    "setMeasureEnabled": {1: one_of(wgfmu.MeasureEnabled)},
    "setTriggerOutMode": {1: one_of(wgfmu.TriggerOutMode), 2: one_of(wgfmu.TriggerOutPolarity)},
    "setForceDelay": {1: DELAYS},
    "setMeasureDelay": {1: DELAYS},
    "createPattern": {1: VOLTS},
    "addVector": {2: VOLTS},
    "setVector": {2: VOLTS},
    "addVectors": {1: doubles(TIMES), 2: doubles(VOLTS), 3: SIZES},
    "setVectors": {1: doubles(TIMES), 2: doubles(VOLTS), 3: SIZES},
    "createMergedPattern": {3: one_of(wgfmu.Axis)},
    "createMultipliedPattern": {2: FACTORS, 3: FACTORS},
    "createOffsetPattern": {2: st.one_of(TIMES, TIMES.map(lambda time: -time)), 3: VOLTS},
    "setMeasureEvent": {3: POINTS, 6: one_of(wgfmu.MeasureEventData)},
    "setRangeEvent": {3: one_of(wgfmu.MeasureCurrentRange)},
    "addSequence": {2: LOOPS},
    "addSequences": {2: doubles(LOOPS), 3: SIZES},
    "getForceValues": {1: REAL_INDICES},
    "getForceValue": {1: REAL_INDICES},
    "getMeasureEvents": {2: out(st.sampled_from((1, 2, TEXT_ROWS, 0, -1)))},
    "isMeasureEventCompleted": {4: REAL_INDICES},
    "dcforceVoltage": {1: VOLTS},
    "dcmeasureAveragedValue": {1: COUNTS, 2: COUNTS},
}
"""Arguments (by place) that are more than their C type says."""

_NO_CHANNEL_FIRST = ("WGFMU_treatWarningsAsErrors", "WGFMU_setWarningLevel")


def _arguments(name: str) -> SearchStrategy[tuple[Any, ...]]:
    types = wgfmu.SIGNATURES[name]
    special = dict(_SPECIAL.get(name.removeprefix("WGFMU_"), {}))
    if types and types[0] is c_int and name not in _NO_CHANNEL_FIRST:
        special.setdefault(0, CHANNELS)
    return st.tuples(*(special.get(i, _BY_TYPE[kind]) for i, kind in enumerate(types)))


def calls_of(names: Sequence[str]) -> SearchStrategy[Call]:
    """A call of one of these functions."""
    return st.sampled_from(list(names)).flatmap(
        lambda name: st.builds(Call, st.just(name), _arguments(name))
    )


_SETUP = ("Pattern", "Vector", "Event", "Sequence", "set")

any_call = calls_of(sorted(wgfmu.SIGNATURES))
"""Any of the 88."""

setup_call = calls_of([n for n in wgfmu.SIGNATURES if any(part in n for part in _SETUP)])
"""Calls that build or change a setup, which so gets deeper."""
