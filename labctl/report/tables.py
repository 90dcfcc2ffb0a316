"""Files that other runs take as input, written from a stored run."""

from __future__ import annotations

from pathlib import Path

from labctl.report.stored_run import compliance_result
from labctl.store import files
from labctl.store.folder import RunFolder

COMPLIANCE_TABLE = "set_compliance.toml"


def write_compliance_table(run: RunFolder) -> Path | None:
    """Write ``set_compliance.toml`` for ``--compliance-table``; None if the run gives no table."""
    result = compliance_result(run)
    if not result.is_monotone:
        return None
    lines = [
        f"# Gate voltage (V) and SET current (A), median over cells; run {run.id}, "
        f"{'SIMULATED' if run.record['simulated'] else 'real'} die "
        f"{run.record['die'].get('name') or 'without a name'}.",
        "set_compliance = [",
        *(f"  [{volts:.4f}, {amperes:.4e}]," for volts, amperes in result.set_compliance()),
        "]",
    ]
    path = run.path / COMPLIANCE_TABLE
    files.replace(path, ("\n".join(lines) + "\n").encode("utf-8"))
    return path
