"""FLEX text to commands: mnemonic and numbers, checked for syntax only (instruments.md 2.1)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from instruments.sim.flex.errors import FlexError

INPUT_BUFFER = 256
"""Characters a line may hold; a longer one is error 150 and does nothing."""

_NUMERIC = frozenset("0123456789+-.E")


@dataclass(frozen=True)
class Request:
    """One command of a line: ``DV 1,0,20`` is ``Request("DV", (1.0, 0.0, 20.0))``."""

    mnemonic: str
    parameters: tuple[float, ...]


def split_line(line: str) -> list[str]:
    """The commands of one line, blanks around them removed.

    Empty commands (``;;``) are no commands. Raises `FlexError` 150 for a line over 256 characters.
    """
    if len(line) > INPUT_BUFFER:
        raise FlexError(150)
    return [command for part in line.split(";") if (command := part.strip())]


def parse(command: str) -> Request:
    """One command's mnemonic (upper case) and parameters.

    Raises `FlexError` 100 where no mnemonic is found and 102 for what is no decimal number.
    """
    text = command.upper()
    end = 1 if text.startswith("*") else 0
    while end < len(text) and "A" <= text[end] <= "Z":
        end += 1
    if end < len(text) and text[end] == "?":
        end += 1
    mnemonic = text[:end]
    if not mnemonic.strip("*?"):
        raise FlexError(100)
    rest = text[end:].strip()
    if not rest:
        return Request(mnemonic, ())
    return Request(mnemonic, tuple(_number(field.strip()) for field in rest.split(",")))


def _number(field: str) -> float:
    """A FLEX number; what Python alone takes (nan, inf, 1_0) is a syntax error."""
    if not field or not _NUMERIC.issuperset(field):
        raise FlexError(102)
    try:
        value = float(field)
    except ValueError:
        raise FlexError(102) from None
    if not math.isfinite(value):
        raise FlexError(102)
    return value
