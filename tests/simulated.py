"""What tests look at below the drivers: the simulated die itself, and a bench file to bend."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from instruments.sim.chip.die import Die
from instruments.sim.station import Station
from instruments.testchip.chip import TestChip
from instruments.testchip.waveforms import Scheme
from labctl.bench import Bench
from labctl.benchfile import BenchSetup, example_file


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
    with chip._pass("program", []):
        for _ in chip._fire_each(scheme, cells):
            pass
