"""Errors against conditions on planted grids: points, spreads and rises."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.conditions import NOT_READ, ConditionPoint, analyse_conditions, spread
from labctl.report.conditions_figures import conditions_figures, errors_text

COMPLIANCES, VOLTAGES, WIDTHS = (28e-6, 55e-6, 200e-6), (1.5, 2.5), (1e-7, 1e-4)


def planted(rate, repetitions=5, rows=32, columns=32, seed=7_140_233):
    """Arrays of a run over the grid; ``rate`` gives the error rate of a condition."""
    rng = np.random.default_rng(seed)
    grid = [(a, v, s) for v in VOLTAGES for s in WIDTHS for a in COMPLIANCES]
    condition = np.repeat(np.array(grid), repetitions, axis=0)
    pattern = rng.integers(0, 2, (len(condition), rows, columns)).astype(np.uint8)
    rates = np.array([rate(*one) for one in condition.tolist()])
    wrong = rng.random(pattern.shape) < rates[:, np.newaxis, np.newaxis]
    return condition, pattern, pattern ^ wrong.astype(np.uint8), np.ones((rows, columns), bool)


def falling(amperes, volts, seconds):
    """1 decade over the compliances, half a decade over voltage, 0.2 over time."""
    return (
        0.1
        * (amperes / 28e-6) ** (-1 / np.log10(200 / 28))
        * 10 ** (-0.5 * (volts - 1.5))
        * (seconds / 1e-7) ** (-0.2 / 3)
    )


def test_planted_spreads_come_back():
    result = analyse_conditions(*planted(falling, repetitions=40))
    expected = {"set_compliance_a": 1.0, "reset_v": 0.5, "width_s": 0.2}
    for found in result.spreads:
        # Errors of the weaker end dominate the precision: some 1e4 of them.
        noise = np.sqrt(1 / found.weak.errors + 1 / found.strong.errors) / np.log(10)
        assert found.decades == pytest.approx(expected[found.factor], abs=4 * noise)
        assert not found.is_bound
    assert [found.factor for found in result.spreads] == list(expected)
    assert result.is_monotone


def test_a_rise_is_told_from_chance():
    flat = analyse_conditions(*planted(lambda *_: 0.02))
    # Equal rates rise by chance somewhere, and that is not called a rise.
    assert flat.rises
    assert flat.is_monotone
    risen = analyse_conditions(*planted(lambda a, *_: 0.02 if a < 100e-6 else 0.05))
    assert not risen.is_monotone
    assert {(rise.from_a, rise.to_a) for rise in risen.real_rises} == {(55e-6, 200e-6)}


def test_without_an_error_at_the_strong_end_the_spread_is_a_bound():
    result = analyse_conditions(*planted(lambda a, *_: 0.02 if a < 100e-6 else 0.0))
    found = result.spreads[0]
    assert found.is_bound
    bound = 1 - 0.05 ** (1 / found.strong.trials)
    assert found.decades == pytest.approx(np.log10(found.weak.value / bound))


def test_a_grid_that_stopped_is_compared_like_with_like():
    points = [
        ConditionPoint(28e-6, 1.5, 1e-6, (90,), (1024,)),
        ConditionPoint(200e-6, 1.5, 1e-6, (9,), (1024,)),
        # Its counterpart at 200 uA was not reached.
        ConditionPoint(28e-6, 2.5, 1e-6, (1,), (1024,)),
    ]
    found = spread(points, "set_compliance_a")
    assert (found.weak.errors, found.strong.errors) == (90, 9)
    assert spread(points, "reset_v").weak.errors == 90


def test_bits_not_read_or_not_usable_are_no_trials():
    condition, pattern, sensed, usable = planted(lambda *_: 0.0, repetitions=1, rows=2, columns=4)
    sensed[:, 0, 0] = NOT_READ
    sensed[:, 1, 1] = 2
    usable[1, 3] = False
    sensed[:, 1, 3] ^= 1
    result = analyse_conditions(condition, pattern, sensed, usable)
    assert all(point.bits == (6,) and point.errors == (1,) for point in result.points)
    assert result.not_read == len(condition)


@pytest.mark.parametrize(
    ("errors", "bits", "text"),
    [
        ((0, 0), (1024, 1024), "< 1"),
        ((0, 0), (64, 64), "< 16"),
        ((3, 0), (1024, 1024), "1.5"),
        ((0,), (0,), "not read"),
    ],
)
def test_no_error_seen_is_a_bound_that_knows_the_bits(errors, bits, text):
    assert errors_text(ConditionPoint(55e-6, 2.5, 1e-6, errors, bits)) == text


@pytest.mark.parametrize("rate", [falling, lambda *_: 0.0])
def test_figures_of_a_grid_with_and_without_errors(rate):
    result = analyse_conditions(*planted(rate, repetitions=2, rows=4, columns=8))
    assert all(b.png.startswith(b"\x89PNG") for b in conditions_figures(result.points))
    one = [result.points[0]]
    assert len(conditions_figures(one)) == 2
