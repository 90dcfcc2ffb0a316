"""The list of runs: what changes is told, what does not is not read again."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from gui import run_list
from gui.run_list import RunList
from labctl.store.folder import RunFolder
from labctl.store.ledger import LEDGER, Ledger
from labctl.store.wear import Booking
from labctl.store.writer import RunWriter

RECORD = {"simulated": True, "die": {"name": "lot7"}, "headline": "SET 55 µA"}


@pytest.fixture
def runs(qtbot, tmp_path):
    """A list of the runs under a folder, and what it has told."""
    listed = RunList(tmp_path / "runs")
    listed.told = []
    listed.changed.connect(listed.told.append)
    yield listed
    listed.end()
    listed._thread.join()


def test_no_folder_is_no_runs(qtbot, runs):
    with qtbot.waitSignal(runs.changed) as told:
        runs.begin()
    assert told.args == [()]


def test_a_run_from_its_beginning_to_its_report(qtbot, runs, tmp_path):
    first = RunWriter.create(tmp_path / "runs", "forming", RECORD)
    first.remark("probe card cleaned", "Ada")
    with qtbot.waitSignal(runs.changed) as told:
        runs.begin()
    ((line,),) = told.args
    assert (line.run, line.path, line.procedure) == (first.id, first.path, "forming")
    assert (line.status, line.kind, line.die) == ("running", "SIMULATED", "lot7")
    assert (line.headline, line.note) == ("SET 55 µA", "probe card cleaned")
    assert (line.started, line.ended) == (first.record["started"], "")
    assert not line.has_report
    first.close("success", None)
    (first.path / "report.html").write_text("", encoding="utf-8")
    first.remark("again", "Ada")
    with qtbot.waitSignal(runs.changed) as told:
        runs.refresh()
    ((line,),) = told.args
    assert (line.status, line.ended) == ("success", first.record["ended"])
    assert line.note == "probe card cleaned; again"
    assert line.has_report


def test_newest_first_and_gone_when_deleted(qtbot, runs, tmp_path):
    made = [RunWriter.create(tmp_path / "runs", "forming", RECORD) for _ in range(3)]
    with qtbot.waitSignal(runs.changed) as told:
        runs.begin()
    (lines,) = told.args
    assert [line.started for line in lines] == sorted(line.started for line in lines)[::-1]
    shutil.rmtree(made[1].path)
    with qtbot.waitSignal(runs.changed) as told:
        runs.refresh()
    assert {line.run for line in told.args[0]} == {made[0].id, made[2].id}


def test_only_what_is_new_is_read(qtbot, runs, tmp_path, monkeypatch):
    for _ in range(3):
        RunWriter.create(tmp_path / "runs", "forming", RECORD).close("success", None)
    (tmp_path / "runs" / "damaged").mkdir()
    (tmp_path / "runs" / "damaged" / "run.json").write_text("{", encoding="utf-8")
    read = []

    def counted(path):
        read.append(path.name)
        return RunFolder(path)

    monkeypatch.setattr(run_list, "RunFolder", counted)
    with qtbot.waitSignal(runs.changed):
        runs.begin()
    assert len(read) == 4
    del read[:]
    new = RunWriter.create(tmp_path / "runs", "iv", RECORD)
    with qtbot.waitSignal(runs.changed) as told:
        runs.refresh()
    assert len(told.args[0]) == 4
    assert set(read) == {new.id}


def test_nothing_is_told_where_nothing_has_changed(qtbot, runs, tmp_path, monkeypatch):
    monkeypatch.setattr(run_list, "PERIOD_S", 0.01)
    RunWriter.create(tmp_path / "runs", "forming", RECORD).close("success", None)
    scans = []
    scan = RunList._scan
    monkeypatch.setattr(RunList, "_scan", lambda self: (scans.append(1), scan(self))[1])
    runs.begin()
    qtbot.waitUntil(lambda: len(scans) > 5 and bool(runs.told))
    assert len(runs.told) == 1


def test_pulses_in_the_ledger_are_told_and_reading_them_is_not(qtbot, runs, tmp_path, monkeypatch):
    scans, told = [], []
    scan = RunList._scan
    monkeypatch.setattr(RunList, "_scan", lambda self: (scans.append(1), scan(self))[1])
    booking = Booking("set", {"set_v": 2.0}, np.ones((2, 2, 2), dtype=np.uint32))

    def look():
        # The look after the one that may be going on.
        for _ in range(2):
            before = len(scans)
            runs.refresh()
            qtbot.waitUntil(lambda before=before: len(scans) > before)

    ledger = Ledger(tmp_path / "runs" / LEDGER)
    block = ledger.plan("a", "first", [booking])
    runs.ledger_changed.connect(lambda: told.append(1))
    runs.begin()
    look()
    del told[:]
    ledger.confirm(block)
    look()
    assert told
    # Closed, the file itself holds what was booked.
    ledger.close()
    look()
    del told[:]
    with Ledger(tmp_path / "runs" / LEDGER) as ledger:
        assert ledger.dies()
        look()
    look()
    assert told == []
