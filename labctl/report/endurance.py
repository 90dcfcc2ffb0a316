"""Report of an endurance run: resistances and error rates window by window (Figs. 6 and 7)."""

from __future__ import annotations

import math
from dataclasses import asdict
from functools import cached_property
from typing import Any

import numpy as np

from labctl.analysis.crossing import Crossing, median_over_pairs
from labctl.analysis.distributions import SigmaPlot
from labctl.analysis.endurance import (
    PairEndurance,
    PooledWindow,
    StoredReadings,
    WindowResult,
    analyse_endurance,
    pooled_windows,
    stored_counts,
)
from labctl.analysis.error_rates import ErrorRate
from labctl.analysis.estimates import Estimate
from labctl.analysis.extrapolation import AgingFit
from labctl.analysis.readings import sigma_points
from labctl.report.aging import aging_table
from labctl.report.any_run import RunReport
from labctl.report.endurance_figures import (
    failures_block,
    rates_block,
    resistance_block,
    sigma_block,
)
from labctl.report.page import INTERVAL, Content, FigureBlock, Headline, TableBlock, rate_headline
from labctl.report.text import cell_names, count, cycle_number, ohms, with_prefix

BOOTSTRAP_SEED = 0
NOT_READ = "resistances not read"
INDEPENDENT = (
    "Errors of neighbouring cycles may depend on each other; the intervals take them as "
    "independent."
)
OPTIMISTIC = (
    "Each best reference is chosen on the readings that it is judged by: slightly optimistic. "
    "Censored resistances count where the censoring decides."
)
UNMEASURED = "The SET current, temperature, and what happens between windows are not measured."
FEWEST_FOR_FAILURES = 4
"""Pairs from which on failure cycles are drawn as a distribution."""


class EnduranceReport(RunReport):
    """Windows of each pair, and what follows from them together."""

    @cached_property
    def pairs(self) -> list[PairEndurance]:
        """The pairs that were cycled, each with the windows that it reached."""
        places = self.stored("pairs")
        counts = self.stored("window_counts")
        if places is None or counts is None:
            return []
        return analyse_endurance(places, stored_counts(counts), self.readings, self._reference)

    @cached_property
    def pooled(self) -> list[PooledWindow]:
        """Windows of all pairs together."""
        return pooled_windows(self.pairs)

    def summary(self) -> dict[str, Any]:
        """Windows of each pair (ohm), crossings (cycles), medians over the pairs."""
        return {
            "cycles": self.run.record["parameters"]["cycles"],
            "mode": self.run.record["parameters"]["mode"],
            "reference_ohm": self._reference,
            "windows": [_pooled_dict(window) for window in self.pooled],
            "pairs": [_pair_dict(pair) for pair in self.pairs],
            "left_out": self._left_out(),
            "crossing_1t1r": _estimate_dict(self._median_crossing("crossing_1t1r")),
            "crossing_1t1r_common": _estimate_dict(self._median_crossing("crossing_common")),
            "crossing_2t2r": _estimate_dict(self._median_crossing("crossing_2t2r")),
        }

    @staticmethod
    def rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
        """A line a window, then where the error rates pass 1e-3."""
        rows = [
            (
                f"Cycles {_span(window['first'], window['last'])}",
                f"2T2R {_rate_text(window['ber_2t2r'])}; {_1t1r_text(window)}",
            )
            for window in summary["windows"]
        ]
        if summary["pairs"]:
            names = {"2T2R above 1e-3": "crossing_2t2r"}
            if any(window["measured_cycles"] for window in summary["windows"]):
                names = {"1T1R above 1e-3": "crossing_1t1r", **names}
                if len(summary["pairs"]) > 1:
                    names["1T1R, one reference for all pairs"] = "crossing_1t1r_common"
            rows += [(name, _crossing_text(summary[key], summary)) for name, key in names.items()]
        if summary["left_out"]:
            rows.append(("Pairs left out", cell_names(summary["left_out"])))
        return rows

    def content(self) -> Content:
        """Figures, headline rates of the last window, one table of all windows."""
        if not self.pooled:
            return Content(warnings=["No window of this run was observed to its end."])
        if self.readings is None:
            return self._sensed_only()
        last = self.pooled[-1]
        return Content(
            headlines=[
                self._headline_2t2r(),
                rate_headline("1T1R there, best reference", last.common, "reading"),
                self._crossing_headline(),
            ],
            warnings=self._warnings(),
            figures=self._figures(self.readings),
            tables=[
                _windows_table(self.pooled),
                _resistance_table(self.pairs[0]),
                *self._aging(),
            ],
            measurement=self._measurement("two of each measured cycle: one LRS and one HRS"),
            notes=[INDEPENDENT, OPTIMISTIC, UNMEASURED],
        )

    def _sensed_only(self) -> Content:
        """The same of a run that read no resistance."""
        return Content(
            headlines=[
                self._headline_2t2r(),
                Headline("1T1R", "not read", ["the run read no resistance"]),
            ],
            warnings=self._warnings(),
            figures=[self._rates_figure(1)],
            tables=[_sensed_table(self.pooled), *self._aging()],
            measurement=self._measurement(f"none: {NOT_READ}"),
            notes=[INDEPENDENT, UNMEASURED],
        )

    # --- what is stored ------------------------------------------------------------------------

    @property
    def _reference(self) -> float:
        return float(self.run.record["parameters"]["reference"])

    @cached_property
    def readings(self) -> StoredReadings | None:
        """The resistances; None where the run read none."""
        names = ("resistance", "censored", "resistance_of", "resistance_range")
        resistance, censored, of, bounds = map(self.stored, names)
        if resistance is None or censored is None or of is None or bounds is None:
            return None
        return StoredReadings(resistance, censored, of, bounds)

    def _left_out(self) -> list[list[int]]:
        """Row and column of pairs with an unusable device."""
        places, unusable = self.stored("pairs"), self.stored("pair_unusable")
        if places is None or unusable is None:
            return []
        left_out: list[list[int]] = places[unusable.any(axis=1)][:, 1:].tolist()
        return left_out

    def _median_crossing(self, name: str) -> Estimate | None:
        """Median crossing over pairs; infinite for pairs that did not pass the limit.

        None for 1T1R where no resistance was read.
        """
        found = [getattr(pair, name) for pair in self.pairs]
        if not found or (self.readings is None and name != "crossing_2t2r"):
            return None
        cycles = [math.inf if crossing is None else crossing.cycle for crossing in found]
        return median_over_pairs(cycles, np.random.default_rng(BOOTSTRAP_SEED))

    # --- what is said --------------------------------------------------------------------------

    def _aging(self) -> list[TableBlock]:
        table = aging_table(self.pooled, self.pairs[0])
        return [] if table is None else [table]

    def _headline_2t2r(self) -> Headline:
        last = self.pooled[-1]
        return rate_headline(f"2T2R, cycles {_span(last.first, last.last)}", last.ber_2t2r)

    def _measurement(self, readings_1t1r: str) -> list[tuple[str, str]]:
        return [
            ("Interval", INTERVAL),
            ("1T1R readings", readings_1t1r),
            ("Left out", cell_names(self._left_out())),
        ]

    def _crossing_headline(self) -> Headline:
        median = self._median_crossing("crossing_common")
        label = "1T1R passes 1e-3 at"
        if median is None or math.isinf(median.value):
            return Headline(label, "not reached", [f"by cycle {self.pooled[-1].last:.3g}"])
        details = ["cycles, interpolated between windows"]
        if len(self.pairs) > 1:
            details.append(
                f"one reference for all pairs; median of {len(self.pairs)}, 95 %: "
                f"{median.low:.2g} to {median.high:.2g}"
            )
        return Headline(label, f"{median.value:.2g}", details)

    def _warnings(self) -> list[str]:
        warnings = []
        not_read = sum(w.count.not_read for pair in self.pairs for w in pair.windows)
        if not_read:
            warnings.append(
                f"{count(not_read, 'sensed cycle')} without a valid level at Q: in no count."
            )
        short = [p for p in self.pairs if p.windows[-1].count.last < self.pooled[-1].last]
        if short:
            names = cell_names([[p.row, p.column] for p in short])
            warnings.append(f"Not cycled as far as the others: {names}.")
        return warnings

    def _unobserved(self) -> str:
        if self.run.record["parameters"]["mode"] == "every-cycle":
            return "Every cycle was observed."
        return "Checkpoint windows: cycles in between were not observed; lines join windows."

    def _read_in(self, pairs: list[PairEndurance]) -> str:
        """In how many cycles R was read."""
        if self.readings is None:
            return f"{NOT_READ.capitalize()}."
        measured = sorted({w.measured for pair in pairs for w in pair.windows})
        many = f"{measured[0]:g}" if len(measured) == 1 else f"{measured[0]:g} to {measured[-1]:g}"
        return f"R was read in {many} cycles a window and pair, in bursts over the window."

    def _figures(self, stored: StoredReadings) -> list[FigureBlock]:
        first = self.pairs[0]
        read_in = self._read_in([first])
        figures = [
            resistance_block(1, first, self._unobserved(), read_in),
            sigma_block(2, first, _sigma_plots(first, stored), read_in),
            self._rates_figure(3),
        ]
        if len(self.pairs) >= FEWEST_FOR_FAILURES:
            cycles = [
                math.inf if p.crossing_common is None else p.crossing_common.cycle
                for p in self.pairs
            ]
            figures.append(failures_block(4, cycles, self.pooled[-1].last))
        return figures

    def _rates_figure(self, number: int) -> FigureBlock:
        return rates_block(
            number,
            self.pooled,
            self.pairs,
            with_prefix(self._reference, "ohm"),
            self._unobserved(),
            self._read_in(self.pairs),
        )


def _sigma_plots(pair: PairEndurance, stored: StoredReadings) -> dict[tuple[int, str], SigmaPlot]:
    """By window and "BL LRS" and so on: first and last window."""
    plots: dict[tuple[int, str], SigmaPlot] = {}
    for window in {pair.windows[0].count.window, pair.windows[-1].count.window}:
        states = stored.window(pair.pair, window)
        for name, both in zip(("LRS", "HRS"), states or (), strict=False):
            for device, readings in zip(("BL", "BLb"), both, strict=True):
                plots[window, f"{device} {name}"] = sigma_points(readings)
    return plots


def _pooled_dict(window: PooledWindow) -> dict[str, Any]:
    return {
        "first": window.first,
        "last": window.last,
        "pairs": window.pairs,
        "measured_cycles": window.measured,
        "ber_2t2r": window.ber_2t2r.as_dict(),
        "ber_1t1r": window.best.as_dict(),
        "ber_1t1r_common": window.common.as_dict(),
        "common_reference_ohm": window.common_ohm,
        "ber_1t1r_fixed": window.fixed.as_dict(),
    }


def _pair_dict(pair: PairEndurance) -> dict[str, Any]:
    return {
        "row": pair.row,
        "column": pair.column,
        "windows": [_window_dict(window) for window in pair.windows],
        "crossing_1t1r": _crossing_dict(pair.crossing_1t1r),
        "crossing_1t1r_common": _crossing_dict(pair.crossing_common),
        "crossing_2t2r": _crossing_dict(pair.crossing_2t2r),
        "aging": _aging_dict(pair.aging),
    }


def _window_dict(window: WindowResult) -> dict[str, Any]:
    return {
        "first": window.count.first,
        "last": window.count.last,
        "sensed": window.count.sensed,
        "zero_as_one": window.count.zero_as_one,
        "one_as_zero": window.count.one_as_zero,
        "not_read": window.count.not_read,
        "measured_cycles": window.measured,
        "ber_2t2r": window.ber_2t2r.as_dict(),
        "ber_1t1r": window.best.rate.as_dict(),
        "best_reference_ohm": window.best.reference_ohm,
        "ber_1t1r_common": window.common.rate.as_dict(),
        "ber_1t1r_fixed": window.fixed.rate.as_dict(),
        "distance_decades": None if window.distance is None else window.distance.decades,
        "bands": {name: asdict(band) for name, band in window.bands.items()},
    }


def _crossing_dict(crossing: Crossing | None) -> dict[str, Any] | None:
    return None if crossing is None else asdict(crossing)


def _aging_dict(aging: AgingFit | None) -> dict[str, Any] | None:
    if aging is None:
        return None
    return {
        "slope": _estimate_dict(aging.slope),
        "start": _estimate_dict(aging.start),
        "n0_cycles": _estimate_dict(aging.n0_cycles),
    }


def _estimate_dict(estimate: Estimate | None) -> dict[str, float | None] | None:
    """An open end is None: JSON has no infinity."""
    if estimate is None:
        return None
    return {k: v if math.isfinite(v) else None for k, v in estimate.as_dict().items()}


def _span(first: int, last: int) -> str:
    return f"{cycle_number(first)} to {cycle_number(last)}"


def _rate_text(rate: dict[str, Any]) -> str:
    return str(ErrorRate(**rate))


def _1t1r_text(window: dict[str, Any]) -> str:
    if not window["measured_cycles"]:
        return NOT_READ
    return f"1T1R {_rate_text(window['ber_1t1r_common'])}"


def _crossing_text(crossing: dict[str, Any] | None, summary: dict[str, Any]) -> str:
    pairs = summary["pairs"]
    if crossing is None or crossing["value"] is None:
        return f"not by cycle {summary['windows'][-1]['last']:.3g}"
    text = f"from cycle {crossing['value']:.2g} on, interpolated between windows"
    if len(pairs) == 1:
        return text
    low, high = (
        "?" if crossing[end] is None else f"{crossing[end]:.2g}" for end in ("low", "high")
    )
    return f"{text}; median of {count(len(pairs), 'pair')}, 95 %: {low} to {high}"


def _windows_table(pooled: list[PooledWindow]) -> TableBlock:
    return TableBlock(
        "Bit error rates by window",
        [
            "Cycles",
            "Pairs",
            "R read in",
            "2T2R",
            "1T1R, each pair's best reference",
            "1T1R, one reference for all pairs",
            "1T1R, fixed",
        ],
        [
            [
                _span(w.first, w.last),
                str(w.pairs),
                f"{w.measured:g} cycles",
                str(w.ber_2t2r),
                str(w.best),
                str(w.common),
                str(w.fixed),
            ]
            for w in pooled
        ],
    )


def _sensed_table(pooled: list[PooledWindow]) -> TableBlock:
    return TableBlock(
        "Bit error rates by window",
        ["Cycles", "Pairs", "2T2R"],
        [[_span(w.first, w.last), str(w.pairs), str(w.ber_2t2r)] for w in pooled],
    )


def _resistance_table(pair: PairEndurance) -> TableBlock:
    names = list(pair.windows[0].bands)
    return TableBlock(
        f"Median resistances by window, row {pair.row} column {pair.column}",
        ["Cycles", *names, "Best reference"],
        [
            [
                _span(w.count.first, w.count.last),
                *(ohms(w.bands[name].median_ohm) for name in names),
                ohms(w.best.reference_ohm),
            ]
            for w in pair.windows
        ],
    )
