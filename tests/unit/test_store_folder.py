"""Run folders: what was committed is read back, what a crash left behind is not."""

from __future__ import annotations

import errno
import json
import os
import platform
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from labctl.store import files
from labctl.store.folder import (
    ARRAYS,
    JOURNAL,
    RECORD,
    RESULTS,
    RunFolder,
    RunFolderError,
    RunNotFoundError,
    find_run,
    list_runs,
)
from labctl.store.writer import RunWriter, checksum

HEAD = "#Procedure: <x.Y>\n#Data:\nStep,Ratio\n"


@pytest.fixture
def writer(tmp_path):
    """A run with the head of its results already written, as PyMeasure does."""
    writer = RunWriter.create(tmp_path, "forming", {"simulated": True})
    (writer.path / RESULTS).write_text(HEAD, encoding="utf-8")
    yield writer
    writer.close("success", None)


def write_step(writer, step):
    writer.append_event("step_begin", step=step, label=f"row {step} at 55 µA")
    writer.append_row(f"{step},{step / 3!r}")
    writer.append_array("resistance", np.full((2, 3), float(step)))
    writer.end_step(step, bench_s=1.5)


def planted(root, run, started, **record):
    """A run folder that holds a record and nothing else."""
    (root / run).mkdir(parents=True)
    content = {"run": run, "procedure": "forming", "started": started, **record}
    (root / run / RECORD).write_text(json.dumps(content), encoding="utf-8")
    return root / run


def test_the_record_is_there_before_anything_else(tmp_path):
    writer = RunWriter.create(tmp_path / "new" / "runs", "forming", {"simulated": True, "seed": 3})
    record = RunFolder(writer.path).record
    assert record["run"] == writer.path.name
    assert record["procedure"] == "forming"
    assert (record["status"], record["reason"], record["ended"]) == (None, None, None)
    assert (record["simulated"], record["seed"]) == (True, 3)
    assert record["started"][10] == "T"


def test_runs_of_the_same_second_get_different_folders(tmp_path):
    names = {RunWriter.create(tmp_path, "forming", {}).id for _ in range(5)}
    assert len(names) == 5
    assert {run.id for run in list_runs(tmp_path)} == names


def test_steps_are_read_back(writer):
    for step in range(3):
        write_step(writer, step)
    run = RunFolder(writer.path)
    np.testing.assert_array_equal(run.array("resistance")[:, 0, 0], [0.0, 1.0, 2.0])
    assert run.array("resistance").shape == (3, 2, 3)
    assert run.results()["Ratio"].tolist() == [0.0, 1 / 3, 2 / 3]
    assert [e["event"] for e in run.events()] == ["step_begin", "step_end"] * 3


def test_an_end_mark_carries_the_length_of_every_file(writer):
    for step in range(2):
        write_step(writer, step)
        mark = list(RunFolder(writer.path).events())[-1]
        assert (mark["step"], mark["bench_s"]) == (step, 1.5)
        sizes = {
            name: (writer.path / name).stat().st_size
            for name in (RESULTS, f"{ARRAYS}/resistance.npys")
        }
        assert mark["lengths"] == sizes
        assert mark["checksums"] == {name: checksum(writer.path / name) for name in sizes}


def test_a_run_goes_on_behind_its_last_end_mark(writer):
    write_step(writer, 0)
    writer.append_event("step_begin", step=1)
    writer.append_row("1,half")
    writer.append_array("resistance", np.ones((2, 3)))
    writer.append_array("other", np.ones(2))
    journal = (writer.path / JOURNAL).read_bytes()
    with (writer.path / JOURNAL).open("ab") as file:
        file.write(b'{"event": "wear_pl')
    again = RunWriter.reopen(writer.path)
    # What happened after the mark is not forgotten; what was measured after it does not count.
    assert (writer.path / JOURNAL).read_bytes() == journal
    assert not again.has_array("other")
    write_step(again, 1)
    run = RunFolder(writer.path)
    np.testing.assert_array_equal(run.array("resistance")[:, 0, 0], [0.0, 1.0])
    assert run.results()["Step"].tolist() == [0, 1]
    mark = run.last_step_end()
    assert mark.checksums == {n: checksum(writer.path / n) for n in mark.lengths}
    again.close("success", None)


def test_files_of_earlier_steps_stay_in_every_mark(writer):
    write_step(writer, 0)
    again = RunWriter.reopen(writer.path)
    again.append_array("other", np.ones(2))
    again.end_step(1)
    again.close("success", None)
    run = RunFolder(writer.path)
    assert len(run.array("resistance")) == len(run.array("other")) == 1
    assert run.results()["Step"].tolist() == [0]


def test_a_run_that_lost_data_does_not_go_on(writer):
    write_step(writer, 0)
    with (writer.path / RESULTS).open("r+b") as file:
        file.truncate(3)
    with pytest.raises(RunFolderError, match="only 3 of 42 bytes are there"):
        RunWriter.reopen(writer.path)


@pytest.mark.parametrize("behind", ["step_end", "wear_planned", "wear_confirmed"])
def test_a_journal_damaged_before_steps_or_bookings_is_not_cut(writer, behind):
    write_step(writer, 0)
    with (writer.path / JOURNAL).open("ab") as file:
        file.write(b'{"event\xa2: "note"}\n{"event": "note"}\n{"event": "%s"}\n' % behind.encode())
    before = {file: file.read_bytes() for file in writer.path.rglob("*") if file.is_file()}
    with pytest.raises(RunFolderError, match=r"damaged in line 3, .* nothing was changed"):
        RunWriter.reopen(writer.path)
    assert {file: file.read_bytes() for file in before} == before


def test_a_journal_is_read_as_it_grows(writer):
    run = RunFolder(writer.path)
    for step in range(3):
        write_step(writer, step)
        assert [e["step"] for e in run.events()] == [n for n in range(step + 1) for _ in (0, 1)]
    with (writer.path / JOURNAL).open("r+b") as file:
        file.truncate(run.journal._offsets[1])
    assert len(list(run.events())) == 2


def test_nothing_after_the_last_end_mark_is_returned(writer):
    write_step(writer, 0)
    writer.append_row("1,0.5")
    writer.append_array("resistance", np.ones((2, 3)))
    writer.append_array("other", np.ones(2))
    run = RunFolder(writer.path)
    assert len(run.array("resistance")) == 1
    assert len(run.array("other")) == 0
    assert run.has_array("other")
    assert run.results()["Step"].tolist() == [0]


def test_a_run_without_a_complete_step_is_empty(writer):
    writer.append_row("0,0.5")
    writer.append_array("resistance", np.ones((2, 3)))
    run = RunFolder(writer.path)
    assert len(run.array("resistance")) == 0
    assert len(run.array("never written")) == 0
    assert not run.has_array("never written")
    assert run.results().empty


@pytest.mark.parametrize("kept", [1, 60, 100, 127, 130, 175])
def test_a_torn_array_record_is_not_returned(writer, kept):
    write_step(writer, 0)
    record = BytesIO()
    np.save(record, np.ones((2, 3)))
    with (writer.path / ARRAYS / "resistance.npys").open("ab") as file:
        file.write(record.getvalue()[:kept])
    np.testing.assert_array_equal(RunFolder(writer.path).array("resistance"), np.zeros((1, 2, 3)))


def test_a_torn_journal_line_is_not_returned(writer):
    write_step(writer, 0)
    journal = writer.path / JOURNAL
    whole = journal.read_bytes()
    line = json.dumps({"event": "step_end", "step": 1, "label": "µA", "lengths": {}}).encode()
    raw = json.dumps({"event": "note", "text": "µ"}, ensure_ascii=False).encode()
    # The second cut goes through the two bytes of the micro sign.
    for torn in (line[:20], raw[: raw.index("µ".encode()) + 1], line):
        journal.write_bytes(whole + torn)
        assert len(list(RunFolder(writer.path).events())) == 2


def test_a_line_separator_in_a_text_does_not_cut_the_journal(writer):
    for separator in ("\u2028", "\x85", "\n"):
        writer.append_event("note", text=f"a{separator}b")
    texts = [event["text"] for event in RunFolder(writer.path).events()]
    assert texts == ["a\u2028b", "a\x85b", "a\nb"]


def test_a_journal_takes_no_number_that_json_does_not_have(writer):
    with pytest.raises(ValueError, match="JSON"):
        writer.append_event("note", volts=float("nan"))


def test_arrays_with_objects_are_refused(writer):
    with pytest.raises(ValueError, match=r"[Oo]bject"):
        writer.append_array("odd", np.array([None, "x"], dtype=object))


# --- status -------------------------------------------------------------------------------------


def test_status_is_running_while_the_process_lives(writer):
    assert RunFolder(writer.path).status == "running"


def test_status_is_interrupted_when_the_process_is_gone(tmp_path):
    # No process has this number: Linux allows at most 2**22.
    gone = {"pid": 2**22 + 1, "host": platform.node()}
    elsewhere = {"pid": os.getpid(), "host": "another-machine"}
    for run, owner in (("gone", gone), ("elsewhere", elsewhere), ("unknown", {})):
        path = planted(tmp_path, run, "2026-01-01T00:00:00+00:00", status=None, owner=owner)
        assert RunFolder(path).status == "interrupted"


@pytest.mark.parametrize("status", ["success", "aborted", "failed"])
def test_a_closed_run_keeps_its_status_and_reason(writer, status):
    writer.close(status, "why", wall_time_s=2.0)
    run = RunFolder(writer.path)
    assert run.status == status
    assert (run.record["reason"], run.record["wall_time_s"]) == ("why", 2.0)
    assert run.record["ended"] >= run.record["started"][:19]


# --- replacing ----------------------------------------------------------------------------------


def test_replace_leaves_the_old_or_the_new_content(tmp_path, monkeypatch):
    file = tmp_path / "run.json"
    files.replace(file, b"old")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(files, "sync", full)
        with pytest.raises(OSError, match="No space"):
            files.replace(file, b"new")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]
    files.replace(file, b"new")
    assert file.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [file]


def test_replace_makes_the_folder_of_a_new_file(tmp_path):
    files.replace(tmp_path / "new" / "dies" / "a.npz", b"die")
    assert (tmp_path / "new" / "dies" / "a.npz").read_bytes() == b"die"


def test_replace_json_refuses_what_json_does_not_have_and_keeps_the_old(tmp_path):
    file = tmp_path / "run.json"
    files.replace_json(file, {"volts": 1.0})
    with pytest.raises(ValueError, match="JSON"):
        files.replace_json(file, {"volts": float("inf")})
    assert json.loads(file.read_text(encoding="utf-8")) == {"volts": 1.0}


# --- finding ------------------------------------------------------------------------------------


def test_runs_are_listed_oldest_first(tmp_path):
    planted(tmp_path, "a", "2026-03-01T10:00:00.500+00:00")
    planted(tmp_path, "b", "2026-03-01T10:00:00.100+00:00")
    # The night the clocks go back: 02:10 comes after 02:40.
    planted(tmp_path, "late", "2026-10-25T02:10:00.000+01:00")
    planted(tmp_path, "early", "2026-10-25T02:40:00.000+02:00")
    (tmp_path / "no run").mkdir()
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / RECORD).write_text('{"run": ', encoding="utf-8")
    assert [run.id for run in list_runs(tmp_path)] == ["b", "a", "early", "late"]
    assert list_runs(tmp_path / "nowhere") == []


def test_a_run_is_found_by_name_beginning_path_and_last(tmp_path):
    names = ("20260301-100000-forming", "20260301-100000-forming-2", "20260302-090000-checkerboard")
    for day, name in enumerate(names, start=1):
        planted(tmp_path, name, f"2026-03-0{day}T10:00:00+00:00")
    assert find_run(tmp_path, "20260302").id == names[2]
    assert find_run(tmp_path, "last").id == names[2]
    # A whole name counts even if it begins another one.
    assert find_run(tmp_path, names[0]).id == names[0]
    assert find_run(tmp_path / "elsewhere", str(tmp_path / names[1])).id == names[1]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("2026", "is not unique.*give more of the name"),
        ("yesterday", "no run 'yesterday'.*the latest are 20260301, 20260302"),
        ("", "no run ''"),
    ],
)
def test_a_run_that_is_not_found_says_what_there_is(tmp_path, monkeypatch, name, says):
    monkeypatch.chdir(tmp_path)
    for day in ("20260301", "20260302"):
        planted(tmp_path / "runs", day, f"{day[:4]}-03-{day[-2:]}T10:00:00+00:00")
    with pytest.raises(RunNotFoundError, match=says):
        find_run(tmp_path / "runs", name)


@pytest.mark.parametrize("content", ["", "[]", "{}", "nonsense", "\x00"])
def test_an_unreadable_record_is_one_sentence(tmp_path, content):
    (tmp_path / RECORD).write_text(content, encoding="utf-8")
    with pytest.raises(RunFolderError, match="is not a readable run folder"):
        RunFolder(tmp_path)


def test_the_journal_is_on_disk_before_the_record_tells_of_the_end(writer, monkeypatch):
    sync, synced = files.sync, []

    def watched(file):
        synced.append((Path(file.name).name, writer.record["status"]))
        sync(file)

    writer.append_event("note", text="the last one")
    monkeypatch.setattr(files, "sync", watched)
    writer.close("success", None)
    assert (JOURNAL, None) in synced
    assert synced[-1] == ("run.json.new", "success")
