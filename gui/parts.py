"""The widgets of the main window and where they are; nothing is wired here."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QFrame,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from gui.banner import Banner
from gui.browser import RunBrowser
from gui.contract import View
from gui.controls import RunControls
from gui.form import ProcedureForm
from gui.log_view import LogView
from gui.panels import splitter, tabs
from gui.pending import PendingRuns
from gui.plan_view import PlanView
from gui.presets import Presets
from gui.progress_bar import RunProgress
from gui.registry import ARRAY, PLOTS, first_layer, first_plot
from gui.run_options import RunOptions
from gui.selection import Selection
from gui.theme import Mark, mark
from gui.views.array_map import ArrayMap
from gui.views.die import DieView
from gui.window_menu import WindowMenu

PARAMETERS, OPTIONS = "Parameters", "Options"
"""Titles of the pages of what is asked."""


class Notice(QLabel):
    """One sentence for the user, until the next one or the next thing done."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("notice")
        self.setWordWrap(True)
        self.setContentsMargins(8, 2, 8, 2)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.hide()

    def tell(self, sentence: str, what: Mark = Mark.HINT) -> None:
        """Show a sentence; an empty one takes the last away."""
        self.setText(f"⚠ {sentence}" if sentence and what is Mark.PROBLEM else sentence)
        self.setVisible(bool(sentence))
        mark(self, what)


class Parts(QWidget):
    """Across the top what must be seen; left what is asked; right what is shown."""

    def __init__(self, selection: Selection, presets: Presets) -> None:
        super().__init__()
        self.banner = Banner()
        self.controls = RunControls()
        self.progress = RunProgress()
        self.notice = Notice()
        self.form = ProcedureForm(presets)
        self.options = RunOptions()
        self.asked = self._make_asked()
        self.plan = PlanView()
        self.map = ArrayMap(selection)
        self.views: dict[str, View] = {
            ARRAY.name: self.map,
            **{kind.name: kind.make() for kind in PLOTS},
        }
        self.browser = RunBrowser()
        self.log = LogView()
        self.queue = PendingRuns()
        self.die = DieView()
        self.menu = WindowMenu()
        plots = {kind.title: self.views[kind.name] for kind in PLOTS}
        self.plots = tabs("plots", {**plots, "Die": self.die}, "Plots of the runs, and the die")
        self.lower_tabs = tabs(
            "lower",
            {
                "Runs": self.browser,
                "Log": self.log,
                "Queue": self.queue,
            },
            "Runs, log and queue",
        )
        self.lower_tabs.setCornerWidget(self.menu)
        self._arrange()

    def fit_plots(self, procedure: str) -> None:
        """Offer the plots that suit a procedure; show the one that tells most, and such a layer."""
        for index, kind in enumerate(PLOTS):
            self.plots.setTabVisible(index, kind.suits(procedure))
        self.plots.setCurrentIndex(PLOTS.index(first_plot(procedure)))
        self.map.suit(procedure, first_layer(procedure))

    def mark_pages(self) -> str:
        """Mark the pages on which something is wrong beside a field; their titles, in words."""
        marked = []
        pages = {PARAMETERS: self.form.is_marked, OPTIONS: self.options.is_marked}
        for index, (title, is_marked) in enumerate(pages.items()):
            self.asked.setTabText(index, f"⚠ {title}" if is_marked else title)
            self.asked.setTabToolTip(index, "Something here is wrong" if is_marked else "")
            if is_marked:
                marked.append(title)
        return " and ".join(marked)

    def _arrange(self) -> None:
        across = Qt.Orientation.Horizontal
        down = Qt.Orientation.Vertical
        left = splitter("left", down, [self.asked, self.plan], [380, 300])
        seen = splitter("seen", across, [self.map, self.plots], [420, 540])
        right = splitter("right", down, [seen, self.lower_tabs], [500, 180])
        main = splitter("main", across, [left, right], [310, 970])
        stack = QVBoxLayout(self)
        stack.setContentsMargins(0, 0, 0, 4)
        stack.setSpacing(2)
        main.setContentsMargins(6, 0, 6, 0)
        for part in (self.banner, self.controls, self.progress, self.notice):
            stack.addWidget(part)
        stack.addWidget(main, stretch=1)

    def _make_asked(self) -> QTabWidget:
        """Parameters and options, each as long as it likes."""
        scroll = QScrollArea()
        scroll.setWidget(self.options)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        return tabs("asked", {PARAMETERS: self.form, OPTIONS: scroll}, "Parameters and options")
