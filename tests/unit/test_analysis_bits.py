"""Analysis of program, read and weights runs on data whose answer is known."""

from __future__ import annotations

import hashlib
import tomllib

import numpy as np
import pytest

from labctl.analysis.network import BinarizedNetwork, right_answers
from labctl.analysis.program import analyse_program
from labctl.analysis.read import analyse_reads
from labctl.analysis.tiling import NO_WEIGHT, tiling
from labctl.analysis.weights import analyse_weights, dead_by_value, layers_read, network_accuracy
from labctl.resources import data_folder

PATTERNS = data_folder() / "patterns"
SEED = 60_221


# --- tiling -------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["packed", "blocks"])
@pytest.mark.parametrize("matrix", [(10, 1024), (3, 5), (4, 8), (33, 70), (1, 1)])
def test_every_weight_has_one_cell(layout, matrix):
    index = tiling(matrix, (4, 8), layout)
    held = index[index != NO_WEIGHT]
    assert np.array_equal(np.sort(held), np.arange(matrix[0] * matrix[1]))


def test_the_paper_s_layer_fills_ten_arrays_or_lies_in_32_blocks():
    packed, blocks = (tiling((10, 1024), (32, 32), one) for one in ("packed", "blocks"))
    assert packed.shape == (10, 32, 32)
    assert (packed != NO_WEIGHT).all()
    assert blocks.shape == (32, 32, 32)
    assert (blocks[:, 10:] == NO_WEIGHT).all()
    # A block keeps rows and columns of the matrix: row 3, column 40 is in block 1.
    assert blocks[1, 3, 8] == 3 * 1024 + 40


def test_an_unknown_layout_is_refused():
    with pytest.raises(ValueError, match="no layout 'spiral'"):
        tiling((2, 2), (2, 2), "spiral")


# --- weights ------------------------------------------------------------------------------------


def planted(rng, programmings=12, stuck=None):
    """Three tiles of 4 x 8 cells on a 9 x 10 matrix; one weak cell, maybe one stuck at 0."""
    weights = rng.integers(0, 2, (9, 10), dtype=np.uint8)
    index = tiling(weights.shape, (4, 8), "packed")
    programming = np.array(
        [(tile, n % 2) for tile in range(len(index)) for n in range(2 * programmings)]
    )
    pattern = np.array(
        [
            np.where(index[t] == NO_WEIGHT, 255, weights.ravel()[index[t]] ^ inverse)
            for t, inverse in programming
        ],
        dtype=np.uint8,
    )
    sensed = pattern.copy()
    sensed[::7, 2, 3] ^= 1
    if stuck is not None:
        sensed[:, *stuck] = 0
    hrs = np.stack([pattern == 1, pattern == 0], axis=-1)
    device = rng.normal(0, 0.1, (4, 8, 2))
    logs = np.where(hrs, 5.3, 4.1) + device + rng.normal(0, 0.2, hrs.shape)
    resistance = np.where((pattern == 255)[..., None], np.nan, 10**logs)
    sensed[pattern == 255] = 255
    return weights, index, programming, pattern, resistance, sensed


def test_errors_land_on_the_weights_of_the_weak_cell():
    data = planted(np.random.default_rng(SEED))
    weights, index, programming, pattern, _, sensed = data
    result = analyse_weights(*data, reference_ohm=5e4)
    wrong = int((sensed != pattern).sum())
    assert result.array.ber_2t2r.errors == wrong > 0
    assert result.array.ber_2t2r.trials == int((pattern != 255).sum()) == weights.size * 24
    assert result.errors.sum() == wrong
    assert (result.reads == 24).all()
    held = {int(index[tile, 2, 3]) for tile in range(len(index)) if index[tile, 2, 3] >= 0}
    assert set(np.flatnonzero(result.errors).tolist()) <= held
    assert [one.both.errors for one in result.tiles] == [
        int((sensed != pattern)[programming[:, 0] == tile].sum()) for tile in range(len(index))
    ]
    assert [one.weights for one in result.tiles] == [32, 32, 26]
    for one in result.tiles:
        assert one.both.errors == one.as_is.errors + one.inverse.errors
        assert one.both.trials == 24 * one.weights
    never = result.weights_never_wrong
    assert (never.trials, never.errors) == (90, 90 - np.count_nonzero(result.errors))
    assert result.dead_cells == []
    assert result.array.best.excluded == 0


def test_planted_variability_is_found_in_its_intervals():
    result = analyse_weights(*planted(np.random.default_rng(SEED), 40), reference_ohm=5e4)
    for state in ("LRS", "HRS"):
        found = result.components[state]
        assert found.cycle_sigma.contains(0.2)
        assert found.device_sigma.contains(0.1)


def test_a_stuck_cell_is_dead_and_says_so_from_ten_programmings_on():
    rng = np.random.default_rng(SEED)
    *_, pattern, _, sensed = planted(rng, stuck=(1, 5))
    assert dead_by_value(pattern, sensed) == [(1, 5)]
    *_, pattern, _, sensed = planted(rng, programmings=2, stuck=(1, 5))
    assert dead_by_value(pattern, sensed) is None


def test_layers_hold_what_was_read_and_leave_inverses_out():
    weights, index, programming, pattern, _, sensed = planted(np.random.default_rng(SEED))
    layers, known = layers_read(weights, index, programming, pattern, sensed)
    assert layers.shape == (12, 9, 10)
    as_is = programming[:, 1] == 0
    assert (layers != weights).sum() == (sensed != pattern)[as_is].sum()
    assert known.all()
    undecided, unread = sensed.copy(), sensed.copy()
    undecided[0, 0, 0], unread[0, 0, 0] = 2, 255
    layers, _ = layers_read(weights, index, programming, pattern, undecided)
    assert layers[0, 0, 0] != weights[0, 0]
    layers, known = layers_read(weights, index, programming, pattern, unread)
    assert layers[0, 0, 0] == weights[0, 0]
    assert not known[0, 0]


# --- the network that ships ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def sidecar():
    return tomllib.loads((PATTERNS / "digits.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def network(sidecar):
    return BinarizedNetwork.load(PATTERNS / sidecar["network"])


def test_the_shipped_files_are_those_that_the_sidecar_describes(sidecar):
    for name in ("last_layer", "network"):
        content = (PATTERNS / sidecar[name]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == sidecar[f"{name}_sha256"]


def test_the_shipped_layer_is_the_network_s_last(sidecar, network):
    layer = np.load(PATTERNS / sidecar["last_layer"])
    np.testing.assert_array_equal(layer, network.last)
    sizes = [network.images.shape[1], *(len(one.weights) for one in network.hidden), len(layer)]
    assert sizes == sidecar["layers"]
    assert layer.shape == (10, 1024)


def test_the_network_has_the_accuracy_that_the_sidecar_states(sidecar, network):
    assert network.labels.size == sidecar["test_images"]
    right = right_answers(network.activations(), network.last, network.labels)
    assert right == sidecar["test_right"]
    # Its last layer matters: without it the network guesses.
    scrambled = np.random.default_rng(SEED).permuted(network.last, axis=1)
    assert right_answers(network.activations(), scrambled, network.labels) < right / 2


def test_its_test_images_are_those_of_the_data_set(sidecar, network):
    datasets = pytest.importorskip("sklearn.datasets")
    digits = datasets.load_digits()
    order = np.random.default_rng(sidecar["seed"]).permutation(len(digits.data))
    chosen = order[: sidecar["test_images"]]
    np.testing.assert_array_equal(network.images, digits.data[chosen])
    np.testing.assert_array_equal(network.labels, digits.target[chosen])


def test_a_network_is_read_back_as_it_was_saved(network, tmp_path):
    network.save(tmp_path / "again.npz")
    again = BinarizedNetwork.load(tmp_path / "again.npz")
    for one, other in zip(network.hidden, again.hidden, strict=True):
        np.testing.assert_array_equal(one.weights, other.weights)
        np.testing.assert_array_equal(one.thresholds, other.thresholds)
    np.testing.assert_array_equal(network.last, again.last)
    np.testing.assert_array_equal(network.images, again.images)


def test_bit_errors_cost_right_answers(network):
    index = tiling(network.last.shape, (32, 32), "packed")
    programming = np.array([(tile, 0) for tile in range(len(index))])
    pattern = network.last.ravel()[index]
    accuracy = network_accuracy(network, index, programming, pattern, pattern)
    assert accuracy.measured == [accuracy.ideal]
    assert accuracy.wrong_weights == [0]
    flips = np.random.default_rng(SEED).random(pattern.shape) < 0.45
    accuracy = network_accuracy(network, index, programming, pattern, pattern ^ flips)
    assert accuracy.wrong_weights == [int(flips.sum())]
    assert accuracy.measured[0] < accuracy.ideal
    half = network_accuracy(network, index, programming[:5], pattern[:5], pattern[:5])
    assert half.ideal_weights == 5 * 1024


# --- program ------------------------------------------------------------------------------------


def two_rounds():
    """Four bits; the second round repeats bit 3, which is then right."""
    pattern = np.array([[0, 1, 0, 255]], np.uint8)
    programmed = np.array([[[2, 2, 2, 0]], [[0, 0, 2, 0]]], np.uint8)
    sensed = np.array([[[0, 1, 1, 255]], [[255, 255, 0, 255]]], np.uint8)
    low, high, none = 1e4, 2e5, np.nan
    resistance = np.array(
        [
            [[[low, high], [high, low], [high, high], [none, none]]],
            [[[none, none], [none, none], [low, high], [none, none]]],
        ]
    )
    return pattern, programmed, resistance, sensed


@pytest.mark.parametrize("decided_by_smu", [False, True])
def test_rates_are_those_of_the_first_programming(decided_by_smu):
    result = analyse_program(*two_rounds(), 5e4, decided_by_smu)
    assert (result.first.ber_2t2r.errors, result.first.ber_2t2r.trials) == (1, 3)
    assert (result.first.fixed.rate.errors, result.first.fixed.rate.trials) == (1, 6)
    assert [(one.programmed, one.wrong) for one in result.rounds] == [(3, 1), (1, 0)]
    assert (result.still_wrong.errors, result.still_wrong.trials) == (0, 3)
    assert result.sensed.tolist() == [[0, 1, 0, 255]]
    assert result.resistance[0, 2].tolist() == [1e4, 2e5]
    assert result.attempts.tolist() == [[1, 1, 2, 0]]
    assert result.programmings.sum() == 8
    assert result.bits == 3


def test_a_bit_that_cannot_be_read_is_neither_right_nor_wrong():
    pattern, programmed, resistance, sensed = two_rounds()
    sensed[1, 0, 2] = 255
    result = analyse_program(pattern, programmed, resistance, sensed, 5e4, False)
    assert (result.still_wrong.errors, result.still_wrong.trials) == (0, 2)
    resistance[1, 0, 2] = [np.nan, 2e5]
    result = analyse_program(pattern, programmed, resistance, sensed, 5e4, True)
    assert (result.still_wrong.errors, result.still_wrong.trials) == (0, 2)


# --- read ---------------------------------------------------------------------------------------


def test_planted_read_noise_is_found_and_is_no_trial():
    rng = np.random.default_rng(SEED)
    level = np.where(rng.random((16, 16, 2)) < 0.5, 4.1, 5.3)
    noise = np.where(level < 5, 0.004, 0.05)
    resistance = 10 ** (level + rng.normal(0, 1, (200, 16, 16, 2)) * noise)
    sensed = np.zeros((200, 16, 16), np.uint8)
    sensed[50:, 3, 4] = 1
    sensed[7, 5, 5] = 255
    pattern = np.zeros((16, 16), np.uint8)
    pattern[0] = 1
    result = analyse_reads(sensed, resistance, pattern, 5e4)
    assert result.low.median_decades == pytest.approx(0.004, rel=0.03)
    assert result.high.median_decades == pytest.approx(0.05, rel=0.03)
    assert result.low.devices + result.high.devices == 512
    assert (result.changed.errors, result.changed.trials) == (1, 256)
    # The first read only: 16 ones expected, 200 reads or not.
    assert (result.wrong.errors, result.wrong.trials) == (16, 256)
    assert result.wrong_1t1r.trials == 512


def test_an_undecided_read_is_a_change_and_a_wrong_bit():
    sensed = np.array([[[2, 0]], [[0, 0]]], np.uint8)
    result = analyse_reads(sensed, np.zeros((0, 1, 2, 2)), np.zeros((1, 2), np.uint8), 5e4)
    assert result.changed.errors == 1
    assert result.wrong.errors == 1


def test_without_amplifiers_or_readings_nothing_is_made_up():
    nothing = np.full((2, 1, 2, 2), np.nan)
    result = analyse_reads(np.zeros((0, 1, 2), np.uint8), nothing, None, 5e4)
    assert result.reads == 2
    assert result.bits == result.changed.trials == 0
    assert result.low is result.high is result.wrong is result.wrong_1t1r is None
    assert np.isnan(result.ones).all()
