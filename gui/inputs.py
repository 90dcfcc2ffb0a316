"""Inputs made from a procedure's parameters: label, editor, allowed range, and what is wrong.

Of PyMeasure's inputs the list and the line of text serve. Its spin boxes do not: they take no
prefix (55uA), alter a number beyond the range without a word, and cannot be left blank.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from pymeasure.display.inputs import ListInput, StringInput
from pymeasure.experiment import ListParameter, Parameter
from PyQt6.QtCore import QObject, Qt, pyqtSignal
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from gui.command_line import flag
from gui.theme import Mark, mark
from procedures.base import default_text
from procedures.parameters import (
    CountParameter,
    FileParameter,
    QuantityParameter,
    quantity_text,
)
from procedures.patterns import PatternParameter

_BESIDE = 24
"""Letters of an allowed range that fit beside the editor."""
_BELOW = 60
"""Letters that fit below it; what is longer stands in the tooltip alone."""
_LABEL_PX = 116
"""A longer name takes two lines."""
_NO_BOUND = 2**31 - 1
"""A whole number so large bounds nothing that a person would type."""


class TypedInput(StringInput):
    """PyMeasure's line of text, left blank for the default."""

    def set_parameter(self, parameter: Parameter) -> None:
        """Take on a parameter."""
        self._parameter = parameter


class ChoiceInput(ListInput):
    """PyMeasure's list; the wheel scrolls past it, so that no choice is changed by chance."""

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Leave the event to the form."""
        if event is not None:
            event.ignore()


class FileInput(QWidget):
    """The name of a file or a folder: typed, or chosen."""

    def __init__(self, what: str, folder: bool = False) -> None:
        super().__init__()
        self.line = QLineEdit()
        self.line.setAccessibleName(what)
        self._what = what
        self._folder = folder
        choose = QToolButton()
        choose.setText("…")
        choose.setToolTip(f"Choose {what}")
        choose.setAccessibleName(f"Choose {what}")
        choose.clicked.connect(self._choose)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        row.addWidget(self.line)
        row.addWidget(choose)
        self.setFocusProxy(self.line)

    def _choose(self) -> None:
        # Neither modal nor the system's own: the emergency stop stays within reach.
        dialog = QFileDialog(self, f"Choose {self._what}")
        dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
        dialog.setModal(False)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if self._folder:
            dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self.line.setText)
        dialog.show()


class Field(QObject):
    """One parameter in a form.

    ``default``: what it is when nothing is typed, if the parameter does not know. ``folder``: a
    file parameter names a folder.
    """

    changed = pyqtSignal()

    def __init__(
        self,
        name: str,
        parameter: Parameter,
        default: str = "",
        folder: bool = False,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.name = name
        self.flag = flag(name)
        self.parameter = parameter
        self._default = default or default_text(parameter)
        self.editor = self._make_editor(folder)
        self.editor.setObjectName(name)
        self.editor.setAccessibleName(parameter.name)
        self.editor.setAccessibleDescription(self._help())
        self.editor.setToolTip(self._help())
        self.label = QLabel(parameter.name)
        self.label.setBuddy(self.editor)
        self.label.setToolTip(self._help())
        self.label.setWordWrap(True)
        self.label.setMinimumWidth(min(_LABEL_PX, self.label.sizeHint().width()))
        self.range = QLabel(range_text(parameter))
        mark(self.range, Mark.HINT)
        self.problem = QLabel()
        self.problem.setObjectName(f"{name}_problem")
        self.problem.setWordWrap(True)
        self.problem.hide()
        mark(self.problem, Mark.PROBLEM)
        self._planned_problem = ""
        self.show_default(self._default)

    # --- what is typed -------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """What stands in the editor, as the command line takes it; "" is the default."""
        if isinstance(self.editor, ChoiceInput):
            chosen = str(self.editor.value())
            return "" if chosen == self.parameter.default else chosen
        return self._line.text().strip()

    @property
    def typed(self) -> str:
        """As `text`; "" too where it means the same as the default."""
        text, default = self.text, self.parameter.default
        if not text or default is None or self.wrong:
            return text
        convert = self.parameter.convert
        return "" if _are_same(convert(text), convert(default)) else text

    @property
    def wrong(self) -> str:
        """One sentence about what was typed; "" if it is allowed."""
        if not self.text:
            return ""
        try:
            self.parameter.convert(self.text)
        except ValueError as error:
            return str(error)
        return ""

    def fill(self, text: str) -> None:
        """Put a text into the editor; "" for the default. A word that is no choice is left out."""
        if not isinstance(self.editor, ChoiceInput):
            self._line.setText(text)
        elif (text or self.parameter.default) in self.parameter.choices:
            self.editor.setValue(text or self.parameter.default)

    def show_default(self, text: str) -> None:
        """Show what the parameter is when nothing is typed."""
        if not isinstance(self.editor, ChoiceInput):
            self._line.setPlaceholderText(text)

    def show_planned_problem(self, sentence: str) -> None:
        """Show what is wrong with this parameter together with others; "" for nothing."""
        self._planned_problem = sentence
        self._show_problem()

    @property
    def told(self) -> str:
        """What is said to be wrong; "" for nothing."""
        return self.wrong or self._planned_problem

    # --- in the form ---------------------------------------------------------------------------

    def add_to(self, grid: QGridLayout) -> None:
        """Put it at the end of a grid of three columns: label, editor, range."""
        row = grid.rowCount()
        grid.addWidget(self.label, row, 0)
        letters = len(self.range.text())
        beside = 0 < letters <= _BESIDE
        grid.addWidget(self.editor, row, 1, 1, 1 if beside else 2)
        if beside:
            grid.addWidget(self.range, row, 2)
        elif 0 < letters <= _BELOW:
            self.range.setWordWrap(True)
            self.range.setAlignment(Qt.AlignmentFlag.AlignRight)
            grid.addWidget(self.range, row + 1, 0, 1, 3)
        grid.addWidget(self.problem, row + 2, 0, 1, 3)

    @property
    def _line(self) -> QLineEdit:
        line = self.editor.line if isinstance(self.editor, FileInput) else self.editor
        assert isinstance(line, QLineEdit)
        return line

    def _make_editor(self, folder: bool) -> Any:
        parameter = self.parameter
        editor: Any
        if isinstance(parameter, ListParameter):
            editor = ChoiceInput(parameter)
            editor.currentTextChanged.connect(self._edited)
        elif type(parameter) in (FileParameter, PatternParameter):
            what = f"{'folder' if folder else 'file'}: {parameter.name}"
            editor = FileInput(what, folder)
            editor.line.textChanged.connect(self._edited)
        else:
            editor = TypedInput(parameter)
            editor.textChanged.connect(self._edited)
        # A long default or choice makes the form no wider.
        editor.setMinimumWidth(64)
        editor.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        return editor

    def _edited(self) -> None:
        self._show_problem()
        self.changed.emit()

    def _show_problem(self) -> None:
        sentence = self.told
        self.problem.setText(f"⚠ {sentence}" if sentence else "")
        self.problem.setVisible(bool(sentence))
        marked = self.editor.line if isinstance(self.editor, FileInput) else self.editor
        mark(marked, Mark.PROBLEM if sentence else None)

    def _help(self) -> str:
        """Description, allowed values, default and the option's name."""
        parameter = self.parameter
        about = parameter.description[:1].upper() + parameter.description[1:]
        allowed = f"\nAllowed: {parameter.allowed}." if hasattr(parameter, "allowed") else ""
        return f"{about}.{allowed}\nDefault: {self._default}. On the command line {self.flag}."


def named_field(sentence: str, fields: Mapping[str, Field]) -> str | None:
    """The parameter that a problem is about: it begins with its name, or names its option."""
    for name, field in fields.items():
        if sentence.startswith((f"{field.parameter.name} ", f"{field.parameter.name}:")):
            return name
    for option in re.findall(r"--[a-z0-9-]+", sentence):
        for name, field in fields.items():
            if field.flag == option:
                return name
    return None


def _are_same(one: Any, other: Any) -> bool:
    """Whether two values mean the same; 200 µA may differ from 2e-4 A in the last digit."""
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_are_same, one, other))
    return math.isclose(one, other) if isinstance(one, float) else bool(one == other)


def range_text(parameter: Parameter) -> str:
    """The allowed range with its unit, for people; "" where the editor shows the choices itself.

    >>> range_text(QuantityParameter("Pulse width", "s", 100e-9, 100e-6))
    '100 ns to 100 µs'
    """
    if isinstance(parameter, ListParameter):
        return ""
    if isinstance(parameter, QuantityParameter):
        low, high = (
            quantity_text(end, parameter.units) for end in (parameter.minimum, parameter.maximum)
        )
        return f"{low} to {high}"
    if type(parameter) is CountParameter and parameter.maximum >= _NO_BOUND:
        return f"from {parameter.minimum}"
    return str(getattr(parameter, "allowed", "")).replace("e+0", "e").replace("e+", "e")
