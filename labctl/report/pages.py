"""What each report says: headline numbers, figures, conditions, notes; the template lays it out."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from labctl.analysis.checkerboard import CheckerboardResult
from labctl.analysis.compliance import ComplianceResult
from labctl.analysis.error_rates import ErrorRate
from labctl.analysis.references import ReferenceErrors
from labctl.report import figures
from labctl.report.stored_run import (
    checkerboard_result,
    compliance_result,
    forming_result,
    forming_voltages,
    stored,
)
from labctl.report.summary import forming_summary, run_summary
from labctl.report.terminal import bench_time, cell_names, device_names
from labctl.report.text import count, duration, ohms, percent, plain, scientific
from labctl.store.folder import RunFolder

INTERVAL = (
    "95 % Clopper-Pearson, two-sided; without an error the one-sided 95 % upper bound "
    "1 − 0.05^(1/n)"
)
NOT_MEASURED = (
    "currents and energy of the programming pulses, sense time of the PCSA, retention, read "
    "disturb, endurance; temperature is not controlled"
)
ROWS_SHOWN = 20


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
    """A table with a heading; the first column names the row."""

    title: str
    header: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Page:
    """Everything the template shows."""

    run: str
    procedure: str
    simulated: bool
    status: str
    reason: str | None
    headlines: list[Headline] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    figures: list[FigureBlock] = field(default_factory=list)
    tables: list[TableBlock] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def unfinished(self) -> str | None:
        """What to say of a run that did not end as planned."""
        if self.status == "success":
            return None
        if self.status == "running":
            return "This run is still going on."
        reason = f": {self.reason}" if self.reason else ""
        return f"This run did not end as planned ({self.status}{reason})."


def checkerboard_page(run: RunFolder) -> Page:
    """The first experiment of the paper (Fig. 4a-d)."""
    result = checkerboard_result(run)
    measured = _readings(result) > 0 or result.cells.cells > 0
    return _page(
        run,
        headlines=_checkerboard_headlines(result) if measured else [],
        warnings=_checkerboard_warnings(run, result, measured),
        figures=_checkerboard_figures(result) if measured else [],
        conditions=_checkerboard_conditions(result) if measured else [],
        notes=_checkerboard_notes(run, result) if measured else [],
    )


def forming_page(run: RunFolder) -> Page:
    """Forming voltages of one array."""
    result, voltages = forming_result(run), forming_voltages(run)
    numbers = forming_summary(result)
    warnings = []
    if voltages.size == 0:
        warnings.append("No row of the array was formed in this run.")
    if result.unformed:
        warnings.append(f"Still unformed: {device_names(numbers['unformed'])}.")
    blocks = []
    if result.median_v is not None:
        blocks.append(
            FigureBlock(
                "Figure 1. Forming voltages",
                figures.forming_figure(result, voltages),
                "Histogram of the forming voltages of BL and BLb, and their maps over the array",
                "Left: devices by forming voltage; the line is the median. Right: where they are. "
                "A cross marks a device that did not form in this run.",
            )
        )
    spread = [] if result.spread_v is None else [f"standard deviation {result.spread_v:.3f} V"]
    return _page(
        run,
        headlines=[
            Headline(
                "Formed in this run",
                str(result.formed_here),
                [f"of {count(result.devices, 'device')}", f"{result.formed_before} formed before"],
            ),
            Headline(
                "Median forming voltage",
                "none" if result.median_v is None else f"{result.median_v:.2f} V",
                [count(result.formed_here, "device"), *spread],
            ),
            Headline(
                "Not formed",
                _rate_text(result.not_formed),
                _rate_detail(result.not_formed, "device"),
            ),
        ],
        warnings=warnings,
        figures=blocks,
        conditions=[
            ("Interval", INTERVAL),
            ("Unformed devices", device_names(numbers["unformed"])),
        ],
        notes=["Devices that did not form are in no median: the true distribution reaches higher."]
        if result.unformed
        else [],
    )


def compliance_page(run: RunFolder) -> Page:
    """Gate voltage against SET current."""
    result = compliance_result(run)
    gate_voltage, currents = stored(run, "gate_voltage"), stored(run, "set_current")
    warnings, blocks = [], []
    if gate_voltage is None or currents is None:
        warnings.append("No SET current was measured in this run.")
    else:
        if not result.is_monotone:
            warnings.append(
                "The SET current does not rise with every gate voltage: this is no table to set "
                "a compliance with."
            )
        blocks.append(
            FigureBlock(
                "Figure 1. SET current against gate voltage",
                figures.compliance_figure(result, gate_voltage[0], currents),
                "SET current in microampere against the gate voltage, each cell and the median",
                "Grey: each cell. Blue: median and standard deviation over the cells.",
            )
        )
    page = _page(run, [], warnings, blocks, [], [])
    page.tables.insert(0, _compliance_table(result))
    return page


def other_page(run: RunFolder) -> Page:
    """A procedure without a page of its own: its record and the first of its rows."""
    rows = run.results()
    page = _page(
        run,
        headlines=[],
        warnings=[f"There are no figures for the procedure {run.record['procedure']}."],
        figures=[],
        conditions=[],
        notes=[],
    )
    if len(rows):
        page.tables.insert(
            0,
            TableBlock(
                f"Results, first {min(len(rows), ROWS_SHOWN)} of {count(len(rows), 'row')}",
                [str(name) for name in rows.columns],
                [[plain(item) for item in row] for row in rows.head(ROWS_SHOWN).values.tolist()],
            ),
        )
    return page


def _page(
    run: RunFolder,
    headlines: list[Headline],
    warnings: list[str],
    figures: list[FigureBlock],
    conditions: list[tuple[str, str]],
    notes: list[str],
) -> Page:
    """What every page has, around what is its own."""
    record = run.record
    reason = record.get("reason")
    return Page(
        run=record["run"],
        procedure=record["procedure"],
        simulated=record["simulated"],
        status=run.status,
        reason=str(reason) if reason else None,
        headlines=headlines,
        warnings=warnings,
        figures=figures,
        tables=_condition_tables(run, conditions),
        notes=[*notes, *(str(note) for note in record.get("notes", []))],
    )


def _condition_tables(run: RunFolder, conditions: list[tuple[str, str]]) -> list[TableBlock]:
    """Conditions, run, chip and bench, parameters and software: empty groups are left out."""
    record, summary = run.record, run_summary(run)
    bench = record.get("bench") or {}
    virtual = " (virtual: what the real bench would take)" if record["simulated"] else ""
    groups = {
        "Measurement": [*record.get("conditions", {}).items(), *conditions],
        "Chip and bench": [
            ("Die", record.get("die")),
            ("Bench", "SIMULATED" if record["simulated"] else "REAL"),
            *((f"Bench {key}", value) for key, value in bench.items() if key != "text"),
            *((f"Slot {slot}", model) for slot, model in record.get("modules", {}).items()),
        ],
        "Run": [
            ("Run", record["run"]),
            ("Procedure", record["procedure"]),
            ("Status", run.status),
            ("Started", record.get("started")),
            ("Ended", record.get("ended")),
            ("Time here", duration(summary["wall_time_s"])),
            (f"Bench time{virtual}", bench_time(summary)),
            ("Seed", record.get("seed")),
        ],
        "Parameters": list(record.get("parameters", {}).items()),
        "Software": [*record.get("versions", {}).items(), ("git", record.get("git"))],
    }
    return [
        TableBlock(title, [], [[str(label), plain(value)] for label, value in rows])
        for title, rows in groups.items()
        if rows
    ]


def _checkerboard_headlines(result: CheckerboardResult) -> list[Headline]:
    wrong = result.sense.wrong_below_limit
    return [
        Headline("2T2R bit error rate", _rate_text(result.ber_2t2r), _rate_detail(result.ber_2t2r)),
        Headline(
            f"1T1R bit error rate, best reference {ohms(result.best.reference_ohm)}",
            _rate_text(result.best.rate),
            _rate_detail(result.best.rate),
        ),
        Headline(
            f"1T1R bit error rate, fixed reference {ohms(result.fixed.reference_ohm)}",
            _rate_text(result.fixed.rate),
            _rate_detail(result.fixed.rate),
        ),
        Headline(
            "Wrong bits at a ratio below 5",
            percent(wrong.value),
            _share_detail(wrong),
        ),
        Headline(
            "PCSA error rate above ratio 5",
            _rate_text(result.sense.rate_above_limit),
            _rate_detail(result.sense.rate_above_limit),
        ),
        Headline(
            "Dead cells",
            "no statement" if result.dead_cells is None else str(len(result.dead_cells)),
            ["fewer than 10 programmings a pattern"]
            if result.dead_cells is None
            else ["wrong in every programming of", "at least one pattern"],
        ),
    ]


def _rate_text(rate: ErrorRate) -> str:
    if rate.value is None or rate.high is None:
        return "no trials"
    return f"< {scientific(rate.high, 2)}" if rate.is_bound else scientific(rate.value)


def _rate_detail(rate: ErrorRate, noun: str = "trial") -> list[str]:
    """Errors of trials, and what the interval is."""
    trials = f"{rate.errors} of {count(rate.trials, noun)}"
    if rate.low is None or rate.high is None:
        return [trials]
    if rate.is_bound:
        return [trials, "95 % upper bound"]
    return [trials, f"95 %: {scientific(rate.low)} to {scientific(rate.high)}"]


def _share_detail(share: ErrorRate) -> list[str]:
    """The same for a share of the wrong bits."""
    of_wrong_bits = f"{share.errors} of {count(share.trials, 'wrong bit')}"
    if share.low is None or share.high is None:
        return [of_wrong_bits]
    return [of_wrong_bits, f"95 %: {percent(share.low)} to {percent(share.high)}"]


def _checkerboard_warnings(run: RunFolder, result: CheckerboardResult, measured: bool) -> list[str]:
    warnings = []
    if not measured:
        warnings.append("No usable bit was programmed and measured in this run.")
    if run.record["parameters"].get("order") == "blocks":
        warnings.append(
            "Order blocks: the same pattern was programmed again and again, which switches hardly "
            "any device. The trials are dependent and the intervals too narrow."
        )
    if result.unformed:
        names = device_names([device.__dict__ for device in result.unformed])
        warnings.append(
            f"Unformed: {names}. The bits of these devices are masked and left out of all trials, "
            "maps and dead cells."
        )
    if result.dead_cells:
        names = cell_names([list(cell) for cell in result.dead_cells])
        warnings.append(f"Dead cells (wrong in every programming of a pattern): {names}.")
    return warnings


def _checkerboard_figures(result: CheckerboardResult) -> list[FigureBlock]:
    blocks = []
    if _readings(result):
        blocks.append(_sigma_block(result))
    if result.cells.cells:
        blocks.append(_maps_block(result))
    if result.sense.bins:
        blocks.append(_sense_block(result))
    if result.cells.cells:
        blocks.append(_cells_block(result))
    return blocks


def _sigma_block(result: CheckerboardResult) -> FigureBlock:
    return FigureBlock(
        "Figure 1. Resistance distributions",
        figures.sigma_figure(result),
        "Sigma plot of the LRS and HRS resistances of BL and BLb devices with both references",
        f"{count(_readings(result), 'reading')} of {count(result.programmings, 'programming')}, "
        "thinned evenly in sigma; the 20 lowest and highest of each series are all drawn. Both "
        "axes as in Fig. 4a of the paper: a lognormal distribution is a straight line. LRS above "
        f"a reference, and HRS below it, are 1T1R errors. {_window_text(result)}",
    )


def _maps_block(result: CheckerboardResult) -> FigureBlock:
    return FigureBlock(
        "Figure 2. Mean PCSA output for each pattern",
        figures.maps_figure(result.maps, result.masked),
        "Two maps of the array with the share of ones that the sense amplifiers read",
        "Share of 1 among the reads of each cell, over all programmings of one pattern "
        "(Fig. 4b-c). An undecided read counts as not 1."
        + (" A cross marks a masked bit." if result.masked.any() else "")
        + _other_patterns(len(result.maps)),
    )


def _sense_block(result: CheckerboardResult) -> FigureBlock:
    return FigureBlock(
        "Figure 3. PCSA errors against the ratio of the resistances",
        figures.sense_figure(result.sense),
        "PCSA error rate against the ratio of the programmed HRS and LRS resistances",
        "Top: share of wrong bits in each tenth of a decade of the ratio (Fig. 4d), with 95 % "
        "intervals; the outermost bins are wider. Open markers with an arrow: no error seen, "
        "upper bound. Line: an ideal amplifier, wrong exactly when the pair is reversed (ratio "
        f"below 1); it would make {count(result.sense.ideal.errors, 'error')} here. Bottom: wrong "
        f"bits in each bin, orange below a ratio of 5. {_without_ratio(result)}",
    )


def _cells_block(result: CheckerboardResult) -> FigureBlock:
    return FigureBlock(
        "Figure 4. Errors of each cell",
        figures.cells_figure(result.cells, result.masked),
        "Map of the error rate of every cell and a histogram of wrong reads a cell",
        f"{result.cells.without_error} of {count(result.cells.cells, 'usable cell')} were "
        f"never wrong, {result.cells.at_least_5_percent} were wrong in 5 % of their "
        f"programmings or more; the worst in {percent(result.cells.worst_rate)}.",
    )


def _readings(result: CheckerboardResult) -> int:
    return sum(one.plot.readings for one in result.distributions)


def _window_text(result: CheckerboardResult) -> str:
    if result.window is None:
        return ""
    text = f"Median HRS over median LRS {result.window.median_ratio:.1f}; "
    if result.window.separation is not None:
        text += (
            "(mean HRS − mean LRS) / (sum of standard deviations) "
            f"{result.window.separation:.2f} in log10 R; "
        )
    if result.window.crossing_sigma is None:
        return text + "the distributions do not overlap."
    return text + f"the tails meet at {result.window.crossing_sigma:.2f} standard deviations."


def _other_patterns(patterns: int) -> str:
    return f" {patterns - 2} more patterns are not drawn." if patterns > 2 else ""


def _without_ratio(result: CheckerboardResult) -> str:
    missing = result.sense.without_ratio
    return f"{count(missing, 'bit')} without two valid resistances not shown." if missing else ""


def _checkerboard_conditions(result: CheckerboardResult) -> list[tuple[str, str]]:
    return [
        ("Measured programmings", _programmings(result)),
        ("Coding", "bit 0: BL in LRS, BLb in HRS; bit 1: BL in HRS, BLb in LRS"),
        ("1T1R trial", "one device programming; LRS below the reference, HRS at or above it"),
        ("1T1R errors, best reference", _kinds(result.best)),
        ("1T1R errors, fixed reference", _kinds(result.fixed)),
        ("Resistance readings without a value", f"{result.best.excluded}, in no count"),
        ("2T2R trial", "one bit programming, sensed once by the PCSA"),
        (
            "2T2R errors",
            f"{result.zeros_read_wrong} where 0 was programmed, {result.ones_read_wrong} where 1 "
            f"was programmed; {result.undecided} of them undecided (Q = QB)",
        ),
        ("Bits not read", f"{result.not_read}, in no count"),
        ("Interval", INTERVAL),
        ("Dead cell", "wrong in every programming of a pattern, from 10 programmings on"),
        ("Not measured", NOT_MEASURED),
    ]


def _programmings(result: CheckerboardResult) -> str:
    each = ", ".join(
        f"{one.programmings} with cell (0, 0) = {one.pattern[0, 0]}" for one in result.maps
    )
    return f"{result.programmings} of the whole array ({each})" if each else "none"


def _kinds(errors: ReferenceErrors) -> str:
    return (
        f"{errors.lrs_errors} LRS read as HRS, {errors.hrs_errors} HRS read as LRS, "
        f"at {ohms(errors.reference_ohm)}"
    )


def _checkerboard_notes(run: RunFolder, result: CheckerboardResult) -> list[str]:
    notes = [
        "The best reference is chosen on the same readings it is judged by, so its error rate is "
        "slightly optimistic; the fixed reference was chosen before the run.",
        "The intervals treat every programming as an independent trial. Errors cluster in weak "
        f"cells{_clustering(result)}, so a statement about other dies is less certain than the "
        "intervals say.",
        "The sense amplifier decides after the SMU has read the devices: read noise between the "
        "two, and the access transistor in the SMU's path, shift single ratios.",
    ]
    if run.record["parameters"].get("order", "alternate") == "alternate":
        notes.append(
            "The complementary patterns alternate, so every programming switches every device. "
            "The first programming of the run is measured nowhere and in no count."
        )
    if run.record["simulated"]:
        notes.append(
            "This is a simulated chip on simulated instruments: it tests the method, and says "
            "nothing about a real die."
        )
    return notes


def _clustering(result: CheckerboardResult) -> str:
    share = result.cells.share_of_worst_percent
    return "" if share is None else f": the worst 1 % of the cells make {percent(share)} of them"


def _compliance_table(result: ComplianceResult) -> TableBlock:
    return TableBlock(
        "SET current",
        ["V(WL) (V)", "Mean (µA)", "Standard deviation (µA)", "Cells"],
        [
            [
                f"{row.gate_v:.3f}",
                _microamps(row.median_a),
                _microamps(row.spread_a),
                str(row.cells),
            ]
            for row in result.rows
        ],
    )


def _microamps(current: float | None) -> str:
    return "none" if current is None or np.isnan(current) else f"{current * 1e6:.2f}"
