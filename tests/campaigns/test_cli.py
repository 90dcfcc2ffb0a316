"""The commands as a person or a script uses them; the wrong inputs stand in test_bad_input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pymeasure.experiment import Results
from typer.testing import CliRunner

from labctl.cli import app
from labctl.store.folder import RunFolder
from procedures import PROCEDURES
from procedures.checkerboard import Checkerboard
from tests.simulated import small_bench_file

COMMANDS = (
    [],
    ["run"],
    *(["run", name] for name in PROCEDURES),
    ["list"],
    ["show"],
    ["report"],
    ["bench", "example"],
    ["bench", "check"],
    ["doctor"],
)
HEAVY = {"numpy", "pandas", "scipy", "pymeasure", "matplotlib", "pydantic", "jinja2", "pint"}
SEED = "8123"


@pytest.fixture
def drawing_place(tmp_path, monkeypatch):
    """An empty working folder with a bench file of a small chip beside it."""
    for name in ("LABCTL_RUNS", "LABCTL_DIES", "LABCTL_BENCH"):
        monkeypatch.delenv(name, raising=False)
    bench = small_bench_file(tmp_path / "bench")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("LABCTL_BENCH", str(bench))
    return work


@pytest.fixture
def place(drawing_place, undrawn):
    """The same; figures are not drawn."""
    return drawing_place


def labctl(*arguments, status=0):
    result = CliRunner().invoke(app, arguments, prog_name="labctl", env={"COLUMNS": "200"})
    assert result.exit_code == status, result.output
    return result


def run_json(*arguments, status=0):
    return json.loads(labctl("run", *arguments, "--json", status=status).stdout)


# --- help ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_help_has_an_example(command):
    said = " ".join(labctl(*command, "--help").output.split())
    assert "labctl " + " ".join(command[:1] or ["run"]) in said.split("Usage:")[1].partition(" ")[2]
    assert "xample: labctl" in said or "First steps: labctl" in said


@pytest.mark.parametrize("name", PROCEDURES)
def test_a_procedures_parameters_are_its_options(name):
    from procedures import load_procedure

    said = labctl("run", name, "--help").output
    for parameter in load_procedure(name)()._parameters:
        assert "--" + parameter.replace("_", "-") in said


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        (["--help"], HEAVY),
        # Typer itself takes pydantic for a command with options.
        (["run", "--help"], HEAVY - {"pydantic"}),
        (["list", "procedures"], HEAVY - {"pydantic"}),
    ],
)
def test_nothing_heavy_is_imported_for_help(arguments, heavy):
    code = (
        "import sys; sys.argv = ['labctl', *sys.argv[1:]]\n"
        "from labctl.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    assert heavy & set(done.stderr.split()) == set()
    assert "labctl" in done.stdout or "checkerboard" in done.stdout


# --- run ----------------------------------------------------------------------------------------


def test_run_prints_what_a_script_wants(drawing_place):
    summary = run_json("checkerboard", "--programmings", "1", "--seed", SEED)
    assert summary["status"] == "success"
    assert summary["simulated"] is True
    assert summary["dead_cells"] is None
    assert summary["unformed"] == []
    assert summary["wall_time_s"] > 0
    assert summary["bench_time_s"] > 1
    for rate, trials in (("ber_1t1r", 128), ("ber_1t1r_fixed", 128), ("ber_2t2r", 64)):
        found = summary[rate]
        assert set(found) >= {"errors", "trials", "value", "low", "high"}
        assert found["trials"] == trials
        assert 0 <= found["low"] <= found["value"] <= found["high"] <= 1
        assert found["value"] == found["errors"] / found["trials"]
    folder = RunFolder(drawing_place / "runs" / summary["run"])
    assert Path(summary["report"]).resolve() == (folder.path / "report.html").resolve()
    assert (folder.path / "report.html").stat().st_size > 100_000
    assert not (drawing_place / "dies").exists()


def test_ten_programmings_judge_dead_cells(place):
    summary = run_json("checkerboard", "--programmings", "10", "--seed", SEED)
    assert summary["dead_cells"] == []
    assert summary["ber_2t2r"]["trials"] == 20 * 32


def test_options_reach_the_procedure_and_its_results_file(place):
    summary = run_json(
        "checkerboard",
        *("--programmings", "1", "--seed", SEED, "--set-compliance", "60uA", "--pulse-width"),
        *("0.5us", "--reset-voltage", "2.2 V", "--reference", "40kohm", "--die", "w1-03"),
        *("--runs", "elsewhere", "--dies", "stock"),
    )
    folder = RunFolder(place / "elsewhere" / summary["run"])
    parameters = Results.load(str(folder.path / "results.csv")).procedure.parameter_values()
    assert parameters == folder.record["parameters"]
    assert parameters["set_compliance"] == pytest.approx(60e-6)
    assert parameters["pulse_width"] == pytest.approx(500e-9)
    assert parameters["reset_voltage"] == 2.2
    assert parameters["reference"] == 40e3
    assert (place / "stock" / "w1-03.npz").is_file()
    assert not (place / "runs").exists()


def test_a_run_tells_a_person_what_it_does(place):
    result = labctl("run", "checkerboard", "--programmings", "1", "--seed", SEED)
    told = " ".join(result.stderr.split())
    assert "SIMULATED bench" in told
    assert "The die arrived unformed: its devices are formed first, in this run." in told
    shown = " ".join(result.stdout.split())
    for word in ("success", "2T2R bit error rate", "1T1R", "SIMULATED", "Dead cells", "report:"):
        assert word in shown


def test_json_says_nothing_else_on_standard_output_or_error(place):
    result = labctl("run", "checkerboard", "--programmings", "1", "--seed", SEED, "--json")
    json.loads(result.stdout)
    assert result.stderr == ""


def test_a_failed_run_ends_with_status_1_and_its_reason(place, monkeypatch):
    read, calls = Checkerboard._program_and_read, []

    def slipped(self, *arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise RuntimeError("the probe slipped")
        read(self, *arguments)

    monkeypatch.setattr(Checkerboard, "_program_and_read", slipped)
    result = labctl("run", "checkerboard", "--programmings", "1", "--json", status=1)
    summary = json.loads(result.stdout)
    assert summary["status"] == "failed"
    assert summary["reason"] == "RuntimeError: the probe slipped"
    assert summary["programmings"] == 1
    assert "the probe slipped" in result.stderr
    assert "Traceback" not in result.output
    assert labctl("report", "last")


def test_blocks_warn_that_trials_depend(place):
    labctl("run", "checkerboard", "--order", "blocks", "--programmings", "2", "--seed", SEED)
    folder = RunFolder(next((place / "runs").glob("2*")))
    page = (folder.path / "report.html").read_text(encoding="utf-8")
    assert "The trials are dependent" in page
    labctl("run", "checkerboard", "--programmings", "2", "--seed", SEED, "--runs", "other")
    page = next((place / "other").glob("2*/report.html")).read_text(encoding="utf-8")
    assert "The trials are dependent" not in page


def test_a_measured_table_is_written_and_used(place):
    measured = run_json("compliance", "--cells", "4", "--seed", SEED, "--die", "w1")
    table = measured["compliance_table"]
    assert "set_compliance = [" in Path(table).read_text(encoding="utf-8")
    used = run_json(
        "checkerboard", "--programmings", "1", "--die", "w1", "--compliance-table", table
    )
    assert used["status"] == "success"
    folder = RunFolder(place / "runs" / used["run"])
    assert folder.record["parameters"]["compliance_table"] == table


def test_a_ledger_that_is_none_is_refused_and_nothing_kept(place):
    runs = place / "runs"
    runs.mkdir()
    (runs / "ledger.sqlite").write_text("nothing of the kind, " * 100, encoding="utf-8")
    result = labctl("run", "forming", status=2)
    assert "ledger.sqlite cannot be used" in result.stderr
    assert [path.name for path in runs.iterdir()] == ["ledger.sqlite"]


# --- what is kept -------------------------------------------------------------------------------


def test_list_show_and_report(place):
    assert "no runs under" in labctl("list", "runs").stdout
    assert json.loads(labctl("list", "runs", "--json").stdout) == []
    names = [run_json("compliance", "--die", "w1", "--seed", SEED, "--cells", "2")["run"]]
    names += [run_json("checkerboard", "--die", "w1", "--programmings", "1")["run"]]
    listed = json.loads(labctl("list", "runs", "--json").stdout)
    assert [run["run"] for run in listed] == names
    assert [run["procedure"] for run in listed] == ["compliance", "checkerboard"]
    assert all(set(run) == {"run", "procedure", "status", "started"} for run in listed)
    assert {run["status"] for run in listed} == {"success"}
    assert all(name in labctl("list", "runs").stdout for name in names)

    record = json.loads(labctl("show", names[0], "--json").stdout)
    assert Path(record["folder"]).resolve() == (place / "runs" / names[0]).resolve()
    assert record["procedure"] == "compliance"
    last = json.loads(labctl("show", "last", "--json").stdout)
    assert last["run"] == names[1]
    assert last["parameters"]["programmings"] == 1
    shown = " ".join(labctl("show", "last").stdout.split())
    assert names[1] in shown
    assert "2T2R" in shown

    page = place / "runs" / names[0] / "report.html"
    page.unlink()
    assert Path(labctl("report", names[0]).stdout.strip()).resolve() == page.resolve()
    assert page.is_file()


def test_list_procedures():
    rows = json.loads(labctl("list", "procedures", "--json").stdout)
    assert [row["procedure"] for row in rows] == list(PROCEDURES)
    assert all(row["does"] for row in rows)
    assert all(name in labctl("list", "procedures").stdout for name in PROCEDURES)


def test_an_interrupted_run_is_listed_shown_and_reported(place):
    """As a kill leaves it: a record that was never closed, and no step."""
    name = run_json("checkerboard", "--programmings", "1", "--seed", SEED)["run"]
    file = place / "runs" / name / "run.json"
    record = json.loads(file.read_text(encoding="utf-8"))
    kept = {key: record[key] for key in record if key not in ("wall_time_s", "bench_time_s")}
    kept |= {"status": None, "ended": None, "owner": {"pid": 2**22 + 1, "host": "elsewhere"}}
    file.write_text(json.dumps(kept), encoding="utf-8")
    (place / "runs" / name / "journal.jsonl").unlink()
    assert json.loads(labctl("list", "runs", "--json").stdout)[0]["status"] == "interrupted"
    assert json.loads(labctl("show", "last", "--json").stdout)["status"] == "interrupted"
    labctl("show", "last")
    labctl("report", "last")


# --- bench and doctor ---------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "kind"), [("simulated", "simulated"), ("b1500", "GPIB0::17")])
def test_an_example_bench_is_complete(place, name, kind):
    example = labctl("bench", "example", name).stdout
    (place / "mine.toml").write_text(example, encoding="utf-8")
    said = labctl("bench", "check", "mine.toml").stdout
    assert "mine.toml is complete" in said
    assert kind in said
    assert "32 x 32 bits" in said


def test_doctor_on_a_simulated_bench_finds_nothing_to_do(place):
    findings = json.loads(labctl("doctor", "--json").stdout)
    assert all(finding["ok"] for finding in findings)
    assert all(set(finding) == {"what", "ok", "found", "do"} for finding in findings)
    looked_at = {finding["what"] for finding in findings}
    assert looked_at >= {"Python", "pymeasure", "VISA", "WGFMU library", "bench file", "modules"}
    assert "modules" in labctl("doctor").stdout


def test_doctor_says_what_a_real_bench_lacks(place):
    example = labctl("bench", "example", "b1500").stdout
    (place / "lab.toml").write_text(
        example.replace("GPIB0::17::INSTR", "TCPIP0::127.0.0.1::9::SOCKET"), encoding="utf-8"
    )
    result = labctl("doctor", "--bench", "lab.toml", "--json", status=1)
    missing = {f["what"]: f["do"] for f in json.loads(result.stdout) if not f["ok"]}
    assert set(missing) == {"WGFMU library", "modules"}
    assert all(missing.values())


def test_doctor_goes_on_past_a_bench_file_that_does_not_hold(place):
    (place / "bad.toml").write_text("[bench]\n", encoding="utf-8")
    findings = json.loads(labctl("doctor", "--bench", "bad.toml", "--json", status=1).stdout)
    bad = [finding for finding in findings if not finding["ok"]]
    assert [finding["what"] for finding in bad] == ["bench file"]


def test_the_version():
    assert labctl("--version").stdout.startswith("labctl 0.")


def test_a_damaged_array_is_one_sentence(place):
    """Zeros inside what is committed: report and show refuse, without a traceback."""
    name = run_json("checkerboard", "--programmings", "1", "--seed", SEED)["run"]
    array = place / "runs" / name / "arrays" / "resistance.npys"
    array.write_bytes(b"\0" * array.stat().st_size)
    for command in ("report", "show"):
        said = labctl(command, name, status=2).stderr
        assert "resistance.npys is damaged" in " ".join(said.split())
