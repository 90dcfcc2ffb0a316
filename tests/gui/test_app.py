"""``labctl gui``: what it shows, and what it refuses in one sentence."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtWidgets import QApplication
from typer.testing import CliRunner

from gui.settings import SETTINGS_VARIABLE, read_settings
from gui.theme import ThemeChoice
from gui.window import MainWindow
from labctl.cli import app
from tests.gui.windows import Place


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    made = Place(tmp_path)
    monkeypatch.setenv(SETTINGS_VARIABLE, str(made.settings_file))
    return made


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ctrl-C and errors go where they went, and nothing is spared from collection."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    handler = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, handler)
    gc.unfreeze()


def meanwhile(do: Callable[[MainWindow], None]) -> None:
    """Do something with the window as soon as it is shown."""

    def look() -> None:
        shown = [w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow)]
        (window,) = (window for window in shown if window.isVisible())
        do(window)

    QTimer.singleShot(0, look)


def gui(place: Place, *words: str) -> tuple[int, str]:
    line = ["gui", "--bench", str(place.bench), "--runs", str(place.runs), *words]
    result = CliRunner().invoke(app, line)
    return result.exit_code, result.output


def test_the_window_takes_the_options_and_closes_with_ctrl_c(
    qapp: QApplication, place: Place
) -> None:
    seen: dict[str, object] = {}

    def look(window: MainWindow) -> None:
        seen.update(window.parts.options.options())
        seen["own dialogs"] = QApplication.testAttribute(
            Qt.ApplicationAttribute.AA_DontUseNativeDialogs
        )
        signal.raise_signal(signal.SIGINT)

    meanwhile(look)
    assert gui(place, "--die", "lab3", "--dark") == (0, "")
    assert seen["die"] == "lab3"
    # Those of the system would keep Esc to themselves.
    assert seen["own dialogs"] is True
    assert seen["bench"] == str(place.bench)
    assert seen["runs"] == str(place.runs)
    assert read_settings(place.settings_file).theme is ThemeChoice.DARK


def test_what_the_window_is_made_of_is_spared_from_collection(
    qapp: QApplication, place: Place
) -> None:
    spared = []

    def look(window: MainWindow) -> None:
        spared.append(gc.get_freeze_count())
        window.close()

    meanwhile(look)
    assert gui(place)[0] == 0
    assert spared[0] > 0


def test_an_error_in_the_window_is_told_and_the_window_stays(
    qapp: QApplication, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = []

    def fail(window: MainWindow) -> None:
        error = RuntimeError("a view broke")
        sys.excepthook(RuntimeError, error, None)
        seen.append(window.parts.notice.text())
        window.close()

    meanwhile(fail)
    assert gui(place)[0] == 0
    assert "a view broke" in seen[0]
    assert "runs are not affected" in seen[0]


def test_a_run_that_is_not_there_is_refused(place: Place) -> None:
    status, output = gui(place, "--follow", "nothing")
    assert status == 2
    assert "no run 'nothing'" in output


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="there is always a screen")
def test_without_a_screen_it_says_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    status, output = gui(place)
    assert status == 2
    assert "no screen" in output
