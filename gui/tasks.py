"""Work that may wait for a disk or a process: done in threads, its end told in the interface."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from PyQt6.QtCore import QObject, pyqtSignal

Result = TypeVar("Result")


class Tasks(QObject):
    """Runs functions in threads of their own."""

    _ended = pyqtSignal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        # Emitted in a thread, received in the interface: Qt queues it.
        self._ended.connect(self._call)

    def run(
        self,
        work: Callable[[], Result],
        then: Callable[[Result], None],
        refused: Callable[[str], None],
    ) -> None:
        """Do ``work`` in a thread, then one of the others in the interface.

        ``refused`` gets the sentence of a ValueError, LookupError or OSError.
        """

        def carry_out() -> None:
            try:
                result = work()
            except (ValueError, LookupError, OSError) as error:
                sentence = str(error.args[0] if isinstance(error, LookupError) else error)
                self._tell(lambda: refused(sentence))
            else:
                self._tell(lambda: then(result))

        threading.Thread(target=carry_out, name="task", daemon=True).start()

    def _tell(self, call: Callable[[], None]) -> None:
        try:
            self._ended.emit(call)
        except RuntimeError:
            # The window was closed meanwhile: nobody is left to tell.
            return

    def _call(self, call: Callable[[], None]) -> None:
        call()
