"""A figure: panels with axes, a legend, a cross-hair, and export of what is seen.

Auto-range holds until the user zooms or pans, and again after "Whole range".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyqtgraph
from numpy.typing import NDArray
from PyQt6.QtCore import QEvent, Qt, pyqtSignal
from PyQt6.QtGui import QCursor
from PyQt6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.contract import RunStyle
from gui.plots import box, export
from gui.plots.axes import Axis, AxisText
from gui.plots.crosshair import Crosshair
from gui.plots.data import DataPart, data_table
from gui.plots.export import FileKind
from gui.plots.legend import Entry, Legend
from gui.plots.series import Band, Looks, Series
from gui.tasks import Tasks
from gui.theme import Mark, Theme, current_theme, mark

Floats = NDArray[np.float64]

_NUMBERS_WIDTH = 40
"""Of an axis without its name."""
_NO_LIMIT = 16777215
"""Qt's largest size of a widget."""
_NO_RUN = RunStyle("", 0)


class Panel:
    """One pair of axes of a figure; made by `Figure.panel`."""

    def __init__(self, x: AxisText, y: AxisText, title: str, theme: Theme) -> None:
        self.title = title
        self.theme = theme
        self.x, self.y = Axis("bottom", x), Axis("left", y)
        self.drawn: list[Series | Band] = []
        self._guides: list[pyqtgraph.InfiniteLine] = []
        self.box = box.Box()
        self.plot = pyqtgraph.PlotItem(
            viewBox=self.box, axisItems={"bottom": self.x, "left": self.y}, enableMenu=False
        )
        self.plot.hideButtons()
        self.plot.showGrid(x=True, y=True, alpha=0.18)
        self.show_axes(x, y)
        self.restyle(theme)

    def show_axes(self, x: AxisText, y: AxisText) -> None:
        """Other quantities, or other scales; what is drawn is drawn anew."""
        self.x.show_text(x)
        self.y.show_text(y)
        for one in self.drawn:
            one.draw()

    def series(self, name: str, looks: Looks, style: RunStyle = _NO_RUN) -> Series:
        """A new series, drawn above those before of the same run, and below the run in front."""
        series = Series(self, name, looks, style)
        self._add(series)
        return series

    def band(self, name: str, looks: Looks) -> Band:
        """A new band, behind the series."""
        band = Band(self, name, looks)
        self._add(band, behind=True)
        return band

    def guide(self, value: float, upright: bool = False) -> pyqtgraph.InfiniteLine:
        """A dotted line at a value of y, or of x; it does not count for the range."""
        line = pyqtgraph.InfiniteLine(angle=90 if upright else 0, movable=False)
        self._guides.append(line)
        self.plot.addItem(line, ignoreBounds=True)
        scaled = self.scaled_x if upright else self.scaled_y
        line.setPos(float(scaled(np.array([value]))[0]))
        self.restyle(self.theme)
        return line

    def remove(self, one: Series | Band) -> None:
        """Take a series or band out."""
        self.drawn.remove(one)
        for item in one.items:
            self.plot.removeItem(item)

    def set_visible(self, visible: bool) -> None:
        """Show the panel, or give its room to the others."""
        if visible != self.plot.isVisible():
            self.plot.setVisible(visible)
            self.plot.setMaximumHeight(_NO_LIMIT if visible else 0)

    def share_y(self, other: Panel) -> None:
        """Have the same y as a panel on the left, named there."""
        self.box.follow(other.box, box.Y)
        self.y.showLabel(False)
        self.y.setWidth(_NUMBERS_WIDTH)

    def share_x(self, other: Panel) -> None:
        """Have the same x as another panel."""
        self.box.follow(other.box, box.X)

    def scaled_x(self, values: Floats) -> Floats:
        """Values of x as the plot has them."""
        return _logarithms(values) if self.x.text.log else values

    def scaled_y(self, values: Floats) -> Floats:
        """Values of y as the plot has them."""
        return _logarithms(values) if self.y.text.log else values

    def place_text(self, x: float, y: float) -> str:
        """Values at a place of the plot, with their units."""
        values = (
            axis.text.value_text(10**at if axis.text.log else at)
            for axis, at in ((self.x, x), (self.y, y))
        )
        return ", ".join(
            f"{axis.text.name} {value}"
            for axis, value in zip((self.x, self.y), values, strict=True)
        )

    def restyle(self, theme: Theme, pens: float = 1.0) -> None:
        """Take the colours of a theme, and so much wider pens."""
        self.theme = theme
        for axis in (self.x, self.y):
            axis.setPen(pyqtgraph.mkPen(theme.dim, width=pens))
            axis.setTextPen(theme.foreground)
            axis.paint_on(theme.background)
        self.plot.setTitle(self.title or None, color=theme.foreground, size="9pt")
        pen = pyqtgraph.mkPen(theme.dim, width=pens)
        pen.setStyle(Qt.PenStyle.DotLine)
        for line in self._guides:
            line.setPen(pen)
        for one in self.drawn:
            one.restyle(theme, pens)

    def whole_range(self) -> None:
        """Show everything, and go on doing so."""
        self.box.whole_range()

    def _add(self, one: Series | Band, behind: bool = False) -> None:
        self.drawn.append(one)
        for item in one.items:
            if behind:
                item.setZValue(-10)
            self.plot.addItem(item)


class Figure(QWidget):
    """Panels with a toolbar above them."""

    told = pyqtSignal(str)
    """A file was written, or why not."""
    whole_range_asked = pyqtSignal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = name
        self.setObjectName(f"figure_{name}")
        self.theme = current_theme()
        self.panels: list[Panel] = []
        self._entries: Callable[[], Sequence[Entry]] = lambda: ()
        self.data: Callable[[], Sequence[DataPart]] = self.drawn_data
        """What is exported as CSV; a view that draws less than it knows gives more."""
        self.origins: Sequence[str] = ()
        """Where the numbers come from, a line a run; in every file that is exported."""
        self._tasks = Tasks(self)
        self.graphics = pyqtgraph.GraphicsLayoutWidget()
        self.graphics.setAccessibleName(f"Plot: {name}")
        self.legend = Legend(self.theme)
        self.graphics.addItem(self.legend, 0, 0, 1, 2)
        self._promise = _promise(name)
        self.readout = QLabel()
        self.readout.setObjectName(f"readout_{name}")
        self.crosshair = Crosshair(self.graphics.scene(), self.readout.setText)
        self.tools = QHBoxLayout()
        self.tools.setSpacing(2)
        self._built = False
        self._build_tools()
        self._built = True
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(self.tools)
        column.addWidget(self.graphics, 1)
        column.addWidget(self._promise, 1)
        column.addWidget(self.readout)
        self.recolour(self.theme)

    def panel(
        self, row: int, column: int, x: AxisText, y: AxisText, title: str = "", columns: int = 1
    ) -> Panel:
        """A new panel; rows are counted below the legend."""
        panel = Panel(x, y, title, self.theme)
        self.graphics.addItem(panel.plot, row + 1, column, 1, columns)
        # Without a panel the layout is as low as the legend, and would stay so until a resize.
        self.graphics.ci.setGeometry(self.graphics.viewRect())
        self.panels.append(panel)
        self.crosshair.add(panel)
        return panel

    def remove_panel(self, panel: Panel) -> None:
        """Take a panel out, with all that is drawn in it."""
        self.panels.remove(panel)
        self.crosshair.remove(panel)
        panel.box.leave()
        self.graphics.removeItem(panel.plot)

    def name_in_legend(self, entries: Callable[[], Sequence[Entry]]) -> None:
        """What the legend shows; asked again when the theme changes."""
        self._entries = entries
        self.legend.show_entries(entries(), self.theme)

    @property
    def promised(self) -> str:
        """The sentence in place of the plot; empty while there is a plot."""
        return "" if self._promise.isHidden() else self._promise.text()

    def promise(self, sentence: str) -> None:
        """What stands in place of empty axes until something is drawn."""
        self._promise.setText(sentence)
        self.show_promise()

    def show_promise(self) -> None:
        """Show what is promised as long as nothing is drawn."""
        is_empty = not any(one.values.x.size for panel in self.panels for one in panel.drawn)
        is_promised = is_empty and bool(self._promise.text())
        self._promise.setVisible(is_promised)
        self.graphics.setVisible(not is_promised)

    def add_switch(self, name: str, text: str, tip: str, on: bool = False) -> QToolButton:
        """A switch in the toolbar."""
        button = self._tool(name, text, tip)
        button.setCheckable(True)
        button.setChecked(on)
        return button

    def whole_range(self) -> None:
        """Show everything in all panels, and go on doing so."""
        for panel in self.panels:
            panel.whole_range()
        self.whole_range_asked.emit()

    def recolour(self, theme: Theme, pens: float = 1.0) -> None:
        """Take the colours of a theme, and so much wider pens."""
        self.theme = theme
        self.graphics.setBackground(theme.background)
        for panel in self.panels:
            panel.restyle(theme, pens)
        self.crosshair.restyle()
        self.legend.show_entries(self._entries(), theme, pens)

    def save(self, kind: FileKind, path: Path) -> None:
        """Write the figure, on white, or its data, to a new file; `told` says how that went."""
        if kind is FileKind.CSV:
            content: Callable[[], bytes] = partial(data_table, self.data(), self.origins)
        else:
            shown = self.theme
            self.recolour(Theme(dark=False), export.pen_scale(kind))
            content = export.painted(self.graphics, kind, self.origins)
            self.recolour(shown)
        self._tasks.run(
            partial(export.write, path, content),
            lambda written: self._tell(f"written: {written}"),
            lambda sentence: self._tell(f"not written: {sentence}"),
        )

    def drawn_data(self) -> Sequence[DataPart]:
        """What the series tell."""
        return [
            DataPart(
                one.run,
                panel.title,
                one.name,
                panel.x.text.label,
                panel.y.text.label,
                one.data,
            )
            for panel in self.panels
            for one in panel.drawn
            if isinstance(one, Series)
        ]

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow the application's theme."""
        super().changeEvent(event)
        is_told = event is not None and event.type() is QEvent.Type.PaletteChange
        if is_told and current_theme() != self.theme:
            self.recolour(current_theme())

    def _build_tools(self) -> None:
        cross = self.add_switch(
            "crosshair", "Cross-hair", "Show the values under the mouse, with their units"
        )
        cross.toggled.connect(self.crosshair.switch)
        whole = self._tool("whole_range", "Whole range", "Show everything, and follow what is new")
        whole.clicked.connect(self.whole_range)
        self.export_button = self._tool("export", "Export", "Write this figure or its data")
        self.export_button.setMenu(self._export_menu())
        self.export_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.tools.addStretch(1)

    def _export_menu(self) -> QMenu:
        menu = QMenu(self)
        for kind, text in (
            (FileKind.PNG, "Figure as P&NG"),
            (FileKind.SVG, "Figure as &SVG"),
            (FileKind.PDF, "Figure as &PDF"),
            (FileKind.CSV, "Data as &CSV"),
        ):
            action = menu.addAction(text)
            if action is not None:
                action.setObjectName(f"export_{kind}")
                action.triggered.connect(partial(self._ask_and_save, kind))
        return menu

    def _ask_and_save(self, kind: FileKind) -> None:
        # Neither modal nor the system's own: the emergency stop stays within reach. The question
        # whether to replace a file would be modal, too; `save` refuses instead.
        dialog = QFileDialog(self, "Export", "", f"{kind.upper()} (*.{kind})")
        dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
        dialog.setOption(QFileDialog.Option.DontConfirmOverwrite)
        dialog.setModal(False)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(str(kind))
        dialog.selectFile(f"{self.name}.{kind}")
        dialog.fileSelected.connect(lambda chosen: self.save(kind, Path(chosen)))
        dialog.show()

    def _tool(self, name: str, text: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setObjectName(f"{name}_{self.name}")
        button.setText(text)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setAutoRaise(True)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.setCursor(QCursor(Qt.CursorShape.PointingHandCursor))
        # Before the stretch, once it is there.
        self.tools.insertWidget(max(self.tools.count() - 1, 0) if self._built else -1, button)
        return button

    def _tell(self, sentence: str) -> None:
        self.readout.setText(sentence)
        self.told.emit(sentence)


def _promise(name: str) -> QLabel:
    label = QLabel()
    label.setObjectName(f"promise_{name}")
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    label.setContentsMargins(30, 0, 30, 0)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
    mark(label, Mark.HINT)
    label.hide()
    return label


def _logarithms(values: Floats) -> Floats:
    """Decimal logarithms; NaN where there is none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(values > 0, np.log10(values), np.nan))
