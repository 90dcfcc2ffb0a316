"""``labctl reproduce``: what the command does."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path

import typer

from labctl import console
from labctl.bench import BenchError
from labctl.observing import StopRequest, stop_on_signals
from labctl.reproduce.campaign import Campaign, ReproductionError
from labctl.reproduce.experiments import Experiment, full, quick
from labctl.reproduce.page import terminal_reproduction, write_reproduction
from labctl.reproduce.runs_of import Runs
from labctl.reproduce.table import all_hold, reproduction_table
from labctl.store import files
from labctl.store.folder import RunFolder

PAGE, TABLE = "reproduction.html", "reproduction.json"


def reproduce(
    seed: int | None,
    dies: int,
    is_quick: bool,
    bench: Path | None,
    die: str | None,
    runs: Path | None,
    workers: int,
    as_json: bool,
) -> None:
    """Carry out the experiments, print the table, write table and page; see the command's help."""
    from labctl.benchfile import load_setup

    seed = secrets.randbits(32) if seed is None else seed
    folder = runs or Path(f"reproduction-{seed}")
    experiments = (quick if is_quick else full)(dies)
    try:
        if not load_setup(bench).simulated and die is None:
            console.refuse("a real die needs a name to book its pulses under: add --die NAME")
        campaign = Campaign(seed, bench, die, folder, workers)
        found = Runs(_carry_out(campaign, experiments))
    except (ValueError, OSError) as error:
        console.refuse(str(error))
    except (ReproductionError, BenchError) as error:
        typer.echo(
            f"labctl: {error}; the same command with --seed {seed} goes on from there", err=True
        )
        raise typer.Exit(1) from None
    rows = reproduction_table(found, 1 if die else dies)
    table = [row.as_dict() for row in rows]
    files.replace_json(folder / TABLE, table)
    page = write_reproduction(rows, found, [e.key for e in experiments], seed, folder / PAGE)
    if as_json:
        console.print_json(table)
    else:
        from rich.console import Console

        Console().print(terminal_reproduction(rows))
        typer.echo(f"seed {seed}, page: {page}")
    if not all_hold(rows):
        raise typer.Exit(1)


def _carry_out(campaign: Campaign, experiments: Sequence[Experiment]) -> dict[str, list[RunFolder]]:
    """The runs by the experiments' keys; on one die they can be stopped, and tell what they do."""
    if not campaign.one_by_one:
        return campaign.carry_out(experiments, _tell)
    from labctl.options import terminal_observer

    stop = StopRequest()
    # All on standard error, so --json keeps nothing quiet: outputs not made safe must be told.
    with stop_on_signals(stop), terminal_observer(quiet=False) as observer:
        return campaign.carry_out(experiments, _tell, observer, stop)


def _tell(done: int, of: int, last: str) -> None:
    """One line a finished run."""
    typer.echo(f"{done} of {of} runs: {last}", err=True)
