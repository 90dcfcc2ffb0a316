"""The one run that this window has started: begun, asked to stop, waited for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSignal

from gui.child import RunChild
from gui.tasks import Tasks
from labctl.observing import Stop
from labctl.stopping import ask_to_stop
from labctl.store.folder import RunFolder


class Running(QObject):
    """A `labctl` process at a time, which outlives the window if it must."""

    opened = pyqtSignal(object)
    """Path of the run's folder."""

    noted = pyqtSignal(str)
    """Something a user should know."""

    not_stopped = pyqtSignal(str)
    """Why a run could not be asked to stop."""

    refused = pyqtSignal(str, str)
    """Option with which it would go on, and why it does not; then it ends."""

    ended = pyqtSignal(int, str)
    """Exit status and how it ended; 2 with the sentence of a refusal."""

    def __init__(self, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._child: RunChild | None = None
        self.path: Path | None = None
        """Folder of the run that this window has started and that has not ended."""

    @property
    def active(self) -> bool:
        """Whether a process of this window has not ended."""
        return self._child is not None

    def begin(self, arguments: Sequence[str]) -> None:
        """Start ``labctl`` with these arguments; one process at a time."""
        assert self._child is None
        self._child = RunChild(self)
        self._child.opened.connect(self._opened)
        self._child.noted.connect(self.noted)
        self._child.refused.connect(self.refused)
        self._child.ended.connect(self._ended)
        self._child.begin(arguments)

    def stop(self, path: Path, level: Stop) -> None:
        """Ask a run to stop, whoever has started it."""
        self._tasks.run(
            lambda: ask_to_stop(RunFolder(path), level),
            then=lambda _: None,
            refused=self.not_stopped.emit,
        )

    def abandon(self) -> None:
        """Hear of the process no more; it goes on."""
        if self._child is not None:
            child = self._child
            for signal in (child.opened, child.noted, child.refused, child.ended):
                signal.disconnect()
        self._child, self.path = None, None

    def _opened(self, path: Path) -> None:
        self.path = path
        self.opened.emit(path)

    def _ended(self, status: int, sentence: str) -> None:
        if self._child is not None:
            self._child.deleteLater()
        self._child, self.path = None, None
        self.ended.emit(status, sentence)
