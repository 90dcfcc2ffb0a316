"""Report of a disturb run: changes of stressed devices against references left alone."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from labctl.analysis.disturb import (
    MOVED_DECADES,
    STATES,
    Change,
    DisturbReads,
    GroupResult,
    analyse_disturb,
)
from labctl.report.any_run import RunReport
from labctl.report.disturb_figures import disturb_figures
from labctl.report.page import INTERVAL, Content, Headline, TableBlock
from labctl.report.text import UNKNOWN, count

GROUPS = {
    "sense": ["sensed rows"],
    "hold": ["held bits"],
    "half-select": ["same column", "same row"],
}
"""Names of the groups of victims by the stress, in the order of their numbers."""
UNITS = {"sense": "senses", "hold": "s held", "half-select": "programmings"}
NOT_MEASURED = {
    "sense": "single senses: the doses are what is known; currents in a sense",
    "hold": "voltages above 1 V; the time in a pulse shorter than two commands to the instruments",
    "half-select": "half-selected lines at other voltages: the decoder grounds every line that is "
    "not selected, so no V/2 scheme can be applied; currents of half-selected devices, which flow "
    "to grounded lines without a pad; wear and state of the aggressor",
}


class DisturbReport(RunReport):
    """Excess change of every group of victims, by state and dose."""

    @cached_property
    def result(self) -> list[GroupResult]:
        """The analysis; empty where nothing was read after a stress."""
        names = ("pairs", "pattern", "stress", "resistance", "sensed")
        arrays = [self.stored(name) for name in names]
        pairs, pattern, stress, resistance, sensed = arrays
        if pairs is None or pattern is None or stress is None or len(stress) < 2:
            return []
        if resistance is None or sensed is None:
            return []
        usable = np.zeros(pattern.shape[1:], dtype=bool)
        checked = self.unformed_marks()
        usable[: len(checked)] = ~checked.any(axis=-1)
        reads = DisturbReads(pairs[0], pattern[0], usable, stress, resistance, sensed)
        return analyse_disturb(reads)

    @property
    def _stress(self) -> str:
        return str(self.run.record["parameters"]["stress"])

    def _name(self, group: GroupResult) -> str:
        return GROUPS[self._stress][group.group]

    def summary(self) -> dict[str, Any]:
        """Groups of victims; excess changes in decades of resistance, rates as objects."""
        return {
            "stress": self._stress,
            "stress_unit": UNITS[self._stress],
            "groups": [
                {
                    "name": self._name(group),
                    "bits": group.bits,
                    "changes": {
                        state: [_change_dict(change) for change in changes]
                        for state, changes in group.changes.items()
                    },
                    "errors": [
                        {
                            "stress": errors.stress,
                            "wrong": errors.wrong.as_dict(),
                            "wrong_references": errors.wrong_references.as_dict(),
                            "changed": errors.changed.as_dict(),
                            "changed_references": errors.changed_references.as_dict(),
                        }
                        for errors in group.errors
                    ],
                }
                for group in self.result
            ],
        }

    @staticmethod
    def rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
        """For each group and state the change at the last dose, and the bits that changed."""
        rows = []
        for group in summary["groups"]:
            for state, changes in group["changes"].items():
                rows.append((f"{state}, {group['name']}", _excess_text(changes[-1])))
            last = group["errors"][-1]
            rows.append(
                (
                    f"Changed bits, {group['name']}",
                    f"{last['changed']['errors']} of {last['changed']['trials']}; references "
                    f"{last['changed_references']['errors']} of "
                    f"{last['changed_references']['trials']}",
                )
            )
        return rows

    def content(self) -> Content:
        """Figures and a table a group."""
        if not self.result:
            return Content(warnings=["Nothing was read after a stress in this run."])
        named = [(self._name(group), group) for group in self.result]
        unit = UNITS[self._stress]
        return Content(
            headlines=[_headline(name, state, group) for name, group in named for state in STATES],
            warnings=[
                f"{state} devices, {name}: the stress moves them "
                f"({_excess_text(_change_dict(group.changes[state][-1]))})."
                for name, group in named
                for state in STATES
                if group.changes[state][-1].is_seen
            ],
            figures=disturb_figures(named, unit),
            tables=[_changes_table(name, group, unit) for name, group in named]
            + [_errors_table(name, group, unit) for name, group in named],
            measurement=[
                (
                    "Excess change",
                    "mean over pairs of the change of log10 R of the victim minus that of its "
                    "reference, since before the stress; 95 % interval over the pairs (Student t)",
                ),
                ("Seen", "the excess differs from 0 with 99.9 %"),
                ("Moved", f"changed by more than {MOVED_DECADES:g} decade, a factor of 2"),
                ("Interval of rates", INTERVAL),
                ("Not measured", NOT_MEASURED[self._stress]),
            ],
            notes=self._notes(),
        )

    def _notes(self) -> list[str]:
        notes = [
            "The references are read as often as the victims, so an effect of these reads is in "
            "both and not in the excess.",
            "A mean says nothing about single devices: see the tails in Figure 2 and the moved "
            "devices.",
        ]
        if self.run.record["simulated"]:
            text = "This is a simulated chip on simulated instruments."
            if self._stress == "half-select":
                text += (
                    " In it lines and word lines that are not selected reach no device at all: "
                    "that nothing is seen is an assumption of the model, not a finding."
                )
            notes.append(text)
        return notes


def _change_dict(change: Change) -> dict[str, Any]:
    return {
        "stress": change.stress,
        "pairs": change.pairs,
        "excess": None if change.excess is None else change.excess.as_dict(),
        "is_seen": change.is_seen,
        "moved": change.moved.as_dict(),
        "moved_references": change.moved_references.as_dict(),
    }


def _excess_text(change: dict[str, Any]) -> str:
    excess = change["excess"]
    if excess is None:
        return "no statement: too few pairs"
    return (
        f"{excess['value']:+.4f} [{excess['low']:+.4f}, {excess['high']:+.4f}] decade after "
        f"{change['stress']:g}, {count(change['pairs'], 'pair')}"
    )


def _headline(name: str, state: str, group: GroupResult) -> Headline:
    last = group.changes[state][-1]
    if last.excess is None:
        return Headline(f"{state}, {name}", "no statement", ["too few pairs"])
    seen = "seen" if last.is_seen else "not seen"
    return Headline(
        f"{state}, {name}: disturb {seen}",
        f"{last.excess.value:+.4f}",
        [
            "decade, beyond the references",
            f"95 %: {last.excess.low:+.4f} to {last.excess.high:+.4f}",
            count(last.pairs, "pair"),
        ],
    )


def _changes_table(name: str, group: GroupResult, unit: str) -> TableBlock:
    return TableBlock(
        f"Changes, {name}",
        ["Dose", "State", "Excess change (decades)", "Seen", "Pairs", "Moved", "References moved"],
        [
            [
                f"{change.stress:g} {unit}",
                state,
                UNKNOWN
                if change.excess is None
                else f"{change.excess.value:+.4f} [{change.excess.low:+.4f}, "
                f"{change.excess.high:+.4f}]",
                "yes" if change.is_seen else "no",
                str(change.pairs),
                str(change.moved),
                str(change.moved_references),
            ]
            for state in STATES
            for change in group.changes[state]
        ],
    )


def _errors_table(name: str, group: GroupResult, unit: str) -> TableBlock:
    return TableBlock(
        f"Bits read by the PCSA, {name}",
        ["Dose", "Wrong", "References wrong", "Changed", "References changed"],
        [
            [
                f"{errors.stress:g} {unit}",
                *(str(rate) for rate in (errors.wrong, errors.wrong_references)),
                *(str(rate) for rate in (errors.changed, errors.changed_references)),
            ]
            for errors in group.errors
        ],
    )
