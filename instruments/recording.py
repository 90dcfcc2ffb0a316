"""Everything that passes between drivers and instruments, written down, and compared later.

A recording is a file of JSON lines, each with its number ``n``. Line 1 is the header: ``format``
and what the caller adds (bench, modules, simulated or real). Then follow, as they happened,

``sent``      a line to the mainframe
``received``  a reply of the mainframe
``flushed``   replies thrown away
``call``      a C function: ``in`` and ``out`` hold its arguments (`instruments.wgfmu.calls`),
              ``code`` what it returned; a call that failed has stored nothing

each with ``t``, the bench time in seconds when it was over, if a clock is given, with ``door`` if
it went to another instrument than the mainframe, and with ``error`` where the transport raised
something. Byte strings stand as Latin-1 text.

Nothing here is a simulation: what is recorded may be real or simulated, and a replay gives back
what was recorded and nothing else.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path
from typing import IO, Any, cast

from pymeasure.adapters import Adapter

from instruments.wgfmu.calls import FORMS
from instruments.wgfmu.library import SIGNATURES, WgfmuLibrary

FORMAT = 1

Entry = dict[str, Any]

_KINDS = ("sent", "received", "flushed", "call")
_CONTEXT = 3
_SHOWN = 120
"""Characters of a line's content in an error."""

_TO_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class RecordingError(ValueError):
    """A recording that cannot be made or used; one sentence says why."""


class ReplayDifference(RuntimeError):
    """A run does other things than the recorded one; one sentence names the first of them."""


def require_new_file(path: Path) -> None:
    """Raise `RecordingError` unless a recording can be made at ``path``."""
    if path.exists():
        raise RecordingError(f"{path} exists, and a recording never replaces a file: name another")
    if not path.parent.is_dir():
        raise RecordingError(f"{path} cannot be recorded: there is no folder {path.parent}")


# --- writing ----------------------------------------------------------------------------------


class Recorder:
    """Writes a recording; every line reaches the operating system before its call returns.

    ``now`` gives bench time in seconds. The file is made with the first line, never over another.
    Raises `RecordingError` at once if it could not be made, and later, once, if a line cannot be
    written: what comes after is passed on without being recorded, so that outputs can be made safe.
    """

    def __init__(
        self, path: Path, header: Mapping[str, Any], now: Callable[[], float] | None = None
    ) -> None:
        require_new_file(path)
        self.path = path
        self._header = {"format": FORMAT, **header}
        self._begin = None if now is None else now()
        self._now = now
        self._file: IO[bytes] | None = None
        self._lines = 0
        self._ended = False

    def write(self, entry: Entry) -> None:
        """Append a line."""
        if self._ended:
            return
        try:
            if self._file is None:
                # Unbuffered: what is lost with a crash is at most the line being written.
                self._file = self.path.open("xb", buffering=0)
                self._append(self._file, self._header, self._begin)
            self._append(self._file, entry, None if self._now is None else self._now())
        except OSError as error:
            self.close()
            raise RecordingError(
                f"the recording {self.path} cannot be written: {error.strerror or error}"
            ) from error

    def _append(self, file: IO[bytes], entry: Entry, seconds: float | None) -> None:
        self._lines += 1
        numbered = {"n": self._lines, **entry}
        if seconds is not None:
            numbered["t"] = seconds
        line = _TO_JSON(numbered).encode("utf-8") + b"\n"
        if file.write(line) != len(line):
            raise OSError("the disk is full")

    def close(self) -> None:
        """End the recording."""
        self._ended = True
        if self._file is not None:
            with suppress(OSError):
                self._file.close()


class RecordingAdapter(Adapter):  # type: ignore[misc]
    """A PyMeasure adapter that writes down what goes through another.

    ``door`` names the instrument behind it; empty for the mainframe.
    """

    def __init__(self, inner: Adapter, recorder: Recorder, door: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = inner
        self.connection = getattr(inner, "connection", None)
        self._recorder = recorder
        self._door = _door(door)

    def _write(self, command: str, **kwargs: Any) -> None:
        self._tried({"sent": command}, self.inner.write, command, **kwargs)
        self._recorder.write({"sent": command, **self._door})

    def _write_bytes(self, content: bytes, **kwargs: Any) -> None:
        text = content.decode("latin-1")
        self._tried({"sent": text}, self.inner.write_bytes, content, **kwargs)
        self._recorder.write({"sent": text, **self._door})

    def _read(self, **kwargs: Any) -> str:
        reply = str(self._tried({"received": None}, self.inner.read, **kwargs))
        self._recorder.write({"received": reply, **self._door})
        return reply

    def _read_bytes(self, count: int, break_on_termchar: bool, **kwargs: Any) -> bytes:
        read, entry = self.inner.read_bytes, {"received": None}
        reply = bytes(self._tried(entry, read, count, break_on_termchar, **kwargs))
        self._recorder.write({"received": reply.decode("latin-1"), **self._door})
        return reply

    def flush_read_buffer(self) -> None:
        """Throw away whatever could be read."""
        self._tried({"flushed": True}, self.inner.flush_read_buffer)
        self._recorder.write({"flushed": True, **self._door})

    def close(self) -> None:
        """Close the inner adapter; the recording goes on for the other doors."""
        self.inner.close()

    def _tried(self, entry: Entry, action: Callable[..., Any], *given: Any, **named: Any) -> Any:
        try:
            return action(*given, **named)
        except Exception as error:
            failed = {**entry, "error": f"{type(error).__name__}: {error}", **self._door}
            self._recorder.write(failed)
            raise

    def __repr__(self) -> str:
        return f"<RecordingAdapter of {self.inner!r}>"


class RecordingLibrary:
    """The C names of a WGFMU library, every call of which is written down."""

    def __init__(self, library: WgfmuLibrary, recorder: Recorder) -> None:
        self._library = library
        for name in SIGNATURES:
            # Names that an older library lacks are missing here too.
            if hasattr(library, name):
                setattr(self, name, _recorded_call(name, getattr(library, name), recorder))

    def library(self) -> WgfmuLibrary:
        """This object, as what it stands for."""
        return cast(WgfmuLibrary, self)


def _recorded_call(
    name: str, function: Callable[..., int], recorder: Recorder
) -> Callable[..., int]:
    form = FORMS[name]

    def call(*arguments: Any) -> int:
        pointed = form.pointers(arguments)
        given = form.given(pointed)
        code = int(function(*arguments))
        out = form.stored(pointed, given) if code == 0 else []
        recorder.write({"call": name, "in": given, "code": code, "out": out})
        return code

    return call


# --- replaying --------------------------------------------------------------------------------


class Replay:
    """A recording that a run is compared with, one line after another.

    ``header`` is its first line, ``seconds`` the bench time of the line that was replayed last.
    Raises `RecordingError` if the file is no recording of this format. From the first
    `ReplayDifference` on, every further line raises that one again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.difference: ReplayDifference | None = None
        self._number = 0
        self._before: deque[str] = deque(maxlen=_CONTEXT)
        self._entries = self._read()
        header = next(self._entries, {})
        if header.get("format") != FORMAT:
            self.close()
            raise RecordingError(
                f"{path} is no recording of format {FORMAT}, the one of this labctl"
            )
        self.header = header
        self.seconds = float(header.get("t", 0.0))

    def take(self, kind: str, **asked: Any) -> Entry:
        """The next line; raises `ReplayDifference` unless it is of this kind and content."""
        if self.difference is not None:
            raise self.difference
        recorded = next(self._entries, None)
        if recorded is None:
            raise self._differs(f"the recording ends, but the run {_told(kind, asked)}")
        compared = {"door": None, **asked}
        if kind not in recorded or any(recorded.get(key) != compared[key] for key in compared):
            raise self._differs(
                f"the recorded run {_told_entry(recorded)}, but this one {_told(kind, asked)}"
                + _where_they_differ(recorded, asked)
            )
        self.seconds = recorded.get("t", self.seconds)
        self._before.append(_told_entry(recorded))
        return recorded

    def finish(self) -> None:
        """Raise the difference that was found, or one if the recording goes on after the run."""
        left = next(self._entries, None) if self.difference is None else None
        self.close()
        if left is not None:
            raise self._differs(f"the recorded run {_told_entry(left)}, but this one has ended")
        if self.difference is not None:
            raise self.difference

    def unreadable(self) -> RecordingError:
        """The present line is none of a recording."""
        return RecordingError(f"line {self._number} of {self.path} is none of a recording")

    def close(self) -> None:
        """Close the file."""
        self._entries.close()

    def _differs(self, what: str) -> ReplayDifference:
        before = f"; before that: {', '.join(self._before)}" if self._before else ""
        self.difference = ReplayDifference(
            f"line {self._number} of {self.path.name}: {what}{before}"
        )
        return self.difference

    def _read(self) -> Generator[Entry]:
        try:
            with self.path.open(encoding="utf-8", newline="\n") as file:
                for line in file:
                    self._number += 1
                    entry = json.loads(line)
                    if not isinstance(entry, dict):
                        raise ValueError
                    yield entry
                self._number += 1
        except OSError as error:
            reason = error.strerror or str(error)
            raise RecordingError(f"{self.path} cannot be read: {reason}") from None
        except ValueError:
            raise self.unreadable() from None


class ReplayAdapter(Adapter):  # type: ignore[misc]
    """A PyMeasure adapter that takes the lines of a recording and gives its replies.

    Raises `ReplayDifference`, and OSError where the recorded transport raised something.
    """

    def __init__(self, replay: Replay, door: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.connection = None
        self._replay = replay
        self._door = _door(door)

    def _write(self, command: str, **kwargs: Any) -> None:
        _raise_recorded(self._replay.take("sent", sent=command, **self._door))

    def _write_bytes(self, content: bytes, **kwargs: Any) -> None:
        self._write(content.decode("latin-1"))

    def _read(self, **kwargs: Any) -> str:
        entry = self._replay.take("received", **self._door)
        _raise_recorded(entry)
        return str(entry["received"])

    def _read_bytes(self, count: int, break_on_termchar: bool, **kwargs: Any) -> bytes:
        return self._read().encode("latin-1")

    def flush_read_buffer(self) -> None:
        """Nothing is waiting; compared like a line."""
        _raise_recorded(self._replay.take("flushed", **self._door))

    def __repr__(self) -> str:
        return f"<ReplayAdapter of {self._replay.path}>"


class ReplayLibrary:
    """The 88 C names, answered from a recording; they raise `ReplayDifference`."""

    def __init__(self, replay: Replay) -> None:
        for name in SIGNATURES:
            setattr(self, name, _replayed_call(name, replay))

    def library(self) -> WgfmuLibrary:
        """This object, as what it stands for."""
        return cast(WgfmuLibrary, self)


def _replayed_call(name: str, replay: Replay) -> Callable[..., int]:
    form = FORMS[name]

    def call(*arguments: Any) -> int:
        pointed = form.pointers(arguments)
        given = form.given(pointed)
        recorded = replay.take("call", call=name, **{"in": given})
        try:
            if recorded["code"] == 0:
                form.store(pointed, recorded["out"], given)
            return int(recorded["code"])
        except (KeyError, TypeError, ValueError, AttributeError):
            raise replay.unreadable() from None

    return call


def _door(name: str) -> Entry:
    """What the lines of an instrument carry besides; nothing for the mainframe's."""
    return {"door": name} if name else {}


def _raise_recorded(entry: Entry) -> None:
    if "error" in entry:
        raise OSError(f"as recorded: {entry['error']}")


# --- differences, told ------------------------------------------------------------------------


def _told_entry(entry: Entry) -> str:
    kind = next((kind for kind in _KINDS if kind in entry), "")
    return _told(kind, entry)


def _told(kind: str, content: Mapping[str, Any]) -> str:
    """What a line is about, as the end of a sentence that begins with a run."""
    if kind == "call":
        arguments = ", ".join(str(argument) for argument in content.get("in", []))
        return _shortened(f"called {content['call']}({arguments})")
    door = f" ({content['door']})" if "door" in content else ""
    if kind == "sent":
        return _shortened(f"sent {content['sent']!r}") + door
    if kind == "flushed":
        return f"threw away what could be read{door}"
    reply = _shortened(repr(content["received"])) if "received" in content else "a reply"
    return f"read {reply}{door}"


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _where_they_differ(recorded: Entry, asked: Mapping[str, Any]) -> str:
    """Which argument of the same function differs, and which item of an array."""
    if "call" not in asked or recorded.get("call") != asked["call"]:
        return ""
    pairs = zip_longest(recorded.get("in", []), asked["in"])
    index, (was, now) = next((i, pair) for i, pair in enumerate(pairs, 1) if pair[0] != pair[1])
    if isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        items = zip(was, now, strict=True)
        item, (was, now) = next((i, pair) for i, pair in enumerate(items, 1) if pair[0] != pair[1])
        return f" (argument {index}, item {item}: {was} recorded, {now} now)"
    return f" (argument {index}: {was} recorded, {now} now)"
