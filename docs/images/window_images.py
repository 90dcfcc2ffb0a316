"""Makes the pictures of the window: each state, 1280 x 800 light and 1920 x 1080 dark.

``python docs/images/window_images.py [--into FOLDER] [STATE ...]``; needs no screen. The runs in
them are made on the simulated bench with fixed seeds, or by the window itself. All states take five
minutes; `live` is a run from Start to a pause, in several pictures.
"""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PIL import Image
from PyQt6.QtCore import QPoint
from PyQt6.QtGui import QPainter, QPixmap
from PyQt6.QtWidgets import QApplication, QWidget

from gui.closing import ClosingQuestion
from gui.run_list import RunLine
from gui.settings import Settings
from gui.theme import ThemeChoice
from gui.window import Asked, MainWindow
from labctl.bench import DieChoice
from labctl.benchfile import example_file, load_setup
from labctl.runs import RunRequest, run
from labctl.store.folder import RunFolder
from procedures import load_procedure

HERE = Path(__file__).parent
SIZES = {"1280": (1280, 800, ThemeChoice.LIGHT), "1920": (1920, 1080, ThemeChoice.DARK)}
DIE = "lab3-d07"
_PATIENCE_S = 600


class Runs:
    """One run of each kind that is pictured, made when it is first wanted."""

    _CYCLING: ClassVar[dict[str, Any]] = {"cycles": "1e8", "pairs": 2, "set_compliance": "200uA"}
    _MADE: ClassVar[dict[str, tuple[str, str | None, int, dict[str, Any]]]] = {
        "forming": ("forming", DIE, 11, {}),
        "checkerboard": ("checkerboard", DIE, 11, {"programmings": 10}),
        "weak": ("endurance", None, 4, {**_CYCLING, "reset_voltage": "1.5V"}),
        "endurance": ("endurance", None, 3, {**_CYCLING, "reset_voltage": "2.5V"}),
        "conditions": ("conditions", None, 7, {"rows": 8}),
        "iv": ("iv", None, 5, {}),
        "sense": ("sense", None, 9, {"rows": 16, "programmings": 4}),
    }
    """Name to procedure, die, seed and parameters."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[str, RunFolder] = {}

    def __getitem__(self, name: str) -> RunFolder:
        if name not in self._made:
            procedure, die, seed, parameters = self._MADE[name]
            asked = load_procedure(procedure)()
            asked.set_parameters(parameters)
            choice = DieChoice(die, seed, self._folder / "dies")
            request = RunRequest(procedure, asked, load_setup(None), choice, self._folder / "runs")
            self._made[name] = run(request)
        return self._made[name]


class Photographer:
    """Brings the window into a state and takes its picture at every size."""

    def __init__(self, folder: Path, target: Path, runs: Runs) -> None:
        self._application = QApplication.instance() or QApplication(["labctl"])
        self._folder, self._target, self._runs = folder, target, runs

    def take(self, state: str, arrange: Callable[[MainWindow], None], **options: str) -> None:
        """``options`` stand beside those of the folders."""
        for size in SIZES:
            with self._opened(size, options) as window:
                arrange(window)
                self._wait_until_read(window)
                self._save(window, state, size)

    def tell(self, story: Callable[[MainWindow], Iterator[str]], **options: str) -> None:
        """A window goes through several states; the story names each once it is there."""
        for size in SIZES:
            with self._opened(size, options) as window:
                for state in story(window):
                    self.settle(0.5)
                    self._save(window, state, size)

    @contextmanager
    def _opened(self, size: str, options: dict[str, str]) -> Iterator[MainWindow]:
        width, height, theme = SIZES[size]
        places = {"runs": str(self._folder / "runs"), "dies": str(self._folder / "dies")}
        asked = Asked({**places, "die": DIE, **options})
        window = MainWindow(asked, Settings(theme=theme), self._folder / "window.json")
        window.resize(width, height)
        window.show()
        self.wait(lambda: window.parts.browser.runs.lines and "being read" not in told(window))
        yield window
        window.close()
        window.deleteLater()
        self.settle(0.1)

    def _wait_until_read(self, window: MainWindow) -> None:
        self.settle()
        while (told_pulses := window.parts.progress.pulses.text()) != self.read_on(window):
            print("still reading:", told_pulses)

    def _save(self, window: MainWindow, state: str, size: str) -> None:
        file = self._target / f"window-{state}-{size}.png"
        picture = window.grab()
        questions = [q for q in window.findChildren(ClosingQuestion) if q.isVisible()]
        with QPainter(picture) as painter:
            for question in questions:
                painter.drawPixmap(_middle(window, question), framed(question))
        picture.save(str(file))
        shrink(file)
        print(state, size, f"{window.width()} x {window.height()}")

    def look_at(self, window: MainWindow, run: str) -> None:
        """A run in front, drawn."""
        found = self._runs[run]
        window.look_at(found.id, found.path)
        self.wait(lambda: window.shown.status is not None and window.shown.status.log is not None)
        self.wait(lambda: window.parts.progress.step.text() != "no run")

    def wait(self, until: Callable[[], object]) -> None:
        """Until something is shown."""
        end = time.monotonic() + _PATIENCE_S
        while not until():
            if time.monotonic() > end:
                raise TimeoutError("the window did not get there")
            self._application.processEvents()
            time.sleep(0.01)

    def read_on(self, window: MainWindow) -> str:
        """The pulses counted a while later: the same when a run has been read to its end."""
        self.settle()
        return window.parts.progress.pulses.text()

    def settle(self, seconds: float = 2.0) -> None:
        """Let everything be drawn."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._application.processEvents()
            time.sleep(0.01)


def framed(question: QWidget) -> QPixmap:
    """A dialog of its own with the frame that a desktop would give it."""
    picture = question.grab()
    with QPainter(picture) as painter:
        painter.drawRect(picture.rect().adjusted(0, 0, -1, -1))
    return picture


def _middle(window: QWidget, dialog: QWidget) -> QPoint:
    room = window.size() - dialog.size()
    return QPoint(room.width() // 2, room.height() // 2)


def shrink(file: Path) -> None:
    """A third of the size with 256 colours, which is all that a window has."""
    picture = Image.open(file).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    picture.save(file, optimize=True)


def told(window: MainWindow) -> str:
    """What the banner says."""
    return window.parts.banner.text


def lines(window: MainWindow) -> tuple[RunLine, ...]:
    """The runs in its table."""
    return window.parts.browser.runs.lines


def states(taker: Photographer, runs: Runs) -> dict[str, Callable[[], None]]:
    """Every state, and what takes its pictures."""

    def plan(window: MainWindow) -> None:
        window.parts.form.choose("endurance")
        window.parts.form.fill({"cycles": "7e8", "set_compliance": "200uA"})
        taker.wait(window.parts.controls.start_button.isEnabled)
        window.parts.plan.tabs.setCurrentIndex(2)
        window.parts.controls.start_button.click()

    def wrong(window: MainWindow) -> None:
        window.parts.form.fields["set_compliance"].fill("900uA")
        window.parts.form.fields["programmings"].fill("ten")

    def checkerboard(window: MainWindow) -> None:
        taker.look_at(window, "checkerboard")
        taker.wait(lambda: window.parts.map.grid.shape == (32, 32))
        window.selection.set((row, column) for row in range(4, 8) for column in range(6, 12))

    def cell(window: MainWindow) -> None:
        checkerboard(window)
        window.selection.set([(4, 6), (12, 20)])
        window.parts.plots.setCurrentWidget(window.parts.views["cell_history"])

    def endurance(window: MainWindow) -> None:
        weak = runs["weak"]
        taker.look_at(window, "endurance")
        window.parts.browser.runs.tick(frozenset({weak.id}))

    def die(window: MainWindow) -> None:
        taker.look_at(window, "forming")
        window.parts.plots.setCurrentWidget(window.parts.die)
        window.parts.lower_tabs.setCurrentWidget(window.parts.log)

    def live(window: MainWindow) -> Iterator[str]:
        """A run from Start to a pause, with its questions."""
        parts, controls = window.parts, window.parts.controls
        parts.form.choose("endurance")
        parts.form.fill({"cycles": "1e8", "pairs": "4"})
        taker.wait(controls.start_button.isEnabled)
        controls.start_button.click()
        controls.yes_button.click()
        taker.wait(lambda: window.shown.status is not None and window.shown.status.fraction > 0.1)
        yield "running"
        parts.form.choose("checkerboard")
        taker.wait(controls.queue_button.isEnabled)
        controls.queue_button.click()
        controls.yes_button.click()
        yield "queue"
        window.close()
        (question,) = window.findChildren(ClosingQuestion)
        yield "closing"
        question.stay.click()
        controls.pause_button.click()
        taker.wait(lambda: not window.running.active)
        parts.queue.queue.remove(0)
        parts.lower_tabs.setCurrentWidget(parts.browser)
        paused = window.shown.front
        taker.wait(lambda: any((x.run, x.status) == (paused, "aborted") for x in lines(window)))
        parts.browser.choose(paused)
        taker.wait(controls.resume_button.isEnabled)
        yield "paused"

    def look(run: str) -> Callable[[MainWindow], None]:
        return lambda window: taker.look_at(window, run)

    def nothing(window: MainWindow) -> None:
        """As it opens."""

    real = str(example_file("b1500"))
    arranged: dict[str, tuple[Callable[[MainWindow], None], dict[str, str]]] = {
        "plan": (plan, {}),
        "wrong-input": (wrong, {}),
        "forming": (look("forming"), {}),
        "checkerboard": (checkerboard, {}),
        "cell": (cell, {}),
        "endurance": (endurance, {}),
        "conditions": (look("conditions"), {}),
        "sense": (look("sense"), {}),
        "iv": (look("iv"), {}),
        "die": (die, {}),
        "real": (nothing, {"bench": real}),
        "old-run-real-bench": (look("iv"), {"bench": real}),
    }
    taken: dict[str, Callable[[], None]] = {
        state: partial(taker.take, state, arrange, **options)
        for state, (arrange, options) in arranged.items()
    }
    return {**taken, "live": partial(taker.tell, live, die="")}


def main(wanted: list[str], target: Path) -> None:
    """Take the pictures of the states that are named, or of all."""
    target.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        runs = Runs(Path(temporary))
        _ = runs["forming"]  # no empty table, and the die of the others is formed
        takes = states(Photographer(Path(temporary), target, runs), runs)
        for state in wanted or takes:
            takes[state]()


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("states", nargs="*", metavar="STATE")
    parser.add_argument("--into", type=Path, default=HERE, metavar="FOLDER")
    given = parser.parse_args()
    main(given.states, given.into)
