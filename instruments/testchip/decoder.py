"""Address lines: which row and column pair the decoders select."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Decoder(Protocol):
    """Whatever sets the ten address lines."""

    def select(self, row: int, column: int) -> None:
        """Put the address on the lines."""


class DigitalPort(Protocol):
    """A port with 16 lines; in the value it is given, a bit that is 0 is a high level."""

    def set_digital_output(self, value: int) -> None:
        """Set all lines at once."""


class DigitalIODecoder:
    """The address lines on the mainframe's digital port (``ERC``; bit 0 = high, 1 = low).

    ``lines`` are the DIO numbers (1-16) of AR0-AR4, then AC0-AC4. Lines not used stay low.
    """

    def __init__(self, port: DigitalPort, lines: Sequence[int]) -> None:
        if len(lines) != 10 or len(set(lines)) != 10 or not all(1 <= n <= 16 for n in lines):
            raise ValueError(
                "the address needs ten different digital lines from 1 to 16, AR0-4 then AC0-4; "
                f"given: {list(lines)}"
            )
        self._port = port
        self._row_high = [_mask(row, lines[:5]) for row in range(32)]
        self._column_high = [_mask(column, lines[5:]) for column in range(32)]

    def select(self, row: int, column: int) -> None:
        """Put the address on the lines. ValueError beyond 0 to 31."""
        if not (0 <= row < 32 and 0 <= column < 32):
            raise ValueError(f"row {row}, column {column} is no address: 0 to 31 each")
        high = self._row_high[row] | self._column_high[column]
        self._port.set_digital_output(0xFFFF & ~high)


def _mask(number: int, lines: Sequence[int]) -> int:
    """Bits of the digital word that are high for an address number."""
    return sum(1 << (line - 1) for bit, line in enumerate(lines) if number >> bit & 1)
