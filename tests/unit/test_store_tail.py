"""Following a run folder: everything committed is told once, nothing else ever."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from labctl.store.folder import ARRAYS, JOURNAL, RESULTS, RunFolderError
from labctl.store.tail import News, RunTail
from labctl.store.wear import Booking
from labctl.store.writer import RunWriter

HEAD = "#Procedure: <x.Y>\n#Parameters:\n#\tA: 1\n#Data:\nStep,Kind,Ratio\n"
SHAPE = (2, 3, 2)


@pytest.fixture
def writer(tmp_path):
    """A run with the head of its results already written, as PyMeasure does."""
    writer = RunWriter.create(tmp_path, "forming", {"simulated": True})
    (writer.path / RESULTS).write_text(HEAD, encoding="utf-8")
    yield writer
    writer.close("success", None)


def write_step(writer, step, rows=1, kind="nan"):
    writer.append_event("step_begin", step=step, label=f"row {step} at 55 µA")
    for row in range(rows):
        writer.append_row(f"{step},{kind},{row / 3!r}")
    writer.append_array("resistance", np.full((2, 3), float(step)))
    writer.append_array("sensed", np.full(4, step, dtype=np.uint8))
    writer.end_step(step, bench_s=1.5)


def book(writer, event, block, count, kind="set"):
    pulses = Booking(kind, {"gate_v": 1.0}, np.full(SHAPE, count, dtype=np.uint32))
    writer.append_event(event, block=block, pulses=[pulses.as_event()])


def all_news(tail, most_bytes=1 << 20):
    """Every piece there is by now."""
    pieces = []
    while (news := tail.poll(most_bytes)) is not None or not tail.caught_up:
        if news is not None:
            pieces.append(news)
    return pieces


def names(news: News):
    return [event["event"] for event in news.events]


def test_each_step_is_told_once_with_its_rows_and_arrays(writer):
    tail = RunTail(writer.path)
    assert tail.poll() is None
    for step in range(3):
        write_step(writer, step, rows=2, kind="check")
        news = tail.poll()
        assert names(news) == ["step_begin", "step_end"]
        assert news.rows["Step"].tolist() == [step, step]
        assert news.rows["Kind"].tolist() == ["check", "check"]
        assert news.rows["Ratio"].tolist() == [0.0, 1 / 3]
        (resistance,) = news.arrays["resistance"]
        np.testing.assert_array_equal(resistance, np.full((2, 3), float(step)))
        assert [record.tolist() for record in news.arrays["sensed"]] == [[step] * 4]
        assert tail.caught_up
        assert tail.poll() is None


def test_what_is_not_committed_is_not_told(writer):
    tail = RunTail(writer.path)
    write_step(writer, 0)
    tail.poll()
    writer.append_event("step_begin", step=1, label="row 1")
    writer.append_row("1,check,0.5")
    writer.append_array("resistance", np.zeros((2, 3)))
    news = tail.poll()
    assert names(news) == ["step_begin"]
    assert (news.rows, news.arrays) == ({}, {})
    with (writer.path / JOURNAL).open("ab") as journal:
        journal.write(b'{"event": "no')
    assert tail.poll() is None
    assert tail.caught_up


@pytest.mark.parametrize("most_bytes", [1, 100, 1000, 1 << 20])
def test_in_pieces_of_any_size_it_tells_the_same(writer, most_bytes):
    for step in range(4):
        book(writer, "wear_planned", step, 2)
        write_step(writer, step, rows=30, kind="check" if step else "nan")
    pieces = all_news(RunTail(writer.path), most_bytes)
    assert [name for news in pieces for name in names(news)] == ["step_begin", "step_end"] * 4
    rows = [news.rows for news in pieces if news.rows]
    ratios = np.concatenate([told["Ratio"] for told in rows])
    assert ratios.tolist() == writer.results()["Ratio"].tolist()
    steps = np.concatenate([told["Step"] for told in rows])
    assert steps.tolist() == writer.results()["Step"].tolist()
    told = [record for news in pieces for record in news.arrays.get("resistance", [])]
    np.testing.assert_array_equal(np.stack(told), writer.array("resistance"))
    for news in pieces:
        # All of a step or nothing: a model never sees one array without the other.
        assert news.arrays.keys() in (set(), {"resistance", "sensed"})
    total = sum(news.pulses["set"] for news in pieces if news.pulses)
    np.testing.assert_array_equal(total, np.full(SHAPE, 8))


def test_a_step_with_many_rows_comes_in_pieces_and_its_end_mark_last(writer):
    write_step(writer, 0, rows=500)
    pieces = all_news(RunTail(writer.path), 1000)
    assert len(pieces) > 5
    assert max(len(news.rows.get("Step", ())) for news in pieces) < 100
    assert [i for i, news in enumerate(pieces) if "step_end" in names(news)] == [len(pieces) - 1]


def test_a_text_column_stays_text_once_it_has_had_any(writer):
    tail = RunTail(writer.path)
    told = []
    for step, kind in enumerate(("nan", "A", "7", "nan", "True")):
        write_step(writer, step, kind=kind)
        told.append(tail.poll().rows["Kind"])
    assert told[0].dtype == np.float64
    assert np.isnan(told[0]).all()
    assert [column.tolist() for column in told[1:]] == [["A"], ["7"], [""], ["True"]]
    assert {column.dtype for column in told[1:]} == {np.dtype(object)}


def test_pulses_count_as_planned_until_they_are_cut_or_void(writer):
    tail = RunTail(writer.path)

    def told():
        news = tail.poll()
        return {kind: int(counts[0, 0, 0]) for kind, counts in news.pulses.items()}

    book(writer, "wear_planned", 7, 5)
    assert told() == {"set": 5}
    writer.append_event("wear_confirmed", block=7)
    assert tail.poll() is None
    book(writer, "wear_planned", 8, 9)
    assert told() == {"set": 9}
    book(writer, "wear_cut", 8, 4)
    assert told() == {"set": -5}
    writer.append_event("resumed", step=0, rollback=True)
    writer.append_event("wear_void", blocks=[7, 8])
    assert told() == {"set": -9}


def test_a_run_that_is_gone_on_with_is_told_on(tmp_path):
    writer = RunWriter.create(tmp_path, "forming", {})
    (writer.path / RESULTS).write_text(HEAD, encoding="utf-8")
    tail = RunTail(writer.path)
    write_step(writer, 0)
    writer.append_row("1,check,0.5")
    writer.append_array("resistance", np.full((2, 3), 8.0))
    writer.append_event("step_begin", step=1, label="row 1")
    with (writer.path / JOURNAL).open("ab") as journal:
        journal.write(b'{"event": "no')
    tail.poll()
    writer.close("failed", "a reason")
    again = RunWriter.reopen(writer.path)
    again.append_event("resumed", step=1, rollback=True)
    write_step(again, 1)
    news = tail.poll()
    assert not news.restarted
    assert names(news) == ["resumed", "step_begin", "step_end"]
    assert news.rows["Step"].tolist() == [1]
    assert [record[0, 0] for record in news.arrays["resistance"]] == [1.0]
    again.close("success", None)
    assert tail.poll() is None
    assert tail.folder.record["status"] == "success"


def test_told_anew_when_lines_that_were_told_are_gone(writer):
    tail = RunTail(writer.path)
    for step in range(3):
        write_step(writer, step)
    assert len(tail.poll().events) == 6
    journal = writer.path / JOURNAL
    lines = journal.read_bytes().splitlines(keepends=True)
    # As long as before, so that the length does not give it away.
    journal.write_bytes(b"".join(lines[:4]) + b" " * (len(lines[4] + lines[5]) - 1) + b"\n")
    news = tail.poll()
    assert news.restarted
    assert news.rows["Step"].tolist() == [0, 1]
    assert len(news.events) == 4
    assert tail.poll() is None


def test_nothing_behind_a_damaged_line_is_told(writer):
    write_step(writer, 0)
    with (writer.path / JOURNAL).open("ab") as journal:
        journal.write(b"\x00\xff\n")
    write_step(writer, 1)
    tail = RunTail(writer.path)
    assert tail.poll().rows["Step"].tolist() == [0]
    assert tail.caught_up
    assert tail.poll() is None


@pytest.mark.parametrize("name", [RESULTS, f"{ARRAYS}/resistance.npys"])
def test_data_shorter_than_the_end_mark_tells_are_an_error_after_what_is_sound(writer, name):
    for step in range(2):
        write_step(writer, step)
    file = writer.path / name
    file.write_bytes(file.read_bytes()[:-1])
    tail = RunTail(writer.path)
    assert tail.poll().arrays["resistance"][0][0, 0] == 0.0
    for _ in range(2):
        with pytest.raises(RunFolderError, match=f"run {writer.id} cannot be followed: "):
            tail.poll()


def test_a_folder_that_is_deleted_is_an_error(writer, tmp_path):
    write_step(writer, 0)
    copy = shutil.copytree(writer.path, tmp_path / "copy")
    tail = RunTail(copy)
    tail.poll()
    shutil.rmtree(copy)
    with pytest.raises(RunFolderError, match="not a readable run folder"):
        tail.poll()
    with pytest.raises(RunFolderError, match="not a readable run folder"):
        RunTail(copy)
