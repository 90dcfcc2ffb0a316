"""Energies on the simulated bench against the currents that really flowed in the devices."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.traces import program_traced
from labctl.analysis.energy import pulse_energy, shorter_pulse_energy
from labctl.bench import Bench, DieChoice
from labctl.cli import app
from labctl.report import summarise, write_report
from labctl.runs import run
from labctl.store.wear import blocks
from tests.simulated import (
    assert_outputs_safe,
    devices,
    request,
    small_bench_file,
    small_setup,
    some_bits,
    station_of,
)

SEED = 3_140_927
DENSE_S = 1e-9


class TrueEnergies:
    """Looks at the current of SL while the station plays, much closer than any channel could."""

    def __init__(self, chip, monkeypatch):
        self.set_j, self.reset_j = [], []
        self._play = chip.play
        monkeypatch.setattr(chip, "play", self.play)

    def play(self, waveform, samples=None):
        if "SL" not in waveform.volts:
            return self._play(waveform, samples)
        dense = np.arange(0, waveform.duration, DENSE_S)
        wanted = dict(samples or {})
        own = wanted.get("SL", np.zeros(0))
        wanted["SL"] = np.union1d(dense, own)
        currents = self._play(waveform, wanted)
        amperes = currents["SL"][np.searchsorted(wanted["SL"], dense)]
        sl, bl, blb = (
            np.interp(dense, waveform.times, waveform.volts[p]) for p in ("SL", "BL", "BLB")
        )
        is_set = sl > 0
        self.set_j.append(float((sl * amperes).sum() * DENSE_S))
        self.reset_j.append(float((np.maximum(bl, blb) * -amperes)[~is_set].sum() * DENSE_S))
        currents["SL"] = currents["SL"][np.searchsorted(wanted["SL"], own)]
        return currents


@pytest.fixture
def cells(bench):
    """The upper left 2 x 8 bits, formed."""
    where = some_bits(bench.chip, 2, 8)
    bench.chip.form(devices(where))
    return where


@pytest.mark.parametrize(("width_s", "low"), [(1e-6, 0.95), (500e-9, 0.91), (10e-6, 0.98)])
def test_a_measured_energy_is_the_true_one_but_for_the_settling(
    bench, cells, monkeypatch, width_s, low
):
    conditions = ProgramConditions(200e-6, 2.0, 2.5, width_s)
    program_traced(bench.chip, 1, cells, conditions)
    true = TrueEnergies(station_of(bench).chip, monkeypatch)
    for bit in (0, 1):
        traces = program_traced(bench.chip, bit, cells, conditions)
        assert (len(traces.set), len(traces.reset)) == (16, 16)
        for sampled, energies in ((traces.set, true.set_j), (traces.reset, true.reset_j)):
            ratio = pulse_energy(sampled, traces.sample_s) / np.array(energies[-16:])
            assert low < np.median(ratio) < 1.01
            assert (np.abs(ratio - np.median(ratio)) < 0.06).all()


def test_the_energy_of_a_short_pulse_is_about_what_one_takes(bench, cells, monkeypatch):
    true = TrueEnergies(station_of(bench).chip, monkeypatch)
    short = ProgramConditions(200e-6, 2.0, 2.0, 100e-9)
    long = ProgramConditions(200e-6, 2.0, 2.0, 500e-9)
    ones, zeros = np.ones((32, 32), np.uint8), np.zeros((32, 32), np.uint8)
    bench.chip.program(ones, cells, short)
    true.set_j.clear()
    true.reset_j.clear()
    for _ in range(3):
        bench.chip.program(zeros, cells, short)
        bench.chip.program(ones, cells, short)
    taken = {"set": np.median(true.set_j), "reset": np.median(true.reset_j)}
    program_traced(bench.chip, 0, cells, long)
    program_traced(bench.chip, 1, cells, long)
    computed = {"set": [], "reset": []}
    for bit in (0, 1, 0, 1, 0, 1):
        traces = program_traced(bench.chip, bit, cells, long)
        for kind, sampled in (("set", traces.set), ("reset", traces.reset)):
            computed[kind].append(shorter_pulse_energy(sampled, traces.sample_s, 500e-9, 100e-9))
    assert np.median(computed["set"]) / taken["set"] == pytest.approx(0.98, abs=0.05)
    assert np.median(computed["reset"]) / taken["reset"] == pytest.approx(0.96, abs=0.10)


def test_a_pulse_too_short_to_be_measured_is_refused(bench, cells):
    with pytest.raises(ValueError, match="cannot be measured"):
        program_traced(bench.chip, 0, cells, ProgramConditions(width_s=490e-9))


def test_sampled_pulses_are_booked_as_programming(tmp_path):
    setup = small_setup(tmp_path, rows=1)
    asked = request(
        setup, tmp_path, "energy", seed=SEED, cells=2, repeats=1, programmings=1,
        reset_voltages="2.5V", pulse_widths="1us", cycles=200, cycled_pairs=1,
    )  # fmt: skip
    left = run(asked)
    assert left.status == "success", left.record["reason"]
    counts = {"set": 0, "reset": 0}
    for block in blocks(left.events()):
        for booking in block.bookings:
            if booking.kind in counts:
                counts[booking.kind] += int(booking.counts.sum())
    # 2 bits x 2 programmings x (1 + 1 before), 8 bits x (1 extra + 1), then one pair's cycles.
    assert counts == {"set": 8 + 16 + 201, "reset": 8 + 16 + 201}


def test_a_campaign_gives_table_1(tmp_path):
    setup = small_setup(tmp_path, rows=2)
    bench = Bench(setup, DieChoice(None, SEED, tmp_path / "dies"))
    asked = request(
        setup, tmp_path, "energy", seed=SEED, cells=16, repeats=2, programmings=2, cycles=0
    )
    left = run(asked, bench=bench)
    assert left.status == "success", left.record["reason"]
    assert_outputs_safe(bench)
    summary = summarise(left)
    strong, endurance, energy = summary["energy_conditions"]
    assert [one["label"] for one in (strong, endurance, energy)] == [
        "strong", "endurance", "energy",
    ]  # fmt: skip
    assert [one["method"] for one in (strong, endurance, energy)] == [
        "measured", "measured", "computed",
    ]  # fmt: skip
    assert left.array("set_trace_0").shape == (4, 16, 2, 56)
    assert strong["set"]["median_j"] == pytest.approx(400e-12, rel=0.25)
    assert strong["reset"]["median_j"] > endurance["reset"]["median_j"]
    assert endurance["reset"]["median_j"] > energy["reset"]["median_j"]
    assert energy["set"]["low_j"] < energy["set"]["median_j"] < energy["set"]["high_j"]
    assert [one["ber_2t2r"]["trials"] for one in (strong, endurance, energy)] == [32, 32, 32]
    page = write_report(left).read_text(encoding="utf-8")
    for text in ("Table 1", "computed", "Figure 2", "Cyclability was not measured"):
        assert text in page
    assert [one["cyclability"] for one in summary["energy_conditions"]] == [None] * 3
    json.dumps(summary, allow_nan=False)


def test_a_campaign_gives_cyclability_side_by_side(tmp_path):
    setup = small_setup(tmp_path, rows=2)
    bench = Bench(setup, DieChoice(None, SEED, tmp_path / "dies"))
    asked = request(
        setup, tmp_path, "energy", seed=SEED, cells=2, repeats=1, programmings=1,
        set_compliances="200uA,20uA", reset_voltages="2.5V,1.5V", pulse_widths="1us",
        cycles=200_000, cycled_pairs=3,
    )  # fmt: skip
    left = run(asked, bench=bench)
    assert left.status == "success", left.record["reason"]
    assert_outputs_safe(bench)
    pairs = left.array("cycled_pairs")
    assert pairs[:, :2].tolist() == [[0, 0], [1, 0], [2, 0], [3, 1], [4, 1], [5, 1]]
    assert len({tuple(place) for place in pairs[:, 2:].tolist()}) == 6
    assert not {tuple(p) for p in pairs[:, 2:].tolist()} & {
        tuple(p) for p in left.array("cells")[0].tolist()
    }
    summary = summarise(left)
    good, poor = (one["cyclability"] for one in summary["energy_conditions"])
    assert good["pairs"] == poor["pairs"] == 3
    assert (good["bound"], good["median_crossing"], good["crossed"]) == (200_000, None, 0)
    # 20 uA and 1.5 V make more than 1e-3 errors from the first cycles on.
    assert poor["bound"] is None
    assert poor["is_from_start"]
    counts = left.array("cycled_counts")
    assert (np.bincount(counts[:, 0], minlength=6)[:3] == 6).all()
    assert (np.bincount(counts[:, 0], minlength=6)[3:] < 6).any()
    assert any("Its cycling ends there" in note for note in left.record["notes"])
    page = write_report(left).read_text(encoding="utf-8")
    for text in ("Cycles to a 2T2R BER of 1e-3", "&gt; 2e5", "Figure 3", "A few pairs of one die"):
        assert text in page
    json.dumps(summary, allow_nan=False)


@pytest.mark.slow
def test_from_the_command_line_rightly_and_wrongly(tmp_path, undrawn):
    runner, bench_file = CliRunner(), small_bench_file(tmp_path, rows=1)
    places = ["--bench", str(bench_file), "--runs", str(tmp_path / "runs")]
    few = ["--cells", "2", "--repeats", "1", "--programmings", "1", "--cycled-pairs", "1"]
    few += ["--cycles", "2e3"]
    done = runner.invoke(app, ["run", "energy", *places, "--seed", "5", *few])
    assert done.exit_code == 0, done.output
    assert "energy: SET" in done.output
    assert "energy: cycles to 1e-3" in done.output
    wrong = runner.invoke(app, ["run", "energy", *places, "--pulse-widths", "1us,100ns"])
    assert wrong.exit_code == 2
    assert "go together" in wrong.output
    assert "Traceback" not in wrong.output
