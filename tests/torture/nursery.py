"""Processes that are killed: forked from one that has imported everything, so that many can be.

Run as a program it reads one order a line (`Order` as JSON) and answers with one line (`Ended`).
A child runs the command line in a session of its own. While it does, it counts *moments*: before
and after each call that makes something durable or visible to others (fsync, rename, unlink,
mkdir); it can kill itself at one of them, or be killed after a time. What it has forced to disk is
written down, so that a power cut can take the rest. POSIX.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.undrawn import save_a_pixel

ROOT = Path(__file__).resolve().parents[2]
LONGEST_S, BETWEEN_SIGNALS_S = 90.0, 0.02
LAST_BREATH_S = 5.0
"""How long a program that the killed one had called, such as git, may take to end by itself."""
COUNTED = ("fsync", "replace", "unlink", "mkdir")
UNDRAWN = "undrawn"
KILLED = -signal.SIGKILL if hasattr(signal, "SIGKILL") else -9


@dataclass(frozen=True)
class Order:
    """A command line to carry out, and when to kill it (None: never)."""

    arguments: list[str]
    folder: str
    moment: int | None = None
    """Number of the moment at which it kills itself."""
    after_s: float | None = None
    """Time after which it is killed."""
    signals: list[int] = field(default_factory=list)
    """What it gets then instead, one after another."""
    largest_file: int | None = None
    """Bytes beyond which no file may grow: its full disk."""


@dataclass(frozen=True)
class Ended:
    """How a child ended: ``status`` as `subprocess` has it; ``orphans`` are processes it left."""

    status: int
    errors: str
    moments: int
    seconds: float
    orphans: list[int]
    synced: dict[str, int] = field(default_factory=dict)
    """Bytes of each file that were forced to disk."""


class Nursery:
    """The program below, and the children it makes; not ``draws``: their figures are one pixel."""

    def __init__(self, draws: bool = True) -> None:
        self._draws = draws

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.torture.nursery"]
        command += [] if self._draws else [UNDRAWN]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=60)

    def carry_out(self, order: Order) -> Ended:
        """Have a child carry out an order and end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(order)) + "\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))


def main() -> None:
    """Take orders until there are none."""
    import jinja2  # noqa: F401
    import matplotlib.backends.backend_agg  # noqa: F401
    import scipy.stats  # noqa: F401
    from matplotlib.figure import Figure

    import labctl.finishing
    import labctl.resuming  # noqa: F401
    import procedures
    from labctl.provenance import versions

    for name in procedures.PROCEDURES:
        procedures.load_procedure(name)
    versions()
    if UNDRAWN in sys.argv:
        Figure.savefig = save_a_pixel
    for line in sys.stdin:
        ended = _raise(Order(**json.loads(line)))
        print(json.dumps(asdict(ended)), flush=True)


def _raise(order: Order) -> Ended:
    """Fork a child, wait for its end or make it."""
    folder = Path(order.folder)
    folder.mkdir(parents=True, exist_ok=True)
    told, said = folder / "moments.txt", folder / "errors.txt"
    for file in (told, said):
        # Made here: a child that is killed at once would leave none.
        file.write_bytes(b"")
    begin = time.monotonic()
    child = os.fork()
    if child == 0:
        _live(order, told)
    status = None
    if order.after_s is not None:
        status = _wait(child, begin + order.after_s)
        for number in order.signals:
            if status is None:
                os.kill(child, number)
                status = _wait(child, time.monotonic() + BETWEEN_SIGNALS_S)
    if status is None and (order.signals or order.after_s is None):
        status = _wait(child, begin + LONGEST_S)
    if status is None:
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    seconds = time.monotonic() - begin
    moments, synced = _told(told)
    errors = said.read_text(encoding="utf-8", errors="replace")
    left = _left_running(child)
    return Ended(os.waitstatus_to_exitcode(status), errors, moments, seconds, left, synced)


def _wait(child: int, until: float) -> int | None:
    """Status of a child that has ended; None if it still lives at ``until``."""
    while time.monotonic() < until:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return status
        time.sleep(0.002)
    return None


def _live(order: Order, told: Path) -> None:
    """The child's life."""
    import resource

    os.setsid()
    errors = os.open(Path(order.folder) / "errors.txt", os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(errors, 2)
    _count_moments(order.moment, os.open(told, os.O_CREAT | os.O_APPEND | os.O_WRONLY))
    if order.largest_file is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (order.largest_file, order.largest_file))
    sys.argv = ["labctl", *order.arguments]
    from labctl.cli import main as labctl

    status = 0
    try:
        labctl()
    except SystemExit as ended:
        status = int(ended.code or 0)
    finally:
        sys.stderr.flush()
        # As at an interpreter's end, less the parent's own exit handlers.
        os._exit(status)


def _count_moments(last: int | None, told: int) -> None:
    """Put a moment before and behind each counted call."""
    numbers = count()

    def pass_by() -> None:
        if next(numbers) == last:
            os.kill(os.getpid(), signal.SIGKILL)

    for name in COUNTED:
        original = getattr(os, name)

        def counted(*arguments, _name=name, _original=original, **named):
            pass_by()
            result = _original(*arguments, **named)
            if _name == "fsync":
                event = [_name, _path(arguments[0]), os.fstat(arguments[0]).st_size]
            else:
                event = [_name, *(str(a) for a in arguments if not isinstance(a, int))]
            os.write(told, (json.dumps(event) + "\n").encode())
            pass_by()
            return result

        setattr(os, name, counted)


def _path(descriptor: int) -> str:
    return str(Path(f"/proc/self/fd/{descriptor}").readlink())


def _told(told: Path) -> tuple[int, dict[str, int]]:
    """Moments passed in whole calls, and what each file had on disk."""
    events = [json.loads(line) for line in told.read_text(encoding="utf-8").splitlines()]
    synced: dict[str, int] = {}
    for name, *what in events:
        if name == "fsync":
            synced[what[0]] = what[1]
        elif name == "replace" and what[0] in synced:
            synced[what[1]] = synced.pop(what[0])
    return 2 * len(events), synced


def _left_running(session: int) -> list[int]:
    """Processes of a child's session that do not end by themselves."""
    until = time.monotonic() + LAST_BREATH_S
    while (left := _orphans(session)) and time.monotonic() < until:
        time.sleep(0.05)
    return left


def _orphans(session: int) -> list[int]:
    """Living processes of a child's session."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


if __name__ == "__main__":
    main()
