"""What a run tells while it goes on, and how it is asked to stop. No Qt."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from labctl.store.folder import RunFolder


@dataclass(frozen=True)
class Progress:
    """Where a run stands. Times in seconds; ``remaining_s`` is None before the first step ends."""

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


class RunStopped(Exception):
    """The user asked to stop within a step."""


class StopRequest:
    """How the run is asked to end: once, after the present step; twice, after the present row."""

    def __init__(self) -> None:
        self._asked = 0
        self._after_step: Callable[[], None] = lambda: None

    def connect(self, after_step: Callable[[], None]) -> None:
        """What makes the worker stop between steps."""
        self._after_step = after_step

    def ask(self) -> None:
        """Ask once more."""
        self._asked += 1
        self._after_step()

    @property
    def asked(self) -> bool:
        """Whether anyone asked."""
        return self._asked > 0

    @property
    def at_once(self) -> bool:
        """Whether the present step should be left."""
        return self._asked > 1


@contextmanager
def stop_on_signals(stop: StopRequest) -> Iterator[None]:
    """Ctrl-C asks once; SIGTERM, SIGHUP and SIGBREAK ask to stop within the step."""

    def ask_once(number: int, frame: FrameType | None) -> None:
        stop.ask()

    def ask_twice(number: int, frame: FrameType | None) -> None:
        stop.ask()
        stop.ask()

    handlers = {signal.SIGINT: ask_once, signal.SIGTERM: ask_twice}
    # The terminal is gone (POSIX), or Ctrl-Break and a closed console (Windows).
    for name in ("SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            handlers[getattr(signal, name)] = ask_twice
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
