"""Statistics kept as counts give what those of all readings together give."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.distributions import sigma_plot
from labctl.analysis.running import (
    FINE_BINS_PER_DECADE,
    RunningDistribution,
    RunningSenseErrors,
)
from labctl.analysis.sense_amplifier import sense_errors


@pytest.mark.parametrize(("bits", "parts"), [(3, 2), (30, 1), (500, 7), (20_000, 3)])
def test_running_sense_errors_are_those_of_all_bits(bits: int, parts: int) -> None:
    generator = np.random.default_rng(bits)
    ratio = 10 ** generator.normal(1.2, 0.6, bits)
    ratio[generator.random(bits) < 0.02] = np.nan
    wrong = generator.random(bits) < np.where(ratio < 3, 0.3, 0.001)
    running = RunningSenseErrors()
    for some in np.array_split(np.arange(bits), parts):
        running.add(ratio[some], wrong[some])

    found, expected = running.result(), sense_errors(ratio, wrong)

    assert [one.rate for one in found.bins] == [one.rate for one in expected.bins]
    for one, other in zip(found.bins, expected.bins, strict=True):
        assert (one.low, one.high, one.centre) == pytest.approx(
            (other.low, other.high, other.centre)
        )
    assert found.wrong_below_limit == expected.wrong_below_limit
    assert found.rate_below_limit == expected.rate_below_limit
    assert found.rate_above_limit == expected.rate_above_limit
    assert found.ideal == expected.ideal
    assert found.without_ratio == expected.without_ratio


def test_no_bit_gives_no_bin() -> None:
    assert RunningSenseErrors().result().bins == []


def test_running_distribution_is_the_sigma_plot_to_within_a_bin() -> None:
    generator = np.random.default_rng(8)
    ohms = 10 ** generator.normal(4.1, 0.2, 5000)
    ohms[:7] = np.nan
    running = RunningDistribution()
    for part in np.array_split(ohms, 9):
        running.add(part)

    found, every = running.sigma_plot(), sigma_plot(ohms, points=5000, tail=5000)

    at = np.interp(found.resistance_ohm, every.resistance_ohm, every.sigma)
    ends = slice(20, -20)
    assert found.readings == every.readings == 4993
    assert found.sigma.size < 5000
    # A bin is 0.005 decades, a fortieth of the sigma of this distribution.
    assert np.abs(found.sigma - at)[ends].max() < 0.04
    lowest = np.log10(found.resistance_ohm[0] / np.nanmin(ohms))
    assert abs(lowest) <= 1 / FINE_BINS_PER_DECADE
    assert found.sigma[0] == pytest.approx(every.sigma[0])


def test_censored_readings_hold_their_place() -> None:
    running = RunningDistribution()
    running.add([2e4, 3e4], above=2)

    found = running.sigma_plot()

    assert found.readings == 4
    assert (found.sigma < 0).all()
