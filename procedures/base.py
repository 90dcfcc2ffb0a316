"""What every procedure is: parameters with units, numbered steps, rows and arrays.

A procedure never sees an instrument: it talks to a `TestChip`, which `labctl.runs` binds just
before the worker starts. Constructing, listing or loading one touches no device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pymeasure.experiment import Parameter, Procedure

from instruments.limits import VoltageLimit
from instruments.testchip.chip import TestChip
from instruments.testchip.compliance import ComplianceTable
from instruments.testchip.description import ChipDescription
from instruments.testchip.waveforms import PulseSchemes, Scheme
from procedures.history import DieHistory
from procedures.parameters import (
    FileParameter,
    QuantityParameter,
    quantity_text,
    typed_quantity,
)

CHIP_FILE = "chip file"
READ_ROW_S = 0.73
"""Bench time to read the devices of a whole row by the SMUs, s; measured on the simulated bench."""
FORM_DEVICE_S = 0.0484
"""Bench time to form a device by the ramp, s; measured likewise."""
ALL_ROLES = (
    *("SL", "BL", "BLB", "WL", "SEN", "BYP", "Q", "address"),
    *("meter_SL", "meter_BL", "meter_BLB", "VDD", "VDDH"),
)


@dataclass(frozen=True)
class Step:
    """One step of a run: done or not done, never half.

    ``bench_s`` is the bench time it is expected to take, for the remaining time only.
    """

    number: int
    label: str
    bench_s: float
    run: Callable[[], None]


@dataclass(frozen=True)
class Train:
    """A scheme and how often a run may send it: to ``cells`` cells, at most ``times`` to each.

    ``loops``: an execution repeats it so often in the sequencer (at most); ``times`` counts all.
    A sense is sent to rows, not to cells.
    """

    scheme: Scheme
    cells: int
    times: int
    loops: int = 1


@dataclass(frozen=True)
class PlannedSweep:
    """A quasi-static sweep of ``devices`` devices, at most ``times`` of each.

    ``kind`` is how it is booked, form or sweep; ``energy_j`` about what one takes at most, J.
    """

    kind: str
    devices: int
    times: int
    energy_j: float


@dataclass(frozen=True)
class Planned:
    """All that a run may send.

    ``levels`` are voltages that SMUs and held channels put on pads beside the schemes, V;
    ``uses_table``: a gate voltage comes from the compliance table.
    """

    trains: Sequence[Train]
    uses_table: bool = True
    levels: Mapping[str, Sequence[float]] = field(default_factory=dict)
    sweeps: Sequence[PlannedSweep] = ()

    @property
    def schemes(self) -> list[Scheme]:
        """The schemes alone."""
        return [train.scheme for train in self.trains]


@dataclass(frozen=True, eq=False)
class Formed:
    """What forming found, each (rows, columns, 2)."""

    voltages: NDArray[np.float64]
    """Forming voltage, V; NaN where nothing was formed now."""
    unformed: NDArray[np.bool_]
    """Still unformed."""
    unreadable: NDArray[np.bool_]
    """Without a valid reading, and left alone."""
    earlier: NDArray[np.bool_]
    """Of the unformed ones: given forming pulses by an earlier run, and left alone."""
    retired: NDArray[np.bool_]
    """Of a retired bit: neither read nor formed."""

    @property
    def marks(self) -> NDArray[np.uint8]:
        """What is stored: 1 for unformed or unreadable, 2 of a retired bit, else 0."""
        marks = (self.unformed | self.unreadable).astype(np.uint8)
        marks[self.retired] = 2
        return marks

    @property
    def unusable(self) -> NDArray[np.bool_]:
        """Unformed, unreadable or retired."""
        return self.marks > 0

    @property
    def count_unformed(self) -> int:
        """How many are unformed or unreadable; those of retired bits were not asked."""
        return int(np.count_nonzero(self.marks == 1))


class BenchProcedure(Procedure):
    """Base of all procedures.

    A subclass names its ``DATA_COLUMNS`` and the roles it ``needs``, gives ``steps``, and emits
    rows (`row`) and arrays (`array`) from them.
    """

    needs: ClassVar[tuple[str, ...]] = ALL_ROLES
    changes_devices: ClassVar[bool] = True
    """Whether it sends pulses to devices, which a real die must be named for."""
    example: ClassVar[str] = ""
    """A complete command line, shown in the help."""

    compliance_table = FileParameter(
        "Compliance table",
        default=CHIP_FILE,
        description="TOML file with a set_compliance table, as `labctl run compliance` writes it",
    )

    chip: TestChip
    description: ChipDescription
    history: DieHistory
    """Empty until the run begins."""
    first_step: int = 0
    """Number of the first step to do; the ones before were done when the run was interrupted."""
    forms_again: bool = False
    """Whether devices may get forming pulses that an earlier run gave some already."""

    # --- before the run ------------------------------------------------------------------------

    def prepare(
        self,
        description: ChipDescription,
        limit: Callable[[str], VoltageLimit],
        simulated: bool,
    ) -> None:
        """Fill what the chip file provides and refuse what cannot be done; touches no device.

        ``limit`` gives a pad's limit on the bench. Raises ValueError (`LimitError` for limits) with
        one sentence for the user.
        """
        self.description = description
        self.history = DieHistory.empty(self.shape)
        for name, parameter in self._parameters.items():
            source = getattr(parameter, "from_chip", None)
            if source is not None and getattr(self, name) is None:
                setattr(self, name, float(getattr(description, source)))
        self.refresh_parameters()
        self.table: ComplianceTable = (
            description
            if self.compliance_table == CHIP_FILE
            else ComplianceTable.from_file(Path(self.compliance_table))
        )
        self.schemes = PulseSchemes(description, self.table, description.supplies.vdd)
        self.check()
        sent = self.pulses()
        self.uses_table = sent.uses_table
        if sent.uses_table and self.table.set_compliance_simulated and not simulated:
            raise ValueError(
                f"the compliance table ({self.compliance_table}) was measured on simulated dies "
                "and would set a real die's currents; give one measured on this chip with "
                "--compliance-table"
            )
        self._check_voltages(sent, limit)

    def check(self) -> None:
        """Refuse parameters that do not fit each other; raises ValueError."""

    def refuse_unused(self, names: Iterable[str], needed: str) -> None:
        """Refuse parameters that were changed and decide nothing in this run; raises ValueError.

        ``needed``: what would make them count, for the sentence.
        """
        changed = [name for name in names if self._is_changed(name)]
        if changed:
            options = ", ".join("--" + name.replace("_", "-") for name in changed)
            raise ValueError(f"{options} would change nothing here: only with {needed}; leave out")

    def _is_changed(self, name: str) -> bool:
        parameter = self._parameters[name]
        return bool(getattr(self, name) != parameter.convert(parameter.default))

    def pulses(self) -> Planned:
        """Every scheme that the run may send, and how often at most."""
        raise NotImplementedError

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of bits of the array."""
        geometry = self.description.geometry
        return geometry.rows, geometry.columns

    def touched(self) -> NDArray[np.bool_]:
        """Bits (rows, columns) that the run may send pulses to, retired ones too: all by default.

        Known once it is prepared; what it leaves out gets no pulse.
        """
        return np.ones(self.shape, dtype=bool)

    def _check_voltages(self, sent: Planned, limit: Callable[[str], VoltageLimit]) -> None:
        """Refuse a run with a voltage beyond a limit; the drivers check every value again."""
        for pad, standing in self.standing_levels().items():
            limit(pad).check(standing)
        for scheme in sent.schemes:
            for pad, points in scheme.points.items():
                limit(pad).check(points[:, 1])
        for pad, volts in sent.levels.items():
            limit(pad).check(np.asarray(volts))

    def standing_levels(self) -> dict[str, float]:
        """What every run puts on pads beside its pulses: supplies, and the levels of a read, V."""
        levels, supplies = self.description.levels, self.description.supplies
        return {
            "VDD": supplies.vdd,
            "VDDH": supplies.vddh,
            "WL": levels.word_line_on,
            "SL": levels.read,
        }

    def headline(self) -> str:
        """The conditions in one short line."""
        return ""

    def conditions(self) -> dict[str, str]:
        """What a reader of the report needs to know, in order: label to text."""
        return {}

    def units(self) -> dict[str, str]:
        """Unit of each parameter that has one."""
        units = {name: getattr(p, "units", None) for name, p in self._parameters.items()}
        return {name: unit for name, unit in units.items() if unit}

    def table_record(self) -> dict[str, Any]:
        """The compliance table in use, for the record; empty if no pulse needs one."""
        if not self.uses_table:
            return {}
        kept = ComplianceTable.model_fields.keys()
        return {"file": str(self.compliance_table), **self.table.model_dump(include=set(kept))}

    def table_text(self) -> str:
        """The compliance table's origin, for people."""
        return (
            f"{self.compliance_table}, measured on {self.table.set_compliance_origin} at a SET "
            f"voltage of {quantity_text(self.table.set_compliance_voltage, 'V')}"
        )

    def bind(self, chip: TestChip) -> None:
        """Put the chip into the procedure's hands."""
        chip.schemes = self.schemes
        self.chip = chip

    def steps(self) -> list[Step]:
        """All steps in order; the list depends on the parameters only, never on what happened."""
        raise NotImplementedError

    def recall(self, stored: Callable[[str], NDArray[Any]]) -> None:
        """Take up what the steps before `first_step` found, where later ones need it.

        ``stored`` gives all records of an array by its name, stacked; length 0 without one.
        """

    # --- during the run ------------------------------------------------------------------------

    def execute(self) -> None:
        """Run the steps from `first_step` on; a stop request takes effect between two of them."""
        steps = self.steps()
        self.emit("steps", steps)
        for step in steps:
            if step.number < self.first_step:
                continue
            if self.should_stop():
                return
            self.emit("step_begin", step)
            self.chip.begin_step()
            begin = self.chip.connections.now()
            step.run()
            self.emit("step_end", (step, self.chip.connections.now() - begin))

    def row(self, **values: float | int | str) -> None:
        """Emit one row of ``results.csv``; columns that are not given stay empty (NaN)."""
        self.emit("results", values)

    def array(self, name: str, record: NDArray[Any]) -> None:
        """Emit one record of an array."""
        self.emit("array", (name, record))

    def say(self, sentence: str) -> None:
        """Tell the user something about this run; kept in its journal and report."""
        self.emit("note", sentence)

    # --- forming, shared by procedures that need formed devices --------------------------------

    def forming_trains(self, cells: int) -> list[Train]:
        """What `form_unformed` may send to the devices of ``cells`` cells."""
        return [Train(self.schemes.form_device(device), cells, 1) for device in (0, 1)]

    def form_unformed(self, bits: NDArray[np.bool_], may_form: bool) -> Formed:
        """Read bits of a (rows, columns) mask, form their unformed devices, read those again.

        Left alone: retired bits; a device that was formed before, also if it reads as unformed and
        an earlier run gave it forming pulses; one that cannot be read, because an open contact may
        hide a formed device, which would then be formed twice. Raises RuntimeError if not one
        device of a row or more can be read.
        """
        above = self.description.levels.unformed_above
        retired = np.repeat((bits & self.history.retired)[..., np.newaxis], 2, axis=-1)
        bits = np.asarray(bits & ~self.history.retired)
        resistances = self.chip.measure(bits)
        unreadable = np.asarray(np.isnan(resistances) & bits[..., np.newaxis])
        asked = 2 * int(np.count_nonzero(bits))
        if asked >= 2 * bits.shape[1] and np.count_nonzero(unreadable) == asked:
            raise RuntimeError(
                f"none of {asked} devices could be read; check the contacts with "
                "`labctl run contact`"
            )
        unformed = np.asarray(resistances >= above)
        earlier = np.asarray(unformed & self.history.formed)
        pristine = np.asarray(unformed & ~earlier)
        voltages = np.full(unformed.shape, np.nan)
        if pristine.any() and may_form:
            voltages = self.chip.form(pristine)
            again = self.chip.measure(np.asarray(pristine.any(axis=-1)))
            unformed &= ~(pristine & (again < above))
        return Formed(voltages, unformed, unreadable, earlier, retired)

    def row_bits(self, row: int) -> NDArray[np.bool_]:
        """All bits of a row, as a mask of (rows, columns)."""
        bits = np.zeros(self.shape, dtype=bool)
        bits[row] = True
        return bits

    def check_s(self, bits: NDArray[np.bool_], may_form: bool) -> float:
        """Expected bench time of `form_unformed` on bits (rows, columns) of one row, s.

        Devices that no earlier run has formed are taken to be unformed.
        """
        devices = np.repeat((bits & ~self.history.retired)[..., np.newaxis], 2, axis=-1)
        pristine = int(np.count_nonzero(devices & ~self.history.formed)) if may_form else 0
        return READ_ROW_S + (READ_ROW_S + pristine * FORM_DEVICE_S if pristine else 0.0)

    def say_unusable(self, formed: Formed, consequence: str) -> None:
        """Name the devices that are not formed and those that cannot be read.

        Retired bits are named once, when a run begins.
        """
        pristine = np.asarray(formed.unformed & ~formed.earlier)
        for what, mask in (("Unformed", pristine), ("Unreadable", formed.unreadable)):
            if mask.any():
                self.say(f"{what}, {consequence}: {device_names(mask)}.")
        if formed.earlier.any():
            runs = ", ".join(self.history.forming_runs(formed.earlier))
            self.say(
                f"Unformed although they got forming pulses in {runs}, {consequence}: "
                f"{device_names(formed.earlier)}. Forming is for once in a device's life: if that "
                "run was interrupted, resume it; `labctl run forming --formed retry` pulses them "
                "once more; another die needs another name."
            )


def in_declared_order(kind: type[BenchProcedure]) -> dict[str, Parameter]:
    """Parameters as the procedure declares them, its own first; PyMeasure sorts them by name."""
    parameters = kind()._parameters
    declared = [name for cls in kind.__mro__ for name in vars(cls) if name in parameters]
    return {name: parameters[name] for name in declared}


def default_text(parameter: Parameter) -> str:
    """What a parameter is when nothing is typed, as it may be typed."""
    if parameter.default is None:
        return f"from the {CHIP_FILE}"
    if isinstance(parameter, QuantityParameter):
        return typed_quantity(parameter.default, parameter.units)
    return str(parameter.default)


def device_names(devices: NDArray[np.bool_]) -> str:
    """The devices of a (rows, columns, 2) mask in words."""
    return ", ".join(
        f"row {row} column {column} {'BL' if device == 0 else 'BLb'}"
        for row, column, device in np.argwhere(devices).tolist()
    )
