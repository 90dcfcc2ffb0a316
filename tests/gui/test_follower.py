"""Following a run in a thread: pictures, status, log, and what goes wrong."""

from __future__ import annotations

import shutil
import sys
import threading
from datetime import UTC, datetime

import numpy as np
import pytest

from gui import follower as follower_module
from gui.follower import STATUS, Follower
from gui.run_status import StatusModel
from labctl.observing import Observer
from labctl.resuming import resume
from labctl.runs import run
from labctl.store.folder import JOURNAL, LOG, RESULTS
from labctl.store.journal import STEP_END
from labctl.store.tail import RunTail
from labctl.store.writer import RunWriter
from tests.simulated import request, small_setup

PATIENCE_MS = 30_000


class Counted:
    """Counts rows, and how often it had to begin anew."""

    def __init__(self):
        self.rows = self.anew = 0
        self.threads = set()

    def absorb(self, folder, news):
        self.threads.add(threading.current_thread().name)
        if news.restarted:
            self.anew, self.rows = self.anew + 1, 0
        self.rows += len(news.rows.get("Step", ()))
        return bool(news.rows)

    @property
    def picture(self):
        return (self.rows, self.anew)


class Broken:
    """Cannot absorb."""

    picture = None

    def absorb(self, folder, news):
        raise RuntimeError("no such column")


@pytest.fixture
def followed(qtbot):
    """``followed(path, models)`` follows a run; pictures gather under ``pictures``."""
    begun = []

    def follow(path, models):
        follower = Follower(path, models)
        follower.pictures, follower.lines = {}, []
        follower.begin()
        begun.append(follower)
        return follower

    yield follow
    for follower in begun:
        follower.end()
        follower._thread.join()


def gather(follower):
    new = follower.take()
    follower.lines += new[STATUS].log if STATUS in new else ()
    follower.pictures.update(new)
    return follower.pictures


def wait_for(qtbot, follower, holds):
    """Take pictures until they are so."""
    qtbot.waitUntil(lambda: holds(gather(follower)), timeout=PATIENCE_MS)
    return follower.pictures


def status_is(wanted):
    return lambda pictures: STATUS in pictures and pictures[STATUS].status == wanted


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A checkerboard run on two rows of eight bits."""
    folder = tmp_path_factory.mktemp("finished")
    return run(request(small_setup(folder, rows=2), folder, die="a", seed=5, programmings=2))


def test_a_finished_run_is_read_to_its_end(qtbot, followed, finished):
    model = Counted()
    follower = followed(finished.path, {"rows": model})
    pictures = wait_for(
        qtbot, follower, lambda p: status_is("success")(p) and p.get("rows") == (6, 0)
    )
    status = pictures[STATUS]
    assert (status.run, status.procedure) == (finished.id, "checkerboard")
    assert (status.kind, status.die, status.reason) == ("SIMULATED", "a", "")
    assert (status.steps, status.steps_done, status.step) == (7, 7, 7)
    assert status.fraction == pytest.approx(1.0)
    assert status.elapsed_s == finished.record["wall_time_s"]
    assert status.bench_s == pytest.approx(finished.record["bench_time_s"]["total"])
    assert status.remaining_s is None
    assert list(status.notes) == finished.record["notes"]
    booked = sum(int(np.sum(counts)) for counts in _booked(finished).values())
    assert status.pulses_done == booked
    assert status.pulses_left == 0
    began = datetime.fromisoformat(finished.record["started"])
    ended = datetime.fromisoformat(finished.record["ended"])
    assert began <= status.saved
    assert (status.saved - ended).total_seconds() < 1.0
    assert follower.lines == (finished.path / LOG).read_text(encoding="utf-8").splitlines()
    assert model.threads == {f"follow {finished.id}"}
    assert follower.take() == {}


def _booked(made):
    from labctl.store.wear import blocks

    total = {}
    for block in blocks(made.events()):
        for booking in block.bookings:
            total[booking.kind] = total.get(booking.kind, 0) + booking.counts.astype(np.int64)
    return total


def test_a_run_is_followed_while_it_goes_on(qtbot, followed, tmp_path):
    """It waits within a step until its follower has shown the step before."""
    seen, begun = threading.Event(), threading.Event()

    class Waiting(Observer):
        def opened(self, folder):
            self.path = folder.path

        def progress(self, progress):
            if progress.step == 4:
                begun.set()
                assert seen.wait(PATIENCE_MS / 1000)

    observer = Waiting()
    asked = request(small_setup(tmp_path, rows=2), tmp_path, seed=5, programmings=2)
    measuring = threading.Thread(target=run, args=(asked, observer))
    measuring.start()
    try:
        assert begun.wait(PATIENCE_MS / 1000)
        follower = followed(observer.path, {"rows": Counted()})
        status = wait_for(qtbot, follower, lambda p: STATUS in p and p[STATUS].steps_done == 4)[
            STATUS
        ]
        assert (status.status, status.step, status.steps) == ("running", 5, 7)
        assert status.label == "programming 2 of 4, pattern B"
        assert 0.0 < status.fraction < 1.0
        assert status.remaining_s is not None
        assert status.elapsed_s > 0.0
        assert status.pulses_left > 0
        assert status.saved <= datetime.now(UTC)
    finally:
        seen.set()
        measuring.join()
    wait_for(qtbot, follower, lambda p: status_is("success")(p) and p["rows"] == (6, 0))


def test_a_run_that_is_gone_on_with_is_followed_on(qtbot, followed, tmp_path):
    setup = small_setup(tmp_path, rows=2)
    asked = request(setup, tmp_path, seed=5, programmings=2)

    class Full(Observer):
        def progress(self, progress):
            if progress.step == 4:
                raise RuntimeError("a bug")

    paused = run(asked, Full())
    assert paused.status == "failed"
    model = Counted()
    follower = followed(paused.path, {"rows": model})
    status = wait_for(qtbot, follower, status_is("failed"))[STATUS]
    assert status.steps_done == 4
    assert status.reason == paused.record["reason"]
    made = resume(paused)
    pictures = wait_for(qtbot, follower, lambda p: status_is("success")(p) and p["rows"] == (6, 0))
    assert pictures[STATUS].steps_done == 7
    assert pictures[STATUS].elapsed_s == made.record["wall_time_s"]
    assert any(note.startswith("Resumed at step 4") for note in pictures[STATUS].notes)


def test_lines_cut_off_begin_it_anew(qtbot, followed, finished, tmp_path):
    copy = shutil.copytree(finished.path, tmp_path / finished.id)
    follower = followed(copy, {"rows": Counted()})
    wait_for(qtbot, follower, lambda p: p.get("rows") == (6, 0))
    journal = copy / JOURNAL
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))
    wait_for(qtbot, follower, lambda p: p.get("rows") == (5, 1))


def test_a_run_that_is_being_read_is_not_told_as_read(qtbot, followed, finished, monkeypatch):
    """Its follower waits after the third of seven steps until the test has seen that."""
    monkeypatch.setattr(follower_module, "_PIECE_BYTES", 1)
    go_on, poll, ended = threading.Event(), RunTail.poll, []

    def wait_after_three(tail, most_bytes):
        if len(ended) >= 3:
            assert go_on.wait(60)
        news = poll(tail, most_bytes)
        events = [] if news is None else news.events
        ended.extend(event for event in events if event["event"] == STEP_END)
        return news

    monkeypatch.setattr(RunTail, "poll", wait_after_three)
    follower = followed(finished.path, {"rows": Counted()})
    pictures = wait_for(qtbot, follower, lambda p: STATUS in p and p[STATUS].steps_done == 3)
    status = pictures[STATUS]
    assert (status.status, status.caught_up) == ("success", False)
    assert 0 < status.share_read < 1
    go_on.set()
    pictures = wait_for(qtbot, follower, lambda p: p[STATUS].caught_up)
    assert (pictures[STATUS].steps_done, pictures[STATUS].share_read) == (7, pytest.approx(1.0))


def test_a_model_that_fails_is_left_out_and_told(qtbot, followed, finished, caplog):
    follower = followed(finished.path, {"broken": Broken(), "rows": Counted()})
    pictures = wait_for(qtbot, follower, lambda p: STATUS in p and p[STATUS].problem != "")
    assert pictures[STATUS].problem == "broken cannot be shown: RuntimeError: no such column"
    wait_for(qtbot, follower, lambda p: p.get("rows") == (6, 0))
    assert "broken" not in follower.pictures
    assert "no such column" in caplog.text


@pytest.mark.parametrize("method", ["absorb", "picture"])
def test_a_status_that_fails_is_told_and_the_models_go_on(
    qtbot, followed, finished, monkeypatch, method
):
    def fail(*_):
        raise KeyError("bench_s")

    monkeypatch.setattr(StatusModel, method, fail)
    follower = followed(finished.path, {"rows": Counted()})
    pictures = wait_for(qtbot, follower, lambda p: p.get("rows") == (6, 0) and STATUS in p)
    assert pictures[STATUS].problem == "status cannot be shown: KeyError: 'bench_s'"
    assert follower._thread.is_alive()


def test_a_run_that_cannot_be_followed_is_told(qtbot, followed, finished, monkeypatch):
    def fail(*_):
        raise ValueError("no such line")

    monkeypatch.setattr(RunTail, "poll", fail)
    follower = followed(finished.path, {"rows": Counted()})
    pictures = wait_for(qtbot, follower, lambda p: STATUS in p)
    assert pictures[STATUS].problem == "cannot be followed: ValueError: no such line"
    assert follower._thread.is_alive()


@pytest.mark.parametrize("name", ["run.json", RESULTS])
def test_what_cannot_be_read_is_told_and_what_was_shown_stays(
    qtbot, followed, finished, tmp_path, name
):
    copy = shutil.copytree(finished.path, tmp_path / finished.id)
    if name == RESULTS:
        content = (copy / name).read_bytes()
        (copy / name).write_bytes(content[: content.rindex(b"\n", 0, -1)])
    follower = followed(copy, {"rows": Counted()})
    if name == RESULTS:
        wait_for(qtbot, follower, lambda p: p.get("rows") == (4, 0))
    else:
        wait_for(qtbot, follower, lambda p: p.get("rows") == (6, 0))
        shutil.rmtree(copy)
    pictures = wait_for(qtbot, follower, lambda p: STATUS in p and p[STATUS].problem != "")
    assert finished.id in pictures[STATUS].problem
    assert not pictures[STATUS].readable
    assert pictures[STATUS].procedure == "checkerboard"


def test_no_run_at_all_is_told(qtbot, followed, tmp_path):
    follower = followed(tmp_path / "none", {"rows": Counted()})
    pictures = wait_for(qtbot, follower, lambda p: STATUS in p)
    assert "not a readable run folder" in pictures[STATUS].problem
    assert (pictures[STATUS].run, pictures[STATUS].kind) == ("none", "UNKNOWN")


def test_the_log_of_a_long_run_is_told_from_near_its_end(qtbot, followed, tmp_path):
    writer = RunWriter.create(tmp_path, "forming", {"simulated": True})
    lines = [f"{number} {'µ' * 40}" for number in range(20_000)]
    (writer.path / LOG).write_text("\n".join(lines) + "\nnot whole", encoding="utf-8")
    writer.close("success", None)
    follower = followed(writer.path, {})
    wait_for(qtbot, follower, lambda p: bool(follower.lines))
    assert 1000 < len(follower.lines) < 5001
    assert follower.lines == lines[-len(follower.lines) :]


def test_the_interface_thread_opens_nothing(qtbot, followed, finished):
    """Whatever it does with a follower: audit events of the main thread alone are counted."""
    main, opened, watching = threading.get_ident(), [], True

    def watch(event, arguments):
        here = watching and threading.get_ident() == main
        if here and event in ("open", "os.listdir", "os.scandir"):
            opened.append((event, arguments))

    # Audit hooks cannot be taken out: this one is switched off.
    sys.addaudithook(watch)
    try:
        follower = followed(finished.path, {"rows": Counted()})
        wait_for(qtbot, follower, lambda p: p.get("rows") == (6, 0))
        follower.end()
    finally:
        watching = False
    assert opened == []
