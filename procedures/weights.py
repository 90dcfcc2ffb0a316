"""Binary weights of a neural network in the array (paper, section 3.1, Fig. 4e-f).

A matrix larger than the array, or the region, is cut into tiles. Each tile is programmed again and
again, alternating with its inverse, so that every programming switches every device; one extra
programming of the inverse goes before each tile and is in no count.
"""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from instruments.testchip.chip import NOT_READ
from labctl.analysis.tiling import LAYOUTS, NO_WEIGHT, tiling
from labctl.resources import data_folder
from procedures.base import Planned, Step
from procedures.parameters import ChoiceParameter, CountParameter, FileParameter
from procedures.patterns import Region, file_bits
from procedures.programming import PROGRAM_ROW_S, Bits, Mask, ProgrammedRegion, read_by_parameter

SHIPPED = "digits-last-layer"
"""Last layer of the network that ships; `data/patterns/digits.toml` says what it is."""


class TilesParameter(FileParameter):
    """Which tiles: ``all``, one number, or BEGIN:END with END left out."""

    @property
    def allowed(self) -> str:
        """How tiles are typed."""
        return "all, one number from 0 on, or BEGIN:END with END left out"

    def convert(self, value: Any) -> str:
        """The text; ValueError with one clear sentence."""
        text = str(value).strip()
        try:
            Region.from_text(f"{text},all")
        except ValueError:
            raise ValueError(f"{self.name} {text!r} is not allowed: {self.allowed}") from None
        return text


class Weights(ProgrammedRegion):
    """Program tiles of a weight matrix and their inverses; error map, rates a tile and a weight.

    Unformed devices are formed first. The default is the last layer of a binarized network that
    ships, 10 x 1024 weights: ten tiles of the whole array.
    """

    example: ClassVar[str] = "labctl run weights --programmings 100 --tiles 0"

    weights = FileParameter(
        "Weights",
        default=SHIPPED,
        description=f"matrix of 0 and 1, or of -1 and +1: a .npy, .csv or .png file; {SHIPPED} "
        "ships",
    )
    layout = ChoiceParameter(
        "Layout",
        choices=list(LAYOUTS),
        default="packed",
        description="fill tile after tile with the weights row by row, or cut the matrix into "
        "blocks with unused cells at its edges",
    )
    tiles = TilesParameter("Tiles", default="all", description="tiles that are programmed")
    programmings = CountParameter(
        "Programmings",
        minimum=1,
        maximum=100_000,
        default=10,
        description="measured programmings of each tile, and as many of its inverse",
    )
    read_by = read_by_parameter()

    DATA_COLUMNS: ClassVar[list[str]] = [
        *ProgrammedRegion.CHECK_COLUMNS,
        "Tile",
        "Pattern",
        "Programming",
        "Bits",
        "2T2R wrong bits",
        "1T1R wrong devices at reference",
        "Devices",
        "Bench time (s)",
    ]

    def check(self) -> None:
        """Refuse weights that cannot be read, and tiles that are not there."""
        super().check()
        file = self._file()
        self._matrix = file_bits(file)
        self._sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        size = (len(self.rows_asked), int(self.bits_asked.any(axis=0).sum()))
        self._tiling = tiling((len(self._matrix), self._matrix.shape[1]), size, self.layout)
        try:
            (self._tiles, _) = Region.from_text(f"{self.tiles},all").slices((len(self._tiling), 1))
        except ValueError:
            raise ValueError(
                f"{self._parameters['tiles'].name} {self.tiles}: the matrix has tiles 0 to "
                f"{len(self._tiling) - 1}"
            ) from None

    def _file(self) -> Path:
        if self.weights == SHIPPED:
            return data_folder() / "patterns" / f"{SHIPPED}.npy"
        return Path(self.weights)

    def pulses(self) -> Planned:
        """Forming, both bits in every programming, senses."""
        tiles, each = len(self._numbers()), int(self.programmings)
        return Planned(
            [*self.program_trains(tiles * (each + 1)), *self.sense_trains(2 * tiles * each)]
        )

    def _numbers(self) -> list[int]:
        """Numbers of the tiles that are programmed."""
        return list(range(self._tiles.start, self._tiles.stop))

    def conditions(self) -> dict[str, str]:
        """Everything that decides the numbers."""
        rows, columns = self._matrix.shape
        all_tiles, used = len(self._tiling), self._numbers()
        unused = int(np.count_nonzero(self._tiling == NO_WEIGHT))
        return {
            "Weights": f"{self.weights}, {rows} x {columns}, SHA-256 {self._sha256}",
            "Layout": f"{self.layout}: {all_tiles} tiles, {unused} of their cells hold no weight "
            "and are not programmed",
            "Tiles": f"{used[0]} to {used[-1]}" if len(used) > 1 else str(used[0]),
            "Coding": "bit 1 is weight +1, bit 0 is weight -1",
            "Programmings": f"{self.programmings} of each tile and {self.programmings} of its "
            "inverse, alternating; one extra inverse before each tile is in no count",
            **self.program_texts(),
            **self.read_conditions(),
        }

    def steps(self) -> list[Step]:
        """Check (and form) each row; for each tile an extra programming, then the measured ones."""
        steps = self.check_steps()
        rows = len(self.rows_asked)
        program_s, read_s = PROGRAM_ROW_S * rows, self.read_row_s() * rows
        for tile in self._numbers():
            extra = partial(self._program_extra, tile)
            steps.append(Step(len(steps), f"tile {tile}: extra inverse", program_s, extra))
            for count in range(1, 2 * int(self.programmings) + 1):
                number, inverse = len(steps), count % 2 == 0
                run = partial(self._program_and_read, number, tile, inverse, (count + 1) // 2)
                label = (
                    f"tile {tile}: {(count + 1) // 2} of {self.programmings}"
                    f"{', inverse' if inverse else ''}"
                )
                steps.append(Step(number, label, program_s + read_s, run))
        return steps

    @property
    def _places(self) -> tuple[slice, slice]:
        return Region.from_text(self.region).slices(self.shape)

    def _tile_bits(self, tile: int, inverse: bool) -> tuple[Bits, Mask]:
        """Bits of a tile (rows, columns of the array), and which cells hold one of its weights."""
        index = self._tiling[tile]
        bits = np.zeros(self.shape, dtype=np.uint8)
        holds = np.zeros(self.shape, dtype=bool)
        bits[self._places] = self._matrix.ravel()[index] ^ inverse
        holds[self._places] = index != NO_WEIGHT
        return bits, holds & self.usable()

    def _program_extra(self, tile: int) -> None:
        if tile == self._numbers()[0]:
            self.array("weights", self._matrix)
            over_array = np.full((len(self._tiling), *self.shape), NO_WEIGHT)
            over_array[:, *self._places] = self._tiling
            self.array("tiling", over_array)
        bits, where = self._tile_bits(tile, True)
        self.chip.program(bits, where, self.program_conditions)

    def _program_and_read(self, number: int, tile: int, inverse: bool, count: int) -> None:
        begin = self.chip.connections.now()
        bits, where = self._tile_bits(tile, inverse)
        self.chip.program(bits, where, self.program_conditions)
        resistance, sensed = self.read_bits(where)
        self.array("programming", np.array([tile, int(inverse)]))
        self.array("pattern", np.where(where, bits, NOT_READ).astype(np.uint8))
        self.array("resistance", resistance)
        self.array("sensed", sensed)
        values: dict[str, float] = {}
        if self.read_by != "smu":
            read = where & (sensed != NOT_READ)
            values["Bits"] = int(np.count_nonzero(read))
            values["2T2R wrong bits"] = int(np.count_nonzero((sensed != bits) & read))
        if self.read_by != "pcsa":
            wrong = self.wrong_devices(bits, resistance)
            values["Devices"] = int(np.count_nonzero(np.isfinite(resistance)))
            values["1T1R wrong devices at reference"] = int(np.count_nonzero(wrong[where]))
        self.row(
            Step=number,
            Kind="programming",
            Tile=tile,
            Pattern="inverse" if inverse else "weights",
            Programming=count,
            **values,
            **{"Bench time (s)": float(self.chip.connections.now() - begin)},
        )
