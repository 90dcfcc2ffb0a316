"""Faults of the C calls: functions that return an error, hang until a time-out, lose the session.

`FaultyLibrary` takes the place of the library object and has the same C functions.
"""

from __future__ import annotations

import ctypes
import re
from collections import deque
from collections.abc import Callable, Sequence
from ctypes import c_int
from dataclasses import dataclass
from typing import Any, cast

from instruments.sim.clock import VirtualClock
from instruments.sim.faults.when import When
from instruments.wgfmu.library import SIGNATURES, ReturnCode, WgfmuLibrary

HUNG_ADAPTER = "viReadSTB returned -1073807360"
"""What the library says of a GPIB adapter that hangs (instruments.md 1.6)."""

CALL_TIMEOUT_S = 100.0
"""The library's own time-out, s (instruments.md 1.9)."""


@dataclass
class CallFault:
    """Functions whose name without ``WGFMU_`` matches ``function`` return ``code``.

    ``channel`` restricts it to calls whose first argument is that channel. ``text`` is what
    ``WGFMU_getError`` then tells. ``carried_out``: the function does its work all the same.
    """

    function: str
    when: When
    code: int = ReturnCode.ERROR
    text: str = "Unidentified error."
    channel: int | None = None
    carried_out: bool = False
    seconds: float = 0.0
    """Bench time that the call takes besides."""

    def meets(self, function: str, arguments: Sequence[Any], now_s: float) -> bool:
        """Whether it strikes this call."""
        return (
            re.fullmatch(self.function, function) is not None
            and (self.channel is None or arguments[:1] == (self.channel,))
            and self.when.strikes(now_s)
        )


@dataclass
class LostSession:
    """The session is gone; outputs stay as they are. Calls fail until one is opened again."""

    function: str
    when: When

    def meets(self, function: str, arguments: Sequence[Any], now_s: float) -> bool:
        """Whether it strikes at this call."""
        return re.fullmatch(self.function, function) is not None and self.when.strikes(now_s)


def hung_adapter(function: str, when: When) -> CallFault:
    """The GPIB adapter hangs: firmware error with VISA's text."""
    return CallFault(function, when, ReturnCode.FW_ERROR, HUNG_ADAPTER)


def call_timeout(function: str, when: When, carried_out: bool = False) -> CallFault:
    """The library gives up after its time-out."""
    text = f"No response within the timeout of {CALL_TIMEOUT_S:g} s."
    return CallFault(
        function,
        when,
        ReturnCode.COMMUNICATION_ERROR,
        text,
        carried_out=carried_out,
        seconds=CALL_TIMEOUT_S,
    )


class FaultyLibrary:
    """The C names of a library, some of whose calls fail."""

    def __init__(
        self, library: WgfmuLibrary, faults: Sequence[CallFault | LostSession], clock: VirtualClock
    ) -> None:
        self._library = library
        self._faults = faults
        self._clock = clock
        self._texts: deque[bytes] = deque()
        for name, types in SIGNATURES.items():
            prototype = ctypes.CFUNCTYPE(c_int, *types)
            setattr(self, name, prototype(self._entry(name)))

    def library(self) -> WgfmuLibrary:
        """This object, as what it stands for."""
        return cast(WgfmuLibrary, self)

    def _entry(self, name: str) -> Callable[..., int]:
        inner = getattr(self._library, name)
        texts: dict[str, Callable[..., int]] = {
            "WGFMU_getErrorSize": self._error_size,
            "WGFMU_getError": self._error,
        }
        own = texts.get(name)

        def call(*arguments: Any) -> int:
            if own is not None and self._texts:
                return own(*arguments)
            failing = self._struck(name, arguments)
            if failing is None:
                return int(inner(*arguments))
            if failing.carried_out:
                inner(*arguments)
            self._clock.advance(failing.seconds)
            text = f"{int(failing.code)}: Error in {name}();\n\t{failing.text}\n"
            self._texts.append(text.encode("ascii"))
            return int(failing.code)

        return call

    def _struck(self, name: str, arguments: Sequence[Any]) -> CallFault | None:
        """The fault that makes this call fail; a lost session is closed on the way."""
        function, now_s = name.removeprefix("WGFMU_"), self._clock.now()
        for fault in self._faults:
            if fault.meets(function, arguments, now_s):
                if isinstance(fault, CallFault):
                    return fault
                self._library.WGFMU_closeSession()
        return None

    def _error_size(self, size: Any) -> int:
        size[0] = len(self._texts[0])
        return 0

    def _error(self, buffer: Any, size: Any) -> int:
        text = self._texts.popleft()[: size[0]] + b"\0"
        ctypes.memmove(buffer, text, min(len(text), size[0] + 1))
        size[0] = len(text)
        return 0
