from __future__ import annotations

import numpy as np
import pytest

from instruments.sim.chip.array import Chip
from instruments.sim.chip.device import MODEL, Kind
from instruments.sim.chip.die import Die
from instruments.sim.clock import VirtualClock
from instruments.sim.station import ChipAtItsPads
from instruments.sim.waveform import PadWaveform
from tests.unit.sim_pads import (
    FORMING_GATE,
    VDD,
    end_of_sense,
    form_row,
    forming_ramp,
    gate_for,
    powered_chip,
    program_pulses,
    program_row,
    read_outputs,
    reset_pulse,
    sense_pattern,
    set_pulse,
    waveform,
)

ROW = 3
GATE = gate_for(55e-6)


@pytest.fixture
def formed() -> tuple[Chip, Die, VirtualClock]:
    """A chip whose row 3 is formed and holds bit 0."""
    chip, die, clock = powered_chip(20240601)
    form_row(chip, ROW)
    program_row(chip, ROW, 1)
    program_row(chip, ROW, 0)
    chip.select(ROW, 0)
    return chip, die, clock


def smu_read(chip: Chip, pad: str, volts: float = 0.1) -> float:
    """Resistance (ohm) with SL at ``volts`` and the gate at 3.3 V."""
    chip.hold("WL", 3.3)
    chip.hold("SL", volts)
    current = -chip.current(pad)
    chip.hold("SL", 0.0)
    chip.hold("WL", 0.0)
    return volts / current


def test_the_chip_is_what_the_station_wants() -> None:
    chip: ChipAtItsPads = powered_chip(1)[0]
    with pytest.raises(KeyError):
        chip.hold("NC", 0.0)


# Forming


def test_a_forming_ramp_forms_its_device_alone() -> None:
    chip, die, _ = powered_chip(8)
    chip.select(4, 9)
    chip.play(forming_ramp(0))
    assert die.kind[4, 9, 0] == Kind.LRS
    assert (die.kind == Kind.PRISTINE).sum() == die.kind.size - 1
    assert die.formed_at[4, 9, 0] == pytest.approx(die.forming_volts[4, 9, 0], abs=0.01)
    nominal = 200e-6 * die.transistor_gain * die.access_gain[4, 9, 0]
    assert die.compliance[4, 9, 0] == pytest.approx(nominal, rel=0.03)


def test_the_current_of_a_forming_shows_when_it_formed_and_what_limited_it() -> None:
    chip, die, _ = powered_chip(8)
    chip.select(4, 9)
    times = np.arange(1e-6, 3.3e-3, 10e-6)
    current = -chip.play(forming_ramp(0), {"BL": times})["BL"]
    formed = int(np.argmax(current > 50e-6))
    ramp_volts = 1000 * (times[formed] - 1e-6)
    assert ramp_volts == pytest.approx(die.formed_at[4, 9, 0], abs=0.02)
    assert current[:formed].max() < 1e-6
    assert current[formed:].max() == pytest.approx(die.compliance[4, 9, 0], rel=0.01)


@pytest.mark.parametrize("wrong", ["gate off", "swapped", "no supply"])
def test_a_wrong_forming_forms_nothing(wrong: str) -> None:
    chip, die, _ = powered_chip(8)
    ramp = forming_ramp(0, gate=0.0 if wrong == "gate off" else FORMING_GATE)
    if wrong == "swapped":
        # SL grounded and the ramp on the bit lines.
        ramp = PadWaveform(ramp.times, ramp.volts | {"SL": ramp.volts["BL"]})
        ramp = PadWaveform(ramp.times, ramp.volts | {"BL": ramp.volts["BLB"]})
    if wrong == "no supply":
        chip.hold("VDDH", None)
    chip.play(ramp)
    assert (die.kind == Kind.PRISTINE).all()


def test_forming_without_a_current_limit_overforms() -> None:
    chip, die, _ = powered_chip(8)
    chip.play(forming_ramp(0, gate=3.3))
    chip.play(forming_ramp(1))
    assert die.wear[0, 0, 0] > 1000 * die.wear[0, 0, 1]
    assert die.x[0, 0, 0] < 3.2


def test_short_forming_pulses_add_up() -> None:
    chip, die, _ = powered_chip(8)
    chip.select(0, 0)
    top = float(die.forming_volts[0, 0, 0])
    pulse = waveform([("WL", 0, 1.6), ("SL", 1e-7, top), ("BLB", 1e-7, top), ("SL", 2e-5, 0)], BL=0)
    count = 0
    while die.kind[0, 0, 0] == Kind.PRISTINE:
        chip.play(pulse)
        count += 1
        assert count < 20
    # At its forming voltage a device forms in 110 us.
    assert count == pytest.approx(110 / 20, abs=1)


# SET and RESET


def test_program_pulses_write_bit_and_complement(formed: tuple[Chip, Die, VirtualClock]) -> None:
    chip, die, _ = formed
    assert (die.kind[ROW, :, 0] == Kind.LRS).all()
    assert (die.kind[ROW, :, 1] == Kind.HRS).all()
    program_row(chip, ROW, 1)
    assert (die.kind[ROW, :, 0] == Kind.HRS).all()
    assert (die.kind[ROW, :, 1] == Kind.LRS).all()
    assert (np.delete(die.n_set, ROW, axis=0) == 0).all()


def test_programming_the_same_pattern_switches_nothing(
    formed: tuple[Chip, Die, VirtualClock],
) -> None:
    chip, die, _ = formed
    program_row(chip, ROW, 1)
    x, n_set, n_reset = die.x.copy(), die.n_set.copy(), die.n_reset.copy()
    program_row(chip, ROW, 1)
    assert np.array_equal(die.x, x)
    assert np.array_equal(die.n_set, n_set)
    assert np.array_equal(die.n_reset, n_reset)


def test_an_unprotected_complement_is_set_too(formed: tuple[Chip, Die, VirtualClock]) -> None:
    chip, die, _ = formed
    program_row(chip, ROW, 1)
    protected, unprotected = set_pulse(1, GATE), set_pulse(1, GATE, protect=False)
    before = die.x[ROW, :, 0].copy()
    for column in range(32):
        chip.select(ROW, column)
        chip.play(protected)
    assert np.array_equal(die.x[ROW, :, 0], before)
    for column in range(32):
        chip.select(ROW, column)
        chip.play(unprotected)
    assert (die.kind[ROW, :, 0] == Kind.LRS).all()


def test_a_higher_compliance_lowers_an_lrs_a_lower_one_does_nothing(
    formed: tuple[Chip, Die, VirtualClock],
) -> None:
    chip, die, _ = formed
    before = die.x[ROW, 0, 0]
    chip.play(set_pulse(0, gate_for(28e-6)))
    assert die.x[ROW, 0, 0] == before
    chip.play(set_pulse(0, gate_for(200e-6)))
    assert die.x[ROW, 0, 0] != before
    assert die.compliance[ROW, 0, 0] == pytest.approx(200e-6, rel=0.25)


@pytest.mark.parametrize(
    ("pulse", "switches"),
    [
        (set_pulse(1, GATE, volts=2.0, width=100e-9), True),
        (set_pulse(1, GATE, volts=0.6, width=1e-6), False),
        (set_pulse(1, 0.4, volts=2.0), False),
        (set_pulse(0, GATE), False),
        (reset_pulse(1), False),
    ],
)
def test_what_sets_an_hrs(
    formed: tuple[Chip, Die, VirtualClock], pulse: PadWaveform, switches: bool
) -> None:
    chip, die, _ = formed
    chip.play(pulse)
    assert (die.kind[ROW, 0, 1] == Kind.LRS) == switches


def test_resets_are_progressive_and_never_lower_the_resistance(
    formed: tuple[Chip, Die, VirtualClock],
) -> None:
    chip, die, _ = formed
    weak = reset_pulse(0, volts=1.5, width=50e-9)
    chip.play(weak)
    after_one = die.x[ROW, 0, 0]
    for _ in range(100):
        before = die.x[ROW, 0, 0]
        chip.play(weak)
        assert die.x[ROW, 0, 0] >= before
    after_many = die.x[ROW, 0, 0]
    assert after_many > after_one
    chip.play(reset_pulse(0, volts=2.5))
    strong = die.x[ROW, 0, 0]
    assert strong > after_many
    chip.play(weak)
    assert die.x[ROW, 0, 0] == strong


def test_a_reset_needs_the_gate_to_let_the_voltage_through(
    formed: tuple[Chip, Die, VirtualClock],
) -> None:
    chip, die, _ = formed
    before = die.x[ROW, 0, 0]
    low_gate = waveform([("WL", 0, 1.0), ("BL", 2e-7, 2.5), ("BL", 1.2e-6, 0.0)], SL=0.0, BLB=0.0)
    chip.play(low_gate)
    assert die.x[ROW, 0, 0] == before


def test_currents_during_set_and_reset(formed: tuple[Chip, Die, VirtualClock]) -> None:
    chip, die, _ = formed
    pulse = program_pulses(1, GATE)
    times = np.linspace(0, pulse.duration, 2000)
    currents = chip.play(pulse, {"BL": times, "BLB": times, "SL": times})
    assert currents["SL"] == pytest.approx(-(currents["BL"] + currents["BLB"]), abs=1e-9)
    in_set = (times > 0.9e-6) & (times < 1.25e-6)
    assert -currents["BLB"][in_set] == pytest.approx(die.compliance[ROW, 0, 1], rel=1e-3)


def test_the_current_falls_as_a_weak_reset_goes_on(formed: tuple[Chip, Die, VirtualClock]) -> None:
    chip, _, _ = formed
    pulse = reset_pulse(0, volts=1.5)
    plateau = 200e-9 + 30e-9
    early = plateau + np.linspace(0, 10e-9, 50)
    late = plateau + np.linspace(800e-9, 900e-9, 50)
    current = chip.play(pulse, {"BL": np.concatenate([early, late])})["BL"]
    assert current[:50].mean() > 1.5 * current[50:].mean() > 0


def test_energies_are_those_of_the_paper() -> None:
    """Table 1, strong condition: SET 400 pJ +-25 %, RESET 200 pJ +-40 % (device note, 6)."""
    chip, _, _ = powered_chip(77)
    form_row(chip, 0)
    set_bl, reset_bl = set_pulse(0, gate_for(200e-6)), reset_pulse(0)
    energies = []
    for column in range(32):
        chip.select(0, column)
        chip.play(reset_bl)
        for pulse, pad in ((set_bl, "SL"), (reset_bl, "BL")):
            times = np.linspace(0, pulse.duration, 3000)
            current = chip.play(pulse, {pad: times})[pad]
            power = current * np.interp(times, pulse.times, pulse.volts[pad])
            energies.append(float(np.trapezoid(power, times)))
    set_energy, reset_energy = np.mean(energies[0::2]), np.mean(energies[1::2])
    assert set_energy == pytest.approx(400e-12, rel=0.25)
    assert reset_energy == pytest.approx(200e-12, rel=0.4)


# The address


def test_an_address_change_with_the_gate_up_hits_the_next_cell(
    formed: tuple[Chip, Die, VirtualClock],
) -> None:
    chip, die, clock = formed
    chip.hold("WL", GATE)
    chip.hold("BLB", 0.0)
    chip.hold("SL", 1.5)
    assert die.kind[ROW, 1, 1] == Kind.HRS
    chip.select(ROW, 1)
    clock.advance(4e-3)
    chip.select(ROW, 2)
    assert die.kind[ROW, 1, 1] == Kind.LRS
    assert die.kind[ROW, 2, 1] == Kind.HRS


def test_held_voltages_switch_a_device_as_pulses_do(
    formed: tuple[Chip, Die, VirtualClock],
) -> None:
    chip, die, clock = formed
    chip.hold("WL", 3.3)
    reached = None
    for step in range(40):
        volts = 0.05 * step
        chip.hold("BL", volts)
        chip.hold("SL", 0.0)
        clock.advance(10e-3)
        chip.current("BL")
        if die.kind[ROW, 0, 0] == Kind.HRS and reached is None:
            reached = volts
    assert reached is not None
    assert 0.6 < reached < 1.0


# Reading


def test_an_smu_reads_device_and_transistor_in_series(
    formed: tuple[Chip, Die, VirtualClock],
) -> None:
    chip, die, clock = formed
    for side, pad in enumerate(("BL", "BLB")):
        ohms = 10 ** die.x[ROW, 0, side]
        read = []
        for _ in range(50):
            clock.advance(0.01)
            read.append(smu_read(chip, pad))
        assert np.median(read) == pytest.approx(ohms + 2.5e3, rel=0.15)
        spread = np.std(np.log10(read))
        assert 0.002 < spread < 0.15
    assert (die.kind[ROW, 0] == [Kind.LRS, Kind.HRS]).all()


def test_reading_does_not_depend_on_what_else_was_read() -> None:
    def readings(*, others: bool) -> list[float]:
        chip, _, _ = powered_chip(66)
        form_row(chip, ROW)
        result = []
        for _ in range(5):
            if others:
                chip.select(ROW, 9)
                smu_read(chip, "BL")
            chip.select(ROW, 5)
            result.append(smu_read(chip, "BL"))
        return result

    assert readings(others=True) == readings(others=False)


@pytest.mark.parametrize("lost", ["BYP low", "SL open", "BL open", "gate low", "VDDH off"])
def test_no_path_no_current(formed: tuple[Chip, Die, VirtualClock], lost: str) -> None:
    chip, _, _ = formed
    chip.hold("WL", 3.3)
    chip.hold("SL", 0.1)
    assert chip.current("BL") < -1e-7
    pad, volts = {
        "BYP low": ("BYP", 0.0),
        "SL open": ("SL", None),
        "BL open": ("BL", None),
        "gate low": ("WL", 0.3),
        "VDDH off": ("VDDH", 0.0),
    }[lost]
    chip.hold(pad, volts)
    assert chip.current("BL") == 0.0


def test_supplies_draw_a_little_current(formed: tuple[Chip, Die, VirtualClock]) -> None:
    chip, _, _ = formed
    assert 0 < chip.current("VDD") < 1e-5
    assert 0 < chip.current("VDDH") < 1e-5
    assert chip.current("WL") == 0.0


# Sensing


def test_a_row_holds_its_bits_after_one_sense(formed: tuple[Chip, Die, VirtualClock]) -> None:
    chip, _, _ = formed
    for bit in (0, 1, 0):
        program_row(chip, ROW, bit)
        chip.play(sense_pattern())
        assert sum(level == bool(bit) for level in read_outputs(chip, ROW)) >= 30
        assert read_outputs(chip, ROW, "QB") == [not q for q in read_outputs(chip, ROW)]
        chip.play(end_of_sense())
        assert all(read_outputs(chip, ROW, "Q"))
        assert all(read_outputs(chip, ROW, "QB"))


def test_the_output_current_goes_into_a_virtual_ground(
    formed: tuple[Chip, Die, VirtualClock],
) -> None:
    chip, _, _ = formed
    chip.play(sense_pattern())
    assert sorted([chip.current("Q"), chip.current("QB")]) == pytest.approx([-120e-6, 0.0])


def test_the_output_falls_some_ten_nanoseconds_after_the_edge(
    formed: tuple[Chip, Die, VirtualClock],
) -> None:
    chip, _, _ = formed
    pattern = sense_pattern()
    times = np.arange(0.5e-6, 1.0e-6, 1e-9)
    q = chip.play(pattern, {"Q": times})["Q"]
    edge = 0.6e-6 + 15e-9
    fell = times[np.argmax(q > -60e-6)]
    assert 2e-9 < fell - edge < 60e-9
    assert (q[times < edge] < -100e-6).all()


def test_senses_disturb_nothing(formed: tuple[Chip, Die, VirtualClock]) -> None:
    """A million senses move no device by 0.01 decade; here their dose is put in at once."""
    chip, die, _ = formed
    pattern = sense_pattern()
    before = die.x[ROW].copy()
    chip.play(pattern)
    chip.play(end_of_sense())
    one = die.reset_dose[ROW, :, 0].copy()
    assert (one > 0).all()
    die.reset_dose[ROW, :, 0] = 1e6 * one
    fraction = MODEL.reset_fraction(float(1e6 * one.max()), MODEL.reset_turn_on(VDD - 0.45))
    assert fraction < 0.05
    for _ in range(20):
        chip.play(pattern)
        chip.play(end_of_sense())
    assert np.abs(die.x[ROW] - before).max() < 0.01


def test_the_gate_before_the_precharge_sets_the_whole_row(
    formed: tuple[Chip, Die, VirtualClock],
) -> None:
    chip, die, _ = formed
    chip.play(sense_pattern(gate_first=True))
    assert (die.kind[ROW] == Kind.LRS).all()


def test_sen_with_the_amplifiers_bypassed_latches_anything_but_repeatably() -> None:
    def outputs() -> list[bool]:
        chip, _, _ = powered_chip(51)
        chip.hold("SEN", VDD)
        return read_outputs(chip, 0)

    assert outputs() == outputs()
    assert 0 < sum(outputs()) < 32


def test_a_sense_without_precharge_is_undefined(formed: tuple[Chip, Die, VirtualClock]) -> None:
    chip, _, _ = formed
    hasty = waveform([("BYP", 0, 0), ("WL", 1e-7, 3.3), ("SEN", 2e-7, VDD)], BYP=VDD, SL=0.0)
    chip.play(hasty)
    assert 4 < sum(read_outputs(chip, ROW)) < 28


def test_a_sense_with_the_gate_low_stays_undecided(
    formed: tuple[Chip, Die, VirtualClock],
) -> None:
    chip, _, _ = formed
    pattern = sense_pattern()
    gate_low = PadWaveform(pattern.times, pattern.volts | {"WL": 0 * pattern.times})
    chip.play(gate_low)
    assert all(read_outputs(chip, ROW, "Q"))
    assert all(read_outputs(chip, ROW, "QB"))


def test_programming_with_the_amplifiers_on_sets_the_row(
    formed: tuple[Chip, Die, VirtualClock],
) -> None:
    chip, die, _ = formed
    chip.hold("BYP", 0.0)
    chip.play(set_pulse(1, GATE))
    assert (die.kind[ROW] == Kind.LRS).all()


def test_a_sense_by_held_voltages_is_a_sense(formed: tuple[Chip, Die, VirtualClock]) -> None:
    chip, _, clock = formed
    for pad, volts in (("BYP", 0.0), ("SL", VDD), ("WL", 3.3)):
        chip.hold(pad, volts)
        clock.advance(1e-3)
    chip.hold("SL", 0.0)
    chip.hold("SEN", VDD)
    chip.hold("WL", 0.0)
    assert sum(not q for q in read_outputs(chip, ROW)) >= 30


def test_a_waveform_is_worked_out_again_when_another_pad_has_moved(
    formed: tuple[Chip, Die, VirtualClock],
) -> None:
    chip, die, _ = formed
    pulse = set_pulse(1, GATE)
    chip.hold("VDDH", 0.0)
    chip.play(pulse)
    assert die.kind[ROW, 0, 1] == Kind.HRS
    chip.hold("VDDH", 5.0)
    chip.play(pulse)
    assert die.kind[ROW, 0, 1] == Kind.LRS


# --- SET by held voltages ------------------------------------------------------------------------


def staircase_set(seed, looks):
    """A SET staircase on one HRS device; x after each step. ``looks``: readings in each step."""
    chip, die, clock = powered_chip(seed)
    form_and_set_and_reset(chip)
    chip.hold("WL", gate_for(100e-6))
    levels = []
    for volts in np.arange(0.0, 1.61, 0.02):
        chip.hold("SL", float(volts))
        chip.hold("BLB", float(volts))
        for _ in range(looks):
            clock.advance(10e-3 / looks)
            chip.current("BL")
        levels.append(float(die.x[0, 0, 0]))
    return np.array(levels), int(die.n_set[0, 0, 0])


def form_and_set_and_reset(chip):
    moves = [("WL", 0.0, FORMING_GATE), ("SL", 200e-9, 3.3), ("BLB", 200e-9, 3.3)]
    moves += [("SL", 1e-3, 0.0), ("BLB", 1e-3, 0.0), ("WL", 1.1e-3, 0.0)]
    chip.play(waveform(moves, BL=0.0))
    chip.play(reset_pulse(0))


@pytest.mark.parametrize("seed", range(5))
def test_a_staircase_is_one_set_however_often_it_is_looked_at(seed):
    once, n_set = staircase_set(seed, looks=1)
    often, n_set_often = staircase_set(seed, looks=5)
    assert n_set == n_set_often == 2
    np.testing.assert_allclose(often, once)
    # The filament grows with the voltage, and never shrinks.
    assert (np.diff(once) <= 0).all()
    assert once[0] - once[-1] > 0.3


def test_steps_of_a_staircase_add_up():
    """Integral of dt / t50 over all steps: finer steps of the same rate SET at the same voltage."""
    fine, coarse = [], []
    for seed in range(20):
        for step, found in ((0.005, fine), (0.02, coarse)):
            chip, die, clock = powered_chip(seed)
            form_and_set_and_reset(chip)
            chip.hold("WL", gate_for(100e-6))
            for volts in np.arange(0.4, 1.2, step):
                chip.hold("SL", float(volts))
                chip.hold("BLB", float(volts))
                clock.advance(step / 2.0)
                chip.current("BL")
                if die.kind[0, 0, 0] == Kind.LRS:
                    found.append(volts)
                    break
    assert len(fine) == len(coarse) == 20
    assert np.median(fine) == pytest.approx(np.median(coarse), abs=0.015)
