"""Simulated, real, replay: told by words, by pattern and by colour."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.banner import (
    REAL,
    REPLAY,
    SIMULATED,
    UNKNOWN,
    Banner,
    Origin,
    no_bench,
    origin_of_bench,
    origin_of_run,
    told_origins,
)
from gui.run_status import RunStatus
from gui.theme import Theme, apply

WIDE, HIGH = 900, 40


@pytest.fixture
def banner(qtbot: QtBot) -> Banner:
    widget = Banner()
    qtbot.addWidget(widget)
    widget.resize(WIDE, HIGH)
    return widget


def grey(banner: Banner) -> NDArray[np.uint8]:
    """The banner as a person without any colour vision sees it."""
    image = banner.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
    rows = [
        [image.pixelColor(x, y).red() for x in range(image.width())] for y in range(image.height())
    ]
    return np.array(rows, np.uint8)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_each_kind_has_words_pattern_and_colour_of_its_own(
    banner: Banner, qapp: QApplication, dark: bool
) -> None:
    apply(qapp, Theme(dark))
    pictures, words = [], []
    for kind in (SIMULATED, REAL, REPLAY, UNKNOWN):
        banner.show_origins(Origin(kind, ""))
        # Left of the words there is nothing but ground and pattern.
        pictures.append(grey(banner)[4:-4, :38])
        words.append(banner.text)
    assert len(set(words)) == 4
    striped, plain, dotted, _ = (float(picture.std()) for picture in pictures)
    assert plain == 0
    assert striped > 3
    assert dotted > 3
    for one, other in combinations(pictures, 2):
        assert not np.array_equal(one, other)


DONE = RunStatus(
    "20261122-082926-forming", "forming", kind=SIMULATED, die="lab3-d07", status="success"
)
REAL_BENCH = origin_of_bench(False, "b1500-lab")


def test_a_run_is_named_with_its_die(banner: Banner) -> None:
    banner.show_origins(*told_origins(DONE, origin_of_bench(True, "simulated")))
    assert banner.text == (
        "SIMULATED BENCH: no real device is touched. "
        "forming on die lab3-d07, run 20261122-082926-forming"
    )
    assert banner.accessibleName() == banner.text


def test_before_the_first_run_the_bench_file_is_named(banner: Banner) -> None:
    banner.show_origins(*told_origins(None, REAL_BENCH))
    assert banner.text.startswith("REAL BENCH")
    assert "no run yet: the bench 'b1500-lab' is real" in banner.text
    banner.show_origins(*told_origins(None, no_bench("mybench.toml: 4 mistakes")))
    assert banner.text == "NO BENCH: no run yet: mybench.toml: 4 mistakes"


def test_an_old_simulated_run_does_not_hide_that_start_goes_to_a_real_bench(
    banner: Banner,
) -> None:
    banner.show_origins(*told_origins(DONE, REAL_BENCH))
    simulated, real = banner.text.split(" | ")
    assert simulated.startswith("SIMULATED BENCH")
    assert real.startswith("REAL BENCH")
    left, right = grey(banner)[4:-4, :38], grey(banner)[4:-4, WIDE // 2 + 4 : WIDE // 2 + 38]
    assert left.std() > 3
    assert right.std() == 0


def test_an_old_run_in_front_does_not_hide_the_one_that_is_going_on(banner: Banner) -> None:
    real = origin_of_run(replace(DONE, kind=REAL, run="20261122-101010-endurance"))
    banner.show_origins(*told_origins(DONE, origin_of_bench(True, "simulated"), real))
    assert "going on: forming on die lab3-d07, run 20261122-101010-endurance" in banner.text
    assert "REAL BENCH" in banner.text


def test_a_run_that_goes_on_in_front_is_told_alone(banner: Banner) -> None:
    banner.show_origins(*told_origins(replace(DONE, status="running"), REAL_BENCH))
    assert "REAL" not in banner.text


def test_the_words_are_there_at_every_width(banner: Banner) -> None:
    banner.show_origins(origin_of_run(replace(DONE, die="x" * 200)))
    for width in (200, 640, 1280, 1920):
        banner.resize(width, HIGH)
        assert grey(banner).std() > 0
