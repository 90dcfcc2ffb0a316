"""The window under test: offscreen, and a word on what is missing where Qt cannot be loaded."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from labctl.observing import Stop
    from tests.gui.windows import FakeChild

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

_WHY = ""
try:
    from PyQt6 import QtWidgets  # noqa: F401
except ImportError as error:
    _WHY = (
        f"Qt cannot be loaded ({error}); install what it needs: `pip install -e .[dev]`, and on "
        "Debian or Ubuntu `apt install libxkbcommon0 libegl1 libfontconfig1 libglib2.0-0 "
        "libdbus-1-3`"
    )


class _LeftOut(pytest.Module):
    """A file of tests that cannot even be imported."""

    def collect(self) -> Iterable[pytest.Item]:
        """Skipped as a whole, with the reason."""
        pytest.skip(_WHY, allow_module_level=True)


def pytest_pycollect_makemodule(
    module_path: Path, parent: pytest.Collector
) -> pytest.Module | None:
    """Without Qt, no file of this folder is imported."""
    return _LeftOut.from_parent(parent, path=module_path) if _WHY else None


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[FakeChild]:
    """What a window begins: processes that are none."""
    from gui import running
    from tests.gui.windows import FakeChild

    begun: list[FakeChild] = []
    monkeypatch.setattr(FakeChild, "begun", begun, raising=False)
    monkeypatch.setattr(running, "RunChild", FakeChild)
    return begun


@pytest.fixture
def stops(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Stop]]:
    """What a window asks to stop, and how."""
    from gui import running

    asked: list[tuple[str, Stop]] = []
    monkeypatch.setattr(running, "RunFolder", lambda path: path)
    monkeypatch.setattr(
        running, "ask_to_stop", lambda path, level: asked.append((path.name, level))
    )
    return asked
