"""Run folders with planted lognormal devices, for tests of the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from labctl.store.folder import RunFolder
from labctl.store.writer import RunWriter

SENSE_OFFSET_SIEMENS = 8e-6


def write_run(
    root: Path,
    procedure: str,
    arrays: dict[str, np.ndarray] | None = None,
    rows: str = "",
    status: str = "success",
    reason: str | None = None,
    **record: Any,
) -> RunFolder:
    """Store a run as the runner does; ``record`` changes entries of the run record."""
    entries = {
        "parameters": {
            "reference": 40e3,
            "order": "alternate",
            "programmings": 12,
            "set_voltage": 2.1,
        },
        "units": {"reference": "ohm", "set_voltage": "V"},
        "headline": "SET 55 µA (WL 1.0300 V), RESET 2.5 V, 1 µs",
        "conditions": {
            "SET": "SL 2 V, 1 µs, compliance 55 µA requested, 54.6 µA applied (V(WL) 1.03 V)",
            "RESET": "BL 2.5 V, 1 µs, V(WL) 3.3 V",
        },
        "compliance_table": {
            "file": "chip file",
            "set_compliance": [[0.8, 3e-05], [1.4, 0.00015]],
            "set_compliance_voltage": 2.0,
            "set_compliance_origin": "planted dies",
            "set_compliance_simulated": record.get("simulated", True),
        },
        "roles": {"SL": "wgfmu.101", "BL": "wgfmu.102"},
        "die": {"name": "planted", "seed": 1, "origin": "file"},
        "bench": {
            "name": "simulated",
            "file": "benches/simulated.toml",
            "sha256": "0" * 64,
            "text": "# text of the bench file",
        },
        "chip": {"name": "planted chip", "text": "# text of the chip file"},
        "modules": {"1": "B1530A", "5": "B1517A"},
        "versions": {"labctl": "0.1.0", "numpy": np.__version__},
        "git": "0123abc",
        "simulated": True,
        "seed": 20,
        "notes": ["A note of the run."],
        **record,
    }
    run = RunWriter.create(root, procedure, entries)
    if rows:
        for line in rows.splitlines():
            run.append_row(line)
    for name, records in (arrays or {}).items():
        for one in records:
            run.append_array(name, one)
    run.end_step(1)
    bench_times = {"total": 21000.0, "form": 180.0, "program": 8000.0, "measure": 9000.0}
    run.close(status, reason, wall_time_s=161.2, bench_time_s=bench_times)
    return RunFolder(run.path)


def checkerboard_arrays(
    programmings: int, seed: int = 20, unformed: list[tuple[int, int, int]] | None = None
) -> dict[str, np.ndarray]:
    """Alternating checkerboards on devices with planted medians and spreads (decades).

    ``unformed``: row, column and device (0 = BL) of devices whose bits are masked.
    """
    rng = np.random.default_rng(seed)
    board = (np.indices((32, 32)).sum(axis=0) % 2).astype(np.uint8)
    pattern = board ^ (np.arange(programmings, dtype=np.uint8) % 2)[:, None, None]
    is_hrs = np.stack([pattern == 1, pattern == 0], axis=-1)
    static = rng.normal(0, 0.11, (32, 32, 2))
    log_r = np.where(is_hrs, 5.30, 4.04) + static + rng.normal(0, 0.26, is_hrs.shape)
    resistance = 10**log_r
    conductance = 1 / (resistance + 3e3)
    offset = rng.normal(0, SENSE_OFFSET_SIEMENS, pattern.shape)
    sensed = (conductance[..., 0] + offset < conductance[..., 1]).astype(np.uint8)
    marks = np.zeros((32, 32, 2), dtype=np.uint8)
    volts = rng.normal(2.55, 0.17, (32, 32, 2))
    for row, column, device in unformed or []:
        marks[row, column, device] = 1
        volts[row, column, device] = np.nan
        resistance[:, row, column] = np.nan
        sensed[:, row, column] = 255
    return {
        "pattern": pattern,
        "resistance": resistance,
        "sensed": sensed,
        "unformed": marks,
        "forming_voltage": volts,
    }


def forming_arrays(rows: int = 32, columns: int = 32) -> dict[str, np.ndarray]:
    """Forming of the first rows by a ramp to 3.3 V, one device unformed."""
    arrays = checkerboard_arrays(1, seed=21, unformed=[(3, 7, 1)])
    volts = arrays["forming_voltage"][:, :columns]
    forming = {
        "row": np.arange(len(volts)),
        "forming_voltage": volts,
        "unformed": arrays["unformed"][:, :columns],
        "formed_before": np.zeros(volts.shape, dtype=np.uint8),
        "highest_voltage": np.full(volts.shape, 3.3),
        "forming_pulses": np.ones(volts.shape, dtype=np.uint32),
    }
    return {name: array[:rows] for name, array in forming.items()}


def compliance_arrays() -> dict[str, np.ndarray]:
    """SET currents of eight cells at eight gate voltages, one reading invalid."""
    rng = np.random.default_rng(22)
    gate = np.linspace(0.9, 1.6, 8)
    cells = np.array([[i, 2 * i, i % 2] for i in range(8)])
    currents = 1.7e-4 * np.outer(rng.normal(1, 0.05, 8), (gate - 0.55) ** 1.3)
    currents[2, 4] = np.nan
    return {"gate_voltage": gate[None], "set_current": currents, "cells": cells[None]}
