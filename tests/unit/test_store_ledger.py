"""The wear ledger: planned, confirmed, added up, and safe between two who write."""

from __future__ import annotations

import itertools
import sqlite3
import threading

import numpy as np
import pytest

from labctl.store import ledger as ledger_module
from labctl.store.ledger import LEDGER, Ledger, LedgerError
from labctl.store.wear import Booking

SHAPE = (2, 3, 2)


def entry(kind, counts, **condition):
    return Booking(kind, condition, np.full(SHAPE, counts, dtype=np.uint32))


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(tmp_path / LEDGER)
    yield ledger
    ledger.close()


def test_pulses_add_up_by_kind_and_die(ledger):
    ledger.plan("a", "run1", [entry("set", 2, set_v=2.0), entry("reset", 1, reset_v=2.5)])
    ledger.plan("a", "run2", [entry("set", 3, set_v=1.8)])
    ledger.plan("b", "run3", [entry("form", 1)])
    totals = ledger.totals("a")
    assert set(totals) == {"set", "reset"}
    np.testing.assert_array_equal(totals["set"], np.full(SHAPE, 5))
    np.testing.assert_array_equal(totals["reset"], np.full(SHAPE, 1))
    np.testing.assert_array_equal(ledger.totals("b")["form"], np.full(SHAPE, 1))
    assert ledger.totals("c") == {}


def test_totals_hold_more_than_a_uint32(ledger):
    for _ in range(2):
        ledger.plan("a", "run", [entry("set", 2**32 - 1)])
    assert ledger.totals("a")["set"][0, 0, 0] == 2 * (2**32 - 1)


def test_unconfirmed_blocks_count_in_full(ledger):
    first = ledger.plan("a", "run", [entry("set", 1), entry("reset", 1)])
    second = ledger.plan("a", "run", [entry("set", 1)])
    assert second != first
    assert ledger.unconfirmed("a") == 2
    ledger.confirm(first)
    assert ledger.unconfirmed("a") == 1
    assert ledger.unconfirmed("b") == 0
    np.testing.assert_array_equal(ledger.totals("a")["set"], np.full(SHAPE, 2))


def test_a_plan_is_seen_by_another_connection_at_once(ledger):
    other = Ledger(ledger.path)
    block = ledger.plan("a", "run", [entry("set", 7)])
    np.testing.assert_array_equal(other.totals("a")["set"], np.full(SHAPE, 7))
    assert other.unconfirmed("a") == 1
    ledger.confirm(block)
    assert other.unconfirmed("a") == 0
    other.close()


@pytest.fixture
def other(ledger):
    """Another program's transaction."""
    other = sqlite3.connect(ledger.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield other
    other.close()


def test_a_locked_ledger_is_waited_for(ledger, other):
    looks = itertools.count(1)
    ledger.while_waiting = lambda: next(looks) == 3 and other.execute("ROLLBACK")
    assert ledger.plan("a", "run", [entry("set", 1)]) == 1
    assert next(looks) == 4


def test_the_waiting_can_be_ended(ledger, other):
    class Enough(Exception):
        pass

    def enough():
        raise Enough

    ledger.while_waiting = enough
    with pytest.raises(Enough):
        ledger.plan("a", "run", [entry("set", 1)])
    other.execute("ROLLBACK")
    assert ledger.totals("a") == {}
    ledger.while_waiting = lambda: None
    assert ledger.plan("a", "run", [entry("set", 1)]) == 1


def test_a_ledger_that_stays_locked_is_told(ledger, other, monkeypatch):
    monkeypatch.setattr(ledger_module, "PATIENCE_S", 0.0)
    with pytest.raises(LedgerError, match="cannot be written: database is locked"):
        ledger.confirm(1)


def test_two_that_plan_at_once_never_share_a_block(tmp_path, monkeypatch):
    """Sharing one, the first to confirm would confirm the other's pulses too."""
    # Neither gives up, however long the other has its turn on a slow disk.
    monkeypatch.setattr(ledger_module, "PATIENCE_S", 250.0)
    path, blocks = tmp_path / LEDGER, []

    def plan_many(die):
        ledger = Ledger(path)
        blocks.extend(ledger.plan(die, "run", [entry("set", 1)]) for _ in range(100))
        ledger.close()

    threads = [threading.Thread(target=plan_many, args=(die,)) for die in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(blocks) == 200
    assert len(set(blocks)) == 200


def test_a_booking_survives_closing(tmp_path):
    ledger = Ledger(tmp_path / LEDGER)
    ledger.plan("a", "run", [entry("set", 4)])
    ledger.close()
    again = Ledger(tmp_path / LEDGER)
    np.testing.assert_array_equal(again.totals("a")["set"], np.full(SHAPE, 4))
    again.close()


@pytest.mark.parametrize("asked", ["totals", "formed_by", "history"])
def test_a_damaged_booking_is_one_sentence(ledger, asked):
    ledger.plan("a", "run", [entry("form", 1)])
    ledger._database.execute("UPDATE pulses SET counts = X'00FF00FF'")
    with pytest.raises(LedgerError, match=r"holds a damaged booking .*`labctl ledger rebuild`"):
        getattr(ledger, asked)("a")


def test_the_runs_of_a_die_are_told_latest_first(ledger):
    for run in ("one", "two", "one", "three"):
        ledger.plan("a", run, [entry("set", 1)])
    ledger.plan("b", "four", [entry("set", 1)])
    assert ledger.runs_of("a") == ["three", "one", "two"]


def test_a_file_that_is_no_ledger_is_one_sentence(tmp_path):
    (tmp_path / LEDGER).write_text("nothing of the kind, " * 100, encoding="utf-8")
    with pytest.raises(LedgerError, match=r"ledger\.sqlite cannot be used: file is not a database"):
        Ledger(tmp_path / LEDGER)


def test_a_plan_that_cannot_be_written_raises_and_books_nothing(ledger):
    reader = Ledger(ledger.path)
    ledger._database.execute("PRAGMA query_only = ON")
    with pytest.raises(LedgerError, match="cannot be written"):
        ledger.plan("a", "run", [entry("set", 1)])
    assert reader.totals("a") == {}
    reader.close()
