"""What the commands share: options, refusals, tables, JSON."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from labctl.store.folder import RunFolder


class LogLevel(StrEnum):
    """How much goes into a run's log (`labctl.session.LOG_LEVELS`)."""

    QUIET = "quiet"
    NORMAL = "normal"
    DEBUG = "debug"


RUNS = Annotated[
    Path,
    typer.Option(
        "--runs", envvar="LABCTL_RUNS", file_okay=False, help="Folder that holds the runs."
    ),
]
JSON = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
EVENTS = Annotated[
    bool,
    typer.Option(
        "--events",
        help="Tell the run as JSON lines on standard output, for programs: opened, progress, "
        "note, refused, ended.",
    ),
]
BENCH = Annotated[
    Path | None,
    typer.Option(
        "--bench", envvar="LABCTL_BENCH", help="Bench file; without it the simulated bench."
    ),
]
LOG_LEVEL = Annotated[
    LogLevel,
    typer.Option("--log-level", envvar="LABCTL_LOG", help="How much goes into the run's log.txt."),
]
DIES = Annotated[
    Path,
    typer.Option(
        "--dies", envvar="LABCTL_DIES", file_okay=False, help="Folder that holds simulated dies."
    ),
]
MAX_CYCLES = Annotated[
    int | None,
    typer.Option(
        "--max-cycles-per-device",
        min=1,
        help="Wear budget: no device gets more SETs, or RESETs, than so many over all runs; the "
        "chip file may have a tighter one.",
    ),
]
TEMPERATURE = Annotated[
    float | None,
    typer.Option(
        "--temperature",
        min=-273.15,
        max=400.0,
        help="Temperature of the die in degC, for the record; nothing is set by it.",
    ),
]
NOTE = Annotated[str, typer.Option("--note", help="What is to be remembered of the run.")]
DEFAULT_RUNS = Path("runs")
DEFAULT_DIES = Path("dies")


def refuse(sentence: str) -> NoReturn:
    """Say what was wrong with the input and end with status 2; nothing was applied."""
    typer.echo(f"labctl: {sentence}", err=True)
    raise typer.Exit(2)


def write_picture(path: Path, content: bytes) -> None:
    """A picture into a file; refused where it cannot be written."""
    try:
        path.write_bytes(content)
    except OSError as error:
        refuse(f"no picture can be written to {path} ({error.strerror}): name a file with --png")


def print_json(content: object) -> None:
    """JSON to standard output, readable by people too."""
    import json

    typer.echo(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))


def print_table(rows: list[dict[str, Any]]) -> None:
    """Rows with the same keys as a table."""
    from rich.console import Console
    from rich.table import Column, Table

    first, *others = rows[0]
    # A name that is cut short is no name.
    table = Table(Column(first, no_wrap=True), *others)
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    Console().print(table)


def find(runs: Path, name: str) -> RunFolder:
    """The run that a user names; refused with what there is if it is none."""
    from labctl.store.folder import RunFolderError, RunNotFoundError, find_run

    try:
        return find_run(runs, name)
    except (RunNotFoundError, RunFolderError) as error:
        refuse(str(error.args[0]))
