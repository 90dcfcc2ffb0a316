"""The HTML report: one self-contained file in the run folder."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

from labctl.report.pages import Page, checkerboard_page, compliance_page, forming_page, other_page
from labctl.report.tables import write_compliance_table
from labctl.store.folder import REPORT, RunFolder

PAGES: dict[str, Callable[[RunFolder], Page]] = {
    "checkerboard": checkerboard_page,
    "forming": forming_page,
    "compliance": compliance_page,
}


def write_report(run: RunFolder) -> Path:
    """Write ``report.html`` into the run folder, replacing an older one at once, and return it.

    The file needs nothing beside it: images and style are inside. A run that did not end, or one
    of a procedure without a page of its own, gets a report of what is stored, and it says so.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    if run.record["procedure"] == "compliance":
        write_compliance_table(run)
    page = PAGES.get(run.record["procedure"], other_page)(run)
    environment = Environment(
        loader=PackageLoader("labctl.report"), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["base64"] = lambda data: base64.b64encode(data).decode("ascii")
    text = environment.get_template("report.html").render(page=page)
    path = run.path / REPORT
    unfinished = path.with_suffix(".part")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
    return path
