"""Report of a conditions run: wrong bits against programming conditions (paper, Fig. 5)."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.conditions import (
    ConditionPoint,
    ConditionsResult,
    Rise,
    Spread,
    analyse_conditions,
)
from labctl.report.any_run import RunReport
from labctl.report.conditions_figures import conditions_figures, errors_text
from labctl.report.page import INTERVAL, Content, Headline, TableBlock
from labctl.report.text import count, with_prefix

UNITS = {"set_compliance_a": "A", "reset_v": "V", "width_s": "s"}
NAMES = {
    "set_compliance_a": "SET compliance",
    "reset_v": "RESET voltage",
    "width_s": "programming time",
}
NOT_MEASURED = (
    "the SET current in these pulses, energy, wear by a condition; temperature is not controlled"
)


class ConditionsReport(RunReport):
    """Mean, minimum and maximum of the errors per kilobit at each condition."""

    @cached_property
    def result(self) -> ConditionsResult:
        """The analysis of the programmings that are complete."""
        condition, pattern, sensed = map(self.stored, ("condition", "pattern", "sensed"))
        if condition is None or pattern is None or sensed is None:
            condition = np.zeros((0, 3))
            pattern = sensed = np.zeros((0, *self.unformed_marks().shape[:2]), dtype=np.uint8)
        return analyse_conditions(condition, pattern, sensed, self._usable(pattern.shape[1:]))

    def summary(self) -> dict[str, Any]:
        """Points of the grid (SI units), spreads in decades, rises of errors with compliance."""
        result = self.result
        return {
            "points": [_point_dict(point) for point in result.points],
            "spreads": [_spread_dict(spread) for spread in result.spreads],
            "is_monotone": result.is_monotone,
            "rises": [vars(rise) for rise in result.rises],
            "bits_not_read": result.not_read,
        }

    @staticmethod
    def rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
        """A line a condition, then the trends."""
        rows = [
            (
                f"{with_prefix(point['set_compliance_a'], 'A')}, {point['reset_v']:g} V, "
                f"{with_prefix(point['width_s'], 's')}",
                _errors_range(point),
            )
            for point in summary["points"]
        ]
        rows += [
            (f"Spread over {NAMES[one['factor']]}", _decades_text(one))
            for one in summary["spreads"]
        ]
        if summary["is_monotone"] is not None:
            verdict = "yes" if summary["is_monotone"] else "NO"
            rows.append(("Fewer errors at higher compliance", f"{verdict}, but for chance"))
        return rows

    def content(self) -> Content:
        """Figures, trends, and a table of all points."""
        result = self.result
        if not result.points:
            return Content(warnings=["No condition was measured in this run."])
        return Content(
            headlines=[_spread_headline(one) for one in result.spreads],
            warnings=self._warnings(),
            figures=conditions_figures(result.points),
            tables=[_points_table(result.points)],
            measurement=self._measurement(),
            notes=self._notes(),
        )

    def _usable(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """Bits of the rows that were checked, without those of unformed devices."""
        usable = np.zeros(shape, dtype=bool)
        checked = self.unformed_marks()
        usable[: len(checked)] = ~checked.any(axis=-1)
        return usable

    def _warnings(self) -> list[str]:
        warnings = []
        if self.result.real_rises:
            worst = self.result.real_rises[0]
            warnings.append(f"More errors at a higher SET compliance: {_rise_text(worst)}.")
        repetitions = {len(point.errors) for point in self.result.points}
        if len(repetitions) > 1:
            warnings.append(
                f"Not all conditions have the same number of repetitions ({min(repetitions)} to "
                f"{max(repetitions)})."
            )
        return warnings

    def _measurement(self) -> list[tuple[str, str]]:
        result = self.result
        return [
            ("Trial", "one bit programming, sensed once by the PCSA"),
            ("Errors per kilobit", "wrong bits of a repetition times 1024 over its bits"),
            ("Bits not read", f"{result.not_read}, in no count"),
            ("Interval", INTERVAL),
            (
                "Spread over a factor",
                "decades between the error rates of all conditions with its smallest and all with "
                "its largest value, like with like in the other two",
            ),
            ("Rises with compliance", _rises_text(result)),
            ("Not measured", NOT_MEASURED),
        ]

    def _notes(self) -> list[str]:
        notes = [
            "'<' is what one wrong bit in one repetition would be: no error was seen. The interval "
            "says how little that proves.",
            "The bars are minimum and maximum of few repetitions, not an interval; the intervals "
            "treat every programming as an independent trial, while errors cluster in weak cells.",
            "One die was used for all conditions, one after another: the later ones meet devices "
            "that the earlier ones have worn. A second run with --order harsh-first or random "
            "tells how much that matters.",
        ]
        if self.run.record["simulated"]:
            notes.append(
                "This is a simulated chip on simulated instruments: it tests the method, and says "
                "nothing about a real die."
            )
        return notes


def _point_dict(point: ConditionPoint) -> dict[str, Any]:
    per_kilobit = point.per_kilobit
    return {
        "set_compliance_a": point.set_compliance_a,
        "reset_v": point.reset_v,
        "width_s": point.width_s,
        "repetitions": len(point.errors),
        "errors": list(point.errors),
        "mean_per_kilobit": point.mean,
        "min_per_kilobit": min(per_kilobit, default=None),
        "max_per_kilobit": max(per_kilobit, default=None),
        "label": errors_text(point),
        "ber": point.rate.as_dict(),
    }


def _spread_dict(spread: Spread) -> dict[str, Any]:
    return {
        **vars(spread),
        "weak": spread.weak.as_dict(),
        "strong": spread.strong.as_dict(),
    }


def _errors_range(point: dict[str, Any]) -> str:
    """Mean, minimum and maximum a kilobit, and errors of trials."""
    trials = f"{point['ber']['errors']} of {point['ber']['trials']} bits wrong"
    if not point["mean_per_kilobit"]:
        return f"{point['label']} a kilobit; {trials}"
    low, high = point["min_per_kilobit"], point["max_per_kilobit"]
    return f"{point['label']} a kilobit, {low:.3g} to {high:.3g}; {trials}"


def _decades_text(spread: dict[str, Any]) -> str:
    unit = UNITS[spread["factor"]]
    ends = f"{with_prefix(spread['weakest'], unit)} to {with_prefix(spread['strongest'], unit)}"
    if spread["decades"] is None:
        return f"no errors, {ends}"
    return f"{'≥ ' if spread['is_bound'] else ''}{spread['decades']:.2f} decades, {ends}"


def _spread_headline(spread: Spread) -> Headline:
    text = _decades_text(_spread_dict(spread))
    value, _, ends = text.partition(", ")
    return Headline(
        f"Spread over {NAMES[spread.factor]}",
        value,
        [ends, f"{spread.weak.errors} against {count(spread.strong.errors, 'error')}"],
    )


def _rise_text(rise: Rise) -> str:
    return (
        f"from {with_prefix(rise.from_a, 'A')} to {with_prefix(rise.to_a, 'A')} at "
        f"{rise.reset_v:g} V, {with_prefix(rise.width_s, 's')} (p = {rise.p_value:.2g})"
    )


def _rises_text(result: ConditionsResult) -> str:
    if not result.compared:
        return "one compliance only"
    found = f"{len(result.rises)} of {result.compared} neighbouring compliances"
    if not result.rises:
        return found
    real = len(result.real_rises)
    return f"{found}, {real} beyond chance; the most striking {_rise_text(result.rises[0])}"


def _points_table(points: list[ConditionPoint]) -> TableBlock:
    return TableBlock(
        "Errors per kilobit",
        [
            *("Condition", "Mean", "Minimum", "Maximum", "Repetitions"),
            "2T2R bit error rate [95 %], errors of trials",
        ],
        [
            [
                f"{with_prefix(point.set_compliance_a, 'A')}, {point.reset_v:g} V, "
                f"{with_prefix(point.width_s, 's')}",
                errors_text(point),
                *(f"{pick(point.per_kilobit, default=0):g}" for pick in (min, max)),
                str(len(point.errors)),
                str(point.rate),
            ]
            for point in points
        ],
    )
