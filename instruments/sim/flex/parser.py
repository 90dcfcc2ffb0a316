"""FLEX text to commands: mnemonic and numbers, checked for syntax only (instruments.md 2.1)."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from instruments.sim.flex.errors import FlexError

INPUT_BUFFER = 256
"""Characters a line may hold; a longer one is error 150 and does nothing."""

_COMMAND = re.compile(r"(\*?[A-Z]+\??)\s*")
_NUMBERS = re.compile(r"[0-9+\-.E,\s]*")
"""What Python alone takes for a number (nan, inf, 1_0) is a syntax error."""


class Request(NamedTuple):
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
    start = _COMMAND.match(text)
    if start is None:
        raise FlexError(100)
    rest = text[start.end() :]
    return Request(start[1], _numbers(rest) if rest else ())


def _numbers(rest: str) -> tuple[float, ...]:
    if not _NUMBERS.fullmatch(rest):
        raise FlexError(102)
    try:
        values = tuple(map(float, rest.split(",")))
    except ValueError:
        raise FlexError(102) from None
    if not all(map(math.isfinite, values)):
        raise FlexError(102)
    return values
