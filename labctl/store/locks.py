"""One program at a time: a file that says who uses a bench or a die.

The file is there while its owner runs and is removed at the end. What a crash leaves behind is
known by its owner, a process that is gone, and cleared by the next one who comes.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from labctl.store.processes import birth, is_running

LOCKS_VARIABLE = "LABCTL_LOCKS"
"""Environment variable: folder for the locks of what has no folder of its own, as benches."""

_WRITING_S = 1.0
"""A lock without content is being written, or was cut short by a crash if it stays so."""
_LONGEST_COMMAND = 200


class LockedError(OSError):
    """Someone else uses it: the message says who, since when, and what to do; or the lock's file
    cannot be written."""


class Lock:
    """What ``what`` names is ours, from construction to `release`.

    ``cleared`` tells of an owner that ended without giving it free, else it is empty. Raises
    `LockedError` if it is in use, also by this process.
    """

    def __init__(self, file: Path, what: str) -> None:
        self.file = file
        self.cleared = ""
        self._own = _owner()
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._acquire(what)
        except LockedError:
            raise
        except OSError as error:
            raise LockedError(f"{what} cannot be locked: {error}") from None

    def _acquire(self, what: str) -> None:
        """Take it; what an owner that has ended left behind is cleared."""
        file = self.file
        while not self._take():
            found = _read(file)
            if found is None:
                continue
            owner = _parsed(found)
            if owner is not None and _may_be_alive(owner):
                raise LockedError(f"{what} is in use by {_told(owner)}; {_advice(owner, file)}")
            if _remove(file, found):
                by = "an unknown program" if owner is None else _told(owner)
                self.cleared = f"{what} was left locked by {by}, which has ended: lock cleared"

    def _take(self) -> bool:
        """Make the file; False if there is one."""
        try:
            descriptor = os.open(self.file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            return False
        try:
            os.write(descriptor, self._own)
        finally:
            os.close(descriptor)
        return True

    def release(self) -> None:
        """Give it free; a lock that someone else has taken by hand is left alone."""
        with suppress(OSError):
            if self.file.read_bytes() == self._own:
                self.file.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def locks_folder() -> Path:
    """Where locks are that belong to no folder: one place for all programs of this user."""
    named = os.environ.get(LOCKS_VARIABLE)
    return Path(named) if named else Path.home() / ".labctl" / "locks"


def bench_lock(visa: str) -> Lock:
    """The lock of the mainframe at a VISA address, however its bench files are called."""
    plain = "".join(c if c.isalnum() else "-" for c in visa.upper())
    return Lock(locks_folder() / f"{plain}.lock", f"the bench at {visa}")


def die_lock(die_file: Path) -> Lock:
    """The lock of a simulated die, beside its file."""
    return Lock(die_file.with_name(die_file.name + ".lock"), f"die {die_file.stem!r}")


def _owner() -> bytes:
    """This process, as a lock's content."""
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:_LONGEST_COMMAND]
    since = datetime.now(UTC).isoformat()
    process = {"pid": os.getpid(), "host": platform.node(), "birth": birth(os.getpid())}
    owner = {**process, "command": command, "since": since}
    return json.dumps(owner, ensure_ascii=False).encode("utf-8")


def _read(file: Path) -> bytes | None:
    """Content of a lock; None if it is gone."""
    end = time.monotonic() + _WRITING_S
    while True:
        try:
            content = file.read_bytes()
        except FileNotFoundError:
            return None
        if content or time.monotonic() > end:
            return content
        time.sleep(0.02)


def _parsed(content: bytes) -> dict[str, Any] | None:
    """The owner that a lock names; None if it names none."""
    try:
        owner = json.loads(content)
        datetime.fromisoformat(owner["since"])
        int(owner["pid"])
    except (ValueError, KeyError, TypeError):
        return None
    return dict(owner)


def _may_be_alive(owner: dict[str, Any]) -> bool:
    """Whether the owner runs, as far as can be seen from here."""
    return owner.get("host") != platform.node() or is_running(owner)


def _told(owner: dict[str, Any]) -> str:
    seconds = (datetime.now(UTC) - datetime.fromisoformat(owner["since"])).total_seconds()
    return (
        f"{owner.get('command')!r} (process {owner['pid']} on {owner.get('host')}, {_age(seconds)})"
    )


def _age(seconds: float) -> str:
    """How long, in the largest unit that fits.

    >>> _age(12), _age(340), _age(7300), _age(200_000)
    ('for 12 s', 'for 6 min', 'for 2 h', 'for 2 days')
    """
    for length, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"for {seconds / length:.0f} {unit}"
    return f"for {max(seconds, 0):.0f} s"


def _advice(owner: dict[str, Any], file: Path) -> str:
    here = owner.get("host") == platform.node()
    unless = "that process is no labctl" if here else "it has ended, which cannot be seen from here"
    return f"wait for its end or end it; if {unless}, delete {file}"


def _remove(file: Path, seen: bytes) -> bool:
    """Remove a lock that was left behind, and no other; False if someone else was faster.

    Moved aside first, which of several programs only one can do.
    """
    aside = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.replace(aside)
    except FileNotFoundError:
        return False
    if aside.read_bytes() == seen:
        aside.unlink()
        return True
    # Someone cleared it and took it a moment ago: it is theirs.
    aside.rename(file)
    return False
