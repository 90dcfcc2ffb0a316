"""The reproduction as one HTML page and as a table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from labctl.analysis.error_rates import short_number
from labctl.report.html import write_page
from labctl.report.page import Content, FigureBlock, Headline, Page, TableBlock
from labctl.report.procedures import report_of
from labctl.report.text import count
from labctl.reproduce.measured import DECISIVE, Band, Measured, Verdict
from labctl.reproduce.runs_of import Runs
from labctl.reproduce.table import Row

if TYPE_CHECKING:
    from rich.table import Table

HEADER = ["Quantity", "Figure", "Paper", "Measured, 95 %", "Trials", "Band", "Verdict"]
NOTES = (
    "Inside: the number lies in the band; where the band has only an upper end, the 95 % interval "
    "must end below it. Outside: the interval of "
    f"{100 * DECISIVE:g} % lies wholly beyond the band. Too few trials: neither; more trials would "
    "tell.",
    "A band is the 95 % interval of the paper's own trials, widened for rounding, for the spread "
    "of devices and dies and for what the paper leaves open.",
    "Contradiction: statements of the paper that cannot all hold; the reason stands below.",
    "The paper draws the sense line along a row with all other bit lines grounded: a SET would "
    "then reach the whole row. Here the sense line runs with the column pair. It also cites its "
    "Fig. 4(c) for the ideal sense amplifier, which is in Fig. 4(d).",
)


def write_reproduction(
    rows: Sequence[Row], runs: Runs, keys: Sequence[str], seed: int, path: Path
) -> Path:
    """Write the page: the table, then the figures of the first run of each experiment."""
    some = next(folder for key in keys for folder in runs.folders(key))
    page = Page(
        run=f"seed {seed}",
        procedure="reproduction of Hirtzlin et al. (2020)",
        kind=some.kind,
        status="success",
        reason=None,
        content=Content(
            headlines=_headlines(rows),
            first_tables=[TableBlock("Paper and measurement", HEADER, [_cells(r) for r in rows])],
            figures=[figure for key in keys for figure in _figures(runs, key)],
            tables=[TableBlock("Contradictions in the paper", [], _contradictions(rows))],
            notes=list(NOTES),
        ),
        tables=[],
        notes=[],
    )
    return write_page(page, path)


def terminal_reproduction(rows: Sequence[Row]) -> Table:
    """The same table for the terminal."""
    from rich.markup import escape
    from rich.table import Table

    table = Table()
    for name in ("Quantity", "Paper", "Measured, 95 %", "Band"):
        table.add_column(name, overflow="fold")
    table.add_column("Verdict", no_wrap=True)
    for row in rows:
        quantity, figure, paper, measured, _, band, verdict = map(escape, _cells(row))
        table.add_row(f"{quantity} [dim]({figure})[/]", paper, measured, band, verdict)
    return table


def _headlines(rows: Sequence[Row]) -> list[Headline]:
    return [
        Headline(
            verdict.replace("_", " ").capitalize(),
            str(sum(row.verdict is verdict for row in rows)),
            [f"of {len(rows)} quantities"],
        )
        for verdict in Verdict
    ]


def _figures(runs: Runs, key: str) -> list[FigureBlock]:
    """Figures of an experiment's first run, with the run named."""
    folders = runs.folders(key)
    if not folders:
        return []
    return [
        FigureBlock(
            f"{figure.title} ({folders[0].record['headline']})",
            figure.png,
            figure.alt,
            f"{figure.caption} Run {folders[0].id}, the first of {count(len(folders), 'die')}.",
        )
        for figure in report_of(folders[0]).content().figures
    ]


def _contradictions(rows: Sequence[Row]) -> list[list[str]]:
    return [
        [row.published.quantity, row.published.contradiction]
        for row in rows
        if row.published.contradiction
    ]


def _cells(row: Row) -> list[str]:
    return [
        row.published.quantity,
        row.published.figure,
        row.published.paper,
        _measured(row.measured),
        f"{row.measured.trials:,}",
        _band(row.band),
        row.verdict.replace("_", " "),
    ]


def _measured(measured: Measured) -> str:
    """Value and 95 % interval, or the bound where nothing was seen.

    >>> _measured(Measured(0.0, 0.0, 3e-3, 0.0, 6e-3, 1000, is_bound=True))
    '< 3.0e-3'
    >>> _measured(Measured(5e10, 5e10, None, 5e10, None, 8, is_bound=True))
    '> 5.00e10'
    """
    if measured.value is None:
        return "not measured"
    value = _number(measured.value)
    if measured.is_bound:
        return f"> {value}" if measured.high is None else f"< {short_number(measured.high, 2)}"
    if measured.low is None or measured.low == measured.high:
        return value
    high = "open" if measured.high is None else _number(measured.high)
    return f"{value} ({_number(measured.low)} to {high})"


def _band(band: Band) -> str:
    low, high = band
    if low is None:
        return "any" if high is None else f"≤ {_number(high)}"
    return f"≥ {_number(low)}" if high is None else f"{_number(low)} to {_number(high)}"


def _number(value: float) -> str:
    """Three digits; powers of ten where a plain number would be long.

    >>> _number(0.0123), _number(2.34e-7), _number(760.0), _number(0.0), _number(5e8)
    ('0.0123', '2.34e-7', '760', '0', '5.00e8')
    """
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.3g}"
    return short_number(value, 3)
