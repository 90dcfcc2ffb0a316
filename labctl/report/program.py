"""Report of a program run: what was written, what is read, what had to be repeated."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from labctl.analysis.error_rates import ErrorRate
from labctl.analysis.program import ProgramResult, analyse_program
from labctl.report.any_run import RunReport
from labctl.report.page import INTERVAL, Content, Headline, rate_headline
from labctl.report.program_figures import program_figures
from labctl.report.text import count, ohms

NOTHING = "No bit was programmed and read in this run."


class ProgramReport(RunReport):
    """Wrong bits after the first programming and after the repetitions."""

    @cached_property
    def result(self) -> ProgramResult | None:
        """The analysis; None where the pattern was not reached."""
        names = ("pattern", "programmed", "resistance", "sensed")
        pattern, programmed, resistance, sensed = map(self.stored, names)
        if pattern is None or programmed is None or resistance is None or sensed is None:
            return None
        parameters = self.run.record["parameters"]
        return analyse_program(
            pattern[0],
            programmed,
            resistance,
            sensed,
            float(parameters["reference"]),
            decided_by_smu=parameters["read_by"] == "smu",
        )

    def summary(self) -> dict[str, Any]:
        """Rates as objects of errors, trials, value, low, high; resistances in ohm."""
        result = self.result
        if result is None:
            return {"bits": 0}
        return {
            "bits": result.bits,
            "ber_2t2r": result.first.ber_2t2r.as_dict(),
            "ber_1t1r_fixed": result.first.fixed.rate.as_dict(),
            "fixed_reference_ohm": result.first.fixed.reference_ohm,
            "median_ohm": {
                state: {device: result.first.median_ohm(state, device) for device in ("BL", "BLb")}
                for state in ("LRS", "HRS")
            },
            "rounds": [vars(one) for one in result.rounds],
            "still_wrong": result.still_wrong.as_dict(),
            "wrong_bits": np.argwhere(result.wrong).tolist(),
            "most_attempts": int(result.attempts.max()),
            "set_pulses": int(result.programmings.sum()),
            "reset_pulses": int(result.programmings.sum()),
        }

    @staticmethod
    def rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
        """What the first programming left, what is left now, pulses."""
        if not summary["bits"]:
            return [("Programmed bits", "none")]
        still = ErrorRate(**summary["still_wrong"])
        rows = [("Programmed bits", str(summary["bits"]))]
        if summary["ber_2t2r"]["trials"]:
            rate = str(ErrorRate(**summary["ber_2t2r"]))
            rows.append(("2T2R, first programming", rate))
        if summary["ber_1t1r_fixed"]["trials"]:
            rate = str(ErrorRate(**summary["ber_1t1r_fixed"]))
            reference = ohms(summary["fixed_reference_ohm"])
            rows.append(("1T1R, first programming", f"{rate}, at {reference}"))
        rows += [
            (
                f"Repetition {number}",
                f"{count(one['programmed'], 'bit')}, {one['wrong']} wrong after it",
            )
            for number, one in enumerate(summary["rounds"])
            if number
        ]
        return [
            *rows,
            ("Wrong bits at the end", f"{still.errors} of {still.trials}"),
            ("Pulses", f"{summary['set_pulses']} SET, {summary['reset_pulses']} RESET"),
        ]

    def content(self) -> Content:
        """Headline numbers, maps, distributions; what is a trial."""
        result = self.result
        if result is None:
            return Content(warnings=[NOTHING])
        return Content(
            headlines=_headlines(result),
            warnings=self._warnings(),
            figures=program_figures(result),
            measurement=_measurement(result),
            notes=self._notes(),
        )

    def _warnings(self) -> list[str]:
        if self.run.record["parameters"]["inverse_first"] == "yes":
            return []
        return [
            "The inverse was not written first: a device that held its state already has not "
            "switched, so the error rates are not those of a programming."
        ]

    def _notes(self) -> list[str]:
        notes = [
            "The error rates are those of the first programming, in which each bit was tried once. "
            "A repetition tries bits that failed before: it is in the pulses and in what is wrong "
            "at the end, in no error rate.",
            "A bit is read once after each programming; read noise may hide a weak bit or show a "
            "good one as wrong.",
        ]
        if self.run.record["simulated"]:
            notes.append(
                "This is a simulated chip on simulated instruments: it tests the method, and says "
                "nothing about a real die."
            )
        return notes


def _headlines(result: ProgramResult) -> list[Headline]:
    headlines = []
    if result.first.ber_2t2r.trials:
        headlines.append(rate_headline("2T2R, first programming", result.first.ber_2t2r))
    if result.first.fixed.trials:
        label = f"1T1R, fixed reference {ohms(result.first.fixed.reference_ohm)}"
        headlines.append(rate_headline(label, result.first.fixed.rate))
    still = result.still_wrong
    return [
        *headlines,
        Headline("Wrong bits at the end", str(still.errors), [f"of {count(still.trials, 'bit')}"]),
        Headline(
            "Pulses",
            str(2 * int(result.programmings.sum())),
            [f"{count(len(result.rounds) - 1, 'repetition')}", "half SET, half RESET"],
        ),
    ]


def _measurement(result: ProgramResult) -> list[tuple[str, str]]:
    rounds = "; ".join(
        f"{'first' if number == 0 else f'repetition {number}'}: {one.wrong} of "
        f"{count(one.programmed, 'bit')} wrong"
        for number, one in enumerate(result.rounds)
    )
    return [
        ("Programmings", rounds),
        ("Most programmings of a bit", f"{result.attempts.max()}, inverses not counted"),
        ("Bits not read", f"{result.bits - result.still_wrong.trials}, in no count"),
        ("Coding", "bit 0: BL in LRS, BLb in HRS; bit 1: BL in HRS, BLb in LRS"),
        ("Interval", INTERVAL),
    ]
