"""Power-down tries everything although any one part of it fails."""

from __future__ import annotations

import pytest

from instruments.sim.faults.calls import CallFault
from instruments.sim.faults.flex import BusTimeout, MissingReply
from instruments.sim.faults.when import Switch, When
from instruments.sim.station import WGFMU_PADS
from labctl.bench import Bench, DieChoice
from tests.simulated import station_of

SEED = 7_311_907
SMUS = {5: "meter of SL", 6: "meter of BL", 7: "meter of BLB", 8: "VDD", 9: "VDDH"}


def left_with(setup, folder, build):
    """A bench that was left with everything on, while the fault of ``build(when)`` was there."""
    leaving = Switch()
    faults = [build(When(count=None, during=leaving))]
    bench = Bench(setup, DieChoice(None, SEED, folder), faults)
    with bench:
        at = bench.chip.connections
        for channel in at.channels.values():
            channel.force(1.0)
        at.meters["SL"].force_voltage(0.1, 1e-3)
        leaving.on = True
    leaving.on = False
    return bench


def assert_off(bench, except_channel=None):
    """Every switch is open, every SMU off, every channel at 0 V but one."""
    station = station_of(bench)
    assert {path.value for path in station.channel_path.values()} == {"open"}
    assert set(station.smu_volts.values()) == {None}
    held = {channel for channel, volts in station.channel_volts.items() if volts != 0.0}
    assert held == ({except_channel} if except_channel else set())


@pytest.mark.parametrize("channel", WGFMU_PADS)
def test_a_channel_that_cannot_be_set_to_0_volts(setup, tmp_path, channel):
    bench = left_with(
        setup, tmp_path, lambda when: CallFault("dcforceVoltage", when, channel=channel)
    )
    assert_off(bench, except_channel=channel)
    (problem,) = bench.problems
    assert problem.startswith(f"{WGFMU_PADS[channel]} to 0 V: ")


@pytest.mark.parametrize("channel", WGFMU_PADS)
def test_a_channel_that_cannot_be_configured_goes_to_0_volts_all_the_same(setup, tmp_path, channel):
    bench = left_with(
        setup, tmp_path, lambda when: CallFault("setOperationMode", when, channel=channel)
    )
    assert_off(bench)
    assert bench.problems == []


@pytest.mark.parametrize("channel", WGFMU_PADS)
def test_a_switch_that_does_not_open_is_opened_with_all_others(setup, tmp_path, channel):
    bench = left_with(setup, tmp_path, lambda when: CallFault("disconnect", when, channel=channel))
    assert_off(bench)
    (problem,) = bench.problems
    assert problem.startswith(f"open the switch of {WGFMU_PADS[channel]}: ")


def test_pulse_generators_that_do_not_stop(setup, tmp_path):
    bench = left_with(setup, tmp_path, lambda when: CallFault("abort", when))
    assert_off(bench)
    (problem,) = bench.problems
    assert problem.startswith("stop the pulse generators: ")


@pytest.mark.parametrize("slot", SMUS)
def test_an_smu_that_does_not_take_dz_is_off_all_the_same(setup, tmp_path, slot):
    bench = left_with(setup, tmp_path, lambda when: BusTimeout(f"DZ {slot}$", when))
    assert_off(bench)
    assert bench.problems == []


@pytest.mark.parametrize("slot", SMUS)
def test_an_smu_that_does_not_take_cl_is_switched_off_with_all_others(setup, tmp_path, slot):
    bench = left_with(setup, tmp_path, lambda when: BusTimeout(f"CL {slot}$", when))
    assert_off(bench)
    (problem,) = bench.problems
    assert problem.startswith(f"{SMUS[slot]} to 0 V and off: ")
    assert f"SMU {slot} is still closed" in problem


@pytest.mark.parametrize("slot", SMUS)
def test_an_smu_that_does_not_answer_is_switched_off_and_named(setup, tmp_path, slot):
    bench = left_with(setup, tmp_path, lambda when: MissingReply(rf"\*LRN\? {slot}$", when))
    assert_off(bench)
    (problem,) = bench.problems
    assert problem.startswith(f"{SMUS[slot]} to 0 V and off: ")
    assert f"*LRN? {slot} was not answered" in problem


def test_a_mainframe_that_answers_nothing(setup, tmp_path):
    bench = left_with(setup, tmp_path, lambda when: MissingReply(".*", when))
    assert_off(bench)
    assert [problem.split(" to 0 V")[0] for problem in bench.problems[:5]] == list(SMUS.values())


def test_a_library_that_answers_nothing_but_errors(setup, tmp_path):
    bench = left_with(setup, tmp_path, lambda when: CallFault(".*", when))
    station = station_of(bench)
    assert {path.value for path in station.channel_path.values()} == {"open"}
    assert set(station.smu_volts.values()) == {None}
    for pad in WGFMU_PADS.values():
        assert any(problem.startswith(f"{pad} to 0 V: ") for problem in bench.problems)
        assert any(problem.startswith(f"open the switch of {pad}: ") for problem in bench.problems)
