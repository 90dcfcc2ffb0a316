"""The main window: its parts wired to each other. What they do is in their own modules."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtGui import QCloseEvent, QGuiApplication
from PyQt6.QtWidgets import QApplication, QMainWindow

from gui import command_line
from gui.banner import Origin, no_bench, origin_of_bench, origin_of_run, told_origins
from gui.browser import RESUMABLE
from gui.closing import ClosingQuestion, Leaving
from gui.contract import Cell
from gui.controls import Resumable, RunState
from gui.panels import chosen_tabs, restore_splitters, restore_tabs, splitter_states
from gui.parts import Parts
from gui.pending import Line
from gui.planner import Planner, PlanResult, Question, question_of
from gui.presets import Presets
from gui.registry import VIEWS
from gui.resuming import Resuming
from gui.run_list import RunLine, RunList
from gui.run_status import RunStatus
from gui.running import Running
from gui.selection import Selection
from gui.settings import Settings, packed, unpacked, write_settings
from gui.shown_runs import ShownRuns
from gui.stopping import asked_of, is_asked_for, level_of, named
from gui.tasks import Tasks
from gui.theme import Mark, ThemeChoice, apply, chosen_theme
from labctl.console import DEFAULT_RUNS
from labctl.observing import Stop
from labctl.provenance import operator
from labctl.store.folder import FINAL, RunFolder
from procedures import PROCEDURES, load_procedure

REFRESH_MS = 25
"""Between two looks at what the followers have ready: thirty a second, with some to spare."""

REFUSED = 2
"""Exit status of a command that was not begun; nothing was applied."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """What ``labctl gui`` was given."""

    options: Mapping[str, str]
    """Run options by name, as the command line takes them."""
    follow: Path | None = None
    """Folder of the run to show first."""


class MainWindow(QMainWindow):
    """Begins one run at a time and shows any number of runs."""

    def __init__(self, asked: Asked, settings: Settings, settings_file: Path) -> None:
        super().__init__()
        self.setObjectName("window")
        self.setWindowTitle("labctl")
        self._settings_file = settings_file
        self._theme = settings.theme
        self._root: Path | None = None
        self._lines: dict[str, RunLine] = {}
        self._paths: dict[str, Path] = {}
        self._bench = no_bench("the bench file is being read")
        self._own_origin: Origin | None = None
        self._result: PlanResult | None = None
        self._die_read: tuple[Path, str, int | None] | None = None
        self._wear_is_old = False
        self._begun: Question | None = None
        self._resuming: Resuming | None = None
        self._refusal: tuple[str, str] | None = None
        self._asked: dict[str, Stop] = {}
        self._own_run = ""
        self._earlier_end: tuple[str, str, float] | None = None
        self._fitted = ""
        self._leaving = Leaving.STAY
        # Before the parts are made: restyling all of them takes longer than making them.
        self._apply_theme()
        self.tasks = Tasks(self)
        self.running = Running(self.tasks, self)
        self.planner = Planner(self)
        self.selection = Selection(self)
        self.parts = Parts(self.selection, Presets(parent=self))
        self.setCentralWidget(self.parts)
        self.shown = ShownRuns(VIEWS, self.parts.views)
        self.runs: RunList | None = None
        self._connect()
        self._restore(settings)
        self.parts.options.fill(asked.options)
        self._form_changed()
        self._list_runs(Path(self.parts.options.options().get("runs", DEFAULT_RUNS)))
        if asked.follow is not None:
            self.look_at(asked.follow.name, asked.follow)
        self._timer = QTimer(self)
        self._timer.setInterval(REFRESH_MS)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.refresh)
        self._timer.start()

    def _connect(self) -> None:
        parts, controls = self.parts, self.parts.controls
        parts.form.changed.connect(self._form_changed)
        parts.options.changed.connect(self._form_changed)
        self.planner.planned.connect(self._planned)
        controls.start.connect(self._start)
        controls.queue.connect(self._queue)
        controls.copy.connect(self._copy)
        controls.pause.connect(lambda: self._stop(Stop.AFTER_STEP))
        controls.stop.connect(lambda: self._stop(Stop.WITHIN_STEP))
        controls.emergency.connect(lambda: self._stop(Stop.EMERGENCY))
        controls.resume.connect(self._resume)
        self.parts.queue.queue.due.connect(self._begin_line)
        self.running.opened.connect(self._opened)
        self.running.noted.connect(self._noted)
        self.running.refused.connect(self._refused)
        self.running.ended.connect(self._ended)
        self.running.not_stopped.connect(self.tell_problem)
        parts.browser.followed.connect(lambda line: self.look_at(line.run, line.path))
        parts.browser.ticked.connect(lambda _: self._show_runs())
        parts.browser.chosen_changed.connect(self._offer_resume)
        parts.browser.noted.connect(self._add_note)
        parts.map.apply_to.connect(self._apply_to)
        self.selection.changed.connect(self._select)
        parts.die.run_wanted.connect(self._look_at_line)
        parts.menu.theme_chosen.connect(self.choose_theme)
        hints = QGuiApplication.styleHints()
        assert hints is not None
        hints.colorSchemeChanged.connect(lambda _: self.choose_theme(self._theme))

    # --- what is asked ---------------------------------------------------------------------------

    def _form_changed(self) -> None:
        """Ask for a plan, or for the bench alone while something typed is wrong."""
        form, options = self.parts.form, self.parts.options
        self.parts.controls.set_procedure(form.procedure)
        if not self.shown.front:
            self._fit_plots(form.procedure, form.procedure)
        marked = self.parts.mark_pages()
        wrong = options.problems()
        if form.problems() or wrong:
            # The bench is known all the same: the banner tells it.
            right = {name: text for name, text in options.options().items() if name not in wrong}
            self.planner.ask(question_of(form.procedure, {}, right, bench_only=True))
            self.parts.plan.show_result(None, marked)
            return
        self.parts.plan.show_planning()
        self.planner.ask(question_of(form.procedure, form.typed(), options.options()))

    def _planned(self, result: PlanResult) -> None:
        self.parts.plan.show_result(result, self._show_problem(result))
        self.parts.controls.set_plan(result)
        self._bench = (
            no_bench(result.problem)
            if result.simulated is None
            else origin_of_bench(result.simulated, result.bench)
        )
        self._result = result
        self._show_origins()
        self._list_runs(result.question.runs)
        self._read_die()

    def _show_problem(self, result: PlanResult) -> str:
        """Beside the field that it is about; the pages on which something is wrong, in words."""
        form, options = self.parts.form, self.parts.options
        form.show_result(result)
        shown = form.is_marked and not result.option
        options.show_problem("" if shown else result.problem, result.option)
        return self.parts.mark_pages()

    def _read_die(self) -> None:
        """Have the die of the form read, else that of the run in front, if it is another one."""
        if self._result is None:
            return
        question, status = self._result.question, self.shown.status
        runs, die = question.runs, question.die or ""
        if not die and status is not None and status.die:
            runs, die = self._paths[self.shown.front].parent, status.die
        asked = runs, die, self._result.most_cycles
        if asked != self._die_read:
            self._die_read = asked
            self.parts.die.look(*asked)

    def _ledger_changed(self) -> None:
        """Plan and die tell of its wear; while a run goes on it changes all the time."""
        self._wear_is_old = True
        self._look_at_wear(self.state)

    def _look_at_wear(self, state: RunState) -> None:
        if self._wear_is_old and state is RunState.IDLE:
            self._wear_is_old = False
            self.planner.ask_again()
            self.parts.die.read_again()

    def _apply_to(self, cells: frozenset[Cell]) -> None:
        self.tell_problem(self.parts.form.apply_to(cells) or "")

    def _arguments(self) -> list[str]:
        form, options = self.parts.form, self.parts.options
        return command_line.arguments(form.procedure, form.typed(), options.options())

    def _copy(self) -> None:
        line = command_line.text(self._arguments())
        clipboard = QGuiApplication.clipboard()
        assert clipboard is not None
        clipboard.setText(line)
        self.parts.notice.tell(f"Copied: {line}")

    # --- the run of this window ------------------------------------------------------------------

    def _start(self) -> None:
        form, options = self.parts.form, self.parts.options
        question = question_of(form.procedure, form.typed(), options.options())
        self._begin(self._arguments(), begun=question)

    def _queue(self) -> None:
        self.parts.queue.queue.add(self.parts.form.procedure, self._arguments())
        self.parts.lower_tabs.setCurrentWidget(self.parts.queue)

    def _begin_line(self, line: Line) -> None:
        self._begin(line.arguments)

    def _resume(self) -> None:
        line = self.parts.browser.chosen
        if line is not None:
            self._go_on(Resuming(line, self.parts.options.options()))

    def _go_on(self, resuming: Resuming) -> None:
        self._begin(resuming.arguments, resuming=resuming)

    def _begin(
        self,
        arguments: Sequence[str],
        begun: Question | None = None,
        resuming: Resuming | None = None,
    ) -> None:
        """``begun``: what the form asked for; ``resuming``: how it goes on with a run."""
        self._begun, self._resuming, self._refusal = begun, resuming, None
        self.parts.notice.tell("")
        self._asked.pop("", None)
        self._own_run, self._own_origin = "", None
        self.running.begin(arguments)
        self.show_state()

    def _opened(self, path: Path) -> None:
        self._own_run, self._earlier_end = path.name, self._end_of(path.name)
        # What was asked of it before it goes on again is not asked of it now.
        self._asked[path.name] = self._asked.pop("", Stop.NOT)
        if self._asked[path.name]:
            # Asked for while there was no folder yet to ask in.
            self.running.stop(path, self._asked[path.name])
        self.look_at(path.name, path)
        if self.runs is not None:
            self.runs.refresh()
        self.show_state()

    def _ended(self, status: int, sentence: str) -> None:
        if self._leaving is Leaving.STOP:
            self.close()
            return
        begun, self._begun = self._begun, None
        if status == REFUSED and begun is not None:
            # Beside the field, if the sentence names one.
            self._show_problem(PlanResult(begun, problem=sentence))
        self._asked.pop(self._own_run, None)
        told = named(sentence, self._own_run)
        if status and not told:
            told = f"labctl ended with status {status}."
        asked_for = is_asked_for(sentence)
        if asked_for:
            self.parts.notice.tell(f"{told.rstrip('.')}. Resume goes on with it.")
        elif status:
            self.tell_problem(told)
        else:
            self.parts.notice.tell("")
        if self.runs is not None:
            self.runs.refresh()
        # A command that was refused before its run was there has sent nothing.
        self._wear_is_old = self._wear_is_old or bool(self._own_run)
        self.show_state()
        self._ask_about_refusal()
        self.parts.queue.queue.ran(status == 0, told, asked_for)

    def _refused(self, option: str, reason: str) -> None:
        self._refusal = option, reason

    def _ask_about_refusal(self) -> None:
        """A person may know better than the command why a run could go on."""
        resuming, refusal = self._resuming, self._refusal
        if resuming is None or refusal is None:
            return
        option, reason = refusal
        self.parts.notice.tell("")
        self.parts.controls.ask_to_go_on(
            resuming.question(option, reason),
            load_procedure(resuming.line.procedure).changes_devices,
            lambda: self._go_on(resuming.saying(option)),
        )

    def _noted(self, sentence: str) -> None:
        """What the run of this window tells; how it stops is told in the window's own words."""
        level = level_of(sentence)
        if not level:
            self.parts.notice.tell(sentence)
        elif level > self._asked.get(self._own_run, Stop.NOT):
            # Somebody else has asked.
            self.parts.notice.tell(asked_of((self._own_run,), level))

    def _stop(self, level: Stop) -> None:
        """The emergency stop is for all runs that go on, the others for the first of them."""
        going_on = self._going_on()
        if level is Stop.EMERGENCY:
            # Also where it seems to have ended: its record on the disk knows for sure.
            going_on |= self._own()
        if not going_on:
            which = "The run in front is not" if self.shown.front else "No run is in front or"
            self.parts.notice.tell(f"{which} going on: there is nothing to stop.")
            return
        meant = list(going_on) if level is Stop.EMERGENCY else list(going_on)[:1]
        self._ask_to_stop({run: going_on[run] for run in meant}, level)

    def _ask_to_stop(self, runs: Mapping[str, Path | None], level: Stop) -> None:
        """Name to folder; one that has no folder yet is asked when it has."""
        for run, path in runs.items():
            self._asked[run] = max(level, self._asked.get(run, Stop.NOT))
            if path is not None:
                self.running.stop(path, level)
        self.parts.notice.tell(asked_of(runs, level))
        self.show_state()

    def _going_on(self) -> dict[str, Path | None]:
        """Runs that can be stopped, the one in front first: name to folder.

        The run of this window has neither while it is starting: then "" and None.
        """
        front = self._going_on_in_front()
        found: dict[str, Path | None] = {} if front is None else {front.name: front}
        return found if self._is_ending() else found | self._own()

    def _own(self) -> dict[str, Path | None]:
        """The run of this window, as in `_going_on`; empty without one."""
        if not self.running.active:
            return {}
        path = self.running.path
        return {"" if path is None else path.name: path}

    def _going_on_in_front(self) -> Path | None:
        """Folder of the run in front if it goes on, whoever began it."""
        status = self.shown.status
        going_on = status is not None and status.status == "running"
        return self._paths[self.shown.front] if going_on else None

    def _is_ending(self) -> bool:
        """Whether the run of this window has ended and its process still writes the report.

        A run that goes on again is shown as it had ended until its folder is looked at.
        """
        path = self.running.path
        end = self._end_of(path.name) if path is not None else None
        return end is not None and end != self._earlier_end

    def _end_of(self, run: str) -> tuple[str, str, float] | None:
        """How a shown run has ended, and after how many seconds; None if it has not."""
        status = self.shown.status_of(run)
        if status is None or status.status not in FINAL:
            return None
        return status.status, status.reason, status.elapsed_s

    @property
    def state(self) -> RunState:
        """Where the run stands that Pause and Stop mean: the one in front if it goes on."""
        going_on = self._going_on()
        if not going_on:
            return RunState.ENDING if self.running.active else RunState.IDLE
        meant = next(iter(going_on))
        if self._asked.get(meant):
            return RunState.STOPPING
        return RunState.RUNNING if meant else RunState.STARTING

    def show_state(self) -> None:
        """Have buttons, queue and banner follow the run."""
        state = self.state
        self.parts.controls.set_state(state)
        self.parts.controls.set_going_on(tuple(self._going_on()))
        self.parts.queue.set_idle(state is RunState.IDLE)
        self._show_origins()
        self._look_at_wear(state)

    # --- the runs that are shown -----------------------------------------------------------------

    def look_at(self, run: str, path: Path) -> None:
        """Show a run in front."""
        if run != self.shown.front:
            self._paths[run] = path
            self.parts.log.clear()
            self.parts.progress.clear()
            self.parts.browser.bring_to_front(run)
            self._show_runs(run)
        self.parts.browser.choose(run)

    def _look_at_line(self, run: str) -> None:
        line = self._lines.get(run)
        if line is None:
            self.tell_problem(f"Run {run} is not in the folder of runs {self._root}.")
        else:
            self.look_at(run, line.path)

    def _show_runs(self, front: str = "") -> None:
        front = front or self.shown.front
        ticked = self.parts.browser.runs.ticked & self._lines.keys()
        overlaid = {run: self._lines[run].path for run in sorted(ticked)}
        self.shown.show((front, self._paths[front]) if front else None, overlaid)

    def refresh(self) -> None:
        """Draw what the followers have ready; reads nothing."""
        status = self.shown.refresh()
        if status is not None:
            self._show_status(status)

    def _show_status(self, status: RunStatus) -> None:
        self.parts.progress.show_status(status)
        self.parts.log.append(status.log)
        if status.procedure:
            self._fit_plots(status.run, status.procedure)
            self._read_die()
        if status.status in FINAL and status.run != self._own_run:
            # What was asked of a run is not asked of it when it goes on again.
            self._asked.pop(status.run, None)
        if self._is_ending():
            self.parts.notice.tell(f"Run {self._own_run} has ended; its report is being written.")
        self.show_state()

    def _fit_plots(self, shown: str, procedure: str) -> None:
        """Once for each run, or procedure, that is shown: later a person chooses the plot."""
        if shown != self._fitted:
            self._fitted = shown
            self.parts.fit_plots(procedure)

    def _show_origins(self) -> None:
        """Say in the banner where the numbers come from and where pulses go."""
        status, path = self.shown.status, self.running.path
        in_front = path is not None and path.name == self.shown.front
        if in_front and status is not None:
            self._own_origin = origin_of_run(status)
        going_on = self._own_origin if path is not None and not in_front else None
        origins = told_origins(status, self._bench, going_on)
        self.parts.banner.show_origins(*origins)
        self.setWindowTitle(f"{' | '.join(origin.title for origin in origins)} - labctl")

    def _select(self, cells: frozenset[Cell]) -> None:
        for view in self.parts.views.values():
            view.set_selection(cells)

    # --- the list of runs ------------------------------------------------------------------------

    def _list_runs(self, root: Path) -> None:
        """Look at another folder of runs."""
        if root == self._root:
            return
        self._root = root
        if self.runs is not None:
            self.runs.end()
            self.runs.changed.disconnect(self._runs_changed)
            self.runs.ledger_changed.disconnect(self._ledger_changed)
            self.runs.deleteLater()
        self.runs = RunList(root, self)
        self.runs.changed.connect(self._runs_changed)
        self.runs.ledger_changed.connect(self._ledger_changed)
        self.runs.begin()

    def _runs_changed(self, lines: tuple[RunLine, ...]) -> None:
        new = {line.run for line in lines} - self._lines.keys()
        self._lines = {line.run: line for line in lines}
        self.parts.browser.show_lines(lines)
        if new & self.parts.browser.runs.ticked:
            self._show_runs()
        if self.shown.front in new:
            self.parts.browser.choose(self.shown.front)
        self._offer_resume()

    def _offer_resume(self) -> None:
        line = self.parts.browser.chosen
        found = None
        # A run of a procedure that this labctl does not know can only be looked at.
        if line is not None and line.status in RESUMABLE and line.procedure in PROCEDURES:
            found = Resumable(line.run, line.procedure, line.kind, line.bench, line.die or None)
        self.parts.controls.set_resumable(found)

    def _add_note(self, line: RunLine, text: str) -> None:
        def noted(_: None) -> None:
            if self.runs is not None:
                self.runs.refresh()

        self.tasks.run(
            lambda: RunFolder(line.path).remark(text, operator()), noted, self.tell_problem
        )

    # --- the window itself -----------------------------------------------------------------------

    def choose_theme(self, choice: ThemeChoice) -> None:
        """Show everything in another theme."""
        self._theme = choice
        self._apply_theme()
        self.parts.menu.show_choice(choice)

    def _apply_theme(self) -> None:
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        apply(application, chosen_theme(self._theme, application))

    def closeEvent(self, a0: QCloseEvent | None) -> None:
        """Ask first if a run of this window is going on, or if lines wait in the queue."""
        assert a0 is not None
        loses_lines = self._leaving is Leaving.STAY and bool(self.parts.queue.queue.lines)
        if self.running.active or loses_lines:
            a0.ignore()
            self._ask_before_closing()
            return
        self._timer.stop()
        self.shown.end()
        self.planner.end()
        if self.runs is not None:
            self.runs.end()
        self._remember()
        a0.accept()

    def _ask_before_closing(self) -> None:
        """One question, however often the window is closed."""
        there = [each for each in self.findChildren(ClosingQuestion) if each.isVisible()]
        question = there[0] if there else ClosingQuestion(self)
        if not there:
            question.answered.connect(self._leave)
        run = ""
        if self.running.active:
            path = self.running.path
            run = path.name if path is not None else "that is starting"
        question.ask(run, len(self.parts.queue.queue.lines))

    def _leave(self, answer: Leaving) -> None:
        self._leaving = answer
        if answer is Leaving.STAY:
            return
        if answer is Leaving.LEAVE_RUNNING:
            self.running.abandon()
        if not self.running.active:
            # It may have ended while the question was there.
            self.close()
            return
        self._ask_to_stop(self._own(), Stop.WITHIN_STEP)
        self.parts.notice.tell("The window closes when the run has ended.")

    def tell_problem(self, sentence: str) -> None:
        """Show what could not be done; nothing for an empty sentence."""
        self.parts.notice.tell(sentence, Mark.PROBLEM)

    def _restore(self, settings: Settings) -> None:
        self.resize(1280, 770)
        self.restoreGeometry(unpacked(settings.geometry))
        restore_splitters(self, settings.splitters)
        restore_tabs(self, settings.tabs)
        if settings.procedure in PROCEDURES:
            self.parts.form.choose(settings.procedure)
        self.parts.browser.runs.tick(frozenset(settings.ticked))
        self.parts.menu.show_choice(settings.theme)

    def _remember(self) -> None:
        settings = Settings(
            geometry=packed(self.saveGeometry()),
            splitters=splitter_states(self),
            tabs=chosen_tabs(self),
            procedure=self.parts.form.procedure,
            theme=self._theme,
            ticked=tuple(sorted(self.parts.browser.runs.ticked)),
        )
        try:
            write_settings(self._settings_file, settings)
        except OSError as error:
            _log.warning("the window's state could not be kept: %s", error)
