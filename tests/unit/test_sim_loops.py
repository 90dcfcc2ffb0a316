"""Many loops in one go: right where they are alike, and as one by one where they are not."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from instruments.sim.chip.array import Chip
from instruments.sim.chip.bias import ResetBias, SetBias
from instruments.sim.chip.cycling import CyclingLaw
from instruments.sim.chip.device import MODEL, Kind, OxRamModel
from instruments.sim.chip.die import Die
from instruments.sim.chip.loopplan import IrregularLoop, read_loop
from instruments.sim.chip.senseamp import AMPLIFIER
from instruments.sim.waveform import PadWaveform
from tests.unit.loop_agreement import ONE, Case, assert_same_history, p_values, state_of
from tests.unit.sim_loops import (
    LoopConditions,
    LoopWaveform,
    cycled_chip,
    cycling_loop,
    played_one_by_one,
    played_together,
)
from tests.unit.sim_pads import EDGE, VDD, forming_ramp

Floats = NDArray[np.float64]
Loop = tuple[PadWaveform, dict[str, Floats]]

FALSE_ALARMS = 1e-3
"""Of all tests of a family together."""


def is_regular(chip: Chip, loop: Loop) -> bool:
    waveform, samples = loop
    bias = chip._digest(waveform)
    try:
        read_loop(bias, samples, chip.model, chip._threshold)
    except IrregularLoop:
        return False
    return True


# Agreement with the waveform path


def test_like_loops_have_the_law_of_loops_played_one_by_one() -> None:
    seed = secrets.randbits(32)
    rng = np.random.default_rng(seed)
    cases = [Case.drawn(rng, resistance=bool(number % 2)) for number in range(6)]
    found = [p_values(case, 400) for case in cases]
    least = min(p for case in found for p in case)
    assert least > FALSE_ALARMS / sum(map(len, found)), (seed, cases, found)


def test_loops_that_are_screened_read_wrong_as_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """High compliance, where few loops are worked out, against all of them worked out."""
    seed = secrets.randbits(31)
    waveform, samples = cycling_loop(LoopConditions(150e-6, reset_v=1.6))
    loops = 150_000
    ones = []
    for most in (1.0, 0.0):
        monkeypatch.setattr("instruments.sim.chip.screen.MOST_WORKED_OUT", most)
        chip, die = cycled_chip(seed, OxRamModel(slow_cycles=50))
        die.wear[0, 0] = 1e3
        currents = played_together(chip, waveform, loops, samples)
        ones.append((currents["Q"] < ONE).sum(axis=1))
    for half in (0, 1):
        table = [[int(count[half]), loops - int(count[half])] for count in ones]
        assert stats.fisher_exact(table).pvalue > FALSE_ALARMS / 2, (seed, ones)


def test_few_loops_of_a_strong_programming_are_worked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    worked_out = 0
    whole = CyclingLaw.work_out

    def counted(law: CyclingLaw, state: object, index: Floats, *rest: object) -> object:
        nonlocal worked_out
        worked_out += len(index)
        return whole(law, state, index, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(CyclingLaw, "work_out", counted)
    chip, die = cycled_chip(3)
    die.pair_static[0, 0] = die.pair_slow[0, 0] = 0.0
    waveform, samples = cycling_loop()
    played_together(chip, waveform, 100_000, samples)
    assert 0 < worked_out < 0.1 * 100_000


@pytest.mark.parametrize(
    ("vdd", "early"),
    [(1.2, EDGE / 2 + 12e-9), (0.6, 200e-9), (0.6, EDGE / 2 + 12e-9)],
    ids=["while it latches", "near threshold", "both"],
)
def test_outputs_that_are_undecided_are_so_as_often(vdd: float, early: float) -> None:
    """Looked at before the latch stands, and at a supply at which many branches stay high."""
    seed = secrets.randbits(31)
    at = LoopConditions(40e-6, vdd=vdd)
    loop = LoopWaveform(vdd)
    for bit in (0, 1):
        loop.program(bit, at)
        loop.sense(early)
    waveform, samples = loop.finished()
    found = []
    for play in (played_together, played_one_by_one):
        chip, _ = cycled_chip(seed, OxRamModel(slow_cycles=0.5), vdd=vdd)
        currents = play(chip, waveform, 1500, samples)
        high = {pad: values < ONE * vdd / 1.2 for pad, values in currents.items()}
        found.append([2 * high["Q"][half] + high["QB"][half] for half in (0, 1)])
    assert is_regular(chip, (waveform, samples))
    undecided = np.mean([(codes == 3).mean() for codes in found[1]])
    assert 0.02 < undecided < 0.98
    for half in (0, 1):
        kinds = sorted(set(found[0][half]) | set(found[1][half]))
        table = [[int((way[half] == kind).sum()) for kind in kinds] for way in found]
        assert stats.chi2_contingency(table).pvalue > FALSE_ALARMS / 6, (seed, table)


# Jumps


def test_a_jump_leaves_counters_and_wear_as_played_loops_do() -> None:
    dies = []
    for play in (played_together, played_one_by_one):
        chip, die = cycled_chip(7)
        play(chip, *_one_of(cycling_loop(), 300))
        dies.append(die)
    assert_same_history(*dies, wear=1e-12)
    assert (dies[0].wear[0, 0] > 299 * 1e-4).all()


def test_a_jump_takes_the_slow_part_as_far_as_so_many_steps() -> None:
    """After m steps: kept^m of the beginning, and what is missing to one from new draws."""
    kept_steps, loops = 200.0, 100
    model = OxRamModel(slow_cycles=kept_steps)
    waveform, _ = cycling_loop()
    chip, die = cycled_chip(11, model)
    chip.play(waveform)
    ends = []
    for _ in range(400):
        die.pair_slow[0, 0] = 2.0
        chip.play_loops(waveform, loops, {}, _untouched)
        ends.append(die.pair_slow[0, 0])
    kept = math.exp(-2 * loops / kept_steps)
    scaled = (np.array(ends) - 2.0 * kept) / math.sqrt(1 - kept**2)
    assert stats.kstest(scaled, "norm").pvalue > FALSE_ALARMS


def test_levels_after_a_jump_have_the_law_of_the_wear_reached() -> None:
    waveform, _ = cycling_loop(LoopConditions(100e-6, reset_v=2.5))
    chip, die = cycled_chip(13, OxRamModel(slow_cycles=0.5))
    chip.play(waveform)
    hrs = []
    for _ in range(300):
        die.wear[0, 0] = 0.0
        chip.play_loops(waveform, 10_000, {}, _untouched)
        hrs.append(die.x[0, 0, 0])
    wear = float(die.wear[0, 0, 0])
    assert wear > 1
    by_device, by_cycle = MODEL.hrs_split
    reset = next(
        event
        for event in chip._digest(waveform).events
        if isinstance(event, ResetBias) and event.side == 0
    )
    mean = (
        MODEL.lrs_median(die.compliance[0, 0, 0])
        + (reset.hrs_median - MODEL.lrs_median(die.compliance[0, 0, 0]))
        * MODEL.reset_fraction(reset.reset_dose, reset.turn_on)
        + MODEL.common(die.pair_static[0, 0], 0.0)
        + by_device * die.hrs_offset[0, 0, 0]
        - 0.7 * 0.133 * math.log10(1 + wear)
    )
    spread = math.hypot(by_cycle, MODEL.common(0.0, 1.0))
    assert stats.kstest((np.array(hrs) - mean) / spread, "norm").pvalue > FALSE_ALARMS


def test_a_jump_of_any_length_is_played_in_no_time() -> None:
    """The rest of the sequencer's 2**40 loops: anything but a jump would last for years."""
    chip, die = cycled_chip(17)
    chip.play_loops(cycling_loop()[0], 2**40, {}, _untouched)
    assert (die.n_set[0, 0] >= 2**40).all()


# SETs that fail


def failing_chip(seed: int) -> tuple[Chip, Die, Loop, float]:
    """A chip and a loop in which about one SET in 1400 fails, and that probability."""
    loop = cycling_loop(LoopConditions(width=150e-9))
    chip, _ = cycled_chip(seed)
    dose = next(e.set_dose for e in chip._digest(loop[0]).events if isinstance(e, SetBias))
    chip, die = cycled_chip(seed, OxRamModel(set_time_sigma=math.log10(dose) / 3.2))
    chip.play(loop[0])
    assert is_regular(chip, loop)
    return chip, die, loop, stats.norm.sf(3.2)


@pytest.mark.parametrize(("loops", "is_looked_at"), [(5_000, True), (200_000, False)])
def test_sets_fail_as_often_as_the_law_says(loops: int, is_looked_at: bool) -> None:
    seed = secrets.randbits(31)
    chip, die, (waveform, samples), share = failing_chip(seed)
    before, wear = die.n_set[0, 0].copy(), die.wear[0, 0].copy()
    played_together(chip, waveform, loops, samples if is_looked_at else {})
    failures = loops - (die.n_set[0, 0] - before)
    for count in failures:
        test = stats.binomtest(int(count), loops, share)
        assert test.pvalue > FALSE_ALARMS / 4, (seed, failures)
    # A device that was not SET does not wear.
    each = (die.wear[0, 0] - wear) / (loops - failures)
    resets = [e for e in chip._digest(waveform).events if isinstance(e, ResetBias)]
    by_side = {reset.side: reset.wear_per_amp for reset in resets}
    expected = die.compliance[0, 0] * [by_side[0], by_side[1]]
    np.testing.assert_allclose(each, expected, rtol=2e-3)


# Cells that are not cycled


def test_senses_disturb_the_row_as_one_by_one() -> None:
    """500 times the real discharge, and cells that are near to move or to leave the LRS."""
    turn_on = MODEL.reset_turn_on(VDD - AMPLIFIER.precharge_drop)
    leaving = (-math.log(1 - MODEL.switched_at / turn_on)) ** (1 / MODEL.reset_stretch)
    dies = []
    for play in (played_together, played_one_by_one):
        chip, die = cycled_chip(19, amplifier=replace(AMPLIFIER, bit_line_farad=5e-10))
        for column in (1, 2, 3):
            chip.select(0, column)
            for side in (0, 1):
                chip.play(forming_ramp(side))
        chip.select(0, 0)
        die.reset_dose[0, 1:4] = [[0.0, 0.015], [0.1, 0.5], [1.0, leaving - 0.003]]
        play(chip, *_one_of(cycling_loop(), 2000))
        dies.append(die)
    assert is_regular(chip, cycling_loop())
    together, one_by_one = dies
    assert one_by_one.kind[0, 3, 1] == Kind.HRS
    np.testing.assert_array_equal(together.kind[0], one_by_one.kind[0])
    moved = np.s_[0, 1:4]
    np.testing.assert_allclose(together.reset_dose[moved], one_by_one.reset_dose[moved], rtol=5e-3)
    np.testing.assert_allclose(together.x[moved], one_by_one.x[moved], atol=2e-3)


def test_loops_that_only_sense_move_nothing_but_doses() -> None:
    loop = LoopWaveform()
    loop.sense()
    waveform, samples = loop.finished()
    states = []
    for play in (played_together, played_one_by_one):
        chip, die = cycled_chip(23)
        chip.play(cycling_loop()[0])
        currents = play(chip, waveform, 400, samples)
        assert (np.abs(currents["Q"] + 120e-6) < 1e-9).all() or (currents["Q"] == 0).all()
        states.append(state_of(die))
    for name, values in states[0].items():
        np.testing.assert_allclose(values, states[1][name], rtol=1e-9, err_msg=name)


def test_idle_loops_are_played_in_no_time() -> None:
    loop = LoopWaveform()
    loop.move(WL=1.0)
    loop.move(WL=0.0)
    waveform, _ = loop.finished()
    chip, die = cycled_chip(29)
    before = {name: values.copy() for name, values in state_of(die).items()}
    chip.play_loops(waveform, 2**40, {}, _untouched)
    for name, values in state_of(die).items():
        np.testing.assert_array_equal(values, before[name], err_msg=name)


# Loops that are not alike


def failing_reset() -> Loop:
    return cycling_loop(LoopConditions(reset_v=1.0, width=200e-9))


def weak_set() -> Loop:
    return cycling_loop(LoopConditions(set_v=1.05, width=150e-9))


def unprotected() -> Loop:
    """The complement is SET too: each device twice in a loop."""
    waveform, samples = cycling_loop()
    volts = dict(waveform.volts)
    during_set = (volts["SL"] > 1.5) & (volts["BLB"] > 1.5)
    volts["BLB"] = np.where(during_set, 0.0, volts["BLB"])
    return PadWaveform(waveform.times, volts), samples


def not_precharged() -> Loop:
    loop = LoopWaveform()
    for bit in (0, 1):
        loop.program(bit, LoopConditions())
        loop.move(BYP=0.0)
        loop.move(WL=3.3)
        loop.move(SEN=loop.vdd)
        loop.wait(300e-9)
        loop.look("Q")
        loop.move(WL=0.0)
        loop.move(SEN=0.0)
        loop.move(BYP=loop.vdd)
    return loop.finished()


def gate_first() -> Loop:
    """WL before the precharge: the whole row is biased."""
    loop = LoopWaveform()
    for bit in (0, 1):
        loop.program(bit, LoopConditions())
        loop.move(BYP=0.0)
        loop.move(WL=3.3)
        loop.move(SL=loop.vdd)
        loop.wait(300e-9)
        loop.move(SL=0.0)
        loop.move(WL=0.0)
        loop.move(BYP=loop.vdd)
    return loop.finished()


def looked_at_while_it_switches() -> Loop:
    waveform, samples = cycling_loop()
    plateau = waveform.times[np.flatnonzero(waveform.volts["SL"] > 1.9)][0] + 400e-9
    return waveform, {**samples, "BL": np.array([plateau])}


@pytest.mark.parametrize(
    "make",
    [
        failing_reset,
        weak_set,
        unprotected,
        not_precharged,
        gate_first,
        looked_at_while_it_switches,
    ],
)
def test_loops_that_are_not_alike_are_played_one_by_one(make: Callable[[], Loop]) -> None:
    waveform, samples = make()
    outcomes = []
    for play in (played_together, played_one_by_one):
        chip, die = cycled_chip(31)
        outcomes.append((play(chip, waveform, 40, samples), state_of(die)))
        assert not is_regular(chip, (waveform, samples))
    (currents, state), (expected_currents, expected_state) = outcomes
    for pad, values in expected_currents.items():
        np.testing.assert_array_equal(currents[pad], values)
    for name, values in expected_state.items():
        np.testing.assert_array_equal(state[name], values, err_msg=name)


def test_other_loops_are_alike() -> None:
    """So that the test above does not pass for want of a fast path."""
    chip, _ = cycled_chip(31)
    assert is_regular(chip, cycling_loop())
    assert is_regular(chip, cycling_loop(resistance=True))
    assert is_regular(chip, cycling_loop(sense=False))


def test_one_device_alone_can_be_cycled() -> None:
    """SET and RESET of BL with BLB as its SL: the complement stays as it is."""
    loop = LoopWaveform()
    loop.move(WL=1.6)
    loop.move(SL=2.0, BLB=2.0)
    loop.wait(1e-6)
    loop.move(SL=0.0, BLB=0.0)
    loop.move(WL=3.3)
    loop.move(BL=2.5)
    loop.wait(1e-6)
    loop.move(BL=0.0)
    loop.resistance()
    waveform, samples = loop.finished()
    model = OxRamModel(slow_cycles=0.5)
    seed = secrets.randbits(31)
    currents, dies = [], []
    for play in (played_together, played_one_by_one):
        chip, die = cycled_chip(seed, model)
        chip.play(cycling_loop()[0])
        currents.append(play(chip, waveform, 600, samples))
        dies.append(die)
    assert is_regular(chip, (waveform, samples))
    assert_same_history(*dies, wear=1e-9)
    assert dies[0].x[0, 0, 1] == dies[1].x[0, 0, 1]
    for pad in ("BL", "BLB"):
        sides = [np.log10(np.abs(way[pad][0])) for way in currents]
        assert stats.ks_2samp(*sides).pvalue > FALSE_ALARMS / 2, seed


# Repeatability


def test_the_same_calls_give_the_same_run_whatever_other_devices_do() -> None:
    waveform, samples = cycling_loop(LoopConditions(60e-6), resistance=True)
    outcomes = []
    for busy in (False, False, True):
        chip, die = cycled_chip(37)
        if busy:
            chip.select(5, 9)
            played_together(chip, *_one_of(cycling_loop(), 200))
            die.n_sense = 0
            chip.select(0, 0)
        outcomes.append(played_together(chip, waveform, 2000, samples))
    for pad in samples:
        np.testing.assert_array_equal(outcomes[0][pad], outcomes[1][pad])
        np.testing.assert_array_equal(outcomes[0][pad], outcomes[2][pad])


def test_every_stretch_draws_anew() -> None:
    waveform, samples = cycling_loop(LoopConditions(60e-6), resistance=True)
    chip, _ = cycled_chip(41)
    chip.play(waveform)
    first = played_together(chip, waveform, 100, samples)
    second = played_together(chip, waveform, 100, samples)
    assert not np.isin(first["BL"], second["BL"]).any()


def _one_of(loop: Loop, loops: int) -> tuple[PadWaveform, int, Mapping[str, Floats]]:
    """What a play function takes, with nothing looked at."""
    return loop[0], loops, {}


def _untouched(currents: object) -> None:
    raise AssertionError("nothing was to be looked at")
