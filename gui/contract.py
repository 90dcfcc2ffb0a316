"""What a model and a view are.

A model absorbs what a run tells, in the follower's thread, and gives a picture: an immutable
snapshot of bounded size. A view draws pictures, in the interface thread, and reads nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from PyQt6.QtWidgets import QWidget

if TYPE_CHECKING:
    from labctl.store.folder import RunFolder
    from labctl.store.tail import News

Cell = tuple[int, int]
"""Row and column of a bit."""


class Model(Protocol):
    """What one view shows of one run."""

    def absorb(self, folder: RunFolder, news: News) -> bool:
        """Take in what is new; whether the picture changed. Costs no more than the news is long."""
        ...

    @property
    def picture(self) -> Any:
        """What is to be drawn: immutable, of bounded size."""
        ...


@dataclass(frozen=True)
class RunStyle:
    """How a run is told from the others in one plot.

    ``index``: 0 is the run in front, the next ones are overlaid; it chooses colour and dash, or
    colour and symbol where symbols tell nothing else, so that no run is told by its colour alone.
    """

    name: str
    index: int


class View(QWidget):
    """A widget that draws pictures of one or several runs."""

    def show_run(self, run: str, picture: Any, style: RunStyle) -> None:
        """Draw the picture of a run in place of its last one."""
        raise NotImplementedError

    def forget_run(self, run: str) -> None:
        """Take a run out of the view."""
        raise NotImplementedError

    def set_selection(self, cells: frozenset[Cell]) -> None:
        """The cells selected on the map; a view without cells ignores it."""

    def tell_origins(self, lines: Sequence[str]) -> None:
        """Where the numbers come from, a line a shown run; goes into what is exported."""

    def promise(self, sentence: str) -> None:
        """What there will be, told while there is nothing; a view without a plot ignores it."""
