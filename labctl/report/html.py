"""The HTML report: one self-contained file in the run folder."""

from __future__ import annotations

import base64
from pathlib import Path

from labctl.report.page import Page
from labctl.report.procedures import report_of
from labctl.store.folder import REPORT, RunFolder


def write_report(run: RunFolder) -> Path:
    """Write ``report.html`` into the run folder, replacing an older one at once, and return it.

    The file needs nothing beside it: images and style are inside. A run that did not end, or one
    of a procedure without a page of its own, gets a report of what is stored, and it says so.
    """
    return write_page(report_of(run).page(), run.path / REPORT)


def write_page(page: Page, path: Path) -> Path:
    """Write a page as one self-contained HTML file, replacing an older one at once."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("labctl.report"), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["base64"] = lambda data: base64.b64encode(data).decode("ascii")
    text = environment.get_template("report.html").render(page=page)
    unfinished = path.with_suffix(".part")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
    return path
