"""What dies have been through, what is stored of a run, and the way out when a run failed."""

from __future__ import annotations

import json
import sqlite3

import pytest
from typer.testing import CliRunner

from labctl.cli import app
from labctl.runs import run
from labctl.store.folder import ARRAYS, JOURNAL, RESULTS, RunFolder
from labctl.store.ledger import LEDGER
from labctl.verifying import verify
from tests.simulated import request, small_bench_file, small_setup

ROWS = 2


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A folder with two runs of a named die and one of a fresh one."""
    folder = tmp_path_factory.mktemp("lab")
    setup = small_setup(folder / "bench", ROWS)
    for die, seed in (("lab-3", None), ("lab-3", None), (None, 5)):
        made = run(request(setup, folder, die=die, seed=seed, programmings=1))
        assert made.status == "success"
    return folder


def command(folder, *words):
    return CliRunner().invoke(app, [*words, "--runs", str(folder / "runs")])


def listed(folder, *words):
    result = command(folder, *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def rows_of(folder):
    with sqlite3.connect(folder / "runs" / LEDGER) as database:
        rows = database.execute("SELECT * FROM pulses ORDER BY block, kind").fetchall()
    database.close()
    return rows


def test_the_dies_and_their_history(lab):
    named, fresh = sorted(listed(lab, "die", "list"), key=lambda row: -row["runs"])
    assert (named["die"], named["runs"], named["unconfirmed_blocks"]) == ("lab-3", 2, 0)
    assert fresh["die"].startswith("fresh die of run ")
    shown = {row["kind"]: row for row in listed(lab, "die", "show", "lab-3")["pulses"]}
    assert shown["form"]["pulses"] == ROWS * 8 * 2
    assert shown["set"]["pulses"] == shown["reset"]["pulses"] == 6 * ROWS * 8
    history = listed(lab, "die", "history", "lab-3")
    assert [(row["kind"], row["pulses"]) for row in history[:3]] == [
        ("form", ROWS * 8 * 2),
        ("set", 3 * ROWS * 8),
        ("reset", 3 * ROWS * 8),
    ]
    assert history[1]["condition"]["compliance_a"] == 55e-6
    assert len({row["run"] for row in history}) == 2


def test_the_history_says_conditions_as_people_do(lab, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    result = command(lab, "die", "history", "lab-3")
    assert result.exit_code == 0
    assert "forming to 3.3 V, ramp 1000 V/s, 200 µA (WL " in result.stdout
    assert "RESET 2.5 V, 1 µs" in result.stdout


def test_the_wear_map_is_drawn(lab, tmp_path):
    result = command(lab, "die", "show", "lab-3", "--png", str(tmp_path / "wear.png"))
    assert result.exit_code == 0
    assert (tmp_path / "wear.png").read_bytes().startswith(b"\x89PNG")


def test_a_wear_map_that_cannot_be_written_is_refused(lab, tmp_path):
    result = command(lab, "die", "show", "lab-3", "--png", str(tmp_path))
    assert result.exit_code == 2
    assert "no picture can be written to" in result.stderr


def test_an_unknown_die_is_told_with_those_there_are(lab):
    result = command(lab, "die", "show", "lab-4")
    assert result.exit_code == 2
    assert "lab-3" in result.stderr


def test_a_rebuilt_ledger_is_the_same(lab):
    before = rows_of(lab)
    assert len(before) > 10
    assert command(lab, "ledger", "rebuild").exit_code == 0
    assert rows_of(lab) == before
    with sqlite3.connect(lab / "runs" / LEDGER) as database:
        database.execute("DELETE FROM pulses WHERE kind = 'set'")
    database.close()
    assert command(lab, "ledger", "rebuild").exit_code == 0
    assert rows_of(lab) == before


def copy_of(run_folder, folder):
    target = folder / run_folder.path.name
    for file in run_folder.path.rglob("*"):
        if file.is_file():
            there = target / file.relative_to(run_folder.path)
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_bytes(file.read_bytes())
    return target


@pytest.fixture
def stored(lab, tmp_path):
    """A copy of a finished run with its stored result."""
    newest = max((lab / "runs").glob("*-checkerboard*"))
    path = copy_of(RunFolder(newest), tmp_path)
    assert command(lab, "show", str(path)).exit_code == 0
    from labctl.report import summarise
    from labctl.store import files
    from labctl.store.folder import SUMMARY

    files.replace_json(path / SUMMARY, summarise(RunFolder(path)))
    return path


def verdicts(path):
    return {finding.what: finding.ok for finding in verify(RunFolder(path))}


def test_a_run_as_written_is_verified(stored):
    assert all(verdicts(stored).values()), verify(RunFolder(stored))


def test_a_changed_byte_is_found(stored):
    file = stored / ARRAYS / "resistance.npys"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    found = verdicts(stored)
    assert not found[f"{ARRAYS}/resistance.npys"]
    assert found[RESULTS]


def test_a_changed_number_changes_the_result(stored):
    file = stored / "run.json"
    record = json.loads(file.read_text(encoding="utf-8"))
    record["parameters"]["reference"] = 30e3
    file.write_text(json.dumps(record), encoding="utf-8")
    assert not verdicts(stored)["result"]


def test_a_lost_end_mark_is_found(stored):
    file = stored / JOURNAL
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    marks = [n for n, line in enumerate(lines) if '"step_end"' in line]
    del lines[marks[1]]
    file.write_text("".join(lines), encoding="utf-8")
    assert not verdicts(stored)["steps"]


def test_a_missing_file_is_found(stored):
    (stored / ARRAYS / "sensed.npys").unlink()
    assert not verdicts(stored)[f"{ARRAYS}/sensed.npys"]


def test_remarks_stay_with_the_run(stored):
    for text in ("probes cleaned", "µ-scope light was on"):
        assert CliRunner().invoke(app, ["note", str(stored), text]).exit_code == 0
    assert [said["text"] for said in RunFolder(stored).remarks()] == [
        "probes cleaned",
        "µ-scope light was on",
    ]
    assert CliRunner().invoke(app, ["note", str(stored), " "]).exit_code == 2


def test_a_bench_is_made_safe_without_being_powered(tmp_path):
    bench = small_bench_file(tmp_path / "bench", rows=ROWS)
    result = CliRunner().invoke(app, ["safe", "--bench", str(bench)])
    assert result.exit_code == 0
    assert "0 V and open" in result.stdout
