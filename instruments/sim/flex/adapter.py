"""PyMeasure's way to a simulated mainframe in the same process."""

from __future__ import annotations

from typing import Any

from pymeasure.adapters import Adapter

from instruments.sim.flex.errors import NothingToRead
from instruments.sim.flex.mainframe import Mainframe


class MainframeAdapter(Adapter):  # type: ignore[misc]
    """Carries an instrument's text to a `Mainframe`; a read of nothing raises `NothingToRead`."""

    def __init__(self, mainframe: Mainframe, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mainframe = mainframe
        # What a time-out is set on: a mainframe that answers at once needs none.
        connection = getattr(mainframe, "connection", None)
        if connection is not None:
            self.connection = connection

    def _write(self, command: str, **kwargs: Any) -> None:
        self.mainframe.write(command)

    def _write_bytes(self, content: bytes, **kwargs: Any) -> None:
        self.mainframe.write(content.decode("latin-1"))

    def _read(self, **kwargs: Any) -> str:
        return self.mainframe.read()

    def _read_bytes(self, count: int, break_on_termchar: bool, **kwargs: Any) -> bytes:
        return self.mainframe.read_bytes(count)

    def flush_read_buffer(self) -> None:
        """Throw away whatever could be read."""
        try:
            while True:
                self.mainframe.read_bytes()
        except NothingToRead:
            return

    def __repr__(self) -> str:
        return "<MainframeAdapter>"
