"""The summary of a run: one JSON object, also the source of the terminal table."""

from __future__ import annotations

from typing import Any

from labctl.report.procedures import report_of
from labctl.report.record import record_summary
from labctl.store.folder import RunFolder


def summarise(run: RunFolder) -> dict[str, Any]:
    """Everything a script wants of a run; only types that JSON has, None where unknown.

    A procedure with an analysis adds its results to what every run has. Rates are objects of
    errors, trials, value, low and high; resistances are in ohm, times in seconds.
    """
    return record_summary(run) | report_of(run).summary()
