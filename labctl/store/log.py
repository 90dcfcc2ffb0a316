"""The run's log for people."""

from __future__ import annotations

import logging
import sys
from pathlib import Path


class LogFile(logging.FileHandler):
    """A log file that ends no run: if it cannot be written, that is told once, in ``problem``."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8", delay=True)
        self.problem = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a message, as long as that works."""
        if self.problem:
            return
        try:
            super().emit(record)
        except OSError as error:
            self._give_up(error)

    def handleError(self, record: logging.LogRecord) -> None:
        """What could not be written goes nowhere else: not to the terminal, message by message."""
        self._give_up(sys.exc_info()[1])

    def close(self) -> None:
        """Close the file."""
        try:
            super().close()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: BaseException | None) -> None:
        self.problem = self.problem or (
            f"The log {self.baseFilename} could not be written any more ({error}); the data are "
            "not affected."
        )
