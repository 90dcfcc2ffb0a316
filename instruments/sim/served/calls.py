"""Arguments of forwarded C calls as JSON, and back (types: `instruments.wgfmu.library`).

Values travel as they are, byte strings as Latin-1 text. Of a pointer only its room travels to the
instrument (NULL as null), and its content comes back. A pointer has room for one item unless the
call gives a size for it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from ctypes import POINTER, c_char, c_char_p, c_double, c_int
from typing import Any

import numpy as np

from instruments.sim.served.wire import WireError, packed, unpacked
from instruments.sim.wgfmu.checks import MAX_MEASURED_VALUES
from instruments.wgfmu.calls import OUTPUT_ARRAYS
from instruments.wgfmu.library import SIGNATURES

FORWARDED = (
    "WGFMU_openSession",
    "WGFMU_closeSession",
    "WGFMU_initialize",
    "WGFMU_doSelfCalibration",
    "WGFMU_doSelfTest",
    "WGFMU_connect",
    "WGFMU_disconnect",
    "WGFMU_update",
    "WGFMU_updateChannel",
    "WGFMU_execute",
    "WGFMU_abort",
    "WGFMU_abortChannel",
    "WGFMU_getStatus",
    "WGFMU_getChannelStatus",
    "WGFMU_waitUntilCompleted",
    "WGFMU_getMeasureValueSize",
    "WGFMU_getMeasureValues",
    "WGFMU_getMeasureValue",
    "WGFMU_getCompletedMeasureEventSize",
    "WGFMU_isMeasureEventCompleted",
    "WGFMU_dcforceVoltage",
    "WGFMU_dcmeasureValue",
    "WGFMU_dcmeasureAveragedValue",
)
"""The functions that reach hardware; the library answers all others itself."""

_LONGEST_TEXT = 4096
_ROOM = {POINTER(c_int): 1, POINTER(c_double): MAX_MEASURED_VALUES, POINTER(c_char): _LONGEST_TEXT}
"""Items that a call can store at most, however large an array the client offers."""

_ITEM: dict[type, type] = {
    POINTER(c_int): c_int,
    POINTER(c_double): c_double,
    POINTER(c_char): c_char,
}


def to_request(name: str, arguments: Sequence[Any]) -> list[Any]:
    """What the instrument has to know of a call's arguments."""
    size_index, arrays = OUTPUT_ARRAYS.get(name, (-1, ()))
    request: list[Any] = []
    for index, (kind, argument) in enumerate(zip(SIGNATURES[name], arguments, strict=True)):
        if kind is c_char_p:
            request.append(None if argument is None else argument.decode("latin-1"))
        elif kind not in _ITEM:
            request.append(argument)
        elif not argument:
            request.append(None)
        elif index == size_index:
            request.append({"size": argument[0]})
        elif index in arrays:
            room = arguments[size_index][0] if arguments[size_index] else 0
            request.append({"room": max(0, min(room, _ROOM[kind]))})
        else:
            request.append({"room": 1})
    return request


def to_arguments(name: str, request: Any) -> list[Any]:
    """C arguments made of a request, with arrays of their own. Raises `WireError`."""
    kinds = SIGNATURES[name]
    if not isinstance(request, list) or len(request) != len(kinds):
        raise WireError(f"{name} takes {len(kinds)} arguments")
    return [_argument(kind, item) for kind, item in zip(kinds, request, strict=True)]


def _argument(kind: type, item: Any) -> Any:
    try:
        if kind is c_char_p:
            return None if item is None else item.encode("latin-1")
        if kind is c_double:
            return float(item)
        if kind is c_int:
            return c_int(item).value
        if item is None:
            return None
        if "size" in item:
            return (c_int * 1)(item["size"])
        room = item["room"]
        if not 0 <= room <= _ROOM[kind]:
            raise ValueError(f"no room of {room}")
        return (_ITEM[kind] * max(1, room))()
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise WireError(f"{item!r} is no {kind.__name__}") from error


def to_results(name: str, arguments: Sequence[Any]) -> list[Any]:
    """What a call has stored where its pointers lead; null for values and NULL."""
    size_index, arrays = OUTPUT_ARRAYS.get(name, (-1, ()))
    stored = arguments[size_index][0] if arrays and arguments[size_index] else 0
    results: list[Any] = []
    for index, (kind, argument) in enumerate(zip(SIGNATURES[name], arguments, strict=True)):
        if kind not in _ITEM or argument is None:
            results.append(None)
            continue
        count = max(0, min(stored, len(argument))) if index in arrays else 1
        results.append(_TO_TEXT[kind](argument, count))
    return results


def put_results(name: str, arguments: Sequence[Any], results: Any) -> None:
    """Store at a client's pointers what came back. Raises `WireError`."""
    if not isinstance(results, list) or len(results) != len(arguments):
        raise WireError(f"{name} was answered by {results!r:.80}")
    rooms = to_request(name, arguments)
    for kind, argument, room, result in zip(
        SIGNATURES[name], arguments, rooms, results, strict=True
    ):
        if kind not in _ITEM or not argument or result is None:
            continue
        try:
            values = _FROM_TEXT[kind](result)
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            raise WireError(f"{result!r:.80} is no {kind.__name__}") from error
        # Never more than the client has room for, whatever the other side says.
        values = values[: room.get("room", 1)]
        ctypes.memmove(argument, values.ctypes.data, values.nbytes)


def _ints(argument: Any, count: int) -> list[int]:
    return [int(argument[index]) for index in range(count)]


def _doubles(argument: Any, count: int) -> str:
    return packed(np.ctypeslib.as_array(argument)[:count])


def _text(argument: Any, count: int) -> str:
    return bytes(argument[:count]).decode("latin-1")


_TO_TEXT: dict[type, Callable[[Any, int], Any]] = {
    POINTER(c_int): _ints,
    POINTER(c_double): _doubles,
    POINTER(c_char): _text,
}

_FROM_TEXT: dict[type, Callable[[Any], Any]] = {
    POINTER(c_int): lambda result: np.array(result, dtype=np.intc),
    POINTER(c_double): unpacked,
    POINTER(c_char): lambda result: np.frombuffer(result.encode("latin-1"), dtype=np.uint8),
}
