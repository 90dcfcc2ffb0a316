"""A named die over all runs: read from the ledger in a thread, drawn as a wear map."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest

import gui.die_reader
from gui.die_reader import DieReader
from gui.models.die import (
    DEVICE_CHOICES,
    die_layers,
    die_lines,
    read_die,
    read_dies,
    retired_mask,
)
from gui.views.cell_marks import CellMark
from gui.views.die import DieView
from labctl.store.ledger import LEDGER, Ledger, LedgerError
from labctl.store.retired import Retirement
from labctl.store.wear import Booking

PATIENCE_MS = 30_000
SHAPE = (3, 4)


def counts(value=0, **cells):
    """Pulses of every device; ``cells``: "r1c2" to the number of both devices there."""
    booked = np.full((*SHAPE, 2), value, dtype=np.uint32)
    for name, number in cells.items():
        row, column = name[1:].split("c")
        booked[int(row), int(column)] = number
    return booked


@pytest.fixture
def runs(tmp_path):
    """A ledger with two dies; of "a" one bit is retired and one block was never confirmed."""
    with Ledger(tmp_path / LEDGER) as ledger:
        block = ledger.plan("a", "first", [Booking("form", {"top_v": 3.3}, counts(1))])
        ledger.confirm(block)
        at = {"set_v": 2.0, "width_s": 1e-6}
        ledger.confirm(ledger.plan("a", "second", [Booking("set", at, counts(0, r1c2=500))]))
        one_more = counts(0, r1c2=300)
        one_more[1, 2, 1] = 700
        ledger.plan("a", "second", [Booking("reset", {"reset_v": 2.5}, one_more)])
        ledger.plan("b", "third", [Booking("hold", {"volts": 0.1}, counts(5))])
        ledger.retire(Retirement("a", "retire", [(0, 3)], "stuck", "2026-01-01T00:00:00", "x"))
    return tmp_path


# --- reading -----------------------------------------------------------------------------------


def test_a_die_is_what_the_ledger_holds(runs):
    picture = read_die(runs, "a", most_cycles=1000)
    assert (picture.die, picture.dies, picture.shape) == ("a", ("a", "b"), SHAPE)
    with Ledger(runs / LEDGER) as ledger:
        for kind, booked in ledger.totals("a").items():
            np.testing.assert_array_equal(picture.pulses[kind], booked)
    assert picture.cycles[1, 2].tolist() == [500, 700]
    assert picture.retired == {(0, 3): "stuck"}
    assert retired_mask(picture).sum() == 1
    assert picture.unconfirmed_blocks == 1
    assert [(event.run, event.kind, event.pulses) for event in picture.history] == [
        ("first", "form", 24),
        ("second", "set", 1000),
        ("second", "reset", 1000),
    ]
    assert picture.history[1].condition == "SET 2 V, 1 µs"
    assert picture.summary == (
        "most cycles on a device: 700 (row 1 column 2 BLb) · budget 1,000 · 1 bit retired · "
        "1 block unconfirmed, counted in full"
    )


def test_the_dies_there_are_can_be_asked_for(runs):
    assert read_dies(runs) == ("a", "b")


def test_what_cannot_be_read_is_said_in_one_sentence(runs, tmp_path):
    with pytest.raises(LookupError, match="die 'c' has had no pulse; the ledger knows a, b"):
        read_die(runs, "c")
    with pytest.raises(LookupError, match="there is no wear ledger in"):
        read_die(tmp_path / "elsewhere", "a")
    assert not (tmp_path / "elsewhere").exists()
    (runs / LEDGER).write_bytes(b"no database" * 1000)
    with pytest.raises(LedgerError, match="cannot be used"):
        read_die(runs, "a")


def test_a_ledger_without_a_pulse_has_no_die(tmp_path):
    Ledger(tmp_path / LEDGER).close()
    with pytest.raises(LookupError, match="no die has had a pulse"):
        read_dies(tmp_path)


def test_layers_are_the_kinds_of_pulses_and_the_budget(runs):
    picture = read_die(runs, "a", most_cycles=1000)
    layers = {layer.name: layer for layer in die_layers(picture, DEVICE_CHOICES[0])}
    assert list(layers) == ["cycles", "budget", "form", "reset", "set"]
    assert layers["cycles"].values(picture)[1, 2] == 700
    assert layers["budget"].values(picture)[1, 2] == pytest.approx(70.0)
    of_bl = {layer.name: layer for layer in die_layers(picture, "BL")}
    assert of_bl["cycles"].values(picture)[1, 2] == 500
    assert of_bl["reset"].values(picture)[1, 2] == 300
    assert of_bl["form"].values(picture).tolist() == np.ones(SHAPE).tolist()
    without = [layer.name for layer in die_layers(read_die(runs, "b"), "BLb")]
    assert without == ["cycles", "hold"]


def test_a_cell_in_words(runs):
    picture = read_die(runs, "a", most_cycles=1000)
    where, pulses, formed = die_lines(picture, (1, 2))
    assert where == "Row 1, column 2 (AR4-0 00001, AC4-0 00010): in use"
    assert pulses == (
        "BL/BLb: cycles 500/700 · Forming 1/1 · RESET 300/700 · SET 500/500 · "
        "70.0\xa0% of the budget"
    )
    assert formed == "forming pulses in first"
    assert die_lines(picture, (0, 3))[0].endswith("retired: stuck")
    assert die_lines(read_die(runs, "b"), (0, 0))[2] == "no forming pulse booked"


# --- in a thread -------------------------------------------------------------------------------


def test_the_ledger_is_read_in_another_thread(qtbot, runs, monkeypatch):
    threads = []

    def noted(*arguments):
        threads.append(threading.current_thread())
        return read_die(*arguments)

    monkeypatch.setattr(gui.die_reader, "read_die", noted)
    reader = DieReader()
    with qtbot.waitSignal(reader.found, timeout=PATIENCE_MS) as told:
        reader.ask(runs, "a")
    assert told.args[0].die == "a"
    with qtbot.waitSignal(reader.refused, timeout=PATIENCE_MS) as told:
        reader.ask(runs, "c")
    assert told.args[0].startswith("die 'c' has had no pulse")
    assert threading.main_thread() not in threads


def test_only_the_last_question_is_answered(qtbot, runs, monkeypatch):
    may_go_on = threading.Event()

    def slow(folder, die, most_cycles):
        if die == "a":
            may_go_on.wait(60)
        return read_die(folder, die, most_cycles)

    monkeypatch.setattr(gui.die_reader, "read_die", slow)
    reader, told, ended = DieReader(), [], []
    reader.found.connect(lambda picture: told.append(picture.die))
    reader._tasks._ended.connect(ended.append)
    reader.ask(runs, "a")
    with qtbot.waitSignal(reader.found, timeout=PATIENCE_MS):
        reader.ask(runs, "b")
    may_go_on.set()
    qtbot.waitUntil(lambda: len(ended) == 2, timeout=PATIENCE_MS)
    assert told == ["b"]


# --- the view ----------------------------------------------------------------------------------


@pytest.fixture
def view(qtbot):
    shown = DieView()
    qtbot.addWidget(shown)
    shown.resize(960, 260)
    shown.show()
    qtbot.waitExposed(shown)
    return shown


def look(qtbot, view, runs, die, most_cycles=None):
    with qtbot.waitSignal(view.reader.found, timeout=PATIENCE_MS):
        view.look(runs, die, most_cycles)


def test_it_draws_a_die(qtbot, view, runs):
    look(qtbot, view, runs, "a", 1000)
    assert view.words.text().startswith("most cycles on a device: 700")
    assert view.map.grid.shape == SHAPE
    assert view.map.grid.marks[CellMark.RETIRED] == [(0, 3)]
    assert view.map.layer.title == "Cycles"
    assert view.dies.currentText() == "a"
    assert view.table.model().rowCount() == 3
    index = view.table.model().index(0, 0)
    assert view.table.model().data(index) == "second"
    told = [view.table.model().data(view.table.model().index(row, 1)) for row in range(3)]
    assert told == ["RESET 2.5 V", "SET 2 V, 1 µs", "forming to 3.3 V"]
    view.grab()


def test_another_die_is_chosen(qtbot, view, runs):
    look(qtbot, view, runs, "a", 1000)
    view.map.choose("set")
    with qtbot.waitSignal(view.reader.found, timeout=PATIENCE_MS):
        view.dies.setCurrentText("b")
        view.dies.activated.emit(1)
    assert view.picture.die == "b"
    assert [view.map.chooser.itemText(n) for n in range(view.map.chooser.count())] == [
        "Cycles",
        "Share of the budget",
        "Hold",
    ]
    assert view.map.layer.name == "cycles"


def test_the_device_is_chosen(qtbot, view, runs):
    look(qtbot, view, runs, "a")
    view.map.choose("reset")
    assert view.map.bar.texts == ["500", "1000"]
    view.devices.setCurrentText("BL")
    assert view.map.layer.name == "reset"
    assert view.map.layer.values(view.picture)[1, 2] == 300
    assert view.map.bar.texts == ["200", "500"]


def test_it_is_read_again(qtbot, view, runs):
    look(qtbot, view, runs, "b")
    with Ledger(runs / LEDGER) as ledger:
        ledger.plan("b", "fourth", [Booking("set", {"set_v": 2.0}, counts(9))])
    with qtbot.waitSignal(view.reader.found, timeout=PATIENCE_MS):
        QTest.mouseClick(view.again, Qt.MouseButton.LeftButton)
    assert view.picture.cycles.max() == 9


def test_it_says_why_there_is_no_die(qtbot, view, runs, tmp_path):
    look(qtbot, view, runs, "a")
    with qtbot.waitSignal(view.reader.refused, timeout=PATIENCE_MS):
        view.look(tmp_path / "elsewhere", "")
    assert view.words.text().startswith("there is no wear ledger in")
    assert view.table.model().rowCount() == 0
    assert view.map.words.text() == ""


def test_without_a_name_a_person_chooses(qtbot, view, runs):
    look(qtbot, view, runs, "a", 1000)
    with qtbot.waitSignal(view.reader.named, timeout=PATIENCE_MS):
        view.look(runs, "", 1000)
    assert view.words.text().startswith("Choose a die")
    assert view.dies.currentText() == ""
    assert view.table.model().rowCount() == 0
    view.dies.setFocus()
    with qtbot.waitSignal(view.reader.found, timeout=PATIENCE_MS):
        QTest.keyClick(view.dies, Qt.Key.Key_Down)
        QTest.keyClick(view.dies, Qt.Key.Key_Down)
        view.dies.activated.emit(view.dies.currentIndex())
    assert view.picture.die == "b"


def test_the_die_chosen_here_is_the_one_that_is_read_again(qtbot, view, runs):
    look(qtbot, view, runs, "a")
    view.dies.setCurrentText("b")
    with qtbot.waitSignal(view.reader.found, timeout=PATIENCE_MS):
        view.read_again()
    assert view.picture.die == "b"


def test_a_die_without_a_pulse_so_far_is_read_when_it_has_had_one(qtbot, view, runs):
    look(qtbot, view, runs, "a")
    with qtbot.waitSignal(view.reader.refused, timeout=PATIENCE_MS):
        view.look(runs, "c")
    with Ledger(runs / LEDGER) as ledger:
        ledger.plan("c", "fifth", [Booking("set", {"set_v": 2.0}, counts(4))])
    with qtbot.waitSignal(view.reader.found, timeout=PATIENCE_MS):
        QTest.mouseClick(view.again, Qt.MouseButton.LeftButton)
    assert view.picture.die == "c"


def test_a_run_is_opened_from_the_table(qtbot, view, runs):
    look(qtbot, view, runs, "a")
    with qtbot.waitSignal(view.run_wanted) as told:
        view.table.activated.emit(view.table.model().index(2, 2))
    assert told.args == ["first"]
