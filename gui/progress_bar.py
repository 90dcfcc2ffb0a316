"""Where a run stands: step, times, pulses, and since when its data are safe on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QSizePolicy, QWidget

from labctl.report.text import duration

if TYPE_CHECKING:
    from gui.run_status import RunStatus

_THOUSANDTHS = 1000


class RunProgress(QWidget):
    """One line; what a run has not told yet is left empty."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("progress")
        self.step = self._label("step", "The step that is being done")
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
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 2, 8, 2)
        row.setSpacing(16)
        row.addWidget(self.step, stretch=3)
        row.addWidget(self.bar, stretch=2)
        for label in (self.times, self.bench_time, self.pulses, self.saved):
            row.addWidget(label)
        self.clear()

    def clear(self) -> None:
        """No run."""
        self.bar.setValue(0)
        self.step.setText("no run")
        for label in (self.times, self.bench_time, self.pulses, self.saved):
            label.clear()

    def show_status(self, status: RunStatus) -> None:
        """Where a run stands."""
        self.bar.setValue(round(_THOUSANDTHS * _fraction(status)))
        self.step.setText(_step(status))
        self.step.setToolTip(status.problem or status.reason or _step(status))
        self.times.setText(_times(status))
        self.bench_time.setText(f"bench time {duration(status.bench_s)}")
        self.pulses.setText(_pulses(status))
        self.saved.setText(_saved(status))

    def _label(self, name: str, tip: str) -> QLabel:
        label = QLabel()
        label.setObjectName(name)
        label.setAccessibleName(tip)
        label.setToolTip(tip)
        return label


def _fraction(status: RunStatus) -> float:
    return 1.0 if status.status == "success" else status.fraction


def _step(status: RunStatus) -> str:
    if status.problem:
        return status.problem
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


def grouped(number: int) -> str:
    """An integer with narrow spaces between groups of three digits.

    >>> grouped(204800)
    '204\\u202f800'
    """
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
