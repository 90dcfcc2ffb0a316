"""A map with its layer chooser, colour bar, lockable scale, legend of marks and line of values.

What the layers mean and what is said of a cell comes from the view that owns it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QEvent, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent, QResizeEvent
from PyQt6.QtWidgets import (
    QBoxLayout,
    QCheckBox,
    QComboBox,
    QGridLayout,
    QLabel,
    QWidget,
)

from gui.contract import Cell
from gui.models.layers import Layer
from gui.selection import Selection
from gui.theme import current_theme
from gui.views.array_grid import ArrayGrid
from gui.views.cell_marks import CellMark
from gui.views.layer_colours import coloured
from gui.views.map_scale import Range, suited_range
from gui.views.mark_legend import MarkLegend
from gui.views.scale_bar import ScaleBar

Marks = Mapping[CellMark, NDArray[np.bool_]]
Describe = Callable[[Any, Cell], Sequence[str]]

_TEXT_PIXELS = 170
"""Width of the texts where they stand beside the map."""
_KEYS = "1234567890"


class LayerMap(QWidget):
    """Draws one layer of a picture of the array."""

    layer_chosen = pyqtSignal(str)
    """Name of the layer that is shown now."""
    layer_picked = pyqtSignal(str)
    """The same, when a person has chosen it."""

    def __init__(
        self,
        name: str,
        layers: Sequence[Layer],
        describe: Describe,
        selection: Selection,
        lines: int = 4,
        beside: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        """``describe`` says of a cell of a picture what stands in the ``lines`` below the map.

        ``beside``: choosers and texts stand at its right, where there is more width than height.
        """
        super().__init__(parent)
        self.setObjectName(name)
        self._describe = describe
        self._picture: Any = None
        self._marks: Marks = {}
        self._layers: tuple[Layer, ...] = ()
        self._locked: dict[str, Range] = {}
        self.span: Range | None = None
        """Range of the scale that is shown; None without a value."""
        self.grid = ArrayGrid(selection)
        self.bar = ScaleBar()
        self.legend = MarkLegend()
        self.chooser = QComboBox()
        self.chooser.setObjectName(f"{name}-layer")
        self.chooser.setAccessibleName("Layer of the map")
        self.chooser.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.chooser.setToolTip("What the colours show; keys 1 to 9 and 0 on the map choose, too")
        self.lock = QCheckBox("Loc&k scale")
        self.lock.setObjectName(f"{name}-lock")
        self.lock.setToolTip("Keep each layer's colours where they are while values come in")
        self.words = QLabel()
        self.words.setObjectName(f"{name}-words")
        self.words.setWordWrap(True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.words.setMinimumHeight(lines * self.words.fontMetrics().lineSpacing())
        self.tools = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._seen = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._is_beside = beside
        self._build(beside)
        self.offer(layers)
        self.chooser.currentIndexChanged.connect(self._show_layer)
        self.chooser.activated.connect(self._pick)
        self.lock.toggled.connect(self._lock_scales)
        self.grid.pointed.connect(self._say)

    @property
    def layer(self) -> Layer | None:
        """The layer that is shown."""
        index = self.chooser.currentIndex()
        return self._layers[index] if 0 <= index < len(self._layers) else None

    def offer(self, layers: Sequence[Layer]) -> None:
        """Offer these layers; the one shown stays if it is among them."""
        if [each.name for each in layers] == [each.name for each in self._layers]:
            self._layers = tuple(layers)
            for index, each in enumerate(layers):
                if self.chooser.itemText(index) != each.title:
                    self.chooser.setItemText(index, each.title)
            return
        before = self.layer
        self.chooser.blockSignals(True)
        self._layers = tuple(layers)
        self.chooser.clear()
        self.chooser.addItems([each.title for each in layers])
        self.chooser.blockSignals(False)
        self.choose(before.name if before is not None else "")
        self._show_layer()

    def choose(self, name: str) -> None:
        """Show the layer of that name, the first one if there is none."""
        names = [each.name for each in self._layers]
        self.chooser.setCurrentIndex(names.index(name) if name in names else 0)

    def show_picture(self, picture: Any, marks: Marks) -> None:
        """Draw a picture; None draws an empty map."""
        self._picture, self._marks = picture, marks
        self._draw()

    def resizeEvent(self, a0: QResizeEvent | None) -> None:
        """Lay the colour bar where it leaves the map more room: the map is square."""
        super().resizeEvent(a0)
        bar, height = self.bar.thickness, self.height()
        if not self._is_beside:
            parts = self.chooser.sizeHint(), self.legend.minimumSizeHint(), self.words.minimumSize()
            height -= sum(part.height() for part in parts)
        beside = min(self.width() - bar.width(), height)
        below = min(self.width(), height - bar.height())
        self.bar.set_across(not self._is_beside and below > beside)
        directions = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._seen.setDirection(directions[self.bar.is_across])

    def changeEvent(self, a0: QEvent | None) -> None:
        """Follow the application's theme."""
        super().changeEvent(a0)
        if a0 is not None and a0.type() is QEvent.Type.PaletteChange:
            self._draw()

    def keyPressEvent(self, a0: QKeyEvent | None) -> None:
        """Digits choose a layer; any other key is left to the window."""
        if a0 is None:
            return
        index = _KEYS.find(a0.text()) if a0.text() else -1
        if 0 <= index < len(self._layers):
            self.chooser.setCurrentIndex(index)
            self._pick(index)
        else:
            super().keyPressEvent(a0)

    def _build(self, beside: bool) -> None:
        label = QLabel("La&yer")
        label.setBuddy(self.chooser)
        self.tools.addWidget(label)
        self.tools.addWidget(self.chooser)
        self.tools.addWidget(self.lock)
        self.tools.addStretch(1)
        picture = self._seen
        picture.addWidget(self.grid, 1)
        picture.addWidget(self.bar)
        whole = QGridLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setVerticalSpacing(4)
        if beside:
            self.tools.setDirection(QBoxLayout.Direction.TopToBottom)
            whole.addLayout(picture, 0, 0, 4, 1)
            whole.setRowStretch(3, 1)
            whole.setColumnStretch(0, 1)
            for texts in (self.words, self.legend):
                texts.setFixedWidth(_TEXT_PIXELS)
        else:
            whole.addLayout(picture, 1, 0)
            whole.setRowStretch(1, 1)
        column = 1 if beside else 0
        whole.addLayout(self.tools, 0, column)
        whole.addWidget(self.legend, 2, column)
        whole.addWidget(self.words, 3, column)

    def _lock_scales(self, locked: bool) -> None:
        self._locked = {}
        if locked and self._picture is not None:
            spans = {
                each.name: suited_range(each, each.values(self._picture)) for each in self._layers
            }
            self._locked = {name: span for name, span in spans.items() if span is not None}
        self._draw()

    def _pick(self, index: int) -> None:
        self.layer_picked.emit(self._layers[index].name)

    def _show_layer(self) -> None:
        self._draw()
        if self.layer is not None:
            self.layer_chosen.emit(self.layer.name)

    def _draw(self) -> None:
        layer = self.layer
        if layer is None:
            return
        if self._picture is None:
            self.grid.show_cells(np.zeros(self.grid.shape, dtype=np.uint32), {})
            self.span = None
            self.bar.show_scale(layer, None)
            self.legend.show_counts({})
        else:
            values = layer.values(self._picture)
            self.span = self._span_for(layer, values)
            marks = _with_no_data(values, self._marks)
            self.grid.show_cells(coloured(layer, values, self.span, current_theme()), marks)
            self.bar.show_scale(layer, self.span)
            counts = {mark: int(np.count_nonzero(where)) for mark, where in marks.items()}
            self.legend.show_counts(counts)
        self._say(self.grid.pointed_cell)

    def _span_for(self, layer: Layer, values: NDArray[np.float64]) -> Range | None:
        """The range that suits the values, or the one that the layer's scale is locked at."""
        suited = suited_range(layer, values)
        if not self.lock.isChecked() or suited is None:
            return self._locked.get(layer.name, suited)
        return self._locked.setdefault(layer.name, suited)

    def _say(self, cell: Cell) -> None:
        text = "" if self._picture is None else "\n".join(self._describe(self._picture, cell))
        if text != self.words.text():
            self.words.setText(text)
            self.grid.setAccessibleDescription(text)


_SAY_WHY = (CellMark.RETIRED, CellMark.UNFORMED, CellMark.UNREADABLE, CellMark.LEFT_OUT)
"""Marks that tell already why a cell may have no value."""


def _with_no_data(values: NDArray[np.float64], marks: Marks) -> Marks:
    """The marks, and cells struck through that have no value in the layer that is shown."""
    missing = np.isnan(values)
    for mark in _SAY_WHY:
        if mark in marks:
            missing &= ~marks[mark]
    told = {**marks, CellMark.NO_DATA: missing}
    return {mark: told[mark] for mark in CellMark if mark in told}
