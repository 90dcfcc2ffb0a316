"""Who is told of a run's end, what a run remembers of its circumstances, and how much it logs."""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from typer.testing import CliRunner

from labctl import telling
from labctl.cli import app
from labctl.store.folder import list_runs
from tests.simulated import small_bench_file

ROWS = 2


class Hook(BaseHTTPRequestHandler):
    """Keeps what is posted."""

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        self.server.got.append(json.loads(self.rfile.read(length)))
        if self.path.startswith("/garbage"):
            self.wfile.write(b"no HTTP\r\n\r\n")
            return
        if self.path.startswith("/slow"):
            self.server.asked_to_end.wait()
        self.send_response(500 if self.path.startswith("/broken") else 200)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    # The opener that an earlier test left knows of a proxy still.
    monkeypatch.setattr("urllib.request._opener", None)
    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        server.got, server.asked_to_end = [], threading.Event()
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield server
        server.asked_to_end.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def labctl(tmp_path, monkeypatch, undrawn):
    file = small_bench_file(tmp_path / "bench", rows=ROWS)
    for name, folder in (("LABCTL_RUNS", "runs"), ("LABCTL_DIES", "dies")):
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.setenv("LABCTL_BENCH", str(file))
    monkeypatch.setenv("LABCTL_OPERATOR", "Ada")

    def call(*words):
        return CliRunner().invoke(app, list(words))

    return call


def newest(tmp_path):
    return list_runs(tmp_path / "runs")[-1]


# --- told ----------------------------------------------------------------------------------------


def test_a_webhook_is_posted_to_when_a_run_ends(labctl, tmp_path, server, monkeypatch):
    monkeypatch.setenv(telling.WEBHOOK, server.url + "/hook")
    monkeypatch.setattr(telling, "WEBHOOK_S", 60.0)
    assert labctl("run", "forming", "--die", "a").exit_code == 0
    (message,) = server.got
    assert message["event"] == "run_success"
    assert (message["run"], message["die"]) == (newest(tmp_path).id, "a")
    # More than the budget is told apart from a failure.
    (tmp_path / "q.toml").write_text(
        'recipe = 1\ndie = "a"\n[[run]]\nprocedure = "read"\n', encoding="utf-8"
    )
    assert labctl("queue", str(tmp_path / "q.toml")).exit_code == 0
    assert [got["event"] for got in server.got[1:]] == ["run_success", "queue_success"]


def test_a_limit_is_told_apart_from_a_failure():
    summary = {"status": "aborted", "run": "r", "die": {"name": None}}
    assert telling.run_message(summary, True)["event"] == "run_limit"
    assert telling.run_message(summary, False)["event"] == "run_aborted"


def test_a_command_gets_the_message_without_a_shell(labctl, tmp_path, monkeypatch):
    script = tmp_path / "told.py"
    script.write_text(
        "import pathlib, sys\n"
        "pathlib.Path(sys.argv[1]).write_text(sys.stdin.read(), encoding='utf-8')\n",
        encoding="utf-8",
    )
    target = tmp_path / "told $(HOME);.json"
    monkeypatch.setenv(telling.ON_END, f'"{sys.executable}" "{script}" "{target}"')
    assert labctl("run", "forming").exit_code == 0
    told = json.loads(target.read_text(encoding="utf-8"))
    assert (told["event"], told["procedure"]) == ("run_success", "forming")


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        (telling.WEBHOOK, "{url}/broken?token=secret", "at 127.0.0.1 answered 500"),
        (telling.WEBHOOK, "{url}/slow?token=secret", "at 127.0.0.1 could not be reached"),
        (telling.WEBHOOK, "{url}/garbage?token=secret", "could not be reached: BadStatusLine"),
        (telling.WEBHOOK, "{url}/a secret", "could not be reached: InvalidURL"),
        (telling.WEBHOOK, "http://127.0.0.1:1/secret", "at 127.0.0.1 could not be reached"),
        (telling.WEBHOOK, "file:///etc/passwd?secret", "no http or https address"),
        (telling.WEBHOOK, "http://[secret", "could not be reached"),
        (telling.ON_END, "/no/such/program secret", "could not be called"),
        (telling.ON_END, f'"{sys.executable}" -c "raise SystemExit(3)" secret', "status 3"),
        (telling.ON_END, f'"{sys.executable}" -c "input();input()" secret', "status 1"),
        (
            telling.ON_END,
            f'"{sys.executable}" -c "import time;time.sleep(900)" secret',
            "ended after",
        ),
        (telling.ON_END, 'an "open quotation secret', "could not be called"),
    ],
)
def test_who_cannot_be_told_ends_no_run(labctl, server, monkeypatch, variable, value, told):
    waits_in_vain = "/slow" in value or "sleep" in value
    for patience in ("WEBHOOK_S", "COMMAND_S"):
        monkeypatch.setattr(telling, patience, 0.3 if waits_in_vain else 60.0)
    monkeypatch.setenv(variable, value.replace("{url}", server.url))
    (problem,) = telling.tell({"event": "run_success"})
    assert told in problem
    # What the variable holds may be a secret.
    assert "secret" not in problem


def test_a_run_ends_well_if_nobody_can_be_told(labctl, monkeypatch):
    monkeypatch.setenv(telling.ON_END, "/no/such/program")
    done = labctl("run", "forming", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["status"] == "success"
    assert "Nobody was told" in done.stderr


# --- accounted for -------------------------------------------------------------------------------


def test_a_run_remembers_its_circumstances(labctl, tmp_path):
    asked = ("--temperature", "85", "--note", "new probe card", "--max-cycles-per-device", "50")
    assert labctl("run", "forming", *asked).exit_code == 0
    made = newest(tmp_path)
    assert made.record["operator"] == "Ada"
    assert made.record["temperature_c"] == 85.0
    (said,) = made.remarks()
    assert (said["by"], said["text"]) == ("Ada", "new probe card")
    assert labctl("note", "last", "probe 3 cleaned").exit_code == 0
    shown = labctl("show", "last").stdout
    assert labctl("report", "last").exit_code == 0
    page = (made.path / "report.html").read_text(encoding="utf-8")
    for text in ("Ada", "85 °C", "new probe card", "probe 3 cleaned"):
        assert text in shown
        assert text in page
    assert json.loads(labctl("show", "last", "--json").stdout)["remarks"][1]["by"] == "Ada"


def test_the_instruments_are_named_as_far_as_they_tell(labctl, tmp_path):
    assert labctl("run", "read", "--json").exit_code == 0
    made = newest(tmp_path)
    known = made.record["instruments"]
    assert known["model"].startswith("B1500A")
    assert known["calibrated"] is None
    assert {module["model"] for module in known["modules"].values()} >= {"B1530A", "B1517A"}
    page = (made.path / "report.html").read_text(encoding="utf-8")
    assert "calibration date unknown" in page
    versions = made.record["versions"]
    assert {"numpy", "pymeasure", "pydantic-core", "python", "pillow"} <= versions.keys()


@pytest.mark.parametrize(
    ("level", "there", "missing"),
    [
        ("quiet", [], ["step 0 begins", "block 1:"]),
        ("normal", ["step 0 begins"], ["block 1:"]),
        ("debug", ["step 0 begins", "block 1: 16 form pulses"], ["WRITE:", "READ:"]),
    ],
)
def test_a_log_has_three_levels(labctl, tmp_path, level, there, missing):
    assert labctl("run", "forming", "--die", "a", "--log-level", level).exit_code == 0
    log = newest(tmp_path).path / "log.txt"
    text = log.read_text(encoding="utf-8") if log.is_file() else ""
    assert [word for word in there if word not in text] == []
    assert [word for word in missing if word in text] == []


@pytest.mark.parametrize(
    "wrong", [("--temperature", "-300"), ("--log-level", "loud"), ("--max-cycles-per-device", "0")]
)
def test_wrong_circumstances_are_refused(labctl, tmp_path, wrong):
    assert labctl("run", "forming", *wrong).exit_code == 2
    assert not (tmp_path / "runs").exists()
