from __future__ import annotations

import numpy as np
import pytest

from instruments.sim.chip.device import MODEL


def test_the_gate_limits_the_current_as_the_note_says() -> None:
    assert MODEL.saturation(1.6 - 0.55) == pytest.approx(200e-6)
    assert MODEL.on_resistance(3.3 - 0.55) == pytest.approx(2.5e3)


@pytest.mark.parametrize(("amps", "ohms"), [(20e-6, 30e3), (55e-6, 10.9e3), (200e-6, 3.0e3)])
def test_lrs_medians_of_the_note(amps: float, ohms: float) -> None:
    assert 10 ** MODEL.lrs_median(amps) == pytest.approx(ohms, rel=0.01)


@pytest.mark.parametrize(
    ("volts", "seconds", "ohms"),
    [(2.5, 1e-6, 200e3), (1.5, 1e-6, 65e3), (2.0, 1e-7, 99e3), (1.5, 1e-7, 21e3)],
)
def test_hrs_medians_of_the_note_after_200_microampere(
    volts: float, seconds: float, ohms: float
) -> None:
    dose = seconds * float(MODEL.reset_rate(np.array(volts)))
    fraction = MODEL.reset_fraction(dose, MODEL.reset_turn_on(volts))
    lrs = MODEL.lrs_median(200e-6)
    x = MODEL.hrs_level(fraction, MODEL.hrs_median(volts, seconds), lrs, lrs, 0.0)
    assert 10**x == pytest.approx(ohms, rel=0.04)


@pytest.mark.parametrize(
    ("amps", "spread"), [(20e-6, 0.383), (28e-6, 0.345), (55e-6, 0.28), (200e-6, 0.188)]
)
def test_the_parts_of_the_lrs_spread_add_up_to_the_total(amps: float, spread: float) -> None:
    def shift(device: float, cycle: float, static: float, slow: float) -> float:
        common = MODEL.common(static, slow)
        return MODEL.lrs_level(amps, device, cycle, common, 0.0) - MODEL.lrs_median(amps)

    parts = [shift(*unit) for unit in np.eye(4)]
    assert np.hypot.reduce(parts) == pytest.approx(spread, abs=0.001)
    assert np.hypot(parts[2], parts[3]) == pytest.approx(0.10)
    assert parts[0] ** 2 / (parts[0] ** 2 + parts[1] ** 2) == pytest.approx(0.15)


def test_the_parts_of_the_hrs_spread_add_up_to_the_total() -> None:
    parts = [
        MODEL.hrs_deviation(device, cycle, MODEL.common(static, slow), 0.0)
        for device, cycle, static, slow in np.eye(4)
    ]
    assert np.hypot.reduce(parts) == pytest.approx(0.28)


def test_aging_takes_the_window_from_both_sides() -> None:
    lrs = MODEL.lrs_level(200e-6, 0, 0, 0, 999.0) - MODEL.lrs_median(200e-6)
    hrs = MODEL.hrs_deviation(0, 0, 0, 999.0)
    assert lrs == pytest.approx(0.3 * 0.133 * 3)
    assert hrs == pytest.approx(-0.7 * 0.133 * 3)


@pytest.mark.parametrize(
    ("volts", "seconds", "cycles"),
    [(2.5, 1e-6, 1.46e3), (1.5, 1e-6, 1.46e11), (2.5, 1e-4, 1.46e2)],
)
def test_wear_of_one_reset(volts: float, seconds: float, cycles: float) -> None:
    assert MODEL.wear_per_amp(volts, seconds) * 200e-6 == pytest.approx(1 / cycles)


def test_reads_at_a_low_voltage_never_reset() -> None:
    ten_years = 3e8
    dose = ten_years * float(MODEL.reset_rate(np.array(0.1)))
    fraction = MODEL.reset_fraction(dose, MODEL.reset_turn_on(0.1))
    assert fraction < 1e-3


def test_set_times_of_the_note() -> None:
    t50 = 1 / MODEL.set_rate(np.array([2.0, 1.0, 0.92]))
    assert t50 == pytest.approx([15e-9, 1.015e-6, 10.015e-6], rel=1e-3)


@pytest.mark.parametrize("ohms", [3e3, 11e3, 200e3, 1e8])
@pytest.mark.parametrize("volts", [0.05, 0.1, 0.8, 2.5])
def test_series_current_solves_the_circuit(ohms: float, volts: float) -> None:
    on = 2.5e3
    current = MODEL.series_current(volts, ohms, on, 1.0)
    across = volts - current * on
    y = across / MODEL.conduction_scale(ohms)
    assert current == pytest.approx(across / ohms * np.sinh(y) / y, rel=1e-3)


def test_series_current_of_arrays_is_that_of_numbers() -> None:
    volts, ohms = (a.ravel() for a in np.meshgrid([0.1, 1.0, 2.5], [2e3, 1e4, 3e5, 1e8]))
    on, limit = np.full(12, 6e3), np.full(12, 150e-6)
    many = MODEL.series_currents(volts, ohms, on, limit)
    one = [
        MODEL.series_current(*(float(v) for v in case))
        for case in zip(volts, ohms, on, limit, strict=True)
    ]
    assert many == pytest.approx(one, rel=1e-4)
    assert many.max() == pytest.approx(150e-6)


def test_read_noise_grows_from_lrs_to_hrs() -> None:
    assert MODEL.read_noise(np.log10(10e3)) == 0.005
    assert MODEL.read_noise(np.log10(200e3)) == pytest.approx(0.05)
    assert MODEL.read_noise(np.log10(5e6)) == 0.05
    assert 0.005 < MODEL.read_noise(np.log10(60e3)) < 0.05
