"""The summary as a table for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labctl.analysis.error_rates import ErrorRate
from labctl.report.text import count, duration, ohms, percent

if TYPE_CHECKING:
    from rich.table import Table

NAMES_SHOWN = 12


def terminal_table(summary: dict[str, Any]) -> Table:
    """The summary of a run (``summarise``) as a rich table of two columns."""
    from rich.markup import escape
    from rich.table import Table

    kind = "SIMULATED bench" if summary["simulated"] else "REAL bench"
    title = escape(f"{summary['procedure']} {summary['run']}: {summary['status']}, {kind}")
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in summary_rows(summary):
        table.add_row(label, escape(text))
    return table


def record_table(record: dict[str, Any]) -> Table:
    """What was asked of a run and on what, as a rich table of two columns."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title="Asked for", title_justify="left", show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    die = record["die"]
    rows = {
        "Started": record["started"],
        "Bench": record["bench"]["name"],
        "Die": die["name"] or f"fresh, seed {die['seed']}",
        **record["conditions"],
        **{f"Note {n}": note for n, note in enumerate(record["notes"], start=1)},
    }
    for label, text in rows.items():
        table.add_row(label, escape(str(text)))
    return table


def summary_rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """Label and text of each line."""
    rows = []
    if summary["reason"]:
        rows.append(("Reason", str(summary["reason"])))
    results = {
        "checkerboard": _checkerboard_rows,
        "forming": _forming_rows,
        "compliance": _compliance_rows,
    }.get(summary["procedure"])
    if results:
        rows += results(summary)
    rows.append(("Time", f"{duration(summary['wall_time_s'])} here"))
    rows.append(("Bench time", bench_time(summary)))
    if summary["report"]:
        rows.append(("Report", summary["report"]))
    return rows


def bench_time(summary: dict[str, Any]) -> str:
    """Total bench time and its parts."""
    parts = [f"{name} {duration(s)}" for name, s in summary["bench_time_parts_s"].items()]
    total = duration(summary["bench_time_s"])
    return f"{total} ({', '.join(parts)})" if parts else total


def device_names(unformed: list[dict[str, Any]]) -> str:
    """Unformed devices, the first of them by name; "none" where all formed."""
    return _first([f"row {d['row']} column {d['column']} {d['device']}" for d in unformed])


def cell_names(cells: list[list[int]] | None) -> str:
    """Dead cells, the first of them by name; "none", or why there is no statement."""
    if cells is None:
        return "no statement below 10 programmings a pattern"
    return _first([f"row {row} column {column}" for row, column in cells])


def _first(names: list[str]) -> str:
    more = len(names) - NAMES_SHOWN
    shown = "; ".join(names[:NAMES_SHOWN]) or "none"
    return f"{shown} and {more} more" if more > 0 else shown


def _checkerboard_rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
    def rate(name: str) -> str:
        return str(ErrorRate(**summary[name]))

    def medians(state: str) -> str:
        ohm = summary["median_ohm"][state]
        return f"BL {ohms(ohm['BL'])}, BLb {ohms(ohm['BLb'])}"

    sense = summary["sense_amplifier"]
    wrong_below = ErrorRate(**sense["wrong_bits_below_ratio_5"])
    return [
        ("Measured programmings", str(summary["programmings"])),
        ("2T2R bit error rate", rate("ber_2t2r")),
        ("1T1R, best reference", f"{rate('ber_1t1r')}, at {ohms(summary['best_reference_ohm'])}"),
        (
            "1T1R, fixed reference",
            f"{rate('ber_1t1r_fixed')}, at {ohms(summary['fixed_reference_ohm'])}",
        ),
        ("LRS median", medians("LRS")),
        ("HRS median", medians("HRS")),
        (
            "Wrong bits at ratio < 5",
            f"{percent(wrong_below.value)} ({wrong_below.errors} of {wrong_below.trials})",
        ),
        ("PCSA errors at ratio > 5", str(ErrorRate(**sense["error_rate_above_ratio_5"]))),
        ("Dead cells", cell_names(summary["dead_cells"])),
        ("Unformed devices", device_names(summary["unformed"])),
    ]


def _forming_rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
    volts = summary["forming_voltage"]
    rows = [
        ("Formed in this run", f"{summary['formed_here']} of {summary['devices']}"),
        ("Formed before", str(summary["formed_before"])),
        ("Unformed devices", device_names(summary["unformed"])),
    ]
    if volts["median_v"] is not None:
        span = f"{volts['lowest_v']:.2f} to {volts['highest_v']:.2f} V"
        rows.append(("Forming voltage", f"median {volts['median_v']:.2f} V, {span}"))
    return rows


def _compliance_rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [
        (
            f"V(WL) {row['gate_v']:.2f} V",
            "no valid reading"
            if row["median_a"] is None
            else f"{row['median_a'] * 1e6:.1f} µA, median of {count(row['cells'], 'cell')}",
        )
        for row in summary["set_current"]
    ]
    if rows:
        rises = "yes" if summary["is_monotone"] else "NO: unusable as a table"
        rows.append(("Rises with every gate voltage", rises))
    if summary["compliance_table"]:
        rows.append(("For --compliance-table", summary["compliance_table"]))
    return rows
