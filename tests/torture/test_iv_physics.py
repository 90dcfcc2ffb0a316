"""Quasi-static sweeps of simulated dies against closed forms of the rate laws (device note, 4).

Slow voltages switch at lower ones than pulses do, by how much says the law of each kind.
"""

from __future__ import annotations

import numpy as np
import pytest

from instruments.sim.chip.device import MODEL, Kind
from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.sweeping import QuasiStaticSweep
from labctl.analysis.iv import reset_switching, set_switching
from labctl.bench import Bench, DieChoice
from tests.simulated import die_of

pytestmark = pytest.mark.torture

CELLS = [(row, column, device) for row in range(4) for column in range(4) for device in (0, 1)]
CONDITIONS = ProgramConditions()
SEEDS = (11, 12)


@pytest.fixture(params=SEEDS)
def bench(request, setup, tmp_path):
    with Bench(setup, DieChoice(None, request.param, tmp_path)) as bench:
        yield bench


def all_cells(chip):
    mask = np.zeros((*chip.shape, 2), dtype=bool)
    mask[tuple(np.array(CELLS).T)] = True
    return mask


@pytest.mark.parametrize("delay_s", [2e-3, 50e-3])
def test_forming_sweeps_follow_the_hazard(bench, delay_s):
    """Sum over the steps of delay exp((V - Vf)/0.11 V)/110 us reaches 1: exact for each device."""
    chip, die = bench.chip, die_of(bench)
    gate = chip.schemes.forming_gate_v
    sweep = QuasiStaticSweep.by_step("form", 2.8, 0.05, delay_s, gate)
    way = sweep.staircase.volts[: sweep.staircase.points]
    for cell in CELLS:
        # Two readings of 0.1 ms are part of each step.
        held_s = delay_s + 0.2e-3
        dose = np.cumsum(MODEL.forming_rate(way) * MODEL.forming_factor(die.forming_volts[cell]))
        expected = way[np.argmax(dose * held_s >= 1)]
        found = set_switching(sweep.staircase.volts, sweep.run(chip, *cell).device)
        assert found.volts == pytest.approx(expected, abs=0.051)


def test_set_sweeps_take_ten_times_longer_0_08_v_below(bench):
    """t50 = 15 ns + 1 us 10^(-(u - 1 V)/0.08 V): 5.6 ms at 0.70 V, and coarse steps add nothing."""
    chip, die = bench.chip, die_of(bench)
    chip.form(all_cells(chip))
    gate = chip.schemes.table.gate_v(100e-6)
    t50_s = 1 / float(MODEL.set_rate(np.array(0.70)))
    assert t50_s == pytest.approx(5.6e-3, rel=0.01)
    switched = {}
    for delay_s in (1e-3, 15e-3):
        chip.reset(all_cells(chip), CONDITIONS)
        sweep = QuasiStaticSweep.by_step("set", 0.70, 0.1, delay_s, gate)
        for cell in CELLS:
            sweep.run(chip, *cell)
        switched[delay_s] = np.mean([die.kind[cell] == Kind.LRS for cell in CELLS])
    # The top is held twice. 2.4 ms are 2.2 sigma short of t50, 15 ms 2.5 sigma beyond it.
    assert switched[1e-3] < 0.2
    assert switched[15e-3] > 0.85


@pytest.mark.parametrize("delay_s", [2e-3, 50e-3])
def test_reset_sweeps_peak_where_the_rate_law_says(bench, delay_s):
    """The median device's F(V) along the staircase, its current, and where that peaks."""
    chip = bench.chip
    chip.form(all_cells(chip))
    sweep = QuasiStaticSweep.by_step("reset", 1.5, 0.02, delay_s, 3.3)
    peaks = []
    for cell in CELLS:
        amperes = sweep.run(chip, *cell).device
        found = reset_switching(sweep.staircase.volts, amperes)
        if found.switched:
            peaks.append(found.volts)
    assert len(peaks) > len(CELLS) / 2
    assert np.median(peaks) == pytest.approx(_reset_peak(sweep, delay_s + 0.2e-3), abs=0.03)


def _reset_peak(sweep, held_s):
    way = sweep.staircase.volts[: sweep.staircase.points]
    doses = np.cumsum(MODEL.reset_rate(way) * held_s)
    lrs = MODEL.lrs_median(200e-6)
    levels = []
    for volts, dose in zip(way, doses, strict=True):
        fraction = MODEL.reset_fraction(float(dose), MODEL.reset_turn_on(float(volts)))
        hrs = MODEL.hrs_median(float(volts), held_s)
        levels.append(MODEL.hrs_level(fraction, hrs, lrs, lrs, 0.0))
    ohms = 10 ** np.maximum.accumulate(levels)
    return way[np.argmax(way / (ohms + MODEL.on_resistance(3.3 - MODEL.threshold)))]
