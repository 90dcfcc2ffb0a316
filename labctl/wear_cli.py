"""``labctl die`` and ``labctl ledger``: what dies have been through."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labctl.console import (
    DEFAULT_RUNS,
    JSON,
    RUNS,
    print_json,
    print_table,
    refuse,
    write_picture,
)

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
        retired = ledger.retired(die)
        totals = ledger.totals(die) if retired else _of(ledger, die)
        unconfirmed = ledger.unconfirmed(die)
    rows = wear_rows(totals)
    if png is not None and totals:
        write_picture(png, draw_wear(die, totals))
    if json:
        out_of_use = [
            {"row": row, "column": column, "reason": reason}
            for (row, column), reason in retired.items()
        ]
        print_json(
            {
                "die": die,
                "unconfirmed_blocks": unconfirmed,
                "retired": out_of_use,
                "pulses": rows,
            }
        )
        return
    if rows:
        print_table(rows)
    for (row, column), reason in retired.items():
        typer.echo(f"retired: row {row} column {column} ({reason})")
    if unconfirmed:
        typer.echo(f"{unconfirmed} blocks were never confirmed; they count in full")
    if png is not None and totals:
        typer.echo(f"wear map: {png}")


@die_app.command("history")
def history(die: DIE, runs: RUNS = DEFAULT_RUNS, json: JSON = False) -> None:
    """Show what each run did to a die.

    Example: labctl die history lab3-d07
    """
    from labctl.report.pulses import pulse_text

    with _open(runs) as ledger:
        _of(ledger, die)
        rows = ledger.history(die)
    if json:
        print_json(rows)
        return
    print_table(
        [
            {
                "run": row["run"],
                "pulses": pulse_text(row["kind"], row["condition"]),
                "in all": row["pulses"],
                "most": row["most_per_device"],
                "unconfirmed": row["unconfirmed_blocks"],
            }
            for row in rows
        ]
    )


@die_app.command("retire")
def retire(
    die: DIE,
    bits: Annotated[
        str, typer.Option("--bits", help='Rows and columns, as "3,7 4,0"', show_default=False)
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why, for whoever reads it later")],
    runs: RUNS = DEFAULT_RUNS,
) -> None:
    """Take bits out of use: no later run programs, cycles, forms or reads them.

    Example: labctl die retire lab3-d07 --bits "3,7 4,0" --reason "stuck in HRS"
    """
    if not reason.strip():
        refuse("a bit is retired for a reason: --reason TEXT")
    _change_retired(runs, die, "retire", _bits(bits), reason.strip())


@die_app.command("restore")
def restore(
    die: DIE,
    bits: Annotated[
        str, typer.Option("--bits", help='Rows and columns, as "3,7 4,0"', show_default=False)
    ],
    runs: RUNS = DEFAULT_RUNS,
) -> None:
    """Take retired bits into use again.

    Example: labctl die restore lab3-d07 --bits 4,0
    """
    from labctl.store.ledger import LEDGER, Ledger

    wanted = _bits(bits)
    with Ledger(runs / LEDGER) as ledger:
        in_use = [
            f"{row},{column}" for row, column in wanted if (row, column) not in ledger.retired(die)
        ]
    if in_use:
        refuse(f"{' '.join(in_use)} of die {die!r} is not retired")
    _change_retired(runs, die, "restore", wanted, "")


def _bits(text: str) -> list[tuple[int, int]]:
    """Rows and columns as typed; refused with how to type them."""
    found = []
    for part in text.split():
        row, _, column = part.partition(",")
        if not (row.isdecimal() and column.isdecimal() and int(row) < 32 and int(column) < 32):
            refuse(f"{part!r} is no bit: row,column from 0 to 31, several with a space between")
        found.append((int(row), int(column)))
    return found or refuse("no bit is named: --bits ROW,COLUMN")


def _change_retired(
    runs: Path, die: str, action: str, bits: list[tuple[int, int]], reason: str
) -> None:
    from datetime import UTC, datetime

    from labctl.provenance import operator
    from labctl.store.ledger import LEDGER, Ledger
    from labctl.store.retired import Retirement

    at = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        with Ledger(runs / LEDGER) as ledger:
            ledger.retire(Retirement(die, action, bits, reason, at, operator()))
            now = ledger.retired(die)
            known = [row["die"] for row in ledger.dies()]
    except OSError as error:
        refuse(str(error))
    names = ", ".join(f"row {row} column {column}" for row, column in now)
    typer.echo(f"retired on die {die}: {names or 'no bit'}")
    if die not in known:
        typer.echo(f"die {die} has had no pulse; the ledger knows {', '.join(known) or 'no die'}")


@ledger_app.command("rebuild")
def rebuild(runs: RUNS = DEFAULT_RUNS) -> None:
    """Make the ledger again from the journals of all runs in the folder.

    Example: labctl ledger rebuild
    """
    from labctl.store.folder import RunFolderError, list_runs
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
    except RunFolderError as error:
        refuse(f"{error}; the ledger is as it was")
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
