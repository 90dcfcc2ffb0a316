"""Report of a retention run: resistances and wrong bits against the time since programming."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from labctl.analysis.estimates import Estimate
from labctl.analysis.retention import (
    QUANTILES,
    RetentionReads,
    RetentionResult,
    StateAt,
    TimePoint,
    analyse_retention,
)
from labctl.report.any_run import RunReport
from labctl.report.page import INTERVAL, Content, Headline, TableBlock, rate_headline
from labctl.report.retention_figures import retention_figures
from labctl.report.text import UNKNOWN, count, duration, ohms

NOT_MEASURED = (
    "temperature (and so no activation energy), retention without power, single devices between "
    "two reads"
)


class RetentionReport(RunReport):
    """Drift of both states, and wrong bits, at each read."""

    @cached_property
    def result(self) -> RetentionResult | None:
        """The analysis; None where nothing was read."""
        pattern, read_time = self.stored("pattern"), self.stored("read_time")
        if pattern is None or read_time is None:
            return None
        shape = pattern.shape[1:]
        usable = np.zeros(shape, dtype=bool)
        checked = self.unformed_marks()
        usable[: len(checked)] = ~checked.any(axis=-1)
        reads = RetentionReads(
            pattern=pattern[0],
            usable=usable,
            control_rows=np.arange(shape[0]) % 2 == 1,
            read_time=read_time,
            resistance=self.stored("resistance"),
            sensed=self.stored("sensed"),
        )
        return analyse_retention(reads, float(self.run.record["parameters"]["reference"]))

    def summary(self) -> dict[str, Any]:
        """Reads with times in s, resistances in ohm, changes in decades; drifts a decade."""
        if self.result is None:
            return {"points": [], "controls": [], "drift": {}}
        return {
            "points": [_point_dict(point) for point in self.result.points],
            "controls": [_point_dict(point) for point in self.result.controls],
            "drift": {
                state: {
                    "slope": _estimate_dict(drift.slope),
                    "devices": drift.devices,
                    "drifts": drift.drifts,
                    "reading_effect": _estimate_dict(drift.reading_effect),
                }
                for state, drift in self.result.drift.items()
            },
            "readings_without_value": self.result.without_value,
            "bits_not_read": self.result.bits_not_read,
        }

    @staticmethod
    def rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
        """A line a read, then the drifts."""
        rows = [(f"After {duration(p['time_s'])}", _point_text(p)) for p in summary["points"]]
        for state, drift in summary["drift"].items():
            rows.append((f"Drift of {state}", _slope_text(drift["slope"])))
        return rows

    def content(self) -> Content:
        """Figures, drifts, a table of all reads."""
        result = self.result
        if result is None:
            return Content(warnings=["No pattern was programmed and read in this run."])
        return Content(
            headlines=_headlines(result),
            figures=retention_figures(result),
            tables=[_table("Reads", result.points), _table("Control rows", result.controls)],
            measurement=_measurement(result),
            notes=self._notes(result),
        )

    def _notes(self, result: RetentionResult) -> list[str]:
        notes = [
            "A drift is the mean over devices of the slope of log10 R against log10 t, with its "
            "95 % interval over the devices: a device that moves alone shows in the spread, in the "
            "tails of Figure 2 and in the changed bits, not in the mean.",
            "Reading the same state again is no new trial: the wrong bits of different reads do "
            "not add up.",
        ]
        drifting = [state for state, drift in result.drift.items() if drift.drifts]
        if result.drift and not drifting:
            notes.append(
                "No drift is seen in either state: neither mean slope differs from zero with "
                "99.9 %. That bounds a drift by the interval, over this time and at this "
                "temperature only."
            )
        if self.run.record["simulated"]:
            notes.append(
                "This is a simulated chip, whose devices do not drift with time by themselves: "
                "only read noise and two-level noise move the readings."
            )
        return notes


def _estimate_dict(estimate: Estimate | None) -> dict[str, float] | None:
    return None if estimate is None else estimate.as_dict()


def _state_dict(state: StateAt) -> dict[str, Any]:
    return {
        "readings": int(state.readings.size),
        "quantiles_ohm": None
        if state.quantiles_ohm is None
        else {f"{share:g}": ohm for share, ohm in zip(QUANTILES, state.quantiles_ohm, strict=True)},
        "change_decades": _estimate_dict(state.change),
        "change_spread_decades": state.change_spread,
    }


def _point_dict(point: TimePoint) -> dict[str, Any]:
    rates = {
        "wrong_bits": point.wrong_bits,
        "changed_bits": point.changed_bits,
        "wrong_devices": point.wrong_devices,
    }
    return {
        "time_s": point.time_s if np.isfinite(point.time_s) else None,
        **{state: _state_dict(at) for state, at in point.states.items()},
        **{name: None if rate is None else rate.as_dict() for name, rate in rates.items()},
    }


def _point_text(point: dict[str, Any]) -> str:
    parts = []
    for state in ("LRS", "HRS"):
        if point.get(state, {}).get("quantiles_ohm"):
            parts.append(f"{state} {ohms(point[state]['quantiles_ohm']['0.5'])}")
    if point["wrong_bits"] is not None:
        wrong = point["wrong_bits"]
        parts.append(f"{wrong['errors']} of {wrong['trials']} bits wrong")
    return ", ".join(parts)


def _slope_text(slope: dict[str, float] | None) -> str:
    if slope is None:
        return "no statement: fewer than three reads, or two devices"
    return (
        f"{slope['value']:+.4f} [{slope['low']:+.4f}, {slope['high']:+.4f}] decade per decade of "
        "time"
    )


def _headlines(result: RetentionResult) -> list[Headline]:
    headlines = []
    for state, drift in result.drift.items():
        if drift.slope is None:
            headlines.append(Headline(f"Drift of {state}", "no statement", ["too few reads"]))
            continue
        seen = "seen" if drift.drifts else "not seen"
        headlines.append(
            Headline(
                f"Drift of {state}: {seen}",
                f"{drift.slope.value:+.4f}",
                [
                    "decade per decade of time",
                    f"95 %: {drift.slope.low:+.4f} to {drift.slope.high:+.4f}",
                    count(drift.devices, "device"),
                ],
            )
        )
    last = result.points[-1]
    after = "at the last read"
    if last.wrong_bits is not None and last.changed_bits is not None:
        headlines.append(rate_headline(f"2T2R wrong bits {after}", last.wrong_bits, "bit"))
        headlines.append(rate_headline("Changed since the first read", last.changed_bits, "bit"))
    if last.wrong_devices is not None:
        headlines.append(rate_headline(f"1T1R wrong devices {after}", last.wrong_devices, "device"))
    return headlines


def _measurement(result: RetentionResult) -> list[tuple[str, str]]:
    rows = [
        ("Interval of rates", INTERVAL),
        ("Readings without a value", f"{result.without_value}, in no count"),
        ("Bits not read", f"{result.bits_not_read}, in no count"),
    ]
    for state, drift in result.drift.items():
        effect = drift.reading_effect
        text = "no statement" if effect is None else f"{effect.value:+.4f} decade, 95 %: " \
            f"{effect.low:+.4f} to {effect.high:+.4f}"  # fmt: skip
        rows.append((f"Effect of the reads between, {state}", text))
    rows.append(
        (
            "Effect of the reads between",
            "change from first to last read of the rows always read, minus that of the control "
            "rows",
        )
    )
    return [*rows, ("Not measured", NOT_MEASURED)]


def _table(title: str, points: list[TimePoint]) -> TableBlock:
    header = ["After"]
    if points and points[0].states:
        for state in points[0].states:
            header += [f"{state} median", f"{state} 1 % to 99 %", f"{state} change (decades)"]
        header.append("1T1R wrong")
    if points and points[0].wrong_bits is not None:
        header += ["2T2R wrong", "Changed bits"]
    return TableBlock(title, header, [_table_row(point) for point in points])


def _table_row(point: TimePoint) -> list[str]:
    cells = [duration(point.time_s)]
    for state in point.states.values():
        quantiles = state.quantiles_ohm
        if quantiles is None:
            cells += [UNKNOWN] * 3
            continue
        change = state.change
        cells += [
            ohms(quantiles[2]),
            f"{ohms(quantiles[0])} to {ohms(quantiles[-1])}",
            UNKNOWN if change is None else
            f"{change.value:+.4f} [{change.low:+.4f}, {change.high:+.4f}]",
        ]  # fmt: skip
    if point.wrong_devices is not None:
        cells.append(str(point.wrong_devices))
    if point.wrong_bits is not None:
        cells += [str(point.wrong_bits), str(point.changed_bits)]
    return cells
