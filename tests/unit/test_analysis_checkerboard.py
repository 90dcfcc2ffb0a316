"""The checkerboard analysis finds what was planted, and counts only what it may count."""

from __future__ import annotations

import numpy as np
import pytest

from instruments.testchip import chip
from labctl.analysis import maps
from labctl.analysis.checkerboard import CheckerboardResult, analyse_checkerboard
from tests.unit.planted_runs import checkerboard_arrays

REFERENCE_OHM = 40e3


def analyse(arrays: dict[str, np.ndarray]) -> CheckerboardResult:
    return analyse_checkerboard(
        arrays["pattern"],
        arrays["resistance"],
        arrays["sensed"],
        arrays["unformed"].astype(bool),
        REFERENCE_OHM,
    )


def test_trials_are_programmings_of_devices_and_bits() -> None:
    arrays = checkerboard_arrays(10)
    result = analyse(arrays)
    assert result.best.rate.trials == result.fixed.rate.trials == 10 * 2048
    assert result.ber_2t2r.trials == 10 * 1024
    assert result.ber_2t2r.errors == np.count_nonzero(arrays["sensed"] != arrays["pattern"])
    assert result.ber_2t2r.errors == result.zeros_read_wrong + result.ones_read_wrong


def test_fixed_reference_errors_match_a_plain_count() -> None:
    arrays = checkerboard_arrays(4)
    errors = 0
    for pattern, ohms in zip(arrays["pattern"], arrays["resistance"], strict=True):
        read_as_hrs = ohms >= REFERENCE_OHM
        programmed_hrs = np.stack([pattern == 1, pattern == 0], axis=-1)
        errors += np.count_nonzero(read_as_hrs != programmed_hrs)
    result = analyse(arrays)
    assert result.fixed.rate.errors == errors
    assert result.best.rate.errors <= errors


def test_medians_are_those_planted_for_each_state_and_side() -> None:
    result = analyse(checkerboard_arrays(20))
    for device in ("BL", "BLb"):
        lrs, hrs = result.median_ohm("LRS", device), result.median_ohm("HRS", device)
        assert lrs is not None
        assert hrs is not None
        assert np.log10([lrs, hrs]) == pytest.approx([4.04, 5.30], abs=0.03)


def test_swapped_bit_lines_show_as_half_of_all_devices_wrong() -> None:
    arrays = checkerboard_arrays(10)
    arrays["resistance"] = arrays["resistance"][..., ::-1]
    arrays["sensed"] = 1 - arrays["sensed"]
    result = analyse(arrays)
    assert result.ber_2t2r.value is not None
    assert result.ber_2t2r.value > 0.99
    assert result.fixed.rate.value is not None
    assert result.fixed.rate.value > 0.95
    assert result.best.rate.value == pytest.approx(0.5, abs=0.01)
    assert result.window is not None
    assert result.window.median_ratio < 0.1


def test_bits_of_unformed_devices_are_in_no_number() -> None:
    arrays = checkerboard_arrays(20, unformed=[(3, 7, 1), (20, 21, 0)])
    # Whatever was stored for a masked bit must not matter.
    arrays["sensed"][:, 3, 7] = 1 - arrays["pattern"][:, 3, 7]
    arrays["resistance"][:, 3, 7] = 1.0
    result = analyse(arrays)
    assert result.best.trials == 20 * 2 * 1022
    assert result.ber_2t2r.trials == 20 * 1022
    assert result.dead_cells == []
    assert result.cells.cells == 1022
    assert [(d.row, d.column, d.device) for d in result.unformed] == [
        (3, 7, "BLb"),
        (20, 21, "BL"),
    ]
    assert all(np.isnan(one.mean_output[3, 7]) for one in result.maps)


def test_undecided_is_wrong_and_not_read_is_no_trial() -> None:
    arrays = checkerboard_arrays(10)
    arrays["sensed"] = arrays["pattern"].copy()
    arrays["sensed"][0, 0, :5] = 2
    arrays["sensed"][1, 0, :7] = 255
    result = analyse(arrays)
    assert (result.ber_2t2r.errors, result.undecided) == (5, 5)
    assert (result.ber_2t2r.trials, result.not_read) == (10 * 1024 - 7, 7)


def test_without_an_undecided_bit_nothing_is_said_of_undecided_bits() -> None:
    arrays = checkerboard_arrays(2, unformed=[(3, 7, 1)])
    assert analyse(arrays).undecided is None
    # QB was read, but the only undecided bit is masked.
    arrays["sensed"][0, 3, 7] = 2
    assert analyse(arrays).undecided == 0


def test_marks_are_those_of_the_chip() -> None:
    assert (maps.NOT_READ, maps.UNDECIDED) == (chip.NOT_READ, chip.UNDECIDED)


def test_invalid_resistances_leave_the_bit_its_2t2r_trial() -> None:
    arrays = checkerboard_arrays(10)
    arrays["resistance"][0, :, :, 0] = np.nan
    result = analyse(arrays)
    assert (result.best.trials, result.best.excluded) == (19 * 1024, 1024)
    assert result.ber_2t2r.trials == 10 * 1024
    assert result.sense.without_ratio == 1024


def test_clustering_of_errors_is_seen() -> None:
    arrays = checkerboard_arrays(20)
    arrays["sensed"] = arrays["pattern"].copy()
    arrays["sensed"][:8, 5, 5] ^= 1
    arrays["sensed"][0, 6, 6] ^= 1
    cells = analyse(arrays).cells
    assert (cells.without_error, cells.at_least_5_percent) == (1022, 2)
    assert cells.worst_rate == pytest.approx(8 / 20)
    assert cells.share_of_worst_percent == 1.0


def test_nothing_measured_gives_no_rate() -> None:
    result = analyse(checkerboard_arrays(0))
    assert result.best.rate.value is None
    assert result.ber_2t2r.value is None
    assert (result.dead_cells, result.window, result.maps) == (None, None, [])


def test_shapes_that_do_not_fit_are_refused() -> None:
    arrays = checkerboard_arrays(3)
    arrays["sensed"] = arrays["sensed"][:2]
    with pytest.raises(ValueError, match="shapes do not fit"):
        analyse(arrays)
