"""What follows when a run has ended: its products, report and summary, and who is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labctl.report import summarise, write_products, write_report
from labctl.store import files
from labctl.store.folder import SUMMARY, RunFolder
from labctl.telling import run_message, tell


def finish(folder: RunFolder, note: Callable[[str], None]) -> dict[str, Any]:
    """Write products, report and summary of a run, tell who wants to know; returns the summary.

    ``note`` takes a sentence for the user on whoever could not be told.
    """
    write_products(folder)
    write_report(folder)
    summary = summarise(folder)
    files.replace_json(folder.path / SUMMARY, summary)
    for problem in tell(run_message(summary, bool(folder.record.get("limit_reached")))):
        note(f"Nobody was told of the end: {problem}.")
    return summary
