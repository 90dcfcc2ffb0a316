"""Forming of a die, once in each device's life: the paper's ramp (2.1), or a ladder of pulses."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from instruments.testchip.ladder import (
    FORMED_BELOW_OHM,
    FormingLadder,
    LadderResult,
    LadderSchemes,
)
from instruments.testchip.waveforms import FORMING_SAMPLE_S
from procedures.base import BenchProcedure, Planned, Step, Train
from procedures.parameters import ChoiceParameter, QuantityParameter, quantity_text
from procedures.patterns import WHOLE, Region, RegionParameter

_RAMP_ROW_S = 5.0
_RUNG_S = 0.04
"""One pulse of a ladder: address, execute, wait, read."""

REFUSE, RETRY, AGAIN = "refuse", "retry", "again"


class Forming(BenchProcedure):
    """Form every unformed device of the array or of a region; formed ones get no pulse.

    Each row is read first, its pristine devices are formed with the gate limiting the current, and
    read again. With `--mode ramp` the forming voltage comes from the bit-line current sampled every
    10 us of one ramp; with `--mode ladder` it is the top of the pulse after which a device reads as
    formed, and it gets no further one.
    """

    example: ClassVar[str] = "labctl run forming --die my-die"

    mode = ChoiceParameter(
        "Mode",
        choices=["ramp", "ladder"],
        default="ramp",
        description="one ramp (paper, 2.1), or pulses with rising tops and a read after each",
    )
    region = RegionParameter("bits whose devices are formed")
    ladder_start = QuantityParameter(
        "Ladder start", "V", 0.5, 3.6, 1.4, description="top of the first pulse, on SL"
    )
    ladder_stop = QuantityParameter(
        "Ladder stop",
        "V",
        0.5,
        3.6,
        3.3,
        description="top of the last pulse; what is unformed after it stays so",
    )
    ladder_step = QuantityParameter(
        "Ladder step", "V", 0.01, 1.0, 0.1, description="distance of the tops"
    )
    ladder_width = QuantityParameter(
        "Ladder width",
        "s",
        1e-6,
        10e-3,
        100e-6,
        description="pulse width; 100us forms about where the ramp of 1000 V/s does",
    )
    formed = ChoiceParameter(
        "Formed",
        choices=[REFUSE, RETRY, AGAIN],
        default=REFUSE,
        description="devices that had forming pulses before: none get any, those that still read "
        "as unformed, or all",
    )

    DATA_COLUMNS: ClassVar[list[str]] = [
        "Step",
        "Row",
        "Formed devices",
        "Formed before",
        "Unformed devices",
        "Forming pulses",
        "Median forming voltage (V)",
        "Highest forming voltage (V)",
    ]

    def check(self) -> None:
        """Refuses a ladder that is none or not asked for, and a region outside the array."""
        if self.mode != "ladder":
            ladder = ("ladder_start", "ladder_stop", "ladder_step", "ladder_width")
            self.refuse_unused(ladder, "--mode ladder")
        self.asked = Region.from_text(self.region).mask(self.shape)
        self.forms_again = self.formed != REFUSE
        self.ladder = FormingLadder(
            self.ladder_start, self.ladder_stop, self.ladder_step, self.ladder_width
        )

    def pulses(self) -> Planned:
        """The ramp, or the ladder's highest pulse, for both devices."""
        cells = int(np.count_nonzero(self.asked))
        if self.mode == "ramp":
            return Planned(self.forming_trains(cells))
        rungs, tops = LadderSchemes(self.schemes, self.ladder_width), self.ladder.tops
        return Planned([Train(rungs.pulse(d, tops[-1]), cells, len(tops)) for d in (0, 1)])

    def touched(self) -> NDArray[np.bool_]:
        """The region."""
        return self.asked

    def headline(self) -> str:
        """The voltages and the compliance."""
        compliance_a = self.description.levels.forming_compliance
        return (
            f"{self._pulse_text()}, {quantity_text(compliance_a, 'A')} "
            f"(WL {self.schemes.forming_gate_v:.4f} V)"
        )

    def conditions(self) -> dict[str, str]:
        """Ramp or ladder, and how a formed device is told from an unformed one."""
        levels = self.description.levels
        return {
            "Region": Region.from_text(self.region).told(self.shape),
            "Forming": f"SL: {self._pulse_text()}; the complement's bit line follows SL",
            "Compliance, requested": quantity_text(levels.forming_compliance, "A"),
            "Compliance, applied": f"WL = {self.schemes.forming_gate_v:.4f} V, by the table",
            "Compliance table": self.table_text(),
            "Forming voltage": self._voltage_text(),
            "Counts as unformed": f"above {quantity_text(levels.unformed_above, 'ohm')} at "
            f"{quantity_text(levels.read, 'V')}",
            "Formed devices": "get no pulse"
            if self.formed == REFUSE
            else "get no pulse, but those that still read as unformed are pulsed once more"
            if self.formed == RETRY
            else "are formed again, as was asked for; they are in no forming voltage",
        }

    def _pulse_text(self) -> str:
        levels = self.description.levels
        if self.mode == "ramp":
            top = quantity_text(levels.forming_top, "V")
            return f"ramp to {top} at {levels.forming_ramp:g} V/s"
        ladder, tops = self.ladder, self.ladder.tops
        return (
            f"ladder of {len(tops)} pulses, {quantity_text(tops[0], 'V')} to "
            f"{quantity_text(tops[-1], 'V')} by {quantity_text(ladder.step_v, 'V')}, "
            f"{quantity_text(ladder.width_s, 's')} each"
        )

    def _voltage_text(self) -> str:
        levels = self.description.levels
        if self.mode == "ramp":
            return (
                "SL voltage at which the bit-line current, sampled every "
                f"{quantity_text(FORMING_SAMPLE_S, 's')}, "
                f"first passes {quantity_text(levels.forming_detect, 'A')}"
            )
        return (
            "top of the pulse after which the device reads below "
            f"{quantity_text(FORMED_BELOW_OHM, 'ohm')} at {quantity_text(levels.read, 'V')}; "
            "it gets no further pulse"
        )

    def steps(self) -> list[Step]:
        """One step a row of the region."""
        row_s = _RAMP_ROW_S
        if self.mode == "ladder":
            row_s += _RUNG_S * len(self.ladder.tops) * 2 * int(self.asked.any(axis=0).sum())
        rows = np.flatnonzero(self.asked.any(axis=1)).tolist()
        return [
            Step(number, f"form row {row}", row_s, partial(self._form, number, row))
            for number, row in enumerate(rows)
        ]

    def _form(self, number: int, row: int) -> None:
        bits = np.zeros(self.chip.shape, dtype=bool)
        bits[row] = self.asked[row]
        found = self.form_unformed(bits, may_form=False)
        readable = np.asarray(bits[..., np.newaxis] & ~found.unreadable & ~found.retired)
        formed_before = np.asarray(readable & ~found.unformed)
        pulsed = np.asarray(found.unformed & ~found.earlier)
        if self.forms_again:
            pulsed = readable if self.formed == AGAIN else found.unformed
        done = self._pulse(pulsed)
        unformed = np.asarray(found.unformed & ~self._reads_formed(pulsed))
        # Nothing tells a forming voltage of a device that was formed before, or is not now.
        voltages = np.where(formed_before | unformed, np.nan, done.voltages)
        left = replace(found, voltages=voltages, unformed=unformed, earlier=unformed & ~pulsed)
        self._refuse_aloud(row, formed_before & ~pulsed)
        self.say_unusable(left, "left as it is")
        self.array("row", np.array(row))
        self.array("forming_voltage", voltages[row])
        self.array("unformed", left.marks[row])
        self.array("formed_before", formed_before[row].astype(np.uint8))
        self.array("highest_voltage", self._highest_v(done.pulses)[row])
        self.array("forming_pulses", done.pulses[row])
        counts = {
            "Formed devices": int(np.count_nonzero(pulsed & ~formed_before & ~unformed)),
            "Formed before": int(np.count_nonzero(formed_before)),
            "Unformed devices": left.count_unformed,
            "Forming pulses": int(done.pulses.sum()),
        }
        seen = voltages[np.isfinite(voltages)]
        volts = {}
        if seen.size:
            volts["Median forming voltage (V)"] = float(np.median(seen))
            volts["Highest forming voltage (V)"] = float(np.max(seen))
        self.row(Step=number, Row=row, **counts, **volts)

    def _pulse(self, devices: NDArray[np.bool_]) -> LadderResult:
        """Send the ramp, or the ladder as far as it is needed, to devices (rows, columns, 2)."""
        if self.mode == "ladder":
            return self.ladder.form(self.chip, devices)
        return LadderResult(self.chip.form(devices), devices.astype(np.uint32))

    def _highest_v(self, pulses: NDArray[np.uint32]) -> NDArray[np.float64]:
        """Highest voltage that so many pulses put on SL, V; NaN without one."""
        if self.mode == "ladder":
            return np.array([np.nan, *self.ladder.tops])[pulses]
        return np.where(pulses > 0, self.description.levels.forming_top, np.nan)

    def _reads_formed(self, devices: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Whether the SMUs read a device as formed; not if they cannot read it."""
        resistances = self.chip.measure(np.asarray(devices.any(axis=-1)))
        return np.asarray(resistances < self.description.levels.unformed_above)

    def _refuse_aloud(self, row: int, refused: NDArray[np.bool_]) -> None:
        """Say that devices asked for by region got no pulse."""
        count = int(np.count_nonzero(refused))
        if count and self.region != WHOLE:
            self.say(
                f"Row {row}: {count} of {2 * int(self.asked[row].sum())} devices read as formed "
                "and got no pulse: forming is for once in a device's life "
                "(--formed again does it all the same)."
            )
