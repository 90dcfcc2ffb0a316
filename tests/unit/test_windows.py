"""Windows of cycles, parts of a window, and cells spread over an array."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from procedures.cycled_pairs import PLACES, jointly_measured_parts, measured_parts
from procedures.places import spread_places
from procedures.windows import log_windows, stretches


@pytest.mark.parametrize("total", [2000, 10**6, 700_000_000, 5 * 10**10])
@pytest.mark.parametrize("count", [1, 2, 5, 12])
@pytest.mark.parametrize("longest", [100, 10**4, 10**7])
def test_windows_are_apart_even_and_cover_both_ends(total, count, longest):
    windows = log_windows(total, count, longest, shortest=20_000)
    assert [w.number for w in windows] == list(range(count))
    assert windows[0].begin == 0
    assert all(w.begin % 2 == 0 and w.cycles % 2 == 0 and w.cycles >= 2 for w in windows)
    assert all(a.end <= b.begin for a, b in itertools.pairwise(windows))
    assert max(w.cycles for w in windows) <= longest
    if count > 1:
        assert windows[-1].end == total
        assert windows[-1].cycles == min(longest, total // 2)


def test_the_papers_windows_are_log_spaced_and_as_long_as_fits():
    windows = log_windows(700_000_000, 12, 10**7, shortest=20_000)
    assert windows[1].begin == 20_000
    assert [w.cycles for w in windows[-5:]] == [10**7] * 5
    ratios = np.diff(np.log10([w.begin for w in windows[1:]]))
    np.testing.assert_allclose(ratios, ratios.mean(), rtol=1e-3)
    # As long as they reach to the next one, nothing is unobserved.
    assert all(a.end == b.begin for a, b in itertools.pairwise(windows[:8]))


def test_windows_that_touch_cover_every_cycle():
    windows = log_windows(100_000, 10, 100_000, shortest=20_000)
    assert windows[-2].end == windows[-1].begin
    assert sum(w.cycles for w in windows) == 100_000


def test_too_many_windows_are_refused():
    with pytest.raises(ValueError, match="100 windows do not fit into 200 cycles"):
        log_windows(200, 100, 100, 20)


@pytest.mark.parametrize(("begin", "end"), [(0, 2), (10, 10), (4, 1006), (20_000, 700_000_000)])
def test_stretches_cover_what_they_split(begin, end):
    found = list(stretches(begin, end, longest=1000))
    assert sum(cycles for _, cycles in found) == end - begin
    assert all(0 < cycles <= 1000 and cycles % 2 == 0 for _, cycles in found)
    assert [first for first, _ in found] == list(
        np.cumsum([begin, *(cycles for _, cycles in found)])[:-1]
    )


@pytest.mark.parametrize("cycles", [2, 4, 20, 1234, 10**7])
@pytest.mark.parametrize("measured", [0, 4, 18, 10**4])
@pytest.mark.parametrize("split", [measured_parts, jointly_measured_parts])
def test_parts_of_a_window_are_all_of_it(split, cycles, measured):
    parts = split(cycles, measured)
    assert sum(part.cycles for part in parts) == cycles
    assert all(part.cycles > 0 and part.cycles % 2 == 0 for part in parts)
    assert all(part.reads.sensed for part in parts)
    read = sum(len(p.reads.resistance.bits) * p.cycles // 2 for p in parts)
    most = cycles // 2 * 2 if split is jointly_measured_parts else cycles // 4 * 2
    assert read == min(measured, most)


def test_resistances_are_read_all_over_the_window():
    parts = measured_parts(10**6, 10**4)
    begins = np.cumsum([0, *(part.cycles for part in parts)])[:-1]
    bursts = [b for b, p in zip(begins, parts, strict=True) if p.reads.resistance.bits == (0,)]
    assert len(bursts) == PLACES
    np.testing.assert_allclose(bursts, (np.arange(PLACES) + 0.5) * 10**6 / PLACES, rtol=0.05)


def test_places_are_spread_and_never_the_same():
    places = spread_places(1024, (32, 32))
    assert len(set(places)) == 1024
    first = spread_places(64, (32, 32))
    assert first == places[:64]
    assert len({row for row, _ in first}) >= 8
    assert spread_places(3, (32, 32), skip=64) == places[64:67]
    with pytest.raises(ValueError, match="the array has 32"):
        spread_places(33, (4, 8))
