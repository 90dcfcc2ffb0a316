"""Distributions, sense-amplifier bins, maps, forming and compliance."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from labctl.analysis.compliance import analyse_compliance
from labctl.analysis.distributions import sigma_plot, sigma_positions, window
from labctl.analysis.forming import FormingArrays, analyse_forming
from labctl.analysis.maps import dead_cells, pattern_maps
from labctl.analysis.sense_amplifier import hrs_over_lrs, sense_errors


def test_sigma_positions_are_hazen() -> None:
    wanted = stats.norm.ppf((np.arange(1, 1025) - 0.5) / 1024)
    assert sigma_positions(1024) == pytest.approx(wanted)


def test_a_lognormal_is_a_straight_line() -> None:
    rng = np.random.default_rng(4)
    plot = sigma_plot(10 ** rng.normal(4.0, 0.25, 400_000))
    inner = np.abs(plot.sigma) < 3
    slope, middle = np.polyfit(plot.sigma[inner], np.log10(plot.resistance_ohm[inner]), 1)
    assert (slope, middle) == pytest.approx((0.25, 4.0), abs=0.003)


def test_thinning_keeps_tails_and_true_positions() -> None:
    rng = np.random.default_rng(5)
    values = np.sort(rng.lognormal(size=50_000))
    plot = sigma_plot(values, points=300, tail=25)
    assert plot.resistance_ohm.size < 360
    assert plot.resistance_ohm[:25] == pytest.approx(values[:25])
    assert plot.resistance_ohm[-25:] == pytest.approx(values[-25:])
    rank = np.searchsorted(values, plot.resistance_ohm)
    assert plot.sigma == pytest.approx(sigma_positions(values.size)[rank])


def test_short_and_empty_sigma_plots() -> None:
    assert sigma_plot([3.0, 1.0, np.nan]).resistance_ohm.tolist() == [1.0, 3.0]
    assert sigma_plot([np.nan]).readings == 0


def test_window_recovers_planted_parameters() -> None:
    rng = np.random.default_rng(6)
    metrics = window(10 ** rng.normal(4, 0.2, 100_000), 10 ** rng.normal(5, 0.3, 100_000))
    assert metrics is not None
    assert metrics.separation == pytest.approx(2.0, abs=0.02)
    assert metrics.median_ratio == pytest.approx(10, rel=0.02)
    assert metrics.crossing_sigma == pytest.approx(2.0, abs=0.05)
    assert metrics.quantile_ratio == pytest.approx(10 ** (1 - 3.09 * 0.5), rel=0.15)


def test_window_needs_both_states() -> None:
    assert window([1e4], [1e5, 2e5]) is None


def test_ratio_follows_the_coding_and_needs_both_readings() -> None:
    ohms = np.array([[1e4, 1e5], [1e4, 1e5], [np.nan, 1e5], [0.0, 1e5]])
    ratio = hrs_over_lrs(np.array([0, 1, 0, 0], dtype=np.uint8), ohms)
    assert ratio[:2].tolist() == [10.0, 0.1]
    assert np.isnan(ratio[2:]).all()


def test_sense_errors_recover_a_planted_sense_amplifier() -> None:
    rng = np.random.default_rng(7)
    ratio = 10 ** rng.normal(0.8, 0.5, 400_000)
    wrong = rng.random(ratio.size) < 1 / (1 + ratio**5)
    result = sense_errors(ratio, wrong)
    assert sum(one.rate.trials for one in result.bins) == ratio.size
    assert sum(one.rate.errors for one in result.bins) == np.count_nonzero(wrong)
    inside = 0
    for one in result.bins:
        assert one.low <= one.centre < one.high
        assert one.rate.low is not None
        assert one.rate.high is not None
        inside += one.rate.low <= 1 / (1 + one.centre**5) <= one.rate.high
    assert inside >= 0.85 * len(result.bins)
    assert result.ideal.errors == np.count_nonzero(ratio < 1)
    assert result.wrong_below_limit.trials == np.count_nonzero(wrong)
    assert result.rate_above_limit.trials == np.count_nonzero(ratio >= 5)


def test_bins_are_contiguous_and_ends_hold_enough_bits() -> None:
    ratio = np.concatenate([[1e-3], np.geomspace(1, 100, 500), [1e6]])
    bins = sense_errors(ratio, np.zeros(ratio.size, dtype=bool)).bins
    assert bins[0].low == pytest.approx(1e-3)
    assert bins[-1].high >= 1e6
    assert min(bins[0].rate.trials, bins[-1].rate.trials) >= 20
    for left, right in pairwise(bins):
        assert left.high == right.low


@pytest.mark.parametrize("ratio", [[], [np.nan], [3.0], [3.0, 3.0]])
def test_hardly_any_ratio(ratio: list[float]) -> None:
    result = sense_errors(np.array(ratio), np.ones(len(ratio), dtype=bool))
    known = sum(np.isfinite(ratio))
    assert sum(one.rate.trials for one in result.bins) == known
    assert result.without_ratio == len(ratio) - known


def alternating(programmings: int) -> np.ndarray:
    board = (np.indices((4, 4)).sum(axis=0) % 2).astype(np.uint8)
    return np.array([board if i % 2 == 0 else 1 - board for i in range(programmings)])


def test_maps_leave_out_masked_and_unread_bits() -> None:
    pattern = alternating(20)
    sensed = pattern.copy()
    sensed[:, 0, 0] = 255
    sensed[3, 1, 1] = 2
    masked = np.zeros((4, 4), dtype=bool)
    masked[2, 2] = True
    first, second = pattern_maps(pattern, sensed, masked)
    assert (first.programmings, second.programmings) == (10, 10)
    assert np.isnan(first.mean_output[[0, 2], [0, 2]]).all()
    assert first.reads[2, 2] == second.reads[2, 2] == 0
    assert (first.errors.sum(), second.errors[1, 1]) == (0, 1)
    assert first.mean_output[0, 1] == 1.0


def test_dead_in_one_pattern_is_dead() -> None:
    pattern = alternating(20)
    sensed = pattern.copy()
    sensed[:, 3, 1] = 1
    masked = np.zeros((4, 4), dtype=bool)
    assert dead_cells(pattern_maps(pattern, sensed, masked)) == [(3, 1)]
    masked[3, 1] = True
    assert dead_cells(pattern_maps(pattern, sensed, masked)) == []
    sensed[0:2, 3, 1] = pattern[0:2, 3, 1]
    assert dead_cells(pattern_maps(pattern, sensed, np.zeros((4, 4), dtype=bool))) == []


def test_no_verdict_on_dead_cells_below_ten_programmings() -> None:
    pattern = alternating(19)
    maps = pattern_maps(pattern, 1 - pattern, np.zeros((4, 4), dtype=bool))
    assert dead_cells(maps) is None


def forming_arrays(volts: np.ndarray, **changes: np.ndarray) -> FormingArrays:
    """A ramp to 3.3 V on every device that is not said to have been formed before."""
    before = changes.get("formed_before", np.zeros(volts.shape, dtype=bool))
    arrays = {
        "voltage": volts,
        "unformed": np.zeros(volts.shape, dtype=bool),
        "formed_before": before,
        "highest_v": np.where(before, np.nan, 3.3),
        "pulses": (~before).astype(np.uint32),
    }
    return FormingArrays(**{**arrays, **changes})


def test_forming_counts_each_device_once() -> None:
    rng = np.random.default_rng(8)
    volts = rng.normal(2.55, 0.17, (32, 32, 2))
    volts[0, :, 0] = np.nan
    before, marks = np.zeros((2, 32, 32, 2), dtype=bool)
    before[0, :, 0] = True
    before[0, 5, 0], marks[0, 5, 0] = False, True
    result = analyse_forming(forming_arrays(volts, unformed=marks, formed_before=before))
    assert (result.formed_here, result.formed_before, result.devices) == (2016, 31, 2048)
    assert result.not_formed.trials == result.pulses == 2017
    assert [(d.row, d.column, d.device) for d in result.unformed] == [(0, 5, "BL")]
    assert result.median_v == pytest.approx(2.55, abs=0.02)
    quantiles = stats.norm.ppf([0.16, 0.84], 2.55, 0.17)
    assert (result.q16_v, result.q84_v) == pytest.approx(tuple(quantiles), abs=0.02)
    assert result.forming_yield == pytest.approx(2016 / 2017)
    assert result.weibull is not None
    assert (result.weibull.switched, result.weibull.censored) == (2016, 1)


def test_never_formed_devices_are_censored_not_dropped() -> None:
    """Planted: lognormal, median 2.6 V, s.d. of ln V 0.07; what needs more than 2.7 V stays."""
    rng = np.random.default_rng(9)
    needed = 2.6 * np.exp(rng.normal(0, 0.07, (32, 32, 2)))
    never = needed > 2.7
    volts = np.where(never, np.nan, needed)
    arrays = forming_arrays(volts, unformed=never, highest_v=np.full(volts.shape, 2.7))
    result = analyse_forming(arrays)
    fit = result.lognormal
    assert fit is not None
    assert fit is result.better_fit
    assert fit.scale_v.contains(2.6)
    assert fit.shape.contains(0.07)
    assert result.not_formed.errors == fit.censored == np.count_nonzero(never) > 500
    # The median of those that formed says something else.
    assert result.median_v is not None
    assert not fit.scale_v.contains(result.median_v)


def test_a_ladder_is_fitted_by_its_steps() -> None:
    """The tops lie half a step above the voltages on average; the fit must not."""
    rng = np.random.default_rng(10)
    needed = 2.6 * np.exp(rng.normal(0, 0.07, (32, 32, 2)))
    tops = 1.4 + np.ceil((needed - 1.4) / 0.1) * 0.1
    fit = analyse_forming(forming_arrays(tops), step_v=0.1).lognormal
    assert fit is not None
    assert fit.scale_v.contains(2.6)
    exact = analyse_forming(forming_arrays(tops)).lognormal
    assert exact is not None
    assert not exact.scale_v.contains(2.6)


def test_devices_formed_again_and_unreadable_ones_are_in_no_distribution() -> None:
    volts = np.array([[[2.5, 2.6], [2.7, np.nan], [np.nan, 2.4]]])
    before, unreadable = np.zeros((2, 1, 3, 2), dtype=bool)
    before[0, 1, 1] = unreadable[0, 2, 0] = True
    highest = np.full(volts.shape, 3.3)
    highest[unreadable] = np.nan
    result = analyse_forming(
        forming_arrays(volts, unformed=unreadable, formed_before=before, highest_v=highest)
    )
    assert (result.formed_here, result.formed_before, result.formed_again) == (4, 0, 1)
    assert (result.not_formed.errors, result.not_formed.trials) == (0, 4)
    assert len(result.unformed) == 1
    assert result.weibull is not None
    assert (result.weibull.switched, result.weibull.censored) == (4, 0)


def test_forming_of_a_formed_array() -> None:
    before = np.ones((2, 2, 2), dtype=bool)
    result = analyse_forming(forming_arrays(np.full((2, 2, 2), np.nan), formed_before=before))
    assert (result.formed_before, result.median_v, result.forming_yield) == (8, None, None)
    assert (result.weibull, result.lognormal, result.better_fit) == (None, None, None)


def test_compliance_sorts_and_checks() -> None:
    gate = np.array([1.4, 1.0, 1.2])
    current = np.array([[2e-4, 5e-5, 1e-4], [2.2e-4, 7e-5, np.nan]])
    result = analyse_compliance(gate, current)
    assert result.is_monotone
    volts, amps = zip(*result.table, strict=True)
    assert volts == (1.0, 1.2, 1.4)
    assert amps == pytest.approx((6e-5, 1e-4, 2.1e-4))
    assert [row.devices for row in result.rows] == [2, 1, 2]
    assert result.devices == 2


def test_compliance_quantiles_recover_a_planted_spread() -> None:
    current = np.random.default_rng(9).normal(5e-5, 2e-6, (20_000, 1))
    row = analyse_compliance(np.array([1.0]), current).rows[0]
    wanted = stats.norm.ppf([0.16, 0.5, 0.84], 5e-5, 2e-6)
    assert (row.q16_a, row.median_a, row.q84_a) == pytest.approx(tuple(wanted), abs=1e-7)


@pytest.mark.parametrize(
    "current",
    [
        [[1e-4, 9e-5]],
        [[1e-4, 1e-4]],
        [[1e-4, np.nan]],
        [[np.nan, np.nan]],
        [[-1e-9, 1e-4]],
        [[0.0, 1e-4]],
        [[np.nan, 1e-4]],
        # A fall at the end leaves no point above it.
        [[1e-5, 3e-5, 4e-5, 3.5e-5]],
        [[2e-5, 3e-5, 4e-5, 1e-5, 2e-5]],
    ],
)
def test_no_table_from_currents_that_do_not_rise(current: list[list[float]]) -> None:
    measured = np.array(current)
    result = analyse_compliance(np.linspace(1.0, 1.4, measured.shape[1]), measured)
    assert not result.is_monotone
    assert result.table == []


@pytest.mark.parametrize(
    ("noise", "left"),
    [
        ([-1e-9], 3),
        ([np.nan], 3),
        ([0.0, -1e-9, 2e-9, 1e-9], 3),
        ([2e-9, 3e-9, -1e-9], 3),
        # Above the threshold already, but higher than what comes next.
        ([4e-5], 2),
    ],
)
def test_noise_below_the_threshold_is_not_in_the_table(noise: list[float], left: int) -> None:
    current = np.array([[*noise, 3e-5, 6e-5, 9e-5]])
    result = analyse_compliance(np.arange(current.size) / 10, current)
    assert not result.is_monotone
    assert [amps for _, amps in result.table] == [3e-5, 6e-5, 9e-5][-left:]


def test_compliance_counts_devices_with_a_reading() -> None:
    current = np.array([[1e-5, np.nan], [np.nan, np.nan], [2e-5, 3e-5]])
    result = analyse_compliance(np.array([1.0, 1.2]), current)
    assert result.devices == 2
    assert [row.devices for row in result.rows] == [2, 1]
    assert analyse_compliance(np.array([1.0]), np.array([[np.nan]])).rows[0].median_a is None
