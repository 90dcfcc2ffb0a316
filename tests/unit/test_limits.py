import numpy as np
import pytest

from instruments.limits import LimitError, VoltageLimit, require_limit
from instruments.wgfmu import limits
from instruments.wgfmu.driver import MeasureEvent, Pattern
from instruments.wgfmu.library import ForceVoltageRange

SL = VoltageLimit("SL", -0.3, 3.6)


@pytest.mark.parametrize("volts", [0.0, -0.3, 3.6, [0.0, 3.3, 0.0], np.array([[1.0], [2.0]])])
def test_voltages_within_the_limit_pass(volts):
    SL.check(volts)


@pytest.mark.parametrize(
    "volts", [3.601, -0.31, float("nan"), float("inf"), -float("inf"), [0.0, 3.3, 99.0], [[np.nan]]]
)
def test_voltages_beyond_the_limit_are_refused(volts):
    with pytest.raises(LimitError, match=r"on pad SL is not allowed: -0\.3 V to 3\.6 V"):
        SL.check(volts)


def test_an_output_without_a_pad_forces_nothing():
    with pytest.raises(LimitError, match="pulse channel 301 is not bound to a pad"):
        require_limit(None, "pulse channel 301")


@pytest.mark.parametrize("seconds", [0.0, 10e-9, 1e-6, 3.3e-3, 1234.56])
def test_times_on_the_grid_are_kept(seconds):
    assert limits.on_grid(seconds) == pytest.approx(seconds, abs=1e-12)


@pytest.mark.parametrize("seconds", [5e-9, 1.5e-8, 1e-6 + 3e-9, float("nan")])
def test_times_off_the_grid_are_refused(seconds):
    with pytest.raises(LimitError, match="not on the 10 ns grid"):
        limits.on_grid(seconds)


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        ([0.0], "at least two points"),
        ([1e-6, 2e-6], "the first at 0 s"),
        ([0.0, 1e-6, 1e-6], "10 ns to"),
        ([0.0, 2e-6, 1e-6], "10 ns to"),
        ([0.0, 10996.0], "10 ns to"),
    ],
)
def test_patterns_need_rising_times(times, reason):
    with pytest.raises(LimitError, match=reason):
        Pattern("p", np.array(times), np.zeros(len(times)))


def test_a_channel_holds_2048_vectors():
    limits.check_vector_total(101, 2048)
    with pytest.raises(LimitError, match="channel 101 would need 2049 vectors"):
        limits.check_vector_total(101, 2049)


@pytest.mark.parametrize("loops", [[], [1] * 513, [0], [2**40 + 1]])
def test_sequences_and_loops_are_bounded(loops):
    with pytest.raises(LimitError, match="channel 202"):
        limits.check_sequences(202, loops)


@pytest.mark.parametrize(
    ("force_range", "volts"),
    [
        (ForceVoltageRange.V3, 3.01),
        (ForceVoltageRange.V5, -5.01),
        (ForceVoltageRange.V10_NEGATIVE, 0.1),
        (ForceVoltageRange.V10_POSITIVE, -0.1),
    ],
)
def test_voltages_must_fit_the_output_range(force_range, volts):
    with pytest.raises(LimitError, match="in its range"):
        limits.check_range(101, force_range, volts)


@pytest.mark.parametrize(
    "event",
    [
        {"start_s": -1e-6},
        {"start_s": 15e-9},
        {"points": 0},
        {"interval_s": 0.0},
        {"interval_s": 2.0},
        {"average_s": 2e-6},
    ],
)
def test_measure_events_are_checked(event):
    good = {"name": "e", "start_s": 0.0, "points": 3, "interval_s": 1e-6, "average_s": 1e-7}
    MeasureEvent(**good)
    with pytest.raises(LimitError):
        MeasureEvent(**{**good, **event})


def test_measure_events_must_end_within_their_pattern():
    event = MeasureEvent("late", 0.0, 11, 1e-6, 1e-6)
    with pytest.raises(LimitError, match="after pattern p"):
        Pattern("p", np.array([0.0, 1e-5]), np.zeros(2), (event,))
