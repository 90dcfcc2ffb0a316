"""`labctl --help` in a fresh process beside the `--help` of a bare typer program.

The program that starts slowly is the one that imports what it does not need. The bare one has a
single command with one option: typer and nothing else, so the ratio is all that labctl adds.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.benchmarks.result import Goal, Result
from tests.benchmarks.timing import interleaved

REPEATS = 15

BARE = '''\
"""A bare typer program."""
import typer

app = typer.Typer(add_completion=False)


@app.command()
def greet(name: str = "world") -> None:
    """Greet somebody."""
    typer.echo(f"hello {name}")


if __name__ == "__main__":
    app()
'''


def measure() -> list[Result]:
    """Wall time of both, in turn."""
    with TemporaryDirectory() as folder:
        program = Path(folder) / "bare.py"
        program.write_text(BARE, encoding="utf-8")
        seconds = interleaved(
            REPEATS,
            {
                "labctl": lambda: _help([_labctl()]),
                "bare typer": lambda: _help([sys.executable, str(program)]),
            },
        )
    return [
        Result(
            name="help",
            value=median(seconds["labctl"]),
            unit="s",
            reference=median(seconds["bare typer"]),
            compared_with="a bare typer program with one command",
            goal=Goal("ratio", "<=", 1.3),
            raw=seconds,
        )
    ]


def _labctl() -> str:
    """The installed command that belongs to this Python."""
    command = shutil.which("labctl", path=Path(sys.executable).parent)
    if command is None:
        raise FileNotFoundError(f"no labctl command beside {sys.executable}: pip install -e .")
    return command


def _help(command: list[str]) -> None:
    subprocess.run([*command, "--help"], check=True, capture_output=True)
