"""The interface thread never has much to do at once, however fast a run is."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from tests.gui.flat_out import look_at_all_plots, painting_s, watched_run

MOST_PAINTINGS = 4.0
"""A turn takes what is new, once, and paints what has changed: not more than the window, once.

Both in processor time, so that neither the machine's speed nor its other work counts.
"""


@pytest.mark.slow
def test_no_turn_of_the_interface_takes_many_paintings_of_the_window(
    qtbot: QtBot, tmp_path: Path
) -> None:
    with watched_run(qtbot, tmp_path) as (window, watchdog):
        look_at_all_plots(qtbot, window, steps=3)
        worst_s = watchdog.worst_cpu_s
        assert worst_s < MOST_PAINTINGS * painting_s(window)
