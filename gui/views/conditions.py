"""Wrong bits against programming conditions, a panel a RESET voltage (paper, Fig. 5)."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pyqtgraph
from PyQt6.QtWidgets import QWidget

from gui import colours
from gui.contract import RunStyle
from gui.models.conditions import ConditionsPicture
from gui.plots.axes import AxisText, Numbers
from gui.plots.data import Values, nothing
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
_LINE = 1.7
"""The '<' line lies so far above what is drawn as "no error", as in the report."""
_CLEAN = "no error"
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
        self._lines: dict[float, pyqtgraph.InfiniteLine] = {}
        """The '<' line of each."""

    def show_run(self, run: str, picture: ConditionsPicture, style: RunStyle) -> None:
        """Draw the picture of a run in place of its last one."""
        several, lowest = self._several, self._lowest()
        super().show_run(run, picture, style)
        self._restyle_if(several != self._several)
        if lowest != self._lowest():
            self.redraw()

    def forget_run(self, run: str) -> None:
        """Take a run out, and panels of RESET voltages that no other run has."""
        several, lowest = self._several, self._lowest()
        super().forget_run(run)
        if any(not panel.drawn for panel in self.panels.values()):
            self._build_anew()
        elif lowest != self._lowest():
            self.redraw()
        self._restyle_if(several != self._several)

    def draw(self, run: Drawn[ConditionsPicture]) -> None:
        """A line for each compliance in the panel of each RESET voltage."""
        lines: dict[tuple[float, float], list[ConditionPoint]] = {}
        for point in run.picture.points:
            if point.mean is not None:
                lines.setdefault((point.reset_v, point.set_compliance_a), []).append(point)
        compliances, (least, floor) = self._compliances(), self._lowest()
        keys: list[Hashable] = []
        for (volts, amperes), points in lines.items():
            index = compliances.index(amperes)
            key, panel = (volts, amperes, index), self._panel(volts)
            keys += [key, (*key, _CLEAN)]
            name, looks = f"SET {with_prefix(amperes, 'A')}", self._look(run.style, index)
            series = run.series(key, panel, name, looks)
            shift = _APART ** (index - (len(compliances) - 1) / 2) * _RUNS_APART**run.style.index
            series.set(
                [point.width_s * shift for point in points],
                [point.mean or floor for point in points],
                low=[min(point.per_kilobit) or floor for point in points],
                high=[max(point.per_kilobit) or floor for point in points],
                data=partial(_told_values, points),
            )
            clean = run.series((*key, _CLEAN), panel, f"{name}, {_CLEAN}", _open(looks))
            places = [point.width_s * shift for point in points if not point.mean]
            clean.set(places, [floor] * len(places), joined=False, data=nothing)
        run.clear_others(keys)
        for panel, line in zip(self.panels.values(), self._lines.values(), strict=True):
            panel.y.name_lowest(math.log10(floor), f"< {least:.3g}")
            line.setPos(math.log10(_LINE * floor))

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
            "Markers: mean over the repetitions, set apart for legibility; bars: their minimum and "
            "maximum. Open markers on the '<' line: no error in any repetition; a bar that reaches "
            "it had a repetition without an error. '<' is what one wrong bit in one repetition "
            "would be."
        )

    @property
    def _several(self) -> bool:
        return len(self.runs) > 1

    def _lowest(self) -> tuple[float, float]:
        """One wrong bit in one repetition, per kilobit, and where "no error" is drawn.

        That is below the least mean that there can be, as in the report.
        """
        points = [p for run in self.runs.values() for p in run.picture.points if p.mean is not None]
        if not points:
            return 1.0, 1.0
        least = min(point.least_seen for point in points)
        return least, least / max(len(point.errors) for point in points) / 3

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
            self._lines[volts] = panel.guide(1.0)
        return self.panels[volts]

    def _build_anew(self) -> None:
        """Panels only of voltages that there are."""
        for run in self.runs.values():
            run.remove()
        for panel in reversed(self.panels.values()):
            self.figure.remove_panel(panel)
        self.panels.clear()
        self._lines.clear()
        self.redraw()


def _open(looks: Looks) -> Looks:
    """The symbol alone, open."""

    def look(theme: Theme) -> Look:
        return replace(looks(theme), filled=False, line=None)

    return look


def _told_values(points: Sequence[ConditionPoint]) -> Values:
    """What is exported: where they were measured; without an error the 95 % upper bound."""
    rates = [point.rate for point in points]
    bound = [rate.is_bound for rate in rates]
    mean = [KILOBIT * ((rate.high if rate.is_bound else rate.value) or 0.0) for rate in rates]
    return Values(
        np.array([_as_typed(point.width_s) for point in points], dtype=float),
        np.array(mean, dtype=float),
        np.array([min(point.per_kilobit) for point in points], dtype=float),
        np.array([max(point.per_kilobit) for point in points], dtype=float),
        bound=np.array(bound, dtype=bool),
        more={
            "SET compliance (A)": [_as_typed(point.set_compliance_a) for point in points],
            "RESET voltage (V)": [_as_typed(point.reset_v) for point in points],
            "repetitions": [len(point.errors) for point in points],
            "errors": [rate.errors for rate in rates],
            "trials": [rate.trials for rate in rates],
        },
    )


def _as_typed(value: float) -> float:
    """Without the last digits that units cost: 10us is 1e-05, so that it can be looked for."""
    return float(f"{value:.12g}")
