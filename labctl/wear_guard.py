"""What a die may still go through: cycles per device, and forming once.

A cycle is a SET and a RESET; a device's cycles are the larger number of the two that the ledger
holds, over all runs of its die, void ones apart. Quasi-static sweeps are in neither. A run that
may exceed the budget is refused before it begins; one that reaches it ends before the pulse.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from instruments.testchip.wear import Pulses
from labctl.plan import most_per_device
from labctl.store.ledger import Ledger
from procedures.base import BenchProcedure, device_names
from procedures.history import DieHistory

Counts = NDArray[np.uint64]
_CYCLE = ("set", "reset")
_NAMED = 4
"""So many devices are named in a sentence; of the others the number."""


class WearBudgetReached(RuntimeError):
    """The next pulses would give a device more cycles than it may get."""


class FormingTwiceError(RuntimeError):
    """The next pulses would form a device that an earlier run gave forming pulses."""


class WearGuard:
    """Looks at every block of pulses before it is booked."""

    def __init__(
        self,
        shape: tuple[int, int],
        history: DieHistory | None = None,
        booked: dict[str, Counts] | None = None,
        most_cycles: int | None = None,
    ) -> None:
        """``booked``: kind to pulses per device so far; ``most_cycles``: None allows any number."""
        self.history = history or DieHistory.empty(shape)
        self.most_cycles = most_cycles
        none = np.zeros((*shape, 2), dtype=np.uint64)
        self._booked = {kind: (booked or {}).get(kind, none).copy() for kind in _CYCLE}

    @classmethod
    def of_die(
        cls,
        ledger: Ledger,
        die: str,
        shape: tuple[int, int],
        most_cycles: int | None,
        this_run: str | None = None,
    ) -> WearGuard:
        """The guard of a die by what the ledger holds of it; ``this_run`` is no earlier run.

        Raises ValueError if the ledger knows the die as one of another size.
        """
        booked, formed_by = ledger.totals(die), ledger.formed_by(die)
        for counts in booked.values():
            if counts.shape[:2] != shape:
                rows, columns = counts.shape[:2]
                raise ValueError(
                    f"die {die!r} is in the ledger with {rows} x {columns} bits, the chip file has "
                    f"{shape[0]} x {shape[1]}: give another name or the chip file it was run with"
                )
        retired = np.zeros(shape, dtype=bool)
        for row, column in ledger.retired(die):
            if row < shape[0] and column < shape[1]:
                retired[row, column] = True
        earlier = {run: devices for run, devices in formed_by.items() if run != this_run}
        return cls(shape, DieHistory(retired, earlier), booked, most_cycles)

    def admit(self, procedure: BenchProcedure) -> None:
        """Refuse a run that may exceed the budget, by its own plan; raises ValueError."""
        if self.most_cycles is None:
            return
        plan = most_per_device(procedure.pulses().trains)
        touched = procedure.touched() & ~self.history.retired
        booked = {kind: int(self._booked[kind][touched].max(initial=0)) for kind in _CYCLE}
        cycles = max(booked[kind] + plan.get(kind, 0) for kind in _CYCLE)
        if any(plan.get(kind) for kind in _CYCLE) and cycles > self.most_cycles:
            raise ValueError(
                f"the wear budget is {self.most_cycles:,} cycles a device: up to "
                f"{max(booked.values()):,} are booked on the devices of this run, and it may add "
                f"{max(plan.get(kind, 0) for kind in _CYCLE):,}; nothing was sent"
            )

    def reserve(self, procedure: BenchProcedure) -> None:
        """As `admit`, and count what the run may send, for runs that follow."""
        self.admit(procedure)
        touched = procedure.touched() & ~self.history.retired
        for kind, most in most_per_device(procedure.pulses().trains).items():
            if kind in _CYCLE:
                self._booked[kind][touched] += np.uint64(most)

    def check(self, pulses: Sequence[Pulses], forms_again: bool) -> None:
        """Refuse pulses before they are booked, and count them otherwise.

        Raises `WearBudgetReached` and `FormingTwiceError`.
        """
        counts = {kind: np.zeros_like(self._booked[kind]) for kind in _CYCLE}
        for each in pulses:
            if each.kind == "form" and not forms_again:
                self._form_once(each.counts > 0)
            elif each.kind in _CYCLE:
                counts[each.kind] += each.counts.astype(np.uint64)
        after = {kind: self._booked[kind] + counts[kind] for kind in _CYCLE}
        if self.most_cycles is not None:
            for kind in _CYCLE:
                over = (after[kind] > self.most_cycles) & (counts[kind] > 0)
                if over.any():
                    raise WearBudgetReached(self._budget_text(kind, over))
        self._booked = after

    def _form_once(self, devices: NDArray[np.bool_]) -> None:
        again = devices & self.history.formed
        if again.any():
            raise FormingTwiceError(
                f"{_few(again)}: formed before, in "
                f"{', '.join(self.history.forming_runs(again))}; forming is for once in a device's "
                "life (`labctl run forming --formed again` does it all the same)"
            )

    def _budget_text(self, kind: str, over: NDArray[np.bool_]) -> str:
        return (
            f"the wear budget of {self.most_cycles:,} cycles a device is reached: the next pulses "
            f"would give {_few(over)} more than so many {kind.upper()}s; they were not sent"
        )


def _few(devices: NDArray[np.bool_]) -> str:
    """Some devices of a mask in words."""
    where = np.argwhere(devices)
    first = np.zeros_like(devices)
    first[tuple(where[:_NAMED].T)] = True
    more = len(where) - _NAMED
    return device_names(first) + (f" and {more} more" if more > 0 else "")


def tighter(*limits: int | None) -> int | None:
    """The smallest limit; None is none.

    >>> tighter(None, 1000, 100), tighter(None, None)
    (100, None)
    """
    given = [limit for limit in limits if limit is not None]
    return min(given, default=None)
