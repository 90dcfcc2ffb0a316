"""Which runs are shown: one in front, others overlaid, each read by a follower of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gui.contract import RunStyle, View
from gui.follower import STATUS, Follower
from gui.plots.origin import origin_line
from gui.registry import ViewKind
from gui.run_status import RunStatus


@dataclass
class _Shown:
    follower: Follower
    style: RunStyle
    pictures: dict[str, Any] = field(default_factory=dict)
    drawn: dict[str, Any] = field(default_factory=dict)
    """By view: the picture that it was given last."""


class ShownRuns:
    """Hands the pictures of the runs to the views that are visible.

    Reads nothing itself: `refresh` only takes what the followers' threads have made ready.
    """

    def __init__(self, kinds: tuple[ViewKind, ...], views: Mapping[str, View]) -> None:
        """``views``: by name of their kind."""
        self._kinds = kinds
        self._views = views
        self._shown: dict[str, _Shown] = {}
        self._origins: tuple[str, ...] = ()
        self.front = ""
        """Name of the run in front; empty without one."""

    @property
    def runs(self) -> tuple[str, ...]:
        """Names of the shown runs, the one in front first."""
        return tuple(self._shown)

    @property
    def status(self) -> RunStatus | None:
        """Where the run in front stands; None before its first picture."""
        return self.status_of(self.front)

    def status_of(self, run: str) -> RunStatus | None:
        """Where a shown run stands."""
        status = self.picture_of(run, STATUS)
        return status if isinstance(status, RunStatus) else None

    def picture_of(self, run: str, name: str) -> Any:
        """The last picture of a shown run for the view of that name; None before the first."""
        shown = self._shown.get(run)
        return None if shown is None else shown.pictures.get(name)

    def show(self, front: tuple[str, Path] | None, overlaid: Mapping[str, Path]) -> None:
        """Show these runs and no others, each by name and folder; the front one is not overlaid.

        A run that keeps its place goes on being followed; one that changes it is read anew, since
        the run in front fills more views.
        """
        front_run = front[0] if front is not None else ""
        wanted = {front_run: front[1]} if front is not None else {}
        wanted |= {run: path for run, path in overlaid.items() if run != front_run}
        before, was_front = self._shown, self.front
        self._shown, self.front = {}, front_run
        for index, (run, path) in enumerate(wanted.items(), start=0 if front_run else 1):
            style = RunStyle(run, index)
            kept = before.get(run) if (run == front_run) == (run == was_front) else None
            if kept is None:
                kept = _Shown(self._follow(path, index), style)
            else:
                del before[run]
            if kept.style != style:
                kept.style, kept.drawn = style, {}
            self._shown[run] = kept
        for run, gone in before.items():
            gone.follower.end()
            for view in self._views.values():
                view.forget_run(run)

    def refresh(self) -> RunStatus | None:
        """Take what is new and draw it where it is seen; the front run's status if it is new."""
        told = False
        for run, shown in self._shown.items():
            pictures = shown.follower.take()
            shown.pictures.update(pictures)
            told = told or (run == self.front and STATUS in pictures)
        self._tell_origins()
        for name, view in self._views.items():
            if view.isVisible():
                self._draw(name, view)
        return self.status if told else None

    def end(self) -> None:
        """Follow nothing any more."""
        self.show(None, {})

    def _tell_origins(self) -> None:
        origins = tuple(origin_line(self.status_of(run) or RunStatus(run)) for run in self._shown)
        if origins != self._origins:
            self._origins = origins
            for view in self._views.values():
                view.tell_origins(origins)

    def _draw(self, name: str, view: View) -> None:
        for run, shown in self._shown.items():
            picture = shown.pictures.get(name)
            if picture is not None and picture is not shown.drawn.get(name):
                shown.drawn[name] = picture
                view.show_run(run, picture, shown.style)

    def _follow(self, path: Path, index: int) -> Follower:
        kinds = [kind for kind in self._kinds if index == 0 or kind.overlays]
        follower = Follower(path, {kind.name: kind.model() for kind in kinds})
        follower.begin()
        return follower
