"""What every procedure is: parameters with units, numbered steps, rows and arrays.

A procedure never sees an instrument: it talks to a `TestChip`, which `labctl.runs` binds just
before the worker starts. Constructing, listing or loading one touches no device.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pymeasure.experiment import Parameter, Procedure

from instruments.limits import VoltageLimit
from instruments.testchip.chip import TestChip
from instruments.testchip.description import ChipDescription, ComplianceTable
from procedures.parameters import ChoiceParameter

CHIP_FILE = "chip file"
ALL_ROLES = ("SL", "BL", "BLB", "WL", "SEN", "BYP", "address")


@dataclass(frozen=True)
class Step:
    """One step of a run: done or not done, never half.

    ``bench_s`` is the bench time it is expected to take, for the remaining time only.
    """

    number: int
    label: str
    bench_s: float
    run: Callable[[], None]


class BenchProcedure(Procedure):
    """Base of all procedures.

    A subclass names its ``DATA_COLUMNS`` and the roles it ``needs``, gives ``steps``, and emits
    rows (`row`) and arrays (`array`) from them.
    """

    needs: ClassVar[tuple[str, ...]] = ALL_ROLES
    example: ClassVar[str] = ""
    """A complete command line, shown in the help."""

    compliance_table = Parameter(
        "Compliance table",
        default=CHIP_FILE,
        description="TOML file with a set_compliance table, as `labctl run compliance` writes it",
    )

    chip: TestChip
    description: ChipDescription
    table: ComplianceTable

    # --- before the run ------------------------------------------------------------------------

    def prepare(self, description: ChipDescription, limit: Callable[[str], VoltageLimit]) -> None:
        """Fill what the chip file provides and refuse what cannot be done; touches no device.

        ``limit`` gives a pad's limit on the bench. Raises ValueError (`LimitError` for limits) with
        one sentence for the user.
        """
        for name, parameter in self._parameters.items():
            source = getattr(parameter, "from_chip", None)
            if source is not None and getattr(self, name) is None:
                setattr(self, name, float(getattr(description, source)))
        self.refresh_parameters()
        self.description = description
        self.table = (
            ComplianceTable(description.set_compliance)
            if self.compliance_table == CHIP_FILE
            else read_compliance_table(Path(self.compliance_table))
        )
        self.check()
        for pad, volts in self.highest_voltages().items():
            limit(pad).check(volts)

    def check(self) -> None:
        """Refuse parameters that do not fit each other or the chip; raises ValueError."""

    def highest_voltages(self) -> dict[str, float]:
        """Highest voltage on each pad in the run, V; a subclass adds SL, BL and BLB.

        For refusing a run before it begins; the drivers check every single value again.
        """
        supplies = self.description.supplies
        return {
            "WL": self.description.levels.word_line_on,
            "VDD": supplies.vdd,
            "VDDH": supplies.vddh,
        }

    def conditions(self) -> dict[str, str]:
        """What a reader of the report needs to know, in order: label to text."""
        return {"Compliance table": str(self.compliance_table)}

    def bind(self, chip: TestChip) -> None:
        """Put the chip into the procedure's hands."""
        chip.compliance = self.table
        self.chip = chip

    def steps(self) -> list[Step]:
        """All steps in order; the list depends on the parameters only, never on what happened."""
        raise NotImplementedError

    # --- during the run ------------------------------------------------------------------------

    def execute(self) -> None:
        """Run the steps; a stop request takes effect between two of them."""
        for step in self.steps():
            if self.should_stop():
                return
            self.emit("step_begin", step)
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

    def form_unformed(
        self, bits: NDArray[np.bool_], may_form: bool
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Read bits, form their unformed devices, and read those again.

        ``bits`` is a (rows, columns) mask. Returns, both (rows, columns, 2), forming voltages in V
        (NaN where nothing was formed now) and what is still unformed. A device that was formed
        before is left alone.
        """
        unformed = np.asarray(self._unformed(self.chip.measure(bits)) & bits[..., np.newaxis])
        voltages = np.full(unformed.shape, np.nan)
        if unformed.any() and may_form:
            voltages = self.chip.form(unformed)
            unformed &= self._unformed(self.chip.measure(np.asarray(unformed.any(axis=-1))))
        return voltages, unformed

    def say_unformed(self, unformed: NDArray[np.bool_], consequence: str) -> None:
        """Name the devices of a (rows, columns, 2) mask that did not form."""
        names = [
            f"row {row} column {column} {'BL' if device == 0 else 'BLb'}"
            for row, column, device in np.argwhere(unformed).tolist()
        ]
        if names:
            self.say(f"Unformed, {consequence}: {', '.join(names)}.")

    def _unformed(self, resistances: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Devices whose resistance is that of a pristine one; no valid current counts as such."""
        return ~(resistances < self.description.levels.unformed_above)


def form_first_parameter() -> ChoiceParameter:
    """Whether a procedure forms the unformed devices that it meets."""
    return ChoiceParameter(
        "Form first",
        choices=["yes", "no"],
        default="yes",
        description="form unformed devices before they are measured",
    )


def read_compliance_table(path: Path) -> ComplianceTable:
    """A ``set_compliance`` table from a TOML file. ValueError with one sentence if it is none."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        points = tuple((float(v), float(a)) for v, a in content["set_compliance"])
        return ComplianceTable(points)
    except OSError as error:
        raise ValueError(f"compliance table {path} cannot be read: {error.strerror}") from None
    except KeyError:
        raise ValueError(f"compliance table {path} has no set_compliance table") from None
    except (TypeError, ValueError) as error:
        raise ValueError(f"compliance table {path}: {error}") from None
