"""Wrong bits against programming conditions, a panel a RESET voltage (paper, Fig. 5)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from PyQt6.QtWidgets import QWidget

from gui import colours
from gui.contract import RunStyle
from gui.models.conditions import ConditionsPicture
from gui.plots.axes import AxisText, Numbers
from gui.plots.figure import Panel
from gui.plots.legend import Entry
from gui.plots.run_looks import line_sample, run_colour, run_dash
from gui.plots.series import Look, Looks
from gui.theme import Theme
from gui.views.plot_view import Drawn, PlotView
from labctl.analysis.conditions import KILOBIT, ConditionPoint
from labctl.report.text import count, with_prefix

TIME = AxisText("Programming time", "s", Numbers.PREFIX, log=True)
ERRORS = AxisText("Errors per kilobit", "", Numbers.PLAIN, log=True)

_PANELS_A_ROW = 3
_APART = 1.07
"""Factor between the places of neighbouring compliances, so that their bars can be told apart."""
_RUNS_APART = 1.025
"""The same between runs."""


class ConditionsView(PlotView[ConditionsPicture]):
    """Mean, lowest and highest of the repetitions, a line a SET compliance.

    Of a run alone each line has a colour and a dash; of several runs each run has, and symbols
    tell the compliances.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("conditions", parent)
        self.panels: dict[float, Panel] = {}

    def show_run(self, run: str, picture: ConditionsPicture, style: RunStyle) -> None:
        """Draw the picture of a run in place of its last one."""
        several = self._several
        super().show_run(run, picture, style)
        self._restyle_if(several != self._several)

    def forget_run(self, run: str) -> None:
        """Take a run out, and panels of RESET voltages that no other run has."""
        several = self._several
        super().forget_run(run)
        if any(not panel.drawn for panel in self.panels.values()):
            self._build_anew()
        self._restyle_if(several != self._several)

    def draw(self, run: Drawn[ConditionsPicture]) -> None:
        """A line for each compliance in the panel of each RESET voltage."""
        lines: dict[tuple[float, float], list[ConditionPoint]] = {}
        for point in run.picture.points:
            if point.mean is not None:
                lines.setdefault((point.reset_v, point.set_compliance_a), []).append(point)
        compliances = self._compliances()
        keys = []
        for (volts, amperes), points in lines.items():
            index = compliances.index(amperes)
            keys.append((volts, amperes, index))
            name = f"SET {with_prefix(amperes, 'A')}"
            if run.style.index:
                name = f"{run.style.name}, {name}"
            looks = self._look(run.style, index)
            series = run.series(keys[-1], self._panel(volts), name, looks)
            shift = _APART ** (index - (len(compliances) - 1) / 2) * _RUNS_APART**run.style.index
            series.set(
                [point.width_s * shift for point in points],
                [point.mean or _bound(point) for point in points],
                low=[min(point.per_kilobit) or _one_error(point) for point in points],
                high=[max(point.per_kilobit) for point in points],
                bound=[not point.mean for point in points],
            )
        run.clear_others(keys)

    def legend(self) -> Sequence[Entry]:
        """The compliances; runs if there are several."""
        theme, style = self.figure.theme, RunStyle("", 0)
        compliances = [
            (f"SET {with_prefix(amperes, 'A')}", self._look(style, index)(theme))
            for index, amperes in enumerate(self._compliances())
        ]
        if not self._several:
            return compliances
        only = [
            (name, replace(look, colour=theme.foreground, line=None)) for name, look in compliances
        ]
        styles = sorted((run.style for run in self.runs.values()), key=lambda style: style.index)
        return [*only, *((s.name, line_sample(s)(theme)) for s in styles)]

    def told(self, run: Drawn[ConditionsPicture]) -> str:
        """What the marks mean."""
        points = run.picture.points
        if not points:
            return "No condition measured yet."
        repetitions = max(len(point.errors) for point in points)
        return (
            f"{count(len(points), 'condition')}, up to {count(repetitions, 'repetition')}. "
            "Markers: mean, set apart a little; bars: lowest and highest repetition, one without "
            "an error drawn at one error in all. Arrows: no error in any, 95 % upper bound."
        )

    @property
    def _several(self) -> bool:
        return len(self.runs) > 1

    def _compliances(self) -> list[float]:
        """Of all runs, those of the run in front first: it keeps its symbols."""
        runs = sorted(self.runs.values(), key=lambda run: run.style.index)
        rising = (sorted({p.set_compliance_a for p in run.picture.points}) for run in runs)
        return list(dict.fromkeys(amperes for own in rising for amperes in own))

    def _look(self, style: RunStyle, index: int) -> Looks:
        """Of the compliance of that index in a run."""

        def look(theme: Theme) -> Look:
            own = Look(
                colours.line_colour(index, theme),
                colours.symbol(index),
                line=colours.DASHES[index % len(colours.DASHES)],
            )
            if not self._several:
                return own
            return replace(own, colour=run_colour(style, theme), line=run_dash(style))

        return look

    def _restyle_if(self, is_needed: bool) -> None:
        for run in self.runs.values() if is_needed else ():
            run.restyle(self.figure.theme)

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

    def _build_anew(self) -> None:
        """Panels only of voltages that there are."""
        for run in self.runs.values():
            run.remove()
        for panel in reversed(self.panels.values()):
            self.figure.remove_panel(panel)
        self.panels.clear()
        self.redraw()


def _bound(point: ConditionPoint) -> float:
    """Upper bound of a condition without an error, per kilobit."""
    return KILOBIT * (point.rate.high or math.nan)


def _one_error(point: ConditionPoint) -> float:
    """One error in all repetitions, per kilobit: no mean lies below."""
    return KILOBIT / sum(point.bits)
