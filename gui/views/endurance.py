"""Endurance: resistances of both devices and bit error rates against cycles, on log axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QWidget

from gui import colours
from gui.contract import Cell, RunStyle
from gui.models.endurance import LINES, MOST_CHOSEN, EndurancePicture, PooledSpan, SpanPool
from gui.plots.axes import AxisText, Numbers
from gui.plots.data import Values, nothing
from gui.plots.legend import Entry
from gui.plots.rates import rate_values, set_rates
from gui.plots.run_looks import HRS, LRS, quantity_look, quiet_look
from gui.plots.series import Look, Looks
from gui.theme import Theme
from gui.views.plot_view import Drawn, PlotView
from labctl.analysis.crossing import BER_LIMIT
from labctl.analysis.endurance import DEVICES, STATES, PairEndurance, PooledBand
from labctl.report.text import count, with_prefix

CYCLES = AxisText("Cycles", "", Numbers.POWER, log=True)
OHMS = AxisText("R", "Ω", Numbers.PREFIX, log=True)
RATE = AxisText("Bit error rate", "", Numbers.POWER, log=True)

TWO, ONE = "2T2R", "1T1R best reference"
COMMON, FIXED = "1T1R best reference for all pairs", "1T1R fixed reference"
_FEWER = "window of fewer pairs"
_SINGLE_PAIRS = 16
"""Lines of single pairs beside those of all, at most."""


class EnduranceView(PlotView[EndurancePicture]):
    """Three panels: BL and BLb above, error rates below; the selection chooses the pairs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self._cells: frozenset[Cell] = frozenset()
        self._pools: dict[str, SpanPool] = {}
        super().__init__("endurance", parent)
        self.resistance = {
            device: self.figure.panel(0, number, CYCLES, OHMS, f"{device} device")
            for number, device in enumerate(DEVICES)
        }
        left, right = self.resistance.values()
        right.share_y(left)
        right.share_x(left)
        for panel in (left, right):
            # Named below, at the rates: there is little height.
            panel.x.showLabel(False)
        self.rates = self.figure.panel(1, 0, CYCLES, RATE, columns=2)
        self.rates.guide(BER_LIMIT)
        for row, share in ((1, 4), (2, 5)):
            self.figure.graphics.ci.layout.setRowStretchFactor(row, share)

    def set_selection(self, cells: frozenset[Cell]) -> None:
        """Draw the pairs among these cells; all pairs where none of them is."""
        self._cells = cells
        self.redraw()

    def forget_run(self, run: str) -> None:
        """Take a run out, with what was pooled of it."""
        if run in self.runs:
            self._pools.pop(self.runs[run].style.name, None)
        super().forget_run(run)

    def draw(self, run: Drawn[EndurancePicture]) -> None:
        """Windows of the chosen pairs together, and thin lines of single ones."""
        pairs, spans = self._chosen(run)
        for name in LINES:
            self._draw_resistance(run, name, spans)
        looks = _rate_looks(run.style)
        self._draw_singles(run, looks, pairs if len(pairs) > 1 else ())
        cycles, told = [span.rates.cycle for span in spans], _columns(spans)
        by_name = {
            TWO: [span.rates.ber_2t2r for span in spans],
            ONE: [span.rates.best for span in spans],
            # Of a single pair it would be its own once more.
            COMMON: [span.rates.common for span in spans if len(run.picture.pairs) > 1],
            FIXED: [span.rates.fixed for span in spans],
        }
        for name, rates in by_name.items():
            series = run.series(name, self.rates, name, looks[name])
            set_rates(series, cycles if rates else [], rates, told)
        self._mark_fewer(run, _with_fewer(pairs, spans))
        reads = any(other.picture.reads_resistance for other in self.runs.values())
        for panel in self.resistance.values():
            panel.set_visible(reads)

    def _chosen(
        self, run: Drawn[EndurancePicture]
    ) -> tuple[tuple[PairEndurance, ...], tuple[PooledSpan, ...]]:
        """Pairs of a run that are drawn, and their windows together."""
        pairs = run.picture.of_cells(self._cells)
        return pairs, self._pools.setdefault(run.style.name, SpanPool()).spans(run.picture, pairs)

    def legend(self) -> Sequence[Entry]:
        """States and rates of the run in front; runs if there are several."""
        front, theme = self.front, self.figure.theme
        if front is None:
            return ()
        reads = front.picture.reads_resistance
        entries: list[Entry] = [
            (f"R, {state}", _window_look(_state_look(front.style, state), symbol=True)(theme))
            for state in STATES
            if reads
        ]
        looks, names = _rate_looks(front.style), _rate_names(front.picture)
        entries += [(names[name], looks[name](theme)) for name in names if name == TWO or reads]
        if any(_with_fewer(*self._chosen(run)) for run in self.runs.values()):
            entries.append((_FEWER, _fewer_look(theme)))
        return [*entries, *self.named_runs()]

    def told(self, run: Drawn[EndurancePicture]) -> str:
        """Which pairs, what the band is, what was not observed."""
        picture = run.picture
        if not picture.pairs:
            return "No window observed yet."
        pairs, spans = self._chosen(run)
        if len(pairs) == 1:
            whose = f"Row {pairs[0].row} column {pairs[0].column}"
            band = "median and 1 to 99 % of the readings"
        else:
            whose = f"{count(len(pairs), 'pair')} together"
            if pairs is picture.pairs and len(self._cells) > MOST_CHOSEN:
                whose = f"All {whose} (at most {MOST_CHOSEN} of them can be chosen)"
            whose += _fewer_text(pairs, spans)
            band = "median of their medians, lowest 1 % to highest 99 %"
        if not picture.reads_resistance:
            band = "resistances not read"
        between = "every cycle observed" if picture.every_cycle else "thin: cycles not observed"
        if picture.reads_resistance and len(picture.pairs) > 1:
            between += "; reference for all pairs: within 1.2 %"
        return f"{whose}: {band}; {between}. Bars: 95 %; arrows: no error seen, upper bound."

    def _draw_resistance(
        self, run: Drawn[EndurancePicture], name: str, spans: Sequence[PooledSpan]
    ) -> None:
        """One state of one device: windows solid, what lies between them dashed."""
        device, state = name.split()
        panel, looks = self.resistance[device], _state_look(run.style, state)
        own = [(span, span.bands[name]) for span in spans if name in span.bands]
        cycles = [span.rates.cycle for span, _ in own]
        median = np.array([band.median_ohm for _, band in own])
        low, high = [band.low_ohm for _, band in own], [band.high_ohm for _, band in own]
        run.band(name, panel, f"{name}, 1 to 99 %", looks).set(cycles, low, high)
        # A gap behind each window: solid is only what was observed.
        ends = np.array([(s.rates.first, s.rates.last, np.nan) for s, _ in own], dtype=float)
        windows = run.series((name, "windows"), panel, f"{name}, windows", _window_look(looks))
        windows.set(ends.ravel(), np.repeat(median, 3), data=nothing)
        joins = run.series((name, "medians"), panel, f"{name}, median", _dashed(looks))
        joins.set(cycles, median, data=partial(_band_values, own))

    def _mark_fewer(self, run: Drawn[EndurancePicture], spans: Sequence[PooledSpan]) -> None:
        """Ring what is drawn of these windows."""
        look = quantity_look(run.style, _fewer_look)
        cycles = [span.rates.cycle for span in spans]
        for device, panel in self.resistance.items():
            bands = [
                (s.rates.cycle, b) for s in spans for n, b in s.bands.items() if device in n.split()
            ]
            rings = run.series((_FEWER, device), panel, _FEWER, look)
            at, ohms = [cycle for cycle, _ in bands], [band.median_ohm for _, band in bands]
            rings.set(at, ohms, joined=False, data=nothing)
        shown = [run.series(name, self.rates, name, quiet_look()).values for name in _RATE_LOOKS]
        x, y = (np.concatenate([getattr(one, axis) for one in shown]) for axis in "xy")
        ringed = np.isin(x, cycles)
        rings = run.series(_FEWER, self.rates, _FEWER, look)
        rings.set(x[ringed], y[ringed], joined=False, data=nothing)

    def _draw_singles(
        self,
        run: Drawn[EndurancePicture],
        looks: Mapping[str, Looks],
        pairs: Sequence[PairEndurance],
    ) -> None:
        """Single pairs, 2T2R and 1T1R, through the windows with errors."""
        for name in (TWO, ONE):
            x: list[float] = []
            y: list[float] = []
            for pair in pairs[:_SINGLE_PAIRS]:
                rates = [w.ber_2t2r if name == TWO else w.best.rate for w in pair.windows]
                x += [*(window.cycle for window in pair.windows), np.nan]
                y += [*((r.value if r.errors else None) or np.nan for r in rates), np.nan]
            series = run.series(
                (name, "singles"), self.rates, f"{name}, single pairs", _thin(looks[name])
            )
            series.set(x, y, data=partial(_single_values, name, pairs))


def _with_fewer(pairs: Sequence[PairEndurance], spans: Sequence[PooledSpan]) -> list[PooledSpan]:
    """Windows that not all of the pairs have: some are not as far yet, or were left behind."""
    return [span for span in spans if span.rates.pairs < len(pairs)]


def _fewer_text(pairs: Sequence[PairEndurance], spans: Sequence[PooledSpan]) -> str:
    """How many pairs those windows hold; empty without one."""
    fewer = _with_fewer(pairs, spans)
    if not fewer:
        return ""
    held = sorted({span.rates.pairs for span in fewer})
    least = f"{held[0]} to {held[-1]}" if len(held) > 1 else f"{held[0]}"
    windows = count(len(fewer), "window")
    if fewer == list(spans[-len(fewer) :]):
        windows = "last window" if len(fewer) == 1 else f"last {windows}"
    return f" ({windows}: {least} of {count(len(pairs), 'pair')}, ringed)"


def _columns(spans: Sequence[PooledSpan]) -> dict[str, list[object]]:
    """First and last cycle and number of pairs of windows, for the exported data."""
    return {
        "x first": [span.rates.first for span in spans],
        "x last": [span.rates.last for span in spans],
        "pairs": [span.rates.pairs for span in spans],
    }


def _band_values(windows: Sequence[tuple[PooledSpan, PooledBand]]) -> Values:
    """Median, lowest and highest resistance of windows."""
    spans, bands = [span for span, _ in windows], [band for _, band in windows]
    return Values(
        np.array([span.rates.cycle for span in spans], dtype=float),
        np.array([band.median_ohm for band in bands], dtype=float),
        np.array([band.low_ohm for band in bands], dtype=float),
        np.array([band.high_ohm for band in bands], dtype=float),
        more=_columns(spans),
    )


def _single_values(name: str, pairs: Sequence[PairEndurance]) -> Values:
    """2T2R or 1T1R error rates of single pairs, those without an error too."""
    each = [(pair, window) for pair in pairs for window in pair.windows]
    return rate_values(
        [window.cycle for _, window in each],
        [window.ber_2t2r if name == TWO else window.best.rate for _, window in each],
        {
            "x first": [window.count.first for _, window in each],
            "x last": [window.count.last for _, window in each],
            "row": [pair.row for pair, _ in each],
            "column": [pair.column for pair, _ in each],
        },
    )


def _state_look(style: RunStyle, state: str) -> Looks:
    return quantity_look(style, _STATE_LOOKS[state])


def _rate_names(picture: EndurancePicture) -> dict[str, str]:
    """What the report calls them."""
    several = len(picture.pairs) > 1
    names = {
        TWO: "BER, 2T2R sensed",
        ONE: f"BER, 1T1R best reference{' of each pair' if several else ''}",
        COMMON: "BER, 1T1R best reference for all pairs",
        FIXED: f"BER, 1T1R at {with_prefix(picture.reference_ohm, 'ohm')}",
    }
    return names if several else {name: text for name, text in names.items() if name != COMMON}


def _rate_looks(style: RunStyle) -> dict[str, Looks]:
    return {name: quantity_look(style, front) for name, front in _RATE_LOOKS.items()}


def _state(part: int, symbol: str, filled: bool) -> Looks:
    return lambda theme: Look(colours.line_colour(part, theme), symbol, filled=filled)


def _common(theme: Theme) -> Look:
    return Look(theme.foreground, "t1")


_STATE_LOOKS = {"LRS": _state(LRS, "o", True), "HRS": _state(HRS, "d", False)}
_RATE_LOOKS = {
    TWO: _state(LRS, "o", True),
    ONE: _state(HRS, "d", False),
    COMMON: _common,
    FIXED: quiet_look("s", Qt.PenStyle.DotLine),
}
"""As in the report's figures."""


def _fewer_look(theme: Theme) -> Look:
    return Look(theme.foreground, "o", size=15, line=None, is_ring=True)


def _dashed(looks: Looks) -> Looks:
    """The same with a thin dashed line: nothing was observed there."""

    def look(theme: Theme) -> Look:
        return replace(looks(theme), line=Qt.PenStyle.DashLine, width=1.0)

    return look


def _window_look(looks: Looks, symbol: bool = False) -> Looks:
    """Thick: observed."""

    def look(theme: Theme) -> Look:
        own = looks(theme)
        return replace(own, symbol=own.symbol if symbol else None, width=3.0)

    return look


def _thin(looks: Looks) -> Looks:
    """A faint thin line without symbols."""

    def look(theme: Theme) -> Look:
        own = looks(theme)
        colour = QColor(own.colour)
        colour.setAlpha(90)
        return replace(own, colour=colour, symbol=None, width=0.8)

    return look
