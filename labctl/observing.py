"""What a run tells while it goes on, and how it is asked to stop. No Qt."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from types import FrameType

from labctl.store.folder import RunFolder


@dataclass(frozen=True)
class Progress:
    """Where a run stands. Times in seconds; ``remaining_s`` is None until it can be told."""

    run: str
    step: int
    steps: int
    label: str
    fraction: float
    elapsed_s: float
    remaining_s: float | None
    bench_s: float


class Observer:
    """What a run tells while it goes on; the default listens to nothing."""

    def opened(self, folder: RunFolder) -> None:
        """The run folder exists."""

    def progress(self, progress: Progress) -> None:
        """A step begins or ends."""

    def note(self, sentence: str) -> None:
        """Something a user should know."""

    def refused(self, option: str, sentence: str) -> None:
        """The run does not go on unless a person says so with this option of ``labctl resume``."""


class RunStopped(Exception):
    """The user asked to stop within a step."""


class Stop(IntEnum):
    """How a run is asked to end, in the three ways that people mean."""

    NOT = 0
    AFTER_STEP = 1
    """Finish this step, then pause."""
    WITHIN_STEP = 2
    """Leave the step after the present row or execution."""
    EMERGENCY = 3
    """Leave it after the present pulse, within a loop too: outputs to 0 V now."""

    @property
    def told(self) -> str:
        """What happens now, for the user."""
        return {
            Stop.NOT: "",
            Stop.AFTER_STEP: "Pausing after this step; asked once more (Ctrl-C), it stops within "
            "it.",
            Stop.WITHIN_STEP: "Stopping within this step; the outputs will be made safe. Asked "
            "once more (Ctrl-C), it is the emergency stop.",
            Stop.EMERGENCY: "Emergency stop: the outputs go to 0 V now.",
        }[self]


class StopRequest:
    """Asks a run to end; asking again asks for the next harder way."""

    def __init__(self) -> None:
        self.level = Stop.NOT
        self._after_step: Callable[[], None] = lambda: None

    def connect(self, after_step: Callable[[], None]) -> None:
        """What makes the worker stop between steps."""
        self._after_step = after_step

    def ask(self, level: Stop | None = None) -> None:
        """Ask for ``level``, or for the next harder way; nothing makes it softer again."""
        wanted = self.level + 1 if level is None else level
        self.level = Stop(min(max(self.level, wanted), Stop.EMERGENCY))
        self._after_step()

    @property
    def asked(self) -> bool:
        """Whether anyone asked."""
        return self.level > Stop.NOT


@contextmanager
def stop_on_signals(stop: StopRequest) -> Iterator[None]:
    """Each Ctrl-C asks for the next harder way; SIGTERM, SIGHUP and SIGBREAK leave the step."""

    def harder(number: int, frame: FrameType | None) -> None:
        stop.ask()

    def within_step(number: int, frame: FrameType | None) -> None:
        stop.ask(Stop.WITHIN_STEP)

    handlers = {signal.SIGINT: harder, signal.SIGTERM: within_step}
    # The terminal is gone (POSIX), or Ctrl-Break and a closed console (Windows).
    for name in ("SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            handlers[getattr(signal, name)] = within_step
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
