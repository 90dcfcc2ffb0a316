"""What a named die has been through, by the wear ledger beside the runs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gui.models.array import Cell, cycles_of
from gui.models.cell_text import address_text, joined
from gui.models.layers import Layer, Scale
from labctl.analysis.endurance import DEVICES
from labctl.report.pulses import pulse_text
from labctl.report.text import count, cycle_number, percent
from labctl.store.ledger import LEDGER, Ledger, LedgerError

Counts = NDArray[np.int64]

EITHER = "larger of BL and BLb"
DEVICE_CHOICES = (EITHER, *DEVICES)


@dataclass(frozen=True)
class DieEvent:
    """Pulses of one kind at one condition that one run gave a die."""

    run: str
    kind: str
    condition: str
    """Kind and condition as people say them."""
    pulses: int
    most_per_device: int
    unconfirmed_blocks: int
    """Planned and never confirmed: they count in full, nobody can know how far they went."""


@dataclass(frozen=True, eq=False)
class DiePicture:
    """A die as the ledger knows it; read-only."""

    die: str
    dies: tuple[str, ...]
    """Every die that the ledger knows."""
    shape: tuple[int, int]
    pulses: Mapping[str, Counts]
    """Kind to pulses of each device over all runs, (rows, columns, 2)."""
    retired: Mapping[Cell, str]
    """Bits that are out of use, with the reason."""
    formed_by: Mapping[str, NDArray[np.bool_]]
    """Run to the devices that it gave forming pulses."""
    unconfirmed_blocks: int
    history: tuple[DieEvent, ...]
    most_cycles: int | None
    """Wear budget of a device; None without one."""

    @property
    def cycles(self) -> Counts:
        """Cycles of each device, (rows, columns, 2)."""
        return cycles_of(self.pulses, (*self.shape, 2))

    @property
    def summary(self) -> str:
        """The die in one line."""
        cycles = self.cycles
        row, column, device = np.unravel_index(int(np.argmax(cycles)), cycles.shape)
        most = int(cycles.max())
        where = f" (row {row} column {column} {DEVICES[device]})" if most else ""
        return joined(
            [
                f"most cycles on a device: {cycle_number(most)}{where}",
                f"budget {self.most_cycles:,}" if self.most_cycles else "",
                f"{count(len(self.retired), 'bit')} retired" if self.retired else "",
                f"{count(self.unconfirmed_blocks, 'block')} unconfirmed, counted in full"
                if self.unconfirmed_blocks
                else "",
            ]
        )


def read_die(runs: Path, die: str, most_cycles: int | None = None) -> DiePicture:
    """Read a die from the ledger beside the runs.

    Raises LookupError if there is no such die or no ledger, and `LedgerError`, each with one
    sentence. Waits for the disk: not for the interface thread.
    """
    with _ledger_of(runs) as ledger:
        return _read(ledger, runs, die, most_cycles)


def read_dies(runs: Path) -> tuple[str, ...]:
    """Every die that the ledger beside the runs knows, at least one; raises as `read_die`."""
    with _ledger_of(runs) as ledger:
        return _names(ledger, runs)


@contextmanager
def _ledger_of(runs: Path) -> Iterator[Ledger]:
    if not (runs / LEDGER).is_file():
        raise LookupError(f"there is no wear ledger in {runs}: no die has had a pulse there")
    try:
        with Ledger(runs / LEDGER) as ledger:
            yield ledger
    except sqlite3.Error as error:
        raise LedgerError(f"the wear ledger {runs / LEDGER} cannot be read: {error}") from None


def _names(ledger: Ledger, runs: Path) -> tuple[str, ...]:
    dies = tuple(row["die"] for row in ledger.dies())
    if not dies:
        raise LookupError(f"no die has had a pulse, by the ledger in {runs}")
    return dies


def _read(ledger: Ledger, runs: Path, die: str, most_cycles: int | None) -> DiePicture:
    dies = _names(ledger, runs)
    if die not in dies:
        raise LookupError(f"die {die!r} has had no pulse; the ledger knows {', '.join(dies)}")
    pulses = {kind: counts.astype(np.int64) for kind, counts in ledger.totals(die).items()}
    rows, columns, _ = next(iter(pulses.values())).shape
    return DiePicture(
        die=die,
        dies=dies,
        shape=(rows, columns),
        pulses=pulses,
        retired=ledger.retired(die),
        formed_by=ledger.formed_by(die),
        unconfirmed_blocks=ledger.unconfirmed(die),
        history=tuple(_event(row) for row in ledger.history(die)),
        most_cycles=most_cycles,
    )


def _event(row: Mapping[str, Any]) -> DieEvent:
    return DieEvent(**{**row, "condition": pulse_text(row["kind"], row["condition"])})


def die_layers(picture: DiePicture, device: str) -> tuple[Layer, ...]:
    """Cycles, share of the budget if there is one, and each kind of pulse.

    ``device``: one of `DEVICE_CHOICES`.
    """
    layers = [_layer("cycles", "Cycles", lambda p: _of(p.cycles, device))]
    if picture.most_cycles:
        share = Layer(
            "budget",
            "Share of the budget",
            "%",
            Scale.FROM_ZERO,
            "counts",
            lambda p: 100.0 * _of(p.cycles, device) / p.most_cycles,
        )
        layers.append(share)
    for kind in sorted(picture.pulses):
        layers.append(_layer(kind, _title(kind), lambda p, kind=kind: _of(p.pulses[kind], device)))
    return tuple(layers)


def retired_mask(picture: DiePicture) -> NDArray[np.bool_]:
    """Bits that are out of use, (rows, columns)."""
    mask = np.zeros(picture.shape, dtype=bool)
    rows, columns = picture.shape
    for row, column in picture.retired:
        if row < rows and column < columns:
            mask[row, column] = True
    return mask


def die_lines(picture: DiePicture, cell: Cell) -> tuple[str, ...]:
    """A cell in three lines: where and in what state, its pulses, which run formed it."""
    reason = picture.retired.get(cell)
    cycles = picture.cycles[cell]
    pulses = [
        f"{_title(kind)} {cycle_number(int(counts[cell][0]))}/{cycle_number(int(counts[cell][1]))}"
        for kind, counts in sorted(picture.pulses.items())
    ]
    share = percent(cycles.max() / picture.most_cycles) if picture.most_cycles else ""
    runs = [run for run, devices in picture.formed_by.items() if devices[cell].any()]
    return (
        f"{address_text(cell)}: {'in use' if reason is None else f'retired: {reason}'}",
        joined(
            [
                f"BL/BLb: cycles {cycle_number(int(cycles[0]))}/{cycle_number(int(cycles[1]))}",
                *pulses,
                f"{share} of the budget" if share else "",
            ]
        ),
        f"forming pulses in {', '.join(runs)}" if runs else "no forming pulse booked",
    )


def _layer(name: str, title: str, values: Any) -> Layer:
    return Layer(name, title, "", Scale.LOG, "counts", values, zero="none")


def _title(kind: str) -> str:
    """Kinds of pulses as the field writes them."""
    return {"set": "SET", "reset": "RESET", "form": "Forming"}.get(kind, kind.capitalize())


def _of(counts: Counts, device: str) -> NDArray[np.float64]:
    values = counts.max(axis=-1) if device == EITHER else counts[..., DEVICES.index(device)]
    return np.asarray(values, dtype=np.float64)
