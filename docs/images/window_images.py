"""Makes the pictures of the window: each state, 1280 x 800 light and 1920 x 1080 dark.

``python docs/images/window_images.py [FOLDER]``; needs no screen. The runs in them are made on the
simulated bench with fixed seeds, which takes two minutes.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PIL import Image
from PyQt6.QtWidgets import QApplication

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
_PATIENCE_S = 120


def make_runs(folder: Path) -> dict[str, RunFolder]:
    """One run of each kind that is pictured."""

    def made(procedure: str, die: str | None, seed: int, **parameters: Any) -> RunFolder:
        asked = load_procedure(procedure)()
        asked.set_parameters(parameters)
        choice = DieChoice(die, seed, folder / "dies")
        return run(RunRequest(procedure, asked, load_setup(None), choice, folder / "runs"))

    cycling = {"cycles": "1e8", "pairs": 2, "set_compliance": "200uA", "reset_voltage": "2.5V"}
    return {
        "forming": made("forming", DIE, 11),
        "checkerboard": made("checkerboard", DIE, 11, programmings=10),
        "weak": made("endurance", None, 4, **{**cycling, "reset_voltage": "1.5V"}),
        "endurance": made("endurance", None, 3, **cycling),
        "conditions": made("conditions", None, 7, rows=8),
        "iv": made("iv", None, 5),
    }


class Photographer:
    """Brings the window into a state and takes its picture at every size."""

    def __init__(self, folder: Path, target: Path, runs: dict[str, RunFolder]) -> None:
        self._application = QApplication.instance() or QApplication(["labctl"])
        self._folder, self._target, self._runs = folder, target, runs

    def take(self, state: str, arrange: Callable[[MainWindow], None], **options: str) -> None:
        """``options`` stand beside those of the folders."""
        for name, (width, height, theme) in SIZES.items():
            asked = Asked(
                {
                    "runs": str(self._folder / "runs"),
                    "dies": str(self._folder / "dies"),
                    "die": DIE,
                    **options,
                }
            )
            window = MainWindow(asked, Settings(theme=theme), self._folder / "window.json")
            window.resize(width, height)
            window.show()
            self.wait(lambda w=window: w.parts.browser.runs.lines and "being read" not in told(w))
            arrange(window)
            self.settle()
            while (told_pulses := window.parts.progress.pulses.text()) != self.read_on(window):
                print("still reading:", told_pulses)
            file = self._target / f"window-{state}-{name}.png"
            window.grab().save(str(file))
            shrink(file)
            print(state, name, f"{window.width()} x {window.height()}")
            window.close()
            window.deleteLater()
            self.settle(0.1)

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


def shrink(file: Path) -> None:
    """A third of the size with 256 colours, which is all that a window has."""
    picture = Image.open(file).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    picture.save(file, optimize=True)


def told(window: MainWindow) -> str:
    """What the banner says."""
    return window.parts.banner.text


def take_all(taker: Photographer, runs: dict[str, RunFolder]) -> None:
    """Every state."""

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
        taker.look_at(window, "endurance")
        window.parts.browser.runs.tick(frozenset({runs["weak"].id}))

    def die(window: MainWindow) -> None:
        taker.look_at(window, "forming")
        window.parts.plots.setCurrentWidget(window.parts.die)
        window.parts.lower_tabs.setCurrentWidget(window.parts.log)

    real = str(example_file("b1500"))
    taker.take("plan", plan)
    taker.take("wrong-input", wrong)
    taker.take("checkerboard", checkerboard)
    taker.take("cell", cell)
    taker.take("endurance", endurance)
    taker.take("conditions", lambda window: taker.look_at(window, "conditions"))
    taker.take("iv", lambda window: taker.look_at(window, "iv"))
    taker.take("die", die)
    taker.take("real", lambda window: taker.settle(1.0), bench=real)
    taker.take("old-run-real-bench", lambda window: taker.look_at(window, "iv"), bench=real)


def main(target: Path) -> None:
    """Make all pictures."""
    target.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        runs = make_runs(Path(temporary))
        take_all(Photographer(Path(temporary), target, runs), runs)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
