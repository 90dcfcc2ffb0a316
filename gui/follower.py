"""Follows one run in a thread: reads its folder, lets models absorb it, keeps their pictures.

The interface thread starts it, takes pictures and ends it; none of that opens a file or waits.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from gui.contract import Model
from gui.log_tail import LogTail
from gui.run_status import RunStatus, StatusModel
from labctl.store.folder import FINAL, LOG, RunFolder, RunFolderError
from labctl.store.tail import News, RunTail

__all__ = ["STATUS", "Follower", "RunStatus"]

STATUS = "status"
"""Name of the picture that tells where the run stands."""

LOG_LINES = 5000
"""As many lines of the log are kept until they are taken."""

_PIECE_BYTES = 1 << 18
"""Read at once, so that the interface thread gets the interpreter soon."""
_BREATH_S = 0.002
"""Left to it between two pieces at least, s: a clock of Windows counts 15 ms at a time."""
_PUBLISH_S = 0.03
"""No picture is made more often, s: nobody would see it."""
_LOOK_S = 0.03
"""Between two looks at a run that goes on, s: as often as the window draws."""
_REST = 4
"""So many times as long as a look took is rested after it, however many models there are."""
_IDLE_S = 1.0
"""Between two looks at a run that has ended, s: it may be gone on with."""

log = logging.getLogger(__name__)


class Follower:
    """Follows the run in a folder; its thread ends with the program."""

    def __init__(self, path: Path, models: Mapping[str, Model]) -> None:
        """``models``: name to model; from now on they belong to the follower's thread."""
        self.path = path
        self.run = path.name
        self._models = dict(models)
        self._changed: set[str] = set()
        self._status = StatusModel(self.run)
        self._log_tail = LogTail(path / LOG)
        self._caught_up = False
        self._problem = ""
        self._made = 0.0
        self._standing = RunStatus(self.run)
        self._told: RunStatus | None = None
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._pictures: dict[str, object] = {}
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._thread = threading.Thread(target=self._follow, name=f"follow {self.run}", daemon=True)

    def begin(self) -> None:
        """Start to follow."""
        self._thread.start()

    def end(self) -> None:
        """Stop to follow, soon; does not wait for it."""
        self._ended.set()

    def take(self) -> dict[str, object]:
        """Pictures that changed since the last take, by model; under `STATUS` a `RunStatus`."""
        with self._lock:
            taken, self._pictures = self._pictures, {}
            if STATUS in taken:
                status = taken[STATUS]
                assert isinstance(status, RunStatus)
                taken[STATUS] = replace(status, log=tuple(self._log))
                self._log.clear()
        return taken

    # --- the thread ----------------------------------------------------------------------------

    def _follow(self) -> None:
        tail: RunTail | None = None
        while not self._ended.is_set():
            try:
                tail = tail or RunTail(self.path)
                pause_s = self._look(tail)
            except RunFolderError as error:
                self._tell_problem(str(error))
                pause_s = _IDLE_S
            except Exception as error:
                self._tell_problem(f"cannot be followed: {type(error).__name__}: {error}")
                pause_s = _IDLE_S
            self._ended.wait(pause_s)

    def _look(self, tail: RunTail) -> float:
        """Take in the next piece and keep the pictures; how long to pause then, s."""
        begin = time.thread_time()
        news = tail.poll(_PIECE_BYTES)
        if news is not None:
            self._absorb_status(tail.folder, news)
            for name, model in list(self._models.items()):
                self._absorb(name, model, tail.folder, news)
        # A run that goes on may be ahead for a moment; what was read stays read.
        self._caught_up = tail.caught_up or (
            self._caught_up and not (news is not None and news.restarted)
        )
        self._keep_pictures(tail.caught_up)
        self._keep_status(tail.folder)
        spent_s = time.thread_time() - begin
        if not tail.caught_up:
            # Half of the interpreter's time is left to the interface.
            return max(spent_s, _BREATH_S)
        closed = tail.folder.record.get("status") in FINAL
        return _IDLE_S if closed and news is None else max(_LOOK_S, _REST * spent_s)

    def _absorb_status(self, folder: RunFolder, news: News) -> None:
        """What is not understood of where the run stands is left out, and told."""
        try:
            self._status.absorb(folder, news)
        except Exception as error:
            self._tell_failure(STATUS, error)

    def _absorb(self, name: str, model: Model, folder: RunFolder, news: News) -> None:
        """A model that fails is left out; the others go on."""
        try:
            if model.absorb(folder, news):
                self._changed.add(name)
        except Exception as error:
            self._leave_out(name, error)

    def _keep_pictures(self, caught_up: bool) -> None:
        """Make the pictures of the models that changed, unless the last ones are too young."""
        now = time.monotonic()
        if not self._changed or (not caught_up and now < self._made + _PUBLISH_S):
            return
        for name in self._changed & self._models.keys():
            try:
                picture = self._models[name].picture
            except Exception as error:
                self._leave_out(name, error)
                continue
            with self._lock:
                self._pictures[name] = picture
        self._changed.clear()
        self._made = now

    def _leave_out(self, name: str, error: Exception) -> None:
        del self._models[name]
        self._tell_failure(name, error)

    def _tell_failure(self, name: str, error: Exception) -> None:
        problem = f"{name} cannot be shown: {type(error).__name__}: {error}"
        if problem != self._problem:
            log.exception("%s of run %s cannot be shown", name, self.run)
        self._problem = problem

    def _keep_status(self, folder: RunFolder) -> None:
        """Tell where the run stands if that has changed."""
        lines = self._log_tail.poll()
        try:
            self._standing = self._status.picture(folder, datetime.now(UTC))
        except Exception as error:
            self._tell_failure(STATUS, error)
        status = replace(self._standing, problem=self._problem, caught_up=self._caught_up)
        with self._lock:
            self._log.extend(lines)
            if lines or status != self._told:
                self._told = self._pictures[STATUS] = status

    def _tell_problem(self, problem: str) -> None:
        """The run cannot be read now; what was shown of it stays."""
        told = self._told or RunStatus(self.run)
        if told.problem != problem:
            log.warning("run %s: %s", self.run, problem)
            with self._lock:
                self._told = replace(told, problem=problem, readable=False)
                self._pictures[STATUS] = self._told
