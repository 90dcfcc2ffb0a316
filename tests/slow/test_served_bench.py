"""A bench file with a real address and a library file: what answers there is the served twin.

The whole way that a real bench takes: PyVISA, the library loaded with ctypes, locks, wall clock.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from instruments.sim.chip.device import Kind
from instruments.sim.chip.die import Die
from labctl.twin import TwinError, build_library
from tests.protocol.test_served_command import serving
from tests.simulated import small_bench_file

pytestmark = pytest.mark.slow

ROWS, COLUMNS = 4, 8


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return build_library(tmp_path_factory.mktemp("library"))[0]
    except TwinError as error:
        pytest.skip(str(error))


@pytest.fixture
def bench(library: Path, tmp_path: Path) -> Iterator[Path]:
    """A real bench file, 4 x 8 bits; the twin that answers keeps its die in ``twin/d.npz``."""
    twin = small_bench_file(tmp_path / "twin", rows=ROWS)
    with serving("--bench", twin, "--die", "d", "--dies", tmp_path / "twin", "--seed", 11) as (
        process,
        (host, port),
    ):
        text = twin.read_text(encoding="utf-8")
        text = text.replace('visa = "sim"', f'visa = "TCPIP::{host}::{port}::SOCKET"')
        text = text.replace('wgfmu_library = "sim"', f"wgfmu_library = {json.dumps(str(library))}")
        # A real bench refuses a compliance table of simulated dies.
        chip = tmp_path / "small-chip.toml"
        small = twin.with_name(chip.name).read_text(encoding="utf-8")
        chip.write_text(small.replace("simulated = true", "simulated = false"), encoding="utf-8")
        file = tmp_path / "lab.toml"
        file.write_text(text, encoding="utf-8")
        yield file
        process.terminate()
        assert process.wait() == 0


def labctl(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "labctl.cli", *map(str, arguments)]
    return subprocess.run(program, cwd=folder, capture_output=True, text=True, check=False)


def test_doctor_contact_and_a_run(bench: Path, tmp_path: Path) -> None:
    told = labctl(tmp_path, "doctor", "--bench", bench, "--json")
    findings = json.loads(told.stdout)
    assert [finding for finding in findings if not finding["ok"]] == []
    assert {"mainframe", "modules", "WGFMU session"} <= {finding["what"] for finding in findings}

    contact = labctl(tmp_path, "run", "contact", "--bench", bench, "--json")
    assert contact.returncode == 0, contact.stderr
    summary = json.loads(contact.stdout)
    assert (summary["kind"], summary["verdict"]) == ("REAL", "good")

    unnamed = labctl(tmp_path, "run", "forming", "--bench", bench)
    assert (unnamed.returncode, "a real die needs a name" in unnamed.stderr) == (2, True)

    formed = labctl(tmp_path, "run", "forming", "--bench", bench, "--die", "w1", "--json")
    assert formed.returncode == 0, formed.stderr
    assert json.loads(formed.stdout)["kind"] == "REAL"
    kinds = Die.load(tmp_path / "twin" / "d.npz").kind
    described = np.zeros(kinds.shape, dtype=bool)
    described[:ROWS, :COLUMNS] = True
    # Each address came before its pulse: no cell but those asked for was formed.
    assert (kinds[~described] == Kind.PRISTINE).all()
    assert np.count_nonzero(kinds[described] == Kind.PRISTINE) <= 2


def test_a_killed_run_goes_on_after_a_look_at_the_die(bench: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "labctl.cli", "run", "checkerboard", "--bench", str(bench)]
    command += ["--die", "w1", "--programmings", "200", "--note", "to be killed"]
    child = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while len(ended_steps(tmp_path)) < ROWS + 3:
        assert child.poll() is None
        time.sleep(0.05)
    child.kill()
    child.wait()
    done = len(ended_steps(tmp_path))

    other = labctl(tmp_path, "resume", "last", "--die", "w2")
    assert (other.returncode, "die 'w2' is not the one of run" in other.stderr) == (2, True)
    # One step more is enough.
    child = subprocess.Popen(
        [sys.executable, "-m", "labctl.cli", "resume", "last", "--die", "w1"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while len(ended_steps(tmp_path)) < done + 1:
        assert child.poll() is None
        time.sleep(0.05)
    child.terminate()
    _, errors = child.communicate()
    said = " ".join(errors.split())
    assert "Re-checked the die: " in said
    assert f"Resumed at step {done}" in said
    assert "outputs at 0 V and open" in said
    steps = ended_steps(tmp_path)
    assert steps == list(range(len(steps)))


def ended_steps(folder: Path) -> list[int]:
    """Of the only run in a folder."""
    steps = []
    for journal in folder.glob("runs/2*/journal.jsonl"):
        for line in journal.read_text(encoding="utf-8").splitlines():
            if '"event": "step_end"' in line and line.endswith("}"):
                steps.append(json.loads(line)["step"])
    return steps
