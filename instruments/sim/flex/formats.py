"""Measurement data as text or binary (instruments.md section 2.5, FMT)."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from instruments.sim.flex.smu import OVERFLOW, Reading

TEXT_FORMATS = (1, 2, 5, 11, 12, 15, 21, 22, 25)
BINARY_FORMATS = (3, 4, 13, 14)

_TERMINATOR = b"\r\n"
_STATUS_NUMBERS = {"N": 0, "V": 1, "X": 2, "F": 2, "T": 4, "C": 8, "G": 16, "S": 32}
_END_OF_DATA = 128
_CHANNEL_LETTERS = "ZABCDEFGHIJ"
_SHORT_VOLTAGE_CODES = {5: 8, 50: 9, 20: 11, 200: 12, 400: 13, 1000: 14}
_MANTISSA = {3: "%+08.3f", 4: "%+09.4f"}
_KIND_BITS = {"V": 0, "I": 1, "T": 2, "X": 3}
_BINARY_STATUS = {"N": 0, "T": 1, "C": 2, "V": 3, "X": 4, "G": 5, "S": 6, "F": 7}


@dataclass(frozen=True)
class Record:
    """One block of the data buffer: what one read delivers, and how many items are in it."""

    data: bytes
    items: int


def number(value: float, decimals: int) -> str:
    """Engineering notation with three digits before the point.

    >>> number(9.535e-12, 3), number(0.1, 4), number(0.0, 3)
    ('+009.535E-12', '+100.0000E-03', '+000.000E+00')
    """
    layout = _MANTISSA[decimals]
    if abs(value) < 1e-99:
        return layout % 0.0 + "E+00"
    exponent = math.floor(math.log10(abs(value))) // 3 * 3
    mantissa = layout % (value * 10.0**-exponent)
    if mantissa[1:5] == "1000":
        exponent += 3
        mantissa = layout % (value * 10.0**-exponent)
    return f"{mantissa}E{exponent:+03d}"


def setting_number(value: float, full_scale: float) -> str:
    """A forced value as ``*LRN?`` echoes it: six digits placed by its range (section 2.6).

    >>> setting_number(0.0, 20.0), setting_number(100e-6, 100e-6)
    ('+00.0000E+00', '+100.000E-06')
    """
    exponent = math.floor(math.log10(full_scale * 1.000001)) // 3 * 3
    decimals = 6 - len(str(int(full_scale * 1.000001 * 10.0**-exponent)))
    return f"{value * 10.0**-exponent:+08.{decimals}f}E{exponent:+03d}"


def record(readings: Sequence[Reading], data_format: int) -> Record:
    """All items of one measurement in the chosen format."""
    if data_format in BINARY_FORMATS:
        pack = _four_bytes if data_format < 10 else _eight_bytes
        end = _TERMINATOR if data_format in (3, 13) else b""
        return Record(b"".join(map(pack, readings)) + end, len(readings))
    item = _ITEM_WRITERS[data_format]
    text = ",".join([item(reading) for reading in readings]).encode("ascii")
    return Record(text + (b"," if data_format % 10 == 5 else _TERMINATOR), len(readings))


def _status(reading: Reading) -> str:
    if reading.is_source:
        return "E" if reading.is_last else "W"
    return reading.status


def _fmt1(reading: Reading) -> str:
    letter = _CHANNEL_LETTERS[reading.slot]
    return f"{_status(reading)}{letter}{reading.kind}{number(reading.value, 3)}"


def _fmt11(reading: Reading) -> str:
    letter = _CHANNEL_LETTERS[reading.slot]
    return f"{_status(reading)}{letter}{reading.kind}{number(reading.value, 4)}"


def _fmt21(reading: Reading) -> str:
    letter = _CHANNEL_LETTERS[reading.slot]
    if reading.is_source:
        kind = reading.kind.lower() if reading.kind in "VI" else reading.kind
        return f"  {_status(reading)}{letter}{kind}{number(reading.value, 4)}"
    status = _STATUS_NUMBERS[reading.status] + (_END_OF_DATA if reading.is_last else 0)
    return f"{status:03d}{letter}{reading.kind}{number(reading.value, 4)}"


def _bare12(reading: Reading) -> str:
    return number(reading.value, 3)


def _bare13(reading: Reading) -> str:
    return number(reading.value, 4)


_ITEM_WRITERS: dict[int, Callable[[Reading], str]] = {
    1: _fmt1,
    2: _bare12,
    5: _fmt1,
    11: _fmt11,
    12: _bare13,
    15: _fmt11,
    21: _fmt21,
    22: _bare13,
    25: _fmt21,
}


def _range_code(reading: Reading) -> int:
    if reading.range is None:
        return 0
    return _SHORT_VOLTAGE_CODES.get(reading.range.code, reading.range.code)


def _count(reading: Reading, steps: int, bits: int) -> int:
    """The value in steps of its range, as a signed integer cut to ``bits``."""
    full_scale = 1.0 if reading.range is None else reading.range.full_scale
    top = (1 << (bits - 1)) - 1
    if reading.value >= OVERFLOW:
        return top
    return max(-top - 1, min(top, round(reading.value / full_scale * steps))) & ((1 << bits) - 1)


def _four_bytes(reading: Reading) -> bytes:
    """Type, parameter, range, 17-bit count, status, channel: from the high bit down.

    The digest names the format only; the places of the fields are assumed. The count is in 1/50000
    of the range (1/20000 for a source value).
    """
    word = (_KIND_BITS[reading.kind] & 1) << 31
    word |= int(reading.is_source) << 30
    word |= (_range_code(reading) & 31) << 25
    word |= _count(reading, 20_000 if reading.is_source else 50_000, 17) << 8
    word |= (_BINARY_STATUS[reading.status] & 7) << 5
    return struct.pack(">I", word | reading.slot)


def _eight_bytes(reading: Reading) -> bytes:
    """Parameter and type, range, 32-bit count in 1/1000000 of the range, status, channel.

    The digest names the format only; the places of the fields are assumed. Time is in microseconds.
    """
    kind = _KIND_BITS[reading.kind] | int(reading.is_source) << 7
    count = _count(reading, 1_000_000, 32)
    status = _BINARY_STATUS[reading.status]
    return struct.pack(">BBIBB", kind, _range_code(reading), count, status, reading.slot)
