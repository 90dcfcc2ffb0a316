"""Report of a compliance run: SET current against gate voltage, and the table for other runs."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.compliance import ComplianceResult, analyse_compliance
from labctl.report import drawing
from labctl.report.any_run import RunReport
from labctl.report.page import Content, FigureBlock, TableBlock
from labctl.report.text import count

TABLE_FILE = "set_compliance.toml"
NO_TABLE = (
    "The SET current does not rise with the gate voltage: this is no table to set a compliance "
    "with."
)


class ComplianceReport(RunReport):
    """Gate voltage against SET current."""

    @cached_property
    def result(self) -> ComplianceResult:
        """The analysis; empty where nothing was measured."""
        gate_voltage, set_current = self.stored("gate_voltage"), self.stored("set_current")
        if gate_voltage is None or set_current is None:
            return ComplianceResult(rows=[], devices=0, table=[])
        return analyse_compliance(gate_voltage[0], set_current)

    def summary(self) -> dict[str, Any]:
        """Currents in ampere; ``compliance_table`` is the file for other runs, if there is one."""
        file = self.run.path / TABLE_FILE
        return {
            "devices": self.result.devices,
            "is_monotone": self.result.is_monotone,
            "set_current": [asdict(row) for row in self.result.rows],
            "set_compliance": [list(point) for point in self.result.table],
            "compliance_table": str(file) if file.exists() else None,
        }

    @staticmethod
    def rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
        """One row a gate voltage, and what the table is good for."""
        rows = [
            (
                f"V(WL) {row['gate_v']:.2f} V",
                "no valid reading"
                if row["median_a"] is None
                else f"{_microamps(row['median_a'], 1)} µA, "
                f"median of {count(row['devices'], 'device')}",
            )
            for row in summary["set_current"]
        ]
        if rows:
            rows.append(("Rises with every gate voltage", _rise(summary)))
        if summary["compliance_table"]:
            rows.append(("For --compliance-table", summary["compliance_table"]))
        return rows

    def content(self) -> Content:
        """Figure and table of the currents."""
        if not self.result.rows:
            return Content(warnings=["No SET current was measured in this run."])
        return Content(
            warnings=[] if self.result.table else [NO_TABLE],
            figures=[self._figure()],
            tables=[_current_table(self.result)],
            measurement=[("Table for other runs", self._table_text())],
        )

    def products(self) -> dict[str, str]:
        """``set_compliance.toml`` for ``--compliance-table``; none where the current falls."""
        if not self.result.table:
            return {}
        record = self.run.record
        lines = [
            "# Gate voltage (V) and SET current (A): median over the devices.",
            "set_compliance = [",
            *(f"  [{volts:.4f}, {amperes:.6e}]," for volts, amperes in self.result.table),
            "]",
            f"set_compliance_voltage = {float(record['parameters']['set_voltage'])!r}",
            # A JSON string is a TOML string.
            f"set_compliance_origin = {json.dumps(self._origin(), ensure_ascii=False)}",
            f"set_compliance_simulated = {'true' if record['simulated'] else 'false'}",
        ]
        return {TABLE_FILE: "\n".join(lines) + "\n"}

    def _origin(self) -> str:
        die = self.run.record["die"]
        kind = "SIMULATED die" if self.run.record["simulated"] else "die"
        name = die.get("name") or f"seed {die['seed']}"
        return f"{kind} {name}, {count(self.result.devices, 'device')}, run {self.run.id}"

    def _figure(self) -> FigureBlock:
        gate_voltage, currents = self.run.array("gate_voltage"), self.run.array("set_current")
        return FigureBlock(
            "Figure 1. SET current against gate voltage",
            _figure(self.result, gate_voltage[0], currents),
            "SET current in microampere against the gate voltage, each device and the median",
            "Grey: each device. Blue: median, and the band from the 16 % to the 84 % quantile over "
            f"{count(self.result.devices, 'device')}; a bit has two.",
        )

    def _table_text(self) -> str:
        """Which points the product has."""
        table = self.result.table
        if not table:
            return "none"
        if not (self.run.path / TABLE_FILE).exists():
            return "none: only a run that succeeded leaves one"
        text = f"{TABLE_FILE}, {count(len(table), 'point')} from V(WL) {table[0][0]:.3f} V on"
        left_out = len(self.result.rows) - len(table)
        if not left_out:
            return text
        return f"{text}; at the {count(left_out, 'gate voltage')} below, no current that rises"


def _rise(summary: dict[str, Any]) -> str:
    if summary["is_monotone"]:
        return "yes"
    if not summary["set_compliance"]:
        return "NO: unusable as a table"
    return f"from {summary['set_compliance'][0][0]:.2f} V on; the table begins there"


def _current_table(result: ComplianceResult) -> TableBlock:
    return TableBlock(
        "SET current",
        ["V(WL) (V)", "Median (µA)", "16 % quantile (µA)", "84 % quantile (µA)", "Devices"],
        [
            [
                f"{row.gate_v:.3f}",
                *(_microamps(current, 2) for current in (row.median_a, row.q16_a, row.q84_a)),
                str(row.devices),
            ]
            for row in result.rows
        ],
    )


def _microamps(current: float | None, digits: int) -> str:
    """A current in µA; one that rounds to 0 has no sign."""
    return "none" if current is None else f"{round(current * 1e6, digits) + 0.0:.{digits}f}"


def _figure(
    result: ComplianceResult, gate_voltage: NDArray[np.float64], currents: NDArray[np.float64]
) -> bytes:
    """SET current against gate voltage (g,) V: every device (devices, g) A, median and band."""
    figure, axes = drawing.one_plot(6.4, 4.2)
    axes.plot(gate_voltage, currents.T * 1e6, color=drawing.GREY, linewidth=0.6, alpha=0.5)
    rows = [row for row in result.rows if row.devices]
    gates = [row.gate_v for row in rows]
    q16, median, q84 = (
        1e6 * np.array([getattr(row, name) for row in rows], dtype=float)
        for name in ("q16_a", "median_a", "q84_a")
    )
    axes.fill_between(
        gates,
        q16,
        q84,
        color=drawing.BLUE,
        alpha=0.25,
        linewidth=0,
        label="16 % to 84 % of the devices",
    )
    axes.plot(gates, median, "o-", color=drawing.BLUE, label="median over the devices")
    axes.set_xlabel("Gate voltage V(WL) (V)")
    axes.set_ylabel("SET current (µA)")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=9, loc="upper left")
    return drawing.png(figure)
