"""What procedures share that work on the first rows of the array and need formed devices there."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from procedures.base import BenchProcedure, Step, Train
from procedures.parameters import CountParameter
from procedures.shared_parameters import form_first_parameter


class CheckedRows(BenchProcedure):
    """Begins with a step a row that reads its devices and forms the unformed ones.

    Bits with a device that stays unformed, or that cannot be read, are named and in nothing after.
    A subclass has the columns of `CHECK_COLUMNS` and begins its steps with `check_steps`.
    """

    CHECK_COLUMNS = ("Step", "Kind", "Row", "Formed devices", "Unformed devices")

    rows = CountParameter(
        "Rows",
        minimum=1,
        maximum=32,
        default=32,
        description="rows of the array that are used, from row 0 on; fewer are quicker",
    )
    form_first = form_first_parameter()

    def check(self) -> None:
        """Nothing is unformed yet, as far as one knows."""
        self._unusable_devices = np.zeros((*self.shape, 2), dtype=bool)

    def touched(self) -> NDArray[np.bool_]:
        """The rows used."""
        touched = np.zeros(self.shape, dtype=bool)
        touched[: self.rows_used] = True
        return touched

    @property
    def rows_used(self) -> int:
        """Rows that the run uses: as asked for, at most all of them."""
        return min(int(self.rows), self.shape[0])

    def region_text(self) -> str:
        """The rows and bits used, for people."""
        used, (rows, columns) = self.rows_used, self.shape
        if used == rows:
            return f"whole array, {rows * columns} bits"
        return f"rows 0 to {used - 1} of {rows}, {used * columns} bits"

    def form_trains(self) -> list[Train]:
        """Forming of the rows used, if asked for."""
        if self.form_first == "no":
            return []
        return self.forming_trains(self.rows_used * self.shape[1])

    def check_steps(self) -> list[Step]:
        """One step a row used."""
        return [
            Step(row, f"check row {row}", self._check_row_s(row), partial(self._check_row, row))
            for row in range(self.rows_used)
        ]

    def _check_row_s(self, row: int) -> float:
        return self.check_s(self.row_bits(row), self.form_first == "yes")

    def recall(self, stored: Callable[[str], NDArray[Any]]) -> None:
        """The devices that were found unusable."""
        marks = stored("unformed")
        if len(marks):
            self._unusable_devices[: len(marks)] = marks

    def usable(self) -> NDArray[np.bool_]:
        """Bits (rows, columns) of the rows used whose devices are both formed and readable."""
        usable = np.asarray(~self._unusable_devices.any(axis=-1))
        usable[self.rows_used :] = False
        if not usable.any():
            raise RuntimeError(
                "no bit of these rows is formed; form them with `labctl run forming` or leave out "
                "--form-first no"
            )
        return usable

    def _check_row(self, row: int) -> None:
        found = self.form_unformed(self.row_bits(row), self.form_first == "yes")
        self._unusable_devices |= found.unusable
        self.array("forming_voltage", found.voltages[row])
        self.array("unformed", found.marks[row])
        formed = int(np.count_nonzero(~np.isnan(found.voltages)))
        if formed and row == 0:
            self.say("The die arrived unformed: its devices are formed first, in this run.")
        self.say_unusable(found, "left out of everything")
        self.row(
            Step=row,
            Kind="check",
            Row=row,
            **{
                "Formed devices": formed,
                "Unformed devices": found.count_unformed,
            },
        )


def checkerboard(shape: tuple[int, int], inverse: int) -> NDArray[np.uint8]:
    """Checkerboard of bits (rows, columns), cell (0, 0) at 0; ``inverse`` 1 gives its inverse."""
    parity = np.indices(shape).sum(axis=0) % 2
    return np.asarray(parity ^ inverse, dtype=np.uint8)
