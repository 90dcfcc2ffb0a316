"""Cycling on the simulated bench, checked at the die itself."""

from __future__ import annotations

import numpy as np
import pytest

from instruments.testchip.conditions import ProgramConditions
from instruments.testchip.cycling import (
    BARE,
    SENSED,
    Cycler,
    LoopReads,
    ResistanceReads,
)
from tests.simulated import die_of, station_of

ROW, COLUMN = 3, 5
STRONG = ProgramConditions(set_compliance_a=200e-6)
EXECUTION = "instruments.testchip.cycling.EXECUTION_LOOPS"


class Book:
    """Remembers what was booked, and how many executions had been carried out by then."""

    def __init__(self, wgfmu, monkeypatch):
        self.planned, self.confirmed, self.executed, self.at = [], [], 0, []
        execute = wgfmu.execute

        def counted():
            self.executed += 1
            execute()

        monkeypatch.setattr(wgfmu, "execute", counted)

    def plan(self, pulses):
        self.planned.append({p.kind: p for p in pulses})
        self.at.append(self.executed)
        return len(self.planned)

    def confirm(self, block):
        assert self.executed == self.at[block - 1] + 1
        self.confirmed.append(block)


@pytest.fixture
def chip(bench):
    """A chip with one formed pair, left in bit 1."""
    where = np.zeros((32, 32), dtype=bool)
    where[ROW, COLUMN] = True
    bench.chip.form(np.stack([where, where], axis=-1))
    bits = np.ones((32, 32), dtype=np.uint8)
    bench.chip.program(bits, where, STRONG)
    return bench.chip


def run(chip, cycles, reads=BARE):
    return list(Cycler(chip, STRONG).run(ROW, COLUMN, cycles, reads))


def test_bits_are_programmed_in_turn_and_sensed(bench, chip):
    (read,) = run(chip, 24, SENSED)
    assert read.cycles == 24
    np.testing.assert_array_equal(read.sensed, [[0, 1]] * 12)
    assert read.resistance is None
    die = die_of(bench)
    # Bit 1 is what a loop ends with: BL in HRS, BLB in LRS.
    assert die.x[ROW, COLUMN, 0] > die.x[ROW, COLUMN, 1]
    # The sense leaves the pads as they were found.
    assert station_of(bench).channel_volts[401] == 0.0


@pytest.mark.parametrize("reads", list(ResistanceReads)[1:], ids=lambda r: r.value)
def test_the_last_resistances_are_those_of_the_die(bench, chip, reads):
    (read,) = run(chip, 20, LoopReads(sensed=True, resistance=reads))
    assert read.resistance.shape == read.censored.shape == (10, len(reads.bits), 2)
    assert (read.censored == 0).all()
    for place, bit in enumerate(reads.bits):
        lrs, hrs = read.resistance[:, place, bit], read.resistance[:, place, 1 - bit]
        assert (lrs < 15e3).all()
        assert (hrs > 20e3).all()
        # Every programming draws both anew.
        assert len(np.unique(lrs)) == len(np.unique(hrs)) == 10
    if 1 in reads.bits:
        true = 10 ** die_of(bench).x[ROW, COLUMN]
        blb = read.resistance[-1, -1, 1]
        assert blb == pytest.approx(true[1] + 2.5e3, rel=0.1)
        measured = chip.measure(_where())[ROW, COLUMN]
        assert read.resistance[-1, -1, 0] == pytest.approx(measured[0], rel=0.4)
        assert blb == pytest.approx(measured[1], rel=0.05)


def _where():
    where = np.zeros((32, 32), dtype=bool)
    where[ROW, COLUMN] = True
    return where


def test_every_execution_is_booked_before_it_and_confirmed_after(chip, monkeypatch):
    monkeypatch.setattr(EXECUTION, 3)
    chip.book = book = Book(chip.connections.wgfmu, monkeypatch)
    stops = []
    chip.on_row = lambda: stops.append(book.executed)
    results = run(chip, 14, SENSED)
    assert [r.loops for r in results] == [3, 3, 1]
    assert book.confirmed == [1, 2, 3]
    assert stops == [1, 2, 3]
    for block, loops in zip(book.planned, (3, 3, 1), strict=True):
        assert set(block) == {"set", "reset"}
        for pulses in block.values():
            assert pulses.counts[ROW, COLUMN].tolist() == [loops, loops]
            assert pulses.counts.sum() == 2 * loops
        assert block["set"].condition["compliance_a"] == 200e-6
        assert block["reset"].condition == {"reset_v": 2.5, "width_s": 1e-6}


def test_results_are_handed_on_before_the_next_execution(chip, monkeypatch):
    monkeypatch.setattr(EXECUTION, 2)
    chip.book = book = Book(chip.connections.wgfmu, monkeypatch)
    for count, _ in enumerate(Cycler(chip, STRONG).run(ROW, COLUMN, 12), start=1):
        assert book.executed == count
    assert book.executed == 3


def test_a_stop_request_ends_it_after_the_present_execution(chip, monkeypatch):
    monkeypatch.setattr(EXECUTION, 2)
    chip.book = book = Book(chip.connections.wgfmu, monkeypatch)

    def stop():
        if book.executed == 2:
            raise KeyboardInterrupt

    chip.on_row = stop
    with pytest.raises(KeyboardInterrupt):
        run(chip, 40)
    assert book.confirmed == [1, 2]


def test_an_abandoned_request_leaves_a_bench_that_goes_on(bench, chip, monkeypatch):
    monkeypatch.setattr(EXECUTION, 2)
    next(Cycler(chip, STRONG).run(ROW, COLUMN, 12, SENSED))
    sensed = chip.sense(_where())
    assert sensed[ROW, COLUMN] == 1


@pytest.mark.parametrize("cycles", [1, 7, -2])
def test_half_a_loop_is_refused(chip, cycles):
    with pytest.raises(ValueError, match="a loop holds 2"):
        run(chip, cycles)


def test_no_cycles_touch_nothing(chip, monkeypatch):
    chip.book = book = Book(chip.connections.wgfmu, monkeypatch)
    assert run(chip, 0) == []
    assert (book.executed, book.planned) == (0, [])
