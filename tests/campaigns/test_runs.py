"""Whole runs on the simulated bench: what they leave on disk and how they end."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
import threading

import numpy as np
import pandas as pd
import pytest
from pymeasure.experiment import Results

from instruments.sim.chip.array import Chip
from instruments.sim.chip.die import Die
from labctl import runs
from labctl.bench import Bench
from labctl.benchfile import load_setup
from labctl.observing import Observer, StopRequest
from labctl.report import summarise
from labctl.runs import run
from labctl.store import files
from labctl.store import ledger as ledger_module
from labctl.store.ledger import LEDGER, Ledger
from labctl.store.wear import BlockState, blocks
from labctl.store.writer import RunWriter
from procedures.checkerboard import Checkerboard
from tests.campaigns.scripted import Scripted
from tests.simulated import assert_outputs_safe, die_of, request, small_setup, station_of

SEED = 71_822_945
ROWS, COLUMNS = 2, 8


@pytest.fixture
def small(tmp_path):
    """A bench whose chip file describes 2 x 8 bits."""
    return small_setup(tmp_path / "bench", ROWS)


@pytest.fixture
def benches(monkeypatch):
    """The benches that runs open, in order."""
    opened = []

    class Remembered(Bench):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            opened.append(self)

    monkeypatch.setattr(runs, "Bench", Remembered)
    return opened


class StopAt(Observer):
    """Asks to stop, ``times`` times, when step ``number`` begins."""

    def __init__(self, number, times=1):
        self.stop = StopRequest()
        self.number, self.left = number, times

    def progress(self, progress):
        while progress.step == self.number and self.left:
            self.left -= 1
            self.stop.ask()


def snapshot(folder):
    """The die as the last end mark names it; there is no other."""
    (file,) = folder.path.glob("die-*.npz")
    marks = [event for event in folder.events() if event["event"] == "step_end"]
    assert marks[-1]["die"] == file.name
    return Die.load(file)


def ended_steps(folder):
    return [event["step"] for event in folder.events() if event["event"] == "step_end"]


# --- one run of the whole array -----------------------------------------------------------------


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """One programming of each pattern on a fresh die, 32 x 32 bits."""
    folder = tmp_path_factory.mktemp("full")
    return run(request(load_setup(None), folder, seed=SEED, programmings=1))


def test_a_checkerboard_on_a_fresh_die_succeeds(full):
    assert full.status == "success"
    assert full.record["reason"] is None
    assert full.record["notes"] == [
        "The die arrived unformed: its devices are formed first, in this run."
    ]
    summary = summarise(full)
    assert summary["programmings"] == 2
    assert summary["ber_2t2r"]["trials"] == 2 * 1024
    assert summary["ber_1t1r"]["trials"] == 2 * 2048
    # One die, one programming: the bands of the paper, three sigma wider.
    assert 0.004 < summary["ber_1t1r"]["value"] < 0.025
    assert summary["ber_2t2r"]["value"] < 0.008
    assert summary["unformed"] == []
    assert summary["dead_cells"] is None


def test_the_record_has_what_a_reader_needs(full):
    record = full.record
    setup = load_setup(None)
    assert (record["run"], record["procedure"]) == (full.path.name, "checkerboard")
    assert (record["simulated"], record["seed"]) == (True, SEED)
    assert record["die"] == {"name": None, "seed": SEED, "origin": "fresh"}
    assert record["parameters"] == {
        "compliance_table": "chip file",
        "form_first": "yes",
        "order": "alternate",
        "programmings": 1,
        "pulse_width": 1e-6,
        "reference": 50e3,
        "reset_voltage": 2.5,
        "set_compliance": 55e-6,
        "set_voltage": 2.0,
    }
    assert record["bench"]["text"] == setup.text
    assert record["bench"]["sha256"] == setup.sha256
    assert len(setup.sha256) == 64
    assert record["chip"]["text"] == setup.chip_text
    assert record["modules"] == {
        str(slot): "B1530A" if slot < 5 else "B1517A" for slot in range(1, 10)
    }
    assert {"python", "labctl", "pymeasure", "numpy", "scipy", "pandas"} <= set(record["versions"])
    assert record["git"] is None or len(record["git"].removesuffix("+dirty")) == 40
    assert record["ended"] >= record["started"][:19]
    assert record["steps_done"] == 32 + 1 + 2
    parts = record["bench_time_s"]
    assert parts["total"] == pytest.approx(sum(parts.values()) - parts["total"], rel=0.01)
    assert parts["program"] / 3 < 48
    assert record["wall_time_s"] > 0


def test_results_load_with_pymeasure_and_pandas(full):
    file = full.path / "results.csv"
    loaded = Results.load(str(file))
    assert type(loaded.procedure) is Checkerboard
    assert loaded.procedure.parameter_values() == full.record["parameters"]
    table = pd.read_csv(file, comment="#")
    pd.testing.assert_frame_equal(loaded.data, table)
    pd.testing.assert_frame_equal(full.results(), table)
    assert list(table.columns) == Checkerboard.DATA_COLUMNS
    assert table["Step"].tolist() == [*range(32), 33, 34]
    assert table["Kind"].tolist() == ["check"] * 32 + ["programming"] * 2
    assert table["Formed devices"].sum() == 2048
    assert table["Pattern"].tolist()[32:] == ["A", "B"]


def test_arrays_have_the_promised_shapes(full):
    shapes = {
        "pattern": ((2, 32, 32), np.uint8),
        "resistance": ((2, 32, 32, 2), np.float64),
        "sensed": ((2, 32, 32), np.uint8),
        "forming_voltage": ((32, 32, 2), np.float64),
        "unformed": ((32, 32, 2), np.uint8),
    }
    for name, (shape, kind) in shapes.items():
        array = full.array(name)
        assert (array.shape, array.dtype) == (shape, kind), name
    pattern = full.array("pattern")
    np.testing.assert_array_equal(pattern[0], np.indices((32, 32)).sum(axis=0) % 2)
    np.testing.assert_array_equal(pattern[1], 1 - pattern[0])
    assert np.isfinite(full.array("resistance")).all()
    assert set(np.unique(full.array("sensed"))) == {0, 1}
    assert full.array("unformed").sum() == 0


def test_a_row_says_the_same_as_the_arrays(full):
    rows = full.results().iloc[32:]
    pattern, sensed, ohm = (full.array(name) for name in ("pattern", "sensed", "resistance"))
    wrong = (sensed != pattern).sum(axis=(1, 2))
    assert rows["2T2R wrong bits"].tolist() == wrong.tolist()
    bl_low = pattern == 0
    lrs = np.where(bl_low, ohm[..., 0], ohm[..., 1])
    hrs = np.where(bl_low, ohm[..., 1], ohm[..., 0])
    missed = (lrs >= 50e3).sum(axis=(1, 2)) + (hrs < 50e3).sum(axis=(1, 2))
    assert rows["1T1R wrong devices at reference"].tolist() == missed.tolist()
    np.testing.assert_array_equal(rows["Median LRS (ohm)"], np.median(lrs, axis=(1, 2)))
    np.testing.assert_array_equal(rows["Median HRS (ohm)"], np.median(hrs, axis=(1, 2)))


def test_the_journal_tells_every_step_and_what_is_on_disk(full):
    events = list(full.events())
    begun = [event["step"] for event in events if event["event"] == "step_begin"]
    assert begun == ended_steps(full) == list(range(35))
    last = events[-1]
    on_disk = {name: (full.path / name).stat().st_size for name in last["lengths"]}
    assert last["lengths"] == on_disk
    assert set(on_disk) == {"results.csv"} | {
        f"arrays/{file.name}" for file in (full.path / "arrays").iterdir()
    }
    bench = [event["bench_s"] for event in events if event["event"] == "step_end"]
    assert sum(bench) == pytest.approx(full.record["bench_time_s"]["total"], rel=0.01)


# --- wear ---------------------------------------------------------------------------------------


class PulseCounter:
    """Counts pulses at the pads of the simulated chip, (rows, columns, 2) for each kind.

    ``unbooked`` counts those that were sent while the ledger held no unconfirmed block.
    """

    def __init__(self, ledger):
        self.ledger = ledger
        self.counts = {kind: np.zeros((32, 32, 2), int) for kind in ("form", "set", "reset")}
        self.unbooked = 0

    def play(self, chip, waveform, samples=None):
        times = np.unique(waveform.times)
        sl, *bit_lines = (self.volts(chip, waveform, pad, times) for pad in ("SL", "BL", "BLB"))
        kinds = []
        for device, line in enumerate(bit_lines):
            if (sl - line).max() > 3.0:
                kinds.append(("form", device))
            elif (sl - line).max() > 1.5:
                kinds.append(("set", device))
            if (line - sl).max() > 1.5:
                kinds.append(("reset", device))
        for kind, device in kinds:
            self.counts[kind][chip._row, chip._column, device] += 1
        if kinds:
            states = sqlite3.connect(self.ledger)
            (open_blocks,) = states.execute(
                "SELECT COUNT(DISTINCT block) FROM pulses WHERE state = 'planned'"
            ).fetchone()
            states.close()
            self.unbooked += open_blocks != 1

    @staticmethod
    def volts(chip, waveform, pad, times):
        if pad in waveform.volts:
            return np.interp(times, waveform.times, waveform.volts[pad])
        return np.full(len(times), chip._held[pad] or 0.0)


@pytest.fixture
def pulses(tmp_path, monkeypatch):
    counter, play = PulseCounter(tmp_path / "runs" / LEDGER), Chip.play

    def counted(chip, waveform, samples=None):
        counter.play(chip, waveform, samples)
        return play(chip, waveform, samples)

    monkeypatch.setattr(Chip, "play", counted)
    return counter


def test_the_ledger_holds_exactly_the_pulses_that_reached_the_pads(tmp_path, small, pulses):
    made = run(request(small, tmp_path, seed=SEED, programmings=2))
    assert made.status == "success"
    ledger = Ledger(tmp_path / "runs" / LEDGER)
    die = f"fresh die of run {made.id}"
    totals = ledger.totals(die)
    assert set(totals) == {"form", "set", "reset"}
    for kind, booked in totals.items():
        np.testing.assert_array_equal(booked, pulses.counts[kind][:ROWS, :COLUMNS])
    # The extra programming and two of each pattern: each device SET and RESET in turn.
    assert (totals["form"] == 1).all()
    assert (totals["set"] + totals["reset"] == 5).all()
    assert pulses.unbooked == 0
    assert ledger.unconfirmed(die) == 0
    ledger.close()
    told = [booking for block in blocks(made.events()) for booking in block.bookings]
    for kind, booked in totals.items():
        journal = sum(booking.counts for booking in told if booking.kind == kind)
        np.testing.assert_array_equal(booked, journal)


def test_blocks_are_planned_before_they_are_confirmed(tmp_path, small):
    made = run(request(small, tmp_path, seed=SEED, programmings=1))
    wear = [e for e in made.events() if e["event"].startswith("wear_")]
    assert [e["event"] for e in wear] == ["wear_planned", "wear_confirmed"] * (len(wear) // 2)
    assert [e["block"] for e in wear[::2]] == [e["block"] for e in wear[1::2]]
    program = wear[-2]["pulses"]
    assert [p["kind"] for p in program] == ["set", "reset"]
    assert program[0]["condition"]["compliance_a"] == 55e-6
    assert program[1]["condition"] == {"reset_v": 2.5, "width_s": 1e-6}


@pytest.mark.parametrize("times", [2, 3], ids=["within the step", "emergency"])
def test_an_array_pass_that_is_stopped_is_booked_as_far_as_it_went(tmp_path, small, pulses, times):
    observer = StopAt(ROWS + 1, times)
    made = run(request(small, tmp_path, seed=SEED, programmings=2), observer, observer.stop)
    assert made.status == "aborted"
    with Ledger(tmp_path / "runs" / LEDGER) as ledger:
        die = f"fresh die of run {made.id}"
        assert ledger.unconfirmed(die) == 0
        totals = ledger.totals(die)
    for kind, booked in totals.items():
        np.testing.assert_array_equal(booked, pulses.counts[kind][:ROWS, :COLUMNS])
    # Beside the extra programming: the zeros of the first row, or the first of them.
    second = totals["set"] + totals["reset"] - 1
    assert second.sum() == 2 * {2: COLUMNS // 2, 3: 1}[times]
    assert not second[1:].any()
    *_, last = blocks(made.events())
    assert last.state is BlockState.CUT


# --- seeds and dies -----------------------------------------------------------------------------


def stored(folder):
    """Every array file and the results, as bytes."""
    paths = [folder.path / "results.csv", *(folder.path / "arrays").iterdir()]
    return {path.name: path.read_bytes() for path in paths}


def test_the_same_seed_gives_the_same_data_bit_for_bit(tmp_path, small):
    first, again, other = (
        run(request(small, tmp_path, seed=seed, programmings=2)) for seed in (SEED, SEED, SEED + 1)
    )
    assert stored(first) == stored(again)
    assert stored(first).keys() == stored(other).keys()
    assert not np.array_equal(first.array("resistance"), other.array("resistance"))


def test_without_a_seed_nobody_gets_the_same_die_twice(tmp_path, small):
    seeds = {run(request(small, tmp_path, "forming")).record["seed"] for _ in range(2)}
    assert len(seeds) == 2
    assert None not in seeds


def test_a_named_die_keeps_its_state_between_runs(tmp_path, small):
    first = run(request(small, tmp_path, die="w1-07", seed=SEED, programmings=1))
    file = tmp_path / "dies" / "w1-07.npz"
    assert first.record["die"] == {
        "name": "w1-07",
        "seed": SEED,
        "origin": "new file",
        "file": str(file),
    }
    before = Die.load(file)
    second = run(request(small, tmp_path, die="w1-07", programmings=1))
    assert second.status == "success"
    assert second.record["die"]["origin"] == "file"
    assert second.record["seed"] == SEED
    assert second.record["notes"] == []
    assert second.results()["Formed devices"].max() == 0
    assert np.isnan(second.array("forming_voltage")).all()
    after = Die.load(file)
    cells = np.s_[:ROWS, :COLUMNS]
    # Alternating patterns: each device is SET at least once in three programmings.
    assert (after.n_set[cells] > before.n_set[cells]).all()
    assert after.clock_s == pytest.approx(
        first.record["bench_time_s"]["total"] + second.record["bench_time_s"]["total"]
    )
    assert not np.array_equal(first.array("resistance"), second.array("resistance"))
    ledger = Ledger(tmp_path / "runs" / LEDGER)
    assert (ledger.totals("w1-07")["form"] == 1).all()
    assert (ledger.totals("w1-07")["set"] + ledger.totals("w1-07")["reset"] == 6).all()
    ledger.close()


def test_the_named_dies_file_and_the_runs_snapshot_are_the_same_die(tmp_path, small):
    made = run(request(small, tmp_path, "forming", die="a", seed=SEED))
    kept, named = Die.load(tmp_path / "dies" / "a.npz"), snapshot(made)
    for name in ("kind", "x", "n_set", "wear", "formed_at"):
        np.testing.assert_array_equal(getattr(kept, name), getattr(named, name))
    assert kept.clock_s == named.clock_s


def test_a_run_on_a_formed_die_repeats_from_its_snapshot(tmp_path, small):
    """A die file is the whole state: two runs from copies of it agree bit for bit."""
    run(request(small, tmp_path, "forming", die="a", seed=SEED))
    shutil.copy(tmp_path / "dies" / "a.npz", tmp_path / "dies" / "b.npz")
    first, second = (run(request(small, tmp_path, die=die, programmings=1)) for die in "ab")
    assert stored(first) == stored(second)


# --- a device that does not form ----------------------------------------------------------------


def test_an_unformable_device_is_named_and_left_out_of_everything(tmp_path, small):
    dies = tmp_path / "dies"
    dies.mkdir()
    die = Die.fresh(SEED)
    die.forming_volts[1, 3, 0] = 9.0
    die.save(dies / "odd.npz")
    made = run(request(small, tmp_path, die="odd", programmings=10))
    assert made.status == "success"
    (note,) = (note for note in made.record["notes"] if note.startswith("Unformed"))
    assert note.endswith("left out of everything: row 1 column 3 BL.")
    marks = made.array("unformed").astype(bool)
    assert np.argwhere(marks).tolist() == [[1, 3, 0]]
    # The bit is neither programmed nor read after it was found.
    left_out = np.zeros((ROWS, COLUMNS), bool)
    left_out[1, 3] = True
    resistance, sensed = made.array("resistance"), made.array("sensed")
    np.testing.assert_array_equal(np.isnan(resistance).any(axis=(0, 3)), left_out)
    np.testing.assert_array_equal((sensed == 255).all(axis=0), left_out)
    assert (sensed[:, ~left_out] <= 1).all()
    ledger = Ledger(tmp_path / "runs" / LEDGER)
    totals = ledger.totals("odd")
    ledger.close()
    assert totals["set"][1, 3].sum() == totals["reset"][1, 3].sum() == 0
    assert totals["form"][1, 3].tolist() == [1, 1]
    summary = summarise(made)
    assert [(d["row"], d["column"], d["device"]) for d in summary["unformed"]] == [(1, 3, "BL")]
    bits = ROWS * COLUMNS - 1
    assert summary["ber_2t2r"]["trials"] == 20 * bits
    assert summary["ber_1t1r"]["trials"] == summary["ber_1t1r_fixed"]["trials"] == 20 * 2 * bits
    assert summary["cells"]["usable"] == bits
    assert [1, 3] not in [cell[:2] for cell in summary["dead_cells"]]
    assert (made.results()["Bits"].dropna() == bits).all()
    again = run(request(small, tmp_path, "forming", die="odd"))
    assert any("row 1 column 3 BL" in note for note in again.record["notes"])
    assert again.results()["Formed devices"].sum() == 0


def test_a_die_without_a_formed_bit_fails_and_says_what_to_do(tmp_path, small, benches):
    made = run(request(small, tmp_path, seed=SEED, programmings=1, form_first="no"))
    assert made.status == "failed"
    assert "no bit of this die is formed" in made.record["reason"]
    assert_outputs_safe(benches[0])
    assert die_of(benches[0]).n_set.sum() == 0


# --- stopping -----------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [0, 2, ROWS, ROWS + 2])
def test_a_stop_takes_effect_after_the_step(tmp_path, small, benches, step):
    observer = StopAt(step)
    made = run(request(small, tmp_path, seed=SEED, programmings=2), observer, observer.stop)
    assert made.status == "aborted"
    assert made.record["reason"] == f"paused by the user after {step + 1} steps"
    assert ended_steps(made) == list(range(step + 1))
    assert made.record["steps_done"] == step + 1
    programmed = max(step - ROWS, 0)
    rows = made.results()
    assert len(rows) == min(step + 1, ROWS) + programmed
    for name in ("pattern", "resistance", "sensed"):
        assert len(made.array(name)) == programmed
    assert_outputs_safe(benches[0])
    # The die that is kept is the one after the last complete step.
    np.testing.assert_array_equal(snapshot(made).n_set, die_of(benches[0]).n_set)


def test_a_second_stop_takes_effect_within_the_step(tmp_path, small, benches):
    observer = StopAt(ROWS + 2, times=2)
    made = run(request(small, tmp_path, seed=SEED, programmings=2), observer, observer.stop)
    assert made.status == "aborted"
    assert ended_steps(made) == list(range(ROWS + 2))
    assert len(made.array("resistance")) == len(made.array("sensed")) == 1
    assert_outputs_safe(benches[0])


def test_an_emergency_stop_takes_effect_after_the_next_pulse(tmp_path, small, benches):
    observer = StopAt(ROWS + 2, times=3)
    made = run(request(small, tmp_path, seed=SEED, programmings=2), observer, observer.stop)
    assert (made.status, made.record["reason"]) == (
        "aborted",
        f"emergency stop by the user within step {ROWS + 3}",
    )
    # One bit of the array was still programmed: one SET and one RESET.
    before, after = snapshot(made), die_of(benches[0])
    assert (after.n_set - before.n_set).sum() + (after.n_reset - before.n_reset).sum() == 2
    assert_outputs_safe(benches[0])


def test_a_stop_asked_before_the_first_step_does_nothing_to_the_die(tmp_path, small, benches):
    stop = StopRequest()
    stop.ask()
    made = run(request(small, tmp_path, seed=SEED, programmings=1), stop=stop)
    assert made.status == "aborted"
    assert ended_steps(made) == []
    assert die_of(benches[0]).n_set.sum() == 0
    assert_outputs_safe(benches[0])


def test_a_stop_in_the_last_step_comes_too_late_to_stop_anything(tmp_path, small):
    observer = StopAt(ROWS + 2)
    made = run(request(small, tmp_path, seed=SEED, programmings=1), observer, observer.stop)
    assert ended_steps(made) == list(range(ROWS + 3))
    assert made.status == "success"


# --- failing ------------------------------------------------------------------------------------


def fails(*_, **__):
    raise ZeroDivisionError("the probe slipped")


@pytest.mark.parametrize(
    "where",
    ["_check_row", "_program", "_program_and_read", "startup", "steps", "shutdown", "bind"],
)
def test_an_error_ends_failed_with_its_reason_and_safe_outputs(
    tmp_path, small, benches, monkeypatch, where
):
    monkeypatch.setattr(Checkerboard, where, fails)
    made = run(request(small, tmp_path, seed=SEED, programmings=1))
    assert made.status == "failed"
    assert made.record["reason"] == "ZeroDivisionError: the probe slipped"
    assert "Traceback" in (made.path / "log.txt").read_text(encoding="utf-8")
    assert_outputs_safe(benches[0])


def test_an_error_in_the_middle_of_a_pulse_leaves_what_was_done(
    tmp_path, small, benches, monkeypatch
):
    """The word line is up when the SMU stops answering in the second measured programming."""
    calls = []
    measure = Checkerboard._program_and_read

    def second_time_broken(self, number, pattern):
        calls.append(number)
        if len(calls) == 2:
            monkeypatch.setattr(self.chip.connections.meters["BL"], "measure_current", fails)
        measure(self, number, pattern)

    monkeypatch.setattr(Checkerboard, "_program_and_read", second_time_broken)
    made = run(request(small, tmp_path, seed=SEED, programmings=1))
    assert made.status == "failed"
    assert made.record["steps_done"] == ROWS + 2
    assert len(made.array("resistance")) == 1
    assert summarise(made)["programmings"] == 1
    assert_outputs_safe(benches[0])


def test_a_shutdown_that_raises_leaves_no_thread(tmp_path, small, monkeypatch):
    monkeypatch.setattr(Checkerboard, "shutdown", fails)
    before = set(threading.enumerate())
    made = run(request(small, tmp_path, seed=SEED, programmings=1))
    # Each ends by itself, PyMeasure's recorder a moment after it is told to.
    for thread in set(threading.enumerate()) - before:
        thread.join()
    assert made.record["steps_done"] == ROWS + 3


def test_an_output_that_cannot_be_opened_is_said(tmp_path, small, monkeypatch):
    def broken(self):
        raise OSError("no answer")

    monkeypatch.setattr("instruments.b1500.mainframe.SpotSMU.require_off", broken)
    made = run(request(small, tmp_path, "forming", seed=SEED))
    assert made.status == "failed"
    assert any("NOT MADE SAFE" in note for note in made.record["notes"])


def test_a_worker_that_dies_before_its_first_step_is_no_success(tmp_path, small, monkeypatch):
    monkeypatch.setattr("pymeasure.experiment.workers.Recorder", fails)
    # The thread's own last words, on standard error.
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    made = run(request(small, tmp_path, "forming", seed=SEED))
    assert made.record["steps_done"] == 0
    assert made.status == "failed"


def test_modules_other_than_the_bench_files_fail_before_anything_is_forced(
    tmp_path, small, benches, monkeypatch
):
    class Changed(runs.Bench):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            station_of(self).modules[6] = "B1511A"
            del station_of(self).modules[9]

    monkeypatch.setattr(runs, "Bench", Changed)
    made = run(request(small, tmp_path, "forming", seed=SEED))
    assert made.status == "failed"
    assert "slot 6: bench file B1517A, mainframe B1511A" in made.record["reason"]
    assert "slot 9: bench file B1517A, mainframe empty" in made.record["reason"]
    station = station_of(benches[0])
    assert {path.value for path in station.channel_path.values()} == {"open"}
    assert set(station.smu_volts.values()) == {None}


# --- the disk -----------------------------------------------------------------------------------


def full_disk(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("method", ["append_row", "append_array", "append_event", "end_step"])
@pytest.mark.parametrize("after", [0, 8])
def test_a_full_disk_ends_failed_with_safe_outputs(
    tmp_path, small, benches, monkeypatch, method, after
):
    """``after`` calls that still fit; what was committed before stays readable."""
    original, calls = getattr(RunWriter, method), []

    def limited(self, *arguments, **fields):
        calls.append(method)
        if len(calls) > after:
            full_disk()
        original(self, *arguments, **fields)

    monkeypatch.setattr(RunWriter, method, limited)
    made = run(request(small, tmp_path, seed=SEED, programmings=5))
    assert made.status == "failed"
    assert "No space left on device" in made.record["reason"]
    # What state it left is tried to be written too.
    assert len(calls) == after + (2 if method == "append_event" else 1)
    assert len(made.array("resistance")) == max(len(ended_steps(made)) - ROWS - 1, 0)
    assert_outputs_safe(benches[0])


def test_a_ledger_that_cannot_be_written_sends_no_pulse(tmp_path, small, pulses, monkeypatch):
    monkeypatch.setattr(Ledger, "plan", full_disk)
    made = run(request(small, tmp_path, seed=SEED, programmings=1))
    assert made.status == "failed"
    assert sum(counts.sum() for counts in pulses.counts.values()) == 0


def test_a_die_that_cannot_be_kept_fails_the_run(tmp_path, small, monkeypatch):
    monkeypatch.setattr(Die, "save", full_disk)
    made = run(request(small, tmp_path, "forming", die="a", seed=SEED))
    assert made.status == "failed"
    assert "No space left on device" in made.record["reason"]
    assert ended_steps(made) == []


def test_a_record_that_cannot_be_closed_leaves_safe_outputs(tmp_path, small, benches, monkeypatch):
    """Only the first record fits; the run is then found as interrupted or failed, never success."""
    replace, calls = files.replace_json, []

    def once(path, content):
        calls.append(path)
        if len(calls) > 1:
            full_disk()
        replace(path, content)

    monkeypatch.setattr(files, "replace_json", once)
    with pytest.raises(OSError, match="No space left"):
        run(request(small, tmp_path, "forming", seed=SEED))
    assert_outputs_safe(benches[0])
    record = json.loads(calls[0].read_text(encoding="utf-8"))
    assert record["status"] is None


# --- rows ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"Step": 0, "Colour": 1.0}, "unknown columns"),
        ({"Step": True}, "column 'Step' cannot hold True"),
        ({"Step": np.bool_(False)}, "column 'Step' cannot hold False"),
        ({"Step": None}, "column 'Step' cannot hold None"),
        ({"Step": 0, "Current (A)": [1.0]}, "cannot hold"),
        ({"Step": 0, "Current (A)": np.ones(1)}, "cannot hold"),
        ({"Step": 0, "Current (A)": 1j}, "cannot hold"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_row_that_pymeasure_would_write_as_nan_raises(tmp_path, small, row, says):
    procedure = Scripted()
    procedure.script = [lambda: procedure.row(Step=0), lambda: procedure.row(**row)]
    made = run(request(small, tmp_path, procedure, seed=SEED))
    assert made.status == "failed"
    assert says in made.record["reason"]
    assert made.results()["Step"].tolist() == [0]
    text = (made.path / "results.csv").read_text(encoding="utf-8")
    assert len(text.splitlines()) == len(text.split("#Data:\n")[0].splitlines()) + 3


def test_a_row_keeps_numbers_exactly(tmp_path, small):
    procedure = Scripted()
    numbers = [0.1 + 0.2, 1e-300, -5e-324, 1 / 3, float("nan"), float("inf"), np.float64(2) / 3]
    procedure.script = [
        lambda n=n, value=value: procedure.row(**{"Step": np.int64(n), "Current (A)": value})
        for n, value in enumerate(numbers)
    ]
    made = run(request(small, tmp_path, procedure, seed=SEED))
    assert made.status == "success"
    np.testing.assert_array_equal(made.results()["Current (A)"], [float(n) for n in numbers])
    assert made.results()["Step"].tolist() == list(range(len(numbers)))


@pytest.mark.parametrize("text", ["a,b", "a\nb", "a\rb", "# a"])
def test_a_text_that_would_break_the_table_raises(tmp_path, small, text):
    procedure = Scripted()
    procedure.script = [lambda: procedure.row(Step=0, Remark=text)]
    made = run(request(small, tmp_path, procedure, seed=SEED))
    assert made.status == "failed"
    assert "Remark" in made.record["reason"]


# --- what is asked and told ---------------------------------------------------------------------


def test_a_run_that_cannot_be_done_keeps_nothing(tmp_path, small):
    tight = small_setup(tmp_path / "tight", ROWS)
    for setup, parameters in (
        (small, {"set_compliance": "21uA", "compliance_table": str(tmp_path / "none.toml")}),
        (tight, {"pulse_width": "123ns"}),
    ):
        with pytest.raises(ValueError, match=r"."):
            run(request(setup, tmp_path, seed=SEED, **parameters))
    assert not (tmp_path / "runs").exists()


def test_an_observer_is_told_where_the_run_stands(tmp_path, small):
    told = []

    class Listener(Observer):
        def progress(self, progress):
            told.append(progress)

    made = run(request(small, tmp_path, seed=SEED, programmings=1), Listener())
    assert {p.run for p in told} == {made.id}
    assert {p.steps for p in told} == {ROWS + 3}
    assert [p.fraction for p in told] == sorted(p.fraction for p in told)
    assert told[0].remaining_s is None
    assert told[-1].fraction == pytest.approx(1.0)
    assert told[-1].remaining_s == pytest.approx(0.0, abs=1e-6)
    assert all(p.remaining_s > 0 for p in told[1:-1] if p.remaining_s is not None)
    assert told[-1].bench_s == pytest.approx(made.record["bench_time_s"]["total"], rel=0.01)


def test_a_forming_run_on_a_small_chip_is_summarised(tmp_path, small):
    forming = run(request(small, tmp_path, "forming", seed=SEED))
    summary = summarise(forming)
    assert summary["formed_here"] == summary["devices"] == 2 * ROWS * COLUMNS
    assert 2.2 < summary["forming_voltage"]["median_v"] < 2.9


def test_forming_and_compliance_run_on_a_small_chip(tmp_path, small):
    forming = run(request(small, tmp_path, "forming", die="a", seed=SEED))
    rows = forming.results()
    assert rows["Formed devices"].tolist() == [2 * COLUMNS] * ROWS
    assert rows["Median forming voltage (V)"].between(2.2, 2.9).all()
    compliance = run(request(small, tmp_path, "compliance", die="a", cells=4))
    assert compliance.status == "success"
    assert summarise(compliance)["is_monotone"]


def test_two_runs_at_once_keep_apart(tmp_path, small, monkeypatch):
    """Two threads, two dies, one runs folder and one ledger."""
    # Neither gives up, however long the other has the ledger on a slow disk.
    monkeypatch.setattr(ledger_module, "PATIENCE_S", 250.0)
    made = []

    def one(die):
        made.append(run(request(small, tmp_path, die=die, seed=SEED, programmings=1)))

    threads = [threading.Thread(target=one, args=(die,)) for die in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [folder.status for folder in made] == ["success"] * 2
    assert made[0].id != made[1].id
    assert stored(made[0]) == stored(made[1])
    ledger = Ledger(tmp_path / "runs" / LEDGER)
    for die in "ab":
        assert (ledger.totals(die)["set"] + ledger.totals(die)["reset"] == 3).all()
        assert ledger.unconfirmed(die) == 0
    ledger.close()
