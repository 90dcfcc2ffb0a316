"""Weights of a neural network written tile by tile (paper, section 3.1, Fig. 4e-f).

Tiles and their inverses alternate, so that each programming switches every device: both count in
the error rates. The layer that a network would see is what was read after the tile itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.analysis.checkerboard import CheckerboardResult, analyse_checkerboard
from labctl.analysis.error_rates import ErrorRate, error_rate
from labctl.analysis.maps import FEWEST_PROGRAMMINGS, NOT_READ, PatternMap, pattern_maps
from labctl.analysis.network import BinarizedNetwork, right_answers
from labctl.analysis.tiling import NO_WEIGHT
from labctl.analysis.variance import VarianceComponents, by_value, variance_components

Bits = NDArray[np.uint8]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class TileErrors:
    """Wrong bits of one tile: of the weights, of their inverse, and of both."""

    tile: int
    weights: int
    """Weights of the matrix that the tile holds."""
    as_is: ErrorRate
    inverse: ErrorRate
    both: ErrorRate
    maps: list[PatternMap]
    """Mean output of the amplifiers for the tile, and for its inverse."""


@dataclass(frozen=True)
class WeightsResult:
    """Everything that summary and report say of a weights run."""

    array: CheckerboardResult
    """All programmings together: rates, distributions, amplifiers, errors of each cell."""
    tiles: list[TileErrors]
    errors: Counts
    """Wrong reads of each weight, inverses included; the shape of the matrix."""
    reads: Counts
    dead_cells: list[tuple[int, int]] | None
    """Cells wrong in every programming of 0, or of 1; None below ten programmings of each."""
    components: dict[str, VarianceComponents | None]
    """Device to device and cycle to cycle, of LRS and HRS."""

    @property
    def weights_never_wrong(self) -> ErrorRate:
        """Weights read at least once that were right in every programming."""
        read = self.reads > 0
        return error_rate(int(np.count_nonzero(read & (self.errors == 0))), int(read.sum()))


@dataclass(frozen=True)
class NetworkAccuracy:
    """Right answers of the network with the weights as read."""

    images: int
    ideal: int
    """With the weights as they should be."""
    measured: list[int]
    """With what was read after each programming of the whole layer."""
    wrong_weights: list[int]
    """Wrong weights in each of them."""
    ideal_weights: int
    """Weights that were not programmed or not read and stand as they should be."""


def analyse_weights(
    weights: Bits,
    tiling: Counts,
    programming: Counts,
    pattern: Bits,
    resistance: NDArray[np.float64],
    sensed: Bits,
    reference_ohm: float,
) -> WeightsResult:
    """Error rates of n measured programmings by array, tile, weight and cell.

    ``weights``: the matrix; ``tiling`` (tiles, rows, columns): which weight each cell holds;
    ``programming`` (n, 2): tile, and 1 for its inverse. ``pattern`` (n, rows, columns), 255 in
    cells that hold no weight or cannot be used; ``resistance`` (n, rows, columns, 2) ohm;
    ``sensed`` (n, rows, columns).
    """
    unformed = np.zeros((*pattern.shape[1:], 2), dtype=bool)
    errors = np.zeros(weights.size, dtype=np.int64)
    reads = np.zeros(weights.size, dtype=np.int64)
    read = sensed != NOT_READ
    wrong = read & (sensed != pattern)
    for index, (tile, _) in enumerate(programming):
        holds = tiling[tile] != NO_WEIGHT
        # No weight is twice in a tile.
        errors[tiling[tile][holds]] += wrong[index][holds]
        reads[tiling[tile][holds]] += read[index][holds]
    lrs, hrs = by_value(pattern, resistance)
    return WeightsResult(
        array=analyse_checkerboard(pattern, resistance, sensed, unformed, reference_ohm),
        tiles=[
            _tile(int(tile), tiling, programming, pattern, sensed)
            for tile in np.unique(programming[:, 0])
        ],
        errors=errors.reshape(weights.shape),
        reads=reads.reshape(weights.shape),
        dead_cells=dead_by_value(pattern, sensed),
        components={
            state: variance_components(logs.reshape(-1, logs.shape[-1]))
            for state, logs in (("LRS", lrs), ("HRS", hrs))
        },
    )


def dead_by_value(pattern: Bits, sensed: Bits) -> list[tuple[int, int]] | None:
    """Cells (row, column) wrong in every programming of 0, or in every programming of 1.

    Both (n, rows, columns). None, no statement, while no cell has had ``FEWEST_PROGRAMMINGS`` of
    each value.

    >>> pattern = np.tile(np.array([[[0, 0]], [[1, 1]]], np.uint8), (10, 1, 1))
    >>> dead_by_value(pattern, pattern * np.array([0, 1], np.uint8))
    [(0, 0)]
    """
    read = sensed != NOT_READ
    enough = np.ones(pattern.shape[1:], dtype=bool)
    always_wrong = np.zeros(pattern.shape[1:], dtype=bool)
    for value in (0, 1):
        tried = read & (pattern == value)
        times = tried.sum(axis=0)
        enough &= times >= FEWEST_PROGRAMMINGS
        always_wrong |= ((sensed != pattern) & tried).sum(axis=0) == times
    if not enough.any():
        return None
    return [(int(row), int(column)) for row, column in np.argwhere(always_wrong & enough)]


def network_accuracy(
    network: BinarizedNetwork,
    tiling: Counts,
    programming: Counts,
    pattern: Bits,
    sensed: Bits,
) -> NetworkAccuracy:
    """Accuracy of a network with its last layer as it was read; arrays as in `analyse_weights`.

    One value for each time that every tile of the run was programmed. An undecided bit is a wrong
    one. Tiles that the run left out, and bits that were not read, stand as they should be.
    """
    activations = network.activations()
    layers, known = layers_read(network.last, tiling, programming, pattern, sensed)
    return NetworkAccuracy(
        images=network.labels.size,
        ideal=right_answers(activations, network.last, network.labels),
        measured=[right_answers(activations, layer, network.labels) for layer in layers],
        wrong_weights=[int(np.count_nonzero(layer != network.last)) for layer in layers],
        ideal_weights=int(np.count_nonzero(~known)),
    )


def layers_read(
    weights: Bits, tiling: Counts, programming: Counts, pattern: Bits, sensed: Bits
) -> tuple[Bits, NDArray[np.bool_]]:
    """Layers as read, (k, *weights.shape), and which weights were read in each of them.

    k is how often every tile of the run was programmed as it is; inverses are left out.

    >>> weights, tiling = np.array([[0, 1]], np.uint8), np.array([[[0]], [[1]]])
    >>> programming = np.array([[0, 0], [0, 1], [1, 0]])
    >>> pattern = np.array([[[0]], [[1]], [[1]]], np.uint8)
    >>> sensed = np.array([[[1]], [[1]], [[1]]], np.uint8)
    >>> layers_read(weights, tiling, programming, pattern, sensed)[0].tolist()
    [[[1, 1]]]
    """
    of_tile: dict[int, list[int]] = {int(tile): [] for tile in programming[:, 0]}
    for index, (tile, inverse) in enumerate(programming.tolist()):
        if not inverse:
            of_tile[tile].append(index)
    times = min((len(one) for one in of_tile.values()), default=0)
    layers = np.repeat(weights.reshape(1, -1), times, axis=0)
    known = np.full((times, weights.size), bool(times))
    held = np.zeros(weights.size, dtype=bool)
    for tile, programmings in of_tile.items():
        holds = tiling[tile] != NO_WEIGHT
        places = tiling[tile][holds]
        held[places] = True
        for layer, index in enumerate(programmings[:times]):
            read = sensed[index][holds] != NOT_READ
            wrong = read & (sensed[index][holds] != pattern[index][holds])
            layers[layer, places] ^= wrong
            known[layer, places] = read
    known &= held
    return layers.reshape(times, *weights.shape), np.all(known, axis=0).reshape(weights.shape)


def _tile(
    tile: int, tiling: Counts, programming: Counts, pattern: Bits, sensed: Bits
) -> TileErrors:
    rates, maps = [], []
    for kinds in ((0,), (1,), (0, 1)):
        chosen = (programming[:, 0] == tile) & np.isin(programming[:, 1], kinds)
        read = sensed[chosen] != NOT_READ
        wrong = read & (sensed[chosen] != pattern[chosen])
        rates.append(error_rate(int(wrong.sum()), int(read.sum())))
        if len(kinds) == 1:
            nothing_masked = np.zeros(pattern.shape[1:], dtype=bool)
            maps += pattern_maps(pattern[chosen], sensed[chosen], nothing_masked)
    as_is, inverse, both = rates
    holds = int(np.count_nonzero(tiling[tile] != NO_WEIGHT))
    return TileErrors(tile, holds, as_is, inverse, both, maps)
