"""The window under an X server, with real mouse and key events from xdotool."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from labctl.store.folder import list_runs
from tests.simulated import small_bench_file

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which("Xvfb") and shutil.which("xdotool")),
        reason="Xvfb or xdotool is not installed; `.ci/qt-libraries.sh xvfb` installs them",
    ),
]

PATIENCE_S = 90
ROWS = 4


@pytest.fixture
def display() -> Iterator[str]:
    """A screen that nobody sees."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as told:
        number = told.readline().strip()
    assert number, "Xvfb did not start"
    yield f":{number}"
    server.terminate()
    server.wait()


class Person:
    """Sees what the window tells, and has a mouse and a keyboard."""

    def __init__(self, display: str, folder: Path) -> None:
        self.runs = folder / "runs"
        self._state = folder / "state.json"
        options = {
            "bench": str(small_bench_file(folder / "bench", rows=ROWS)),
            "runs": str(self.runs),
            "dies": str(folder / "dies"),
        }
        self._environment = {**os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}
        self.window = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.slow.window_under_x"),
                *(str(self._state), json.dumps(options)),
            ],
            env=self._environment,
        )
        self.wait(lambda seen: seen["can_start"])

    def see(self) -> dict[str, Any]:
        """What is shown now; nothing before the window is there."""
        assert self.window.poll() is None, "the window has ended"
        try:
            seen: dict[str, Any] = json.loads(self._state.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return seen

    def wait(self, until: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Look until something is seen."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            seen = self.see()
            if seen and until(seen):
                return seen
            time.sleep(0.1)
        raise AssertionError(f"not seen in {PATIENCE_S} s; last: {self.see()}")

    def do(self, *words: str) -> None:
        """Move the mouse or press keys."""
        subprocess.run(["xdotool", *words], env=self._environment, check=True)

    def click(self, where: list[int], *keys: str) -> None:
        """Click somewhere, with keys held down."""
        for key in keys:
            self.do("keydown", key)
        self.do("mousemove", *map(str, where), "click", "1")
        for key in keys:
            self.do("keyup", key)

    def drag(self, begin: list[int], end: list[int]) -> None:
        """Press, move and let go."""
        self.do("mousemove", *map(str, begin), "mousedown", "1")
        self.do("mousemove", *map(str, end))
        self.do("mouseup", "1")


@pytest.fixture
def person(display: str, tmp_path: Path) -> Iterator[Person]:
    made = Person(display, tmp_path)
    yield made
    made.window.terminate()
    made.window.wait()


def test_a_run_from_the_first_key_to_the_emergency_stop(person: Person) -> None:
    seen = person.see()
    assert seen["banner"].startswith("SIMULATED BENCH")

    person.click(seen["places"]["programmings"])
    person.do("type", "999999999")
    person.wait(lambda seen: "is not allowed" in seen["problem"])
    person.do("key", "ctrl+a")
    person.do("type", "100000")
    person.wait(lambda seen: seen["programmings"] == "100000" and not seen["problem"])
    person.wait(lambda seen: seen["can_start"])

    person.do("key", "ctrl+Return")
    seen = person.wait(lambda seen: seen["question"] and "yes" in seen["places"])
    person.click(seen["places"]["yes"])
    person.wait(lambda seen: seen["state"] == "RUNNING")
    seen = person.wait(lambda seen: seen["read"] == ROWS * 8)

    person.drag(seen["cells"]["0,0"], seen["cells"]["1,3"])
    block = [[row, column] for row in range(2) for column in range(4)]
    person.wait(lambda seen: seen["selected"] == block)
    person.click(seen["cells"]["2,5"], "ctrl")
    person.wait(lambda seen: seen["selected"] == [*block, [2, 5]])

    # With a list open, which would take the key for itself.
    person.click(seen["places"]["procedure"])
    person.wait(lambda seen: seen["popup"])
    person.do("key", "Escape")
    person.wait(lambda seen: seen["state"] == "IDLE" and "by the user" in seen["step"])
    assert not person.see()["popup"]
    (made,) = list_runs(person.runs)
    assert made.record["status"] == "aborted"
    assert "by the user" in made.record["reason"]
