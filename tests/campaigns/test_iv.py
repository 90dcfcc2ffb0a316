"""Quasi-static sweeps on the simulated bench: protection, booking, stopping, what is told."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest
from pyvisa.constants import StatusCode
from pyvisa.errors import VisaIOError

from instruments.limits import LimitError
from instruments.sim.chip.array import Chip
from instruments.sim.chip.device import Kind
from instruments.sim.chip.die import Die
from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.sweeping import QuasiStaticSweep
from labctl.bench import Bench
from labctl.observing import Stop, StopRequest
from labctl.report import summarise, write_report
from labctl.runs import run
from labctl.store.ledger import LEDGER, Ledger
from tests.simulated import assert_outputs_safe, bent_setup, die_of, request, small_setup

ROWS, SEED = 2, 616
COARSE = {"step": 0.05, "delay": 0.01}
ONE_BIT = {"region": "1,3"}


@pytest.fixture
def small(tmp_path):
    return small_setup(tmp_path / "bench", rows=ROWS)


class Holds:
    """What the pads were held at, each time one of them moved."""

    def __init__(self, monkeypatch):
        self.levels = dict.fromkeys(("SL", "BL", "BLB", "WL"), 0.0)
        self.seen = []
        hold = Chip.hold

        def watched(chip, pad, volts):
            if pad in self.levels and volts is not None:
                self.levels[pad] = volts
                self.seen.append(dict(self.levels))
            return hold(chip, pad, volts)

        monkeypatch.setattr(Chip, "hold", watched)

    def pads(self, *names):
        return np.array([[levels[name] for name in names] for levels in self.seen]).T


def formed_chip(bench):
    """A chip with both devices of one bit formed, and the address of its BL device."""
    bench.chip.form(bench.chip.one_device(3, 4, 0) | bench.chip.one_device(3, 4, 1))
    return bench.chip, (3, 4, 0)


@pytest.mark.parametrize("device", [0, 1])
@pytest.mark.parametrize("kind", ["set", "reset", "form"])
def test_the_complement_is_protected_at_every_step(bench, monkeypatch, kind, device):
    chip, (row, column, _) = formed_chip(bench)
    active, complement = ("BL", "BLB") if device == 0 else ("BLB", "BL")
    before = die_of(bench).x[row, column].copy()
    holds = Holds(monkeypatch)
    gate = {"set": 0.94, "reset": 3.3, "form": 1.6}[kind]
    swept = QuasiStaticSweep.by_step(kind, 1.5, 0.05, 1e-3, gate).run(chip, row, column, device)
    sl, own, other, word_line = holds.pads("SL", active, complement, "WL")
    assert max(sl.max(), own.max()) == pytest.approx(1.5, abs=1e-3)
    assert word_line.max() == gate
    assert np.abs(sl - other).max() <= 0.05 + 1e-3
    assert own.max() == (0.0 if kind != "reset" else pytest.approx(1.5, abs=1e-3))
    # WL moves only while the three are together.
    moved = np.flatnonzero(np.diff(word_line) != 0)
    assert len(moved) == 2
    assert np.ptp(np.array([sl, own, other])[:, moved], axis=0).max() == 0
    assert np.nanmax(np.abs(swept.complement)) < 1e-8
    assert die_of(bench).x[row, column, 1 - device] == before[1 - device]


def test_the_gate_limits_the_current_of_a_set_sweep(bench):
    chip, cell = formed_chip(bench)
    for amperes in (30e-6, 100e-6):
        chip.reset(chip.one_device(*cell), ProgramConditions())
        gate = chip.schemes.table.gate_v(amperes)
        swept = QuasiStaticSweep.by_step("set", 2.0, 0.05, 1e-3, gate).run(chip, *cell)
        assert swept.device.max() == pytest.approx(amperes, rel=0.15)
        assert swept.device.min() > -1e-8
    swept = QuasiStaticSweep.by_step("reset", 1.5, 0.05, 1e-3, 3.3).run(chip, *cell)
    assert swept.device.max() < 1e-8
    assert die_of(bench).kind[cell] == Kind.HRS


def test_a_cycle_run_switches_books_and_tells(tmp_path, small):
    made = run(request(small, tmp_path, "iv", die="a", seed=SEED, cycles=2, **ONE_BIT, **COARSE))
    assert made.status == "success"
    assert made.array("swept").tolist() == [[1, 3, 0, 0], [1, 3, 0, 1], [1, 3, 1, 0], [1, 3, 1, 1]]
    for kind in ("set", "reset"):
        assert made.array(f"{kind}_voltage").shape == (1, 66)
        assert made.array(f"{kind}_current").shape == (4, 66)
        assert np.isfinite(made.array(f"{kind}_current")).all()
    assert (made.array("set_current")[:, 1:-1] > 0).all()
    assert (made.array("reset_current")[:, 1:-1] < 0).all()
    rows = made.results()
    assert rows["Sweep"].tolist() == ["reset", "set"] * 4
    assert (rows["Largest complement current (A)"] < 1e-8).all()
    moved = np.log10(rows["Complement after (ohm)"] / rows["Complement before (ohm)"])
    # Beyond the read noise of an HRS, 0.05 decades.
    assert moved.abs().max() < 0.25
    summary = summarise(made)
    assert summary["reset"]["switched"] >= 3
    assert 0.6 < summary["reset"]["median_v"] < 0.9
    assert summary["set"]["sweeps"] + summary["set"]["began_switched"] == 4
    assert write_report(made).read_text(encoding="utf-8").count("data:image/png") == 2
    ledger = Ledger(tmp_path / "runs" / LEDGER)
    totals = ledger.totals("a")
    assert ledger.unconfirmed("a") == 0
    ledger.close()
    one_bit = np.zeros((32, 32, 2), dtype=bool)[:ROWS, :8]
    one_bit[1, 3] = True
    assert (totals["sweep"] == 4 * one_bit).all()
    assert (totals["set"] == 1 * one_bit).all()
    assert (totals["form"] == 1 * one_bit).all()


@pytest.mark.parametrize(("sweep", "prepared_by"), [("set", "reset"), ("reset", "set")])
def test_each_single_sweep_begins_from_a_programmed_state(tmp_path, small, sweep, prepared_by):
    made = run(
        request(
            small, tmp_path, "iv", die="a", seed=SEED, sweep=sweep, cycles=3, **ONE_BIT, **COARSE
        )
    )
    assert made.results()["Sweep"].unique().tolist() == [sweep]
    ledger = Ledger(tmp_path / "runs" / LEDGER)
    totals = ledger.totals("a")
    ledger.close()
    assert totals[prepared_by][1, 3].tolist() == [3, 3]
    assert sweep not in totals
    states = sqlite3.connect(tmp_path / "runs" / LEDGER)
    (condition,) = states.execute("SELECT condition FROM pulses WHERE kind = 'sweep'").fetchone()
    states.close()
    assert f'"{sweep}_v": 1.6' in condition


def test_a_forming_sweep_forms_once_and_books_a_forming(tmp_path, small):
    parameters = {"sweep": "forming", "step": 0.05, "delay": 0.005, **ONE_BIT}
    made = run(request(small, tmp_path, "iv", die="a", seed=SEED, **parameters))
    die = Die.load(tmp_path / "dies" / "a.npz")
    assert (die.kind[1, 3] == Kind.LRS).all()
    assert np.count_nonzero(die.kind != Kind.PRISTINE) == 2
    summary = summarise(made)
    assert summary["form"]["switched"] == 2
    # Slower than the ramp by far, so lower: 0.11 V ln(1000 V/s / 10 V/s) = 0.5 V.
    assert 1.5 < summary["form"]["median_v"] < 2.4
    again = run(request(small, tmp_path, "iv", die="a", **parameters))
    assert again.status == "success"
    assert [note.split(":")[0] for note in again.record["notes"]] == [
        "Row 1 column 3 BL reads as formed",
        "Row 1 column 3 BLb reads as formed",
    ]
    assert np.isnan(again.array("form_current")).all()
    assert "No device was swept" in write_report(again).read_text(encoding="utf-8")
    assert summarise(again)["form"]["sweeps"] == 0
    ledger = Ledger(tmp_path / "runs" / LEDGER)
    assert ledger.totals("a")["form"][1, 3].tolist() == [1, 1]
    ledger.close()


def test_devices_are_spread_over_rows_columns_and_both_kinds(tmp_path, small):
    made = run(request(small, tmp_path, "iv", seed=SEED, devices=6, sweep="reset", **COARSE))
    cells = made.array("swept")[:, :3]
    assert len({tuple(cell) for cell in cells.tolist()}) == 6
    assert set(cells[:, 0]) == {0, 1}
    assert len(set(cells[:, 1])) > 2
    assert set(cells[:, 2]) == {0, 1}


def test_a_sweep_beyond_a_limit_is_refused_before_anything_is_sent(tmp_path):
    for pad in ("SL", "BLB"):
        limits = f"[limits.{pad}]\nvolts = [0.0, 1.5]\n\n[simulation]"
        setup = bent_setup(tmp_path, ("[simulation]", limits))
        with pytest.raises(LimitError, match=rf"1\.6 V on pad {pad} is not allowed"):
            run(request(setup, tmp_path, "iv", form_first="no", sweep="forming", forming_top=1.6))
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"sweep": "forming", "cycles": 2}, "a device is formed once"),
        ({"delay": 1.0}, "lasts 162 s; 60 s allowed"),
        ({"step": 0.001, "set_top": 2.0}, "1001 points allowed"),
        ({"region": "3,3"}, "this chip has rows 0 to 1"),
    ],
)
def test_what_fits_not_is_refused(tmp_path, small, parameters, says):
    with pytest.raises(ValueError, match=says):
        run(request(small, tmp_path, "iv", **parameters))


def test_stopping_within_a_sweep_leaves_the_bench_safe(tmp_path, small, monkeypatch):
    """As on hardware, where the sweep goes on while the program looks for a wish to stop."""
    stop = StopRequest()
    asked = request(small, tmp_path, "iv", seed=SEED, **ONE_BIT, **COARSE)
    bench = Bench(small, asked.die)
    lines = []
    write = bench.instruments.adapter._write

    def watched(command, **kwargs):
        lines.append(command)
        if command == "XE":
            stop.ask()
            stop.ask()
            # The sweep has hardly begun: the clock of a real bench.
            bench.chip.connections.__dict__["now"] = lambda: 0.0
        write(command, **kwargs)

    monkeypatch.setattr(bench.instruments.adapter, "_write", watched)
    made = run(asked, stop=stop, bench=bench)
    assert made.status == "aborted"
    assert lines.index("AB") > lines.index("XE")
    assert lines.count("XE") == 1
    assert_outputs_safe(bench)
    ledger = Ledger(tmp_path / "runs" / LEDGER)
    fresh = f"fresh die of run {made.id}"
    assert ledger.unconfirmed(fresh) == 1
    ledger.close()


class Polled:
    """A bus with a serial poll: the sweep's data are ready when it has been asked often enough."""

    def __init__(self, looks, meanwhile=lambda: None):
        self.looks, self.meanwhile, self.timeout = looks, meanwhile, 2000.0

    def read_stb(self):
        self.looks -= 1
        self.meanwhile()
        return 17 if self.looks < 0 else 0

    def close(self):
        """PyMeasure's adapter closes its connection."""


def test_a_sweep_is_read_when_the_mainframe_has_its_data(bench):
    chip, cell = formed_chip(bench)
    bench.instruments.adapter.connection = Polled(looks=4)
    begin, looks = bench.now(), []
    chip.on_row = lambda: looks.append(bench.now())
    swept = QuasiStaticSweep.by_step("reset", 1.0, 0.1, 1e-3, 3.3).run(chip, *cell)
    assert np.isfinite(swept.device).all()
    # And once more when the sweep is done.
    assert len(looks) == 4 + 1
    assert looks[3] - begin > 0.4


def test_on_a_bus_without_a_serial_poll_the_sweep_is_read_at_once(bench):
    """As over a socket."""

    def not_supported():
        raise VisaIOError(StatusCode.error_nonsupported_operation)

    chip, cell = formed_chip(bench)
    bench.instruments.adapter.connection = polled = Polled(10**6, not_supported)
    swept = QuasiStaticSweep.by_step("reset", 1.0, 0.1, 1e-3, 3.3).run(chip, *cell)
    assert np.isfinite(swept.device).all()
    assert polled.looks == 10**6 - 1


def test_a_sweep_that_the_mainframe_has_not_finished_can_be_stopped(tmp_path, small, monkeypatch):
    """Its delays are over, its ranging and conversions are not: a read would wait for them."""
    stop = StopRequest()
    asked = request(small, tmp_path, "iv", seed=SEED, **ONE_BIT, **COARSE)
    bench = Bench(small, asked.die)
    adapter, lines = bench.instruments.adapter, []
    write = adapter._write

    def watched(command, **kwargs):
        lines.append(command)
        if command == "XE":
            adapter.connection = Polled(10**6, lambda: stop.ask(Stop.EMERGENCY))
        write(command, **kwargs)

    monkeypatch.setattr(adapter, "_write", watched)
    made = run(asked, stop=stop, bench=bench)
    assert made.status == "aborted"
    assert lines[lines.index("XE") + 1] == "AB"
    assert adapter.connection.looks == 10**6 - 1
    assert_outputs_safe(bench)
