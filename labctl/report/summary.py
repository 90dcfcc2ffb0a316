"""The summary of a run: one JSON object, also the source of the terminal table."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from labctl.analysis.checkerboard import CheckerboardResult
from labctl.analysis.compliance import ComplianceResult
from labctl.analysis.forming import FormingResult
from labctl.report.stored_run import (
    checkerboard_result,
    compliance_result,
    forming_result,
)
from labctl.report.tables import COMPLIANCE_TABLE
from labctl.store.folder import REPORT, RunFolder


def summarise(run: RunFolder) -> dict[str, Any]:
    """Everything a script wants of a run; only types that JSON has, None where unknown.

    A checkerboard, forming or compliance run adds its results to what every run has. Rates are
    objects of errors, trials, value, low and high; resistances are in ohm, times in seconds.
    """
    summary = run_summary(run)
    procedure = summary["procedure"]
    if procedure == "checkerboard":
        summary |= checkerboard_summary(checkerboard_result(run))
    elif procedure == "forming":
        summary |= forming_summary(forming_result(run))
    elif procedure == "compliance":
        summary |= compliance_summary(compliance_result(run))
        table = run.path / COMPLIANCE_TABLE
        summary["compliance_table"] = str(table) if table.exists() else None
    return summary


def run_summary(run: RunFolder) -> dict[str, Any]:
    """What every run has, without looking at its arrays."""
    record = run.record
    bench_times = dict(record.get("bench_time_s") or {})
    report = run.path / REPORT
    return {
        "run": record["run"],
        "procedure": record["procedure"],
        "status": run.status,
        "reason": record.get("reason"),
        "simulated": record["simulated"],
        "die": record.get("die"),
        "seed": record.get("seed"),
        "started": record.get("started"),
        "ended": record.get("ended"),
        "wall_time_s": record.get("wall_time_s"),
        "bench_time_s": bench_times.pop("total", None),
        "bench_time_parts_s": bench_times,
        "report": str(report) if report.exists() else None,
    }


def checkerboard_summary(result: CheckerboardResult) -> dict[str, Any]:
    """The checkerboard's part of the summary."""
    sense, cells = result.sense, result.cells
    return {
        "programmings": result.programmings,
        "ber_1t1r": result.best.rate.as_dict(),
        "ber_1t1r_fixed": result.fixed.rate.as_dict(),
        "ber_2t2r": result.ber_2t2r.as_dict(),
        "best_reference_ohm": result.best.reference_ohm,
        "fixed_reference_ohm": result.fixed.reference_ohm,
        "dead_cells": None if result.dead_cells is None else [list(c) for c in result.dead_cells],
        "unformed": [asdict(device) for device in result.unformed],
        "median_ohm": {
            state: {device: result.median_ohm(state, device) for device in ("BL", "BLb")}
            for state in ("LRS", "HRS")
        },
        "window": None if result.window is None else asdict(result.window),
        "sense_amplifier": {
            "wrong_bits_below_ratio_5": sense.wrong_below_limit.as_dict(),
            "error_rate_below_ratio_5": sense.rate_below_limit.as_dict(),
            "error_rate_above_ratio_5": sense.rate_above_limit.as_dict(),
            "ideal": sense.ideal.as_dict(),
        },
        "wrong_bits": {
            "zeros_read_wrong": result.zeros_read_wrong,
            "ones_read_wrong": result.ones_read_wrong,
            "undecided": result.undecided,
        },
        "cells": {
            "usable": cells.cells,
            "without_error": cells.without_error,
            "at_least_5_percent": cells.at_least_5_percent,
            "worst_rate": cells.worst_rate,
            "share_of_worst_percent": cells.share_of_worst_percent,
        },
        "excluded": {
            "resistance_readings": result.best.excluded,
            "bits_not_read": result.not_read,
        },
    }


def forming_summary(result: FormingResult) -> dict[str, Any]:
    """The forming run's part of the summary."""
    return {
        "devices": result.devices,
        "formed_here": result.formed_here,
        "formed_before": result.formed_before,
        "unformed": [asdict(device) for device in result.unformed],
        "not_formed": result.not_formed.as_dict(),
        "yield": result.forming_yield,
        "forming_voltage": {
            "median_v": result.median_v,
            "spread_v": result.spread_v,
            "lowest_v": result.lowest_v,
            "highest_v": result.highest_v,
        },
    }


def compliance_summary(result: ComplianceResult) -> dict[str, Any]:
    """The compliance run's part of the summary."""
    return {
        "is_monotone": result.is_monotone,
        "set_current": [asdict(row) for row in result.rows],
    }
