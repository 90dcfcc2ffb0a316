"""Quasi-static forming, SET and RESET sweeps of single devices through the SMUs."""

from __future__ import annotations

import math
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.sweeping import COMPLIANCE_A, QuasiStaticSweep, SweepKind
from instruments.testchip.waveforms import Scheme
from procedures.base import (
    BenchProcedure,
    Planned,
    PlannedSweep,
    Step,
    Train,
)
from procedures.parameters import ChoiceParameter, CountParameter, QuantityParameter, quantity_text
from procedures.patterns import WHOLE, Region, RegionParameter
from procedures.places import places_mask
from procedures.shared_parameters import (
    form_first_parameter,
    reference_parameter,
    set_compliance_parameter,
)

FORMING, SET, RESET, CYCLE = "forming", "set", "reset", "cycle"

_KIND_NAMES = {"form": "forming", "set": "SET", "reset": "RESET"}

_OVERHEAD_S = 1.0
"""Bench time of a sweep beside its delays: switches, reads before and after."""

_NAMES = ("BL", "BLb")


class IV(BenchProcedure):
    """Sweep devices quasi-statically: current against voltage, and where they switch.

    SL (forming, SET) or the bit line (RESET) goes there and back in steps of the SMU's own
    staircase, with the gate limiting the current in forming and SET. `--sweep cycle` is a RESET
    sweep and a SET sweep in turn. `--devices` are spread over the array unless `--region` is given.
    """

    example: ClassVar[str] = "labctl run iv --die my-die --devices 8 --cycles 5"

    sweep = ChoiceParameter(
        "Sweep",
        choices=[CYCLE, SET, RESET, FORMING],
        default=CYCLE,
        description="which sweeps; set begins each from an HRS, reset from an LRS that a pulse "
        "makes, cycle once from an LRS",
    )
    devices = CountParameter(
        "Devices",
        minimum=1,
        maximum=2048,
        default=8,
        description="devices swept, spread over the array",
    )
    region = RegionParameter("sweep both devices of these bits instead")
    cycles = CountParameter(
        "Cycles",
        minimum=1,
        maximum=1000,
        default=1,
        description="how often each device is swept; forming once",
    )
    set_top = QuantityParameter(
        "SET top", "V", 0.5, 2.5, 1.6, description="highest voltage on SL in SET"
    )
    reset_top = QuantityParameter(
        "RESET top", "V", 0.5, 2.5, 1.6, description="highest voltage on the bit line"
    )
    forming_top = QuantityParameter(
        "Forming top", "V", 1.0, 3.6, 2.8, description="highest voltage on SL in forming"
    )
    step = QuantityParameter(
        "Voltage step", "V", 1e-3, 0.2, 0.02, description="distance of the voltages"
    )
    delay = QuantityParameter(
        "Delay", "s", 0.0, 1.0, 0.02, description="how long each voltage is held before it is read"
    )
    set_compliance = set_compliance_parameter(
        description="current that the gate allows in SET, by the table"
    )
    reference = reference_parameter("tells LRS from HRS where a sweep shows no switching")
    form_first = form_first_parameter()

    DATA_COLUMNS: ClassVar[list[str]] = [
        "Step",
        "Row",
        "Column",
        "Device",
        "Cycle",
        "Sweep",
        "Before (ohm)",
        "After (ohm)",
        "Complement before (ohm)",
        "Complement after (ohm)",
        "Largest current (A)",
        "Largest complement current (A)",
    ]

    def check(self) -> None:
        """Refuses forming more than once, what is not swept, and a staircase beyond the SMU."""
        if self.sweep == FORMING and self.cycles != 1:
            raise ValueError("a device is formed once: leave --cycles at 1 for --sweep forming")
        kinds: tuple[SweepKind, ...] = ("reset", "set")
        if self.sweep != CYCLE:
            kinds = ("form",) if self.sweep == FORMING else (self.sweep,)
        for name, kind in (("forming_top", "form"), ("set_top", "set"), ("reset_top", "reset")):
            if kind not in kinds:
                self.refuse_unused([name], f"--sweep {_KIND_NAMES[kind].lower()}")
        if self.region != WHOLE:
            self.refuse_unused(["devices"], "--region all")
        self.sweeps = [self._sweep(kind) for kind in kinds]
        self.preparing = ProgramConditions(self.set_compliance)
        self.cells = self._cells()

    def _sweep(self, kind: SweepKind) -> QuasiStaticSweep:
        top = {"form": self.forming_top, "set": self.set_top, "reset": self.reset_top}[kind]
        gate = {
            "form": lambda: self.schemes.forming_gate_v,
            "set": lambda: self.table.gate_v(self.set_compliance),
            "reset": lambda: self.description.levels.word_line_on,
        }[kind]()
        return QuasiStaticSweep.by_step(kind, top, self.step, self.delay, gate)

    def _cells(self) -> list[tuple[int, int, int]]:
        """Row, column and device of each device in the run."""
        if self.region != WHOLE:
            bits = np.argwhere(Region.from_text(self.region).mask(self.shape)).tolist()
            return [(row, column, device) for row, column in bits for device in (0, 1)]
        rows, columns = self.shape
        # A stride coprime to the array visits rows and columns evenly, and both kinds of device.
        total = 2 * rows * columns
        stride = next(s for s in range(total * 5 // 8, total + 1) if math.gcd(s, total) == 1)
        chosen = [n * stride % total for n in range(min(int(self.devices), total))]
        return [(n // 2 // columns, n // 2 % columns, n % 2) for n in chosen]

    def touched(self) -> NDArray[np.bool_]:
        """The bits of the devices."""
        return places_mask([cell[:2] for cell in self.cells], self.shape)

    def pulses(self) -> Planned:
        """Forming if asked for, the pulses that make the state to begin from, the sweeps."""
        bits = len({cell[:2] for cell in self.cells})
        forms = self.form_first == "yes" and self.sweep != FORMING
        trains = self.forming_trains(bits) if forms else []
        if self.sweep != FORMING:
            times = 1 if self.sweep == CYCLE else int(self.cycles)
            trains += [Train(scheme, bits, times) for scheme in self._preparing_schemes()]
        levels: dict[str, list[float]] = {}
        for sweep in self.sweeps:
            for pad, volts in sweep.levels().items():
                levels.setdefault(pad, []).extend(volts)
        return Planned(trains, levels=levels, sweeps=[self._planned(s) for s in self.sweeps])

    def _planned(self, sweep: QuasiStaticSweep) -> PlannedSweep:
        """How the plan counts a sweep; its energy: the full current at half the top voltage."""
        is_forming = sweep.kind == "form"
        limit_a = self.description.levels.forming_compliance if is_forming else self.set_compliance
        stairs = sweep.staircase
        return PlannedSweep(
            "form" if is_forming else "sweep",
            len(self.cells),
            int(self.cycles),
            0.5 * stairs.top_v * limit_a * stairs.shortest_s,
        )

    def _preparing_schemes(self) -> list[Scheme]:
        """The pulse that makes the state to begin from, for either device."""
        at = self.preparing
        if self.sweep == SET:
            return [self.schemes.reset_device(device, at) for device in (0, 1)]
        gate_v = self.table.gate_v(at.set_compliance_a)
        return [self.schemes.set_device(d, gate_v, at.set_v, at.width_s) for d in (0, 1)]

    def headline(self) -> str:
        """The sweeps and their rate."""
        tops = ", ".join(
            f"{_KIND_NAMES[sweep.kind]} to {quantity_text(sweep.staircase.top_v, 'V')}"
            for sweep in self.sweeps
        )
        return (
            f"{tops}, {quantity_text(self.step, 'V')} each {quantity_text(self.delay, 's')}, "
            f"{self._compliance_text()}; {self.cycles} of each on {len(self.cells)} "
            f"device{'' if len(self.cells) == 1 else 's'}"
        )

    def conditions(self) -> dict[str, str]:
        """Sweeps, compliance, protection, what came before."""
        where = (
            f"{len(self.cells)}, spread over the array"
            if self.region == WHOLE
            else f"both devices of {Region.from_text(self.region).told(self.shape)}"
        )
        told = {"Devices": where}
        for sweep in self.sweeps:
            stairs, line = sweep.staircase, "bit line" if sweep.kind == "reset" else "SL"
            told[f"{_KIND_NAMES[sweep.kind]} sweep"] = (
                f"{line} 0 V to {quantity_text(stairs.top_v, 'V')} and back, "
                f"{stairs.points} points a way, each held {quantity_text(stairs.delay_s, 's')} "
                f"before it is read; WL {sweep.gate_v:.4f} V"
            )
        return told | {
            "Compliance, requested": f"{self._compliance_text()}; by the gate, none in RESET",
            "Compliance table": self.table_text(),
            "SMU compliance": f"{quantity_text(COMPLIANCE_A, 'A')}: ends a sweep on a short, "
            "protects no device",
            "Complement": "its bit line is in step with SL (synchronous sweep); in RESET at 0 V",
            "Before the sweeps": self._before_text(),
        }

    def _compliance_text(self) -> str:
        if self.sweep == FORMING:
            return f"forming {quantity_text(self.description.levels.forming_compliance, 'A')}"
        return f"SET {quantity_text(self.set_compliance, 'A')}"

    def _before_text(self) -> str:
        at = self.preparing
        width = quantity_text(at.width_s, "s")
        set_pulse = f"a SET pulse of {quantity_text(at.set_v, 'V')}, {width}"
        reset_pulse = f"a RESET pulse of {quantity_text(at.reset_v, 'V')}, {width}"
        return {
            FORMING: "nothing; a device that reads as formed is left alone",
            SET: f"{reset_pulse}, before each",
            RESET: f"{set_pulse}, before each",
            CYCLE: f"{set_pulse}, once",
        }[self.sweep]

    def steps(self) -> list[Step]:
        """One step a device."""
        once_s = sum(sweep.staircase.shortest_s + _OVERHEAD_S for sweep in self.sweeps)
        return [
            Step(
                number,
                f"device row {row} column {column} {_NAMES[device]}",
                1.0 + once_s * int(self.cycles),
                partial(self._device, number, (row, column, device)),
            )
            for number, (row, column, device) in enumerate(self.cells)
        ]

    def _device(self, number: int, cell: tuple[int, int, int]) -> None:
        if number == 0:
            for sweep in self.sweeps:
                self.array(f"{sweep.kind}_voltage", sweep.staircase.volts)
        usable = self._is_ready(cell)
        for cycle in range(int(self.cycles)):
            self.array("swept", np.array([*cell, cycle]))
            if usable and (cycle == 0 or self.sweep != CYCLE):
                self._prepare_state(cell)
            for sweep in self.sweeps:
                if usable:
                    self._sweep_once(number, cell, cycle, sweep)
                else:
                    nothing = np.full(sweep.staircase.volts.shape, np.nan)
                    self.array(f"{sweep.kind}_current", nothing)

    def _is_ready(self, cell: tuple[int, int, int]) -> bool:
        """Form the device's bit if asked for; whether the device can be swept, else say why not."""
        row, column, device = cell
        bit = np.asarray(self.chip.one_device(*cell).any(axis=-1))
        may_form = self.form_first == "yes" and self.sweep != FORMING
        found = self.form_unformed(bit, may_form)
        if self.sweep != FORMING:
            self.say_unusable(found, "not swept")
            return not found.unusable[cell]
        if found.earlier[cell]:
            self.say_unusable(found, "not swept")
            return False
        if found.unformed[cell]:
            return True
        if found.retired[cell]:
            state = "is retired"
        else:
            state = "cannot be read" if found.unreadable[cell] else "reads as formed"
        self.say(f"Row {row} column {column} {_NAMES[device]} {state}: not swept.")
        return False

    def _prepare_state(self, cell: tuple[int, int, int]) -> None:
        device = self.chip.one_device(*cell)
        if self.sweep == SET:
            self.chip.reset(device, self.preparing)
        elif self.sweep != FORMING:
            self.chip.set(device, self.preparing)

    def _sweep_once(
        self, number: int, cell: tuple[int, int, int], cycle: int, sweep: QuasiStaticSweep
    ) -> None:
        row, column, device = cell
        bit = np.asarray(self.chip.one_device(*cell).any(axis=-1))
        before = self.chip.measure(bit)[row, column]
        currents = sweep.run(self.chip, *cell)
        after = self.chip.measure(bit)[row, column]
        self.array(f"{sweep.kind}_current", currents.device)
        self.row(
            Step=number,
            Row=row,
            Column=column,
            Device=_NAMES[device],
            Cycle=cycle,
            Sweep=sweep.kind,
            **{
                "Before (ohm)": float(before[device]),
                "After (ohm)": float(after[device]),
                "Complement before (ohm)": float(before[1 - device]),
                "Complement after (ohm)": float(after[1 - device]),
                "Largest current (A)": _largest(currents.device),
                "Largest complement current (A)": _largest(currents.complement),
            },
        )


def _largest(amperes: NDArray[np.float64]) -> float:
    """Largest magnitude; NaN without a valid reading."""
    valid = np.abs(amperes[np.isfinite(amperes)])
    return float(valid.max()) if valid.size else math.nan
