"""Asks what a run would do while the form is being filled: in a thread, the last question wins."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from labctl.bench import die_file
from labctl.benchfile import BenchSetup, load_setup
from labctl.plan import Plan, drawn_schemes, make_plan
from labctl.store.ledger import LEDGER, Ledger, LedgerError
from labctl.wear_guard import WearGuard, tighter
from procedures import load_procedure
from procedures.base import BenchProcedure, in_declared_order
from procedures.parameters import typed_quantity

DEBOUNCE_MS = 200
"""A question waits so long for the next key."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Question:
    """A run that is not begun: parameters as typed, where, and on which die.

    ``bench`` None is the simulated bench, ``die`` None a fresh simulated die.
    """

    procedure: str
    typed: Mapping[str, str]
    bench: Path | None = None
    die: str | None = None
    runs: Path = Path("runs")
    max_cycles_per_device: int | None = None
    bench_only: bool = False
    """Which bench it is, and no plan: something that was typed is wrong."""


def question_of(
    procedure: str, typed: Mapping[str, str], options: Mapping[str, str], bench_only: bool = False
) -> Question:
    """The question that a form and run options ask; the options have no problem."""
    bench, budget = options.get("bench"), options.get("max_cycles_per_device")
    return Question(
        procedure,
        dict(typed),
        Path(bench) if bench else None,
        options.get("die"),
        Path(options.get("runs", "runs")),
        int(budget) if budget else None,
        bench_only,
    )


@dataclass(frozen=True)
class ChipFacts:
    """What the form needs of the chip file."""

    shape: tuple[int, int]
    """Rows and columns of bits."""
    defaults: Mapping[str, str]
    """Parameter to its value in the chip file, as it may be typed."""


@dataclass(frozen=True)
class DrawnScheme:
    """A pulse scheme's waveforms: pad to points (n, 2) of seconds and volts."""

    name: str
    points: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class PlanResult:
    """The answer: a plan, or a sentence why there is none; neither if only the bench was asked for.

    ``chip`` and ``simulated`` are None where the bench file cannot be used.
    """

    question: Question
    plan: Plan | None = None
    problem: str = ""
    schemes: tuple[DrawnScheme, ...] = ()
    chip: ChipFacts | None = None
    simulated: bool | None = None
    bench: str = ""
    """Name of the bench."""
    most_cycles: int | None = None
    """Wear budget of a device: the tighter one of option and chip file; None without one."""
    option: str = ""
    """Run option that the problem is about; empty if it is about none."""

    @property
    def changes_devices(self) -> bool:
        """Whether the procedure sends pulses to devices."""
        return bool(load_procedure(self.question.procedure).changes_devices)


class _OptionError(ValueError):
    """A run option stands in the way."""

    def __init__(self, option: str, sentence: str) -> None:
        super().__init__(sentence)
        self.option = option


@contextmanager
def _about(option: str) -> Iterator[None]:
    """What is refused meanwhile is about this run option."""
    try:
        yield
    except ValueError as error:
        raise _OptionError(option, str(error)) from error


def answer(question: Question) -> PlanResult:
    """Work a question out; opens files, touches no device."""
    try:
        setup = load_setup(question.bench)
    except (ValueError, OSError) as error:
        return PlanResult(question, problem=str(error), option="bench")
    found = PlanResult(
        question,
        chip=_chip_facts(load_procedure(question.procedure), setup),
        simulated=setup.simulated,
        bench=setup.content.bench.name,
        most_cycles=tighter(question.max_cycles_per_device, setup.chip.wear.max_cycles_per_device),
    )
    if question.bench_only:
        return found
    try:
        procedure = load_procedure(question.procedure)()
        procedure.set_parameters(dict(question.typed))
        plan = make_plan(question.procedure, procedure, setup, question.die, question.runs)
        _refuse(question, procedure, setup, found.most_cycles)
        return replace(found, plan=plan, schemes=_distinct(procedure))
    except _OptionError as error:
        return replace(found, problem=str(error), option=error.option)
    except LedgerError as error:
        return replace(found, problem=str(error), option="runs")
    except (ValueError, OSError) as error:
        return replace(found, problem=str(error))


class Planner(QObject):
    """Answers the last question some time after it was asked; earlier ones are dropped."""

    planned = pyqtSignal(object)
    """A `PlanResult`, in the interface thread."""

    _answered = pyqtSignal(int, object)

    def __init__(self, parent: QObject | None = None, debounce_ms: int = DEBOUNCE_MS) -> None:
        super().__init__(parent)
        self._number = 0
        self._asked: Question | None = None
        self._told = 0
        self._again = False
        self._waiting: tuple[int, Question] | None = None
        self._ends = False
        self._changed = threading.Condition()
        self._answered.connect(self._take)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(debounce_ms)
        self._timer.timeout.connect(self._hand_over)
        self._thread = threading.Thread(target=self._work, name="planner", daemon=True)
        self._thread.start()

    def ask(self, question: Question) -> None:
        """Ask; an answer to anything asked before is not told any more."""
        self._number += 1
        self._asked, self._again = question, False
        self._timer.start()

    def ask_again(self) -> None:
        """Ask the last question anew, after its answer if that is still to come."""
        self._again = self._told < self._number
        if self._asked is not None and not self._again:
            self.ask(self._asked)

    def end(self) -> None:
        """End the thread; waits for nothing."""
        self._timer.stop()
        with self._changed:
            self._ends = True
            self._changed.notify()

    def _hand_over(self) -> None:
        if self._asked is not None:
            with self._changed:
                self._waiting = (self._number, self._asked)
                self._changed.notify()

    def _work(self) -> None:
        """The thread."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ends or self._waiting is not None)
                if self._ends or self._waiting is None:
                    return
                number, question = self._waiting
                self._waiting = None
            result = _answer_whatever(question)
            try:
                self._answered.emit(number, result)
            except RuntimeError:
                # The window was closed meanwhile: nobody is left to tell.
                return

    def _take(self, number: int, result: PlanResult) -> None:
        if number != self._number:
            return
        self._told = number
        self.planned.emit(result)
        if self._again:
            self.ask_again()


def _answer_whatever(question: Question) -> PlanResult:
    """The answer; also where a procedure fails in a way that nobody thought of."""
    try:
        return answer(question)
    except Exception as error:
        _log.exception("%s could not be planned", question)
        return PlanResult(question, problem=f"no plan: {type(error).__name__}: {error}")


def _chip_facts(kind: type[BenchProcedure], setup: BenchSetup) -> ChipFacts:
    defaults = {
        name: typed_quantity(float(getattr(setup.chip, parameter.from_chip)), parameter.units)
        for name, parameter in in_declared_order(kind).items()
        if getattr(parameter, "from_chip", None)
    }
    geometry = setup.chip.geometry
    return ChipFacts((geometry.rows, geometry.columns), defaults)


def _refuse(
    question: Question, procedure: BenchProcedure, setup: BenchSetup, most: int | None
) -> None:
    """What a run refuses beside its parameters: the die's name, its budget of ``most`` cycles.

    Raises ValueError, `LedgerError`.
    """
    die = question.die
    with _about("die"):
        if die is not None and setup.simulated:
            die_file(Path(), die)
        if die is None and not setup.simulated and procedure.changes_devices:
            raise ValueError("a real die needs a name to book its pulses under: add --die NAME")
    guard = _guard(question, procedure, most)
    # A budget of the chip file is no matter of the option.
    by_option = most == question.max_cycles_per_device
    with _about("max_cycles_per_device") if by_option else nullcontext():
        guard.admit(procedure)


def _guard(question: Question, procedure: BenchProcedure, most: int | None) -> WearGuard:
    """By what the ledger holds of the die, if there is one. Raises ValueError, LedgerError."""
    if question.die is None or not (question.runs / LEDGER).is_file():
        return WearGuard(procedure.shape, most_cycles=most)
    with Ledger(question.runs / LEDGER) as ledger, _about("die"):
        return WearGuard.of_die(ledger, question.die, procedure.shape, most)


def _distinct(procedure: BenchProcedure) -> tuple[DrawnScheme, ...]:
    """The run's schemes, each waveform once; those of one name are numbered."""
    found: dict[tuple[str, bytes], Mapping[str, NDArray[np.float64]]] = {}
    for name, points in drawn_schemes(procedure):
        found.setdefault((name, b"".join(points[pad].tobytes() for pad in sorted(points))), points)
    names = [name for name, _ in found]
    schemes, seen = [], dict.fromkeys(names, 0)
    for name, points in zip(names, found.values(), strict=True):
        seen[name] += 1
        alike = names.count(name)
        shown = name if alike == 1 else f"{name}, {seen[name]} of {alike}"
        schemes.append(DrawnScheme(shown, points))
    return tuple(schemes)
