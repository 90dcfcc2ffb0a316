"""The simulated WGFMU library: answers the vendor's C functions on the simulated bench.

Each function is a real C function pointer, so pointers, buffers and argument conversion behave as
with the vendor's file. Behaviour follows instruments.md, sections 1.2 to 1.10. Where no public
source gives a text, it is composed after the known pattern
``<code>: Error in WGFMU_<function>(<arguments>);\\n\\t<explanation>\\n``.

As on the instrument, settings take effect when they are pushed: by update, execute, connect and
the DC functions. A run is played on the chip as bench time passes, not before.

The functions stand in the ``*_calls`` modules, their common state is `Session`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from ctypes import c_int
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np

from instruments.sim.station import Station
from instruments.sim.wgfmu import (
    channel_calls,
    content_calls,
    data_calls,
    dc_calls,
    pattern_calls,
    run_calls,
    session_calls,
)
from instruments.sim.wgfmu.checks import ChannelSetup, Refusal
from instruments.sim.wgfmu.patterns import Pattern
from instruments.sim.wgfmu.session import Calls, Session
from instruments.wgfmu.library import SIGNATURES, ReturnCode, WarningLevel, WgfmuLibrary

CALLS: Calls = {
    **session_calls.CALLS,
    **channel_calls.CALLS,
    **pattern_calls.CALLS,
    **content_calls.CALLS,
    **run_calls.CALLS,
    **data_calls.CALLS,
    **dc_calls.CALLS,
}
"""All 88 functions of the header."""


@dataclass
class Software:
    """What a client has set up in the library, on an instrument or not."""

    timeout: float
    reported: WarningLevel
    as_errors: WarningLevel
    patterns: dict[str, Pattern]
    channels: dict[int, ChannelSetup]


class _Functions:
    """The C names as attributes."""


class SimulatedWgfmu:
    """The library as a client has it, on one station.

    ``rng`` gives the instrument's own noise. ``failure`` is the last exception nobody expected; the
    call that met it returned -8.
    """

    def __init__(self, station: Station, rng: np.random.Generator) -> None:
        self.session = Session(station, rng)
        self.failure: BaseException | None = None
        self._functions = _Functions()
        for name, types in SIGNATURES.items():
            prototype = ctypes.CFUNCTYPE(c_int, *types)
            entry = self._entry(name, partial(CALLS[name], self.session))
            setattr(self._functions, name, prototype(entry))
        station.catch_up = self.session.catch_up

    @property
    def station(self) -> Station:
        """The bench it is plugged into."""
        return self.session.station

    def library(self) -> WgfmuLibrary:
        """An object with the 88 C names; it takes the place of the loaded DLL."""
        return cast(WgfmuLibrary, self._functions)

    # What a library in another process, whose calls are carried out here, needs (served)

    def software(self) -> Software:
        """The software setup: all that no instrument has to be asked for."""
        return Software(
            self.session.timeout,
            self.session.messages.reported,
            self.session.messages.as_errors,
            dict(self.session.patterns),
            dict(self.session.channels),
        )

    def adopt(self, software: Software) -> None:
        """Take over a client's software setup; what is as before counts as unchanged."""
        self.session.timeout = software.timeout
        self.session.messages.reported = software.reported
        self.session.messages.as_errors = software.as_errors
        for name, pattern in software.patterns.items():
            known = self.session.patterns.get(name)
            if known is not None and known.same_content(pattern):
                software.patterns[name] = known
        for number, setup in software.channels.items():
            if number in self.session.channels:
                setup.downloaded = self.session.channels[number].downloaded
        self.session.patterns, self.session.channels = software.patterns, software.channels
        self.session.changed()

    def take_messages(self) -> tuple[list[str], list[str]]:
        """Error and warning texts since the last time, which are then forgotten."""
        errors, warnings = list(self.session.messages.errors), list(self.session.messages.warnings)
        self.session.messages.clear()
        return errors, warnings

    def forget_client(self) -> None:
        """As a library that has just been loaded; what runs on the instrument goes on."""
        self.session.forget_client()

    # How a C call is answered

    def _entry(self, name: str, method: Callable[..., None]) -> Callable[..., int]:
        """A Python function with the C calling contract: nothing raised, a code returned."""

        def call(*arguments: Any) -> int:
            try:
                method(*arguments)
            except Refusal as refusal:
                return self._refused(name, arguments, refusal.code, refusal.text)
            except BaseException as failure:
                # ctypes would print it and return 0, that is success.
                self.failure = failure
                text = f"{type(failure).__name__}: {failure}"
                return self._refused(name, arguments, ReturnCode.ERROR, text)
            if self.session.messages.pending:
                self._report_warnings(name, arguments)
            return 0

        return call

    def _refused(self, name: str, arguments: Sequence[Any], code: int, text: str) -> int:
        self._report_warnings(name, arguments)
        self.session.messages.error(f"{int(code)}: Error in {_call(name, arguments)};\n\t{text}\n")
        return int(code)

    def _report_warnings(self, name: str, arguments: Sequence[Any]) -> None:
        for level, text in self.session.messages.pending:
            entry = f"{int(level)}: Warning in {_call(name, arguments)};\n\t{text}\n"
            self.session.messages.warning(level, entry)
        self.session.messages.pending.clear()


def _call(name: str, arguments: Sequence[Any]) -> str:
    """A call as error texts show it: what went in, not where results go."""
    shown = []
    for argument in arguments:
        if isinstance(argument, bytes):
            shown.append('"' + argument.decode("utf-8", errors="replace") + '"')
        elif isinstance(argument, int):
            shown.append(str(argument))
        elif isinstance(argument, float):
            shown.append(f"{argument:g}")
    return f"{name}({', '.join(shown)})"
