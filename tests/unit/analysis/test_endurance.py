"""Windows of cycled pairs with planted aging: what was planted is found."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from labctl.analysis.crossing import first_crossing, median_over_pairs
from labctl.analysis.endurance import (
    SenseCount,
    StoredReadings,
    analyse_endurance,
    merged,
    pooled_windows,
    stored_counts,
)
from labctl.analysis.error_rates import error_rate

SEED = 41_886_210
LRS_SIGMA, HRS_SIGMA = 0.16, 0.25
RANGES = np.array([[[1e3, 1.2e6], [1e4, 8e6]], [[1e4, 8e6], [1e3, 1.2e6]]])
"""Of BL and BLb after bit 0 and after bit 1, ohm."""


def planted(slope, n0, shifts=(0.0,), seed=SEED, reads=20_000, sensed=1_000_000):
    """Arrays of a run of ten windows; ``shifts`` (decades) move a pair's whole resistances."""
    generator = np.random.default_rng(seed)
    starts = np.unique(np.geomspace(1, 7e8, 10).astype(int))
    places, counts, ohm, codes, of, bounds = [], [], [], [], [], []
    for pair, shift in enumerate(shifts):
        places.append((pair, pair, 3))
        for window, start in enumerate(starts):
            last = start + max(start // 2, 1)
            loss = slope * math.log10(1 + (start + last) / 2 / n0)
            lrs, hrs = 3.7 + shift + 0.3 * loss, 5.3 + shift - 0.7 * loss
            p = norm.sf((hrs - lrs) / math.hypot(LRS_SIGMA, HRS_SIGMA))
            wrong = generator.binomial(sensed // 2, p, 2)
            counts.append((pair, window, start, last, sensed, 0, *wrong))
            for bit in (0, 1):
                record = np.empty((reads // 2, 2))
                record[:, bit] = 10 ** generator.normal(lrs, LRS_SIGMA, reads // 2)
                record[:, 1 - bit] = 10 ** generator.normal(hrs, HRS_SIGMA, reads // 2)
                low, high = RANGES[bit, :, 0], RANGES[bit, :, 1]
                code = np.where(record < low, -1, np.where(record > high, 1, 0))
                ohm.append(np.where(code == 0, record, np.nan).astype(np.float32))
                codes.append(code.astype(np.int8))
                of.append((pair, window, bit, start + bit, reads // 2))
                bounds.append(RANGES[bit])
    stored = StoredReadings(np.array(ohm), np.array(codes), np.array(of), np.array(bounds))
    return np.array(places), np.array(counts), stored


def analyse(*arrays):
    places, counts, stored = arrays
    return analyse_endurance(places, stored_counts(counts), stored, 5e4)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("slope", "n0"), [(0.133, 1.5e3), (0.08, 2e4), (0.2, 300.0)])
def test_the_planted_aging_is_found(slope, n0, seed):
    (pair,) = analyse(*planted(slope, n0, seed=SEED + seed))
    assert pair.aging is not None
    assert pair.aging.slope.low < -slope < pair.aging.slope.high
    assert pair.aging.slope.high - pair.aging.slope.low < 0.25 * slope


def test_without_aging_the_slope_is_not_known_to_differ_from_0():
    (pair,) = analyse(*planted(0.0, 1e4))
    assert pair.crossing_1t1r is None
    assert abs(pair.windows[-1].distance.decades - pair.windows[0].distance.decades) < 0.02


def test_the_crossing_is_where_the_law_puts_it():
    slope, n0 = 0.133, 1.5e3
    (pair,) = analyse(*planted(slope, n0, reads=60_000))
    # BER1 = 1e-3 at about 3.09 (sL + sH), at the best reference.
    distance = 3.09 * (LRS_SIGMA + HRS_SIGMA)
    expected = n0 * (10 ** ((1.6 - distance) / slope) - 1)
    assert math.log10(pair.crossing_1t1r.cycle) == pytest.approx(math.log10(expected), abs=0.15)
    assert pair.crossing_1t1r.after < pair.crossing_1t1r.cycle < pair.crossing_1t1r.before


def test_a_window_has_what_was_read_in_it():
    places, counts, stored = planted(0.133, 1.5e3, reads=2000)
    (pair,) = analyse_endurance(places, stored_counts(counts), stored, 5e4)
    for window, count in zip(pair.windows, counts.tolist(), strict=True):
        assert window.measured == 2000
        assert window.best.trials == 4000
        assert window.ber_2t2r == error_rate(count[6] + count[7], count[4])
        assert window.cycle == (count[2] + count[3]) / 2
        assert window.best.rate.errors <= window.fixed.rate.errors
        assert window.common == window.best
        for name, median in (("BL LRS", 3.7), ("BLb LRS", 3.7)):
            assert math.log10(window.bands[name].median_ohm) > median - 0.02


def test_one_reference_for_all_pairs_makes_more_errors_than_their_own():
    pairs = analyse(*planted(0.133, 1.5e3, shifts=(0.0, 0.2, -0.2, 0.1)))
    assert len(pairs) == 4
    references = {w.common.reference_ohm for p in pairs for w in p.windows[-1:]}
    assert len(references) == 1
    for window in pooled_windows(pairs):
        assert window.pairs == 4
        assert window.best.errors <= window.common.errors
        assert window.common.trials == window.best.trials
    assert pairs[1].crossing_common.cycle < pairs[1].crossing_1t1r.cycle


def test_parts_of_a_window_add_up_and_pairs_stay_apart():
    parts = [
        SenseCount(0, 1, 11, 20, 10, 0, 1, 0),
        SenseCount(1, 1, 11, 20, 9, 1, 0, 0),
        SenseCount(0, 1, 21, 40, 18, 2, 0, 3),
    ]
    first, second = merged(parts)
    assert first == SenseCount(0, 1, 11, 40, 28, 2, 1, 3)
    assert second == parts[1]


def test_a_window_without_resistances_is_left_out():
    places, counts, stored = planted(0.133, 1.5e3, reads=200)
    kept = stored.of[:, 1] != 3
    partial = StoredReadings(
        stored.resistance[kept], stored.censored[kept], stored.of[kept], stored.bounds[kept]
    )
    (pair,) = analyse_endurance(places, stored_counts(counts), partial, 5e4)
    assert 3 not in {w.count.window for w in pair.windows}


# --- crossings ----------------------------------------------------------------------------------


def test_a_rate_that_never_passes_the_limit_has_no_crossing():
    rates = [error_rate(0, 1000), error_rate(2, 10_000), error_rate(9, 10_000)]
    assert first_crossing([1e2, 1e4, 1e6], rates) is None
    assert first_crossing([], []) is None
    assert first_crossing([1e2], [error_rate(0, 0)]) is None


def test_chance_in_a_small_window_is_no_crossing():
    rates = [error_rate(1, 100), error_rate(2, 100_000), error_rate(500, 100_000)]
    found = first_crossing([1e2, 1e5, 1e8], rates)
    assert 1e5 < found.cycle < 1e8


def test_a_rate_above_from_the_start_crosses_at_the_first_window():
    found = first_crossing([1e3, 1e6], [error_rate(50, 1000), error_rate(90, 1000)])
    assert (found.cycle, found.after, found.before) == (1e3, None, 1e3)


def test_the_median_over_pairs_counts_those_that_never_crossed():
    generator = np.random.default_rng(SEED)
    cycles = [1e6, 3e6, 1e7, math.inf, math.inf, 2e6, 4e6]
    found = median_over_pairs(cycles, generator)
    assert found.value == 4e6
    assert found.low <= 4e6 <= found.high
    assert math.isinf(median_over_pairs([1e6, math.inf, math.inf], generator).value)


def test_the_interval_of_the_median_over_pairs_covers():
    generator = np.random.default_rng(SEED)
    hits = 0
    for _ in range(100):
        cycles = 10 ** generator.normal(6.7, 0.9, 48)
        found = median_over_pairs(cycles.tolist(), generator)
        hits += found.low <= 10**6.7 <= found.high
    assert hits >= 88
