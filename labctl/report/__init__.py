"""Summary, terminal table, HTML report and products of a stored run; reads its folder only."""

from labctl.report.html import write_report
from labctl.report.products import write_products
from labctl.report.summary import summarise
from labctl.report.terminal import record_table, terminal_table

__all__ = ["record_table", "summarise", "terminal_table", "write_products", "write_report"]
