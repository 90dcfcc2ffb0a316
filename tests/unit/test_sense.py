"""The pulsed sense as a waveform, and planted sense times and ternary readings found again."""

from __future__ import annotations

import numpy as np
import pytest

from instruments.testchip.chip import NOT_READ
from instruments.testchip.pulsed_sense import output_levels, pulsed_sense
from instruments.testchip.waveforms import EDGE_S, PulseSchemes
from labctl.analysis.sense import repeated, sense_time, ternary_rates
from labctl.benchfile import load_setup
from procedures.sense import Sense

SETUP = load_setup(None)
CHIP = SETUP.chip


def level(scheme, pad, seconds):
    return np.interp(seconds, *scheme.points[pad].T)


@pytest.mark.parametrize("vdd", [1.2, 0.8, 0.55])
@pytest.mark.parametrize("sense_s", [500e-9, 1e-6, 10e-6])
@pytest.mark.parametrize("sampled", [False, True])
def test_a_pulsed_sense_follows_the_supply_in_the_right_order(vdd, sense_s, sampled):
    scheme = pulsed_sense(PulseSchemes(CHIP, CHIP, vdd), sense_s, sampled)
    for pad in ("SEN", "BYP", "SL"):
        assert scheme.points[pad][:, 1].max() == vdd
    assert scheme.points["WL"][:, 1].max() == CHIP.levels.word_line_on
    for pad in ("BL", "BLB", "Q", "QB"):
        assert (scheme.points[pad][:, 1] == 0).all()
    # Idle before and after.
    for pad, points in scheme.points.items():
        assert points[0, 1] == points[-1, 1] == (vdd if pad == "BYP" else 0.0)
    times = np.arange(0, scheme.duration_s, 10e-9)
    wl, sl, sen, byp = (level(scheme, pad, times) for pad in ("WL", "SL", "SEN", "BYP"))
    first = {name: times[np.flatnonzero(v > 0)[0]] for name, v in (("WL", wl), ("SL", sl))}
    assert first["WL"] - first["SL"] > 200e-9
    rise = np.flatnonzero(sen > 0)[0]
    assert sl[rise] < vdd
    assert wl[rise] == CHIP.levels.word_line_on
    # The discharge: SEN and WL both up, for the time asked for.
    both = np.count_nonzero((sen > vdd / 2) & (wl > 1.65)) * 10e-9
    assert both == pytest.approx(sense_s, abs=EDGE_S)
    # WL comes down before SEN does, and BYP goes up last.
    assert (sen[(wl > 0) & (times > times[rise] + EDGE_S)] == vdd).all()
    assert (sen[(byp > 0) & (times > 200e-9)] == 0).all()
    (event,) = scheme.measure["Q"]
    assert scheme.measure["QB"] == (event,)
    edge = scheme.points["SEN"][1, 0]
    if sampled:
        assert event.start_s == pytest.approx(edge)
    else:
        assert event.start_s - edge >= 299e-9
        assert level(scheme, "WL", event.end_s) == CHIP.levels.word_line_on


def test_outputs_at_neither_level_are_not_read():
    read = output_levels(np.array([-30e-6, -55e-6, 0.0, np.nan]), 55e-6)
    assert read.tolist() == [NOT_READ, 1, 0, NOT_READ]


def traces(decided_at, samples=40, high=120e-6, seed=3):
    """Q falls at sample ``decided_at`` of each sense, QB stays high."""
    current = np.full((len(decided_at), samples, 2), -high)
    for sense, sample in enumerate(decided_at):
        current[sense, sample:, 0] = 0.0
    return current + np.random.default_rng(seed).normal(0, 2e-6, current.shape)


def test_the_bound_is_that_of_the_slowest_sense():
    times = (np.arange(40) + 1) * 10e-9
    found = sense_time(traces([4, 9, 6]), times, 120e-6)
    assert (found.senses, found.undecided) == (3, 0)
    assert found.bound_s == pytest.approx(100e-9)
    # An output that comes back late makes it later, one that never falls is no decision.
    late = traces([4, 4])
    late[1, 20, 0] = -120e-6
    assert sense_time(late, times, 120e-6).bound_s == pytest.approx(220e-9)
    never = traces([4, 40])
    assert sense_time(never, times, 120e-6).undecided == 1
    assert sense_time(never[1:], times, 120e-6).bound_s is None
    unread = traces([4])
    unread[0, 0, 1] = np.nan
    assert sense_time(unread, times, 120e-6).undecided == 1


def test_planted_ternary_errors_are_counted():
    rng = np.random.default_rng(8)
    written = rng.integers(0, 3, 30_000).astype(np.uint8)
    read = written.copy()
    signed = np.flatnonzero(written < 2)
    exchanged, lost, unread = signed[:40], signed[40:140], signed[140:150]
    false = np.flatnonzero(written == 2)[:900]
    read[exchanged] = 1 - written[exchanged]
    read[lost], read[unread] = 2, NOT_READ
    read[false] = rng.integers(0, 2, 900)
    rates = ternary_rates(0.6, written, read)
    assert rates.not_read == 10
    assert (rates.inverted.errors, rates.inverted.trials) == (40, len(signed) - 10)
    assert (rates.lost.errors, rates.false.errors) == (100, 900)
    assert rates.zeros.errors + rates.false.errors == rates.false.trials
    assert np.sum(rates.confusion) == 30_000 - 10


def test_repeated_senses_of_unread_bits_count_for_nothing():
    sensed = np.zeros((2, 3, 2, 2), np.uint8)
    sensed[0, 1, 0, 0] = 1
    sensed[1, 2, 1, 1] = NOT_READ
    found = repeated(sensed)
    assert (found.bits, found.senses, found.changing.errors) == (7, 3, 1)


def prepared(**parameters):
    procedure = Sense()
    procedure.set_parameters(parameters)
    procedure.prepare(SETUP.chip, SETUP.limit, simulated=True)
    return procedure


def test_every_supply_is_planned():
    sent = prepared(vdd="1.2V,0.6V", rows=2).pulses()
    assert sent.levels == {"VDD": [1.2, 0.6], "BYP": [1.2, 0.6]}
    tops = {s.name: s.points["SEN"][:, 1].max() for s in sent.schemes if "latched" in s.name}
    assert tops == {"latched_1200mV": 1.2, "latched_600mV": 0.6}
    kinds = [pulse.kind for train in sent.trains for pulse in train.scheme.pulses]
    assert {"form", "set", "reset"} <= set(kinds)


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"vdd": "1.2V,1200mV"}, "VDD: a value is given twice"),
        ({"vdd": "0.1V"}, "is not allowed: 400mV to 1.4V"),
        ({"vdd": "1.2A"}, "not a quantity in V"),
        ({"sense_pulse": "400ns"}, "is not allowed: 500ns to 100us"),
        ({"reset_voltages": "2V,2V"}, "given twice"),
        ({"senses": 0}, "is not allowed"),
    ],
)
def test_what_does_not_fit_is_one_sentence(parameters, says):
    with pytest.raises(ValueError, match=says):
        prepared(**parameters)


def test_random_weights_repeat_with_their_seed_and_change_with_each_programming():
    one, other = prepared(pattern_seed=5), prepared(pattern_seed=6)
    first = one._weights(1)
    np.testing.assert_array_equal(first, prepared(pattern_seed=5)._weights(1))
    assert (first != one._weights(2)).any()
    assert (first != other._weights(1)).any()
    assert set(np.unique(first)) == {0, 1, 2}
