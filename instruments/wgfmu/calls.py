"""The arguments of a WGFMU call as plain values: what goes in, what comes out, and back.

A C signature does not tell which pointers are read and which are written, nor how long an array is;
the two tables here do (instruments.md, section 1.2). Any pointer that they do not name has room for
one item, which comes out.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import POINTER, c_char, c_char_p, c_double, c_int
from typing import Any

from instruments.wgfmu.library import SIGNATURES

INPUT_ARRAYS: dict[str, tuple[int, tuple[int, ...]]] = {
    "WGFMU_addVectors": (3, (1, 2)),
    "WGFMU_setVectors": (3, (1, 2)),
    "WGFMU_addSequences": (3, (1, 2)),
}
"""Index of the argument with the size, and of the arrays that go in."""

OUTPUT_ARRAYS: dict[str, tuple[int, tuple[int, ...]]] = {
    "WGFMU_doSelfCalibration": (2, (1,)),
    "WGFMU_doSelfTest": (2, (1,)),
    "WGFMU_getChannelIds": (1, (0,)),
    "WGFMU_getError": (1, (0,)),
    "WGFMU_getErrorSummary": (1, (0,)),
    "WGFMU_getWarningSummary": (1, (0,)),
    "WGFMU_getPatternForceValues": (2, (3, 4)),
    "WGFMU_getPatternMeasureTimes": (2, (3,)),
    "WGFMU_getForceValues": (2, (3, 4)),
    "WGFMU_getMeasureTimes": (2, (3,)),
    "WGFMU_getMeasureEvents": (2, (3, 4, 5, 6, 7, 8, 9)),
    "WGFMU_getMeasureValues": (2, (3, 4)),
}
"""Index of the pointer to the size, which goes in as room and comes out as the number stored, and
of the arrays that come out."""

_VALUES = (c_int, c_double, c_char_p)
_CHARACTERS = POINTER(c_char)
_TEXTS = POINTER(_CHARACTERS)
_NAMES = POINTER(c_char_p)


class CallForm:
    """How the arguments of one function become JSON, and how results go to its pointers."""

    def __init__(self, name: str) -> None:
        kinds = SIGNATURES[name]
        in_size, in_arrays = INPUT_ARRAYS.get(name, (-1, ()))
        out_size, self._out_arrays = OUTPUT_ARRAYS.get(name, (-1, ()))
        self._size = in_size if in_arrays else out_size
        pointers = [(i, kind) for i, kind in enumerate(kinds) if kind not in _VALUES]
        self._arity = len(kinds)
        self._in = [
            (index, kind)
            for index, kind in enumerate(kinds)
            if kind in _VALUES or index in in_arrays or index == out_size
        ]
        self._out = [(index, kind) for index, kind in pointers if index not in in_arrays]
        self._pointers = pointers

    def pointers(self, arguments: Sequence[Any]) -> list[Any]:
        """The arguments with every pointer, array or reference as a pointer that can be indexed.

        TypeError, ``ctypes.ArgumentError`` or ValueError if the function does not take them.
        """
        if len(arguments) != self._arity:
            raise TypeError(f"{self._arity} arguments are needed, {len(arguments)} were given")
        pointed = list(arguments)
        for index, kind in self._pointers:
            pointed[index] = _pointer(pointed[index], kind)
        return pointed

    def given(self, pointed: Sequence[Any]) -> list[Any]:
        """What goes in, in order: values, texts, arrays as lists, room of out-arrays."""
        return [self._given(index, kind, pointed) for index, kind in self._in]

    def _given(self, index: int, kind: type, pointed: Sequence[Any]) -> Any:
        argument = pointed[index]
        if kind in _VALUES:
            # ctypes takes 5 as well as c_int(5).
            argument = getattr(argument, "value", argument)
        if kind is c_int:
            return int(argument)
        if kind is c_double:
            return float(argument)
        if kind is c_char_p:
            return None if argument is None else argument.decode("latin-1")
        if not argument:
            return None
        if index == self._size:
            return argument[0]
        items = argument[: max(0, pointed[self._size])]
        return [text.decode("latin-1") for text in items] if kind is _NAMES else items

    def stored(self, pointed: Sequence[Any], given: Sequence[Any]) -> list[Any]:
        """What has come out, in order; None for NULL. ``given`` is from before the call."""
        room = self._room(given)
        results: list[Any] = []
        for index, kind in self._out:
            pointer = pointed[index]
            if not pointer:
                results.append(None)
            elif index not in self._out_arrays:
                results.append(_text(pointer) if kind is _CHARACTERS else pointer[0])
            elif kind is _CHARACTERS:
                # The size that comes out may or may not count the zero byte: up to it, or all room.
                results.append(_cut(pointer[:room]))
            else:
                items = pointer[: max(0, min(room, pointed[self._size][0]))]
                results.append([_text(item) for item in items] if kind is _TEXTS else items)
        return results

    def store(self, pointed: Sequence[Any], results: Sequence[Any], given: Sequence[Any]) -> None:
        """Put what `stored` gave where a call's pointers lead, never beyond their room.

        TypeError or ValueError if ``results`` are none of this function.
        """
        room = self._room(given)
        for (index, kind), result in zip(self._out, results, strict=True):
            pointer = pointed[index]
            if result is None or not pointer:
                continue
            if index not in self._out_arrays:
                if kind is _CHARACTERS:
                    _put_text(pointer, result, len(result) + 1)
                else:
                    pointer[0] = result
            elif kind is _CHARACTERS:
                _put_text(pointer, result, room)
            elif kind is _TEXTS:
                for place, text in zip(range(room), result, strict=False):
                    _put_text(pointer[place], text, len(text) + 1)
            else:
                item: Any = c_int if kind is POINTER(c_int) else c_double
                items = result[:room]
                array = (item * len(items))(*items)
                ctypes.memmove(pointer, array, ctypes.sizeof(array))

    def _room(self, given: Sequence[Any]) -> int:
        """Items that the out-arrays of a call can hold."""
        if not self._out_arrays:
            return 0
        place = [index for index, _ in self._in].index(self._size)
        return max(0, given[place] or 0)


FORMS = {name: CallForm(name) for name in SIGNATURES}


def _pointer(argument: Any, kind: Any) -> Any:
    """A pointer to what a client gives for one; ctypes also takes the variable itself."""
    if isinstance(argument, kind._type_):
        return ctypes.pointer(argument)
    return ctypes.cast(argument, kind)


def _cut(characters: bytes) -> str:
    return characters.partition(b"\0")[0].decode("latin-1")


def _text(pointer: Any) -> str:
    return ctypes.string_at(pointer).decode("latin-1")


def _put_text(pointer: Any, text: str, room: int) -> None:
    data = text.encode("latin-1")[:room]
    ctypes.memmove(pointer, data, len(data))
    if len(data) < room:
        pointer[len(data)] = b"\0"
