"""Files that a run makes for other runs."""

from __future__ import annotations

from pathlib import Path

from labctl.report.procedures import report_of
from labctl.store import files
from labctl.store.folder import RunFolder


def write_products(run: RunFolder) -> list[Path]:
    """Write the run's products into its folder and return them.

    None without success, and none of a replay: what it shows was measured in another run.
    """
    if run.status != "success" or run.kind == "REPLAY":
        return []
    written = []
    for name, text in report_of(run).products().items():
        files.replace(run.path / name, text.encode("utf-8"))
        written.append(run.path / name)
    return written
