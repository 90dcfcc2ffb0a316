"""What a crash, another program or a bad disk left, when a run begins or is gone on with.

`DAMAGES` are survived: the run goes on to the data of one that nothing happened to. `REFUSALS` are
not: one sentence says why, nothing is changed, nothing stays locked.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import re
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from labctl.bench import die_file
from labctl.cli import app
from labctl.observing import Observer, StopRequest
from labctl.resuming import RESUMING, resume
from labctl.runs import run
from labctl.session import left_die
from labctl.store import writer
from labctl.store.folder import ARRAYS, JOURNAL, RECORD, RESULTS, RunFolder
from labctl.store.ledger import LEDGER, Ledger, die_name
from labctl.store.locks import Lock, die_lock
from labctl.store.processes import birth
from labctl.store.wear import Booking
from labctl.verifying import verify
from tests.interrupted import assert_nothing_left, assert_same
from tests.simulated import request, small_setup

ROWS, DIE_SEED = 2, 20261122


class StopIn(Observer):
    """Leaves a step after its first row."""

    def __init__(self, number):
        self.number, self.stop = number, StopRequest()

    def progress(self, progress):
        if progress.step == self.number:
            self.stop.ask(2)


def begun(setup, folder, number=4, die=None):
    observer = StopIn(number)
    asked = request(setup, folder, die=die, seed=DIE_SEED, programmings=2)
    return run(asked, observer, observer.stop)


@pytest.fixture(scope="module")
def setup(tmp_path_factory):
    return small_setup(tmp_path_factory.mktemp("bench"), ROWS)


@pytest.fixture(scope="module")
def whole(setup, tmp_path_factory):
    """The run that nothing happens to."""
    folder = tmp_path_factory.mktemp("whole")
    return run(request(setup, folder, seed=DIE_SEED, programmings=2))


@pytest.fixture(scope="module")
def interrupted(setup, tmp_path_factory):
    """A run that was left within a step; each test takes a copy."""
    return begun(setup, tmp_path_factory.mktemp("interrupted"))


@pytest.fixture
def made(interrupted, tmp_path):
    """The interrupted run in a folder of the test's own."""
    shutil.copytree(interrupted.path.parent, tmp_path / "runs")
    return RunFolder(tmp_path / "runs" / interrupted.id)


def append(content):
    def damage(made):
        with (made.path / JOURNAL).open("ab") as file:
            file.write(content)

    return damage


def cut(made):
    file = made.path / JOURNAL
    file.write_bytes(file.read_bytes()[:-3])


def longer_data(made):
    for file in [made.path / RESULTS, *(made.path / ARRAYS).iterdir()]:
        with file.open("ab") as opened:
            opened.write(b"\x93NUMPY half a record")


def half_written_files(made):
    for name in ("run.json.new", "die-4.npz", "die-4.npz.17.part", "die-2.npz"):
        (made.path / name).write_bytes(b"half")


def no_ledger(made):
    (made.path.parent / LEDGER).unlink()


def lost_bookings(made):
    """A power cut took the ledger's last blocks."""
    with Ledger(made.path.parent / LEDGER) as ledger:
        ledger._database.execute("DELETE FROM pulses WHERE block > 2")


def doubled_booking(made):
    """Killed between ledger and journal: the block was never sent."""
    block = next(event for event in made.events() if event["event"] == "wear_planned")
    with Ledger(made.path.parent / LEDGER) as ledger:
        bookings = [Booking.from_event(pulses) for pulses in block["pulses"]]
        ledger.plan(die_name(made), made.id, bookings)


def stale_lock(made):
    """Left by a program that was killed while it made the run ready."""
    lock = Lock(made.path / RESUMING, "run")
    owner = json.loads(lock.file.read_text(encoding="utf-8"))
    # No process has this number: Linux allows at most 2**22.
    lock.file.write_text(json.dumps({**owner, "pid": 2**22 + 1}), encoding="utf-8")


def earlier_left_die(made):
    """Of a step that has ended since: not the die as it is."""
    shutil.copy(made.path / left_die(4), made.path / left_die(1))


DAMAGES = {
    "journal: garbage behind it": append(b"\xfe\x80\x12 garbage \xff\n more\n"),
    "journal: half a letter in UTF-8": append('{"event": "note", "text": "55 µ'.encode()[:-1]),
    "journal: half a letter, then a line's end": append(b'{"event": "no\xc2\n'),
    "journal: a block of zeros": append(bytes(4096)),
    "journal: zeros, then a whole line": append(bytes(64) + b'\n{"event": "step_begin"}\n'),
    "journal: cut within a line": cut,
    "data: more than the end mark tells": longer_data,
    "files half written": half_written_files,
    "ledger: gone": no_ledger,
    "ledger: last blocks lost": lost_bookings,
    "ledger: a block that the journal does not hold": doubled_booking,
    "lock left by a killed program": stale_lock,
    "die of an earlier interruption": earlier_left_die,
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damage_that_is_survived(made, whole, tmp_path, locks, name):
    DAMAGES[name](made)
    assert_same(resume(made), whole)
    assert_nothing_left(tmp_path, {"LABCTL_LOCKS": str(locks)})


@pytest.mark.parametrize("name", ["journal: a block of zeros", "files half written"])
def test_the_data_of_a_damaged_run_can_be_read(made, name):
    DAMAGES[name](made)
    assert all(finding.ok for finding in verify(RunFolder(made.path)))


# --- what is refused -----------------------------------------------------------------------------


def spoiled_array(made):
    """One byte in the middle of an array, far before the last end mark."""
    file = made.path / ARRAYS / "forming_voltage.npys"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0x40
    file.write_bytes(content)


def spoiled_row(made):
    file = made.path / RESULTS
    file.write_bytes(file.read_bytes().replace(b"check", b"chock", 1))


def missing_array(made):
    (made.path / ARRAYS / "unformed.npys").unlink()


def missing_die(made):
    mark = made.last_step_end()
    (made.path / mark.die).unlink()


def broken_die(made):
    mark = made.last_step_end()
    (made.path / mark.die).write_bytes(b"no archive")


def broken_ledger(made):
    (made.path.parent / LEDGER).write_bytes(b"no database" * 500)


def broken_record(made):
    (made.path / RECORD).write_text("{", encoding="utf-8")


def flipped_in(event):
    """One bit of the first line of an event, in the middle of the journal: no JSON any more."""

    def damage(made):
        file = made.path / JOURNAL
        lines = file.read_bytes().splitlines(keepends=True)
        number = next(n for n, line in enumerate(lines) if b'"event": "%s"' % event in line)
        lines[number] = lines[number].replace(b'"event"', b'\xa2event"', 1)
        file.write_bytes(b"".join(lines))

    return damage


def damaged_booking(made):
    """Its line is JSON still."""
    file = made.path / JOURNAL
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    number = next(n for n, line in enumerate(lines) if '"wear_planned"' in line)
    event = json.loads(lines[number])
    event["pulses"][0]["counts"] = "AAAA" + event["pulses"][0]["counts"][4:]
    lines[number] = json.dumps(event) + "\n"
    file.write_text("".join(lines), encoding="utf-8", newline="\n")


def damaged_last_booking(made):
    """A bit of the last block that was planned; only its end stands behind it."""
    file = made.path / JOURNAL
    content = file.read_bytes()
    at = content.rindex(b'"wear_planned"')
    file.write_bytes(content[:at] + b"\xa2" + content[at + 1 :])


def going_on_elsewhere(made):
    owner = {"pid": 17, "host": "another-machine", "birth": None}
    record = {**made.record, "status": None, "owner": owner}
    (made.path / RECORD).write_text(json.dumps(record), encoding="utf-8")


def used_elsewhere(made):
    Lock(made.path / RESUMING, "run")


NOT_WRITTEN = r"{} is not what was written up to step 3 \({}\); put back a copy of it, or begin"
REFUSALS = {
    "a byte of an array": (
        spoiled_array,
        NOT_WRITTEN.format("forming_voltage.npys", "its checksum differs"),
    ),
    "a letter of the rows": (
        spoiled_row,
        NOT_WRITTEN.format("results.csv", "its checksum differs"),
    ),
    "an array is gone": (missing_array, r"unformed.npys is not .* \(only 0 of \d+ bytes are there"),
    "the die's snapshot is gone": (missing_die, "die-3.npz does not exist"),
    "the die's snapshot is broken": (broken_die, "die-3.npz"),
    "the ledger is broken": (broken_ledger, "ledger.sqlite cannot be used: file is not a database"),
    "the record is broken": (broken_record, "no run|not a readable run folder"),
    "a bit of an end mark": (
        flipped_in(b"step_end"),
        r"journal.jsonl is damaged in line \d+, and whole lines behind it tell of steps or pulses; "
        "nothing was changed: put back a copy",
    ),
    "a bit of a booking's line": (flipped_in(b"wear_planned"), r"journal.jsonl is damaged in line"),
    "a bit of the last booking's line": (damaged_last_booking, r"jsonl is damaged in line"),
    "a booking": (
        damaged_booking,
        r"journal of run .* is damaged: the booking of block 1 is damag",
    ),
    "it may go on at another host": (
        going_on_elsewhere,
        "was begun on another-machine .* it may be going on there: look, and .*-host-is-gone",
    ),
    "two go on at once": (used_elsewhere, "run '.*' is in use by .* process"),
}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and "ledger" not in file.name
    }


@pytest.mark.parametrize("name", REFUSALS)
def test_a_damage_that_is_refused(made, name):
    damage, sentence = REFUSALS[name]
    damage(made)
    before = contents(made.path)
    command = ["resume", made.id, "--runs", str(made.path.parent)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2, result.output
    told = " ".join(result.output.split())
    assert re.search(sentence, told), told
    assert told.count("labctl: ") == 1
    assert contents(made.path) == before


@pytest.mark.parametrize(
    "name",
    [
        *("a byte of an array", "a letter of the rows", "an array is gone"),
        *("a bit of an end mark", "a bit of a booking's line", "a booking"),
    ],
)
def test_verify_tells_of_damaged_data(made, name):
    REFUSALS[name][0](made)
    assert not all(finding.ok for finding in verify(RunFolder(made.path)))


@pytest.mark.parametrize("name", ["a bit of a booking's line", "a booking"])
def test_a_ledger_is_not_made_again_from_a_damaged_journal(made, name):
    runs = made.path.parent
    with Ledger(runs / LEDGER) as ledger:
        before = ledger.dies()
    REFUSALS[name][0](made)
    result = CliRunner().invoke(app, ["ledger", "rebuild", "--runs", str(runs)])
    assert result.exit_code == 2, result.output
    assert "the ledger is as it was" in " ".join(result.output.split())
    with Ledger(runs / LEDGER) as ledger:
        assert ledger.dies() == before


def test_a_run_of_a_host_that_is_gone_goes_on_when_told_so(made):
    going_on_elsewhere(made)
    command = ["resume", made.id, "--runs", str(made.path.parent), "--other-host-is-gone"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    again = RunFolder(made.path)
    assert again.record["owner"]["host"] == platform.node()
    assert again.status == "success"


def test_a_broken_ledger_is_made_again(made, whole):
    broken_ledger(made)
    runs = made.path.parent
    (runs / LEDGER).rename(runs / "broken.sqlite")
    result = CliRunner().invoke(app, ["ledger", "rebuild", "--runs", str(runs)])
    assert result.exit_code == 0, result.output
    assert_same(resume(made), whole)


# --- around a run --------------------------------------------------------------------------------


def test_two_programs_never_have_one_die(tmp_path, setup):
    lock = die_lock(die_file(tmp_path / "dies", "lab"))
    with lock, pytest.raises(OSError, match="die 'lab' is in use by"):
        run(request(setup, tmp_path, die="lab", seed=DIE_SEED, programmings=2))
    assert run(request(setup, tmp_path, die="lab", programmings=2)).status == "success"


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_read_only_folder(tmp_path, setup, monkeypatch):
    """Also for root, whom permissions do not hold."""
    refused = OSError(errno.EROFS, "Read-only file system")

    def mkdir(path, *rest, **named):
        raise refused

    monkeypatch.setattr(Path, "mkdir", mkdir)
    command = ["run", "checkerboard", "--bench", str(setup.file), "--runs", str(tmp_path / "runs")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert "Read-only file system" in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_run_folder_that_became_read_only(made, whole, monkeypatch):
    opened = os.open

    def read_only(path, flags, *rest, **named):
        if flags & os.O_CREAT and str(path).startswith(str(made.path)):
            raise OSError(errno.EROFS, "Read-only file system")
        return opened(path, flags, *rest, **named)

    monkeypatch.setattr(os, "open", read_only)
    with pytest.raises(OSError, match=r"cannot be locked: .*Read-only file system"):
        resume(made)
    monkeypatch.undo()
    assert_same(resume(made), whole)


def test_a_clock_that_was_set_back_before_resume(made, whole, monkeypatch):
    actual = writer.datetime

    class Earlier(actual):
        @classmethod
        def now(cls, zone=None):
            return actual.now(zone) - timedelta(days=400)

    monkeypatch.setattr(writer, "datetime", Earlier)
    again = resume(made)
    assert again.record["ended"] < again.record["started"]
    assert_same(again, whole)


def test_without_rollback_the_die_of_an_earlier_step_is_not_taken(made):
    """The die that a run left is known by its step."""
    earlier_left_die(made)
    (made.path / left_die(4)).unlink()
    again = resume(made, rollback=False)
    assert again.status == "success", again.record["reason"]
    assert not list(again.path.glob(left_die("*")))


def test_a_resume_that_fails_on_its_way_gives_all_free(setup, tmp_path, monkeypatch):
    made = begun(setup, tmp_path, die="lab")
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "restore", lambda ledger, run: (_ for _ in ()).throw(OSError("full")))
        with pytest.raises(OSError, match="full"):
            resume(made)
    left = RunFolder(made.path)
    assert (left.status, left.record["reason"]) == ("failed", "could not be gone on with: full")
    assert resume(left).status == "success"


def test_bookings_of_another_run_are_never_touched(made):
    """Whatever number its blocks have."""
    counts = next(event for event in made.events() if event["event"] == "wear_planned")["pulses"]
    with Ledger(made.path.parent / LEDGER) as ledger:
        ledger._database.execute("DELETE FROM pulses WHERE block > 2")
        block = ledger.plan("other", "other run", [Booking.from_event(counts[0])])
        assert block == 3
    resume(made)
    with Ledger(made.path.parent / LEDGER) as ledger:
        assert ledger.unconfirmed("other") == 1
        rows = ledger._database.execute("SELECT state FROM pulses WHERE run = 'other run'")
        assert rows.fetchall() == [("planned",)]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="/proc")
def test_another_process_with_the_number_of_a_killed_one(made, whole):
    """As after a restart of the computer."""
    owner = {"pid": os.getpid(), "host": platform.node()}
    record = {**made.record, "status": None, "owner": {**owner, "birth": birth(os.getpid())}}
    (made.path / RECORD).write_text(json.dumps(record), encoding="utf-8")
    assert RunFolder(made.path).status == "running"
    record["owner"]["birth"] = "another boot 17"
    (made.path / RECORD).write_text(json.dumps(record), encoding="utf-8")
    again = RunFolder(made.path)
    assert again.status == "interrupted"
    assert_same(resume(again), whole)
