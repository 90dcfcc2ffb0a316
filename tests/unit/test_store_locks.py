"""Locks: one program at a time, whoever comes when, and what crashes leave behind."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from labctl.bench import Bench, DieChoice
from labctl.benchfile import example_file, load_setup
from labctl.runs import run
from labctl.store.locks import Lock, LockedError, bench_lock, die_lock
from tests.simulated import request, small_setup

NOBODY = 2**22 + 1
"""No process has this number: Linux allows at most 2**22."""


@pytest.fixture
def file(tmp_path):
    return tmp_path / "new folder" / "thing.lock"


def left_by(file, **changes):
    """A lock that another program has left."""
    since = datetime.now(UTC) - timedelta(hours=3)
    owner = {"pid": NOBODY, "host": platform.node(), "command": "labctl run forming"}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(owner | {"since": since.isoformat()} | changes), encoding="utf-8")


def test_the_second_is_told_who_has_it_and_what_to_do(file):
    with Lock(file, "the thing"):
        with pytest.raises(LockedError) as caught:
            Lock(file, "the thing")
        told = str(caught.value)
        assert told.startswith("the thing is in use by ")
        owner = f"(process {os.getpid()} on {platform.node()}, for "
        assert re.search(re.escape(owner) + r"\d+ s\)", told)
        assert told.endswith(f"delete {file}")
    assert not file.exists()
    with Lock(file, "the thing") as again:
        assert again.cleared == ""


def test_what_a_crash_left_is_cleared_and_explained(file):
    left_by(file)
    with Lock(file, "the thing") as lock:
        assert lock.cleared.startswith("the thing was left locked by 'labctl run forming'")
        assert "for 3 h" in lock.cleared
        with pytest.raises(LockedError):
            Lock(file, "the thing")
    assert list(file.parent.iterdir()) == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "x"}', '{"pid": 1, "since": 5}'])
def test_what_was_cut_short_is_cleared(file, content):
    file.parent.mkdir()
    file.write_text(content, encoding="utf-8")
    with Lock(file, "the thing") as lock:
        assert "by an unknown program" in lock.cleared


def test_another_machine_cannot_be_asked_so_its_lock_holds(file):
    left_by(file, host="the-lab-pc")
    with pytest.raises(LockedError, match="on the-lab-pc, for 3 h") as caught:
        Lock(file, "the thing")
    assert "cannot be seen from here" in str(caught.value)
    assert file.exists()


def test_a_lock_that_was_deleted_and_taken_by_another_stays_theirs(file):
    lock = Lock(file, "the thing")
    file.unlink()
    left_by(file)
    lock.release()
    assert file.exists()


_CONTENDER = """
import os, sys, time
from pathlib import Path
from labctl.store.locks import Lock, LockedError
file, inside = Path(sys.argv[1]), Path(sys.argv[2])
taken = 0
while taken < 20:
    try:
        lock = Lock(file, "it")
    except LockedError:
        time.sleep(0.001)
        continue
    os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
    inside.unlink()
    taken += 1
    if taken % 5:
        lock.release()
    else:
        # As after a crash: a process that does not exist.
        text = file.read_text().replace(f'"pid": {os.getpid()}', '"pid": 999999999')
        beside = Path(f"{inside}.{os.getpid()}")
        beside.write_text(text)
        beside.replace(file)
"""


def test_of_many_programs_one_has_it_at_a_time(file, tmp_path):
    contenders = [
        subprocess.Popen([sys.executable, "-c", _CONTENDER, str(file), str(tmp_path / "inside")])
        for _ in range(4)
    ]
    assert [contender.wait() for contender in contenders] == [0, 0, 0, 0]


def test_a_die_in_use_is_not_opened_by_a_second_run(setup, tmp_path):
    asked = request(setup, tmp_path, die="w1")
    with (
        Bench(setup, asked.die),
        pytest.raises(LockedError, match=r"die 'w1' is in use by .*w1\.npz\.lock"),
    ):
        run(asked)
    assert not (tmp_path / "runs").exists()
    with Bench(setup, asked.die) as bench:
        assert bench.notes == []


def test_a_run_tells_that_it_cleared_a_lock(tmp_path):
    asked = request(small_setup(tmp_path / "bench"), tmp_path, "forming", die="w1")
    left_by(asked.die.folder / "w1.npz.lock")
    done = run(asked)
    assert done.status == "success"
    assert "was left locked by 'labctl run forming'" in done.record["notes"][0]


def test_fresh_dies_lock_nothing(setup, tmp_path):
    choice = DieChoice(None, 1, tmp_path)
    with Bench(setup, choice), Bench(setup, choice):
        assert list(tmp_path.iterdir()) == []


def test_a_bench_that_is_given_up_is_free(setup, tmp_path):
    choice = DieChoice("w1", 1, tmp_path)
    Bench(setup, choice).abandon()
    with die_lock(tmp_path / "w1.npz"):
        pass


def test_a_real_bench_is_locked_by_its_address_whatever_its_file(tmp_path):
    file = tmp_path / "lab.toml"
    file.write_text(example_file("b1500").read_text(encoding="utf-8"), encoding="utf-8")
    setup = load_setup(file)
    visa = setup.content.mainframe.visa
    with (
        bench_lock(visa.lower()),
        pytest.raises(LockedError, match=f"the bench at {visa} is in use"),
    ):
        Bench(setup, DieChoice("w1", None, tmp_path))
