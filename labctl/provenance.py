"""What a run was made with: package versions and the revision of this code."""

from __future__ import annotations

import getpass
import os
import platform
import re
import subprocess
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path

PACKAGES = (
    *("labctl", "pymeasure", "pyvisa", "pyvisa-py", "numpy", "scipy", "pandas", "pydantic"),
    *("cffi", "matplotlib", "jinja2"),
)
"""Named in every record, installed or not."""

_NAME = re.compile(r"[A-Za-z0-9._-]+")
OPERATOR_VARIABLE = "LABCTL_OPERATOR"


def operator() -> str:
    """Who is at the bench: `OPERATOR_VARIABLE`, else the user's name; "unknown" without both."""
    named = os.environ.get(OPERATOR_VARIABLE, "").strip()
    if named:
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


def versions() -> dict[str, str]:
    """Versions of Python, of `PACKAGES`, and of all installed packages that these need."""
    return dict(_versions())


@cache
def _versions() -> dict[str, str]:
    # Once a process: what these need is read from some forty files.
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    needed = _needed(PACKAGES) - {_plain(package) for package in PACKAGES}
    return found | {package: metadata.version(package) for package in sorted(needed)}


def _needed(packages: Iterable[str]) -> set[str]:
    """Installed packages that these need, directly or not, and themselves."""
    seen: set[str] = set()
    left = [_plain(package) for package in packages]
    while left:
        package = left.pop()
        if package in seen:
            continue
        try:
            requirements = metadata.requires(package) or []
        except metadata.PackageNotFoundError:
            continue
        seen.add(package)
        # What only an extra needs is not there for us.
        names = [_NAME.match(r) for r in requirements if "extra ==" not in r]
        left += [_plain(name[0]) for name in names if name]
    return seen


def _plain(package: str) -> str:
    """A package's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", package).lower()


def git_revision() -> str | None:
    """Revision of the checkout this code runs from, ``+dirty`` if changed; None if installed."""
    checkout = Path(__file__).resolve().parent.parent
    if not (checkout / ".git").exists():
        return None

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(checkout), *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        ).stdout.strip()

    try:
        revision = git("rev-parse", "HEAD")
        return revision + ("+dirty" if git("status", "--porcelain") else "")
    except (OSError, subprocess.SubprocessError):
        return None
