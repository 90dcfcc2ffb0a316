"""The pictures of the README, made from a real run on the simulated bench (`make images`).

``report.png``: the top of a checkerboard report, 1280 pixels wide. ``terminal.png``: the summary
table that ends the run. Both come from the same run, whose seed is fixed.
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

HERE = Path(__file__).parent
COMMAND = "labctl run checkerboard --programmings 10 --seed 2020"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
REPORT_SIZE = (1280, 1280)
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
    """Run, draw, write the two pictures beside this file."""
    browser = find_browser()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        summary = run_checkerboard(folder)
        take_picture(browser, folder / summary["report"], "report.png", REPORT_SIZE)
        page = folder / "terminal.html"
        page.write_text(terminal_page(summary), encoding="utf-8")
        take_picture(browser, page, "terminal.png", TERMINAL_SIZE)


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


def run_checkerboard(folder: Path) -> dict[str, Any]:
    """The run's summary; its folder lies under ``folder``."""
    arguments = COMMAND.split()[1:]
    done = subprocess.run(
        [sys.executable, "-m", "labctl.cli", *arguments, "--json"],
        cwd=folder,
        check=True,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def terminal_page(summary: dict[str, Any]) -> str:
    """The summary table as a terminal shows it, as an HTML page."""
    console = Console(record=True, width=TERMINAL_COLUMNS, file=io.StringIO())
    console.print(f"$ {COMMAND}", highlight=False)
    console.print(terminal_table(summary))
    return console.export_html(theme=DIMMED_MONOKAI, code_format=TERMINAL_PAGE)


def take_picture(browser: str, page: Path, name: str, size: tuple[int, int]) -> None:
    """Photograph the top of a local page; the picture is ``size`` pixels."""
    picture = HERE / name
    subprocess.run(
        [
            browser,
            "--headless",
            "--no-sandbox",  # containers need it; only our own page is opened
            "--hide-scrollbars",
            f"--window-size={size[0]},{size[1]}",
            f"--screenshot={picture}",
            page.resolve().as_uri(),
        ],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    print(picture)


if __name__ == "__main__":
    main()
