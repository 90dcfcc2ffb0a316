"""The drivers and the pulse schemes on the simulated bench, checked at the die itself."""

from __future__ import annotations

import numpy as np
import pytest

from instruments.limits import LimitError
from instruments.sim.chip.device import Kind
from instruments.testchip.chip import NOT_READ, UNDECIDED
from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.waveforms import SENSE_SETTLE_S, SETTLE_S, Timeline
from labctl.bench import Bench, DieChoice
from tests.simulated import bent_setup, devices, die_of, fire, some_bits, station_of

CONDITIONS = ProgramConditions()
SEED = 8_261_133


@pytest.fixture
def chip(bench):
    """A chip whose upper left 4 x 8 bits are formed."""
    bench.chip.form(devices(some_bits(bench.chip, 4, 8)))
    return bench.chip


def test_a_die_arrives_unformed_and_is_formed_device_by_device(bench):
    chip, die = bench.chip, die_of(bench)
    assert (die.kind == Kind.PRISTINE).all()
    where = some_bits(chip, 2, 3)
    before = chip.measure(where)[where]
    assert (before > chip.description.levels.unformed_above).all()
    asked = np.zeros((32, 32, 2), dtype=bool)
    asked[0, :3, 0] = asked[1, :3, 1] = True
    voltages = chip.form(asked)
    assert ((die.kind != Kind.PRISTINE) == asked).all()
    assert np.isnan(voltages[~asked]).all()
    # Sampled every 10 mV, so the reading is at most one sample late.
    late = voltages[asked] - die.formed_at[asked]
    assert (late > -0.002).all()
    assert (late < 0.012).all()
    assert (chip.measure(where)[where] < 20e3).sum() == asked.sum()


def test_set_and_reset_switch_only_the_device_asked_for(bench, chip):
    die = die_of(bench)
    where = devices(some_bits(chip, 4, 8))
    chip.reset(where, CONDITIONS)
    assert (die.kind[where] == Kind.HRS).all()
    for device in (0, 1):
        one = where.copy()
        one[..., 1 - device] = False
        others = where & ~one
        before = die.x.copy()
        chip.set(one, CONDITIONS)
        assert (die.kind[one] == Kind.LRS).all()
        np.testing.assert_array_equal(die.x[others], before[others])
        before = die.x.copy()
        chip.reset(one, CONDITIONS)
        assert (die.kind[one] == Kind.HRS).all()
        np.testing.assert_array_equal(die.x[others], before[others])


def test_a_programmed_pattern_is_sensed_and_measured(bench, chip):
    where = some_bits(chip, 4, 8)
    bits = np.random.default_rng(SEED).integers(0, 2, (32, 32)).astype(np.uint8)
    strong = ProgramConditions(set_compliance_a=200e-6)
    chip.program(1 - bits, where, strong)
    chip.program(bits, where, strong)
    sensed = chip.sense(where)
    np.testing.assert_array_equal(sensed[where], bits[where])
    assert (sensed[~where] == NOT_READ).all()
    resistance = chip.measure(where)
    bl, blb = resistance[..., 0][where], resistance[..., 1][where]
    np.testing.assert_array_equal((bl > blb).astype(np.uint8), bits[where])
    # The SMU sees the device and its access transistor; an HRS also has two-level noise.
    ratio = resistance[where] / (10 ** die_of(bench).x[where] + 2.5e3)
    lrs = die_of(bench).kind[where] == Kind.LRS
    np.testing.assert_allclose(ratio[lrs], 1, rtol=0.1)
    assert np.median(ratio[~lrs]) == pytest.approx(1, rel=0.1)
    assert not (chip.sense(where, complement=True)[where] == UNDECIDED).any()


def test_an_unprotected_complement_is_disturbed(bench, chip):
    """The scheme of the bench note protects; the same SET with BLB at 0 V sets both devices."""
    die, where = die_of(bench), some_bits(chip, 4, 8)
    gate_v = chip.schemes.table.gate_v(100e-6)

    def scheme(blb_v):
        line = Timeline(chip.vdd).move(WL=gate_v).wait(SETTLE_S)
        line.pulse(1e-6, SL=2.0, **({"BLB": blb_v} if blb_v else {})).wait(SETTLE_S)
        return line.move(WL=0.0).scheme("set")

    chip.reset(devices(where), CONDITIONS)
    before = die.x.copy()
    fire(chip, scheme(2.0), where)
    assert np.abs(die.x - before)[where][:, 1].max() < 0.01
    fire(chip, scheme(0.0), where)
    assert (die.kind[where] == Kind.LRS).all()


def test_wl_before_precharge_sets_the_rows_hrs_devices(bench, chip):
    die, where = die_of(bench), some_bits(chip, 1, 8)
    chip.reset(devices(where), CONDITIONS)
    one = np.zeros((32, 32), dtype=bool)
    one[0, 0] = True

    line = Timeline(chip.vdd).move(BYP=0.0).wait(SETTLE_S)
    line.move(WL=3.3).wait(SENSE_SETTLE_S)
    line.move(SL=chip.vdd).wait(SENSE_SETTLE_S)
    line.move(SEN=chip.vdd, SL=0.0).wait(SENSE_SETTLE_S).move(WL=0.0)
    before = die.x.copy()
    chip.sense(one)
    assert np.abs(die.x - before).max() < 0.01
    fire(chip, line.scheme("wrong order"), one)
    assert (die.kind[where] == Kind.LRS).all()


def test_swapped_bl_and_blb_invert_what_the_amplifiers_read(tmp_path):
    setup = bent_setup(
        tmp_path, ('BL = "wgfmu.102"\nBLB = "wgfmu.201"', 'BL = "wgfmu.201"\nBLB = "wgfmu.102"')
    )
    with Bench(setup, DieChoice(None, SEED, tmp_path)) as bench:
        where, bits = some_bits(bench.chip, 2, 8), np.zeros((32, 32), dtype=np.uint8)
        bits[0] = 1
        bench.chip.form(devices(where))
        bench.chip.program(bits, where, ProgramConditions(set_compliance_a=200e-6))
        np.testing.assert_array_equal(bench.chip.sense(where)[where], 1 - bits[where])


def test_a_row_line_swapped_with_a_column_line_gives_a_wrong_map(tmp_path):
    setup = bent_setup(
        tmp_path,
        ("lines = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]", "lines = [6, 2, 3, 4, 5, 1, 7, 8, 9, 10]"),
    )
    with Bench(setup, DieChoice(None, SEED, tmp_path)) as bench:
        where = some_bits(bench.chip, 4, 8)
        bits = (np.indices((32, 32)).sum(axis=0) % 2).astype(np.uint8)
        bench.chip.form(devices(where))
        bench.chip.program(bits, where, ProgramConditions(set_compliance_a=200e-6))
        wrong = (bench.chip.sense(where) != bits)[:4, :8]
        # The row is latched with AR0 low, so odd columns show their even neighbour.
        np.testing.assert_array_equal(wrong, np.tile([False, True], (4, 4)))


@pytest.mark.parametrize(
    ("lines", "physical"),
    [
        ([2, 1, 3, 4, 5, 6, 7, 8, 9, 10], (2, 4)),
        ([1, 2, 3, 4, 5, 6, 8, 7, 9, 10], (1, 2)),
    ],
)
def test_a_swap_among_rows_or_columns_forms_another_cell(tmp_path, lines, physical):
    setup = bent_setup(tmp_path, ("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]", str(lines)))
    with Bench(setup, DieChoice(None, SEED, tmp_path)) as bench:
        bench.chip.form(bench.chip.one_device(1, 4, 0))
        formed = np.argwhere(die_of(bench).kind != Kind.PRISTINE).tolist()
        assert formed == [[*physical, 0]]


def test_an_over_limit_voltage_never_reaches_the_library(bench, monkeypatch):
    station = station_of(bench)
    seen = []
    monkeypatch.setattr(station.chip, "hold", lambda pad, volts: seen.append((pad, volts)))
    monkeypatch.setattr(station.chip, "play", lambda *a: pytest.fail("a waveform was played"))
    called = []
    monkeypatch.setattr(bench._wgfmu, "_call", lambda *a: called.append(a))
    for channel in bench.chip.connections.channels.values():
        monkeypatch.setattr(channel, "_call", lambda *a: called.append(a))
    chip, at = bench.chip, bench.chip.connections
    attempts = [
        lambda: at.channels["SL"].force(3.61),
        lambda: at.channels["SEN"].force(float("nan")),
        lambda: at.meters["BL"].force_voltage(-0.5, 1e-3),
        lambda: at.supplies["VDD"].force_voltage(2.0, 1e-3),
        lambda: fire(chip, Timeline(1.2).pulse(1e-6, SL=4.0).scheme("hot"), chip.all_bits()),
        lambda: fire(chip, Timeline(1.2).pulse(1e-6, BL=-1.0).scheme("low"), chip.all_bits()),
    ]
    for attempt in attempts:
        with pytest.raises(LimitError, match="nothing was sent"):
            attempt()
    assert seen == []
    # What was sent is the idle state that every operation begins with.
    assert not [c for c in called if "Pattern" in c[0] or "Vector" in c[0]]
    assert {c[2] for c in called if "force" in c[0]} == {0.0, chip.vdd}


def test_the_bench_is_left_at_0_volts_and_open(setup, tmp_path):
    bench = Bench(setup, DieChoice(None, SEED, tmp_path))

    def fail_with_the_word_line_up():
        with bench:
            bench.chip.connections.channels["WL"].force(3.3)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_with_the_word_line_up()
    assert bench.problems == []
    station = station_of(bench)
    assert set(station.channel_volts.values()) == {0.0}
    assert {path.value for path in station.channel_path.values()} == {"open"}
    assert set(station.smu_volts.values()) == {None}


def test_power_down_goes_on_when_a_part_of_it_fails(setup, tmp_path, monkeypatch):
    bench = Bench(setup, DieChoice(None, SEED, tmp_path))

    def broken():
        raise OSError("no answer")

    with bench:
        monkeypatch.setattr(bench.chip.connections.meters["SL"], "require_off", broken)
        bench.chip.connections.channels["WL"].force(3.3)
    assert bench.problems == ["meter of SL to 0 V and off: no answer"]
    station = station_of(bench)
    assert set(station.channel_volts.values()) == {0.0}
    # What could not be switched off by itself went with all the others.
    assert set(station.smu_volts.values()) == {None}


def test_a_row_is_programmed_within_the_bench_time_allowed(bench, chip):
    """48 s for 1,024 bits is 47 ms a bit."""
    where = some_bits(chip, 4, 8)
    chip.program(np.zeros((32, 32), dtype=np.uint8), where, CONDITIONS)
    begin, spent = bench.now(), chip.times.program
    chip.program(np.ones((32, 32), dtype=np.uint8), where, CONDITIONS)
    per_pass = bench.now() - begin
    assert chip.times.program - spent == pytest.approx(per_pass, rel=0.01)
    fixed = 0.3
    assert (per_pass - fixed) / 32 < 0.030
