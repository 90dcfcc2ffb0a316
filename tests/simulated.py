"""What tests look at below the drivers: the simulated die itself, and a bench file to bend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instruments.sim.chip.die import Die
from instruments.sim.station import Station
from instruments.testchip.chip import TestChip
from instruments.testchip.waveforms import Scheme
from labctl.bench import Bench, DieChoice
from labctl.benchfile import BenchSetup, example_file
from labctl.resources import data_folder
from labctl.runs import RunRequest
from procedures import load_procedure
from procedures.base import BenchProcedure


def die_of(bench: Bench) -> Die:
    """The simulated die at the bench's probes."""
    die = bench.instruments.die
    assert isinstance(die, Die)
    return die


def station_of(bench: Bench) -> Station:
    """The simulated instruments and wiring of a bench."""
    station = bench.instruments.station
    assert isinstance(station, Station)
    return station


def bent_setup(folder: Path, *replacements: tuple[str, str]) -> BenchSetup:
    """The simulated bench file with texts replaced, (old, new) each; old must be there."""
    text = example_file("simulated").read_text(encoding="utf-8")
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    file = folder / "bent.toml"
    file.write_text(text, encoding="utf-8")
    return BenchSetup(file)


def some_bits(chip: TestChip, rows: int, columns: int) -> NDArray[np.bool_]:
    """Mask of the upper left corner of the array."""
    mask = np.zeros(chip.shape, dtype=bool)
    mask[:rows, :columns] = True
    return mask


def devices(bits: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Both devices of each bit of a mask."""
    return np.stack([bits, bits], axis=-1)


def fire(chip: TestChip, scheme: Scheme, cells: NDArray[np.bool_]) -> None:
    """Send a scheme of the test's own to cells, as an operation of the chip would."""
    with chip.operation("program", []):
        for _ in chip.fire_each(scheme, cells):
            pass


def small_bench_file(folder: Path, *replacements: tuple[str, str], rows: int = 4) -> Path:
    """A simulated bench whose chip file describes ``rows`` x 8 bits: a run takes a second."""
    folder.mkdir(parents=True, exist_ok=True)
    chip = (data_folder() / "chips" / "hfo2-2t2r-1kb.toml").read_text(encoding="utf-8")
    for old, new in (("rows = 32", f"rows = {rows}"), ("columns = 32", "columns = 8")):
        assert old in chip
        chip = chip.replace(old, new)
    (folder / "small-chip.toml").write_text(chip, encoding="utf-8")
    return bent_setup(folder, ("chips/hfo2-2t2r-1kb.toml", "small-chip.toml"), *replacements).file


def small_setup(folder: Path, rows: int = 4) -> BenchSetup:
    """The bench of `small_bench_file`."""
    return BenchSetup(small_bench_file(folder, rows=rows))


def request(
    setup: BenchSetup,
    folder: Path,
    procedure: BenchProcedure | str = "checkerboard",
    die: str | None = None,
    seed: int | None = None,
    **parameters: Any,
) -> RunRequest:
    """What the command line would ask: runs in ``folder/runs``, dies in ``folder/dies``."""
    name = procedure if isinstance(procedure, str) else type(procedure).__name__.lower()
    if isinstance(procedure, str):
        procedure = load_procedure(procedure)()
    procedure.set_parameters(parameters)
    choice = DieChoice(die, seed, folder / "dies")
    return RunRequest(name, procedure, setup, choice, folder / "runs")


def assert_outputs_safe(bench: Bench) -> None:
    """Every pulse channel at 0 V with its switch open, every SMU off, nothing left undone."""
    station = station_of(bench)
    assert set(station.channel_volts.values()) == {0.0}
    assert {path.value for path in station.channel_path.values()} == {"open"}
    assert set(station.smu_volts.values()) == {None}
    assert bench.problems == []
