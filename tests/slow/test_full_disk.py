"""A disk that is really full: the system refuses to let any file grow beyond a size. POSIX."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from labctl.store.folder import RunFolder
from tests.simulated import small_bench_file

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="file size limits of POSIX"),
]

ROOT = Path(__file__).resolve().parents[2]

LIMITED = """
import resource, signal, sys
size = int(sys.argv.pop(1))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
sys.argv[0] = "labctl"
from labctl.cli import main
main()
"""


@pytest.mark.parametrize("size", [2_000, 12_000, 100_000, 500_000])
def test_a_full_disk_never_ends_in_success(tmp_path, size):
    """From too small for the ledger to large enough for the die but not for all the data."""
    bench = small_bench_file(tmp_path / "bench")
    command = [sys.executable, "-c", LIMITED, str(size), "run", "checkerboard"]
    command += ["--bench", str(bench), "--programmings", "2000", "--runs", str(tmp_path / "runs")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode in (1, 2), done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("labctl: ") == 1
    for record in (tmp_path / "runs").glob("2*/run.json"):
        made = RunFolder(record.parent)
        assert made.status in ("failed", "interrupted")
        steps = [event["step"] for event in made.events() if event["event"] == "step_end"]
        assert len(made.array("resistance")) == max(len(steps) - 5, 0)
        assert len(made.results()) == min(len(steps), 4) + max(len(steps) - 5, 0)
