"""What a newcomer's machine and bench have and lack, each finding with what to do about it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from labctl.bench import Bench, BenchError, DieChoice
from labctl.benchfile import BenchFileError, BenchSetup, load_setup
from labctl.provenance import PACKAGES, versions


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


def examine(bench_file: Path | None) -> list[Finding]:
    """Look at everything; forces no voltage on a real bench.

    A simulated bench is opened as a run would; on a real one the library and the VISA resource
    are opened and the modules compared.
    """
    findings = [_python(), *_packages(), _visa()]
    try:
        setup = load_setup(bench_file)
    except BenchFileError as error:
        return [*findings, Finding("bench file", False, str(error), "mend the bench file")]
    findings.append(Finding("bench file", True, f"{setup.file}: {setup.content.bench.name}"))
    findings.append(_wgfmu_library(setup))
    findings.append(_guarded("modules", lambda: _modules(setup), "check cable, power and address"))
    return findings


def _python() -> Finding:
    found = sys.version.split()[0]
    ok = sys.version_info >= (3, 11)
    return Finding("Python", ok, found, "" if ok else "install Python 3.11 or newer")


def _packages() -> list[Finding]:
    found = versions()
    return [
        Finding(
            package,
            found[package] != "not installed",
            found[package],
            "" if found[package] != "not installed" else f"pip install {package}",
        )
        for package in PACKAGES
    ]


def _visa() -> Finding:
    import pyvisa.highlevel

    backends = pyvisa.highlevel.list_backends()
    if not backends:
        return Finding("VISA", False, "no back end", "pip install pyvisa-py, or a vendor's VISA")
    return Finding("VISA", True, "back ends: " + ", ".join(backends))


def _wgfmu_library(setup: BenchSetup) -> Finding:
    path = setup.content.mainframe.wgfmu_library
    if setup.simulated:
        return Finding("WGFMU library", True, "simulated")
    ok = Path(path).is_file()
    return Finding(
        "WGFMU library",
        ok,
        path if ok else f"{path} is not there",
        "" if ok else "install Keysight's B1530A instrument library, or mend wgfmu_library",
    )


def _modules(setup: BenchSetup) -> Finding:
    from instruments.b1500.mainframe import B1500

    if setup.simulated:
        with Bench(setup, DieChoice(None, 0, Path())) as bench:
            return Finding("modules", True, _listed(bench.setup.content.mainframe.modules))
    from pymeasure.adapters import VISAAdapter

    adapter = VISAAdapter(
        setup.content.mainframe.visa, read_termination="\r\n", write_termination="\r\n"
    )
    try:
        found = B1500(adapter).inventory()
    finally:
        adapter.close()
    wanted = setup.content.mainframe.modules
    missing = {slot: model for slot, model in wanted.items() if found.get(slot) != model}
    if missing:
        return Finding(
            "modules", False, _listed(found), f"the bench file wants {_listed(missing)}: mend it"
        )
    return Finding("modules", True, _listed(found))


def _listed(modules: Any) -> str:
    return ", ".join(f"{slot}: {model}" for slot, model in sorted(modules.items()))


def _guarded(what: str, look: Callable[[], Finding], do: str) -> Finding:
    try:
        return look()
    except (OSError, BenchError, ValueError) as error:
        return Finding(what, False, str(error), do)
