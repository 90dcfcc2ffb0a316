"""The loop of a cycled bit, and how a request is split into executions."""

from __future__ import annotations

import numpy as np
import pytest

from instruments.testchip import cycling
from instruments.testchip.chip import NOT_READ
from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.cycling import (
    BARE,
    CENSORED_ABOVE,
    CENSORED_BELOW,
    HRS_RANGE,
    LRS_RANGE,
    SENSED,
    LoopReads,
    ResistanceReads,
    cycle_loop,
    device_ranges,
    executions,
)
from instruments.testchip.pads import PULSED_PADS
from instruments.testchip.waveforms import PulseSchemes
from instruments.wgfmu.library import MeasureCurrentRange
from labctl.benchfile import load_setup

CHIP = load_setup(None).chip
VDD = CHIP.supplies.vdd
PULSES = PulseSchemes(CHIP, CHIP, VDD)
STRONG = ProgramConditions(set_compliance_a=200e-6)
FAST = ProgramConditions(set_compliance_a=200e-6, reset_v=2.0, width_s=100e-9)
READS = [
    BARE,
    SENSED,
    *(LoopReads(sensed, r) for r in ResistanceReads for sensed in (False, True)),
]


def loops(conditions=STRONG):
    return [pytest.param(cycle_loop(PULSES, conditions, r), r, id=str(r)) for r in READS]


def level(scheme, pad, seconds):
    points = scheme.points[pad]
    return np.interp(seconds, points[:, 0], points[:, 1])


def every_moment(scheme):
    return np.arange(round(scheme.duration_s / 10e-9) + 1) * 10e-9


@pytest.mark.parametrize(("loop", "reads"), loops() + loops(FAST))
def test_a_loop_goes_from_idle_to_idle_so_that_it_repeats_without_a_gap(loop, reads):
    assert set(loop.points) == {*PULSED_PADS, *(["Q"] if reads.sensed else [])}
    for pad, points in loop.points.items():
        idle = VDD if pad == "BYP" else 0.0
        assert (points[0, 1], points[-1, 1]) == (idle, idle)
        assert points[-1, 0] == loop.duration_s


@pytest.mark.parametrize(("loop", "reads"), loops() + loops(FAST))
def test_wl_never_moves_while_connected_lines_differ(loop, reads):
    """While BYP connects the pads to the bit (bench note, pulse schemes)."""
    times = every_moment(loop)
    lines = np.array([level(loop, pad, times) for pad in ("SL", "BL", "BLB")])
    spread = np.ptp(lines, axis=0)
    connected = level(loop, "BYP", times) > 0
    moving = np.flatnonzero(np.diff(level(loop, "WL", times)) != 0)
    for moment in (moving, moving + 1):
        assert (spread[moment][connected[moment]] <= 0.3).all()
    assert connected[moving].any()


@pytest.mark.parametrize(("loop", "reads"), loops())
def test_senses_are_in_the_order_of_the_bench_note(loop, reads):
    times = every_moment(loop)
    wl, sl, sen, byp = (level(loop, pad, times) for pad in ("WL", "SL", "SEN", "BYP"))
    edges = np.flatnonzero((sen[1:] > 0) & (sen[:-1] == 0))
    assert len(edges) == (2 if reads.sensed else 0)
    # SEN and BYP both high leave the latch undefined.
    assert not ((sen > 0) & (byp > 0)).any()
    # BYP must be 1 while a line exceeds VDD.
    for pad in ("SL", "BL", "BLB"):
        assert (byp[level(loop, pad, times) > VDD + 1e-9] == VDD).all()
    for edge in edges:
        precharge = np.flatnonzero(sl[:edge] == 0)[-1]
        word_line = np.flatnonzero(wl[:edge] == 0)[-1]
        assert (word_line - precharge) * 10e-9 >= 200e-9
        assert (edge - word_line) * 10e-9 >= 200e-9
        assert byp[precharge] == 0
        # SL falls on the edge on which SEN rises.
        assert sl[edge] == VDD
        assert sl[edge + 4] < 1e-9
    for event, edge in zip(loop.measure.get("Q", ()), edges, strict=True):
        first, last = round(event.start_s / 10e-9), round(event.end_s / 10e-9)
        assert event.start_s >= (edge + 3) * 10e-9 + 300e-9 - 1e-12
        assert event.average_s == 200e-9
        assert (wl[first : last + 1] == CHIP.levels.word_line_on).all()
        assert (sen[first : last + 1] == VDD).all()
        assert (level(loop, "Q", times) == 0).all()


@pytest.mark.parametrize(("loop", "reads"), loops())
def test_resistances_are_read_at_the_read_voltage_after_settling(loop, reads):
    times = every_moment(loop)
    lines = {pad: level(loop, pad, times) for pad in ("SL", "BL", "BLB", "WL", "BYP")}
    for pad in ("BL", "BLB"):
        assert len(loop.measure.get(pad, ())) == len(reads.resistance.bits)
    slowest = max(r.settling_s for r in device_ranges(reads.resistance))
    for event in loop.measure.get("BL", ()):
        begin = round((event.start_s - 2.4 * slowest) / 10e-9)
        moment = slice(begin, round(event.end_s / 10e-9) + 1)
        assert (lines["SL"][moment] == CHIP.levels.read).all()
        assert (lines["BL"][moment] == 0).all()
        assert (lines["BLB"][moment] == 0).all()
        assert (lines["WL"][moment] == CHIP.levels.word_line_on).all()
        assert (lines["BYP"][moment] == VDD).all()


def test_the_hrs_side_has_the_finer_range():
    after_0 = cycle_loop(PULSES, STRONG, LoopReads(resistance=ResistanceReads.AFTER_0))
    after_1 = cycle_loop(PULSES, STRONG, LoopReads(resistance=ResistanceReads.AFTER_1))
    both = cycle_loop(PULSES, STRONG, LoopReads(resistance=ResistanceReads.AFTER_BOTH))
    coarse, fine = MeasureCurrentRange.UA100, MeasureCurrentRange.UA10
    assert after_0.ranges == {"BL": coarse, "BLB": fine}
    assert after_1.ranges == {"BL": fine, "BLB": coarse}
    assert both.ranges == {"BL": coarse, "BLB": coarse}


@pytest.mark.parametrize(("loop", "reads"), loops())
def test_a_loop_programs_bit_0_and_then_bit_1(loop, reads):
    alone = [PULSES.program_bit(bit, STRONG) for bit in (0, 1)]
    assert loop.pulses == alone[0].pulses + alone[1].pulses
    times = every_moment(alone[0])
    for pad in PULSED_PADS:
        np.testing.assert_allclose(level(loop, pad, times), level(alone[0], pad, times))


@pytest.mark.parametrize("wanted", [1, 7, 1_886_792, 10**7, 350_000_000])
@pytest.mark.parametrize("reads", READS)
def test_executions_stay_within_time_and_memory(wanted, reads):
    seconds = cycle_loop(PULSES, STRONG, reads).duration_s
    sizes = list(executions(wanted, seconds, reads))
    assert sum(sizes) == wanted
    assert max(sizes) * seconds <= 10.0
    assert max(sizes) * reads.values_per_loop <= 3_500_000
    # One download serves all but the last.
    assert len(set(sizes[:-1])) <= 1
    assert len(sizes) <= np.ceil(wanted * max(seconds / 9.9, reads.values_per_loop / 3.4e6)) + 1


def test_a_loop_longer_than_an_execution_is_refused():
    with pytest.raises(ValueError, match="longer than an execution may last"):
        list(executions(1, 11.0, BARE))


def test_currents_of_an_output_become_levels():
    high = 120e-6
    currents = -high * np.array([1.0, 1.3, 0.7, 0.5, 0.3, 0.0, -0.3, -0.5, 1.5, np.nan])
    read = cycling.levels(currents, high).tolist()
    no = NOT_READ
    assert read == [1, 1, 1, no, 0, 0, 0, no, no, no]


@pytest.mark.parametrize("scale", [LRS_RANGE, HRS_RANGE], ids=["100uA", "10uA"])
def test_a_censored_resistance_is_never_a_value(scale):
    floor, full = 5 * scale.noise_a, scale.full_scale_a
    currents = np.array([-0.99 * full, np.nan, -1.01 * floor, -0.99 * floor, 0.0, 1.01 * floor])
    ohm, code = cycling.resistances(currents, 0.1, scale)
    assert code.tolist() == [0, CENSORED_BELOW, 0, CENSORED_ABOVE, CENSORED_ABOVE, 0]
    assert np.isnan(ohm[[1, 3, 4, 5]]).all()
    np.testing.assert_allclose(ohm[[0, 2]], -0.1 / currents[[0, 2]], rtol=1e-6)
    assert (ohm[0] > scale.lowest_ohm(0.1), ohm[2] < scale.highest_ohm(0.1)) == (True, True)
