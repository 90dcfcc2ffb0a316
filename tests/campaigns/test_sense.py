"""The supply voltage and the pulsed sense on the simulated bench, and sense campaigns."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from instruments.limits import LimitError
from instruments.testchip.chip import NOT_READ, UNDECIDED
from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.pulsed_sense import high_current, sense_pulsed, sense_traces, trace_times
from instruments.testchip.supply import supply_at
from labctl.analysis.sense import sense_time
from labctl.bench import Bench, DieChoice
from labctl.cli import app
from labctl.report import summarise, write_report
from labctl.runs import run
from tests.simulated import (
    assert_outputs_safe,
    bent_setup,
    devices,
    die_of,
    request,
    small_bench_file,
    small_setup,
    some_bits,
    station_of,
)

SEED = 7_700_413
STRONG = ProgramConditions(set_compliance_a=200e-6)
PLUS, MINUS, ZERO = 0, 1, 2


@pytest.fixture
def pads(bench, monkeypatch):
    """Every level that is held on a pad from now on, in order."""
    held = []
    station, hold = station_of(bench), station_of(bench).chip.hold

    def watched(pad, volts):
        held.append((pad, volts))
        hold(pad, volts)

    monkeypatch.setattr(station.chip, "hold", watched)
    return held


def written_weights(chip):
    """The upper left 4 x 8 pairs with columns of +1, -1, 0 in turn; returns mask and weights."""
    where = some_bits(chip, 4, 8)
    chip.form(devices(where))
    weights = np.broadcast_to(np.arange(32) % 3, (32, 32)).astype(np.uint8)
    both = devices(where)
    chip.set(both, STRONG)
    chip.reset(np.stack([weights != PLUS, weights != MINUS], axis=-1) & both, STRONG)
    return where, weights


# --- supply -------------------------------------------------------------------------------------


def test_byp_never_stands_above_vdd(bench, pads):
    chip = bench.chip
    with supply_at(chip, 0.6):
        assert (chip.vdd, chip.schemes.vdd) == (0.6, 0.6)
        with supply_at(chip, 0.8):
            assert chip.vdd == 0.8
        assert chip.vdd == 0.6
    assert (chip.vdd, chip.schemes.vdd) == (1.2, 1.2)
    levels = {"VDD": 1.2, "BYP": 1.2}
    for pad, volts in pads:
        if pad in levels:
            levels[pad] = volts
            assert levels["BYP"] <= levels["VDD"]
        elif pad in ("WL", "SL", "BL", "BLB", "SEN"):
            assert volts in (0.0, None)
    assert {volts for pad, volts in pads if pad == "VDD"} == {0.6, 0.8, 1.2}


def test_the_nominal_supply_returns_after_an_error(bench):
    with pytest.raises(ZeroDivisionError), supply_at(bench.chip, 0.6):
        raise ZeroDivisionError
    assert bench.chip.vdd == bench.chip.schemes.vdd == 1.2
    assert station_of(bench).chip._held["VDD"] == pytest.approx(1.2)
    assert station_of(bench).chip._held["BYP"] == pytest.approx(1.2, abs=1e-3)


def test_a_supply_beyond_the_limit_is_refused_before_anything_is_sent(bench, pads):
    with pytest.raises(LimitError, match="nothing was sent"), supply_at(bench.chip, 1.6):
        pytest.fail("entered")
    assert (bench.chip.vdd, bench.chip.schemes.vdd) == (1.2, 1.2)
    assert all(volts in (0.0, None) or volts <= 1.2 for _, volts in pads)


# --- pulsed sense -------------------------------------------------------------------------------


def test_near_threshold_three_weights_are_read_and_at_nominal_supply_two(bench):
    chip = bench.chip
    where, weights = written_weights(chip)
    nominal = sense_pulsed(chip, where, 1e-6)
    assert (nominal[where] != UNDECIDED).all()
    signed = where & (weights != ZERO)
    np.testing.assert_array_equal(nominal[signed], weights[signed])
    with supply_at(chip, 0.55):
        low = sense_pulsed(chip, where, 1e-6)
    np.testing.assert_array_equal(low[where], weights[where])
    assert (low[~where] == NOT_READ).all()


def test_a_longer_pulse_discharges_more(bench):
    chip = bench.chip
    where, weights = written_weights(chip)
    zeros = where & (weights == ZERO)
    with supply_at(chip, 0.7):
        counts = [
            int(np.count_nonzero(sense_pulsed(chip, zeros, sense_s)[zeros] == UNDECIDED))
            for sense_s in (500e-9, 1e-6)
        ]
    assert counts[0] > counts[1]


def test_senses_at_any_supply_move_no_device(bench):
    chip = bench.chip
    where, _ = written_weights(chip)
    before = die_of(bench).x.copy()
    for vdd in (1.2, 0.8, 0.55):
        with supply_at(chip, vdd):
            sense_pulsed(chip, where, 1e-6)
            assert (chip.sense(where, complement=True)[where] != NOT_READ).all()
    assert np.abs(die_of(bench).x - before).max() < 0.01


def test_the_bound_is_above_what_the_amplifier_takes_and_below_what_it_could_hide(bench):
    chip = bench.chip
    where, weights = written_weights(chip)
    signed = where & (weights != ZERO)
    found = sense_time(sense_traces(chip, signed), trace_times(50), high_current(chip))
    assert (found.senses, found.undecided) == (24, 0)
    # The simulated amplifier takes some 10 ns from the middle of the 30 ns edge.
    assert 25e-9 < found.bound_s < 160e-9


# --- campaigns ----------------------------------------------------------------------------------


def test_a_campaign_says_all_three_things(tmp_path):
    setup = small_setup(tmp_path, rows=3)
    bench = Bench(setup, DieChoice(None, SEED, tmp_path / "dies"))
    asked = request(
        setup, tmp_path, "sense", seed=SEED, programmings=4, senses=2,
        reset_voltages="1.5V,2.5V", vdd="0.55V,1.2V", ternary_programmings=2,
    )  # fmt: skip
    left = run(asked, bench=bench)
    assert left.status == "success", left.record["reason"]
    assert_outputs_safe(bench)
    assert left.array("sensed").shape == (8, 2, 3, 8)
    assert left.array("ternary_read").shape == (2, 2, 3, 8)
    summary = summarise(left)
    assert summary["ber_2t2r"]["trials"] == 8 * 24
    assert summary["repeated_senses"]["bits"] == 8 * 24
    assert [one["reset_v"] for one in summary["sense_conditions"]] == [1.5, 2.5]
    nominal, low = summary["ternary"]
    assert (nominal["vdd"], low["vdd"]) == (1.2, 0.55)
    assert nominal["zeros"]["errors"] == 0
    assert low["zeros"]["value"] > 0.9
    assert nominal["inverted"]["trials"] + nominal["zeros"]["trials"] == 48
    assert summary["sense_time"]["senses"] == 3
    json.dumps(summary, allow_nan=False)
    page = write_report(left).read_text(encoding="utf-8")
    for text in ("Figure 4", "Ternary reading", "Sense time", "&lt;"):
        assert text in page


def test_without_the_ternary_reading_the_supply_stays(tmp_path, undrawn):
    file = small_bench_file(tmp_path, ('VDD = "smu.8"', 'VDD = "board"'), rows=1)
    done = CliRunner().invoke(
        app, ["run", "sense", "--bench", str(file), "--runs", str(tmp_path), "--vdd", "0.6V"]
    )
    assert done.exit_code != 0
    assert "VDD comes from the board" in " ".join(done.output.split())
    assert "Traceback" not in done.output


def test_a_supply_beyond_the_benchs_limit_is_refused_before_the_run(tmp_path):
    setup = bent_setup(tmp_path, ("[address]", "[limits.VDD]\nvolts = [0.0, 1.25]\n\n[address]"))
    asked = request(setup, tmp_path, "sense", seed=SEED, vdd="1.2V,1.3V")
    with pytest.raises(LimitError, match="VDD"):
        run(asked)


def test_from_the_command_line(tmp_path, undrawn):
    file = small_bench_file(tmp_path, rows=1)
    places = ["--bench", str(file), "--runs", str(tmp_path / "runs"), "--seed", "9"]
    few = ["--programmings", "1", "--senses", "1", "--ternary-programmings", "1", "--vdd", "0.6V"]
    done = CliRunner().invoke(app, ["run", "sense", *places, *few])
    assert done.exit_code == 0, done.output
    assert "Sense time" in done.output
    wrong = CliRunner().invoke(app, ["run", "sense", *places, "--vdd", "1.2V,1.2V"])
    assert wrong.exit_code == 2
    assert "given twice" in wrong.output
