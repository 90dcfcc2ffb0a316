"""Where a run stands: step, times, pulses, and since when its data are safe on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QSizePolicy, QWidget

from gui.elided import ElidedLabel
from gui.theme import Mark, mark
from labctl.report.text import duration, grouped

if TYPE_CHECKING:
    from gui.run_status import RunStatus

_THOUSANDTHS = 1000


class RunProgress(QWidget):
    """One line; what a run has not told yet is left empty."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("progress")
        self.step = ElidedLabel()
        self._name(self.step, "step", "The step that is being done")
        self.step.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.bar = QProgressBar()
        self.bar.setObjectName("progress_bar")
        self.bar.setAccessibleName("Share of the run that is done")
        self.bar.setRange(0, _THOUSANDTHS)
        self.bar.setMinimumWidth(120)
        self.times = self._label("times", "Elapsed and remaining time")
        self.bench_time = self._label("bench_time", "Time that the bench needs, or would need")
        self.pulses = self._label("pulses", "Pulses sent, and still to be sent")
        self.saved = self._label("saved", "What is on disk whatever happens next")
        self._numbers = (self.times, self.bench_time, self.pulses, self.saved)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 2, 8, 2)
        row.setSpacing(16)
        row.addWidget(self.step, stretch=4)
        row.addWidget(self.bar, stretch=1)
        for label in self._numbers:
            row.addWidget(label)
        self.clear()

    def clear(self) -> None:
        """No run."""
        self._tell("no run", "")
        self.bar.setVisible(True)
        self.bar.setValue(0)
        self._show_numbers(None)

    def show_status(self, status: RunStatus) -> None:
        """Where a run stands."""
        self._tell(_step(status), status.problem)
        reads = not status.caught_up
        self.bar.setVisible(status.readable)
        self.bar.setValue(round(_THOUSANDTHS * (_share_read(status) if reads else _done(status))))
        self._show_numbers(None if reads or not status.readable else status)

    def _tell(self, step: str, problem: str) -> None:
        """A problem in full; a step in one line."""
        wraps = bool(problem)
        if wraps != self.step.wordWrap():
            self.step.setWordWrap(wraps)
            mark(self.step, Mark.PROBLEM if wraps else None)
        self.step.setText(f"⚠ {problem}" if problem else step)
        self.step.setToolTip(problem or step)

    def _show_numbers(self, status: RunStatus | None) -> None:
        """None: nothing that could be taken for the whole."""
        if status is None:
            for label in self._numbers:
                label.clear()
            return
        self.times.setText(_times(status))
        self.bench_time.setText(f"bench time {duration(status.bench_s)}")
        self.pulses.setText(_pulses(status))
        self.saved.setText(_saved(status))

    def _label(self, name: str, tip: str) -> QLabel:
        label = QLabel()
        self._name(label, name, tip)
        return label

    def _name(self, label: QLabel, name: str, tip: str) -> None:
        label.setObjectName(name)
        label.setAccessibleName(tip)
        label.setToolTip(tip)


def _done(status: RunStatus) -> float:
    return 1.0 if status.status == "success" else status.fraction


def _share_read(status: RunStatus) -> float:
    return status.fraction if status.share_read is None else status.share_read


def _step(status: RunStatus) -> str:
    if not status.caught_up:
        return f"reading {100 * _share_read(status):.0f} %"
    if status.status != "running":
        return f"{status.status}: {status.reason}" if status.reason else status.status
    if not status.step:
        return "opening the bench"
    of = f" of {status.steps}" if status.steps else ""
    return f"step {status.step}{of}: {status.label}"


def _times(status: RunStatus) -> str:
    elapsed = f"{duration(status.elapsed_s)} elapsed"
    if status.status != "running" or status.remaining_s is None:
        return elapsed
    return f"{elapsed}, {duration(status.remaining_s)} left"


def _pulses(status: RunStatus) -> str:
    sent = f"{grouped(status.pulses_done)} pulses"
    if status.status != "running" or status.pulses_left is None:
        return sent
    return f"{sent}, at most {grouped(status.pulses_left)} left"


def _saved(status: RunStatus) -> str:
    if status.saved is None:
        return "○ nothing on disk yet"
    return f"✓ on disk {status.saved:%H:%M:%S}"
