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


@dataclass(frozen=True)
class ViewKind:
    """One kind of view."""

    name: str
    title: str
    """On its tab."""
    model: Callable[[], Model]
    view: Callable[[], View]
    procedures: frozenset[str] = frozenset()
    """Procedures that it is for; empty: all."""
    overlays: bool = True
    """Whether it draws other runs beside the one in front."""

    def suits(self, procedure: str) -> bool:
        """Whether runs of a procedure have something to show there."""
        return not self.procedures or procedure in self.procedures


_CYCLING = frozenset({"endurance"})
_READING = frozenset({"checkerboard", "conditions", "sense", "retention", "program", "read"})
_READING |= {"weights", "disturb", "differential"}

PLOTS = (
    ViewKind("endurance", "Endurance", EnduranceModel, EnduranceView, _CYCLING),
    ViewKind(
        "conditions",
        "Conditions",
        ConditionsModel,
        ConditionsView,
        frozenset({"conditions"}),
        overlays=False,
    ),
    ViewKind("iv", "IV", IVModel, IVView, frozenset({"iv"}), overlays=False),
    ViewKind("sigma", "Sigma", SigmaModel, SigmaView, _READING | {"endurance"}),
    ViewKind("sense", "Sense amplifier", SenseModel, SenseView, _READING),
    ViewKind("forming", "Forming", FormingModel, FormingView, frozenset({"forming"})),
    ViewKind("cell_history", "Cell", CellHistoryModel, CellHistoryView, overlays=False),
    ViewKind("rows", "Rows", RowsModel, RowsView),
)
"""In the order of their tabs."""

ARRAY = ViewKind("array", "Array", ArrayModel, ArrayMap, overlays=False)

VIEWS = (ARRAY, *PLOTS)


def first_plot(procedure: str) -> ViewKind:
    """The plot that comes to the front with a run."""
    named = [kind for kind in PLOTS if kind.name == procedure]
    return next(kind for kind in (*named, *PLOTS) if kind.suits(procedure))
