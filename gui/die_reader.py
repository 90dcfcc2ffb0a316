"""Reads dies from the wear ledger in a thread: a ledger may be locked, or long."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSignal

from gui.models.die import DiePicture, read_die, read_dies
from gui.tasks import Tasks


class DieReader(QObject):
    """Tells what a die has been through; only the last question is answered."""

    found = pyqtSignal(object)
    """A `DiePicture`."""
    named = pyqtSignal(object)
    """Names of the dies there are, where none was asked for; a tuple."""
    refused = pyqtSignal(str)
    """Why there is none, one sentence."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks = Tasks(self)
        self._asked = 0

    def ask(self, runs: Path, die: str, most_cycles: int | None = None) -> None:
        """Read a die from the ledger beside ``runs``; an empty name asks which there are."""
        self._asked += 1
        question = self._asked

        def tell(picture: DiePicture) -> None:
            if question == self._asked:
                self.found.emit(picture)

        def name(dies: tuple[str, ...]) -> None:
            if question == self._asked:
                self.named.emit(dies)

        def refuse(sentence: str) -> None:
            if question == self._asked:
                self.refused.emit(sentence)

        if die:
            self._tasks.run(lambda: read_die(runs, die, most_cycles), tell, refuse)
        else:
            self._tasks.run(lambda: read_dies(runs), name, refuse)
