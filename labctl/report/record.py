"""What the record of any run says: its part of the summary, and the tables below every report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labctl.report.page import TableBlock
from labctl.report.text import cell_names, duration, plain, with_prefix
from labctl.store.folder import REPORT, RunFolder


def record_summary(run: RunFolder) -> dict[str, Any]:
    """What every run has in its summary, without looking at its arrays."""
    record = run.record
    bench_times = dict(record.get("bench_time_s") or {})
    report = run.path / REPORT
    return {
        "run": record["run"],
        "procedure": record["procedure"],
        "status": run.status,
        "reason": record.get("reason"),
        "simulated": record["simulated"],
        "kind": run.kind,
        "die": record.get("die"),
        "seed": record.get("seed"),
        "headline": record.get("headline"),
        "conditions": record.get("conditions", {}),
        "retired": record.get("retired", []),
        "parameters": record.get("parameters", {}),
        "started": record.get("started"),
        "ended": record.get("ended"),
        "wall_time_s": record.get("wall_time_s"),
        "bench_time_s": bench_times.pop("total", None),
        "bench_time_parts_s": bench_times,
        "report": str(report) if report.exists() else None,
    }


def record_tables(run: RunFolder, measurement: list[tuple[str, str]]) -> list[TableBlock]:
    """Conditions, chip and bench, run, parameters, software; empty groups are left out.

    ``measurement``: what the procedure's analysis adds to the recorded conditions.
    """
    record = run.record
    groups = {
        "Measurement": [*record.get("conditions", {}).items(), *measurement],
        "Chip and bench": _chip_and_bench(run),
        "Run": _run(run),
        "Remarks": [(said["at"], f"{said['by']}: {said['text']}") for said in run.remarks()],
        "Parameters": _parameters(record),
        "Software": [*record.get("versions", {}).items(), ("git", record.get("git"))],
    }
    return [
        TableBlock(title, [], [[str(label), plain(value)] for label, value in rows])
        for title, rows in groups.items()
        if rows
    ]


def circumstances(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Who was at the bench, at what temperature, what was left out, what the die may get."""
    temperature, cycles = record.get("temperature_c"), record.get("max_cycles_per_device")
    retired = cell_names(record["retired"]) if record.get("retired") else ""
    rows = [
        ("Operator", record.get("operator")),
        ("Temperature", None if temperature is None else f"{temperature:g} °C, as was given"),
        ("Retired bits", retired),
        ("Wear budget", None if cycles is None else f"{cycles:,} cycles a device"),
    ]
    return [(label, text) for label, text in rows if text]


def remark_text(said: Mapping[str, str]) -> str:
    """What a person said of a run, on one line."""
    return f"{said['text']} ({said['by']}, {said['at']})"


def bench_time(summary: dict[str, Any]) -> str:
    """Total bench time and its parts."""
    parts = [f"{name} {duration(s)}" for name, s in summary["bench_time_parts_s"].items()]
    total = duration(summary["bench_time_s"])
    return f"{total} ({', '.join(parts)})" if parts else total


def _chip_and_bench(run: RunFolder) -> list[tuple[str, Any]]:
    """Die, chip and bench; of the bench and chip files the text stays in the record."""
    record = run.record
    bench = record.get("bench") or {}
    known = {key: value for key, value in (record.get("die") or {}).items() if value is not None}
    rows = [
        ("Die", known),
        ("Chip", (record.get("chip") or {}).get("name")),
        ("Bench", run.kind),
        *((f"Bench {key}", value) for key, value in bench.items() if key != "text"),
        ("Modules", _modules(record.get("modules") or {})),
        ("Roles", record.get("roles")),
        ("Instruments", _instruments(record.get("instruments") or {})),
        ("Compliance table", _compliance_table(record.get("compliance_table") or {})),
    ]
    return [(label, value) for label, value in rows if value]


def _modules(modules: Mapping[str, str]) -> str:
    """Models with their slots."""
    slots: dict[str, list[str]] = {}
    for slot, model in modules.items():
        slots.setdefault(model, []).append(slot)
    return "; ".join(f"{model} in slot {', '.join(where)}" for model, where in slots.items())


def _instruments(known: Mapping[str, Any]) -> str:
    """Who the mainframe and its modules are; what they do not tell is said as unknown."""
    if not known:
        return ""
    modules = ", ".join(
        f"slot {slot} {module['model']} revision {module['revision']}"
        for slot, module in known["modules"].items()
    )
    return (
        f"{known['maker']} {known['model']}, serial number {known['serial'] or 'unknown'}, "
        f"firmware {known['firmware']}; {modules}; serial numbers of the modules unknown; "
        f"calibration date {known['calibrated'] or 'unknown (the instrument does not tell it)'}"
    )


def _compliance_table(table: Mapping[str, Any]) -> str:
    """Where the table is from and what it spans."""
    points = table.get("set_compliance")
    if not points:
        return ""
    (first_v, first_a), (last_v, last_a) = points[0], points[-1]
    return (
        f"{table['file']}, {'SIMULATED' if table['set_compliance_simulated'] else 'REAL'}: "
        f"{table['set_compliance_origin']}; {len(points)} points, "
        f"{with_prefix(first_a, 'A')} (WL {first_v:g} V) to {with_prefix(last_a, 'A')} "
        f"(WL {last_v:g} V), at a SET voltage of {table['set_compliance_voltage']:g} V"
    )


def _run(run: RunFolder) -> list[tuple[str, Any]]:
    record, summary = run.record, record_summary(run)
    virtual = " (virtual: what the real bench would take)" if record["simulated"] else ""
    return [
        ("Run", record["run"]),
        ("Procedure", record["procedure"]),
        ("Status", run.status),
        ("Started", record.get("started")),
        ("Ended", record.get("ended")),
        ("Time here", duration(summary["wall_time_s"])),
        (f"Bench time{virtual}", bench_time(summary)),
        ("Seed", record.get("seed")),
        *circumstances(record),
    ]


def _parameters(record: dict[str, Any]) -> list[tuple[str, str]]:
    """Values with their units; without a unit as they are."""
    units = record.get("units", {})
    return [
        (name, with_prefix(value, units[name]))
        if name in units and isinstance(value, int | float)
        else (name, plain(value))
        for name, value in record.get("parameters", {}).items()
    ]
