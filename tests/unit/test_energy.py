"""Energies from sampled pulses: what is sampled when, and planted currents found again."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.traces import traced_program
from instruments.testchip.waveforms import EDGE_S, PulseSchemes
from labctl.analysis.cyclability import cyclability
from labctl.analysis.endurance import SenseCount
from labctl.analysis.energy import (
    TABLE_1,
    EnergyCondition,
    analyse_energy,
    median_estimate,
    pulse_energy,
    shorter_pulse_energy,
    without_lag,
)
from labctl.benchfile import load_setup
from procedures.energy import Energy

SETUP = load_setup(None)
SCHEMES = PulseSchemes(SETUP.chip, SETUP.chip, SETUP.chip.supplies.vdd)
SAMPLE_S = 20e-9


def pulse(volts, amperes, width_s=1e-6, begins_s=0.0, sample_s=SAMPLE_S):
    """A flat pulse (2, samples) whose current begins ``begins_s`` after the voltage."""
    times = (np.arange(round(width_s / sample_s) + 6) + 0.5) * sample_s
    on = times < width_s
    return np.stack([volts * on, amperes * (on & (times > begins_s))])


# --- what is sampled ----------------------------------------------------------------------------


@pytest.mark.parametrize("bit", [0, 1])
@pytest.mark.parametrize("width_s", [500e-9, 1e-6, 10e-6, 100e-6])
def test_sampling_adds_nothing_to_the_pulses(bit, width_s):
    conditions = ProgramConditions(200e-6, 2.0, 2.0, width_s)
    plain = SCHEMES.program_bit(bit, conditions)
    traced = traced_program(SCHEMES, bit, conditions)
    assert traced.pulses == plain.pulses
    for pad, points in plain.points.items():
        np.testing.assert_array_equal(traced.points[pad], points)


@pytest.mark.parametrize("bit", [0, 1])
@pytest.mark.parametrize("width_s", [500e-9, 1e-6, 10e-6])
def test_each_pulse_is_sampled_at_the_pads_of_its_device(bit, width_s):
    scheme = traced_program(SCHEMES, bit, ProgramConditions(200e-6, 2.0, 2.5, width_s))
    active, complement = ("BL", "BLB") if bit == 0 else ("BLB", "BL")
    assert set(scheme.measure) == {active, complement, "SL"}
    (set_event,), (reset_event,) = scheme.measure[active], scheme.measure["SL"]
    assert scheme.measure[complement] == (set_event, reset_event)
    for event, top_v, still in ((set_event, 2.0, active), (reset_event, 2.5, "SL")):
        times = event.start_s + np.arange(event.points + 1) * event.interval_s
        volts = np.interp(times, *scheme.points[complement].T)
        # From the foot of the rise to after the fall, and the whole plateau at the top.
        assert volts[0] == 0
        assert volts[-1] == 0
        assert np.count_nonzero(volts == top_v) * event.interval_s >= 0.85 * (width_s - EDGE_S)
        assert (np.interp(times, *scheme.points[still].T) == 0).all()
        assert event.average_s == event.interval_s


# --- planted currents ---------------------------------------------------------------------------


def test_energies_of_planted_pulses_are_found_again():
    rng = np.random.default_rng(4)
    set_a = rng.uniform(150e-6, 250e-6, (8, 2))
    reset_a = rng.uniform(20e-6, 90e-6, (8, 2))
    sets = np.array([[pulse(2.0, set_a[cell, p % 2]) for cell in range(8)] for p in range(4)])
    resets = np.array(
        [[pulse(2.5, reset_a[cell, 1 - p % 2]) for cell in range(8)] for p in range(4)]
    )
    condition = EnergyCondition(200e-6, 2.0, 2.5, 1e-6, 1e-6, SAMPLE_S)
    bits = np.zeros((3, 4, 8), np.uint8)
    sensed = bits.copy()
    sensed[0, 0, 0], sensed[1, 0, 0] = 1, 255
    result = analyse_energy(condition, sets, resets, bits, sensed)
    np.testing.assert_allclose(result.set.by_device, 2.0 * set_a * 1e-6, rtol=1e-9)
    np.testing.assert_allclose(result.reset.by_device, 2.5 * reset_a * 1e-6, rtol=1e-9)
    assert (result.set.pulses, result.set.invalid) == (32, 0)
    assert result.set.median.value == pytest.approx(2e-6 * np.median(set_a))
    assert (result.ber_2t2r.errors, result.ber_2t2r.trials) == (1, 95)
    assert not condition.is_computed
    assert condition.published is TABLE_1[0]
    assert EnergyCondition(200e-6, 2.0, 2.0, 110e-9, 500e-9, SAMPLE_S).published is None


FINE_S = 0.1e-9


def sampled(values, settling_s):
    """What a reading with a first-order lag makes of values every `FINE_S`, averaged."""
    lag_s = settling_s / np.log(1 / 0.006)
    keep = np.exp(-FINE_S / lag_s)
    followed = lfilter([1 - keep], [1, -keep], values)
    each = round(SAMPLE_S / FINE_S)
    return followed[: len(followed) // each * each].reshape(-1, each).mean(axis=-1)


def edged(width_s, times):
    """A pulse of height 1 with straight edges of 30 ns."""
    return np.interp(times, [0, EDGE_S, width_s, width_s + EDGE_S], [0, 1, 1, 0])


def falling(times):
    """The current of a RESET (A): constant, then falling with the logarithm of time."""
    return 300e-6 * (np.maximum(times, 60e-9) / 60e-9) ** -0.6


@pytest.mark.parametrize(
    ("current", "within"), [(falling, 0.05), (lambda t: 200e-6 * (t > 35e-9), 0.05)]
)
@pytest.mark.parametrize("short_s", [100e-9, 110e-9, 250e-9, 400e-9])
def test_a_short_pulse_is_computed_from_a_long_one(current, within, short_s):
    times = (np.arange(6200) + 0.5) * FINE_S
    long_v, short_v = 2.0 * edged(500e-9, times), 2.0 * edged(short_s, times)
    taken = (short_v * current(times) * short_v / 2.0).sum() * FINE_S
    trace = np.stack([sampled(long_v, 110e-9), sampled(current(times) * long_v / 2.0, 200e-9)])
    computed = float(shorter_pulse_energy(trace, SAMPLE_S, 500e-9, short_s))
    assert computed == pytest.approx(taken, rel=within)


def test_the_lag_of_readings_is_taken_off():
    times = (np.arange(12_000) + 0.5) * FINE_S
    values = 1.0 + 0.3 * np.sin(times / 80e-9) - np.exp(-times / 60e-9)
    without = without_lag(sampled(values, 200e-9), SAMPLE_S, 200e-9)
    planted = values.reshape(60, -1).mean(axis=-1)
    assert np.abs(sampled(values, 200e-9) - planted)[1:-1].max() > 0.15
    np.testing.assert_allclose(without[2:-1], planted[2:-1], atol=0.015)


def test_a_reading_out_of_range_makes_no_energy():
    good, bad = pulse(2.0, 200e-6), pulse(2.0, 200e-6)
    bad[1, 3] = np.nan
    assert np.isnan(pulse_energy(bad, SAMPLE_S))
    trace = np.array([[bad, good], [good, good]])
    condition = EnergyCondition(200e-6, 2.0, 1.5, 1e-6, 1e-6, SAMPLE_S)
    empty = np.zeros((0, 1, 1), np.uint8)
    result = analyse_energy(condition, trace, trace, empty, empty)
    assert (result.set.invalid, result.set.pulses) == (1, 4)
    assert np.isnan(result.set.by_device[0, 0])
    # The RESET of the same programming is that of the other device.
    assert np.isnan(result.reset.by_device[0, 1])
    assert result.set.median.value == pytest.approx(400e-12)
    assert result.ber_2t2r.trials == 0


def test_the_interval_of_the_median_covers_it():
    rng = np.random.default_rng(6)
    for size in (6, 25, 64):
        hits = sum(median_estimate(rng.lognormal(0.0, 0.5, size)).contains(1.0) for _ in range(600))
        assert hits / 600 > 0.93
    assert median_estimate([np.nan]) is None


# --- parameters ---------------------------------------------------------------------------------


def prepared(**parameters):
    procedure = Energy()
    procedure.set_parameters(parameters)
    procedure.prepare(SETUP.chip, SETUP.limit, simulated=True)
    return procedure


def test_the_defaults_are_table_1():
    asked = [(c.set_compliance_a, c.reset_v, c.width_s) for c in prepared().programmed]
    published = [(c.set_compliance_a, c.reset_v, c.width_s) for c in TABLE_1]
    np.testing.assert_allclose(asked, published, rtol=1e-12)
    np.testing.assert_allclose([c.width_s for c in prepared().sampled], [1e-6, 1e-6, 500e-9])


def test_one_value_serves_all_conditions():
    procedure = prepared(reset_voltages="2V", pulse_widths="1us", set_compliances="55uA,200uA")
    assert [c.set_compliance_a for c in procedure.programmed] == pytest.approx([55e-6, 200e-6])
    assert [c.reset_v for c in procedure.programmed] == [2.0, 2.0]


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"reset_voltages": "2.5V,2V"}, "go together"),
        ({"reset_voltages": "2V", "pulse_widths": "1us,1us"}, "given twice"),
        ({"pulse_widths": "1us,1us,10ns"}, "is not allowed: 100ns to 100us"),
        ({"reset_voltages": "2.5V,1.5V,5V"}, "is not allowed"),
        ({"set_compliances": "10uA"}, "is not allowed"),
        ({"cells": 0}, "is not allowed"),
        ({"cycles": 100}, "0, or an even number from 200"),
        ({"cycles": 2001}, "0, or an even number from 200"),
        ({"cycles": "6e10"}, "is not allowed: a whole number"),
        ({"rows": 1, "cycled_pairs": 11}, "33 pairs are to be cycled"),
    ],
)
def test_conditions_that_do_not_fit_are_one_sentence(parameters, says):
    with pytest.raises(ValueError, match=says):
        prepared(**parameters)


# --- pairs that are cycled ------------------------------------------------------------------------


def test_every_cycled_pair_is_its_own_and_none_is_sampled():
    procedure = prepared(rows=2, cells=60, cycled_pairs=5)
    cycled = [pair.place for pair in procedure.cycled]
    assert [pair.condition for pair in procedure.cycled] == [0] * 5 + [1] * 5 + [2] * 5
    assert len({*cycled, *procedure.sampled_places}) == 15 + len(procedure.sampled_places) == 64
    assert all(row < 2 for row, _ in cycled)
    assert prepared(rows=1, cells=40, cycles=0).cycled == []
    assert len(prepared(rows=1, cells=40, cycles=0).sampled_places) == 32


@pytest.mark.parametrize("cycles", [200, 2_000, 200_000_000, 50_000_000_000])
def test_the_steps_cycle_every_pair_to_the_end_in_parts_of_ten_minutes(cycles):
    procedure = prepared(cycles=cycles, pulse_widths="1us,1us,100ns", cycled_pairs=1)
    conditions = procedure.programmed
    steps = procedure.cycling_steps(7, conditions)
    assert [step.number for step in steps] == list(range(7, 7 + len(steps)))
    assert max(step.bench_s for step in steps) <= 601
    for condition in conditions:
        legs = procedure._legs(condition)
        assert [leg.begin for leg in legs] == np.cumsum([0, *(g.cycles for g in legs)])[
            :-1
        ].tolist()
        assert sum(leg.cycles for leg in legs) == cycles
        assert {leg.window for leg in legs} - {-1} == set(range(6))
        assert all(leg.cycles % 2 == 0 for leg in legs)
    # One loop of the sequencer is two cycles of one pair.
    loops = [t for t in procedure.pulses().trains if t.scheme.name.startswith("cycle")]
    assert 2 * sum(train.times * train.cells for train in loops) == 3 * cycles


def counts_of(rates, pair=0, sensed=10**6):
    """Windows at 1e6, 1e7, ... cycles with these error rates."""
    return [
        SenseCount(pair, n, 10 ** (6 + n), 10 ** (6 + n), sensed, 0, round(rate * sensed), 0)
        for n, rate in enumerate(rates)
    ]


def test_cyclability_is_the_median_crossing_or_a_bound():
    never, late = [1e-6, 1e-6, 1e-5, 1e-4], [1e-6, 1e-5, 1e-4, 1e-2]
    at_once = [2e-3]
    some = [*counts_of(never, 0), *counts_of(late, 1), *counts_of(never, 2)]
    bound = cyclability(some, 10**9)
    assert (bound.crossed, bound.median, bound.bound) == (1, None, 10**9)
    crossed = cyclability([*some, *counts_of(late, 3)], 10**9)
    assert crossed.bound is None
    assert crossed.median.cycle == pytest.approx(10**8.5)
    assert not crossed.is_from_start
    assert cyclability([*counts_of(at_once, 0), *counts_of(late, 1)], 10**9).is_from_start
    # A run that was stopped: a pair that was not cycled to the end says nothing.
    stopped = cyclability([*counts_of(never, 0), *counts_of(never[:2], 1)], 10**9)
    assert (len(stopped.crossings), stopped.bound) == (1, 10**9)
    nothing = cyclability(counts_of(never[:2]), 10**9)
    assert (nothing.crossings, nothing.median, nothing.bound) == ([], None, None)
