"""Do the probes touch the pads? Looked at before a run, without changing any device.

No cell sees more than 0.1 V through the meters, or what a sense gives it, and no pad but VDDH goes
above VDD: the word line too stays at VDD or below.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from instruments.limits import VoltageLimit
from instruments.testchip.description import ChipDescription
from instruments.testchip.pads import METERS, OUTPUT_PADS, PADS, SUPPLY_PADS
from instruments.testchip.waveforms import SENSE_SETTLE_S, Timeline
from procedures.base import CHIP_FILE, BenchProcedure, Planned, Step, Train
from procedures.parameters import CountParameter, QuantityParameter, quantity_text

Floats = NDArray[np.float64]

OK = "ok"
WORKS = "works"
OPEN = "open"
SHORT = "short"
NO_PATH = "no path"
NO_FUNCTION = "no function"
ONE_LEVEL = "one level only"
WRONG_LEVEL = "wrong level"
NOT_TESTED = "not tested"
NOT_TESTABLE = "not testable on this bench"

_WORST_FIRST = (
    *(SHORT, OPEN, NO_PATH, NO_FUNCTION, ONE_LEVEL, WRONG_LEVEL, NOT_TESTED),
    *(NOT_TESTABLE, OK, WORKS),
)
_GOOD = (OK, WORKS, NOT_TESTABLE)

_METER_PADS = tuple(METERS.values())
_WITH_DC_PATH = (*SUPPLY_PADS, *_METER_PADS, *OUTPUT_PADS)
_OUTPUT_BAND = 0.5
"""An output is at a level if its current is within half of the level's nominal one."""
_OTHER_IN_COMPLIANCE = "T"
"""Status letter of a reading taken while another SMU is in compliance (instruments.md 2.5)."""
_STEP_S = 40.0


class Contact(BenchProcedure):
    """Check the contact of the probes; a verdict for each of the 22 pads. Changes no device.

    Supply currents; leakage of SL, BL and BLB with the word line at 0 V; the path from SL to both
    bit lines, which WL and BYP open and close; both levels of Q and QB after edges of SEN. Pads
    without a DC path are "not testable on this bench". A bad verdict gives exit status 1.
    """

    example: ClassVar[str] = "labctl run contact --die my-die"
    changes_devices: ClassVar[bool] = False
    # Nothing is programmed, so the table is no option.
    compliance_table = CHIP_FILE  # type: ignore[assignment]

    test_voltage = QuantityParameter(
        "Test voltage", "V", 0.02, 0.1, 0.1, description="voltage on SL, BL, BLB, Q and QB"
    )
    supply_lowest = QuantityParameter(
        "Supply lowest",
        "A",
        1e-9,
        1e-3,
        50e-9,
        description="supply current below which VDD or VDDH counts as open",
    )
    supply_highest = QuantityParameter(
        "Supply highest",
        "A",
        1e-6,
        9e-3,
        1e-3,
        description="supply current above which VDD or VDDH counts as shorted",
    )
    leakage_highest = QuantityParameter(
        "Leakage highest",
        "A",
        10e-12,
        1e-6,
        1e-9,
        description="current of SL, BL or BLB with the word line at 0 V, above which it counts as "
        "shorted",
    )
    path_lowest = QuantityParameter(
        "Path lowest",
        "A",
        10e-12,
        1e-6,
        200e-12,
        description="change of current that shows a path; a pristine device passes about 1 nA at "
        "0.1 V",
    )
    cells = CountParameter(
        "Cells",
        minimum=1,
        maximum=1024,
        default=16,
        description="bits on the diagonal whose path is tried; the best of them counts",
    )

    DATA_COLUMNS: ClassVar[list[str]] = [
        "Step",
        "Pad",
        "Quantity",
        "Value (A)",
        "Limit low (A)",
        "Limit high (A)",
        "Verdict",
    ]

    # --- before the run ------------------------------------------------------------------------

    def prepare(
        self,
        description: ChipDescription,
        limit: Callable[[str], VoltageLimit],
        simulated: bool,
    ) -> None:
        """As every procedure, with the word line's high level at VDD."""
        levels = description.levels.model_copy(update={"word_line_on": description.supplies.vdd})
        super().prepare(description.model_copy(update={"levels": levels}), limit, simulated)

    def check(self) -> None:
        """Refuses supply limits upside down, and builds what is sent."""
        if not self.supply_highest > self.supply_lowest:
            raise ValueError(
                f"Supply highest {quantity_text(self.supply_highest, 'A')} must be above supply "
                f"lowest {quantity_text(self.supply_lowest, 'A')}"
            )
        vdd = self.description.supplies.vdd
        # BYP = 1 keeps both branches at the bit-line pads, 0 V, and the word line is down: each
        # latch falls to one side, and no cell sees anything.
        undefined = Timeline(vdd).move(SEN=vdd).wait(SENSE_SETTLE_S).scheme("latch")
        self.latching = (undefined, self.schemes.sense_row())

    def pulses(self) -> Planned:
        """An edge of SEN without a precharge, and a sense; nothing that programs."""
        return Planned([Train(scheme, 1, 1) for scheme in self.latching], uses_table=False)

    def headline(self) -> str:
        """The test voltage."""
        return f"{quantity_text(self.test_voltage, 'V')}, WL at most VDD"

    def conditions(self) -> dict[str, str]:
        """The thresholds, and what is applied."""
        vdd = quantity_text(self.description.supplies.vdd, "V")
        lowest, highest = (
            quantity_text(float(v), "A") for v in (self.supply_lowest, self.supply_highest)
        )
        low, high = (quantity_text(abs(float(v)), "A") for v in self._nominal_outputs())
        return {
            "Applied": f"{quantity_text(self.test_voltage, 'V')} on SL, BL, BLB, Q and QB; WL, "
            f"SEN and BYP 0 V or {vdd}; in a sense also SL {vdd}",
            "Supply current": f"{lowest} to {highest}",
            "Leakage": f"at most {quantity_text(self.leakage_highest, 'A')}, WL at 0 V",
            "Path": f"at least {quantity_text(self.path_lowest, 'A')} more than with WL, or BYP, "
            f"at 0 V; best of {self.cells} bits",
            "Output levels": f"{low} into a low output, {high} out of a high one, each within "
            f"{100 * _OUTPUT_BAND:.0f} %",
        }

    def _nominal_outputs(self) -> tuple[float, float]:
        """Current (A) into an output at the test voltage: low output, high output."""
        ohm = self.description.board.q_series
        return self.test_voltage / ohm, (self.test_voltage - self.description.supplies.vdd) / ohm

    # --- during the run ------------------------------------------------------------------------

    def steps(self) -> list[Step]:
        """One step: what is tried depends on what was found before."""
        return [Step(0, "contact check", _STEP_S, self._check_pads)]

    def _check_pads(self) -> None:
        self._found: dict[str, list[str]] = {pad.name: [] for pad in PADS}
        self._check_supplies()
        if self._bad(SUPPLY_PADS):
            self._leave_out(_METER_PADS, "path to the cells")
            self._leave_out(OUTPUT_PADS, "output levels")
        else:
            self._check_leakage()
            if self._bad(_METER_PADS):
                self._leave_out(_METER_PADS, "path to the cells")
            else:
                self._check_paths()
            self._check_outputs()
        for pad, found in self._found.items():
            if pad not in _WITH_DC_PATH:
                self._finding(pad, "DC contact", NOT_TESTABLE)
            self.row(Step=0, Pad=pad, Quantity="pad", Verdict=min(found, key=_WORST_FIRST.index))
        self._say_verdict()

    def _check_supplies(self) -> None:
        currents = self.chip.supply_currents()
        low, high = float(self.supply_lowest), float(self.supply_highest)
        for pad in SUPPLY_PADS:
            if pad not in currents:
                self._finding(pad, "supply current", NOT_TESTABLE)
                continue
            spot = currents[pad]
            if spot.status == _OTHER_IN_COMPLIANCE:
                verdict = NOT_TESTED
            else:
                verdict = OPEN if spot.value < low else OK if spot.value <= high else SHORT
            self._finding(pad, "supply current", verdict, spot.value, low, high)

    def _check_leakage(self) -> None:
        high = float(self.leakage_highest)
        for index, pad in enumerate(_METER_PADS):
            value = abs(float(self.chip.meter_currents(0, 0, {pad: self.test_voltage})[index]))
            self._finding(pad, "leakage", OK if value <= high else SHORT, value, high=high)

    def _check_paths(self) -> None:
        vdd = self.description.supplies.vdd
        rows, columns = self.chip.shape
        through = toggled = np.zeros(len(_METER_PADS))
        for n in range(min(int(self.cells), rows * columns)):
            row, column = n % rows, n % columns
            on = self._currents(row, column, WL=vdd)
            through = np.maximum(through, np.abs(on - self._currents(row, column)))
            toggled = np.maximum(toggled, np.abs(on - self._currents(row, column, WL=vdd, BYP=0.0)))
        low = float(self.path_lowest)
        seen = through >= low
        for pad, value in zip(_METER_PADS, through.tolist(), strict=True):
            verdict = OPEN if seen.any() else NO_PATH
            if math.isnan(value):
                verdict = SHORT
            elif value >= low:
                verdict = OK
            self._finding(pad, "path to the cells", verdict, value, low)
        for pad, change in (("WL", through), ("BYP", toggled)):
            value = float(np.max(change))
            verdict = WORKS if value >= low else NO_FUNCTION if seen.any() else NO_PATH
            self._finding(pad, "opens and closes the path", verdict, value, low)

    def _currents(self, row: int, column: int, **levels: float) -> Floats:
        return self.chip.meter_currents(row, column, {"SL": self.test_voltage, **levels})

    def _check_outputs(self) -> None:
        low_a, high_a = self._nominal_outputs()
        readings = np.empty((0, len(OUTPUT_PADS)))
        for scheme in self.latching:
            taken = self.chip.output_currents(scheme, 0, self.test_voltage)
            readings = np.concatenate([readings, taken])
            both = _near(readings, low_a).any(axis=0) & _near(readings, high_a).any(axis=0)
            if both.all():
                break
        for index, pad in enumerate(OUTPUT_PADS):
            one = readings[:, index]
            verdict = _output_verdict(one, low_a, high_a)
            for name, nominal in (("low", low_a), ("high", high_a)):
                band = sorted((nominal * (1 - _OUTPUT_BAND), nominal * (1 + _OUTPUT_BAND)))
                value = float(one[np.argmin(np.abs(np.nan_to_num(one) - nominal))])
                self._finding(pad, f"current of its {name} level", verdict, value, *band)
        works = WORKS if both.any() else NO_FUNCTION
        self._finding("SEN", "sets latches to both levels", works)

    # --- findings ------------------------------------------------------------------------------

    def _finding(
        self,
        pad: str,
        quantity: str,
        verdict: str,
        value: float = math.nan,
        low: float = math.nan,
        high: float = math.nan,
    ) -> None:
        """One row; currents and limits in A."""
        self._found[pad].append(verdict)
        self.row(
            Step=0,
            Pad=pad,
            Quantity=quantity,
            Verdict=verdict,
            **{"Value (A)": value, "Limit low (A)": low, "Limit high (A)": high},
        )

    def _leave_out(self, pads: tuple[str, ...], quantity: str) -> None:
        for pad in pads:
            self._finding(pad, quantity, NOT_TESTED)

    def _bad(self, pads: tuple[str, ...]) -> bool:
        return any(verdict not in _GOOD for pad in pads for verdict in self._found[pad])

    def _say_verdict(self) -> None:
        worst = {
            pad: min(found, key=_WORST_FIRST.index)
            for pad, found in self._found.items()
            if self._bad((pad,))
        }
        if worst:
            named = ", ".join(f"{pad} {verdict}" for pad, verdict in worst.items())
            self.say(f"Contact is BAD: {named}.")
        if NO_PATH in worst.values():
            self.say(
                "No current reaches the cells: SL, WL or BYP has no contact, or neither BL nor BLB."
            )


def _output_verdict(amperes: Floats, low_a: float, high_a: float) -> str:
    """Verdict of Q or QB from its readings (A) and the nominal currents of its levels."""
    low, high = _near(amperes, low_a), _near(amperes, high_a)
    if low.any() and high.any():
        return OK
    if (np.abs(amperes) < _OUTPUT_BAND * low_a).all():
        return OPEN
    if np.isnan(amperes).any():
        return SHORT
    return ONE_LEVEL if (low | high).all() else WRONG_LEVEL


def _near(amperes: Floats, nominal: float) -> NDArray[np.bool_]:
    """Readings of an output at the level whose current is ``nominal``; NaN is at none."""
    return np.asarray(np.abs(amperes - nominal) < _OUTPUT_BAND * abs(nominal))
