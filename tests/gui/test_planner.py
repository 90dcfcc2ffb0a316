"""The planner answers the last question, in its own thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from gui import planner as module
from gui.planner import Planner, PlanResult, Question, answer, question_of
from labctl.benchfile import example_file
from labctl.store.ledger import LEDGER, Ledger
from labctl.store.wear import Booking
from tests.simulated import small_bench_file


@pytest.fixture
def planner(qtbot: QtBot) -> Iterator[Planner]:
    planner = Planner(debounce_ms=1)
    yield planner
    planner.end()


def test_an_answer_has_the_plan_and_what_the_form_shows(tmp_path: Path) -> None:
    result = answer(Question("conditions", {"rows": "4"}, runs=tmp_path))
    assert result.problem == ""
    assert result.plan is not None
    assert result.plan.pulses_per_device["set"] > 0
    assert (result.simulated, result.bench, result.changes_devices) == (True, "simulated", True)
    assert result.chip is not None
    assert result.chip.shape == (32, 32)
    assert not any(tmp_path.iterdir())


def test_each_waveform_is_offered_once_with_a_name_of_its_own(tmp_path: Path) -> None:
    result = answer(Question("conditions", {"rows": "4"}, runs=tmp_path))
    names = [scheme.name for scheme in result.schemes]
    assert len(set(names)) == len(names)
    assert any(name.endswith(", 2 of 48") for name in names)
    drawn = {
        b"".join(scheme.points[pad].tobytes() for pad in sorted(scheme.points)) + name.encode()
        for scheme, name in zip(
            result.schemes, (name.partition(",")[0] for name in names), strict=True
        )
    }
    assert len(drawn) == len(names)


def test_a_plan_that_cannot_be_is_one_sentence_and_the_chip_is_known_all_the_same(
    tmp_path: Path,
) -> None:
    odd = answer(Question("endurance", {"cycles": "777"}, runs=tmp_path))
    assert odd.plan is None
    assert odd.problem == "Cycles 777 is odd: cycles come in pairs, bit 0 and bit 1"
    assert odd.chip is not None


def test_a_bench_file_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    result = answer(Question("read", {}, bench=tmp_path / "none.toml"))
    assert "none.toml cannot be read" in result.problem
    assert (result.plan, result.chip, result.simulated) == (None, None, None)
    assert result.option == "bench"


def test_the_bench_is_told_without_the_parameters(tmp_path: Path) -> None:
    wrong = Question("endurance", {"cycles": "many"}, runs=tmp_path, bench_only=True)
    result = answer(wrong)
    assert (result.plan, result.problem, result.option) == (None, "", "")
    assert (result.simulated, result.bench) == (True, "simulated")
    assert result.chip is not None


def test_a_real_die_without_a_name_is_refused_before_the_run() -> None:
    table = {"compliance_table": "chip file"}
    read = answer(Question("read", table, bench=example_file("b1500")))
    assert (read.problem, read.simulated, read.changes_devices) == ("", False, False)
    compliance = answer(Question("compliance", {"form_first": "no"}, bench=example_file("b1500")))
    assert compliance.problem == (
        "a real die needs a name to book its pulses under: add --die NAME"
    )
    assert compliance.option == "die"
    assert compliance.simulated is False


def test_a_name_that_no_die_can_have_is_refused() -> None:
    result = answer(Question("read", {}, die="a/b"))
    assert "cannot name a die" in result.problem
    assert result.option == "die"


def test_a_ledger_that_cannot_be_read_is_a_matter_of_the_folder_of_runs(tmp_path: Path) -> None:
    (tmp_path / LEDGER).write_bytes(b"no ledger, but as long as one is at least" * 100)
    result = answer(Question("endurance", {}, die="lab3", runs=tmp_path))
    assert result.option == "runs"
    assert "ledger" in result.problem


def test_a_die_of_another_size_wants_another_name(tmp_path: Path) -> None:
    counts = np.ones((32, 32, 2), dtype=np.uint32)
    with Ledger(tmp_path / LEDGER) as ledger:
        ledger.confirm(ledger.plan("lab3", "an earlier run", [Booking("set", {}, counts)]))
    bench = small_bench_file(tmp_path / "bench")
    result = answer(Question("endurance", {}, bench=bench, die="lab3", runs=tmp_path))
    assert "is in the ledger with 32 x 32 bits" in result.problem
    assert result.option == "die"


def test_a_budget_of_the_chip_file_is_no_matter_of_the_option(tmp_path: Path) -> None:
    bench = small_bench_file(tmp_path)
    with (tmp_path / "small-chip.toml").open("a", encoding="utf-8") as chip:
        chip.write("\n[wear]\nmax_cycles_per_device = 100\n")
    for budget, option in ((None, ""), (200, ""), (50, "max_cycles_per_device")):
        asked = Question(
            *("endurance", {"cycles": "20000"}), bench=bench, max_cycles_per_device=budget
        )
        result = answer(asked)
        assert result.problem.startswith("the wear budget is")
        assert result.option == option


def test_wear_and_budget_of_a_die_are_taken_from_its_ledger(tmp_path: Path) -> None:
    counts = np.zeros((32, 32, 2), dtype=np.uint32)
    counts[3, 7, 0] = 900
    with Ledger(tmp_path / LEDGER) as ledger:
        ledger.confirm(ledger.plan("lab3", "an earlier run", [Booking("set", {}, counts)]))
    asked = {"cycles": "20000", "pair_row": "3", "pair_column": "7"}
    result = answer(Question("endurance", asked, die="lab3", runs=tmp_path))
    assert result.plan is not None
    assert result.plan.booked_per_device == {"set": 900}
    refused = answer(
        Question("endurance", asked, die="lab3", runs=tmp_path, max_cycles_per_device=10_500)
    )
    assert refused.problem.startswith("the wear budget is 10,500 cycles a device: up to 900")
    assert refused.option == "max_cycles_per_device"
    other = answer(
        Question(
            *("endurance", {**asked, "pair_row": "4"}),
            die="lab3",
            runs=tmp_path,
            max_cycles_per_device=10_500,
        )
    )
    assert other.problem == ""


def test_the_last_question_is_answered(qtbot: QtBot, planner: Planner, tmp_path: Path) -> None:
    answers: list[PlanResult] = []
    planner.planned.connect(answers.append)
    for cycles in ("2000", "2002", "2004"):
        planner.ask(Question("endurance", {"cycles": cycles}, runs=tmp_path))
    qtbot.waitUntil(lambda: bool(answers), timeout=20_000)
    assert [dict(result.question.typed) for result in answers] == [{"cycles": "2004"}]


def test_an_answer_that_comes_too_late_is_dropped(
    qtbot: QtBot, planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The question changes while it is being worked out."""
    working, go_on = threading.Event(), threading.Event()
    done: list[str] = []

    def slow(question: Question) -> PlanResult:
        working.set()
        assert go_on.wait(20)
        done.append(question.procedure)
        return PlanResult(question)

    monkeypatch.setattr(module, "answer", slow)
    answers: list[PlanResult] = []
    planner.planned.connect(answers.append)
    planner.ask(Question("read", {}))
    qtbot.waitUntil(working.is_set, timeout=20_000)
    planner.ask(Question("contact", {}))
    go_on.set()
    qtbot.waitUntil(lambda: bool(answers), timeout=20_000)
    assert done == ["read", "contact"]
    assert [result.question.procedure for result in answers] == ["contact"]


def test_a_procedure_that_fails_is_told_and_the_next_question_answered(
    qtbot: QtBot, planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(question: Question) -> PlanResult:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(module, "answer", fails)
    for procedure in ("read", "contact"):
        with qtbot.waitSignal(planner.planned, timeout=20_000) as told:
            planner.ask(Question(procedure, {}))
        (result,) = told.args
        assert result.question.procedure == procedure
        assert result.problem == "no plan: ZeroDivisionError: by nothing"


def test_questions_are_worked_out_in_another_thread(
    qtbot: QtBot, planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []

    def note(question: Question) -> PlanResult:
        threads.append(threading.current_thread().name)
        return PlanResult(question)

    monkeypatch.setattr(module, "answer", note)
    with qtbot.waitSignal(planner.planned, timeout=20_000):
        planner.ask(Question("read", {}))
    assert threads == ["planner"]


def test_the_thread_ends(qtbot: QtBot) -> None:
    planner = Planner()
    thread = planner._thread
    assert thread.is_alive()
    planner.end()
    thread.join(20)
    assert not thread.is_alive()


def test_a_question_is_made_of_form_and_options() -> None:
    options = {"bench": "my.toml", "die": "lab3", "runs": "data", "max_cycles_per_device": "9"}
    assert question_of("read", {"repeats": "3"}, {**options, "note": "x"}) == Question(
        "read", {"repeats": "3"}, Path("my.toml"), "lab3", Path("data"), 9
    )
    assert question_of("read", {}, {}) == Question("read", {})
    assert question_of("read", {}, {}, bench_only=True) == Question("read", {}, bench_only=True)


def test_the_tighter_budget_is_told(tmp_path: Path) -> None:
    bench = small_bench_file(tmp_path)
    with (tmp_path / "small-chip.toml").open("a", encoding="utf-8") as chip:
        chip.write("\n[wear]\nmax_cycles_per_device = 100\n")
    for asked, told in ((None, 100), (200, 100), (50, 50)):
        question = Question("read", {}, bench=bench, max_cycles_per_device=asked)
        assert answer(question).most_cycles == told


def test_the_last_question_is_asked_anew(
    qtbot: QtBot, planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, after the answer that is still to come; another question comes instead."""
    working, go_on = threading.Event(), threading.Event()
    done: list[str] = []

    def slow(question: Question) -> PlanResult:
        working.set()
        assert go_on.wait(20)
        done.append(question.procedure)
        return PlanResult(question)

    monkeypatch.setattr(module, "answer", slow)
    answers: list[PlanResult] = []
    planner.planned.connect(answers.append)
    planner.ask_again()
    planner.ask(Question("read", {}))
    qtbot.waitUntil(working.is_set, timeout=20_000)
    planner.ask_again()
    planner.ask_again()
    go_on.set()
    qtbot.waitUntil(lambda: len(answers) == 2, timeout=20_000)
    planner.ask_again()
    qtbot.waitUntil(lambda: len(answers) == 3, timeout=20_000)
    planner.ask(Question("contact", {}))
    planner.ask_again()
    planner.ask(Question("iv", {}))
    qtbot.waitUntil(lambda: len(answers) == 4, timeout=20_000)
    assert [result.question.procedure for result in answers] == ["read"] * 3 + ["iv"]
    assert done[:3] == ["read"] * 3
