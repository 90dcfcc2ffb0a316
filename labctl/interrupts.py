"""Ctrl-C and other signals do not break the way to safe outputs, whoever handles them.

A handler that raises, as Python's own does for Ctrl-C, does so wherever the main thread is just
then: within the zeroing of an output too. So what it raises is kept while outputs are taken down.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    if hasattr(signal, name)
)
"""What people and systems end programs with."""


@contextmanager
def interrupts_wait(then: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Meanwhile what a signal handler raises is kept, and raised at the end, the first of it.

    Handlers are called as ever; when one has raised, ``then`` is called. A signal that nobody
    handles ends the process as ever. Only the main thread gets signals; elsewhere nothing is kept.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept: list[BaseException] = []
    handlers = {n: h for n in _SIGNALS if callable(h := signal.getsignal(n))}

    def keep(number: int, frame: FrameType | None) -> None:
        try:
            handlers[number](number, frame)
        except BaseException as error:
            kept.append(error)
            then()

    for number in handlers:
        signal.signal(number, keep)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if kept:
            raise kept[0]
