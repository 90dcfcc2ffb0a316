"""Wrong bits against programming conditions, a panel a RESET voltage (paper, Fig. 5)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PyQt6.QtWidgets import QWidget

from gui.contract import RunStyle
from gui.models.conditions import ConditionsPicture
from gui.plots.axes import AxisText, Numbers
from gui.plots.figure import Panel
from gui.plots.legend import Entry
from gui.plots.run_looks import run_look
from gui.plots.series import Looks
from gui.views.plot_view import Drawn, PlotView
from labctl.analysis.conditions import ConditionPoint
from labctl.report.text import count, with_prefix

TIME = AxisText("Programming time", "s", Numbers.PREFIX, log=True)
ERRORS = AxisText("Errors per kilobit", "", Numbers.PLAIN, log=True)

_PANELS_A_ROW = 3
_APART = 1.07
"""Factor between the places of neighbouring compliances, so that their bars can be told apart."""


class ConditionsView(PlotView[ConditionsPicture]):
    """Mean, lowest and highest of the repetitions of the run in front, a line a SET compliance."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("conditions", parent)
        self.panels: dict[float, Panel] = {}

    def forget_run(self, run: str) -> None:
        """Take a run out; the next one may have other RESET voltages."""
        super().forget_run(run)
        if not self.runs:
            for panel in self.panels.values():
                self.figure.remove_panel(panel)
            self.panels.clear()

    def draw(self, run: Drawn[ConditionsPicture]) -> None:
        """A line for each compliance in the panel of each RESET voltage."""
        lines: dict[tuple[float, float], list[ConditionPoint]] = {}
        for point in run.picture.points:
            if point.mean is not None:
                lines.setdefault((point.reset_v, point.set_compliance_a), []).append(point)
        compliances = _compliances(run.picture)
        for (volts, amperes), points in lines.items():
            index = compliances.index(amperes)
            panel = self._panel(volts)
            key = (volts, amperes, index)
            looks, name = _look(index), f"SET {with_prefix(amperes, 'A')}"
            series = run.series(key, panel, name, looks)
            shift = _APART ** (index - (len(compliances) - 1) / 2)
            series.set(
                [point.width_s * shift for point in points],
                [point.mean or point.least_seen for point in points],
                low=[min(point.per_kilobit) or np.nan for point in points],
                high=[max(point.per_kilobit) for point in points],
                bound=[not point.mean for point in points],
            )
        run.clear_others({(v, a, compliances.index(a)) for v, a in lines})

    def legend(self) -> Sequence[Entry]:
        """The compliances."""
        front, theme = self.front, self.figure.theme
        if front is None:
            return ()
        return [
            (f"SET {with_prefix(amperes, 'A')}", _look(index)(theme))
            for index, amperes in enumerate(_compliances(front.picture))
        ]

    def told(self, run: Drawn[ConditionsPicture]) -> str:
        """What the marks mean."""
        points = run.picture.points
        if not points:
            return "No condition measured yet."
        repetitions = max(len(point.errors) for point in points)
        return (
            f"{count(len(points), 'condition')}, up to {count(repetitions, 'repetition')}. "
            "Markers: mean, set apart a little; bars: lowest and highest repetition, without a "
            "lower end where one had no error. Arrow: no error in any, drawn at one error."
        )

    def _panel(self, volts: float) -> Panel:
        """The panel of a RESET voltage, made when the first such point is there."""
        if volts not in self.panels:
            row, column = divmod(len(self.panels), _PANELS_A_ROW)
            panel = self.figure.panel(row, column, TIME, ERRORS, f"RESET {volts:g} V")
            first = next(iter(self.panels.values()), None)
            if first is not None:
                panel.share_y(first)
            self.panels[volts] = panel
        return self.panels[volts]


def _compliances(picture: ConditionsPicture) -> list[float]:
    return sorted({point.set_compliance_a for point in picture.points})


def _look(index: int) -> Looks:
    """Colour, symbol and dash of a compliance."""
    return run_look(RunStyle("", index))
