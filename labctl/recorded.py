"""A bench whose doors are recorded, and a recording that stands in for a bench's doors."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instruments.recording import (
    Recorder,
    RecordingAdapter,
    RecordingError,
    RecordingLibrary,
    Replay,
    ReplayAdapter,
    ReplayLibrary,
)
from labctl.benchfile import BenchSetup

if TYPE_CHECKING:
    from labctl.bench import DieChoice, Instruments

_BOARD = "board"


class RecordedInstruments:
    """A bench's instruments; all that passes their doors is written to a file.

    Raises `RecordingError` if the file is there already or its folder is not.
    """

    def __init__(
        self, inner: Instruments, setup: BenchSetup, die: dict[str, Any], file: Path
    ) -> None:
        self.inner = inner
        self._recorder = Recorder(file, _header(setup, die), inner.now)
        self.adapter = RecordingAdapter(inner.adapter, self._recorder)
        self.library = RecordingLibrary(inner.library, self._recorder).library()
        self.board = (
            None
            if inner.board is None
            else RecordingAdapter(inner.board, self._recorder, door=_BOARD)
        )

    def now(self) -> float:
        """Bench time, s."""
        return self.inner.now()

    def sleep(self, seconds: float) -> None:
        """As the instruments do; nothing passes the doors meanwhile."""
        self.inner.sleep(seconds)

    def pause_clock(self) -> Callable[[], None]:
        """As the instruments do."""
        return self.inner.pause_clock()

    def save_die(self, path: Path) -> None:
        """As the instruments do."""
        self.inner.save_die(path)

    def close(self) -> None:
        """Close the doors and the recording; outputs stay as they are."""
        try:
            self.inner.close()
        finally:
            self._recorder.close()


class ReplayedInstruments:
    """A recording in place of a bench's instruments: there is none, and no die.

    Raises `RecordingError` if the file is no recording of this bench.
    """

    def __init__(self, setup: BenchSetup, die: DieChoice, file: Path) -> None:
        if die.name is not None or die.seed is not None:
            raise RecordingError("a replay has no die: leave out --die and --seed")
        self.replay = Replay(file)
        header = self.replay.header
        if header.get("bench_sha256") != setup.sha256:
            self.replay.close()
            raise RecordingError(
                f"{file} was recorded with another bench file ({header.get('bench')}, SHA-256 "
                f"{header.get('bench_sha256')}) than {setup.file} (SHA-256 {setup.sha256})"
            )
        kind = "simulated" if header.get("simulated") else "real"
        self.told = f"REPLAY of {file}, recorded on the {kind} bench {header.get('bench')!r}"
        recorded = header.get("die") or {}
        self.die = {"name": None, "seed": recorded.get("seed"), "origin": f"replay of {file}"}
        self.adapter = ReplayAdapter(self.replay)
        self.library = ReplayLibrary(self.replay).library()
        has_board = setup.content.board is not None
        self.board = ReplayAdapter(self.replay, door=_BOARD) if has_board else None

    def now(self) -> float:
        """Bench time of the recording, s."""
        return self.replay.seconds

    def sleep(self, seconds: float) -> None:
        """The recording has waited already."""
        self.replay.seconds += seconds

    def pause_clock(self) -> Callable[[], None]:
        """As the recorded bench did: a simulated one stands still while it is powered."""
        stopped_at = self.replay.seconds

        def resume() -> None:
            self.replay.seconds = stopped_at

        return resume if self.replay.header.get("simulated") else lambda: None

    def save_die(self, path: Path) -> None:
        """There is no die."""

    def close(self) -> None:
        """Nothing but the recording is open, and `finish` closes that."""


def _header(setup: BenchSetup, die: dict[str, Any]) -> dict[str, Any]:
    return {
        "labctl": metadata.version("labctl"),
        "bench": setup.content.bench.name,
        "bench_sha256": setup.sha256,
        "simulated": setup.simulated,
        "modules": {str(slot): model for slot, model in setup.content.mainframe.modules.items()},
        "die": {key: die.get(key) for key in ("name", "seed")},
    }
