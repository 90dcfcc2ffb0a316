"""The cross-hair: two lines under the mouse, and the values there with their units."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pyqtgraph
from PyQt6.QtCore import QPointF, Qt

if TYPE_CHECKING:
    from gui.plots.figure import Panel

_REFRESHES = 30
"""A second, at most."""


class Crosshair:
    """Cross-hair of all panels of a figure; ``tell`` gets the values as text, or nothing."""

    def __init__(self, scene: pyqtgraph.GraphicsScene, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._panels: list[tuple[Panel, pyqtgraph.InfiniteLine, pyqtgraph.InfiniteLine]] = []
        self._is_on = False
        self._moves = pyqtgraph.SignalProxy(
            scene.sigMouseMoved, rateLimit=_REFRESHES, slot=lambda moved: self.move_to(moved[0])
        )

    def add(self, panel: Panel) -> None:
        """Work in this panel too."""
        lines = [pyqtgraph.InfiniteLine(angle=angle, movable=False) for angle in (90, 0)]
        for line in lines:
            line.setZValue(100)
            line.hide()
            panel.plot.addItem(line, ignoreBounds=True)
        self._panels.append((panel, *lines))
        self.restyle()

    def remove(self, panel: Panel) -> None:
        """Forget a panel."""
        self._panels = [known for known in self._panels if known[0] is not panel]

    def restyle(self) -> None:
        """Take the colours of the panels' theme."""
        for panel, *lines in self._panels:
            pen = pyqtgraph.mkPen(panel.theme.dim, width=1)
            pen.setStyle(Qt.PenStyle.DotLine)
            for line in lines:
                line.setPen(pen)

    def switch(self, on: bool) -> None:
        """Show it, or not."""
        self._is_on = on
        if not on:
            self._hide()

    def move_to(self, place: QPointF) -> None:
        """The mouse is at a place of the scene."""
        if not self._is_on:
            return
        for panel, upright, level in self._panels:
            box = panel.plot.getViewBox()
            is_here = box.sceneBoundingRect().contains(place)
            upright.setVisible(is_here)
            level.setVisible(is_here)
            if is_here:
                at = box.mapSceneToView(place)
                upright.setPos(at.x())
                level.setPos(at.y())
                self._tell(panel.place_text(at.x(), at.y()))

    def _hide(self) -> None:
        for _, *lines in self._panels:
            for line in lines:
                line.hide()
        self._tell("")
