"""Report of a sense run: PCSA against the ratio, its time, the ternary reading against supply."""

from __future__ import annotations

from dataclasses import asdict
from functools import cached_property
from typing import Any

import numpy as np

from labctl.analysis.amplifier_offset import AmplifierOffset, amplifier_offset
from labctl.analysis.error_rates import ErrorRate, error_rate
from labctl.analysis.estimates import Estimate
from labctl.analysis.maps import NOT_READ
from labctl.analysis.sense import (
    Repeated,
    SenseTime,
    TernaryRates,
    repeated,
    sense_time,
    ternary_rates,
)
from labctl.analysis.sense_amplifier import SenseErrors, hrs_over_lrs, sense_errors
from labctl.report.any_run import RunReport
from labctl.report.page import (
    INTERVAL,
    Content,
    FigureBlock,
    Headline,
    TableBlock,
    rate_headline,
    share_headline,
)
from labctl.report.sense_figure import sense_figure
from labctl.report.supply_figures import confusion_figure, outputs_figure, supply_figure
from labctl.report.text import count, percent, with_prefix


class SenseReport(RunReport):
    """What was reached of the three parts."""

    @cached_property
    def by_condition(self) -> dict[tuple[float, float], SenseErrors]:
        """Errors against the ratio for each SET compliance (A) and RESET voltage (V)."""
        asked, ratio, wrong, read = self._ratios()
        found = {}
        for one in np.unique(asked, axis=0):
            chosen = (asked == one).all(axis=1)
            kept = read[chosen]
            key = (float(one[0]), float(one[1]))
            found[key] = sense_errors(ratio[chosen][kept], wrong[chosen][kept])
        return found

    @cached_property
    def errors(self) -> SenseErrors:
        """Errors against the ratio, all conditions together."""
        _, ratio, wrong, read = self._ratios()
        return sense_errors(ratio[read], wrong[read])

    @cached_property
    def ber(self) -> ErrorRate:
        """Wrong bits of all programmings together."""
        _, _, wrong, read = self._ratios()
        return error_rate(int(np.count_nonzero(wrong & read)), int(np.count_nonzero(read)))

    @cached_property
    def offset(self) -> AmplifierOffset | None:
        """Conductance offset of the amplifiers from the first senses; None with too few errors."""
        resistance, sensed = self.stored("resistance"), self.stored("sensed")
        if resistance is None or sensed is None:
            return None
        first = sensed[: len(resistance), 0]
        column = np.broadcast_to(np.arange(first.shape[-1]), first.shape)
        # The SMU's resistance includes the access transistor already.
        return amplifier_offset(
            resistance[: len(first)].reshape(-1, 2), first.ravel(), column.ravel(), series_ohm=0.0
        )

    @cached_property
    def repeats(self) -> Repeated:
        """How alike repeated senses are."""
        sensed = self.stored("sensed")
        return repeated(np.zeros((0, 1, 0, 0), np.uint8) if sensed is None else sensed)

    @cached_property
    def time(self) -> SenseTime | None:
        """Bound on the sense time; None if that step was not reached."""
        traces, times, high = map(self.stored, ("output_current", "output_time", "output_high"))
        if traces is None or times is None or high is None:
            return None
        return sense_time(traces[0], times[0], float(high[0, 0]))

    @cached_property
    def ternary(self) -> list[TernaryRates]:
        """One confusion a supply voltage, highest first."""
        weights, read = self.stored("ternary_weights"), self.stored("ternary_read")
        if weights is None or read is None:
            return []
        complete = min(len(weights), len(read))
        weights, read = weights[:complete], read[:complete]
        used = weights != NOT_READ
        supplies = [float(volts) for volts in self.run.record["parameters"]["vdd"]]
        rates = [
            ternary_rates(volts, weights[used], read[:, index][used])
            for index, volts in enumerate(supplies)
        ]
        return sorted(rates, key=lambda one: -one.vdd)

    def _ratios(self) -> tuple[Any, Any, Any, Any]:
        """Condition (n, 2), ratio, wrong, and whether it was read, (n, rows, columns) each."""
        asked, pattern, resistance, sensed = map(
            self.stored, ("condition", "pattern", "resistance", "sensed")
        )
        if asked is None or pattern is None or resistance is None or sensed is None:
            empty = np.zeros((0, 0, 0))
            return np.zeros((0, 2)), empty, empty.astype(bool), empty.astype(bool)
        n = min(map(len, (asked, pattern, resistance, sensed)))
        first = sensed[:n, 0]
        ratio = hrs_over_lrs(pattern[:n], resistance[:n])
        return asked[:n], ratio, first != pattern[:n], first != NOT_READ

    def summary(self) -> dict[str, Any]:
        """Rates as objects of errors, trials, value, low, high; times in s."""
        return {
            "ber_2t2r": self.ber.as_dict(),
            "sense_amplifier": _errors_summary(self.errors),
            "sense_conditions": [
                {"set_compliance_a": amperes, "reset_v": volts, **_errors_summary(errors)}
                for (amperes, volts), errors in self.by_condition.items()
            ],
            "amplifier_offset": None if self.offset is None else asdict(self.offset),
            "repeated_senses": asdict(self.repeats),
            "sense_time": None if self.time is None else asdict(self.time),
            "ternary": [asdict(one) for one in self.ternary],
        }

    @staticmethod
    def rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
        """Ratio, time, one row a supply voltage."""
        errors, changing = summary["sense_amplifier"], summary["repeated_senses"]["changing"]
        below = ErrorRate(**errors["wrong_bits_below_ratio_5"])
        rows = [
            ("Wrong bits", str(ErrorRate(**summary["ber_2t2r"]))),
            (
                "Wrong bits at ratio < 5",
                f"{percent(below.value)} ({below.errors} of {below.trials})",
            ),
            ("PCSA errors at ratio > 5", str(ErrorRate(**errors["error_rate_above_ratio_5"]))),
            ("Conductance offset, s.d.", _offset_text(summary["amplifier_offset"])),
            ("Bits that change between senses", str(ErrorRate(**changing))),
            ("Sense time", _time_text(summary["sense_time"])),
        ]
        for one in summary["ternary"]:
            zeros, inverted, lost = (
                ErrorRate(**one[name]) for name in ("zeros", "inverted", "lost")
            )
            text = f"0 read 0: {_share(zeros)}; inverted {inverted}; ±1 read 0 {lost}"
            rows.append((f"VDD {one['vdd']:g} V", text))
        return rows

    def content(self) -> Content:
        """The three parts, as far as they were reached."""
        if not self.by_condition and not self.ternary:
            return Content(warnings=["No bit was programmed and sensed in this run."])
        return Content(
            headlines=self._headlines(),
            figures=self._figures(),
            tables=self._tables(),
            measurement=[
                ("Interval", INTERVAL),
                (
                    "Conductance offset",
                    _offset_text(None if self.offset is None else asdict(self.offset))
                    + "; probit fit of the first senses over the difference of conductances, "
                    "interval by column",
                ),
            ],
            notes=self._notes(),
        )

    def _headlines(self) -> list[Headline]:
        headlines = [
            share_headline("Wrong bits at a ratio below 5", self.errors.wrong_below_limit, "bit"),
            rate_headline("PCSA error rate above ratio 5", self.errors.rate_above_limit),
            Headline(
                "Conductance offset, standard deviation",
                _offset_text(None if self.offset is None else asdict(self.offset)).partition(";")[
                    0
                ],
                ["columns and single senses together, 95 % interval"],
            ),
            Headline("Sense time", *_time_headline(self.time)),
        ]
        if self.ternary:
            best = max(self.ternary, key=lambda one: (one.zeros.value or 0.0, one.vdd))
            headlines += [
                share_headline(f"0 read as 0, VDD {best.vdd:g} V", best.zeros, "pair"),
                rate_headline(f"+1 and −1 exchanged, VDD {best.vdd:g} V", best.inverted, "pair"),
                rate_headline(f"±1 read as 0, VDD {best.vdd:g} V", best.lost, "pair"),
            ]
        return headlines

    def _figures(self) -> list[FigureBlock]:
        figures = []
        if self.errors.bins:
            figures.append(
                FigureBlock(
                    "Sense amplifier against the ratio",
                    sense_figure(self.errors),
                    "PCSA error rate and wrong bits against the ratio of the two resistances",
                    "All conditions together; the first sense of each programming. The ratio is "
                    "that of the SMU readings (paper, Fig. 4d).",
                )
            )
        if self.time is not None:
            traces, times = self.run.array("output_current")[0], self.run.array("output_time")[0]
            figures.append(
                FigureBlock(
                    "Outputs after the SEN edge",
                    outputs_figure(traces, times, self.time),
                    "Current of Q and QB against the time from the beginning of the SEN edge",
                    "One line a bit. The channels settle in 0.2 µs: the fall that shows is theirs. "
                    "The dashed line is the bound: by then every sense had decided.",
                )
            )
        if self.ternary:
            figures += [
                FigureBlock(
                    "Ternary reading against the supply",
                    supply_figure(self.ternary),
                    "Shares of pairs that read 0, and error rates, against the supply voltage",
                    "Left: what of each weight reads 0. Right: errors of the signed weights. Open "
                    "symbols with an arrow: no error seen, 95 % upper bound.",
                ),
                FigureBlock(
                    "Written and read weights",
                    confusion_figure(self.ternary),
                    "A matrix of written and read weights for each supply voltage",
                    "Share of each written weight (row) that reads as each weight (column), and "
                    "the count of pairs.",
                ),
            ]
        return [
            FigureBlock(f"Figure {n}. {one.title}", one.png, one.alt, one.caption)
            for n, one in enumerate(figures, start=1)
        ]

    def _tables(self) -> list[TableBlock]:
        conditions = TableBlock(
            "PCSA by condition",
            ["SET compliance, RESET", "Wrong at ratio < 5", "Errors at ratio > 5", "Ratio < 1"],
            [
                [
                    f"{with_prefix(amperes, 'A')}, {with_prefix(volts, 'V')}",
                    f"{percent(errors.wrong_below_limit.value)} of "
                    f"{errors.wrong_below_limit.trials}",
                    str(errors.rate_above_limit),
                    str(errors.ideal),
                ]
                for (amperes, volts), errors in self.by_condition.items()
            ],
        )
        supplies = TableBlock(
            "Ternary reading",
            ["VDD", "0 read as 0", "0 read as ±1", "+1 and −1 exchanged", "±1 read as 0"],
            [
                [
                    with_prefix(one.vdd, "V"),
                    _share(one.zeros),
                    str(one.false),
                    str(one.inverted),
                    str(one.lost),
                ]
                for one in self.ternary
            ],
        )
        return [table for table in (conditions, supplies) if table.rows]

    def _notes(self) -> list[str]:
        notes = [
            "Trials are programmings: further senses of the same state are none. They show what "
            "part of the decision is noise of the reading.",
            "The SMU reads before the amplifier does and through the access transistor: single "
            "ratios shift.",
            "The sense time, about 10 ns in the paper, is shorter than this bench can see. The "
            "bound counts from the beginning of the SEN edge (30 ns) and includes the settling of "
            "the output channels.",
        ]
        if self.ternary:
            notes.append(
                "A state is programmed once and read at every supply: the columns of the ternary "
                "table share their programmings. Weight +1 is BL in LRS, BLb in HRS; −1 the "
                "reverse; 0 both in HRS."
            )
        if self.run.record["simulated"]:
            notes.append(
                "This is a simulated chip on simulated instruments: it tests the method, and says "
                "nothing about a real die. Its law of the supply follows the ternary papers in "
                "words only."
            )
        return notes


def _errors_summary(errors: SenseErrors) -> dict[str, Any]:
    return {
        "wrong_bits_below_ratio_5": errors.wrong_below_limit.as_dict(),
        "error_rate_below_ratio_5": errors.rate_below_limit.as_dict(),
        "error_rate_above_ratio_5": errors.rate_above_limit.as_dict(),
        "ideal": errors.ideal.as_dict(),
        "bins": [asdict(one) for one in errors.bins],
    }


def _share(rate: ErrorRate) -> str:
    """A share of pairs in percent; a bound where there was none."""
    return f"< {percent(rate.high)}" if rate.is_bound else percent(rate.value)


def _offset_text(offset: dict[str, Any] | None) -> str:
    """Spread of the conductance offset, and the mean over the columns."""
    if offset is None:
        return "too few wrong bits for an estimate"
    spread, mean = (
        Estimate(*(1e6 * offset[name][end] for end in ("value", "low", "high")))
        for name in ("sigma_siemens", "bias_siemens")
    )
    return f"{spread.value:.2g} [{spread.low:.2g}, {spread.high:.2g}] µS; mean {mean.value:.2g} µS"


def _time_text(time: dict[str, Any] | None) -> str:
    if time is None:
        return "not measured"
    if time["bound_s"] is None:
        return "no sense decided"
    return f"< {with_prefix(round(time['bound_s'], 12), 's')} ({count(time['senses'], 'sense')})"


def _time_headline(time: SenseTime | None) -> tuple[str, list[str]]:
    text, _, senses = _time_text(None if time is None else asdict(time)).partition(" (")
    return text, [senses.rstrip(")"), "a bound: the bench sees no shorter"] if senses else []
