"""Where the numbers of a run come from, in the one line that goes with whatever is exported."""

from __future__ import annotations

from gui.run_status import RunStatus


def origin_line(status: RunStatus) -> str:
    """Kind of bench, run, procedure, die and conditions.

    >>> status = RunStatus("20261122-082926-read", "read", "REAL", "d07", headline="PCSA, 1.2 V")
    >>> origin_line(status)
    'REAL bench · run 20261122-082926-read · read · die d07 · PCSA, 1.2 V'
    >>> origin_line(RunStatus("a", "read", "SIMULATED"))
    'SIMULATED bench · run a · read · a fresh die'
    >>> origin_line(RunStatus("a"))
    'UNKNOWN bench · run a'
    """
    kind = status.kind if status.kind == "REPLAY" else f"{status.kind} bench"
    die = f"die {status.die}" if status.die else "a fresh die" if status.procedure else ""
    parts = kind, f"run {status.run}", status.procedure, die, status.headline
    return " · ".join(part for part in parts if part)
