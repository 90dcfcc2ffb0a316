"""Report of a read run: bits, resistances, and what changed from read to read."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from labctl.analysis.error_rates import ErrorRate
from labctl.analysis.read import ReadResult, Scatter, analyse_reads
from labctl.report.any_run import RunReport
from labctl.report.page import INTERVAL, Content, Headline, rate_headline, share_headline
from labctl.report.read_figures import read_figures
from labctl.report.text import count, ohms


class ReadReport(RunReport):
    """Agreement of the reads, and the first one against a pattern."""

    @cached_property
    def result(self) -> ReadResult | None:
        """The analysis; None where nothing was read."""
        sensed, resistance, pattern = map(self.stored, ("sensed", "resistance", "pattern"))
        if sensed is None and resistance is None:
            return None
        if sensed is None and resistance is not None:
            sensed = np.zeros((0, *resistance.shape[1:3]), dtype=np.uint8)
        if resistance is None and sensed is not None:
            resistance = np.zeros((0, *sensed.shape[1:], 2))
        return analyse_reads(
            np.asarray(sensed),
            np.asarray(resistance),
            None if pattern is None else pattern[0],
            float(self.run.record["parameters"]["reference"]),
        )

    def summary(self) -> dict[str, Any]:
        """Rates as objects of errors, trials, value, low, high; resistances in ohm."""
        result = self.result
        if result is None:
            return {"reads": 0}
        return {
            "reads": result.reads,
            "bits": result.bits,
            "changed_bits": result.changed.as_dict(),
            "scatter": {
                side: None if one is None else vars(one)
                for side, one in (
                    ("below_reference", result.low),
                    ("above_reference", result.high),
                )
            },
            "wrong_bits": None if result.wrong is None else result.wrong.as_dict(),
            "wrong_devices": None
            if result.wrong_1t1r is None
            else result.wrong_1t1r.rate.as_dict(),
            "fixed_reference_ohm": float(self.run.record["parameters"]["reference"]),
        }

    @staticmethod
    def rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
        """Against the pattern, then from read to read."""
        if not summary["reads"]:
            return [("Reads", "none")]
        rows = [("Reads", str(summary["reads"]))]
        reference = ohms(summary["fixed_reference_ohm"])
        if summary["wrong_bits"] and summary["wrong_bits"]["trials"]:
            rows.append(("Wrong bits, first read", str(ErrorRate(**summary["wrong_bits"]))))
        if summary["wrong_devices"] and summary["wrong_devices"]["trials"]:
            rate = ErrorRate(**summary["wrong_devices"])
            rows.append(("Wrong devices, first read", f"{rate}, at {reference}"))
        changed = ErrorRate(**summary["changed_bits"])
        if changed.trials:
            rows.append(("Bits that changed", f"{changed.errors} of {changed.trials}"))
        for side, label in (("below_reference", "below"), ("above_reference", "above")):
            if summary["scatter"][side]:
                one = Scatter(**summary["scatter"][side])
                rows.append((f"Scatter {label} {reference}", _scatter_text(one)))
        return rows

    def content(self) -> Content:
        """Headline numbers, maps, scatter."""
        result = self.result
        if result is None:
            return Content(warnings=["Nothing was read in this run."])
        return Content(
            headlines=_headlines(result),
            figures=read_figures(result),
            measurement=[
                ("Bits read", f"{result.bits} by the amplifiers"),
                ("Changed bit", "did not read alike in all reads; no error rate"),
                ("Scatter", "standard deviation of log10 R of a device from read to read"),
                ("Interval", INTERVAL),
            ],
            notes=self._notes(result),
        )

    def _notes(self, result: ReadResult) -> list[str]:
        notes = ["Nothing was programmed in this run: reading again is no new trial."]
        if result.wrong is not None:
            notes.append(
                "The comparison counts the first read only, and takes the pattern on trust: a "
                "device that was never programmed to it counts as wrong."
            )
        if self.run.record["simulated"]:
            notes.append(
                "This is a simulated chip on simulated instruments: it tests the method, and says "
                "nothing about a real die."
            )
        return notes


def _scatter_text(one: Scatter) -> str:
    return (
        f"{one.median_decades:.4f} decades, median of {count(one.devices, 'device')} "
        f"({ohms(one.median_ohm)})"
    )


def _headlines(result: ReadResult) -> list[Headline]:
    headlines = []
    if result.wrong is not None and result.wrong.trials:
        headlines.append(rate_headline("Wrong bits, first read", result.wrong, "bit"))
    if result.wrong_1t1r is not None and result.wrong_1t1r.trials:
        rate = result.wrong_1t1r.rate
        headlines.append(rate_headline("Wrong devices, first read", rate, "device"))
    if result.changed.trials:
        headlines.append(share_headline("Bits that changed", result.changed, "bit"))
    for label, one in (("below", result.low), ("above", result.high)):
        if one is not None:
            headlines.append(
                Headline(
                    f"Scatter {label} the reference",
                    f"{one.median_decades:.4f} decades",
                    [f"median of {count(one.devices, 'device')}", f"at {ohms(one.median_ohm)}"],
                )
            )
    return [*headlines, Headline("Reads", str(result.reads), ["of everything"])]
