"""The plan of a run that is not begun: pulses, voltages against limits, time, wear, waveforms."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph
from PyQt6.QtCore import QEvent, QModelIndex, QRectF, QSize, Qt
from PyQt6.QtGui import QFontMetrics, QPainter
from PyQt6.QtWidgets import (
    QComboBox,
    QHeaderView,
    QLabel,
    QSizePolicy,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from gui.colours import line_pen
from gui.planner import DrawnScheme, PlanResult
from gui.theme import Mark, current_theme, mark
from labctl.plan import PadLevels, Plan
from labctl.report.text import duration, with_prefix
from labctl.report.waveforms_figure import PAD_ORDER

_LANE = 1.25
"""Distance of two pads' waveforms; the tallest pulse is 1 high."""
_LEVELS = Qt.ItemDataRole.UserRole
_SECONDS = ((1e9, "ns"), (1e6, "µs"), (1e3, "ms"), (1.0, "s"))


class PlanView(QWidget):
    """What the run would do at most; a problem is one sentence, and nothing of an older plan."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("plan_view")
        self.title = QLabel("Plan of what the form says")
        self.title.setObjectName("plan_title")
        mark(self.title, Mark.HEADING)
        self.headline = QLabel()
        self.headline.setObjectName("plan_headline")
        self.headline.setWordWrap(True)
        self.headline.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.figures = _table(["", ""], "Plan")
        header = self.figures.horizontalHeader()
        assert header is not None
        header.hide()
        self.pads = _table(["Pad", "Volts", "Within its limits"], "Voltages of the pads")
        self.pads.setItemDelegateForColumn(2, _RangeBar(self.pads))
        self.needs = _table(["An execution needs", "", "of"], "Needs of the instrument")
        self.waveforms = _Waveforms()
        self.tabs = QTabWidget()
        self.tabs.setObjectName("plan_tabs")
        self.tabs.setAccessibleName("Parts of the plan")
        self.tabs.setDocumentMode(True)
        for title, page in (
            ("Plan", self.figures),
            ("Pads", self.pads),
            ("Waveforms", self.waveforms),
            ("Needs", self.needs),
        ):
            self.tabs.addTab(page, title)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.title)
        column.addWidget(self.headline)
        column.addWidget(self.tabs, stretch=1)
        self.show_result(None)

    def show_planning(self) -> None:
        """The form has changed: what is drawn is of an older plan until the next one is there."""
        self.tabs.setEnabled(False)
        self._say("planning …", Mark.HINT)

    def show_result(self, result: PlanResult | None, marked: str = "") -> None:
        """Draw an answer of the planner; None while there is none.

        ``marked``: where what is wrong stands beside its field; it is not said twice.
        """
        plan = None if result is None else result.plan
        self.tabs.setEnabled(plan is not None)
        if result is None or plan is None:
            problem = "" if result is None else result.problem
            if marked:
                problem = f"No plan: see what is marked under {marked}."
            self._say(f"⚠ {problem}" if problem else "no plan yet", Mark.PROBLEM)
            for table in (self.figures, self.pads, self.needs):
                table.setRowCount(0)
            self.waveforms.show_schemes(())
            return
        self._say(plan.headline or plan.procedure, None)
        _fill(self.figures, figures(plan))
        _fill(self.pads, [(pad.pad, _volts(pad), headroom(pad)) for pad in plan.pads])
        for row, pad in enumerate(plan.pads):
            item = self.pads.item(row, 2)
            assert item is not None
            item.setData(_LEVELS, pad)
        _fill(
            self.needs,
            [(n.what, f"{n.needed:,.6g}", f"{n.allowed:,.6g}") for n in plan.instrument],
        )
        self.waveforms.show_schemes(result.schemes)

    def _say(self, sentence: str, what: Mark | None) -> None:
        self.headline.setText(sentence)
        mark(self.headline, what)


def figures(plan: Plan) -> list[tuple[str, str]]:
    """The plan in lines: label and text."""
    return [
        ("Bench", plan.bench),
        ("Die", plan.die or "a fresh simulated die"),
        ("Bench time", f"about {duration(plan.bench_time_s)}"),
        ("Steps", f"{plan.steps:,}"),
        *(
            (f"{kind.upper()} a device", f"at most {number:,}")
            for kind, number in plan.pulses_per_device.items()
        ),
        *(
            (f"{kind.upper()} in all", f"at most {number:,}")
            for kind, number in plan.pulses.items()
        ),
        *wear(plan),
        ("Energy", energy(plan)),
    ]


def wear(plan: Plan) -> list[tuple[str, str]]:
    """Pulses of the device with most, before the run and after it at most; of a named die."""
    if plan.die is None:
        return []
    kinds = dict.fromkeys([*plan.booked_per_device, *plan.pulses_per_device])
    lines = []
    for kind in kinds:
        booked = plan.booked_per_device.get(kind, 0)
        after = booked + plan.pulses_per_device.get(kind, 0)
        lines.append((f"Wear, {kind.upper()}", f"{booked:,} now, at most {after:,} after"))
    return lines


def energy(plan: Plan) -> str:
    """Energy of the pulses, for people."""
    if not plan.energy_j:
        return "none in pulses"
    device, whole = (
        with_prefix(float(f"{value:.2g}"), "J")
        for value in (plan.energy_per_device_j, plan.energy_j)
    )
    return f"at most about {device} a device, {whole} in all"


def headroom(pad: PadLevels) -> str:
    """How far a pad stays from the nearer of the limits that it is driven towards.

    >>> headroom(PadLevels("BL", 0.0, 2.5, -0.3, 3.6))
    '1.1 V left of -0.3 to 3.6 V'
    """
    left = pad.limit_high_v - pad.highest_v
    if pad.lowest_v < 0:
        left = min(left, pad.lowest_v - pad.limit_low_v)
    return f"{left:.3g} V left of {pad.limit_low_v:g} to {pad.limit_high_v:g} V"


def _volts(pad: PadLevels) -> str:
    return f"{pad.lowest_v:.4g} to {pad.highest_v:.4g}"


class _RangeBar(QStyledItemDelegate):
    """Paints what a pad sees as a bar within what it may see, above the words."""

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        """The frame is the limit, the filled part the run; a line at 0 V."""
        pad = index.data(_LEVELS)
        if painter is None or not isinstance(pad, PadLevels):
            return
        theme = current_theme()
        area = QRectF(option.rect).adjusted(4, 3, -4, 0)
        bar = QRectF(area.left(), area.top(), area.width(), 9)
        span = pad.limit_high_v - pad.limit_low_v

        def x(volts: float) -> float:
            return bar.left() + bar.width() * (volts - pad.limit_low_v) / span

        painter.save()
        used = QRectF(x(pad.lowest_v), bar.top(), x(pad.highest_v) - x(pad.lowest_v), bar.height())
        painter.fillRect(used, theme.highlight)
        painter.setPen(theme.border)
        painter.drawRect(bar)
        painter.setPen(theme.foreground)
        painter.drawLine(int(x(0)), int(bar.top()) - 2, int(x(0)), int(bar.bottom()) + 2)
        painter.setPen(theme.dim)
        painter.drawText(
            area.adjusted(0, 12, 0, 0),
            Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop,
            str(index.data()),
        )
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        """A bar and a line of words."""
        return QSize(120, QFontMetrics(option.font).height() + 19)


class _Waveforms(QWidget):
    """The pads of one scheme below each other, volts against time."""

    def __init__(self) -> None:
        super().__init__()
        self.chooser = QComboBox()
        self.chooser.setObjectName("scheme")
        self.chooser.setAccessibleName("Pulse scheme")
        self.chooser.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.chooser.currentIndexChanged.connect(self._draw)
        self.plot = pyqtgraph.PlotWidget()
        self.plot.setObjectName("waveforms")
        self.plot.setAccessibleName("Waveforms of the pads")
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.setMouseEnabled(x=True, y=False)
        self._schemes: tuple[DrawnScheme, ...] = ()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.chooser)
        column.addWidget(self.plot, stretch=1)

    def show_schemes(self, schemes: tuple[DrawnScheme, ...]) -> None:
        """Offer other schemes; the one shown stays if there is one of its name."""
        shown = self.chooser.currentText()
        self._schemes = schemes
        names = [scheme.name for scheme in schemes]
        self.chooser.blockSignals(True)
        self.chooser.clear()
        self.chooser.addItems(names)
        self.chooser.setCurrentIndex(names.index(shown) if shown in names else 0)
        self.chooser.blockSignals(False)
        self._draw()

    def changeEvent(self, event: QEvent | None) -> None:
        """Draw again in the colours of another theme."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.PaletteChange:
            self._draw()

    def _draw(self) -> None:
        self.plot.clear()
        theme = current_theme()
        self.plot.setBackground(theme.background)
        for side in ("bottom", "left"):
            axis = self.plot.getAxis(side)
            axis.setPen(theme.dim)
            axis.setTextPen(theme.foreground)
        index = self.chooser.currentIndex()
        if not 0 <= index < len(self._schemes):
            self.plot.getAxis("left").setTicks([[]])
            return
        points = self._schemes[index].points
        pads = [pad for pad in PAD_ORDER if pad in points]
        end = max(float(points[pad][-1, 0]) for pad in pads)
        factor, unit = next(((f, u) for f, u in _SECONDS if end * f < 5e3), _SECONDS[-1])
        tallest = max(max(float(abs(points[pad][:, 1]).max()) for pad in pads), 1e-3)
        ticks = []
        for lane, pad in enumerate(reversed(pads)):
            base, volts = _LANE * lane, points[pad][:, 1]
            self.plot.addLine(y=base, pen=pyqtgraph.mkPen(theme.grid))
            self.plot.plot(
                points[pad][:, 0] * factor, base + volts / tallest, pen=line_pen(0, theme)
            )
            ticks.append((base, f"{pad} {extremes_text(float(volts.min()), float(volts.max()))}"))
        self.plot.getAxis("left").setTicks([ticks])
        self.plot.setLabel("bottom", f"Time ({unit})")
        self.plot.setYRange(-0.2, _LANE * len(pads), padding=0)
        self.plot.setXRange(0, end * factor, padding=0.02)


def extremes_text(low: float, high: float) -> str:
    """Lowest and highest voltage of a waveform.

    >>> extremes_text(0.0, 2.5), extremes_text(-0.1, 2.5)
    ('2.5 V', '-0.1 to 2.5 V')
    """
    return f"{high:.3g} V" if low in (0, high) else f"{low:.3g} to {high:.3g} V"


def _table(columns: list[str], name: str) -> QTableWidget:
    table = QTableWidget(0, len(columns))
    table.setAccessibleName(name)
    table.setHorizontalHeaderLabels(columns)
    table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
    table.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
    table.setShowGrid(False)
    table.setTabKeyNavigation(False)
    table.setWordWrap(True)
    vertical, horizontal = table.verticalHeader(), table.horizontalHeader()
    assert vertical is not None
    assert horizontal is not None
    vertical.hide()
    vertical.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    horizontal.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    horizontal.setStretchLastSection(True)
    return table


def _fill(table: QTableWidget, lines: Sequence[tuple[str, ...]]) -> None:
    table.setRowCount(len(lines))
    for row, line in enumerate(lines):
        for column, text in enumerate(line):
            table.setItem(row, column, QTableWidgetItem(text))
