"""Energies from sampled pulses: what is sampled when, and planted currents found again."""

from __future__ import annotations

import numpy as np
import pytest

from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.traces import traced_program
from instruments.testchip.waveforms import EDGE_S, PulseSchemes
from labctl.analysis.energy import (
    TABLE_1,
    EnergyCondition,
    analyse_energy,
    median_estimate,
    pulse_energy,
    shorter_pulse_energy,
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


def test_a_short_pulse_is_computed_from_a_long_one_late_onset_included():
    long = pulse(2.0, 200e-6, width_s=500e-9, begins_s=40e-9)
    computed = float(shorter_pulse_energy(long, SAMPLE_S, 500e-9, 100e-9))
    assert computed == pytest.approx(2.0 * 200e-6 * 60e-9, rel=1e-9)
    # What a settling reading does to the current's shape leaves the charge, so the result.
    lag = np.exp(-np.arange(30) * SAMPLE_S / 39e-9)
    blurred = np.convolve(np.r_[long[1], np.zeros(30)], lag / lag.sum())[:60]
    smooth = np.stack([np.r_[long[0], np.zeros(len(blurred) - len(long[0]))], blurred])
    again = float(shorter_pulse_energy(smooth, SAMPLE_S, 500e-9, 100e-9))
    assert again == pytest.approx(computed, rel=0.03)


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
    ],
)
def test_conditions_that_do_not_fit_are_one_sentence(parameters, says):
    with pytest.raises(ValueError, match=says):
        prepared(**parameters)
