"""A short look at a bench that forces no voltage: who answers, modules, errors, outputs, channels.

Only questions are sent to the mainframe, and a session of the WGFMU library is opened and closed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from instruments.b1500.mainframe import B1500
from instruments.testchip.decoder_board import DecoderBoard
from instruments.wgfmu.driver import Wgfmu
from instruments.wgfmu.errors import WgfmuError
from instruments.wgfmu.library import SIGNATURES, WgfmuLibrary, load_vendor_library
from labctl.bench import (
    DieChoice,
    board_adapter,
    mainframe_adapter,
    simulated_instruments,
)
from labctl.benchfile import PULSE_MODULE, BenchSetup

_REACH = "check power, cable and address; end other programs that use it; install what is named"


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ``do`` is empty when there is nothing to do."""

    what: str
    ok: bool
    found: str
    do: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For a table or JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Doors:
    """How each door of a bench is opened; each raises if it cannot be."""

    adapter: Callable[[], Any]
    library: Callable[[], WgfmuLibrary]
    board: Callable[[], Any]


def doors_of(setup: BenchSetup) -> Doors:
    """The doors that a run on this bench would use."""
    if setup.simulated:
        simulated, _ = simulated_instruments(setup, DieChoice(None, 0, Path()))
        return Doors(
            adapter=lambda: simulated.adapter,
            library=lambda: simulated.library,
            board=lambda: simulated.board,
        )
    return Doors(
        adapter=lambda: mainframe_adapter(setup),
        library=lambda: load_vendor_library(Path(setup.content.mainframe.wgfmu_library)),
        board=lambda: board_adapter(setup),
    )


def self_check(setup: BenchSetup, doors: Doors) -> list[Finding]:
    """Findings about the bench's instruments; nothing is raised."""
    findings: list[Finding] = []
    with ExitStack() as opened:
        library = _library(setup, doors, findings)
        mainframe = _mainframe(doors, opened, findings)
        if mainframe is not None:
            for what, look, do in (
                ("modules", _modules, "put in what is missing, or mend modules in the bench file"),
                ("error queue", _error_queue, _REACH),
                ("auto-calibration", _auto_calibration, _REACH),
                ("outputs", _outputs, _REACH),
            ):
                findings.append(_guarded(what, do, look, setup, mainframe))
            if library is not None:
                # Last: the library refuses a session while the mainframe has errors queued.
                findings.append(_guarded("WGFMU session", _REACH, _session, setup, library))
        if setup.content.board is not None:
            findings.append(_guarded("decoder board", _REACH, _board, doors, opened))
    return findings


def _guarded(what: str, do: str, look: Callable[..., Finding], *given: Any) -> Finding:
    try:
        return look(*given)
    except Exception as error:
        return Finding(what, False, " ".join(str(error).split()), do)


def _library(setup: BenchSetup, doors: Doors, findings: list[Finding]) -> WgfmuLibrary | None:
    what, path = "WGFMU library", setup.content.mainframe.wgfmu_library
    try:
        library = doors.library()
    except Exception as error:
        do = "install Keysight's B1530A instrument library, or mend wgfmu_library"
        findings.append(Finding(what, False, str(error), do))
        return None
    missing = [name for name in SIGNATURES if not hasattr(library, name)]
    if missing:
        do = "install a newer B1530A instrument library"
        findings.append(Finding(what, False, f"{path} lacks {', '.join(missing)}", do))
        return None
    shown = "simulated" if setup.simulated else path
    findings.append(Finding(what, True, f"{shown}, {len(SIGNATURES)} functions"))
    return library


def _mainframe(doors: Doors, opened: ExitStack, findings: list[Finding]) -> B1500 | None:
    """The mainframe, if a B1500A answers."""
    try:
        adapter = doors.adapter()
        opened.callback(adapter.close)
        mainframe = B1500(adapter)
        mainframe.synchronise()
        identity = mainframe.ask("*IDN?").strip()
    except Exception as error:
        told = f"the mainframe does not answer: {' '.join(str(error).split())}"
        findings.append(Finding("modules", False, told, _REACH))
        return None
    fields = identity.split(",")
    if len(fields) != 4 or not fields[1].startswith("B1500"):
        do = "mend visa in the bench file: it is another instrument's address"
        findings.append(Finding("mainframe", False, identity, do))
        return None
    maker, model, _, firmware = (field.strip() for field in fields)
    findings.append(Finding("mainframe", True, f"{maker} {model}, firmware {firmware}"))
    return mainframe


def _modules(setup: BenchSetup, mainframe: B1500) -> Finding:
    found, wanted = mainframe.inventory(), setup.content.mainframe.modules
    missing = {slot: model for slot, model in wanted.items() if found.get(slot) != model}
    if missing:
        do = f"the bench file wants {_listed(missing)}: mend it, or put them in"
        return Finding("modules", False, _listed(found), do)
    return Finding("modules", True, _listed(found))


def _error_queue(setup: BenchSetup, mainframe: B1500) -> Finding:
    errors = mainframe.drain_errors()
    if errors:
        told = "; ".join(f"{code} {text}" for code, text in errors)
        do = "it is empty now; if errors come again, end the program that makes them"
        return Finding("error queue", False, told, do)
    return Finding("error queue", True, "empty")


def _auto_calibration(setup: BenchSetup, mainframe: B1500) -> Finding:
    state = mainframe.query("*LRN? 31", re.compile(r"(?:.*;)?CM ?([01])(?:;.*)?"))[1]
    found = "off" if state == "0" else "on; a run turns it off, since it makes spikes of 400 mV"
    return Finding("auto-calibration", True, found)


def _outputs(setup: BenchSetup, mainframe: B1500) -> Finding:
    reply = mainframe.query("*LRN? 0", re.compile(r"C[LN][ 0-9,]*"))[0]
    if reply.startswith("CN"):
        do = "another program left them on: end it; a run of labctl first takes them to 0 V and off"
        return Finding("outputs", False, f"on: {reply.removeprefix('CN').strip()}", do)
    return Finding("outputs", True, "all SMUs off")


def _session(setup: BenchSetup, library: WgfmuLibrary) -> Finding:
    wgfmu = Wgfmu(library, setup.content.mainframe.visa)
    try:
        wgfmu.open()
    except WgfmuError:
        with suppress(WgfmuError):
            wgfmu.close()
        raise
    wgfmu.close()
    found = sorted(wgfmu.channels)
    slots = [s for s, model in setup.content.mainframe.modules.items() if model == PULSE_MODULE]
    missing = [c for slot in slots for c in (100 * slot + 1, 100 * slot + 2) if c not in found]
    listed = ", ".join(str(channel) for channel in found)
    if missing:
        do = f"channels {', '.join(map(str, missing))} are missing: look at module and firmware"
        return Finding("WGFMU session", False, f"channels {listed}", do)
    return Finding("WGFMU session", True, f"opened and closed; channels {listed}")


def _board(doors: Doors, opened: ExitStack) -> Finding:
    adapter = doors.board()
    opened.callback(adapter.close)
    DecoderBoard(adapter).open()
    return Finding("decoder board", True, "answers")


def _listed(modules: dict[int, Any]) -> str:
    return ", ".join(f"{slot}: {model}" for slot, model in sorted(modules.items()))
