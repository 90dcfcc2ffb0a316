"""The pictures of the documentation, made from real runs on the simulated bench (`make images`).

``report.png`` and ``terminal.png``: top of a checkerboard report and the table that ends the run.
``reproduction.png``: top of the page of `labctl reproduce --quick`. The others: single figures of
reports. Every seed is fixed. `python docs/images/make_images.py NAME ...` makes only those named.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI

from labctl.report import terminal_table
from labctl.report.procedures import report_of
from labctl.store.folder import RunFolder

HERE = Path(__file__).parent
CHECKERBOARD = "labctl run checkerboard --programmings 10 --seed 2020"
REPRODUCTION = "labctl reproduce --quick --seed 2020 --runs reproduction"
FIGURES = {
    "endurance.png": (
        "labctl run endurance --cycles 7e8 --pairs 8 --window-cycles 1e6 --seed 2020",
        "Bit error rates against cycles",
    ),
    "conditions.png": (
        "labctl run conditions --seed 2020",
        "Wrong bits against programming conditions",
    ),
    "differential.png": (
        "labctl run differential --programmings 5 --pairs 2 --resistance-cycles 2e5 --seed 2020",
        "2T2R against 1T1R bit error rate",
    ),
    "ecc.png": (
        "labctl run differential --points array --programmings 5 --seed 2020",
        "Error-correcting codes",
    ),
}
"""Picture to the command whose report has it, and a part of the figure's title."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
REPORT_SIZE = (1280, 1280)
REPRODUCTION_SIZE = (1280, 1600)
TERMINAL_COLUMNS = 94
TERMINAL_SIZE = (900, 352)
TERMINAL_PAGE = """<!DOCTYPE html>
<meta charset="utf-8">
<style>
body {{ margin: 0; padding: 14px 20px; background: {background}; color: {foreground}; }}
pre {{ margin: 0; font: 15px/1.164 "DejaVu Sans Mono", Consolas, Menlo, monospace; }}
{stylesheet}
</style>
<pre>{code}</pre>
"""


def main() -> None:
    """Run, draw, write the pictures beside this file; those named on the command line, or all."""
    pages = {
        "report.png": checkerboard_report,
        "terminal.png": checkerboard_terminal,
        "reproduction.png": reproduction_page,
    }
    for name in sys.argv[1:] or [*pages, *FIGURES]:
        with tempfile.TemporaryDirectory() as folder:
            if name in FIGURES:
                write_figure(name, Path(folder))
            elif name in pages:
                pages[name](Path(folder))
            else:
                sys.exit(f"no picture {name}; there are {', '.join([*pages, *FIGURES])}")
        print(HERE / name)


def checkerboard_report(folder: Path) -> None:
    """Top of the report of a checkerboard run."""
    summary = run(CHECKERBOARD, folder)
    take_picture(folder / summary["report"], "report.png", REPORT_SIZE)


def checkerboard_terminal(folder: Path) -> None:
    """The table that ends the same run."""
    page = folder / "terminal.html"
    page.write_text(terminal_page(run(CHECKERBOARD, folder)), encoding="utf-8")
    take_picture(page, "terminal.png", TERMINAL_SIZE)


def reproduction_page(folder: Path) -> None:
    """Top of the page of a quick reproduction."""
    run(REPRODUCTION, folder)
    page = folder / "reproduction" / "reproduction.html"
    take_picture(page, "reproduction.png", REPRODUCTION_SIZE)


def write_figure(name: str, folder: Path) -> None:
    """One figure of a report, as it stands there."""
    command, title = FIGURES[name]
    summary = run(command, folder)
    figures = report_of(RunFolder((folder / summary["report"]).parent)).content().figures
    (HERE / name).write_bytes(next(f.png for f in figures if title in f.title))


def run(command: str, folder: Path) -> Any:
    """What the command prints as JSON; its files lie under ``folder``.

    Status 1 of a reproduction says that a quantity lies outside its band: no reason to stop.
    """
    arguments = command.split()[1:]
    done = subprocess.run(
        [sys.executable, "-m", "labctl.cli", *arguments, "--json"],
        cwd=folder,
        check=command != REPRODUCTION,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    return json.loads(done.stdout)


def terminal_page(summary: dict[str, Any]) -> str:
    """The summary table as a terminal shows it, as an HTML page."""
    console = Console(record=True, width=TERMINAL_COLUMNS, file=io.StringIO())
    console.print(f"$ {CHECKERBOARD}", highlight=False)
    console.print(terminal_table(summary))
    return console.export_html(theme=DIMMED_MONOKAI, code_format=TERMINAL_PAGE)


def find_browser() -> str:
    """Path of a Chromium; ends with what to do if there is none."""
    for name in BROWSERS:
        found = shutil.which(name)
        if found:
            return found
    sys.exit(
        f"make images needs a Chromium browser on the PATH ({', '.join(BROWSERS)}); install one, "
        "for example with `apt install chromium`"
    )


def take_picture(page: Path, name: str, size: tuple[int, int]) -> None:
    """Photograph the top of a local page; the picture is ``size`` pixels."""
    subprocess.run(
        [
            find_browser(),
            "--headless",
            "--no-sandbox",  # containers need it; only our own page is opened
            "--hide-scrollbars",
            f"--window-size={size[0]},{size[1]}",
            f"--screenshot={HERE / name}",
            page.resolve().as_uri(),
        ],
        check=True,
        stderr=subprocess.DEVNULL,
    )


if __name__ == "__main__":
    main()
