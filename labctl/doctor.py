"""What a newcomer's machine and bench have and lack, each finding with what to do about it."""

from __future__ import annotations

import sys
from pathlib import Path

from labctl.benchfile import BenchFileError, load_setup
from labctl.provenance import PACKAGES, versions
from labctl.self_check import Doors, Finding, doors_of, self_check
from labctl.store.locks import LockedError, bench_lock
from labctl.twin import lacking_to_build


def examine(bench_file: Path | None, doors: Doors | None = None) -> list[Finding]:
    """Look at everything; forces no voltage.

    ``doors`` are those of the bench's instruments; by default the ones that a run would use.
    """
    findings = [_python(), *_packages(), _visa(), _library_build()]
    try:
        setup = load_setup(bench_file)
    except BenchFileError as error:
        return [*findings, Finding("bench file", False, str(error), "mend the bench file")]
    findings.append(Finding("bench file", True, f"{setup.file}: {setup.content.bench.name}"))
    if setup.simulated:
        return [*findings, *self_check(setup, doors or doors_of(setup))]
    try:
        with bench_lock(setup.content.mainframe.visa):
            return [*findings, *self_check(setup, doors or doors_of(setup))]
    except LockedError as error:
        do = "ask again when it is free: the check would disturb what runs there"
        return [*findings, Finding("bench", False, str(error), do)]


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


def _library_build() -> Finding:
    """Only one command needs these tools, so nothing is wrong without them."""
    what, lacking = "C compiler", lacking_to_build()
    if lacking:
        return Finding(what, True, lacking, "only if you want `labctl twin build-library`")
    return Finding(what, True, "there, and Python's headers: `labctl twin build-library` can build")
