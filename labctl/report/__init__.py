"""Summary, terminal table and HTML report of a stored run; reads the run folder only."""

from labctl.report.html import write_report
from labctl.report.summary import summarise
from labctl.report.terminal import record_table, terminal_table

__all__ = ["record_table", "summarise", "terminal_table", "write_report"]
