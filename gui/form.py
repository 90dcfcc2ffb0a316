"""The form of a procedure: a field for each parameter, made from the class, presets, problems."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QMenu,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.contract import Cell
from gui.inputs import Field, named_field
from gui.planner import ChipFacts, PlanResult
from gui.presets import Presets, shipped
from gui.theme import Mark, mark
from procedures import PROCEDURES, load_procedure
from procedures.base import BenchProcedure, in_declared_order
from procedures.patterns import WHOLE

CHANGES, READS = "▲", "○"
"""Mark of a procedure that changes devices, and of one that only reads."""


class ProcedureForm(QWidget):
    """Chooses a procedure and takes its parameters.

    What was typed for a procedure is kept while another one is shown.
    """

    changed = pyqtSignal()
    """Another procedure, or something typed."""

    def __init__(self, presets: Presets | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("procedure_form")
        # All modules are loaded now: choosing a procedure later opens no file.
        self._kinds = {name: load_procedure(name) for name in PROCEDURES}
        self._pages: dict[str, _Page] = {}
        self._chip: ChipFacts | None = None
        self.procedure = next(iter(PROCEDURES))
        self._presets = presets or Presets(parent=self)
        self._make_widgets()
        self._presets.failed.connect(self._show_problem)
        self._show_page()

    # --- what is typed -------------------------------------------------------------------------

    @property
    def fields(self) -> dict[str, Field]:
        """The fields of the procedure by parameter."""
        return self._page.fields

    @property
    def _page(self) -> _Page:
        """The page of the procedure, made when it is chosen first."""
        if self.procedure not in self._pages:
            page = _Page(self._kinds[self.procedure])
            for field in page.fields.values():
                field.changed.connect(self._field_changed)
            self._pages[self.procedure] = page
        return self._pages[self.procedure]

    def choose(self, procedure: str) -> None:
        """Show a procedure's parameters."""
        self.chooser.setCurrentIndex(list(PROCEDURES).index(procedure))

    def typed(self) -> dict[str, str]:
        """What differs from the defaults, as the command line takes it."""
        return {name: field.typed for name, field in self.fields.items() if field.typed}

    def problems(self) -> dict[str, str]:
        """Parameter to what is wrong with what was typed there."""
        return {name: field.wrong for name, field in self.fields.items() if field.wrong}

    def fill(self, typed: Mapping[str, str]) -> None:
        """Put texts into their fields and all others back to their defaults."""
        for name, field in self.fields.items():
            field.fill(typed.get(name, ""))

    def apply_to(self, cells: frozenset[Cell]) -> str | None:
        """Fill in where the procedure works; a sentence why it cannot, None if it could."""
        if not cells:
            return "No cell is selected."
        fields = self.fields
        if "region" in fields:
            return self._apply_region(cells)
        if "pair_row" in fields:
            return self._apply_pair(cells)
        if "rows" in fields:
            return self._apply_rows(cells)
        return f"{self.procedure} chooses its cells itself: it has no region, pair or rows."

    # --- what the plan tells ----------------------------------------------------------------------

    def show_result(self, result: PlanResult) -> None:
        """Show the chip file's defaults, and a problem beside the field that it names."""
        if result.question.procedure != self.procedure:
            return
        if result.chip is not None:
            self._chip = result.chip
            for name, text in result.chip.defaults.items():
                self.fields[name].show_default(text)
        self._show_planned_problem("" if result.option else result.problem)

    @property
    def is_marked(self) -> bool:
        """Whether something is wrong beside one of its fields."""
        return any(field.told for field in self.fields.values())

    # --- cells ------------------------------------------------------------------------------------

    def _apply_region(self, cells: frozenset[Cell]) -> str | None:
        rows, columns = _spans(cells)
        if len(cells) != len(rows) * len(columns):
            return (
                f"The {len(cells)} selected cells are no rectangle; a region is rows and columns."
            )
        whole = self._chip is not None and (len(rows), len(columns)) == self._chip.shape
        self.fields["region"].fill(WHOLE if whole else f"{_interval(rows)},{_interval(columns)}")
        return None

    def _apply_pair(self, cells: frozenset[Cell]) -> str | None:
        if len(cells) != 1:
            return f"{self.procedure} takes one pair by its place; {len(cells)} are selected."
        ((row, column),) = cells
        self.fields["pair_row"].fill(str(row))
        self.fields["pair_column"].fill(str(column))
        self.fields["pairs"].fill("")
        return None

    def _apply_rows(self, cells: frozenset[Cell]) -> str | None:
        if self._chip is None:
            return "The size of the array is not known yet: there is no readable bench file."
        rows, columns = _spans(cells)
        if (
            rows.start != 0
            or len(columns) != self._chip.shape[1]
            or len(cells) != len(rows) * len(columns)
        ):
            return f"{self.procedure} uses whole rows from row 0 on; select such rows."
        self.fields["rows"].fill(str(len(rows)))
        return None

    # --- widgets ----------------------------------------------------------------------------------

    def _make_widgets(self) -> None:
        self.chooser = QComboBox()
        self.chooser.setObjectName("procedure")
        self.chooser.setAccessibleName("Procedure")
        for index, (name, kind) in enumerate(self._kinds.items()):
            self.chooser.addItem(f"{CHANGES if kind.changes_devices else READS} {name}")
            tip = f"{PROCEDURES[name][1]}; " + (
                "changes devices" if kind.changes_devices else "only reads"
            )
            self.chooser.setItemData(index, tip, Qt.ItemDataRole.ToolTipRole)
        self.chooser.currentIndexChanged.connect(self._chosen)
        label = QLabel("&Procedure")
        label.setBuddy(self.chooser)
        self.presets_button = QToolButton()
        self.presets_button.setObjectName("presets")
        self.presets_button.setText("Presets")
        self.presets_button.setToolTip("Fill the form with a named set of parameters, or keep it")
        self.presets_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.presets_button)
        menu.aboutToShow.connect(self._fill_presets_menu)
        self.presets_button.setMenu(menu)
        top = QHBoxLayout()
        top.addWidget(label)
        top.addWidget(self.chooser, stretch=1)
        top.addWidget(self.presets_button)
        self.does = _wrapped("does", Mark.HINT)
        self.problem = _wrapped("form_problem", Mark.PROBLEM)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(top)
        column.addWidget(self.does)
        column.addWidget(self.problem)
        column.addWidget(self._scroll, stretch=1)

    def _field_changed(self) -> None:
        if self.problems():
            # Nothing is planned until that is mended, so what the last plan said is void.
            self._show_planned_problem("")
        self.changed.emit()

    def _show_planned_problem(self, sentence: str) -> None:
        named = named_field(sentence, self.fields)
        for name, field in self.fields.items():
            field.show_planned_problem(sentence if name == named else "")

    def _chosen(self, index: int) -> None:
        self.procedure = list(PROCEDURES)[index]
        self._show_page()
        self.changed.emit()

    def _show_page(self) -> None:
        # The page that was shown is the form's again: a scroll area deletes what is replaced.
        shown = self._scroll.takeWidget()
        if shown is not None:
            shown.setParent(self)
            shown.hide()
        self._scroll.setWidget(self._page)
        self._page.show()
        self.does.setText(PROCEDURES[self.procedure][1])
        self._show_problem("")
        self._presets.read(self.procedure)

    def _show_problem(self, sentence: str) -> None:
        self.problem.setText(f"⚠ {sentence}" if sentence else "")
        self.problem.setVisible(bool(sentence))

    # --- presets ----------------------------------------------------------------------------------

    def _fill_presets_menu(self) -> None:
        menu = self.presets_button.menu()
        assert menu is not None
        menu.clear()
        own = self._presets.of(self.procedure)
        for name, typed in shipped(self.procedure).items():
            self._add_preset(menu, name, typed)
        menu.addSeparator()
        for name, typed in own.items():
            self._add_preset(menu, name, typed)
        menu.addSeparator()
        save = menu.addAction("&Save as …")
        assert save is not None
        save.triggered.connect(self._ask_for_name)
        delete = menu.addMenu("&Delete")
        assert delete is not None
        delete.setEnabled(bool(own))
        for name in own:
            action = delete.addAction(name)
            assert action is not None
            action.triggered.connect(
                lambda _checked, name=name: self._presets.delete(self.procedure, name)
            )

    def _add_preset(self, menu: QMenu, name: str, typed: Mapping[str, str]) -> None:
        action = menu.addAction(name)
        assert action is not None
        action.setToolTip(", ".join(f"{key} {text}" for key, text in typed.items()))
        action.triggered.connect(lambda: self.fill(typed))

    def _ask_for_name(self) -> None:
        # Not modal: the emergency stop stays within reach.
        dialog = QInputDialog(self)
        dialog.setObjectName("preset_name")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(f"Preset of {self.procedure}")
        dialog.setLabelText("Name of the preset:")
        procedure, typed = self.procedure, self.typed()
        dialog.textValueSelected.connect(
            lambda name: (
                self._presets.save(procedure, name.strip(), typed) if name.strip() else None
            )
        )
        dialog.show()


class _Page(QWidget):
    """The fields of one procedure."""

    def __init__(self, kind: type[BenchProcedure]) -> None:
        super().__init__()
        grid = QGridLayout(self)
        grid.setContentsMargins(2, 2, 6, 2)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(1, 1)
        self.fields = {
            name: Field(name, parameter, parent=self)
            for name, parameter in in_declared_order(kind).items()
        }
        for field in self.fields.values():
            field.add_to(grid)
        grid.setRowStretch(grid.rowCount(), 1)


def _spans(cells: frozenset[Cell]) -> tuple[range, range]:
    """Rows and columns from the first to the last of the cells."""
    places: NDArray[np.int64] = np.array(sorted(cells))
    (top, left), (bottom, right) = places.min(axis=0).tolist(), places.max(axis=0).tolist()
    return range(top, bottom + 1), range(left, right + 1)


def _interval(span: range) -> str:
    """As a region is typed."""
    return str(span.start) if len(span) == 1 else f"{span.start}:{span.stop}"


def _wrapped(name: str, what: Mark) -> QLabel:
    label = QLabel()
    label.setObjectName(name)
    label.setWordWrap(True)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    mark(label, what)
    return label
