"""What the window can show of a run: each kind of view with the model behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gui.contract import Model, View
from gui.models.array import ArrayModel
from gui.models.cell_history import CellHistoryModel
from gui.models.conditions import ConditionsModel
from gui.models.endurance import EnduranceModel
from gui.models.forming import FormingModel
from gui.models.iv import IVModel
from gui.models.rows import RowsModel
from gui.models.sense import SenseModel
from gui.models.sigma import SigmaModel
from gui.views.array_map import ArrayMap
from gui.views.cell_history import CellHistoryView
from gui.views.conditions import ConditionsView
from gui.views.endurance import EnduranceView
from gui.views.forming import FormingView
from gui.views.iv import IVView
from gui.views.rows import RowsView
from gui.views.sense import SenseView
from gui.views.sigma import SigmaView
from procedures import PROCEDURES


@dataclass(frozen=True)
class ViewKind:
    """One kind of view."""

    name: str
    title: str
    """On its tab."""
    shows: str
    """What there will be to see, told as long as there is nothing."""
    model: Callable[[], Model]
    view: Callable[[], View]
    procedures: frozenset[str] = frozenset()
    """Procedures that it is for; empty: all."""
    overlays: bool = True
    """Whether it draws other runs beside the one in front."""

    def make(self) -> View:
        """A view that says what it is for while it is empty."""
        view = self.view()
        named = [name for name in PROCEDURES if name in self.procedures]
        view.promise(f"{self.shows}\nFrom: {', '.join(named) or 'every procedure'}.")
        return view

    def suits(self, procedure: str) -> bool:
        """Whether runs of a procedure have something to show there."""
        return not self.procedures or procedure in self.procedures


_CYCLING = frozenset({"endurance"})
_READING = frozenset({"checkerboard", "conditions", "sense", "retention", "program", "read"})
_READING |= {"weights", "disturb", "differential"}

PLOTS = (
    ViewKind(
        "endurance",
        "Endurance",
        "Resistances of LRS and HRS, and 1T1R and 2T2R bit error rates, against cycles.",
        EnduranceModel,
        EnduranceView,
        _CYCLING,
    ),
    ViewKind(
        "conditions",
        "Conditions",
        "Wrong bits against programming time, for each SET compliance and RESET voltage.",
        ConditionsModel,
        ConditionsView,
        frozenset({"conditions"}),
    ),
    ViewKind(
        "iv",
        "IV",
        "Current against voltage, sweep by sweep, and where the devices switched.",
        IVModel,
        IVView,
        frozenset({"iv"}),
    ),
    ViewKind(
        "sigma",
        "Sigma",
        "Distributions of the resistances of LRS and HRS, on a sigma plot.",
        SigmaModel,
        SigmaView,
        _READING | _CYCLING,
    ),
    ViewKind(
        "sense",
        "Sense amplifier",
        "Errors of the sense amplifiers against the ratio of the two resistances.",
        SenseModel,
        SenseView,
        _READING,
    ),
    ViewKind(
        "forming",
        "Forming",
        "Forming voltages on probability paper.",
        FormingModel,
        FormingView,
        frozenset({"forming"}),
    ),
    ViewKind(
        "cell_history",
        "Cell",
        "Resistances and bits of the cells selected on the map, read by read.",
        CellHistoryModel,
        CellHistoryView,
    ),
    ViewKind(
        "rows",
        "Rows",
        "Any column of the run's rows against any other.",
        RowsModel,
        RowsView,
    ),
)
"""In the order of their tabs."""

ARRAY = ViewKind("array", "Array", "The array, bit by bit.", ArrayModel, ArrayMap, overlays=False)

VIEWS = (ARRAY, *PLOTS)


def first_plot(procedure: str) -> ViewKind:
    """The plot that comes to the front with a run."""
    named = [kind for kind in PLOTS if kind.name == procedure]
    return next(kind for kind in (*named, *PLOTS) if kind.suits(procedure))


_FIRST_LAYERS = {
    "forming": "forming_bl",
    "iv": "r_bl",
    "compliance": "cycles",
    "endurance": "ber",
    "differential": "ber",
    "conditions": "ber",
    "energy": "ber",
    "sense": "errors",
    "disturb": "errors",
    "retention": "errors",
}


def first_layer(procedure: str) -> str:
    """The layer of the map that shows what a procedure measures."""
    return _FIRST_LAYERS.get(procedure, "bit")
