"""Begins the window: application, theme, settings, and what an error in it may not do."""

from __future__ import annotations

import gc
import os
import signal
import sys
import traceback
from collections.abc import Callable
from types import TracebackType

from PyQt6.QtCore import QEvent, Qt
from PyQt6.QtWidgets import QApplication

from gui.settings import read_settings, settings_file
from gui.theme import ThemeChoice
from gui.window import Asked, MainWindow


def open_window(asked: Asked, theme: ThemeChoice | None) -> int:
    """Show the window until it is closed; the exit status.

    ``theme`` replaces the remembered one. Raises OSError where there is no screen.
    """
    _require_screen()
    # A dialog of the system would keep Esc, the emergency stop, to itself.
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_DontUseNativeDialogs)
    application = QApplication.instance() or QApplication(["labctl"])
    assert isinstance(application, QApplication)
    application.setApplicationName("labctl")
    file = settings_file()
    settings = read_settings(file)
    if theme is not None:
        settings = settings.model_copy(update={"theme": theme})
    window = MainWindow(asked, settings, file)
    sys.excepthook = _tell_errors(window)
    # Ctrl-C in the terminal closes as the window's own button does: it asks during a run.
    signal.signal(signal.SIGINT, lambda number, frame: window.close())
    window.show()
    spare_from_collection()
    status = application.exec()
    # Spared from collection it would live on, and take Esc from whatever the process shows next.
    window.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return status


def spare_from_collection() -> None:
    """Leave all that has been made so far out of the garbage collector's full rounds.

    It stays to the end, and each such round over it would hold up every thread for 80 ms.
    """
    gc.collect()
    gc.freeze()


def _require_screen() -> None:
    """Qt ends the process where it finds no screen; this says it in words."""
    if sys.platform in ("win32", "darwin"):
        return
    if not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")):
        raise OSError(
            "there is no screen to show a window on (neither DISPLAY nor WAYLAND_DISPLAY is set); "
            "over ssh, try `ssh -X`, or use the commands: labctl run --help"
        )


def _tell_errors(
    window: MainWindow,
) -> Callable[[type[BaseException], BaseException, TracebackType | None], None]:
    """What Qt calls for an error in the window; without it Qt would end the process."""

    def tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        traceback.print_exception(kind, error, trace)
        window.tell_problem(f"The window made an error, runs are not affected: {error!r}")

    return tell
