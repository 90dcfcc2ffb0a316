"""Start, queue, pause, stop, emergency stop, resume: what is possible when, and what asks first.

Nothing here is modal, so that the emergency stop is within reach at any time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtGui import QKeySequence
from PyQt6.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from gui.agreed import About, Agreed, Extent
from gui.emergency_key import EmergencyKey
from gui.form import CHANGES, READS
from gui.plan_view import energy
from gui.planner import PlanResult
from gui.theme import Mark, mark
from labctl.plan import Plan
from labctl.report.text import duration
from procedures import load_procedure

_PAUSE = (
    "The present step ends, on a real bench within minutes, then the run: every pad idle, outputs "
    "at 0 V and open. Nothing is lost; Resume goes on with the next step."
)
_STOP = (
    "The present row or execution ends (10 s at most), then the run: outputs at 0 V and open. The "
    "step that was left does not count, its pulses stay booked; Resume repeats it."
)
_EMERGENCY = (
    "The present pulse ends, a loop is aborted: outputs at 0 V within about a second, then open. "
    "The devices stay as that pulse left them; the step does not count, its pulses stay booked; "
    "Resume repeats it. Esc does the same anywhere in this program, with a list or menu open too."
)


class RunState(Enum):
    """Where the run of this window stands."""

    IDLE = auto()
    """None goes on."""
    STARTING = auto()
    """Its process has begun, its folder is not there yet; what is asked now is asked then."""
    RUNNING = auto()
    """It goes on."""
    STOPPING = auto()
    """It has been asked to end; a harder stop is still possible."""
    ENDING = auto()
    """It has ended; its process still writes the report."""


@dataclass(frozen=True)
class Resumable:
    """An interrupted run that can be gone on with."""

    run: str
    procedure: str
    kind: str
    """REAL or SIMULATED."""
    bench: str
    """Name of the bench."""
    die: str | None


@dataclass(frozen=True)
class _Asked:
    """What waits for a person's word."""

    about: About | None
    """None: nobody agrees to all alike."""
    extent: Extent
    sentence: str
    then: Callable[[], None]
    needs_idle: bool
    """Whether it begins at once, so that no other run may go on."""
    resumes: bool = False
    """Whether it is about the run that is chosen in the list, not about the form."""
    changes_devices: bool = True


class RunControls(QWidget):
    """The buttons. They only tell; the window begins and stops runs."""

    start = pyqtSignal()
    queue = pyqtSignal()
    copy = pyqtSignal()
    pause = pyqtSignal()
    stop = pyqtSignal()
    emergency = pyqtSignal()
    resume = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("run_controls")
        self._state = RunState.IDLE
        self._result: PlanResult | None = None
        # Until the form has told: what is safer to believe.
        self._changes_devices = True
        self._resumable: Resumable | None = None
        self._agreed = Agreed()
        self._asked: _Asked | None = None
        self._going_on: tuple[str, ...] = ()
        self._make_buttons()
        self._make_question()
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 4, 6, 4)
        column.setSpacing(4)
        column.addLayout(self._row())
        column.addWidget(self.question)
        self._show()

    # --- what the window tells -----------------------------------------------------------------

    def set_state(self, state: RunState) -> None:
        """Where the run stands now; may be told as often as one likes."""
        if state is self._state:
            return
        self._state = state
        if self._asked is not None and self._asked.needs_idle and state is not RunState.IDLE:
            # The queue was quicker.
            self._withdraw()
        self._show()

    def set_going_on(self, runs: tuple[str, ...]) -> None:
        """The runs that can be stopped: Pause and Stop mean the first, the emergency stop all.

        "" is one that has no name yet.
        """
        if runs != self._going_on:
            self._going_on = runs
            self._show_meant()

    def set_procedure(self, procedure: str) -> None:
        """The form has changed: its procedure, and no plan until the answer comes."""
        self._changes_devices = bool(load_procedure(procedure).changes_devices)
        self.set_plan(None)

    def set_plan(self, result: PlanResult | None) -> None:
        """The answer to what the form holds now; None before there is one."""
        before, self._result = self._result, result
        about_form = self._asked is not None and self._asked.about is not None
        if about_form and not _says_the_same(before, result):
            self._withdraw()
        self._show()

    def set_resumable(self, resumable: Resumable | None) -> None:
        """The run that Resume would go on with."""
        if resumable != self._resumable:
            self._resumable = resumable
            if self._asked is not None and self._asked.resumes:
                self._withdraw()
            self._show()

    # --- buttons -------------------------------------------------------------------------------

    def _make_buttons(self) -> None:
        self.start_button = _button("start", "")
        self.start_button.setShortcut(QKeySequence("Ctrl+Return"))
        self.start_button.clicked.connect(lambda: self._begin(self.start.emit, needs_idle=True))
        self.queue_button = _button(
            "queue", "&Queue", "Begin this run when those before it have ended well."
        )
        self.queue_button.clicked.connect(lambda: self._begin(self.queue.emit, needs_idle=False))
        self.copy_button = _button(
            "copy", "&Copy as command", "Copy the labctl line that does what the form says."
        )
        self.copy_button.clicked.connect(self.copy)
        self.pause_button = _button("pause", "")
        self.pause_button.clicked.connect(self.pause)
        self.stop_button = _button("stop", "")
        self.stop_button.clicked.connect(self.stop)
        self.resume_button = _button("resume", "&Resume")
        self.resume_button.clicked.connect(self._ask_to_resume)
        self.emergency_button = _button("emergency", "", what=Mark.EMERGENCY)
        self.emergency_button.clicked.connect(self.emergency)
        self.emergency_button.setMinimumHeight(36)
        self._escape = EmergencyKey(lambda: self._state is not RunState.IDLE, self)
        self._escape.pressed.connect(self.emergency)
        self._show_meant()

    def _row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.start_button)
        row.addWidget(self.queue_button)
        row.addWidget(self.copy_button)
        row.addSpacing(16)
        row.addWidget(self.pause_button)
        row.addWidget(self.stop_button)
        row.addWidget(self.resume_button)
        row.addStretch(1)
        row.addWidget(self.emergency_button)
        return row

    def _show(self) -> None:
        """Enable what is possible, and say on Start what it would do."""
        idle = self._state is RunState.IDLE
        planned = self._result is not None and self._result.plan is not None
        self.start_button.setEnabled(idle and planned)
        self.queue_button.setEnabled(planned)
        self.copy_button.setEnabled(planned)
        self.pause_button.setEnabled(self._state in (RunState.STARTING, RunState.RUNNING))
        self.stop_button.setEnabled(self._state not in (RunState.IDLE, RunState.ENDING))
        self.resume_button.setEnabled(idle and self._resumable is not None)
        changes = self._changes_devices
        for button in (self.start_button, self.queue_button):
            mark(button, Mark.DANGER if changes else Mark.CALM)
        self.start_button.setText(
            f"{CHANGES} Start: changes devices" if changes else f"{READS} Start: only reads"
        )
        # Setting a text takes the shortcut away.
        self.start_button.setShortcut(QKeySequence("Ctrl+Return"))
        self.start_button.setToolTip(self._start_tip(planned))
        self._show_resume()

    def _start_tip(self, planned: bool) -> str:
        """What Start does, and before it why it does not do so now."""
        why = ""
        if self._result is None:
            why = "The plan is being worked out; Start waits for it. "
        elif not planned:
            why = "There is no plan: see what is wrong in the form. "
        elif self._state is not RunState.IDLE:
            why = "A run goes on; Queue begins this one after it. "
        if not self._changes_devices:
            return f"{why}Begin the run. It changes no device (Ctrl+Return)."
        return (
            f"{why}Begin the run. It sends pulses to devices, which cannot be taken back "
            "(Ctrl+Return)."
        )

    def _show_meant(self) -> None:
        """Name the runs that the stop buttons mean; say which where two go on."""
        names = [run or "the run that is starting" for run in self._going_on]
        several = len(names) > 1
        # Only the run in front can go on beside the one of this window.
        which = " in front" if several else ""
        meant = f"{names[0]}: " if names else ""
        self.pause_button.setText(f"P&ause{which} after step")
        self.pause_button.setToolTip(meant + _PAUSE)
        self.stop_button.setText(f"&Stop{which}")
        self.stop_button.setToolTip(meant + _STOP)
        self.emergency_button.setText(f"■ EMERGENCY STOP{' OF BOTH' if several else ''} (Esc)")
        every = f"{' and '.join(names)}: " if names else ""
        self.emergency_button.setToolTip(every + _EMERGENCY)

    def _show_resume(self) -> None:
        found = self._resumable
        changes = found is not None and load_procedure(found.procedure).changes_devices
        self.resume_button.setText(f"{CHANGES} &Resume" if changes else "&Resume")
        mark(self.resume_button, Mark.DANGER if changes else Mark.CALM)
        self.resume_button.setToolTip(
            "Go on with an interrupted run: choose one in the list of runs."
            if found is None
            else f"Go on with {found.run} from its last complete step."
        )

    # --- asking --------------------------------------------------------------------------------

    def _make_question(self) -> None:
        self.question = QFrame()
        self.question.setObjectName("question")
        self.question.setFrameShape(QFrame.Shape.StyledPanel)
        self.question_text = QLabel()
        self.question_text.setObjectName("question_text")
        self.question_text.setWordWrap(True)
        self.question_text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.not_again = QCheckBox()
        self.not_again.setObjectName("not_again")
        self.not_again.setToolTip("Holds until the window is closed.")
        keeps_room = self.not_again.sizePolicy()
        keeps_room.setRetainSizeWhenHidden(True)
        self.not_again.setSizePolicy(keeps_room)
        self.yes_button = _button("yes", "", "Do what was asked for.")
        self.yes_button.clicked.connect(self._agree)
        self.no_button = _button("no", "Cancel, send not&hing", "Nothing is sent.")
        self.no_button.clicked.connect(self._withdraw)
        buttons = QHBoxLayout()
        buttons.addWidget(self.not_again, stretch=1)
        buttons.addWidget(self.yes_button)
        buttons.addWidget(self.no_button)
        column = QVBoxLayout(self.question)
        column.addWidget(self.question_text)
        column.addLayout(buttons)
        self.question.hide()

    def _begin(self, then: Callable[[], None], needs_idle: bool) -> None:
        """Start or queue what was planned, once a person has agreed."""
        result = self._result
        if result is None or result.plan is None:
            return
        if not result.changes_devices:
            then()
            return
        asked = result.question
        about = About(_kind(result), result.bench, asked.die, asked.procedure)
        extent, sentence = Extent.of(result.plan, result.schemes), consequences(result, result.plan)
        self._ask(_Asked(about, extent, sentence, then, needs_idle))

    def _ask_to_resume(self) -> None:
        found = self._resumable
        if found is None:
            return
        if not load_procedure(found.procedure).changes_devices:
            self.resume.emit()
            return
        sentence = (
            f"Resume {found.run}: {found.procedure} goes on with {_die(found.die)} on the "
            f"{found.kind} bench {found.bench!r}. It sends pulses to devices, which cannot be "
            "taken back."
        )
        # What it may do stands in its record: nothing but its name needs to be agreed to.
        about = About(found.kind, found.bench, found.die, found.procedure, found.run)
        self._ask(
            _Asked(about, Extent(), sentence, self.resume.emit, needs_idle=True, resumes=True)
        )

    def ask_to_go_on(self, sentence: str, changes_devices: bool, then: Callable[[], None]) -> None:
        """Ask about a run that was refused to be gone on with; every time anew."""
        self._ask(
            _Asked(None, Extent(), sentence, then, needs_idle=True, changes_devices=changes_devices)
        )

    def _ask(self, asked: _Asked) -> None:
        about = asked.about
        if about is not None and self._agreed.covers(about, asked.extent):
            asked.then()
            return
        self._asked = asked
        self.question_text.setText(asked.sentence)
        if about is not None:
            self.not_again.setText(_not_again(about))
        self.not_again.setVisible(about is not None)
        self.not_again.setChecked(False)
        changes = asked.changes_devices
        self.yes_button.setText(f"{CHANGES} Yes, chan&ge devices" if changes else "Yes, &go on")
        mark(self.yes_button, Mark.DANGER if changes else Mark.CALM)
        self.question.show()
        self.no_button.setFocus()

    def _agree(self) -> None:
        asked = self._asked
        if asked is None:
            return
        if asked.about is not None and self.not_again.isChecked():
            self._agreed.add(asked.about, asked.extent)
        self._withdraw()
        asked.then()

    def _withdraw(self) -> None:
        self._asked = None
        self.question.hide()


def consequences(result: PlanResult, plan: Plan) -> str:
    """What a run does at most, in a few sentences, for the question before it."""
    highest = max(pad.highest_v for pad in plan.pads)
    there = [pad for pad in plan.pads if pad.highest_v == highest]
    limit = min(pad.limit_high_v for pad in there)
    pulses = ", ".join(f"{n:,} {kind.upper()}" for kind, n in plan.pulses_per_device.items())
    return (
        f"{plan.procedure} changes devices of {_die(plan.die)} on the {_kind(result)} bench "
        f"{plan.bench!r}: at most {pulses or 'no pulse'} a device; highest voltage "
        f"{highest:.3g} V on {', '.join(pad.pad for pad in there)} (limit {limit:g} V); "
        f"energy {energy(plan)}; bench time about {duration(plan.bench_time_s)}. "
        "Pulses cannot be taken back."
    )


def _says_the_same(before: PlanResult | None, after: PlanResult | None) -> bool:
    """Whether the form asks for the same and would do the same to devices."""
    if before is None or after is None or before.question != after.question:
        return False
    if before.plan is None or after.plan is None:
        return before.plan is after.plan
    return consequences(before, before.plan) == consequences(after, after.plan)


def _not_again(about: About) -> str:
    if about.run:
        return f"Do not ask again for {about.run} wh&ile this window is open"
    return (
        f"Do not ask again for {about.procedure} on {_die(about.die)} wh&ile it needs no more "
        "volts, time or pulses"
    )


def _kind(result: PlanResult) -> str:
    return "SIMULATED" if result.simulated else "REAL"


def _die(name: str | None) -> str:
    return f"die {name}" if name else "a fresh simulated die"


def _button(name: str, text: str, tip: str = "", what: Mark = Mark.CALM) -> QPushButton:
    button = QPushButton(text)
    button.setObjectName(name)
    button.setToolTip(tip)
    # Enter is not to press what does not have the keyboard.
    button.setAutoDefault(False)
    mark(button, what)
    return button
