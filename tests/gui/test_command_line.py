"""The line that is copied means what the form says."""

from __future__ import annotations

import doctest
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pytestqt.qtbot import QtBot

from gui import command_line
from gui.command_line import arguments, resume_arguments, text
from gui.form import ProcedureForm
from gui.presets import Presets
from gui.run_options import RunOptions
from labctl import options as command_options
from labctl.runs import RunRequest
from procedures import load_procedure

FORMS: list[tuple[str, dict[str, str]]] = [
    ("checkerboard", {"programmings": "12", "set_compliance": "55.5uA", "order": "blocks"}),
    ("endurance", {"cycles": "3e6", "pair_row": "3", "pair_column": "7", "stop_at_ber": "1e-3"}),
    ("conditions", {"set_compliances": "28uA, 200uA", "pulse_widths": "1us,100 ns"}),
    ("program", {"pattern": 'my patterns/it\'s $5 & "more".png', "region": "0:8, 4:12"}),
    ("read", {"region": "5,7", "reference": "47.5kohm", "expect": "inverse:walking:3"}),
    ("iv", {"sweep": "set", "delay": "0s", "compliance_table": "-odd name.toml"}),
]
OPTIONS = {
    "bench": "my bench.toml",
    "die": "lot7-w3",
    "note": "--after \"cleaning\" 100 % of O'Brien's card",
    "temperature": "-40.5",
    "max_cycles_per_device": "1e9",
    "seed": str(2**63 - 1),
    "runs": "data/my runs",
    "dies": "-dies",
    "log_level": "debug",
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[RunRequest]:
    """What ``labctl run`` was asked to do, in the place of doing it."""
    requests: list[RunRequest] = []

    def note(request: RunRequest, *_: Any) -> None:
        requests.append(request)
        raise ValueError("not in this test")

    monkeypatch.setattr(command_options, "run", note)
    monkeypatch.setattr("labctl.benchfile.load_setup", lambda bench: bench)
    return requests


def parsed(line: str, asked: list[RunRequest]) -> RunRequest:
    """What a POSIX shell and typer make of a line."""
    labctl, run, procedure, *rest = shlex.split(line)
    assert (labctl, run) == ("labctl", "run")
    ended = CliRunner().invoke(command_options.run_command(procedure), rest)
    assert "not in this test" in ended.output, ended.output
    return asked[-1]


@pytest.mark.parametrize(("procedure", "typed"), FORMS, ids=[name for name, _ in FORMS])
def test_the_copied_line_asks_for_what_the_form_says(
    qtbot: QtBot, tmp_path: Path, asked: list[RunRequest], procedure: str, typed: dict[str, str]
) -> None:
    form, options = ProcedureForm(Presets(tmp_path)), RunOptions()
    qtbot.addWidget(form)
    qtbot.addWidget(options)
    form.choose(procedure)
    form.fill(typed)
    options.fill(OPTIONS)
    assert not form.problems() | options.problems()

    line = text(arguments(procedure, form.typed(), options.options()), windows=False)
    request = parsed(line, asked)

    wanted = load_procedure(procedure)()
    wanted.set_parameters(dict(typed))
    assert request.procedure.parameter_values() == wanted.parameter_values()
    assert request.name == procedure
    assert request.setup == Path("my bench.toml")  # type: ignore[comparison-overlap]
    assert (request.die.name, request.die.seed) == ("lot7-w3", 2**63 - 1)
    assert (request.runs, request.die.folder) == (Path("data/my runs"), Path("-dies"))
    assert request.max_cycles_per_device == 10**9
    assert request.circumstances.temperature_c == -40.5
    assert request.circumstances.note == OPTIONS["note"]
    assert request.circumstances.log_level == "debug"


def test_a_form_left_alone_gives_the_shortest_line(qtbot: QtBot, tmp_path: Path) -> None:
    form, options = ProcedureForm(Presets(tmp_path)), RunOptions()
    qtbot.addWidget(form)
    qtbot.addWidget(options)
    form.choose("retention")
    assert text(arguments("retention", form.typed(), options.options())) == "labctl run retention"


def test_the_environment_stands_in_the_line(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, asked: list[RunRequest]
) -> None:
    """In another shell it would be another bench."""
    monkeypatch.setenv("LABCTL_BENCH", "real bench.toml")
    monkeypatch.setenv("LABCTL_LOG", "quiet")
    options = RunOptions()
    qtbot.addWidget(options)
    options.fill({"bench": ""})
    assert options.options() == {"bench": "real bench.toml", "log_level": "quiet"}
    line = text(arguments("read", {}, options.options()), windows=False)
    monkeypatch.delenv("LABCTL_BENCH")
    monkeypatch.delenv("LABCTL_LOG")
    request = parsed(line, asked)
    assert request.setup == Path("real bench.toml")  # type: ignore[comparison-overlap]
    assert request.circumstances.log_level == "quiet"


def test_resume_takes_the_options_that_it_has() -> None:
    line = resume_arguments("20261122-102233-endurance", {**OPTIONS, "max_cycles_per_device": "9"})
    assert line == [
        *("resume", "20261122-102233-endurance", "--die", "lot7-w3"),
        *("--max-cycles-per-device", "9", "--log-level", "debug", "--runs", "data/my runs"),
    ]


@pytest.mark.parametrize(
    ("word", "quoted"),
    [
        ("55uA", "55uA"),
        (r"C:\runs", r"C:\runs"),
        ("28uA,55uA", '"28uA,55uA"'),
        ("two words", '"two words"'),
        ("costs $5", "'costs $5'"),
        ("O'Brien's \"card\"", "'O''Brien''s \"card\"'"),
        ("", '""'),
    ],
)
def test_words_are_quoted_for_powershell(word: str, quoted: str) -> None:
    """PowerShell makes two arguments of 28uA,55uA, and puts a variable in the place of $5."""
    assert text([word], windows=True) == f"labctl {quoted}"


def test_examples() -> None:
    assert doctest.testmod(command_line).failed == 0
