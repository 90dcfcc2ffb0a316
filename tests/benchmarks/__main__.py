"""``python -m tests.benchmarks [ONLY]``: run, print a table, write ``bench.json``.

Exit status 1 if a goal is missed. What is measured is on disk even if a later benchmark fails.
"""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks import BENCHMARKS
from tests.benchmarks.result import Result

FILE = Path("bench.json")


def main() -> int:
    """Run what was asked for; returns the exit status."""
    only = _arguments().only
    results: list[Result] = []
    console = Console()
    FILE.unlink(missing_ok=True)
    for name in [only] if only else BENCHMARKS:
        console.print(f"{name}: {BENCHMARKS[name]} ...", markup=False, highlight=False)
        results += import_module(f"tests.benchmarks.{name}").measure()
        content = json.dumps([r.as_dict() for r in results], indent=2, allow_nan=False)
        FILE.write_text(content + "\n", encoding="utf-8")
    console.print(_table(results))
    console.print(f"written to {FILE.resolve()}", soft_wrap=True, highlight=False)
    missed = [result.name for result in results if not result.ok]
    if missed:
        console.print(f"goal missed: {', '.join(missed)}", style="bold red")
    return 1 if missed else 0


def _arguments() -> argparse.Namespace:
    lines = [f"  {name:13} {what}" for name, what in BENCHMARKS.items()]
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description="Run the benchmarks, print a table, write bench.json.\n\n" + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("only", nargs="?", choices=[*BENCHMARKS], help="run this one alone")
    return parser.parse_args()


def _table(results: list[Result]) -> Table:
    table = Table("benchmark")
    for title in ("value", "unit", "reference", "ratio"):
        table.add_column(title, justify="left" if title == "unit" else "right")
    for title in ("compared with", "goal", "ok"):
        table.add_column(title)
    for result in results:
        ok = "[red]no[/]" if not result.ok else "" if result.goal is None else "[green]yes[/]"
        table.add_row(
            result.name,
            _number(result.value),
            result.unit,
            _number(result.reference),
            _number(result.ratio),
            result.compared_with,
            "" if result.goal is None else str(result.goal),
            ok,
        )
    return table


def _number(number: float | None) -> str:
    """Three digits that count, thousands apart; empty for None."""
    if number is None:
        return ""
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"


if __name__ == "__main__":
    sys.exit(main())
