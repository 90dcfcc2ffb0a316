"""Named sets of parameters: the paper's conditions, which ship, and one's own, kept in files.

One's own stand in ``presets/PROCEDURE.json`` of the user's configuration folder: name to what was
typed. Files are read and written in threads.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSignal

from gui.settings import settings_file
from gui.tasks import Tasks
from labctl.reproduce.experiments import FAST, STRONG, WEAK
from labctl.store.files import replace_json
from procedures import load_procedure

Typed = Mapping[str, str]

_STANDARD = {"set_compliance": "55uA", "reset_voltage": "2.5V", "pulse_width": "1us"}

_SHIPPED: Mapping[str, Typed] = {
    "Defaults": {},
    "Fig. 4: 55 µA, 2.5 V, 1 µs": _STANDARD,
    "Table 1: 200 µA, 2.5 V, 1 µs": STRONG,
    "Table 1: 200 µA, 1.5 V, 1 µs": WEAK,
    "Table 1: 200 µA, 2 V, 100 ns": FAST,
    "Fig. 6: 7e8 cycles at 200 µA, 2.5 V": {**STRONG, "cycles": "7e8"},
    "Fig. 7: 5e10 cycles at 200 µA, 1.5 V": {**WEAK, "cycles": "5e10", "window_cycles": "1e6"},
}
"""The paper's conditions (Hirtzlin et al., 2020)."""


def shipped(procedure: str) -> dict[str, Typed]:
    """The shipped sets whose parameters a procedure has, by name."""
    known = load_procedure(procedure)().parameter_objects()
    return {name: typed for name, typed in _SHIPPED.items() if set(typed) <= set(known)}


def user_folder() -> Path:
    """Where one's own presets are kept: beside the window's settings."""
    return settings_file().parent / "presets"


class Presets(QObject):
    """One's own presets."""

    changed = pyqtSignal(str)
    """The procedure whose presets are known now."""

    failed = pyqtSignal(str)
    """A sentence: a file that cannot be read or written."""

    def __init__(self, folder: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folder = folder or user_folder()
        self._known: dict[str, dict[str, Typed]] = {}
        self._one_at_a_time = threading.Lock()
        self._tasks = Tasks(self)

    def of(self, procedure: str) -> dict[str, Typed]:
        """A procedure's presets by name, as far as they have been read."""
        return self._known.get(procedure, {})

    def read(self, procedure: str) -> None:
        """Read a procedure's presets; `changed` tells when they are there."""
        self._work(procedure, lambda presets: False)

    def save(self, procedure: str, name: str, typed: Typed) -> None:
        """Keep what was typed under a name, in the place of what had that name."""
        kept = dict(typed)

        def put(presets: dict[str, Typed]) -> bool:
            presets[name] = kept
            return True

        self._work(procedure, put)

    def delete(self, procedure: str, name: str) -> None:
        """Forget a preset."""
        self._work(procedure, lambda presets: presets.pop(name, None) is not None)

    def _work(self, procedure: str, change: Callable[[dict[str, Typed]], bool]) -> None:
        """Read a file and, if ``change`` changes what it holds, write it; in a thread."""
        path = self._folder / f"{procedure}.json"

        def work() -> dict[str, Typed]:
            with self._one_at_a_time:
                presets = _read(path)
                if change(presets):
                    replace_json(path, presets)
                return presets

        def then(presets: dict[str, Typed]) -> None:
            self._known[procedure] = presets
            self.changed.emit(procedure)

        self._tasks.run(work, then, self.failed.emit)


def _read(path: Path) -> dict[str, Typed]:
    """Presets by name; ValueError with one sentence if the file holds something else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        content = None
    if not _are_presets(content):
        raise ValueError(f"{path} holds no presets: mend it, or take it away")
    return dict(content)


def _are_presets(content: object) -> bool:
    return isinstance(content, dict) and all(
        isinstance(typed, dict) and all(isinstance(text, str) for text in typed.values())
        for typed in content.values()
    )
