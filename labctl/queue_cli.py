"""``labctl queue``: several runs from a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labctl.console import (
    BENCH,
    DEFAULT_DIES,
    DEFAULT_RUNS,
    DIES,
    JSON,
    LOG_LEVEL,
    NOTE,
    RUNS,
    TEMPERATURE,
    LogLevel,
    print_json,
    print_table,
    refuse,
)

if TYPE_CHECKING:
    from labctl.plan import Plan
    from labctl.queueing import Job
    from labctl.recipe import QueuedRun


def queue(
    file: Annotated[
        Path, typer.Argument(help="Recipe (TOML), or the name of one that ships: full-die")
    ],
    bench: BENCH = None,
    die: Annotated[
        str | None, typer.Option("--die", help="The die, instead of the recipe's.")
    ] = None,
    runs: RUNS = DEFAULT_RUNS,
    dies: DIES = DEFAULT_DIES,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the queue that was paused, stopped or killed."),
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin anew although one is not finished.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, print all plans, send nothing.")
    ] = False,
    temperature: TEMPERATURE = None,
    note: NOTE = "",
    log_level: LOG_LEVEL = LogLevel.NORMAL,
    json: JSON = False,
) -> None:
    """Run the procedures of a recipe in order, after a check of all of them.

    Example: labctl queue full-die --die lab3-d07 --dry-run
    """
    from labctl.queueing import check, make_job
    from labctl.recipe import load_recipe
    from labctl.runs import Circumstances

    if resume and restart:
        refuse("--resume goes on and --restart begins anew: give one of them")
    try:
        circumstances = Circumstances(temperature, note.strip(), str(log_level))
        job = make_job(load_recipe(file), bench, die, runs, dies, circumstances)
        if dry_run:
            _print_plans(job, check(job), json)
            return
        if not resume and not restart:
            _refuse_a_second(job)
        content = _carry_out(job, resume, json)
    except (ValueError, OSError) as error:
        refuse(str(error))
    _print_state(job, content, json)


def _carry_out(job: Job, goes_on: bool, json: bool) -> dict[str, Any]:
    from labctl.observing import StopRequest, stop_on_signals
    from labctl.options import terminal_observer
    from labctl.queueing import carry_out

    stop = StopRequest()
    with stop_on_signals(stop), terminal_observer(quiet=json) as observer:
        return carry_out(job, goes_on, observer, stop)


def _refuse_a_second(job: Job) -> None:
    """A queue that did not end is gone on with, or given up, but only if somebody says which."""
    from labctl.queueing import SUCCESS, read_state

    state = read_state(job.state_file)
    if state is not None and state["status"] != SUCCESS:
        refuse(
            f"queue {job.name!r}, begun {state['began']}, is not finished ({state['status']}): "
            "--resume goes on with it, --restart begins anew"
        )


def _print_plans(job: Job, plans: list[tuple[QueuedRun, Plan]], json: bool) -> None:
    from labctl.report.text import duration

    total_s = sum(plan.bench_time_s for _, plan in plans)
    kinds = sorted({kind for _, plan in plans for kind in plan.pulses_per_device})
    if json:
        print_json(
            {
                "queue": job.name,
                "die": job.die.name,
                "bench": str(job.setup.file),
                "bench_time_s": total_s,
                "max_cycles_per_device": job.most_cycles,
                "runs": [{"label": queued.label, **plan.as_dict()} for queued, plan in plans],
            }
        )
        return
    print_table(
        [
            {
                "": str(queued.number),
                "run": queued.label,
                "bench time": duration(plan.bench_time_s),
                **{
                    f"{kind} a device": f"{plan.pulses_per_device.get(kind, 0):,}" for kind in kinds
                },
            }
            for queued, plan in plans
        ]
    )
    budget = "none" if job.most_cycles is None else f"{job.most_cycles:,} cycles a device"
    typer.echo(
        f"{len(plans)} runs on die {job.die.name}, bench time about {duration(total_s)}; "
        f"wear budget: {budget}; nothing was sent"
    )


def _print_state(job: Job, content: dict[str, Any], json: bool) -> None:
    """Every run and how the queue ended; exit status 1 unless all is done."""
    from labctl.queueing import SUCCESS

    if json:
        print_json(content)
    else:
        shown = ["number", "label", "status", "run"]
        if any(one["reason"] for one in content["runs"]):
            shown.append("reason")
        print_table([{key: one[key] or "" for key in shown} for one in content["runs"]])
    if content["status"] != SUCCESS:
        typer.echo(
            f"labctl: the queue {content['status']}: {content['reason']}; "
            "the same command with --resume goes on",
            err=True,
        )
        raise typer.Exit(1)
