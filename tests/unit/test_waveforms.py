"""Pulse schemes against the bench note."""

import numpy as np
import pytest

from instruments.limits import LimitError
from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.pads import PULSED_PADS
from instruments.testchip.waveforms import PulseSchemes
from labctl.benchfile import load_setup

CHIP = load_setup(None).chip
VDD = CHIP.supplies.vdd
ON = CHIP.levels.word_line_on
PULSES = PulseSchemes(CHIP, CHIP, VDD)
STRONG = ProgramConditions()
FAST = ProgramConditions(set_compliance_a=200e-6, reset_v=1.5, width_s=100e-9)
LONG = ProgramConditions(width_s=100e-6)
GATE = 0.94
SCHEMES = [
    PULSES.program_bit(0, STRONG),
    PULSES.program_bit(1, FAST),
    PULSES.set_device(0, GATE, 2.0, 1e-5, measure=True),
    PULSES.set_device(1, GATE, 2.0, 1e-7),
    PULSES.reset_device(0, STRONG),
    PULSES.reset_device(1, LONG),
    PULSES.form_device(0),
    PULSES.form_device(1),
    PULSES.sense_row(),
]


def level(scheme, pad, seconds):
    points = scheme.points[pad]
    return np.interp(seconds, points[:, 0], points[:, 1])


def fine_times(scheme):
    knots = np.unique(np.concatenate([p[:, 0] for p in scheme.points.values()]))
    return np.unique(np.concatenate([knots, (knots[1:] + knots[:-1]) / 2]))


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda s: s.name)
def test_all_pads_are_driven_for_the_same_time_from_idle(scheme):
    assert set(scheme.points) == set(PULSED_PADS)
    assert {p[-1, 0] for p in scheme.points.values()} == {scheme.duration_s}
    for pad, points in scheme.points.items():
        assert points[0, 0] == 0.0
        assert points[0, 1] == (VDD if pad == "BYP" else 0.0)


@pytest.mark.parametrize("scheme", SCHEMES[:-1], ids=lambda s: s.name)
def test_wl_moves_only_while_the_others_are_together(scheme):
    """Programming and forming: WL never moves while SL, BL, BLB differ by more than 0.3 V."""
    times = fine_times(scheme)
    pads = np.array([level(scheme, pad, times) for pad in ("SL", "BL", "BLB")])
    spread = pads.max(axis=0) - pads.min(axis=0)
    word_line = level(scheme, "WL", times)
    moving = np.flatnonzero(np.diff(word_line) != 0)
    assert len(moving) > 0
    assert (spread[moving] <= 0.3).all()
    assert (spread[moving + 1] <= 0.3).all()


@pytest.mark.parametrize("scheme", SCHEMES[:-1], ids=lambda s: s.name)
def test_byp_stays_up_while_programming(scheme):
    assert (scheme.points["BYP"][:, 1] == VDD).all()
    assert (scheme.points["SEN"][:, 1] == 0).all()


@pytest.mark.parametrize("bit", [0, 1])
def test_programming_sets_one_device_and_resets_the_other(bit):
    scheme = PULSES.program_bit(bit, STRONG)
    active, complement = ("BL", "BLB") if bit == 0 else ("BLB", "BL")
    times = np.arange(0, scheme.duration_s, 10e-9)
    sl, wl = level(scheme, "SL", times), level(scheme, "WL", times)
    set_u = sl - level(scheme, active, times)
    complement_u = sl - level(scheme, complement, times)
    # SET: 2 V on the active device at the limiting gate; nothing ever on it otherwise.
    assert set_u.max() == 2.0
    assert set_u.min() == 0.0
    assert (wl[set_u > 0.3] == CHIP.gate_v(STRONG.set_compliance_a)).all()
    # The complement sees only the RESET, with the gate fully on.
    assert complement_u.max() == 0.0
    assert complement_u.min() == -2.5
    assert (wl[complement_u < -0.3] == ON).all()


@pytest.mark.parametrize("width", [100e-9, 1e-6, 100e-6])
def test_width_is_full_width_at_half_maximum(width):
    scheme = PULSES.set_device(0, GATE, 2.0, width)
    times = np.arange(0, scheme.duration_s, 1e-9)
    above = level(scheme, "SL", times) >= 1.0
    assert np.count_nonzero(above) * 1e-9 == pytest.approx(width, abs=2e-9)


def test_forming_ramp_has_the_papers_rate_and_samples():
    scheme = PULSES.form_device(1)
    (event,) = scheme.measure["BLB"]
    voltages = PULSES.forming_voltages(event.points)
    assert event.points == 330
    middles = event.start_s + event.average_s / 2 + event.interval_s * np.arange(event.points)
    np.testing.assert_allclose(level(scheme, "SL", middles), voltages, atol=1e-9)
    np.testing.assert_allclose(np.diff(voltages), 0.01)
    assert (level(scheme, "BL", middles) == level(scheme, "SL", middles)).all()


def test_sense_precharges_before_the_word_line_and_ends_latched():
    scheme = PULSES.sense_row()
    times = np.append(np.arange(0, scheme.duration_s, 10e-9), scheme.duration_s)
    wl, sl, sen = (level(scheme, pad, times) for pad in ("WL", "SL", "SEN"))
    first_wl, first_sl = np.flatnonzero(wl > 0)[0], np.flatnonzero(sl > 0)[0]
    assert (first_wl - first_sl) * 10e-9 >= 200e-9
    rise = np.flatnonzero(sen > 0)[0]
    # SEN rises and SL falls on the same edge, with the word line up.
    assert sl[rise] < VDD <= sl[rise - 1]
    assert wl[rise] == ON
    assert (wl[-1], sen[-1], sl[-1]) == (0, VDD, 0)


@pytest.mark.parametrize("width", [30e-9, 15e-9, 1.005e-6, float("nan")])
def test_impossible_widths_are_refused(width):
    with pytest.raises((LimitError, ValueError)):
        PULSES.set_device(0, GATE, 2.0, width)
