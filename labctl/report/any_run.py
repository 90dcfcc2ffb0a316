"""What the report of any run says; a procedure with more to say has a subclass of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.report.page import Content, Page, TableBlock
from labctl.report.record import record_tables
from labctl.report.text import count, plain
from labctl.store.folder import RunFolder

ROWS_SHOWN = 20


class RunReport:
    """One stored run, read for its report: the four things that a procedure may say.

    As it stands it serves a procedure without an analysis: its record and the first of its rows.
    """

    def __init__(self, run: RunFolder) -> None:
        self.run = run

    def summary(self) -> dict[str, Any]:
        """What this run adds to the summary; only types that JSON has."""
        return {}

    @staticmethod
    def rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
        """Label and text of the terminal table's rows, from a whole summary."""
        return []

    def content(self) -> Content:
        """The procedure's own part of the page."""
        rows = self.run.results()
        shown = TableBlock(
            f"Results, first {min(len(rows), ROWS_SHOWN)} of {count(len(rows), 'row')}",
            [str(name) for name in rows.columns],
            [[plain(item) for item in row] for row in rows.head(ROWS_SHOWN).values.tolist()],
        )
        return Content(
            warnings=[f"There are no figures for the procedure {self.run.record['procedure']}."],
            tables=[shown] if len(rows) else [],
        )

    def products(self) -> dict[str, str]:
        """Files that a successful run leaves for other runs: name to text."""
        return {}

    def page(self) -> Page:
        """The whole page: the procedure's own part and what every page has."""
        record, content = self.run.record, self.content()
        reason = record.get("reason")
        return Page(
            run=record["run"],
            procedure=record["procedure"],
            kind=self.run.kind,
            status=self.run.status,
            reason=str(reason) if reason else None,
            content=content,
            tables=record_tables(self.run, content.measurement),
            notes=[str(note) for note in record.get("notes", [])],
        )

    def stored(self, name: str) -> NDArray[Any] | None:
        """All records of an array; None where no complete one is stored."""
        records = self.run.array(name)
        return records if len(records) else None

    def unformed_marks(self) -> NDArray[np.bool_]:
        """Devices left out as unformed, unreadable or retired (rows reached, columns, 2).

        (0, 0, 2) where none was read.
        """
        rows = self.stored("unformed")
        return np.zeros((0, 0, 2), dtype=bool) if rows is None else rows.astype(bool)
