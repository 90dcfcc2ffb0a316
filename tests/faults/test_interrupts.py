"""Ctrl-C in a script that handles none, also while the outputs are taken down: all of them are."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from instruments.b1500.mainframe import B1500
from instruments.wgfmu.driver import Wgfmu
from labctl.bench import Bench, DieChoice, make_safe
from labctl.interrupts import interrupts_wait
from labctl.observing import Observer, StopRequest
from labctl.runs import run
from labctl.store.folder import list_runs
from tests.simulated import assert_outputs_safe, request, small_setup

SEED = 5_203_117


@pytest.fixture(autouse=True)
def script() -> Iterator[None]:
    """Handlers as Python sets them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return small_setup(tmp_path_factory.mktemp("bench"), rows=2)


class KeyPresses:
    """Ctrl-C within calls to the instruments that the main thread makes while ``on``."""

    def __init__(self, monkeypatch):
        self.on = False
        self.calls = 0
        self.at: set[int] = set()
        for driver, name in ((Wgfmu, "_call"), (B1500, "write")):
            monkeypatch.setattr(driver, name, self._pressed(getattr(driver, name)))

    def _pressed(self, call):
        def pressed(*arguments, **named):
            if self.on and threading.current_thread() is threading.main_thread():
                self.calls += 1
                if self.calls in self.at:
                    signal.raise_signal(signal.SIGINT)
            return call(*arguments, **named)

        return pressed


def left(setup, folder, keys, at):
    """A bench with everything on that was left while Ctrl-C was pressed within the calls ``at``."""
    bench = Bench(setup, DieChoice("lab", SEED, folder))
    with bench:
        for channel in bench.chip.connections.channels.values():
            channel.force(1.0)
        keys.on, keys.calls, keys.at = True, 0, at
    keys.on = False
    return bench


def calls_of_leaving(setup, folder, keys) -> int:
    """Calls that a bench makes on its way down."""
    left(setup, folder, keys, set())
    assert keys.calls > 40
    return keys.calls


@pytest.fixture
def keys(monkeypatch):
    return KeyPresses(monkeypatch)


def test_within_each_call_of_the_way_down(small, tmp_path, keys):
    for number in range(1, calls_of_leaving(small, tmp_path, keys) + 1):
        bench = Bench(small, DieChoice("lab", SEED, tmp_path))
        with pytest.raises(KeyboardInterrupt), bench:
            keys.on, keys.calls, keys.at = True, 0, {number}
        keys.on = False
        assert_outputs_safe(bench)


def test_within_all_of_them_after_one_that_ended_the_script(small, tmp_path, keys):
    everywhere = set(range(1, calls_of_leaving(small, tmp_path, keys) + 1))
    bench = Bench(small, DieChoice("lab", SEED, tmp_path))

    def script():
        with bench:
            keys.on, keys.calls, keys.at = True, 0, everywhere
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        script()
    assert_outputs_safe(bench)
    keys.on = False
    # Its lock is free again.
    left(small, tmp_path, keys, set())


class Heard(StopRequest):
    """Lets another thread wait for a request."""

    def __init__(self):
        super().__init__()
        self.event = threading.Event()

    def ask(self, level=None):
        super().ask(level)
        self.event.set()


@pytest.mark.parametrize("again", [False, True], ids=["once", "and in each call of the way down"])
def test_a_run_ends_as_by_an_emergency_stop(small, tmp_path, keys, again):
    stop = Heard()

    class Impatient(Observer):
        """Presses Ctrl-C when the second step begins."""

        def progress(self, progress):
            if progress.step == 1 and not stop.asked:
                keys.on, keys.at = True, set(range(1000)) if again else set()
                signal.raise_signal(signal.SIGINT)
                assert stop.event.wait(60)

    asked = request(small, tmp_path, seed=SEED, programmings=1)
    bench = Bench(small, asked.die)
    with pytest.raises(KeyboardInterrupt):
        run(asked, Impatient(), stop, bench)
    assert keys.calls > 40
    assert_outputs_safe(bench)
    (made,) = list_runs(tmp_path / "runs")
    assert made.status == "aborted"
    assert "emergency stop" in made.record["reason"]
    assert any("outputs at 0 V and open" in note for note in made.record["notes"])


def test_within_each_call_of_labctl_safe(small, keys):
    keys.on = True
    assert make_safe(small) == []
    calls, keys.calls = keys.calls, 0
    keys.at = set(range(1, calls + 1))
    with pytest.raises(KeyboardInterrupt):
        make_safe(small)
    assert keys.calls == calls


def test_what_a_handler_raises_comes_once_at_the_end():
    told = []

    def leaves(number, frame):
        raise SystemExit(len(told))

    def twice():
        with interrupts_wait(lambda: told.append("stop")):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            told.append("end")

    signal.signal(signal.SIGINT, leaves)
    with pytest.raises(SystemExit) as ended:
        twice()
    assert told == ["stop", "stop", "end"]
    assert ended.value.code == 0


def test_a_handler_that_raises_nothing_is_called_at_once():
    called = []

    def handler(number, frame):
        called.append(number)

    signal.signal(signal.SIGINT, handler)
    with interrupts_wait(lambda: called.append("then")):
        signal.raise_signal(signal.SIGINT)
        assert called == [signal.SIGINT]
    assert signal.getsignal(signal.SIGINT) is handler
