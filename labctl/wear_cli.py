"""``labctl die`` and ``labctl ledger``: what dies have been through."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labctl.console import DEFAULT_RUNS, JSON, RUNS, print_json, print_table, refuse

if TYPE_CHECKING:
    from labctl.store.ledger import Ledger

die_app = typer.Typer(help="Dies and the pulses they have had.", no_args_is_help=True)
ledger_app = typer.Typer(help="The wear ledger beside the runs.", no_args_is_help=True)

DIE = Annotated[str, typer.Argument(help="Name of the die, as `labctl die list` shows it")]


@die_app.command("list")
def list_dies(runs: RUNS = DEFAULT_RUNS, json: JSON = False) -> None:
    """List the dies that have had pulses.

    Example: labctl die list
    """
    with _open(runs) as ledger:
        dies = ledger.dies()
    if json:
        print_json(dies)
    elif dies:
        print_table(dies)
    else:
        typer.echo(f"no die has had a pulse, by the ledger in {runs}")


@die_app.command("show")
def show_die(
    die: DIE,
    runs: RUNS = DEFAULT_RUNS,
    png: Annotated[
        Path | None, typer.Option("--png", help="Draw the wear map to this file.")
    ] = None,
    json: JSON = False,
) -> None:
    """Show a die's pulses: totals, the devices with most, and a map.

    Example: labctl die show lab3-d07 --png wear.png
    """
    from labctl.report.wear import draw_wear, wear_rows

    with _open(runs) as ledger:
        totals, unconfirmed = _of(ledger, die), ledger.unconfirmed(die)
    rows = wear_rows(totals)
    if png is not None:
        png.write_bytes(draw_wear(die, totals))
    if json:
        print_json({"die": die, "unconfirmed_blocks": unconfirmed, "pulses": rows})
        return
    print_table(rows)
    if unconfirmed:
        typer.echo(f"{unconfirmed} blocks were never confirmed; they count in full")
    if png is not None:
        typer.echo(f"wear map: {png}")


@die_app.command("history")
def history(die: DIE, runs: RUNS = DEFAULT_RUNS, json: JSON = False) -> None:
    """Show what each run did to a die.

    Example: labctl die history lab3-d07
    """
    with _open(runs) as ledger:
        _of(ledger, die)
        rows = ledger.history(die)
    if json:
        print_json(rows)
    else:
        print_table([{**row, "condition": _condition(row["condition"])} for row in rows])


@ledger_app.command("rebuild")
def rebuild(runs: RUNS = DEFAULT_RUNS) -> None:
    """Make the ledger again from the journals of all runs in the folder.

    Example: labctl ledger rebuild
    """
    from labctl.store.folder import list_runs
    from labctl.store.ledger import LEDGER, Ledger, LedgerError

    found = list_runs(runs)
    going_on = [run.id for run in found if run.status == "running"]
    if going_on:
        refuse(f"run {going_on[0]} is going on; rebuild the ledger when it has ended")
    if not found:
        refuse(f"there are no runs in {runs} to make a ledger from")
    try:
        with Ledger(runs / LEDGER) as ledger:
            blocks = ledger.rebuild(found)
    except LedgerError as error:
        refuse(f"{error}; move the file away and call this again")
    typer.echo(f"{blocks} blocks of pulses of {len(found)} runs are in {runs / LEDGER}")


def _open(runs: Path) -> Ledger:
    from labctl.store.ledger import LEDGER, Ledger, LedgerError

    if not (runs / LEDGER).is_file():
        refuse(f"there is no ledger in {runs}; --runs names the folder of the runs")
    try:
        return Ledger(runs / LEDGER)
    except LedgerError as error:
        refuse(f"{error}; `labctl ledger rebuild` makes it again from the runs")


def _of(ledger: Ledger, die: str) -> dict[str, Any]:
    """Totals of a die that the ledger knows; refused with what there is."""
    totals = ledger.totals(die)
    if not totals:
        names = [row["die"] for row in ledger.dies()]
        refuse(f"die {die!r} has had no pulse; the ledger knows {', '.join(names) or 'no die'}")
    return totals


def _condition(condition: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in condition.items())
