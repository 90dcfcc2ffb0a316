"""Power-down tries everything although any one part of it fails."""

from __future__ import annotations

import pytest

from instruments.b1500.mainframe import B1500
from instruments.sim.faults.calls import CallFault
from instruments.sim.faults.flex import BUS_TIMEOUT_S, BusTimeout, MissingReply, RefusedLine
from instruments.sim.faults.when import Switch, When
from instruments.sim.station import WGFMU_PADS
from labctl.bench import Bench, DieChoice, make_safe
from tests.simulated import station_of

SEED = 7_311_907
OFF_S = 1.0
"""Outputs are off so soon after whatever happens, s of bench time."""
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
    assert bench.problems == []


@pytest.mark.parametrize("slot", SMUS)
def test_an_smu_that_refuses_cl_is_named_and_switched_off_with_all_others(setup, tmp_path, slot):
    bench = left_with(setup, tmp_path, lambda when: RefusedLine(f"CL {slot}$", when))
    assert_off(bench)
    named, errors = bench.problems
    assert named.startswith(f"{SMUS[slot]} to 0 V and off: ")
    assert f"SMU {slot} is still closed" in named
    assert errors.startswith("read the mainframe's errors: B1500A: error 152")


@pytest.mark.parametrize("slot", SMUS)
def test_an_smu_that_does_not_answer_is_switched_off_and_named(setup, tmp_path, slot):
    bench = left_with(setup, tmp_path, lambda when: MissingReply(rf"\*LRN\? {slot}$", when))
    assert_off(bench)
    (problem,) = bench.problems
    assert problem.startswith(f"{SMUS[slot]} to 0 V and off: ")
    assert f"*LRN? {slot} was not answered" in problem


NO_TROUBLE, SILENT, DEAF = "no trouble", "answers nothing", "takes no lines either"
MAINFRAMES = {
    NO_TROUBLE: [],
    SILENT: [lambda when: MissingReply(".*", when)],
    DEAF: [lambda when: BusTimeout(".*", when)],
}


class Watched:
    """A bench with everything on, and what its pads and questions do from the fault on.

    ``falls`` are pads in the order in which they came to 0 V, each with the bench time (s) since.
    """

    def __init__(self, setup, folder, builds, monkeypatch):
        self.trouble = Switch()
        faults = [build(When(count=None, during=self.trouble)) for build in builds]
        self.bench = Bench(setup, DieChoice(None, SEED, folder), faults)
        self.bench.__enter__()
        chip, station = self.bench.chip, station_of(self.bench)
        chip.meters_to_pads()
        chip.connections.meters["SL"].force_voltage(0.1, 1e-3)
        for pad in ("WL", "SEN", "BYP", "Q", "QB"):
            chip.connections.channels[pad].force(1.0)
        self.falls: list[tuple[str, float]] = []
        self.asked_while_on: list[str] = []
        self._held = {"SL": 0.1, "VDD": 1.2, "VDDH": 3.3} | dict.fromkeys(
            ("WL", "SEN", "BYP", "Q", "QB"), 1.0
        )
        self._begin = self.bench.now()
        hold, ask = station.chip.hold, B1500.ask

        def held(pad, volts):
            if self._held.pop(pad, 0.0) and not volts:
                self.falls.append((pad, self.bench.now() - self._begin))
            hold(pad, volts)

        def asked(mainframe, command, query_delay=None):
            if self._held:
                self.asked_while_on.append(command)
            return ask(mainframe, command, query_delay)

        monkeypatch.setattr(station.chip, "hold", held)
        monkeypatch.setattr(B1500, "ask", asked)
        self.trouble.on = True

    @property
    def order(self):
        return [pad for pad, _ in self.falls]

    @property
    def spent(self):
        return self.bench.now() - self._begin


PULSED = ["WL", "SL", "SEN", "BYP", "Q", "QB"]


@pytest.mark.parametrize("mainframe", [NO_TROUBLE, SILENT])
def test_all_outputs_are_off_in_order_before_anything_is_asked(
    setup, tmp_path, monkeypatch, mainframe
):
    watched = Watched(setup, tmp_path, MAINFRAMES[mainframe], monkeypatch)
    watched.bench.leave()
    assert watched.order == [*PULSED, "VDD", "VDDH"]
    assert watched.asked_while_on == []
    assert watched.falls[-1][1] < OFF_S
    assert_off(watched.bench)


def test_a_mainframe_that_answers_nothing_is_waited_for_once(setup, tmp_path, monkeypatch):
    watched = Watched(setup, tmp_path, MAINFRAMES[SILENT], monkeypatch)
    watched.bench.leave()
    assert watched.spent < BUS_TIMEOUT_S + 2 * OFF_S
    assert [p.split(" to 0 V")[0] for p in watched.bench.problems[:5]] == list(SMUS.values())
    assert watched.bench.may_be_energised == "SL, BL, BLB, VDD, VDDH"


def test_a_mainframe_that_takes_no_lines_keeps_no_pulse_channel_on(setup, tmp_path, monkeypatch):
    watched = Watched(setup, tmp_path, MAINFRAMES[DEAF], monkeypatch)
    watched.bench.leave()
    assert watched.order == PULSED
    assert watched.asked_while_on[0] == "*LRN? 5"
    assert watched.falls[-1][1] < OFF_S
    assert watched.spent < BUS_TIMEOUT_S + 4 * OFF_S
    station = station_of(watched.bench)
    assert {path.value for path in station.channel_path.values()} == {"open"}
    assert set(station.channel_volts.values()) == {0.0}
    assert watched.bench.may_be_energised == "SL, BL, BLB, VDD, VDDH"


@pytest.mark.parametrize("mainframe", [NO_TROUBLE, SILENT])
def test_labctl_safe_takes_down_in_order_what_another_program_left_on(
    setup, tmp_path, monkeypatch, mainframe
):
    watched = Watched(setup, tmp_path, MAINFRAMES[mainframe], monkeypatch)
    left_on = watched.bench.instruments
    watched.bench._wgfmu.close()
    monkeypatch.setattr("labctl.bench.open_instruments", lambda *_: (left_on, {}))
    problems = make_safe(setup)
    assert watched.order == [*PULSED, "VDD", "VDDH"]
    assert_off(watched.bench)
    if mainframe == NO_TROUBLE:
        assert problems == []
    else:
        assert problems[0].startswith("the bench did not open: ")
        named = [problem.split(" to 0 V")[0] for problem in problems[1:6]]
        assert named == list(SMUS.values())
        assert watched.falls[-1][1] < BUS_TIMEOUT_S + OFF_S


def test_a_library_that_answers_nothing_but_errors(setup, tmp_path):
    bench = left_with(setup, tmp_path, lambda when: CallFault(".*", when))
    station = station_of(bench)
    assert {path.value for path in station.channel_path.values()} == {"open"}
    assert set(station.smu_volts.values()) == {None}
    for pad in WGFMU_PADS.values():
        assert any(problem.startswith(f"{pad} to 0 V: ") for problem in bench.problems)
        assert any(problem.startswith(f"open the switch of {pad}: ") for problem in bench.problems)
