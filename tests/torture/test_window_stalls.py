"""The window beside a simulated bench that runs flat out, by the clock: for a quiet machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from tests.gui.flat_out import look_at_all_plots, watched_run

MOST_S = 0.1
ROUNDS = 20
"""Through all plots, some minutes."""


@pytest.mark.torture
@pytest.mark.timeout(3600)
def test_the_interface_never_stalls_for_a_tenth_of_a_second(qtbot: QtBot, tmp_path: Path) -> None:
    with watched_run(qtbot, tmp_path) as (window, watchdog):
        for _ in range(ROUNDS):
            look_at_all_plots(qtbot, window, steps=3)
        assert watchdog.worst_s < MOST_S
