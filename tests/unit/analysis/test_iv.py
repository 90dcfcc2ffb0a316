"""Switching voltages of planted curves."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.iv import reset_switching, set_switching, switching_voltages

WAY = np.linspace(0, 1.6, 81)
VOLTS = np.concatenate([WAY, WAY[::-1]])
REFERENCE = 50e3


def curve(
    before_ohm: float, after_ohm: float, switches_at: float, noise: float = 0.0, seed: int = 1
) -> np.ndarray:
    """Ohmic before and after ``switches_at`` (V), lognormal read noise in decades."""
    ohms = np.full(VOLTS.shape, after_ohm)
    ohms[: WAY.size][switches_at - 1e-9 > WAY] = before_ohm
    generator = np.random.default_rng(seed)
    return np.asarray(VOLTS / ohms * 10 ** generator.normal(0, noise, VOLTS.shape))


@pytest.mark.parametrize("switches_at", [0.42, 0.7, 1.1, 1.58])
def test_an_abrupt_set_is_found_at_its_step(switches_at: float) -> None:
    found = set_switching(VOLTS, curve(200e3, 10e3, switches_at, noise=0.05))
    assert found.volts == pytest.approx(switches_at)
    assert found.ratio == pytest.approx(20, rel=0.15)
    assert found.ohms == pytest.approx(200e3, rel=0.15)


@pytest.mark.parametrize("switches_at", [0.5, 0.8, 1.2])
def test_an_abrupt_reset_is_found_at_the_last_point_before_it(switches_at: float) -> None:
    found = reset_switching(-VOLTS, -curve(10e3, 200e3, switches_at, noise=0.002))
    assert found.volts == pytest.approx(switches_at - 0.02)


def test_a_reset_peak_is_not_where_the_hrs_carries_more_at_the_top() -> None:
    amperes = curve(20e3, 100e3, 0.6)
    amperes *= 1 + 5 * (VOLTS / 1.6) ** 4
    assert amperes[: WAY.size].argmax() == WAY.size - 1
    assert reset_switching(VOLTS, amperes).volts == pytest.approx(0.58)


def test_a_gradual_set_is_found_half_way() -> None:
    """From 200 kohm to 2 kohm, a straight line in decades from 0.6 V to 1.0 V."""
    decades = np.interp(WAY, [0.6, 1.0], [0, 2])
    amperes = np.concatenate([WAY / 200e3 * 10**decades, WAY[::-1] / 2e3])
    assert set_switching(VOLTS, amperes).volts == pytest.approx(0.80, abs=0.021)


def test_it_switches_at_the_top_if_only_the_way_back_differs() -> None:
    assert set_switching(VOLTS, curve(200e3, 10e3, 1.7)).volts == pytest.approx(1.6)


def test_missing_readings_are_left_out() -> None:
    amperes = curve(200e3, 10e3, 0.7)
    amperes[[3, 20, 60]] = np.nan
    assert set_switching(VOLTS, amperes).volts == pytest.approx(0.7)


def test_a_current_of_nothing_but_noise_did_not_switch() -> None:
    noise = np.random.default_rng(3).normal(0, 1e-12, VOLTS.shape)
    found = set_switching(VOLTS, noise)
    assert not found.switched
    assert found.ratio == pytest.approx(1)


def test_planted_voltages_are_recovered_with_those_that_never_switched() -> None:
    generator = np.random.default_rng(4)
    planted = 0.9 * (-np.log(generator.random(400))) ** (1 / 8)
    rows = np.array(
        [
            curve(200e3, 10e3 if volts <= 1.0 else 200e3, volts, noise=0.03, seed=n)
            for n, volts in enumerate(planted)
        ]
    )
    # What needs more than 1.0 V did not switch in sweeps to 1.0 V.
    inside = np.abs(VOLTS) <= 1.0 + 1e-9
    found = switching_voltages(False, VOLTS[inside], rows[:, inside], REFERENCE)
    assert (found.sweeps, found.began_switched) == (400, 0)
    assert found.censored.tolist() == (planted > 1.0).tolist()
    late = (found.volts - planted)[~found.censored]
    assert ((late > -1e-9) & (late < 0.02 + 1e-9)).mean() > 0.99
    assert found.weibull is not None
    # Four standard errors of 400 sweeps.
    assert found.weibull.scale_v.value == pytest.approx(0.9, rel=0.03)
    assert found.weibull.shape.value == pytest.approx(8, rel=0.18)


@pytest.mark.parametrize(("is_reset", "ohms", "counts"), [(False, 200e3, 1), (True, 10e3, 1)])
def test_what_could_have_switched_and_did_not_is_censored(
    is_reset: bool, ohms: float, counts: int
) -> None:
    wrong_side = 10e3 if ohms > REFERENCE else 200e3
    rows = np.stack([curve(ohms, ohms, 0.7), curve(wrong_side, wrong_side, 0.7)])
    found = switching_voltages(is_reset, VOLTS, rows, REFERENCE)
    assert (found.sweeps, found.switched, found.began_switched) == (counts, 0, 1)
    assert found.volts.tolist() == [pytest.approx(1.6)]
    assert found.weibull is None
    assert found.quantile_v(0.5) is None


def test_no_sweep_at_all() -> None:
    found = switching_voltages(False, VOLTS, np.full((2, VOLTS.size), np.nan), REFERENCE)
    assert (found.sweeps, found.switched, found.quantile_v(0.5), found.weibull) == (
        0,
        0,
        None,
        None,
    )


@pytest.mark.parametrize("shape", [(161,), (2, 81)])
def test_shapes_that_are_no_way_there_and_back_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="must be"):
        set_switching(np.zeros(shape), np.zeros(shape))
