"""``labctl run`` and ``labctl plan PROCEDURE``: commands made from a procedure's parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pymeasure.experiment import Parameter

from labctl import console
from labctl.events import EventLines, events_on_stdout
from labctl.observing import Observer, Progress, StopRequest, stop_on_signals
from labctl.report.text import duration
from labctl.runs import Circumstances, RunRequest, run
from procedures import load_procedure
from procedures.base import BenchProcedure, default_text, in_declared_order

if TYPE_CHECKING:
    from labctl.store.folder import RunFolder

_SEED_LIMIT = 2**63 - 1
_PARAMETERS = "Parameters of the procedure"

_RUN_OPTIONS: dict[str, tuple[Any, Any]] = {
    "bench": (console.BENCH, None),
    "die": (
        Annotated[
            str | None,
            typer.Option(
                "--die",
                help="Die that keeps its state between runs; without it (simulated bench) a "
                "fresh one.",
            ),
        ],
        None,
    ),
    "seed": (
        Annotated[
            int | None,
            typer.Option(
                "--seed",
                min=0,
                max=_SEED_LIMIT,
                help="Makes fresh simulated dies repeatable; without it one that nobody has used.",
            ),
        ],
        None,
    ),
    "runs": (console.RUNS, console.DEFAULT_RUNS),
    "dies": (console.DIES, console.DEFAULT_DIES),
    "record": (
        Annotated[
            Path | None,
            typer.Option(
                "--record", help="New file for everything sent to the instruments and read back."
            ),
        ],
        None,
    ),
    "replay": (
        Annotated[
            Path | None,
            typer.Option(
                "--replay",
                help="Recording that stands in for the instruments; the first difference ends "
                "the run.",
            ),
        ],
        None,
    ),
    "max_cycles_per_device": (console.MAX_CYCLES, None),
    "temperature": (console.TEMPERATURE, None),
    "note": (console.NOTE, ""),
    "log_level": (console.LOG_LEVEL, console.LogLevel.NORMAL),
    "json": (console.JSON, False),
    "events": (console.EVENTS, False),
}

_PLAN_OPTIONS: dict[str, tuple[Any, Any]] = {
    "bench": _RUN_OPTIONS["bench"],
    "die": (
        Annotated[
            str | None,
            typer.Option("--die", help="Die whose pulses so far are shown beside the run's."),
        ],
        None,
    ),
    "runs": _RUN_OPTIONS["runs"],
    "png": (
        Annotated[
            Path | None,
            typer.Option(
                "--png", help="Where the pad waveforms are drawn; default plan-PROCEDURE.png."
            ),
        ],
        None,
    ),
    "json": _RUN_OPTIONS["json"],
}


def run_command(name: str) -> Any:
    """The typer command that runs a procedure."""
    return _command(name, _RUN_OPTIONS, _run, load_procedure(name).example)


def plan_command(name: str) -> Any:
    """The typer command that tells what a run would do."""
    example = load_procedure(name).example.replace("labctl run", "labctl plan")
    return _command(name, _PLAN_OPTIONS, _plan, example)


def _command(
    name: str, options: dict[str, tuple[Any, Any]], act: Callable[..., None], example: str
) -> Any:
    """A command whose options are the procedure's parameters and ``options``."""
    kind = load_procedure(name)
    parameters = in_declared_order(kind)
    taken = {**{key: _option(key, p) for key, p in parameters.items()}, **options}

    def command(**given: Any) -> None:
        own = {key: given.pop(key) for key in parameters}
        act(name, kind, {key: text for key, text in own.items() if text is not None}, **given)

    # Typer reads the options from the signature.
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
            )
            for key, (annotation, default) in taken.items()
        ]
    )
    command.__annotations__ = {key: annotation for key, (annotation, _) in taken.items()}
    paragraphs = (inspect.getdoc(kind) or "").split("\n\n")
    command.__doc__ = "\n\n".join(
        [*(" ".join(p.split()) for p in paragraphs), f"Example: {example}"]
    )
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(name)(command)
    return typer.main.get_command(app)


def _option(name: str, parameter: Parameter) -> tuple[Any, Any]:
    """Option of a parameter: taken as text, checked by the parameter itself."""
    allowed = f" {parameter.allowed}." if hasattr(parameter, "allowed") else ""
    default = default_text(parameter)
    about = parameter.description[:1].upper() + parameter.description[1:]
    help_text = f"{about}.{allowed} Default {default}."
    flag = "--" + name.replace("_", "-")
    return Annotated[
        str | None,
        typer.Option(
            flag,
            help=help_text,
            show_default=False,
            metavar="VALUE",
            rich_help_panel=_PARAMETERS,
        ),
    ], None


def _run(
    name: str,
    kind: type[BenchProcedure],
    values: dict[str, str],
    *,
    bench: Path | None,
    die: str | None,
    seed: int | None,
    runs: Path,
    dies: Path,
    record: Path | None,
    replay: Path | None,
    max_cycles_per_device: int | None,
    temperature: float | None,
    note: str,
    log_level: console.LogLevel,
    json: bool,
    events: bool,
) -> None:
    from labctl.bench import DieChoice
    from labctl.benchfile import load_setup

    def begin(observer: Observer, stop: StopRequest) -> RunFolder:
        procedure = kind()
        procedure.set_parameters(values)
        setup = load_setup(bench)
        choice = DieChoice(die, seed, dies)
        request = RunRequest(
            *(name, procedure, setup, choice, runs, record, replay, max_cycles_per_device),
            Circumstances(temperature, note.strip(), str(log_level)),
        )
        return run(request, observer, stop)

    _carry_out(begin, json, events)


def resume_run(
    folder: RunFolder,
    rollback: bool,
    max_cycles_per_device: int | None,
    die: str | None,
    accept_change: bool,
    other_host_is_gone: bool,
    log_level: console.LogLevel,
    json: bool,
    events: bool,
) -> None:
    """Go on with a run, told and ended as ``labctl run`` does."""
    from labctl.resuming import resume

    def begin(observer: Observer, stop: StopRequest) -> RunFolder:
        return resume(
            *(folder, rollback, observer, stop, max_cycles_per_device),
            *(str(log_level), die, accept_change, other_host_is_gone),
        )

    _carry_out(begin, json, events)


def _carry_out(
    begin: Callable[[Observer, StopRequest], RunFolder], json: bool, events: bool
) -> None:
    """A run from its first signal handler to its report; refusals end with status 2."""
    if json and events:
        console.refuse("--events tells at the end what --json prints: give one of them")
    lines = events_on_stdout() if events else None
    try:
        told = nullcontext(lines) if lines is not None else terminal_observer(quiet=json)
        _finish(_begun(begin, told), json, lines)
    finally:
        if lines is not None:
            lines.close()


def _begun(
    begin: Callable[[Observer, StopRequest], RunFolder],
    told: AbstractContextManager[Observer],
) -> RunFolder:
    """The run's folder when it has ended; refused if it could not begin."""
    from labctl.bench import BenchError

    stop = StopRequest()
    try:
        with stop_on_signals(stop), told as observer:
            return begin(observer, stop)
    except (ValueError, OSError) as error:
        console.refuse(str(error))
    except BenchError as error:
        typer.echo(f"labctl: {error}", err=True)
        raise typer.Exit(1) from None


def _plan(
    name: str,
    kind: type[BenchProcedure],
    values: dict[str, str],
    *,
    bench: Path | None,
    die: str | None,
    runs: Path,
    png: Path | None,
    json: bool,
) -> None:
    from labctl.benchfile import load_setup
    from labctl.plan import drawn_schemes, make_plan
    from labctl.report.plan import plan_table
    from labctl.report.waveforms_figure import draw_waveforms

    try:
        procedure = kind()
        procedure.set_parameters(values)
        plan = make_plan(name, procedure, load_setup(bench), die, runs)
        drawn = draw_waveforms(drawn_schemes(procedure))
    except (ValueError, OSError) as error:
        console.refuse(str(error))
    picture = png or Path(f"plan-{name}.png")
    console.write_picture(picture, drawn)
    if json:
        console.print_json({**plan.as_dict(), "waveforms": str(picture)})
        return
    from rich.console import Console

    Console().print(plan_table(plan.as_dict()))
    typer.echo(f"waveforms: {picture}")


def _finish(folder: RunFolder, json: bool, lines: EventLines | None) -> None:
    """Products, report and summary; the exit status tells how the run ended."""
    from labctl.finishing import finish
    from labctl.report import terminal_table

    summary = finish(folder, _warn if lines is None else lines.note)
    if lines is not None:
        lines.ended(folder, summary)
    elif json:
        console.print_json(summary)
    else:
        from rich.console import Console

        Console().print(terminal_table(summary))
        typer.echo(f"report: {summary['report']}")
    if folder.status != "success":
        typer.echo(f"labctl: the run {folder.status}: {folder.record['reason']}", err=True)
        if json and folder.record["notes"]:
            # What state it left; without --json it was told before.
            typer.echo(folder.record["notes"][-1], err=True)
        raise typer.Exit(1)
    if summary.get("verdict") == "bad":
        typer.echo("labctl: the run ended as planned, its verdict is bad", err=True)
        raise typer.Exit(1)


def _warn(sentence: str) -> None:
    """A sentence on standard error."""
    typer.echo(f"labctl: {sentence}", err=True)


def terminal_observer(quiet: bool) -> AbstractContextManager[Observer]:
    """What shows the run on the terminal (standard error); nothing when ``quiet``."""
    return nullcontext(Observer()) if quiet else _TerminalProgress()


class _TerminalProgress(Observer):
    """A progress line with remaining time and bench time."""

    def __init__(self) -> None:
        from rich import progress
        from rich.console import Console

        self._console = Console(stderr=True)
        self._bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(bar_width=24),
            progress.TaskProgressColumn(),
            progress.TextColumn("{task.fields[times]}"),
            console=self._console,
            transient=True,
        )
        self._task = self._bar.add_task("opening the bench", total=1.0, times="")

    def __enter__(self) -> Observer:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def opened(self, folder: RunFolder) -> None:
        """Name the run and, before all, whether the bench is real."""
        name = folder.record["bench"]["name"]
        line = f"run {folder.id} on the {folder.kind} bench {name!r}, in {folder.path}"
        self._console.print(line, soft_wrap=True)

    def progress(self, progress: Progress) -> None:
        """Move the bar."""
        remaining = (
            "" if progress.remaining_s is None else f"{duration(progress.remaining_s)} left, "
        )
        self._bar.update(
            self._task,
            completed=progress.fraction,
            description=progress.label,
            times=f"{remaining}bench time {duration(progress.bench_s)}",
        )

    def note(self, sentence: str) -> None:
        """Print it above the bar."""
        self._console.print(sentence, soft_wrap=True)
