"""What a run was made with: package versions and the revision of this code."""

from __future__ import annotations

import platform
import subprocess
from importlib import metadata
from pathlib import Path

PACKAGES = (
    *("labctl", "pymeasure", "pyvisa", "pyvisa-py", "numpy", "scipy", "pandas", "pydantic"),
    *("cffi", "matplotlib", "jinja2"),
)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that measure, compute and draw."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


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
