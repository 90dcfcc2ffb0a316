"""Faults hung into a simulated bench while it is built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

from instruments.sim.chip.array import Chip
from instruments.sim.clock import VirtualClock
from instruments.sim.faults.calls import CallFault, FaultyLibrary, LostSession
from instruments.sim.faults.flex import FaultyMainframe, FlexFault
from instruments.sim.faults.modules import OtherModule
from instruments.sim.faults.pads import FaultyPads, PadFault
from instruments.sim.flex.mainframe import Mainframe
from instruments.sim.station import ChipAtItsPads
from instruments.wgfmu.library import WgfmuLibrary

Fault: TypeAlias = FlexFault | CallFault | LostSession | OtherModule | PadFault


class FaultyBench:
    """Puts each fault where it belongs; what has none stays as it is."""

    def __init__(self, faults: Sequence[Fault], clock: VirtualClock) -> None:
        self._faults = faults
        self._clock = clock

    def modules(self, modules: Mapping[int, str]) -> dict[int, str]:
        """The modules that are really there."""
        found = dict(modules)
        for fault in self._faults:
            if isinstance(fault, OtherModule):
                found.pop(fault.slot, None)
                if fault.model is not None:
                    found[fault.slot] = fault.model
        return found

    def pads(self, chip: Chip) -> ChipAtItsPads:
        """The chip behind its probes."""
        faults = [fault for fault in self._faults if isinstance(fault, PadFault)]
        return FaultyPads(chip, faults, self._clock) if faults else chip

    def mainframe(self, mainframe: Mainframe) -> Mainframe:
        """The mainframe behind its bus: for a transport, no difference."""
        faults = [fault for fault in self._faults if isinstance(fault, FlexFault)]
        return cast(Mainframe, FaultyMainframe(mainframe, faults)) if faults else mainframe

    def library(self, library: WgfmuLibrary) -> WgfmuLibrary:
        """The library, or one whose calls fail."""
        faults = [f for f in self._faults if isinstance(f, CallFault | LostSession)]
        return FaultyLibrary(library, faults, self._clock).library() if faults else library
