"""Staircase sweeps: the exact messages, and what a simulated mainframe makes of them."""

from __future__ import annotations

import numpy as np
import pytest
from pymeasure.adapters import ProtocolAdapter

from instruments.b1500.mainframe import B1500, B1500Error, SpotSMU
from instruments.b1500.staircase import Staircase, StaircaseSweep
from instruments.limits import LimitError, VoltageLimit
from instruments.sim.clock import VirtualClock
from instruments.sim.flex.adapter import MainframeAdapter
from instruments.sim.flex.mainframe import Mainframe
from instruments.sim.station import WGFMU_PADS, Path, Station
from tests.fakes import FakeChip

QUIET = ("ERRX?", '+0,"No Error."')
STAIRS = Staircase(0.2, 2, 0.05)
REPLY = "NFI-001.000E-06,NGI-002.000E-09,NFI-003.000E-06,NGI+000.000E+00," * 2


def sent(*lines):
    """Lines that are each followed by a look at the error queue."""
    return [pair for line in lines for pair in ((line, None), QUIET)]


PREPARED = sent(
    "WV5, 3, 0, 0.0, 0.2, 2, 0.001",
    "WSV7, 0, 0.0, 0.2, 0.001",
    "RI 6, 0",
    "CMM 6, 1",
    "RI 7, 0",
    "CMM 7, 1",
    "TSC 0",
    "MM 2,6,7",
    "WT 0, 0.05, 0, 0, 0",
    "WM 2, 1",
)


def scripted(*pairs, limit=1.0):
    """A sweep of SMU 5 with 7 in step, 6 and 7 measured, on an instrument that says ``pairs``."""
    mainframe = B1500(ProtocolAdapter(list(pairs)))
    smus = {slot: SpotSMU(mainframe, slot, "B1517A") for slot in (5, 6, 7)}
    for smu in smus.values():
        smu.limit = VoltageLimit("SL", -0.3, limit)
    return StaircaseSweep(STAIRS, smus[5], (smus[7],), (smus[6], smus[7]), 1e-3)


def test_a_sweep_is_prepared_triggered_and_read_once():
    sweep = scripted(*PREPARED, ("XE", None), (None, REPLY.rstrip(",")))
    sweep.start()
    currents = sweep.read()
    assert currents.shape == (2, 4)
    assert currents[0].tolist() == [-1e-6, -3e-6, -1e-6, -3e-6]
    assert currents[1].tolist() == [-2e-9, 0.0, -2e-9, 0.0]


def test_invalid_readings_of_a_sweep_are_no_values():
    reply = REPLY.rstrip(",").replace("NFI-003.000E-06", "CFI-001.000E-03", 1)
    reply = reply.replace("NGI-002.000E-09", "VGI+199.999E+99", 1)
    sweep = scripted(*PREPARED, ("XE", None), (None, reply))
    sweep.start()
    currents = sweep.read()
    assert np.isnan(currents).tolist() == [[False, True, False, False], [True, False, False, False]]


@pytest.mark.parametrize(
    "reply",
    ["", "NFI-001.000E-06", REPLY.rstrip(",").replace("G", "F"), REPLY + "NFI-001.000E-06"],
)
def test_anything_else_is_an_error_and_nothing_is_triggered_again(reply):
    sweep = scripted(*PREPARED, ("XE", None), (None, reply))
    sweep.start()
    with pytest.raises(B1500Error, match="a sweep of 8 values was answered by"):
        sweep.read()


def test_a_top_beyond_the_limit_is_not_sent():
    with pytest.raises(LimitError, match=r"0\.2 V on pad SL is not allowed"):
        scripted(limit=0.1).start()


def test_a_follower_beyond_its_limit_ends_it_before_the_trigger():
    sweep = scripted(*PREPARED[:2])
    sweep.followers[0].limit = VoltageLimit("BLB", -0.3, 0.1)
    with pytest.raises(LimitError, match="pad BLB"):
        sweep.start()


@pytest.mark.parametrize(
    ("top_v", "points", "delay_s", "says"),
    [
        (1.0, 1, 0.0, "2 to 1001"),
        (1.0, 1002, 0.0, "2 to 1001"),
        (1.0, 3, -1.0, "0 to 65.535 s"),
        (1.0, 3, float("nan"), "0 to 65.535 s"),
        (1.0, 1001, 0.1, "lasts 200 s; 60 s allowed"),
    ],
)
def test_impossible_staircases_are_refused(top_v, points, delay_s, says):
    with pytest.raises(LimitError, match=says):
        Staircase(top_v, points, delay_s)


def test_steps_divide_the_top_evenly():
    assert Staircase.by_step(1.0, 0.3, 0.0).volts.tolist() == pytest.approx(
        [0, 1 / 3, 2 / 3, 1, 1, 2 / 3, 1 / 3, 0]
    )
    assert Staircase.by_step(0.1, 5.0, 0.0).points == 2


# --- on the simulated mainframe -----------------------------------------------------------------


class Pads:
    """A simulated mainframe whose SMUs 5, 6, 7 reach SL, BL and BLB of a fake chip."""

    def __init__(self) -> None:
        self.chip = FakeChip(resistances={"SL": 10e3, "BL": 20e3, "BLB": 40e3})
        self.clock = VirtualClock()
        self.station = Station(self.chip, self.clock)
        for channel, pad in WGFMU_PADS.items():
            if pad in ("SL", "BL", "BLB"):
                self.station.set_channel_path(channel, Path.SMU)
        simulated = Mainframe(self.station, np.random.default_rng(1))
        mainframe = B1500(MainframeAdapter(simulated))
        mainframe.open(dict.fromkeys(range(5, 10), "B1517A"))
        self.smus = mainframe.smus
        for smu in self.smus.values():
            smu.limit = VoltageLimit("any", -0.3, 3.6)
            smu.enable()


def test_followers_are_in_step_and_all_end_at_0_v():
    pads = Pads()
    smus = pads.smus
    stairs = Staircase.by_step(1.0, 0.1, 0.01)
    sweep = StaircaseSweep(stairs, smus[5], (smus[7],), (smus[5], smus[6], smus[7]), 1e-3)
    pads.chip.holds.clear()
    begin = pads.clock.now()
    sweep.start()
    sl, bl, blb = sweep.read()
    assert pads.clock.now() - begin > stairs.shortest_s
    assert sl == pytest.approx(stairs.volts / 10e3, rel=1e-3, abs=2e-8)
    assert blb == pytest.approx(stairs.volts / 40e3, rel=1e-3, abs=2e-8)
    assert bl == pytest.approx(0, rel=1e-3, abs=2e-8)
    levels = {"SL": 0.0, "BLB": 0.0}
    apart = []
    for pad, volts in pads.chip.holds:
        levels[pad] = volts
        apart.append(abs(levels["SL"] - levels["BLB"]))
    assert max(apart) <= 0.1 + 1e-9
    assert (pads.chip.held["SL"], pads.chip.held["BLB"]) == (0.0, 0.0)


def test_a_sweep_that_meets_its_compliance_ends_at_once():
    pads = Pads()
    smus = pads.smus
    sweep = StaircaseSweep(Staircase.by_step(2.0, 0.1, 0.0), smus[5], (), (smus[5],), 1e-4)
    sweep.start()
    (amperes,) = sweep.read()
    # 10 kohm draw 0.1 mA at 1 V: what came after was not measured.
    known = np.flatnonzero(np.isfinite(amperes))
    assert 0.9 <= sweep.staircase.volts[known[-1]] <= 1.0
    assert known.tolist() == list(range(len(known)))
    assert pads.chip.held["SL"] == 0.0


def test_what_another_program_left_behind_does_no_harm():
    pads = Pads()
    for line in ("RI 5,-11", "CMM 5,2", "TSC 1", "WM 1,2"):
        pads.smus[5].mainframe.write(line)
    sweep = StaircaseSweep(STAIRS, pads.smus[5], (), (pads.smus[5],), 1e-3)
    sweep.start()
    (amperes,) = sweep.read()
    assert amperes == pytest.approx(STAIRS.volts / 10e3, rel=1e-3, abs=2e-8)
    assert pads.chip.held["SL"] == 0.0
