"""Parts of a report page, and how a rate stands at its top; the template lays them out."""

from __future__ import annotations

from dataclasses import dataclass, field

from labctl.analysis.error_rates import ErrorRate
from labctl.report.text import count, percent, scientific

INTERVAL = (
    "95 % Clopper-Pearson, two-sided; without an error the one-sided 95 % upper bound "
    "1 − 0.05^(1/n)"
)


@dataclass(frozen=True)
class Headline:
    """One number at the top of the page."""

    label: str
    value: str
    details: list[str]


@dataclass(frozen=True)
class FigureBlock:
    """One figure; ``alt`` says in words what it shows."""

    title: str
    png: bytes
    alt: str
    caption: str


@dataclass(frozen=True)
class TableBlock:
    """A table with a heading; the first column names the row. Without a header: label and text."""

    title: str
    header: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Content:
    """What a procedure puts on its page."""

    headlines: list[Headline] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    first_tables: list[TableBlock] = field(default_factory=list)
    """Before the figures."""
    figures: list[FigureBlock] = field(default_factory=list)
    tables: list[TableBlock] = field(default_factory=list)
    measurement: list[tuple[str, str]] = field(default_factory=list)
    """Label and text, behind the conditions that the run recorded."""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Page:
    """Everything the template shows."""

    run: str
    procedure: str
    kind: str
    """REAL, SIMULATED or REPLAY."""
    status: str
    reason: str | None
    content: Content
    tables: list[TableBlock]
    """Behind the procedure's own."""
    notes: list[str]
    """Behind the procedure's own."""

    @property
    def unfinished(self) -> str | None:
        """What to say of a run that did not end as planned."""
        if self.status == "success":
            return None
        if self.status == "running":
            return "This run is still going on."
        reason = f": {self.reason}" if self.reason else ""
        return f"This run did not end as planned ({self.status}{reason})."


def rate_headline(label: str, rate: ErrorRate, noun: str = "trial") -> Headline:
    """An error rate, its errors of trials, and its interval."""
    trials = f"{rate.errors} of {count(rate.trials, noun)}"
    if rate.value is None or rate.low is None or rate.high is None:
        return Headline(label, "no trials", [trials])
    if rate.is_bound:
        return Headline(label, f"< {scientific(rate.high, 2)}", [trials, "95 % upper bound"])
    interval = f"95 %: {scientific(rate.low)} to {scientific(rate.high)}"
    return Headline(label, scientific(rate.value), [trials, interval])


def share_headline(label: str, share: ErrorRate, noun: str) -> Headline:
    """The same for a share of something, in percent."""
    details = [f"{share.errors} of {count(share.trials, noun)}"]
    if share.low is not None and share.high is not None:
        details.append(f"95 %: {percent(share.low)} to {percent(share.high)}")
    return Headline(label, percent(share.value), details)
