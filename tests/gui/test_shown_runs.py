"""Which runs are shown: what the views are told of where the numbers come from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from gui.contract import RunStyle, View
from gui.follower import STATUS, RunStatus
from gui.shown_runs import ShownRuns


class Told:
    """In place of a follower: what the run of that folder tells once."""

    def __init__(self, path: Path, models: object) -> None:
        status = RunStatus(path.name, "read", "SIMULATED", "d07", headline="PCSA")
        self._pictures = {STATUS: status} if path.name == "known" else {}

    def begin(self) -> None: ...

    def end(self) -> None: ...

    def take(self) -> dict[str, object]:
        taken, self._pictures = self._pictures, {}
        return dict(taken)


class Listening(View):
    """Keeps what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Sequence[str]] = []

    def tell_origins(self, lines: Sequence[str]) -> None:
        self.told.append(lines)

    def show_run(self, run: str, picture: Any, style: RunStyle) -> None: ...

    def forget_run(self, run: str) -> None: ...


def test_views_are_told_where_the_numbers_of_each_run_come_from(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gui.shown_runs.Follower", Told)
    view = Listening()
    qtbot.addWidget(view)
    shown = ShownRuns((), {"one": view})
    shown.show(("new", Path("new")), {"known": Path("known")})
    shown.refresh()
    shown.refresh()
    shown.show(None, {})
    shown.refresh()

    # The run that has told nothing yet is of no known kind, and says so.
    known = "SIMULATED bench · run known · read · die d07 · PCSA"
    assert view.told == [("UNKNOWN bench · run new", known), ()]
