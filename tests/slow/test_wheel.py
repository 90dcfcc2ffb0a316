"""The wheel holds everything and works without the checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "--quiet"]
    subprocess.run([*command, "--wheel-dir", str(folder)], check=True)
    (file,) = folder.glob("labctl-*.whl")
    return file


def test_the_data_travels_inside_labctl_and_nothing_else_is_at_the_top(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    top = {name.partition("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {
        "labctl",
        "gui",
        "procedures",
        "instruments",
    }
    packed = {
        name.removeprefix("labctl/data/") for name in names if name.startswith("labctl/data/")
    }
    data = ROOT / "data"
    there = {
        path.relative_to(data).as_posix()
        for path in data.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert there
    assert packed == there
    assert "procedures/py.typed" in names or "procedures/base.py" in names


def test_the_unpacked_wheel_runs_from_any_folder(wheel, tmp_path):
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # -P leaves the working folder out of the path; the wheel comes before the checkout.
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "import labctl.cli; assert labctl.cli.__file__.startswith(sys.path[0])\n"
        "sys.argv[0] = 'labctl'; labctl.cli.main()"
    )

    def labctl(*arguments):
        return subprocess.run(
            [sys.executable, "-P", "-c", code, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    (tmp_path / "mine.toml").write_text(labctl("bench", "example", "b1500"), encoding="utf-8")
    assert "is complete" in labctl("bench", "check", "mine.toml")
    assert '"status": "success"' in labctl("run", "forming", "--json")
    assert list((tmp_path / "runs").glob("*/report.html"))
