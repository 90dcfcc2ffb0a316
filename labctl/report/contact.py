"""Report of a contact check: a verdict for each pad, and what it rests on."""

from __future__ import annotations

import math
from typing import Any

from labctl.report.any_run import RunReport
from labctl.report.page import Content, Headline, TableBlock
from labctl.report.text import count

UNDISTURBED = ("ok", "not testable on this bench")
"""Verdicts of a pad that speak against nothing."""
PAD = "pad"
"""Quantity of the row that holds a pad's own verdict."""
PREFIXES = ((1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"))


class ContactReport(RunReport):
    """Verdicts in the order of the pads' numbers."""

    def summary(self) -> dict[str, Any]:
        """``verdict`` good or bad, None if the check did not end; currents in ampere."""
        rows = [dict(zip(_KEYS.values(), row, strict=True)) for row in self._rows()]
        pads = {row["pad"]: row["verdict"] for row in rows if row["quantity"] == PAD}
        verdict = "bad" if any(text not in UNDISTURBED for text in pads.values()) else "good"
        return {
            "verdict": verdict if pads else None,
            "pads": pads,
            "findings": [row for row in rows if row["quantity"] != PAD],
        }

    def _rows(self) -> list[list[Any]]:
        results = self.run.results()
        if results.empty:
            return []
        return [
            [None if isinstance(item, float) and math.isnan(item) else item for item in row]
            for row in results[list(_KEYS)].values.tolist()
        ]

    @staticmethod
    def rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
        """The verdict, and the pads by their verdict."""
        pads: dict[str, str] = summary["pads"]
        found = set(pads.values())
        verdicts = [*sorted(found - set(UNDISTURBED)), *(v for v in UNDISTURBED if v in found)]
        named = [
            (text[:1].upper() + text[1:], ", ".join(pad for pad in pads if pads[pad] == text))
            for text in verdicts
        ]
        return [("Contact", (summary["verdict"] or "not checked to the end").upper()), *named]

    def content(self) -> Content:
        """Verdict, table of the pads, table of the findings."""
        summary = self.summary()
        pads = summary["pads"]
        if not pads:
            return Content(warnings=["The contact was not checked to the end."])
        bad = [f"{pad} ({text})" for pad, text in pads.items() if text not in UNDISTURBED]
        untestable = sum(text == UNDISTURBED[1] for text in pads.values())
        return Content(
            headlines=[
                Headline(
                    "Contact",
                    summary["verdict"],
                    [f"{count(len(bad), 'pad')} bad", f"{untestable} of {len(pads)} not testable"],
                )
            ],
            warnings=[f"Bad: {', '.join(bad)}."] if bad else [],
            tables=[
                TableBlock("Pads", ["Pad", "Verdict"], [list(item) for item in pads.items()]),
                TableBlock(
                    "Findings",
                    ["Pad", "Quantity", "Current", "At least", "At most", "Verdict"],
                    [_finding_row(finding) for finding in summary["findings"]],
                ),
            ],
            notes=[
                "A pad without a DC path is not testable on this bench. Of WL, SEN and BYP it is "
                "known whether they work; of ground and address pads nothing is known.",
            ],
        )


_KEYS = {
    "Pad": "pad",
    "Quantity": "quantity",
    "Value (A)": "value_a",
    "Limit low (A)": "low_a",
    "Limit high (A)": "high_a",
    "Verdict": "verdict",
}


def _finding_row(finding: dict[str, Any]) -> list[str]:
    currents = [_current(finding[key]) for key in ("value_a", "low_a", "high_a")]
    return [finding["pad"], finding["quantity"], *currents, finding["verdict"]]


def _current(amperes: float | None) -> str:
    """A current with four digits and a prefix; empty where there is none.

    >>> _current(4.846e-9), _current(-0.00011), _current(0.0), _current(None)
    ('4.846 nA', '-110 µA', '0 A', '')
    """
    if amperes is None:
        return ""
    factor, prefix = next((p for p in PREFIXES if abs(amperes) >= p[0]), PREFIXES[-1])
    return f"{amperes / factor:.4g} {prefix}A" if amperes else "0 A"
