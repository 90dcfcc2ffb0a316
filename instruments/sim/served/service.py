"""The instrument's side of a WGFMU client: carries out the calls that need hardware."""

from __future__ import annotations

from typing import Any

from instruments.sim.served.calls import FORWARDED, to_arguments, to_results
from instruments.sim.served.setup import read_setup
from instruments.sim.served.wire import Message, WireError
from instruments.sim.wgfmu.library import SimulatedWgfmu


class WgfmuService:
    """One client's calls on the instrument's library, as messages."""

    def __init__(self, wgfmu: SimulatedWgfmu) -> None:
        self._wgfmu = wgfmu
        self._library = wgfmu.library()

    def welcome(self) -> Message:
        """What a client has to know first: the modules by slot."""
        return {
            "modules": {str(slot): model for slot, model in self._wgfmu.station.modules.items()}
        }

    def answer(self, request: Message) -> Message:
        """Carry out one call. Raises `WireError` for a request that no library sends.

        A request has ``call``, ``arguments`` and, if it changed, ``setup``; the reply ``code``,
        ``results`` and the texts of ``errors`` and ``warnings``.
        """
        name: Any = request.get("call")
        if name not in FORWARDED:
            raise WireError(f"{name!r} is no function that reaches hardware")
        if "setup" in request:
            known = self._wgfmu.software().patterns
            self._wgfmu.adopt(read_setup(request["setup"], known))
        arguments = to_arguments(name, request.get("arguments"))
        code = getattr(self._library, name)(*arguments)
        errors, warnings = self._wgfmu.take_messages()
        return {
            "code": code,
            "results": to_results(name, arguments),
            "errors": errors,
            "warnings": warnings,
        }
