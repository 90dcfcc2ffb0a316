"""The summary as a table for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labctl.report.procedures import report_kind
from labctl.report.record import bench_time, circumstances, remark_text
from labctl.report.text import cell_names, duration

if TYPE_CHECKING:
    from rich.table import Table


def terminal_table(summary: dict[str, Any]) -> Table:
    """The summary of a run (``summarise``) as a rich table of two columns."""
    from rich.markup import escape
    from rich.table import Table

    run = f"{summary['procedure']} {summary['run']}: {summary['status']}"
    title = escape(f"{run}, {summary['kind']} bench")
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in summary_rows(summary):
        table.add_row(label, escape(text))
    return table


def record_table(record: dict[str, Any], remarks: list[dict[str, str]]) -> Table:
    """What was asked of a run, on what, and what people said, as a rich table of two columns."""
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
        **dict(circumstances(record)),
        **record["conditions"],
        **{f"Note {n}": note for n, note in enumerate(record["notes"], start=1)},
        **{f"Remark {n}": remark_text(said) for n, said in enumerate(remarks, start=1)},
    }
    for label, text in rows.items():
        table.add_row(label, escape(str(text)))
    return table


def summary_rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """Label and text of each line: conditions first, the procedure's results, times."""
    rows = [
        ("Conditions", summary["headline"]),
        ("Reason", summary["reason"]),
        *report_kind(summary["procedure"]).rows(summary),
        ("Retired bits, left out", cell_names(summary["retired"]) if summary["retired"] else None),
        ("Time", f"{duration(summary['wall_time_s'])} here"),
        ("Bench time", bench_time(summary)),
        ("Report", summary["report"]),
    ]
    return [(label, str(text)) for label, text in rows if text]
