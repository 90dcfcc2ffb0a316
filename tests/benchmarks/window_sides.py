"""One window in a process: ``python -m tests.benchmarks.window_sides SIDE FOLDER ROWS``.

Prints one JSON object. Offscreen; all windows have the same size and get the same rows.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

os.environ["QT_QPA_PLATFORM"] = "offscreen"

import pyqtgraph
from PyQt6.QtCore import QPointF
from PyQt6.QtWidgets import QApplication, QWidget

from labctl.observing import Stop
from labctl.store.folder import RESULTS
from labctl.store.writer import RunWriter
from tests.benchmarks.window_rows import COLUMNS, OUTLIER_OHM, X, Y, lines
from tests.gui.watchdog import Watchdog

SIZE = (1280, 800)
NEW_ROWS = 200
"""A refresh: 1000 rows/s at PyMeasure's own 0.2 s."""
REFRESHES = 9
RATE_S = 5.0
LIVE_S = 20.0
PAINTED_S = 10.0
PATIENCE_S = 300.0
LIVE_RUN = ("run", "checkerboard", "--programmings", "1000", "--seed", "1")


class Watched:
    """What the window's thread did: refreshes, the rows that were drawn last, its worst stalls."""

    def __init__(self) -> None:
        self.refreshes = 0
        self.rows = 0
        self.stalls = Watchdog()


# --- this project's window ------------------------------------------------------------------------


def finished(folder: Path, rows: int) -> dict[str, Any]:
    """A finished run is read in, looked at, and gets more rows."""
    with _window(folder.parent, folder) as (window, watched):
        view = window.parts.views["rows"]
        # The window brings the tab to the front that suits the run.
        _wait_until(lambda: window.shown.status is not None and window.shown.status.steps_done > 0)
        window.parts.plots.setCurrentWidget(view)
        _wait_until(lambda: watched.rows == rows and view.is_caught_up)
        view.choose(X, Y)
        _rest(0.5)
        _wait_until(lambda: view.is_caught_up)
        stalls = watched.stalls.worst_s, watched.stalls.worst_cpu_s
        seen = _is_drawn_soon(view, rows // 2, OUTLIER_OHM)
        window._timer.stop()
        costs = []
        writer = RunWriter.reopen(folder)
        for count in range(REFRESHES):
            _append(writer, rows, count)
            costs.append(_refresh_cost(window, watched, rows + (count + 1) * NEW_ROWS))
        window._timer.start()
        rate = _rate(watched, writer, rows)
        writer.close("success", None)
        return {
            "refresh_s": costs,
            "stall_s": stalls[0],
            "stall_cpu_s": stalls[1],
            "rate": rate,
            "outlier_is_seen": seen,
            "resident_bytes": _resident_bytes(),
        }


def live(folder: Path, rows: int) -> dict[str, Any]:
    """A simulated bench runs flat out in a process that the window has started."""
    with _window(folder, None) as (window, watched):
        os.environ["LABCTL_RUNS"], os.environ["LABCTL_DIES"] = str(folder), str(folder / "dies")
        window.running.begin(LIVE_RUN)
        _wait_until(lambda: window.running.path is not None)
        window.look_at(window.running.path.name, window.running.path)
        watched.stalls.forget()
        begin = watched.refreshes
        _rest(LIVE_S)
        rate = (watched.refreshes - begin) / LIVE_S
        window._stop(Stop.EMERGENCY)
        _wait_until(lambda: not window.running.active)
        return {
            "stall_s": watched.stalls.worst_s,
            "stall_cpu_s": watched.stalls.worst_cpu_s,
            "rate": rate,
        }


@contextmanager
def _window(runs: Path, follow: Path | None) -> Iterator[tuple[Any, Watched]]:
    """The main window as `labctl gui` opens it, and what is watched of it."""
    from gui.app import spare_from_collection
    from gui.settings import Settings
    from gui.views.rows import RowsView
    from gui.window import Asked, MainWindow

    watched = Watched()
    refresh, show_run = MainWindow.refresh, RowsView.show_run

    def refreshed(self: Any) -> None:
        watched.refreshes += 1
        refresh(self)

    def shown(self: Any, run: str, picture: Any, style: Any) -> None:
        show_run(self, run, picture, style)
        watched.rows = picture.rows

    with (
        patch.object(MainWindow, "refresh", refreshed),
        patch.object(RowsView, "show_run", shown),
        TemporaryDirectory() as settings,
    ):
        asked = Asked({"runs": str(runs)}, follow)
        window = MainWindow(asked, Settings(), Path(settings) / "window.json")
        window.resize(*SIZE)
        window.show()
        spare_from_collection()
        _rest(0.5)
        watched.stalls.begin()
        try:
            yield window, watched
        finally:
            window.close()


def _append(writer: RunWriter, rows: int, count: int) -> None:
    """Add `NEW_ROWS` rows in one more step, for the ``count``-th time, to a run of ``rows``."""
    first = rows + count * NEW_ROWS
    writer.append_row(lines(range(first, first + NEW_ROWS)))
    writer.end_step(rows + count)


def _refresh_cost(window: Any, watched: Watched, rows: int) -> float:
    """Time in which the interface takes, shows and paints the new rows, s."""
    deadline = time.perf_counter() + PATIENCE_S
    while time.perf_counter() < deadline:
        # The follower's thread reads meanwhile.
        time.sleep(0.25)
        begin = time.perf_counter()
        window.refresh()
        QApplication.processEvents()
        cost = time.perf_counter() - begin
        if watched.rows >= rows:
            return cost
    raise RuntimeError(f"the new rows were not shown within {PATIENCE_S} s")


def _rate(watched: Watched, writer: RunWriter, rows: int) -> float:
    """Refreshes a second while rows come in."""
    done = threading.Event()

    def write() -> None:
        count = REFRESHES
        while not done.wait(0.2):
            _append(writer, rows, count)
            count += 1

    thread = threading.Thread(target=write)
    thread.start()
    begin, before = time.perf_counter(), watched.refreshes
    _rest(RATE_S)
    rate = (watched.refreshes - before) / (time.perf_counter() - begin)
    done.set()
    thread.join()
    return rate


def _is_drawn_soon(view: QWidget, x: float, y: float) -> bool:
    """Whether a point is in the picture of the view, once that has been painted."""
    deadline = time.perf_counter() + PAINTED_S
    while not _is_drawn(view, x, y):
        if time.perf_counter() > deadline:
            return False
        _rest(0.1)
    return True


def _is_drawn(view: QWidget, x: float, y: float) -> bool:
    """Whether a point is in the picture of the view: another colour than the ground beside it."""
    (graphics,) = view.findChildren(pyqtgraph.GraphicsView)
    (box,) = (item for item in graphics.items() if isinstance(item, pyqtgraph.ViewBox))
    point = graphics.mapFromScene(box.mapViewToScene(QPointF(x, y)))
    picture = graphics.grab().toImage()
    ratio = picture.devicePixelRatio()

    def colours(column: int) -> set[str]:
        rows = (point.y() + offset for offset in range(-2, 8))
        return {
            picture.pixelColor(round(column * ratio), round(row * ratio)).name() for row in rows
        }

    # The line goes up to the point and down again; a grid line is at no such place on both sides.
    ground = colours(point.x() - 25) | colours(point.x() + 25)
    return bool(set().union(*(colours(point.x() + offset) for offset in range(-2, 3))) - ground)


# --- PyMeasure's window ---------------------------------------------------------------------------


def pymeasure(folder: Path, rows: int) -> dict[str, Any]:
    """`ManagedWindow` on the same rows, refreshed as its plot's timer does."""
    from pymeasure.display.windows import ManagedWindow
    from pymeasure.experiment import Procedure, Results

    class Plain(Procedure):  # type: ignore[misc]
        DATA_COLUMNS = COLUMNS

    file = folder / RESULTS
    window = ManagedWindow(Plain, x_axis=X, y_axis=Y)
    window.resize(*SIZE)
    window.show()
    results = Results.load(str(file), procedure_class=Plain)
    curve = window.plot_widget.new_curve(results)
    window.plot_widget.load(curve)
    assert len(results.data) == rows
    _rest(0.5)
    # Its own timer would refresh beside those that are timed; a loaded curve it leaves alone.
    costs = []
    with file.open("a", encoding="utf-8") as stream:
        for count in range(REFRESHES):
            first = rows + count * NEW_ROWS
            stream.write(lines(range(first, first + NEW_ROWS)) + "\n")
            stream.flush()
            begin = time.perf_counter()
            curve.update_data()
            QApplication.processEvents()
            costs.append(time.perf_counter() - begin)
    assert len(results.data) == rows + REFRESHES * NEW_ROWS
    window.close()
    return {"refresh_s": costs, "resident_bytes": _resident_bytes()}


# --- both -----------------------------------------------------------------------------------------


def _rest(seconds: float) -> None:
    """Let Qt work."""
    begin = time.perf_counter()
    while time.perf_counter() < begin + seconds:
        QApplication.processEvents()
        time.sleep(0.001)


def _wait_until(holds: Callable[[], bool]) -> None:
    """Let Qt work until then; RuntimeError if that takes too long."""
    deadline = time.perf_counter() + PATIENCE_S
    while not holds():
        if time.perf_counter() > deadline:
            raise RuntimeError(f"not within {PATIENCE_S} s")
        _rest(0.01)


def _resident_bytes() -> int:
    """Memory of this process, bytes; 0 where there is no /proc."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    (line,) = (one for one in status.read_text("utf-8").splitlines() if one.startswith("VmRSS"))
    return 1024 * int(line.split()[1])


SIDES: dict[str, Callable[[Path, int], dict[str, Any]]] = {
    "finished": finished,
    "live": live,
    "pymeasure": pymeasure,
}

if __name__ == "__main__":
    application = QApplication(["labctl"])
    found = SIDES[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
    print(json.dumps(found))
