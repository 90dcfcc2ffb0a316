"""No answer is ever taken for that of another question."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from instruments.b1500.mainframe import B1500, B1500Error
from instruments.sim.clock import VirtualClock
from instruments.sim.faults.flex import (
    FaultyMainframe,
    GarbledReply,
    LateReply,
    MissingReply,
    NonAsciiReply,
    SplitReply,
    TruncatedReply,
)
from instruments.sim.faults.when import Switch, When
from instruments.sim.flex.adapter import MainframeAdapter
from instruments.sim.flex.mainframe import Mainframe
from instruments.sim.station import DEFAULT_MODULES, Station
from tests.fakes import FakeChip

SEED = 91_204_417
QUESTIONS = 3000


@dataclass
class AtRandom(When):
    """Strikes a share of the calls."""

    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(SEED))
    share: float = 0.1

    def strikes(self, now_s):
        return self.during.on and self.rng.random() < self.share


def opened(build, chip=None):
    """A mainframe with two SMUs on behind a bad bus, and the switch of its faults."""
    bad = Switch()
    station = Station(chip or FakeChip({"VDD": 2e-6, "VDDH": 5e-6}), VirtualClock())
    simulated = Mainframe(station, np.random.default_rng(SEED))
    mainframe = B1500(MainframeAdapter(FaultyMainframe(simulated, build(bad))))
    mainframe.open(DEFAULT_MODULES)
    for slot in (8, 9):
        mainframe.smus[slot].enable()
    return mainframe, bad


def questions(mainframe, chip):
    """Each question with whether an answer is its own, and of this moment."""
    vdd, vddh, off = (mainframe.smus[slot] for slot in (8, 9, 5))
    return [
        (vdd.measure_current, lambda spot: abs(spot.value - chip.currents["VDD"]) < 1e-8),
        (vddh.measure_current, lambda spot: abs(spot.value - chip.currents["VDDH"]) < 1e-8),
        (vdd.measure_voltage, lambda spot: abs(spot.value) < 1e-2),
        (lambda: vdd.is_on, lambda on: on),
        (lambda: off.is_on, lambda on: not on),
        (mainframe.inventory, lambda found: found == DEFAULT_MODULES),
        (mainframe.drain_errors, lambda errors: errors == []),
    ]


@pytest.mark.parametrize(
    "kinds",
    [
        [LateReply],
        [SplitReply],
        [LateReply, MissingReply, GarbledReply, TruncatedReply, SplitReply, NonAsciiReply],
    ],
    ids=["late", "split", "all kinds"],
)
def test_answers_are_never_shifted(kinds):
    rng = np.random.default_rng(SEED)
    chip = FakeChip()
    mainframe, bad = opened(
        lambda bad: [
            kind(".*", AtRandom(during=bad, rng=rng, share=0.15 / len(kinds))) for kind in kinds
        ],
        chip,
    )
    bad.on = True
    right = shifted = refused = 0
    for _ in range(QUESTIONS):
        # Never twice the same: an old answer to the same question would show.
        chip.currents = dict(zip(("VDD", "VDDH"), rng.uniform(2e-6, 9e-6, 2), strict=True))
        ask, is_right = questions(mainframe, chip)[rng.integers(7)]
        try:
            answer = ask()
        except B1500Error:
            refused += 1
            continue
        right += bool(is_right(answer))
        shifted += not is_right(answer)
    assert shifted == 0
    assert right > 0.8 * QUESTIONS
    assert refused > 0
    bad.on = False
    assert all(is_right(ask()) for ask, is_right in questions(mainframe, chip))


def test_unread_data_of_a_lost_reading_do_not_become_the_next_reading():
    """A reading that stays in the mainframe's own buffer is cleared, not read in the next turn."""
    mainframe, _ = opened(lambda bad: [])
    mainframe.write("TI 8,0")
    mainframe.synchronise()
    assert abs(mainframe.smus[9].measure_current().value - 5e-6) < 1e-7


def test_a_mainframe_that_stays_silent_is_given_up_with_a_sentence():
    mainframe, bad = opened(lambda bad: [MissingReply(".*", When(count=None, during=bad))])
    bad.on = True
    with pytest.raises(B1500Error, match="out of step with questions, and cannot be brought back"):
        mainframe.smus[8].measure_current()
    bad.on = False
    assert mainframe.smus[8].measure_current().valid


def test_commands_that_zero_outputs_are_sent_out_of_step():
    mainframe, bad = opened(lambda bad: [MissingReply(".*", When(count=None, during=bad))])
    bad.on = True
    with pytest.raises(B1500Error):
        mainframe.smus[8].make_safe()
    bad.on = False
    assert not mainframe.smus[8].is_on
    assert mainframe.smus[9].is_on
