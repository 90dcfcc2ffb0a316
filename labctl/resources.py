"""The files that travel with labctl: chip files, bench files, published values, patterns."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent


def data_folder() -> Path:
    """``labctl/data`` of an installed package, or ``data`` of a checkout."""
    packaged = _HERE / "data"
    return packaged if packaged.is_dir() else _HERE.parent / "data"
