"""The options of a run that every procedure has: bench, die, folders, remarks, budget."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

from pymeasure.experiment import FloatParameter, Parameter
from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QGridLayout, QGroupBox, QToolButton, QVBoxLayout, QWidget

from gui.inputs import Field, named_field
from labctl.console import DEFAULT_DIES, DEFAULT_RUNS, LogLevel
from procedures.parameters import (
    ChoiceParameter,
    CountParameter,
    CyclesParameter,
    FileParameter,
)

FROM_ENVIRONMENT = {
    "bench": "LABCTL_BENCH",
    "runs": "LABCTL_RUNS",
    "dies": "LABCTL_DIES",
    "log_level": "LABCTL_LOG",
}
"""Option to the variable that the command line takes it from when it is not given."""

_DEFAULTS = {
    "bench": "the simulated bench",
    "die": "a fresh simulated die",
    "note": "none",
    "temperature": "not known",
    "max_cycles_per_device": "the chip file's",
    "seed": "one that nobody has used",
    "runs": str(DEFAULT_RUNS),
    "dies": str(DEFAULT_DIES),
}
"""What an option means when it is left blank, in words."""

_ALWAYS_SHOWN = ("bench", "die", "note")
_FOLDERS = ("runs", "dies")
_MOST_CYCLES = 10**12
"""More than any device lives through."""


class CelsiusParameter(FloatParameter):
    """A temperature in degC, typed without its unit as on the command line."""

    @property
    def allowed(self) -> str:
        """The range."""
        return f"{self.minimum:g} to {self.maximum:g} °C"

    def convert(self, value: Any) -> float:
        """Float of text or number; ValueError with one clear sentence."""
        try:
            celsius = float(value)
        except ValueError:
            celsius = math.nan
        if not self.minimum <= celsius <= self.maximum:
            raise ValueError(f"{self.name} {value} is not allowed: a number, {self.allowed}")
        return celsius


class RunOptions(QWidget):
    """A field for each option; what is left blank is not given on the command line."""

    changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("run_options")
        self._from_environment = {
            name: os.environ[variable]
            for name, variable in FROM_ENVIRONMENT.items()
            if os.environ.get(variable)
        }
        self.fields = {
            name: Field(name, parameter, _DEFAULTS.get(name, ""), name in _FOLDERS, self)
            for name, parameter in _parameters().items()
        }
        box = QGroupBox("Options of the run")
        grid = _grid(box)
        self._more = QWidget()
        more_grid = _grid(self._more)
        for name, field in self.fields.items():
            field.add_to(grid if name in _ALWAYS_SHOWN else more_grid)
            field.changed.connect(self.changed)
        self.more = QToolButton()
        self.more.setObjectName("more_options")
        self.more.setText("&More options")
        self.more.setToolTip("Temperature, wear budget, seed, folders, log")
        self.more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.more.setAutoRaise(True)
        self.more.setCheckable(True)
        self.more.toggled.connect(self._show_more)
        self._show_more(False)
        for name, given in self._from_environment.items():
            self.fields[name].show_default(given)
            self.fields[name].fill(given)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        for part in (box, self.more, self._more):
            column.addWidget(part)

    def options(self) -> dict[str, str]:
        """What differs from the defaults, as the command line takes it.

        What the environment gives is in it, so that the line means the same in another shell.
        """
        given = {
            name: field.typed or self._from_environment.get(name, "")
            for name, field in self.fields.items()
        }
        return {name: self._plain(name, text) for name, text in given.items() if text}

    def _plain(self, name: str, text: str) -> str:
        """The text; a power of ten, which this option does not take, written out."""
        field = self.fields[name]
        cycles = isinstance(field.parameter, CyclesParameter) and not field.wrong
        return str(field.parameter.convert(text)) if cycles else text

    def problems(self) -> dict[str, str]:
        """Option to what is wrong with it."""
        return {name: field.wrong for name, field in self.fields.items() if field.wrong}

    def show_problem(self, sentence: str, option: str = "") -> None:
        """Show what a plan, or the command, says of an option beside its field.

        Without ``option`` it is the one that the sentence names, if any.
        """
        named = option or named_field(sentence, self.fields)
        for name, field in self.fields.items():
            field.show_planned_problem(sentence if name == named else "")
        if sentence and named is not None and named not in _ALWAYS_SHOWN:
            self.more.setChecked(True)

    @property
    def is_marked(self) -> bool:
        """Whether something is wrong beside one of the fields."""
        return any(field.told for field in self.fields.values())

    def fill(self, options: Mapping[str, str]) -> None:
        """Put options into their fields and leave the others as they are."""
        for name, text in options.items():
            self.fields[name].fill(text)
        if any(name not in _ALWAYS_SHOWN for name in options):
            self.more.setChecked(True)

    def _show_more(self, shown: bool) -> None:
        self._more.setVisible(shown)
        self.more.setArrowType(Qt.ArrowType.DownArrow if shown else Qt.ArrowType.RightArrow)


def _grid(widget: QWidget) -> QGridLayout:
    grid = QGridLayout(widget)
    grid.setColumnStretch(1, 1)
    grid.setContentsMargins(6, 4, 6, 4)
    grid.setVerticalSpacing(3)
    return grid


def _parameters() -> dict[str, Parameter]:
    """The options of ``labctl run`` that the window offers, in the order of the form."""
    return {
        "bench": FileParameter("Bench file", description="what is measured on"),
        "die": Parameter(
            "Die",
            description="name under which the pulses are booked; a named simulated die keeps its "
            "state between runs",
        ),
        "note": Parameter("Note", description="what is to be remembered of this run"),
        "temperature": CelsiusParameter(
            "Temperature",
            minimum=-273.15,
            maximum=400.0,
            description="temperature of the die, for the record; nothing is set by it",
        ),
        "max_cycles_per_device": CyclesParameter(
            "Most cycles",
            minimum=1,
            maximum=_MOST_CYCLES,
            description="wear budget: no device gets more SETs, or RESETs, over all runs; the chip "
            "file may have a tighter one",
        ),
        "seed": CountParameter(
            "Seed",
            minimum=0,
            maximum=2**63 - 1,
            description="makes a new simulated die repeatable",
        ),
        "runs": FileParameter("Runs folder", description="holds the runs"),
        "dies": FileParameter("Dies folder", description="holds simulated dies"),
        "log_level": ChoiceParameter(
            "Log",
            choices=[level.value for level in LogLevel],
            default=LogLevel.NORMAL.value,
            description="how much goes into the run's log.txt",
        ),
    }
