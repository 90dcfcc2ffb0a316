"""The command line. What is heavy is imported inside the command that needs it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from labctl.console import (
    BENCH,
    DEFAULT_DIES,
    DEFAULT_RUNS,
    DIES,
    EVENTS,
    JSON,
    LOG_LEVEL,
    MAX_CYCLES,
    RUNS,
    LogLevel,
    find,
    print_json,
    print_table,
    refuse,
)
from labctl.queue_cli import queue
from labctl.twin_cli import twin_app
from labctl.wear_cli import die_app, ledger_app

app = typer.Typer(
    help="Characterize a 2T2R hafnium-oxide memory test chip on a Keysight B1500A bench, real or "
    "simulated.\n\nFirst steps: labctl run checkerboard --programmings 10",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
bench_app = typer.Typer(help="Bench files: print an example, check one.", no_args_is_help=True)
app.add_typer(bench_app, name="bench")
app.add_typer(twin_app, name="twin")
app.add_typer(die_app, name="die")
app.add_typer(ledger_app, name="ledger")
app.command()(queue)


class ProcedureGroup(TyperGroup):
    """Procedures as commands: their options come from their parameters, loaded when one is run."""

    maker = "run_command"
    """Which function of `labctl.options` makes the command."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of the procedures."""
        from procedures import PROCEDURES

        return list(PROCEDURES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Name and help only; enough to list."""
        from procedures import PROCEDURES

        if cmd_name not in PROCEDURES:
            return None
        return TyperCommand(cmd_name, help=PROCEDURES[cmd_name][1])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The whole command, with the procedure's options."""
        if args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            known = ", ".join(self.list_commands(ctx))
            refuse(f"there is no procedure {args[0]!r}; there are {known}")
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None:
            from labctl import options

            command = getattr(options, self.maker)(str(command.name))
        return name, command, rest


run_app = typer.Typer(cls=ProcedureGroup, no_args_is_help=True)
app.add_typer(
    run_app,
    name="run",
    help="Run a procedure, for example: labctl run checkerboard --programmings 10",
)


@run_app.callback()
def _run() -> None:
    """Run a procedure, for example: labctl run checkerboard --programmings 10"""


class PlanGroup(ProcedureGroup):
    """The same procedures, planned."""

    maker = "plan_command"


plan_app = typer.Typer(cls=PlanGroup, no_args_is_help=True)
app.add_typer(
    plan_app,
    name="plan",
    help="Tell what a run would do to the die, for example: labctl plan checkerboard",
)


@plan_app.callback()
def _plan() -> None:
    """Tell what a run would do: pulses, voltages, time, energy. Touches no device."""


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"labctl {version('labctl')}")
        raise typer.Exit


@app.callback()
def _labctl(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and end."
        ),
    ] = False,
) -> None:
    """Everything happens in the commands."""


@app.command()
def resume(
    run: Annotated[str, typer.Argument(help="Run name, a unique beginning of it, a path, or last")],
    rollback: Annotated[
        bool,
        typer.Option(
            "--rollback/--no-rollback",
            help="Simulated bench: put the die back to the last step's end, or repeat the step on "
            "the die as it is, as a real bench does.",
        ),
    ] = True,
    die: Annotated[
        str | None,
        typer.Option("--die", help="The die at the probes; refused if it is not the run's."),
    ] = None,
    accept_change: Annotated[
        bool,
        typer.Option(
            "--accept-change",
            help="Real bench or --no-rollback: go on although devices read otherwise than the run "
            "left them.",
        ),
    ] = False,
    other_host_is_gone: Annotated[
        bool,
        typer.Option(
            "--other-host-is-gone",
            help="Go on with a run of another computer, where nothing of it goes on any more.",
        ),
    ] = False,
    max_cycles_per_device: MAX_CYCLES = None,
    log_level: LOG_LEVEL = LogLevel.NORMAL,
    runs: RUNS = DEFAULT_RUNS,
    json: JSON = False,
    events: EVENTS = False,
) -> None:
    """Go on with an interrupted run from its last complete step.

    Example: labctl resume last
    """
    from labctl.options import resume_run

    resume_run(
        *(find(runs, run), rollback, max_cycles_per_device, die, accept_change),
        *(other_host_is_gone, log_level, json, events),
    )


@app.command()
def stop(
    run: Annotated[str, typer.Argument(help="Run name, a unique beginning of it, a path, or last")],
    within_step: Annotated[
        bool,
        typer.Option("--within-step", help="Leave the step after the present row or execution."),
    ] = False,
    emergency: Annotated[
        bool,
        typer.Option("--emergency", help="Leave it after the present pulse: outputs to 0 V now."),
    ] = False,
    runs: RUNS = DEFAULT_RUNS,
) -> None:
    """Ask a run that is going on, in whatever process, to pause after its present step.

    Example: labctl stop last --within-step
    """
    from labctl.observing import Stop
    from labctl.stopping import StopError, ask_to_stop

    if within_step and emergency:
        refuse("--within-step and --emergency are two ways to stop: give one of them")
    level, told = Stop.AFTER_STEP, "pause after its present step"
    if within_step:
        level, told = Stop.WITHIN_STEP, "stop within its present step"
    elif emergency:
        level, told = Stop.EMERGENCY, "take its outputs to 0 V now (emergency stop)"
    folder = find(runs, run)
    try:
        ask_to_stop(folder, level)
    except StopError as error:
        refuse(str(error))
    typer.echo(f"run {folder.id} is asked to {told}")


@app.command("list")
def list_(
    what: Annotated[str, typer.Argument(help="procedures or runs", metavar="WHAT")],
    runs: RUNS = DEFAULT_RUNS,
    json: JSON = False,
) -> None:
    """List procedures or runs.

    Example: labctl list runs --json
    """
    if what == "procedures":
        from procedures import PROCEDURES

        rows: list[dict[str, Any]] = [
            {"procedure": name, "does": does} for name, (_, does) in PROCEDURES.items()
        ]
    elif what == "runs":
        from labctl.store.folder import list_runs

        rows = [
            {
                "run": found.id,
                "procedure": found.record.get("procedure"),
                "status": found.status,
                "started": found.record.get("started"),
            }
            for found in list_runs(runs)
        ]
    else:
        refuse(f"{what!r} cannot be listed: procedures or runs")
    if json:
        print_json(rows)
    elif rows:
        print_table(rows)
    else:
        typer.echo(f"no runs under {runs} yet; start one with `labctl run checkerboard`")


@app.command()
def show(
    run: Annotated[str, typer.Argument(help="Run name, a unique beginning of it, a path, or last")],
    runs: RUNS = DEFAULT_RUNS,
    json: JSON = False,
) -> None:
    """Show what is recorded of a run and what came out of it.

    Example: labctl show last
    """
    folder = find(runs, run)
    if json:
        print_json(
            {
                **folder.record,
                "status": folder.status,
                "folder": str(folder.path),
                "remarks": folder.remarks(),
            }
        )
        return
    from rich.console import Console

    from labctl.report import record_table, summarise, terminal_table
    from labctl.store.folder import RunFolderError

    console = Console()
    console.print(record_table(folder.record, folder.remarks()))
    try:
        console.print(terminal_table(summarise(folder)))
    except RunFolderError as error:
        refuse(str(error))


@app.command()
def report(
    run: Annotated[str, typer.Argument(help="Run name, a unique beginning of it, a path, or last")],
    runs: RUNS = DEFAULT_RUNS,
) -> None:
    """Write the HTML report of a run and its tables again, from what is stored alone.

    Example: labctl report last
    """
    from labctl.report import write_products, write_report
    from labctl.store.folder import RunFolderError

    try:
        folder = find(runs, run)
        write_products(folder)
        typer.echo(str(write_report(folder)))
    except RunFolderError as error:
        refuse(str(error))


@app.command()
def reproduce(
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed", min=0, help="Makes the fresh simulated dies repeatable; else a new one."
        ),
    ] = None,
    dies: Annotated[
        int, typer.Option("--dies", min=1, max=100, help="Simulated dies for each experiment.")
    ] = 8,
    quick: Annotated[
        bool, typer.Option("--quick", help="A five-minute version: fewer trials and verdicts.")
    ] = False,
    bench: BENCH = None,
    die: Annotated[
        str | None, typer.Option("--die", help="The die at the probes of a real bench.")
    ] = None,
    runs: Annotated[
        Path | None,
        typer.Option(
            "--runs",
            file_okay=False,
            help="Folder for the runs; one begun with the same seed is gone on with.",
        ),
    ] = None,
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=16, help="Simulated runs side by side.")
    ] = 2,
    json: JSON = False,
) -> None:
    """Measure every result of the paper and hold it against the published numbers.

    On the simulated bench each experiment gets fresh dies. Forty minutes on two cores; --quick
    takes five. Exit status 1 if a quantity lies outside its band.

    Example: labctl reproduce --quick --seed 7
    """
    from labctl.reproduce.command import reproduce as carry_out

    carry_out(seed, dies, quick, bench, die, runs, workers, json)


@app.command()
def verify(
    run: Annotated[str, typer.Argument(help="Run name, a unique beginning of it, a path, or last")],
    runs: RUNS = DEFAULT_RUNS,
    json: JSON = False,
) -> None:
    """Check a stored run: checksums, counts, journal against data, result against data.

    Example: labctl verify last
    """
    from labctl.verifying import verify as look_at

    findings = [finding.as_dict() for finding in look_at(find(runs, run))]
    if json:
        print_json(findings)
    else:
        shown = {True: "yes", False: "NO"}
        print_table([{**finding, "ok": shown[finding["ok"]]} for finding in findings])
    if not all(finding["ok"] for finding in findings):
        raise typer.Exit(1)


@app.command()
def note(
    run: Annotated[str, typer.Argument(help="Run name, a unique beginning of it, a path, or last")],
    text: Annotated[str, typer.Argument(help="What is to be remembered")],
    runs: RUNS = DEFAULT_RUNS,
) -> None:
    """Add a remark to a run, also while it is going on.

    Example: labctl note last "probe card cleaned before this run"
    """
    from labctl.provenance import operator

    if not text.strip():
        refuse("an empty remark says nothing")
    find(runs, run).remark(text.strip(), operator())


@app.command()
def safe(bench: BENCH = None) -> None:
    """Take every output of a bench to 0 V and open it; for when a run could not.

    Example: labctl safe --bench mybench.toml
    """
    from labctl.bench import BenchError, make_safe
    from labctl.benchfile import load_setup

    try:
        problems = make_safe(load_setup(bench))
    except (ValueError, OSError) as error:
        refuse(str(error))
    except BenchError as error:
        problems = [str(error)]
    if problems:
        typer.echo(
            "labctl: these may still be energised, lift the probes or switch the instruments off: "
            + "; ".join(problems),
            err=True,
        )
        raise typer.Exit(1)
    typer.echo("all outputs are at 0 V and open")


@bench_app.command("example")
def bench_example(
    name: Annotated[str, typer.Argument(help="simulated or b1500")],
) -> None:
    """Print a complete bench file to start from.

    Example: labctl bench example b1500 > mybench.toml
    """
    from labctl.benchfile import BenchFileError, example_file

    try:
        sys.stdout.write(example_file(name).read_text(encoding="utf-8"))
    except BenchFileError as error:
        refuse(str(error))


@bench_app.command("check")
def bench_check(
    file: Annotated[Path, typer.Argument(help="Bench file")],
) -> None:
    """Check a bench file and its chip file; opens no instrument.

    Example: labctl bench check mybench.toml
    """
    from labctl.benchfile import BenchFileError, load_setup

    try:
        setup = load_setup(file)
    except BenchFileError as error:
        refuse(str(error))
    kind = "simulated" if setup.simulated else f"at {setup.content.mainframe.visa}"
    rows, columns = setup.chip.geometry.rows, setup.chip.geometry.columns
    typer.echo(
        f"{file} is complete: bench {setup.content.bench.name}, {kind}; "
        f"chip {setup.chip.name}, {rows} x {columns} bits"
    )


@app.command()
def gui(
    bench: BENCH = None,
    die: Annotated[str | None, typer.Option("--die", help="The die at the probes.")] = None,
    follow: Annotated[
        str | None,
        typer.Option("--follow", help="Run to show, also one that another program has started."),
    ] = None,
    runs: RUNS = DEFAULT_RUNS,
    dies: DIES = DEFAULT_DIES,
    dark: Annotated[
        bool | None,
        typer.Option("--dark/--light", help="Colours; else as chosen last, or as the system's."),
    ] = None,
) -> None:
    """Open the window: watch runs, look at the array, plan, start and stop.

    Example: labctl gui --follow last
    """
    folder = None if follow is None else find(runs, follow).path
    given = {"bench": bench, "die": die, "runs": runs, "dies": dies}
    defaults = {"bench": None, "die": None, "runs": DEFAULT_RUNS, "dies": DEFAULT_DIES}
    options = {name: str(value) for name, value in given.items() if value != defaults[name]}
    try:
        from gui.app import open_window
        from gui.theme import ThemeChoice
        from gui.window import Asked
    except ImportError as error:
        refuse(
            f"the window misses a system library ({error}); on Debian or Ubuntu: apt install "
            "libxkbcommon0 libegl1 libgl1 libfontconfig1 libglib2.0-0 libdbus-1-3"
        )
    theme = None if dark is None else ThemeChoice.DARK if dark else ThemeChoice.LIGHT
    try:
        status = open_window(Asked(options, folder), theme)
    except OSError as error:
        refuse(str(error))
    raise typer.Exit(status)


@app.command()
def doctor(bench: BENCH = None, json: JSON = False) -> None:
    """Check Python, packages, VISA, the WGFMU library and the bench; say what to do.

    Example: labctl doctor --bench mybench.toml
    """
    from labctl.doctor import examine

    findings = examine(bench)
    if json:
        print_json([finding.as_dict() for finding in findings])
    else:
        shown = {True: "yes", False: "NO"}
        print_table([{**finding.as_dict(), "ok": shown[finding.ok]} for finding in findings])
    if any(not finding.ok for finding in findings):
        raise typer.Exit(1)


def main() -> None:
    """Entry point of the ``labctl`` command."""
    # A Windows console that is not UTF-8 must not turn an ohm sign into a traceback.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        app(prog_name="labctl")
    except BrokenPipeError:
        # The reader of a pipe is gone; there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()
