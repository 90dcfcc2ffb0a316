"""What a C client hands over: strings, pointers and arrays, read and filled."""

from __future__ import annotations

import ctypes
from enum import IntEnum
from pathlib import Path as FilePath
from typing import Any, TypeVar

import numpy as np

from instruments.sim.waveform import Floats
from instruments.sim.wgfmu import checks
from instruments.sim.wgfmu.checks import Refusal
from instruments.wgfmu.library import ReturnCode

Pointer = Any
"""A ctypes pointer as a C function receives it."""

NAME_BUFFER = 512
"""Bytes that clients give for a pattern's or event's name."""

Constant = TypeVar("Constant", bound=IntEnum)


def text_of(value: bytes | None) -> str:
    """A string argument; refused if it is empty or NULL."""
    if not value:
        raise Refusal(ReturnCode.ILLEGAL_STRING_ERROR, "A string is empty or NULL.")
    return value.decode("utf-8", errors="replace")


def size_of(text: str) -> int:
    """Bytes that a text takes with the zero at its end; 0 for none."""
    return len(text.encode("utf-8")) + 1 if text else 0


def require(pointer: Pointer) -> None:
    """Refuse a pointer that is NULL."""
    if not pointer:
        raise Refusal(ReturnCode.PARAMETER_OUT_OF_RANGE_ERROR, "A pointer is NULL.")


def store(pointer: Pointer, value: float) -> None:
    """Store a result where the client wants it."""
    if not pointer:
        require(pointer)
    pointer[0] = value


def capacity(buffer: Pointer, size: Pointer) -> int:
    """Room of a client's array."""
    require(buffer)
    require(size)
    room = int(size[0])
    if room < 1:
        raise checks.out_of_range("size", room, 1, 2**31 - 1)
    return room


def doubles(pointer: Pointer, size: int) -> Floats:
    """A client's array of doubles, copied."""
    require(pointer)
    return np.ctypeslib.as_array(pointer, (size,)).copy()


def store_name(buffer: Pointer, name: str) -> None:
    """Fill a client's buffer for a name."""
    require(buffer)
    data = name.encode("utf-8")[: NAME_BUFFER - 1] + b"\0"
    ctypes.memmove(buffer, data, len(data))


def one_of(kind: type[Constant], value: int) -> Constant:
    """A constant as the member of its kind; refused if it is none."""
    try:
        return kind(value)
    except ValueError:
        raise Refusal(
            ReturnCode.PARAMETER_OUT_OF_RANGE_ERROR,
            f"{value} is no {kind.__name__}. It must be one of "
            f"{', '.join(str(int(member)) for member in kind)}.",
        ) from None


def require_writable(path: FilePath, mode: str) -> None:
    """Refuse a file that cannot be written."""
    try:
        path.open(mode, encoding="utf-8").close()
    except OSError as error:
        raise Refusal(
            ReturnCode.LIBRARY_ERROR, f"{path} cannot be written: {error.strerror}."
        ) from error
